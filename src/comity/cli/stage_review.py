"""What the demo's stage does as a reviewer beside holds: passes, instruments, urgent releases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

from comity.app.wire import open_bus
from comity.cli.papers import Papers
from comity.cli.reviewing import COMMAND_USER, signature_of
from comity.cli.reviewing import Desk as HoldDesk
from comity.domain.after_review import Desk
from comity.domain.appeal import AppealDecision
from comity.domain.demands import DemandActKind, Demanded
from comity.domain.ids import Member, member_zone, parse_entry_name
from comity.domain.instruments import Appointment
from comity.domain.keys import asked_classes
from comity.domain.passes import named_in
from comity.domain.query import Query
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import Instrument
from comity.link.errors import GatewayRefusalError
from comity.practice.founding import REVIEWERS
from comity.practice.seen import (
    AppealSeen,
    OnwardSeen,
    PassSeen,
    PlantedSeen,
    ReleaseSeen,
)
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.demand_work import DemandDraft, DemandWork
from comity.services.instrument_work import InstrumentDraft, InstrumentWork
from comity.services.reviewing import Reviewer
from comity.services.rule_orders import OrderSigner

__all__ = ["ReviewStage"]


_DAYS: Final = 7
_WARRANT: Final = b"practice data: a warrant that names one licence"


class ReviewStage:
    """The part of the stage that signs passes, instruments and looks."""

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

    async def plant_case(self, state: Member) -> str:
        """Let a state's supervisor put one test case into its queue; return the hold's entry."""
        papers = Papers.of(self._settings, state, REVIEWERS[1], None)
        return await asyncio.to_thread(papers.plant)

    async def refuse_planted(self, entry: str) -> PlantedSeen:
        """Read such a hold and refuse it as a reviewer; return what the reviewer is told then."""
        state, _ = parse_entry_name(entry)
        host = HostFiles(self._settings.data_dir).host_name()
        reviewer = self._papers(state).reviewer
        desk = HoldDesk(settings=self._settings, state=state, reviewer=reviewer, host=host)
        await desk.read(entry)
        done = await desk.decide(entry, VerdictKind.REFUSE, (), "this must not be released")
        return PlantedSeen(entry=done.entry, flaw=done.planted.value if done.planted else "")

    async def revoke_pass(self, entry: str) -> str:
        """Revoke a pass; return the entry of the leaf that says so."""
        state, _ = parse_entry_name(entry)
        return await asyncio.to_thread(self._papers(state).revoke, entry, "the case is closed")

    async def register_instrument(self, query: Query, state: Member) -> str:
        """Register the instrument that a query claims, as one reviewer read it."""
        claims = query.claims
        draft = InstrumentDraft(
            kind=claims.instrument,
            issuer="Practice District Court",
            appointment=Appointment.ARTICLE_III,
            number=claims.instrument_ref,
            agency=query.origin,
            case_number=claims.case_number,
            persons=named_in(query.fields),
            classes=asked_classes(query.key, image=False),
            issued_on=datetime.now(UTC).date(),
            days=30,
            document=sha256(_WARRANT).digest(),
            document_bytes=len(_WARRANT),
        )
        async with self._instruments(state, 0) as work:
            return await work.register(draft)

    async def verify_instrument(self, entry: str) -> str:
        """Verify an instrument as another reviewer, who holds the same document."""
        async with self._instruments(parse_entry_name(entry)[0], 1) as work:
            return await work.verify(
                entry,
                document=sha256(_WARRANT).digest(),
                called="the court's public number",
                answered="the clerk read number and date back",
            )

    async def revoke_instrument(self, entry: str) -> str:
        """Revoke an instrument; return the entry of the leaf that says so."""
        async with self._instruments(parse_entry_name(entry)[0], 0) as work:
            return await work.revoke(entry, "quashed")

    async def register_demand(self, state: Member, kind: Instrument, number: str) -> str:
        """Register a paper that wants a state's own data, to be answered in three weeks."""
        today = datetime.now(ZoneInfo(member_zone(state))).date()
        draft = DemandDraft(
            kind=kind,
            issuer="Practice District Court",
            number=number,
            served_on=today,
            answer_by=today + timedelta(days=21),
            about=(Demanded.ACCESS_RECORDS,),
            document=sha256(_WARRANT).digest(),
            document_bytes=len(_WARRANT),
            matter="Practice 26-2",
        )
        async with self._demands(state) as work:
            return await work.register(draft)

    async def end_demand(self, entry: str) -> str:
        """End a demand as withdrawn; return the entry of the leaf that says so."""
        async with self._demands(parse_entry_name(entry)[0]) as work:
            return await work.act(entry, DemandActKind.WITHDRAWN)

    @asynccontextmanager
    async def _demands(self, state: Member) -> AsyncIterator[DemandWork]:
        """One of a state's practice people at work on demands."""
        person = self._papers(state).reviewer
        signer = OrderSigner(
            name=person.name, sign=lambda message: signature_of(state, person, message)
        )
        host = HostFiles(self._settings.data_dir).host_name()
        async with open_bus(self._settings, COMMAND_USER) as bus:
            yield DemandWork(bus=bus, host=host, state=state, signer=signer, now=time.time)

    @asynccontextmanager
    async def _instruments(self, state: Member, reviewer: int) -> AsyncIterator[InstrumentWork]:
        """One of a state's practice reviewers at work on instruments."""
        papers = Papers.of(self._settings, state, REVIEWERS[reviewer], None)
        who = Reviewer(
            state=state,
            name=papers.reviewer.name,
            sign=lambda message: signature_of(state, papers.reviewer, message),
        )
        host = HostFiles(self._settings.data_dir).host_name()
        async with open_bus(self._settings, COMMAND_USER) as bus:
            yield InstrumentWork(bus=bus, host=host, reviewer=who, now=time.time)

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

    async def onward_told(self, state: Member) -> Sequence[OnwardSeen]:
        """Return what agencies told a state of onward transfers, the newest first."""
        shown = await asyncio.to_thread(self._papers(state).read, Desk.ONWARD)
        return [
            OnwardSeen(
                entry=view.entry,
                release=view.release,
                to=view.to,
                receives=view.receives.value,
            )
            for view in (shown.onward.told if shown.onward is not None else ())
        ]

    async def decide_appeal(
        self, entry: str, decision: AppealDecision, *, is_another: bool
    ) -> AppealSeen:
        """Decide an appeal as the state's first reviewer, or as another one."""
        state, _ = parse_entry_name(entry)
        papers = Papers.of(self._settings, state, REVIEWERS[int(is_another)], None)
        (view,) = (await asyncio.to_thread(papers.read, Desk.APPEALS, entry)).appeals
        classes = view.classes if decision is AppealDecision.GRANTED else ()

        def decide() -> AppealSeen:
            try:
                found = papers.decide_appeal(view, decision, classes, days=_DAYS)
            except GatewayRefusalError as error:
                return AppealSeen(code=error.reason)
            return AppealSeen(entry=found)

        return await asyncio.to_thread(decide)

    def _papers(self, state: Member) -> Papers:
        return Papers.of(self._settings, state, "", None)
