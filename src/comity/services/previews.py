"""What a message would get, said before it is sent: decided as a query is, and recorded first.

    1. the message passes the checks that its line's messages pass (`intake`)
    2. the rules of each state that is served here decide it; nothing is looked up or counted
    3. an `access` leaf in the sender's own ledger names, in its private record, who tried what
    4. only then is it told

Guarantee: a preview is no decision, the same rules are asked again for the query; the leaf names
nobody, and whom it is about is kept nowhere.
Source: docs/adr/0042-asking-in-the-browser.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from comity.domain.decision import ClassDecision
from comity.domain.ids import Member, QueryId, entry_name, make_id
from comity.domain.keys import Handling, key_row
from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, Outcome
from comity.exchange.judged import SEVERITY, Judged, gated
from comity.exchange.origin import AcceptedQuery, exchanges_of
from comity.exchange.private import Fields, note_fields
from comity.ports import Clock, Entropy, LineFrame
from comity.services.accesses import Accesses
from comity.services.deciding import Deciding
from comity.services.intake import Intake
from comity.services.member import World

__all__ = ["PartPreview", "Previewed", "Previews", "StatePreview"]

_NS: Final = 1_000_000_000
_FRAME: Final = 1
_UNKNOWN: Final = "unknown"


class PartPreview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the rules say of one class of data: the strictest over the kinds of record.

    `varies`: some kind of record gets more. `would_change` is as in a decision.
    """

    data_class: DataClass
    outcome: Outcome
    rules: tuple[str, ...] = ()
    sentence: str = ""
    would_change: str = ""
    varies: bool = False


class StatePreview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one state would likely say; no parts where its rules are not asked here.

    A hold waits `hold_seconds` at most, for whom `contact` names.
    """

    state: Member
    parts: tuple[PartPreview, ...] = ()
    hold_seconds: int = 0
    contact: str = ""


class Previewed(msgspec.Struct, frozen=True, kw_only=True):
    """A preview, and the leaf that records it."""

    entry: str
    states: tuple[StatePreview, ...]


class Previews:
    """Says beforehand what messages of this host's agencies would get."""

    def __init__(
        self,
        *,
        world: World,
        intake: Intake,
        deciding: Deciding,
        accesses: Accesses,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._world = world
        self._intake = intake
        self._deciding = deciding
        self._accesses = accesses
        self._clock = clock
        self._entropy = entropy

    async def preview(self, line: str, data: bytes) -> Previewed:
        """Return what a message of a line would get, once that it was asked is durable.

        Raises: MessageRefusedError, or what the sequencer refused with.
        """
        now_ns = self._clock.now_ns()
        query_id = QueryId(make_id(now_ns, self._entropy.token(8)))
        frame = LineFrame(line=line, number=_FRAME, data=data)
        accepted = self._intake.accept(frame, query_id, now_ns)
        # Nothing of it is sent or kept: the entry stands for the `query` leaf that it has not.
        exchanges = exchanges_of(accepted, entry_name(accepted.member, 0))
        states = tuple(map(self._of_state, exchanges))
        # INVARIANT (no-answer-before-receipt): whoever tries purposes leaves a mark each time.
        entry = await self._accesses.record(
            accepted.member, _fields(accepted, states), now_ns // _NS
        )
        return Previewed(entry=entry, states=states)

    def _of_state(self, exchange: Exchange) -> StatePreview:
        state = exchange.state
        is_asked = key_row(exchange.key).handling is Handling.RECORDS
        if not is_asked or not self._world.has_policy(state):
            return StatePreview(state=state)
        judged, _ = self._deciding.judge([exchange])
        if not judged:
            return StatePreview(state=state)
        return StatePreview(
            state=state,
            parts=_parts(judged[0]),
            hold_seconds=self._world.hold_seconds(state),
            contact=self._world.directory.duty_contact(state) or "",
        )


def _parts(judged: Judged) -> tuple[PartPreview, ...]:
    # As for an answer: what an unknown kind of record would get does not count beforehand.
    rows = judged.rows[:-1] or judged.rows
    return tuple(_part([gated(decision) for decision in row]) for row in zip(*rows, strict=True))


def _part(decisions: list[ClassDecision]) -> PartPreview:
    strictest = max(decisions, key=lambda d: SEVERITY[d.outcome])
    return PartPreview(
        data_class=strictest.data_class,
        outcome=strictest.outcome,
        rules=tuple(reason.rule for reason in strictest.reasons),
        sentence=" ".join(reason.sentence for reason in strictest.reasons),
        would_change=strictest.would_change,
        varies=any(d.outcome is not strictest.outcome for d in decisions),
    )


def _fields(accepted: AcceptedQuery, states: Iterable[StatePreview]) -> Fields:
    query, claims = accepted.query, accepted.query.claims
    return note_fields(
        preview="asked",
        agency=query.origin,
        operator=claims.operator,
        line=accepted.line,
        key=query.key,
        purpose=claims.purpose.value,
        offence=claims.offence.value,
        case=claims.case_number,
        instrument=f"{claims.instrument}:{claims.instrument_ref}",
        destinations=" ".join(query.destinations),
        likely=" ".join(f"{each.state}:{_likely(each)}" for each in states),
    )


def _likely(state: StatePreview) -> str:
    outcomes = {part.outcome for part in state.parts}
    return "+".join(each.value for each in Outcome if each in outcomes) or _UNKNOWN
