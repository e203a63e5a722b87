"""The two stores under one set of tests, each with the faults that a test can ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import urlsplit

from comity.adapters.memory.clock import ManualClock
from comity.adapters.memory.store import CommitFault, MemoryStore
from comity.adapters.postgres.store import PostgresStore
from comity.adapters.system import SystemClock
from comity.ports import Store
from tests.support.engines import Cluster
from tests.support.proxy import Cut, Proxy
from tests.support.rows import NOW

KINDS = ("memory", "postgres")


class StoreCase(Protocol):
    """A store, and what can be done to it."""

    @property
    def store(self) -> Store:
        """The store under test."""
        ...

    def now_ns(self) -> int:
        """Return the time by the store's own machine."""
        ...

    def break_commit(self, fault: CommitFault) -> None:
        """Let the next commit fail in a given way."""
        ...

    def go_down(self) -> None:
        """Make the store unreachable."""
        ...

    def come_back(self) -> None:
        """Make the store reachable again."""
        ...


class MemoryCase:
    """The twin, whose faults are switches."""

    def __init__(self) -> None:
        self._clock = ManualClock(NOW * 1_000_000_000)
        self.store = MemoryStore(self._clock)

    def now_ns(self) -> int:
        return self._clock.now_ns()

    def break_commit(self, fault: CommitFault) -> None:
        self.store.commit_fault = fault

    def go_down(self) -> None:
        self.store.is_down = True

    def come_back(self) -> None:
        self.store.is_down = False


class PostgresCase:
    """PostgreSQL behind a connection that can be cut."""

    def __init__(self, store: PostgresStore, proxy: Proxy, database: str) -> None:
        self.store = store
        self.database = database
        self._proxy = proxy

    def now_ns(self) -> int:
        return SystemClock().now_ns()

    def break_commit(self, fault: CommitFault) -> None:
        match fault:
            case CommitFault.FAILED:
                # The leaves, so that the commit is never sent: the statement's text goes only once.
                # A cut is known by the row that it adds.
                self._proxy.arm(b'{"v":1,"k":', b"INTO ledger_succession", cut=Cut.BEFORE)
            case CommitFault.LOST:
                self._proxy.arm(b"COMMIT\0", cut=Cut.BEFORE)
            case CommitFault.PERSISTED:
                self._proxy.arm(b"COMMIT\0", cut=Cut.AFTER)

    def go_down(self) -> None:
        self._proxy.refuse = True
        self._proxy.cut_all()

    def come_back(self) -> None:
        self._proxy.refuse = False


@asynccontextmanager
async def postgres_case(cluster: Cluster) -> AsyncIterator[PostgresCase]:
    """Open a store on a database of its own, through a proxy, as the gateway's role."""
    database = await cluster.make_database()
    address = urlsplit(cluster.url(database))
    assert address.port is not None
    proxy = Proxy(address.port)
    await proxy.start()
    url = address._replace(netloc=address.netloc.replace(str(address.port), str(proxy.port)))
    store = await PostgresStore.open(url.geturl())
    try:
        yield PostgresCase(store, proxy, database)
    finally:
        await store.close()
        await proxy.stop()
        await cluster.drop_database(database)


@asynccontextmanager
async def open_case(kind: str, cluster: Cluster) -> AsyncIterator[StoreCase]:
    """Open a store of a kind."""
    if kind == "memory":
        yield MemoryCase()
    else:
        async with postgres_case(cluster) as case:
            yield case
