"""Small agencies are proposed from the ledger's own counts, and written as the next part."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from comity.adapters.memory.clock import ManualClock
from comity.adapters.memory.store import MemoryStore
from comity.cli import smalls as module
from comity.cli.main import app
from comity.directory.part import parse_part_body
from comity.domain.ids import ORI
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.ports import CheckpointRow
from comity.services import asked_counts as counting
from comity.services.asked_counts import asked_counts
from tests.support.directory import AUSTIN, LUBBOCK, TX, agency, texas
from tests.support.leaves import least

RUNNER = CliRunner()
NOW_HOUR = int(time.time()) // 3_600
YEAR_HOURS = 365 * 24
PATROL = ORI("TXDPS0000")
PART = texas(
    agencies=(
        agency(AUSTIN, "TX/LOCAL"),
        agency(LUBBOCK, "TX/LOCAL"),
        agency(PATROL, "TX/STATE", small=True),
    )
)


def query(agency: str, hour: int = NOW_HOUR, mode: LeafMode = LeafMode.LIVE) -> LeafHeader:
    """A query of an agency as the public sees it."""
    header = msgspec.structs.replace(least(LeafKind.QUERY), member=TX, agency=agency)
    return msgspec.structs.replace(header, hour=hour, mode=mode)


def store_of(*headers: LeafHeader) -> MemoryStore:
    """A store with a ledger of these leaves, all under a checkpoint."""
    store = MemoryStore(ManualClock(0))
    store.tables.leaves[TX] = [(encode_leaf(header), b"") for header in headers]
    row = CheckpointRow(member=TX, size=len(headers), note=b"note")
    asyncio.run(store.save_checkpoint(row))
    return store


HEADERS = (
    query(LUBBOCK, NOW_HOUR - 2 * YEAR_HOURS),
    *(query(AUSTIN) for _ in range(3)),
    query(LUBBOCK),
    query(LUBBOCK, mode=LeafMode.PROBE),
    query("sealed"),
    query("small:tx"),
    msgspec.structs.replace(least(LeafKind.ACCESS), member=TX, hour=NOW_HOUR),
)


@pytest.mark.parametrize("page", [1, 2, 4_096])
def test_live_queries_of_the_time_are_counted(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the agency that the public sees; pages that lie before the time are not read."""
    monkeypatch.setattr(counting, "PAGE_LEAVES", page)
    old = [query(LUBBOCK, NOW_HOUR - 2 * YEAR_HOURS)] * 6
    store = store_of(*old, *HEADERS)
    read: list[int] = []
    size, since = len(old) + len(HEADERS), NOW_HOUR - YEAR_HOURS
    counts = asyncio.run(asked_counts(store, TX, size, since, read.append))
    assert dict(counts.named) == {AUSTIN: 3, LUBBOCK: 1}
    assert (counts.sealed, counts.small) == (1, 1)
    assert read[-1] < size or page == 4_096


def test_a_withdrawn_leaf_is_passed_over() -> None:
    """Its bytes are gone."""
    store = store_of(query(AUSTIN), query(AUSTIN))
    store.tables.leaves[TX][0] = (b"", b"")
    assert asyncio.run(asked_counts(store, TX, 2, 0, print)).named == {AUSTIN: 1}


def small(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    """Runs `comity directory small --state TX ...` over that ledger."""

    @asynccontextmanager
    async def opened(*_: object) -> AsyncIterator[tuple[MemoryStore, MemoryStore]]:
        yield store_of_headers, store_of_headers

    async def part(*_: object) -> object:
        return PART

    store_of_headers = store_of(*HEADERS)
    monkeypatch.setattr(module, "open_ledger_reader", opened)
    monkeypatch.setattr(module, "load_part", part)
    given = ["directory", "small", "--state", "TX", *arguments]
    return RUNNER.invoke(app, given, env={"COLUMNS": "120"})


def test_those_that_asked_seldom_are_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With their counts; what could not be counted for anyone is said."""
    result = small(monkeypatch, "--below", "3")
    assert result.exit_code == 0, result.output
    assert "1 agency asked fewer than 3 times in the last twelve months" in result.output
    assert LUBBOCK in result.output
    assert AUSTIN not in result.output
    assert "counted for no agency yet: 1" in result.output
    document = json.loads(small(monkeypatch, "--below", "4", "--json").stdout)
    assert document["proposed"] == [
        {"ori": AUSTIN, "queries": 3},
        {"ori": LUBBOCK, "queries": 1},
    ]
    assert (document["small_now"], document["queries_small"]) == ([PATROL], 1)


def test_the_next_part_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With these as small beside those that were; it waits for its member's signature."""
    to = tmp_path / "tx.part"
    result = small(monkeypatch, "--below", "3", "--to", str(to))
    assert f"comity directory sign {to}" in result.stdout.replace("\n", "")
    part = parse_part_body(to.read_bytes())
    assert part.version == PART.version + 1
    assert [a.ori for a in part.agencies if a.small] == [LUBBOCK, PATROL]
    assert small(monkeypatch, "--below", "1", "--to", str(to)).exit_code == 2
