"""Frames of an agency's line: messages, acknowledgements and deliveries on one connection.

    frame = length u32 | kind u8 | number u64 | [reply_to u64, deliveries only] | payload
    length counts what follows it; all numbers big-endian

From the line: MESSAGE (number of the line's own, from 1, rising), TAKEN (every delivery up to
number is kept). To the line: HELLO (JSON), ACCEPTED (the message of that number is durable, or was
answered by an error message), REFUSED (it was not taken; payload is the code), DELIVERY.
Guarantee: a stream gives the same frames however it is cut, and nothing behind what is no frame.
Source: docs/adr/0011-line-protocol.md.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct as Packing
from typing import Final

import msgspec

from comity.domain.errors import MalformedError
from comity.formats.rules import DELIVERY_BYTES_MAX, MESSAGE_BYTES_MAX

__all__ = [
    "DELIVERY_FRAME_BYTES_MAX",
    "FRAME_NUMBER_MAX",
    "MESSAGE_FRAME_BYTES_MAX",
    "PROTOCOL",
    "FrameError",
    "FrameKind",
    "FrameReader",
    "Hello",
    "LineEvent",
    "decode_hello",
    "encode_delivery",
    "encode_frame",
    "encode_hello",
]

PROTOCOL: Final = 1
_HEAD: Final = Packing(">IBQ")
_REPLY: Final = Packing(">IBQQ")
_LENGTH_BYTES: Final = 4
_PLAIN_BYTES: Final = 9
_REPLY_BYTES: Final = 17
MESSAGE_FRAME_BYTES_MAX: Final = _PLAIN_BYTES + MESSAGE_BYTES_MAX
DELIVERY_FRAME_BYTES_MAX: Final = _REPLY_BYTES + DELIVERY_BYTES_MAX
FRAME_NUMBER_MAX: Final = 2**63 - 1
"""The largest number of a frame: what a signed 8-byte column keeps."""


class FrameError(MalformedError):
    """Bytes on a line are not a frame: the connection is closed, for its place is lost."""

    code = "frame-malformed"


class FrameKind(IntEnum):
    """What a frame is; 0x80 and above go to the line."""

    MESSAGE = 0x01
    TAKEN = 0x02
    HELLO = 0x81
    ACCEPTED = 0x82
    REFUSED = 0x83
    DELIVERY = 0x84


_KINDS: Final = {kind.value: kind for kind in FrameKind}
_BARE: Final = frozenset({FrameKind.TAKEN, FrameKind.ACCEPTED})
_NUMBER_MIN: Final = {
    FrameKind.MESSAGE: 1,
    FrameKind.TAKEN: 1,
    FrameKind.HELLO: 0,
    FrameKind.ACCEPTED: 1,
    FrameKind.REFUSED: 1,
    FrameKind.DELIVERY: 0,
}


class LineEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One frame as read. `reply_to` is the message that a delivery answers, 0 where none."""

    kind: FrameKind
    number: int
    payload: bytes
    reply_to: int = 0


class Hello(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first frame to a line: what it may do and where it stands.

    `last_frame` is the highest message number that is durable; a line goes on above it.
    """

    protocol: int
    line: str
    oris: tuple[str, ...]
    message_bytes_max: int
    last_frame: int
    last_delivery: int
    practice: bool


_hello_encoder: Final = msgspec.json.Encoder()
_hello_decoder: Final = msgspec.json.Decoder(Hello)


def encode_hello(hello: Hello) -> bytes:
    """Return the HELLO frame."""
    return encode_frame(FrameKind.HELLO, 0, _hello_encoder.encode(hello))


def decode_hello(event: LineEvent) -> Hello:
    """Return what a HELLO frame says. Raises: FrameError."""
    try:
        return _hello_decoder.decode(event.payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise FrameError("`hello` does not have its form") from None


def encode_frame(kind: FrameKind, number: int, payload: bytes = b"") -> bytes:
    """Return a frame of any kind but DELIVERY."""
    return _HEAD.pack(_PLAIN_BYTES + len(payload), kind, number) + payload


def encode_delivery(number: int, reply_to: int, payload: bytes) -> bytes:
    """Return a DELIVERY frame; number 0 needs no acknowledgement and is not repeated."""
    head = _REPLY.pack(_REPLY_BYTES + len(payload), FrameKind.DELIVERY, number, reply_to)
    return head + payload


class FrameReader:
    """Cuts a byte stream into frames; holds at most one unfinished frame.

    `kinds` are those that this end accepts, `bytes_max` the longest frame it reads (the length
    itself not counted). `fault` says why the stream is no stream of frames; once it is set, nothing
    more is read, and the connection is to be closed.
    """

    def __init__(self, kinds: frozenset[FrameKind], bytes_max: int) -> None:
        self._kinds = kinds
        self._bytes_max = bytes_max
        self._rest = bytearray()
        self.fault: FrameError | None = None

    def feed(self, data: bytes) -> list[LineEvent]:
        """Return the frames that these bytes complete, up to the first that is none."""
        events: list[LineEvent] = []
        if self.fault is not None:
            return events
        self._rest += data
        at = 0
        try:
            while (end := self._end(at)) is not None:
                events.append(self._event(at, end))
                at = end
        except FrameError as error:
            # What came before stands: the peer was told nothing else, and may count on it.
            self.fault, at = error, len(self._rest)
        del self._rest[:at]
        return events

    def _end(self, at: int) -> int | None:
        """Return where the frame at `at` ends, or None while some of it is missing."""
        held = len(self._rest)
        if held - at < _LENGTH_BYTES:
            return None
        length = int.from_bytes(self._rest[at : at + _LENGTH_BYTES], "big")
        if not _PLAIN_BYTES <= length <= self._bytes_max:
            raise FrameError("`length` is out of its range")
        end = at + _LENGTH_BYTES + length
        return end if end <= held else None

    def _event(self, at: int, end: int) -> LineEvent:
        length, code, number = _HEAD.unpack_from(self._rest, at)
        kind = _KINDS.get(code)
        if kind is None or kind not in self._kinds:
            raise FrameError("`kind` is not one that this end takes")
        if not _NUMBER_MIN[kind] <= number <= FRAME_NUMBER_MAX:
            raise FrameError("`number` is out of its range")
        start, reply_to = at + _HEAD.size, 0
        if kind is FrameKind.DELIVERY:
            if length < _REPLY_BYTES:
                raise FrameError("`length` is out of its range")
            reply_to = int.from_bytes(self._rest[start : start + 8], "big")
            start += 8
        if kind in _BARE and end != start:
            raise FrameError("`payload` is not empty")
        return LineEvent(
            kind=kind, number=number, payload=bytes(self._rest[start:end]), reply_to=reply_to
        )
