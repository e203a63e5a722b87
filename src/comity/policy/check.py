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
from comity.domain.decision import (
    AWAITED_RULE,
    EXPIRY_RULE,
    OVERDUE_RULE,
    REVIEW_RULE,
    RuleId,
)
from comity.domain.ids import MEMBERS
from comity.domain.times import TIME_MAX
from comity.domain.vocabulary import Emergency, Outcome, Purpose
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.errors import (
    DuplicateRuleError,
    OptOutError,
    PolicyLimitError,
    RuleFormError,
    SentenceMissingError,
    UncheckedClauseError,
    UnknownAxisValueError,
    UnknownFamilyError,
    shown,
)
from comity.policy.families import KNOWN_FAMILIES, is_family_form, is_ori
from comity.policy.guarantee import default_guarantees
from comity.policy.rule import (
    NO_CONDITION,
    READABLE_VERSIONS,
    SCHEMA_VERSION,
    Budget,
    BudgetPer,
    Condition,
    Guarantee,
    Mark,
    Obligation,
    PolicyBundle,
    Publication,
    Quota,
    QuotaPer,
    Rule,
)

__all__ = [
    "AGENCIES_MAX",
    "BUDGETS_MAX",
    "BUDGET_PERSONS_MAX",
    "BUNDLE_BYTES_MAX",
    "CASE_PASS",
    "CITE_CHARACTERS_MAX",
    "CLAIM_CHECK",
    "DELAY_MONTHS_MAX",
    "EXCEPTIONS_MAX",
    "GUARANTEES_MAX",
    "HOLD_HOURS_MAX",
    "LABEL_CHARACTERS_MAX",
    "NOTE_CHARACTERS_MAX",
    "NOTICE_HOURS_MAX",
    "NO_RULE",
    "QUOTA",
    "QUOTAS_MAX",
    "QUOTA_PER_DAY_MAX",
    "QUOTA_WAITING_MAX",
    "RESERVED_IDS",
    "RULES_MAX",
    "SENTENCE_CHARACTERS_MAX",
    "TITLE_CHARACTERS_MAX",
    "UNKNOWN_VALUE",
    "UNLISTED_AGENCY",
    "UNMET_OBLIGATION",
    "URGENT_LANE",
    "VERSION_MAX",
    "budget_order",
    "check_bundle",
    "check_delayed",
    "check_guarantees",
    "check_values",
    "is_citation",
    "quota_order",
    "value_order",
]

RULES_MAX: Final = 2_000
EXCEPTIONS_MAX: Final = 16
AGENCIES_MAX: Final = 256
HOLD_HOURS_MAX: Final = 720
NOTICE_HOURS_MAX: Final = 2_160
GUARANTEES_MAX: Final = 64
DELAY_MONTHS_MAX: Final = 60
BUDGETS_MAX: Final = 32
BUDGET_PERSONS_MAX: Final = 1_000_000
QUOTAS_MAX: Final = 32
QUOTA_WAITING_MAX: Final = 10_000
QUOTA_PER_DAY_MAX: Final = 1_000_000
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
CASE_PASS: Final = RuleId("CASE-PASS")
URGENT_LANE: Final = RuleId("URGENT-LANE")
INSTRUMENT: Final = RuleId("INSTRUMENT")
CLAIM_CHECK: Final = RuleId("CLAIM-CHECK")
QUOTA: Final = RuleId("QUOTA")
UNMET_OBLIGATION: Final = RuleId("UNMET-OBLIGATION")
RESERVED_IDS: Final = frozenset(
    {
        NO_RULE, UNLISTED_AGENCY, UNKNOWN_VALUE, CASE_PASS, URGENT_LANE, INSTRUMENT,
        CLAIM_CHECK, QUOTA, UNMET_OBLIGATION, REVIEW_RULE, EXPIRY_RULE,
        AWAITED_RULE, OVERDUE_RULE,
    }
)  # fmt: skip
"""Ids of the reasons that no rule gives; no rule may have one. The last ten are of whoever
acts on a decision: a reader of an answer must not take a rule for a reviewer's grant.
"""

_LATER_AXES: Final = (Axis.BUDGET, Axis.DIRECTION)
_LATER_OBLIGATIONS: Final = frozenset((Obligation.REVIEW_AFTER, Obligation.SECOND_REVIEW))
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


def budget_order(
    per: str, agencies: Collection[str], purposes: Collection[str]
) -> tuple[int, tuple[str, ...], tuple[int, ...]]:
    """Return the sort key of a budget, which is also what makes it another than the next one."""
    ranks = _RANK[Axis.PURPOSE]
    place = list(BudgetPer).index(BudgetPer(per))
    return place, tuple(agencies), tuple(ranks[each] for each in purposes)


def quota_order(per: str, agencies: Collection[str]) -> tuple[int, tuple[str, ...]]:
    """Return the sort key of a quota, which is also what makes it another than the next one."""
    return list(QuotaPer).index(QuotaPer(per)), tuple(agencies)


def check_bundle(
    bundle: PolicyBundle, families: Collection[Family] | None = KNOWN_FAMILIES.keys()
) -> None:
    """Check everything that a bundle must be by itself.

    `families` are those that a rule may name; None asks only for their form, which is safe where
    the directory is at hand: an agency of a family that it does not list is denied in all cases.
    Raises: RuleFormError or one of its kinds, naming the rule and the field; OptOutError.
    """
    if bundle.schema_version not in READABLE_VERSIONS:
        raise RuleFormError("`schema_version` is not 1 or 2")
    if bundle.state not in MEMBERS:
        raise RuleFormError("`state` is not a member")
    _check_range("version", bundle.version, VERSION_MAX)
    _check_range("hold_hours", bundle.hold_hours, HOLD_HOURS_MAX)
    _check_text("title", bundle.title, TITLE_CHARACTERS_MAX, needed=True)
    _check_text("label", bundle.label, LABEL_CHARACTERS_MAX)
    if len(bundle.rules) > RULES_MAX:
        raise PolicyLimitError(f"`rules` has more than {RULES_MAX}")
    if not 0 <= bundle.notice_hours <= NOTICE_HOURS_MAX:
        raise PolicyLimitError(f"`notice_hours` is not 0 to {NOTICE_HOURS_MAX}")
    _check_adoption(bundle)
    _check_guarantees(bundle, families)
    if bundle.publication is not None:
        _check_publication(bundle.publication, families)
    _check_budgets(bundle, families)
    _check_quotas(bundle, families)
    seen: set[RuleId] = set()
    for rule in bundle.rules:
        if not _ID_FORM.fullmatch(rule.id):
            raise RuleFormError("`id` of a rule is not 1 to 24 of A-Z, 0-9 and hyphen")
        if rule.id in seen or rule.id in RESERVED_IDS:
            raise DuplicateRuleError(f"rule {rule.id}: `id` is taken")
        seen.add(rule.id)
        _check_rule(rule, families)
        if bundle.schema_version < SCHEMA_VERSION:
            _check_first_version(rule)
    _check_unconfirmed(bundle)


def check_values(
    where: str, axis: Axis, values: Collection[str], families: Collection[Family] | None
) -> None:
    """Check that an axis has each of these values. Raises: UnknownAxisValueError and its like."""
    if axis is not Axis.AGENCY:
        known = _RANK[axis]
        for value in values:
            if value not in known:
                raise UnknownAxisValueError(f"{where}: `{axis}` has no value `{shown(value)}`")
        return
    for value in values:
        if not is_ori(value) and not _is_family(value, families):
            raise UnknownFamilyError(f"{where}: `agency` names no known family `{shown(value)}`")


def check_delayed(
    purposes: Collection[str], excepted: Collection[str], families: Collection[Family] | None
) -> None:
    """Check what a bundle's `publication` names. Raises: RuleFormError and its kinds."""
    for purpose in purposes:
        # INVARIANT (not-stated-is-no-claim): what says nothing claims no delay.
        if purpose not in _RANK[Axis.PURPOSE] or purpose == Purpose.NOT_STATED:
            raise UnknownAxisValueError(f"`delayed_purposes` has no value `{shown(purpose)}`")
    for family in excepted:
        if not _is_family(family, families):
            raise UnknownFamilyError(f"`except_families` names no known family `{shown(family)}`")


def _check_publication(publication: Publication, families: Collection[Family] | None) -> None:
    purposes, excepted = publication.delayed_purposes, publication.except_families
    if len(excepted) > AGENCIES_MAX:
        raise PolicyLimitError(f"`except_families` has more than {AGENCIES_MAX}")
    check_delayed(purposes, excepted, families)
    ranks = [_RANK[Axis.PURPOSE][purpose] for purpose in purposes]
    if not ranks or ranks != sorted(set(ranks)):
        raise RuleFormError("`delayed_purposes` is empty, not in order, or has a value twice")
    if list(excepted) != sorted(set(excepted)):
        raise RuleFormError("`except_families` is not in order, or names a family twice")
    _check_range("delay_months", publication.delay_months, DELAY_MONTHS_MAX)


def _check_budgets(bundle: PolicyBundle, families: Collection[Family] | None) -> None:
    if bundle.budgets and bundle.schema_version < SCHEMA_VERSION:
        raise RuleFormError(f"`budgets` needs `schema_version` {SCHEMA_VERSION}")
    if len(bundle.budgets) > BUDGETS_MAX:
        raise PolicyLimitError(f"`budgets` has more than {BUDGETS_MAX}")
    for place, budget in enumerate(bundle.budgets, start=1):
        _check_budget(f"budget {place}", budget, families)
    order = [budget_order(each.per, each.agency, each.purpose) for each in bundle.budgets]
    if order != sorted(set(order)):
        raise RuleFormError("`budgets` is not in order, or has two for the same")


def _check_budget(where: str, budget: Budget, families: Collection[Family] | None) -> None:
    if budget.per not in set(BudgetPer):
        raise RuleFormError(f"{where}: `per` is not operator or agency")
    # For whom and for what it is reads like a rule's condition, and is held to the same.
    _check_condition(where, Condition(agency=budget.agency, purpose=budget.purpose), families)
    if not 1 <= budget.persons <= BUDGET_PERSONS_MAX:
        raise PolicyLimitError(f"{where}: `persons` is not 1 to {BUDGET_PERSONS_MAX}")
    if budget.photos is not None and not 0 <= budget.photos <= budget.persons:
        raise PolicyLimitError(f"{where}: `photos` is not 0 to `persons`")


def _check_quotas(bundle: PolicyBundle, families: Collection[Family] | None) -> None:
    if bundle.quotas and bundle.schema_version < SCHEMA_VERSION:
        raise RuleFormError(f"`quotas` needs `schema_version` {SCHEMA_VERSION}")
    if len(bundle.quotas) > QUOTAS_MAX:
        raise PolicyLimitError(f"`quotas` has more than {QUOTAS_MAX}")
    for place, quota in enumerate(bundle.quotas, start=1):
        _check_quota(f"quota {place}", quota, families)
    order = [quota_order(each.per, each.agency) for each in bundle.quotas]
    if order != sorted(set(order)):
        raise RuleFormError("`quotas` is not in order, or has two for the same")


def _check_quota(where: str, quota: Quota, families: Collection[Family] | None) -> None:
    if quota.per not in set(QuotaPer):
        raise RuleFormError(f"{where}: `per` is not agency or together")
    if quota.per is QuotaPer.TOGETHER and not quota.agency:
        # Else whoever asks most would fill everyone's places: what a quota is against.
        raise RuleFormError(f"{where}: `together` names no agencies")
    _check_condition(where, Condition(agency=quota.agency), families)
    if not 1 <= quota.waiting <= QUOTA_WAITING_MAX:
        raise PolicyLimitError(f"{where}: `waiting` is not 1 to {QUOTA_WAITING_MAX}")
    if quota.per_day is not None and not 1 <= quota.per_day <= QUOTA_PER_DAY_MAX:
        raise PolicyLimitError(f"{where}: `per_day` is not 1 to {QUOTA_PER_DAY_MAX}")


def _is_family(value: str, families: Collection[Family] | None) -> bool:
    return is_family_form(value) if families is None else value in families


def _check_adoption(bundle: PolicyBundle) -> None:
    if len(bundle.national) not in {0, _DIGEST_BYTES}:
        raise RuleFormError("`national` is not a digest of 32 bytes")
    if len(bundle.opt_outs) > RULES_MAX:
        raise PolicyLimitError(f"`opt_outs` has more than {RULES_MAX}")
    if bundle.opt_outs and not bundle.national:
        raise RuleFormError("`opt_outs` names rules, but `national` adopts none")
    opt_outs = list(bundle.opt_outs)
    if opt_outs != sorted(set(opt_outs)) or not all(map(_ID_FORM.fullmatch, opt_outs)):
        raise RuleFormError("`opt_outs` is not in order, or names a rule twice")


def check_guarantees(
    guarantees: Collection[Guarantee],
    families: Collection[Family] | None,
    taken: Collection[str] = (),
) -> None:
    """Check guarantees by themselves; none may have an id that is taken.

    Raises: RuleFormError or one of its kinds.
    """
    if len(guarantees) > GUARANTEES_MAX:
        raise PolicyLimitError(f"`guarantees` has more than {GUARANTEES_MAX}")
    seen = set(taken)
    for guarantee in guarantees:
        if not _ID_FORM.fullmatch(guarantee.id):
            raise RuleFormError("`id` of a guarantee is not 1 to 24 of A-Z, 0-9 and hyphen")
        if guarantee.id in seen:
            raise DuplicateRuleError(f"guarantee {guarantee.id}: `id` is taken")
        seen.add(guarantee.id)
        _check_guarantee(guarantee, families)


def _check_guarantees(bundle: PolicyBundle, families: Collection[Family] | None) -> None:
    later = (bundle.notice_hours, bundle.guarantees, bundle.guarantee_opt_outs)
    if bundle.schema_version < SCHEMA_VERSION and any(later):
        raise RuleFormError(f"notice and guarantees need `schema_version` {SCHEMA_VERSION}")
    of_all = {each.id for each in default_guarantees()}
    # A later release may give all states one under an id that a published bundle has.
    check_guarantees(bundle.guarantees, families, of_all if families is not None else ())
    opt_outs = list(bundle.guarantee_opt_outs)
    if len(opt_outs) > GUARANTEES_MAX:
        raise PolicyLimitError(f"`guarantee_opt_outs` has more than {GUARANTEES_MAX}")
    if opt_outs != sorted(set(opt_outs)) or not all(map(_ID_FORM.fullmatch, opt_outs)):
        raise RuleFormError("`guarantee_opt_outs` is not in order, or names a guarantee twice")
    # A release that gives no such guarantee any more must still read what was published.
    if families is not None and not set(opt_outs) <= of_all:
        unknown = min(set(opt_outs) - of_all)
        raise OptOutError(f"`guarantee_opt_outs` names no guarantee of all states `{unknown}`")


def _check_guarantee(guarantee: Guarantee, families: Collection[Family] | None) -> None:
    where = f"guarantee {guarantee.id}"
    if len(guarantee.unless) > EXCEPTIONS_MAX:
        raise PolicyLimitError(f"{where}: `unless` has more than {EXCEPTIONS_MAX}")
    if NO_CONDITION in guarantee.unless:
        raise RuleFormError(f"{where}: `unless` has an exception that is always met")
    for condition in (guarantee.when, *guarantee.unless):
        _check_condition(where, condition, families)
    _check_text(f"{where}: `sentence`", guarantee.sentence, SENTENCE_CHARACTERS_MAX, needed=True)


def _check_unconfirmed(bundle: PolicyBundle) -> None:
    places = {rule.id: place for place, rule in enumerate(bundle.rules)}
    found = [places.get(each.rule, -1) for each in bundle.unconfirmed]
    if -1 in found or found != sorted(set(found)):
        raise RuleFormError("`unconfirmed` names no rule of its own, not in order, or one twice")
    for place, each in zip(found, bundle.unconfirmed, strict=True):
        # INVARIANT (restriction-never-waits): what gives anything does not stand on one word.
        if bundle.rules[place].effect is Outcome.RELEASE:
            raise RuleFormError(f"rule {each.rule}: a release cannot stand unconfirmed")
        if not 0 <= each.until <= TIME_MAX:
            raise RuleFormError(f"rule {each.rule}: `until` is not a time")


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
    if Obligation.REVIEW_AFTER in rule.obligations and not _is_urgent(rule):
        raise RuleFormError(
            f"{where}: `review_after` is of a release for a declared emergency, and of no other"
        )
    if Obligation.SECOND_REVIEW in rule.obligations and rule.effect is not Outcome.HOLD:
        raise RuleFormError(f"{where}: `second_review` is of a rule that holds, and of no other")
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


def _check_first_version(rule: Rule) -> None:
    named = {axis for box in (rule.when, *rule.unless) for axis, _ in box.terms()}
    if not named.isdisjoint(_LATER_AXES) or not _LATER_OBLIGATIONS.isdisjoint(rule.obligations):
        raise RuleFormError(f"rule {rule.id}: needs `schema_version` {SCHEMA_VERSION}")


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


def _is_urgent(rule: Rule) -> bool:
    return rule.effect is Outcome.RELEASE and rule.when.emergency == (Emergency.DECLARED,)


def _check_text(name: str, text: str, limit: int, *, needed: bool = False) -> None:
    if len(text) > limit:
        raise PolicyLimitError(f"{name} has more than {limit} characters")
    if not _TEXT_FORM.fullmatch(text) or (needed and not text.strip()):
        raise RuleFormError(f"{name} is empty, or not printable ASCII")


def is_citation(text: str) -> bool:
    """Say whether a text may stand as what a rule rests on: 1..120 printable ASCII, some word."""
    return (
        len(text) <= CITE_CHARACTERS_MAX
        and _TEXT_FORM.fullmatch(text) is not None
        and bool(text.strip())
    )


def _check_range(name: str, value: int, limit: int) -> None:
    if not 1 <= value <= limit:
        raise PolicyLimitError(f"`{name}` is not 1 to {limit}")
