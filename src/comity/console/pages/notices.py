"""Notices to residents: which are owed by when, the letter of one, and that it was given."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any, Final, assert_never
from zoneinfo import ZoneInfo

import msgspec

from comity.console.desk import Desk
from comity.console.notice_book import NOTICE_DAYS, OwedNow
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import classes_said, counted, iso, left_said, opened, tone_of
from comity.domain.errors import ComityError
from comity.domain.given_notice import GivenHow
from comity.domain.ids import Member, entry_name, member_label
from comity.domain.protection import ADDRESS_WORDS, AddressStands
from comity.link.errors import GatewayRefusalError
from comity.review.deadline_words import day_words
from comity.review.delays import NoticeState
from comity.review.letter_facts import LetterTo, letter_facts
from comity.review.letters import (
    ADDRESS_LINES_MAX,
    PostalAddress,
    Recipient,
    SafeContact,
    letter_of,
)
from comity.review.letters.words import Happened, Language
from comity.review.notices import NoticeRules, OwedNotice
from comity.review.protections import AddressSaid, AddressUnknownError, NoPostError

__all__ = ["NoticePages"]

_BECAME: Final = {
    Happened.RELEASED: ("released", "Released"),
    Happened.PARTLY: ("released", "Released in part"),
    Happened.NO_RECORD: ("none", "No record"),
    Happened.REFUSED: ("refused", "Refused"),
    Happened.HELD: ("held", "Held"),
    Happened.EXPIRED: ("refused", "Time ran out"),
}
_HOW: Final = {
    GivenHow.POST: "by post",
    GivenHow.HAND: "in person",
    GivenHow.TELEPHONE: "by telephone",
    GivenHow.SAFE_CONTACT: "by the safe contact",
}
_LANGUAGES: Final = {Language.ENGLISH: "English", Language.SPANISH: "Spanish"}
_PDF: Final = "application/pdf"


class _Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the letter's form holds, or held before something in it was wrong."""

    resident: str = ""
    address: str = ""
    contact: str = ""
    reach: str = ""
    licence: str = ""
    language: str = Language.ENGLISH.value
    how: str = GivenHow.POST.value
    on: str = ""


class NoticePages:
    """The list of notices, and one of them."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def notices(self, visit: Visit) -> Reply:
        """Show the notices that the state owes, the nearest deadline first."""
        member = visit.person.state
        clauses = self._desk.notices.clauses(member)
        if clauses is None or not clauses[0].adopted:
            return self._views.page(
                "notices.html", visit, finding=_nothing_adopted(member), rows=[], unread=0,
                access_entry="", sentences=[],
            )  # fmt: skip
        found = await self._owed(visit)
        return self._views.page(
            "notices.html",
            visit,
            counts={Name.NOTICES: len(found.owed)},
            finding=_finding(member, found),
            rows=[_row(each, visit.now) for each in found.owed],
            unread=found.unread,
            access_entry=found.access_entry.upper(),
            sentences=list(dict.fromkeys(filter(None, map(_caveat, found.owed)))),
        )

    async def notice(self, visit: Visit) -> Reply:
        """Show one notice, how its deadline was counted, and the forms of its letter."""
        notice, rules = await self._one(visit)
        return await self._show(visit, notice, rules, _Given(on=f"{self._today(visit):%Y-%m-%d}"))

    async def letter(self, visit: Visit) -> Reply:
        """Return the letter as a PDF; name and address are kept nowhere."""
        notice, rules = await self._one(visit)
        given = _given(visit)
        # Asked each time: what was prepared before a protection stood is made anew.
        address = await self._address(visit, notice, given.licence)
        wrong = _wrong_letter(notice, rules, given, address)
        if wrong:
            return await self._show(visit, notice, rules, given, wrong)
        language = Language(given.language)
        whom = LetterTo(
            language=language,
            recipient=_recipient(given),
            address=address,
            dated=self._today(visit),
            practice=self._desk.notices.is_practice,
        )
        try:
            facts = letter_facts(rules, self._zone(visit), notice, whom)
            body = await asyncio.to_thread(self._desk.notices.set_letter, letter_of(facts))
        except AddressUnknownError as error:
            wrong = (("address", opened(f"{error}.")),)
            return await self._show(visit, notice, rules, given, wrong)
        except ComityError as error:
            wrong = (("resident", opened(f"{error}.")),)
            return await self._show(visit, notice, rules, given, wrong)
        # The entry names the agency, and a file's name travels with it.
        about = "confidential" if isinstance(facts.to, SafeContact) else visit.values["number"]
        name = f"letter-{visit.person.state}-{about}-{language}.pdf"
        return Reply(media=_PDF, body=body, attachment=name)

    async def given(self, visit: Visit) -> Reply:
        """Sign that the resident was told; the ledger says so by a leaf."""
        notice, rules = await self._one(visit)
        given = _given(visit)
        try:
            day, how = date.fromisoformat(given.on), GivenHow(given.how)
        except ValueError:
            wrong = (("on", "Give the day as the calendar has it, such as 2026-11-24."),)
            return await self._show(visit, notice, rules, given, wrong)
        try:
            await self._desk.reviewing(visit.session).give_notice(
                notice.asked.entry,
                law=notice.adopted.law,
                clause=notice.adopted.clause,
                how=how,
                on=day,
            )
        except GatewayRefusalError as error:
            field = "how" if error.reason == NoPostError.code else "on"
            wrong = ((field, opened(f"{error}.")),)
            return await self._show(visit, notice, rules, given, wrong)
        self._desk.notices.forget(visit.form_token)
        return go_to(url_of(Name.NOTICES))

    async def _owed(self, visit: Visit) -> OwedNow:
        directory = await self._desk.books.directory()
        reviewing = self._desk.reviewing(visit.session)
        return await self._desk.notices.owed(
            visit.form_token, visit.person.state, reviewing, directory, visit.now
        )

    async def _one(self, visit: Visit) -> tuple[OwedNotice, NoticeRules]:
        """Return the notice about a path's entry. Raises: ProblemError if none is owed."""
        clauses = self._desk.notices.clauses(visit.person.state)
        if clauses is None:
            raise ProblemError(Problem.NO_NOTICE)
        entry = entry_name(visit.person.state, int(visit.values["number"]))
        found = await self._owed(visit)
        if entry not in {each.asked.entry for each in found.owed} and found.at < visit.now:
            # It may have come to be owed since this session's list was read.
            self._desk.notices.forget(visit.form_token)
            found = await self._owed(visit)
        for notice in found.owed:
            if notice.asked.entry == entry:
                return notice, clauses[0]
        raise ProblemError(Problem.NO_NOTICE)

    async def _address(self, visit: Visit, notice: OwedNotice, licence: str) -> AddressSaid:
        return await self._desk.notices.address(notice.asked, visit.now, licence)

    async def _show(
        self,
        visit: Visit,
        notice: OwedNotice,
        rules: NoticeRules,
        given: _Given,
        wrong: tuple[tuple[str, str], ...] = (),
    ) -> Reply:
        number = visit.values["number"]
        asked, standing = notice.asked, notice.standing
        mark, said = _BECAME[notice.happened]
        address = await self._address(visit, notice, given.licence)
        return self._views.page(
            "notice.html",
            visit,
            status=422 if wrong else 200,
            entry=asked.entry.upper(),
            finding=_finding_of(notice),
            clock=_clock(notice, visit.now),
            facts=[
                ("Asked by", asked.agency.name if asked.agency else f"{asked.ori}, not listed"),
                ("Asked on", day_words(self._day(visit, asked.accepted_at))),
                ("What went out", classes_said(notice.released) or "nothing"),
                ("What did not", classes_said(notice.withheld) or "nothing was kept back"),
                ("Counted so", opened(standing.sentence)),
                ("Of the calendar", standing.deadline.caveat or "confirmed by the state"),
            ],
            outcome=(mark, said),
            cite=f"{notice.adopted.cite} ({notice.adopted.mark})",
            label=notice.adopted.label,
            is_delayed=standing.state is NoticeState.DELAYED,
            languages=[(each.value, _LANGUAGES[each]) for each in rules.office],
            ways=[
                (how.value, words)
                for how, words in _HOW.items()
                if how is not GivenHow.POST or address.may_post
            ],
            reach=_reach_words(address),
            stands=address.stands.value,
            given=given,
            wrong=wrong,
            faults=dict(wrong),
            letter=url_of(Name.NOTICE_LETTER, number=number),
            told=url_of(Name.NOTICE_GIVEN, number=number),
            back=url_of(Name.NOTICES),
        )

    def _zone(self, visit: Visit) -> ZoneInfo:
        clauses = self._desk.notices.clauses(visit.person.state)
        assert clauses is not None
        return ZoneInfo(clauses[1].zone)

    def _day(self, visit: Visit, seconds: int) -> date:
        return datetime.fromtimestamp(seconds, UTC).astimezone(self._zone(visit)).date()

    def _today(self, visit: Visit) -> date:
        return self._day(visit, visit.now)


def _reach_words(address: AddressSaid) -> str:
    """Return what the register says of whom the letter is for; empty where it says nothing."""
    match address.stands:
        case AddressStands.CONFIDENTIAL:
            assert address.contact is not None
            posted = "" if address.may_post else " Nothing is posted."
            return (
                f"{ADDRESS_WORDS[address.stands]} The letter names the agency by its kind alone and"
                f" goes through {address.contact.name}: {address.contact.how}{posted}"
            )
        case AddressStands.UNREAD:
            return (
                f"{ADDRESS_WORDS[address.stands]} No letter shows an address, and none is posted,"
                " until a supervisor has mended the register."
            )
        case AddressStands.UNNAMED:
            return (
                "The request names nobody for certain, and some addresses of the state are"
                " confidential: give the licence number of whom the letter goes to."
            )
        case AddressStands.OPEN:
            return ""
        case _:
            assert_never(address.stands)


def _recipient(given: _Given) -> Recipient:
    lines = _lines(given.address)
    to: PostalAddress | SafeContact | None = PostalAddress(lines=lines) if lines else None
    if given.contact:
        to = SafeContact(name=given.contact, how=given.reach)
    return Recipient(resident=given.resident, to=to, licence=given.licence)


def _wrong_letter(
    notice: OwedNotice, rules: NoticeRules, given: _Given, address: AddressSaid
) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    if notice.standing.state is NoticeState.DELAYED:
        found.append(("resident", opened(f"the notice is {notice.standing.sentence}")))
    if notice.asked.agency is None:
        gone = "The directory does not have the agency any more: write by hand."
        found.append(("resident", gone))
    if not given.resident:
        found.append(("resident", "Say to whom the letter goes."))
    is_given = address.stands is AddressStands.CONFIDENTIAL
    if not is_given and bool(given.address) is bool(given.contact):
        both = "Give an address, or a safe contact in its place; not both and not neither."
        found.append(("address", both))
    if len(_lines(given.address)) > ADDRESS_LINES_MAX:
        found.append(("address", f"Give at most {ADDRESS_LINES_MAX} lines."))
    if bool(given.contact) is not bool(given.reach):
        found.append(("reach", "Say who the safe contact is, and how to reach them."))
    if given.language not in {language.value for language in rules.office}:
        found.append(("language", "The state's file has no office for this language."))
    return tuple(found)


def _given(visit: Visit) -> _Given:
    texts = {name: visit.form.one(name).strip() for name in _Given.__struct_fields__}
    return _Given(**texts)


def _lines(address: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in address.splitlines() if line.strip())


def _nothing_adopted(member: Member) -> str:
    return f"{member_label(member)} has adopted no clause that demands a notice to residents."


def _finding(member: Member, found: OwedNow) -> str:
    """Return in a sentence how many residents must be told, and by when."""
    label = member_label(member)
    if not found.owed:
        return f"{label} owes no notice about the requests of {NOTICE_DAYS} days."
    owed = counted(len(found.owed), "resident must", "residents must")
    late = sum(each.standing.state is NoticeState.OVERDUE for each in found.owed)
    first = day_words(found.owed[0].standing.deadline.last_day)
    said = f"{opened(owed)} be told who asked for their record"
    if late:
        return f"{said}; {late} should have been told already."
    return f"{said}, the first by the end of {first}."


def _finding_of(notice: OwedNotice) -> str:
    asked = notice.asked
    who = asked.agency.name if asked.agency is not None else asked.ori
    by = day_words(notice.standing.deadline.last_day)
    if notice.standing.state is NoticeState.DELAYED:
        return f"{who} asked for a record. The resident is not told yet: the notice is delayed."
    if notice.standing.state is NoticeState.OVERDUE:
        return f"{who} asked for a record. The resident should have been told by {by}."
    return f"{who} asked for a record. The resident must be told by the end of {by}."


def _clock(notice: OwedNotice, now: int) -> dict[str, Any]:
    until = int(notice.standing.deadline.expires_at.timestamp())
    is_waiting = notice.standing.state is NoticeState.DELAYED
    return {
        "until": iso(until),
        "left": left_said(until - now),
        "tone": tone_of(until - now, is_waiting=is_waiting),
    }


def _row(notice: OwedNotice, now: int) -> dict[str, Any]:
    asked = notice.asked
    mark, said = _BECAME[notice.happened]
    return {
        "entry": asked.entry.upper(),
        "url": url_of(Name.NOTICE, number=asked.entry.rpartition("/")[2]),
        "agency": asked.agency.name if asked.agency is not None else f"{asked.ori}, not listed",
        "mark": mark,
        "became": said,
        "by": day_words(notice.standing.deadline.last_day),
        "law": f"{notice.adopted.cite} ({notice.adopted.mark})",
        **_clock(notice, now),
    }


def _caveat(notice: OwedNotice) -> str:
    return notice.standing.deadline.caveat
