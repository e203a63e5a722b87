"""Whether a bundle may stand: limits, ids, values, marks and sentences.

Every bundle passes here before it is published and again before it is compiled, so that a value
made in code is held to the same rules as a file.
Source: docs/adr/0008-rule-record.md, "Limits".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from comity.domain.agency import Family
from comity.domain.decision import RuleId
from comity.domain.ids import MEMBERS
from comity.domain.vocabulary import Outcome
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.errors import (
    DuplicateRuleError,
    PolicyLimitError,
    RuleFormError,
    SentenceMissingError,
    UncheckedClauseError,
    UnknownAxisValueError,
    UnknownFamilyError,
)
from comity.policy.families import KNOWN_FAMILIES, is_family_form, is_ori
from comity.policy.rule import (
    NO_CONDITION,
    SCHEMA_VERSION,
    Condition,
    Mark,
    Obligation,
    PolicyBundle,
    Rule,
)

__all__ = [
    "AGENCIES_MAX",
    "BUNDLE_BYTES_MAX",
    "CITE_CHARACTERS_MAX",
    "EXCEPTIONS_MAX",
    "HOLD_HOURS_MAX",
    "LABEL_CHARACTERS_MAX",
    "NOTE_CHARACTERS_MAX",
    "NO_RULE",
    "RESERVED_IDS",
    "RULES_MAX",
    "SENTENCE_CHARACTERS_MAX",
    "TITLE_CHARACTERS_MAX",
    "UNKNOWN_VALUE",
    "UNLISTED_AGENCY",
    "VERSION_MAX",
    "check_bundle",
    "check_values",
    "value_order",
]

RULES_MAX: Final = 2_000
EXCEPTIONS_MAX: Final = 16
AGENCIES_MAX: Final = 256
HOLD_HOURS_MAX: Final = 720
VERSION_MAX: Final = 1 << 31
BUNDLE_BYTES_MAX: Final = 4 << 20
TITLE_CHARACTERS_MAX: Final = 120
LABEL_CHARACTERS_MAX: Final = 40
SENTENCE_CHARACTERS_MAX: Final = 240
CITE_CHARACTERS_MAX: Final = 120
NOTE_CHARACTERS_MAX: Final = 500

NO_RULE: Final = RuleId("NO-RULE")
UNLISTED_AGENCY: Final = RuleId("UNLISTED-AGENCY")
UNKNOWN_VALUE: Final = RuleId("UNKNOWN-VALUE")
RESERVED_IDS: Final = frozenset({NO_RULE, UNLISTED_AGENCY, UNKNOWN_VALUE})
"""Ids of the reasons that no rule gives; no rule may have one."""

_ID_FORM: Final = re.compile(r"[A-Z0-9-]{1,24}")
_DIGEST_BYTES: Final = 32
_SINCE_FORM: Final = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", re.ASCII)
# Printable ASCII: a sentence passes through every format, the oldest included, unharmed.
_TEXT_FORM: Final = re.compile(r"[ -~]*")
_RANK: Final = {
    axis: {value: rank for rank, value in enumerate(values)} for axis, values in AXIS_VALUES.items()
}


def value_order(axis: Axis, value: str) -> tuple[int, str]:
    """Return the sort key of a value within its axis: vocabulary order, agencies by text."""
    return (0, value) if axis is Axis.AGENCY else (_RANK[axis][value], "")


def check_bundle(
    bundle: PolicyBundle, families: Collection[Family] | None = KNOWN_FAMILIES.keys()
) -> None:
    """Check everything that a bundle must be by itself.

    `families` are those that a rule may name; None asks only for their form, which is safe where
    the directory is at hand: an agency of a family that it does not list is denied in all cases.
    Raises: RuleFormError or one of its kinds, naming the rule and the field.
    """
    if bundle.schema_version != SCHEMA_VERSION:
        raise RuleFormError("`schema_version` is not 1")
    if bundle.state not in MEMBERS:
        raise RuleFormError("`state` is not a member")
    _check_range("version", bundle.version, VERSION_MAX)
    _check_range("hold_hours", bundle.hold_hours, HOLD_HOURS_MAX)
    _check_text("title", bundle.title, TITLE_CHARACTERS_MAX, needed=True)
    _check_text("label", bundle.label, LABEL_CHARACTERS_MAX)
    if len(bundle.rules) > RULES_MAX:
        raise PolicyLimitError(f"`rules` has more than {RULES_MAX}")
    _check_adoption(bundle)
    seen: set[RuleId] = set()
    for rule in bundle.rules:
        if not _ID_FORM.fullmatch(rule.id):
            raise RuleFormError("`id` of a rule is not 1 to 24 of A-Z, 0-9 and hyphen")
        if rule.id in seen or rule.id in RESERVED_IDS:
            raise DuplicateRuleError(f"rule {rule.id}: `id` is taken")
        seen.add(rule.id)
        _check_rule(rule, families)


def check_values(
    where: str, axis: Axis, values: Collection[str], families: Collection[Family] | None
) -> None:
    """Check that an axis has each of these values. Raises: UnknownAxisValueError and its like."""
    if axis is not Axis.AGENCY:
        known = _RANK[axis]
        for value in values:
            if value not in known:
                raise UnknownAxisValueError(f"{where}: `{axis}` has no value `{value}`")
        return
    for value in values:
        if not is_ori(value) and not _is_family(value, families):
            raise UnknownFamilyError(f"{where}: `agency` names no known family `{value}`")


def _is_family(value: str, families: Collection[Family] | None) -> bool:
    return is_family_form(value) if families is None else value in families


def _check_adoption(bundle: PolicyBundle) -> None:
    if len(bundle.national) not in {0, _DIGEST_BYTES}:
        raise RuleFormError("`national` is not a digest of 32 bytes")
    if len(bundle.opt_outs) > RULES_MAX:
        raise PolicyLimitError(f"`opt_outs` has more than {RULES_MAX}")
    if bundle.opt_outs and not bundle.national:
        raise RuleFormError("`opt_outs` names rules, but `national` adopts none")
    if list(bundle.opt_outs) != sorted(set(bundle.opt_outs)):
        raise RuleFormError("`opt_outs` is not in order, or names a rule twice")


def _check_rule(rule: Rule, families: Collection[Family] | None) -> None:
    where = f"rule {rule.id}"
    if rule.effect not in set(Outcome):
        raise RuleFormError(f"{where}: `effect` is not release, hold or deny")
    if len(rule.unless) > EXCEPTIONS_MAX:
        raise PolicyLimitError(f"{where}: `unless` has more than {EXCEPTIONS_MAX}")
    if NO_CONDITION in rule.unless:
        raise RuleFormError(f"{where}: `unless` has an exception that is always met")
    for condition in (rule.when, *rule.unless):
        _check_condition(where, condition, families)
    # INVARIANT (fail-closed): an obligation that nobody knows how to meet never enters a policy.
    if not set(rule.obligations) <= set(Obligation):
        raise RuleFormError(f"{where}: `obligations` has one that is unknown")
    if list(rule.obligations) != sorted(set(rule.obligations)):
        raise RuleFormError(f"{where}: `obligations` is not in order, or has one twice")
    for name, text, limit in _texts(rule):
        _check_text(f"{where}: `{name}`", text, limit, needed=name == "statute.cite")
    if rule.effect is not Outcome.RELEASE and not rule.sentence.strip():
        raise SentenceMissingError(f"{where}: `sentence` is missing: who, what, why")
    if rule.statute.mark not in set(Mark):
        raise RuleFormError(f"{where}: `statute.mark` is not V, S, K or P")
    if rule.statute.since and not _SINCE_FORM.fullmatch(rule.statute.since):
        raise RuleFormError(f"{where}: `statute.since` is not a year, a month or a day")
    if rule.enabled and rule.statute.mark is Mark.UNCHECKED:
        raise UncheckedClauseError(f"{where}: a clause marked K is not `enabled`")


def _texts(rule: Rule) -> Iterator[tuple[str, str, int]]:
    yield "sentence", rule.sentence, SENTENCE_CHARACTERS_MAX
    yield "label", rule.label, LABEL_CHARACTERS_MAX
    yield "note", rule.note, NOTE_CHARACTERS_MAX
    yield "statute.cite", rule.statute.cite, CITE_CHARACTERS_MAX


def _check_condition(where: str, condition: Condition, families: Collection[Family] | None) -> None:
    for axis, values in condition.terms():
        if axis is Axis.AGENCY and len(values) > AGENCIES_MAX:
            raise PolicyLimitError(f"{where}: `agency` has more than {AGENCIES_MAX}")
        check_values(where, axis, values, families)
        order = [value_order(axis, value) for value in values]
        if order != sorted(set(order)):
            raise RuleFormError(f"{where}: `{axis}` is not in order, or has a value twice")


def _check_text(name: str, text: str, limit: int, *, needed: bool = False) -> None:
    if len(text) > limit:
        raise PolicyLimitError(f"{name} has more than {limit} characters")
    if not _TEXT_FORM.fullmatch(text) or (needed and not text.strip()):
        raise RuleFormError(f"{name} is empty, or not printable ASCII")


def _check_range(name: str, value: int, limit: int) -> None:
    if not 1 <= value <= limit:
        raise PolicyLimitError(f"`{name}` is not 1 to {limit}")
