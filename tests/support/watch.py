"""What must hold of a host's ledgers and of every answer it posts, checked as its life goes on.

Guarantee: each check reads the store's rows and the posted parcels alone, never what a service says
of itself; an invariant that breaks names itself in the message.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from comity.audit.hashing import check_consistency
from comity.domain.answer import Answer
from comity.domain.ids import ExchangeId, Member, parse_entry_name
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.vocabulary import DataClass, LeafKind, LeafMode
from comity.exchange.private import payload_of
from comity.ledger.plan import NO_POLICY
from comity.ledger.tree import EMPTY_ROOT, hash_leaves, tree_root
from comity.services.entries import answer_place
from comity.services.private_records import private_fields
from comity.services.proofs import consistency_proof
from comity.services.replay import attach_proofs, decode_answer
from tests.support.gateway import NS, Disk, PracticeHost, check_durable

__all__ = ["Watch"]

_ENDS = {LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.CLOSURE}
_OF_VERDICTS = {LeafKind.VERDICT, LeafKind.DISCLOSURE, LeafKind.DENIAL}


class Watch:
    """Remembers every root, leaf and answer that was seen, and holds what comes later to them."""

    def __init__(self, disk: Disk, members: tuple[Member, ...]) -> None:
        self._disk = disk
        self._members = members
        self._leaves: dict[Member, list[bytes]] = {member: [] for member in members}
        self._roots: dict[Member, list[tuple[int, bytes]]] = {m: [(0, EMPTY_ROOT)] for m in members}
        self._sizes: tuple[int, ...] = ()
        self._appeared: dict[tuple[Member, int], int] = {}
        self._told: dict[tuple[ExchangeId, Member, int], bytes] = {}
        self._final: dict[ExchangeId, int] = {}

    def now(self) -> int:
        """The time in seconds."""
        return self._disk.clock.now_ns() // NS

    def headers(self, member: Member) -> list[LeafHeader]:
        """A ledger's leaves as they stand in the store."""
        return [parse_leaf(data) for data, _ in self._disk.store.tables.leaves.get(member, [])]

    def life_of(self, exchange_id: bytes, member: Member) -> list[tuple[int, int, LeafHeader]]:
        """An exchange's leaves in one ledger, as (step, index, leaf), in the order of steps."""
        headers = self.headers(member)
        found = [
            (step, int(index), headers[index])
            for (key, ledger, step), index in self._disk.store.tables.keys.items()
            if (key, ledger) == (exchange_id, member)
        ]
        return sorted(found, key=lambda one: one[0])

    async def check(self, host: PracticeHost) -> None:
        """Check everything that must hold whatever has happened, once for each batch."""
        sizes = tuple(host.size(member) for member in self._members)
        if sizes == self._sizes:
            return
        self._sizes = sizes
        for member in self._members:
            await self._check_growth(host, member)
            self._check_policies(member)
        for exchange_id, member in {key[:2] for key in self._disk.store.tables.keys}:
            if member in self._members:
                self._check_outcomes(exchange_id, member)

    async def check_history(self, host: PracticeHost) -> None:
        """Check that every root that was ever committed is still provable."""
        for member, roots in self._roots.items():
            size, root = roots[-1]
            for old, root_old in roots[1:-1]:
                proof = await consistency_proof(host.store, member, old, size)
                check_consistency(old, root_old, size, root, proof)

    async def _check_growth(self, host: PracticeHost, member: Member) -> None:
        tables = self._disk.store.tables
        leaves = [data for data, _ in tables.leaves.get(member, [])]
        known, (old, root_old) = self._leaves[member], self._roots[member][-1]
        assert leaves[:old] == known, "a ledger only grows"
        size, root = tables.heads[member].frontier.size, tables.heads[member].root
        assert size == len(leaves), "the head counts the leaves"
        places = sorted(int(at) for (_, ledger, _), at in tables.keys.items() if ledger == member)
        assert places == list(range(size)), "each leaf has a key of its own"
        if size == old:
            assert root == root_old, "one size has one root"
            return
        assert root == tree_root(hash_leaves(leaves)), "the head is the leaves' root"
        if old:
            proof = await consistency_proof(host.store, member, old, size)
            check_consistency(old, root_old, size, root, proof)
        self._leaves[member] = leaves
        self._roots[member].append((size, root))
        self._appeared.update({(member, index): self.now() for index in range(old, size)})

    def _check_policies(self, member: Member) -> None:
        in_force = NO_POLICY
        for index, header in enumerate(self.headers(member)):
            if header.policy is not None:
                assert header.policy == in_force, "a leaf is decided under the policy in force"
            if header.kind is LeafKind.POLICY and header.mode is not LeafMode.SHADOW:
                in_force = index

    def _check_outcomes(self, exchange_id: bytes, member: Member) -> None:
        life = self.life_of(exchange_id, member)
        assert [step for step, _, _ in life] == list(range(len(life))), "steps have no gap"
        final: Counter[DataClass] = Counter()
        released: set[DataClass] = set()
        refused: set[DataClass] = set()
        held: set[DataClass] = set()
        granted: set[DataClass] = set()
        for _, index, header in life:
            if header.kind is LeafKind.HOLD:
                assert not held, "an exchange is held once"
                held = set(header.withheld or ())
            elif header.kind is LeafKind.VERDICT:
                granted |= set(header.released or ())
            elif header.kind in _ENDS:
                gone, kept = set(header.released or ()), set(header.withheld or ())
                if header.cites is not None:
                    assert gone <= held & granted, "what was held goes out by a verdict only"
                else:
                    assert not gone & held, "what is held does not go out"
                released, refused = released | gone, refused | kept
                final.update([*gone, *kept])
            if held:
                self._check_time(exchange_id, member, index, header)
        assert all(count == 1 for count in final.values()), "one final outcome for each class"
        assert not released & refused, "released classes never include withheld ones"

    def _check_time(
        self, exchange_id: bytes, member: Member, index: int, header: LeafHeader
    ) -> None:
        """What a person decides comes before the hold's end, what the clock does after it."""
        (until,) = {
            row.until
            for row in self._disk.store.tables.holds.values()
            if (row.exchange_id, row.member) == (exchange_id, member)
        }
        at = self._appeared[member, index]
        if header.kind is LeafKind.CLOSURE:
            assert at >= until, "no hold ends before its time"
        elif header.kind in _OF_VERDICTS and header.cites is not None:
            assert at < until, "nothing is decided after a hold's time"

    async def hear(self, host: PracticeHost, answer: Answer) -> None:
        """Check an answer that was posted: durable, as recorded, and the same each time."""
        check_durable(self._disk, answer)
        ledger, index = parse_entry_name(answer.proofs[0].entry)
        place = (answer.exchange_id, ledger, answer.step)
        row = self._disk.store.tables.answers[place]
        indexes = tuple(parse_entry_name(proof.entry)[1] for proof in answer.proofs)
        assert indexes == row.leaf_indexes, "an answer shows its own leaves"
        body = host.vault.open(ledger, row.sealed, answer_place(*place))
        assert attach_proofs(decode_answer(body), answer.proofs) == answer, "the answer is stored"
        for index in indexes:
            leaf_hash = self._disk.store.tables.leaves[ledger][index][1]
            fields = await private_fields(host.store, host.vault, ledger, index, leaf_hash)
            payload = dict(fields or ()).get("payload")
            if payload is not None:
                assert payload == sha256(body).digest(), "the leaf commits to the answered bytes"
        said = payload_of(attach_proofs(answer, ()))
        assert self._told.setdefault(place, said) == said, "a repeat gets the same bytes"
        if answer.is_final:
            final = self._final.setdefault(answer.exchange_id, answer.step)
            assert final == answer.step, "an exchange has one final answer"
        assert answer.step <= self._final.get(answer.exchange_id, answer.step), "final is last"
        gone = {element.data_class for element in answer.elements}
        leaves = [parse_leaf(proof.leaf) for proof in answer.proofs]
        shown = {c for leaf in leaves if leaf.kind in _ENDS for c in leaf.released or ()}
        assert gone == shown, "what is answered is what is recorded as released"
        assert not gone & {part.data_class for part in answer.withheld}, "withheld is not released"
