"""The shape of a field's rule and of a key's rule.

Guarantee: whether the fields of a message make it complete is one look-up, because every accepted
combination is listed when the program starts.
Source: docs/reference/messages.md, "Fields" and "Every key".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import combinations

import msgspec

from comity.formats.faults import MessageError, fault_of

__all__ = ["FieldRule", "KeyRule", "SetRow", "by_prefix", "key_rule", "refuse_value"]

SetRow = tuple[tuple[str, ...], tuple[str, ...]]
"""A complete set of fields, and what may join this set alone."""


FieldCheck = Callable[[str], object]
"""Whether a value has its form, and what a pattern cannot say of it: true or false of the answer.

One call for each field of every message, and a plain match for most of them.
"""


class FieldRule(msgspec.Struct, frozen=True, kw_only=True):
    """One field: its prefix, its form, and the number and code of a value that breaks it.

    `words` is the form for people. `holds` checks what a pattern cannot.
    """

    prefix: str
    form: re.Pattern[str]
    words: str
    er: str = ".22."
    code: str = "field-invalid"
    holds: Callable[[str], bool] | None = None


class KeyRule(msgspec.Struct, frozen=True, kw_only=True):
    """One key whose body is fields.

    `fields` are all it may hold; `sets` the complete sets, of which a message holds exactly one;
    `accepted` every combination of a set and what may join it, so that a check is one look-up.
    `reason_first` says that `RSN` stands before all others where it stands at all. `required` are
    the fields of every set that are missed by their own number, before the sets are looked at.
    `span` names two moments of which the first may not be the later. `checks` are `fields` again,
    as they are asked of every message.
    """

    fields: dict[str, FieldRule]
    sets: tuple[tuple[str, ...], ...]
    accepted: frozenset[frozenset[str]]
    reason_first: bool = False
    required: tuple[str, ...] = ()
    span: tuple[str, str] | None = None
    checks: dict[str, FieldCheck]


def by_prefix(*rules: FieldRule) -> dict[str, FieldRule]:
    """Return rules by their prefix."""
    return {rule.prefix: rule for rule in rules}


def key_rule(
    fields: dict[str, FieldRule],
    sets: Iterable[SetRow],
    *,
    optional: tuple[str, ...] = (),
    required: tuple[str, ...] = (),
    reason_first: bool = False,
    span: tuple[str, str] | None = None,
) -> KeyRule:
    """Return the rule for sets, each with what may join it alone, and what may join any.

    A set that stands in two rows is one set that either row's fields may join, not both.
    """
    rows = tuple(sets)
    names = {*optional, *(name for own, joins in rows for name in own + joins)}
    kept = {name: rule for name, rule in fields.items() if name in names}
    return KeyRule(
        fields=kept,
        sets=tuple(dict.fromkeys(own for own, _ in rows)),
        accepted=frozenset(
            frozenset(own + extra) for own, joins in rows for extra in _subsets(joins + optional)
        ),
        reason_first=reason_first,
        required=required,
        span=span,
        checks={name: _check_of(rule) for name, rule in kept.items()},
    )


def _check_of(rule: FieldRule) -> FieldCheck:
    matches, holds = rule.form.fullmatch, rule.holds
    if holds is None:
        return matches
    return lambda value: matches(value) and holds(value)


def _subsets(prefixes: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    for size in range(len(prefixes) + 1):
        yield from combinations(prefixes, size)


def refuse_value(key: str, field: FieldRule, *, is_blank: bool) -> MessageError:
    """Return the refusal of a value that is there and does not have its field's form."""
    code = "field-blank" if is_blank and field.er == ".22." else field.code
    sentence = f"`{field.prefix}` is not {field.words.lower()}"
    options = (f"{field.prefix}: {field.words}",) if field.er == ".22." else ()
    return fault_of(field.er, code, sentence, key=key, options=options)
