"""Adapters against the real engines."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.engines import Cluster, cluster, wire

__all__ = ["cluster", "wire"]


@pytest.fixture
async def database(cluster: Cluster) -> AsyncIterator[str]:
    """A migrated database of this test's own."""
    name = await cluster.make_database()
    yield name
    await cluster.drop_database(name)


@pytest.fixture
async def empty_database(cluster: Cluster) -> AsyncIterator[str]:
    """A database of this test's own without any table."""
    name = await cluster.make_database("template1")
    yield name
    await cluster.drop_database(name)
