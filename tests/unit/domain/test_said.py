"""What the command line and the pages say alike: classes, moments, spans of time."""

from __future__ import annotations

import datetime as dt

import pytest

from comity.domain.said import classes_said, span_said, time_left, utc
from comity.domain.vocabulary import DataClass


def test_classes_are_said_by_their_labels() -> None:
    """Classes stand in the order given, by the vocabulary's words; none say nothing."""
    assert classes_said((DataClass.PHOTO, DataClass.SSN)) == "photo, social security number"
    assert classes_said(()) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "none"), (0, "none"), (59, "0 min 59 s"), (3_599, "59 min 59 s"), (7_500, "2 h 05 min")],
)
def test_time_left_has_seconds_within_the_hour(seconds: int, said: str) -> None:
    """What is left is told in hours, within the last one in minutes and seconds."""
    assert time_left(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "less than a minute"),
        (59, "less than a minute"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h 00 min"),
        (7_830, "2 h 10 min"),
        (172_799, "47 h 59 min"),
        (172_800, "2 days 0 h"),
        (270_000, "3 days 3 h"),
    ],
)
def test_span_is_said_to_the_minute(seconds: int, said: str) -> None:
    """A span is rounded down to the minute, and from two days on to the hour."""
    assert span_said(seconds) == said


def test_moment_is_aware() -> None:
    """Unix seconds become a moment in UTC."""
    assert utc(0) == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
