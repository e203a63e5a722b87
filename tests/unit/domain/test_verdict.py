"""What a reviewer signs, byte for byte."""

from __future__ import annotations

from comity.domain.ids import Member
from comity.domain.verdict import Reading, VerdictKind, reading_bytes, signed_bytes
from comity.domain.vocabulary import DataClass
from tests.support.exchange import NOW, REVIEWER, verdict_of


def test_bytes_of_a_verdict() -> None:
    """A verdict is signed as a prefix and compact JSON in the order of the decision record."""
    verdict = verdict_of(approved=(DataClass.STATUS, DataClass.IDENTITY), note='case "26"')
    assert signed_bytes(verdict) == (
        b'comity/verdict/v1\n{"state":"wa","exchange_id":"AAECAwQFBgcICQoLDA0ODw==",'
        b'"hold_entry":"wa/126","step":1,"kind":"approve","approved":["status","identity"],'
        b'"note":"case \\"26\\"","reviewer":"Practice Reviewer","at":1795500000}'
    )


def test_bytes_name_an_empty_part() -> None:
    """What is empty is signed as empty, not left out."""
    data = signed_bytes(verdict_of(VerdictKind.REFUSE, note=""))
    assert b'"kind":"refuse","approved":[],"note":""' in data


def test_bytes_of_a_reading() -> None:
    """A wish to read is signed under a prefix of its own, so that it is never a verdict."""
    reading = Reading(state=Member("wa"), reviewer=REVIEWER, at=NOW)
    assert reading_bytes(reading) == (
        b'comity/reading/v1\n{"state":"wa","hold_entry":"",'
        b'"reviewer":"Practice Reviewer","at":1795500000}'
    )
