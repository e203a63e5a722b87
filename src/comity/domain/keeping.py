"""What is done to a member's keys and records: the order that people sign, the event that follows.

A key event is the public document of a `key` leaf: it names months and leaves, never a person. An
order is what enrolled people sign; its matter is private. Both have one encoding, and a parser
takes no other.

# INVARIANT (public-bytes-hold-no-person): a key event has no field for free text; who ordered it,
# the court and the matter stand in the leaf's private record.

Source: docs/adr/0024-private-records.md, "Key events" and "Orders".
"""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import pairwise
from typing import Final

import msgspec

from comity.domain.errors import MalformedError
from comity.domain.ids import MEMBERS, Member, parse_entry_name
from comity.domain.times import TIME_MAX

__all__ = [
    "KEEP_MONTHS_MAX",
    "KEPT_DAYS",
    "KEY_EVENT_BYTES_MAX",
    "MATTER_CHARS_MAX",
    "MONTHS_MAX",
    "ORDER_BYTES_MAX",
    "ORDER_SECONDS_MAX",
    "SIGNERS_MAX",
    "TWO_PEOPLE",
    "KeepingReason",
    "KeyEvent",
    "KeyEventError",
    "KeyEventKind",
    "Order",
    "OrderAct",
    "OrderError",
    "OrderSignature",
    "Retired",
    "SignedOrder",
    "check_order",
    "encode_key_event",
    "encode_signed_order",
    "is_month",
    "month_name",
    "order_bytes",
    "parse_key_event",
    "parse_month",
    "parse_signed_order",
]

KEPT_DAYS: Final = 14
"""How long a query, its answers, results and keys, and a closed hold are kept; twice the seven days
in which a repeat is answered from the store."""
KEY_EVENT_BYTES_MAX: Final = 4_096
ORDER_BYTES_MAX: Final = 4_096
MONTHS_MAX: Final = 240
"""Months that one event or order names."""
KEEP_MONTHS_MAX: Final = 1_200
MATTER_CHARS_MAX: Final = 200
ORDER_SECONDS_MAX: Final = 86_400
"""How long an order counts from the time that it names."""
SIGNERS_MAX: Final = 4
_BEYOND_MAX: Final = 8
_NAME_CHARS_MAX: Final = 64
_SIZE_MAX: Final = 2**48
_PREFIX: Final = b"comity/order/v1\n"
_MONTH: Final = re.compile(r"(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])")
_KEY_ID: Final = re.compile(r"[0-9a-f]{8}")
_ROOT_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64


class KeyEventError(MalformedError):
    """Bytes are not a key event of version 1."""

    code = "key-event-malformed"


class OrderError(MalformedError):
    """Bytes are not an order, or its fields are not those of its act."""

    code = "order-malformed"


class KeyEventKind(StrEnum):
    """What happened to keys, or to what they hide."""

    ROTATED = "rotated"
    DESTROYED = "destroyed"
    LOST = "lost"
    HELD = "held"
    HOLD_ENDED = "hold_ended"
    SCHEDULED = "scheduled"
    EXPUNGED = "expunged"
    SUCCEEDED = "succeeded"


class KeepingReason(StrEnum):
    """Why; a closed list, because it is public."""

    RETENTION_SCHEDULE = "retention_schedule"
    COURT_ORDER = "court_order"
    LITIGATION = "litigation"
    RECORD_CORRECTION = "record_correction"
    KEY_COMPROMISE = "key_compromise"
    KEY_LOSS = "key_loss"
    STORAGE_FAILURE = "storage_failure"
    BACKUP_RESTORED = "backup_restored"
    FORK = "fork"


class OrderAct(StrEnum):
    """What an order has done."""

    ROTATE = "rotate"
    DESTROY = "destroy"
    DECLARE_LOST = "declare_lost"
    HOLD = "hold"
    END_HOLD = "end_hold"
    SCHEDULE = "schedule"
    EXPUNGE = "expunge"
    REDACT = "redact"
    SUCCEED = "succeed"


TWO_PEOPLE: Final = frozenset(OrderAct) - {
    OrderAct.HOLD,
    OrderAct.ROTATE,
    OrderAct.DECLARE_LOST,
}
"""Acts that two different people sign, because what they do cannot be undone."""


class Retired(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The ledger that another one continues (docs/adr/0026): its origin, key and last good head.

    `beyond` are notes that the retired key signed for more or other than that.
    """

    origin: str
    vkey: str
    size: int
    root: bytes
    checkpoint: str
    beyond: tuple[str, ...] = ()


class KeyEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"version": "v"},
):
    """One key event. `months` are as `2024-10`, rising; which fields it has is in `_MUST`."""

    version: int
    member: Member
    event: KeyEventKind
    reason: KeepingReason
    months: tuple[str, ...] | None = None
    entry: str | None = None
    keep_months: int | None = None
    retired: Retired | None = None


class Order(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What is to be done to a member's keys or records; counts for a day from `at`, once.

    Of `succeed`, `entry` is the index at which the successor goes on, as `<st>/<size>`, and `root`
    the root hash of the tree below it: two histories can have the same size.
    `matter` (0..200 characters: a court, a case, whom to ask) is private; `at` is Unix seconds.
    """

    state: Member
    act: OrderAct
    months: tuple[str, ...] | None = None
    entry: str | None = None
    root: bytes | None = None
    keep_months: int | None = None
    reason: KeepingReason
    matter: str = ""
    at: int


class OrderSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enrolled person's signature: the name, 8 hexadecimal digits of key id, 64 bytes."""

    name: str
    key_id: str
    signature: bytes


class SignedOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order with the signatures that it has so far, in the order in which they were given."""

    order: Order
    signatures: tuple[OrderSignature, ...]


_MUST: Final[dict[KeyEventKind | OrderAct, frozenset[str]]] = {
    KeyEventKind.ROTATED: frozenset({"months"}),
    KeyEventKind.DESTROYED: frozenset({"months"}),
    KeyEventKind.LOST: frozenset({"months"}),
    KeyEventKind.HELD: frozenset(),
    KeyEventKind.HOLD_ENDED: frozenset({"entry"}),
    KeyEventKind.SCHEDULED: frozenset({"keep_months"}),
    KeyEventKind.EXPUNGED: frozenset({"entry"}),
    KeyEventKind.SUCCEEDED: frozenset({"retired"}),
    OrderAct.ROTATE: frozenset({"months"}),
    OrderAct.DESTROY: frozenset({"months"}),
    OrderAct.DECLARE_LOST: frozenset({"months"}),
    OrderAct.HOLD: frozenset(),
    OrderAct.END_HOLD: frozenset({"entry"}),
    OrderAct.SCHEDULE: frozenset({"keep_months"}),
    OrderAct.EXPUNGE: frozenset({"entry"}),
    OrderAct.REDACT: frozenset({"entry"}),
    OrderAct.SUCCEED: frozenset({"entry"}),
}
_MAY: Final[dict[KeyEventKind | OrderAct, frozenset[str]]] = {
    KeyEventKind.HELD: frozenset({"months"}),
    OrderAct.HOLD: frozenset({"months"}),
}
_ONE_MONTH: Final = frozenset({KeyEventKind.ROTATED, OrderAct.ROTATE})

_encoder: Final = msgspec.json.Encoder()
_event_decoder: Final = msgspec.json.Decoder(KeyEvent)
_order_decoder: Final = msgspec.json.Decoder(SignedOrder)


def month_name(month: int) -> str:
    """Return months since 1970-01 as they are written: `2024-10`."""
    return f"{1970 + month // 12:04d}-{month % 12 + 1:02d}"


def is_month(text: str) -> bool:
    """Say whether this is a month as it is written."""
    return _MONTH.fullmatch(text) is not None


def parse_month(text: str) -> int:
    """Return the months since 1970-01 of `2024-10`. Raises: OrderError."""
    if not is_month(text):
        raise OrderError("`month` is not a month such as 2024-10")
    return (int(text[:4]) - 1970) * 12 + int(text[5:]) - 1


def encode_key_event(event: KeyEvent) -> bytes:
    """Return an event's bytes. Raises: KeyEventError if its fields are not those of its kind."""
    _check_event(event)
    data = _encoder.encode(event)
    if len(data) > KEY_EVENT_BYTES_MAX:
        raise KeyEventError("key event is longer than 4,096 bytes")
    return data


def parse_key_event(data: bytes) -> KeyEvent:
    """Return the event that these bytes are.

    Raises: KeyEventError for anything that `encode_key_event` would not have written.
    """
    if len(data) > KEY_EVENT_BYTES_MAX:
        raise KeyEventError("key event is longer than 4,096 bytes")
    try:
        event = _event_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise KeyEventError("key event is not of version 1") from None
    _check_event(event)
    if _encoder.encode(event) != data:
        raise KeyEventError("key event is not in canonical form")
    return event


def order_bytes(order: Order) -> bytes:
    """Return what people sign: a prefix and the order as compact JSON."""
    return _PREFIX + _encoder.encode(order)


def check_order(order: Order) -> None:
    """Check that an order has the fields of its act, within their limits. Raises: OrderError."""
    fault = (
        _fault(order.act, order.months, order.entry, order.keep_months)
        or _member_fault(order.state)
        or _entry_fault(order.state, order.entry)
        or ("root" if not _is_root(order) else "")
        or ("matter" if not _is_matter(order.matter) else "")
        or ("at" if not 0 <= order.at <= TIME_MAX else "")
    )
    if fault:
        raise OrderError(f"`{fault}` of an order is not what `{order.act}` takes")


def encode_signed_order(signed: SignedOrder) -> bytes:
    """Return an order file's bytes, one line. Raises: OrderError if it is none."""
    _check_signed(signed)
    data = _encoder.encode(signed) + b"\n"
    if len(data) > ORDER_BYTES_MAX:
        raise OrderError("order is longer than 4,096 bytes")
    return data


def parse_signed_order(data: bytes) -> SignedOrder:
    """Return the order that a file holds; what its signatures are worth is not looked at here.

    Raises: OrderError for anything that `encode_signed_order` would not have written.
    """
    if len(data) > ORDER_BYTES_MAX:
        raise OrderError("order is longer than 4,096 bytes")
    try:
        signed = _order_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise OrderError("order is not of version 1") from None
    _check_signed(signed)
    if _encoder.encode(signed) + b"\n" != data:
        raise OrderError("order is not in canonical form")
    return signed


def _check_signed(signed: SignedOrder) -> None:
    check_order(signed.order)
    if not 1 <= len(signed.signatures) <= SIGNERS_MAX:
        raise OrderError("`signatures` of an order are not 1 to 4")
    for signature in signed.signatures:
        is_named = 0 < len(signature.name) <= _NAME_CHARS_MAX and signature.name.isprintable()
        is_signed = len(signature.signature) == _SIGNATURE_BYTES
        if not (is_named and is_signed and _KEY_ID.fullmatch(signature.key_id)):
            raise OrderError("`signatures` of an order hold something else")


def _check_event(event: KeyEvent) -> None:
    if event.version != 1:
        raise KeyEventError("`v` of a key event is not 1")
    has_retired = event.retired is not None
    fault = (
        _fault(event.event, event.months, event.entry, event.keep_months)
        or _member_fault(event.member)
        or _entry_fault(event.member, event.entry)
    )
    if has_retired is not (event.event is KeyEventKind.SUCCEEDED):
        fault = fault or "retired"
    if event.retired is not None and not _is_retired(event.retired):
        fault = fault or "retired"
    if fault:
        raise KeyEventError(f"`{fault}` of a key event is not what `{event.event}` has")


def _fault(
    kind: KeyEventKind | OrderAct,
    months: tuple[str, ...] | None,
    entry: str | None,
    keep_months: int | None,
) -> str:
    """Return the first of the fields that a kind may not have, lacks, or has out of its range."""
    must, may = _MUST[kind], _MAY.get(kind, frozenset())
    fields = (
        ("months", months is not None, months is None or _are_months(months, kind)),
        ("entry", entry is not None, entry is None or _is_entry(entry)),
        (
            "keep_months",
            keep_months is not None,
            keep_months is None or 1 <= keep_months <= KEEP_MONTHS_MAX,
        ),
    )
    for name, is_there, is_good in fields:
        is_wanted = name in must or (is_there and name in may)
        if is_there is not is_wanted or not is_good:
            return name
    return ""


def _member_fault(member: Member) -> str:
    return "" if member in MEMBERS else "member"


def _entry_fault(member: Member, entry: str | None) -> str:
    return "" if entry is None or entry.startswith(f"{member}/") else "entry"


def _are_months(months: tuple[str, ...], kind: KeyEventKind | OrderAct) -> bool:
    count_max = 1 if kind in _ONE_MONTH else MONTHS_MAX
    return (
        1 <= len(months) <= count_max
        and all(_MONTH.fullmatch(month) for month in months)
        and all(a < b for a, b in pairwise(months))
    )


def _is_entry(text: str) -> bool:
    try:
        parse_entry_name(text)
    except MalformedError:
        return False
    return True


def _is_root(order: Order) -> bool:
    if order.act is not OrderAct.SUCCEED:
        return order.root is None
    return order.root is not None and len(order.root) == _ROOT_BYTES


def _is_matter(text: str) -> bool:
    return len(text) <= MATTER_CHARS_MAX and (not text or text.isprintable())


def _is_retired(retired: Retired) -> bool:
    notes = (retired.checkpoint, *retired.beyond)
    return (
        0 < retired.size <= _SIZE_MAX
        and len(retired.root) == _ROOT_BYTES
        and len(retired.beyond) <= _BEYOND_MAX
        and all((retired.origin, retired.vkey, *notes))
    )
