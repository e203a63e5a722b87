"""Leaves of a period: found by their hours, within limits, whatever was withdrawn among them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from comity.domain.ids import Member
from comity.domain.leaf import SEALED, LeafHeader, encode_leaf, small_agency
from comity.domain.vocabulary import (
    DataClass,
    Instrument,
    LeafDecision,
    LeafKind,
    LeafMode,
    Offence,
    Purpose,
)
from comity.exchange.leaves import HOUR_SECONDS
from comity.services import public_records as reading
from comity.services.public_records import (
    Collected,
    PeriodTooLongError,
    PeriodWanted,
    PublicLeaf,
    collect_leaves,
)
from comity.services.public_records_files import (
    AUTHORITIES,
    ExportFacts,
    Ground,
    export_zip,
)

WA = Member("wa")
HOLD = LeafHeader(
    version=1,
    kind=LeafKind.HOLD,
    mode=LeafMode.LIVE,
    hour=0,
    member=WA,
    agency="TX0PD0001",
    key="DQ",
    purpose=Purpose.NOT_STATED,
    offence=Offence.NOT_STATED,
    instrument=Instrument.NONE,
    withheld=(DataClass.STATUS,),
    decision=LeafDecision.HOLD,
    policy=1,
    peer="tx/1",
    commitment=bytes(32),
)
KEY = LeafHeader(
    version=1,
    kind=LeafKind.KEY,
    mode=LeafMode.LIVE,
    hour=0,
    member=WA,
    digest=bytes(32),
    commitment=bytes(32),
)
FACTS = ExportFacts(
    member=WA,
    reference="=HYPERLINK(1)",
    first_day="2026-03-14",
    last_day="2026-03-15",
    zone="America/Los_Angeles",
    kinds=(LeafKind.HOLD,),
    authorities={**AUTHORITIES, Ground.PERSON: "=cmd|' /C calc'!A0"},
    opened={},
    proofs={},
    gone=(),
    checkpoint=b"",
    origin="",
    size=0,
    root=b"",
    practice=True,
    at=1_773_500_000,
)


class Rows:
    """A ledger whose leaves have these hours; None for one that was withdrawn."""

    def __init__(self, hours: Sequence[int | None], header: LeafHeader = HOLD) -> None:
        self.leaves_read = 0
        self._data = [
            b"" if hour is None else encode_leaf(msgspec.structs.replace(header, hour=hour))
            for hour in hours
        ]

    async def heads(self, members: Sequence[Member]) -> dict[Member, Any]:
        """A head of as many leaves."""
        size = len(self._data)
        frontier = type("Frontier", (), {"size": size})
        return {member: (type("Head", (), {"frontier": frontier}), b"") for member in members}

    async def leaves(self, member: Member, first: int, last: int) -> list[bytes]:
        """The leaves' bytes."""
        assert member == WA
        self.leaves_read += max(0, last - first)
        return self._data[first:last]


async def collected(rows: Rows, first: int, beyond: int, *kinds: LeafKind) -> Collected:
    """What stands between two hours."""
    wanted = PeriodWanted(
        member=WA,
        begins=first * HOUR_SECONDS,
        before=beyond * HOUR_SECONDS,
        kinds=frozenset(kinds or {LeafKind.HOLD}),
    )
    return await collect_leaves(rows, rows, wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "beyond", "indexes"),
    [
        (0, 100, [0, 1, 2, 4, 5]),
        (10, 11, [0, 1]),
        (11, 12, [2]),
        (12, 14, [4, 5]),
        (13, 14, [5]),
        (14, 90, []),
        (0, 10, []),
        (11, 11, []),
    ],
)
async def test_a_period_is_found_by_hours(first: int, beyond: int, indexes: list[int]) -> None:
    """From its first hour on, before its end; the withdrawn leaf among them is told apart."""
    rows = Rows([10, 10, 11, None, 12, 13])
    found = await collected(rows, first, beyond)
    assert [leaf.index for leaf in found.leaves] == indexes


async def test_what_was_withdrawn_is_listed() -> None:
    """Wherever it stands: first, last, or many in a row."""
    found = await collected(Rows([None, 10, *[None] * 3, 11, None]), 10, 12)
    assert [leaf.index for leaf in found.leaves] == [1, 5]
    assert found.withdrawn == (0, 2, 3, 4, 6)


async def test_other_kinds_are_left_out() -> None:
    """Only what was chosen is read out."""
    assert (await collected(Rows([10, 10], KEY), 0, 20)).leaves == ()
    assert len((await collected(Rows([10, 10], KEY), 0, 20, LeafKind.KEY)).leaves) == 2


async def test_few_leaves_are_read_to_find_a_period() -> None:
    """A day of a long ledger is found without reading what lies before it."""
    rows = Rows([at // 4 for at in range(8_192)])
    await collected(rows, 2_000, 2_001)
    assert rows.leaves_read < 64


async def test_a_period_has_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """At each limit it is taken; one leaf more is refused."""
    monkeypatch.setattr(reading, "LEAVES_MAX", 3)
    assert len((await collected(Rows([10] * 3), 0, 20)).leaves) == 3
    with pytest.raises(PeriodTooLongError):
        await collected(Rows([10] * 4), 0, 20)
    monkeypatch.setattr(reading, "SPAN_LEAVES_MAX", 5)
    assert (await collected(Rows([10] * 5, KEY), 0, 20)).leaves == ()
    with pytest.raises(PeriodTooLongError):
        await collected(Rows([10] * 6, KEY), 0, 20)


def exported(*headers: LeafHeader, **changes: Any) -> dict[str, bytes]:
    """The files of an export of these leaves."""
    leaves = tuple(PublicLeaf(index=at, header=header) for at, header in enumerate(headers))
    found = Collected(leaves=leaves, withdrawn=(77,), first=0, beyond=100)
    data = export_zip(found, msgspec.structs.replace(FACTS, **changes))
    assert data == export_zip(found, msgspec.structs.replace(FACTS, **changes))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows_of(data: bytes) -> list[dict[str, str]]:
    """A table's rows by column."""
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def grounds(files: dict[str, bytes], entry: str = "wa/0") -> dict[str, str]:
    """What is not shown of a leaf, by its ground."""
    rows = rows_of(files["redactions.csv"])
    return {row["ground"]: row["not_shown"] for row in rows if row["entry"] == entry}


def test_every_field_of_a_record_has_its_ground() -> None:
    """What stands behind a leaf of an exchange, field by field; another kind's record as one."""
    files = exported(HOLD, KEY)
    assert grounds(files) == {
        "person": "operator search",
        "investigation": "case instrument",
        "linkage": "exchange query payload accepted_at",
        "not_disclosed": "elements rules assurance",
    }
    assert grounds(files, "wa/1") == {"staff": "private record"}
    assert grounds(files, "wa/77") == {"withdrawn": "leaf"}


def test_sealed_and_small_are_said() -> None:
    """The public header's own gaps have a ground each."""
    sealed = msgspec.structs.replace(HOLD, agency=SEALED, purpose=SEALED, offence=SEALED)
    small = msgspec.structs.replace(HOLD, agency=small_agency(Member("tx")))
    files = exported(sealed, small)
    assert grounds(files)["delayed"] == "agency purpose offence"
    assert grounds(files, "wa/1")["small_agency"] == "agency"


def test_what_could_not_be_opened_is_said() -> None:
    """A record whose key is gone stands with that ground in place of another."""
    assert grounds(exported(HOLD, gone=("wa/0",)))["record_gone"] == "elements rules assurance"


def test_no_cell_is_a_formula() -> None:
    """An authority that a spreadsheet would run stands behind an apostrophe."""
    files = exported(HOLD)
    for name in ("leaves.csv", "redactions.csv"):
        for cells in csv.reader(io.StringIO(files[name].decode(), newline="")):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    (row,) = [r for r in rows_of(files["redactions.csv"]) if r["ground"] == "person"]
    assert row["authority"] == "'=cmd|' /C calc'!A0"


def test_a_leaf_stands_as_the_ledger_has_it() -> None:
    """One row, every field of the public header, and nothing beside it."""
    (row,) = rows_of(exported(msgspec.structs.replace(HOLD, hour=490_000))["leaves.csv"])
    assert row["entry"] == "wa/0"
    assert row["hour"] == "2025-11-24T16:00Z"
    assert (row["kind"], row["agency"], row["withheld"]) == ("hold", "TX0PD0001", "status")
    assert (row["policy"], row["peer"], row["released"]) == ("wa/1", "tx/1", "")


def test_the_note_names_each_file_and_its_digest() -> None:
    """What is in the ZIP is what the note says; that it is practice data stands in both texts."""
    files = exported(HOLD)
    about = json.loads(files["about.json"])
    assert about["practice"] is True
    assert b"PRACTICE DATA" in files["README.txt"]
    assert b"PRACTICE DATA" not in exported(HOLD, practice=False)["README.txt"]
    digests = {name: sha256(data).hexdigest() for name, data in files.items()}
    del digests["about.json"]
    assert about["sha256"] == digests
