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
from comity.review.past_figures import (
    CameOut,
    DecidedBy,
    ReviewFigures,
    again_of,
    caught_of,
    figures_of,
)
from comity.review.planted import PlantedEnd, end_by
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
    """`_made` are the figures of the decisions that were read last, by member; `_opened` is what
    their records said, which changes no more.
    """

    def __init__(self, *, store: Store, rows: LedgerRows, vault: Vault) -> None:
        self._store = store
        self._rows = rows
        self._vault = vault
        self._made: dict[Member, tuple[Past, ReviewFigures]] = {}
        self._opened: dict[Member, dict[LeafIndex, DecidedBy | None]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def read(self, member: Member, past: Past) -> ReviewFigures:
        """Return the figures of the last decisions that a person made. Raises: StoreDownError."""
        async with self._one_at_a_time:
            known = self._made.get(member)
            if known is not None and known[0] is past:
                return known[1]
            found = await self._found(member, past)
            decided = [each for each in found if each is not None]
            figures = msgspec.structs.replace(
                figures_of(decided, unread=len(found) - len(decided)),
                again=again_of(past.decisions, past.looks),
                tests=caught_of(await self._tested(member, past)),
            )
            self._made[member] = past, figures
            return figures

    async def decided(self, member: Member, past: Past) -> list[DecidedBy]:
        """Return the last decisions that a person made, of those that can be opened.

        Raises: StoreDownError.
        """
        async with self._one_at_a_time:
            found = await self._found(member, past)
        return [each for each in found if each is not None]

    async def _found(self, member: Member, past: Past) -> list[DecidedBy | None]:
        chosen = [each for each in past.decisions if each.became in _BY_A_PERSON][:FIGURES_MAX]
        known = self._opened.get(member, {})
        self._opened[member] = {
            each.index: known[each.index]
            if each.index in known
            else await self._decided(member, each)
            for each in chosen
        }
        return list(self._opened[member].values())

    async def _tested(self, member: Member, past: Past) -> list[CameOut]:
        """Return whose verdicts on test cases came out how; who proposed a release is one of them.

        Of cases that have ended alone: what is open still must not be known as a test.
        """
        ended = {each.hold_index for each in past.planted if each.end is not None}
        verdicts = [each for each in past.planted if each.end is not PlantedEnd.NOT_LOOKED_AT]
        found = []
        for each in verdicts[:FIGURES_MAX]:
            verdict = verdict_of(await self._fields(member, each.index))
            end = None if verdict is None else end_by(verdict.kind)
            if verdict is not None and end is not None and each.hold_index in ended:
                found.append(CameOut(reviewer=verdict.reviewer, end=end))
        return found

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
            reviewer=verdict.reviewer,
            became=each.became,
            seconds=verdict.at - taken_in,
            at=verdict.at,
        )

    async def _fields(self, member: Member, index: LeafIndex) -> Fields | None:
        hashes = await self._rows.leaf_hashes(member, index, index + 1)
        if not hashes:
            return None
        return await private_fields(self._store, self._vault, member, index, hashes[0])


def _taken_in(fields: Fields | None) -> int | None:
    text = dict(fields or ()).get("accepted_at", b"")
    return int(text) if text.isdigit() and len(text) <= _DIGITS_MAX else None
