"""A receipt, a proof and an opening as a person gets them, made by the ledger's own code."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from comity.domain.ids import ORI, Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import (
    DataClass,
    Instrument,
    LeafDecision,
    LeafKind,
    LeafMode,
    Offence,
    Purpose,
)
from comity.ledger.commitment import commit, encode_opening, open_commitment
from comity.ledger.note import encode_vkey
from comity.ledger.proof import encode_tlog_proof
from comity.ledger.receipt import Head, encode_receipt, make_receipts, sign_batch
from comity.ledger.tree import EMPTY_FRONTIER, append, hash_leaves
from tests.support.ledger import NaiveTree, host_signer, leaf_of, ledger_signer, signed_checkpoint

ORIGIN = "ledger.practice.example/wa"
PRACTICE_ORIGIN = "ledger.practice.invalid/wa"
INDEX = 127
HOUR = 498_806
"""26 November 2026, 14:00 UTC."""

KEY = b"practice key of thirty-two bytes"
FIELDS = [
    ("schema", b"exchange/1"),
    ("exchange", bytes(range(0xF0, 0x100))),
    ("query", b"sixteen bytes id"),
    ("agency", b"ORWSP0000"),
    ("purpose", b"traffic_safety"),
    ("offence", b"traffic"),
    ("operator", b"practice.operator"),
    ("assurance", b"agency_asserted"),
    ("case", b"PRACTICE-2026-0042"),
    ("instrument", b"court_order:CO:26-114"),
    ("search", b'[["OLN","PX204K7"],["DOB","1990-01-02"]]'),
    ("elements", b'["LICENCE_STATUS","NAME"]'),
    ("payload", bytes(range(32))),
    ("rules", b""),
    ("accepted_at", b"1795703105"),
]
SENTENCE = (
    "This is entry 127 of Washington\u2019s ledger: on 26 November 2026, 14:00\u201315:00 UTC, it "
    "released status and identity to ORWSP0000 for traffic safety, and withheld photo."
)


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the holder of an answer has, and the two keys that it is checked by."""

    leaf: bytes
    receipt: bytes
    proof: bytes
    opening: bytes
    whole: bytes
    host_vkey: str
    ledger_vkey: str

    def answer(self, **changed: str) -> str:
        """The JSON of `comity ask --json`, cut to what is looked at here."""
        said = {
            "entry": f"wa/{INDEX}",
            "verified": True,
            "leaf": b64encode(self.leaf).decode(),
            "receipt": b64encode(self.receipt).decode(),
        }
        document: dict[str, Any] = {"answers": [{"state": "wa", "proofs": [said | changed]}]}
        return json.dumps(document, indent=2)


def disclosure(mode: LeafMode = LeafMode.LIVE) -> LeafHeader:
    """The leaf that the sentence is about."""
    return LeafHeader(
        version=1,
        kind=LeafKind.DISCLOSURE,
        mode=mode,
        hour=HOUR,
        member=Member("wa"),
        agency=ORI("ORWSP0000"),
        key="DQ",
        purpose=Purpose.TRAFFIC_SAFETY,
        offence=Offence.TRAFFIC,
        instrument=Instrument.NONE,
        released=(DataClass.STATUS, DataClass.IDENTITY),
        withheld=(DataClass.PHOTO,),
        decision=LeafDecision.RELEASE,
        result="record",
        policy=0,
        peer="or/9001",
        commitment=commit(KEY, FIELDS),
    )


def held(header: LeafHeader | None = None, *, origin: str = ORIGIN) -> Held:
    """One leaf at place 127 of a ledger of 130, with all that proves it."""
    leaf = encode_leaf(header if header is not None else disclosure())
    leaves = [leaf_of(number, member="wa") for number in range(130)]
    leaves[INDEX] = leaf
    hashes = hash_leaves(leaves)
    growth = append(append(EMPTY_FRONTIER, hashes[:125]).frontier, hashes[125:])
    heads = [
        Head(origin=o, size=growth.size, root=growth.root)
        for o in ("ledger.other.example/oh", origin, "ledger.other.example/zz")
    ]
    host, ledger = host_signer(), ledger_signer(origin)
    receipts = make_receipts(sign_batch(host, host.key, heads), origin, growth, hashes[125:])
    path = NaiveTree(leaves).path(INDEX, 0, len(leaves))
    return Held(
        leaf=leaf,
        receipt=encode_receipt(receipts[INDEX - 125]),
        proof=encode_tlog_proof(INDEX, path, signed_checkpoint(leaves, origin)),
        opening=encode_opening(open_commitment(KEY, FIELDS, ["purpose", "case"])),
        whole=encode_opening(open_commitment(KEY, FIELDS, [name for name, _ in FIELDS])),
        host_vkey=encode_vkey(host.key),
        ledger_vkey=encode_vkey(ledger.key),
    )
