"""Retired ledgers and their successors in small, as cases of vectors/ledger/succession.json.

`python -m tests.support.succession` writes the file; a test compares it with what is made here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from comity.domain.ids import Member
from comity.domain.keeping import (
    KeepingReason,
    KeyEvent,
    KeyEventKind,
    Retired,
    encode_key_event,
)
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.ledger.note import checkpoint_text, encode_vkey, sign_note
from comity.ledger.tree import hash_leaves, tree_root
from tests.support.ledger import PracticeSigner, leaves_of

FILE: Final = Path(__file__).parents[2] / "vectors" / "ledger" / "succession.json"
TX: Final = Member("tx")
CUT: Final = 5

FIRST: Final = PracticeSigner("ledger.example/tx", bytes([31]) * 32)
SECOND: Final = PracticeSigner("ledger.example/tx.2", bytes([32]) * 32)
THIRD: Final = PracticeSigner("ledger.example/tx.3", bytes([33]) * 32)
STRANGER: Final = PracticeSigner("ledger.example/tx", bytes([34]) * 32)

LEAVES: Final = leaves_of(40)
OTHERS: Final = leaves_of(80)[40:]

Case = dict[str, Any]


def note_of(leaves: Sequence[bytes], signer: PracticeSigner, size: int | None = None) -> bytes:
    """A checkpoint of these leaves, or of the first `size` of them."""
    shown = leaves[: len(leaves) if size is None else size]
    text = checkpoint_text(signer.key.name, len(shown), tree_root(hash_leaves(shown)))
    return sign_note(text, signer.key, signer)


def event_for(
    leaves: Sequence[bytes],
    retired: PracticeSigner = FIRST,
    beyond: Sequence[bytes] = (),
    **changes: object,
) -> bytes:
    """The event by which a successor goes on from exactly these leaves."""
    said = Retired(
        origin=retired.key.name,
        vkey=encode_vkey(retired.key),
        size=len(leaves),
        root=tree_root(hash_leaves(leaves)),
        checkpoint=note_of(leaves, retired).decode(),
        beyond=tuple(note.decode() for note in beyond),
    )
    event = KeyEvent(
        version=1,
        member=TX,
        event=KeyEventKind.SUCCEEDED,
        reason=KeepingReason.FORK,
        retired=msgspec.structs.replace(said, **changes),
    )
    return encode_key_event(event)


def event_leaf(document: bytes) -> bytes:
    """The `key` leaf that names an event."""
    header = LeafHeader(
        version=1,
        kind=LeafKind.KEY,
        mode=LeafMode.LIVE,
        hour=490_000,
        member=TX,
        digest=sha256(document).digest(),
        commitment=sha256(b"practice event").digest(),
    )
    return encode_leaf(header)


def case(
    name: str,
    says: str,
    *,
    events: Mapping[int, bytes],
    leaves: Sequence[bytes],
    old: Sequence[bytes],
    signers: tuple[PracticeSigner, PracticeSigner] = (SECOND, FIRST),
    old_events: Mapping[int, bytes] | None = None,
    kept: Sequence[bytes] = (),
    heads: Sequence[tuple[int, bool]] = (),
    findings: Sequence[str] = (),
    cut: int = CUT,
) -> Case:
    """One case: what is given, and what an audit of the succession finds."""
    new, retired = signers
    return {
        "id": name,
        "case": "succession",
        "says": says,
        "vkey": encode_vkey(new.key),
        "leaves": [leaf.decode() for leaf in leaves],
        "checkpoint": note_of(leaves, new).decode(),
        "documents": {str(at): data.decode() for at, data in events.items()},
        "retired_vkey": encode_vkey(retired.key),
        "retired_leaves": [leaf.decode() for leaf in old],
        "retired_checkpoint": note_of(old, retired).decode(),
        "retired_documents": {str(at): d.decode() for at, d in (old_events or {}).items()},
        "kept": [note.decode() for note in kept],
        "cut": cut,
        "heads": [{"size": size, "is_beyond": is_beyond} for size, is_beyond in heads],
        "findings": list(findings),
    }


def good(document: bytes, more: int = 2, prefix: Sequence[bytes] = LEAVES[:CUT]) -> list[bytes]:
    """A successor's leaves: the prefix, its event, and some of its own."""
    return [*prefix, event_leaf(document), *OTHERS[:more]]


def cases() -> list[Case]:
    """Every case, in the order of the file."""
    prefix = LEAVES[:CUT]
    event = event_for(prefix)
    plain: dict[str, Any] = {"events": {CUT: event}, "leaves": good(event)}
    fork = [*LEAVES[:3], *OTHERS[:2]]
    forked = event_for(prefix, beyond=[note_of(LEAVES[:8], FIRST), note_of(fork, FIRST)])
    stranger = event_for(prefix, beyond=[note_of(LEAVES[:8], STRANGER)])
    second = good(event)
    third = event_for(second[:7], SECOND)
    rekeyed = event_for(prefix, vkey=encode_vkey(STRANGER.key))
    unsigned = event_for(prefix, checkpoint=note_of(prefix, STRANGER).decode())
    resized = event_for(prefix, size=CUT - 1)
    elsewhere = event_for(prefix)
    other = event_for(prefix, STRANGER, origin="ledger.example/tx.9")
    altered = [*LEAVES[:2], OTHERS[9], *LEAVES[3:CUT]]
    differs = ["succession-differs"]
    return [
        case("LG-1001", "the old copy goes beyond the cut", **plain, old=LEAVES[:8],
             heads=[(8, True)]),
        case("LG-1002", "the old copy is shorter than the prefix", **plain, old=LEAVES[:3],
             heads=[(3, False)]),
        case("LG-1003", "the old copy is exactly the prefix", **plain, old=prefix,
             heads=[(5, False)]),
        case("LG-1004", "the event names a longer head and a fork below the cut",
             events={CUT: forked}, leaves=good(forked), old=LEAVES[:8],
             heads=[(8, True), (5, True)]),
        case("LG-1005", "heads that somebody kept", **plain, old=LEAVES[:8],
             kept=[note_of(LEAVES, FIRST, 4), note_of(fork, FIRST, 4)],
             heads=[(8, True), (4, False), (4, True)]),
        case("LG-1006", "the third ledger goes on from the second",
             events={CUT: event, 7: third}, leaves=good(third, 3, second[:7]),
             old=second, signers=(THIRD, SECOND), old_events={CUT: event}, cut=7,
             heads=[(8, True)]),
        case("LG-1007", "no event", events={}, leaves=[*prefix, *OTHERS[:3]], old=LEAVES[:8],
             cut=0, findings=["succession-missing"]),
        case("LG-1008", "the event is of another ledger", events={CUT: other},
             leaves=good(other), old=LEAVES[:8], cut=0, findings=["succession-missing"]),
        case("LG-1009", "the event names another key", events={CUT: rekeyed},
             leaves=good(rekeyed), old=LEAVES[:8], findings=differs),
        case("LG-1010", "the event's checkpoint is not by the retired key",
             events={CUT: unsigned}, leaves=good(unsigned), old=LEAVES[:8], findings=differs),
        case("LG-1011", "the event's checkpoint is of another size", events={CUT: resized},
             leaves=good(resized), old=LEAVES[:8], findings=[*differs, *differs]),
        case("LG-1012", "the event stands beyond the cut", events={CUT + 1: elsewhere},
             leaves=good(elsewhere, 2, [*prefix, OTHERS[5]]), old=LEAVES[:8], cut=CUT + 1,
             findings=differs),
        case("LG-1013", "a third ledger in the place of the second", **plain, old=LEAVES[:8],
             signers=(THIRD, FIRST), findings=differs),
        case("LG-1014", "the prefix has another leaf than the checkpoint", events={CUT: event},
             leaves=good(event, 2, altered), old=LEAVES[:8], findings=differs),
        case("LG-1015", "the old copy is of another history", **plain, old=[*fork, *LEAVES[5:8]],
             heads=[(8, True)], findings=differs),
        case("LG-1016", "a note beyond the cut is not by the retired key",
             events={CUT: stranger}, leaves=good(stranger), old=LEAVES[:8],
             heads=[(8, True)], findings=differs),
    ]  # fmt: skip


def document() -> str:
    """The file's text."""
    said = {
        "title": "Whether a ledger succeeds another",
        "source": "docs/adr/0026-succession.md",
        "cases": cases(),
    }
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), "utf-8")
