"""The daily digest: on which day it is due, and what it says."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from comity.directory.directory import EMPTY_DIRECTORY
from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass, LeafKind
from comity.review.federal import FederalQuery
from comity.review.federal_digest import DIGEST_AGENCIES_MAX, digest_due, digest_words
from tests.unit.review.test_federal import HELD, leaf, told

CHICAGO = "America/Chicago"
IL = Member("il")


def at(*when: int, zone: str = CHICAGO) -> int:
    """A local moment, in Unix seconds."""
    return int(datetime(*when, tzinfo=ZoneInfo(zone)).timestamp())  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("now", "last", "due"),
    [
        (at(2026, 11, 27, 6, 59), date(2026, 11, 26), None),
        (at(2026, 11, 27, 7), date(2026, 11, 26), date(2026, 11, 27)),
        (at(2026, 11, 27, 23, 59), date(2026, 11, 27), None),
        (at(2026, 11, 28, 0, 30), date(2026, 11, 27), None),
        (at(2026, 11, 30, 9), date(2026, 11, 27), date(2026, 11, 30)),
        # The clocks change: each day has its seven o'clock once.
        (at(2026, 11, 1, 7), date(2026, 10, 31), date(2026, 11, 1)),
        (at(2026, 3, 8, 7), date(2026, 3, 7), date(2026, 3, 8)),
        # A clock that was set back sends no second one.
        (at(2026, 11, 26, 8), date(2026, 11, 27), None),
    ],
)
def test_it_is_due_once_a_day_of_the_state(now: int, last: date, due: date | None) -> None:
    """From its hour on; late where nobody was there."""
    assert digest_due(now, last, 7, CHICAGO) == due


def test_another_zone_has_another_day() -> None:
    """What is seven in Guam is the evening before in Chicago."""
    now = at(2026, 11, 28, 7, zone="Pacific/Guam")
    assert digest_due(now, date(2026, 11, 27), 7, "Pacific/Guam") == date(2026, 11, 28)
    assert digest_due(now, date(2026, 11, 27), 7, CHICAGO) is None


def some(count: int) -> list[FederalQuery]:
    """So many agencies that asked once each."""
    found = [
        told(leaf(LeafKind.DENIAL, DataClass.STATUS, agency=f"USPX{n:05d}")) for n in range(count)
    ]
    return [each for each in found if each is not None]


def test_it_says_how_many_and_by_whom() -> None:
    """In the subject the count; a sentence, a table, which entries were read."""
    held = told(HELD)
    assert held is not None
    subject, text = digest_words(
        IL, [*some(1), held], EMPTY_DIRECTORY, last=date(2026, 11, 26), leaves=(100, 250)
    )
    assert subject == "Illinois: 2 queries by federal agencies since Thu 26 Nov 2026"
    assert text.startswith(
        "2 queries by federal agencies moved in Illinois since the digest of Thu 26 Nov 2026: "
        "1 was refused and 1 waits for a person.\n"
    )
    assert "      1         0        1          0        0  not listed (USPX00000)\n" in text
    assert "Read: IL/100 to IL/249." in text


def test_a_day_without_a_query_says_so() -> None:
    """Nobody has to wonder whether it was lost."""
    subject, text = digest_words(
        IL, [], EMPTY_DIRECTORY, last=date(2026, 11, 26), leaves=(100, 100)
    )
    assert subject == "Illinois: no federal query since Thu 26 Nov 2026"
    assert text.startswith("No query by a federal agency moved in Illinois since")
    assert "nothing new in the ledger" in text


def test_agencies_are_bounded() -> None:
    """At the limit all stand, beyond it the rest are counted."""
    for count, said in ((DIGEST_AGENCIES_MAX, ""), (DIGEST_AGENCIES_MAX + 2, "and 2 agencies")):
        _, text = digest_words(
            IL, some(count), EMPTY_DIRECTORY, last=date(2026, 11, 26), leaves=(0, 9)
        )
        assert text.count("(USPX") == DIGEST_AGENCIES_MAX
        assert said in text
        assert ("agencies that asked less" in text) == bool(said)
