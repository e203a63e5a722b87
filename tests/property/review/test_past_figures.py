"""Figures over any decisions: quartiles are of real decisions, and nobody is counted twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from comity.review.past import RELEASED, Became
from comity.review.past_figures import FEW, DecidedBy, figures_of, spread_of

SECONDS = st.integers(min_value=0, max_value=10**9)
DECISIONS = st.lists(
    st.builds(
        DecidedBy,
        reviewer=st.sampled_from(["one", "two", "three"]),
        became=st.sampled_from([Became.RELEASED, Became.PART, Became.REFUSED, Became.BY_RULES]),
        seconds=SECONDS,
    ),
    max_size=60,
)


@given(st.lists(SECONDS, min_size=1, max_size=50))
def test_quartiles_are_real_and_have_their_share_below_them(seconds: list[int]) -> None:
    """Each is one of the numbers; at least its quarters lie at or below it, and no fewer do."""
    spread = spread_of(seconds)
    assert spread.count == len(seconds)
    for quarters, value in ((1, spread.lower), (2, spread.median), (3, spread.upper)):
        assert value in seconds
        assert 4 * sum(each <= value for each in seconds) >= quarters * len(seconds)
        assert 4 * sum(each < value for each in seconds) < quarters * len(seconds)


@given(DECISIONS)
def test_reviewers_add_up_to_all(decisions: list[DecidedBy]) -> None:
    """Counts of reviewers are those of all; a share of few decisions compares nobody."""
    figures = figures_of(decisions)
    counted = sum(each.spread.count for each in figures.reviewers)
    assert counted == len(decisions) == (figures.spread.count if figures.spread else 0)
    released = sum(each.released for each in figures.reviewers)
    assert released == sum(each.became in RELEASED for each in decisions)
    many = [each.share for each in figures.reviewers if each.spread.count >= FEW]
    assert figures.shares == ((min(many), max(many)) if len(many) > 1 else None)
    assert all(0 <= each.share <= 1 for each in figures.reviewers)
