"""What the demo's stage does as a reviewer beside holds: case passes, looks at urgent releases."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from comity.cli.papers import Papers
from comity.cli.reviewing import Desk as HoldDesk
from comity.domain.after_review import Desk
from comity.domain.ids import Member, parse_entry_name
from comity.domain.verdict import VerdictKind
from comity.practice.stage import PassSeen, ReleaseSeen
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings

__all__ = ["ReviewStage"]


class ReviewStage:
    """The part of the stage that signs passes and looks."""

    _settings: Settings

    async def approve_with_pass(self, entry: str, days: int) -> str:
        """Approve all of a hold and grant its case a pass; return the pass's entry."""
        state, _ = parse_entry_name(entry)
        papers = self._papers(state)
        host = HostFiles(self._settings.data_dir).host_name()
        desk = HoldDesk(settings=self._settings, state=state, reviewer=papers.reviewer, host=host)
        (hold,) = (await desk.read(entry)).holds
        case_pass = papers.pass_of_hold(hold, hold.classes, days)
        await desk.decide(entry, VerdictKind.APPROVE, case_pass.classes, "")
        return await asyncio.to_thread(papers.grant, case_pass)

    async def passes(self, state: Member) -> Sequence[PassSeen]:
        """Return a state's passes that hold, as its reviewer sees them."""
        shown = await asyncio.to_thread(self._papers(state).read, Desk.PASSES)
        return [PassSeen(entry=view.entry, uses=view.uses) for view in shown.passes]

    async def revoke_pass(self, entry: str) -> str:
        """Revoke a pass; return the entry of the leaf that says so."""
        state, _ = parse_entry_name(entry)
        return await asyncio.to_thread(self._papers(state).revoke, entry, "the case is closed")

    async def urgent_releases(self, state: Member) -> Sequence[ReleaseSeen]:
        """Return a state's urgent releases that nobody has looked at."""
        shown = await asyncio.to_thread(self._papers(state).read, Desk.URGENT)
        return [
            ReleaseSeen(entry=view.entry, agency=view.agency, phone=view.phone)
            for view in shown.releases
        ]

    async def look_at(self, release: ReleaseSeen) -> str:
        """Call a release's agency back and find it justified; return the entry of the look."""
        state, _ = parse_entry_name(release.entry)
        papers = self._papers(state)

        def look() -> str:
            return papers.review(
                release.entry,
                justified=True,
                called=release.phone,
                answered="the duty sergeant confirmed the case",
            )

        return await asyncio.to_thread(look)

    def _papers(self, state: Member) -> Papers:
        return Papers.of(self._settings, state, "", None)
