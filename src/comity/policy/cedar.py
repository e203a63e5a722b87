"""A state's rules as Cedar: the published, normative form, which nobody has to take from us.

    release   permit (principal, action, resource) when {...} unless {...};
    deny      forbid ...
    hold      forbid ... unless { context.reviewed };

What is released without review is then plainly what Cedar allows with `reviewed` false, a hold what
it allows with `reviewed` true, and a denial all else. The agency is the principal, in its families;
the message key is the action; the data class is the resource; every other axis is in the context,
each an entity of a type of its own whose values the schema lists.

Guarantee: `cedar_policies` says of each enabled rule exactly what its record says; a value that is
not one of the schema's is refused by Cedar's own validator, except agencies and families, which
`agencies_named` lists to be held against the directory.
Source: docs/adr/0027-proofs.md; https://docs.cedarpolicy.com (policy grammar, schema).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from comity.domain.agency import family_ancestors
from comity.domain.vocabulary import Outcome
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.families import agency_values
from comity.policy.rule import Condition, Rule
from comity.policy.space import Asker

__all__ = [
    "CONTEXT_TYPES",
    "agencies_named",
    "cedar_entities",
    "cedar_policies",
    "cedar_request",
    "cedar_schema",
    "unknown_agencies",
]

_AGENCY: Final = "Agency"
_CLASS: Final = "DataClass"
CONTEXT_TYPES: Final[Mapping[Axis, str]] = {
    axis: axis.value.title().replace("_", "")
    for axis in Axis
    if axis not in {Axis.AGENCY, Axis.MESSAGE_KEY, Axis.DATA_CLASS}
}
"""The entity type of each axis that is in a request's context."""

_OPTIONS_MAX: Final = 32
"""Terms of an OR side by side: Cedar's readers follow at most some hundred that nest."""
_HEADS: Final = {Outcome.RELEASE: "permit", Outcome.HOLD: "forbid", Outcome.DENY: "forbid"}


def cedar_schema() -> str:
    """Return the schema: every axis with its values, every message key as an action."""
    types = [f"entity {_AGENCY} in [{_AGENCY}];", _enum(_CLASS, Axis.DATA_CLASS)]
    types += [_enum(name, axis) for axis, name in CONTEXT_TYPES.items()]
    keys = ", ".join(map(_quoted, AXIS_VALUES[Axis.MESSAGE_KEY]))
    context = ", ".join(f"{axis}: {name}" for axis, name in CONTEXT_TYPES.items())
    action = (
        f"action {keys} appliesTo {{\n"
        f"  principal: {_AGENCY}, resource: {_CLASS},\n"
        f"  context: {{{context}, reviewed: Bool}}\n}};"
    )
    return "\n".join([*types, action, ""])


def cedar_policies(rules: Iterable[Rule]) -> str:
    """Return rules as Cedar text, each with its id, outcome, source and sentence."""
    return "\n".join(_policy(rule) for rule in rules if rule.enabled)


def cedar_entities(askers: Iterable[Asker]) -> str:
    """Return agencies and all families above them, as Cedar's JSON of entities."""
    parents: dict[str, str | None] = {}
    for asker in askers:
        line = (asker.ori, *family_ancestors(asker.family))
        parents.update(zip(line, (*line[1:], None), strict=True))
    entities = [
        {
            "uid": _uid(_AGENCY, name),
            "attrs": {},
            "parents": [] if parent is None else [_uid(_AGENCY, parent)],
        }
        for name, parent in sorted(parents.items())
    ]
    return json.dumps(entities)


def cedar_request(kind: Mapping[Axis, str], *, reviewed: bool) -> dict[str, object]:
    """Return one request kind as a Cedar request."""
    context: dict[str, object] = {
        axis.value: {"__entity": _uid(name, kind[axis])} for axis, name in CONTEXT_TYPES.items()
    }
    return {
        "principal": _uid(_AGENCY, kind[Axis.AGENCY]),
        "action": _uid("Action", kind[Axis.MESSAGE_KEY]),
        "resource": _uid(_CLASS, kind[Axis.DATA_CLASS]),
        "context": {**context, "reviewed": reviewed},
    }


def agencies_named(rules: Iterable[Rule]) -> frozenset[str]:
    """Return every agency and family that rules name: Cedar's validator does not know them."""
    return frozenset(
        value
        for rule in rules
        for condition in (rule.when, *rule.unless)
        for value in condition.agency
    )


def unknown_agencies(rules: Iterable[Rule], askers: Iterable[Asker]) -> frozenset[str]:
    """Return the agencies and families that rules name and the directory does not list."""
    listed = {value for asker in askers for value in agency_values(asker.ori, asker.family)}
    return agencies_named(rules) - listed


def _policy(rule: Rule) -> str:
    notes = {
        "id": rule.id,
        "effect": rule.effect.value,
        "statute": rule.statute.cite,
        "mark": rule.statute.mark.value,
        "sentence": rule.sentence,
        "obligations": ",".join(rule.obligations),
    }
    lines = [f"@{name}({_quoted(value)})" for name, value in notes.items()]
    lines.append(f"{_HEADS[rule.effect]} (principal, action, resource)")
    lines.append(f"when {{ {_condition(rule.when)} }}")
    lines += [f"unless {{ {_condition(exception)} }}" for exception in rule.unless]
    if rule.effect is Outcome.HOLD:
        lines.append("unless { context.reviewed }")
    return "\n".join(lines) + ";\n"


def _condition(condition: Condition) -> str:
    terms = [_term(axis, values) for axis, values in condition.terms()]
    return " && ".join(terms) or "true"


def _term(axis: Axis, values: tuple[str, ...]) -> str:
    if axis is Axis.AGENCY:
        options = [f"principal in {_AGENCY}::{_quoted(value)}" for value in values]
    elif axis is Axis.MESSAGE_KEY:
        options = [f"action == Action::{_quoted(value)}" for value in values]
    elif axis is Axis.DATA_CLASS:
        options = [f"resource == {_CLASS}::{_quoted(value)}" for value in values]
    else:
        name = CONTEXT_TYPES[axis]
        options = [f"context.{axis} == {name}::{_quoted(value)}" for value in values]
    return _any_of(options)


def _any_of(options: Sequence[str]) -> str:
    """Return an OR; a long one in groups, for each term nests in the one behind it when read."""
    if len(options) == 1:
        return options[0]
    if len(options) > _OPTIONS_MAX:
        starts = range(0, len(options), _OPTIONS_MAX)
        options = [_any_of(options[start : start + _OPTIONS_MAX]) for start in starts]
    return f"({' || '.join(options)})"


def _enum(name: str, axis: Axis) -> str:
    return f"entity {name} enum [{', '.join(map(_quoted, AXIS_VALUES[axis]))}];"


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def _quoted(text: str) -> str:
    # Rules are printable ASCII, so that only these two have to be escaped.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
