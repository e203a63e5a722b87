"""Messages to agencies of this host's members: let in by policy, delivered to lines, answered.

    1. the receiving state's policy decides the message like a record (`answer`)
    2. what is let in is recorded, then kept for each agency's line under an id of its own
    3. only then is its sender told; whoever asks again is answered from the store, and what a crash
       kept from step 2 is done then
    4. an agency's answer closes the message that waits for it, under the policy of that moment

INVARIANT (opaque-is-a-class): a message's body is decided and recorded like any other class.
INVARIANT (no-answer-before-receipt): the sender hears of a delivery after its leaf is durable.
Source: docs/adr/0020-messages-and-outages.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from comity.directory.directory import HTTP_LINE_PREFIX
from comity.domain.agency import Agency
from comity.domain.answer import Answer
from comity.domain.ids import ExchangeId, LeafIndex, QueryId, entry_name
from comity.domain.query import Exchange
from comity.exchange.answering import HoldFile, Judged, judge
from comity.exchange.facts import facts_of
from comity.exchange.messages import (
    Terms,
    answer_seconds,
    mail_id_of,
    passed_on,
    recipients,
    replied,
)
from comity.exchange.private import Fields
from comity.ledger.plan import Existing
from comity.link.parcel import Answered as AnsweredParcel
from comity.ports import Clock, HoldRow, Store
from comity.services.awaited import Awaited
from comity.services.courier import Courier
from comity.services.deliveries import Deliveries, Outgoing
from comity.services.entries import Entry, HoldEnd, entry_of
from comity.services.events import Events
from comity.services.forms import Stamps, render_mail
from comity.services.member import World
from comity.services.replay import with_proofs
from comity.services.sequencer import Committed, Sequencer, SequencerResult
from comity.services.vault import Vault

__all__ = ["TERMINALS_MAX", "Mail", "Mailroom"]

TERMINALS_MAX: Final = 64
"""Control terminals of a state that a message to the state is delivered to: the first listed."""

Mail = tuple[Exchange, Fields]
"""A message that was let in, and the record behind the leaf of that."""

_NS: Final = 1_000_000_000
_ROUNDS_MAX: Final = 4
_CONTACT_CHARS: Final = 1_000


class Mailroom:
    """Delivers messages to the agencies of one host's members, and their answers back."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        sequencer: Sequencer,
        courier: Courier,
        deliveries: Deliveries,
        vault: Vault,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._sequencer = sequencer
        self._courier = courier
        self._deliveries = deliveries
        self._clock = clock
        self._awaited = Awaited(store=store, vault=vault, events=events)

    def addressees(self, exchange: Exchange) -> tuple[Agency, ...]:
        """Return the agencies whose lines get a message: those named, else the control terminals.

        An agency without a line cannot be delivered to.
        """
        directory = self._world.directory
        if not exchange.to:
            named = directory.control_terminals(exchange.state)[:TERMINALS_MAX]
        else:
            found = (directory.agency(ori) for ori in exchange.to)
            named = tuple(
                agency
                for agency in found
                if agency is not None
                and agency.active
                and directory.member_of(agency.ori) == exchange.state
            )
        return tuple(agency for agency in named if agency.lines)

    def terms(self, exchange: Exchange, now: int) -> Terms:
        """Return to whom a message goes, and when its answer is due."""
        agencies = self.addressees(exchange)
        seconds = min(answer_seconds(exchange), self._world.hold_seconds(exchange.state))
        return Terms(
            to=tuple(agency.ori for agency in agencies),
            until=now + seconds,
            contact=" / ".join(agency.phone for agency in agencies if agency.phone)[
                :_CONTACT_CHARS
            ],
        )

    async def deliver(self, mail: Sequence[Mail]) -> frozenset[ExchangeId]:
        """Keep messages for their agencies' lines and write them out; once, however often called.

        Each goes to the agencies that the record behind its leaf names, and as that record has it:
        to nobody where another message comes under its id. On the disk before this returns,
        because nobody asks again for what was told as delivered; waits out a store that is down.
        Returns the exchanges of which something could not be kept.
        """
        outgoing: list[Outgoing] = []
        made_of: dict[ExchangeId, ExchangeId] = {}
        for exchange, fields in mail:
            for ori in recipients(exchange, fields):
                agency = self._world.directory.agency(ori)
                if agency is not None and agency.lines:
                    outgoing += _outgoing(exchange, agency)
                    made_of[mail_id_of(exchange.exchange_id, ori)] = exchange.exchange_id
        failed = await self._deliveries.save(outgoing, is_flushed=True)
        return frozenset(made_of[mail_id] for mail_id in failed)

    async def take_reply(self, judged: Judged) -> AnsweredParcel | None:
        """Pass an agency's answer on; return what its own line is told, None if it must wait.

        The answer and the word that it was passed on are recorded together or not at all: else
        what is asked again after a crash would find the next message that waits, and answer that.
        Raises: StoreDownError, BusyError.
        """
        exchange = judged.exchange
        for _ in range(_ROUNDS_MAX):
            now = self._clock.now_ns() // _NS
            found = await self._awaited.find(exchange, now)
            entries = self._entries_of(judged, found, now)
            results = await self._sequencer.commit(entries)
            if all(isinstance(result, Committed) for result in results):
                *to_asker, word = map(_proved, entries, results)
                for answer in to_asker:
                    self._pass_on(answer, found)
                return AnsweredParcel(origin=exchange.origin_member, answer=word)
            if found is None or not isinstance(results[0], Existing):
                return None
            # Its hold ended meanwhile: another message may wait for this answer.
        return None

    def _pass_on(self, answer: Answer, found: tuple[HoldRow, HoldFile] | None) -> None:
        assert found is not None
        origin = found[1].exchange.origin_member
        host = self._world.directory.host_of(origin)
        if host is not None:
            self._courier.post(host, [AnsweredParcel(origin=origin, answer=answer)])

    def _entries_of(
        self, judged: Judged, found: tuple[HoldRow, HoldFile] | None, now: int
    ) -> list[Entry]:
        """Return what is recorded of an answer: for whom it is, and for whoever sent it."""
        exchange = judged.exchange
        if found is None:
            return [entry_of(exchange, passed_on(judged, None, to=exchange.agency, now=now))]
        row, hold = found
        asked = hold.exchange
        index, policy = self._world.policy(asked.state)
        of_asked = judge(asked, facts_of(asked, self._world.directory, now), policy, index)
        answered = replied(
            of_asked,
            exchange.value("") or "",
            entry=entry_name(row.member, row.leaf_index),
            step=row.next_step,
            now=now,
        )
        end = HoldEnd(leaf_index=LeafIndex(row.leaf_index), closed=True)
        word = passed_on(judged, answered.answer, to=asked.agency, now=now)
        first = msgspec.structs.replace(entry_of(asked, answered), hold_end=end, with_next=True)
        return [first, entry_of(exchange, word)]


def _proved(entry: Entry, result: SequencerResult) -> Answer:
    assert entry.answer is not None
    assert isinstance(result, Committed)
    return with_proofs(entry.answer, result)


def _outgoing(exchange: Exchange, agency: Agency) -> list[Outgoing]:
    """Return a message for both fronts of an agency's line, because it may listen at either.

    Each front has its own numbers and acknowledgements: neither takes what the other has not read.
    """
    mail_id = mail_id_of(exchange.exchange_id, agency.ori)

    def render(stamps: Stamps) -> bytes:
        return render_mail(exchange, agency, stamps)

    return [
        Outgoing(
            exchange_id=mail_id,
            step=step,
            query_id=QueryId(mail_id),
            member=exchange.state,
            line=line,
            frame_no=0,
            is_final=True,
            render=render,
        )
        for step, line in enumerate((agency.lines[0], f"{HTTP_LINE_PREFIX}{agency.lines[0]}"))
    ]
