"""A gateway host on memory twins: its disk survives a crash, its clock stands until it is moved.

What is posted to other hosts and written to lines is kept in the order in which it happened, with
what was durable at that moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.adapters.memory.bus import MemoryBus, MemoryWire
from comity.adapters.memory.clock import ManualClock, SeededEntropy
from comity.adapters.memory.secrets import MemoryKeyring, MemoryPartSigner, MemorySignedState
from comity.adapters.memory.source import Driver, MemorySource
from comity.adapters.memory.store import MemoryStore
from comity.adapters.memory.succession import MemorySuccessions
from comity.app.review import OfStates, ReviewParts
from comity.app.rules import RuleParts
from comity.directory.part import SignedPart, sign_part
from comity.domain.agency import Agency, DirectoryPart, Family, Form, Host
from comity.domain.answer import Answer, Element, HoldNotice, ResponseKind
from comity.domain.ids import (
    ORI,
    HostName,
    LeafIndex,
    Member,
    QueryId,
    ledger_origin,
    make_id,
)
from comity.domain.keys import Handling, MessageKey
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.query import NO_CLAIMS, Exchange, Query
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    DataClass,
    FanOut,
    LeafKind,
    LeafMode,
    Outcome,
    RecordKind,
)
from comity.exchange.leaves import WantedLeaf
from comity.exchange.origin import exchange_id_of
from comity.exchange.private import note_fields
from comity.formats import json as json_form
from comity.ledger.note import verifier_key
from comity.ledger.quorum import QuorumFile
from comity.ledger.receipt import parse_receipt, verify_receipt
from comity.ledger.tree import hash_leaf
from comity.link.envelope import Opened, Route
from comity.link.parcel import Answered, Ask, EnvelopeKind, Parcel
from comity.policy import Rule, encode_bundle
from comity.ports import DirectoryRow, LineFrame, Lines, Witness
from comity.review.calendars import calendar_of
from comity.review.claim_checks import ClaimShare
from comity.review.planted import Planting
from comity.services.answer import AnswerFace
from comity.services.archive import ArchiveDesk
from comity.services.asking import Asking
from comity.services.checkpoints import Checkpoints
from comity.services.commands import Commands
from comity.services.courier import Courier
from comity.services.deciding import Deciding
from comity.services.deliveries import Deliveries
from comity.services.desks import Desks
from comity.services.detail import Detail
from comity.services.drill import Drill
from comity.services.entries import Entry, Preparer
from comity.services.events import Events
from comity.services.founding import Founding
from comity.services.health import Health
from comity.services.keeping import Keeping
from comity.services.keeping_desk import KeepingDesk
from comity.services.ledger_keys import LedgerKey, LedgerKeys
from comity.services.mailroom import Mailroom
from comity.services.member import World
from comity.services.open_queries import OpenQueries
from comity.services.origin import OriginFace
from comity.services.private_records import Records
from comity.services.proofs import ProofMaker
from comity.services.publishing import PartPublisher
from comity.services.replay import AnswerReplay
from comity.services.replies import Replies
from comity.services.reveals import Reveals
from comity.services.rollup import RollUp
from comity.services.segments import Segments
from comity.services.sequencer import Sequencer
from comity.services.service_board import ServiceBoard
from comity.services.succession import Succession
from comity.services.vault import Vault
from comity.services.verdict import ReviewDesk
from comity.services.witnessed import Cosignatures, WitnessedHeads
from tests.support.counting import counting
from tests.support.directory import make_part, signer_of, trust
from tests.support.exchange import AUTHOR, COUNSEL, ENROLLED, SUPERVISOR
from tests.support.line import MemoryLog
from tests.support.link import SOUTH, WEST, HostSigner
from tests.support.rosters import TestRosters
from tests.support.written_lines import WrittenLines
from tests.unit.policy.build import bundle, rule

NOW = 1_795_500_000
NS = 1_000_000_000
DOMAIN = "practice.test"
NETWORK = ORI("NL0000000")
OR, TX, WA = Member("or"), Member("tx"), Member("wa")
SALEM, EUGENE, RENO = ORI("ORPX00001"), ORI("ORPX00002"), ORI("NVPX00001")
AUSTIN, FIELD_OFFICE = ORI("TXPX00001"), ORI("TXPX00009")
SALEM_CONTROL, SEATTLE, SEATTLE_CONTROL = ORI("ORPX00009"), ORI("WAPX00001"), ORI("WAPX00009")
CONTROL_LINE, SEATTLE_LINE, SEATTLE_CONTROL_LINE = "salem-control", "seattle-1", "seattle-control"
LINE = "salem-1"
LINES = (LINE, "salem-2", "austin-1", CONTROL_LINE, SEATTLE_LINE, SEATTLE_CONTROL_LINE)
NUMBER = "PX000204K7"
HOLD_SECONDS = 72 * 3_600
UNDELIVERABLE = 86_400
MERGE_SECONDS = 60
ANSWERS = tuple(MessageKey(key) for key in ("DQ", "KQ", "RQ", "AM", "AML", "YQ", "LQ"))
ELEMENTS = (
    Element(data_class=DataClass.STATUS, name="LICENCE_STATUS", value="valid"),
    Element(data_class=DataClass.IDENTITY, name="NAME", value="Doe,Jane Ann"),
    Element(data_class=DataClass.ADDRESS, name="STREET", value="100 Example Ave"),
)
RELEASE = rule("ALL", Outcome.RELEASE)
HOLD_ADDRESS = rule("ADDRESS", Outcome.HOLD, data_class=(DataClass.ADDRESS,))
HOLD_ALL = rule("HOLD", Outcome.HOLD)
DENY_ALL = rule("DENY", Outcome.DENY)


def practice_agency(ori: ORI, family: str, *lines: str, active: bool = True) -> Agency:
    """An agency of a practice police department."""
    return Agency(
        ori=ori,
        name="Practice Police",
        family=Family(family),
        type=AgencyType.PD,
        active=active,
        lines=lines,
        form=Form.JSON,
    )


def control_terminal(ori: ORI, family: str, line: str) -> Agency:
    """The terminal that speaks for a member's system, in JSON."""
    agency = practice_agency(ori, family, line)
    return msgspec.structs.replace(agency, is_control=True, form=Form.JSON, phone="555-0100")


def part_of(member: Member, host: Host, *agencies: Agency, **changes: object) -> DirectoryPart:
    """A member's part on a host, with the practice people enrolled."""
    values: dict[str, object] = {
        "host": host,
        "ledger_key": ledger_signer(member).public_key().public_bytes_raw(),
        "answers": ANSWERS,
        "reviewers": (ENROLLED, SUPERVISOR, AUTHOR, COUNSEL),
    }
    return make_part(member, *agencies, **(values | changes))


def practice_parts() -> tuple[DirectoryPart, ...]:
    """Oregon and Washington on the west host, Texas on the south one."""
    return (
        part_of(
            OR,
            WEST.public,
            practice_agency(SALEM, "OR/LOCAL/PD", LINE, "salem-2"),
            practice_agency(EUGENE, "OR/LOCAL/PD", LINE, active=False),
            control_terminal(SALEM_CONTROL, "OR/STATE", CONTROL_LINE),
        ),
        part_of(
            WA,
            WEST.public,
            practice_agency(SEATTLE, "WA/LOCAL/PD", SEATTLE_LINE),
            control_terminal(SEATTLE_CONTROL, "WA/STATE", SEATTLE_CONTROL_LINE),
        ),
        part_of(TX, SOUTH.public, practice_agency(AUSTIN, "TX/LOCAL/PD", "austin-1")),
    )


def ledger_signer(member: Member) -> Ed25519PrivateKey:
    """A practice ledger's key."""
    return Ed25519PrivateKey.from_private_bytes(member[::-1].encode() * 16)


def policy_of(state: Member, *rules: Rule, version: int = 1) -> bytes:
    """A policy of these rules, as it is published."""
    return encode_bundle(bundle(*rules, state=state, version=version))


async def turns(count: int = 1) -> None:
    """Let whatever else is ready run, so many times; no time passes."""
    for _ in range(count):
        await asyncio.sleep(0)


class Disk:
    """What a host has left after a crash: its store, keys and signed state; and the wire."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW * NS)
        self.entropy = SeededEntropy(b"practice")
        self.store = MemoryStore(self.clock)
        self.keyring = MemoryKeyring(self.entropy)
        self.signed_state = MemorySignedState()
        self.successions = MemorySuccessions()
        self.wire = MemoryWire()
        self.quorum = QuorumFile()
        self.witnesses: tuple[Witness, ...] = ()
        self.source = MemorySource([driver()])
        self.rosters = TestRosters()
        self.shares: dict[Member, ClaimShare] = {}
        self.plantings: dict[Member, Planting] = {}


def driver(number: str = NUMBER, elements: tuple[Element, ...] = ELEMENTS) -> Driver:
    """A Washington driver."""
    return Driver(
        state=WA,
        number=number,
        name_key="DOE JANE",
        birth=date(1990, 1, 2),
        sex="F",
        kind=RecordKind.LICENCE,
        elements=elements,
    )


class PostedCourier(Courier):
    """A courier that keeps what is posted, each time checking that it is durable, or sends it."""

    def __init__(self, disk: Disk, events: Events, *, keeps: bool) -> None:
        super().__init__(
            bus=MemoryBus(disk.wire),
            clock=disk.clock,
            sender=WEST.name,
            signer=WEST.signer,
            events=events,
        )
        self._disk = disk
        self._keeps = keeps
        self.posted: list[tuple[HostName, Parcel]] = []

    def post(self, host: Host, parcels: Sequence[Parcel]) -> None:
        """Keep parcels, and check that what an answer rests on was committed before."""
        for parcel in parcels:
            if isinstance(parcel, Answered):
                check_durable(self._disk, parcel.answer)
            self.posted.append((host.name, parcel))
        if not self._keeps:
            super().post(host, parcels)

    def take(self) -> list[Parcel]:
        """Return what was posted since the last call."""
        posted, self.posted = self.posted, []
        return [parcel for _, parcel in posted]


def check_durable(disk: Disk, answer: Answer) -> None:
    """INVARIANT (no-answer-before-receipt): each proof's leaf stands in the store, as cited."""
    assert answer.proofs
    for proof in answer.proofs:
        member, _, index = proof.entry.partition("/")
        stored = disk.store.tables.leaves[Member(member)][int(index) :][:1]
        leaf_hash = hash_leaf(proof.leaf)
        assert stored == [(proof.leaf, leaf_hash)], "the leaf of an answer stands in the store"
        verify_receipt(parse_receipt(proof.receipt), leaf_hash, HOST_KEY)


HOST_KEY = verifier_key(WEST.name, WEST.public.verify_key)


def practice_ledger_keys() -> LedgerKeys:
    """The keys of the west's two ledgers, each named after the ledger that it signs."""
    found: dict[Member, LedgerKey] = {}
    for member in (OR, WA):
        signer = ledger_signer(member)
        public = signer.public_key().public_bytes_raw()
        found[member] = signer, verifier_key(ledger_origin(DOMAIN, member), public)
    return LedgerKeys(found)


DETAIL_SECONDS = 200 * 86_400
"""How long the host lets detail stand sealed at most."""


class PracticeHost:
    """One life of the west host, from its start to its crash, on a disk."""

    def __init__(self, disk: Disk, *, keeps_post: bool = True, lines: Lines | None = None) -> None:
        self.disk = disk
        self.clock, self.store, self.source = disk.clock, disk.store, disk.source
        self.log = MemoryLog()
        self.events = Events(self.log)
        self.vault = Vault(disk.keyring, disk.entropy)
        root = trust(OR, WA, TX, Member("nv"), Member("us"))
        self.root = root
        self.world = World(WEST.name, root, {}, self.events, 30 * 86_400)
        self.signer = HostSigner()
        self.ledger_keys = practice_ledger_keys()
        self.preparer = Preparer(self.vault, Detail(self.world, DETAIL_SECONDS))
        self.sequencer = Sequencer(
            store=disk.store,
            preparer=self.preparer,
            clock=disk.clock,
            signer=self.signer,
            host=HOST_KEY,
            keys=self.ledger_keys,
            events=self.events,
        )
        self.courier = PostedCourier(disk, self.events, keeps=keeps_post)
        self.lines = WrittenLines(LINES)
        self.port = lines or self.lines
        self.proofs = ProofMaker(
            store=disk.store, signer=WEST.signer, host=HOST_KEY, keys=self.ledger_keys
        )
        self.replay = AnswerReplay(
            store=disk.store, vault=self.vault, proofs=self.proofs, events=self.events
        )
        self.health = Health(store=disk.store, clock=disk.clock, events=self.events)
        self.deliveries = Deliveries(
            store=disk.store,
            vault=self.vault,
            lines=self.port,
            clock=disk.clock,
            events=self.events,
        )
        self.open = OpenQueries()
        self._faces()
        self._keep()
        self._desks()
        self._commands()
        self._upkeep()
        self._tasks: list[asyncio.Task[None]] = []

    def _faces(self) -> None:
        disk = self.disk
        self.asking = Asking(
            world=self.world,
            courier=self.courier,
            lines=self.port,
            deliveries=self.deliveries,
            open_queries=self.open,
            clock=disk.clock,
            events=self.events,
            network=NETWORK,
        )
        self.mailroom = Mailroom(
            world=self.world,
            store=disk.store,
            sequencer=self.sequencer,
            courier=self.courier,
            deliveries=self.deliveries,
            vault=self.vault,
            clock=disk.clock,
            events=self.events,
        )
        self.board = ServiceBoard(store=disk.store, clock=disk.clock, events=self.events)
        self.archive = ArchiveDesk(
            world=self.world,
            store=disk.store,
            vault=self.vault,
            clock=disk.clock,
            events=self.events,
        )
        self.desks = Desks(
            world=self.world,
            records=disk.source,
            others={Handling.STATUS: self.board, Handling.ARCHIVE: self.archive},
        )
        self.origin = OriginFace(
            world=self.world,
            store=disk.store,
            sequencer=self.sequencer,
            asking=self.asking,
            lines=self.port,
            deliveries=self.deliveries,
            replay=self.replay,
            open_queries=self.open,
            clock=disk.clock,
            entropy=disk.entropy,
            events=self.events,
            network=NETWORK,
            undeliverable_s=UNDELIVERABLE,
            merge_s=MERGE_SECONDS,
        )
        self._answering()

    def _answering(self) -> None:
        disk = self.disk
        inside = (self.vault, self.sequencer, self.health)
        around = (disk.clock, disk.entropy, self.events)
        wanted = OfStates(
            shares=disk.shares,
            plantings=disk.plantings,
            roster_of=disk.rosters.of,
            calendars=calendar_of,
        )
        rows = (disk.store, disk.store)
        self.review = ReviewParts(self.world, rows, inside, around, wanted=wanted)
        self.review.own.when_sent(self.origin.send_own)
        self.rosters = disk.rosters.over(self.world, self.events)
        self.rules = RuleParts(
            world=self.world,
            store=disk.store,
            records=Records(disk.store, self.vault),
            sequencer=self.sequencer,
            recheck_percent=100,
            rosters=self.rosters,
            clock=disk.clock,
            entropy=disk.entropy,
            events=self.events,
        )
        self.rulebook = self.rules.rulebook
        self.recheck = self.rules.recheck
        self.budgets, self.quotas = counting(
            self.world, disk.store, self.vault, disk.clock, self.events
        )
        self.deciding = Deciding(
            world=self.world,
            source=self.desks,
            mailroom=self.mailroom,
            passes=self.review.passes,
            instruments=self.review.instruments,
            urgent=self.review.urgent,
            claims=self.review.claims,
            quotas=self.quotas,
            onward=self.review.onward,
            appeals=self.review.appeals,
            replies=Replies(store=disk.store, vault=self.vault, events=self.events),
            recheck=self.recheck,
            clock=disk.clock,
            events=self.events,
        )
        self.answer = AnswerFace(
            world=self.world,
            budgets=self.budgets,
            deciding=self.deciding,
            sequencer=self.sequencer,
            courier=self.courier,
            replay=self.replay,
            mailroom=self.mailroom,
            board=self.board,
            rosters=self.rosters,
            health=self.health,
            clock=disk.clock,
            events=self.events,
        )

    def _keep(self) -> None:
        disk = self.disk
        self.keeping = Keeping(
            world=self.world,
            store=disk.store,
            rows=disk.store,
            keyring=disk.keyring,
            sequencer=self.sequencer,
            health=self.health,
            clock=disk.clock,
            entropy=disk.entropy,
            events=self.events,
        )

    def _desks(self) -> None:
        disk = self.disk
        self.desk = ReviewDesk(
            world=self.world,
            store=disk.store,
            source=self.desks,
            sequencer=self.sequencer,
            courier=self.courier,
            vault=self.vault,
            mailroom=self.mailroom,
            instruments=self.review.instruments,
            rosters=self.rosters,
            health=self.health,
            clock=disk.clock,
            events=self.events,
        )
        self.checkpoints = Checkpoints(
            store=disk.store,
            sequencer=self.sequencer,
            signed_state=disk.signed_state,
            proofs=self.proofs,
            keys=self.ledger_keys,
            events=self.events,
            witnessed=WitnessedHeads(disk.witnesses, self.events),
        )
        self.succession = Succession(
            world=self.world,
            store=disk.store,
            sequencer=self.sequencer,
            preparer=self.preparer,
            keys=self.ledger_keys,
            files=disk.successions,
            signed_state=disk.signed_state,
            witnessed=WitnessedHeads(disk.witnesses, self.events),
            domain=DOMAIN,
            clock=disk.clock,
            events=self.events,
        )
        self.cosignatures = Cosignatures(store=disk.store, quorum=disk.quorum, events=self.events)
        self.founding = Founding(
            world=self.world,
            sequencer=self.sequencer,
            root=self.root,
            clock=disk.clock,
            entropy=disk.entropy,
        )
        self.signer_of_parts = MemoryPartSigner({m: signer_of(m) for m in (OR, WA)})
        self.publisher = PartPublisher(
            world=self.world,
            store=disk.store,
            founding=self.founding,
            sequencer=self.sequencer,
            root=self.root,
            signer=self.signer_of_parts,
        )

    def _commands(self) -> None:
        disk = self.disk
        self.drill = Drill(self.world, self.answer, disk.clock, disk.entropy)
        self.rollup = RollUp(
            world=self.world,
            store=disk.store,
            rows=disk.store,
            vault=self.vault,
            clock=disk.clock,
            events=self.events,
        )
        self.certifier = self.rules.certifier(self.drill, WEST.signer)
        self.commands = Commands(
            world=self.world,
            store=disk.store,
            desk=self.desk,
            sequencer=self.sequencer,
            checkpoints=self.checkpoints,
            cosignatures=self.cosignatures,
            segments=Segments(store=disk.store, clock=disk.clock, events=self.events),
            publisher=self.publisher,
            rulebook=self.rulebook,
            freezes=self.rules.freezes,
            certifier=self.certifier,
            succession=self.succession,
            keeping_desk=KeepingDesk(self.keeping),
            rollup=self.rollup,
            review=self.review.commands,
            clock=disk.clock,
            entropy=disk.entropy,
            events=self.events,
        )

    def _upkeep(self) -> None:
        disk = self.disk
        self.reveals = Reveals(
            world=self.world,
            store=disk.store,
            vault=self.vault,
            sequencer=self.sequencer,
            clock=disk.clock,
            entropy=disk.entropy,
            events=self.events,
        )

    async def start(self) -> None:
        """Own the west's ledgers and begin to commit, as the gateway's start does."""
        await self.world.load(self.store)
        await self.board.load([OR, WA])
        self.sequencer.own(await self.store.claim(WEST.name, [OR, WA]))
        self._tasks.append(asyncio.create_task(self.sequencer.run()))
        await self.health.check()
        await self.review.commands.reload([OR, WA])

    async def crash(self) -> None:
        """End at once; what is not durable is lost."""
        self.recheck.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def publish(self, *policies: bytes) -> None:
        """Publish parts (a first time) and these first policies."""
        parts = [p for p in practice_parts() if p.host == WEST.public]
        await self.founding.publish_parts([sign_part(p, signer_of(p.member)) for p in parts])
        if policies:
            await self.founding.publish_first_policies(list(policies))

    async def overtake(self, state: Member, body: bytes) -> None:
        """Publish another policy over the one in force; the host learns of it with its leaf."""
        await self.sequencer.commit([policy_entry(self.disk, state, body)])
        (row,) = await self.store.policies([state])
        self.world.take_policy(row)

    def size(self, member: Member) -> int:
        """Return how many leaves a ledger has."""
        return len(self.store.tables.leaves.get(member, []))

    def leaves(self, member: Member, kind: LeafKind | None = None) -> list[LeafHeader]:
        """Return a ledger's leaves, or those of one kind."""
        headers = [parse_leaf(data) for data, _ in self.store.tables.leaves.get(member, [])]
        return [header for header in headers if kind is None or header.kind is kind]

    async def open_line(self, line: str = LINE) -> tuple[int, int]:
        """Connect a line, as the front does."""
        position = await self.deliveries.open_line(line)
        await self.deliveries.resume(line)
        return position

    async def send(self, *frames: LineFrame) -> None:
        """Hand in frames of open lines."""
        await self.origin.take_frames(frames)

    async def until(self, event: str, count: int = 1) -> None:
        """Let others run until an event was counted so often; it must come soon."""
        for _ in range(1_000):
            if self.events.counts[event] >= count:
                return
            await turns()
        raise AssertionError(f"`{event}` did not come")

    def codes(self) -> list[tuple[int, str]]:
        """Return what the lines were told of their frames since the last call."""
        told, self.lines.told = self.lines.told, []
        return [(number, code) for _, number, code in told]


@asynccontextmanager
async def running(
    *policies: bytes, disk: Disk | None = None, lines: Lines | None = None
) -> AsyncIterator[PracticeHost]:
    """A host in operation: parts and policies published on a new disk, or as a disk has them."""
    host = PracticeHost(disk or Disk(), lines=lines)
    await host.start()
    try:
        if disk is None:
            await host.publish(*policies)
        texas = next(p for p in practice_parts() if p.member == TX)
        host.world.take_parts([heard_of(sign_part(texas, signer_of(TX)))])
        yield host
    finally:
        await host.crash()


def heard_of(signed: SignedPart) -> DirectoryRow:
    """A part that another host published."""
    return DirectoryRow(
        member=signed.member,
        leaf_index=LeafIndex(0),
        version=1,
        body=signed.body,
        signature=signed.signature,
    )


def note_entry(disk: Disk, member: Member = WA, exchange_id: bytes | None = None) -> Entry:
    """The smallest thing that can be recorded: one leaf under an id of its own."""
    return Entry(
        member=member,
        exchange_id=exchange_id or make_id(disk.clock.now_ns(), disk.entropy.token(8)),
        leaves=(note_leaf(member),),
    )


def note_leaf(member: Member, step: int = 0, digest: bytes | None = None) -> WantedLeaf:
    """A leaf that cites nothing, or with a digest the leaf of a policy."""
    kind = LeafKind.ACCESS if digest is None else LeafKind.POLICY
    return WantedLeaf(
        step=step,
        header=LeafHeader(
            version=1,
            kind=kind,
            mode=LeafMode.LIVE,
            hour=NOW // 3_600,
            member=member,
            digest=digest,
            cites=f"{member}/0" if digest is None else None,
        ),
        fields=note_fields(practice="yes"),
    )


def policy_entry(disk: Disk, state: Member, body: bytes) -> Entry:
    """A publication that takes the place of the policy in force."""
    leaf = note_leaf(state, digest=sha256(body).digest())
    return msgspec.structs.replace(note_entry(disk, state), leaves=(leaf,), policy=body)


def ask_of(
    number: int = 1,
    *,
    state: Member = WA,
    origin: Member = TX,
    accepted_at: int = NOW,
    **changes: object,
) -> Exchange:
    """An exchange by which a Texas agency asks Washington for a licence."""
    query_id = QueryId(make_id(accepted_at * NS, number.to_bytes(8, "big")))
    base = Exchange(
        exchange_id=exchange_id_of(query_id, origin, state),
        query_id=query_id,
        state=state,
        origin_member=origin,
        query_entry=f"{origin}/{number}",
        accepted_at=accepted_at,
        agency=AUSTIN,
        key=MessageKey("DQ"),
        original_key=MessageKey("DQ"),
        fields=(("OLN", NUMBER),),
        claims=NO_CLAIMS,
        assurance=Assurance.NOT_STATED,
        fan_out=FanOut.SINGLE,
    )
    return msgspec.structs.replace(base, **changes)


def opened(*parcels: Parcel) -> Opened:
    """A verified envelope from the south."""
    return Opened(
        route=Route(
            sender=SOUTH.name,
            recipient=WEST.name,
            sent_at_ms=NOW * 1_000,
            count=len(parcels),
            kind=EnvelopeKind.ASK,
        ),
        parcels=tuple(enumerate(parcels)),
        faults=(),
        encodings=(),
        levels=(),
        signature=b"",
        verify_key=b"",
    )


def asks(*exchanges: Exchange) -> Opened:
    """An envelope of asks."""
    return opened(*(Ask(exchange=exchange) for exchange in exchanges))


def frame(number: int, *states: str, line: str = LINE, **changes: object) -> LineFrame:
    """A JSON message of Salem's, by default to Texas."""
    query = Query(
        key=MessageKey("DQ"),
        origin=SALEM,
        destinations=states or ("TX",),
        control="C1",
        fields=(("OLN", NUMBER),),
    )
    data = json_form.render_query(msgspec.structs.replace(query, **changes))
    return LineFrame(line=line, number=number, data=data)


def answer_to(exchange: Exchange, *, step: int = 0, **changes: object) -> Answer:
    """What a state says: no record, unless changed."""
    base = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=step,
        key=MessageKey("DR"),
        response=ResponseKind.NO_HIT,
        is_final=True,
    )
    return msgspec.structs.replace(base, **changes)


def held_answer_to(exchange: Exchange, *, step: int = 0, until: int = NOW + 60) -> Answer:
    """What a state says while a person decides."""
    notice = HoldNotice(until=until, contact="555-0199", entry=f"{exchange.state}/8")
    return answer_to(exchange, step=step, response=ResponseKind.HELD, is_final=False, hold=notice)


def answers(*said: Answer, origin: Member = OR) -> Opened:
    """An envelope of answers."""
    return opened(*(Answered(origin=origin, answer=answer) for answer in said))
