"""The query that a terminal would type from a card.

Guarantee: a query that `check_query` accepts, equal to the same one read from text or JSON, or
`MessageError`; what the card does not say, or says in part, is never filled in or guessed.
# INVARIANT (not-stated-is-no-claim): a card makes no claim; claims are the caller's own.
Source: docs/adr/0017-card-payload.md, "Query".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, assert_never

from comity.domain.ids import ORI, wire_of_member
from comity.domain.keys import MessageKey
from comity.domain.names import NameFormError, latin
from comity.domain.query import NO_CLAIMS, Claims, Query
from comity.formats.aamva.card import Card, NamePart
from comity.formats.faults import MessageError, fault_of
from comity.formats.fields import FIXED_KEYS
from comity.formats.rules import check_query

__all__ = ["AskBy", "query_of_card"]

_DQ: Final = MessageKey("DQ")
_Fields = tuple[tuple[str, str], ...]


class AskBy(StrEnum):
    """What of a card the query asks by."""

    NUMBER = "number"
    NAME = "name"


def query_of_card(
    card: Card,
    *,
    origin: ORI,
    destination: str | None = None,
    key: str = _DQ,
    by: AskBy = AskBy.NUMBER,
    image: bool = False,
    control: str | None = None,
    claims: Claims = NO_CLAIMS,
) -> Query:
    """Return the query for a card's holder; it goes to the issuer unless `destination` is given.

    `key` is one that asks by licence number, or by name, birth date and sex: DQ or KQ.
    Raises: MessageError; its code begins with `card-` where the card is the cause.
    """
    match by:
        case AskBy.NUMBER:
            fields = _by_number(card, key)
        case AskBy.NAME:
            fields = _by_name(card, key)
        case _:
            assert_never(by)
    query = Query(
        key=MessageKey(key),
        origin=origin,
        destinations=(destination or _issuer_code(card),),
        control=control,
        fields=(*fields, ("IMQ", "Y")) if image else fields,
        claims=claims,
    )
    check_query(query)
    return query


def _issuer_code(card: Card) -> str:
    if card.member is None:
        raise fault_of(".19.", "card-issuer-elsewhere", "no member of this network issued the card")
    return wire_of_member(card.member)


def _by_number(card: Card, key: str) -> _Fields:
    """Take the spaces out and letters as capitals, because a query's field holds no others."""
    number = "".join(card.number.split())
    if not number:
        raise _unfit(key, "card-number-missing", "the card has no licence number")
    number = number.upper() if number.isascii() else number
    if not _holds(key, "OLN", number):
        raise _unfit(key, "card-number-unfit", "`OLN` cannot hold the card's number")
    return (("OLN", number),)


def _by_name(card: Card, key: str) -> _Fields:
    if not card.family_name or not card.given_name:
        raise _unfit(key, "card-name-missing", "the card does not tell family and given name")
    if {NamePart.FAMILY, NamePart.GIVEN} & set(card.cut_names):
        # A cut name is another name: it would find nobody, or somebody else.
        raise _unfit(key, "card-name-cut", "the card has a part of the name only")
    if card.born_on is None:
        raise fault_of(".05.", "card-birth-date-missing", "the card has no birth date")
    if not card.sex:
        raise _unfit(key, "card-sex-missing", "the card does not tell the sex")
    return (("NAM", _name(card, key)), ("DOB", f"{card.born_on:%Y%m%d}"), ("SEX", card.sex))


def _name(card: Card, key: str) -> str:
    """Return as much of the name as its field holds: the suffix is left out first."""
    middle = "" if NamePart.MIDDLE in card.cut_names else card.middle_names
    try:
        family, given = _plain(card.family_name), _plain(card.given_name)
        more = (_plain(middle), _plain(card.suffix))
    except NameFormError:
        raise _unfit(key, "card-name-unfit", "`NAM` cannot hold the card's name") from None
    for rest in (more, more[:1], ()):
        name = " ".join(part for part in (f"{family},{given}", *rest) if part)
        if _holds(key, "NAM", name):
            return name
    raise _unfit(key, "card-name-unfit", "`NAM` cannot hold the card's name")


def _plain(text: str) -> str:
    """Return a name's part as terminals type it: Latin capitals, no full stop, single spaces."""
    return " ".join(latin(text).replace(".", "").replace(",", " ").split())


def _holds(key: str, prefix: str, value: str) -> bool:
    """Say whether a key's field can hold a value; where it has no such field, `check_query` says
    so.
    """
    rule = FIXED_KEYS.get(MessageKey(key))
    field = rule.fields.get(prefix) if rule is not None else None
    return field is None or field.form.fullmatch(value) is not None


def _unfit(key: str, code: str, sentence: str) -> MessageError:
    return fault_of(".22.", code, sentence, key=key)
