"""What holds for every test of the services: waits of the sequencer end at once."""

from __future__ import annotations

import pytest

from comity.services import sequencer


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is down is tried again at once: the twins' clock does not run."""
    monkeypatch.setattr(sequencer, "_RETRY_SECONDS", (0.0,))
