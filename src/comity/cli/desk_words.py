"""What the screens of the review desk say alike beside `comity.domain.said`."""

from __future__ import annotations

from pathlib import Path

from comity.cli.network import settings_of

__all__ = ["practice_said"]


def practice_said(data: Path | None) -> str:
    """Return what a first line ends with where the data are fictional."""
    return "  (practice data)" if settings_of(data).is_practice else ""
