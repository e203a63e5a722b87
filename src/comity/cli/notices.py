"""`comity notices`: which residents must be told of a request, their letters, and that they were.

INVARIANT (no-answer-before-receipt): what is read about requests is recorded first.
Source: docs/adr/0039-statutory-clocks.md, "Decision: notices owed".
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
import typer

from comity.app.books import open_notices
from comity.app.paper import set_letter
from comity.cli.desk_words import practice_said
from comity.cli.errors import UsageError
from comity.cli.files import read_input, write_whole
from comity.cli.history import DAYS_MAX, check_keyring
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.papers import AsName, KeyFile, Papers
from comity.cli.parts import network_directory
from comity.cli.protections import protect, protected, unprotect
from comity.cli.reviewing import state_of_entry
from comity.cli.terminal import AsJson, fact_table, facts_console, print_json, print_wrapped, say
from comity.domain.given_notice import GivenHow
from comity.domain.ids import Member, member_label
from comity.domain.protection import AddressStands
from comity.review.calendars import Calendar, calendar_of, parse_calendar
from comity.review.deadline_words import day_words
from comity.review.delays import NoticeState, house_limits, parse_delay_limits
from comity.review.letter_facts import LetterTo, letter_facts
from comity.review.letters import letter_of, parse_recipient
from comity.review.letters.words import Happened, Language
from comity.review.notices import (
    NoticeRules,
    OwedNotice,
    notices_of,
    parse_notices,
    practice_notices,
)
from comity.review.protections import AddressSaid
from comity.review.tables import REVIEW_FILE_BYTES_MAX
from comity.roles.settings import Settings
from comity.services.notice_reader import NoticesRead

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_DAY_SECONDS: Final = 86_400
_DAYS: Final = 30
_BECAME: Final = {
    Happened.RELEASED: "released",
    Happened.PARTLY: "part released",
    Happened.NO_RECORD: "no record",
    Happened.REFUSED: "refused",
    Happened.HELD: "held",
    Happened.EXPIRED: "time ran out",
}

_Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="The request's entry, as in IL/126.")]
_Rules = Annotated[
    Path | None,
    typer.Option("--rules", metavar="FILE", help="The state's notices: clauses, office, delays."),
]
_Calendar = Annotated[
    Path | None, typer.Option("--calendar", metavar="FILE", help="The state's own holidays.")
]
_Limits = Annotated[
    Path | None, typer.Option("--limits", metavar="FILE", help="The state's limits of delays.")
]
_Days = Annotated[
    int, typer.Option("--days", min=1, max=DAYS_MAX, help="How many days back requests are read.")
]


class _Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What a state's notices are found by."""

    settings: Settings
    papers: Papers
    rules: NoticeRules
    calendar: Calendar


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """Notices that are owed, the nearest deadline first; records that nobody could read."""

    owed: tuple[OwedNotice, ...]
    unread: int
    access_entry: str


@app.callback()
def notices() -> None:
    """Tell residents who asked for their record, where a law demands it."""


@app.command("list")
def list_notices(
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose notices.")],
    days: _Days = _DAYS,
    rules: _Rules = None,
    calendar: _Calendar = None,
    limits: _Limits = None,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the notices that are owed, by deadline.

    How each was counted stands below. The reading is recorded; nobody in a record is named.
    """
    member = member_of(state)
    desk = _desk(member, (rules, calendar, limits), (as_name, key), data)
    found = _find(desk, days)
    if as_json:
        print_json(_document(desk, found))
        return
    console = facts_console()
    print_wrapped(console, f"{_finding(desk, found, days)}{practice_said(data)}", onward="  ")
    if found.owed:
        console.print("")
        heads = ("request", "agency", "asked on", "became", "tell by", "law")
        fact_table(console, heads, [_row(desk, each) for each in found.owed])
        console.print("")
        said = (_said(each) for each in found.owed)
        caveats = (each.standing.deadline.caveat for each in found.owed)
        for sentence in filter(None, dict.fromkeys((*said, *caveats))):
            print_wrapped(console, sentence, "  ", "    ")
    for entry in _unused(desk, found):
        print_wrapped(
            console, f"A delay names {entry}, about which no notice is owed.", "  ", "    "
        )
    if found.unread:
        print_wrapped(
            console,
            f"{found.unread} records could not be read; a notice may be owed about them.",
            "  ",
            "    ",
        )
    console.print(f"  That you read this is recorded as {found.access_entry}.")


@app.command()
def letter(
    entry: _Entry,
    *,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Whom it goes to, in TOML.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The PDF to write.")],
    language: Annotated[Language, typer.Option("--language", help="Of the letter.")] = (
        Language.ENGLISH
    ),
    days: _Days = _DAYS,
    rules: _Rules = None,
    calendar: _Calendar = None,
    limits: _Limits = None,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
) -> None:
    """Write the letter of a notice that is owed.

    One page, PDF/UA. The reading is recorded; name and address are kept nowhere.
    """
    member, name = state_of_entry(entry)
    desk = _desk(member, (rules, calendar, limits), (as_name, key), data)
    if out.exists():
        raise UsageError(f"there is a file `{out}` already: name another")
    recipient = parse_recipient(read_input(str(to), REVIEW_FILE_BYTES_MAX))
    owed = [each for each in _find(desk, days).owed if each.asked.entry == name]
    if not owed:
        raise UsageError("no notice is owed about this entry: `comity notices list` says which are")
    notice = owed[0]
    if notice.standing.state is NoticeState.DELAYED:
        raise UsageError(f"the notice is {notice.standing.sentence}")
    zone = ZoneInfo(desk.calendar.zone)
    today = datetime.now(UTC).astimezone(zone).date()
    address = asyncio.run(_address(desk, notice, recipient.licence))
    whom = LetterTo(
        language=language,
        recipient=recipient,
        address=address,
        dated=today,
        practice=desk.settings.is_practice,
    )
    facts = letter_facts(desk.rules, zone, notice, whom)
    write_whole(out, set_letter(letter_of(facts)))
    say(f"● the letter about {name} is in {out}{practice_said(data)}")
    say(f"  {notice.standing.sentence}")
    how = GivenHow.POST
    if address.stands is AddressStands.CONFIDENTIAL:
        how = GivenHow.SAFE_CONTACT
        say("  This person's address is confidential: the letter is for the safe contact alone.")
    if not address.may_post:
        how = GivenHow.SAFE_CONTACT
        say("  Nothing is posted to this person.")
    say(f"  Once it is given: comity notices given {name} --how {how} --on {today}")


@app.command()
def given(
    entry: _Entry,
    *,
    how: Annotated[GivenHow, typer.Option("--how", help="How the resident was told.")],
    on: Annotated[str, typer.Option("--on", metavar="DATE", help="On which day: 2026-11-24.")],
    rules: _Rules = None,
    calendar: _Calendar = None,
    limits: _Limits = None,
    as_name: AsName = "",
    key: KeyFile = None,
    data: DataDir = None,
) -> None:
    """Sign that a resident was told.

    The ledger says so by a leaf that cites the request, and the notice is owed no more.
    """
    member, name = state_of_entry(entry)
    desk = _desk(member, (rules, calendar, limits), (as_name, key), data)
    if len(desk.rules.adopted) != 1:
        raise UsageError("the state has not adopted one clause that demands notices")
    (adopted,) = desk.rules.adopted
    try:
        day = date.fromisoformat(on)
    except ValueError:
        raise UsageError("`--on` is not a day such as 2026-11-24") from None
    leaf = desk.papers.give_notice(name, law=adopted.law, clause=adopted.clause, how=how, on=day)
    say(f"● {leaf} says that the resident was told of {name}{practice_said(data)}")


for _command in (protect, unprotect, protected):
    app.command()(_command)


def _desk(
    member: Member,
    files: tuple[Path | None, Path | None, Path | None],
    signer: tuple[str, Path | None],
    data: Path | None,
) -> _Desk:
    """Read a state's files, or what stands in their place. Raises: what they are refused with."""
    settings = settings_of(data)
    rules_file, calendar_file, limits_file = files
    calendar, limits = calendar_of(member), house_limits()
    if calendar_file is not None:
        calendar = parse_calendar(member, read_input(str(calendar_file), REVIEW_FILE_BYTES_MAX))
    if limits_file is not None:
        limits = parse_delay_limits(read_input(str(limits_file), REVIEW_FILE_BYTES_MAX))
    if rules_file is not None:
        text = read_input(str(rules_file), REVIEW_FILE_BYTES_MAX)
        rules = parse_notices(member, text, limits, calendar)
    elif settings.is_practice:
        rules = practice_notices(member, limits, calendar)
    else:
        raise UsageError(
            "the clauses that the state adopted stand in its own file: name it, `--rules`"
        )
    papers = Papers.of(settings, member, *signer)
    return _Desk(settings=settings, papers=papers, rules=rules, calendar=calendar)


def _find(desk: _Desk, days: int) -> _Found:
    """Record the reading, then read."""
    check_keyring(desk.settings, desk.rules.state)
    now = int(time.time())
    since = now - days * _DAY_SECONDS
    access = desk.papers.read_history(since, now + 1)
    read = asyncio.run(_read(desk, since))
    at = datetime.fromtimestamp(now, UTC)
    owed = [n for asked in read.asked for n in notices_of(desk.rules, desk.calendar, asked, at)]
    owed.sort(key=lambda each: each.standing.deadline.expires_at)
    return _Found(owed=tuple(owed), unread=read.unread, access_entry=access)


async def _read(desk: _Desk, since: int) -> NoticesRead:
    directory = await network_directory(desk.settings)
    async with open_notices(desk.settings, desk.rules.state) as reader:
        return await reader.read(desk.rules, directory, since)


async def _address(desk: _Desk, notice: OwedNotice, licence: str) -> AddressSaid:
    """Return what the register of confidential addresses says now of whom a request is about."""
    async with open_notices(desk.settings, desk.rules.state) as reader:
        return await reader.address(notice.asked, int(time.time()), licence=licence)


def _finding(desk: _Desk, found: _Found, days: int) -> str:
    label = member_label(desk.rules.state)
    if not desk.rules.adopted:
        return f"{label} has adopted no clause that demands a notice to residents"
    if not found.owed:
        return f"● {label} owes no notice about the requests of {days} days"
    late = sum(each.standing.state is NoticeState.OVERDUE for each in found.owed)
    count = len(found.owed)
    said = "1 notice is owed" if count == 1 else f"{count} notices are owed"
    return f"{'✕' if late else '◆'} {said} by {label}" + (f", {late} overdue" if late else "")


def _unused(desk: _Desk, found: _Found) -> list[str]:
    """Return the entries that delays name in vain: a mistyped one would seal nothing."""
    owed = {each.asked.entry for each in found.owed}
    return sorted(set(desk.rules.delays) - owed)


def _row(desk: _Desk, notice: OwedNotice) -> tuple[str, ...]:
    asked, standing = notice.asked, notice.standing
    by = day_words(standing.deadline.last_day)
    return (
        asked.entry,
        asked.agency.name if asked.agency is not None else f"{asked.ori}, not listed any more",
        day_words(_local_day(desk, asked.accepted_at)),
        _BECAME[notice.happened],
        by if standing.state is NoticeState.OWED else f"{by}, {standing.state}",
        f"{notice.adopted.cite} ({notice.adopted.mark})",
    )


def _said(notice: OwedNotice) -> str:
    return f"{notice.standing.sentence} ({notice.adopted.label})"


def _local_day(desk: _Desk, seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(desk.calendar.zone)).date()


def _document(desk: _Desk, found: _Found) -> dict[str, Any]:
    return {
        "state": desk.rules.state,
        "practice": desk.settings.is_practice,
        "notices": [
            {
                "entry": each.asked.entry,
                "agency": each.asked.ori,
                "accepted_at": _utc(datetime.fromtimestamp(each.asked.accepted_at, UTC)),
                "happened": each.happened,
                "released": each.released,
                "withheld": each.withheld,
                "cite": each.adopted.cite,
                "mark": each.adopted.mark,
                "label": each.adopted.label,
                "standing": each.standing.state,
                "tell_by": _utc(each.standing.deadline.expires_at),
                "is_late": each.standing.is_late,
                "counted": each.standing.sentence,
                "caveat": each.standing.deadline.caveat,
            }
            for each in found.owed
        ],
        "delays_unused": _unused(desk, found),
        "unread": found.unread,
        "access_entry": found.access_entry,
    }


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
