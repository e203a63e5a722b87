"""Calls back on a held request: what counts as one, and what recording it makes.

A call is an `ask` whose note is of a closed form; it releases nothing and ends nothing.
Guarantee: only the agency's number in the directory in force can be recorded; a note that begins
as a call and is none is refused, never sent on as a question.
Source: docs/adr/0061-call-backs.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from comity.domain.agency import Agency
from comity.domain.call_back import (
    CALLS_MAX,
    SAID_CHARACTERS_MAX,
    CallBack,
    CallOutcome,
    call_back_of,
    is_call_note,
)
from comity.domain.errors import ComityError
from comity.domain.verdict import SignedVerdict, Verdict, VerdictKind
from comity.exchange.answering import Answered, HoldFile
from comity.review.signatures import VerdictError
from comity.review.verdicts import ask

__all__ = [
    "CALLED_REMARK",
    "CallBackNumberError",
    "CallBacksFullError",
    "call_of",
    "called",
    "calls_of",
    "check_call",
    "step_without_calls",
]

CALLED_REMARK: Final = "THE STATE CALLED THIS AGENCY AT ITS NUMBER IN THE DIRECTORY"
"""All that the requester reads of a call."""


class CallBackNumberError(ComityError):
    """An agency is called back at its number in the directory, and at no other."""

    code = "call-back-number"


class CallBacksFullError(ComityError):
    """No further call is recorded on a hold that has as many as one may."""

    code = "call-backs-full"


def call_of(verdict: Verdict) -> CallBack | None:
    """Return the call that a verdict records; None where it records none.

    Raises: VerdictError for a note that begins as a call and is not in its form.
    """
    if verdict.kind is not VerdictKind.ASK or not is_call_note(verdict.note):
        return None
    found = call_back_of(verdict)
    if found is None:
        raise VerdictError(
            "`note` is no record of a call: `call-back: NUMBER; confirmed|denied|unreached; "
            f"TEXT`, with 1 to {SAID_CHARACTERS_MAX} characters of one line"
        )
    return found


def calls_of(kept: Iterable[SignedVerdict]) -> tuple[CallBack, ...]:
    """Return the calls among the verdicts that are kept beside a hold, in their order."""
    found = (call_of(signed.verdict) for signed in kept)
    return tuple(call for call in found if call is not None)


def check_call(call: CallBack, agency: Agency | None, calls: Iterable[CallBack]) -> None:
    """Check that a call was made to the agency's number, and that there is room for it.

    `calls` are those recorded before. Raises: CallBackNumberError, CallBacksFullError.
    """
    listed = agency.phone if agency is not None else ""
    if not listed:
        raise CallBackNumberError("the directory has no number of this agency to call back")
    if call.number != listed:
        raise CallBackNumberError("`note` has not the agency's number in the directory")
    if len(tuple(calls)) >= CALLS_MAX:
        raise CallBacksFullError(f"{CALLS_MAX} calls are recorded on this hold already")


def called(
    signed: SignedVerdict, hold: HoldFile, *, contact: str, policy: int, step: int, now: int
) -> Answered:
    """Return what a call makes: the verdict leaf, and the word that it is still held.

    What was said is not told: whoever asks under an agency's name must not read what it answered.
    """
    asked = ask(signed, hold, contact=contact, policy=policy, step=step, now=now)
    told = msgspec.structs.replace(asked.answer, remark=CALLED_REMARK)
    return msgspec.structs.replace(asked, answer=told)


def step_without_calls(step: int, calls: Iterable[CallBack]) -> int:
    """Return what a hold's next step would be without the calls that were recorded last.

    A call that the agency denied counts as any verdict does: what was said before it was said
    without knowing of that.
    """
    plain = {call.step for call in calls if call.outcome is not CallOutcome.DENIED}
    while step - 1 in plain:
        step -= 1
    return step
