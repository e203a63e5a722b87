"""A compiled policy: from the facts of an exchange to one decision per data class and record kind.

One look-up per axis and a few ANDs give a mask; the memo holds the finished answer for that mask.
The memo is bounded: at `MEMO_MASKS_MAX` entries it is emptied and fills again, which costs each
mask one more settling (tens of microseconds) and changes no answer. It is keyed by mask, never by
request: what is sent cannot make it grow beyond what the rules tell apart.

# INVARIANT (fail-closed): an unlisted agency, an unknown key, class, kind or value is denied.
# INVARIANT (review-is-verified): `reviewed` is the caller's word that the service has verified a
# verdict for this exchange; nothing here can know it.

Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from comity.domain.decision import ClassDecision, Facts, Reason
from comity.domain.ids import Member
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    BudgetState,
    Certification,
    DataClass,
    Direction,
    Emergency,
    FanOut,
    Offence,
    Outcome,
    Purpose,
    RecordKind,
    TimeBand,
)
from comity.policy.axis import Axis
from comity.policy.change import find_changes, sentence_of_changes
from comity.policy.check import NO_RULE, UNKNOWN_VALUE, UNLISTED_AGENCY
from comity.policy.english import sentence_of, statute_of
from comity.policy.masks import MaskTable, relevant_bits
from comity.policy.rule import Obligation, PolicyBundle, Rule
from comity.policy.settle import Settled, settle

__all__ = ["JOINED_AXES", "MEMO_MASKS_MAX", "CompiledPolicy", "DecisionTable"]

MEMO_MASKS_MAX: Final = 8_192
"""Entries of each memo; about 2 KB each at 40 rules, 10 KB at 400 when every request is strange."""

JOINED_AXES: Final = (
    (Axis.AGENCY_TYPE, Axis.CERTIFICATION, Axis.ASSURANCE),
    (Axis.PURPOSE, Axis.OFFENCE),
    (Axis.FAN_OUT, Axis.EMERGENCY, Axis.TIME_BAND),
    (Axis.BUDGET, Axis.DIRECTION),
)
"""Axes whose masks are joined beforehand: one look-up is cheaper than an AND."""

_STRICTNESS: Final = {Outcome.RELEASE: 0, Outcome.HOLD: 1, Outcome.DENY: 2}
_AFTER: Final = Obligation.REVIEW_AFTER
_NO_KIND: Final = (RecordKind.OTHER,)
_NO_RULE: Final = Reason(rule=NO_RULE, sentence="No rule of this state releases this.")
_UNLISTED: Final = Reason(
    rule=UNLISTED_AGENCY, sentence="The agency that asks is not listed in the directory."
)
_UNKNOWN: Final = Reason(
    rule=UNKNOWN_VALUE, sentence="The query has a value that this state's rules do not know."
)

_Memo = dict[tuple[int, tuple[DataClass, ...], tuple[RecordKind, ...]], "DecisionTable"]
_ByWho = dict[AgencyType, dict[Certification, dict[Assurance, int]]]
_ByWhy = dict[Purpose, dict[Offence, int]]
_ByHow = dict[FanOut, dict[Emergency, dict[TimeBand, int]]]
_ByCount = dict[BudgetState, dict[Direction, int]]


class DecisionTable(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions for every class asked and every kind of record that may be found.

    `rows` has one row per kind, each in the order of `classes`; `cells` is the same in one piece.
    `no_record` is the decision for
    saying that there is no record: the strictest, over the kinds, for the first class asked, so
    that a refusal never tells that there is a record. `mildest` is the mildest outcome of all: a
    table whose mildest is `deny` needs no look-up.
    """

    classes: tuple[DataClass, ...]
    kinds: tuple[RecordKind, ...]
    rows: tuple[tuple[ClassDecision, ...], ...]
    cells: tuple[ClassDecision, ...]
    no_record: ClassDecision
    mildest: Outcome

    def row(self, kind: RecordKind) -> tuple[ClassDecision, ...]:
        """Return the decisions for a record of this kind, one per class asked.

        A kind that was not asked about is denied.
        """
        try:
            return self.rows[self.kinds.index(kind)]
        except ValueError:
            return tuple(_denied(data_class, kind, _UNKNOWN) for data_class in self.classes)

    def of(self, kind: RecordKind, data_class: DataClass) -> ClassDecision:
        """Return one decision; a class or kind that was not asked about is denied."""
        for decision in self.row(kind):
            if decision.data_class == data_class:
                return decision
        return _denied(data_class, kind, _UNKNOWN)


class CompiledPolicy:
    """One version of one state's rules, ready to decide.

    Made by `comity.policy.compile.compile_policy`. Only `table` writes the memos.
    """

    def __init__(
        self, bundle: PolicyBundle, digest: bytes, rules: tuple[Rule, ...], table: MaskTable
    ) -> None:
        self.bundle: Final = bundle
        self.digest: Final = digest
        self.rules: Final = rules
        self.masks: Final = table
        self._agencies: Final = table.agencies
        self._keys: Final = table.values[Axis.MESSAGE_KEY]
        self._instruments: Final = table.values[Axis.INSTRUMENT]
        who, why, how, count = JOINED_AXES
        self._who: Final[_ByWho] = _joined(table, *who)
        self._why: Final[_ByWhy] = _joined(table, *why)
        self._how: Final[_ByHow] = _joined(table, *how)
        self._count: Final[_ByCount] = _joined(table, *count)
        self._memo: Final[_Memo] = {}
        self._memo_reviewed: Final[_Memo] = {}
        self._cells: Final[dict[tuple[int, bool], tuple[Settled, str]]] = {}
        self._reasons: Final = {rule.id: _reason(rule) for rule in rules}

    @property
    def state(self) -> Member:
        """Return whose rules these are."""
        return self.bundle.state

    @property
    def hold_hours(self) -> int:
        """Return how many hours a hold waits for a reviewer."""
        return self.bundle.hold_hours

    def table(
        self,
        facts: Facts,
        classes: tuple[DataClass, ...],
        kinds: tuple[RecordKind, ...],
        *,
        reviewed: bool = False,
    ) -> DecisionTable:
        """Decide every class asked for every kind of record that may be found.

        `classes` has at least one; `kinds` may be empty (an opaque answer has no kind) and then
        stands for `other`. `reviewed` satisfies hold rules: pass it only where the service verified
        a reviewer's verdict for this exchange.
        """
        try:
            mask = self.mask_of(facts)
        except KeyError:
            return self._refuse(facts, classes, kinds)
        memo = self._memo_reviewed if reviewed else self._memo
        table = memo.get((mask, classes, kinds))
        if table is None:
            table = self._remember(memo, mask, classes, kinds, reviewed=reviewed)
        return table

    def mask_of(self, facts: Facts) -> int:
        """Return the bits that these facts leave. Raises: KeyError for what no rule knows."""
        return (
            self._agencies[facts.agency]
            & self._keys[facts.key]
            & self._why[facts.purpose][facts.offence]
            & self._instruments[facts.instrument]
            & self._who[facts.agency_type][facts.certification][facts.assurance]
            & self._how[facts.fan_out][facts.emergency][facts.time_band]
            & self._count[facts.budget][facts.direction]
        )

    def decide(
        self,
        facts: Facts,
        classes: tuple[DataClass, ...],
        kinds: tuple[RecordKind, ...],
        *,
        reviewed: bool = False,
    ) -> tuple[ClassDecision, ...]:
        """Return the decisions of `table` in one row: by kind, then by class."""
        return self.table(facts, classes, kinds, reviewed=reviewed).cells

    def decide_strictest(
        self,
        facts: Facts,
        classes: tuple[DataClass, ...],
        kinds: tuple[RecordKind, ...],
        *,
        reviewed: bool = False,
    ) -> ClassDecision:
        """Decide whether "no record" may be said: strictest over kinds, for the first class."""
        return self.table(facts, classes, kinds, reviewed=reviewed).no_record

    def _remember(
        self,
        memo: _Memo,
        mask: int,
        classes: tuple[DataClass, ...],
        kinds: tuple[RecordKind, ...],
        *,
        reviewed: bool,
    ) -> DecisionTable:
        """Return the table of a mask that the memo does not have, and keep it.

        Most masks differ in bits that change nothing; the mask without them is settled once.
        """
        if len(memo) > MEMO_MASKS_MAX - 2:
            memo.clear()
        settled = (mask & relevant_bits(self.masks, mask), classes, kinds)
        table = memo.get(settled)
        if table is None:
            table = memo[settled] = self._settled_table(
                settled[0], classes, kinds or _NO_KIND, reviewed=reviewed
            )
        memo[mask, classes, kinds] = table
        return table

    def _refuse(
        self, facts: Facts, classes: tuple[DataClass, ...], kinds: tuple[RecordKind, ...]
    ) -> DecisionTable:
        reason = _UNKNOWN if facts.agency in self._agencies else _UNLISTED
        kinds = kinds or _NO_KIND
        return _table_of(
            classes, kinds, tuple(tuple(_denied(c, k, reason) for c in classes) for k in kinds)
        )

    def _settled_table(
        self,
        mask: int,
        classes: tuple[DataClass, ...],
        kinds: tuple[RecordKind, ...],
        *,
        reviewed: bool,
    ) -> DecisionTable:
        class_masks = self.masks.values[Axis.DATA_CLASS]
        kind_masks = self.masks.values[Axis.RECORD_KIND]
        rows = []
        for kind in kinds:
            row = []
            for data_class in classes:
                # INVARIANT (fail-closed): a class or kind that no rule knows is denied.
                if data_class not in class_masks or kind not in kind_masks:
                    row.append(_denied(data_class, kind, _UNKNOWN))
                    continue
                cell = mask & class_masks[data_class] & kind_masks[kind]
                settled, would_change = self._settle(cell, reviewed=reviewed)
                duties = _owed(settled, reviewed=reviewed)
                row.append(self._decision(data_class, kind, settled, would_change, duties))
            rows.append(tuple(row))
        return _table_of(classes, kinds, tuple(rows))

    def _settle(self, mask: int, *, reviewed: bool) -> tuple[Settled, str]:
        """Return what is decided for one cell, and what would change it; kept by mask."""
        mask &= relevant_bits(self.masks, mask)
        known = self._cells.get((mask, reviewed))
        if known is None:
            settled = settle(self.masks, mask, reviewed=reviewed)
            changes = find_changes(self.masks, mask, settled, reviewed=reviewed)
            known = settled, sentence_of_changes(changes, settled.outcome)
            if len(self._cells) >= MEMO_MASKS_MAX:
                self._cells.clear()
            self._cells[mask, reviewed] = known
        return known

    def _decision(
        self,
        data_class: DataClass,
        kind: RecordKind,
        settled: Settled,
        would_change: str,
        duties: tuple[str, ...],
    ) -> ClassDecision:
        return ClassDecision(
            data_class=data_class,
            outcome=settled.outcome,
            reasons=tuple(self._reasons[rule.id] for rule in settled.deciding) or (_NO_RULE,),
            obligations=duties,
            would_change=would_change,
            record_kind=kind,
        )


def _owed(settled: Settled, *, reviewed: bool) -> tuple[str, ...]:
    """Return what is owed with an outcome, in order.

    A look afterwards is not owed where a reviewer has looked before.
    """
    rules = (*settled.deciding, *settled.satisfied)
    owed = {duty for rule in rules for duty in rule.obligations}
    if reviewed:
        owed.discard(_AFTER)
    return tuple(sorted(owed))


def _table_of(
    classes: tuple[DataClass, ...],
    kinds: tuple[RecordKind, ...],
    rows: tuple[tuple[ClassDecision, ...], ...],
) -> DecisionTable:
    cells = tuple(cell for row in rows for cell in row)
    # `other` is what an unknown record would be; beside real kinds it is no record that may exist.
    first = [row[0] for row in rows if row[0].record_kind is not RecordKind.OTHER]
    return DecisionTable(
        classes=classes,
        kinds=kinds,
        rows=rows,
        cells=cells,
        no_record=max(first or [rows[0][0]], key=lambda cell: _STRICTNESS[cell.outcome]),
        mildest=min((cell.outcome for cell in cells), key=_STRICTNESS.__getitem__),
    )


def _denied(data_class: DataClass, kind: RecordKind, reason: Reason) -> ClassDecision:
    return ClassDecision(
        data_class=data_class, outcome=Outcome.DENY, reasons=(reason,), record_kind=kind
    )


def _reason(rule: Rule) -> Reason:
    return Reason(
        rule=rule.id,
        sentence=sentence_of(rule),
        statute=statute_of(rule),
        mark=rule.statute.mark,
    )


def _joined(table: MaskTable, axis: Axis, *further: Axis) -> dict[Any, Any]:
    """Return the masks of small axes, joined beforehand: a look-up is cheaper than an AND."""
    if not further:
        return dict(table.values[axis])
    below = _joined(table, *further)
    return {value: _narrowed(below, mask) for value, mask in table.values[axis].items()}


def _narrowed(below: dict[Any, Any], mask: int) -> dict[Any, Any]:
    return {
        value: inner & mask if isinstance(inner, int) else _narrowed(inner, mask)
        for value, inner in below.items()
    }
