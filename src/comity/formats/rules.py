"""What a valid query is, in every format: key, destinations, control, fields, claims.

Guarantee: `check_query` returns or raises `MessageError`; two formats that carry the same query get
the same answer, because both ask here.
Source: docs/reference/messages.md; docs/adr/0005-additions-in-formats.md.
"""

from __future__ import annotations

import re
from itertools import product
from string import ascii_uppercase, digits
from typing import Final

from comity.domain.keys import MessageKey
from comity.domain.query import NO_CLAIMS, Claims, Query
from comity.formats.bodies import check_body
from comity.formats.faults import ER_ROWS, MessageError, fault_of
from comity.formats.fields import FIXED_KEYS, KeyRule, refuse_value
from comity.formats.sending import sending_of

__all__ = [
    "ADDITION_LINE",
    "CLOCK_DATE",
    "CLOCK_TIME",
    "DELIVERY_BYTES_MAX",
    "MESSAGE_BYTES_MAX",
    "check_query",
    "is_control",
    "is_fixed",
    "is_ori",
    "refuse_format",
]

MESSAGE_BYTES_MAX: Final = 16_384
"""How long a message that asks may be, in bytes, in every format."""

DELIVERY_BYTES_MAX: Final = 1_048_576
"""How long a delivered message or an answer may be, in bytes, in every format."""

CLOCK_TIME: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
CLOCK_DATE: Final = "(?:0[1-9]|1[0-2])/(?:0[1-9]|[12][0-9]|3[01])/[0-9]{4}"

ADDITION_LINE: Final = re.compile(r"Z(?:PU|CA|OF|IN|IR|OP|EM)/")
"""How a line of additions behind a free text begins."""

# Every code of two there can be: one look-up for each is less than a pattern.
_CODES: Final = frozenset(map("".join, product(ascii_uppercase, ascii_uppercase + digits)))
_ORI: Final = re.compile("[A-Z0-9]{9}")
_CONTROL_CHARS_MAX: Final = 10
_FREE_TEXT: Final = re.compile(r"[ -~]*(?:\n[ -~]*)*")
# What the free parts of claims may hold, each by itself and, for one look at them, together.
_CLAIM_FORMS: Final = {
    "case_number": "[A-Z0-9-]{0,20}",
    "instrument_ref": "[A-Z0-9-]{0,32}",
    "operator": "[A-Z0-9-]{0,16}",
}
_CLAIMS: Final = re.compile("/".join(_CLAIM_FORMS.values())).fullmatch
_MEXICO: Final = "MX"
_MEXICAN_LICENCE: Final = re.compile("[A-Z0-9*-]{8,19}")
_DAY_CHARS: Final = 8
_SAYS_MISSING: Final = frozenset(row.er for row in ER_ROWS.values() if "MISSING" in row.text)


def is_fixed(key: MessageKey) -> bool:
    """Say whether a key's fields are published; the body of any other is opaque text."""
    return key in FIXED_KEYS


def is_ori(text: str) -> bool:
    """Say whether a text has the form of an agency's identifier."""
    return _ORI.fullmatch(text) is not None


def is_control(text: str) -> bool:
    """Say whether a text can be a control field: one that holds `.TXT` could not be read back."""
    is_short = 1 <= len(text) <= _CONTROL_CHARS_MAX
    return is_short and text.isascii() and text.isprintable() and ".TXT" not in text


def check_query(query: Query) -> None:
    """Return if a query keeps every published rule. Raises: MessageError, without the original."""
    _check_header(query)
    rule = FIXED_KEYS.get(query.key)
    if rule is not None:
        if _MEXICO in query.destinations:
            _check_mexican(query)
        _check_fields(query.key, rule, query.fields)
    else:
        _check_opaque(query)
    if query.claims is not NO_CLAIMS:
        _check_claims(query.key, query.claims)


def _check_header(query: Query) -> None:
    sending = sending_of(query.key)
    if not _ORI.fullmatch(query.origin):
        raise fault_of(".01.", "origin-malformed", "`originating ori` is not nine of A-Z and 0-9")
    count = len(query.destinations)
    if not (
        (1 <= count <= sending.codes_max and _CODES.issuperset(query.destinations))
        or (1 <= count <= sending.agencies_max and all(map(_ORI.fullmatch, query.destinations)))
    ):
        raise fault_of(".19.", "destination-invalid", f"`destination` is not {sending.words}")
    if query.control is not None and not is_control(query.control):
        raise fault_of(".01.", "control-malformed", "`control field` is not 1 to 10 characters")


def _check_mexican(query: Query) -> None:
    """Check a licence query to Mexico, which looks up a licence by its number alone."""
    if query.key != "DQ":
        return
    number = query.value("OLN")
    if number is None or not _MEXICAN_LICENCE.fullmatch(number):
        sentence = "`OLN` does not stand alone in 8 to 19 characters"
        raise fault_of(".04.", "mexican-licence-invalid", sentence)


def _check_fields(key: MessageKey, rule: KeyRule, fields: tuple[tuple[str, str], ...]) -> None:
    checks = rule.checks
    for prefix, value in fields:
        check = checks.get(prefix)
        if check is None:
            raise refuse_format(key, "field-unknown", "a field is not one of this key's")
        if not check(value):
            raise refuse_value(key, rule.fields[prefix], is_blank=not value)
    present = frozenset(dict(fields))
    if len(present) != len(fields):
        raise refuse_format(key, "field-repeated", "a field stands twice")
    if present not in rule.accepted:
        raise _wrong_set(key, rule, present)
    if rule.reason_first and "RSN" in present and fields[0][0] != "RSN":
        raise refuse_format(key, "reason-not-first", "`RSN` does not stand first")
    if rule.span is not None:
        _check_span(rule, fields)


def _wrong_set(key: MessageKey, rule: KeyRule, present: frozenset[str]) -> MessageError:
    """Name the sets that the message has begun; all of them where it began none or several."""
    missing = tuple(name for name in rule.required if name not in present)
    if missing:
        return _missing(key, rule, missing)
    begun = [own for own in rule.sets if present & {*own} - {*rule.required}]
    if any(present >= {*own} for own in rule.sets):
        return refuse_format(key, "field-set-mixed", "the fields of several sets stand together")
    options = tuple(", ".join(own) for own in (begun or rule.sets))
    sentence = "no complete set of fields"
    return fault_of(".22.", "field-set-incomplete", sentence, key=key, options=options)


def _missing(key: MessageKey, rule: KeyRule, missing: tuple[str, ...]) -> MessageError:
    """Name the fields that every message of a key has and this one lacks.

    A birth date or a year that alone is missing has a number that says so.
    """
    er = rule.fields[missing[0]].er if len(missing) == 1 else ""
    sentence = f"{', '.join(f'`{name}`' for name in missing)} missing"
    return fault_of(
        er if er in _SAYS_MISSING else ".14.",
        "fields-missing",
        sentence,
        key=key,
        options=(", ".join(missing),),
    )


def _check_span(rule: KeyRule, fields: tuple[tuple[str, str], ...]) -> None:
    """Check that a period does not end before it begins: a day alone is the whole day."""
    assert rule.span is not None
    first, last = (dict(fields)[name] for name in rule.span)
    first = first if len(first) > _DAY_CHARS else f"{first}@0000"
    last = last if len(last) > _DAY_CHARS else f"{last}@2359"
    if first > last:
        names = " ".join(f"`{name}`" for name in rule.span)
        raise fault_of(".10.", "period-invalid", f"{names} run backward")


def refuse_format(key: MessageKey, code: str, sentence: str) -> MessageError:
    """Return the refusal of a body whose form is wrong, with the key's sets as options."""
    rule = FIXED_KEYS.get(key)
    options = tuple(", ".join(own) for own in rule.sets) if rule is not None else ()
    return fault_of(".22.", code, sentence, key=key, options=options)


def _check_opaque(query: Query) -> None:
    body = ""
    match query.fields:
        case ():
            pass
        case (("", text),) if text:
            body = text
        case _:
            raise fault_of("0", "body-malformed", "the body of this key is one free text")
    if not _FREE_TEXT.fullmatch(body) or body.startswith("\n") or body.endswith("\n"):
        raise fault_of("0", "body-malformed", "the free text holds what text cannot carry")
    if len(body) > MESSAGE_BYTES_MAX:
        raise fault_of("0", "message-too-long", "the free text is over 16384 characters")
    if ADDITION_LINE.match(body, body.rfind("\n") + 1):
        raise refuse_format(query.key, "addition-malformed", "the last line is an addition")
    check_body(query.key, body)


def _check_claims(key: MessageKey, claims: Claims) -> None:
    if _CLAIMS(f"{claims.case_number}/{claims.instrument_ref}/{claims.operator}"):
        return
    broken = next(
        name for name, form in _CLAIM_FORMS.items() if not re.fullmatch(form, getattr(claims, name))
    )
    raise refuse_format(key, "addition-malformed", f"`{broken}` does not have its form")
