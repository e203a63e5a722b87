"""The commands of the desks beside holds: whatever is signed there, to the desk that it is for.

INVARIANT (review-is-verified): what changes or shows anything carries a reviewer's signature, which
is checked here or where it takes effect; one entry shown with its person is recorded first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, assert_never

from comity.domain.after_review import Desk, SignedDeskReading, desk_reading_bytes
from comity.domain.ids import Member, entry_name, parse_entry_name
from comity.domain.passes import CasePass
from comity.domain.query import Exchange
from comity.exchange.private import note_fields
from comity.link.appeals import DecideAppeal
from comity.link.command import CommandDone
from comity.link.demands import ActOnDemand, DemandSigned, RegisterDemand
from comity.link.instruments import (
    InstrumentSigned,
    RegisterInstrument,
    RevokeInstrument,
    VerifyInstrument,
)
from comity.link.onward import OnwardShown
from comity.link.protections import (
    EndProtection,
    PlaceProtection,
    ProtectionSigned,
    ProtectionsShown,
    ReadProtections,
)
from comity.link.review import (
    AskOnward,
    DeskShown,
    ExpireReview,
    FindClaim,
    GiveReReview,
    GrantPass,
    PassView,
    PlantCase,
    ReadDesk,
    ReleaseView,
    ReviewRelease,
    RevokePass,
)
from comity.ports import Clock, PassRow
from comity.review.appeals import AppealDoneError
from comity.review.claim_checks import ClaimDoneError
from comity.review.instruments import InstrumentUnknownError
from comity.review.onward import OnwardUnknownError
from comity.review.passes import PassUnknownError
from comity.review.signatures import check_proof, check_time
from comity.review.urgent import ReviewDoneError, ReviewState
from comity.services.accesses import Accesses
from comity.services.appeal_desk import AppealDesk
from comity.services.appeals import Appeals
from comity.services.claim_checks import ClaimChecks
from comity.services.claim_desk import ClaimDesk
from comity.services.demands import Demands
from comity.services.instrument_desk import InstrumentDesk
from comity.services.instruments import Instruments
from comity.services.member import World
from comity.services.onward import Onward
from comity.services.passes import Passes
from comity.services.planting import Plantings
from comity.services.protection_desk import ProtectionDesk
from comity.services.protection_reader import ProtectionReader
from comity.services.protections import Protections
from comity.services.re_reviews import ReReviews
from comity.services.urgent import OpenRelease, UrgentLane

__all__ = ["ENTRIES_SHOWN_MAX", "ReviewCommands"]

ENTRIES_SHOWN_MAX: Final = 500
_NS: Final = 1_000_000_000

_Command = (
    GrantPass
    | RevokePass
    | ReviewRelease
    | ReadDesk
    | ExpireReview
    | GiveReReview
    | FindClaim
    | PlantCase
    | AskOnward
    | DecideAppeal
    | InstrumentSigned
    | ProtectionSigned
    | DemandSigned
)


class ReviewCommands:
    """Carries out what reviewers sign, and what the worker says of the clock."""

    def __init__(
        self,
        *,
        world: World,
        passes: Passes,
        urgent: UrgentLane,
        instruments: Instruments,
        re_reviews: ReReviews,
        claims: ClaimChecks,
        plantings: Plantings,
        protections: Protections,
        demands: Demands,
        onward: Onward,
        appeals: Appeals,
        accesses: Accesses,
        clock: Clock,
    ) -> None:
        self._world = world
        self._passes = passes
        self._urgent = urgent
        self._instruments = instruments
        self._re_reviews = re_reviews
        self.instrument_desk = InstrumentDesk(world, instruments)
        self._claims = claims
        self._plantings = plantings
        self._demands = demands
        self._onward = onward
        self._claim_desk = ClaimDesk(world, claims, clock)
        self._protections = protections
        self._protection_desk = ProtectionDesk(
            world=world, protections=protections, accesses=accesses, clock=clock
        )
        self._appeals = appeals
        self._appeal_desk = AppealDesk(world, appeals, clock)
        self._accesses = accesses
        self._clock = clock

    async def take(self, command: _Command) -> CommandDone | DeskShown | ProtectionsShown:
        """Carry out one command. Raises: what the desks do."""
        match command:
            case GrantPass():
                return CommandDone(entry=await self._passes.grant(command.signed))
            case RevokePass():
                return CommandDone(entry=await self._passes.revoke(command.signed))
            case ReviewRelease():
                return CommandDone(entry=await self._urgent.decide(command.signed))
            case ExpireReview():
                return CommandDone(entry=await self._urgent.overdue(command.entry))
            case FindClaim():
                return CommandDone(entry=await self._claims.decide(command.signed))
            case PlantCase():
                return CommandDone(entry=await self._plantings.order(command.signed))
            case AskOnward():
                return CommandDone(entry=await self._onward.ask(command.signed))
            case DecideAppeal():
                return CommandDone(entry=await self._appeals.decide(command.signed, command.grant))
            case ReadDesk():
                return await self._read(command.signed)
            case GiveReReview():
                return CommandDone(entry=await self._re_reviews.give(command.signed))
            case RegisterInstrument() | VerifyInstrument() | RevokeInstrument():
                return await self.instrument_desk.take(command)
            case PlaceProtection() | EndProtection() | ReadProtections():
                return await self._protection_desk.take(command)
            case RegisterDemand():
                return CommandDone(entry=await self._demands.register(command.signed))
            case ActOnDemand():
                return CommandDone(entry=await self._demands.act(command.signed))
            case _:
                assert_never(command)

    @property
    def addresses(self) -> ProtectionReader:
        """What the register of confidential addresses says of a request."""
        return self._protections.reader

    async def tend(self, members: Iterable[Member], held: Collection[Member]) -> None:
        """Keep what stands for long under the newest keys, before older ones may go.

        Of `held` members nothing is deleted.
        """
        await self._protections.tend(members, held)

    async def reload(self, members: Iterable[Member]) -> None:
        """Read passes, instruments, lanes and claim checks anew, where keys or rows may be gone."""
        own = list(members)
        await self._passes.load(own)
        await self._instruments.load(own)
        await self._urgent.load(own)
        await self._claims.load(own)
        self._onward.forget()
        await self._appeals.forget()

    async def granted_for(self, exchange: Exchange) -> tuple[str, ...]:
        """Return the findings on appeals that granted what an exchange asks."""
        return await self._appeals.granted_for(exchange)

    async def _read(self, signed: SignedDeskReading) -> DeskShown:
        reading = signed.reading
        now = self._clock.now_ns() // _NS
        key = self._world.directory.reviewer(reading.state, reading.reviewer)
        check_proof(signed.proof, key, reading.reviewer, desk_reading_bytes(reading))
        check_time(reading.at, now)
        if reading.entry:
            return await self._read_one(signed, now)
        match reading.desk:
            case Desk.PASSES:
                standing = await self._passes.standing(reading.state)
                views = [self._pass_view(r, p, is_whole=False) for r, p in standing]
                return DeskShown(passes=tuple(views[:ENTRIES_SHOWN_MAX]))
            case Desk.URGENT:
                releases = await self._urgent.releases(reading.state)
                shown = [self._release_view(each, is_whole=False) for each in releases]
                return DeskShown(releases=tuple(shown[:ENTRIES_SHOWN_MAX]))
            case Desk.INSTRUMENTS:
                known = await self.instrument_desk.standing(reading.state)
                return DeskShown(instruments=tuple(known[:ENTRIES_SHOWN_MAX]))
            case Desk.CLAIMS:
                checks = await self._claim_desk.standing(reading.state)
                return DeskShown(claims=tuple(checks[:ENTRIES_SHOWN_MAX]))
            case Desk.ONWARD:
                return DeskShown(onward=await self._onward.shown(reading.state))
            case Desk.APPEALS:
                waiting = await self._appeal_desk.standing(reading.state)
                return DeskShown(appeals=tuple(waiting[:ENTRIES_SHOWN_MAX]))
            case _:
                assert_never(reading.desk)

    async def _read_one(self, signed: SignedDeskReading, now: int) -> DeskShown:
        """Show one entry with its person, once that is recorded."""
        reading = signed.reading
        fields = note_fields(reviewer=reading.reviewer, key=signed.proof.key_id)
        is_own = parse_entry_name(reading.entry)[0] == reading.state
        match reading.desk:
            case Desk.PASSES:
                if not is_own:
                    raise PassUnknownError("`entry` is of another state")
                row, case_pass = await self._passes.one(reading.entry)
                access = await self._accesses.record(
                    reading.state, fields, now, cites=reading.entry
                )
                view = self._pass_view(row, case_pass, is_whole=True)
                return DeskShown(passes=(view,), access_entry=access)
            case Desk.URGENT:
                if not is_own:
                    raise ReviewDoneError("`entry` is of another state")
                found = await self._urgent.release(reading.entry)
                access = await self._accesses.record(
                    reading.state, fields, now, cites=reading.entry
                )
                shown = self._release_view(found, is_whole=True)
                return DeskShown(releases=(shown,), access_entry=access)
            case Desk.INSTRUMENTS:
                if not is_own:
                    raise InstrumentUnknownError("`entry` is of another state")
                instrument = await self.instrument_desk.one(reading.entry)
                access = await self._accesses.record(
                    reading.state, fields, now, cites=reading.entry
                )
                return DeskShown(instruments=(instrument,), access_entry=access)
            case Desk.CLAIMS:
                if not is_own:
                    raise ClaimDoneError("`entry` is of another state")
                check = await self._claim_desk.one(reading.entry)
                access = await self._accesses.record(
                    reading.state, fields, now, cites=reading.entry
                )
                return DeskShown(claims=(check,), access_entry=access)
            case Desk.ONWARD:
                if not is_own:
                    raise OnwardUnknownError("`entry` is of another state")
                told = await self._onward.one(reading.entry)
                access = await self._accesses.record(
                    reading.state, fields, now, cites=reading.entry
                )
                return DeskShown(onward=OnwardShown(told=(told,)), access_entry=access)
            case Desk.APPEALS:
                if not is_own:
                    raise AppealDoneError("`entry` is of another state")
                appeal = await self._appeal_desk.one(
                    reading.entry, reading.reviewer, signed.proof.key_id
                )
                access = await self._accesses.record(
                    reading.state, fields, now, cites=reading.entry
                )
                return DeskShown(appeals=(appeal,), access_entry=access)
            case _:
                assert_never(reading.desk)

    def _pass_view(self, row: PassRow, case_pass: CasePass, *, is_whole: bool) -> PassView:
        agency = self._world.directory.agency(case_pass.agency)
        revoked_by = "" if row.revoked_by is None else entry_name(row.member, row.revoked_by)
        return PassView(
            entry=entry_name(row.member, row.leaf_index),
            agency=case_pass.agency,
            agency_name=agency.name if agency is not None else "",
            case_number=case_pass.case_number,
            classes=case_pass.classes,
            purpose=case_pass.purpose,
            since=case_pass.since,
            until=case_pass.until,
            uses=row.uses,
            hold_entry=case_pass.hold_entry,
            reviewer=case_pass.reviewer,
            person_count=len(case_pass.persons),
            revoked_by=revoked_by,
            persons=case_pass.persons if is_whole else (),
            note=case_pass.note if is_whole else "",
        )

    def _release_view(self, release: OpenRelease, *, is_whole: bool) -> ReleaseView:
        row, file = release
        if file is None:
            return ReleaseView(
                entry=entry_name(row.member, row.leaf_index),
                due=row.due,
                is_overdue=row.stands is ReviewState.OVERDUE,
            )
        exchange, claims = file.exchange, file.exchange.claims
        agency = self._world.directory.agency(exchange.agency)
        return ReleaseView(
            entry=entry_name(row.member, row.leaf_index),
            agency=exchange.agency,
            agency_name=agency.name if agency is not None else "",
            phone=agency.phone if agency is not None else "",
            key=exchange.key,
            purpose=claims.purpose.value,
            offence=claims.offence.value,
            case_number=claims.case_number,
            operator=claims.operator,
            classes=file.classes,
            released_at=file.released_at,
            due=row.due,
            is_overdue=row.stands is ReviewState.OVERDUE,
            search=exchange.fields if is_whole else (),
        )
