"""The store of public files: what is kept stays as it is, on a folder and in memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from comity.adapters.memory.public import MemoryPublicStore
from comity.adapters.public_store import PUBLIC_FILE_BYTES_MAX, FolderPublicStore
from comity.ports import PublicClashError, PublicStore, PublicStoreError


@pytest.fixture(params=("folder", "memory"))
def public(request: pytest.FixtureRequest, tmp_path: Path) -> PublicStore:
    """A store of each kind, empty."""
    return (
        FolderPublicStore(tmp_path / "public")
        if request.param == "folder"
        else (MemoryPublicStore())
    )


async def test_what_was_put_is_got(public: PublicStore) -> None:
    """A file comes back byte for byte; one that nobody put is absent, as is a folder."""
    assert await public.get("oh/tile/0/000") is None
    await public.put("oh/tile/0/000", b"hashes")
    await public.put("oh/tile/0/x001/000", b"")
    assert await public.get("oh/tile/0/000") == b"hashes"
    assert await public.get("oh/tile/0/x001/000") == b""
    assert await public.get("oh/tile/0") is None
    assert await public.get("oh/tile/0/000/more") is None


async def test_put_again_changes_nothing(public: PublicStore) -> None:
    """The same bytes are taken again; others are refused, and the first ones stay."""
    await public.put("oh/sealed/0", b"note")
    await public.put("oh/sealed/0", b"note")
    with pytest.raises(PublicClashError):
        await public.put("oh/sealed/0", b"other")
    assert await public.get("oh/sealed/0") == b"note"


async def test_of_two_at_once_one_wins(public: PublicStore) -> None:
    """Writers of one path cannot mix: one file is kept whole, whoever brought another is told."""
    bodies = [b"%d" % number * 10_000 for number in range(8)]
    puts = (public.put("oh/sealed/0", body) for body in bodies)
    results = await asyncio.gather(*puts, return_exceptions=True)
    assert await public.get("oh/sealed/0") in bodies
    assert [type(r) for r in results if r is not None] == [PublicClashError] * 7


async def test_paths_below_a_folder(public: PublicStore) -> None:
    """A listing has every path below, and none beside."""
    for path in ("oh/tile/0/001", "oh/tile/0/000", "oh/sealed/0", "ohx/tile/0/000"):
        await public.put(path, b"x")
    assert await public.paths("oh/tile") == ["oh/tile/0/000", "oh/tile/0/001"]
    assert await public.paths("oh") == ["oh/sealed/0", "oh/tile/0/000", "oh/tile/0/001"]
    assert await public.paths("wa") == []


async def test_removed_is_absent_and_may_be_put_anew(public: PublicStore) -> None:
    """What is withdrawn or damaged makes room; removing twice is removing once."""
    await public.put("oh/tile/entries/000", b"one")
    await public.remove("oh/tile/entries/000")
    await public.remove("oh/tile/entries/000")
    assert await public.get("oh/tile/entries/000") is None
    await public.put("oh/tile/entries/000", b"other")
    assert await public.get("oh/tile/entries/000") == b"other"


@pytest.mark.parametrize(
    "path", ["", "/oh", "oh/", "oh//x", "../x", "oh/../x", "oh/.x", "oh/\u00e9"]
)
async def test_path_that_leads_elsewhere_is_refused(public: PublicStore, path: str) -> None:
    """No path leaves the store, and none is hidden."""
    for act in (public.put(path, b"x"), public.get(path), public.paths(path), public.remove(path)):
        with pytest.raises(PublicStoreError):
            await act


async def test_folder_has_whole_files_that_anyone_may_read(tmp_path: Path) -> None:
    """A web server finds readable files; what a crash left beside is listed nowhere."""
    public = FolderPublicStore(tmp_path / "public")
    await public.put("oh/tile/0/000", b"x")
    (tmp_path / "public/oh/tile/0/.001.0123456789abcdef").write_bytes(b"half")
    assert await public.paths("oh") == ["oh/tile/0/000"]
    assert (tmp_path / "public/oh/tile/0/000").stat().st_mode & 0o777 == 0o644


async def test_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A file in the folder's place, or one that is too long, is an error of the store."""
    (tmp_path / "public").write_bytes(b"no folder")
    public = FolderPublicStore(tmp_path / "public")
    with pytest.raises(PublicStoreError):
        await public.put("oh/tile/0/000", b"x")
    with pytest.raises(PublicStoreError):
        await FolderPublicStore(tmp_path / "p").put("oh/x", bytes(PUBLIC_FILE_BYTES_MAX + 1))
