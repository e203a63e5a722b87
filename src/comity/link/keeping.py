"""The commands that people's orders go by, and what is shown of a member's keys.

Source: docs/adr/0009-envelope.md, "Commands"; docs/adr/0024-private-records.md.
"""

from __future__ import annotations

import msgspec

from comity.domain.ids import Member
from comity.domain.keeping import (
    KEEP_MONTHS_MAX,
    OrderError,
    SignedOrder,
    encode_signed_order,
    is_month,
)
from comity.link.forms import is_code, is_entry
from comity.link.limits import NOTE_BYTES_MAX, SUCCESSION_NOTES_MAX

__all__ = [
    "AskKeys",
    "CarryOut",
    "KeysShown",
    "MonthView",
    "Succeed",
    "are_keys",
    "is_order",
    "is_succession",
]


class CarryOut(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="carry_out",
    forbid_unknown_fields=True,
):  # fmt: skip
    """An order that enrolled people signed, to be done to the keys or records of its state."""

    signed: SignedOrder


class AskKeys(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="keys",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Which month keys does this member have, what holds them, what is due."""

    member: Member


class Succeed(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="succeed",
    forbid_unknown_fields=True,
):  # fmt: skip
    """People's order to retire a member's ledger and go on with a successor.

    `checkpoint` is the note at which it goes on, `beyond` others that the retired key signed.
    """

    member: Member
    order: SignedOrder
    checkpoint: bytes
    beyond: tuple[bytes, ...] = ()


class MonthView(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One month: how many keys it has, which entry holds it, which says that they are gone.

    `is_due`: past the schedule; `against` is the code of what keeps its keys all the same.
    """

    month: str
    keys: int = 0
    held_by: str = ""
    gone_by: str = ""
    gone: str = ""
    is_due: bool = False
    against: str = ""


class KeysShown(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="keys_shown",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A member's months in order, its litigation holds (entry, months; none: all), its schedule."""

    months: tuple[MonthView, ...] = ()
    holds: tuple[tuple[str, tuple[str, ...]], ...] = ()
    keep_months: int = 0
    schedule: str = ""


def is_order(signed: SignedOrder) -> bool:
    """Say whether this is an order that can be kept in a file."""
    try:
        encode_signed_order(signed)
    except (OrderError, UnicodeEncodeError):
        return False
    return True


def are_keys(shown: KeysShown) -> bool:
    """Say whether what is shown has its form."""
    entries = [view.held_by for view in shown.months] + [view.gone_by for view in shown.months]
    entries += [entry for entry, _ in shown.holds] + [shown.schedule]
    months = [view.month for view in shown.months]
    months += [month for _, covered in shown.holds for month in covered]
    return (
        all(not entry or is_entry(entry) for entry in entries)
        and all(map(is_month, months))
        and all(view.keys >= 0 for view in shown.months)
        and all(not view.against or is_code(view.against) for view in shown.months)
        and 0 <= shown.keep_months <= KEEP_MONTHS_MAX
    )


def is_succession(command: Succeed) -> bool:
    """Say whether this is an order for a succession of its member, with its notes."""
    notes = (command.checkpoint, *command.beyond)
    return (
        is_order(command.order)
        and command.order.order.state == command.member
        and len(command.beyond) <= SUCCESSION_NOTES_MAX
        and all(0 < len(note) <= NOTE_BYTES_MAX for note in notes)
    )
