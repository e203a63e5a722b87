"""How a session is shown held requests: by the gateway, each recorded once.

INVARIANT (no-answer-before-receipt): whom a request is about comes from a signed reading, which the
gateway records before it answers. Source: docs/adr/0036-console.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from comity.console.desk import Desk
from comity.console.opened_cases import OpenedCase
from comity.console.problems import Problem, ProblemError
from comity.console.visits import Visit
from comity.domain.ids import entry_name
from comity.link.errors import GatewayRefusalError
from comity.review.conflicts import ConflictError
from comity.review.verdicts import HoldClosedError
from comity.services.review_queue import TOGETHER_MAX

__all__ = ["open_case", "open_cases"]

_AT_ONCE: Final = TOGETHER_MAX
"""Readings of one page that are on their way to the gateway together: their leaves are one batch's.
"""


async def open_case(desk: Desk, visit: Visit, number: int) -> OpenedCase:
    """Return a case as this session was shown it, else have the gateway show it.

    Raises: ProblemError if no such hold waits, or the gateway does not show it.
    """
    row = await desk.store.open_hold(visit.person.state, number)
    if row is None:
        raise ProblemError(Problem.HOLD_CLOSED)
    return await _shown(desk, visit, number, row.next_step)


async def open_cases(
    desk: Desk, visit: Visit, holds: Iterable[tuple[int, int]]
) -> list[OpenedCase]:
    """Return several cases, by number and step, in their order.

    Those that ended are left out, and those on which the reviewer declared a conflict of interest.
    Raises: ProblemError if the gateway does not show another one that waits.
    """
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, step: int) -> OpenedCase | None:
        async with turns:
            try:
                return await _shown(desk, visit, number, step)
            except ProblemError as error:
                if error.problem not in (Problem.HOLD_CLOSED, Problem.CONFLICT):
                    raise
                return None

    found = await asyncio.gather(*(one(*hold) for hold in holds), return_exceptions=True)
    shown: list[OpenedCase] = []
    for each in found:
        # Only once all have come: each that was shown is recorded, and kept for this session.
        if isinstance(each, BaseException):
            raise each
        if each is not None:
            shown.append(each)
    return shown


async def _shown(desk: Desk, visit: Visit, number: int, step: int) -> OpenedCase:
    entry, session = entry_name(visit.person.state, number), visit.form_token
    known = desk.opened.get(session, entry, step, visit.now)
    if known is not None:
        return known
    try:
        shown = await desk.reviewing(visit.session).read(entry)
    except GatewayRefusalError as error:
        if error.reason == HoldClosedError.code:
            raise ProblemError(Problem.HOLD_CLOSED) from None
        if error.reason == ConflictError.code:
            raise ProblemError(Problem.CONFLICT) from None
        raise ProblemError(Problem.NOT_SHOWN, f"{error} (`{error.reason}`)") from None
    (hold,) = shown.holds
    opened_case = OpenedCase(hold=hold, access_entry=shown.access_entry, at=visit.now)
    desk.opened.put(session, opened_case)
    return opened_case
