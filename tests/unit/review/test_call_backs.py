"""A call back: one closed form of a note, one number, a bounded count."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.agency import Agency
from comity.domain.call_back import (
    CALLS_MAX,
    SAID_CHARACTERS_MAX,
    CallBack,
    CallOutcome,
    call_back_of,
    call_note,
    is_call_back,
    is_call_note,
)
from comity.domain.ids import ORI, ExchangeId, Member
from comity.domain.verdict import Ed25519Proof, SignedVerdict, Verdict, VerdictKind
from comity.domain.vocabulary import DataClass
from comity.review.call_backs import (
    CallBackNumberError,
    CallBacksFullError,
    call_of,
    calls_of,
    check_call,
    step_without_calls,
)
from comity.review.conflicts import Ground, conflict_note, with_kept
from comity.review.signatures import VerdictError
from comity.review.verdicts import NOTE_CHARACTERS_MAX
from tests.support.directory import agency

NUMBER = "555-0100"
NOTE = call_note(NUMBER, CallOutcome.CONFIRMED, "The desk sergeant knows the case.")
LONGEST = "x" * SAID_CHARACTERS_MAX


def verdict(note: str, kind: VerdictKind = VerdictKind.ASK, step: int = 1) -> Verdict:
    """A verdict with a note."""
    return Verdict(
        state=Member("wa"),
        exchange_id=ExchangeId(b"e" * 16),
        hold_entry="wa/7",
        step=step,
        kind=kind,
        approved=(DataClass.STATUS,) if kind is VerdictKind.APPROVE else (),
        note=note,
        reviewer="ana",
        at=1_700_000_000,
    )


def signed(note: str, kind: VerdictKind = VerdictKind.ASK) -> SignedVerdict:
    """A verdict as it is kept."""
    proof = Ed25519Proof(key_id="aaaa0001", signature=b"s" * 64)
    return SignedVerdict(verdict=verdict(note, kind), proof=proof)


def listed(phone: str = NUMBER) -> Agency:
    """The agency that asks, as the directory has it."""
    return agency(ORI("TXPX00001"), "TX/DPS", phone=phone)


def call(step: int = 1, outcome: CallOutcome = CallOutcome.CONFIRMED) -> CallBack:
    """A call."""
    found = call_back_of(verdict(call_note(NUMBER, outcome, "A word."), step=step))
    assert found is not None
    return found


def test_the_form_is_written_and_read() -> None:
    """The number, what came of it and the words, with who signed, when and at which step."""
    assert f"call-back: {NUMBER}; confirmed; The desk sergeant knows the case." == NOTE
    assert call_of(verdict(NOTE, step=3)) == CallBack(
        reviewer="ana",
        at=1_700_000_000,
        step=3,
        number=NUMBER,
        outcome=CallOutcome.CONFIRMED,
        said="The desk sergeant knows the case.",
    )


@pytest.mark.parametrize(
    "note",
    [
        "",
        "Call-back number, please?",
        "May we call back?",
        "Which car? call-back: 555-0100; confirmed; yes",
    ],
)
def test_a_question_is_a_question(note: str) -> None:
    """Only what begins as the record of a call is looked at as one."""
    assert call_of(verdict(note)) is None
    assert not is_call_note(note)


@pytest.mark.parametrize(
    "note",
    [
        "call-back:",
        "call-back: 555-0100",
        "call-back: 555-0100; confirmed",
        "call-back: 555-0100; confirmed; ",
        "call-back: 555-0100; confirmed;  two spaces",
        "call-back: 555-0100; confirmed; a space behind ",
        "call-back: 555-0100; confirmed; two\nlines",
        "call-back: 555-0100; confirmed; turned \u202e around",
        "call-back: 555-0100; Confirmed; yes",
        "call-back: 555-0100; perhaps; yes",
        "call-back:555-0100; confirmed; yes",
        "call-back: ; confirmed; yes",
        "call-back: five; confirmed; yes",
        f"call-back: {'5' * 33}; confirmed; yes",
        "call-back: 555-0100, confirmed, yes",
        "Call-back: 555-0100; confirmed; yes",
        "call back: 555-0100; confirmed; yes",
        "callback: 555-0100; confirmed; yes",
        " call-back : 555-0100; confirmed; yes",
        call_note("555-0100", CallOutcome.CONFIRMED, LONGEST + "x"),
    ],
)
def test_a_neighbour_of_the_form_is_refused(note: str) -> None:
    """It never goes to the agency as a question."""
    with pytest.raises(VerdictError, match="no record of a call"):
        call_of(verdict(note))


@pytest.mark.parametrize("kind", [VerdictKind.APPROVE, VerdictKind.REFUSE, VerdictKind.ESCALATE])
def test_only_a_question_records_a_call(kind: VerdictKind) -> None:
    """The same words to the agency in another verdict are words."""
    assert call_of(verdict(NOTE, kind)) is None


def test_the_longest_words_fit_into_a_note() -> None:
    """With the longest number and outcome; one character more is no call."""
    note = call_note("5" * 32, CallOutcome.CONFIRMED, LONGEST)
    assert call_of(verdict(note)) is not None
    assert len(note) <= NOTE_CHARACTERS_MAX
    longest = max(len(call_note("5" * 32, each, LONGEST)) for each in CallOutcome)
    assert longest <= NOTE_CHARACTERS_MAX


def test_what_is_shown_of_a_call_is_in_its_form() -> None:
    """A view with a number or words that no note can hold is not taken."""
    assert is_call_back(call())
    for changes in ({"number": ""}, {"number": "5; denied"}, {"said": ""}, {"said": LONGEST + "x"}):
        assert not is_call_back(msgspec.structs.replace(call(), **changes))


def test_only_the_number_of_the_directory_counts() -> None:
    """Not another, not nearly it; an agency without one cannot be called."""
    check_call(call(), listed(), ())
    for other in (listed("555-0101"), listed(f"{NUMBER} "), listed(""), None):
        with pytest.raises(CallBackNumberError):
            check_call(call(), other, ())


def test_a_hold_has_sixteen_calls() -> None:
    """The seventeenth is refused, whatever came of those before."""
    calls = [call(step, CallOutcome.UNREACHED) for step in range(1, CALLS_MAX + 1)]
    check_call(call(), listed(), calls[:-1])
    with pytest.raises(CallBacksFullError):
        check_call(call(), listed(), calls)


def test_calls_do_not_move_what_was_proposed_before_them() -> None:
    """Counted back over those that stand last, and not over one that the agency denied."""
    assert step_without_calls(5, ()) == 5
    assert step_without_calls(5, [call(4), call(3, CallOutcome.UNREACHED)]) == 3
    assert step_without_calls(5, [call(3)]) == 5
    assert step_without_calls(5, [call(4), call(2)]) == 4
    assert step_without_calls(5, [call(3), call(4, CallOutcome.DENIED)]) == 5
    assert step_without_calls(5, [call(3, CallOutcome.DENIED), call(4)]) == 4


def test_calls_are_kept_with_what_was_passed_on() -> None:
    """A plain word goes when the next one comes; calls and declarations stay, in their order."""
    declared = conflict_note(Ground.OTHER)
    kept: tuple[SignedVerdict, ...] = ()
    for each in ("one", NOTE, declared, "two", NOTE):
        kind = VerdictKind.ASK if each == NOTE else VerdictKind.ESCALATE
        kept = with_kept(kept, signed(each, kind))
    assert [each.verdict.note for each in kept] == [NOTE, declared, "two", NOTE]
    assert [each.said for each in calls_of(kept)] == ["The desk sergeant knows the case."] * 2
