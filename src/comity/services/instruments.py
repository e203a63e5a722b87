"""Legal instruments of this host's members: registered, verified by another, used, revoked.

    register  check what one person read, commit leaf and row: it covers nothing yet
    verify    check what another person read and heard, commit; then, and only then, it covers
    load      open, check both again, keep; what cannot be opened or checked covers nothing
    find      by member, agency, kind and number in one look-up: nothing where nobody has one
    revoke    forget it first, then commit: what is decided from now on does not rest on it

INVARIANT (review-is-verified): an instrument covers a request only if two people's signatures were
verified here, under keys that are still enrolled. A use is recorded with its disclosure, and the
store refuses it once the instrument is revoked. Source: docs/adr/0046-instruments.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, LeafIndex, Member, entry_name, make_id, parse_entry_name
from comity.domain.instruments import (
    InstrumentFile,
    RegisteredInstrument,
    SignedInstrument,
    SignedInstrumentRevocation,
    SignedVerification,
    instrument_bytes,
    instrument_revocation_bytes,
    verification_bytes,
)
from comity.domain.leaf import SEALED, parse_leaf
from comity.domain.query import Exchange
from comity.domain.vocabulary import Instrument, LeafKind
from comity.ports import Clock, InstrumentRow, LedgerRows, Store
from comity.review.instruments import (
    InstrumentError,
    InstrumentUnknownError,
    check_file,
    check_instrument_revocation,
    check_registration,
    check_verification,
    covers_request,
    instrument_revocation_leaf,
    registration_leaf,
    verification_leaf,
)
from comity.services.entries import Entry, InstrumentEnd
from comity.services.events import Events
from comity.services.health import ClockSkewedError, Health
from comity.services.member import World
from comity.services.review_rows import decode_instrument, instrument_place
from comity.services.sequencer import Refused, Sequencer, recorded_index
from comity.services.vault import Vault

__all__ = ["Instruments", "InstrumentsFullError", "KnownInstrument"]

_NS: Final = 1_000_000_000
_INSTRUMENTS_MAX: Final = 65_536
"""Instruments that stand at one host at a time; a further one is refused."""
_A_NUMBER_MAX: Final = 16
"""Instruments that stand under one number of one agency: a request is held against each."""

_Place = tuple[Member, ORI, Instrument, str]


class InstrumentsFullError(ComityError):
    """More instruments stand than may: nothing was registered."""

    code = "instruments-full"


class KnownInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument whose signatures were verified here, and by which enrolled keys."""

    entry: str
    file: InstrumentFile
    first: ReviewerKey
    second: ReviewerKey | None = None

    @property
    def instrument(self) -> RegisteredInstrument:
        """What was registered."""
        return self.file.registered.instrument


class Instruments:
    """`_by_number` has what is known, `_by_entry` the same by its leaf, `_ended` what was revoked
    since the store was read; `load`, `revoke`, `_keep` and `_forget` alone write them.
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
        self._by_number: dict[_Place, list[KnownInstrument]] = {}
        self._by_entry: dict[str, KnownInstrument] = {}
        self._ended: set[str] = set()

    async def load(self, members: Iterable[Member]) -> None:
        """Read what stands, as at every start, and where a key may have gone."""
        owned = [member for member in members if self._sequencer.owns(member)]
        if not owned:
            return
        before = {e: k for e, k in self._by_entry.items() if k.instrument.state in owned}
        rows = await self._store.instruments(owned, self._now())
        for entry, known in before.items():
            if self._by_entry.get(entry) is known:
                self._forget(entry)
        self._ended &= {entry_name(row.member, row.leaf_index) for row in rows}
        for row in rows:
            if entry_name(row.member, row.leaf_index) in self._by_entry:
                # Registered or verified while the store was read: the row is the older one.
                continue
            try:
                self._keep(self._checked(row))
            except (ComityError, msgspec.MsgspecError) as error:
                # INVARIANT (fail-closed): what cannot be read or verified covers nothing.
                self._events.failure("instrument_not_loaded", error, member=row.member)

    def find(self, exchange: Exchange) -> KnownInstrument | None:
        """Return the newest verified instrument that covers a request, or None."""
        now = self._now()
        for known in reversed(self.claimed_by(exchange)):
            if known.second is None or not self._is_enrolled(known):
                continue
            if covers_request(known.instrument, exchange, now):
                return known
        return None

    def claimed_by(self, exchange: Exchange) -> list[KnownInstrument]:
        """Return what is known under the number that a request names, whether it covers or not."""
        claims = exchange.claims
        place = (exchange.state, exchange.agency, claims.instrument, claims.instrument_ref)
        return self._by_number.get(place, [])

    def stands(self, entry: str) -> bool:
        """Say whether an instrument that a decision rests on still counts."""
        known = self._by_entry.get(entry)
        if known is None or known.second is None or self._now() >= known.instrument.until:
            return False
        return self._is_enrolled(known)

    async def register(self, signed: SignedInstrument) -> str:
        """Record what a person read; return its entry. The same one again gets its entry again.

        Raises: VerdictError, InstrumentError, InstrumentsFullError, ClockSkewedError, or what the
        sequencer refused with.
        """
        self._check_clock()
        instrument, now = signed.instrument, self._now()
        key = self._key_of(instrument.state, instrument.reviewer)
        check_registration(signed, key, now)
        assert key is not None
        if self._world.directory.agency(instrument.agency) is None:
            raise InstrumentError("`agency` is not listed in the directory")
        await self._check_hold(instrument)
        self._drop_over(now)
        if len(self._by_entry) >= _INSTRUMENTS_MAX:
            raise InstrumentsFullError(f"{_INSTRUMENTS_MAX} instruments stand at this host")
        if len(self._by_number.get(_place(instrument), ())) >= _A_NUMBER_MAX:
            raise InstrumentsFullError(f"{_A_NUMBER_MAX} instruments stand under this number")
        file = InstrumentFile(registered=signed)
        own_id = make_id(instrument.at * _NS, sha256(instrument_bytes(instrument)).digest()[:8])
        # A disclosure under it may stand sealed: then the public ledger must not tell whose it is.
        is_veiled = self._world.policy(instrument.state)[1].bundle.publication is not None
        leaf = registration_leaf(signed, now, is_veiled=is_veiled)
        index = await self._commit(
            Entry(member=instrument.state, exchange_id=own_id, leaves=(leaf,), registers=file)
        )
        entry = entry_name(instrument.state, index)
        row = await self._store.instrument(instrument.state, index)
        # Sent again after its end or its verification, it does not begin anew.
        if row is not None and row.revoked_by is None and row.verified_by is None:
            self._keep(KnownInstrument(entry=entry, file=file, first=key))
        self._events.note("instruments_registered", member=instrument.state)
        return entry

    async def verify(self, signed: SignedVerification) -> str:
        """Record that a second person verified an instrument; return the entry that says so.

        Raises: VerdictError, InstrumentError, InstrumentUnknownError, ClockSkewedError, or what the
        sequencer refused with.
        """
        self._check_clock()
        verification, now = signed.verification, self._now()
        row, file = await self._standing(verification.instrument_entry, verification.state)
        registered = file.registered
        first = self._key_of(registered.instrument.state, registered.instrument.reviewer)
        second = self._key_of(verification.state, verification.reviewer)
        check_verification(signed, second, registered, first, now)
        assert first is not None
        assert second is not None
        if row.verified_by is not None:
            raise InstrumentError(
                f"the instrument was verified already, by {entry_name(row.member, row.verified_by)}"
            )
        verified = InstrumentFile(registered=registered, verified=signed)
        digest = sha256(verification_bytes(verification)).digest()
        own_id = make_id(verification.at * _NS, digest[:8])
        index = await self._commit(
            Entry(
                member=row.member,
                exchange_id=own_id,
                leaves=(verification_leaf(signed, registered.instrument.kind, now),),
                instrument_end=InstrumentEnd(
                    leaf_index=row.leaf_index,
                    instrument_id=row.instrument_id,
                    verified=verified,
                ),
            )
        )
        self._keep(
            KnownInstrument(
                entry=verification.instrument_entry, file=verified, first=first, second=second
            )
        )
        self._events.note("instruments_verified", member=row.member)
        return entry_name(row.member, index)

    async def revoke(self, signed: SignedInstrumentRevocation) -> str:
        """End an instrument; return the entry of the leaf that says so.

        Raises: VerdictError, InstrumentError, InstrumentUnknownError, or what the sequencer refused
        with.
        """
        revocation, now = signed.revocation, self._now()
        key = self._key_of(revocation.state, revocation.reviewer)
        check_instrument_revocation(signed, key, now)
        row = await self._row(revocation.instrument_entry, revocation.state)
        # INVARIANT (restriction-never-waits): from here on nothing new rests on it; what was handed
        # to the sequencer before stands before the revocation.
        self._forget(revocation.instrument_entry)
        self._ended.add(revocation.instrument_entry)
        own_id = make_id(
            revocation.at * _NS, sha256(instrument_revocation_bytes(revocation)).digest()[:8]
        )
        index = await self._commit(
            Entry(
                member=row.member,
                exchange_id=own_id,
                leaves=(instrument_revocation_leaf(signed, now),),
                instrument_end=InstrumentEnd(leaf_index=row.leaf_index, revoked=True),
            )
        )
        self._events.note("instruments_revoked", member=row.member)
        return entry_name(row.member, index)

    async def standing(self, member: Member) -> list[tuple[InstrumentRow, InstrumentFile]]:
        """Return a member's instruments that stand, verified or not, oldest first."""
        rows = await self._store.instruments([member], self._now())
        known = [(row, self._by_entry.get(entry_name(member, row.leaf_index))) for row in rows]
        return [(row, found.file) for row, found in known if found is not None]

    async def one(self, entry: str) -> tuple[InstrumentRow, InstrumentFile]:
        """Return one instrument, standing or not. Raises: InstrumentUnknownError, LostKeyError."""
        member, index = parse_entry_name(entry)
        row = await self._store.instrument(member, index)
        if row is None:
            raise InstrumentUnknownError("no instrument stands under this entry")
        return row, self._opened(row)

    async def _row(self, entry: str, state: Member) -> InstrumentRow:
        member, index = parse_entry_name(entry)
        row = await self._store.instrument(member, index) if member == state else None
        if row is None:
            raise InstrumentUnknownError("no instrument stands under this entry")
        if row.revoked_by is not None:
            raise InstrumentUnknownError(
                f"the instrument was revoked already, by {entry_name(member, row.revoked_by)}"
            )
        return row

    async def _standing(self, entry: str, state: Member) -> tuple[InstrumentRow, InstrumentFile]:
        row = await self._row(entry, state)
        return row, self._opened(row)

    def _opened(self, row: InstrumentRow) -> InstrumentFile:
        place = instrument_place(row.instrument_id, row.member)
        file = decode_instrument(self._vault.open(row.member, row.sealed, place))
        if file.registered.instrument.state != row.member:
            raise InstrumentError("`state` of an instrument is not the ledger's that it stands in")
        # A verification whose leaf was cut from the ledger is none.
        return file if row.verified_by is not None else msgspec.structs.replace(file, verified=None)

    def _checked(self, row: InstrumentRow) -> KnownInstrument:
        """Return a row's instrument with its signatures verified. Raises: ComityError."""
        file = self._opened(row)
        first = self._key_of(row.member, file.registered.instrument.reviewer)
        second = None
        if file.verified is not None:
            second = self._key_of(row.member, file.verified.verification.reviewer)
        check_file(file, first, second)
        assert first is not None
        entry = entry_name(row.member, row.leaf_index)
        return KnownInstrument(entry=entry, file=file, first=first, second=second)

    def _is_enrolled(self, known: KnownInstrument) -> bool:
        """Say whether the keys that it was verified with are enrolled: an id may be used anew."""
        state, verified = known.instrument.state, known.file.verified
        if verified is None or self._key_of(state, known.instrument.reviewer) != known.first:
            return False
        return self._key_of(state, verified.verification.reviewer) == known.second

    def _key_of(self, state: Member, reviewer: str) -> ReviewerKey | None:
        return self._world.directory.reviewer(state, reviewer)

    def _check_clock(self) -> None:
        # INVARIANT (fail-closed): by this host's clock it would begin and end at the wrong time.
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")

    async def _check_hold(self, instrument: RegisteredInstrument) -> None:
        """Check that what an instrument says it came with is a hold of its agency."""
        if not instrument.hold_entry:
            return
        member, index = parse_entry_name(instrument.hold_entry)
        leaves = await self._rows.leaves(member, index, index + 1)
        header = parse_leaf(leaves[0]) if leaves and leaves[0] else None
        if header is None or header.kind is not LeafKind.HOLD:
            raise InstrumentError("`hold_entry` cites no hold of this ledger")
        if header.agency not in {instrument.agency, SEALED} and ":" not in (header.agency or ""):
            raise InstrumentError("`hold_entry` cites a hold of another agency")

    async def _commit(self, entry: Entry) -> LeafIndex:
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        index = recorded_index(result)
        if index is None:
            raise InstrumentError("another policy came into force meanwhile: send it again")
        return LeafIndex(index)

    def _keep(self, known: KnownInstrument) -> None:
        self._forget(known.entry)
        if known.entry in self._ended:
            return
        self._by_entry[known.entry] = known
        self._by_number.setdefault(_place(known.instrument), []).append(known)

    def _forget(self, entry: str) -> None:
        known = self._by_entry.pop(entry, None)
        if known is None:
            return
        place = _place(known.instrument)
        left = [each for each in self._by_number[place] if each.entry != entry]
        if left:
            self._by_number[place] = left
        else:
            del self._by_number[place]

    def _drop_over(self, now: int) -> None:
        for entry in [e for e, known in self._by_entry.items() if known.instrument.until <= now]:
            self._forget(entry)

    def _now(self) -> int:
        return self._clock.now_ns() // _NS


def _place(instrument: RegisteredInstrument) -> _Place:
    return instrument.state, instrument.agency, instrument.kind, instrument.number
