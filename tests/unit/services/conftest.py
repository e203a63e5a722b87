"""What holds for every test of the services: waits for the store end at once."""

from __future__ import annotations

import pytest

from comity.services import deliveries, sequencer


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is down is tried again at once: the twins' clock does not run."""
    monkeypatch.setattr(sequencer, "_RETRY_SECONDS", (0.0,))
    monkeypatch.setattr(deliveries, "_RETRY_SECONDS", (0.0,))
