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
from comity.policy.english import english_of, sentence_of, statute_of
from comity.policy.parse import bundle_of_table, parse_bundle
from comity.policy.rule import (
    Condition,
    Mark,
    Obligation,
    PolicyBundle,
    Rule,
    Statute,
    bundle_digest,
    encode_bundle,
)
from comity.policy.templates import (
    load_template,
    national_default,
    plain_adoption,
    template_names,
)

__all__ = [
    "Axis",
    "CompiledPolicy",
    "Condition",
    "DecisionTable",
    "Mark",
    "Obligation",
    "PolicyBundle",
    "Rule",
    "Statute",
    "bundle_digest",
    "bundle_of_table",
    "check_bundle",
    "compile_policy",
    "encode_bundle",
    "english_of",
    "load_template",
    "national_default",
    "parse_bundle",
    "plain_adoption",
    "sentence_of",
    "statute_of",
    "template_names",
]
