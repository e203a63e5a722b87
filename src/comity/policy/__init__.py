"""A state's rules: the record, its English, the compiled masks, and the decision with its reasons.

Everything here is a pure function from values to values; a compiled policy keeps a bounded memo of
what it has decided, which changes no answer. Nothing here grants: it says what the answering
member's own rules say (invariant `state-decides`).
Source: docs/adr/0008-rule-record.md, docs/explain/policy.md.
"""

from comity.policy.axis import Axis
from comity.policy.check import check_bundle
from comity.policy.compile import compile_policy
from comity.policy.decide import CompiledPolicy, DecisionTable
from comity.policy.english import (
    english_of,
    english_of_budget,
    english_of_budgets,
    english_of_notice,
    english_of_publication,
    english_of_publications,
    sentence_of,
    statute_of,
)
from comity.policy.parse import bundle_of_table, parse_bundle
from comity.policy.quota import english_of_quota, english_of_quotas
from comity.policy.rule import (
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
    Statute,
    Unconfirmed,
    budget_id,
    bundle_digest,
    encode_bundle,
)
from comity.policy.templates import (
    load_template,
    national_default,
    plain_adoption,
    read_draft,
    read_guarantees,
    template_names,
)

__all__ = [
    "Axis",
    "Budget",
    "BudgetPer",
    "CompiledPolicy",
    "Condition",
    "DecisionTable",
    "Guarantee",
    "Mark",
    "Obligation",
    "PolicyBundle",
    "Publication",
    "Quota",
    "QuotaPer",
    "Rule",
    "Statute",
    "Unconfirmed",
    "budget_id",
    "bundle_digest",
    "bundle_of_table",
    "check_bundle",
    "compile_policy",
    "encode_bundle",
    "english_of",
    "english_of_budget",
    "english_of_budgets",
    "english_of_notice",
    "english_of_publication",
    "english_of_publications",
    "english_of_quota",
    "english_of_quotas",
    "load_template",
    "national_default",
    "parse_bundle",
    "plain_adoption",
    "read_draft",
    "read_guarantees",
    "sentence_of",
    "statute_of",
    "template_names",
]
