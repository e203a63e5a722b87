"""What a requester is delivered, whatever its format: the network's header, and what it brings."""

from __future__ import annotations

import msgspec

from comity.domain.answer import Answer, Merged
from comity.domain.delivery import Delivery, MessageFault

__all__ = ["Delivered"]


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery with what it brings: one answer, the answers of many states, a fault, or none of
    them (its text says it all).
    """

    delivery: Delivery
    answer: Answer | None = None
    merged: Merged | None = None
    fault: MessageFault | None = None
