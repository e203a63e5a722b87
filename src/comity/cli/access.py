"""`comity policy access`: who can get what from a state, on one page, in exact numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_uppercase
from textwrap import wrap
from typing import Annotated, Any, Final

import msgspec
import typer

from comity.cli.errors import UsageError
from comity.cli.network import DataDir, settings_of
from comity.cli.rules import NamedRules, RulesName, askers_of, named_rules
from comity.cli.terminal import AsJson, facts_console, print_json, print_wrapped, say
from comity.domain.decision import RuleId
from comity.domain.ids import member_label
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy.access import Cell, Row, access, class_parts, key_parts
from comity.policy.english import terms_of, words_of_class
from comity.policy.families import KNOWN_FAMILIES, label_of_agency
from comity.policy.gathering import words_of_agencies
from comity.policy.rule import Rule
from comity.policy.space import Asker, Space, space_of
from comity.policy.target import homes_of, lineage

__all__ = ["who_gets_what"]

_MARKS: Final[dict[Outcome | None, str]] = {
    Outcome.RELEASE: "●",
    Outcome.HOLD: "◆",
    Outcome.DENY: "✕",
    None: "○",
}
_LEGEND: Final = "● released  ◆ only after review  ✕ never"
_INDENT: Final = " " * 6
_LINES_MAX: Final = 44
"""Lines of a page that one screen shows."""

_KEYS_NAMED: Final = 4
_KEYS_WIDTH: Final = 30
_COLUMNS_SHOWN: Final = 12
_GROUP_LINES: Final = 2
_NOTES_MIN: Final = 4
_PERCENT: Final = 100


class _Notes:
    """Numbers for what limits a cell, given in the order in which cells are shown."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._numbers: dict[tuple[RuleId, ...], int] = {}

    def mark(self, cell: Cell) -> str:
        """Return a cell's mark, with the number of what limits it."""
        mark = _MARKS[cell.best]
        if not cell.limits or cell.best is None:
            return mark
        return f"{mark}{self._numbers.setdefault(cell.limits, len(self._numbers) + 1)}"

    def lines(self, width: int) -> list[list[str]]:
        """Return what the numbers stand for, then each rule among them once; each as its lines."""
        named: dict[RuleId, None] = {}
        found = []
        for limits, number in self._numbers.items():
            found.append(_folded(f"{number:>3}  limited by ", ", ".join(limits), width))
            named.update(dict.fromkeys(limits))
        for name in named:
            rule = self._rules.get(name)
            if rule is None:
                found.append(_folded(f"  ✕ {name}: ", "nothing releases it", width))
                continue
            terms = terms_of(rule) or "always"
            found.append(_folded(f"  {_MARKS[rule.effect]} {name}: ", terms, width))
        return found


def _folded(start: str, text: str, width: int) -> list[str]:
    return wrap(text, width, initial_indent=start, subsequent_indent=_INDENT)


def _print_notes(notes: _Notes, room: int = 0) -> None:
    """Print the notes of a page; with `room`, in so many lines: whole, or the first of each."""
    width = facts_console().width
    parts = notes.lines(width)
    if room and sum(map(len, parts)) > room:
        parts = [[f"{first[: width - 4]} ..." if more else first] for first, *more in parts]
    lines = [line for part in parts for line in part]
    if room and len(lines) > room:
        more = len(lines) - room + 1
        lines = [
            *lines[: room - 1],
            f"  and {more} lines more: comity policy explain has the rules",
        ]
    for line in lines:
        say(line)


def who_gets_what(
    rules: RulesName,
    *,
    agency: Annotated[
        str, typer.Option("--agency", metavar="ORI|FAMILY", help="What one agency gets, by key.")
    ] = "",
    data_class: Annotated[
        DataClass | None, typer.Option("--class", help="Who gets one class of data.")
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say who can get what from a state: released, only after review, or never, and on which terms.

    Numbers are of kinds of request, over everything that can be asked.
    """
    if agency and data_class is not None:
        raise UsageError("`--agency` and `--class` do not go together")
    settings = settings_of(data)
    named = named_rules(settings, rules)
    askers, whose = askers_of(settings)
    if agency:
        _of_agency(named, askers, agency.upper(), as_json=as_json)
        return
    parts = class_parts()
    if data_class is not None:
        parts = {each: part for each, part in parts.items() if each is data_class}
    space = space_of(askers)
    rows = access(named.rules, space, tuple(parts.values()))
    head = _Head(named=named, whose=whose, space=space, parts=list(parts), rows=rows)
    if as_json:
        print_json(_document(head))
    elif data_class is not None:
        _print_class(head, data_class)
    else:
        _print_matrix(head)


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    named: NamedRules
    whose: str
    space: Space
    parts: list[DataClass]
    rows: tuple[Row, ...]

    @property
    def state(self) -> str:
        return member_label(self.named.bundle.state)

    def words(self, row: Row) -> str:
        return words_of_agencies(row.askers, self.space.askers)

    def count(self, part: DataClass, best: Outcome) -> int:
        """How many agencies get a class at best so."""
        at = self.parts.index(part)
        return sum(len(row.askers) for row in self.rows if row.cells[at].best is best)


def _print_matrix(head: _Head) -> None:
    width = facts_console().width
    shown = head.rows[:_COLUMNS_SHOWN]
    notes = _Notes(head.named.rules)
    letters = "".join(f"{letter:<5}" for letter in ascii_uppercase[: len(shown)])
    page = [*wrap(_finding(head), width), "", f"{'':<10}{letters}  released   review    never"]
    for at, part in enumerate(head.parts):
        marks = "".join(f"{notes.mark(row.cells[at]):<5}" for row in shown)
        counts = (head.count(part, best) for best in Outcome)
        page.append(f"{part.value:<10}{marks}{''.join(f'{count:>9,}' for count in counts)}")
    silent = [each.value for each in DataClass if each not in head.parts]
    page += [*wrap(f"{_LEGEND}  ○ cannot be asked for: {', '.join(silent)}", width), ""]
    for letter, row in zip(ascii_uppercase, shown, strict=False):
        page += _folded(f"  {letter}  ", _agencies(head, row), width)[:_GROUP_LINES]
    if len(head.rows) > len(shown):
        page.append(f"  and {len(head.rows) - len(shown)} more: --json has them all")
    for line in page:
        say(line)
    _print_notes(notes, max(_LINES_MAX - len(page), _NOTES_MIN))


def _agencies(head: _Head, row: Row) -> str:
    count = len(row.askers)
    return f"{head.words(row)}: {count:,} {'agency' if count == 1 else 'agencies'}"


def _finding(head: _Head) -> str:
    """Return in one sentence how many agencies can get records, and how much is released."""
    records = [at for at, part in enumerate(head.parts) if part is not DataClass.OPAQUE]
    best = dict.fromkeys(Outcome, 0)
    for row in head.rows:
        bests = {row.cells[at].best for at in records}
        best[next(each for each in Outcome if each in bests)] += len(row.askers)
    total = sum(best.values())
    cells = [(cell, len(row.askers)) for row in head.rows for cell in row.cells]
    released = sum(cell.released * count for cell, count in cells)
    held = sum(cell.held * count for cell, count in cells)
    return (
        f"{head.state}: {best[Outcome.RELEASE]:,} of {total:,} agencies can get records without"
        f" review, {best[Outcome.HOLD]:,} only after it, {best[Outcome.DENY]:,} none. Of"
        f" {head.space.size:,} kinds of request {_share(released, head.space.size)} are released"
        f" and {_share(held, head.space.size)} reviewed ({head.named.source})."
    )


def _share(part: int, whole: int) -> str:
    return f"{part * _PERCENT / whole:.1f} %" if whole else "0 %"


def _print_class(head: _Head, part: DataClass) -> None:
    console, notes = facts_console(), _Notes(head.named.rules)
    counts = {best: sum(len(r.askers) for r in head.rows if r.cells and r.cells[0].best is best)
              for best in Outcome}  # fmt: skip
    if not head.parts:
        say(f"{head.state}: no message key asks for {words_of_class(part)}.")
        return
    print_wrapped(
        console,
        f"{head.state}, {words_of_class(part)}: {counts[Outcome.RELEASE]:,} agencies can get it"
        f" without review, {counts[Outcome.HOLD]:,} only after it, {counts[Outcome.DENY]:,} never"
        f" ({head.named.source}).",
    )
    say("")
    for row in head.rows:
        cell = row.cells[0]
        print_wrapped(console, _agencies(head, row), f"{notes.mark(cell):<4}", "    ")
        print_wrapped(
            console,
            f"of {cell.asked:,} kinds of request that each can make {cell.released:,} are released"
            f"{_by(cell)}, {cell.held:,} reviewed",
            "    ",
        )
    say("")
    say(_LEGEND)
    _print_notes(notes)


def _by(cell: Cell) -> str:
    return f" by {', '.join(cell.releases)}" if cell.releases else ""


def _of_agency(named: NamedRules, askers: Sequence[Asker], value: str, *, as_json: bool) -> None:
    homes = homes_of(askers)
    if value not in KNOWN_FAMILIES and value not in homes:
        raise UsageError(f"`{value}` is no family that rules may name, and no agency")
    those = tuple(asker for asker in askers if value in lineage(asker.ori, homes))
    parts = key_parts()
    rows = access(named.rules, space_of(those), tuple(parts.values()))
    if as_json:
        print_json(
            {"rules": named.source, "state": named.bundle.state, "agency": value,
             "groups": [
                 {"agencies": [asker.ori for asker in row.askers],
                  "parts": [
                      {"key": key, "class": part, **_cell_document(cell)}
                      for (key, part), cell in zip(parts, row.cells, strict=True)
                  ]}
                 for row in rows
             ]}
        )  # fmt: skip
        return
    console, notes = facts_console(), _Notes(named.rules)
    print_wrapped(console, _agency_finding(named, value, parts, rows, homes))
    for row in rows:
        say("")
        if len(rows) > 1:
            print_wrapped(console, f"{words_of_agencies(row.askers, askers)}:")
        for keys, cells in _by_keys(parts, row).items():
            said = "   ".join(_cells_words(cells, notes))
            head = f"  {_keys_words(keys)}".ljust(_KEYS_WIDTH)
            print_wrapped(console, said, head, " " * _KEYS_WIDTH)
    say("")
    say(_LEGEND)
    _print_notes(notes)


def _agency_finding(
    named: NamedRules,
    value: str,
    parts: Iterable[tuple[MessageKey, DataClass]],
    rows: Sequence[Row],
    homes: Any,
) -> str:
    who = label_of_agency(value)
    best: dict[Outcome, set[DataClass]] = {outcome: set() for outcome in Outcome}
    for row in rows:
        for (_, part), cell in zip(parts, row.cells, strict=True):
            if cell.best is not None:
                best[cell.best].add(part)
    gets = best[Outcome.RELEASE]
    after = best[Outcome.HOLD] - gets
    words = [
        f"{how} {', '.join(each.value for each in DataClass if each in those)}"
        for how, those in (("without review", gets), ("only after review", after))
        if those
    ]
    place = f" ({homes[value]})" if value in homes else ""
    what = "; ".join(words) or "nothing"
    return (
        f"{who[:1].upper()}{who[1:]}{place} can get from {member_label(named.bundle.state)}, on the"
        f" terms below: {what} ({named.source})."
    )


def _by_keys(
    parts: Iterable[tuple[MessageKey, DataClass]], row: Row
) -> dict[tuple[MessageKey, ...], tuple[tuple[DataClass, Cell], ...]]:
    """Return what each key gets, those with the same together."""
    by_key: dict[MessageKey, list[tuple[DataClass, Cell]]] = {}
    for (key, part), cell in zip(parts, row.cells, strict=True):
        by_key.setdefault(key, []).append((part, cell))
    alike: dict[tuple[tuple[DataClass, str, tuple[RuleId, ...]], ...], list[MessageKey]] = {}
    for key, cells in by_key.items():
        seen = tuple((part, _MARKS[cell.best], cell.limits) for part, cell in cells)
        alike.setdefault(seen, []).append(key)
    return {tuple(keys): tuple(by_key[keys[0]]) for keys in alike.values()}


def _cells_words(cells: Sequence[tuple[DataClass, Cell]], notes: _Notes) -> list[str]:
    marked: dict[str, list[str]] = {}
    for part, cell in cells:
        marked.setdefault(notes.mark(cell), []).append(part.value)
    return [f"{mark} {' '.join(classes)}" for mark, classes in marked.items()]


def _keys_words(keys: Sequence[MessageKey]) -> str:
    named, more = " ".join(keys[:_KEYS_NAMED]), len(keys) - _KEYS_NAMED
    return f"{named} and {more} more" if more > 0 else named


def _document(head: _Head) -> dict[str, Any]:
    return {
        "rules": head.named.source,
        "state": head.named.bundle.state,
        "agencies": head.whose,
        "finding": _finding(head) if head.parts else "",
        "request_kinds": head.space.size,
        "groups": [
            {"label": head.words(row), "agencies": [asker.ori for asker in row.askers],
             "classes": {
                 part.value: _cell_document(cell)
                 for part, cell in zip(head.parts, row.cells, strict=True)
             }}
            for row in head.rows
        ],
    }  # fmt: skip


def _cell_document(cell: Cell) -> dict[str, Any]:
    best = None if cell.best is None else cell.best.value
    return {**msgspec.to_builtins(cell), "best": best}
