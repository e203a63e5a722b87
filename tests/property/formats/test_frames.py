"""Frames: any cut of a stream gives the same frames, and no bytes do more than end the reading."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from comity.formats.frames import (
    FRAME_NUMBER_MAX,
    FrameKind,
    FrameReader,
    LineEvent,
    encode_delivery,
    encode_frame,
)

ALL_KINDS = frozenset(FrameKind)
BARE = {FrameKind.TAKEN, FrameKind.ACCEPTED}
BYTES_MAX = 300
numbers = st.integers(1, FRAME_NUMBER_MAX)


def encoded(event: LineEvent) -> bytes:
    if event.kind is FrameKind.DELIVERY:
        return encode_delivery(event.number, event.reply_to, event.payload)
    return encode_frame(event.kind, event.number, event.payload)


@st.composite
def events(draw: st.DrawFn) -> LineEvent:
    kind = draw(st.sampled_from(FrameKind))
    return LineEvent(
        kind=kind,
        number=draw(numbers),
        payload=b"" if kind in BARE else draw(st.binary(max_size=64)),
        reply_to=draw(st.integers(0, 2**64 - 1)) if kind is FrameKind.DELIVERY else 0,
    )


def read(data: bytes, cuts: list[int]) -> tuple[list[LineEvent], str]:
    """Feed the bytes cut at these places; return the frames and the fault's text."""
    reader = FrameReader(ALL_KINDS, BYTES_MAX)
    found: list[LineEvent] = []
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        found += reader.feed(data[start:end])
    return found, str(reader.fault)


@given(st.lists(events(), max_size=8), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_of_a_stream_gives_the_same_frames(
    written: list[LineEvent], cuts: list[int]
) -> None:
    """What is encoded is read back, wherever the stream is cut."""
    data = b"".join(encoded(event) for event in written)
    assert read(data, cuts) == (written, "None")


@given(
    st.lists(events(), max_size=3),
    st.binary(max_size=80),
    st.lists(st.integers(0, 10_000), max_size=12),
)
def test_any_cut_of_any_bytes_gives_the_same_frames(
    written: list[LineEvent], tail: bytes, cuts: list[int]
) -> None:
    """Arbitrary bytes behind frames never crash; frames and fault do not depend on the cut."""
    data = b"".join(encoded(event) for event in written) + tail
    whole = read(data, [])
    assert whole[0][: len(written)] == written
    assert read(data, cuts) == whole == read(data, list(range(len(data))))
