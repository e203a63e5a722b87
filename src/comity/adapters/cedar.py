"""Cedar as the referee: it evaluates the published text, and reads the rules back out of it.

# INVARIANT (fail-closed): Cedar skips a policy that errors, which would release what that policy
# forbids. So the schema is always given, which refuses such a request, and any error denies.

Guarantee: `rules` takes text that says what rule records can say and refuses everything else with
the policy named; the library's validator does not know agencies, which the gate holds against the
directory. Source: docs/adr/0027-proofs.md; cedarpy 4.12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import copy
from functools import partial
from typing import Any, Final

from cedarpy import (
    Entities,
    PolicySet,
    Schema,
    is_authorized_batch,
    policies_to_pst,
    pst,
    validate_policies,
)

from comity.adapters.errors import CedarError
from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy.axis import Axis
from comity.policy.cedar import CONTEXT_TYPES, cedar_entities, cedar_request, cedar_schema
from comity.policy.check import value_order
from comity.policy.rule import NO_CONDITION, Condition
from comity.policy.space import Asker, RequestKind
from comity.ports import ReadRule, Ruling

__all__ = ["CedarReferee"]

_AXIS_OF_TYPE: Final = {name: axis for axis, name in CONTEXT_TYPES.items()} | {
    "Agency": Axis.AGENCY,
    "Action": Axis.MESSAGE_KEY,
    "DataClass": Axis.DATA_CLASS,
}
_SUBJECTS: Final = {
    "principal": Axis.AGENCY,
    "action": Axis.MESSAGE_KEY,
    "resource": Axis.DATA_CLASS,
}
_OPERATORS: Final = {Axis.AGENCY: "in"}
_REVIEWED: Final = "reviewed"
_NESTING_MAX: Final = 400
"""How deep an expression may nest; the library's own stack ends at about 600 brackets."""
_TOO_DEEP: Final = "cedar refuses the text: its expressions nest too deep, or go on for too long"
# A string or a comment (one that does not end takes all the rest), a bracket, an end, an operator.
_TOKEN: Final = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*"?|//[^\n]*+|[][(){};]|[&|+*!<>=.-]|\b(?:if|in|is|has|like)\b',
    re.DOTALL,
)


class CedarReferee:
    """One rule set in Cedar, over the agencies of a directory."""

    def __init__(self, text: str, askers: Sequence[Asker]) -> None:
        """Parse and validate the text. Raises: CedarError."""
        schema = cedar_schema()
        _check_nesting(text)
        try:
            found = validate_policies(text, schema)
            if not found.validation_passed:
                raise CedarError(f"cedar refuses the text: {found.errors[0].error}")
            self._schema = Schema.from_str(schema)
            self._policies = PolicySet.from_str(text)
            self._entities = Entities.from_json_str(cedar_entities(askers), schema=self._schema)
        except ValueError as error:
            raise CedarError("cedar cannot read the text") from error
        self._text = text

    def over(self, askers: Sequence[Asker]) -> CedarReferee:
        """Return the referee of the same text, parsed once, over other agencies."""
        other = copy(self)
        try:
            entities = Entities.from_json_str(cedar_entities(askers), schema=self._schema)
        except ValueError as error:
            raise CedarError("cedar cannot read the agencies") from error
        other._entities = entities  # noqa: SLF001 - our own copy
        return other

    @property
    def text(self) -> str:
        """The rules as published."""
        return self._text

    def rules(self) -> tuple[ReadRule, ...]:
        """Return the rules that stand in the text. Raises: CedarError, with the rule named."""
        try:
            policies = policies_to_pst(self._text)
        except ValueError as error:
            raise CedarError(_TOO_DEEP) from error
        if policies.templates:
            raise CedarError("a template is not a rule")
        found = tuple(_read(policy) for policy in policies.static_policies.values())
        if len({rule.id for rule in found}) != len(found):
            raise CedarError("two rules have one `@id`")
        return found

    def rule_on(self, kinds: Sequence[RequestKind]) -> list[Ruling]:
        """Return what the text says to each request kind, in order."""
        requests = [
            cedar_request(kind, reviewed=reviewed) for kind in kinds for reviewed in (False, True)
        ]
        answers = is_authorized_batch(requests, self._policies, self._entities, schema=self._schema)
        pairs = zip(answers[::2], answers[1::2], strict=True)
        return [_ruling(plain, after) for plain, after in pairs]


def _check_nesting(text: str) -> None:
    """Refuse what could nest deeper than the library's stack, which would end the process.

    Each operator may nest in the next one of its bracket: they count as if they did.
    Raises: CedarError.
    """
    nested, counts = 0, [0]
    for found in _TOKEN.finditer(text):
        piece = found[0]
        if piece in "([{":
            counts.append(1)
            nested += 1
        elif piece in ")]}" and len(counts) > 1:
            nested -= counts.pop()
        elif piece == ";":
            nested, counts = 0, [0]
        elif piece[0] != '"' and not piece.startswith("//"):
            counts[-1] += 1
            nested += 1
        if nested > _NESTING_MAX:
            raise CedarError(_TOO_DEEP)


def _ruling(plain: Any, after: Any) -> Ruling:
    errors = (*plain.diagnostics.errors, *after.diagnostics.errors)
    if errors:
        nobody = frozenset[RuleId]()
        return Ruling(
            outcome=Outcome.DENY,
            rules=nobody,
            reviewed=Outcome.DENY,
            reviewed_rules=nobody,
            errors=tuple(map(str, errors)),
        )
    ids, ids_after = _ids(plain), _ids(after)
    unreviewed = Outcome.HOLD if after.allowed else Outcome.DENY
    outcome = Outcome.RELEASE if plain.allowed else unreviewed
    return Ruling(
        outcome=outcome,
        # What denies also after a review is what denies: holds are satisfied by then.
        rules=ids_after if outcome is Outcome.DENY else ids,
        reviewed=Outcome.RELEASE if after.allowed else Outcome.DENY,
        reviewed_rules=ids_after,
    )


def _ids(answer: Any) -> frozenset[RuleId]:
    return frozenset(map(RuleId, answer.diagnostics.id_annotations_by_reason.values()))


def _read(policy: Any) -> ReadRule:
    name = policy.annotations.get("id")
    if not name:
        raise CedarError("a rule has no `@id`")
    try:
        return _read_named(RuleId(name), policy)
    except _BeyondError as error:
        raise CedarError(f"rule {name}: {error} is more than a rule record can say") from None


class _BeyondError(Exception):
    """A clause says something that no rule record says."""


def _read_named(name: RuleId, policy: Any) -> ReadRule:
    when: dict[Axis, tuple[str, ...]] = {}
    for axis, scope in zip(
        _SUBJECTS.values(), (policy.principal, policy.action, policy.resource), strict=True
    ):
        values = _scope(scope, axis)
        if values:
            when[axis] = values
    unless: list[Condition] = []
    is_review = False
    for clause in policy.clauses:
        if isinstance(clause, pst.When):
            _join(when, _terms(clause.expr))
        elif _is_reviewed(clause.expr):
            is_review = True
        else:
            unless.append(_condition(_terms(clause.expr)))
    if policy.effect == "permit":
        if is_review:
            raise _BeyondError("a release that a review ends")
        effect = Outcome.RELEASE
    else:
        effect = Outcome.HOLD if is_review else Outcome.DENY
    return ReadRule(id=name, effect=effect, when=_condition(when), unless=tuple(unless))


def _scope(scope: Any, axis: Axis) -> tuple[str, ...]:
    if isinstance(scope, pst.ScopeAny):
        return ()
    raise _BeyondError(f"a scope on `{axis}`")


def _is_reviewed(expression: Any) -> bool:
    return (
        isinstance(expression, pst.GetAttr)
        and isinstance(expression.base, pst.Var)
        and expression.base.name == "context"
        and expression.attr == _REVIEWED
    )


def _terms(expression: Any) -> dict[Axis, tuple[str, ...]]:
    """Return the values of each axis that an AND of "is one of" names."""
    found: dict[Axis, tuple[str, ...]] = {}
    for part in _split(expression, "and"):
        if isinstance(part, pst.BoolLit) and part.value:
            continue
        options = [_value(option) for option in _split(part, "or")]
        axes = {axis for axis, _ in options}
        if len(axes) != 1:
            raise _BeyondError("an OR over several axes")
        _join(found, {axes.pop(): tuple(value for _, value in options)})
    return found


def _join(found: dict[Axis, tuple[str, ...]], further: dict[Axis, tuple[str, ...]]) -> None:
    for axis, values in further.items():
        if axis in found:
            raise _BeyondError(f"`{axis}` twice in one condition")
        found[axis] = values


def _split(expression: Any, operator: str) -> Iterator[Any]:
    if isinstance(expression, pst.BinaryOp) and expression.op == operator:
        yield from _split(expression.left, operator)
        yield from _split(expression.right, operator)
    else:
        yield expression


def _value(option: Any) -> tuple[Axis, str]:
    """Return the axis and the value of one comparison."""
    if not isinstance(option, pst.BinaryOp) or not isinstance(option.right, pst.EntityLit):
        raise _BeyondError("a clause that is no comparison with a value")
    axis = _AXIS_OF_TYPE.get(option.right.value.type.basename)
    if axis is None or axis is not _subject(option.left):
        raise _BeyondError("a comparison of two different things")
    if option.op != _OPERATORS.get(axis, "eq"):
        raise _BeyondError(f"`{option.op}` on `{axis}`")
    return axis, option.right.value.id


def _subject(expression: Any) -> Axis | None:
    if isinstance(expression, pst.Var):
        return _SUBJECTS.get(expression.name)
    if isinstance(expression, pst.GetAttr) and isinstance(expression.base, pst.Var):
        named = expression.attr if expression.base.name == "context" else ""
        return Axis(named) if named in {axis.value for axis in CONTEXT_TYPES} else None
    return None


def _condition(terms: dict[Axis, tuple[str, ...]]) -> Condition:
    if not terms:
        return NO_CONDITION
    ordered: Any = {
        axis.value: tuple(sorted(values, key=partial(value_order, axis)))
        for axis, values in terms.items()
    }
    return Condition(**ordered)
