"""How an installation stands with its witnesses: who answers, which ledgers have a quorum."""

from __future__ import annotations

import asyncio

import msgspec

from comity.app.database import open_reader
from comity.app.witness import open_witnesses, quorum_of
from comity.ledger.cosignature import read_cosignatures
from comity.ledger.quorum import QuorumFile
from comity.ports import UnreachableError, Witness
from comity.roles.host_files import HostFiles
from comity.roles.runtime import is_locked
from comity.roles.settings import Settings

__all__ = ["WitnessLook", "look_at_witnesses"]


class WitnessLook(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen: known witnesses, those that are silent, ledgers, and those with a quorum.

    `ledgers` counts those that have a checkpoint; none are counted where no network runs.
    """

    known: int
    silent: tuple[str, ...]
    ledgers: int = 0
    satisfied: int = 0


async def look_at_witnesses(settings: Settings) -> WitnessLook:
    """Ask every witness for an answer, and count ledgers. Raises: WitnessFilesError."""
    quorum = quorum_of(settings)
    async with open_witnesses(quorum) as witnesses:
        answers = await asyncio.gather(*(_answers(witness) for witness in witnesses))
    silent = [w.key.name for w, is_there in zip(witnesses, answers, strict=True) if not is_there]
    ledgers, satisfied = (0, 0)
    if quorum.witnesses and is_locked(settings.data_dir):
        ledgers, satisfied = await _count(settings, quorum)
    return WitnessLook(
        known=len(quorum.witnesses),
        silent=tuple(silent),
        ledgers=ledgers,
        satisfied=satisfied,
    )


async def _answers(witness: Witness) -> bool:
    try:
        await witness.last_checkpoint("")
    except UnreachableError:
        return False
    return True


async def _count(settings: Settings, quorum: QuorumFile) -> tuple[int, int]:
    members = list(HostFiles(settings.data_dir).ledger_keys())
    async with open_reader(settings, members) as store:
        rows = await store.checkpoints(members)
    found = [{one.key for one in read_cosignatures(r.published, quorum.witness_keys)} for r in rows]
    return len(rows), sum(quorum.is_satisfied(keys) for keys in found)
