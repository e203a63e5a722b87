"""Certifications: which agencies' certifications to the state lapse, and by when.

Guarantee: read from the directory alone; nobody in a record is on it, and nothing is recorded.
Source: docs/adr/0045-certifications-that-lapse.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from comity.console.desk import Desk
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import counted, iso, left_said, opened, plain, tone_of
from comity.directory.directory import Directory
from comity.domain.agency import CertifiedUntil
from comity.domain.errors import ComityError
from comity.domain.ids import Member, member_label, member_zone
from comity.policy.english import english_of
from comity.policy.rule import Rule
from comity.review.certifications import LAST_SECOND, WARNING_DAYS, Step, days_left, last_day_of
from comity.review.deadline_words import day_words

__all__ = ["ROWS_MAX", "CertificationPages", "finding_of"]

ROWS_MAX: Final = 100
"""Certifications of one page."""
_FROM: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_SOON_DAYS: Final = WARNING_DAYS[Step.MONTH]


class _Part(StrEnum):
    """Which certifications a page lists."""

    SOON = "soon"
    LAPSED = "lapsed"
    LATER = "later"


_CAPTIONS: Final = {
    _Part.SOON: ("Lapse within 30 days", "the nearest first"),
    _Part.LAPSED: ("Have lapsed", "the latest first"),
    _Part.LATER: ("Stand longer", "the nearest first"),
}
_EMPTY: Final = {
    _Part.SOON: "No certification lapses within 30 days.",
    _Part.LAPSED: "No certification has lapsed.",
    _Part.LATER: "No certification stands longer than 30 days.",
}


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """One certification; `days` until its last day."""

    row: CertifiedUntil
    part: _Part
    days: int


class CertificationPages:
    """Who is certified to the state until when."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def certifications(self, visit: Visit) -> Reply:
        """Show the certifications of one part, and how many there are of each."""
        state = visit.person.state
        directory = await self._desk.books.directory()
        found = _read(directory, state, visit.now)
        part, start = _asked(visit)
        rows = [each for each in found if each.part is part]
        if part is _Part.LAPSED:
            rows.reverse()
        shown = rows[start : start + ROWS_MAX]
        caption, order = _CAPTIONS[part]
        return self._views.page(
            "certifications.html",
            visit,
            finding=finding_of(state, found, directory),
            figures_shown=_figures(found),
            parts=_parts(visit, found, part),
            what=await self._what(state),
            caption=caption,
            order=order,
            nothing=_EMPTY[part],
            rows=[_row(each, directory, state, visit.now) for each in shown],
            more=_url(visit, part, start + ROWS_MAX) if rows[start + ROWS_MAX :] else "",
            first=_url(visit, part, 0) if start else "",
        )

    async def _what(self, state: Member) -> tuple[str, list[tuple[str, str]]]:
        """Return what a lapse does: a sentence, and the rules that look at certifications."""
        try:
            rules = (await self._desk.books.rules(state)).rules
        except ComityError as error:
            self._desk.events.failure("console_not_now", error)
            return "The rules in force cannot be read now, so what a lapse does is not known.", []
        looking = [rule for rule in rules if rule.enabled and _looks(rule)]
        if not looking:
            return (
                "No rule in force looks at certifications: by the rules, a lapse changes nothing.",
                [],
            )
        one = "One rule in force looks at certifications"
        said = one if len(looking) == 1 else f"{len(looking)} rules in force look at certifications"
        return f"{said}: by these, a lapse changes what an agency gets from its first second on.", [
            (rule.id, english_of(rule)) for rule in looking
        ]


def _looks(rule: Rule) -> bool:
    return any(each.certification for each in (rule.when, *rule.unless))


def _asked(visit: Visit) -> tuple[_Part, int]:
    """Return which part is asked for, and from which row on. Raises: ProblemError."""
    try:
        part = _Part(visit.query.one("part", _Part.SOON))
    except ValueError:
        raise ProblemError(Problem.MALFORMED, "`part` is none of this page's") from None
    start = visit.query.one("from")
    if start and _FROM.fullmatch(start) is None:
        raise ProblemError(Problem.MALFORMED, "`from` is no row of this page")
    return part, int(start or 0)


def _read(directory: Directory, state: Member, now: int) -> list[_Row]:
    """Return every certification to a state, the earliest end first."""
    part, zone = directory.part(state), member_zone(state)
    rows = sorted(part.certifications if part else (), key=lambda row: (row.until, row.agency))
    return [_placed(row, now, zone) for row in rows]


def _placed(row: CertifiedUntil, now: int, zone: str) -> _Row:
    days = days_left(row.until, now, zone)
    if now >= row.until:
        return _Row(row=row, part=_Part.LAPSED, days=days)
    return _Row(row=row, part=_Part.SOON if days <= _SOON_DAYS else _Part.LATER, days=days)


def finding_of(state: Member, found: Sequence[_Row], directory: Directory) -> str:
    """Return in a sentence how many lapse soon, which is the first, and how many have lapsed."""
    label = member_label(state)
    if not found:
        return f"No agency is certified to {label}: its directory lists no certification."
    soon = [each for each in found if each.part is _Part.SOON]
    lapsed = sum(each.part is _Part.LAPSED for each in found)
    have = f"{lapsed:,} {'has' if lapsed == 1 else 'have'} lapsed" if lapsed else "none has lapsed"
    if not soon:
        return f"No certification to {label} lapses within {_SOON_DAYS} days; {have}."
    first = soon[0]
    name = _name(first.row, directory)
    day = day_words(last_day_of(first.row.until, member_zone(state)))
    lapse = counted(len(soon), "certification", "certifications")
    verb = "lapses" if len(soon) == 1 else "lapse"
    which = "that of" if len(soon) == 1 else "the first that of"
    return opened(
        f"{lapse} to {label} {verb} within {_SOON_DAYS} days, {which} {name} on {day}; {have}."
    )


def _name(row: CertifiedUntil, directory: Directory) -> str:
    agency = directory.agency(row.agency)
    return plain(agency.name) if agency is not None else f"{row.agency}, which no member lists,"


def _figures(found: Sequence[_Row]) -> list[dict[str, Any]]:
    within = [
        sum(each.part is _Part.SOON and each.days <= days for each in found)
        for days in (WARNING_DAYS[Step.DAYS], WARNING_DAYS[Step.FORTNIGHT], _SOON_DAYS)
    ]
    lapsed = sum(each.part is _Part.LAPSED for each in found)
    rows = (
        ("Have lapsed", lapsed, "refused"),
        ("Within 3 days", within[0], "held"),
        ("Within 14 days", within[1], "held"),
        ("Within 30 days", within[2], "plain"),
        ("Stand longer", len(found) - lapsed - within[2], "plain"),
    )
    return [{"label": label, "value": f"{value:,}", "tone": tone} for label, value, tone in rows]


def _parts(visit: Visit, found: Sequence[_Row], current: _Part) -> list[dict[str, Any]]:
    """Return the parts of the page with their addresses."""
    return [
        {
            "label": _CAPTIONS[part][0],
            "count": sum(each.part is part for each in found),
            "url": _url(visit, part, 0),
            "is_current": part is current,
        }
        for part in _Part
    ]


def _url(visit: Visit, part: _Part, start: int) -> str:
    return f"{visit.path}?part={part}" + (f"&from={start}" if start else "")


def _row(each: _Row, directory: Directory, state: Member, now: int) -> dict[str, Any]:
    row, agency = each.row, directory.agency(each.row.agency)
    member = directory.member_of(row.agency) if agency is not None else None
    left = row.until - now
    return {
        "ori": row.agency,
        "name": plain(agency.name) if agency is not None else "not listed by any member",
        "of": member_label(member) if member is not None else "",
        "phone": plain(agency.phone) if agency is not None and agency.phone else "none listed",
        "note": "" if agency is None or agency.active else "set to inactive",
        "day": day_words(last_day_of(row.until, member_zone(state))),
        "until": iso(min(row.until, LAST_SECOND)),
        "left": left_said(left)
        if left > 0
        else f"lapsed {left_said(left).partition(' by ')[2]} ago",
        "tone": tone_of(left) if each.days > WARNING_DAYS[Step.DAYS] or left <= 0 else "soon",
    }
