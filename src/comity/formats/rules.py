"""What a valid query is, in every format: key, destinations, control, fields, claims.

Guarantee: `check_query` returns or raises `MessageError`; two formats that carry the same query get
the same answer, because both ask here.
Source: docs/reference/messages.md; docs/adr/0005-additions-in-formats.md.
"""

from __future__ import annotations

import re
from typing import Final

from comity.domain.keys import MessageKey, is_known_key
from comity.domain.query import NO_CLAIMS, Claims, Query
from comity.formats.faults import MessageError, fault_of
from comity.formats.fields import FIXED_KEYS, FieldRule, KeyRule

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

_CODE: Final = re.compile("[A-Z][A-Z0-9]")
_ORI: Final = re.compile("[A-Z0-9]{9}")
_CONTROL: Final = re.compile("[ -~]{1,10}")
_FREE_TEXT: Final = re.compile(r"[ -~]*(?:\n[ -~]*)*")
_CLAIM_FORMS: Final = {
    "case_number": re.compile("[A-Z0-9-]{1,20}"),
    "instrument_ref": re.compile("[A-Z0-9-]{1,32}"),
    "operator": re.compile("[A-Z0-9-]{1,16}"),
}
# How many two-character codes, or else how many ORIs, a key may be sent to.
_DESTINATIONS: Final[dict[str, tuple[int, int]]] = {
    "DQ": (5, 0), "DQG": (5, 0), "RQ": (5, 0), "RQG": (5, 0), "IQ": (5, 0),
    "KQ": (1, 0), "FQ": (1, 0), "CWQ": (1, 0), "RPQ": (1, 0), "LQ": (1, 1), "YQ": (0, 3),
}  # fmt: skip
_DESTINATIONS_ELSE: Final = (5, 3)
_NEVER_SENT: Final = "ER"

# A hit confirmation: what each must hold, then one data set. Only these sets are published; a
# message with a field of another is let through, its body is opaque in any case.
_YQ_BEFORE: Final = ("RTY", "RNO", "PRI", "OCA", "NIC")
_YQ_AFTER: Final = ("RNA", "RAG")
_YQ_OPTIONAL: Final = frozenset({"DEN", "PHO", "REM"})
_YQ_SETS: Final = (
    ("LIC", "LIS", "LIY", "LIT"),
    ("VIN", "VYR", "VMA"),
    ("NAM", "DOB", "SEX"),
    ("TYP", "SER"),
)


def is_fixed(key: MessageKey) -> bool:
    """Say whether a key's fields are published; the body of any other is opaque text."""
    return key in FIXED_KEYS


def is_ori(text: str) -> bool:
    """Say whether a text has the form of an agency's identifier."""
    return _ORI.fullmatch(text) is not None


def is_control(text: str) -> bool:
    """Say whether a text can be a control field: one that holds `.TXT` could not be read back."""
    return _CONTROL.fullmatch(text) is not None and ".TXT" not in text


def check_query(query: Query) -> None:
    """Return if a query keeps every published rule. Raises: MessageError, without the original."""
    _check_header(query)
    rule = FIXED_KEYS.get(query.key)
    if rule is not None:
        _check_fields(query.key, rule, query.fields)
    else:
        _check_opaque(query)
    if query.claims is not NO_CLAIMS:
        _check_claims(query.key, query.claims)


def _check_header(query: Query) -> None:
    key = query.key
    if not is_known_key(key):
        raise fault_of(".01.", "message-key-unknown", "`message key` is not known")
    if key == _NEVER_SENT:
        raise fault_of(".01.", "message-key-reserved", "only the network sends `ER`")
    if not is_ori(query.origin):
        raise fault_of(".01.", "origin-malformed", "`originating ori` is not nine of A-Z and 0-9")
    codes_max, oris_max = _DESTINATIONS.get(key, _DESTINATIONS_ELSE)
    count = len(query.destinations)
    if not (
        (1 <= count <= codes_max and all(map(_CODE.fullmatch, query.destinations)))
        or (1 <= count <= oris_max and all(map(_ORI.fullmatch, query.destinations)))
    ):
        raise fault_of(".19.", "destination-invalid", _destination_words(codes_max, oris_max))
    if query.control is not None and not is_control(query.control):
        raise fault_of(".01.", "control-malformed", "`control field` is not 1 to 10 characters")


def _destination_words(codes_max: int, oris_max: int) -> str:
    codes = f"1 to {codes_max} codes of 2" if codes_max > 1 else "one code of 2"
    oris = f"1 to {oris_max} oris of 9" if oris_max > 1 else "one ori of 9"
    allowed = " or ".join([codes] * bool(codes_max) + [oris] * bool(oris_max))
    return f"`destination` is not {allowed}"


def _check_fields(key: MessageKey, rule: KeyRule, fields: tuple[tuple[str, str], ...]) -> None:
    rules = rule.fields
    for prefix, value in fields:
        field = rules.get(prefix)
        if field is None:
            raise refuse_format(key, "field-unknown", "a field is not one of this key's")
        if not field.form.fullmatch(value) or (field.holds and not field.holds(value)):
            raise _broken(key, field, is_blank=not value)
    present = frozenset([prefix for prefix, _ in fields])
    if len(present) != len(fields):
        raise refuse_format(key, "field-repeated", "a field stands twice")
    if present not in rule.accepted:
        raise _wrong_set(key, rule, present)
    if rule.reason_first and "RSN" in present and fields[0][0] != "RSN":
        raise refuse_format(key, "reason-not-first", "`RSN` does not stand first")


def _broken(key: MessageKey, field: FieldRule, *, is_blank: bool) -> MessageError:
    code = "field-blank" if is_blank and field.er == ".22." else field.code
    sentence = f"`{field.prefix}` is not {field.words.lower()}"
    options = (f"{field.prefix}: {field.words}",) if field.er == ".22." else ()
    return fault_of(field.er, code, sentence, key=key, options=options)


def _wrong_set(key: MessageKey, rule: KeyRule, present: frozenset[str]) -> MessageError:
    """Name the sets that the message has begun; all of them where it began none or several."""
    begun = [own for own in rule.sets if present & set(own)]
    if any(present >= set(own) for own in rule.sets):
        return refuse_format(key, "field-set-mixed", "the fields of several sets stand together")
    options = tuple(", ".join(own) for own in (begun or rule.sets))
    sentence = "no complete set of fields"
    return fault_of(".22.", "field-set-incomplete", sentence, key=key, options=options)


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
    if query.key == "YQ":
        _check_hit_confirmation(body)


def _check_hit_confirmation(body: str) -> None:
    elements = body.upper().replace("\n", "").split(".")
    present = {element.partition("/")[0] for element in elements if "/" in element}
    data = present - {*_YQ_BEFORE, *_YQ_AFTER, *_YQ_OPTIONAL}
    begun = [own for own in _YQ_SETS if data & set(own)]
    if data - {name for own in _YQ_SETS for name in own}:
        begun = []
        complete = True
    else:
        complete = len(begun) == 1 and data >= set(begun[0])
    if complete and present >= {*_YQ_BEFORE, *_YQ_AFTER}:
        return
    options = tuple(", ".join((*_YQ_BEFORE, *own, *_YQ_AFTER)) for own in (begun or _YQ_SETS))
    sentence = "no complete set of fields"
    raise fault_of(".22.", "field-set-incomplete", sentence, key="YQ", options=options)


def _check_claims(key: MessageKey, claims: Claims) -> None:
    for name, form in _CLAIM_FORMS.items():
        value = getattr(claims, name)
        if value and not form.fullmatch(value):
            raise refuse_format(key, "addition-malformed", f"`{name}` does not have its form")
