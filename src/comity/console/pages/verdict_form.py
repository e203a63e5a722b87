"""The form before a verdict: what a person can do with a case, what is missing, what it does.

Guarantee: nothing is taken that the page did not offer; what the agency reads is within its limit.
Source: docs/adr/0036-console.md, docs/adr/0041-what-would-go-out.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from comity.console.problems import Problem, ProblemError
from comity.console.visits import Visit
from comity.console.words import listed
from comity.domain.call_back import is_call_note
from comity.domain.decision import Reason
from comity.domain.passes import PASS_DAYS_MAX
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, term
from comity.link.command import HoldView
from comity.review.verdicts import NOTE_CHARACTERS_MAX
from comity.services.granting import PassNotPossibleError, check_pass_of_hold

__all__ = [
    "KINDS",
    "NO_CLAUSE",
    "PASS_DAYS",
    "Act",
    "Given",
    "act_of",
    "approved_of",
    "classes_text",
    "consequence_of",
    "days_of",
    "given_of",
    "grants_of",
    "note_of",
    "pass_days_of",
    "reasons_of",
    "who_of",
    "why_no_pass",
    "wrong_of",
]

NO_CLAUSE: Final = "none"
PASS_DAYS: Final = 7
"""What the page proposes for a pass, once somebody wants one."""
_DIGITS_MAX: Final = 3


class Act(StrEnum):
    """What a person can do with a case, as paths have it."""

    RELEASE = "release"
    PART = "part"
    ASK = "ask"
    REFUSE = "refuse"
    PASS = "pass"  # noqa: S105 - passing a case on


KINDS: Final = {
    Act.RELEASE: VerdictKind.APPROVE,
    Act.PART: VerdictKind.APPROVE,
    Act.ASK: VerdictKind.ASK,
    Act.REFUSE: VerdictKind.REFUSE,
    Act.PASS: VerdictKind.ESCALATE,
}


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict's form holds, or held before something in it was wrong."""

    classes: tuple[str, ...]
    clause: str = ""
    note: str = ""
    wants_pass: bool = False
    pass_days: str = str(PASS_DAYS)


def given_of(visit: Visit) -> Given:
    """Return what a verdict's form holds. Raises: ProblemError."""
    return Given(
        classes=visit.form.several("class"),
        clause=visit.form.one("clause"),
        note=visit.form.one("note").strip(),
        wants_pass=bool(visit.form.one("pass")),
        pass_days=visit.form.one("pass_days").strip(),
    )


def act_of(visit: Visit) -> Act:
    """Return what the path names. Raises: ProblemError."""
    try:
        return Act(visit.values["act"])
    except ValueError:
        raise ProblemError(Problem.NO_SUCH_PAGE) from None


def approved_of(act: Act, hold: HoldView, given: Given) -> tuple[DataClass, ...]:
    """Return the classes that a verdict releases."""
    if act is Act.RELEASE:
        return hold.classes
    return tuple(p for p in hold.classes if p.value in given.classes) if act is Act.PART else ()


def wrong_of(act: Act, hold: HoldView, given: Given) -> tuple[tuple[str, str], ...]:
    """Return what has to be mended before a verdict is taken: the field, and a sentence."""
    found: list[tuple[str, str]] = []
    if act is Act.PART:
        if not set(given.classes) <= {part.value for part in hold.classes}:
            found.append(("class", "One of the parts is not held here."))
        elif not given.classes:
            found.append(("class", "Choose at least one part to release, or refuse the request."))
    if grants_of(act, given) and why_no_pass(hold):
        found.append(("pass", f"No pass can go with it: {why_no_pass(hold)}."))
    elif grants_of(act, given) and not days_of(given.pass_days):
        found.append(("pass_days", f"Give a number of days from 1 to {PASS_DAYS_MAX}."))
    if act is Act.REFUSE:
        if given.clause not in {reason.rule for reason in reasons_of(hold)} | {NO_CLAUSE}:
            found.append(("clause", "Choose the clause that decides, or none of these."))
        elif given.clause == NO_CLAUSE and not given.note:
            found.append(("note", "Say why: the agency reads it."))
    if act is Act.ASK and not given.note:
        found.append(("note", "Write your question: the agency reads it."))
    if act is Act.ASK and is_call_note(given.note):
        found.append(("note", "It begins as the record of a call: record a call from the case."))
    if len(note_of(act, hold, given)) > NOTE_CHARACTERS_MAX:
        at_most = f"{NOTE_CHARACTERS_MAX} characters, the clause among them"
        found.append(("note", f"Shorten it: what goes out has at most {at_most}."))
    elif not all(c.isprintable() or c in "\r\n" for c in given.note):
        found.append(("note", "Use letters, digits and marks alone."))
    return tuple(found)


def grants_of(act: Act, given: Given) -> bool:
    """Say whether a pass is wanted with a verdict that can have one."""
    return given.wants_pass and act in (Act.RELEASE, Act.PART)


def pass_days_of(act: Act, given: Given) -> int:
    """Return for how many days a pass goes with a verdict in which nothing is wrong; 0 for none."""
    return days_of(given.pass_days) if grants_of(act, given) else 0


def why_no_pass(hold: HoldView) -> str:
    """Return why no pass can be made of a hold; empty where one can."""
    try:
        check_pass_of_hold(hold)
    except PassNotPossibleError as error:
        return str(error)
    return ""


def days_of(text: str) -> int:
    """Return the days of a pass that were given, 0 for what is no number from 1 to 30."""
    if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS_MAX:
        return 0
    return int(text) if int(text) <= PASS_DAYS_MAX else 0


def note_of(act: Act, hold: HoldView, given: Given) -> str:
    """Return what goes to the requester with a verdict."""
    said = " ".join(given.note.split())
    clause = next((r for r in reasons_of(hold) if r.rule == given.clause), None)
    if act is not Act.REFUSE or clause is None:
        return said
    return f"{clause.rule}: {clause.sentence} {said}".strip()


def reasons_of(hold: HoldView) -> tuple[Reason, ...]:
    """Return the rules that hold something, each once."""
    return tuple(dict.fromkeys(r for part in hold.withheld for r in part.reasons))


def classes_text(classes: tuple[DataClass, ...]) -> str:
    """Return classes as prose has them."""
    return listed([term(part).label for part in classes])


def who_of(hold: HoldView) -> str:
    """Return the name of who asks."""
    return hold.agency_name or hold.agency


def consequence_of(act: Act, hold: HoldView, approved: tuple[DataClass, ...]) -> str:
    """Return what a verdict does, in a sentence."""
    who, held = who_of(hold), classes_text(hold.classes)
    match act:
        case Act.RELEASE:
            return f"Release {held} to {who}? After a minute it cannot be called back."
        case Act.PART:
            rest = classes_text(tuple(p for p in hold.classes if p not in approved))
            refused = f" It is refused {rest}." if rest else ""
            chosen = classes_text(approved) or "nothing yet"
            return f"Release {chosen} to {who}?{refused}"
        case Act.REFUSE:
            return f"Refuse {held} to {who}? The agency reads the clause and your reason."
        case Act.ASK:
            return f"Ask {who} a question? The request waits, and its clock goes on."
        case Act.PASS:
            return "Pass this request on to a colleague? It waits, and its clock goes on."
