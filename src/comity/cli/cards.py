"""Scanned cards on the command line: what `parse` prints of one, what `ask` asks by one.

    format      aamva
    header      the standard's version, the issuer and its own version, who answers for it
    fields      what the card says, without what it does not say
    elements    every element, in the order of the card: id, label, value

Guarantee: a card that is refused is refused with the fault that `parse_card` gives.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from comity.cli.errors import UsageError
from comity.cli.files import read_input
from comity.domain.ids import wire_of_member
from comity.domain.query import Query
from comity.formats.aamva import AskBy, Card, edition_of, parse_card, query_of_card
from comity.formats.rules import DELIVERY_BYTES_MAX

__all__ = ["card_document", "query_by_card"]

_HEADER: Final = ("version", "jurisdiction_version", "issuer", "jurisdiction", "member")
_IMAGE: Final = "IMQ"


def card_document(data: bytes) -> dict[str, Any]:
    """Return what a card's payload holds. Raises: MessageError."""
    card = parse_card(data)
    said: dict[str, Any] = msgspec.to_builtins(card)
    labels = edition_of(card.version).labels
    return {
        "format": "aamva",
        "header": {
            **{name: said[name] for name in _HEADER},
            "destination": _destination(card),
        },
        "fields": {
            name: value
            for name, value in said.items()
            if value != {} and name not in {*_HEADER, "elements"}
        },
        "elements": [
            {"id": name, "label": labels.get(name, ""), "value": value}
            for name, value in card.elements
        ],
    }


def query_by_card(file: str, by: AskBy, typed: Query) -> Query:
    """Return the query that was typed, asked by the card that a file or `-` holds.

    Without a destination it goes to the card's issuer.
    Raises: UsageError if something was typed that the card says; MessageError.
    """
    if any(prefix != _IMAGE for prefix, _ in typed.fields):
        raise UsageError("`--card` says whom it is about: leave out what you would type")
    query = query_of_card(
        parse_card(read_input(file, DELIVERY_BYTES_MAX)),
        origin=typed.origin,
        destination=next(iter(typed.destinations), None),
        key=typed.key,
        by=by,
        image=typed.wants_image,
        claims=typed.claims,
    )
    return msgspec.structs.replace(query, destinations=typed.destinations or query.destinations)


def _destination(card: Card) -> str | None:
    return wire_of_member(card.member) if card.member is not None else None
