"""The audit's automaton and the strict reader of leaves agree on any leaf and any change of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from comity.audit.leaves import LeafForm
from comity.domain.ids import MEMBERS, parse_member
from comity.domain.leaf import LeafError, LeafHeader, encode_leaf, parse_leaf
from comity.domain.vocabulary import LeafKind
from tests.property.test_leaf import headers
from tests.support.leaves import fullest

FORMS = {member: LeafForm(member) for member in MEMBERS}
LEAVES = [encode_leaf(fullest(kind)) for kind in LeafKind]
WA = parse_member("wa")


def is_taken(entry: bytes) -> bool:
    """Whether the strict reader takes these bytes as a leaf of Washington."""
    try:
        return parse_leaf(entry).member == WA
    except LeafError:
        return False


@given(headers())
def test_any_leaf_is_taken(header: LeafHeader) -> None:
    """Any header that the reader takes, the form of its member takes, and no other member's."""
    data = encode_leaf(header)
    assert not list(FORMS[header.member].refusals([data, data]))
    other = MEMBERS[(MEMBERS.index(header.member) + 1) % len(MEMBERS)]
    assert [place for place, _ in FORMS[other].refusals([data])] == [0]


@given(st.sampled_from(LEAVES), st.sampled_from(LEAVES), st.data())
def test_any_splice_is_judged_as_the_reader_judges(
    one: bytes, two: bytes, data: st.DataObject
) -> None:
    """The beginning of one leaf with the end of another is a leaf to both or to neither."""
    head, tail = data.draw(st.integers(0, len(one))), data.draw(st.integers(0, len(two)))
    entry = one[:head] + two[tail:]
    assert bool(list(FORMS[WA].refusals([entry]))) == (not is_taken(entry))
