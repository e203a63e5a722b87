"""A state's drafts as its people work at them in the console: opened, written, signed."""

from __future__ import annotations

import re
from typing import Any

from comity.console.people import Role
from comity.domain.ids import Member
from comity.domain.rule_draft import RuleDraft
from tests.support.console import Answered, PracticeConsole, person_of
from tests.support.gateway import WA

__all__ = ["DENY_TEXAS", "DRAFTS", "as_role", "draft_of", "opened", "seen", "wrote"]

DRAFTS = "/state/rules/drafts"
DENY_TEXAS: dict[str, Any] = {
    "by": "form",
    "clause": "WA-D1",
    "effect": "deny",
    "when.agency_more": "TX/LOCAL",
    "sentence": "Washington gives nothing to local agencies of Texas.",
    "cite": "Order 14",
    "mark": "V",
    "obligations": "log",
    "enabled": "yes",
}
"""The form of a clause that refuses every local agency of Texas."""


def as_role(console: PracticeConsole, role: Role = Role.AUTHOR, state: Member = WA) -> str:
    """A session of one of the state's people."""
    return console.sign_in(person_of(role, state))


def draft_of(console: PracticeConsole, number: int = 1, state: Member = WA) -> RuleDraft:
    """A draft as it is kept."""
    found = console.drafts.get(state, number)
    assert found is not None
    return found


async def opened(console: PracticeConsole, token: str, source: str = "force") -> str:
    """Open a draft; return its address."""
    done = await console.post(DRAFTS, {"from": source}, token)
    assert done.status == 303, done.text
    assert re.fullmatch(rf"{DRAFTS}/[1-9][0-9]*", done.location)
    return done.location


async def wrote(
    console: PracticeConsole, token: str, page: str, rule: str = "new", **changes: Any
) -> Answered:
    """Send the form of a clause, as it stands against the draft as it is kept."""
    number = int(page.rpartition("/")[2])
    fields = DENY_TEXAS | {"revision": draft_of(console, number).revision} | changes
    return await console.post(f"{page}/clauses/{rule}", fields, token)


def seen(
    console: PracticeConsole, page: str, version: int = 1, state: Member = WA
) -> dict[str, Any]:
    """What the page of a draft's signing has its forms repeat."""
    draft = draft_of(console, int(page.rpartition("/")[2]), state)
    return {"revision": draft.revision, "digest": draft.digest, "version": version}
