"""Tests for one question on a line: what counts as an answer, and what it came to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import cast

import msgspec
import pytest

from comity.cli.asking import (
    Expected,
    Outcome,
    ask_line,
    destination_code,
    exit_of_outcome,
    expected_of,
    listen_line,
    overall_response,
)
from comity.cli.errors import ExitCode, UsageError
from comity.cli.heard import Arrived
from comity.client import LineClient, LineClosedError
from comity.domain.answer import FREE_TEXT, Answer, Element, Merged, ResponseKind, Withheld
from comity.domain.decision import OVERDUE_RULE, Reason
from comity.domain.delivery import Delivery, MessageFault, Stamp
from comity.domain.ids import Member, QueryId, parse_ori
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.domain.vocabulary import DataClass
from comity.domain.vocabulary import Outcome as Decided
from comity.formats import niem as niem_form
from comity.formats import text as text_form
from comity.formats.delivered import Delivered
from comity.formats.frames import FrameKind, LineEvent
from comity.formats.json.delivered import render_delivered
from comity.formats.status import Status, StatusKind, render_status
from comity.link.errors import GatewaySilentError
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
    answer: Answer | None = None,
    *,
    fault: MessageFault | None = None,
    text: str = "",
    merged: Merged | None = None,
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
    return Delivered(delivery=header, answer=answer, fault=fault, merged=merged)


def event(delivered: Delivered, *, reply_to: int = NUMBER, number: int = 1) -> LineEvent:
    """A delivery frame that brings this."""
    payload = render_delivered(delivered)
    return LineEvent(kind=FrameKind.DELIVERY, number=number, payload=payload, reply_to=reply_to)


def event_in(form: str, delivered: Delivered, *, reply_to: int = NUMBER) -> LineEvent:
    """A delivery frame that brings this in a format."""
    match form:
        case "json":
            payload = render_delivered(delivered)
        case "niem":
            payload = niem_form.render_delivered(delivered)
        case _:
            payload = text_form.render_delivery(delivered.delivery)
    return LineEvent(kind=FrameKind.DELIVERY, number=1, payload=payload, reply_to=reply_to)


def merged_of(asked: tuple[Member, ...], *answers: Answer) -> Delivered:
    """One message for many states, as a gateway delivers it."""
    merged = Merged(query_id=QueryId(bytes(16)), key=MessageKey("DR"), asked=asked, answers=answers)
    text = text_form.render_merged_text(answers, merged.silent)
    return delivery(text=text, merged=merged)


def of_state(answer: Answer, state: Member) -> Answer:
    """The same answer by another state."""
    return msgspec.structs.replace(answer, state=state)


async def ask(
    *events: LineEvent,
    expected: tuple[Member, ...] | Expected = (WA,),
    until_final: bool = False,
    form: str = "json",
    takes: bool = True,
    ends: bool = False,
) -> Outcome:
    """Ask, with these deliveries coming."""
    client = cast("LineClient", Gateway(events, takes=takes, ends=ends))
    if isinstance(expected, tuple):
        expected = Expected(states=expected)
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


def of(key: str, *destinations: str) -> Query:
    """A message of this key to these destinations."""
    return Query(key=MessageKey(key), origin=QUERY.origin, destinations=destinations)


def test_whom_a_question_asks() -> None:
    """Each state stands once; an agency's state is what the caller knows of it."""
    assert expected_of(of("DQ", "WA", "OR", "WA"), None).states == (WA, OR)
    assert expected_of(of("AM", "ORWSP0000"), None, lambda _: OR).states == (OR,)
    assert expected_of(of("AM", "ORWSP0000"), None).states == ()
    assert expected_of(of("AM", "ORLICHELP"), None).states == (OR,)
    all_of_them = expected_of(of("DQ", "NL"), WA)
    assert (len(all_of_them.states), all_of_them.is_one) == (54, True)


@pytest.mark.parametrize("key", ["TQ", "NLQ", "SM", "YR"])
def test_what_the_own_member_answers_asks_nobody_else(key: str) -> None:
    """Directory, archive, status and a person's answer are the sender's own member's."""
    assert expected_of(of(key, "NL"), WA) == Expected(states=(WA,), home=WA)


def test_messages_to_many_are_one() -> None:
    """A region gets one word for its messages, and one answer a state for its queries."""
    assert expected_of(of("AM", "E1"), WA).is_one
    assert not expected_of(of("DQ", "E1"), WA).is_one


@pytest.mark.parametrize("form", ["json", "niem", "text"])
async def test_merged_message_answers_for_all(form: str) -> None:
    """In every format one message says what each state said, and who was silent."""
    asked = (OR, Member("tx"), WA)
    answers = of_state(REFUSED, OR), of_state(NO_RECORD, Member("tx"))
    outcome = await ask(
        event_in(form, merged_of(asked, *answers)),
        expected=Expected(states=asked, is_one=True),
        form=form,
    )
    said = {answer.state: answer.response for answer in outcome.answers}
    assert said == {OR: ResponseKind.REFUSED, Member("tx"): ResponseKind.NO_HIT}
    assert outcome.silent == (WA,)
    assert overall_response(outcome) is ResponseKind.REFUSED


async def test_single_answer_does_not_stand_for_the_merged_one() -> None:
    """Where one message is awaited, nothing else ends the wait; what is late joins it."""
    one = Expected(states=(OR, WA), is_one=True)
    late = event(delivery(HIT), number=2)
    merged = event(merged_of((OR, WA), of_state(HELD, OR), HIT))
    first = event(delivery(of_state(NO_RECORD, OR)), number=0)
    assert overall_response(await ask(first, merged, expected=one)) is ResponseKind.HIT
    merged = event(merged_of((OR, WA), of_state(HELD, OR)))
    assert (await ask(merged, expected=one)).silent == (WA,)
    assert (await ask(merged, late, expected=one, until_final=True)).silent == ()


@pytest.mark.parametrize("form", ["json", "niem", "text"])
async def test_what_came_unasked_is_kept_and_ends_no_wait(form: str) -> None:
    """A message that nobody asked for is shown: it is acknowledged with what follows it."""
    mail = delivery(text="WA: NOT ON FILE\nwrites an officer")
    outcome = await ask(event_in(form, mail, reply_to=0), event(delivery(HIT)), expected=())
    (letter,) = outcome.messages
    assert letter.text == "WA: NOT ON FILE\nwrites an officer"
    assert [said.response for said in outcome.answers] == [ResponseKind.HIT]


@pytest.mark.parametrize(
    ("kind", "ended"),
    [
        (StatusKind.NEVER_FORWARDED, (WA,)),
        (StatusKind.NOT_QUEUED, (WA,)),
        (StatusKind.QUEUED, ()),
    ],
)
async def test_status_says_whether_more_follows(
    kind: StatusKind, ended: tuple[Member, ...]
) -> None:
    """What is not forwarded ends the wait for its state, which stays silent."""
    status = Status(kind=kind, key=MessageKey("DQ"), destination="WA")
    outcome = await ask(event(delivery(text=render_status(status)), number=0))
    assert (outcome.silent, outcome.ended) == ((WA,), ended)
    assert overall_response(outcome) is ResponseKind.UNAVAILABLE


async def test_own_state_answers_for_a_federal_system() -> None:
    """A question that does not leave home is settled by the state that kept it."""
    expected = Expected(states=(Member("us"),), home=WA)
    outcome = await ask(event(delivery(REFUSED)), expected=expected)
    assert (outcome.silent, outcome.seconds < 0.05) == ((), True)
    assert overall_response(outcome) is ResponseKind.REFUSED


async def test_agency_that_lets_its_time_pass_is_silent() -> None:
    """An hour without an answer is nobody's refusal."""
    overdue = Withheld(
        data_class=DataClass.OPAQUE,
        outcome=Decided.HOLD,
        reasons=(Reason(rule=OVERDUE_RULE, sentence="No answer"),),
    )
    answer = msgspec.structs.replace(REFUSED, key=MessageKey("YR"), step=1, withheld=(overdue,))
    outcome = await ask(event(delivery(answer)))
    assert outcome.answers[0].words == "NO ANSWER BY THE AGENCY IN TIME"
    assert overall_response(outcome) is ResponseKind.UNAVAILABLE


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(
    ("text", "is_declined"),
    [("REFUSED - ori-not-own\nX", True), ("ARCHIVE NOT SEARCHED: x", True), ("ADDED X", False)],
)
async def test_what_a_desk_did_not_do_is_no_success(
    form: str, text: str, is_declined: bool
) -> None:
    """A directory's answer follows as words; one that says no is told from one that says yes."""
    element = Element(data_class=DataClass.OPAQUE, name=FREE_TEXT, value=text)
    answer = msgspec.structs.replace(HIT, key=MessageKey("TR"), elements=(element,))
    body = delivery(answer, text=text_form.render_answer_text(answer))
    (said,) = (await ask(event_in(form, body), form=form)).answers
    assert (said.words, said.is_declined) == ("ANSWER FOLLOWS", is_declined)


async def test_listening_hands_on_what_comes() -> None:
    """Answers and letters alike, each with the message that it replies to, until time is over."""
    events = event(delivery(HIT), reply_to=3), event(delivery(text="HELLO"), reply_to=0)
    heard: list[tuple[Arrived, int]] = []
    client = cast("LineClient", Gateway(events))
    await listen_line(client, 0.05, lambda arrived, reply_to: heard.append((arrived, reply_to)))
    assert [reply_to for _, reply_to in heard] == [3, 0]
    assert [len(arrived.said) for arrived, _ in heard] == [1, 0]


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (ResponseKind.HIT, ExitCode.OK),
        (ResponseKind.DELIVERED, ExitCode.OK),
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
