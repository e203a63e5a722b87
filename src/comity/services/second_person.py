"""Who gave a verdict on a hold: whoever is to look at it again must not be one of them.

INVARIANT (fail-closed): where it cannot be read who they were, nobody is another person.
Source: docs/adr/0050-re-review.md, docs/adr/0057-appeals.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, entry_name
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.verdict import Verdict
from comity.domain.vocabulary import LeafKind
from comity.exchange.private import Fields
from comity.ports import LedgerRows, Store
from comity.services.private_records import private_fields
from comity.services.vault import Vault

__all__ = [
    "BETWEEN_LEAVES_MAX",
    "GivenVerdict",
    "VerdictsOn",
    "VerdictsUnreadError",
    "had_part",
    "verdict_of",
    "verdicts_on",
]

BETWEEN_LEAVES_MAX: Final = 200_000
"""Leaves between a hold and its end that are looked through for verdicts on it."""
_CHUNK: Final = 4_096
_decoder: Final = msgspec.json.Decoder(Verdict)


class VerdictsUnreadError(ComityError):
    """It cannot be read who gave a verdict on a hold."""

    code = "verdicts-unread"


class GivenVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict on a hold, and the id of the key that signed it."""

    index: LeafIndex
    verdict: Verdict
    key_id: str


class VerdictsOn:
    """Reads the verdicts that holds of one host's members got."""

    def __init__(self, *, store: Store, rows: LedgerRows, vault: Vault) -> None:
        self._store = store
        self._rows = rows
        self._vault = vault

    async def on(self, member: Member, hold: LeafIndex, last: LeafIndex) -> list[GivenVerdict]:
        """Return every verdict on a hold up to a leaf, in order, whatever its kind.

        Raises: VerdictsUnreadError, StoreDownError.
        """
        given: list[GivenVerdict] = []
        async for index, _ in verdicts_on(self._rows, member, hold, last):
            fields = await self._fields(member, index)
            verdict = verdict_of(fields)
            if verdict is None:
                raise VerdictsUnreadError("it cannot be read who decided: nobody is a second one")
            key_id = dict(fields or ()).get("key", b"").decode("ascii", "replace")
            given.append(GivenVerdict(index=index, verdict=verdict, key_id=key_id))
        return given

    async def _fields(self, member: Member, index: LeafIndex) -> Fields | None:
        (leaf_hash,) = await self._rows.leaf_hashes(member, index, index + 1)
        return await private_fields(self._store, self._vault, member, index, leaf_hash)


async def verdicts_on(
    rows: LedgerRows, member: Member, hold: LeafIndex, last: LeafIndex
) -> AsyncIterator[tuple[LeafIndex, LeafHeader]]:
    """Yield every verdict on a hold up to a leaf, with its leaf.

    Raises: VerdictsUnreadError, StoreDownError.
    """
    if last - hold > BETWEEN_LEAVES_MAX:
        raise VerdictsUnreadError("too much lies between the hold and its verdict to be read")
    mark = f'"re":"{entry_name(member, hold)}"'.encode()
    for first in range(hold + 1, last + 1, _CHUNK):
        leaves = await rows.leaves(member, first, min(last + 1, first + _CHUNK))
        for place, data in enumerate(leaves, start=first):
            if not data:
                raise VerdictsUnreadError("a leaf behind the hold was withdrawn")
            if mark in data and (leaf := parse_leaf(data)).kind is LeafKind.VERDICT:
                yield LeafIndex(place), leaf


def had_part(
    given: Iterable[GivenVerdict], own: ReviewerKey, directory: Directory, state: Member
) -> bool:
    """Say whether somebody gave one of these verdicts, under this name or by this key."""
    for each in given:
        other = directory.reviewer(state, each.verdict.reviewer)
        # One key under two names is one person.
        is_same_key = other is not None and other.verify_key == own.verify_key
        if each.verdict.reviewer == own.name or each.key_id == own.key_id or is_same_key:
            return True
    return False


def verdict_of(fields: Fields | None) -> Verdict | None:
    """Return the verdict that was signed, behind the prefix of what is signed."""
    text = dict(fields or ()).get("verdict", b"")
    try:
        return _decoder.decode(text.partition(b"\n")[2])
    except msgspec.MsgspecError:
        return None
