"""The answering state's step: an exchange, a policy and a record become one answer and its leaves.

The decision is taken class by class and record kind by record kind before anything is looked up;
the record's kind then selects. What is withheld never enters the answer. Source:
docs/release-cycle.md, steps 4-6; docs/adr/0002 (which leaves), docs/adr/0007 (what is said).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, assert_never

import msgspec

from comity.domain.answer import Answer, Element, HoldNotice, ResponseKind, Withheld
from comity.domain.decision import ClassDecision, Facts, Reason, RuleId
from comity.domain.ids import entry_name
from comity.domain.keys import MessageKey, asked_classes, key_row, response_key
from comity.domain.leaf import LeafHeader
from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, Outcome, RecordKind
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf, outcome_header
from comity.exchange.private import exchange_fields, payload_of
from comity.policy import CompiledPolicy, Obligation

__all__ = [
    "MANY_MATCHES",
    "Answered",
    "Found",
    "HoldFile",
    "Judged",
    "answer_exchange",
    "asked_kinds",
    "judge",
    "needs_look_up",
]

MANY_MATCHES: Final = "MORE THAN ONE RECORD MATCHES - ASK BY NUMBER"
_NO_KINDS: Final = (RecordKind.OTHER,)
_SEVERITY: Final = {Outcome.RELEASE: 0, Outcome.HOLD: 1, Outcome.DENY: 2}
_OBLIGATIONS: Final = frozenset(Obligation)
_UNMET: Final = Reason(
    rule=RuleId("UNMET-OBLIGATION"),
    sentence="A rule asks that something be done with this which this gateway cannot do.",
)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A record as the source gave it, every class included."""

    kind: RecordKind
    elements: tuple[Element, ...]
    matches: int = 1


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy decided about an exchange before any look-up: one row per record kind."""

    exchange: Exchange
    facts: Facts
    policy: int
    kinds: tuple[RecordKind, ...]
    rows: tuple[tuple[ClassDecision, ...], ...]


class HoldFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer needs of a hold; kept encrypted beside its row."""

    exchange: Exchange
    classes: tuple[DataClass, ...]
    withheld: tuple[Withheld, ...]
    opened_at: int
    until: int


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, the leaves that must be durable before it leaves, and the hold it opens."""

    answer: Answer
    leaves: tuple[WantedLeaf, ...]
    policy: int
    hold: HoldFile | None = None


def asked_kinds(key: MessageKey) -> tuple[RecordKind, ...]:
    """Return the record kinds to decide for; a source's unknown kind is decided as `other`."""
    return (*key_row(key).kinds, RecordKind.OTHER) if key_row(key).kinds else _NO_KINDS


def judge(
    exchange: Exchange,
    facts: Facts,
    policy: CompiledPolicy,
    index: int,
    *,
    classes: tuple[DataClass, ...] | None = None,
    reviewed: bool = False,
) -> Judged:
    """Return what the policy decides for every class asked for and every kind of record.

    `classes` (at least one) narrows to those under review. # INVARIANT (review-is-verified): the
    caller sets `reviewed` only for a verdict whose signature it verified.
    """
    wanted = asked_classes(exchange.key, image=exchange.wants_image)
    if classes is not None:
        # In the key's own order: what comes first decides whether "no record" may be told.
        wanted = tuple(c for c in wanted if c in classes)
    assert wanted
    kinds = asked_kinds(exchange.key)
    table = policy.table(facts, wanted, kinds, reviewed=reviewed)
    return Judged(exchange=exchange, facts=facts, policy=index, kinds=kinds, rows=table.rows)


def needs_look_up(judged: Judged) -> bool:
    """Say whether the outcome depends on the record: something is released, or kinds differ."""
    first = tuple(decision.outcome for decision in judged.rows[0])
    return any(
        decision.outcome is Outcome.RELEASE or decision.outcome is not outcome
        for row in judged.rows
        for decision, outcome in zip(row, first, strict=True)
    )


def answer_exchange(
    judged: Judged,
    found: Found | None,
    *,
    now: int,
    hold_until: int,
    contact: str,
    step: int = 0,
    after: WantedLeaf | None = None,
    remark: str = "",
) -> Answered:
    """Return the answer to an exchange after its look-up, or without one where none was needed.

    `found` None with a look-up done means no record; `step` is the next free one of the exchange;
    `after` is the verdict leaf that this follows and cites.
    """
    decisions = _select(judged, found)
    terms = _Terms(
        now=now, hold_until=hold_until, contact=contact, step=step, after=after, remark=remark
    )
    if found is None and _tells_no_record(judged, decisions):
        return _no_record(judged, terms)
    if found is None:
        decisions = _without_release(decisions)
    return _outcome(judged, found, _sides(decisions), terms)


class _Terms(msgspec.Struct, frozen=True, kw_only=True):
    now: int
    hold_until: int
    contact: str
    step: int
    after: WantedLeaf | None
    remark: str

    @property
    def hour(self) -> int:
        return self.now // HOUR_SECONDS

    @property
    def before(self) -> tuple[WantedLeaf, ...]:
        """The leaves that stand before this answer's own."""
        return () if self.after is None else (self.after,)

    @property
    def first_step(self) -> int:
        """The step of the answer's own first leaf."""
        return self.step + len(self.before)


_Sides = dict[Outcome, tuple[ClassDecision, ...]]


def _select(judged: Judged, found: Found | None) -> tuple[ClassDecision, ...]:
    """Return the row of the record's kind; without a record, the strictest of each class."""
    if found is not None:
        kind = found.kind if found.kind in judged.kinds else RecordKind.OTHER
        return tuple(_gated(d) for d in judged.rows[judged.kinds.index(kind)])
    # `other` is what an unknown record would be; it does not count where there is no record.
    rows = judged.rows[:-1] or judged.rows
    strictest = (
        max(column, key=lambda d: _SEVERITY[d.outcome]) for column in zip(*rows, strict=True)
    )
    return tuple(_gated(decision) for decision in strictest)


def _gated(decision: ClassDecision) -> ClassDecision:
    # INVARIANT (fail-closed): an obligation that nobody here can meet releases nothing.
    if decision.outcome is not Outcome.RELEASE or _OBLIGATIONS.issuperset(decision.obligations):
        return decision
    return msgspec.structs.replace(
        decision, outcome=Outcome.DENY, reasons=(_UNMET,), would_change=""
    )


def _sides(decisions: Sequence[ClassDecision]) -> _Sides:
    sides: dict[Outcome, list[ClassDecision]] = {}
    for decision in decisions:
        sides.setdefault(decision.outcome, []).append(decision)
    return {outcome: tuple(rows) for outcome, rows in sides.items()}


def _without_release(decisions: Sequence[ClassDecision]) -> tuple[ClassDecision, ...]:
    """Return the decisions where there is no record to release: what would be goes with the first.

    That no record exists is itself told only where the key's first class would be released for
    every kind; else all that would be released waits, or is refused, with that class and for its
    reasons.
    """
    first = decisions[0]
    return tuple(
        msgspec.structs.replace(
            d, outcome=first.outcome, reasons=first.reasons, would_change=first.would_change
        )
        if d.outcome is Outcome.RELEASE
        else d
        for d in decisions
    )


def _tells_no_record(judged: Judged, decisions: Sequence[ClassDecision]) -> bool:
    return needs_look_up(judged) and decisions[0].outcome is Outcome.RELEASE


def _no_record(judged: Judged, terms: _Terms) -> Answered:
    exchange = judged.exchange
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=terms.step,
        key=response_key(exchange.key),
        response=ResponseKind.NO_HIT,
        is_final=True,
        remark=terms.remark,
        policy_entry=entry_name(exchange.state, judged.policy),
    )
    header = outcome_header(
        exchange,
        kind=LeafKind.DISCLOSURE,
        decision=LeafDecision.RELEASE,
        policy=judged.policy,
        hour=terms.hour,
        released=(),
        withheld=(),
        result="none",
    )
    leaf = WantedLeaf(
        step=terms.first_step,
        header=header,
        fields=exchange_fields(exchange, payload_hash=sha256(payload_of(answer)).digest()),
        cites_previous=terms.after is not None,
    )
    return Answered(answer=answer, leaves=(*terms.before, leaf), policy=judged.policy)


def _outcome(judged: Judged, found: Found | None, sides: _Sides, terms: _Terms) -> Answered:
    exchange = judged.exchange
    released = frozenset(d.data_class for d in sides.get(Outcome.RELEASE, ()))
    held = sides.get(Outcome.HOLD, ())
    denied = sides.get(Outcome.DENY, ())
    many = found is not None and found.matches > 1
    elements: tuple[Element, ...] = ()
    if found is not None and not many:
        # INVARIANT (withheld-never-rendered): only released classes are copied out of the record.
        elements = tuple(e for e in found.elements if e.data_class in released)
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=terms.step,
        key=response_key(exchange.key),
        response=_response(bool(released), bool(held)),
        is_final=not held,
        record_kind=found.kind if found is not None and released and not many else None,
        elements=elements,
        withheld=tuple(_withheld(d) for d in (*denied, *held)),
        hold=HoldNotice(until=terms.hold_until, contact=terms.contact, entry="") if held else None,
        remark=_remark(terms.remark, is_many=many and bool(released)),
        policy_entry=entry_name(exchange.state, judged.policy),
    )
    leaves = _leaves(judged, answer, sides, terms)
    return Answered(
        answer=answer,
        leaves=leaves,
        policy=judged.policy,
        hold=_hold_file(exchange, held, terms) if held else None,
    )


def _remark(said: str, *, is_many: bool) -> str:
    if not is_many:
        return said
    return f"{MANY_MATCHES} - {said}" if said else MANY_MATCHES


def _response(is_released: bool, is_held: bool) -> ResponseKind:
    if is_released:
        return ResponseKind.HIT
    return ResponseKind.HELD if is_held else ResponseKind.REFUSED


def _withheld(decision: ClassDecision) -> Withheld:
    return Withheld(
        data_class=decision.data_class,
        outcome=decision.outcome,
        reasons=decision.reasons,
        would_change=decision.would_change,
    )


def _hold_file(exchange: Exchange, held: Sequence[ClassDecision], terms: _Terms) -> HoldFile:
    return HoldFile(
        exchange=exchange,
        classes=tuple(d.data_class for d in held),
        withheld=tuple(_withheld(d) for d in held),
        opened_at=terms.now,
        until=terms.hold_until,
    )


def _leaves(judged: Judged, answer: Answer, sides: _Sides, terms: _Terms) -> tuple[WantedLeaf, ...]:
    """Return one leaf for what ends now (released or denied) and one for what is held."""
    payload_hash = sha256(payload_of(answer)).digest()
    leaves: list[WantedLeaf] = [*terms.before]
    for outcome in _leaf_outcomes(sides):
        fields = exchange_fields(
            judged.exchange,
            elements=[e.name for e in answer.elements] if outcome is Outcome.RELEASE else (),
            payload_hash=payload_hash,
            rules=_rules(sides, outcome),
        )
        leaves.append(
            WantedLeaf(
                step=terms.step + len(leaves),
                header=_header(judged, answer, sides, outcome, terms.hour),
                fields=fields,
                cites_previous=bool(leaves),
            )
        )
    return tuple(leaves)


def _leaf_outcomes(sides: _Sides) -> list[Outcome]:
    """Return which leaves there are: a denial beside a release stands in the disclosure."""
    ended = next((o for o in (Outcome.RELEASE, Outcome.DENY) if o in sides), None)
    return [o for o in (ended, Outcome.HOLD if Outcome.HOLD in sides else None) if o is not None]


def _rules(sides: _Sides, outcome: Outcome) -> list[str]:
    outcomes = (Outcome.RELEASE, Outcome.DENY) if outcome is Outcome.RELEASE else (outcome,)
    decisions = (d for o in outcomes for d in sides.get(o, ()))
    return sorted({reason.rule for d in decisions for reason in d.reasons})


def _header(
    judged: Judged, answer: Answer, sides: _Sides, outcome: Outcome, hour: int
) -> LeafHeader:
    classes = {o: [d.data_class for d in rows] for o, rows in sides.items()}
    match outcome:
        case Outcome.RELEASE:
            # Only what went is named as released: a class without an element in the record is not.
            return outcome_header(
                judged.exchange,
                kind=LeafKind.DISCLOSURE,
                decision=LeafDecision.RELEASE,
                released=[e.data_class for e in answer.elements],
                withheld=classes.get(Outcome.DENY, ()),
                result="record",
                policy=judged.policy,
                hour=hour,
            )
        case Outcome.DENY:
            return outcome_header(
                judged.exchange,
                kind=LeafKind.DENIAL,
                decision=LeafDecision.DENY,
                withheld=classes[outcome],
                policy=judged.policy,
                hour=hour,
            )
        case Outcome.HOLD:
            return outcome_header(
                judged.exchange,
                kind=LeafKind.HOLD,
                decision=LeafDecision.HOLD,
                withheld=classes[outcome],
                policy=judged.policy,
                hour=hour,
            )
        case _:
            assert_never(outcome)
