"""What the screens of the review desk say alike: classes, times, and that data are for practice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from comity.cli.network import settings_of
from comity.domain.vocabulary import DataClass, term

__all__ = ["classes_said", "practice_said", "time_left", "utc"]


def classes_said(classes: Sequence[DataClass]) -> str:
    """Return classes by their labels; empty for none."""
    return ", ".join(term(part).label for part in classes)


def time_left(seconds: int) -> str:
    """Return how long there is still, in hours or, within the last one, in minutes."""
    if seconds <= 0:
        return "none"
    hours, rest = divmod(seconds, 3_600)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"


def utc(seconds: int) -> dt.datetime:
    """Return the moment of Unix seconds."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def practice_said(data: Path | None) -> str:
    """Return what a first line ends with where the data are fictional."""
    return "  (practice data)" if settings_of(data).is_practice else ""
