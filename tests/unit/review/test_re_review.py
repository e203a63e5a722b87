"""Which decisions are chosen, by the words of the rule; what a look must hold, and its bytes."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member
from comity.domain.leaf import LeafHeader, encode_leaf, parse_leaf
from comity.domain.re_review import ReReview, SignedReReview, re_review_bytes
from comity.domain.verdict import Ed25519Proof
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode
from comity.review.re_review import (
    ONE_IN,
    RE_REVIEW_NOTE_CHARS_MAX,
    check_re_review,
    is_chosen,
    is_decision,
    look_of,
    re_review_id,
    re_review_leaf,
)
from tests.support.exchange import ENROLLED, PRIVATE_KEY, SUPERVISOR_KEY

WA = Member("wa")
NOW = 1_795_500_000
HELD = (DataClass.STATUS, DataClass.ADDRESS)
LOOK = ReReview(
    state=WA, verdict_entry="wa/17", approved=(DataClass.STATUS,), reviewer=ENROLLED.name, at=NOW
)
VERDICT = LeafHeader(
    version=1, kind=LeafKind.VERDICT, mode=LeafMode.LIVE, hour=NOW // 3_600, member=WA,
    released=HELD, withheld=(), decision=LeafDecision.APPROVE, cites="wa/9", commitment=bytes(32),
)  # fmt: skip


def signed(look: ReReview = LOOK, key: object = PRIVATE_KEY, **said: Any) -> SignedReReview:
    """A look, signed; `said` is what is sent in place of what was signed."""
    signature = key.sign(re_review_bytes(look))  # type: ignore[attr-defined]
    return SignedReReview(
        review=msgspec.structs.replace(look, **said),
        proof=Ed25519Proof(key_id=ENROLLED.key_id, signature=signature),
    )


def test_the_choice_is_what_its_words_say() -> None:
    """Recomputed from the ADR's sentence; about a tenth of many."""
    leaves = [b"leaf %d" % number for number in range(20_000)]
    for leaf in leaves[:200]:
        digest = sha256(b"comity/re-review/chosen/v1\n" + leaf).digest()
        assert is_chosen(leaf) == (int.from_bytes(digest[:8], "big") % 10 == 0)
    chosen = sum(map(is_chosen, leaves))
    assert 1_800 < chosen < 2_200
    assert ONE_IN == 10


def test_the_signed_bytes_stand() -> None:
    """They are the paper's version 1."""
    assert re_review_bytes(LOOK) == (
        b'comity/re-review/v1\n{"state":"wa","verdict_entry":"wa/17","approved":["status"],'
        b'"note":"","reviewer":"%s","at":1795500000}' % ENROLLED.name.encode()
    )


def test_a_look_that_holds_is_taken() -> None:
    """By the enrolled key, now."""
    check_re_review(signed(), ENROLLED, NOW)
    long = msgspec.structs.replace(LOOK, note="n" * RE_REVIEW_NOTE_CHARS_MAX)
    check_re_review(signed(long), ENROLLED, NOW)


@pytest.mark.parametrize(
    "said",
    [
        {"verdict_entry": "wa/18"},
        {"approved": ()},
        {"note": "x"},
        {"reviewer": "somebody"},
        {"at": NOW + 1},
        {"state": Member("or")},
    ],
)
def test_an_altered_field_is_refused(said: dict[str, Any]) -> None:
    """Each is signed for."""
    with pytest.raises(ComityError) as refused:
        check_re_review(signed(**said), ENROLLED, NOW)
    assert refused.value.code in {"verdict-refused", "re-review-refused"}


@pytest.mark.parametrize(
    "look",
    [
        msgspec.structs.replace(LOOK, verdict_entry="or/17"),
        msgspec.structs.replace(LOOK, approved=(DataClass.STATUS, DataClass.STATUS)),
        msgspec.structs.replace(LOOK, note="n" * (RE_REVIEW_NOTE_CHARS_MAX + 1)),
        msgspec.structs.replace(LOOK, at=NOW - 301),
    ],
)
def test_a_look_out_of_its_range_is_refused(look: ReReview) -> None:
    """Although it is signed."""
    with pytest.raises(ComityError):
        check_re_review(signed(look), ENROLLED, NOW)


def test_another_key_is_refused() -> None:
    """The enrolled one of that name alone."""
    with pytest.raises(ComityError):
        check_re_review(signed(key=SUPERVISOR_KEY), ENROLLED, NOW)
    with pytest.raises(ComityError):
        check_re_review(signed(), None, NOW)


@pytest.mark.parametrize("approved", [(), (DataClass.STATUS,), HELD])
def test_the_leaf_says_what_would_have_gone(approved: tuple[DataClass, ...]) -> None:
    """A verdict that cites the verdict; it is read back as a look, and as nothing else."""
    look = msgspec.structs.replace(LOOK, approved=approved)
    wanted = re_review_leaf(signed(look), HELD, NOW)
    leaf = parse_leaf(encode_leaf(msgspec.structs.replace(wanted.header, commitment=bytes(32))))
    assert leaf.decision is (LeafDecision.APPROVE if approved else LeafDecision.REFUSE)
    assert (leaf.kind, leaf.cites) == (LeafKind.VERDICT, "wa/17")
    assert {*(leaf.released or ()), *(leaf.withheld or ())} == set(HELD)
    found = look_of(leaf, (LeafIndex(17), VERDICT))
    assert found is not None
    assert (found.verdict_index, set(found.approved)) == (17, set(approved))
    hold = msgspec.structs.replace(VERDICT, kind=LeafKind.HOLD)
    assert look_of(leaf, (LeafIndex(17), hold)) is None
    assert look_of(leaf, None) is None
    note = json.loads(dict(wanted.fields)["re_review"].partition(b"\n")[2])
    assert note["reviewer"] == ENROLLED.name


def test_a_class_that_was_not_held_is_refused() -> None:
    """What somebody would have released must have been held."""
    look = msgspec.structs.replace(LOOK, approved=(DataClass.SSN,))
    with pytest.raises(ComityError):
        re_review_leaf(signed(look), HELD, NOW)


def test_only_a_live_verdict_that_ended_something_is_a_decision() -> None:
    """No question, no passing on, no probe, nothing planted."""
    assert is_decision(VERDICT)
    for changed in (
        {"decision": LeafDecision.ASK}, {"decision": LeafDecision.ESCALATE},
        {"mode": LeafMode.PROBE}, {"mode": LeafMode.PLANTED}, {"kind": LeafKind.CLOSURE},
    ):  # fmt: skip
        assert not is_decision(msgspec.structs.replace(VERDICT, **changed))


def test_a_verdict_has_one_id_for_all_looks_at_it() -> None:
    """Whoever looks; another verdict has another."""
    assert re_review_id("wa/17", VERDICT) == re_review_id("wa/17", VERDICT)
    assert re_review_id("wa/17", VERDICT) != re_review_id("wa/18", VERDICT)
