"""A query in the field's words: what an agency asks, of whom, and what it says of why.

The same value comes from a legacy text line, JSON and (later) NIEM XML, so that the decision and
the leaf do not depend on the format.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.ids import ORI, ExchangeId, Member, QueryId
from comity.domain.keys import MessageKey
from comity.domain.planted import Planted
from comity.domain.vocabulary import (
    Assurance,
    Emergency,
    FanOut,
    Instrument,
    LeafMode,
    Offence,
    Purpose,
)

__all__ = ["NO_CLAIMS", "Asked", "Claims", "Exchange", "Query"]


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the requester says beyond the message itself; every part may be unsaid.

    # INVARIANT (not-stated-is-no-claim): the defaults are `not_stated`, and nothing fills them from
    # a directory.

    `case_number`, `instrument_ref` (court and number of the instrument) and `operator` are 1..20,
    1..32 and 1..16 of A-Z, 0-9 and hyphen: they pass through every format unharmed.
    """

    purpose: Purpose = Purpose.NOT_STATED
    offence: Offence = Offence.NOT_STATED
    instrument: Instrument = Instrument.NOT_STATED
    instrument_ref: str = ""
    case_number: str = ""
    operator: str = ""
    emergency: Emergency = Emergency.NONE


NO_CLAIMS: Final = Claims()


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One message that asks.

    `destinations` are as written: two-character codes or nine-character ORIs, one to five.
    `control` is echoed byte for byte in whatever answers. `fields` are (prefix, value) in the order
    of the message, without Comity's additions.
    """

    key: MessageKey
    origin: ORI
    destinations: tuple[str, ...]
    control: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    claims: Claims = NO_CLAIMS

    def value(self, prefix: str) -> str | None:
        """Return the value of the first field with this prefix, or None."""
        for name, value in self.fields:
            if name == prefix:
                return value
        return None

    @property
    def wants_image(self) -> bool:
        """Say whether the photo is asked for."""
        return self.value("IMQ") == "Y"


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One member that a message asks, and which of its agencies the message names, if any."""

    state: Member
    to: tuple[ORI, ...] = ()


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One state asked by one query: what travels to the answering member.

    `origin_member` is the member whose gateway accepted and signed; `query_entry` its `query` leaf.
    `accepted_at` is Unix seconds. `key` is the key delivered to the state; `original_key` what the
    agency sent (a region query is delivered as a plain one). `to` are agencies of the state that
    the message names as its destination, empty where it names the state itself. `control` is the
    requester's own, for whoever is delivered the message. `planted` does not exist on the wire
    unless somebody sets it, and is taken off where an ask is read.
    """

    exchange_id: ExchangeId
    query_id: QueryId
    state: Member
    origin_member: Member
    query_entry: str
    accepted_at: int
    agency: ORI
    key: MessageKey
    original_key: MessageKey
    fields: tuple[tuple[str, str], ...]
    claims: Claims
    assurance: Assurance
    fan_out: FanOut
    wants_image: bool = False
    probe: bool = False
    to: tuple[ORI, ...] = ()
    control: str | None = None
    planted: Planted | msgspec.UnsetType = msgspec.UNSET

    @property
    def mode(self) -> LeafMode:
        """The mode of every leaf of it."""
        if self.planted is not msgspec.UNSET:
            return LeafMode.PLANTED
        return LeafMode.PROBE if self.probe else LeafMode.LIVE

    @property
    def is_live(self) -> bool:
        """Whether somebody asked it: whatever counts traffic, or sends an answer, looks here."""
        return self.planted is msgspec.UNSET and not self.probe

    @property
    def test_case(self) -> Planted | None:
        """What marks it as a planted test case, if it is one."""
        return None if self.planted is msgspec.UNSET else self.planted

    def value(self, prefix: str) -> str | None:
        """Return the value of the first field with this prefix, or None."""
        for name, value in self.fields:
            if name == prefix:
                return value
        return None
