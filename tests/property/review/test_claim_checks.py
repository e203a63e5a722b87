"""The share of claim checks and their clock, over every hash, date and zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from comity.domain.ids import MEMBERS, Member, member_zone
from comity.review.claim_checks import ANSWER_DAYS, due_of, is_sampled, last_day

HOUR = 3_600
MILLION = 1_000_000
members = st.sampled_from(sorted(MEMBERS)).map(Member)
hours = st.integers(
    int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) // HOUR, 2_000_000_000 // HOUR
)
hashes = st.binary(min_size=32, max_size=32)
shares = st.integers(0, MILLION)


def local(seconds: int, member: Member) -> datetime:
    """A moment by the state's clock."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(member_zone(member)))


@given(hashes, shares, shares)
def test_a_larger_share_takes_whatever_a_smaller_one_takes(
    leaf_hash: bytes, one: int, other: int
) -> None:
    """A share that is raised misses nothing of before; all or none are taken at its ends."""
    small, large = sorted((one, other))
    assert is_sampled(leaf_hash, large) or not is_sampled(leaf_hash, small)
    assert is_sampled(leaf_hash, MILLION)
    assert not is_sampled(leaf_hash, 0)


@given(hashes, shares, st.binary(min_size=24, max_size=24))
def test_the_first_eight_bytes_alone_draw(leaf_hash: bytes, share: int, rest: bytes) -> None:
    """As the record of the decision says it: by the definition, in whole numbers."""
    drawn = int.from_bytes(leaf_hash[:8], "big")
    assert is_sampled(leaf_hash, share) is (drawn * MILLION < share * 2**64)
    assert is_sampled(leaf_hash[:8] + rest, share) is is_sampled(leaf_hash, share)


def test_a_share_takes_about_as_many_as_it_says() -> None:
    """Of 20,000 leaves a share of a tenth takes within a twentieth of two thousand."""
    leaves = (sha256(b"\x00leaf %d" % number).digest() for number in range(20_000))
    taken = sum(is_sampled(leaf, 100_000) for leaf in leaves)
    assert 1_900 < taken < 2_100


@given(hours, members)
def test_the_last_day_is_the_tenth_after_and_ends_at_midnight(hour: int, member: Member) -> None:
    """In the state's own zone, whatever its clock does in between."""
    asked = local(hour * HOUR, member).date()
    assert last_day(hour, member) == asked + timedelta(days=ANSWER_DAYS)
    due = due_of(hour, member)
    assert local(due - 1, member).date() == last_day(hour, member)
    assert local(due, member).date() == last_day(hour, member) + timedelta(days=1)


@given(hours, members, st.integers(0, HOUR - 1))
def test_the_hour_of_a_leaf_is_enough(hour: int, member: Member, second: int) -> None:
    """Every second of it falls on the same day there, and the time ends with a public hour."""
    assert local(hour * HOUR + second, member).date() == local(hour * HOUR, member).date()
    assert due_of(hour, member) % HOUR == 0


@given(hours, members)
def test_a_later_question_is_never_due_earlier(hour: int, member: Member) -> None:
    """Nor more than eleven days and an hour away, nor less than ten days less an hour."""
    due = due_of(hour, member)
    assert due <= due_of(hour + 1, member)
    waited = due - hour * HOUR
    assert ANSWER_DAYS * 86_400 - HOUR < waited <= (ANSWER_DAYS + 1) * 86_400 + HOUR


def test_days_that_are_shorter_or_longer_count_as_days() -> None:
    """Over the change of clocks in Washington: 23 hours in March, 25 in November."""
    wa = Member("wa")
    zone = ZoneInfo("America/Los_Angeles")
    for start, end in (((2026, 3, 5), (2026, 3, 16)), ((2026, 10, 27), (2026, 11, 7))):
        hour = int(datetime(*start, 15, tzinfo=zone).timestamp()) // HOUR
        assert due_of(hour, wa) == int(datetime(*end, tzinfo=zone).timestamp())
        assert last_day(hour, wa) == date(*end) - timedelta(days=1)
