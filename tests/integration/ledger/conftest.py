"""Ledgers on the real engine."""

from __future__ import annotations

import pytest

from comity.services import sequencer
from tests.support.engines import cluster

__all__ = ["cluster"]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is down is tried again soon."""
    monkeypatch.setattr(sequencer, "_RETRY_SECONDS", (0.02,))
