"""What the demo's story does to a practice network: its database exchanged, one byte changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from comity.adapters.postgres.store import PostgresStore
from comity.app import copies
from comity.app.copies import PracticeCopy
from comity.cli.flips import flip_byte
from comity.ledger.note import encode_vkey
from comity.roles.runtime import DatabaseRole
from comity.roles.settings import load_settings
from tests.support.engines import Cluster
from tests.support.exports import write_export
from tests.support.gateway import WA
from tests.support.ledger import exported, leaves_of, ledger_signer
from tests.support.sequencing import entries_for, host_on, size_of


async def test_database_is_exchanged_with_its_copy_and_back(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy comes back as it was made, and the newer rows after it as they were."""
    database = await cluster.make_database()
    url = cluster.url(database, DatabaseRole.ADMIN)
    monkeypatch.setattr(copies, "database_url", lambda *_: url)
    copy = PracticeCopy(load_settings(is_practice=True))
    store = await PostgresStore.open(cluster.url(database))
    ended: list[int] = []
    try:
        async with host_on(store) as host:
            await host.sequencer.commit(entries_for(host, WA, WA))
            await copy.make()
            await host.sequencer.commit(entries_for(host, WA))
        await copy.exchange(lambda: ended.append(1))
        assert await leaves_in(cluster, database) == 2
        await copy.exchange(lambda: ended.append(2))
        assert await leaves_in(cluster, database) == 3
        await copy.drop()
        assert ended == [1, 2]
    finally:
        await store.close()
        await cluster.drop_database(database)


async def leaves_in(cluster: Cluster, database: str) -> int:
    """Return Washington's size as whoever connects now sees it."""
    store = await PostgresStore.open(cluster.url(database))
    try:
        return await size_of(store)
    finally:
        await store.close()


def test_no_real_network_is_put_back() -> None:
    """Whoever runs a state's system cannot have its database exchanged."""
    with pytest.raises(AssertionError):
        PracticeCopy(load_settings(is_practice=False))


@pytest.mark.timeout(360)
def test_changed_byte_is_named(tmp_path: Path) -> None:
    """The audit ends with 5 and names the bundle's place; what has no Go says so."""
    folder = write_export(tmp_path, exported(leaves_of(300)))
    seen = flip_byte(folder, encode_vkey(ledger_signer().key))
    assert seen.exit_code == 5
    assert seen.path == "tile/entries/000"
    assert {"tile/0/000", "tile/entries/000"} & set(seen.named)
    assert seen.go is None or seen.go.startswith("ledgercheck: ")
