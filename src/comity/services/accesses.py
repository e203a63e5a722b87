"""Readings that show a person, each recorded as an `access` leaf before anything is shown."""

from __future__ import annotations

from hashlib import sha256
from typing import Final, assert_never

from comity.domain.errors import ComityError
from comity.domain.ids import Member, entry_name, make_id, parse_entry_name
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import Fields
from comity.ledger.plan import Existing, Stale
from comity.ports import Clock, Entropy
from comity.services.entries import Entry
from comity.services.sequencer import Committed, Refused, Sequencer, recorded_index

__all__ = ["Accesses", "ReadingRepeatedError", "RulesChangedError"]

_NS: Final = 1_000_000_000


class ReadingRepeatedError(ComityError):
    """What was signed to be shown once was shown already."""

    code = "reading-repeated"


class RulesChangedError(ComityError):
    """Other rules came into force before a reading was recorded: nothing was shown."""

    code = "rules-changed"


class Accesses:
    """Records what was shown to whom."""

    def __init__(self, sequencer: Sequencer, clock: Clock, entropy: Entropy) -> None:
        self._sequencer = sequencer
        self._clock = clock
        self._entropy = entropy

    async def record(
        self, member: Member, fields: Fields, now: int, *, cites: str | None = None
    ) -> str:
        """Return the entry of the leaf, once it is durable. Raises: what the sequencer did."""
        exchange_id = make_id(self._clock.now_ns(), self._entropy.token(8))
        entry = Entry(
            member=member, exchange_id=exchange_id, leaves=(_leaf(member, fields, now, cites),)
        )
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        index = recorded_index(result)
        assert index is not None
        return entry_name(member, index)

    async def record_once(
        self, cites: str, fields: Fields, now: int, *, signed: tuple[int, bytes], policy: int
    ) -> str:
        """Return the entry of the leaf of a reading that shows once: what was signed, and when.

        `policy` is the leaf of the rules that it was decided under.
        Raises: ReadingRepeatedError, RulesChangedError, or what the sequencer refused with.
        """
        at, message = signed
        member, _ = parse_entry_name(cites)
        entry = Entry(
            member=member,
            exchange_id=make_id(at * _NS, sha256(message).digest()[:8]),
            leaves=(_leaf(member, fields, now, cites),),
            decided_under=policy,
        )
        (result,) = await self._sequencer.commit([entry])
        match result:
            case Committed():
                return entry_name(member, result.leaves[0].index)
            case Existing():
                raise ReadingRepeatedError("this reading was shown already: ask again")
            case Stale():
                raise RulesChangedError("other rules came into force meanwhile: ask again")
            case Refused():
                raise result.error
            case _:
                assert_never(result)


def _leaf(member: Member, fields: Fields, now: int, cites: str | None) -> WantedLeaf:
    # INVARIANT (no-answer-before-receipt): what shows a person is recorded first.
    return WantedLeaf(
        step=0,
        header=LeafHeader(
            version=1,
            kind=LeafKind.ACCESS,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=member,
            cites=cites,
        ),
        fields=fields,
    )
