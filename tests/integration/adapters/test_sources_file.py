"""The composition root's sources: the built-in one, or those that the file names."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from comity.adapters.errors import SourcesFileError
from comity.adapters.memory.source import MemorySource
from comity.adapters.postgres.store import PostgresStore
from comity.adapters.sources.postgres import PostgresSource
from comity.app.source import open_source
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.ports import OWN_LANE, Lookup, Record, SourceError
from comity.practice.web_service import web_service
from comity.roles.settings import load_settings
from comity.services.events import Events
from tests.contract.test_source import DRIVERS, VEHICLES
from tests.support.engines import Cluster
from tests.support.line import MemoryLog
from tests.support.web import serving

FILE = """
version = 1
otherwise = "built_in"
[source.dmv]
url = "http://127.0.0.1:{port}/v1/lookups"
[source.dmv.elements]
OLN = "identity"
[[route]]
states = ["wa"]
source = "dmv"
"""


def ask(state: str) -> Lookup:
    """A look-up of the contract's first driver."""
    return Lookup(state=Member(state), key=MessageKey("DQ"), fields=(("OLN", "PX1"),))


async def test_without_a_file_all_is_built_in(database: str, cluster: Cluster) -> None:
    """Every look-up in the host's own lane; a practice network adds its federal system alone."""
    store = await PostgresStore.open(cluster.url(database))
    events = Events(MemoryLog())
    inquiry = msgspec.structs.replace(ask("us"), key=MessageKey("IAQ"))
    async with open_source(load_settings(is_practice=False), store, events) as source:
        assert isinstance(source, PostgresSource)
        assert source.lane(ask("wa")) == OWN_LANE
        assert isinstance((await source.find([inquiry]))[0], SourceError)
    async with open_source(load_settings(), store, events) as source:
        known, unknown = await source.find([inquiry, ask("wa")])
        assert isinstance(known, Record)
        assert "PRACTICE DATA" in known.text
        assert unknown is None
    await store.close()


async def test_a_state_gets_its_web_service(
    database: str, cluster: Cluster, tmp_path: Path
) -> None:
    """Records of the state that the file names come from there, all others from the database."""
    store = await PostgresStore.open(cluster.url(database))
    events = Events(MemoryLog())
    file = tmp_path / "sources.toml"
    async with serving(web_service(MemorySource(DRIVERS, VEHICLES))) as port:
        file.write_text(FILE.format(port=port))
        async with open_source(load_settings(sources_file=file), store, events) as source:
            assert [source.lane(ask(state)) for state in ("wa", "or")] == ["dmv/wa", OWN_LANE]
            found, none = await source.find([ask("wa"), ask("or")])
            assert found == (await MemorySource(DRIVERS).find([ask("wa")]))[0]
            assert none is None
    await store.close()


async def test_a_file_that_is_wrong_stops_the_start(
    database: str, cluster: Cluster, tmp_path: Path
) -> None:
    """No gateway begins with sources that nobody meant."""
    store = await PostgresStore.open(cluster.url(database))
    file = tmp_path / "sources.toml"
    file.write_text(FILE.replace("wa", "zz"))
    with pytest.raises(SourcesFileError):
        async with open_source(load_settings(sources_file=file), store, Events(MemoryLog())):
            pass
    await store.close()
