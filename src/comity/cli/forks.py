"""A fork, for practice: a ledger's own key signs a second history, and witnesses are shown it."""

from __future__ import annotations

import asyncio
from typing import Final

from comity.app.keys import ledger_keys
from comity.app.witness import open_witnesses, quorum_of
from comity.audit.findings import EvidenceError
from comity.audit.notes import TrustedKey, read_vkey
from comity.audit.witnesses import check_evidence
from comity.cli.witness import fetch_evidence, list_evidence
from comity.domain.ids import Member
from comity.ledger.note import (
    checkpoint_text,
    encode_vkey,
    sign_note,
    verify_checkpoint,
)
from comity.ledger.witnessing import encode_add_checkpoint
from comity.practice.seen import (
    ForkSeen,
)
from comity.roles.settings import Settings

__all__ = ["show_fork"]

_ANOTHER_ROOT: Final = b"another history".ljust(32)


async def show_fork(settings: Settings, state: Member) -> list[ForkSeen]:
    """Show each witness another history of the size that it cosigned last of a state's ledger."""
    signer, key = ledger_keys(settings).of(state)
    quorum = quorum_of(settings)
    urls = [known.url for known in quorum.witnesses if known.url]
    seen = []
    async with open_witnesses(quorum) as witnesses:
        for witness, url in zip(witnesses, urls, strict=True):
            last = await witness.last_checkpoint(key.name)
            assert last is not None
            size = verify_checkpoint(last, key).size
            forged = sign_note(checkpoint_text(key.name, size, _ANOTHER_ROOT), key, signer)
            reply = await witness.add_checkpoint(encode_add_checkpoint(size, (), forged))
            trusted = read_vkey(encode_vkey(key))
            proves = await asyncio.to_thread(_proved, url, trusted)
            seen.append(ForkSeen(size=size, status=reply.status, proves=proves))
    return seen


def _proved(url: str, ledger: TrustedKey) -> tuple[str, ...]:
    """Return what the published documents about a ledger prove, checked by its own key."""
    proved = []
    for row in list_evidence(url):
        if row.origin == ledger.name:
            document = fetch_evidence(url, row.id)
            try:
                found = check_evidence(document.seen.encode(), document.shown.encode(), ledger)
            except EvidenceError:
                continue
            proved.append(found)
    return tuple(proved)
