"""The story's stage on a running network: real lines, signed verdicts, exported ledgers."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.app.database import open_ledger_reader
from comity.app.keys import host_keys, ledger_vkey
from comity.app.wire import open_bus
from comity.app.witness import quorum_of
from comity.audit.evidence import check_opening
from comity.audit.notes import read_vkey
from comity.audit.tree import audit_tree
from comity.cli.backups import Backup
from comity.cli.exports import CHECKPOINT, write_into
from comity.cli.flips import flip_byte
from comity.cli.forks import show_fork
from comity.cli.network import connect_line, post_message
from comity.cli.opening import open_fields
from comity.cli.publics import read_public
from comity.cli.quorums import known_quorum, until_cosigned, witnessed_by
from comity.cli.receipts import check_proof
from comity.cli.reviewing import COMMAND_USER, Desk, reviewer_of
from comity.cli.sources import fetch_from_folder
from comity.cli.stage_desk import DeskStage
from comity.cli.stage_keys import give_order, has_record, opens, seal_old_record
from comity.cli.stage_replay import announce_holding, replay_announced, replay_holding
from comity.cli.stage_review import ReviewStage
from comity.cli.stage_rules import RulesStage
from comity.client import LineClient
from comity.directory.directory import Directory, load_directory
from comity.directory.routing import Route
from comity.domain.agency import Form
from comity.domain.answer import Answer
from comity.domain.ids import Member, QueryId, entry_name, make_id, parse_entry_name, parse_ori
from comity.domain.keeping import OrderAct
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.query import Asked, Query
from comity.domain.verdict import (
    OpeningReading,
    VerdictKind,
)
from comity.domain.vocabulary import Assurance, DataClass, FanOut, LeafKind
from comity.exchange.origin import AcceptedQuery, exchanges_of
from comity.formats import json as json_form
from comity.formats import niem as niem_form
from comity.formats import text as text_form
from comity.formats.delivered import Delivered
from comity.formats.frames import FrameKind, LineEvent
from comity.formats.json.delivered import parse_delivered
from comity.ledger.commitment import encode_opening
from comity.ledger.note import encode_vkey
from comity.link.command import (
    AskStatus,
    Command,
    CommandDone,
    CommandResult,
    SignCheckpoint,
)
from comity.link.envelope import seal_envelope
from comity.link.parcel import Ask
from comity.ports import Bus
from comity.practice.seen import (
    AnnouncedSeen,
    BackupSeen,
    FlipSeen,
    ForkSeen,
    Heard,
    HoldSeen,
    LedgerSeen,
    OldRecord,
    OpeningSeen,
    PublicSeen,
    ReplaySeen,
    RevealSeen,
)
from comity.practice.world import PracticeWorld
from comity.roles.engines.nats import gateway_user
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.roles.supervisor import Supervisor
from comity.services.courier import HUB_SUBJECT
from comity.services.export import export_ledger
from comity.services.sending import send_command

__all__ = ["NetworkStage", "open_stage"]

_WAIT_SECONDS: Final = 20.0
_COMMAND_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.2
_REVEALS_READ: Final = 4_096
_LOOPBACK: Final = "127.0.0.1"


_READERS: Final[dict[bytes, Callable[[bytes], Delivered]]] = {
    b"{": parse_delivered,
    b"<": niem_form.parse_delivered,
}
_WRITERS: Final[dict[str, Callable[[Query], bytes]]] = {
    "json": json_form.render_query,
    "text": text_form.render_query,
    "niem": niem_form.render_query,
}


class _Line:
    """One line's connection: what was sent, and the deliveries that nobody has asked for yet."""

    def __init__(self, client: LineClient) -> None:
        self.client = client
        self.sent: dict[int, bytes] = {}
        self.last = 0
        self._heard: dict[int, asyncio.Queue[LineEvent]] = {}
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.client.deliveries():
            self._queue(event.reply_to).put_nowait(event)

    def _queue(self, number: int) -> asyncio.Queue[LineEvent]:
        return self._heard.setdefault(number, asyncio.Queue())

    async def send(self, message: bytes, number: int | None = None) -> int:
        """Send a message, or repeat an earlier one; return its number."""
        if number is not None:
            message = self.sent[number]
        self.last = await self.client.send(message, number)
        self.sent[self.last] = message
        return self.last

    async def hear(self, number: int, seconds: float) -> Heard:
        """Return the next delivery about a message."""
        async with asyncio.timeout(seconds):
            event = await self._queue(number).get()
        return _heard(event)


def _heard(event: LineEvent) -> Heard:
    read = _READERS.get(event.payload[:1])
    if read is not None:
        said = read(event.payload)
        return Heard(
            number=event.number,
            data=event.payload,
            delivery=said.delivery,
            answer=said.answer,
            merged=said.merged,
            fault=said.fault,
        )
    delivery = text_form.parse_delivery(event.payload)
    return Heard(number=event.number, data=event.payload, delivery=delivery)


class NetworkStage(DeskStage, ReviewStage, RulesStage):
    """A running practice network, from outside. Made by `open_stage`."""

    def __init__(
        self,
        settings: Settings,
        world: PracticeWorld,
        command: Bus,
        wire: Bus,
        backup: Backup | None,
    ) -> None:
        self._settings = settings
        self._backup = backup
        self._files = HostFiles(settings.data_dir)
        self._world = world
        self._command = command
        self._wire = wire
        self._host_key = read_vkey(encode_vkey(host_keys(settings)))
        self._lines: dict[str, _Line] = {}
        self._asked: dict[tuple[str, str, tuple[tuple[str, str], ...]], int] = {}
        self._line_of = {
            agency.ori: agency.lines[0]
            for member in world.members()
            for agency in world.agencies(member)
        }

    async def close(self) -> None:
        """Close every line."""
        for line in self._lines.values():
            line.reading.cancel()
            line.client.close()
        self._lines.clear()

    async def line(self, name: str) -> _Line:
        """Return a line's connection, opened on first use."""
        found = self._lines.get(name)
        if found is None:
            client = await connect_line(self._settings, name)
            found = self._lines[name] = _Line(client)
        return found

    async def ask(self, query: Query, *, form: str = "json", count: int = 1) -> list[Heard]:
        """Send a query on its agency's own line; return the first `count` deliveries for it."""
        line = await self.line(self._line_of[query.origin])
        number = await line.send(_WRITERS[form](query))
        self._asked[_key(query)] = number
        return [await line.hear(number, _WAIT_SECONDS) for _ in range(count)]

    async def send(self, line: str, message: bytes, *, number: int | None = None) -> list[Heard]:
        """Send bytes on a line, under an earlier number to repeat them; return what answers."""
        found = await self.line(line)
        return [await found.hear(await found.send(message, number), _WAIT_SECONDS)]

    async def request(self, query: Query, key: str) -> Heard:
        """Ask by one HTTPS request under an idempotency key, and wait for its answer."""
        line = self._line_of[query.origin]
        body = json_form.render_query(query)
        status, data = await asyncio.to_thread(post_message, self._settings, line, key, body)
        assert status == HTTPStatus.OK, status
        return _heard(LineEvent(kind=FrameKind.DELIVERY, number=0, payload=data))

    def last_number(self, line: str) -> int:
        """Return the number of the last message sent on a line."""
        return self._lines[line].last

    async def further(self, query: Query, *, seconds: float) -> Heard:
        """Wait for one more delivery about a query asked before."""
        line = await self.line(self._line_of[query.origin])
        return await line.hear(self._asked[_key(query)], seconds)

    async def unasked(self, agency: str, *, seconds: float) -> Heard:
        """Wait for the next message that an agency's own line gets without having asked."""
        line = await self.line(self._line_of[parse_ori(agency)])
        return await line.hear(0, seconds)

    async def leaf(self, entry: str) -> LeafHeader:
        """Return the leaf that an entry cites."""
        member, index = parse_entry_name(entry)
        async with open_ledger_reader(self._settings, [member]) as (_, rows):
            (data,) = await rows.leaves(member, index, index + 1)
        return parse_leaf(data)

    async def holds(self, state: Member) -> Sequence[HoldSeen]:
        """Return a state's open holds, as its reviewer sees them."""
        shown = await self._desk(state).read()
        return [
            HoldSeen(entry=h.entry, agency=h.agency, classes=h.classes, until=h.until)
            for h in shown.holds
        ]

    async def decide(
        self, entry: str, kind: VerdictKind, approved: Sequence[DataClass] = (), note: str = ""
    ) -> str:
        """Give a signed verdict, after reading the hold; return the entry of the verdict's leaf."""
        state, _ = parse_entry_name(entry)
        desk = self._desk(state)
        await desk.read(entry)
        return (await desk.decide(entry, kind, tuple(approved), note)).entry

    def _desk(self, state: Member) -> Desk:
        reviewer = reviewer_of(self._settings, state, None)
        host = self._files.host_name()
        return Desk(settings=self._settings, state=state, reviewer=reviewer, host=host)

    async def forge_envelope(self, query: Query, state: Member) -> int:
        """Send the hub an envelope under a key that nobody certified; return how many refused."""
        before = await self.count("envelope_refused", state)
        now_ns = time.time_ns()
        directory = self._directory()
        host = directory.host_of(state)
        member = directory.member_of(query.origin)
        assert host is not None
        assert member is not None
        accepted = AcceptedQuery(
            query_id=QueryId(make_id(now_ns, b"forgery!")),
            query=query,
            route=Route(key=query.key, asked=(Asked(state=state),), fan_out=FanOut.SINGLE),
            member=member,
            line=self._line_of[query.origin],
            form=Form.JSON,
            assurance=Assurance.NOT_STATED,
            accepted_at=now_ns // 1_000_000_000,
        )
        envelope = seal_envelope(
            [Ask(exchange=exchange) for exchange in exchanges_of(accepted, f"{member}/0")],
            sender=host.name,
            recipient=host,
            signer=Ed25519PrivateKey.generate(),
            sent_at_ms=now_ns // 1_000_000,
        )
        await self._wire.publish(HUB_SUBJECT, envelope, unheard=lambda: None)
        for _ in range(50):
            if await self.count("envelope_refused", state) > before:
                break
            await asyncio.sleep(0.1)
        return await self.count("envelope_refused", state) - before

    def verify(self, answer: Answer) -> int:
        """Verify every receipt of an answer; return how many. Raises: ComityError."""
        for proof in answer.proofs:
            check_proof(proof, self._host_key)
        return len(answer.proofs)

    async def ledger_size(self, state: Member) -> int:
        """Return how many leaves a state's ledger has."""
        return await self.count("leaves", state)

    async def audit(self, state: Member) -> LedgerSeen:
        """Export a state's ledger to files and audit them."""
        await self._do(SignCheckpoint(member=state))
        key = ledger_vkey(self._settings, state)
        with tempfile.TemporaryDirectory(prefix="comity-export-") as name:
            folder = Path(name)
            await self._export(state, folder)
            report = audit_tree(fetch_from_folder(folder), encode_vkey(key))
            note = (folder / CHECKPOINT).read_bytes()
        quorum = known_quorum(self._settings)
        seen = witnessed_by(note, read_vkey(encode_vkey(key)), quorum) if quorum else None
        return LedgerSeen(
            size=report.size,
            root=report.root.hex(),
            findings=tuple(f"{finding.code} {finding.path}" for finding in report.findings),
            cosigned=seen.cosigned if seen else (),
            has_quorum=seen is not None and seen.satisfied,
        )

    async def _export(self, state: Member, folder: Path) -> None:
        key = ledger_vkey(self._settings, state)
        async with open_ledger_reader(self._settings, [state]) as (store, rows):
            await until_cosigned(store, state, quorum_of(self._settings))
            await export_ledger(store, state, key, write_into(folder), rows=rows)

    async def read_public(self, state: Member) -> PublicSeen:
        """Audit a state's ledger over HTTP, and hold each document against its export."""
        await self._do(SignCheckpoint(member=state))
        key = encode_vkey(ledger_vkey(self._settings, state))
        with tempfile.TemporaryDirectory(prefix="comity-export-") as name:
            await self._export(state, Path(name))
            url = f"http://{_LOOPBACK}:{self._settings.public_port}/{state}"
            return await asyncio.to_thread(read_public, url, Path(name), key)

    async def revealed(self, entry: str, *, seconds: float) -> RevealSeen:
        """Wait for the leaf that reveals a sealed one, and check it by its public document."""
        member, index = parse_entry_name(entry)
        cited = await self.leaf(entry)
        opened = open_ledger_reader(self._settings, [member])
        async with asyncio.timeout(seconds), opened as (store, rows):
            while True:
                leaves = await rows.leaves(member, index + 1, index + _REVEALS_READ)
                for at, data in enumerate(leaves, start=index + 1):
                    header = parse_leaf(data)
                    if header.kind is LeafKind.REVEAL and header.cites == entry:
                        (document,) = await store.documents(member, at, at + 1)
                        shown = check_opening(document.body, cited.commitment)
                        return RevealSeen(
                            entry=entry_name(member, at), header=header, proved=_texts(shown)
                        )
                await asyncio.sleep(_LOOK_SECONDS)

    async def open_fields(self, answer: Answer, fields: Sequence[str]) -> OpeningSeen:
        """Open fields behind an answer's first leaf, and check them by the answer's receipt."""
        proof = answer.proofs[0]
        member, _ = parse_entry_name(proof.entry)
        reviewer = reviewer_of(self._settings, member, None)
        reading = OpeningReading(
            state=member,
            entry=proof.entry,
            fields=tuple(fields),
            reviewer=reviewer.name,
            at=int(time.time()),
        )
        opened = await open_fields(self._settings, reading, reviewer)
        check_proof(proof, self._host_key)
        shown = check_opening(encode_opening(opened.opening), parse_leaf(proof.leaf).commitment)
        hidden = len(opened.opening.fields) - len(shown)
        return OpeningSeen(access_entry=opened.access_entry, proved=_texts(shown), hidden=hidden)

    async def show_fork(self, state: Member) -> Sequence[ForkSeen]:
        """Show each witness another history of a state's ledger, signed by the ledger's own key."""
        return await show_fork(self._settings, state)

    async def keep_backup(self) -> None:
        """Copy the network's database as it stands."""
        assert self._backup is not None
        await self._backup.keep()

    async def restore_backup(self, state: Member) -> BackupSeen:
        """Put the copy in the database's place, and start the gateway on it.

        What was committed since is signed first, so that the host remembers it.
        """
        assert self._backup is not None
        await self._do(SignCheckpoint(member=state))
        await self.close()
        refused = await self._backup.restore()
        return BackupSeen(
            size=await self.count("leaves", state),
            refused=tuple(sorted(refused)),
            said=refused.get(state, ""),
        )

    async def end_backup(self) -> None:
        """Put the newer database back, start the gateway on it, and remove the copy."""
        assert self._backup is not None
        await self._backup.end()

    async def flip_byte(self, state: Member) -> FlipSeen:
        """Change one byte of a state's exported ledger, and have it checked."""
        key = encode_vkey(ledger_vkey(self._settings, state))
        with tempfile.TemporaryDirectory(prefix="comity-export-") as name:
            await self._export(state, Path(name))
            return await asyncio.to_thread(flip_byte, Path(name), key)

    async def give_order(
        self,
        act: OrderAct,
        state: Member,
        persons: Sequence[str],
        *,
        month: str = "",
        entry: str = "",
    ) -> tuple[str, str]:
        """Have a signed order carried out; return its entry, or the code that refuses it."""
        return await give_order(
            self._settings, self._command, act, state, persons, month=month, entry=entry
        )

    async def replay(self, members: Sequence[Member], family: str) -> ReplaySeen:
        """Replay a draft that holds a family over the recorded traffic of states, in two ways."""
        return await replay_holding(self._settings, self._command, members, family)

    async def announce(self, state: Member, family: str, person: str) -> str:
        """Announce rules that hold a family, as one person; return the entry of their leaf."""
        return await asyncio.to_thread(announce_holding, self._settings, state, family, person)

    async def replay_announced(self, state: Member) -> AnnouncedSeen:
        """Replay what a state has announced over what it has answered since."""
        return await asyncio.to_thread(replay_announced, self._settings, state)

    def seal_old_record(self, state: Member) -> OldRecord:
        """Seal something under a state's key of an earlier month."""
        return seal_old_record(self._settings, state)

    def opens(self, record: OldRecord) -> bool:
        """Say whether a record of an earlier month still opens."""
        return opens(self._settings, record)

    async def has_record(self, entry: str) -> bool:
        """Say whether a leaf's private record is there."""
        return await has_record(self._settings, entry)

    async def _do(self, command: Command) -> CommandResult:
        return await send_command(self._command, self._files.host_name(), command)

    async def count(self, name: str, state: Member) -> int:
        """Return how often the gateway counted an event that its status shows."""
        result = await self._do(AskStatus(member=state))
        assert isinstance(result, CommandDone)
        return int(dict(result.facts)[name])

    def _directory(self) -> Directory:
        directory, faults = load_directory(self._files.founding_parts(), self._files.trust_root())
        assert not faults
        return directory


def _texts(shown: Mapping[str, bytes]) -> dict[str, str]:
    return {name: value.decode() for name, value in shown.items()}


def _key(query: Query) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return query.origin, query.key, query.fields


@asynccontextmanager
async def open_stage(
    settings: Settings, world: PracticeWorld, supervisor: Supervisor | None = None
) -> AsyncIterator[NetworkStage]:
    """Connect to a running practice network as its agencies, reviewers and auditors would.

    Whoever runs it gives its supervisor too, so that its database can be put back to a copy.
    """
    backup = Backup(settings, supervisor) if supervisor is not None else None
    host = HostFiles(settings.data_dir).host_name()
    async with AsyncExitStack() as stack:
        command = await stack.enter_async_context(open_bus(settings, COMMAND_USER))
        wire = await stack.enter_async_context(open_bus(settings, gateway_user(host)))
        stage = NetworkStage(settings, world, command, wire, backup)
        try:
            yield stage
        finally:
            await stage.close()
