"""A part's agencies as a table that people edit: CSV for spreadsheets, TOML for text.

Guarantee: `parse_x(encode_x(agencies)) == agencies`, whatever their values; a table is read whole
or not at all, and each fault names its line and column, never a value. No cell of a CSV is a
formula to a spreadsheet: a value that could be one stands behind an apostrophe.
Source: docs/adr/0018-directory-messages.md, "Tables"; RFC 4180; TOML 1.0.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from comity.directory.errors import TableError, TableFault
from comity.directory.limits import (
    PART_AGENCIES_MAX,
    TABLE_CHARS_MAX,
    TABLE_DOTS_MAX,
    TABLE_FAULTS_MAX,
)
from comity.directory.ranges import agency_faults
from comity.domain.agency import (
    ActsFor,
    Agency,
    FamilyError,
    Form,
    parse_acts_for,
    text_of_acts_for,
)
from comity.domain.toml import dotted_line
from comity.domain.vocabulary import AgencyType

__all__ = [
    "COLUMNS",
    "TableForm",
    "encode_csv",
    "encode_table",
    "encode_toml",
    "parse_csv",
    "parse_table",
    "parse_toml",
]

COLUMNS: Final = (
    "ori", "name", "family", "type", "place", "phone", "lines", "form", "active", "is_control",
    "small", "acts_for",
)  # fmt: skip
"""The columns of a table, which are the fields of an agency."""

_REQUIRED: Final = COLUMNS[:4]
_LISTS: Final = frozenset({"lines", "acts_for"})
_WORDS: Final = {"yes": True, "no": False}
_TABLE: Final = "agency"
# What a spreadsheet takes for a formula, also in the wide forms of other keyboards.
_FORMULA: Final = re.compile("[ ']*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
_ESCAPED: Final = re.compile("'[ ']*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
_HEADER: Final = re.compile(rf"\s*\[\[\s*{_TABLE}\s*\]\]")
_BOM: Final = "\ufeff"


class TableForm(StrEnum):
    """The forms of a table."""

    CSV = "csv"
    TOML = "toml"


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """One agency as read: its values, and the line on which each column stands."""

    line: int
    values: Mapping[str, Any]
    lines: Mapping[str, int] = {}

    def fault(self, column: str, text: str) -> TableFault:
        return TableFault(line=self.lines.get(column, self.line), column=column, text=text)


def encode_table(agencies: Sequence[Agency], form: TableForm) -> str:
    """Return agencies as a table of a form."""
    return encode_csv(agencies) if form is TableForm.CSV else encode_toml(agencies)


def parse_table(text: str, form: TableForm) -> tuple[Agency, ...]:
    """Return the agencies of a table of a form. Raises: TableError."""
    return parse_csv(text) if form is TableForm.CSV else parse_toml(text)


def encode_csv(agencies: Iterable[Agency]) -> str:
    """Return agencies as CSV: a line of column names, then one line each; lines end in CR LF."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for agency in agencies:
        writer.writerow([_guarded(_cell(getattr(agency, column))) for column in COLUMNS])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(_listed(value)) if isinstance(value, tuple) else str(value)


def _listed(values: tuple[object, ...]) -> list[str]:
    return [text_of_acts_for(v) if isinstance(v, ActsFor) else str(v) for v in values]


def _guarded(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _unguarded(text: str) -> str:
    return text[1:] if _ESCAPED.match(text) else text


def parse_csv(text: str) -> tuple[Agency, ...]:
    """Return the agencies of a CSV; its columns may stand in any order.

    `ori`, `name`, `family` and `type` must be there; an empty cell of another column is its
    default. Raises: TableError.
    """
    _check_size(text)
    return _agencies(_csv_rows(text.removeprefix(_BOM)))


def _csv_rows(text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        _check_columns(names)
        line = reader.line_num + 1
        for cells in reader:
            if any(cells):
                yield _csv_row(line, names, cells)
            line = reader.line_num + 1
    except csv.Error:
        fault = TableFault(line=reader.line_num, column="", text="a cell is not closed or too long")
        raise _table_error([fault]) from None


def _check_columns(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in _REQUIRED if name not in names]
    if unknown or len(set(names)) != len(names):
        text = "a column is none of " + ", ".join(COLUMNS) + ", or stands twice"
        raise _table_error([TableFault(line=1, column="", text=text)])
    if missing:
        raise _table_error(
            [TableFault(line=1, column=name, text="the column is missing") for name in missing]
        )


def _csv_row(line: int, names: Sequence[str], cells: Sequence[str]) -> _Row:
    if len(cells) != len(names):
        text = f"the row has {len(cells)} cells, not {len(names)}"
        raise _table_error([TableFault(line=line, column="", text=text)])
    values: dict[str, Any] = {}
    for name, cell in zip(names, cells, strict=True):
        value = _unguarded(cell)
        if name in _LISTS:
            values[name] = value.split()
        elif name in {"active", "is_control", "small"} and value:
            values[name] = _WORDS.get(value.strip().lower(), value)
        elif name in {"type", "form"} and value:
            values[name] = value.strip().lower()
        elif value or name in _REQUIRED:
            values[name] = value
    return _Row(line=line, values=values)


def encode_toml(agencies: Iterable[Agency]) -> str:
    """Return agencies as TOML: a table `agency` each, defaults left out."""
    defaults = msgspec.structs.fields(Agency)
    unset = {field.name: field.default for field in defaults}
    blocks = []
    for agency in agencies:
        lines = [f"[[{_TABLE}]]"]
        for column in COLUMNS:
            value = getattr(agency, column)
            if value != unset[column]:
                lines.append(f"{column} = {_toml(value)}")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        value = _listed(value)
    # A JSON string, list or boolean of printable characters is the same in TOML.
    return msgspec.json.encode(value).decode()


def parse_toml(text: str) -> tuple[Agency, ...]:
    """Return the agencies of a TOML text. Raises: TableError."""
    _check_size(text)
    _check_dots(text)
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # Of its own kind, or Python's for a number of thousands of digits.
        found = re.search(r"at line ([0-9]+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise _table_error([TableFault(line=line, column="", text="this is not TOML")]) from None
    except RecursionError:
        fault = TableFault(line=1, column="", text="values stand too deep in each other")
        raise _table_error([fault]) from None
    rows = document.pop(_TABLE, [])
    if document or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        fault = TableFault(line=1, column="", text=f"there is more than tables `[[{_TABLE}]]`")
        raise _table_error([fault])
    return _agencies(_toml_rows(text, rows))


def _check_dots(text: str) -> None:
    """Refuse keys of many parts; no key of a table has more than one."""
    line = dotted_line(text, TABLE_DOTS_MAX)
    if line is not None:
        raise _table_error([TableFault(line=line, column="", text="a key has too many parts")])


def _toml_rows(text: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[_Row]:
    """Give each row the line of its head and of its keys, where the text shows them plainly."""
    places: list[dict[str, int]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if _HEADER.match(line):
            places.append({"": number})
        elif places and "=" in line:
            places[-1].setdefault(line.partition("=")[0].strip(), number)
    is_plain = len(places) == len(rows)
    for at, row in enumerate(rows):
        lines = places[at] if is_plain else {}
        yield _Row(line=lines.get("", 1), values=row, lines=lines)


def _agencies(rows: Iterator[_Row]) -> tuple[Agency, ...]:
    """Return the agencies of rows, or every fault of them."""
    agencies: list[Agency] = []
    faults: list[TableFault] = []
    seen: dict[str, int] = {}
    for row in rows:
        if len(seen) == PART_AGENCIES_MAX:
            faults.append(row.fault("", f"there are over {PART_AGENCIES_MAX} agencies"))
            break
        agency, found = _agency(row)
        ori = str(row.values.get("ori", ""))
        if ori in seen:
            found = [*found, row.fault("ori", f"it stands on line {seen[ori]} already")]
        seen[ori] = row.line
        faults += found
        if agency is not None:
            agencies.append(agency)
    if faults:
        raise _table_error(faults)
    return tuple(agencies)


def _agency(row: _Row) -> tuple[Agency | None, list[TableFault]]:
    unknown = sorted(row.values.keys() - COLUMNS)
    missing = [name for name in _REQUIRED if name not in row.values]
    found = [row.fault("", "a field is none of an agency's")] * bool(unknown)
    found += [row.fault(name, "it is missing") for name in missing]
    found += [
        row.fault(column, words)
        for column, words in _KINDS.items()
        if column in row.values and not _is_kind(column, row.values[column])
    ]
    if found:
        return None, found
    acts = tuple(map(parse_acts_for, row.values.get("acts_for", ())))
    agency = msgspec.convert({**row.values, "acts_for": msgspec.to_builtins(acts)}, Agency)
    faults = [row.fault(field, "it is outside its range") for field in agency_faults(agency)]
    return agency, faults


_TYPES: Final = frozenset(kind.value for kind in AgencyType)
_FORMS: Final = frozenset(form.value for form in Form)
_KINDS: Final = {
    "ori": "it is not text",
    "name": "it is not text",
    "family": "it is not text",
    "type": "it is none of " + ", ".join(kind.value for kind in AgencyType),
    "place": "it is not text",
    "phone": "it is not text",
    "lines": "it is not a list of names",
    "form": "it is none of " + ", ".join(form.value for form in Form),
    "active": "it is neither yes nor no",
    "is_control": "it is neither yes nor no",
    "small": "it is neither yes nor no",
    "acts_for": "it is not a list of FAMILY:cross_designated or FAMILY:relay",
}


def _is_kind(column: str, value: object) -> bool:
    match column:
        case "lines":
            return isinstance(value, list) and all(isinstance(name, str) for name in value)
        case "acts_for":
            return isinstance(value, list) and all(map(_is_acts_for, value))
        case "active" | "is_control" | "small":
            return isinstance(value, bool)
        case "type":
            return isinstance(value, str) and value in _TYPES
        case "form":
            return isinstance(value, str) and value in _FORMS
        case _:
            return isinstance(value, str)


def _is_acts_for(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(parse_acts_for(value))
    except FamilyError:
        return False


def _check_size(text: str) -> None:
    if len(text) > TABLE_CHARS_MAX:
        raise TableError(f"`table` is over {TABLE_CHARS_MAX} characters")


def _table_error(faults: Sequence[TableFault]) -> TableError:
    first, count = faults[0], len(faults)
    column = f", `{first.column}`" if first.column else ""
    others = f"; {count - 1} more" if count > 1 else ""
    return TableError(f"line {first.line}{column}: {first.text}{others}", faults[:TABLE_FAULTS_MAX])
