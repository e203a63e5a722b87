"""Frames of a line: what is read, what is refused, and that no cut of the stream matters."""

from __future__ import annotations

import pytest

from comity.formats.frames import (
    DELIVERY_FRAME_BYTES_MAX,
    FRAME_NUMBER_MAX,
    MESSAGE_FRAME_BYTES_MAX,
    PROTOCOL,
    FrameError,
    FrameKind,
    FrameReader,
    Hello,
    LineEvent,
    decode_hello,
    encode_delivery,
    encode_frame,
    encode_hello,
)
from comity.formats.rules import MESSAGE_BYTES_MAX

TO_GATEWAY = frozenset({FrameKind.MESSAGE, FrameKind.TAKEN})
TO_LINE = frozenset({FrameKind.HELLO, FrameKind.ACCEPTED, FrameKind.REFUSED, FrameKind.DELIVERY})
HELLO = Hello(
    protocol=PROTOCOL,
    line="seattle-1",
    oris=("WAPX00001",),
    message_bytes_max=MESSAGE_BYTES_MAX,
    last_frame=7,
    last_delivery=3,
    practice=True,
)


def gateway_reader() -> FrameReader:
    return FrameReader(TO_GATEWAY, MESSAGE_FRAME_BYTES_MAX)


def line_reader() -> FrameReader:
    return FrameReader(TO_LINE, DELIVERY_FRAME_BYTES_MAX)


def event(kind: FrameKind, number: int, payload: bytes = b"", reply_to: int = 0) -> LineEvent:
    return LineEvent(kind=kind, number=number, payload=payload, reply_to=reply_to)


def test_bytes_of_a_message() -> None:
    """A message's bytes are those of the decision record."""
    assert encode_frame(FrameKind.MESSAGE, 258, b"AM").hex() == "0000000b010000000000000102414d"


def test_bytes_of_a_delivery() -> None:
    """A delivery names the message that it answers."""
    data = encode_delivery(1, 2, b"AM")
    assert data.hex() == "000000138400000000000000010000000000000002414d"


def test_frames_to_the_gateway_are_read() -> None:
    """Messages and acknowledgements are read in their order, from one piece."""
    data = encode_frame(FrameKind.MESSAGE, 1, b"DQ") + encode_frame(FrameKind.TAKEN, 4)
    reader = gateway_reader()
    assert reader.feed(data) == [
        event(FrameKind.MESSAGE, 1, b"DQ"),
        event(FrameKind.TAKEN, 4),
    ]
    assert reader.fault is None


def test_frames_to_the_line_are_read() -> None:
    """Hello, acceptance, refusal and deliveries, kept or not, are read."""
    data = (
        encode_hello(HELLO)
        + encode_frame(FrameKind.ACCEPTED, 8)
        + encode_frame(FrameKind.REFUSED, 9, b"busy")
        + encode_delivery(0, 8, b"ER")
        + encode_delivery(4, 8, b"DR")
    )
    events = line_reader().feed(data)
    assert decode_hello(events[0]) == HELLO
    assert events[1:] == [
        event(FrameKind.ACCEPTED, 8),
        event(FrameKind.REFUSED, 9, b"busy"),
        event(FrameKind.DELIVERY, 0, b"ER", 8),
        event(FrameKind.DELIVERY, 4, b"DR", 8),
    ]


@pytest.mark.parametrize("payload", [b"", b"{}", b"\xff", b"[" * 100_000, b'{"protocol":"1"}'])
def test_hello_of_another_form_is_refused(payload: bytes) -> None:
    """What is no hello is refused with the frame's error."""
    with pytest.raises(FrameError):
        decode_hello(event(FrameKind.HELLO, 0, payload))


def test_message_at_the_limit_is_read() -> None:
    """A message of 16,384 bytes is read."""
    data = encode_frame(FrameKind.MESSAGE, 1, b"x" * MESSAGE_BYTES_MAX)
    (read,) = gateway_reader().feed(data)
    assert len(read.payload) == MESSAGE_BYTES_MAX == 16_384


def test_message_beyond_the_limit_is_refused_at_its_length() -> None:
    """One byte more is refused as soon as the length is there, before the bytes come."""
    data = encode_frame(FrameKind.MESSAGE, 1, b"x" * (MESSAGE_BYTES_MAX + 1))
    reader = gateway_reader()
    assert reader.feed(data[:4]) == []
    assert isinstance(reader.fault, FrameError)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (bytes(4), "length"),
        ((8).to_bytes(4, "big") + bytes(8), "length"),
        (encode_frame(FrameKind.HELLO, 0), "kind"),
        ((9).to_bytes(4, "big") + b"\x55" + bytes(8), "kind"),
        (encode_frame(FrameKind.MESSAGE, 0, b"DQ"), "number"),
        (encode_frame(FrameKind.MESSAGE, FRAME_NUMBER_MAX + 1, b"DQ"), "number"),
        (encode_frame(FrameKind.TAKEN, 0), "number"),
        (encode_frame(FrameKind.TAKEN, 1, b"x"), "payload"),
    ],
)
def test_malformed_frame_is_refused(data: bytes, field: str) -> None:
    """A length, kind, number or payload that no frame has ends the reading, by name."""
    reader = gateway_reader()
    assert reader.feed(data) == []
    assert reader.fault is not None
    assert f"`{field}`" in str(reader.fault)
    assert reader.fault.code == "frame-malformed"


def test_largest_number_is_read() -> None:
    """The largest number that the store can keep is a number."""
    (read,) = gateway_reader().feed(encode_frame(FrameKind.MESSAGE, FRAME_NUMBER_MAX, b"DQ"))
    assert read.number == FRAME_NUMBER_MAX


def test_delivery_without_room_for_its_reply_is_refused() -> None:
    """A delivery is at least 17 bytes behind its length."""
    reader = line_reader()
    assert reader.feed(encode_frame(FrameKind.DELIVERY, 1, b"seven b")) == []
    assert reader.fault is not None


def test_frames_before_a_malformed_one_are_not_lost() -> None:
    """What came before stands even in the same piece; nothing behind it is read, now or later."""
    good = encode_frame(FrameKind.MESSAGE, 1, b"DQ")
    reader = gateway_reader()
    assert reader.feed(good + bytes(4) + good) == [event(FrameKind.MESSAGE, 1, b"DQ")]
    assert reader.fault is not None
    assert reader.feed(good) == []
