"""The least message of every key that may be sent: where to, and the body."""

from __future__ import annotations

from comity.domain.keys import MessageKey
from comity.formats.sending import SENDING

__all__ = ["MINIMAL", "minimal_text"]

HIT = "RTY/SV.RNO/1.PRI/U.OCA/26-0117.NIC/V123456789.VIN/1.VYR/2001.VMA/FORD.RNA/DOE.RAG/ORWSP"
PERIOD = "TYP/DQ,RQ.BEG/20261101.END/20261130@2359"
BODIES = {
    "DQ": "OLN/DOE00J123",
    "DQG": "NAM/DOE,JANE.DOB/19800229",
    "DNQ": "NAM/DOE,JANE",
    "KQ": "OLN/DOE00J123",
    "RQ": "LIC/ABC1234.LIY/2027.LIT/PC",
    "RQG": "VIN/1FTSW21R08EB53158",
    "IAQ": "PUR/C.ATN/SGT DOE.PHN/5035550100.NAM/DOE,JANE.DOB/19800229.SEX/F.POB/MX.CUS/Y.OFF/0399",
    "TA": "ORI/ORPPB0000.AGN/PORTLAND POLICE.LOC/PORTLAND.TYP/PD.FAM/OR/LOCAL/PD",
    "TU": "ORI/ORPPB0000.PHO/5035550100",
    "TD": "ORI/ORPPB0000",
    "TQ": "LOC/PORTLAND",
    "NLQ": f"{PERIOD}.NAM/DOE*",
    "NFQ": "REF/OR/123",
    "YQ": HIT,
    "UQ": "NAM/DOE,JANE.DOB/19800229.SEX/F",
    "SM": ".02. USER OUT OF SERVICE FOR MSG TYPE, NLETS WILL FORWARD\nMKE ALL TO OR",
}
DESTINATIONS = {"IAQ": "AX", "DQG": "E1", "RQG": "E1", "UQ": "CN", "NLQ": "NL", "NFQ": "NL"}

MINIMAL: dict[MessageKey, tuple[str, str]] = {
    key: (
        DESTINATIONS.get(key, "WA" if SENDING[key].codes_max else "WASPD0000"),
        BODIES.get(key, "Any words.\nTWO LINES"),
    )
    for key in SENDING
}


def minimal_text(key: MessageKey) -> bytes:
    """The least text message of a key."""
    destination, body = MINIMAL[key]
    return f"{key}.ORWSP0000.{destination}.*LTN2000157.TXT\n{body}".encode()
