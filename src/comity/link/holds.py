"""Open holds as a gateway shows them to its reviewers. See `link.command`."""

from __future__ import annotations

import msgspec

from comity.domain.answer import Withheld
from comity.domain.call_back import CallBack, is_call_back
from comity.domain.ids import ExchangeId
from comity.domain.protection import AddressStands
from comity.domain.vocabulary import DataClass
from comity.link.forms import is_entry, is_time
from comity.link.instruments import InstrumentView, is_instrument_shown
from comity.link.limits import TEXT_CHARS_MAX

__all__ = ["HoldView", "HoldsShown", "Proposed", "Replied", "are_holds"]


class Proposed(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What one reviewer approved of a hold, which another one may confirm."""

    reviewer: str
    at: int
    approved: tuple[DataClass, ...]
    note: str = ""


class Replied(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What an agency replied to a reviewer, and when its message was taken (Unix seconds).

    `text` is empty where the message cannot be opened any more.
    """

    entry: str
    at: int = 0
    text: str = ""


class HoldView(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One open hold. `search` is empty in a list: who was asked about is shown one at a time.

    `instruments` are those that are known under the number that it claims, shown as in a list.
    `by_two` are the classes that two reviewers release, `proposed` what one of them approved,
    `replies` what the agency replied, and `calls` are the calls back to it, in order; `address`
    says whether the address of whom it is about is confidential, and `granted` are the findings on
    appeals that granted what is asked here. They too are shown of one hold alone.
    """

    entry: str
    exchange_id: ExchangeId
    agency: str
    agency_name: str
    key: str
    purpose: str
    offence: str
    instrument: str
    case_number: str
    operator: str
    assurance: str
    opened_at: int
    until: int
    next_step: int
    classes: tuple[DataClass, ...]
    withheld: tuple[Withheld, ...]
    search: tuple[tuple[str, str], ...] = ()
    instrument_ref: str = ""
    instruments: tuple[InstrumentView, ...] = ()
    by_two: tuple[DataClass, ...] = ()
    proposed: Proposed | None = None
    replies: tuple[Replied, ...] = ()
    calls: tuple[CallBack, ...] = ()
    address: AddressStands = AddressStands.OPEN
    granted: tuple[str, ...] = ()


class HoldsShown(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="holds",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Open holds as their reviewer may see them: what is asked, by whom, why it is held.

    `access_entry` cites the leaf that records a reading of one hold.
    """

    holds: tuple[HoldView, ...]
    access_entry: str = ""


def are_holds(shown: HoldsShown) -> bool:
    """Say whether shown holds are in their ranges."""
    return all(
        is_entry(view.entry)
        and is_time(view.opened_at)
        and is_time(view.until)
        and all(map(is_instrument_shown, view.instruments))
        and all(is_entry(each.entry) and is_time(each.at) for each in view.replies)
        and all(len(each.text) <= TEXT_CHARS_MAX for each in view.replies)
        and all(is_call_back(each) and is_time(each.at) for each in view.calls)
        and all(map(is_entry, view.granted))
        for view in shown.holds
    )
