"""When a state's review desk is staffed, in a sentence for whoever looks at what waits."""

from __future__ import annotations

from comity.console.words import moment_said
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.review.rosters import Roster, opens_at, staffed_until, turn_at

__all__ = ["staffed_said"]


def staffed_said(roster: Roster | None, member: Member, now: int) -> str:
    """Return until when the desk is staffed, or from when on, and whose turn it is until then.

    `now` in Unix seconds.
    """
    if roster is None or not any(roster.hours):
        return "No staffed hours are known here: rules that hold more cannot be put into force."
    try:
        until = staffed_until(roster, now)
        opens = opens_at(roster, now) if until is None else None
    except ComityError:
        return "When this desk is staffed next cannot be counted."
    if until is not None:
        return f"This desk is staffed now, until {moment_said(until, member, now)}."
    turn = turn_at(roster, now)
    whose = f" It is the turn of {turn} now." if turn else ""
    if opens is None:
        return f"This desk is closed, for a month or longer.{whose}"
    return f"This desk is closed until {moment_said(opens, member, now)}.{whose}"
