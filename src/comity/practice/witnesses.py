"""The practice network's witnesses: processes beside the host, which in the field it never runs.

A witness that the ledger's own member runs proves nothing; here it shows how it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from comity.ledger.note import VerifierKey
from comity.ledger.quorum import Group, KnownLedger, KnownWitness, QuorumFile, encode_quorum_file
from comity.roles.files import write_private
from comity.roles.machine import LOOPBACK
from comity.roles.witness_files import QUORUM_NAME, WitnessFiles

__all__ = ["PRACTICE_WITNESSES", "found_witnesses", "witness_folder", "witness_name"]

PRACTICE_WITNESSES: Final = 2
"""Witnesses of a practice network; its quorum is both of them."""

_GROUP: Final = "practice"


def witness_name(number: int) -> str:
    """Return what a practice witness's process and folder are called."""
    return f"witness-{number}"


def witness_folder(data_dir: Path, number: int) -> Path:
    """Return where a practice witness keeps its files."""
    return data_dir / witness_name(number)


def found_witnesses(
    data_dir: Path,
    domain: str,
    ledgers: Iterable[VerifierKey],
    ports: Sequence[int],
) -> None:
    """Write witnesses' keys where there are none, whom they follow, and the host's quorum file.

    The files other than keys are written at each start: ports change.
    """
    known = tuple(KnownLedger(key=key) for key in ledgers)
    witnesses = []
    for number, port in enumerate(ports, start=1):
        files = WitnessFiles(witness_folder(data_dir, number))
        if not files.exist():
            files.make(f"witness.{domain}/{number}")
        files.write_ledgers(QuorumFile(ledgers=known))
        witnesses.append(
            KnownWitness(
                name=witness_name(number),
                key=files.verifier_key(),
                url=f"http://{LOOPBACK}:{port}",
            )
        )
    names = tuple(witness.name for witness in witnesses)
    quorum = QuorumFile(
        ledgers=known,
        witnesses=tuple(witnesses),
        groups=(Group(name=_GROUP, count=len(names), members=names),),
        quorum=_GROUP,
    )
    write_private(data_dir / QUORUM_NAME, encode_quorum_file(quorum))
