"""Tests for one question on a line: what counts as an answer, and what it came to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import cast

import msgspec
import pytest

from comity.cli.asking import (
    Outcome,
    ask_line,
    destination_code,
    exit_of_outcome,
    overall_response,
    states_asked,
)
from comity.cli.errors import ExitCode, GatewaySilentError, UsageError
from comity.client import LineClient, LineClosedError
from comity.domain.answer import Answer, ResponseKind
from comity.domain.delivery import Delivery, MessageFault, Stamp
from comity.domain.ids import Member, parse_ori
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.formats import text as text_form
from comity.formats.frames import FrameKind, LineEvent
from comity.formats.json.delivered import Delivered, render_delivered
from tests.support.answers import SAMPLES

WA, OR = Member("wa"), Member("or")
STAMP = Stamp(time="08:00", date="01/01/2026", count=1)
QUERY = Query(
    key=MessageKey("DQ"),
    origin=parse_ori("TXPX001PD"),
    destinations=("WA",),
    fields=(("OLN", "A1"),),
)
NUMBER = 7
HIT, NO_RECORD, REFUSED, HELD = (SAMPLES[name] for name in ("hit", "no-record", "refused", "held"))
FAULT = MessageFault(er=".22.", text="INVALID MESSAGE FORMAT", code="field-set-incomplete")


class Gateway:
    """The gateway's end of a line: gives these deliveries, then says nothing more."""

    def __init__(
        self, events: Sequence[LineEvent], *, takes: bool = True, ends: bool = False
    ) -> None:
        self.events = events
        self.takes = takes
        self.ends = ends

    async def send(self, message: bytes) -> int:
        if not self.takes:
            await asyncio.Event().wait()
        assert message
        return NUMBER

    async def deliveries(self) -> AsyncIterator[LineEvent]:
        for event in self.events:
            yield event
        if not self.ends:
            await asyncio.Event().wait()


def delivery(
    answer: Answer | None = None, *, fault: MessageFault | None = None, text: str = ""
) -> Delivered:
    """What a gateway delivers in JSON."""
    header = Delivery(
        key=MessageKey("DR"),
        origin=parse_ori("WAOLN0000"),
        received=STAMP,
        sent=STAMP,
        destination=QUERY.origin,
        text=text,
    )
    return Delivered(delivery=header, answer=answer, fault=fault)


def event(delivered: Delivered, *, reply_to: int = NUMBER, number: int = 1) -> LineEvent:
    """A delivery frame that brings this."""
    payload = render_delivered(delivered)
    return LineEvent(kind=FrameKind.DELIVERY, number=number, payload=payload, reply_to=reply_to)


def of_state(answer: Answer, state: Member) -> Answer:
    """The same answer by another state."""
    return msgspec.structs.replace(answer, state=state)


async def ask(
    *events: LineEvent,
    expected: tuple[Member, ...] = (WA,),
    until_final: bool = False,
    form: str = "json",
    takes: bool = True,
    ends: bool = False,
) -> Outcome:
    """Ask, with these deliveries coming."""
    client = cast("LineClient", Gateway(events, takes=takes, ends=ends))
    return await ask_line(
        client, QUERY, form, expected=expected, wait_s=0.05, until_final=until_final
    )


async def test_one_answer_ends_the_wait() -> None:
    """The answer of the only state asked is the outcome."""
    outcome = await ask(event(delivery(HIT), number=4))
    assert [said.response for said in outcome.answers] == [ResponseKind.HIT]
    assert outcome.answers[0].words == "RECORD RELEASED"
    assert (outcome.silent, outcome.last_delivery) == ((), 4)


async def test_silence_is_not_a_missing_record() -> None:
    """A state that says nothing is named as silent, and the whole is not `no record`."""
    outcome = await ask(event(delivery(of_state(NO_RECORD, OR))), expected=(OR, WA))
    assert outcome.silent == (WA,)
    assert overall_response(outcome) is ResponseKind.UNAVAILABLE


async def test_word_that_no_answer_came_is_silence() -> None:
    """An answer `unavailable` does not end the wait and counts as not answered."""
    absent = Answer(
        exchange_id=HIT.exchange_id,
        state=WA,
        step=0,
        key=HIT.key,
        response=ResponseKind.UNAVAILABLE,
        is_final=False,
    )
    outcome = await ask(event(delivery(absent)))
    assert outcome.silent == (WA,)
    outcome = await ask(event(delivery(absent)), event(delivery(HIT), number=2))
    assert outcome.silent == ()
    assert overall_response(outcome) is ResponseKind.HIT


async def test_hold_is_an_answer_unless_the_last_word_is_wanted() -> None:
    """A hold ends the wait; with `until_final` what the reviewer decides is waited for."""
    reviewed = msgspec.structs.replace(HIT, step=2)
    events = event(delivery(HELD)), event(delivery(reviewed), number=2)
    assert overall_response(await ask(*events)) is ResponseKind.HELD
    outcome = await ask(*events, until_final=True)
    assert outcome.answers[0].words == "RECORD RELEASED AFTER REVIEW"


async def test_fault_ends_the_wait_for_all_states() -> None:
    """What the message was refused for is kept, and no state counts as silent."""
    outcome = await ask(event(delivery(fault=FAULT), number=0), expected=(WA, OR))
    assert outcome.fault == FAULT
    assert outcome.silent == ()


async def test_answer_to_another_question_is_kept_apart() -> None:
    """A delivery for an earlier message is not taken for an answer to this one."""
    outcome = await ask(event(delivery(HIT), reply_to=3), event(delivery(NO_RECORD), number=2))
    assert overall_response(outcome) is ResponseKind.NO_HIT
    assert [said.response for said in outcome.earlier] == [ResponseKind.HIT]


async def test_status_message_is_kept() -> None:
    """Word that the query waits is shown with the silence."""
    outcome = await ask(event(delivery(text=".02. USER OUT OF SERVICE"), number=0))
    assert outcome.status.startswith(".02.")
    assert outcome.silent == (WA,)


async def test_message_not_taken_is_no_answer() -> None:
    """A gateway that does not take the message in time is told as silent, to be tried again."""
    with pytest.raises(GatewaySilentError):
        await ask(takes=False)


async def test_line_that_ends_is_no_answer() -> None:
    """A line that ends before any answer is an error; after one, the others are silent."""
    with pytest.raises(LineClosedError):
        await ask(ends=True)
    outcome = await ask(event(delivery(HIT)), expected=(WA, OR), ends=True)
    assert outcome.silent == (OR,)


async def test_text_says_the_same() -> None:
    """In text the outcome, the withheld classes and the entries are read back."""
    body = delivery(text=text_form.render_answer_text(REFUSED)).delivery
    frame = LineEvent(
        kind=FrameKind.DELIVERY,
        number=1,
        payload=text_form.render_delivery(body),
        reply_to=NUMBER,
    )
    said = (await ask(frame, form="text")).answers[0]
    assert (said.response, said.words) == (ResponseKind.REFUSED, "REFUSED BY STATE POLICY")
    assert said.withheld
    assert said.entries


@pytest.mark.parametrize(
    ("text", "code"),
    [("wa", "WA"), ("WA", "WA"), ("ne", "NB"), ("NB", "NB"), ("NL", "NL"), ("nl", "NL")],
)
def test_destination_as_a_person_writes_it(text: str, code: str) -> None:
    """A state's postal code and the network's own code both name it."""
    assert destination_code(text) == code


def test_unknown_destination_is_usage() -> None:
    """What stands for nothing is refused before anything is sent."""
    with pytest.raises(UsageError):
        destination_code("ZZ")


def test_states_behind_destinations() -> None:
    """Each state stands once; an agency's state is what the caller knows of it."""
    assert states_asked(["WA", "OR", "WA"]) == (WA, OR)
    assert states_asked(["ORWSP0000"], lambda _: OR) == (OR,)
    assert states_asked(["ORWSP0000"]) == ()
    assert len(states_asked(["NL"])) == 54


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (ResponseKind.HIT, ExitCode.OK),
        (ResponseKind.NO_HIT, ExitCode.OK),
        (ResponseKind.REFUSED, ExitCode.REFUSED),
        (ResponseKind.HELD, ExitCode.HELD),
        (ResponseKind.UNAVAILABLE, ExitCode.AGAIN),
    ],
)
def test_exit_of_each_outcome(response: ResponseKind, code: ExitCode) -> None:
    """Each outcome has its exit code."""
    assert exit_of_outcome(response) == code


async def test_first_among_many() -> None:
    """A record comes before a hold, a hold before a refusal, all before silence."""
    three = (WA, OR, Member("id"))
    hit, hold, refusal = (
        event(delivery(of_state(answer, state)), number=number)
        for number, (answer, state) in enumerate(
            zip((HIT, HELD, REFUSED), three, strict=True), start=1
        )
    )
    assert overall_response(await ask(hit, hold, refusal, expected=three)) is ResponseKind.HIT
    assert overall_response(await ask(hold, refusal, expected=three)) is ResponseKind.HELD
    assert overall_response(await ask(refusal, expected=three)) is ResponseKind.REFUSED
    assert overall_response(await ask(expected=three)) is ResponseKind.UNAVAILABLE
