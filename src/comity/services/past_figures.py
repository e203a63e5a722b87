"""A supervisor's figures, from the private records behind a state's last decisions.

Guarantee: of a record only its reviewer, the time of the verdict and the time at which the request
was taken in are read on; nothing of whom it was about is kept, returned or shown.
Source: docs/adr/0041-what-would-go-out.md, section The supervisor's figures.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from comity.domain.ids import LeafIndex, Member
from comity.exchange.private import Fields
from comity.ports import LedgerRows, Store
from comity.review.past import ENDINGS, Became, PastDecision
from comity.review.past_figures import DecidedBy, ReviewFigures, again_of, figures_of
from comity.services.past_decisions import Past
from comity.services.private_records import private_fields
from comity.services.second_person import verdict_of
from comity.services.vault import Vault

__all__ = ["FIGURES_MAX", "PastFigures"]

FIGURES_MAX: Final = 200
"""Decisions whose records are opened for one page."""
_BY_A_PERSON: Final = ENDINGS - {Became.EXPIRED}
_DIGITS_MAX: Final = 12


class PastFigures:
    """`_made` are the figures of the decisions that were read last, by member."""

    def __init__(self, *, store: Store, rows: LedgerRows, vault: Vault) -> None:
        self._store = store
        self._rows = rows
        self._vault = vault
        self._made: dict[Member, tuple[Past, ReviewFigures]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def read(self, member: Member, past: Past) -> ReviewFigures:
        """Return the figures of the last decisions that a person made. Raises: StoreDownError."""
        async with self._one_at_a_time:
            known = self._made.get(member)
            if known is not None and known[0] is past:
                return known[1]
            chosen = [each for each in past.decisions if each.became in _BY_A_PERSON]
            found = [await self._decided(member, each) for each in chosen[:FIGURES_MAX]]
            decided = [each for each in found if each is not None]
            figures = msgspec.structs.replace(
                figures_of(decided, unread=len(found) - len(decided)),
                again=again_of(past.decisions, past.looks),
            )
            self._made[member] = past, figures
            return figures

    async def decider(self, member: Member, index: LeafIndex) -> str:
        """Return who gave a verdict, empty where that cannot be read. Raises: StoreDownError."""
        verdict = verdict_of(await self._fields(member, index))
        return verdict.reviewer if verdict is not None else ""

    async def _decided(self, member: Member, each: PastDecision) -> DecidedBy | None:
        """Return who decided and after how long; None where a record cannot be opened."""
        verdict = verdict_of(await self._fields(member, each.index))
        taken_in = _taken_in(await self._fields(member, each.hold_index))
        if verdict is None or taken_in is None or verdict.at < taken_in:
            return None
        return DecidedBy(
            reviewer=verdict.reviewer, became=each.became, seconds=verdict.at - taken_in
        )

    async def _fields(self, member: Member, index: LeafIndex) -> Fields | None:
        hashes = await self._rows.leaf_hashes(member, index, index + 1)
        if not hashes:
            return None
        return await private_fields(self._store, self._vault, member, index, hashes[0])


def _taken_in(fields: Fields | None) -> int | None:
    text = dict(fields or ()).get("accepted_at", b"")
    return int(text) if text.isdigit() and len(text) <= _DIGITS_MAX else None
