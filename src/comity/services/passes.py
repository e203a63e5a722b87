"""Case passes of this host's members: granted, kept in memory for the hot path, used, revoked.

    grant   verify, check what it says it comes from, commit leaf and row; then, and only then, use
    load    open, verify again, keep; what cannot be opened or verified is no pass
    find    by member, agency and case in one look-up: nothing where nobody has a pass
    revoke  forget it first, then commit: what is decided from now on does not rest on it

INVARIANT (review-is-verified): a pass is found only if its signature was verified here, under a key
that is still enrolled. A use is recorded with its disclosure, and the store refuses it once the
pass is revoked. Source: docs/adr/0034-passes-and-urgent-lane.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import (
    ORI,
    LeafIndex,
    Member,
    entry_name,
    make_id,
    parse_entry_name,
)
from comity.domain.leaf import SEALED, LeafHeader, parse_leaf
from comity.domain.passes import (
    CasePass,
    SignedPass,
    SignedRevocation,
    pass_bytes,
    revocation_bytes,
)
from comity.domain.query import Exchange
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.ports import Clock, LedgerRows, PassRow, Store
from comity.review.passes import (
    PassError,
    PassUnknownError,
    check_pass,
    check_revocation,
    check_standing,
    covers,
    pass_leaf,
    revocation_leaf,
)
from comity.services.entries import Entry, PassEnd
from comity.services.events import Events
from comity.services.health import ClockSkewedError, Health
from comity.services.member import World
from comity.services.review_rows import decode_pass, pass_place
from comity.services.sequencer import Refused, Sequencer, recorded_index
from comity.services.vault import Vault

__all__ = ["Passes", "PassesFullError", "Standing"]

_NS: Final = 1_000_000_000
_PASSES_MAX: Final = 65_536
"""Passes that stand at one host at a time; a further one is refused."""
_PASSES_A_CASE_MAX: Final = 64
"""Passes that stand for one case of one agency: a request of it is held against each."""


class PassesFullError(ComityError):
    """More case passes stand than may: nothing was granted."""

    code = "passes-full"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A pass that was verified here: its leaf, what was signed, and by which enrolled key."""

    entry: str
    signed: SignedPass
    key: ReviewerKey

    @property
    def case_pass(self) -> CasePass:
        """What was granted."""
        return self.signed.case_pass


class Passes:
    """`_by_case` has what stands, `_by_entry` the same by its leaf, `_ended` what was revoked since
    the store was read; `load`, `revoke`, `_keep` and `_forget` alone write them.
    """

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        rows: LedgerRows,
        vault: Vault,
        sequencer: Sequencer,
        health: Health,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._rows = rows
        self._vault = vault
        self._sequencer = sequencer
        self._health = health
        self._clock = clock
        self._events = events
        self._by_case: dict[tuple[Member, ORI, str], list[Standing]] = {}
        self._by_entry: dict[str, Standing] = {}
        self._ended: set[str] = set()

    async def load(self, members: Iterable[Member]) -> None:
        """Read what stands, as at every start, and where a key may have gone."""
        owned = [member for member in members if self._sequencer.owns(member)]
        if not owned:
            return
        # What is granted while the store is read stands: it is not among these.
        before = [e for e, s in self._by_entry.items() if s.case_pass.state in owned]
        rows = await self._store.case_passes(owned, self._now())
        for entry in before:
            self._forget(entry)
        self._ended &= {entry_name(row.member, row.leaf_index) for row in rows}
        for row in rows:
            try:
                self._keep(entry_name(row.member, row.leaf_index), *self._opened(row))
            except (ComityError, msgspec.MsgspecError) as error:
                # INVARIANT (fail-closed): what cannot be read or verified grants nothing.
                self._events.failure("pass_not_loaded", error, member=row.member)

    def find(self, exchange: Exchange) -> Standing | None:
        """Return the newest pass that a request is under, or None."""
        case = exchange.claims.case_number
        if not case:
            return None
        standing = self._by_case.get((exchange.state, exchange.agency, case))
        if standing is None:
            return None
        now = self._now()
        for found in reversed(standing):
            if covers(found.case_pass, exchange, now) and self._is_enrolled(found):
                return found
        return None

    def stands(self, entry: str) -> bool:
        """Say whether a pass that a decision rests on still counts."""
        found = self._by_entry.get(entry)
        if found is None or self._now() >= found.case_pass.until:
            return False
        return self._is_enrolled(found)

    async def grant(self, signed: SignedPass) -> str:
        """Record a pass; return its entry. The same one again gets its entry again.

        Raises: VerdictError, PassError, PassesFullError, ClockSkewedError, or what the sequencer
        refused with.
        """
        # INVARIANT (fail-closed): by this host's clock it would begin and end at the wrong time.
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")
        case_pass = signed.case_pass
        now = self._now()
        key = self._key_of(case_pass)
        check_pass(signed, key, now)
        assert key is not None
        if self._world.directory.agency(case_pass.agency) is None:
            raise PassError("`agency` is not listed in the directory")
        await self._check_hold(case_pass)
        self._drop_over(now)
        if len(self._by_entry) >= _PASSES_MAX:
            raise PassesFullError(f"{_PASSES_MAX} case passes stand at this host")
        if len(self._by_case.get(_place(case_pass), ())) >= _PASSES_A_CASE_MAX:
            raise PassesFullError(f"{_PASSES_A_CASE_MAX} passes stand for this case")
        own_id = make_id(case_pass.at * _NS, sha256(pass_bytes(case_pass)).digest()[:8])
        leaf = pass_leaf(signed, now, is_veiled=self._is_veiled(case_pass))
        index = await self._commit(
            Entry(member=case_pass.state, exchange_id=own_id, leaves=(leaf,), grants=signed)
        )
        entry = entry_name(case_pass.state, index)
        row = await self._store.case_pass(case_pass.state, index)
        # Sent again after its end, it does not begin anew.
        if row is not None and row.revoked_by is None:
            self._keep(entry, signed, key)
        self._events.note("passes_granted", member=case_pass.state)
        return entry

    async def revoke(self, signed: SignedRevocation) -> str:
        """End a pass; return the entry of the leaf that says so.

        Raises: VerdictError, PassError, PassUnknownError, or what the sequencer refused with.
        """
        revocation = signed.revocation
        now = self._now()
        key = self._world.directory.reviewer(revocation.state, revocation.reviewer)
        check_revocation(signed, key, now)
        member, index = parse_entry_name(revocation.pass_entry)
        row = await self._store.case_pass(member, index)
        if row is None:
            raise PassUnknownError("no case pass stands under this entry")
        header = await self._header(member, index)
        own_id = make_id(revocation.at * _NS, sha256(revocation_bytes(revocation)).digest()[:8])
        if row.revoked_by is not None:
            raise PassUnknownError(
                f"the pass was revoked already, by {entry_name(member, row.revoked_by)}"
            )
        # INVARIANT (restriction-never-waits): from here on nothing new rests on it; what was handed
        # to the sequencer before stands before the revocation.
        self._forget(revocation.pass_entry)
        self._ended.add(revocation.pass_entry)
        shown = header.agency if header is not None and header.agency else SEALED
        revoked = await self._commit(
            Entry(
                member=member,
                exchange_id=own_id,
                leaves=(revocation_leaf(signed, shown, now),),
                pass_end=PassEnd(leaf_index=index, revoked=True),
            )
        )
        self._events.note("passes_revoked", member=member)
        return entry_name(member, revoked)

    async def standing(self, member: Member) -> list[tuple[PassRow, CasePass]]:
        """Return a member's passes that stand, with how often each was used."""
        found: list[tuple[PassRow, CasePass]] = []
        for row in await self._store.case_passes([member], self._now()):
            standing = self._by_entry.get(entry_name(member, row.leaf_index))
            if standing is not None and self._is_enrolled(standing):
                found.append((row, standing.case_pass))
        return found

    async def one(self, entry: str) -> tuple[PassRow, CasePass]:
        """Return one pass, standing or not. Raises: PassUnknownError, LostKeyError."""
        row = await self._store.case_pass(*parse_entry_name(entry))
        if row is None:
            raise PassUnknownError("no case pass stands under this entry")
        place = pass_place(row.pass_id, row.member)
        return row, decode_pass(self._vault.open(row.member, row.sealed, place)).case_pass

    def _opened(self, row: PassRow) -> tuple[SignedPass, ReviewerKey]:
        place = pass_place(row.pass_id, row.member)
        signed = decode_pass(self._vault.open(row.member, row.sealed, place))
        case_pass = signed.case_pass
        if case_pass.state != row.member:
            raise PassError("`state` of a pass is not the ledger's that it stands in")
        key = self._key_of(case_pass)
        check_standing(signed, key)
        assert key is not None
        return signed, key

    def _is_enrolled(self, standing: Standing) -> bool:
        """Say whether the key that it was verified with is enrolled: an id may be used anew."""
        return self._key_of(standing.case_pass) == standing.key

    def _key_of(self, case_pass: CasePass) -> ReviewerKey | None:
        return self._world.directory.reviewer(case_pass.state, case_pass.reviewer)

    def _is_veiled(self, case_pass: CasePass) -> bool:
        """Say whether a disclosure under the pass may stand sealed: then the pass must not tell."""
        publication = self._world.policy(case_pass.state)[1].bundle.publication
        return publication is not None and case_pass.purpose is None

    async def _check_hold(self, case_pass: CasePass) -> None:
        """Check that what a pass says it was granted from is a hold of its agency."""
        if not case_pass.hold_entry:
            return
        header = await self._header(*parse_entry_name(case_pass.hold_entry))
        if header is None or header.kind is not LeafKind.HOLD or header.mode is not LeafMode.LIVE:
            raise PassError("`hold_entry` cites no hold of this ledger")
        if header.agency not in {case_pass.agency, SEALED} and ":" not in (header.agency or ""):
            raise PassError("`hold_entry` cites a hold of another agency")

    async def _header(self, member: Member, index: int) -> LeafHeader | None:
        leaves = await self._rows.leaves(member, index, index + 1)
        return parse_leaf(leaves[0]) if leaves and leaves[0] else None

    async def _commit(self, entry: Entry) -> LeafIndex:
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        index = recorded_index(result)
        if index is None:
            raise PassError("another policy came into force meanwhile: send it again")
        return LeafIndex(index)

    def _keep(self, entry: str, signed: SignedPass, key: ReviewerKey) -> None:
        self._forget(entry)
        if entry in self._ended:
            return
        standing = Standing(entry=entry, signed=signed, key=key)
        self._by_entry[entry] = standing
        self._by_case.setdefault(_place(signed.case_pass), []).append(standing)

    def _forget(self, entry: str) -> None:
        standing = self._by_entry.pop(entry, None)
        if standing is None:
            return
        place = _place(standing.case_pass)
        left = [each for each in self._by_case[place] if each.entry != entry]
        if left:
            self._by_case[place] = left
        else:
            del self._by_case[place]

    def _drop_over(self, now: int) -> None:
        for entry in [e for e, s in self._by_entry.items() if s.case_pass.until <= now]:
            self._forget(entry)

    def _now(self) -> int:
        return self._clock.now_ns() // _NS


def _place(case_pass: CasePass) -> tuple[Member, ORI, str]:
    return case_pass.state, case_pass.agency, case_pass.case_number
