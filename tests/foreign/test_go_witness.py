"""Cosigned notes are verified by Go's own note library, and their faults found by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from comity.ledger.note import KeyKind, encode_vkey
from tests.foreign.test_go_checker import Checker, checker
from tests.support.ledger import PracticeSigner
from tests.support.witness import LEDGER, WITNESS, WitnessHost, note_of, request_of

__all__ = ["checker"]

OTHER = PracticeSigner("witness.example/nv", b"\x05" * 32, KeyKind.COSIGNATURE)
LEDGER_VKEY, WITNESS_VKEY = encode_vkey(LEDGER.key), encode_vkey(WITNESS.key)


async def cosigned(size: int = 8) -> bytes:
    """What a witness answers, behind the note that it was shown."""
    step = await WitnessHost().desk.take(request_of(0, size))
    return note_of(size) + step.body


async def test_cosigned_checkpoint_is_accepted(checker: Checker, tmp_path: Path) -> None:
    """Ledger's and witness's lines are verified by a program without a line of our code."""
    file = tmp_path / "checkpoint"
    file.write_bytes(await cosigned())
    seen = checker("cosigned", file, LEDGER_VKEY, WITNESS_VKEY)
    assert (seen.returncode, seen.stderr) == (0, "")
    assert seen.stdout.startswith("ok size=8 ")


@pytest.mark.parametrize("fault", ["unsigned", "other time", "other text", "other witness"])
async def test_fault_of_a_cosignature_is_found(
    checker: Checker, tmp_path: Path, fault: str
) -> None:
    """A note without the witness's line, or with one that it did not make for it, is refused."""
    note, other = await cosigned(), await cosigned(20)
    line = note.splitlines(keepends=True)[-1]
    faults = {
        "unsigned": note.removesuffix(line),
        "other time": note.replace(line, line.replace(b"AAAABr", b"AAAABq")),
        "other text": note.replace(line, other.splitlines(keepends=True)[-1]),
        "other witness": note,
    }
    file = tmp_path / "checkpoint"
    file.write_bytes(faults[fault])
    assert fault == "other witness" or faults[fault] != note
    vkey = encode_vkey(OTHER.key) if fault == "other witness" else WITNESS_VKEY
    assert checker("cosigned", file, LEDGER_VKEY, vkey).returncode == 1
