"""One question on a line, from its sending to what came back for each state asked.

Guarantee: a state that did not answer is named as such and never counted as without a record. What
came on the line and belongs to something else is kept apart, and shown: it is not sent again. The
last delivery is left unacknowledged, for the caller to take once it is printed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from comity.cli.errors import ExitCode, UsageError
from comity.cli.heard import Arrived, Letter, Said, read_arrived
from comity.client import LineClient, LineClosedError
from comity.directory.help import parse_help_ori
from comity.directory.routes import RouteKind, resolve_code
from comity.domain.answer import ResponseKind
from comity.domain.delivery import MessageFault
from comity.domain.ids import (
    MEMBERS,
    OPERATOR_MEMBER,
    Member,
    member_of_wire,
    wire_of_member,
)
from comity.domain.keys import Handling, key_row
from comity.domain.query import Query
from comity.formats import json as json_form
from comity.formats import niem as niem_form
from comity.formats import text as text_form
from comity.formats.faults import MessageError
from comity.formats.frames import LineEvent
from comity.formats.status import StatusKind, parse_status
from comity.link.errors import GatewaySilentError

__all__ = [
    "WAIT_S",
    "Expected",
    "Outcome",
    "ask_line",
    "destination_code",
    "exit_of_outcome",
    "expected_of",
    "listen_line",
    "overall_response",
]

WAIT_S: Final = 30.0
"""How long a question waits for its answers where nothing else is said."""

_ORI_CHARS: Final = 9
_FORMS: Final = {"json": json_form, "text": text_form, "niem": niem_form}
_OWN_MEMBER: Final = frozenset({Handling.DIRECTORY, Handling.ARCHIVE, Handling.STATUS})
_ENDED: Final = frozenset({StatusKind.NEVER_FORWARDED, StatusKind.NOT_QUEUED})


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a question asks, as far as it is known before it is sent.

    `home` is the sender's own member, which may answer in a federal system's place. With `is_one`
    one message answers for all of them, and says who they are.
    """

    states: tuple[Member, ...]
    home: Member | None = None
    is_one: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All that came back: the last word of each state, and who said nothing.

    `earlier` are answers to questions asked before on this line, and `messages` what came unasked,
    both delivered now; `fault` is what the message was refused for, `status` the last text that
    came for it without an answer; `ended` are silent states from which nothing will follow;
    `last_delivery` is to be taken.
    """

    answers: tuple[Said, ...] = ()
    silent: tuple[Member, ...] = ()
    ended: tuple[Member, ...] = ()
    earlier: tuple[Said, ...] = ()
    messages: tuple[Letter, ...] = ()
    fault: MessageFault | None = None
    status: str = ""
    last_delivery: int = 0
    seconds: float = 0.0


class _Gathering:
    """What has come so far; `take` reads one delivery."""

    def __init__(self, number: int, expected: Expected, *, until_final: bool) -> None:
        self._number = number
        self._states = expected.states
        self._home = expected.home
        self._awaits_one = expected.is_one
        self._until_final = until_final
        self._has_heard = False
        self.answers: dict[Member, Said] = {}
        self.ended: dict[Member, None] = {}
        self.earlier: list[Said] = []
        self.messages: list[Letter] = []
        self.fault: MessageFault | None = None
        self.status = ""
        self.last_delivery = 0

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is waited for."""
        if self.fault is not None:
            return True
        if self._awaits_one or not self._has_heard:
            return False
        return all(map(self._is_settled, self._states))

    def silent(self) -> tuple[Member, ...]:
        """Return the states that gave no answer, or only word that none came."""
        return tuple(s for s in self._states if s not in self._heard() and not self._is_home(s))

    def _heard(self) -> dict[Member, Said]:
        return {
            state: said
            for state, said in self.answers.items()
            if said.response is not ResponseKind.UNAVAILABLE
        }

    def _is_settled(self, state: Member) -> bool:
        said = self._heard().get(state) or self._is_home(state)
        if said is None:
            return state in self.ended
        return said.is_final or not self._until_final

    def _is_home(self, state: Member) -> Said | None:
        """Return what the sender's own state said of a question to a federal system, if it did."""
        is_federal = state == OPERATOR_MEMBER and self._home not in {None, *self._states}
        said = self._heard().get(self._home) if is_federal and self._home else None
        # Once its reviewer has let the question go, it is the system itself that answers.
        return said if said and said.response is not ResponseKind.HIT else None

    def check_any(self) -> None:
        """Raise LineClosedError if the line ended with nothing to show."""
        if not self.answers:
            raise LineClosedError("the line ended before an answer came; the question is kept")

    def take(self, event: LineEvent) -> None:
        """Read one delivery."""
        self.last_delivery = max(self.last_delivery, event.number)
        arrived = read_arrived(event.payload, is_reply=event.reply_to != 0)
        if event.reply_to == self._number:
            self._take_own(arrived)
        elif arrived.said:
            self.earlier += arrived.said
        else:
            self.messages.append(arrived.letter)

    def _take_own(self, arrived: Arrived) -> None:
        self._has_heard = True
        self.answers |= {said.state: said for said in arrived.said}
        if arrived.asked:
            self._states, self._awaits_one = arrived.asked, False
        elif arrived.fault is not None:
            self.fault = arrived.fault
        elif not arrived.said:
            self.status = arrived.letter.text
            self._take_status(arrived.letter.text)

    def _take_status(self, text: str) -> None:
        try:
            status = parse_status(text)
        except MessageError:
            return
        state = member_of_wire(status.destination)
        if status.kind in _ENDED and state is not None:
            self.ended[state] = None


async def ask_line(
    client: LineClient,
    query: Query,
    form: str,
    *,
    expected: Expected,
    wait_s: float,
    until_final: bool,
) -> Outcome:
    """Send a query and gather what answers it, at most `wait_s` seconds in all.

    Where `expected` names no state, the first delivery about the question ends the wait.
    Raises: MessageNotTakenError; LineClosedError if the line ends before any state has answered;
    GatewaySilentError if the message was not taken in time.
    """
    data = _FORMS[form].render_query(query)
    loop = asyncio.get_running_loop()
    started = loop.time()
    gathering: _Gathering | None = None
    try:
        async with asyncio.timeout(wait_s):
            number = await client.send(data)
            gathering = _Gathering(number, expected, until_final=until_final)
            async for event in client.deliveries():
                gathering.take(event)
                if gathering.is_complete:
                    break
            else:
                gathering.check_any()
    except TimeoutError:
        if gathering is None:
            raise GatewaySilentError("the gateway did not take the message in time") from None
    silent = gathering.silent() if gathering.fault is None else ()
    return Outcome(
        answers=tuple(gathering.answers.values()),
        silent=silent,
        ended=tuple(state for state in gathering.ended if state in silent),
        earlier=tuple(gathering.earlier),
        messages=tuple(gathering.messages),
        fault=gathering.fault,
        status=gathering.status,
        last_delivery=gathering.last_delivery,
        seconds=loop.time() - started,
    )


async def listen_line(
    client: LineClient, seconds: float, hear: Callable[[Arrived, int], None]
) -> None:
    """Hand on what comes on a line, with the message that it replies to, for some time.

    Each is acknowledged once `hear` has had it. A line that ends, ends the listening.
    """
    try:
        async with asyncio.timeout(seconds):
            async for event in client.deliveries():
                hear(read_arrived(event.payload, is_reply=event.reply_to != 0), event.reply_to)
    except TimeoutError:
        return


def destination_code(text: str) -> str:
    """Return the network's code for what a person writes: `wa`, `WA`, `ne`, `NL`, an ORI.

    Raises: UsageError if it stands for nothing.
    """
    code, member = text.upper(), Member(text.lower())
    if len(code) == _ORI_CHARS or resolve_code(code) is not None:
        return code
    if member in MEMBERS:
        return wire_of_member(member)
    raise UsageError(f"`--to`: `{text}` is no state, region or agency of this network")


def expected_of(
    query: Query,
    home: Member | None,
    member_of_agency: Callable[[str], Member | None] = lambda _: None,
) -> Expected:
    """Return whom a question asks, by the network's tables alone; what is not known is left out."""
    row = key_row(query.key)
    if row.handling in _OWN_MEMBER or row.is_response:
        return Expected(states=() if home is None else (home,), home=home)
    found: dict[Member, None] = {}
    kinds: set[RouteKind] = set()
    for code in query.destinations:
        destination = resolve_code(code)
        if destination is None:
            found.update(dict.fromkeys(_of_agency(code, member_of_agency)))
        else:
            kinds.add(destination.kind)
            found.update(dict.fromkeys(destination.members))
    is_mail = row.handling is Handling.AGENCY
    is_one = RouteKind.NETWORK in kinds or (is_mail and RouteKind.REGION in kinds)
    return Expected(states=tuple(found), home=home, is_one=is_one)


def _of_agency(code: str, member_of_agency: Callable[[str], Member | None]) -> Iterable[Member]:
    file = parse_help_ori(code)
    member = file.member if file is not None else member_of_agency(code)
    return () if member is None else (member,)


_FIRST: Final = (
    ResponseKind.HIT,
    ResponseKind.DELIVERED,
    ResponseKind.HELD,
    ResponseKind.REFUSED,
)


def overall_response(outcome: Outcome) -> ResponseKind:
    """Return what a question came to: the outcome that a script must know of first.

    A record found by any state comes first; silence is never taken for `no record`, and an agency
    that let its time pass is silent.
    """
    said = {answer.response for answer in outcome.answers if not answer.is_overdue}
    for response in _FIRST:
        if response in said:
            return response
    is_silent = bool(outcome.silent) or ResponseKind.NO_HIT not in said
    return ResponseKind.UNAVAILABLE if is_silent else ResponseKind.NO_HIT


_EXITS: Final = {
    ResponseKind.HIT: ExitCode.OK,
    ResponseKind.DELIVERED: ExitCode.OK,
    ResponseKind.NO_HIT: ExitCode.OK,
    ResponseKind.REFUSED: ExitCode.REFUSED,
    ResponseKind.HELD: ExitCode.HELD,
    ResponseKind.UNAVAILABLE: ExitCode.AGAIN,
}


def exit_of_outcome(response: ResponseKind) -> ExitCode:
    """Return how `comity ask` ends."""
    return _EXITS[response]
