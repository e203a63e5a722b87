"""What a PDF417 scanner delivers of a US or Canadian licence or identification card.

Source: docs/reference/messages.md, "Card payload (AAMVA)"; docs/adr/0017-card-payload.md.
"""

from comity.formats.aamva.card import Address, Card, CardKind, NamePart, parse_card
from comity.formats.aamva.header import is_card
from comity.formats.aamva.query import AskBy, query_of_card
from comity.formats.aamva.standard import edition_of

__all__ = [
    "Address",
    "AskBy",
    "Card",
    "CardKind",
    "NamePart",
    "edition_of",
    "is_card",
    "parse_card",
    "query_of_card",
]
