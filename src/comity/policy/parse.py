"""From JSON bytes, or a table already read, to a checked bundle.

Layout and the order of values are free on the way in; `encode_bundle` writes the one canonical
form. Everything else is closed: an unknown field, axis, value or family, a repeated field or a
repeated value is refused, with the rule named.
Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final, TypeGuard, TypeVar

import msgspec

from comity.domain.agency import Family
from comity.policy.axis import Axis
from comity.policy.check import (
    BUNDLE_BYTES_MAX,
    budget_order,
    check_bundle,
    check_delayed,
    check_guarantees,
    check_values,
    quota_order,
    value_order,
)
from comity.policy.errors import PolicyLimitError, RuleFormError, UnknownAxisError, shown
from comity.policy.families import KNOWN_FAMILIES
from comity.policy.rule import BudgetPer, Guarantee, PolicyBundle, QuotaPer, Rule

__all__ = ["bundle_of_table", "guarantees_of_table", "parse_bundle", "rule_of_table"]

_Record = TypeVar("_Record", PolicyBundle, Rule)
_PATH: Final = re.compile(r"at `\$\.?([^`]*)`")


def parse_bundle(
    data: bytes, families: Collection[Family] | None = KNOWN_FAMILIES.keys()
) -> PolicyBundle:
    """Return the bundle that these bytes record.

    `families` are those that its rules may name; None, for a bundle that was checked when it was
    published, asks only for their form.
    Raises: RuleFormError or one of its kinds; OptOutError.
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
    bundle = _converted(lambda: _in_order(table, families), PolicyBundle, "bundle")
    check_bundle(bundle, families)
    return bundle


def rule_of_table(
    table: object, families: Collection[Family] | None = KNOWN_FAMILIES.keys()
) -> Rule:
    """Return the rule that a table records, its values in order; a bundle's check is still owed.

    Raises: RuleFormError and its kinds.
    """
    return _converted(lambda: _rule_in_order("rule", table, families), Rule, "clause")


def guarantees_of_table(
    table: object, families: Collection[Family] | None = KNOWN_FAMILIES.keys()
) -> tuple[Guarantee, ...]:
    """Return the guarantees of a table that holds nothing else. Raises: as `parse_bundle`."""
    if not isinstance(table, Mapping) or set(table) != {"guarantees"}:
        raise RuleFormError("guarantees stand under `guarantees`, and nothing beside it")
    try:
        placed = _in_order(table, families)
        found = msgspec.convert(placed["guarantees"], tuple[Guarantee, ...])
    except msgspec.ValidationError:
        raise RuleFormError("`guarantees` does not have its form") from None
    except UnicodeEncodeError:
        raise RuleFormError("a field's name holds half a character") from None
    check_guarantees(found, families)
    return found


def _converted(ordered: Callable[[], object], kind: type[_Record], what: str) -> _Record:
    """Return a table, once it is in order, as a value of this kind. Raises: RuleFormError."""
    try:
        return msgspec.convert(ordered(), kind)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        raise RuleFormError(
            f"`{shown(found[1]) if found else what}` does not have its form"
        ) from None
    except UnicodeEncodeError:
        raise RuleFormError("a field's name holds half a character") from None


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # A repeated field would let two readers of one record see two different rules.
    table = dict(pairs)
    if len(table) != len(pairs):
        raise RuleFormError("a field stands twice in one object")
    return table


def _refuse_constant(_: str) -> object:
    raise RuleFormError("a number is not finite")


def _in_order(table: object, families: Collection[Family] | None) -> Any:
    """Return the table with its conditions checked and in canonical order; form is left to msgspec.

    Conditions come first, because the error must name the axis and the value.
    """
    if not isinstance(table, Mapping):
        return table
    rules = table.get("rules", ())
    ordered = dict(table)
    if isinstance(rules, list | tuple):
        ordered["rules"] = [_rule_in_order("rule", rule, families) for rule in rules]
    guarantees = table.get("guarantees")
    if isinstance(guarantees, list | tuple):
        ordered["guarantees"] = [_rule_in_order("guarantee", g, families) for g in guarantees]
    for name in ("opt_outs", "guarantee_opt_outs"):
        if _are_texts(named := table.get(name)):
            ordered[name] = sorted(named)
    if isinstance(table.get("publication"), Mapping):
        ordered["publication"] = _publication_in_order(table["publication"], families)
    if isinstance(table.get("budgets"), list | tuple):
        ordered["budgets"] = _budgets_in_order(table["budgets"], families)
    if isinstance(table.get("quotas"), list | tuple):
        ordered["quotas"] = _quotas_in_order(table["quotas"], families)
    return ordered


def _publication_in_order(
    publication: Mapping[str, object], families: Collection[Family] | None
) -> dict[str, object]:
    ordered = dict(publication)
    purposes, excepted = ordered.get("delayed_purposes"), ordered.get("except_families", ())
    if _are_texts(purposes) and _are_texts(excepted):
        check_delayed(purposes, excepted, families)
        ordered["delayed_purposes"] = sorted(purposes, key=partial(value_order, Axis.PURPOSE))
        ordered["except_families"] = sorted(excepted)
        if "except_families" in publication and not excepted:
            raise RuleFormError("`except_families` has no value; leave the field out")
    return ordered


def _budgets_in_order(
    budgets: Sequence[object], families: Collection[Family] | None
) -> Sequence[object]:
    def key(budget: Mapping[str, Any]) -> object:
        return budget_order(budget["per"], budget.get("agency", ()), budget.get("purpose", ()))

    return _limits_in_order("budget", budgets, families, BudgetPer, key)


def _quotas_in_order(
    quotas: Sequence[object], families: Collection[Family] | None
) -> Sequence[object]:
    def key(quota: Mapping[str, Any]) -> object:
        return quota_order(quota["per"], quota.get("agency", ()))

    return _limits_in_order("quota", quotas, families, QuotaPer, key)


def _limits_in_order(
    what: str,
    limits: Sequence[object],
    families: Collection[Family] | None,
    pers: type[BudgetPer | QuotaPer],
    key: Callable[[Mapping[str, Any]], Any],
) -> Sequence[object]:
    """Return budgets or quotas in canonical order; what has not its form is left to msgspec."""
    ordered = [
        _limit_in_order(f"{what} {place}", each, families) if isinstance(each, Mapping) else each
        for place, each in enumerate(limits, start=1)
    ]
    with_key = []
    for each in ordered:
        if not isinstance(each, dict):
            return ordered
        per = each.get("per")
        if not isinstance(per, str) or per not in set(pers):
            return ordered
        with_key.append((key(each), each))
    return [each for _, each in sorted(with_key, key=itemgetter(0))]


def _limit_in_order(
    where: str, limit: Mapping[str, object], families: Collection[Family] | None
) -> dict[str, object]:
    named = {axis: limit[axis] for axis in ("agency", "purpose") if axis in limit}
    return {**limit, **_condition_in_order(where, named, families)}


def _rule_in_order(what: str, rule: object, families: Collection[Family] | None) -> object:
    if not isinstance(rule, Mapping):
        return rule
    where = f"{what} {shown(rule.get('id'))}"
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
            raise UnknownAxisError(f"{where}: there is no axis `{shown(name)}`")
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
