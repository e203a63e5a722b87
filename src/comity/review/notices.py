"""Which notices to residents are owed: from what the ledger says and the clauses a state adopted.

Nothing is kept for it: a request's leaves, the private record of its first outcome, and the leaves
that cite it say all. A clause applies only where the state's own file adopts it, for the families
that the file names; in a practice network the practice adoptions stand in the file's place.
Guarantee: who is in doubt is told. An agency that the directory no longer has counts as one that
was meant; a notice is given only where a `notice` leaf cites its request.
Source: docs/adr/0039-statutory-clocks.md, "Decision: notices owed".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Annotated, Final, assert_never

import msgspec

from comity.directory.directory import Directory
from comity.domain.agency import Agency, Family, FamilyError, family_ancestors, parse_family
from comity.domain.errors import MalformedError
from comity.domain.ids import ORI, Member, parse_entry_name
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import (
    DataClass,
    Instrument,
    LeafDecision,
    LeafKind,
    LeafMode,
    Purpose,
)
from comity.exchange.leaves import HOUR_SECONDS, ordered
from comity.exchange.private import Fields
from comity.policy.clock import Clock, StartEvent
from comity.policy.laws import LawMark, laws_of
from comity.review.calendars import Calendar
from comity.review.deadlines import deadline_of
from comity.review.delays import (
    Delay,
    DelayLimits,
    Standing,
    add_delay,
    lift_delay,
    standing_of,
)
from comity.review.letters import Office
from comity.review.letters.words import Happened, Language
from comity.review.tables import read_table

__all__ = [
    "ADOPTED_MAX",
    "NOTICE_DELAYS_MAX",
    "NOTICE_FAMILIES_MAX",
    "Adopted",
    "AskedAbout",
    "NoticeRules",
    "NoticesFileError",
    "OwedNotice",
    "is_meant",
    "is_outcome_leaf",
    "notices_of",
    "parse_notices",
    "practice_notices",
    "told_of",
]

ADOPTED_MAX: Final = 16
"""Clauses that one state's file of notices adopts."""
NOTICE_FAMILIES_MAX: Final = 64
"""Families that one adopted clause names."""
NOTICE_DELAYS_MAX: Final = 512
"""Delays in one state's file of notices."""
_OUTCOMES: Final = frozenset({LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD})


class NoticesFileError(MalformedError):
    """A state's file of notices does not have its form, or adopts what no law here says."""

    code = "notices-file-malformed"


class _AdoptedRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: Member
    law: str
    clause: str
    families: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=NOTICE_FAMILIES_MAX)]
    instruments: tuple[Instrument, ...] = ()


class _DelayRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    entry: str
    delay: Delay


class _NoticesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    adopted: Annotated[tuple[_AdoptedRow, ...], msgspec.Meta(max_length=ADOPTED_MAX)]
    office: Mapping[Language, Office]
    delays: Annotated[tuple[_DelayRow, ...], msgspec.Meta(max_length=NOTICE_DELAYS_MAX)] = ()


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """A clause that is in force for notices: for requests of `families`, and of whoever acts for
    them, that rest on one of `instruments`; on anything, where none is named.
    """

    law: str
    clause: str
    cite: str
    mark: LawMark
    label: str
    clock: Clock
    families: frozenset[Family]
    instruments: frozenset[Instrument]


class NoticeRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a state's file says: clauses, who writes, and the delays of notices by entry."""

    state: Member
    adopted: tuple[Adopted, ...]
    office: Mapping[Language, Office]
    delays: Mapping[str, tuple[Delay, ...]]


class AskedAbout(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the ledger tells it: its first outcome, its other leaves, and its record.

    `leaves` are outcomes of the exchange by entry, the first at the front; `cited_by` the headers
    that cite one of them. `agency` is None where the directory has it no more.
    """

    entry: str
    leaves: tuple[tuple[str, LeafHeader], ...]
    cited_by: tuple[LeafHeader, ...]
    ori: ORI
    agency: Agency | None
    purpose: Purpose
    instrument: Instrument
    accepted_at: int


class OwedNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that a clause demands for one request, and how it stands."""

    asked: AskedAbout
    adopted: Adopted
    standing: Standing
    happened: Happened
    released: tuple[DataClass, ...]
    withheld: tuple[DataClass, ...]


def parse_notices(
    state: Member, data: bytes, limits: DelayLimits, calendar: Calendar
) -> NoticeRules:
    """Return what a state's TOML file of notices says. Raises: NoticesFileError, DelayError."""
    said = read_table(data, _NoticesFile, "a file of notices", NoticesFileError)
    if any(row.state != state for row in said.adopted):
        # Passed over, it would be a notice that nobody gives.
        raise NoticesFileError("`adopted` names a law of another state")
    return _rules(state, said, limits, calendar)


def practice_notices(state: Member, limits: DelayLimits, calendar: Calendar) -> NoticeRules:
    """Return what stands in a practice network in the place of a state's file."""
    data = files("comity.review").joinpath("practice_notices.toml").read_bytes()
    said = read_table(data, _NoticesFile, "a file of notices", NoticesFileError)
    own = tuple(row for row in said.adopted if row.state == state)
    return _rules(state, msgspec.structs.replace(said, adopted=own), limits, calendar)


def is_meant(rules: NoticeRules, header: LeafHeader, directory: Directory) -> bool:
    """Say whether a notice may be owed about an outcome, as far as its public header tells."""
    if not is_outcome_leaf(header):
        return False
    agency = directory.agency(ORI(header.agency or ""))
    # One that stands as sealed or small is told by its private record alone.
    return any(_is_family(adopted, agency) for adopted in rules.adopted)


def is_outcome_leaf(header: LeafHeader) -> bool:
    """Say whether a leaf is an outcome of a live request, about which a notice may be owed."""
    return header.mode is LeafMode.LIVE and header.kind in _OUTCOMES


def told_of(
    entry: str,
    leaves: Sequence[tuple[str, LeafHeader]],
    cited_by: Iterable[LeafHeader],
    fields: Fields,
    directory: Directory,
) -> AskedAbout:
    """Return a request from its leaves and the private record of the first.

    Raises: KeyError, ValueError for a record that is not of an exchange.
    """
    said = dict(fields)
    ori = ORI(said["agency"].decode())
    return AskedAbout(
        entry=entry,
        leaves=tuple(leaves),
        cited_by=tuple(cited_by),
        ori=ori,
        agency=directory.agency(ori),
        purpose=Purpose(said["purpose"].decode()),
        instrument=Instrument(said["instrument"].decode().partition(":")[0]),
        accepted_at=int(said["accepted_at"]),
    )


def notices_of(
    rules: NoticeRules, calendar: Calendar, asked: AskedAbout, now: datetime
) -> tuple[OwedNotice, ...]:
    """Return the notices that a request demands and that nobody has given.

    Raises: as `deadline_of`.
    """
    if any(header.kind is LeafKind.NOTICE for header in asked.cited_by):
        return ()
    found = []
    for adopted in rules.adopted:
        if not _applies(adopted, asked):
            continue
        first = deadline_of(adopted.clock, calendar, _start(adopted.clock, asked))
        delays = rules.delays.get(asked.entry, ())
        happened, released, withheld = _happened(asked)
        found.append(
            OwedNotice(
                asked=asked,
                adopted=adopted,
                standing=standing_of(adopted.clock, calendar, first, delays, now),
                happened=happened,
                released=released,
                withheld=withheld,
            )
        )
    return tuple(found)


def _rules(
    state: Member, said: _NoticesFile, limits: DelayLimits, calendar: Calendar
) -> NoticeRules:
    delays: dict[str, tuple[Delay, ...]] = {}
    for row in said.delays:
        if not _is_entry_of(state, row.entry):
            # It would seal nothing, and somebody would be told of what a court has sealed.
            raise NoticesFileError("`entry` of a delay is no entry of the state's ledger")
        at, lifted_at = row.delay.at, row.delay.lifted_at
        if at.tzinfo is None or (lifted_at is not None and lifted_at.tzinfo is None):
            raise NoticesFileError("`at` or `lifted_at` of a delay has no zone")
        plain = msgspec.structs.replace(row.delay, lifted_at=None)
        added = add_delay(limits, calendar, delays.get(row.entry, ()), plain)
        if lifted_at is not None:
            added = (*added[:-1], lift_delay(calendar, plain, lifted_at))
        delays[row.entry] = added
    return NoticeRules(
        state=state,
        adopted=tuple(_adopted(row, said.label) for row in said.adopted),
        office=said.office,
        delays=delays,
    )


def _adopted(row: _AdoptedRow, label: str) -> Adopted:
    for law, clause in laws_of(row.state).clauses():
        if (law.id, clause.id) == (row.law, row.clause) and clause.clock is not None:
            return Adopted(
                law=law.id,
                clause=clause.id,
                cite=law.cite,
                mark=clause.mark,
                label=label,
                clock=clause.clock,
                families=frozenset(map(_family, row.families)),
                instruments=frozenset(row.instruments),
            )
    raise NoticesFileError("`adopted` names a clause that has no clock")


def _is_entry_of(state: Member, text: str) -> bool:
    try:
        return parse_entry_name(text)[0] == state
    except MalformedError:
        return False


def _family(text: str) -> Family:
    try:
        return parse_family(text)
    except FamilyError as error:
        raise NoticesFileError(str(error)) from None


def _applies(adopted: Adopted, asked: AskedAbout) -> bool:
    if adopted.instruments and asked.instrument not in adopted.instruments:
        return False
    return _is_family(adopted, asked.agency)


def _is_family(adopted: Adopted, agency: Agency | None) -> bool:
    if agency is None:
        # Nobody can say any more that it was not one of them.
        return True
    meant = [agency.family, *(acts.family for acts in agency.acts_for)]
    return any(adopted.families & set(family_ancestors(family)) for family in meant)


def _start(clock: Clock, asked: AskedAbout) -> datetime:
    """Return when the clock starts; of an outcome only the hour is known, and its start counts."""
    match clock.starts:
        case StartEvent.REQUEST_RECEIVED | StartEvent.INSTRUMENT_RECEIVED:
            seconds = asked.accepted_at
        case StartEvent.DECISION_MADE | StartEvent.DISCLOSURE_MADE | StartEvent.COMPLAINT_RECEIVED:
            seconds = asked.leaves[0][1].hour * HOUR_SECONDS
        case _:
            assert_never(clock.starts)
    return datetime.fromtimestamp(seconds, UTC)


def _happened(
    asked: AskedAbout,
) -> tuple[Happened, tuple[DataClass, ...], tuple[DataClass, ...]]:
    """Return what became of a request, with the classes given and kept."""
    headers = [header for _, header in asked.leaves]
    released = {each for header in headers for each in header.released or ()}
    withheld = {each for header in headers for each in header.withheld or ()} - released
    ended = {header.cites: header.decision for header in asked.cited_by if _ends(header)}
    holds = [entry for entry, header in asked.leaves if header.kind is LeafKind.HOLD]
    kept = ordered(tuple(withheld))
    if released:
        return (Happened.PARTLY if kept else Happened.RELEASED), ordered(tuple(released)), kept
    if any(header.kind is LeafKind.DISCLOSURE for header in headers):
        return Happened.NO_RECORD, (), ()
    if any(entry not in ended for entry in holds):
        return Happened.HELD, (), kept
    if LeafDecision.EXPIRED in ended.values():
        return Happened.EXPIRED, (), kept
    return Happened.REFUSED, (), kept


def _ends(header: LeafHeader) -> bool:
    """Say whether a leaf ends the hold that it cites."""
    if header.kind is LeafKind.VERDICT:
        return header.decision in {LeafDecision.APPROVE, LeafDecision.REFUSE}
    return header.kind is LeafKind.CLOSURE and header.decision is LeafDecision.EXPIRED
