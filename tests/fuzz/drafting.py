"""Targets for what an author writes of a draft, and for the files that drafts are kept in.

a clause that is read from its text, or from its form, is written and read back
what stands around clauses is read or refused, and changes no clause
a draft's file is a draft in one encoding, or none
"""

from __future__ import annotations

from urllib.parse import urlencode

from comity.console.clause_form import fields_of, fits_form, rule_of, typed
from comity.console.problems import ProblemError
from comity.console.visits import FORM_BYTES_MAX, parse_fields
from comity.domain.rule_draft import DraftFileError, RuleDraft, encode_draft, parse_draft
from comity.policy.errors import OptOutError, RuleFormError
from comity.policy.rule import encode_bundle
from comity.policy.templates import load_template
from comity.policy.writing import around_text, read_around, read_rule, rule_text
from tests.fuzz.refusals import hold
from tests.fuzz.rules import TOML_WORDS, shown
from tests.fuzz.shape import Shape
from tests.fuzz.target import READ, Target, same, text_of

_TEXT_MAX = 20_000
_WASHINGTON = load_template("wa")


def _check_clause(data: bytes) -> str:
    try:
        rule = read_rule(text_of(data))
    except RuleFormError as error:
        shown(error)
        return error.code
    same(read_rule(rule_text(rule)), rule, "a clause is written and read back")
    return READ


def _check_around(data: bytes) -> str:
    try:
        bundle = read_around(text_of(data), _WASHINGTON)
    except (RuleFormError, OptOutError) as error:
        shown(error)
        return error.code
    same(bundle.rules, _WASHINGTON.rules, "no clause is changed")
    hold((bundle.state, bundle.version) == (_WASHINGTON.state, _WASHINGTON.version), "nor whose")
    same(read_around(around_text(bundle), bundle), bundle, "it is written and read back")
    return READ


def _check_form(data: bytes) -> str:
    try:
        rule = rule_of(typed(parse_fields(data.decode("latin-1"))))
    except (RuleFormError, ProblemError) as error:
        shown(error)
        return error.code
    same(rule_of(fields_of(rule)), rule, "a form makes what it shows")
    return READ


def _check_file(data: bytes) -> str:
    try:
        draft = parse_draft(data)
    except DraftFileError as error:
        shown(error)
        return error.code
    same(encode_draft(draft), data, "a draft has one encoding")
    return READ


def _clauses() -> list[bytes]:
    return [rule_text(rule).encode() for rule in _WASHINGTON.rules]


def _arounds() -> list[bytes]:
    names = ("wa", "executive_order", "md")
    return [around_text(load_template(name)).encode() for name in names]


def _forms() -> list[bytes]:
    offered = [rule for rule in _WASHINGTON.rules if fits_form(rule)]
    return [urlencode(fields_of(rule), doseq=True).encode() for rule in offered]


def _files() -> list[bytes]:
    bundle = encode_bundle(_WASHINGTON)
    draft = RuleDraft(
        state=_WASHINGTON.state, number=3, revision=2, origin="template wa",
        changed_by="Practice Author", changed_at=1_795_500_000, base=bundle, bundle=bundle,
    )  # fmt: skip
    return [encode_draft(draft)]


_FORM_WORDS = [b"when.", b"unless1.", b"agency_more=", b"=photo", b"&", b"%00", b"effect=", b"=K"]

TARGETS = [
    Target("clause-text", _check_clause, _clauses, Shape.LINES, _TEXT_MAX, 2, TOML_WORDS),
    Target("around-text", _check_around, _arounds, Shape.LINES, _TEXT_MAX, 2, TOML_WORDS),
    Target("clause-form", _check_form, _forms, Shape.DOTTED, FORM_BYTES_MAX, 2, _FORM_WORDS),
    Target("draft-file", _check_file, _files, Shape.JSON, 60_000, 1),
]
