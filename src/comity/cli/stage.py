"""The story's stage on a running network: real lines, signed verdicts, exported ledgers."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity import app
from comity.audit.notes import read_vkey
from comity.audit.tree import audit_tree
from comity.cli.exports import fetch_from, write_into
from comity.cli.network import connect_line
from comity.cli.receipts import check_proof
from comity.cli.reviewing import COMMAND_USER, Desk, reviewer_of, send_command
from comity.client import LineClient
from comity.directory.directory import Directory, load_directory
from comity.domain.answer import Answer
from comity.domain.ids import Member, QueryId, make_id, parse_entry_name
from comity.domain.query import Query
from comity.domain.verdict import (
    VerdictKind,
)
from comity.domain.vocabulary import Assurance, DataClass
from comity.exchange.origin import AcceptedQuery, exchanges_of
from comity.formats import json as json_form
from comity.formats import text as text_form
from comity.formats.frames import LineEvent
from comity.formats.json.delivered import parse_delivered
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
from comity.practice.stage import Heard, HoldSeen, LedgerSeen
from comity.practice.world import PracticeWorld
from comity.roles.engines.nats import gateway_user
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.courier import HUB_SUBJECT
from comity.services.export import export_ledger

__all__ = ["NetworkStage", "open_stage"]

_WAIT_SECONDS: Final = 20.0
_COMMAND_SECONDS: Final = 10.0
_LOOPBACK: Final = "127.0.0.1"


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
    if event.payload[:1] == b"{":
        said = parse_delivered(event.payload)
        return Heard(
            number=event.number,
            data=event.payload,
            delivery=said.delivery,
            answer=said.answer,
            fault=said.fault,
        )
    delivery = text_form.parse_delivery(event.payload)
    return Heard(number=event.number, data=event.payload, delivery=delivery)


class NetworkStage:
    """A running practice network, from outside. Made by `open_stage`."""

    def __init__(self, settings: Settings, world: PracticeWorld, command: Bus, wire: Bus) -> None:
        self._settings = settings
        self._files = HostFiles(settings.data_dir)
        self._world = world
        self._command = command
        self._wire = wire
        self._host_key = read_vkey(encode_vkey(app.host_keys(settings)))
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

    async def line(self, name: str) -> _Line:
        """Return a line's connection, opened on first use."""
        found = self._lines.get(name)
        if found is None:
            client = await connect_line(self._settings, name)
            found = self._lines[name] = _Line(client)
        return found

    async def ask(self, query: Query, *, form: str = "json", count: int = 1) -> list[Heard]:
        """Send a query on its agency's own line; return the first `count` deliveries for it."""
        render = json_form.render_query if form == "json" else text_form.render_query
        line = await self.line(self._line_of[query.origin])
        number = await line.send(render(query))
        self._asked[_key(query)] = number
        return [await line.hear(number, _WAIT_SECONDS) for _ in range(count)]

    async def send(self, line: str, message: bytes, *, number: int | None = None) -> list[Heard]:
        """Send bytes on a line, under an earlier number to repeat them; return what answers."""
        found = await self.line(line)
        return [await found.hear(await found.send(message, number), _WAIT_SECONDS)]

    def last_number(self, line: str) -> int:
        """Return the number of the last message sent on a line."""
        return self._lines[line].last

    async def further(self, query: Query, *, seconds: float) -> Heard:
        """Wait for one more delivery about a query asked before."""
        line = await self.line(self._line_of[query.origin])
        return await line.hear(self._asked[_key(query)], seconds)

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
        _, recorded = await desk.decide(entry, kind, tuple(approved), note)
        return recorded

    def _desk(self, state: Member) -> Desk:
        reviewer = reviewer_of(self._settings, state, None)
        host = self._files.host_name()
        return Desk(settings=self._settings, state=state, reviewer=reviewer, host=host)

    async def forge_envelope(self, query: Query, state: Member) -> int:
        """Send the hub an envelope under a key that nobody certified; return how many refused."""
        before = await self._count("envelope_refused", state)
        now_ns = time.time_ns()
        directory = self._directory()
        host = directory.host_of(state)
        member = directory.member_of(query.origin)
        assert host is not None
        assert member is not None
        accepted = AcceptedQuery(
            query_id=QueryId(make_id(now_ns, b"forgery!")),
            query=query,
            states=(state,),
            member=member,
            line=self._line_of[query.origin],
            form="json",
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
            if await self._count("envelope_refused", state) > before:
                break
            await asyncio.sleep(0.1)
        return await self._count("envelope_refused", state) - before

    def verify(self, answer: Answer) -> int:
        """Verify every receipt of an answer; return how many. Raises: ComityError."""
        for proof in answer.proofs:
            check_proof(proof, self._host_key)
        return len(answer.proofs)

    async def ledger_size(self, state: Member) -> int:
        """Return how many leaves a state's ledger has."""
        return await self._count("leaves", state)

    async def audit(self, state: Member) -> LedgerSeen:
        """Export a state's ledger to files and audit them."""
        await self._do(SignCheckpoint(member=state))
        key = app.ledger_vkey(self._settings, state)
        with tempfile.TemporaryDirectory(prefix="comity-export-") as name:
            folder = Path(name)
            async with app.open_reader(self._settings, [state]) as store:
                await export_ledger(store, state, key, write_into(folder))
            report = audit_tree(fetch_from(folder), encode_vkey(key))
        findings = tuple(f"{finding.code} {finding.path}" for finding in report.findings)
        return LedgerSeen(size=report.size, root=report.root.hex(), findings=findings)

    async def _do(self, command: Command) -> CommandResult:
        return await send_command(self._command, self._files.host_name(), command)

    async def _count(self, name: str, state: Member) -> int:
        result = await self._do(AskStatus(member=state))
        assert isinstance(result, CommandDone)
        return int(dict(result.facts)[name])

    def _directory(self) -> Directory:
        directory, faults = load_directory(self._files.founding_parts(), self._files.trust_root())
        assert not faults
        return directory


def _key(query: Query) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return query.origin, query.key, query.fields


@asynccontextmanager
async def open_stage(settings: Settings, world: PracticeWorld) -> AsyncIterator[NetworkStage]:
    """Connect to a running practice network as its agencies, reviewers and auditors would."""
    host = HostFiles(settings.data_dir).host_name()
    async with AsyncExitStack() as stack:
        command = await stack.enter_async_context(app.open_bus(settings, COMMAND_USER))
        wire = await stack.enter_async_context(app.open_bus(settings, gateway_user(host)))
        stage = NetworkStage(settings, world, command, wire)
        try:
            yield stage
        finally:
            await stage.close()
