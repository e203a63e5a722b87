"""What holds of every envelope: it opens to what was sealed, and every other bytes are refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from comity.domain.ids import HostName
from comity.link.envelope import Opened, open_envelope, seal_envelope
from comity.link.errors import EnvelopeError, EvidenceError
from comity.link.evidence import evidence, verify_evidence
from comity.link.parcel import Ask, Parcel, decode_parcel, encode_parcel
from tests.property.link.values import parcels, texas_asks
from tests.support.link import BOOK, NOW_MS, SOUTH, WEST, HostKeys, asks

SAMPLE = seal_envelope(
    asks(3), sender=WEST.name, recipient=SOUTH.public, signer=WEST.signer, sent_at_ms=NOW_MS
)


def receive(data: bytes) -> Opened:
    return open_envelope(data, own_name=SOUTH.name, own_private=SOUTH.opener, book=BOOK)


@given(parcels())
def test_decoding_undoes_encoding(parcel: Parcel) -> None:
    """Decode ∘ encode is the identity, for every kind of parcel."""
    assert decode_parcel(encode_parcel(parcel)) == parcel


@given(st.lists(texas_asks(), min_size=1, max_size=20))
def test_opening_undoes_sealing(values: list[Ask]) -> None:
    """Open ∘ seal is the identity, and each parcel's evidence stands alone."""
    data = seal_envelope(
        values, sender=WEST.name, recipient=SOUTH.public, signer=WEST.signer, sent_at_ms=NOW_MS
    )
    opened = receive(data)
    assert opened.faults == ()
    assert [parcel for _, parcel in opened.parcels] == values
    for index, encoding in enumerate(opened.encodings):
        verify_evidence(evidence(opened, index), encoding, opened.verify_key)


def test_every_altered_byte_is_refused() -> None:
    """Whichever byte of an envelope is changed, nothing of it is handed on."""
    for place in range(len(SAMPLE)):
        data = bytearray(SAMPLE)
        data[place] ^= 1 << (place % 8)
        with pytest.raises(EnvelopeError):
            receive(bytes(data))


@given(st.integers(0, len(SAMPLE) - 1))
def test_every_truncation_is_refused(length: int) -> None:
    """An envelope cut anywhere is refused."""
    with pytest.raises(EnvelopeError):
        receive(SAMPLE[:length])


@given(st.binary(min_size=1, max_size=64))
def test_every_extension_is_refused(more: bytes) -> None:
    """An envelope with anything after it is refused."""
    with pytest.raises(EnvelopeError):
        receive(SAMPLE + more)


@given(st.binary(max_size=600))
def test_other_bytes_are_refused_by_name(data: bytes) -> None:
    """Whatever arrives, the only way out is a typed refusal."""
    for candidate in (data, b"\x01" + data, SAMPLE[:60] + data):
        with pytest.raises(EnvelopeError):
            receive(candidate)


@given(st.binary(min_size=32, max_size=32))
@settings(max_examples=50)
def test_no_other_host_opens_it(key: bytes) -> None:
    """With any other private key, under the right name, the seal does not open."""
    opener = X25519PrivateKey.from_private_bytes(key)
    assume(opener.public_key() != SOUTH.opener.public_key())
    with pytest.raises(EnvelopeError):
        open_envelope(SAMPLE, own_name=SOUTH.name, own_private=opener, book=BOOK)


@given(st.integers(1, 254).filter(lambda seed: seed != WEST.seed), st.sampled_from(["known", "no"]))
def test_no_other_sender_passes(seed: int, name: str) -> None:
    """Whoever signs with another key is refused, under a known name or its own."""
    sender = HostKeys(WEST.name if name == "known" else HostName("gateway-x"), seed)
    data = seal_envelope(
        asks(1),
        sender=sender.name,
        recipient=SOUTH.public,
        signer=sender.signer,
        sent_at_ms=NOW_MS,
    )
    with pytest.raises(EnvelopeError):
        receive(data)


@given(st.integers(0, 2), st.integers(0, 2), st.binary(min_size=1, max_size=4))
def test_evidence_proves_its_own_parcel_only(index: int, other: int, more: bytes) -> None:
    """Evidence verifies exactly the bytes that were signed at its place."""
    opened = receive(SAMPLE)
    proof = evidence(opened, index)
    verify_evidence(proof, opened.encodings[index], opened.verify_key)
    if other != index:
        with pytest.raises(EvidenceError):
            verify_evidence(proof, opened.encodings[other], opened.verify_key)
    with pytest.raises(EvidenceError):
        verify_evidence(proof, opened.encodings[index] + more, opened.verify_key)
