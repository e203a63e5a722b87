"""Claim checks as a reviewer is shown them; what was answered is shown one check at a time."""

from __future__ import annotations

from comity.domain.ids import Member, entry_name
from comity.exchange.leaves import HOUR_SECONDS
from comity.link.claims import ClaimView
from comity.ports import Clock
from comity.services.claim_checks import ClaimChecks, OpenCheck
from comity.services.member import World

__all__ = ["ClaimDesk"]

_NS = 1_000_000_000


class ClaimDesk:
    """Shows checks."""

    def __init__(self, world: World, claims: ClaimChecks, clock: Clock) -> None:
        self._world = world
        self._claims = claims
        self._clock = clock

    async def standing(self, member: Member) -> list[ClaimView]:
        """Return a state's checks that nobody found proved."""
        return [self._view(each) for each in await self._claims.open(member)]

    async def one(self, entry: str) -> ClaimView:
        """Return one with what its agency answered. Raises: ClaimDoneError."""
        found, answers = await self._claims.one(entry)
        return self._view(found, answers)

    def _view(self, found: OpenCheck, answers: tuple[str, ...] = ()) -> ClaimView:
        check, claim = found
        agency = self._world.directory.agency(claim.agency) if claim is not None else None
        return ClaimView(
            entry=entry_name(check.member, check.index),
            asked_entry=entry_name(check.member, check.asked),
            stands=check.stands(self._clock.now_ns() // _NS),
            asked_at=check.hour * HOUR_SECONDS,
            due=check.due,
            answer_count=len(check.answers),
            agency=claim.agency if claim is not None else "",
            agency_name=agency.name if agency is not None else "",
            phone=agency.phone if agency is not None else "",
            purpose=claim.purpose.value if claim is not None else "",
            case_number=claim.case_number if claim is not None else "",
            operator=claim.operator if claim is not None else "",
            classes=check.classes if claim is not None else (),
            accepted_at=claim.accepted_at if claim is not None else 0,
            answers=answers,
        )
