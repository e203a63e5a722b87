"""A member's traffic as files for its records people: JSON lines, or a table (CSV).

Guarantee: a file appears under its name only when it is whole and on the disk, is readable by its
owner alone, and never takes the place of another. In a table no value is taken for a formula.
"""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

import msgspec

from comity.cli.errors import UsageError
from comity.domain.cells import safe_cell
from comity.exchange.archive import ArchiveItem

__all__ = ["COLUMNS", "ExtractForm", "ExtractWriter", "form_of_path", "open_extract"]

COLUMNS: Final = (
    "reference", "at", "what", "key", "from", "to", "reached", "control", "text", "practice",
    "access",
)  # fmt: skip


class ExtractForm(StrEnum):
    """The forms in which traffic is written out; each is the ending of its files."""

    JSON_LINES = "jsonl"
    CSV = "csv"


class ExtractWriter(Protocol):
    """Takes messages one after the other."""

    def write(self, item: ArchiveItem) -> None:
        """Write one message."""
        ...


def form_of_path(path: Path) -> ExtractForm:
    """Return the form that a file's ending names. Raises: UsageError if it names none."""
    try:
        return ExtractForm(path.suffix.removeprefix("."))
    except ValueError:
        raise UsageError(f"`{path.name}` ends neither in .jsonl nor in .csv") from None


@contextmanager
def open_extract(path: Path, *, practice: bool, access: str) -> Iterator[ExtractWriter]:
    """Open a file to be written whole; what was begun is removed if it does not come to its end.

    `access` is the entry of the leaf that recorded this reading.
    Raises: UsageError if there is such a file already, OSError.
    """
    form = form_of_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
            yield _WRITERS[form](file, practice=practice, access=access)
            file.flush()
            os.fsync(file.fileno())
        _name(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def _name(fresh: Path, path: Path) -> None:
    """Give a file its name, unless another has it."""
    try:
        # A link, because a rename would replace what came there meanwhile.
        path.hardlink_to(fresh)
    except FileExistsError:
        raise UsageError(f"there is a file `{path}` already: name another") from None
    except OSError:
        # A disk without links, such as a stick that is carried away.
        fresh.rename(path)


def _row(item: ArchiveItem, *, practice: bool, access: str) -> dict[str, Any]:
    at = datetime.fromtimestamp(item.at, UTC)
    return {
        "reference": item.reference,
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ" if item.is_query else "%Y-%m-%dT%H:%MZ"),
        "what": "query" if item.is_query else "delivery",
        "key": item.key,
        "from": item.source,
        "to": list(item.destinations),
        "reached": list(item.reached),
        "control": item.control,
        "text": item.text,
        "practice": practice,
        "access": access,
    }


class _JsonLines:
    def __init__(self, file: TextIO, *, practice: bool, access: str) -> None:
        self._file = file
        self._practice = practice
        self._access = access

    def write(self, item: ArchiveItem) -> None:
        """Write one message as a line."""
        row = _row(item, practice=self._practice, access=self._access)
        self._file.write(msgspec.json.encode(row).decode() + "\n")


class _Csv:
    def __init__(self, file: TextIO, *, practice: bool, access: str) -> None:
        self._rows = csv.DictWriter(file, COLUMNS)
        self._rows.writeheader()
        self._practice = practice
        self._access = access

    def write(self, item: ArchiveItem) -> None:
        """Write one message as a row."""
        row = _row(item, practice=self._practice, access=self._access)
        self._rows.writerow({name: _cell(value) for name, value in row.items()})


_WRITERS: Final[dict[ExtractForm, type[_JsonLines | _Csv]]] = {
    ExtractForm.JSON_LINES: _JsonLines,
    ExtractForm.CSV: _Csv,
}


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            text = " ".join(map(str, value))
        case _:
            text = str(value)
    return safe_cell(text)
