"""The leaves of an answer: one for each basis of what ends now, and one for what is held.

A denial beside a release stands in the first disclosure. What rests on a case pass or an
instrument cites it.
Source: docs/adr/0002 (which leaves); docs/adr/0034-passes-and-urgent-lane.md (bases);
docs/adr/0046-instruments.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from comity.domain.answer import Answer
from comity.domain.decision import ClassDecision
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, Outcome
from comity.exchange.bases import Basis, basis_of
from comity.exchange.judged import Judged
from comity.exchange.leaves import WantedLeaf, outcome_header
from comity.exchange.noted import NOT_FIRST
from comity.exchange.private import exchange_fields, payload_of

__all__ = ["Placing", "Sides", "no_record_leaf", "outcome_leaves"]

Sides = Mapping[Outcome, tuple[ClassDecision, ...]]
"""The decisions of an answer by their outcome."""

_KINDS: Final = {
    Outcome.RELEASE: (LeafKind.DISCLOSURE, LeafDecision.RELEASE),
    Outcome.DENY: (LeafKind.DENIAL, LeafDecision.DENY),
    Outcome.HOLD: (LeafKind.HOLD, LeafDecision.HOLD),
}


class Placing(NamedTuple):
    """Where an answer's own leaves stand: behind a verdict's or first, from this step, at an hour.

    `before` are the leaves that stand before them; `noted` is for the first of the exchange.
    """

    before: tuple[WantedLeaf, ...]
    step: int
    hour: int
    noted: str

    def noted_at(self, step: int) -> str:
        """Return what is noted beside the leaf of a step."""
        return NOT_FIRST if step else self.noted


class _Part(NamedTuple):
    """What one leaf says: an outcome, its decisions, and what went and what did not."""

    outcome: Outcome
    decisions: tuple[ClassDecision, ...]
    released: tuple[DataClass, ...] | None
    withheld: tuple[DataClass, ...]
    basis: Basis = Basis.RULES


def outcome_leaves(
    judged: Judged,
    answer: Answer,
    sides: Sides,
    placing: Placing,
    shown: Sequence[ClassDecision],
) -> tuple[WantedLeaf, ...]:
    """Return the leaves of an answer; `shown` are the decisions of the classes that went."""
    payload_hash = sha256(payload_of(answer)).digest()
    leaves: list[WantedLeaf] = [*placing.before]
    for part in _parts(sides, shown):
        classes = set(part.released or ())
        names = [e.name for e in answer.elements if e.data_class in classes]
        kind, decision = _KINDS[part.outcome]
        header = outcome_header(
            judged.exchange,
            kind=kind,
            decision=decision,
            released=part.released,
            withheld=part.withheld,
            result="record" if part.outcome is Outcome.RELEASE else None,
            policy=judged.policy,
            hour=placing.hour,
            cites=_paper_of(judged, part.basis),
        )
        fields = exchange_fields(
            judged.exchange,
            elements=names if part.outcome is Outcome.RELEASE else (),
            payload_hash=payload_hash,
            rules=sorted({reason.rule for d in part.decisions for reason in d.reasons}),
        )
        step = placing.step + len(leaves)
        leaves.append(
            WantedLeaf(
                step=step,
                header=header,
                fields=fields,
                noted=placing.noted_at(step),
                # What is released apart rests on nothing that stands before it.
                cites_previous=part.basis is Basis.RULES and bool(leaves),
            )
        )
    return tuple(leaves)


def no_record_leaf(judged: Judged, answer: Answer, placing: Placing, basis: Basis) -> WantedLeaf:
    """Return the leaf that says that there is no record."""
    header = outcome_header(
        judged.exchange,
        kind=LeafKind.DISCLOSURE,
        decision=LeafDecision.RELEASE,
        policy=judged.policy,
        hour=placing.hour,
        released=(),
        withheld=(),
        result="none",
        cites=_paper_of(judged, basis),
    )
    payload_hash = sha256(payload_of(answer)).digest()
    step = placing.step + len(placing.before)
    return WantedLeaf(
        step=step,
        header=header,
        noted=placing.noted_at(step),
        fields=exchange_fields(judged.exchange, payload_hash=payload_hash),
        cites_previous=bool(placing.before),
    )


def _paper_of(judged: Judged, basis: Basis) -> str | None:
    """Return the entry of the paper that a release rests on beside the rules, or None."""
    papers = {Basis.PASS: judged.case_pass, Basis.INSTRUMENT: judged.instrument}
    return papers.get(basis)


def _parts(sides: Sides, shown: Sequence[ClassDecision]) -> Iterator[_Part]:
    denied = sides.get(Outcome.DENY, ())
    withheld = tuple(d.data_class for d in denied)
    released = sides.get(Outcome.RELEASE, ())
    rests, went = _by_basis(released), _by_basis(shown)
    for basis in sorted(rests.keys() | went.keys()):
        # Only what went is named as released: a class without an element in the record is not, and
        # every class that a text shows is.
        classes = tuple(d.data_class for d in went.get(basis, ()))
        decisions = (*rests.get(basis, ()), *denied)
        yield _Part(Outcome.RELEASE, decisions, classes, withheld, basis)
        denied, withheld = (), ()
    if not released and denied:
        yield _Part(Outcome.DENY, denied, None, withheld)
    held = sides.get(Outcome.HOLD, ())
    if held:
        yield _Part(Outcome.HOLD, held, None, tuple(d.data_class for d in held))


def _by_basis(decisions: Sequence[ClassDecision]) -> dict[Basis, list[ClassDecision]]:
    found: dict[Basis, list[ClassDecision]] = {}
    for decision in decisions:
        found.setdefault(basis_of(decision), []).append(decision)
    return found
