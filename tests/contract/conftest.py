"""Each contract is tested on the adapter and on its twin in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from comity.ports import Store
from tests.support.engines import the_cluster
from tests.support.stores import KINDS, StoreCase, open_case


@pytest.fixture(scope="session")
def engines() -> None:
    """Start PostgreSQL before any test's own loop runs."""
    the_cluster()


@pytest.fixture(params=KINDS)
async def case(request: pytest.FixtureRequest, engines: None) -> AsyncIterator[StoreCase]:
    """A store of each kind, empty."""
    async with open_case(request.param) as opened:
        yield opened


@pytest.fixture
def store(case: StoreCase) -> Store:
    """The store of the case."""
    return case.store
