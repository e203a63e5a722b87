"""Answering a public-records request: what is asked for, and the export with its redaction log.

INVARIANT (no-answer-before-receipt): a field is opened only once its `access` leaf is durable.
Guarantee: nothing is signed before the whole form is sound; no person's record can be chosen.
Source: docs/adr/0044-legal-desk.md, "Decision: public-records exports".
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from comity.console.days import day_bounds, parse_day, today_of
from comity.console.desk import Desk
from comity.console.errors import NotASignerError
from comity.console.hosted import directory_here
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Fields, Visit
from comity.domain.errors import MalformedError
from comity.domain.ids import Member, entry_name, member_label, member_zone, parse_entry_name
from comity.domain.leaf import SEALED
from comity.domain.verdict import OpeningReading
from comity.domain.vocabulary import LeafKind, term
from comity.link.errors import GatewayRefusalError, GatewaySilentError
from comity.policy.check import CITE_CHARACTERS_MAX, is_citation
from comity.ports import SigningKeyError
from comity.services.openings import Opened, opened_fields, record_opening
from comity.services.private_records import RecordGoneError
from comity.services.public_records import (
    Collected,
    PeriodTooLongError,
    PeriodWanted,
    collect_leaves,
    signed_head,
)
from comity.services.public_records_files import (
    AUTHORITIES,
    OPENABLE_FIELDS,
    OPENABLE_KINDS,
    ExportFacts,
    Ground,
    export_zip,
)

__all__ = ["DAYS_MAX", "OPENINGS_MAX", "PublicRecordsPages"]

DAYS_MAX: Final = 366
"""Days of one public-records export."""
OPENINGS_MAX: Final = 20
"""Leaves of which one export opens fields."""
_WORD_CHARS_MAX: Final = 40
_SMALL: Final = "small:"
_KINDS: Final = (LeafKind.QUERY, LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD)
_FIELDS_SAID: Final = {
    "elements": ("What was released", "Names of the parts of a record, never their values."),
    "rules": ("The rules that decided", "By their ids."),
    "assurance": ("How sure the officer is known", "Signed, named by the agency, or not stated."),
}
_GROUNDS_SAID: Final = {
    Ground.PERSON: "Whom it was about, and which officer asked",
    Ground.INVESTIGATION: "Case numbers, and references of legal papers",
    Ground.LINKAGE: "Numbers of requests, and exact times",
    Ground.NOT_DISCLOSED: "Fields that could be opened and are not",
    Ground.STAFF: "What stands behind leaves of other kinds",
}
_Wrong = tuple[tuple[str, str], ...]


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the form holds, as it was sent."""

    reference: str = ""
    first: str = ""
    last: str = ""
    kinds: tuple[str, ...] = tuple(kind.value for kind in _KINDS)
    entries: str = ""
    fields: tuple[str, ...] = ()
    authorities: tuple[tuple[str, str], ...] = tuple(AUTHORITIES.items())


class PublicRecordsPages:
    """The form, and the export; one is made at a time."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views
        self._one_at_a_time = asyncio.Lock()

    async def form(self, visit: Visit) -> Reply:
        """Ask for the period, the kinds, and what is opened."""
        return await self._page(visit, _Asked())

    async def export(self, visit: Visit) -> Reply:
        """Give the export as a ZIP; what it opens is recorded first."""
        asked = _asked(visit.form)
        await directory_here(self._desk, visit.person.state)
        wrong = _wrong(asked, visit)
        if wrong:
            return await self._page(visit, asked, wrong, status=422)
        state = visit.person.state
        kinds = frozenset(LeafKind(kind) for kind in asked.kinds)
        wanted = PeriodWanted(
            member=state,
            begins=_bounds(asked.first, state)[0],
            before=min(_bounds(asked.last, state)[1], visit.now + 1),
            kinds=kinds,
        )
        async with self._one_at_a_time:
            try:
                collected = await collect_leaves(self._desk.store, self._desk.ledger, wanted)
            except PeriodTooLongError as error:
                wrong = (("last", f"Choose fewer days or kinds: {error}."),)
                return await self._page(visit, asked, wrong, status=422)
            wrong = _wrong_entries(asked, collected, state)
            if wrong:
                return await self._page(visit, asked, wrong, status=422)
            opened, gone = await self._open(visit, asked)
            facts = await self._facts(visit, asked, opened, gone)
            body = await asyncio.to_thread(export_zip, collected, facts)
        name = f"{state}-public-records-{asked.first}-to-{asked.last}.zip"
        return Reply(media="application/zip", body=body, attachment=name)

    async def _open(self, visit: Visit, asked: _Asked) -> tuple[dict[str, Opened], list[str]]:
        """Record and open fields of each leaf named; return those whose record is gone apart."""
        desk, signer = self._desk, self._desk.opening_signer(visit.session)
        opened: dict[str, Opened] = {}
        gone: list[str] = []
        for entry in _entries(asked):
            reading = OpeningReading(
                state=visit.person.state,
                entry=entry,
                fields=tuple(name for name in OPENABLE_FIELDS if name in asked.fields),
                reviewer=signer.name,
                at=visit.now,
            )
            try:
                access = await record_opening(desk.bus, desk.host, reading, signer.sign)
                opened[entry] = await opened_fields(desk.records, reading, access)
            except RecordGoneError:
                gone.append(entry)
            except (NotASignerError, SigningKeyError) as error:
                desk.events.failure("opening_not_signed", error, member=reading.state)
                raise ProblemError(Problem.NO_KEY) from None
            except GatewayRefusalError as error:
                desk.events.failure("opening_not_recorded", error, member=reading.state)
                raise ProblemError(Problem.OPENING_REFUSED, str(error)) from None
            except GatewaySilentError as error:
                desk.events.failure("opening_unanswered", error, member=reading.state)
                raise ProblemError(Problem.OPENING_SILENT) from None
        return opened, gone

    async def _facts(
        self, visit: Visit, asked: _Asked, opened: dict[str, Opened], gone: list[str]
    ) -> ExportFacts:
        desk, state = self._desk, visit.person.state
        places: dict[int, str] = {parse_entry_name(entry)[1]: entry for entry in opened}
        head, proofs = await signed_head(desk.store, desk.ledger, state, list(places))
        return ExportFacts(
            member=state,
            reference=asked.reference,
            first_day=asked.first,
            last_day=asked.last,
            zone=member_zone(state),
            kinds=tuple(kind for kind in LeafKind if kind.value in asked.kinds),
            authorities={Ground(ground): said for ground, said in asked.authorities},
            opened=opened,
            proofs={places[index]: proof for index, proof in proofs.items()},
            gone=gone,
            checkpoint=b"" if head is None else head.note,
            origin="" if head is None else head.checkpoint.origin,
            size=0 if head is None else head.checkpoint.size,
            root=b"" if head is None else head.checkpoint.root,
            practice=self._views.is_practice,
            at=visit.now,
        )

    async def _page(
        self, visit: Visit, asked: _Asked, wrong: _Wrong = (), *, status: int = 200
    ) -> Reply:
        state = visit.person.state
        await directory_here(self._desk, state)
        head, _ = (await self._desk.store.heads([state]))[state]
        size = head.frontier.size
        return self._views.page(
            "public_records.html",
            visit,
            status=status,
            finding=(
                f"{member_label(state)}'s public ledger has {size:,} leaves; which of them does the"
                " request ask for?"
            ),
            asked=asked,
            kinds=[(kind.value, term(kind).label, term(kind).note) for kind in LeafKind],
            openable=[(name, *_FIELDS_SAID[name]) for name in OPENABLE_FIELDS],
            grounds=[
                (f"authority_{ground}", _GROUNDS_SAID[Ground(ground)], said)
                for ground, said in asked.authorities
            ],
            example=f"{state.upper()}/126",
            openings_max=OPENINGS_MAX,
            can_sign=bool(visit.person.signs_as),
            wrong=wrong,
            faults=dict(wrong),
            back=url_of(Name.LITIGATION),
        )


def _asked(form: Fields) -> _Asked:
    return _Asked(
        reference=form.one("reference").strip(),
        first=form.one("first").strip(),
        last=form.one("last").strip(),
        kinds=tuple(dict.fromkeys(form.several("kind"))),
        entries=form.one("entries"),
        fields=tuple(dict.fromkeys(form.several("field"))),
        authorities=tuple(
            (ground, form.one(f"authority_{ground}").strip()) for ground in AUTHORITIES
        ),
    )


def _wrong(asked: _Asked, visit: Visit) -> _Wrong:
    """Return what has to be mended before anything is read: the field, and a sentence."""
    found: list[tuple[str, str]] = []
    plain = f"1 to {CITE_CHARACTERS_MAX} letters, digits and plain marks"
    if not is_citation(asked.reference):
        found.append(("reference", f"Name the request: {plain}, no accents."))
    first, last = parse_day(asked.first), parse_day(asked.last)
    if first is None:
        found.append(("first", "Write a day such as 2026-03-14."))
    if last is None or last > today_of(visit):
        found.append(("last", "Write a day that is not to come, such as 2026-03-14."))
    elif first is not None and not 0 <= (last - first).days < DAYS_MAX:
        found.append(("last", f"The last day lies before the first, or over {DAYS_MAX} days on."))
    if not asked.kinds or not set(asked.kinds) <= {kind.value for kind in LeafKind}:
        found.append(("kind", "Choose at least one kind of leaf."))
    if not set(asked.fields) <= set(OPENABLE_FIELDS):
        found.append(("field", "No other field can be opened here."))
    entries = _entries(asked)
    if bool(entries) != bool(asked.fields):
        found.append(("entries", "Name the leaves and the fields to open, or neither."))
    if len(entries) > OPENINGS_MAX:
        found.append(("entries", f"At most {OPENINGS_MAX} leaves are opened in one export."))
    for ground, said in asked.authorities:
        if not is_citation(said):
            found.append((f"authority_{ground}", f"Say by which authority: {plain}, no accents."))
    return tuple(found)


def _wrong_entries(asked: _Asked, collected: Collected, state: Member) -> _Wrong:
    """Return which leaf cannot be opened; nothing where all can."""
    known = {entry_name(state, leaf.index): leaf.header for leaf in collected.leaves}
    for entry in _entries(asked):
        header = known.get(entry)
        if header is None:
            return (("entries", f"`{entry}` is no leaf of this period and these kinds."),)
        if header.kind not in OPENABLE_KINDS:
            kinds = ", ".join(kind for kind in LeafKind if kind in OPENABLE_KINDS)
            return (("entries", f"`{entry}` is a {header.kind} leaf; only {kinds} are opened."),)
        if SEALED in (header.agency, header.purpose, header.offence):
            return (("entries", f"`{entry}` is sealed: your published rules show it later."),)
        if (header.agency or "").startswith(_SMALL):
            said = "is of an agency too small to be named, which the rules that decided could name"
            return (("entries", f"`{entry}` {said}."),)
    return ()


def _entries(asked: _Asked) -> list[str]:
    """Return the leaves named, each once, as entries are written; what is none stands as it is."""
    return list(dict.fromkeys(_entry(word) for word in asked.entries.replace(",", " ").split()))


def _entry(word: str) -> str:
    try:
        member, index = parse_entry_name(word.lower())
    except MalformedError:
        return word[:_WORD_CHARS_MAX]
    return entry_name(member, index)


def _bounds(day: str, state: Member) -> tuple[int, int]:
    parsed = parse_day(day)
    assert parsed is not None
    return day_bounds(parsed, state)
