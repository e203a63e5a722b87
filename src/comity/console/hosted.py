"""Whether a state's own rows are kept where this console runs.

INVARIANT (fail-closed): whose rows are elsewhere is never told that nothing waits, and nothing is
held.
"""

from __future__ import annotations

from comity.console.desk import Desk
from comity.console.problems import Problem, ProblemError
from comity.directory.directory import Directory
from comity.domain.ids import Member

__all__ = ["directory_here"]


async def directory_here(desk: Desk, state: Member) -> Directory:
    """Return the directory, by which this host owns a state's ledger. Raises: ProblemError."""
    directory = await desk.books.directory()
    host = directory.host_of(state)
    if host is None or host.name != desk.host:
        raise ProblemError(Problem.NOT_HERE)
    return directory
