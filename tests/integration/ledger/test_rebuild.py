"""Public files are compared with what their leaves make, and made again where that can be done."""

from __future__ import annotations

import pytest

from comity.adapters.memory.public import MemoryLeafTable
from comity.services.rebuilding import FileFault, Rebuilding, RebuildReport, SealingUnderWayError
from comity.services.sealing import SEALING_TURN
from tests.integration.ledger.test_sealing import (
    SealedLedger,
    Spoil,
    _cut,
    _flip,
    _lose,
    leaves,
    released,
    sealed,
)
from tests.support.public import KEY, TX

FILES = (
    "tx/tile/entries/117",
    "tx/tile/0/003",
    "tx/tile/1/000",
    "tx/document/007",
    "tx/parquet/0.parquet",
    "tx/sealed/0",
)


async def look(host: SealedLedger, *, mends: bool) -> RebuildReport:
    """Look through the ledger's files once."""
    return await Rebuilding(
        store=host.store,
        rows=host.rows,
        public=host.public,
        table=MemoryLeafTable(),
        key=KEY,
        mends=mends,
    ).run(TX)


async def test_sealed_ledger_is_whole() -> None:
    """What the worker wrote is what a rebuild would write, and nothing is touched."""
    host = await sealed()
    before = dict(host.public.files)
    report = await look(host, mends=True)
    assert (report.is_whole, report.findings) == (True, ())
    assert (report.segments, report.from_files, report.files) == (1, 0, len(before))
    assert host.public.files == before


@pytest.mark.parametrize("spoil", [_flip, _cut, _lose])
async def test_missing_and_damaged_files_are_found_and_mended(spoil: Spoil) -> None:
    """Each is named; a check changes nothing; a rebuild writes what was there before."""
    host = await sealed()
    before = dict(host.public.files)
    for path in FILES:
        spoil(host.public.files, path)
    spoiled = dict(host.public.files)
    report = await look(host, mends=False)
    fault = FileFault.MISSING if spoil is _lose else FileFault.DAMAGED
    assert {(f.path, f.fault, f.is_mended) for f in report.findings} == {
        (path, fault, False) for path in FILES
    }
    assert not report.is_whole
    assert host.public.files == spoiled
    report = await look(host, mends=True)
    assert len(report.findings) == len(FILES)
    assert report.is_whole
    assert host.public.files == before


async def test_store_that_is_gone_is_made_again() -> None:
    """From the database alone every file comes back with the same contents."""
    host = await sealed()
    before = dict(host.public.files)
    host.public.files.clear()
    report = await look(host, mends=True)
    assert (report.is_whole, len(report.findings)) == (True, len(before))
    assert host.public.files == before


async def test_withdrawn_bundle_is_taken_away_and_strangers_stay() -> None:
    """A bundle or document that is withdrawn is removed; a file that is not ours is only told."""
    host = await sealed()
    host.ledger.withdraw(7)
    host.public.files["tx/index.html"] = b"somebody's page"
    report = await look(host, mends=True)
    assert {(f.path, f.fault, f.is_mended) for f in report.findings} == {
        ("tx/tile/entries/000", FileFault.STRAY, True),
        ("tx/document/007", FileFault.STRAY, True),
        ("tx/parquet/0.parquet", FileFault.DAMAGED, True),
        ("tx/index.html", FileFault.STRAY, False),
    }
    assert not any(leaves()[7] in data for data in host.public.files.values())
    assert host.public.files["tx/index.html"] == b"somebody's page"


async def test_files_of_a_segment_that_is_being_written_are_no_strays() -> None:
    """What the worker has begun is neither wrong nor removed."""
    host = await sealed()
    begun = ("tx/tile/entries/256", "tx/tile/0/256", "tx/document/x065/700")
    host.public.files.update(dict.fromkeys(begun, b"begun"))
    assert (await look(host, mends=True)).findings == ()
    assert host.public.files.keys() >= set(begun)


async def test_what_is_in_neither_place_is_said() -> None:
    """When rows have left, a tile comes back from its bundle; a lost bundle does not come back."""
    host = await released()
    before = dict(host.public.files)
    for path in ("tx/tile/1/000", "tx/tile/0/003"):
        del host.public.files[path]
    report = await look(host, mends=True)
    assert report.from_files == 1
    assert ("tx/tile/1/000", True) in {(f.path, f.is_mended) for f in report.findings}
    assert report.is_whole
    assert host.public.files == {**host.public.files, **before}
    host = await released()
    del host.public.files["tx/tile/entries/117"]
    before = dict(host.public.files)
    (lost,) = [f for f in (await look(host, mends=True)).findings if f.fault is FileFault.LOST]
    assert lost.path == "tx/segment 0"
    assert "tile/entries/117" in lost.why
    assert before.items() <= host.public.files.items()
    assert "tx/tile/entries/117" not in host.public.files


async def test_rebuild_waits_for_the_sealing() -> None:
    """Two do not write at once."""
    host = await sealed()
    async with host.store.turn(SEALING_TURN):
        with pytest.raises(SealingUnderWayError):
            await look(host, mends=True)
