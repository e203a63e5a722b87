"""Whether the values that crossed the link have their form: ids, members, keys, claims, lengths.

Guarantee: MessagePack knows types, not ranges; what passes here can be used as the type it claims.
Source: docs/adr/0009-envelope.md, "Parcels"; docs/adr/0002-ids-vocabularies-leaves.md.
"""

from __future__ import annotations

import re
from typing import Final

from comity.domain.answer import Answer, ResponseKind, Withheld
from comity.domain.ids import MEMBERS, ExchangeId
from comity.domain.keys import is_key_form
from comity.domain.query import NO_CLAIMS, Claims, Exchange
from comity.domain.times import TIME_MAX
from comity.domain.vocabulary import Outcome
from comity.link.limits import (
    ANSWER_ELEMENTS_MAX,
    ANSWER_PROOFS_MAX,
    ANSWER_WITHHELD_MAX,
    EXCHANGE_FIELDS_MAX,
    EXCHANGE_TO_MAX,
    FIELD_CHARS_MAX,
    RECEIVED_ANSWERS_MAX,
    TEXT_CHARS_MAX,
)

__all__ = [
    "are_answer_keys",
    "is_answer",
    "is_code",
    "is_entry",
    "is_exchange",
    "is_family",
    "is_id",
    "is_member",
    "is_time",
]

_FAMILY: Final = re.compile(r"[A-Z0-9]{1,16}(/[A-Z0-9]{1,16}){0,5}")
_MEMBERS: Final = frozenset(MEMBERS)
_ID_BYTES: Final = 16
_STEP_MAX: Final = 2**31 - 1
_INDEX_MAX: Final = 2**63 - 1
_INDEX_DIGITS: Final = len(str(_INDEX_MAX))
_PREFIX_CHARS_MAX: Final = 16
_ORI: Final = re.compile(r"[A-Z0-9]{9}").fullmatch
_ENTRY: Final = re.compile(r"([a-z]{2})/(0|[1-9][0-9]{0,18})").fullmatch
_CONTROL: Final = re.compile(r"[ -~]{1,10}").fullmatch
_CASE: Final = re.compile(r"[A-Z0-9-]{0,20}").fullmatch
_REF: Final = re.compile(r"[A-Z0-9-]{0,32}").fullmatch
_OPERATOR: Final = re.compile(r"[A-Z0-9-]{0,16}").fullmatch
_CODE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*").fullmatch


def is_id(value: bytes) -> bool:
    """Say whether this is as long as an id."""
    return len(value) == _ID_BYTES


def is_member(text: str) -> bool:
    """Say whether this is a member's code."""
    return text in _MEMBERS


def is_family(text: str) -> bool:
    """Say whether this has the form of a family of agencies."""
    return _FAMILY.fullmatch(text) is not None


def is_time(seconds: int) -> bool:
    """Say whether this can be a time in Unix seconds."""
    return 0 <= seconds <= TIME_MAX


def is_entry(text: str) -> bool:
    """Say whether this cites a leaf of a member's ledger."""
    found = _ENTRY(text)
    return found is not None and found[1] in _MEMBERS and _is_index(found[2])


def _is_index(digits: str) -> bool:
    # Nearly all are short: only the longest can be beyond what a ledger counts.
    return len(digits) < _INDEX_DIGITS or int(digits) <= _INDEX_MAX


def is_code(text: str) -> bool:
    """Say whether this is a stable error code: kebab-case, at most 64 characters."""
    return len(text) <= 64 and _CODE(text) is not None


def are_answer_keys(keys: tuple[tuple[ExchangeId, int], ...]) -> bool:
    """Say whether these name one or more answers, each by exchange id and step."""
    return 1 <= len(keys) <= RECEIVED_ANSWERS_MAX and all(
        is_id(exchange_id) and 0 <= step <= _STEP_MAX for exchange_id, step in keys
    )


def is_exchange(exchange: Exchange) -> bool:
    """Say whether every value of an exchange is in its range.

    The leaf it cites must stand in the ledger of the member that asks: else a member could lean on
    another's.
    """
    cited = _ENTRY(exchange.query_entry)
    return (
        len(exchange.exchange_id) == _ID_BYTES
        and len(exchange.query_id) == _ID_BYTES
        and exchange.state in _MEMBERS
        and exchange.origin_member in _MEMBERS
        and cited is not None
        and cited[1] == exchange.origin_member
        and _is_index(cited[2])
        and is_time(exchange.accepted_at)
        and _ORI(exchange.agency) is not None
        and is_key_form(exchange.key)
        and is_key_form(exchange.original_key)
        and _are_fields(exchange.fields)
        and _are_claims(exchange.claims)
        and len(exchange.to) <= EXCHANGE_TO_MAX
        and all(_ORI(ori) for ori in exchange.to)
        and (exchange.control is None or _CONTROL(exchange.control) is not None)
    )


def _are_fields(fields: tuple[tuple[str, str], ...]) -> bool:
    return len(fields) <= EXCHANGE_FIELDS_MAX and all(
        len(prefix) <= _PREFIX_CHARS_MAX and len(value) <= FIELD_CHARS_MAX
        for prefix, value in fields
    )


def _are_claims(claims: Claims) -> bool:
    return claims == NO_CLAIMS or (
        _CASE(claims.case_number) is not None
        and _REF(claims.instrument_ref) is not None
        and _OPERATOR(claims.operator) is not None
    )


def is_answer(answer: Answer) -> bool:
    """Say whether every value of an answer is in its range, and its parts agree."""
    return (
        len(answer.exchange_id) == _ID_BYTES
        and answer.state in _MEMBERS
        and 0 <= answer.step <= _STEP_MAX
        and is_key_form(answer.key)
        and len(answer.remark) <= TEXT_CHARS_MAX
        and (not answer.policy_entry or is_entry(answer.policy_entry))
        and len(answer.proofs) <= ANSWER_PROOFS_MAX
        and all(is_entry(proof.entry) for proof in answer.proofs)
        and _is_notice(answer)
        and _is_released_only(answer)
    )


def _is_notice(answer: Answer) -> bool:
    hold = answer.hold
    if hold is None:
        # A hold must never look like something else: held says until when and whom to call.
        return answer.response is not ResponseKind.HELD
    return is_time(hold.until) and is_entry(hold.entry) and len(hold.contact) <= TEXT_CHARS_MAX


def _is_released_only(answer: Answer) -> bool:
    # INVARIANT (withheld-never-rendered): a class that the answer names as withheld has no element
    # in it, and only a hit has elements at all.
    if len(answer.elements) > ANSWER_ELEMENTS_MAX or len(answer.withheld) > ANSWER_WITHHELD_MAX:
        return False
    if answer.elements and answer.response is not ResponseKind.HIT:
        return False
    withheld = {part.data_class for part in answer.withheld}
    return all(_is_withheld(part) for part in answer.withheld) and not any(
        element.data_class in withheld for element in answer.elements
    )


def _is_withheld(part: Withheld) -> bool:
    return part.outcome is not Outcome.RELEASE and len(part.would_change) <= TEXT_CHARS_MAX
