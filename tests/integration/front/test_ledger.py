"""The public ledgers over real sockets: every path that there is, and no other."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
import zstandard
from typer.testing import CliRunner

from comity.audit.evidence import check_tlog_proof
from comity.audit.notes import read_vkey
from comity.cli.main import app
from comity.domain.ids import Member
from comity.front.ledger import READER_BURST_MAX, pick_encoding
from comity.ledger.note import encode_vkey
from comity.ledger.tile import BundleId, TileId, bundle_path, tile_path
from tests.support.ledger import exported, leaves_of, tile_documents
from tests.support.public import KEY, TX, PublishedLedger, ServedLedger, published, serving

IMMUTABLE = "public, max-age=31536000, immutable"
IDENTITY = {"Accept-Encoding": "identity"}


@asynccontextmanager
async def reading(served: ServedLedger) -> AsyncIterator[aiohttp.ClientSession]:
    """A reader of a served ledger that decodes nothing by itself."""
    async with (
        serving(served) as url,
        aiohttp.ClientSession(url, auto_decompress=False, headers=IDENTITY) as session,
    ):
        yield session


async def test_every_document_of_the_tree_is_served() -> None:
    """What an export would write is served at the same paths, byte for byte."""
    served = ServedLedger(await published(600))
    documents = exported(leaves_of(600))
    async with reading(served) as session:
        for path, data in documents.items():
            async with session.get(f"/tx/{path}") as reply:
                assert (reply.status, await reply.read()) == (200, data), path
                assert reply.headers["access-control-allow-origin"] == "*"
                assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "media", "cache"),
    [
        ("checkpoint", "text/plain; charset=utf-8", "public, max-age=5"),
        ("proof/599", "text/plain; charset=utf-8", "public, max-age=5"),
        ("vkey", "text/plain; charset=utf-8", "public, max-age=3600"),
        ("tile/0/000", "application/octet-stream", IMMUTABLE),
        ("tile/0/002.p/88", "application/octet-stream", IMMUTABLE),
        ("tile/1/000.p/2", "application/octet-stream", IMMUTABLE),
        ("tile/entries/000", "application/octet-stream", IMMUTABLE),
        ("document/007", "application/octet-stream", IMMUTABLE),
    ],
)
async def test_headers_of_the_specification(path: str, media: str, cache: str) -> None:
    """Media type, how long it may be kept, and a tag by which it need not be sent again."""
    ledger = await published(600)
    ledger.document(7, b'{"v":1}')
    async with reading(ServedLedger(ledger)) as session:
        async with session.get(f"/tx/{path}") as reply:
            body = await reply.read()
            assert (reply.status, reply.headers["content-type"]) == (200, media)
            assert reply.headers["cache-control"] == cache
            tag = reply.headers["etag"]
        async with session.head(f"/tx/{path}") as reply:
            assert (reply.status, await reply.read()) == (200, b"")
            assert reply.headers["content-length"] == str(len(body))
        for known in (tag, f'"other", W/{tag}', "*"):
            async with session.get(f"/tx/{path}", headers={"If-None-Match": known}) as reply:
                assert (reply.status, await reply.read()) == (304, b"")
                assert (reply.headers["etag"], reply.headers["cache-control"]) == (tag, cache)
        async with session.get(f"/tx/{path}", headers={"If-None-Match": '"other"'}) as reply:
            assert (reply.status, await reply.read()) == (200, body)


async def test_every_width_up_to_the_signed_size_and_none_beyond() -> None:
    """All partial tiles and bundles of earlier sizes stay, also where the full one exists."""
    ledger = PublishedLedger(leaves_of(600))
    await ledger.sign(520)
    tiles = tile_documents(leaves_of(600))
    async with reading(ServedLedger(ledger)) as session:

        async def status(path: str) -> int:
            async with session.get(f"/tx/{path}") as reply:
                await reply.read()
                return reply.status

        for index, count in ((0, 256), (1, 256), (2, 8)):
            for width in (1, 7, 8, 9, 255, 256):
                expected = 200 if width <= count else 404
                bundle = BundleId(index=index, width=width)
                tile = TileId(level=0, index=index, width=width)
                assert await status(bundle_path(bundle)) == expected
                assert await status(tile_path(tile)) == expected
        whole = next(data for tile, data in tiles.items() if tile == TileId(level=0, index=0))
        async with session.get("/tx/tile/0/000.p/7") as reply:
            assert await reply.read() == whole[: 7 * 32]
        assert [await status(f"tile/1/000.p/{n}") for n in (1, 2, 3)] == [200, 200, 404]
        assert [await status(f"proof/{n}") for n in (519, 520)] == [200, 404]


@pytest.mark.parametrize(
    "path",
    [
        "/", "/tx", "/tx/", "/TX/checkpoint", "/oh/checkpoint", "/zz/checkpoint", "//checkpoint",
        "/tx/checkpoint/", "/tx/checkpoint?x=1", "/tx/checkpoin%74", "/t%78/checkpoint",
        "/tx//checkpoint", "/tx/../tx/checkpoint", "/tx/./checkpoint", "/tx/%2e%2e/checkpoint",
        "/tx/tile/0/0", "/tx/tile/0/x000/000", "/tx/tile/0/000.p/256", "/tx/tile/0/000.p/0",
        "/tx/tile/0/000.p/007", "/tx/tile/00/000", "/tx/tile/64/000", "/tx/tile/0/003",
        "/tx/tile/2/000", "/tx/tile/2/000.p/1", "/tx/tile/0/000.p/7/", "/tx/tile/0/0000",
        "/tx/tile/entries/000.p/256", "/tx/tile/entries/00", "/tx/tile/data/000",
        "/tx/tile/0/x999/x999/x999/x999/x999/x999/999",
        "/tx/document/7", "/tx/document/x000/007", "/tx/document/008", "/tx/document/999",
        "/tx/proof/07", "/tx/proof/-1", "/tx/proof/600", "/tx/proof/", "/tx/proof/1e2",
        "/tx/proof/99999999999999999999999999",
    ],
)  # fmt: skip
async def test_other_spellings_are_not_there(path: str) -> None:
    """Each document has one path; anything else is told so, and may not be cached."""
    ledger = await published(600)
    ledger.document(7, b"{}")
    served = ServedLedger(ledger)
    async with serving(served) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 404 "), answer[:80]
    assert b"cache-control: no-store" in answer


async def test_only_reading_is_taken() -> None:
    """A ledger is read here, and never written."""
    async with reading(ServedLedger(await published(3))) as session:
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            async with session.request(method, "/tx/checkpoint") as reply:
                assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


async def test_bundles_and_documents_are_compressed_as_asked() -> None:
    """The same bytes in three encodings, each with its own tag; hashes are left as they are."""
    ledger = await published(300)
    ledger.document(7, b'{"rule":"' + b"x" * 100_000 + b'"}')
    plain = {
        "tile/entries/000": exported(leaves_of(300))["tile/entries/000"],
        "document/007": ledger.store.tables.documents[TX, 7].body,
    }
    unpack: dict[str | None, Callable[[bytes], bytes]] = {
        None: lambda data: data,
        "gzip": gzip.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompress(data, 1 << 20),
    }
    async with reading(ServedLedger(ledger)) as session:
        for path, data in plain.items():
            tags = set()
            for asked, got in (("br", None), ("gzip", "gzip"), ("gzip, deflate, zstd", "zstd")):
                async with session.get(f"/tx/{path}", headers={"Accept-Encoding": asked}) as reply:
                    assert reply.headers.get("content-encoding") == got
                    assert reply.headers["vary"] == "accept-encoding"
                    assert unpack[got](await reply.read()) == data
                    tags.add(reply.headers["etag"])
            assert len(tags) == 3
        async with session.get("/tx/tile/0/000", headers={"Accept-Encoding": "zstd"}) as reply:
            assert "content-encoding" not in reply.headers
            assert "vary" not in reply.headers


@pytest.mark.parametrize(
    ("accepted", "picked"),
    [
        ("", "identity"), ("identity", "identity"), ("br", "identity"), ("gzip", "gzip"),
        ("GZIP", "gzip"), ("zstd", "zstd"), ("gzip, zstd", "zstd"), ("*", "zstd"),
        ("gzip;q=0.5, zstd;q=0.1", "gzip"), ("zstd;q=0", "identity"),
        ("zstd; q=0, *", "gzip"), ("gzip;q=0.3, identity;q=0.8", "identity"),
        ("gzip;q=x", "identity"), (";,;=,", "identity"),
    ],
)  # fmt: skip
def test_encoding_is_the_one_that_the_reader_likes_best(accepted: str, picked: str) -> None:
    """Weights are kept; what is not named is not sent, but for the bytes as they are."""
    assert pick_encoding(accepted) == picked


async def test_growth_is_seen_and_what_was_stays() -> None:
    """A new checkpoint shows within its time; what was there keeps its bytes."""
    ledger = await published(300)
    served = ServedLedger(ledger)
    async with reading(served) as session:
        async with session.get("/tx/tile/entries/001.p/44") as reply:
            before = await reply.read()
        ledger.grow(leaves_of(400)[300:])
        note = await ledger.sign()
        async with session.get("/tx/tile/entries/001.p/144") as reply:
            assert reply.status == 404
        served.now += 2
        async with session.get("/tx/checkpoint") as reply:
            assert await reply.read() == note
        async with session.get("/tx/tile/entries/001.p/44") as reply:
            assert (reply.status, await reply.read()) == (200, before)
        async with session.get("/tx/tile/entries/001.p/144") as reply:
            assert reply.status == 200


async def test_withdrawn_bundle_is_gone_and_its_hashes_stay() -> None:
    """Once a leaf is withdrawn no bundle with it is served, kept ready or not; its tile is."""
    ledger = await published(600)
    ledger.document(300, b"{}")
    served = ServedLedger(ledger)
    async with reading(served) as session:

        async def status(path: str) -> int:
            async with session.get(f"/tx/{path}") as reply:
                await reply.read()
                return reply.status

        assert [await status(p) for p in ("tile/entries/001", "document/300")] == [200, 200]
        ledger.withdraw(300)
        await ledger.sign()
        served.now += 2
        gone = ("tile/entries/001", "tile/entries/001.p/45", "document/300")
        assert [await status(path) for path in gone] == [404, 404, 404]
        kept = ("tile/0/001", "tile/entries/001.p/44", "tile/entries/002.p/89", "proof/300")
        assert [await status(path) for path in kept] == [200, 200, 200, 200]


async def test_proof_is_of_the_newest_checkpoint() -> None:
    """A served proof shows the leaf under the ledger's key, and no other leaf."""
    async with reading(ServedLedger(await published(600))) as session:
        for index in (0, 255, 256, 599):
            async with session.get(f"/tx/proof/{index}") as reply:
                check_tlog_proof(
                    await reply.read(), leaves_of(600)[index], read_vkey(encode_vkey(KEY))
                )


async def test_ledger_without_a_checkpoint_is_not_there() -> None:
    """Nothing is shown before it is signed, and nothing that its key did not sign."""
    ledger = PublishedLedger(leaves_of(3))
    served = ServedLedger(ledger)
    async with reading(served) as session:
        async with session.get("/tx/checkpoint") as reply:
            assert reply.status == 404
        note = await ledger.sign()
        row = ledger.store.tables.checkpoints.pop((Member("tx"), 3))
        forged = note.replace(b"log.example/tx\n3\n", b"log.example/tx\n2\n")
        ledger.store.tables.checkpoints[TX, 3] = type(row)(member=TX, size=3, note=forged)
        served.now += 2
        async with session.get("/tx/checkpoint") as reply:
            assert reply.status == 503
        assert served.events.counts["ledger_request_failed"] == 1


async def test_missing_rows_and_a_store_that_is_down_are_not_absence() -> None:
    """What should be there and cannot be read is no 404, which an auditor would believe."""
    ledger = await published(600)
    served = ServedLedger(ledger)
    async with reading(served) as session:
        del ledger.store.tables.leaves[TX][590:]
        for path in ("tile/entries/002.p/88", "tile/0/002.p/88"):
            async with session.get(f"/tx/{path}") as reply:
                assert (reply.status, reply.headers["cache-control"]) == (503, "no-store")
        ledger.store.is_down = True
        async with session.get("/tx/tile/0/000") as reply:
            assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        ledger.store.is_down = False
        async with session.get("/tx/tile/0/000") as reply:
            assert reply.status == 200


async def test_too_many_requests_are_put_off() -> None:
    """What is beyond an address's bucket gets 429 and is told when to come again."""
    served = ServedLedger(await published(3))
    async with reading(served) as session:
        statuses = set()
        for _ in range(int(READER_BURST_MAX) + 5_000):
            async with session.head("/zz/") as reply:
                statuses.add(reply.status)
                if reply.status == 429:
                    assert reply.headers["retry-after"] == "1"
                    break
    assert statuses == {404, 429}


async def test_our_checker_accepts_what_is_served() -> None:
    """`comity ledger audit URL` reads the whole ledger and finds nothing."""
    served = ServedLedger(await published(600))
    async with serving(served) as url:
        arguments = ["ledger", "audit", f"{url}/tx", "--vkey", encode_vkey(KEY), "--json"]
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["leaves_read"] == 600
