"""Traffic from before: a file of counts, read line by line and refused at the first that is wrong.

One header line names the columns, in any order: `month` (2026-11), `agency`, `message_key` and
`count` must be there; what else a file does not have stands at its default and is named as not
held. Nothing is quoted: no value has a comma. Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from comity.cli.errors import UsageError
from comity.domain.ids import ORI
from comity.domain.vocabulary import AgencyType
from comity.policy.errors import TrafficFormError, shown
from comity.policy.traffic import ROLL_UP_FIELDS, Traffic, TrafficBuilder, month_number

__all__ = ["LINES_MAX", "LINE_BYTES_MAX", "read_traffic", "traffic_of"]

LINES_MAX: Final = 5_000_000
LINE_BYTES_MAX: Final = 512
_MONTH: Final = "month"
_COUNT: Final = "count"
_NEEDED: Final = (_MONTH, "agency", "message_key", _COUNT)
_COLUMNS: Final = (_MONTH, *ROLL_UP_FIELDS, _COUNT)


def read_traffic(name: str, types: Mapping[ORI, AgencyType], last_month: int) -> Traffic:
    """Return the traffic that a file counts; `-` is standard input.

    `types` are those of listed agencies, for a file that does not say them; months after
    `last_month` are none of traffic that there was.
    Raises: UsageError if there is no such file, TrafficFormError with the line.
    """
    with _opened(name) as file:
        return traffic_of(file, types, last_month)


def traffic_of(file: BinaryIO, types: Mapping[ORI, AgencyType], last_month: int) -> Traffic:
    """Return the traffic that an open file counts. Raises: TrafficFormError, as `read_traffic`."""
    lines = _lines(file)
    number, header = next(lines, (1, ""))
    with _at(number):
        columns = _columns(header)
        fields = [each for each in columns if each in ROLL_UP_FIELDS]
        month_at, count_at = columns.index(_MONTH), columns.index(_COUNT)
        request_at = [at for at in range(len(columns)) if at not in {month_at, count_at}]
    builder = TrafficBuilder(fields, types=types)
    months: dict[str, int] = {}
    for number, line in lines:
        with _at(number):
            parts = line.split(",")
            if len(parts) != len(columns):
                raise TrafficFormError(f"{len(parts)} fields where {len(columns)} belong")
            month = parts[month_at]
            if month not in months:
                months[month] = month_number(month)
                if months[month] > last_month:
                    raise TrafficFormError("`month` is yet to come")
            request = ",".join(parts[at] for at in request_at)
            builder.add(months[month], request, _number(parts[count_at]))
    return builder.traffic()


def _columns(header: str) -> list[str]:
    columns = header.split(",")
    for column in columns:
        if column not in _COLUMNS:
            raise TrafficFormError(
                f"`{shown(column)}` is no column; there are {', '.join(_COLUMNS)}"
            )
    if len(set(columns)) != len(columns):
        raise TrafficFormError("a column stands twice")
    missing = [each for each in _NEEDED if each not in columns]
    if missing:
        raise TrafficFormError(f"`{missing[0]}` is not among the columns")
    return columns


def _number(text: str) -> int:
    # `int` would take signs, spaces, underscores and other scripts' digits.
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(1 << 52)):
        raise TrafficFormError("`count` is not a number")
    return int(text)


def _lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield each line with its number. Raises: TrafficFormError."""
    number = 0
    while data := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        with _at(number):
            if len(data) > LINE_BYTES_MAX:
                raise TrafficFormError(f"a line has more than {LINE_BYTES_MAX} bytes")
            if number > LINES_MAX:
                raise TrafficFormError(f"a file has more than {LINES_MAX:,} lines")
            try:
                text = data.decode("ascii")
            except UnicodeDecodeError:
                raise TrafficFormError("a line has other characters than ASCII") from None
        yield number, text.rstrip("\r\n")


@contextmanager
def _at(number: int) -> Iterator[None]:
    """Name the line in an error."""
    try:
        yield
    except TrafficFormError as error:
        raise TrafficFormError(f"line {number:,}: {error}") from None


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"there is no file `{name}`") from None
    with file:
        yield file
