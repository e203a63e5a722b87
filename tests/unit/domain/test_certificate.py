"""A certificate has one encoding, and says nothing that contradicts itself."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.certificate import (
    CERTIFICATE_BYTES_MAX,
    GUARANTEES_MAX,
    PROBES_MAX,
    Certificate,
    CertificateFormError,
    CertificateKind,
    CertifiedBlock,
    CertifiedGuarantee,
    CertifiedProbe,
    SecondProof,
    SignedCertificate,
    certificate_bytes,
    encode_certificate,
    parse_certificate,
)
from comity.domain.decision import RuleId
from comity.domain.ids import Member
from comity.domain.vocabulary import Outcome

PROBE = CertifiedProbe(agency="XXERO0001", key="DQ", outcome="refused", entry="oh/31")
BLOCK = CertifiedBlock(
    family="US/DHS/ICE",
    agencies="ICE",
    authority="Order 14",
    rule=RuleId("BLOCK-1"),
    effect=Outcome.DENY,
    since=1_795_500_000,
    unconfirmed_until=1_795_586_400,
    probes=(PROBE,),
)
KEPT = CertifiedGuarantee(
    id="G-1",
    sentence="No photo leaves.",
    holds=True,
    solver=SecondProof.AGREES,
    examined=9,
    broken=0,
)
MADE = Certificate(
    version=1,
    kind=CertificateKind.BLOCK,
    state=Member("oh"),
    practice=True,
    at=1_795_500_003,
    entry="oh/30",
    policy_version=2,
    rules=bytes(32),
    families=bytes(range(32)),
    vocabularies=bytes(32),
    block=BLOCK,
)
PROVED = msgspec.structs.replace(
    MADE, kind=CertificateKind.GUARANTEES, block=None, guarantees=(KEPT,)
)


def signed(made: Certificate = MADE, **changes: object) -> SignedCertificate:
    """A certificate under a signature of no worth."""
    whole = SignedCertificate(certificate=made, host="practice", signature=bytes(64))
    return msgspec.structs.replace(whole, **changes)


@pytest.mark.parametrize("made", [MADE, PROVED], ids=["block", "guarantees"])
def test_what_is_written_is_read(made: Certificate) -> None:
    """Reading is the inverse of writing, and what is signed has its prefix."""
    assert parse_certificate(encode_certificate(signed(made))) == signed(made)
    assert certificate_bytes(made).startswith(b"comity/certificate/v1\n{")
    assert made.holds


@pytest.mark.parametrize("made", [MADE, PROVED], ids=["block", "guarantees"])
def test_another_byte_is_another_certificate_or_none(made: Certificate) -> None:
    """No byte can be another without a refusal or another value: there is one encoding."""
    data = encode_certificate(signed(made))
    for place in range(len(data)):
        altered = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            read = parse_certificate(altered)
        except CertificateFormError:
            continue
        assert read != signed(made)
        assert encode_certificate(read) == altered


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"state": "xx"},
        {"at": -1},
        {"entry": "wa/30"},
        {"entry": "oh/030"},
        {"policy_version": 0},
        {"rules": b"short"},
        {"kind": CertificateKind.GUARANTEES},
        {"block": None},
        {"guarantees": (KEPT,)},
        {"opted_out": ("G-2",)},
        {"block": msgspec.structs.replace(BLOCK, family="us/ice")},
        {"block": msgspec.structs.replace(BLOCK, authority="")},
        {"block": msgspec.structs.replace(BLOCK, authority="a\nb")},
        {"block": msgspec.structs.replace(BLOCK, effect=Outcome.RELEASE)},
        {"block": msgspec.structs.replace(BLOCK, since=MADE.at + 1)},
        {"block": msgspec.structs.replace(BLOCK, probes=(PROBE,) * (PROBES_MAX + 1))},
        {"block": msgspec.structs.replace(
            BLOCK, probes=(msgspec.structs.replace(PROBE, entry="nowhere"),))},
    ],
    ids=str,
)  # fmt: skip
def test_a_value_out_of_its_range_is_refused(change: dict[str, object]) -> None:
    """Neither written nor read; a block's certificate has a block and nothing else."""
    with pytest.raises(CertificateFormError):
        encode_certificate(signed(msgspec.structs.replace(MADE, **change)))


@pytest.mark.parametrize(
    "change",
    [
        {"opted_out": ("G-1",)},
        {"opted_out": ("G-3", "G-2")},
        {"opted_out": ("G-2", "G-2")},
        {"opted_out": ("a b",)},
        {"guarantees": ()},
    ],
    ids=str,
)
def test_promises_are_given_or_not(change: dict[str, object]) -> None:
    """What a state opts out of is in order, each once, none that it gives; there is something."""
    with pytest.raises(CertificateFormError):
        encode_certificate(signed(msgspec.structs.replace(PROVED, **change)))


@pytest.mark.parametrize(
    "change",
    [
        {"broken": 1},
        {"holds": False},
        {"broken": 10, "holds": False},
        {"examined": None},
        {"examined": None, "broken": None},
        {"solver": SecondProof.DISAGREES},
        {"solver": SecondProof.UNDECIDED},
        {"solver": SecondProof.ALONE},
        {"solver": SecondProof.UNDECIDED, "examined": None, "broken": None},
        {"id": ""},
        {"sentence": "x" * 241},
    ],
    ids=str,
)
def test_a_guarantee_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    """What is broken, disputed or undecided does not hold; what was not counted is the solver's."""
    guarantees = (msgspec.structs.replace(KEPT, **change),)
    with pytest.raises(CertificateFormError):
        encode_certificate(signed(msgspec.structs.replace(PROVED, guarantees=guarantees)))


@pytest.mark.parametrize(
    "change",
    [
        {"broken": 1, "holds": False},
        {"solver": SecondProof.DISAGREES, "holds": False},
        {"solver": SecondProof.ALONE, "examined": None, "broken": None},
        {"solver": SecondProof.ALONE, "examined": None, "broken": None, "holds": False},
        {"solver": SecondProof.UNDECIDED, "examined": None, "broken": None, "holds": False},
    ],
    ids=str,
)
def test_a_guarantee_that_is_not_kept_can_be_certified(change: dict[str, object]) -> None:
    """A certificate says what was found, also where that is nothing good."""
    guarantees = (msgspec.structs.replace(KEPT, **change),)
    made = msgspec.structs.replace(PROVED, guarantees=guarantees)
    assert parse_certificate(encode_certificate(signed(made))).certificate == made


def test_a_probe_that_became_something_else_does_not_hold() -> None:
    """A block holds where each probe became what the clause says, and there was one."""
    held = msgspec.structs.replace(PROBE, outcome="held")
    assert not msgspec.structs.replace(BLOCK, probes=(PROBE, held)).holds
    assert msgspec.structs.replace(BLOCK, effect=Outcome.HOLD, probes=(held,)).holds
    assert not msgspec.structs.replace(BLOCK, probes=()).holds


def test_limits() -> None:
    """At the limit of guarantees it is written, one beyond it is not; nor is a long file read."""
    many = tuple(
        msgspec.structs.replace(KEPT, id=f"G-{number}") for number in range(GUARANTEES_MAX + 1)
    )
    most = msgspec.structs.replace(PROVED, guarantees=many[:-1])
    assert parse_certificate(encode_certificate(signed(most))).certificate == most
    for guarantees in (many, (KEPT, KEPT)):
        with pytest.raises(CertificateFormError):
            encode_certificate(signed(msgspec.structs.replace(PROVED, guarantees=guarantees)))
    long = tuple(msgspec.structs.replace(each, sentence="é" * 240) for each in many[:-1])
    with pytest.raises(CertificateFormError):
        encode_certificate(
            signed(msgspec.structs.replace(PROVED, guarantees=long), host="h" * 64, signature=b"")
        )
    with pytest.raises(CertificateFormError):
        parse_certificate(b" " * (CERTIFICATE_BYTES_MAX + 1))
