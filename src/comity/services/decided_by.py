"""How many held requests each reviewer has decided lately, from the ledger's verdict leaves.

Guarantee: a leaf names nobody; who signed is read from its private record, once, and told to the
state's own supervisors alone. What cannot be opened is counted as nobody's.
Source: docs/adr/0053-assignment-and-conflict-of-interest.md.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.review.past import ENDINGS, Became
from comity.services.past_decisions import PastDecisions
from comity.services.private_records import RecordGoneError, Records

__all__ = ["SIGNERS_MAX", "DecidedBy"]

SIGNERS_MAX: Final = 4_096
"""Verdict leaves of which it is kept who signed; the one read first goes."""
_AT_ONCE: Final = 8
_PREFIX: Final = b"comity/verdict/v1\n"


class _Signed(msgspec.Struct, frozen=True):
    reviewer: str


_DECODER: Final = msgspec.json.Decoder(_Signed)


class DecidedBy:
    """Counts decisions by reviewer. `_signers`: who signed a leaf never changes."""

    def __init__(self, past: PastDecisions, records: Records) -> None:
        self._past = past
        self._records = records
        self._signers: dict[tuple[Member, int], str] = {}

    async def since(self, member: Member, hour: int) -> dict[str, int]:
        """Return how many requests each reviewer ended since an hour (counted from 1970).

        Of the last decisions alone, as `PastDecisions` reads them.
        Raises: StoreDownError, LeavesMissingError.
        """
        ended = [
            decision.index
            for decision in (await self._past.read(member)).decisions
            if decision.hour >= hour
            and decision.became in ENDINGS
            and decision.became is not Became.EXPIRED
        ]
        turns = asyncio.Semaphore(_AT_ONCE)

        async def signer(index: int) -> str:
            async with turns:
                return await self._signer(member, index)

        counts = Counter(await asyncio.gather(*map(signer, ended)))
        del counts[""]
        return dict(counts)

    async def _signer(self, member: Member, index: int) -> str:
        known = self._signers.get((member, index))
        if known is not None:
            return known
        try:
            _, record = await self._records.read(member, index)
            said = dict(record.fields).get("verdict", b"").removeprefix(_PREFIX)
            signer = _DECODER.decode(said).reviewer
        except (RecordGoneError, msgspec.MsgspecError):
            signer = ""
        self._signers[member, index] = signer
        while len(self._signers) > SIGNERS_MAX:
            del self._signers[next(iter(self._signers))]
        return signer
