"""Searches of the archive: what changes nothing, whatever is written and looked for."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from comity.domain.ids import LeafIndex, QueryId
from comity.exchange.archive import (
    Found,
    Reference,
    matcher_of,
    parse_reference,
    parse_search,
    reference_name,
    render_full,
    render_list,
)
from tests.support.archive import item
from tests.support.messages import PRINTABLE, members

WHEN = (("TYP", "ALL"), ("BEG", "20261123"), ("END", "20261124"))
words = st.text(string.ascii_uppercase, min_size=1, max_size=8)
names = st.lists(words, min_size=1, max_size=4)
between = st.sampled_from([" ", ",", ", ", " ,", "  ", "\n", "/"])
marks = st.sampled_from(["", "'", "-", ".", "`"])
bodies = st.text(PRINTABLE + "\n", max_size=200)


def is_found(text: str, prefix: str, value: str) -> bool:
    return matcher_of(parse_search((*WHEN, (prefix, value))))(item(text))


@st.composite
def written(draw: st.DrawFn, parts: list[str]) -> str:
    """A name's words in any order, parted and marked in any way."""
    order = draw(st.permutations(parts))
    spelled = []
    for part in order:
        at = draw(st.integers(0, len(part)))
        spelled.append(part[:at] + (draw(marks) if 0 < at < len(part) else "") + part[at:])
    text = spelled[0]
    for part in spelled[1:]:
        text += draw(between) + part
    return draw(bodies) + " " + text + " " + draw(bodies)


@given(data=st.data(), parts=names)
def test_a_name_is_found_in_any_order_and_punctuation(
    data: st.DataObject, parts: list[str]
) -> None:
    """However a message writes a name, the name finds it."""
    sought = ",".join(data.draw(st.permutations(parts)))
    assert is_found(data.draw(written(parts)), "NAM", sought)


@given(data=st.data(), parts=names, text=bodies)
def test_order_and_commas_of_the_search_change_nothing(
    data: st.DataObject, parts: list[str], text: str
) -> None:
    """Whatever a message holds, every way to write a search's words finds the same."""
    one, other = (data.draw(st.permutations(parts)) for _ in range(2))
    assert is_found(text, "NAM", ",".join(one)) == is_found(text, "NAM", " ".join(other))


@given(parts=names, cut=st.integers(1, 8))
def test_a_star_finds_what_it_shortens(parts: list[str], cut: int) -> None:
    """A word shortened behind its first character is found by its beginning."""
    assert is_found(" ".join(parts), "NAM", ",".join(f"{part[:cut]}*" for part in parts))


@given(text=bodies, data=st.data())
def test_any_part_of_a_message_finds_it(text: str, data: st.DataObject) -> None:
    """A piece of a body is found, in either case."""
    flat = " ".join(text.split())
    start = data.draw(st.integers(0, len(flat)))
    piece = flat[start : start + 40].strip()
    if piece:
        assert is_found(text, "FND", piece)
        assert is_found(text, "FND", piece.lower())


references = st.builds(
    Reference,
    member=members,
    leaf=st.integers(0, 2**63 - 1).map(LeafIndex),
    delivery=st.integers(0, 999_999),
) | st.builds(
    Reference,
    member=members,
    query_id=st.binary(min_size=16, max_size=16).map(QueryId),
    delivery=st.integers(1, 999_999),
)


@given(references)
def test_a_reference_is_read_as_it_was_written(reference: Reference) -> None:
    """Reading gives back what was written."""
    assert parse_reference(reference_name(reference)) == reference


@given(texts=st.lists(st.text(max_size=300), max_size=5))
def test_answers_are_plain_and_narrow(texts: list[str]) -> None:
    """Whatever messages hold, an answer is printable lines of at most eighty columns."""
    found = Found()
    for text in texts:
        found.add(item(text))
    told = [
        render_full([("OR/1", item(text)) for text in texts]),
        render_list(parse_search((*WHEN, ("FND", "X"))), found),
    ]
    for line in (line for text in told for line in text.split("\n")):
        assert len(line) <= 80
        assert line.isascii()
        assert not line or line.isprintable()
