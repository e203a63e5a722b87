"""Appeals as whoever decides is shown them; what was written, one appeal at a time."""

from __future__ import annotations

import msgspec

from comity.domain.ids import Member, entry_name
from comity.exchange.leaves import HOUR_SECONDS
from comity.link.appeals import APPEAL_VERDICTS_MAX, AppealView, FirstVerdict
from comity.ports import Clock
from comity.review.appeals import RefusalSaid, why_no_pass
from comity.services.appeal_ledger import Appeal
from comity.services.appeals import Appeals
from comity.services.member import World
from comity.services.second_person import GivenVerdict

__all__ = ["AppealDesk"]

_NS = 1_000_000_000


class AppealDesk:
    """Shows appeals."""

    def __init__(self, world: World, appeals: Appeals, clock: Clock) -> None:
        self._world = world
        self._appeals = appeals
        self._clock = clock

    async def standing(self, member: Member) -> list[AppealView]:
        """Return a state's appeals that nobody decided."""
        return [self._view(*each) for each in await self._appeals.open(member)]

    async def one(self, entry: str, reviewer: str, key_id: str) -> AppealView:
        """Return one with what was written, as this person may read it.

        Raises: AppealDoneError, ConflictError.
        """
        whole = await self._appeals.one(entry, reviewer, key_id)
        view = self._view(whole.appeal, whole.said)
        said, wrote = whole.said, whole.wrote
        return msgspec.structs.replace(
            view,
            operator=said.operator if said is not None else "",
            search=said.search if said is not None else (),
            text=wrote.text if wrote is not None else "",
            wrote_at=wrote.at if wrote is not None else 0,
            wrote_by=wrote.operator if wrote is not None else "",
            verdicts=tuple(map(_first, whole.given[-APPEAL_VERDICTS_MAX:])),
            # What cannot be read any more, nobody decides.
            is_own=whole.is_own or said is None,
        )

    def _view(self, appeal: Appeal, said: RefusalSaid | None) -> AppealView:
        refusal = appeal.refusal
        view = AppealView(
            entry=refusal.entry,
            appeal_entry=entry_name(refusal.member, appeal.index),
            stands=appeal.stands(self._clock.now_ns() // _NS),
            filed_at=appeal.hour * HOUR_SECONDS,
            due=appeal.due,
            refused_at=refusal.hour * HOUR_SECONDS,
            classes=refusal.classes,
            key=refusal.key,
            is_undecided=refusal.is_undecided,
            hold_entry="" if refusal.hold is None else entry_name(refusal.member, refusal.hold),
        )
        if said is None:
            return view
        agency = self._world.directory.agency(said.agency)
        return msgspec.structs.replace(
            view,
            is_by_person=refusal.is_by_person(said),
            rules=refusal.rules(said),
            agency=said.agency,
            agency_name=agency.name if agency is not None else "",
            phone=agency.phone if agency is not None else "",
            purpose=said.purpose.value,
            case_number=said.case_number,
            no_pass=why_no_pass(refusal.key, said),
        )


def _first(given: GivenVerdict) -> FirstVerdict:
    verdict = given.verdict
    return FirstVerdict(
        reviewer=verdict.reviewer,
        at=verdict.at,
        kind=verdict.kind,
        approved=verdict.approved,
        note=verdict.note,
    )
