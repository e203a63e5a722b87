"""One message of the archive, and the reference under which it is found again.

    TX/123                          the query whose `query` leaf stands at tx/123
    TX/123-4                        its 4th delivery, in the order of the requester's line
    TX/<26 letters and digits>-1    the 1st delivery of a message that another member's agency sent

A reference is no secret and opens nothing: whoever names one is checked as if it had searched.
Source: docs/adr/0019-archive.md, "References".
"""

from __future__ import annotations

import re
from base64 import b32decode, b32encode
from typing import Final

import msgspec

from comity.domain.delivery import Delivery
from comity.domain.errors import MalformedError
from comity.domain.ids import MEMBERS, LeafIndex, Member, QueryId, entry_name, wire_of_member
from comity.domain.keys import MessageKey
from comity.exchange.origin import AcceptedQuery
from comity.formats import text as text_form

__all__ = [
    "ArchiveItem",
    "Reference",
    "ReferenceFormError",
    "delivery_item",
    "parse_reference",
    "query_item",
    "reference_name",
]

_FORM: Final = re.compile(
    r"([A-Z]{2})/(?:(?P<leaf>0|[1-9][0-9]{0,18})|(?P<sent>[A-Z2-7]{26}))"
    r"(?:-(?P<delivery>[1-9][0-9]{0,5}))?"
)
_INDEX_MAX: Final = 2**63 - 1
_PADDING: Final = "======"


class ReferenceFormError(MalformedError):
    """A reference is not one that the archive's list has shown."""

    code = "archive-reference-malformed"


class Reference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where one message stands: below a `query` leaf, or below a query of another member.

    Exactly one of `leaf` and `query_id` is given. `delivery` counts from 1; 0 is the query itself.
    """

    member: Member
    leaf: LeafIndex | None = None
    query_id: QueryId | None = None
    delivery: int = 0


class ArchiveItem(msgspec.Struct, frozen=True, kw_only=True):
    """One message as sent or as delivered, without images.

    `at` is Unix seconds; of a delivery it is exact to the minute, which is what its header says.
    `destinations` are as written; `reached` the network's codes of the states that a query went to.
    `text` is the message that asked, or the body of what was delivered.
    """

    reference: str
    at: int
    key: MessageKey
    source: str
    destinations: tuple[str, ...]
    text: str
    reached: tuple[str, ...] = ()
    control: str | None = None
    is_query: bool = False


def reference_name(reference: Reference) -> str:
    """Return a reference as the list shows it."""
    if reference.leaf is not None:
        name = entry_name(reference.member, reference.leaf).upper()
    else:
        assert reference.query_id is not None
        digits = b32encode(reference.query_id).decode().rstrip("=")
        name = f"{reference.member.upper()}/{digits}"
    return f"{name}-{reference.delivery}" if reference.delivery else name


def parse_reference(text: str) -> Reference:
    """Return what a reference names. Raises: ReferenceFormError."""
    found = _FORM.fullmatch(text)
    if found is None or found[1].lower() not in MEMBERS:
        raise ReferenceFormError("`REF` is not a reference as the list shows it")
    member, delivery = Member(found[1].lower()), int(found["delivery"] or 0)
    if found["leaf"] is not None:
        if int(found["leaf"]) > _INDEX_MAX:
            raise ReferenceFormError("`REF` is not a reference as the list shows it")
        return Reference(member=member, leaf=LeafIndex(int(found["leaf"])), delivery=delivery)
    query_id = QueryId(b32decode(found["sent"] + _PADDING))
    made = Reference(member=member, query_id=query_id, delivery=delivery)
    if not delivery or reference_name(made) != text:
        # Another member's query is not in this archive, and each id has one spelling.
        raise ReferenceFormError("`REF` is not a reference as the list shows it")
    return made


def query_item(accepted: AcceptedQuery, leaf: LeafIndex) -> ArchiveItem:
    """Return the message that an agency sent, in the network's text, whatever form it came in."""
    query = accepted.query
    return ArchiveItem(
        reference=reference_name(Reference(member=accepted.member, leaf=leaf)),
        at=accepted.accepted_at,
        key=query.key,
        source=query.origin,
        destinations=query.destinations,
        reached=tuple(wire_of_member(asked.state) for asked in accepted.asked),
        control=query.control,
        text=text_form.render_query(query).decode("ascii"),
        is_query=True,
    )


def delivery_item(delivery: Delivery, reference: Reference, at: int) -> ArchiveItem:
    """Return a message that was delivered to an agency; `at` is its clock in Unix seconds."""
    return ArchiveItem(
        reference=reference_name(reference),
        at=at,
        key=delivery.key,
        source=delivery.origin,
        destinations=(delivery.destination,),
        control=delivery.control,
        text=delivery.text,
    )
