"""z3 as the second prover: a guarantee holds if no request can break it, or z3 shows one.

    1. each value of each axis is a truth value of its own, and exactly one of an axis is true
    2. agencies that share family and type, and that no condition names, are one value
    3. a key goes with the classes that it asks for and the kinds of record that it may find
    4. asked is: can anything be released that the guarantee speaks of?

Nothing here comes from the boxes, masks or counts of `comity.policy`: what both say is found twice.
Measured against integers and bit-vectors, 46 rules, 353 agencies: half the time of either.

# INVARIANT (fail-closed): a time limit, an unknown answer or any fault of z3 is `undecided`.
Source: docs/adr/0032-second-proof-and-certificates.md; z3-solver 5.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import z3

from comity.domain.keys import KEYS, asked_classes, key_row
from comity.domain.vocabulary import DataClass, Outcome, RecordKind
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.families import is_ori
from comity.policy.rule import Condition, Guarantee, Rule
from comity.policy.space import Asker
from comity.ports import Finding, Solved

__all__ = ["SOLVER_MS_MAX", "Z3Solver"]

SOLVER_MS_MAX: Final = 10_000
"""How long z3 may think about one guarantee."""


class Z3Solver:
    """One rule set over the agencies of a directory; asked by one thread at a time."""

    def __init__(
        self, rules: Sequence[Rule], askers: Sequence[Asker], *, ms_max: int = SOLVER_MS_MAX
    ) -> None:
        self._rules = tuple(rules)
        self._askers = tuple(askers)
        self._ms_max = ms_max
        self._encoded: dict[frozenset[str], _Encoded] = {}

    def find(self, guarantee: Guarantee) -> Finding:
        """Say whether a guarantee holds over every request that can be made; never raises."""
        if not self._askers:
            return Finding(verdict=Solved.HOLDS)  # nobody can ask
        try:
            named = frozenset(_named((guarantee.when, *guarantee.unless)))
            if named not in self._encoded:
                self._encoded[named] = _Encoded(self._rules, self._askers, named, self._ms_max)
            return self._encoded[named].find(guarantee)
        except (z3.Z3Exception, KeyError, ValueError) as error:
            return Finding(verdict=Solved.UNDECIDED, why=f"z3 failed: {type(error).__name__}")


class _Encoded:
    """Rules over requests as truth values: one for each value of each axis, and no other."""

    def __init__(
        self, rules: Sequence[Rule], askers: Sequence[Asker], named: frozenset[str], ms_max: int
    ) -> None:
        # A context of its own: z3's common one is not for several threads.
        self.context = z3.Context()
        of_rules = _named(each for rule in rules for each in (rule.when, *rule.unless))
        self._askers = _told_apart(askers, named.union(of_rules))
        self._agency = [self._truth(f"agency {asker.ori}") for asker in self._askers]
        self._values = {
            axis: {value: self._truth(f"{axis} {value}") for value in values}
            for axis, values in AXIS_VALUES.items()
            if axis is not Axis.AGENCY_TYPE
        }
        effects: dict[Outcome, list[Any]] = {outcome: [] for outcome in Outcome}
        for rule in rules:
            effects[rule.effect].append(self._applies(rule.when, rule.unless))
        self._held = self._any(effects[Outcome.HOLD])
        self._solver = z3.Solver(ctx=self.context)
        self._solver.set("timeout", ms_max)
        self._solver.add(*self._can_be_asked(), self._any(effects[Outcome.RELEASE]))
        self._solver.add(z3.Not(self._any(effects[Outcome.DENY])))

    def find(self, guarantee: Guarantee) -> Finding:
        """Say whether a request can be released against a guarantee."""
        broken = [self._applies(guarantee.when, guarantee.unless)]
        if not guarantee.reviewed:
            broken.append(z3.Not(self._held))
        self._solver.push()
        try:
            self._solver.add(*broken)
            answer = self._solver.check()
            if answer == z3.unsat:
                return Finding(verdict=Solved.HOLDS)
            if answer == z3.sat:
                return Finding(verdict=Solved.BROKEN, witness=self._witness(self._solver.model()))
            why = f"z3 says unknown: {self._solver.reason_unknown()}"
            return Finding(verdict=Solved.UNDECIDED, why=why)
        finally:
            self._solver.pop()

    def _truth(self, name: str) -> Any:
        return z3.Bool(name, self.context)

    def _can_be_asked(self) -> list[Any]:
        """Return what is so of every request."""
        axes = [self._agency, *(list(values.values()) for values in self._values.values())]
        exactly_one = [z3.PbEq([(each, 1) for each in truths], 1) for truths in axes]
        together: dict[tuple[frozenset[str], frozenset[str]], list[str]] = {}
        for key, row in KEYS.items():
            if not row.is_response:
                # A record that its source has as text alone is opaque, whatever was asked for.
                classes = frozenset({*asked_classes(key, image=True), DataClass.OPAQUE})
                kinds = frozenset({*key_row(key).kinds, RecordKind.OTHER})
                together.setdefault((classes, kinds), []).append(key)
        go_together = [
            z3.And(
                self._among(Axis.MESSAGE_KEY, keys),
                self._among(Axis.DATA_CLASS, classes),
                self._among(Axis.RECORD_KIND, kinds),
            )
            for (classes, kinds), keys in together.items()
        ]
        return [*exactly_one, self._any(go_together)]

    def _witness(self, model: Any) -> dict[Axis, str]:
        """Return the request of a model, by axis."""
        asker = self._askers[[_is_true(model, each) for each in self._agency].index(True)]
        found = {Axis.AGENCY: str(asker.ori), Axis.AGENCY_TYPE: asker.type.value}
        for axis, truths in self._values.items():
            found[axis] = next(value for value, each in truths.items() if _is_true(model, each))
        return {axis: found[axis] for axis in Axis}

    def _applies(self, when: Condition, unless: Iterable[Condition]) -> Any:
        return z3.And([self._meets(when), *(z3.Not(self._meets(each)) for each in unless)])

    def _meets(self, condition: Condition) -> Any:
        terms = [self._among(axis, values) for axis, values in condition.terms()]
        return z3.And(terms) if terms else z3.BoolVal(True, self.context)

    def _among(self, axis: Axis, values: Iterable[str]) -> Any:
        wanted = frozenset(values)
        if axis is Axis.AGENCY:
            return self._of_agencies(asker.ori in wanted or _is_below(asker.family, wanted)
                                     for asker in self._askers)  # fmt: skip
        if axis is Axis.AGENCY_TYPE:
            return self._of_agencies(asker.type in wanted for asker in self._askers)
        return self._any(self._values[axis][value] for value in wanted)

    def _of_agencies(self, meant: Iterable[bool]) -> Any:
        return self._any(t for t, is_meant in zip(self._agency, meant, strict=True) if is_meant)

    def _any(self, truths: Iterable[Any]) -> Any:
        listed = list(truths)
        return z3.Or(listed) if listed else z3.BoolVal(False, self.context)


def _named(conditions: Iterable[Condition]) -> set[str]:
    """Return the agencies that conditions name, one by one; families are no matter here."""
    return {name for each in conditions for name in each.agency if is_ori(name)}


def _told_apart(askers: Iterable[Asker], named: frozenset[str]) -> list[Asker]:
    """Return one agency for all of one family and type, and each that is named by its ORI."""
    found: dict[tuple[str, ...], Asker] = {}
    for asker in askers:
        own = asker.ori if asker.ori in named else ""
        found.setdefault((own, asker.family, asker.type), asker)
    return list(found.values())


def _is_below(family: str, wanted: frozenset[str]) -> bool:
    return any(f"{family}/".startswith(f"{above}/") for above in wanted)


def _is_true(model: Any, truth: Any) -> bool:
    return bool(z3.is_true(model.eval(truth, model_completion=True)))
