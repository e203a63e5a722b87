"""Messages that a member itself sends to an agency: a question, a warning, a finding.

Each is an accepted query of the member's own, with its leaf, committed with the entry that owes it:
there is neither the one without the other. It is sent on, decided by the agency's own state and
asked again until it is taken, as every message is.
Source: docs/adr/0052-claim-checks.md, "The question and its answer are ordinary messages".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from comity.directory.routing import check_entitled, plan_route
from comity.domain.agency import Form
from comity.domain.ids import ORI, Member, QueryId, make_id
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.exchange.origin import AcceptedQuery, assurance_of
from comity.ports import Clock, Entropy
from comity.services.entries import Entry
from comity.services.member import World

__all__ = ["OwnMessage", "OwnMessages", "SendOwn"]

_KEY: Final = MessageKey("AM")
_NS: Final = 1_000_000_000

SendOwn = Callable[[AcceptedQuery, Entry, int], Awaitable[bool]]
"""Records a message of a member itself with the entry that owes it, and sends it."""


class OwnMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a member says to an agency, in the name of one of its own.

    `line` names what it is about, such as `claim-checks`: no agency's line has a stroke in its
    name. `number`, from one on, is its place on that line, which takes one message alone.
    """

    member: Member
    line: str
    number: int
    speaks_as: ORI
    to: ORI
    text: str


class OwnMessages:
    """Sends what the members of one host say themselves."""

    def __init__(self, world: World, clock: Clock, entropy: Entropy) -> None:
        self._world = world
        self._clock = clock
        self._entropy = entropy
        self._send: SendOwn | None = None

    def when_sent(self, send: SendOwn) -> None:
        """Say who sends: the origin face, which is made after this."""
        self._send = send

    def speaker(self, member: Member) -> ORI | None:
        """Return the agency that speaks for a member's own system; None: it lists none."""
        terminals = self._world.directory.control_terminals(member)
        return terminals[0].ori if terminals else None

    async def send(self, message: OwnMessage, owing: Entry) -> bool:
        """Record a message with the entry that owes it, and send it on.

        False where nothing could be recorded now. Raises: DirectoryError where the directory lets
        it go to nobody.
        """
        assert self._send is not None
        return await self._send(self._accepted(message), owing, message.number)

    def _accepted(self, message: OwnMessage) -> AcceptedQuery:
        directory = self._world.directory
        now_ns = self._clock.now_ns()
        query = Query(
            key=_KEY,
            origin=message.speaks_as,
            destinations=(message.to,),
            fields=(("", message.text),),
        )
        check_entitled(directory.check_asker(message.member, message.speaks_as), query.key)
        return AcceptedQuery(
            query_id=QueryId(make_id(now_ns, self._entropy.token(8))),
            query=query,
            route=plan_route(directory, query, message.member),
            member=message.member,
            line=f"{message.line}/{message.member}",
            form=Form.TEXT,
            assurance=assurance_of(query),
            accepted_at=now_ns // _NS,
        )
