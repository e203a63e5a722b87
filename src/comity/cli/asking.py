"""One question on a line, from its sending to what came back for each state asked.

Guarantee: a state that did not answer is named as such and never counted as without a record. The
last delivery is left unacknowledged, for the caller to take once it is printed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from comity.cli.errors import ExitCode, GatewaySilentError, UsageError
from comity.client import LineClient, LineClosedError
from comity.directory.routes import resolve_code
from comity.domain.answer import Answer, Element, HoldNotice, Proof, ResponseKind, Withheld
from comity.domain.delivery import Delivery, MessageFault
from comity.domain.ids import MEMBERS, Member, wire_of_member
from comity.domain.query import Query
from comity.domain.vocabulary import RecordKind
from comity.formats import json as json_form
from comity.formats import text as text_form
from comity.formats.frames import LineEvent
from comity.formats.json.delivered import parse_delivered
from comity.formats.wording import outcome_words

__all__ = [
    "Outcome",
    "Said",
    "ask_line",
    "destination_code",
    "exit_of_outcome",
    "overall_response",
    "states_asked",
]

_ORI_CHARS: Final = 9


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one state said, whichever format it came in.

    `words` is the outcome as the network reads it; `elements` hold labels where it came as text.
    """

    state: Member
    response: ResponseKind
    words: str
    is_final: bool
    record_kind: RecordKind | None = None
    elements: tuple[Element, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    hold: HoldNotice | None = None
    remark: str = ""
    policy_entry: str = ""
    entries: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()
    has_photo: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All that came back: the last word of each state, and who said nothing.

    `earlier` are answers to questions asked before on this line, delivered now; `fault` is what the
    message was refused for, `status` a status message's text; `last_delivery` is to be taken.
    """

    answers: tuple[Said, ...] = ()
    silent: tuple[Member, ...] = ()
    earlier: tuple[Said, ...] = ()
    fault: MessageFault | None = None
    status: str = ""
    last_delivery: int = 0
    seconds: float = 0.0


class _Gathering:
    """What has come so far; `take` reads one delivery."""

    def __init__(self, number: int, expected: tuple[Member, ...], *, until_final: bool) -> None:
        self._number = number
        self._expected = expected
        self._until_final = until_final
        self.answers: dict[Member, Said] = {}
        self.earlier: list[Said] = []
        self.fault: MessageFault | None = None
        self.status = ""
        self.last_delivery = 0

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is waited for."""
        return self.fault is not None or all(map(self._is_settled, self._expected))

    def silent(self) -> tuple[Member, ...]:
        """Return the states that gave no answer, or only word that none came."""
        return tuple(s for s in self._expected if s not in self._heard())

    def _heard(self) -> dict[Member, Said]:
        return {
            state: said
            for state, said in self.answers.items()
            if said.response is not ResponseKind.UNAVAILABLE
        }

    def _is_settled(self, state: Member) -> bool:
        said = self._heard().get(state)
        return said is not None and (said.is_final or not self._until_final)

    def check_any(self) -> None:
        """Raise LineClosedError if the line ended with nothing to show."""
        if not self.answers:
            raise LineClosedError("the line ended before an answer came; the question is kept")

    def take(self, event: LineEvent) -> None:
        """Read one delivery."""
        self.last_delivery = max(self.last_delivery, event.number)
        said, fault, status = _read(event.payload)
        if event.reply_to != self._number:
            if said is not None:
                self.earlier.append(said)
        elif said is not None:
            self.answers[said.state] = said
        else:
            self.fault, self.status = fault or self.fault, status or self.status


async def ask_line(
    client: LineClient,
    query: Query,
    form: str,
    *,
    expected: tuple[Member, ...],
    wait_s: float,
    until_final: bool,
) -> Outcome:
    """Send a query and gather what answers it, at most `wait_s` seconds in all.

    `expected` are the states asked; where none is known, the first delivery ends the wait.
    Raises: MessageNotTakenError; LineClosedError if the line ends before any state has answered;
    GatewaySilentError if the message was not taken in time.
    """
    data = (json_form if form == "json" else text_form).render_query(query)
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
    return Outcome(
        answers=tuple(gathering.answers.values()),
        silent=gathering.silent() if gathering.fault is None else (),
        earlier=tuple(gathering.earlier),
        fault=gathering.fault,
        status=gathering.status,
        last_delivery=gathering.last_delivery,
        seconds=loop.time() - started,
    )


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


def states_asked(
    codes: Iterable[str], member_of_agency: Callable[[str], Member | None] = lambda _: None
) -> tuple[Member, ...]:
    """Return the states behind destinations as written; what is not known here is left out."""
    found: dict[Member, None] = {}
    for code in codes:
        destination = resolve_code(code)
        agency = member_of_agency(code) if destination is None else None
        members = destination.members if destination is not None else (agency,) * bool(agency)
        found.update(dict.fromkeys(m for m in members if m is not None))
    return tuple(found)


def overall_response(outcome: Outcome) -> ResponseKind:
    """Return what a question came to: the outcome that a script must know of first.

    A record found by any state comes first; silence is never taken for `no record`.
    """
    said = {answer.response for answer in outcome.answers}
    for response in (ResponseKind.HIT, ResponseKind.HELD, ResponseKind.REFUSED):
        if response in said:
            return response
    is_silent = bool(outcome.silent) or ResponseKind.NO_HIT not in said
    return ResponseKind.UNAVAILABLE if is_silent else ResponseKind.NO_HIT


_EXITS: Final = {
    ResponseKind.HIT: ExitCode.OK,
    ResponseKind.NO_HIT: ExitCode.OK,
    ResponseKind.REFUSED: ExitCode.REFUSED,
    ResponseKind.HELD: ExitCode.HELD,
    ResponseKind.UNAVAILABLE: ExitCode.AGAIN,
}


def exit_of_outcome(response: ResponseKind) -> ExitCode:
    """Return how `comity ask` ends."""
    return _EXITS[response]


def _read(data: bytes) -> tuple[Said | None, MessageFault | None, str]:
    """Return the answer, the fault or the status text that a delivery brings."""
    if data[:1] == b"{":
        delivered = parse_delivered(data)
        if delivered.answer is not None:
            return _of_answer(delivered.answer), None, ""
        if delivered.fault is not None:
            return None, delivered.fault, ""
        return None, None, delivered.delivery.text
    delivery = text_form.parse_delivery(data)
    if delivery.key == "ER":
        return None, text_form.parse_error(delivery.text), ""
    return _of_text(delivery)


def _of_answer(answer: Answer) -> Said:
    return Said(
        state=answer.state,
        response=answer.response,
        words=outcome_words(answer).text,
        is_final=answer.is_final,
        record_kind=answer.record_kind,
        elements=answer.elements,
        withheld=answer.withheld,
        hold=answer.hold,
        remark=answer.remark,
        policy_entry=answer.policy_entry,
        entries=tuple(proof.entry for proof in answer.proofs),
        proofs=answer.proofs,
    )


def _of_text(delivery: Delivery) -> tuple[Said | None, None, str]:
    try:
        answer = text_form.parse_answer_text(delivery.text)
    except text_form.AnswerTextError:
        return None, None, delivery.text
    said = Said(
        state=answer.state,
        response=answer.response,
        words=delivery.text.partition("\n")[0].partition(": ")[2],
        is_final=answer.is_final,
        record_kind=answer.record_kind,
        elements=answer.elements,
        withheld=answer.withheld,
        hold=answer.hold,
        remark=answer.remark,
        policy_entry=answer.policy_entry,
        entries=answer.entries,
        has_photo=answer.has_photo,
    )
    return said, None, ""
