"""The answering state's step: an exchange, a policy and a record become one answer and its leaves.

The decision is taken class by class and record kind by record kind before anything is looked up;
the record's kind then selects. What is withheld never enters the answer; a record that is free text
alone enters it whole or not at all (`free_text`). Source: docs/release-cycle.md, steps 8-9;
docs/adr/0002 (which leaves), docs/adr/0007 (what is said), docs/adr/0016 (free text).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from comity.domain.answer import FREE_TEXT, Answer, Element, HoldNotice, ResponseKind, Withheld
from comity.domain.decision import ClassDecision, Facts
from comity.domain.ids import entry_name
from comity.domain.keys import MessageKey, asked_classes, key_row, response_key
from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, LeafKind, Outcome, RecordKind
from comity.exchange.bases import (
    REVIEW_AFTER_SECONDS,
    Basis,
    basis_of,
    instrument_remark,
    pass_remark,
    urgent_remark,
)
from comity.exchange.free_text import settle_text, shown_beside
from comity.exchange.judged import (
    SEVERITY,
    Answered,
    Found,
    HoldFile,
    Judged,
    UrgentFile,
    gated,
)
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.noted import note_of
from comity.exchange.outcome_leaves import Placing, Sides, no_record_leaf, outcome_leaves
from comity.policy import CompiledPolicy

__all__ = [
    "MANY_MATCHES",
    "Answered",
    "Found",
    "HoldFile",
    "Judged",
    "answer_exchange",
    "asked_kinds",
    "is_let_through",
    "judge",
    "needs_look_up",
    "whole",
]

MANY_MATCHES: Final = "MORE THAN ONE RECORD MATCHES - ASK BY NUMBER"
_NO_KINDS: Final = (RecordKind.OTHER,)


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
    is_text: bool = False,
) -> Judged:
    """Return what the policy decides for every class asked for and every kind of record.

    `classes` (at least one) narrows to those under review. # INVARIANT (review-is-verified): the
    caller sets `reviewed` only for a verdict whose signature it verified. `is_text` says that the
    record has turned out to be free text alone: then also what its text shows beside is decided.
    """
    asked = asked_classes(exchange.key, image=exchange.wants_image)
    wanted = asked
    if classes is not None:
        # In the key's own order: what comes first decides whether "no record" may be told.
        wanted = tuple(c for c in dict.fromkeys((*asked, DataClass.OPAQUE)) if c in classes)
    assert wanted
    kinds = asked_kinds(exchange.key)
    rows = policy.table(facts, wanted, kinds, reviewed=reviewed).rows
    beside: tuple[tuple[ClassDecision, ...], ...] = ((),) * len(kinds)
    if is_text:
        unread, read = shown_beside(asked, wanted, reviewed=reviewed)
        for further, is_read in ((unread, False), (read, True)):
            if further:
                more = policy.table(facts, further, kinds, reviewed=is_read).rows
                beside = tuple((*row, *new) for row, new in zip(beside, more, strict=True))
    return Judged(
        exchange=exchange, facts=facts, policy=index, kinds=kinds, rows=rows, beside=beside
    )


def is_let_through(judged: Judged) -> bool:
    """Say whether the policy releases every class, and everything it asks for can be met here.

    Whatever acts (delivers a message, changes a directory) asks this first: a refusal that comes
    behind the act would refuse nothing.
    """
    return all(gated(d).outcome is Outcome.RELEASE for row in judged.rows for d in row)


def whole(judged: Judged) -> Judged:
    """Return what is decided of something that goes as one: the strictest decision, of any class
    and any kind of record, holds for all of it.
    """
    strictest = max(
        (gated(d) for row in judged.rows for d in row), key=lambda d: SEVERITY[d.outcome]
    )
    rows = tuple(tuple(_bound(d, strictest) for d in row) for row in judged.rows)
    return msgspec.structs.replace(judged, rows=rows, ruled=judged.ruled or judged.rows)


def _bound(decision: ClassDecision, strictest: ClassDecision) -> ClassDecision:
    if decision.outcome is strictest.outcome:
        return decision
    return msgspec.structs.replace(
        decision,
        outcome=strictest.outcome,
        reasons=strictest.reasons,
        would_change=strictest.would_change,
    )


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
    decisions = _select(judged.rows, judged.kinds, found)
    terms = _Terms(
        now=now,
        hold_until=hold_until,
        contact=contact,
        step=step,
        after=after,
        remark=remark,
        noted=_note_of(judged, found),
    )
    if found is None and _tells_no_record(judged, decisions):
        return _no_record(judged, terms, basis_of(decisions[0]))
    if found is None:
        decisions = _without_release(decisions)
    shown: tuple[ClassDecision, ...] | None = None
    if found is not None and found.text:
        beside = _select(judged.beside, judged.kinds, found)
        whole_text = (*decisions, *beside)
        decisions, classes = settle_text(decisions, beside)
        shown = tuple(d for d in whole_text if d.data_class in classes)
    return _outcome(judged, found, _sides(decisions), terms, shown)


class _Terms(msgspec.Struct, frozen=True, kw_only=True):
    now: int
    hold_until: int
    contact: str
    step: int
    after: WantedLeaf | None
    remark: str
    noted: str

    @property
    def before(self) -> tuple[WantedLeaf, ...]:
        """The leaves that stand before this answer's own."""
        return () if self.after is None else (self.after,)

    @property
    def placing(self) -> Placing:
        hour = self.now // HOUR_SECONDS
        return Placing(before=self.before, step=self.step, hour=hour, noted=self.noted)


_Rows = tuple[tuple[ClassDecision, ...], ...]


def _select(
    rows: _Rows, kinds: tuple[RecordKind, ...], found: Found | None
) -> tuple[ClassDecision, ...]:
    """Return the row of the record's kind; without a record, the strictest of each class."""
    if found is not None:
        return tuple(gated(d) for d in rows[kinds.index(_kind_of(kinds, found))])
    # `other` is what an unknown record would be; it does not count where there is no record.
    strictest = (
        # Of releases too the one that needed most: what any kind needs, all of them rest on.
        max(column, key=lambda d: (SEVERITY[d.outcome], basis_of(d)))
        for column in zip(*(rows[:-1] or rows), strict=True)
    )
    return tuple(gated(decision) for decision in strictest)


def _kind_of(kinds: tuple[RecordKind, ...], found: Found) -> RecordKind:
    return found.kind if found.kind in kinds else RecordKind.OTHER


def _note_of(judged: Judged, found: Found | None) -> str:
    # Where the outcome does not depend on the record, not even what stands behind the leaf says
    # that there is one.
    kind = None
    if found is not None and needs_look_up(judged):
        kind = _kind_of(judged.kinds, found)
    return note_of(judged.facts, image=judged.exchange.wants_image, record_kind=kind)


def _sides(decisions: Sequence[ClassDecision]) -> Sides:
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


def _no_record(judged: Judged, terms: _Terms, basis: Basis) -> Answered:
    exchange = judged.exchange
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=terms.step,
        key=response_key(exchange.key),
        response=ResponseKind.NO_HIT,
        is_final=True,
        remark=_remark(terms, judged, {basis}),
        policy_entry=entry_name(exchange.state, judged.policy),
    )
    leaf = no_record_leaf(judged, answer, terms.placing, basis)
    return _answered(judged, answer, terms, (*terms.before, leaf), basis)


def _outcome(
    judged: Judged,
    found: Found | None,
    sides: Sides,
    terms: _Terms,
    shown: tuple[ClassDecision, ...] | None,
) -> Answered:
    """Return answer and leaves; `shown` is what goes of a text, None where the record is none."""
    exchange = judged.exchange
    released = frozenset(d.data_class for d in sides.get(Outcome.RELEASE, ()))
    held = sides.get(Outcome.HOLD, ())
    denied = sides.get(Outcome.DENY, ())
    many = found is not None and found.matches > 1
    elements: tuple[Element, ...] = ()
    if found is not None and not many:
        elements = _elements(found, released, shown)
    if shown is None or not elements:
        classes = {e.data_class for e in elements}
        shown = tuple(d for d in sides.get(Outcome.RELEASE, ()) if d.data_class in classes)
    bases = {basis_of(d) for d in (*sides.get(Outcome.RELEASE, ()), *shown)}
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
        remark=_remark(terms, judged, bases, is_many=many and bool(released)),
        policy_entry=entry_name(exchange.state, judged.policy),
    )
    leaves = outcome_leaves(judged, answer, sides, terms.placing, shown)
    hold = _hold_file(judged, held, terms) if held else None
    return _answered(judged, answer, terms, leaves, *bases, hold=hold)


def _answered(
    judged: Judged,
    answer: Answer,
    terms: _Terms,
    leaves: tuple[WantedLeaf, ...],
    *bases: Basis,
    hold: HoldFile | None = None,
) -> Answered:
    """Return an answer with what follows from the bases of its releases."""
    return Answered(
        answer=answer,
        leaves=leaves,
        policy=judged.policy,
        hold=hold,
        urgent=_urgent_file(judged, leaves, terms) if Basis.URGENT in bases else None,
        case_pass=judged.case_pass if Basis.PASS in bases else "",
        instrument=judged.instrument if Basis.INSTRUMENT in bases else "",
    )


def _urgent_file(judged: Judged, leaves: tuple[WantedLeaf, ...], terms: _Terms) -> UrgentFile:
    # The leaf that cites nothing and stands behind what the rules alone release.
    leaf = [
        leaf
        for leaf in leaves
        if leaf.header.kind is LeafKind.DISCLOSURE and leaf.header.cites is None
    ][-1]
    return UrgentFile(
        exchange=judged.exchange,
        classes=leaf.header.released or (),
        step=leaf.step,
        released_at=terms.now,
        due=terms.now + REVIEW_AFTER_SECONDS,
    )


def _elements(
    found: Found, released: frozenset[DataClass], shown: tuple[ClassDecision, ...] | None
) -> tuple[Element, ...]:
    # INVARIANT (withheld-never-rendered): only released classes are copied out of the record, and
    # of a text all or nothing.
    if shown is None:
        return tuple(e for e in found.elements if e.data_class in released)
    if not shown:
        return ()
    return (Element(data_class=DataClass.OPAQUE, name=FREE_TEXT, value=found.text),)


def _remark(
    terms: _Terms, judged: Judged, bases: Collection[Basis], *, is_many: bool = False
) -> str:
    """Return what a requester is told beside the record, in one line."""
    said = (
        MANY_MATCHES if is_many else "",
        urgent_remark(terms.contact) if Basis.URGENT in bases else "",
        pass_remark(judged.case_pass) if Basis.PASS in bases else "",
        instrument_remark(judged.instrument) if Basis.INSTRUMENT in bases else "",
        terms.remark,
    )
    return " - ".join(filter(None, said))


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


def _hold_file(judged: Judged, held: Sequence[ClassDecision], terms: _Terms) -> HoldFile:
    return HoldFile(
        exchange=judged.exchange,
        classes=tuple(d.data_class for d in held),
        withheld=tuple(_withheld(d) for d in held),
        opened_at=terms.now,
        until=terms.hold_until,
        budget=judged.facts.budget,
    )
