"""From JSON bytes, or a table already read, to a checked bundle.

Layout and the order of values are free on the way in; `encode_bundle` writes the one canonical
form. Everything else is closed: an unknown field, axis, value or family, a repeated field or a
repeated value is refused, with the rule named.
Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Final, TypeGuard

import msgspec

from comity.domain.agency import Family
from comity.policy.axis import Axis
from comity.policy.check import BUNDLE_BYTES_MAX, check_bundle, check_values, value_order
from comity.policy.errors import PolicyLimitError, RuleFormError, UnknownAxisError
from comity.policy.families import KNOWN_FAMILIES
from comity.policy.rule import PolicyBundle

__all__ = ["bundle_of_table", "parse_bundle"]

_PATH: Final = re.compile(r"at `\$\.?([^`]*)`")


def parse_bundle(
    data: bytes, families: Collection[Family] | None = KNOWN_FAMILIES.keys()
) -> PolicyBundle:
    """Return the bundle that these bytes record.

    `families` are those that its rules may name; None, for a bundle that was checked when it was
    published, asks only for their form.
    Raises: RuleFormError or one of its kinds.
    """
    if len(data) > BUNDLE_BYTES_MAX:
        raise PolicyLimitError(f"a bundle has more than {BUNDLE_BYTES_MAX} bytes")
    try:
        table = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_repeats,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError):
        raise RuleFormError("a bundle is not JSON") from None
    return bundle_of_table(table, families)


def bundle_of_table(
    table: object, families: Collection[Family] | None = KNOWN_FAMILIES.keys()
) -> PolicyBundle:
    """Return the bundle that a table (of JSON or TOML) records. Raises: as `parse_bundle`."""
    try:
        bundle = msgspec.convert(_in_order(table, families), PolicyBundle)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        raise RuleFormError(f"`{found[1] if found else 'bundle'}` does not have its form") from None
    check_bundle(bundle, families)
    return bundle


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # A repeated field would let two readers of one record see two different rules.
    table = dict(pairs)
    if len(table) != len(pairs):
        raise RuleFormError("a field stands twice in one object")
    return table


def _refuse_constant(_: str) -> object:
    raise RuleFormError("a number is not finite")


def _in_order(table: object, families: Collection[Family] | None) -> object:
    """Return the table with its conditions checked and in canonical order; form is left to msgspec.

    Conditions come first, because the error must name the axis and the value.
    """
    if not isinstance(table, Mapping):
        return table
    rules = table.get("rules", ())
    ordered = dict(table)
    if isinstance(rules, list | tuple):
        ordered["rules"] = [_rule_in_order(rule, families) for rule in rules]
    opt_outs = table.get("opt_outs")
    if _are_texts(opt_outs):
        ordered["opt_outs"] = sorted(opt_outs)
    return ordered


def _rule_in_order(rule: object, families: Collection[Family] | None) -> object:
    if not isinstance(rule, Mapping):
        return rule
    where = f"rule {rule.get('id')}"
    ordered = dict(rule)
    obligations = rule.get("obligations")
    if _are_texts(obligations):
        ordered["obligations"] = sorted(obligations)
    if isinstance(rule.get("when"), Mapping):
        ordered["when"] = _condition_in_order(where, rule["when"], families)
    if isinstance(rule.get("unless"), list | tuple):
        ordered["unless"] = [
            _condition_in_order(where, exception, families) if isinstance(exception, Mapping)
            else exception
            for exception in rule["unless"]
        ]  # fmt: skip
    return ordered


def _condition_in_order(
    where: str, condition: Mapping[str, object], families: Collection[Family] | None
) -> dict[str, object]:
    ordered: dict[str, object] = {}
    for name, values in condition.items():
        if name not in set(Axis):
            raise UnknownAxisError(f"{where}: there is no axis `{name}`")
        if not _are_texts(values):
            raise RuleFormError(f"{where}: `{name}` is not a list of values")
        axis = Axis(name)
        check_values(where, axis, values, families)
        ordered[name] = sorted(values, key=partial(value_order, axis))
        if not values:
            # Left out and empty would read alike to a person, and mean opposite things.
            raise RuleFormError(f"{where}: `{name}` has no value; leave the axis out")
    return ordered


def _are_texts(values: object) -> TypeGuard[Sequence[str]]:
    return isinstance(values, list | tuple) and all(isinstance(value, str) for value in values)
