"""Publishing rules: who must sign what, the gate, the leaf, and what nobody confirmed in time.

    1. read the signed policy: its bundle is of this member, canonical and the next, and compiles
    2. compare what would be in force with what is, over everything that can be asked
    3. so many signatures as that takes; where it loosens, nothing is frozen, the notice and the
       promises of the state must be kept, what it holds more has a desk, and the gate must pass
    4. commit the `policy` leaf; then, and only then, it is in force here
    5. every second: what was to be confirmed by now becomes a hold, by a leaf of its own, and
       someone is paged
An announcement is a leaf too, in mode shadow: what it says is compiled, and decides nothing.

INVARIANT (restriction-never-waits): what only restricts takes one person and no gate, and waits for
no other's gate; a clause that nobody confirms becomes a hold, never a release. INVARIANT
(fail-closed): what cannot be compared takes two people and the gate.
Source: docs/adr/0028-publishing-rules.md, docs/adr/0030-announcing-rules.md.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Final, TypeVar, TypeVarTuple

import msgspec

from comity.domain.decision import RuleId
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, entry_name
from comity.domain.leaf import LeafHeader
from comity.domain.publishing import (
    PolicyOrder,
    SignedPolicy,
    parse_signed_policy,
    policy_order_bytes,
    shadow_order_bytes,
)
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import note_fields
from comity.policy import CompiledPolicy, PolicyBundle, encode_bundle, parse_bundle
from comity.policy.block import lapsed
from comity.policy.cedar import cedar_policies
from comity.policy.space import Asker
from comity.ports import Clock, DutyKind, PolicyRow, RefereeOf, ShadowRow, SolverOf
from comity.review.orders import SecondPersonError, check_time, signers
from comity.services.changes import Change, change_of
from comity.services.entries import Entry
from comity.services.events import Events
from comity.services.freezing import Freezes
from comity.services.gate import GateReport, run_gate
from comity.services.member import World, askers_of
from comity.services.private_records import Records
from comity.services.promises import check_guarantees, check_notice
from comity.services.rosters import Rosters
from comity.services.rule_records import SIGNED_BY, UNCONFIRMED_BY, read_unconfirmed_by
from comity.services.sequencer import Committed, Refused, Sequencer, recorded_index

__all__ = ["GateFailedError", "Published", "Rulebook", "RulesRefusedError"]

_NS: Final = 1_000_000_000
_SHADOW: Final = b"comity/policy-shadow/v1\n"
_COMPARERS: Final = 2
_PROVERS: Final = 1
_MOVED: Final = "another version came into force meanwhile"


_Given = TypeVarTuple("_Given")
_Found = TypeVar("_Found")


class RulesRefusedError(ComityError):
    """A bundle cannot be the next of its state."""

    code = "policy-not-next"


class GateFailedError(ComityError):
    """Masks, proof and referee do not agree, so that what loosens is not published."""

    code = "policy-gate-failed"


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """Where a bundle stands, and since when it is in force (nanoseconds since 1970)."""

    entry: str
    version: int
    in_force_ns: int


class _Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """A publication compared with the rules at `index`, and who signed it, at `now`.

    `signed_in` says who put each clause that is not confirmed into force.
    """

    order: PolicyOrder
    names: tuple[str, ...]
    signed_in: dict[RuleId, tuple[str, ...]]
    index: int
    standing: CompiledPolicy
    compiled: CompiledPolicy
    askers: tuple[Asker, ...]
    change: Change
    now: int


class Rulebook:
    """Publishes the rules of one host's members.

    `_turns` holds a lock for each member that was changed: one commits at a time, and what it
    commits is known here before the next one looks. `_proofs` holds one for what must pass the
    gate, which takes seconds: no restriction takes that one. Comparing and proving have threads of
    their own, so that proofs never take those that a block is compared by, nor anyone else's.
    """

    def __init__(
        self,
        *,
        world: World,
        sequencer: Sequencer,
        records: Records,
        referee: RefereeOf,
        solver: SolverOf,
        freezes: Freezes,
        rosters: Rosters,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._sequencer = sequencer
        self._records = records
        self._referee = referee
        self._solver = solver
        self._freezes = freezes
        self._rosters = rosters
        self._clock = clock
        self._events = events
        self._turns: dict[Member, asyncio.Lock] = {}
        self._proofs: dict[Member, asyncio.Lock] = {}
        self._comparers = ThreadPoolExecutor(_COMPARERS, thread_name_prefix="compare")
        self._provers = ThreadPoolExecutor(_PROVERS, thread_name_prefix="prove")

    async def publish(self, member: Member, data: bytes) -> Published:
        """Put a signed policy into force; what stands already gets its entry again.

        Raises: PolicyOrderError, RuleFormError and its kinds, RulesRefusedError, OrderRefusedError,
        SecondPersonError, OrderExpiredError, PolicyFrozenError, HoldUnstaffedError,
        NotAnnouncedError, GuaranteeBrokenError, TooManyCombinationsError, GateFailedError,
        BusyError, NotOwnedError.
        """
        signed, bundle = _read(member, data)
        return await self._publish(signed, bundle)

    async def announce(self, member: Member, data: bytes) -> str:
        """Announce rules, which decide nothing by that; return the entry of their leaf.

        One person signs. They stand until others are announced or published; announcing the rules
        in force ends an announcement.
        Raises: as `publish`, for its form, its signature and the store.
        """
        signed, bundle = _read(member, data)
        async with self._turn(member):
            return await self._announce(signed, bundle)

    async def lapse(self) -> int:
        """Make a hold of whatever was to be confirmed by now; return for how many members."""
        count = 0
        for member in self._world.members():
            if not self._world.has_policy(member) or not self._sequencer.owns(member):
                continue
            try:
                async with self._turn(member):
                    count += await self._lapse(member)
            except ComityError as error:
                # One member's rules must not keep another's clause from its end.
                self._events.failure("lapse_failed", error, member=member)
        return count

    def _turn(self, member: Member) -> asyncio.Lock:
        return self._turns.setdefault(member, asyncio.Lock())

    async def _lapse(self, member: Member) -> bool:
        index, standing = self._world.policy(member)
        now = self._clock.now_ns() // _NS
        bundle = lapsed(standing.bundle, now)
        if bundle is None:
            return False
        by = await self._unconfirmed_by(member, index)
        left = {each.rule: by.get(each.rule, ()) for each in bundle.unconfirmed}
        duty = (DutyKind.PAGE_BLOCK_UNCONFIRMED, "")
        await self._commit(bundle, index, (now, left, ()), duty)
        self._events.alarm("block_unconfirmed", member=member)
        return True

    async def _publish(self, signed: SignedPolicy, bundle: PolicyBundle) -> Published:
        index, standing = self._world.policy(bundle.state)
        if standing.digest == signed.order.digest:
            return self._stands(bundle, index)
        if bundle.version != standing.bundle.version + 1:
            raise RulesRefusedError(
                f"`version` is not {standing.bundle.version + 1}, the next of this state"
            )
        weighed = await self._weigh(signed, bundle)
        if not weighed.change.needs_gate:
            return await self._put(weighed)
        async with self._proofs.setdefault(bundle.state, asyncio.Lock()):
            # Else it stands already, or is refused there: nothing is proved for that.
            if self._world.policy(bundle.state)[0] == index:
                await self._check_open(weighed)
                await self._hold_to_promises(weighed)
                await self._hold_to_gate(weighed)
            return await self._put(weighed)

    async def _weigh(self, signed: SignedPolicy, bundle: PolicyBundle) -> _Weighed:
        """Compare a bundle with the rules in force, and look at who signed it."""
        index, standing = self._world.policy(bundle.state)
        now = self._clock.now_ns() // _NS
        check_time(signed.order.at, now)
        names = self._signers(signed, policy_order_bytes(signed.order))
        compiled = self._world.compile(bundle)
        askers = askers_of(self._world)
        by = await self._unconfirmed_by(bundle.state, index)
        change = await _within(self._comparers, change_of, standing, compiled, askers, by, now)
        if len(self._besides(bundle.state, names, change.other_than)) < change.signatures:
            raise SecondPersonError(
                "the rules loosen, or change what is not named as unconfirmed: two different people"
                " must sign" if change.signatures > 1 else "another person must confirm"
            )  # fmt: skip
        return _Weighed(
            order=signed.order,
            names=names,
            signed_in={each.rule: by.get(each.rule, names) for each in bundle.unconfirmed},
            index=index,
            standing=standing,
            compiled=compiled,
            askers=askers,
            change=change,
            now=now,
        )

    async def _put(self, weighed: _Weighed) -> Published:
        """Commit what was weighed, unless other rules are in force by now."""
        bundle, order = weighed.compiled.bundle, weighed.order
        async with self._turn(bundle.state):
            index, standing = self._world.policy(bundle.state)
            if standing.digest == order.digest:
                return self._stands(bundle, index)  # Sent twice, and the other one was first.
            if index != weighed.index:
                raise RulesRefusedError(_MOVED)
            if weighed.change.needs_gate:
                # Frozen, or no longer announced, while the gate was run.
                await self._check_open(weighed)
            signed = order.at, weighed.signed_in, weighed.names
            return await self._commit(bundle, index, signed, self._unstaffed(weighed))

    def _unstaffed(self, weighed: _Weighed) -> tuple[DutyKind, str] | None:
        """Return whom to page where something is held now that nobody may be there to decide."""
        change, state = weighed.change, weighed.compiled.state
        missing = self._rosters.missing(state) if change.holds_more else ""
        return (DutyKind.PAGE_HOLD_UNSTAFFED, missing) if missing else None

    async def _announce(self, signed: SignedPolicy, bundle: PolicyBundle) -> str:
        index, standing = self._world.policy(bundle.state)
        shadow = self._world.shadow(bundle.state)
        if shadow is not None and shadow[1].digest == signed.order.digest:
            return entry_name(bundle.state, shadow[0])
        is_end = standing.digest == signed.order.digest
        if bundle.version != standing.bundle.version + 1 and not is_end:
            raise RulesRefusedError(
                f"`version` is not {standing.bundle.version + 1}, the next of this state"
            )
        if is_end and shadow is None:
            raise RulesRefusedError("these rules are in force, and nothing stands announced")
        now = self._clock.now_ns() // _NS
        check_time(signed.order.at, now)
        names = self._signers(signed, shadow_order_bytes(signed.order))
        self._world.compile(bundle)
        leaf = self._leaf(bundle, index, now, **{SIGNED_BY: ",".join(names)})
        entry = Entry(
            member=bundle.state,
            # Never the id under which the same bundle is published.
            exchange_id=_entry_id(signed.order.at, _SHADOW, signed.order.digest),
            leaves=(leaf,),
            decided_under=index,
            document=signed.bundle,
            announced=now,
        )
        place, is_new = await self._placed(entry)
        if not is_new:
            # What has ended since must not stand again by an order that was kept.
            raise RulesRefusedError("this order was carried out before; sign another")
        self._world.take_shadow(
            ShadowRow(member=bundle.state, leaf_index=place, since=now, body=signed.bundle)
        )
        self._events.note("policy_announced", member=bundle.state)
        return entry_name(bundle.state, place)

    def _signers(self, signed: SignedPolicy, message: bytes) -> tuple[str, ...]:
        directory, state = self._world.directory, signed.order.state
        return signers(signed.signatures, message, lambda name: directory.reviewer(state, name))

    def _besides(
        self, state: Member, names: Sequence[str], others: frozenset[str]
    ) -> frozenset[str]:
        """Return who signed besides others: one key under two names is one person."""
        directory = self._world.directory
        keys = {key.verify_key for name in others if (key := directory.reviewer(state, name))}
        return frozenset(
            name
            for name in names
            if name not in others
            and (key := directory.reviewer(state, name)) is not None
            and key.verify_key not in keys
        )

    async def _check_open(self, weighed: _Weighed) -> None:
        """Check that a desk is there for what it holds, that nothing freezes it, and its notice.

        Raises: HoldUnstaffedError, PolicyFrozenError, NotAnnouncedError, StoreDownError.
        """
        state, new = weighed.compiled.state, weighed.compiled.bundle
        if weighed.change.holds_more:
            self._rosters.check(state)
        await self._freezes.check(state)
        since, shadow = self._world.shadow_since(state), self._world.shadow(state)
        announced = (since, shadow[1].bundle) if since is not None and shadow is not None else None
        change = weighed.change
        # That one reviewer is enough by now shows in no outcome: as what cannot be compared.
        difference = None if change.eases_review else change.difference
        check_notice(weighed.standing.bundle, new, difference, announced, weighed.now)

    async def _hold_to_promises(self, weighed: _Weighed) -> None:
        """Raises: GuaranteeBrokenError, TooManyCombinationsError."""
        standing, compiled, askers = weighed.standing, weighed.compiled, weighed.askers
        loosens = weighed.change.loosens
        await _within(self._provers, check_guarantees, standing, compiled, askers, loosens)

    async def _hold_to_gate(self, weighed: _Weighed) -> None:
        """Run the gate; off the loop, because it takes seconds. Raises: GateFailedError."""
        state = weighed.compiled.state
        try:
            report = await _within(self._provers, self._gate, weighed.compiled, weighed.askers)
        except ComityError as error:
            self._events.failure("policy_gate_failed", error, member=state)
            raise GateFailedError("the gate could not say that all evaluators agree") from error
        if not report.passed:
            self._events.alarm("policy_gate_failed", member=state)
            raise GateFailedError(f"evaluators disagree: {report.disagreements[0].what}")

    def _gate(self, compiled: CompiledPolicy, askers: Sequence[Asker]) -> GateReport:
        referee = self._referee(cedar_policies(compiled.rules), askers)
        return run_gate(compiled, askers, referee, self._solver(compiled.rules, askers))

    async def _unconfirmed_by(self, member: Member, index: int) -> dict[RuleId, tuple[str, ...]]:
        """Return who put each unconfirmed clause into force; nobody where that is not known."""
        try:
            return await read_unconfirmed_by(self._records, member, index)
        except ComityError:
            return {}

    async def _commit(
        self,
        bundle: PolicyBundle,
        standing: int,
        signed: tuple[int, dict[RuleId, tuple[str, ...]], Sequence[str]],
        duty: tuple[DutyKind, str] | None = None,
    ) -> Published:
        """Commit a bundle; `signed`: when, who put what into force unconfirmed, and who it was."""
        at, signed_in, names = signed
        body = encode_bundle(bundle)
        digest = sha256(body).digest()
        now = self._clock.now_ns() // _NS
        said = {
            SIGNED_BY: ",".join(names),
            UNCONFIRMED_BY: json.dumps(signed_in, sort_keys=True) if signed_in else "",
        }
        entry = Entry(
            member=bundle.state,
            exchange_id=_entry_id(at, b"", digest),
            leaves=(self._leaf(bundle, None, now, **said),),
            decided_under=standing,
            policy=body,
            duty=duty[0] if duty else None,
            duty_about=duty[1] if duty else "",
        )
        index, _ = await self._placed(entry)
        row = PolicyRow(member=bundle.state, leaf_index=index, digest=digest, body=body)
        self._world.take_policy(row)
        self._events.note("policies_published", member=bundle.state)
        return self._stands(bundle, index)

    def _leaf(
        self, bundle: PolicyBundle, announced_under: int | None, now: int, **said: str
    ) -> WantedLeaf:
        """Return the leaf of a bundle: in force by it, or announced while another one is."""
        digest = sha256(encode_bundle(bundle)).digest()
        mode, cites = LeafMode.LIVE, None
        if announced_under is not None:
            mode, cites = LeafMode.SHADOW, entry_name(bundle.state, announced_under)
        return WantedLeaf(
            step=0,
            header=LeafHeader(
                version=1,
                kind=LeafKind.POLICY,
                mode=mode,
                hour=now // HOUR_SECONDS,
                member=bundle.state,
                digest=digest,
                cites=cites,
            ),
            fields=note_fields(document=digest.hex(), published_at=str(now), **said),
        )

    async def _placed(self, entry: Entry) -> tuple[LeafIndex, bool]:
        """Commit an entry; return its leaf, and whether that is new.

        Raises: RulesRefusedError, BusyError, NotOwnedError.
        """
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        index = recorded_index(result)
        if index is None:
            raise RulesRefusedError(_MOVED)
        return index, isinstance(result, Committed)

    def _stands(self, bundle: PolicyBundle, index: int) -> Published:
        return Published(
            entry=entry_name(bundle.state, index),
            version=bundle.version,
            in_force_ns=self._clock.now_ns(),
        )


async def _within(
    threads: ThreadPoolExecutor, work: Callable[[*_Given], _Found], *given: *_Given
) -> _Found:
    """Do work in one of these threads, off the loop."""
    return await asyncio.get_running_loop().run_in_executor(threads, work, *given)


def _read(member: Member, data: bytes) -> tuple[SignedPolicy, PolicyBundle]:
    """Return a signed policy and its bundle. Raises: as `Rulebook.publish`."""
    signed = parse_signed_policy(data)
    bundle = parse_bundle(signed.bundle)
    if encode_bundle(bundle) != signed.bundle:
        raise RulesRefusedError("`bundle` is not in canonical form")
    if not member == bundle.state == signed.order.state:
        raise RulesRefusedError("`bundle` is of another member than its order or the command")
    if bundle.version != signed.order.version:
        raise RulesRefusedError("`version` of the order is not that of the bundle")
    return signed, bundle


def _entry_id(at: int, purpose: bytes, digest: bytes) -> bytes:
    """Return the id of a publication: the same order, sent again, finds its own leaf."""
    unique = sha256(purpose + digest).digest() if purpose else digest
    return (at * _NS).to_bytes(8, "big") + unique[:8]
