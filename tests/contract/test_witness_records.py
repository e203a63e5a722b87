"""The contract of `WitnessRecords`, and what its file promises."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from comity.adapters.errors import WitnessRecordsError
from comity.adapters.memory.witness import MemoryWitnessRecords
from comity.adapters.witness_records import SqliteWitnessRecords
from comity.ledger.witnessing import Evidence, EvidenceKind, WitnessedHead
from comity.ports import EvidenceRow, WitnessRecords

ORIGIN = "ledger.example/oh"


@pytest.fixture(params=["memory", "sqlite"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WitnessRecords]:
    """Records of each kind, empty."""
    if request.param == "memory":
        yield MemoryWitnessRecords()
        return
    opened = SqliteWitnessRecords(tmp_path / "state.sqlite")
    yield opened
    opened.close()


def head(size: int, root: int = 1, origin: str = ORIGIN, note: bytes = b"note") -> WitnessedHead:
    return WitnessedHead(origin=origin, size=size, root=bytes([root]) * 32, note=note)


def row(number: int, origin: str = ORIGIN, kept_at: int = 5) -> EvidenceRow:
    evidence = Evidence(
        origin=origin,
        kind=EvidenceKind.FORK,
        size=2**48,
        root=bytes(32),
        seen=b"",
        shown=b"\xff%d" % number,
    )
    return EvidenceRow(evidence_id=f"{number:064x}", kept_at=kept_at, evidence=evidence)


def test_head_is_swapped_from_the_one_that_stands(records: WitnessRecords) -> None:
    """Only whoever knows size and root of the standing head replaces it."""
    assert records.head(ORIGIN) is None
    assert not records.swap(head(1), head(2))
    assert records.swap(None, head(3))
    assert not records.swap(None, head(4))
    assert not records.swap(head(3, root=2), head(4))
    assert not records.swap(head(2), head(4))
    assert records.head(ORIGIN) == head(3)
    assert records.swap(head(3, note=b"other"), head(3, note=b"again"))
    assert records.swap(head(3), head(2**48, root=9))
    assert records.head(ORIGIN) == head(2**48, root=9)


def test_origins_stand_apart(records: WitnessRecords) -> None:
    """Each origin has its own head; all are listed by origin."""
    for origin in ("b", "a", "c"):
        assert records.swap(None, head(1, origin=origin))
    assert [one.origin for one in records.heads()] == ["a", "b", "c"]


def test_evidence_is_kept_once_and_within_its_number(records: WitnessRecords) -> None:
    """The same again is no news, and an origin that is full keeps no more; others still do."""
    assert records.keep(row(2, kept_at=7), 2)
    assert not records.keep(row(2), 2)
    assert records.keep(row(1, kept_at=9), 2)
    assert not records.keep(row(3), 2)
    assert records.keep(row(4, origin="other", kept_at=1), 2)
    assert [one.evidence_id[-1] for one in records.evidence()] == ["4", "2", "1"]
    assert records.find_evidence(row(2).evidence_id) == row(2, kept_at=7)
    assert records.find_evidence(row(3).evidence_id) is None


def test_file_keeps_what_was_taken(tmp_path: Path) -> None:
    """Opened again it holds the same, for its owner alone, and for one process at a time."""
    file = tmp_path / "state.sqlite"
    first = SqliteWitnessRecords(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first.swap(None, head(3))
    first.keep(row(1), 9)
    with pytest.raises(WitnessRecordsError, match="in use"):
        SqliteWitnessRecords(file)
    copy = tmp_path / "copy.sqlite"
    for end in ("", "-wal"):
        shutil.copyfile(f"{file}{end}", f"{copy}{end}")
    first.close()
    for path in (file, copy):
        again = SqliteWitnessRecords(path)
        assert (again.head(ORIGIN), list(again.evidence())) == (head(3), [row(1)])
        again.close()


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Neither overwritten nor read as empty; nor is one of a later version."""
    file = tmp_path / "state.sqlite"
    file.write_bytes(b"practice" * 1_000)
    with pytest.raises(WitnessRecordsError):
        SqliteWitnessRecords(file)
    assert file.read_bytes() == b"practice" * 1_000
    with pytest.raises(WitnessRecordsError):
        SqliteWitnessRecords(tmp_path / "missing" / "state.sqlite")
    later = tmp_path / "later.sqlite"
    opened = SqliteWitnessRecords(later)
    opened._connection.execute("PRAGMA user_version = 2")
    opened.close()
    with pytest.raises(WitnessRecordsError, match="version"):
        SqliteWitnessRecords(later)
