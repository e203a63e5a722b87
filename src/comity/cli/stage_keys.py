"""The story's people who act on keys: what they order, and whether something still opens."""

from __future__ import annotations

import time
from collections.abc import Sequence

from comity.app.database import open_reader, open_vault
from comity.cli.ordering import new_order, send_order, signed_by
from comity.domain.ids import Member, parse_entry_name
from comity.domain.keeping import KeepingReason, OrderAct, month_name, parse_month
from comity.link.errors import GatewayRefusalError
from comity.ports import Bus, LostKeyError, Sealed
from comity.practice.seen import (
    OldRecord,
)
from comity.roles.settings import Settings
from comity.services.vault import month_of

__all__ = ["give_order", "has_record", "opens", "seal_old_record"]

_MONTHS_AGO = 4
_PLACE = (b"practice", b"old")
_DATA = b"an invented record of an earlier month"


async def give_order(
    settings: Settings,
    bus: Bus,
    act: OrderAct,
    state: Member,
    persons: Sequence[str],
    *,
    month: str = "",
    entry: str = "",
) -> tuple[str, str]:
    """Have an order of these people carried out; return its entry, or the code that refuses it."""
    order = new_order(
        state,
        act,
        months=(month,) if month else None,
        entry=entry or None,
        reason=KeepingReason.RECORD_CORRECTION if entry else KeepingReason.LITIGATION,
        matter="Practice 26-1",
    )
    try:
        done = await send_order(settings, bus, signed_by(settings, order, persons))
    except GatewayRefusalError as refusal:
        return "", refusal.reason
    return done.entry, ""


def seal_old_record(settings: Settings, state: Member) -> OldRecord:
    """Seal something under a state's key of an earlier month, as if it had been recorded then."""
    month = month_of(int(time.time())) - _MONTHS_AGO
    vault = open_vault(settings)
    (nonce,) = vault.nonces(1)
    sealed = vault.seal(state, month, nonce, _DATA, _PLACE)
    return OldRecord(state=state, month=month_name(month), nonce=nonce, body=sealed.body)


def opens(settings: Settings, record: OldRecord) -> bool:
    """Say whether a record of an earlier month opens, by the keys as they lie on the disk now."""
    number = parse_month(record.month)
    sealed = Sealed(key_number=number, nonce=record.nonce, body=record.body)
    try:
        return open_vault(settings).open(record.state, sealed, _PLACE) == _DATA
    except LostKeyError:
        return False


async def has_record(settings: Settings, entry: str) -> bool:
    """Say whether a leaf's private record is there."""
    member, index = parse_entry_name(entry)
    async with open_reader(settings, [member]) as store:
        return await store.private_row(member, index) is not None
