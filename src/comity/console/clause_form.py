"""The form of one clause: what its fields are called, what they offer, and the rule they make.

Guarantee: a form makes the record that its text would make, by the same reader, or says why none;
what no field offers stays what it was, because a clause with more than the form may hold is edited
as text. Source: docs/adr/0043-drafts-in-the-browser.md, "Three forms in step".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from comity.console.visits import Fields
from comity.domain.agency import Family
from comity.domain.ids import Member
from comity.domain.vocabulary import Outcome
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.check import EXCEPTIONS_MAX
from comity.policy.english import join_words, word_of
from comity.policy.families import KNOWN_FAMILIES, label_of_agency
from comity.policy.parse import rule_of_table
from comity.policy.rule import Mark, Obligation, Rule

__all__ = [
    "EFFECTS",
    "FORM_VALUES_MAX",
    "MARKS",
    "OBLIGATIONS",
    "PLAIN_FIELDS",
    "ClauseFields",
    "conditions_of",
    "fields_of",
    "fits_form",
    "rule_of",
    "typed",
]

FORM_VALUES_MAX: Final = 40
"""Values and conditions of one clause in its form; a form has 64 fields in all."""
EFFECTS: Final = (
    (Outcome.DENY.value, "Refuse"),
    (Outcome.HOLD.value, "Hold for a person"),
    (Outcome.RELEASE.value, "Release"),
)
MARKS: Final = (
    (Mark.READ.value, "V: read in the text of the law"),
    (Mark.SECONDARY.value, "S: from reports; the text was not read"),
    (Mark.UNCHECKED.value, "K: not checked; the clause stays off"),
    (Mark.PRACTICE.value, "P: practice adoption"),
)
OBLIGATIONS: Final = (
    (Obligation.LOG.value, "Each decision is recorded"),
    (Obligation.REVIEW_AFTER.value, "A person looks at it within a day (declared emergencies)"),
)
_LEADS: Final = {
    Axis.DATA_CLASS: "what",
    Axis.AGENCY: "to whom",
    Axis.PURPOSE: "when the stated use is",
    Axis.OFFENCE: "when the case is stated to be",
    Axis.INSTRUMENT: "when they hold",
    Axis.AGENCY_TYPE: "when those who ask are",
    Axis.CERTIFICATION: "when their yearly pledge to this state",
    Axis.ASSURANCE: "when the person who asks",
    Axis.MESSAGE_KEY: "when the query is",
    Axis.RECORD_KIND: "when the record is",
    Axis.FAN_OUT: "when they ask",
    Axis.EMERGENCY: "when a life",
    Axis.TIME_BAND: "when it is",
    Axis.BUDGET: "when they have asked about",
    Axis.DIRECTION: "when the query",
}
"""How a clause reads, in the order of reading."""
_FIRST: Final = 5
"""So many of them stand open to the eye; the others are less often needed."""
_ANYTHING: Final = {Axis.DATA_CLASS: "any data", Axis.AGENCY: "anyone"}
_MORE: Final = "agency_more"
PLAIN_FIELDS: Final = ("clause", "effect", "sentence", "cite", "mark", "since", "label", "note")

ClauseFields = Mapping[str, tuple[str, ...]]
"""A clause as its form has it: every field with its values."""


class FormAxis(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a condition: how it reads, what is chosen, and what may be."""

    name: str
    lead: str
    said: str
    is_chosen: bool
    is_first: bool
    options: tuple[tuple[str, str, bool], ...]
    more: str | None = None


class FormCondition(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of the form: its prefix, and its lines."""

    prefix: str
    number: int
    is_new: bool
    lines: tuple[FormAxis, ...]


def fields_of(rule: Rule) -> dict[str, tuple[str, ...]]:
    """Return a rule as its form has it."""
    found = {
        "clause": (rule.id,),
        "effect": (rule.effect.value,),
        "sentence": (rule.sentence,),
        "cite": (rule.statute.cite,),
        "mark": (rule.statute.mark.value,),
        "since": (rule.statute.since,),
        "label": (rule.label,),
        "note": (rule.note,),
        "enabled": ("yes",) if rule.enabled else (),
        "obligations": tuple(each.value for each in rule.obligations),
    }
    for prefix, condition in zip(_prefixes(), (rule.when, *rule.unless), strict=False):
        for axis, values in condition.terms():
            found[f"{prefix}.{axis}"] = tuple(map(str, values))
    return found


def fits_form(rule: Rule) -> bool:
    """Say whether a clause may be edited by its form."""
    conditions = (rule.when, *rule.unless)
    values = sum(len(values) for each in conditions for _, values in each.terms())
    return values + len(conditions) <= FORM_VALUES_MAX


def typed(form: Fields) -> dict[str, tuple[str, ...]]:
    """Return what a form holds of a clause, as `fields_of` has it; what is of no clause is not.

    Raises: ProblemError if a field stands twice that is no choice of several.
    """
    found: dict[str, tuple[str, ...]] = {
        name: (form.one(name),) for name in PLAIN_FIELDS if name in form.values
    }
    found["enabled"] = tuple(filter(None, (form.one("enabled"),)))
    found["obligations"] = form.several("obligations")
    for prefix in _prefixes():
        for axis in Axis:
            values = form.several(f"{prefix}.{axis}")
            if axis is Axis.AGENCY:
                more = form.one(f"{prefix}.{_MORE}").upper().replace(",", " ").split()
                values = tuple(dict.fromkeys((*values, *more)))
            if values:
                found[f"{prefix}.{axis}"] = values
    return found


def rule_of(fields: ClauseFields) -> Rule:
    """Return the rule that a form makes. Raises: RuleFormError and its kinds."""

    def one(name: str) -> str:
        return " ".join(fields.get(name, ("",))[0].split())

    statute = {"cite": one("cite"), "mark": one("mark"), "since": one("since")}
    table: dict[str, Any] = {
        "id": one("clause").upper(),
        "effect": one("effect"),
        "unless": [],
        "obligations": list(fields.get("obligations", ())),
        "statute": statute,
        "sentence": one("sentence"),
        "label": one("label"),
        "note": one("note"),
        "enabled": bool(fields.get("enabled")),
    }
    for prefix in _prefixes():
        condition = {
            axis.value: list(fields[f"{prefix}.{axis}"])
            for axis in Axis
            if fields.get(f"{prefix}.{axis}")
        }
        if prefix == "when":
            table["when"] = condition
        elif condition:
            table["unless"].append(condition)
    return rule_of_table(table)


def conditions_of(fields: ClauseFields, state: Member) -> tuple[FormCondition, ...]:
    """Return the conditions of a form: when it applies, each exception, and an empty one more."""
    used = [
        prefix
        for prefix in _prefixes()
        if prefix == "when" or any(fields.get(f"{prefix}.{axis}") for axis in Axis)
    ]
    new = next((each for each in _prefixes() if each not in used), None)
    shown = [*used, *([new] if new is not None else [])]
    return tuple(
        FormCondition(
            prefix=prefix,
            number=number,
            is_new=prefix == new,
            lines=tuple(
                _line(prefix, axis, at < _FIRST, fields, state) for at, axis in enumerate(_LEADS)
            ),
        )
        for number, prefix in enumerate(shown)
    )


def _prefixes() -> list[str]:
    return ["when", *(f"unless{number}" for number in range(1, EXCEPTIONS_MAX + 1))]


def _line(prefix: str, axis: Axis, is_first: bool, fields: ClauseFields, state: Member) -> FormAxis:
    chosen = fields.get(f"{prefix}.{axis}", ())
    offered = _families(state) if axis is Axis.AGENCY else AXIS_VALUES[axis]
    known = [value for value in chosen if value in set(offered)]
    said = join_words([_said(axis, value) for value in known])
    rest = [value for value in chosen if value not in set(offered)]
    if axis is Axis.AGENCY:
        said = join_words([_said(axis, value) for value in chosen])
    return FormAxis(
        name=axis.value,
        lead=_LEADS[axis],
        said=said or _ANYTHING.get(axis, "any"),
        is_chosen=bool(chosen),
        is_first=is_first,
        options=tuple((value, _said(axis, value), value in set(known)) for value in offered),
        more=" ".join(rest) if axis is Axis.AGENCY else None,
    )


def _said(axis: Axis, value: str) -> str:
    if axis is Axis.AGENCY:
        return label_of_agency(value)
    return word_of(axis, value)


def _families(state: Member) -> tuple[str, ...]:
    """Return the families that a form offers: federal ones, and the state's own."""
    own = state.upper()

    def is_offered(family: Family) -> bool:
        return family.partition("/")[0] in ("US", own)

    found: Iterable[Family] = filter(is_offered, KNOWN_FAMILIES)
    return tuple(sorted(found, key=lambda each: (each.partition("/")[0] != "US", each)))
