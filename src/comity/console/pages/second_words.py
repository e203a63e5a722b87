"""What a page says where two reviewers release something: that one proposes, that another confirms.

Guarantee: pure; it only says what the gateway verifies (docs/adr/0049-second-review.md).
"""

from __future__ import annotations

from comity.console.pages.verdict_form import Act, classes_text, who_of
from comity.console.words import moment_said, opened
from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass
from comity.link.command import HoldView

__all__ = [
    "beyond_faults",
    "beyond_proposal",
    "is_own_proposal",
    "second_consequence",
    "second_note",
]


def second_note(hold: HoldView, me: str, member: Member, now: int) -> str:
    """Return what a case says of its two reviewers, in sentences; empty if one is enough."""
    if not hold.by_two:
        return ""
    needed = f"Two reviewers release {classes_text(hold.by_two)} here."
    proposed = hold.proposed
    if proposed is None:
        return f"{needed} Your release is a proposal that another one confirms."
    when = moment_said(proposed.at, member, now)
    said = f"proposed to release {classes_text(proposed.approved)} at {when}"
    word = f' with the word "{" ".join(proposed.note.split())}"' if proposed.note else ""
    if proposed.reviewer == me:
        return f"{needed} You {said}{word}: another reviewer confirms it, or one of you refuses."
    who = opened(proposed.reviewer)
    return f"{needed} {who} {said}{word}. Confirm it, or less of it, or refuse."


def is_own_proposal(hold: HoldView, approved: tuple[DataClass, ...], me: str) -> bool:
    """Say whether a person would confirm what that person proposed."""
    is_own = hold.proposed is not None and hold.proposed.reviewer == me
    return is_own and not set(hold.by_two).isdisjoint(approved)


def beyond_proposal(hold: HoldView, approved: tuple[DataClass, ...]) -> tuple[DataClass, ...]:
    """Return what needs two and was not proposed, where something else was."""
    if hold.proposed is None:
        return ()
    return tuple(p for p in hold.by_two if p in approved and p not in hold.proposed.approved)


def beyond_faults(
    act: Act, hold: HoldView, approved: tuple[DataClass, ...]
) -> tuple[tuple[str, str], ...]:
    """Return what has to be mended where a person confirms more than another one proposed."""
    beyond = beyond_proposal(hold, approved)
    if not beyond:
        return ()
    said = f"Two reviewers release {classes_text(beyond)}, which was not proposed."
    return (("class" if act is Act.PART else "note", f"{said} Release less, or pass it on."),)


def second_consequence(act: Act, hold: HoldView, approved: tuple[DataClass, ...]) -> str:
    """Return what a release does that needs two, in a sentence; empty if one is enough."""
    if act not in (Act.RELEASE, Act.PART) or set(hold.by_two).isdisjoint(approved):
        return ""
    what, who = classes_text(approved), who_of(hold)
    if hold.proposed is None:
        return f"Propose to release {what} to {who}? Another reviewer confirms it before it goes."
    return (
        f"Confirm that {what} goes to {who}? {hold.proposed.reviewer} proposed it; after a minute "
        "it cannot be called back."
    )
