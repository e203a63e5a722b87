"""One parcel's evidence stands alone: it proves that parcel under that key, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from comity.link.envelope import Opened, open_envelope, seal_envelope
from comity.link.errors import EvidenceError
from comity.link.evidence import (
    Evidence,
    encode_evidence,
    evidence,
    parse_evidence,
    verify_evidence,
)
from comity.link.parcel import Answered, Parcel
from tests.support.link import BOOK, NOW_MS, SOUTH, TX, WEST, asks, make_answer

KEY = WEST.public.verify_key


def carry(parcels: list[Parcel]) -> Opened:
    data = seal_envelope(
        parcels, sender=WEST.name, recipient=SOUTH.public, signer=WEST.signer, sent_at_ms=NOW_MS
    )
    return open_envelope(data, own_name=SOUTH.name, own_private=SOUTH.opener, book=BOOK)


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_each_parcel_is_proved_alone(count: int) -> None:
    """With its own bytes, its path and the key, each parcel of an envelope is proved."""
    opened = carry(asks(count))
    for index, data in enumerate(opened.encodings):
        kept = parse_evidence(encode_evidence(evidence(opened, index)))
        verify_evidence(kept, data, opened.verify_key)


def test_answers_are_proved_like_asks() -> None:
    """The face an envelope was for makes no difference to the proof."""
    opened = carry([Answered(origin=TX, answer=make_answer(state=WEST_MEMBER))])
    verify_evidence(evidence(opened, 0), opened.encodings[0], KEY)


WEST_MEMBER = next(iter(BOOK.hosts))


def test_another_parcel_is_not_proved() -> None:
    """A sibling's bytes, or altered ones, do not pass under this evidence."""
    opened = carry(asks(3))
    proof = evidence(opened, 0)
    for other in (opened.encodings[1], opened.encodings[0] + b"\x00", b""):
        with pytest.raises(EvidenceError):
            verify_evidence(proof, other, KEY)


@pytest.mark.parametrize("key", [SOUTH.public.verify_key, bytes(32), b""])
def test_another_key_proves_nothing(key: bytes) -> None:
    """Evidence holds under the sender's key only."""
    opened = carry(asks(1))
    with pytest.raises(EvidenceError):
        verify_evidence(evidence(opened, 0), opened.encodings[0], key)


def altered(proof: Evidence) -> dict[str, Evidence]:
    """The evidence with one thing changed at a time."""
    replace = msgspec.structs.replace
    return {
        "sender": replace(proof, sender=SOUTH.name),
        "recipient": replace(proof, recipient=WEST.name),
        "time": replace(proof, sent_at_ms=NOW_MS + 1),
        "place": replace(proof, index=1),
        "count": replace(proof, count=4),
        "path": replace(proof, path=proof.path[::-1]),
        "signature": replace(proof, signature=bytes(64)),
        "short path": replace(proof, path=proof.path[:-1]),
        "long path": replace(proof, path=(*proof.path, bytes(32))),
        "short hash": replace(proof, path=(proof.path[0], bytes(31))),
        "place outside": replace(proof, index=3),
        "no parcels": replace(proof, count=0, path=()),
        "short signature": replace(proof, signature=bytes(63)),
        "no host": replace(proof, sender=""),
        "time before 1970": replace(proof, sent_at_ms=-1),
    }


@pytest.mark.parametrize("name", altered(evidence(carry(asks(3)), 0)).keys())
def test_altered_evidence_proves_nothing(name: str) -> None:
    """Whatever is changed about the envelope, the proof fails."""
    opened = carry(asks(3))
    with pytest.raises(EvidenceError):
        verify_evidence(altered(evidence(opened, 0))[name], opened.encodings[0], KEY)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02\x90", b"\x01\x90", b"\x01\xc1"])
def test_bytes_that_are_no_evidence_are_refused(data: bytes) -> None:
    """Other versions and other forms are refused before anything is hashed."""
    with pytest.raises(EvidenceError):
        parse_evidence(data)


def test_kept_evidence_has_one_form() -> None:
    """Evidence with a trailing byte, or in longer MessagePack, is refused."""
    data = encode_evidence(evidence(carry(asks(1)), 0))
    for other in (data + b"\x00", data[:1] + b"\xdc\x00\x07" + data[2:]):
        with pytest.raises(EvidenceError):
            parse_evidence(other)


def test_kept_evidence_outside_its_range_is_refused() -> None:
    """A place beyond the count is refused when read, not only when verified."""
    proof = msgspec.structs.replace(evidence(carry(asks(1)), 0), index=1)
    with pytest.raises(EvidenceError):
        parse_evidence(encode_evidence(proof))
