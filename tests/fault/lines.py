"""An agency's system as it should be: it keeps a list of what it sent and of what it was delivered.

Guarantee: a message keeps its number until it is accepted, through any number of connections; a
delivery is acknowledged only after it stands in the list.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from comity.client import LineClient, LineClosedError, MessageNotTakenError, open_line
from comity.domain.answer import Answer, Merged
from comity.domain.ids import Member, member_of_wire
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.formats.delivered import Delivered
from comity.formats.frames import LineEvent
from comity.formats.json import render_query
from comity.formats.json.delivered import parse_delivered
from comity.formats.text import parse_delivery
from comity.roles.certificates import SERVER_NAME, client_context, tls_files
from comity.roles.settings import Settings

LOOPBACK = "127.0.0.1"
RECONNECT_S = 0.05
REPEAT_S = 0.2
WAIT_S = 20.0
_HIT, _CONFIRMED = MessageKey("YQ"), MessageKey("YR")


@dataclass
class Sent:
    """A message of the list: its number, what it asks, of whom, and what came of it."""

    number: int
    query: Query
    message: bytes
    states: tuple[Member, ...]
    is_merged: bool = False
    is_accepted: bool = False
    answers: list[Answer] = field(default_factory=list)
    merged: list[Merged] = field(default_factory=list)

    def final(self, state: Member) -> list[Answer]:
        """The final answers of a state, each once."""
        finals = (a for a in self.answers if a.state == state and a.is_final)
        return list({a.step: a for a in finals}.values())

    @property
    def is_ended(self) -> bool:
        """Whether every state asked has answered for good, and all that it released is here."""
        is_told = bool(self.merged) or not self.is_merged
        return is_told and all(self.final(s) and _first(self.answers, s) for s in self.states)


def states_of(query: Query) -> tuple[Member, ...]:
    """Return the states that a message asks by their codes, or by those of agencies; each once."""
    found = [member_of_wire(code[:2]) for code in query.destinations]
    return tuple(dict.fromkeys(member for member in found if member is not None))


def _first(answers: list[Answer], state: Member) -> bool:
    return any(a.state == state and a.step == 0 for a in answers)


@dataclass
class Kept:
    """A delivery of the list, and on which connection it came."""

    connection: int
    event: LineEvent
    said: Delivered


def _read(payload: bytes) -> Delivered:
    """Return a delivery: messages come in the agency's own format, which is text."""
    if payload.startswith(b"{"):
        return parse_delivered(payload)
    return Delivered(delivery=parse_delivery(payload))


class RecordingLine:
    """One line. `run` connects for as long as it is not cancelled; `add` sends, now or later."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.name = name
        self.sent: dict[int, Sent] = {}
        self.kept: list[Kept] = []
        self.mail: list[Kept] = []
        self.connections = 0
        self.refusals: Counter[str] = Counter()
        self._port = settings.line_port
        self._context = client_context(tls_files(settings.data_dir / "tls", name))
        self._client: LineClient | None = None
        self._next = 1
        self._waiting: set[int] = set()
        self._away_until = 0.0
        self._changed = asyncio.Event()

    def add(
        self, query: Query, states: tuple[Member, ...] = (), *, is_merged: bool = False
    ) -> Sent:
        """Put a query on the list and send it, if there is a connection.

        `states` are those that it asks, where its destinations are none of them.
        """
        sent = Sent(
            number=self._next,
            query=query,
            message=render_query(query),
            states=states or states_of(query),
            is_merged=is_merged,
        )
        self._next += 1
        self.sent[sent.number] = sent
        self._post(sent.number)
        return sent

    def unaccepted(self) -> list[int]:
        """The numbers of what must be sent again on a new connection."""
        return [number for number, sent in self.sent.items() if not sent.is_accepted]

    def unended(self) -> list[int]:
        """The numbers of what has not its final answers."""
        return [number for number, sent in self.sent.items() if not sent.is_ended]

    def cut(self, seconds: float = 0.0) -> None:
        """Lose the connection; `run` makes another when this time is over."""
        self._away_until = asyncio.get_running_loop().time() + seconds
        if self._client is not None:
            self._client.close()

    def heard(self, sent: Sent) -> list[Kept]:
        """The deliveries about a message, in the order in which they came."""
        return [kept for kept in self.kept if kept.event.reply_to == sent.number]

    async def connected(self) -> None:
        """Wait for the first connection, which says from which number this list goes on."""
        await self.until(lambda: self.connections > 0)

    async def until(self, condition: Callable[[], bool], seconds: float = WAIT_S) -> None:
        """Wait until something holds of what is accepted and delivered. Raises: TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def run(self) -> None:
        """Connect, send what is not accepted, keep what is delivered; again and again."""
        while True:
            away_s = self._away_until - asyncio.get_running_loop().time()
            if away_s > 0:
                await asyncio.sleep(away_s)
            try:
                client = await open_line(LOOPBACK, self._port, self._context, SERVER_NAME)
            except (OSError, ssl.SSLError, LineClosedError, TimeoutError):
                await asyncio.sleep(RECONNECT_S)
                continue
            try:
                await self._live(client)
            finally:
                self._client = None
                client.close()

    async def _live(self, client: LineClient) -> None:
        if not self.sent:
            self._next = (await client.hello()).last_frame + 1
        self.connections += 1
        self._changed.set()
        self._client = client
        self._waiting = set()
        for number in self.unaccepted():
            self._post(number)
        async for event in client.deliveries():
            self._keep(event)

    def _keep(self, event: LineEvent) -> None:
        said = _read(event.payload)
        kept = Kept(connection=self.connections, event=event, said=said)
        self.kept.append(kept)
        if event.number and not event.reply_to:
            self._keep_mail(kept)
        # What an earlier list acknowledged, and a crash forgot, comes again and is not of this one.
        sent = self.sent.get(event.reply_to)
        if said.answer is not None and sent is not None:
            sent.answers.append(said.answer)
        if said.merged is not None and sent is not None:
            sent.merged.append(said.merged)
            sent.answers += said.merged.answers
        self._changed.set()

    def _keep_mail(self, kept: Kept) -> None:
        """Keep a message of another agency; every second hit confirmation is answered, once."""
        said = kept.said.delivery
        is_known = any(said.control == other.said.delivery.control for other in self.mail)
        self.mail.append(kept)
        if said.key != _HIT or is_known or int((said.control or "0")[-1], 16) % 2:
            return
        reply = Query(
            key=_CONFIRMED,
            origin=said.destination,
            destinations=(said.origin,),
            control=said.control,
            fields=(("", "YES - HOLD THE VEHICLE"),),
        )
        own = member_of_wire(said.destination[:2])
        assert own is not None
        self.add(reply, (own,))

    def _post(self, number: int) -> None:
        client = self._client
        if client is None or number in self._waiting:
            return
        try:
            _, accepted = client.post(self.sent[number].message, number)
        except LineClosedError:
            return
        self._waiting.add(number)
        accepted.add_done_callback(partial(self._settled, client, number))

    def _settled(self, client: LineClient, number: int, accepted: asyncio.Future[None]) -> None:
        if client is self._client:
            self._waiting.discard(number)
        if accepted.cancelled():
            return
        error = accepted.exception()
        if error is None:
            self.sent[number].is_accepted = True
            self._changed.set()
        elif isinstance(error, MessageNotTakenError):
            self.refusals[error.reason] += 1
            asyncio.get_running_loop().call_later(REPEAT_S, self._post, number)
