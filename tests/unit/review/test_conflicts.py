"""A conflict of interest: one closed form of a note, by name and by key."""

from __future__ import annotations

import pytest

from comity.domain.ids import ExchangeId, Member
from comity.domain.verdict import Ed25519Proof, SignedVerdict, Verdict, VerdictKind
from comity.domain.vocabulary import DataClass
from comity.review.conflicts import (
    ConflictError,
    Ground,
    check_no_conflict,
    conflict_note,
    ground_of,
    with_kept,
)
from comity.review.signatures import VerdictError

DECLARED = conflict_note(Ground.KNOWS_PERSON)


def verdict(note: str, kind: VerdictKind = VerdictKind.ESCALATE, reviewer: str = "ana") -> Verdict:
    """A verdict with a note."""
    return Verdict(
        state=Member("wa"),
        exchange_id=ExchangeId(b"e" * 16),
        hold_entry="wa/7",
        step=1,
        kind=kind,
        approved=(DataClass.STATUS,) if kind is VerdictKind.APPROVE else (),
        note=note,
        reviewer=reviewer,
        at=1_700_000_000,
    )


def signed(note: str, reviewer: str = "ana", key_id: str = "aaaa0001") -> SignedVerdict:
    """A verdict that passes on, as it is kept."""
    proof = Ed25519Proof(key_id=key_id, signature=b"s" * 64)
    return SignedVerdict(verdict=verdict(note, reviewer=reviewer), proof=proof)


def test_the_form_is_written_and_read() -> None:
    """Each ground has one note; any other note declares nothing."""
    assert DECLARED == "conflict-of-interest: knows-person"
    assert [ground_of(verdict(conflict_note(each))) for each in Ground] == list(Ground)
    for note in (
        "",
        "For the supervisor.",
        " conflict-of-interest: other",
        "a conflict-of-interest",
    ):
        assert ground_of(verdict(note)) is None


@pytest.mark.parametrize(
    "note",
    [
        "conflict-of-interest",
        "conflict-of-interest:",
        "conflict-of-interest: ",
        "conflict-of-interest:other",
        "conflict-of-interest: other ",
        "conflict-of-interest: Other",
        "Conflict-of-interest: other",
        "conflict-of-interest: knows_person",
        "conflict-of-interest: other, my neighbour",
    ],
)
def test_a_neighbour_of_the_form_is_refused(note: str) -> None:
    """It is never taken for a plain passing on."""
    with pytest.raises(VerdictError):
        ground_of(verdict(note))


@pytest.mark.parametrize("kind", [VerdictKind.APPROVE, VerdictKind.REFUSE, VerdictKind.ASK])
def test_only_a_passing_on_declares(kind: VerdictKind) -> None:
    """The same words to the agency in another verdict are words."""
    assert ground_of(verdict(DECLARED, kind)) is None


def test_it_holds_by_name_and_by_key() -> None:
    """Neither a new key for the name nor a new name for the key lifts it; nobody else is kept."""
    passed = [signed("A word.", "bo", "bbbb0002"), signed(DECLARED)]
    for reviewer, key_id in (("ana", "aaaa0001"), ("ana", "cccc0003"), ("cy", "aaaa0001")):
        with pytest.raises(ConflictError):
            check_no_conflict(passed, reviewer, key_id)
    check_no_conflict(passed, "bo", "bbbb0002")
    check_no_conflict((), "ana", "aaaa0001")


def test_what_is_kept_is_bounded() -> None:
    """Every declaration, and the last plain word: however often it is passed on."""
    kept: tuple[SignedVerdict, ...] = ()
    for note in ("one", "two", DECLARED, "three", "four"):
        kept = with_kept(kept, signed(note))
    assert [each.verdict.note for each in kept] == [DECLARED, "four"]
    assert [each.verdict.note for each in with_kept(kept, signed(DECLARED, "bo"))] == [
        DECLARED, "four", DECLARED,
    ]  # fmt: skip
