"""Each contract is tested on the adapter and on its twin in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from comity.ports import Store
from tests.support.engines import Cluster, cluster, open_wire
from tests.support.stores import KINDS, StoreCase, open_case

__all__ = ["cluster", "open_wire"]


@pytest.fixture(params=KINDS)
async def case(request: pytest.FixtureRequest, cluster: Cluster) -> AsyncIterator[StoreCase]:
    """A store of each kind, empty."""
    async with open_case(request.param, cluster) as opened:
        yield opened


@pytest.fixture
def store(case: StoreCase) -> Store:
    """The store of the case."""
    return case.store
