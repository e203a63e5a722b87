"""What commands say about witnesses: how many cosigned a checkpoint, and whether that is enough.

Guarantee: it is the independent checker that counts; a quorum that the caller demands and that is
missing is a failure, one that this installation merely knows is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from comity.app.witness import quorum_of
from comity.audit.notes import TrustedKey
from comity.audit.witnesses import Quorum, WitnessReport, check_quorum, read_quorum
from comity.cli.errors import UsageError
from comity.domain.errors import MalformedError
from comity.domain.ids import Member
from comity.ledger.quorum import QUORUM_FILE_BYTES_MAX, QuorumFile, encode_quorum_file
from comity.ports import Store
from comity.roles.settings import Settings

__all__ = [
    "QuorumOption",
    "Witnessed",
    "known_quorum",
    "read_quorum_option",
    "until_cosigned",
    "witness_words",
    "witnessed_by",
]

COSIGN_SECONDS_MAX: Final = 4.0
"""How long an export waits for the witnesses of a checkpoint that was just signed."""
_POLL_SECONDS: Final = 0.1

QuorumOption = Annotated[
    Path | None,
    typer.Option(
        "--quorum", metavar="FILE", help="Quorum file (tlog-policy) that must be satisfied."
    ),
]


class Witnessed(msgspec.Struct, frozen=True, kw_only=True):
    """Who of the known witnesses cosigned, and whether that is enough."""

    cosigned: tuple[str, ...]
    known: int
    satisfied: bool


def read_quorum_option(file: Path | None) -> Quorum | None:
    """Return the quorum that a caller demands, if it does. Raises: UsageError."""
    if file is None:
        return None
    try:
        with file.open("rb") as opened:
            return read_quorum(opened.read(QUORUM_FILE_BYTES_MAX + 1))
    except FileNotFoundError:
        raise UsageError(f"there is no file `{file}`") from None
    except MalformedError as error:
        raise UsageError(f"`{file}` is no quorum file: {error}") from None


def known_quorum(settings: Settings) -> Quorum | None:
    """Return the quorum of this installation, None where it knows no witness."""
    file = quorum_of(settings)
    return read_quorum(encode_quorum_file(file)) if file.witnesses else None


def witnessed_by(note: bytes, key: TrustedKey, quorum: Quorum) -> Witnessed:
    """Return who cosigned a checkpoint. Raises: EvidenceError, EvidenceFormError."""
    report: WitnessReport = check_quorum(note, key, quorum)
    return Witnessed(
        cosigned=tuple(report.cosigned), known=report.known, satisfied=report.is_satisfied
    )


def witness_words(seen: Witnessed) -> str:
    """Return a sentence about the witnesses of a checkpoint."""
    if not seen.cosigned:
        return f"unwitnessed: none of {seen.known} witnesses cosigned"
    enough = "the quorum is satisfied" if seen.satisfied else "that is no quorum"
    return f"{len(seen.cosigned)} of {seen.known} witnesses cosigned; {enough}"


async def until_cosigned(store: Store, member: Member, file: QuorumFile) -> None:
    """Wait until the newest checkpoint has as many lines as there are witnesses, or for a while."""
    wanted: Sequence[object] = [witness for witness in file.witnesses if witness.url]
    deadline = time.monotonic() + COSIGN_SECONDS_MAX
    while wanted and time.monotonic() < deadline:
        row = await store.checkpoint(member)
        if row is None or len(row.cosignatures) >= len(wanted):
            return
        await asyncio.sleep(_POLL_SECONDS)
