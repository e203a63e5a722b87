"""The filters of the queue, and how far the desk gets: what was chosen, counts, sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from comity.console.problems import Problem, ProblemError
from comity.console.visits import Fields
from comity.console.words import counted, label_of, listed, moment_said
from comity.directory.directory import Directory
from comity.domain.ids import ORI, Member
from comity.domain.vocabulary import DataClass, Instrument
from comity.policy import Quota, QuotaPer
from comity.policy.families import is_family_form, label_of_agency
from comity.policy.quota import is_for
from comity.ports import DeskDayRow
from comity.review.load import Load
from comity.services.triage import Choice, Facet, Sorted

__all__ = ["choice_of", "chosen_said", "chosen_url", "facet_fields", "load_said", "quotas_said"]

_OPTIONS_MAX: Final = 60
_RULE: Final = re.compile(r"[A-Z0-9-]{1,24}", re.ASCII)
_ENDS: Final = {
    "soon": "within the hour",
    "today": "within a day",
    "later": "later",
    "asked": "when the agency replied",
}
_LABELS: Final = {
    Facet.FAMILY: "Asked by",
    Facet.HELD: "What is held",
    Facet.RULE: "Held by rule",
    Facet.INSTRUMENT: "Instrument claimed",
    Facet.EMERGENCY: "Emergency",
    Facet.ENDS: "Time to decide ends",
}
_CHOSEN: Final = {
    Facet.FAMILY: "asked by {}",
    Facet.HELD: "with {} held",
    Facet.RULE: "held by rule {}",
    Facet.INSTRUMENT: "with this instrument: {}",
    Facet.EMERGENCY: "with an emergency {}",
    Facet.ENDS: "ending {}",
}
_DECLARED: Final = "declared"
_FULL_MAX: Final = 8


def choice_of(query: Fields) -> Choice:
    """Return what was chosen in an address. Raises: ProblemError."""
    chosen = {facet: query.one(facet.value) for facet in Facet}
    for facet, value in chosen.items():
        if value and not _has_form(facet, value):
            raise ProblemError(Problem.MALFORMED, f"`{facet}` has no such value")
    return {facet: value for facet, value in chosen.items() if value}


def _has_form(facet: Facet, value: str) -> bool:
    match facet:
        case Facet.FAMILY:
            return is_family_form(value)
        case Facet.HELD:
            return value in set(DataClass)
        case Facet.RULE:
            return _RULE.fullmatch(value) is not None
        case Facet.INSTRUMENT:
            return value in set(Instrument)
        case Facet.EMERGENCY:
            return value == _DECLARED
        case Facet.ENDS:
            return value in _ENDS


def chosen_url(url: str, choice: Choice, **more: str) -> str:
    """Return an address that carries a choice along, and what else stands there."""
    query = urlencode({facet.value: value for facet, value in choice.items()} | more)
    return f"{url}?{query}" if query else url


def facet_fields(found: Sorted, choice: Choice) -> list[dict[str, Any]]:
    """Return a list of values for each facet, with how many wait under each."""
    fields = []
    for facet in Facet:
        counts = dict(_told_apart(found.counts[facet]) if facet is Facet.FAMILY
                      else found.counts[facet])  # fmt: skip
        value = choice.get(facet, "")
        shown = dict(list(counts.items())[:_OPTIONS_MAX])
        if value:
            shown[value] = counts.get(value, 0)
        options = [(each, f"{_word(facet, each)} ({count:,})") for each, count in shown.items()]
        if facet is Facet.ENDS:
            options.sort(key=lambda each: list(_ENDS).index(each[0]))
        fields.append(
            {"name": facet.value, "label": _LABELS[facet], "value": value,
             "options": [("", "any"), *options]}
        )  # fmt: skip
    return fields


def _told_apart(counts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return families without those that hold nothing beside one family below them."""
    below: dict[str, set[int]] = {}
    for family, count in counts:
        parent = family.rpartition("/")[0]
        below.setdefault(parent, set()).add(count)
    return [(family, count) for family, count in counts if count not in below.get(family, ())]


def _word(facet: Facet, value: str) -> str:
    match facet:
        case Facet.FAMILY:
            return label_of_agency(value)
        case Facet.HELD:
            return label_of(DataClass, value)
        case Facet.INSTRUMENT:
            return label_of(Instrument, value)
        case Facet.ENDS:
            return _ENDS[value]
        case Facet.RULE | Facet.EMERGENCY:
            return value


def chosen_said(choice: Choice, matching: int, waiting: int) -> str:
    """Return in a sentence how many match what was chosen; empty where nothing was."""
    if not choice:
        return ""
    words = [
        _CHOSEN[facet].format(_in_prose(_word(facet, value))) for facet, value in choice.items()
    ]
    return f"{matching:,} of {waiting:,} that wait match: {listed(words)}."


def _in_prose(word: str) -> str:
    """Return a label as prose has it: `Photo` is `photo`, a rule's or a family's letters stay."""
    return word if word[:2].isupper() else f"{word[:1].lower()}{word[1:]}"


def load_said(load: Load | None, member: Member, now: int) -> str:
    """Return in a sentence how far a desk gets at its pace; empty where that is not known."""
    if load is None:
        return ""
    rate = load.pace.per_hour
    per_hour = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}".removesuffix(".0")
    who = counted(load.pace.reviewers, "reviewer")
    said = f"At the present pace ({per_hour} an hour, {who})"
    if load.last_at is None:
        return f"{said} none is looked at before its clock ends."
    if not load.ends_before:
        return f"{said} the last is looked at by {moment_said(load.last_at, member, now)}."
    ends = "1 ends" if load.ends_before == 1 else f"{load.ends_before:,} end"
    last = moment_said(load.last_at, member, now)
    return f"{said} the last is looked at by {last}; {ends} before."


def quotas_said(
    quotas: Sequence[Quota],
    waiting: Mapping[ORI, int],
    days: Sequence[DeskDayRow],
    directory: Directory,
) -> list[str]:
    """Return which quotas are full, and how many were refused for it today."""
    by_ori = {day.agency: day for day in days}
    said = []
    for quota in quotas:
        oris = [ori for ori in waiting.keys() | by_ori.keys() if _is_under(quota, ori, directory)]
        scopes = [oris] if quota.per is QuotaPer.TOGETHER else [[ori] for ori in sorted(oris)]
        for scope in filter(None, scopes):
            wait = sum(waiting.get(ori, 0) for ori in scope)
            came, refused = (
                sum(getattr(by_ori[ori], name) for ori in scope if ori in by_ori)
                for name in ("came", "refused")
            )
            at = ""
            if wait >= quota.waiting:
                at = f"its quota of {quota.waiting:,}"
            elif quota.per_day is not None and came >= quota.per_day:
                at = f"its quota of {quota.per_day:,} a day"
            if at:
                who = _who(quota, scope, directory)
                were = "1 was" if refused == 1 else f"{refused:,} were"
                said.append(f"{who} stands at {at}: {were} refused today.")
    return said[:_FULL_MAX]


def _is_under(quota: Quota, ori: ORI, directory: Directory) -> bool:
    agency = directory.agency(ori)
    return is_for(quota, ori, None if agency is None else agency.family)


def _who(quota: Quota, scope: Sequence[ORI], directory: Directory) -> str:
    if quota.per is QuotaPer.TOGETHER:
        return listed([label_of_agency(value) for value in quota.agency])
    agency = directory.agency(scope[0])
    return agency.name if agency is not None else scope[0]
