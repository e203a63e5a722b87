"""The review desk in PostgreSQL: queue, case passes, instruments and urgent releases.

Guarantee: a change that finds its row otherwise than it was made for fails the batch, so that no
leaf stands that the rows contradict.
Source: docs/adr/0034-passes-and-urgent-lane.md, docs/adr/0046-instruments.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from comity.adapters.errors import RowRefusedError
from comity.adapters.postgres.instruments import (
    ONE_INSTRUMENT,
    STANDING_INSTRUMENTS,
    cut_instruments,
    instrument_of,
    write_instruments,
)
from comity.adapters.postgres.rows import hold_of
from comity.adapters.postgres.session import Pool, Session
from comity.domain.ids import LeafIndex, Member
from comity.ports import (
    BatchWrite,
    HoldRow,
    InstrumentRow,
    PassRow,
    QueuedCase,
    Sealed,
    UrgentRow,
)
from comity.review.queue import DAY_SECONDS, SOON_SECONDS, QueueCounts, QueuePlace
from comity.review.urgent import LOOK_PREFIX, ReviewState

__all__ = ["PostgresReviews", "cut_reviews", "write_reviews"]

_ADD_PASSES: Final = """
    INSERT INTO case_pass (state, leaf_index, pass_id, until, key_month, nonce, body)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bigint[], $5::int[],
        $6::bytea[], $7::bytea[])"""
_USE: Final = """
    UPDATE case_pass p SET uses = p.uses + n.uses
    FROM (
        SELECT state, leaf_index, count(*)::int AS uses
        FROM unnest($1::text[], $2::bigint[]) AS u(state, leaf_index)
        GROUP BY state, leaf_index
    ) n
    WHERE p.state = n.state AND p.leaf_index = n.leaf_index AND p.revoked_by IS NULL
    RETURNING n.uses"""
_REVOKE: Final = """
    UPDATE case_pass p SET revoked_by = n.revoked_by
    FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS n(state, leaf_index, revoked_by)
    WHERE p.state = n.state AND p.leaf_index = n.leaf_index AND p.revoked_by IS NULL
    RETURNING p.leaf_index"""
_ADD_URGENT: Final = """
    INSERT INTO after_review
        (state, leaf_index, exchange_id, due, changed_at, key_month, nonce, body)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[],
        $6::int[], $7::bytea[], $8::bytea[])"""
_REVIEW: Final = """
    UPDATE after_review r SET next_step = n.step + 1, stands = n.stands, changed_at = n.changed_at
    FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::text[], $5::bigint[])
        AS n(state, leaf_index, step, stands, changed_at)
    WHERE r.state = n.state AND r.leaf_index = n.leaf_index AND r.next_step = n.step
        AND r.stands IN ('open', 'overdue')
    RETURNING r.leaf_index"""
_PASSES: Final = """
    SELECT * FROM case_pass
    WHERE state = ANY($1::text[]) AND revoked_by IS NULL AND until > $2
    ORDER BY state COLLATE "C", leaf_index"""
_GRANT: Final = "SELECT * FROM case_pass WHERE state = $1 AND leaf_index = $2"
_URGENT: Final = """
    SELECT * FROM after_review
    WHERE state = ANY($1::text[]) AND stands = ANY($2::text[]) AND changed_at >= $3
    ORDER BY due, state COLLATE "C", leaf_index"""
_LATE: Final = """
    SELECT * FROM after_review
    WHERE state = ANY($1::text[]) AND stands = 'open' AND due <= $2
    ORDER BY due, state COLLATE "C", leaf_index LIMIT $3"""
_URGENT_ONE: Final = "SELECT * FROM after_review WHERE state = $1 AND leaf_index = $2"
# Keys alone, and by the index alone: how many requests a case has, and which is its first, is asked
# of the cases of a page. As one statement a plan without statistics looked at every hold's case.
_QUEUE: Final = """
    SELECT leaf_index, until, asked_at IS NOT NULL AS is_asked, case_tag FROM hold
    WHERE is_open AND waits_for = 'review' AND state = $1
        AND (asked_at IS NOT NULL, until, leaf_index) > ($2, $3, $4)
    ORDER BY asked_at IS NOT NULL, until, leaf_index LIMIT $5"""
_FIRSTS: Final = """
    SELECT DISTINCT ON (case_tag, asked_at IS NOT NULL) leaf_index,
        count(*) OVER (PARTITION BY case_tag, asked_at IS NOT NULL) AS requests
    FROM hold
    WHERE is_open AND waits_for = 'review' AND state = $1 AND case_tag = ANY($2::bytea[])
        AND leaf_index <> ALL($3)
    ORDER BY case_tag, asked_at IS NOT NULL, until, leaf_index"""
_QUEUED: Final = """
    SELECT * FROM hold WHERE state = $1 AND leaf_index = ANY($2)
    ORDER BY asked_at IS NOT NULL, until, leaf_index"""
_HOLDS: Final = """
    SELECT * FROM hold
    WHERE is_open AND waits_for = 'review' AND state = $1 AND leaf_index = ANY($2::bigint[])
    ORDER BY asked_at IS NOT NULL, until, leaf_index"""
_PASSED: Final = """
    SELECT * FROM hold
    WHERE is_open AND waits_for = 'review' AND passed_at IS NOT NULL AND state = $1
        AND leaf_index <> ALL($2::bigint[])
    ORDER BY until, leaf_index LIMIT $3"""
_READ_MORE: Final = 4
"""So many times as many keys are read where those of one case stood before others."""
_OF_CASE: Final = """
    FROM hold
    WHERE is_open AND waits_for = 'review' AND state = $1 AND case_tag = $2
        AND (asked_at IS NOT NULL) = $3 AND leaf_index <> ALL($4)"""
_CASE: Final = f"SELECT * {_OF_CASE} ORDER BY until, leaf_index LIMIT $5"
_CASE_COUNT: Final = f"SELECT count(*) AS requests {_OF_CASE}"
_QUEUE_COUNTS: Final = """
    SELECT count(*) FILTER (WHERE asked_at IS NULL AND until <= $2) AS soon,
        count(*) FILTER (WHERE asked_at IS NULL AND until > $2 AND until <= $3) AS today,
        count(*) FILTER (WHERE asked_at IS NULL AND until > $3) AS later,
        count(asked_at) AS asked
    FROM hold WHERE is_open AND waits_for = 'review' AND state = $1"""
_START: Final = QueuePlace(is_asked=False, until=-1, leaf_index=-1)
# The id is that of `review.urgent.look_id`.
_OWE_AGAIN: Final = """
    UPDATE after_review r
    SET next_step = k.step, stands = CASE k.step WHEN 0 THEN 'open' ELSE 'overdue' END
    FROM (
        SELECT exchange_id, min(step) AS step FROM ledger_key
        WHERE state = $1 AND leaf_index >= $2 GROUP BY exchange_id
    ) k
    WHERE r.state = $1 AND r.leaf_index < $2 AND k.exchange_id =
        substring(r.exchange_id FOR 8) || substring(sha256($3::bytea || r.exchange_id) FOR 8)"""
# A hold that a verdict has ended meanwhile is left alone: the message stands in the ledger.
_REPLY: Final = """
    UPDATE hold h SET asked_at = NULL, replies = h.replies || n.replies
    FROM (
        SELECT state, leaf_index, array_agg(reply ORDER BY reply) AS replies
        FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS u(state, leaf_index, reply)
        GROUP BY state, leaf_index
    ) n
    WHERE h.state = n.state AND h.leaf_index = n.leaf_index AND h.is_open"""
_CUT: Final = (
    """UPDATE hold SET replies = ARRAY(SELECT r FROM unnest(replies) AS r WHERE r < $2 ORDER BY r)
    WHERE state = $1 AND $2 <= ANY (replies)""",
    "DELETE FROM case_pass WHERE state = $1 AND leaf_index >= $2",
    "DELETE FROM after_review WHERE state = $1 AND leaf_index >= $2",
)


async def write_reviews(session: Session, batch: BatchWrite) -> None:
    """Write what a batch has for the review desk. Raises: RowRefusedError, StoreDownError."""
    if batch.hold_replies:
        replies = [(r.member, r.leaf_index, r.reply) for r in batch.hold_replies]
        await session.fetch(_REPLY, *_columns(replies))
    if batch.case_passes:
        rows = [(r.member, r.leaf_index, r.pass_id, r.until) for r in batch.case_passes]
        await session.fetch(_ADD_PASSES, *_columns(rows), *_sealed(batch.case_passes))
    uses = [(c.member, c.leaf_index) for c in batch.pass_changes if c.revoked_by is None]
    if uses:
        used = await session.fetch(_USE, *_columns(uses))
        if sum(row["uses"] for row in used) != len(uses):
            raise RowRefusedError("a pass that the batch uses is revoked, or is none")
    ends = [
        (c.member, c.leaf_index, c.revoked_by)
        for c in batch.pass_changes
        if c.revoked_by is not None
    ]
    if ends and len(await session.fetch(_REVOKE, *_columns(ends))) != len(ends):
        raise RowRefusedError("a pass that the batch revokes is revoked, or is none")
    await write_instruments(session, batch)
    if batch.urgent:
        urgent = [
            (r.member, r.leaf_index, r.exchange_id, r.due, r.changed_at) for r in batch.urgent
        ]
        await session.fetch(_ADD_URGENT, *_columns(urgent), *_sealed(batch.urgent))
    if batch.review_changes:
        changes = [
            (c.member, c.leaf_index, c.step, c.stands.value, c.changed_at)
            for c in batch.review_changes
        ]
        if len(await session.fetch(_REVIEW, *_columns(changes))) != len(changes):
            raise RowRefusedError("an urgent release that the batch settles is settled")


async def cut_reviews(session: Session, member: Member, first: int) -> None:
    """Delete what stands at a leaf or beyond it, before the ledger is cut there.

    A look of which a leaf goes is owed again. A pass that was revoked stays revoked: who ended it
    does not wait for a leaf.
    """
    await cut_instruments(session, member, first)
    await session.fetch(_OWE_AGAIN, member, first, LOOK_PREFIX)
    for statement in _CUT:
        await session.fetch(statement, member, first)


class PostgresReviews:
    """What `ReviewStore` asks, over the store's connections."""

    _pool: Pool

    async def case_passes(self, members: Collection[Member], now: int) -> list[PassRow]:
        """Return passes that are not revoked and not over, in the order of member and leaf."""
        async with self._pool.lend() as session:
            return [_pass_of(row) for row in await session.fetch(_PASSES, list(members), now)]

    async def case_pass(self, member: Member, leaf_index: int) -> PassRow | None:
        """Return one pass by its leaf, whether it still holds or not."""
        async with self._pool.lend() as session:
            rows = await session.fetch(_GRANT, member, leaf_index)
        return _pass_of(rows[0]) if rows else None

    async def instruments(self, members: Collection[Member], now: int) -> list[InstrumentRow]:
        """Return instruments that are not revoked and not over, in the order of member and leaf."""
        async with self._pool.lend() as session:
            rows = await session.fetch(STANDING_INSTRUMENTS, list(members), now)
        return [instrument_of(row) for row in rows]

    async def instrument(self, member: Member, leaf_index: int) -> InstrumentRow | None:
        """Return one instrument by its leaf, whether it still counts or not."""
        async with self._pool.lend() as session:
            rows = await session.fetch(ONE_INSTRUMENT, member, leaf_index)
        return instrument_of(rows[0]) if rows else None

    async def urgent_releases(
        self, members: Collection[Member], stands: Sequence[ReviewState], since: int = 0
    ) -> list[UrgentRow]:
        """Return urgent releases that stand so since then or later, by due time, member, leaf."""
        words = [each.value for each in stands]
        async with self._pool.lend() as session:
            rows = await session.fetch(_URGENT, list(members), words, since)
        return [_urgent_of(row) for row in rows]

    async def late_releases(
        self, members: Collection[Member], due_by: int, limit: int
    ) -> list[UrgentRow]:
        """Return urgent releases that are open and due by then, by due time, member, leaf."""
        async with self._pool.lend() as session:
            rows = await session.fetch(_LATE, list(members), due_by, limit)
        return [_urgent_of(row) for row in rows]

    async def review_page(
        self,
        member: Member,
        after: QueuePlace | None,
        limit: int,
        *,
        without: Collection[int] = (),
    ) -> list[QueuedCase]:
        """Return what waits for a review, a case once, in the order of the queue, after a place."""
        place = after or _START
        requests: dict[int, int] = {}
        wanted = limit + len(without)
        async with self._pool.lend() as session:
            while len(requests) < limit:
                start = (place.is_asked, place.until, place.leaf_index)
                keys = await session.fetch(_QUEUE, member, *start, wanted)
                requests |= await _first_requests(session, member, keys, without)
                if len(keys) < wanted:
                    break
                last = keys[-1]
                place = QueuePlace(
                    is_asked=last["is_asked"], until=last["until"], leaf_index=last["leaf_index"]
                )
                wanted *= _READ_MORE
            rows = await session.fetch(_QUEUED, member, list(requests)[:limit])
        return [QueuedCase(first=hold_of(r), requests=requests[r["leaf_index"]]) for r in rows]

    async def review_case(
        self, hold: HoldRow, limit: int, *, without: Collection[int] = ()
    ) -> tuple[list[HoldRow], int]:
        """Return open holds of a hold's case that wait as it does, in order, and how many."""
        if hold.case_tag is None:
            return [hold], 1
        which = (hold.member, hold.case_tag, hold.asked_at is not None, list(without))
        async with self._pool.lend() as session:
            rows = await session.fetch(_CASE, *which, limit)
            (counted,) = await session.fetch(_CASE_COUNT, *which)
        return [hold_of(row) for row in rows], counted["requests"]

    async def review_holds(self, member: Member, numbers: Collection[int]) -> list[HoldRow]:
        """Return those of these leaves that wait for a review, in the order of the queue."""
        async with self._pool.lend() as session:
            return [hold_of(row) for row in await session.fetch(_HOLDS, member, list(numbers))]

    async def review_passed(
        self, member: Member, limit: int, *, without: Collection[int] = ()
    ) -> list[HoldRow]:
        """Return what was passed on and waits for a review, the nearest deadline first."""
        async with self._pool.lend() as session:
            rows = await session.fetch(_PASSED, member, list(without), limit)
        return [hold_of(row) for row in rows]

    async def review_counts(self, member: Member, now: int) -> QueueCounts:
        """Return how many open holds wait for a review, by what is left of their time."""
        async with self._pool.lend() as session:
            (row,) = await session.fetch(
                _QUEUE_COUNTS, member, now + SOON_SECONDS, now + DAY_SECONDS
            )
        return QueueCounts(**dict(row))

    async def urgent_release(self, member: Member, leaf_index: int) -> UrgentRow | None:
        """Return one urgent release by its disclosure's leaf."""
        async with self._pool.lend() as session:
            rows = await session.fetch(_URGENT_ONE, member, leaf_index)
        return _urgent_of(rows[0]) if rows else None


async def _first_requests(
    session: Session, member: Member, keys: Sequence[Any], without: Collection[int]
) -> dict[int, int]:
    """Return of holds, by leaf and in order, those that are the first of their case, and how many
    requests it has.
    """
    tags = list({key["case_tag"] for key in keys} - {None})
    found = await session.fetch(_FIRSTS, member, tags, list(without)) if tags else []
    firsts = {row["leaf_index"]: row["requests"] for row in found}
    firsts |= {key["leaf_index"]: 1 for key in keys if key["case_tag"] is None}
    numbers = (key["leaf_index"] for key in keys)
    return {n: firsts[n] for n in numbers if n in firsts and n not in without}


def _pass_of(row: Any) -> PassRow:
    revoked_by = row["revoked_by"]
    return PassRow(
        member=Member(row["state"]),
        leaf_index=LeafIndex(row["leaf_index"]),
        pass_id=row["pass_id"],
        until=row["until"],
        uses=row["uses"],
        revoked_by=None if revoked_by is None else LeafIndex(revoked_by),
        sealed=_sealed_of(row),
    )


def _urgent_of(row: Any) -> UrgentRow:
    return UrgentRow(
        member=Member(row["state"]),
        leaf_index=LeafIndex(row["leaf_index"]),
        exchange_id=row["exchange_id"],
        due=row["due"],
        next_step=row["next_step"],
        stands=ReviewState(row["stands"]),
        changed_at=row["changed_at"],
        sealed=_sealed_of(row),
    )


def _sealed_of(row: Any) -> Sealed:
    return Sealed(key_number=row["key_month"], nonce=row["nonce"], body=row["body"])


def _sealed(rows: Sequence[PassRow] | Sequence[UrgentRow]) -> list[list[object]]:
    return _columns([(r.sealed.key_number, r.sealed.nonce, r.sealed.body) for r in rows])


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
