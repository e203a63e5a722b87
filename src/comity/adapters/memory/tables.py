"""The rows of the memory store, the rules that a database would hold, and one batch's effect.

Guarantee: `check` refuses exactly what the constraints of the migrations refuse, and `apply` is all
or nothing because it cannot fail after `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from comity.adapters.errors import RowRefusedError
from comity.adapters.limits import INSTRUMENT_ROWS_DAYS, REVIEW_ROWS_DAYS
from comity.adapters.memory.demand_rows import apply_demands, check_demands
from comity.adapters.memory.instruments import apply_instruments, check_instruments
from comity.domain.ids import ExchangeId, HostName, LeafIndex, Member, QueryId, id_time_ns
from comity.domain.keys import MessageKey
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.ledger.plan import NO_POLICY, LeafKey, LedgerHead
from comity.ledger.tile import SEGMENT_LEAVES
from comity.ledger.tree import EMPTY_FRONTIER, EMPTY_ROOT, Frontier
from comity.ports import (
    EVERY_MONTH,
    AcceptedRow,
    AnswerRow,
    BatchWrite,
    CheckpointRow,
    CosignatureRow,
    CountedRow,
    DelayedRow,
    DemandRow,
    DeskDayRow,
    DirectoryRow,
    DocumentRow,
    DutyRow,
    FoldRow,
    FreezeRow,
    HeadMovedError,
    HeldMonth,
    HelpRow,
    HoldChange,
    HoldRow,
    InstrumentRow,
    NewDuty,
    OutageRow,
    PassRow,
    PolicyRow,
    PrivateRow,
    ProtectionRow,
    ResultRow,
    Sealed,
    SegmentRow,
    SuccessionRow,
    UrgentRow,
    month_of_key,
)
from comity.review.urgent import ReviewState

__all__ = ["HeadRow", "Tables"]

_ID_BYTES: Final = 16
_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

_NS_PER_DAY = 86_400 * 10**9


class HeadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger's head with its owner."""

    host: HostName
    epoch: int
    frontier: Frontier = EMPTY_FRONTIER
    root: bytes = EMPTY_ROOT
    policy: int = NO_POLICY

    @property
    def head(self) -> LedgerHead:
        """What a batch sees of it."""
        return LedgerHead(frontier=self.frontier, policy=self.policy)


class Tables:
    """Everything that is kept, by primary key."""

    def __init__(self) -> None:
        self.heads: dict[Member, HeadRow] = {}
        self.outages: dict[tuple[Member, MessageKey], OutageRow] = {}
        self.freezes: dict[Member, FreezeRow] = {}
        self.leaves: dict[Member, list[tuple[bytes, bytes]]] = {}
        self.nodes: dict[tuple[Member, int, int], bytes] = {}
        self.keys: dict[LeafKey, LeafIndex] = {}
        self.private: dict[tuple[Member, int], PrivateRow] = {}
        self.accepted: dict[QueryId, AcceptedRow] = {}
        self.frames: dict[tuple[str, int], QueryId] = {}
        self.answers: dict[tuple[ExchangeId, Member, int], AnswerRow] = {}
        self.holds: dict[tuple[Member, int], HoldRow] = {}
        self.closed_holds: set[tuple[Member, int]] = set()
        self.case_passes: dict[tuple[Member, int], PassRow] = {}
        self.instruments: dict[tuple[Member, int], InstrumentRow] = {}
        self.urgent: dict[tuple[Member, int], UrgentRow] = {}
        self.protections: dict[tuple[Member, bytes, bytes], ProtectionRow] = {}
        self.demands: dict[tuple[Member, int], DemandRow] = {}
        self.policies: dict[tuple[Member, int], PolicyRow] = {}
        self.directory: dict[tuple[Member, int], DirectoryRow] = {}
        self.documents: dict[tuple[Member, int], DocumentRow] = {}
        self.shadows: dict[tuple[Member, int], int] = {}
        """Since when each document stands that is an announced bundle."""
        self.duties: dict[int, DutyRow] = {}
        self.duties_made = 0
        self.segments: dict[tuple[Member, int], SegmentRow] = {}
        self.released: dict[Member, set[int]] = {}
        """The segments whose leaves have left."""
        self.restored: dict[Member, set[int]] = {}
        """Those of their leaves that came back."""
        self.redactions: dict[tuple[Member, int], int] = {}
        """By which leaf each withdrawn leaf is named."""
        self.delayed: dict[tuple[Member, int], DelayedRow] = {}
        self.revealed: set[tuple[Member, int]] = set()
        self.help_files: dict[tuple[Member, str], HelpRow] = {}
        self.results: dict[tuple[ExchangeId, int], ResultRow] = {}
        self.acknowledged: dict[str, int] = {}
        self.checkpoints: dict[tuple[Member, int], CheckpointRow] = {}
        self.cosignatures: dict[tuple[Member, int], dict[tuple[str, bytes], CosignatureRow]] = {}
        self.successions: dict[tuple[Member, str], SuccessionRow] = {}
        self.folds: dict[Member, FoldRow] = {}
        self.traffic: dict[tuple[Member, int, int, str], int] = {}
        self.key_events: dict[tuple[Member, int], bool] = {}
        """Whether each was carried out."""
        self.counted_keys: dict[tuple[Member, int], Sealed] = {}
        self.counted: dict[CountedRow, None] = {}
        self.desk_days: dict[tuple[Member, int, str], DeskDayRow] = {}
        """In the order in which they came."""
        self.gone: dict[str, tuple[int, int]] = {}
        """How far each line's frames and deliveries had come when their rows went."""

    def published(self, member: Member, size: int) -> CheckpointRow:
        """Return a checkpoint with the lines that witnesses added."""
        kept = self.cosignatures.get((member, size), {})
        lines = tuple(kept[place].line for place in sorted(kept))
        return msgspec.structs.replace(self.checkpoints[member, size], cosignatures=lines)

    def leaves_of(self, member: Member, first: int, last: int) -> list[tuple[bytes, bytes]]:
        """Return bytes and hash of the leaves of [first, last) that are here."""
        gone = self.released.get(member, set())
        leaves = self.leaves.get(member, [])
        back = self.restored.get(member, set())
        return [
            leaves[index]
            for index in range(first, min(last, len(leaves)))
            if index // SEGMENT_LEAVES not in gone or index in back
        ]

    def unopened(self) -> Iterator[DelayedRow]:
        """Yield the leaves that stand sealed and are to be opened: whose record was expunged, or
        whose leaf was withdrawn, never is.
        """
        for place, row in self.delayed.items():
            is_gone = place not in self.private or place in self.redactions
            if place not in self.revealed and not is_gone:
                yield row

    def check(self, batch: BatchWrite) -> None:
        """Raises: HeadMovedError, RowRefusedError if the batch may not be written."""
        self._check_heads(batch)
        self._check_holds(batch.hold_changes)
        self._check_reviews(batch)
        _all_new("ledger_key", (key for key, _ in batch.keys), self.keys)
        _all_new("ledger_private", ((r.member, r.leaf_index) for r in batch.private), self.private)
        _all_new("accepted", (r.query_id for r in batch.accepted), self.accepted)
        _all_new("accepted_frame", ((r.line, r.frame_no) for r in batch.accepted), self.frames)
        answers = ((r.exchange_id, r.member, r.step) for r in batch.answers)
        _all_new("answer", answers, self.answers)
        _all_new("hold", ((r.member, r.leaf_index) for r in batch.holds), self.holds)
        _all_new("policy", ((r.member, r.leaf_index) for r in batch.policies), self.policies)
        documents = ((r.member, r.leaf_index) for r in batch.documents)
        _all_new("ledger_document", documents, self.documents)
        _all_new("policy_shadow", ((m, i) for m, i, _ in batch.shadows), self.shadows)
        _all_new("delayed_detail", ((r.member, r.leaf_index) for r in batch.delayed), self.delayed)
        self._check_detail(batch)
        _all_new("key_event", batch.key_events, self.key_events)
        withdrawn = ((r.member, r.leaf_index) for r in batch.redactions)
        _all_new("ledger_redaction", withdrawn, self.redactions)
        _all_new("directory", ((r.member, r.version) for r in batch.directory), self.directory)
        if any(len(exchange_id) != _ID_BYTES for (exchange_id, _, _), _ in batch.keys):
            raise RowRefusedError("a row breaks `ledger_key_exchange_id_check`")

    def _check_detail(self, batch: BatchWrite) -> None:
        for place in batch.revealed:
            if place not in self.delayed or place in self.revealed:
                raise RowRefusedError("detail that the batch opens is not sealed")

    def _check_heads(self, batch: BatchWrite) -> None:
        moved = []
        for write in batch.heads:
            head = self.heads[write.member]
            if (head.frontier.size, head.epoch) != (write.size_old, write.epoch):
                moved.append(write.member)
        if moved:
            raise HeadMovedError(moved)

    def _check_holds(self, changes: Iterable[HoldChange]) -> None:
        for change in changes:
            place = (change.member, change.leaf_index)
            hold = self.holds.get(place)
            is_open = hold is not None and place not in self.closed_holds
            if hold is None or not is_open or hold.exchange_id != change.exchange_id:
                raise RowRefusedError("a hold that the batch changes is not open")

    def _check_reviews(self, batch: BatchWrite) -> None:
        _all_new(
            "case_pass", ((r.member, r.leaf_index) for r in batch.case_passes), self.case_passes
        )
        _all_new(
            "instrument", ((r.member, r.leaf_index) for r in batch.instruments), self.instruments
        )
        check_instruments(self.instruments, batch)
        check_demands(self.demands, batch)
        _all_new("after_review", ((r.member, r.leaf_index) for r in batch.urgent), self.urgent)
        for change in batch.pass_changes:
            place = (change.member, int(change.leaf_index))
            row = self.case_passes.get(place)
            if row is None or row.revoked_by is not None:
                raise RowRefusedError("a pass that the batch changes is revoked, or is none")
        for settled in batch.review_changes:
            release = self.urgent.get((settled.member, settled.leaf_index))
            if release is None or release.next_step != settled.step or not _is_owed(release):
                raise RowRefusedError("an urgent release that the batch settles is settled")

    def _apply_reviews(self, batch: BatchWrite) -> None:
        self.case_passes.update({(r.member, r.leaf_index): r for r in batch.case_passes})
        self.urgent.update({(r.member, r.leaf_index): r for r in batch.urgent})
        apply_instruments(self.instruments, batch)
        apply_demands(self.demands, batch)
        # Uses before revocations, as the database has them.
        for change in sorted(batch.pass_changes, key=lambda c: c.revoked_by is not None):
            place = (change.member, int(change.leaf_index))
            row = self.case_passes[place]
            self.case_passes[place] = msgspec.structs.replace(
                row,
                uses=row.uses + (change.revoked_by is None),
                revoked_by=change.revoked_by,
            )
        for settled in batch.review_changes:
            at = (settled.member, int(settled.leaf_index))
            self.urgent[at] = msgspec.structs.replace(
                self.urgent[at],
                next_step=settled.step + 1,
                stands=settled.stands,
                changed_at=settled.changed_at,
            )

    def apply(self, batch: BatchWrite) -> None:
        """Write a batch that was checked."""
        for write in batch.heads:
            self.heads[write.member] = msgspec.structs.replace(
                self.heads[write.member],
                frontier=write.frontier,
                root=write.root,
                policy=write.policy,
            )
        for member, leaf in batch.leaves:
            leaves = self.leaves.setdefault(member, [])
            assert leaf.index == len(leaves)
            leaves.append((leaf.data, leaf.leaf_hash))
        self.nodes.update({(m, n.level, n.index): n.node_hash for m, n in batch.nodes})
        self.keys.update(batch.keys)
        self.private.update({(r.member, r.leaf_index): r for r in batch.private})
        self._apply_exchanges(batch)
        self._apply_reviews(batch)
        self.policies.update({(r.member, r.leaf_index): r for r in batch.policies})
        self.documents.update({(r.member, r.leaf_index): r for r in batch.documents})
        self.shadows.update({(member, index): since for member, index, since in batch.shadows})
        for duty in batch.duties:
            self.owe(duty)
        self.delayed.update({(r.member, r.leaf_index): r for r in batch.delayed})
        self.revealed.update(batch.revealed)
        self.directory.update({(r.member, r.version): r for r in batch.directory})
        self.key_events.update(dict.fromkeys(batch.key_events, False))
        self.redactions.update({(r.member, r.leaf_index): r.named_by for r in batch.redactions})
        self.counted.update(dict.fromkeys(batch.counted))
        for day in batch.desk_days:
            key = (day.member, day.day, day.agency)
            was = self.desk_days.get(key, msgspec.structs.replace(day, came=0, refused=0))
            self.desk_days[key] = msgspec.structs.replace(
                day, came=was.came + day.came, refused=was.refused + day.refused
            )

    def owe(self, duty: NewDuty) -> None:
        """Keep a duty under the next number."""
        self.duties_made += 1
        self.duties[self.duties_made] = DutyRow(
            duty_id=self.duties_made,
            member=duty.member,
            leaf_index=duty.leaf_index,
            kind=duty.kind,
            made_at=duty.made_at,
            about=duty.about,
        )

    def _apply_exchanges(self, batch: BatchWrite) -> None:
        self.accepted.update({r.query_id: r for r in batch.accepted})
        self.frames.update({(r.line, r.frame_no): r.query_id for r in batch.accepted})
        self.answers.update({(r.exchange_id, r.member, r.step): r for r in batch.answers})
        self.holds.update({(r.member, r.leaf_index): r for r in batch.holds})
        for change in batch.hold_changes:
            place = (change.member, int(change.leaf_index))
            hold = self.holds[place]
            self.holds[place] = msgspec.structs.replace(
                hold,
                next_step=change.next_step,
                asked_at=hold.asked_at if change.asked_at is None else change.asked_at,
                proposal=change.proposal or hold.proposal,
                passed_at=hold.passed_at if change.passed_at is None else change.passed_at,
                passed=change.passed or hold.passed,
            )
            if change.closed:
                self.closed_holds.add(place)
        for reply in sorted(batch.hold_replies, key=lambda each: each.reply):
            place = (reply.member, int(reply.leaf_index))
            if place in self.holds and place not in self.closed_holds:
                hold = self.holds[place]
                self.holds[place] = msgspec.structs.replace(
                    hold, asked_at=None, replies=(*hold.replies, reply.reply)
                )

    def erase(self, member: Member, index: int) -> bool:
        """Erase a leaf's bytes where a `redaction` leaf that cites it names it."""
        named_by = self.redactions.get((member, index))
        data, leaf_hash = self.leaves[member][index]
        if named_by is None or not data:
            return False
        namer = self.leaves[member][named_by][0]
        if not namer or not _redacts(namer, f"{member}/{index}"):
            return False
        self.leaves[member][index] = (b"", leaf_hash)
        return True

    def open_exchange(self, member: Member, index: int) -> bool:
        """Say whether a leaf's exchange is open."""
        ids = self._ids(member, index)
        if any(
            place[0] == member and row.exchange_id in ids and place not in self.closed_holds
            for place, row in self.holds.items()
        ):
            return True
        if any(
            row.member == member and row.exchange_id in ids and _is_owed(row)
            for row in self.urgent.values()
        ):
            return True
        for query_id in ids & self.accepted.keys():
            row = self.accepted[QueryId(query_id)]
            results = [r for r in self.results.values() if r.query_id == query_id and r.is_final]
            if row.member == member and row.exchange_count > len({r.exchange_id for r in results}):
                return True
        return False

    def expunge(self, member: Member, index: int) -> int:
        """Delete a leaf's private record and what its exchange left beside it."""
        ids = self._ids(member, index)
        self._go(lambda row: row.member == member and row.query_id in ids)
        count = _delete(self.results, lambda _, r: r.member == member and r.query_id in ids)
        count += _delete(self.accepted, lambda _, r: r.member == member and r.query_id in ids)
        count += _delete(self.answers, lambda _, r: r.member == member and r.exchange_id in ids)
        count += _delete(
            self.holds,
            lambda place, row: (
                row.member == member and row.exchange_id in ids and place in self.closed_holds
            ),
        )
        count += _delete(self.case_passes, lambda place, _: place == (member, index))
        count += _delete(self.instruments, lambda place, _: place == (member, index))
        count += _delete(self.demands, lambda place, _: place == (member, index))
        count += _delete(
            self.urgent,
            lambda _, row: row.member == member and row.exchange_id in ids and not _is_owed(row),
        )
        return count + _delete(self.private, lambda place, _: place == (member, index))

    def _ids(self, member: Member, index: int) -> set[bytes]:
        return {bytes(key[0]) for key, at in self.keys.items() if key[1] == member and at == index}

    def _go(self, is_over: Callable[[AcceptedRow | ResultRow], bool]) -> None:
        """Remember the numbers of a line's rows that are about to go."""
        for accepted in filter(is_over, self.accepted.values()):
            frame, made = self.gone.get(accepted.line, (0, 0))
            self.gone[accepted.line] = (max(frame, accepted.frame_no), made)
            del self.frames[accepted.line, accepted.frame_no]
        for result in filter(is_over, self.results.values()):
            frame, made = self.gone.get(result.line, (0, 0))
            self.gone[result.line] = (frame, max(made, result.number))

    def expire(self, before_ns: int, held: Iterable[HeldMonth] = ()) -> int:
        """Delete what was made before a time and is not held; return how many rows."""
        held_months = frozenset(held)

        def is_over(row: AcceptedRow | ResultRow | AnswerRow | HoldRow) -> bool:
            made = row.exchange_id if isinstance(row, AnswerRow | HoldRow) else row.query_id
            months = {(row.member, EVERY_MONTH), (row.member, month_of_key(row.sealed.key_number))}
            return _is_before(made, before_ns) and not months & held_months

        self._go(is_over)
        count = _delete(self.results, lambda _, row: is_over(row))
        count += _delete(self.accepted, lambda _, row: is_over(row))
        count += _delete(self.answers, lambda _, row: is_over(row))
        count += _delete(self.holds, lambda place, row: place in self.closed_holds and is_over(row))
        count += self._expire_reviews(before_ns, held_months)
        holding = {member for member, _ in held_months}
        return count + _delete(
            self.keys, lambda key, _: _is_before(key[0], before_ns) and key[1] not in holding
        )

    def _expire_reviews(self, before_ns: int, held: frozenset[HeldMonth]) -> int:
        def is_over(made: bytes, row: PassRow | InstrumentRow | UrgentRow, days: int) -> bool:
            months = {(row.member, EVERY_MONTH), (row.member, month_of_key(row.sealed.key_number))}
            return _is_before(made, before_ns - days * _NS_PER_DAY) and not months & held

        count = _delete(
            self.case_passes, lambda _, row: is_over(row.pass_id, row, REVIEW_ROWS_DAYS)
        )
        count += _delete(
            self.instruments,
            lambda _, row: is_over(row.instrument_id, row, INSTRUMENT_ROWS_DAYS),
        )
        return count + _delete(
            self.urgent,
            lambda _, row: is_over(row.exchange_id, row, REVIEW_ROWS_DAYS) and not _is_owed(row),
        )


def _is_owed(row: UrgentRow) -> bool:
    return row.stands in {ReviewState.OPEN, ReviewState.OVERDUE}


def _redacts(data: bytes, entry: str) -> bool:
    header = parse_leaf(data)
    return header.kind is LeafKind.REDACTION and header.cites == entry


def _is_before(value: bytes, time_ns: int) -> bool:
    return id_time_ns(value) < time_ns


def _delete(table: dict[_K, _V], is_over: Callable[[_K, _V], bool]) -> int:
    over = [key for key, row in table.items() if is_over(key, row)]
    for key in over:
        del table[key]
    return len(over)


def _all_new(name: str, keys: Iterable[Hashable], table: Iterable[Hashable]) -> None:
    """Refuse a key that the table has, or that comes twice."""
    seen: set[Hashable] = set()
    for key in keys:
        if key in seen or key in table:
            raise RowRefusedError(f"a row breaks `{name}`")
        seen.add(key)
