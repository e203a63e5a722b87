"""Whatever leaves a request has, what is told of it is of one piece."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from comity.domain.ids import LeafIndex
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import DataClass, LeafKind
from comity.review.federal import Fate, FederalQuery, fate_of, follow, tally_of
from tests.unit.review.test_federal import closure, leaf

KINDS = (LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD, LeafKind.CLOSURE)
CLASSES = st.lists(st.sampled_from(DataClass), unique=True, max_size=4).map(
    lambda found: tuple(part for part in DataClass if part in found)
)


@st.composite
def requests(draw: st.DrawFn) -> list[LeafHeader]:
    """Outcome leaves of one request in any order, with closures of any entry."""
    leaves = []
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(KINDS))
        if kind is LeafKind.CLOSURE:
            leaves.append(closure(f"wa/{draw(st.integers(19, 26))}"))
        else:
            leaves.append(leaf(kind, *draw(CLASSES)))
    return leaves


@given(requests())
def test_parts_never_overlap_and_a_verdict_ends_the_hold(leaves: list[LeafHeader]) -> None:
    """Released, refused, held are apart; released stays released; behind a hold nothing waits."""
    known: FederalQuery | None = None
    for index, each in enumerate(leaves, 20):
        before, known = known, follow(known, LeafIndex(index), each, {}) or known
        if known is None:
            continue
        parts = [*known.released, *known.refused, *known.held]
        assert len(parts) == len(set(parts))
        if before is not None:
            assert set(before.released) <= set(known.released)
        if each.kind in (LeafKind.DISCLOSURE, LeafKind.DENIAL) and known.hold is not None:
            assert known.held == ()
        assert (fate_of(known) is Fate.HELD) == bool(known.held)
        tally = tally_of([known])
        assert tally.asked == tally.released + tally.refused + tally.none + tally.held == 1
