"""Messages from person to person: let in, delivered once, answered, overdue, reviewed, refused."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from comity.directory.directory import HTTP_LINE_PREFIX
from comity.directory.part import sign_part
from comity.domain.answer import Answer, ResponseKind
from comity.domain.decision import OVERDUE_RULE
from comity.domain.ids import ORI, ExchangeId, entry_name, make_id
from comity.domain.keys import MessageKey
from comity.domain.leaf import LeafHeader
from comity.domain.query import Exchange
from comity.domain.verdict import SignedVerdict, Verdict, VerdictKind
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind
from comity.exchange.messages import ANSWER_SECONDS_MAX
from comity.exchange.origin import exchange_id_of
from comity.formats.wording import outcome_words
from comity.link.limits import TEXT_CHARS_MAX
from comity.link.parcel import Answered, RefusalCode, Refused
from comity.review.verdicts import HoldClosedError
from comity.services.mailroom import TERMINALS_MAX
from comity.services.traffic import Traffic
from tests.support.directory import signer_of
from tests.support.exchange import REVIEWER, signed
from tests.support.gateway import (
    AUSTIN,
    DENY_ALL,
    HOLD_ALL,
    NOW,
    NS,
    RELEASE,
    SEATTLE,
    SEATTLE_CONTROL,
    SEATTLE_CONTROL_LINE,
    SEATTLE_LINE,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    control_terminal,
    heard_of,
    part_of,
    policy_of,
    running,
)
from tests.support.link import WEST

OPEN, HELD, CLOSED = (
    policy_of(WA, RELEASE),
    policy_of(WA, RELEASE, HOLD_ALL),
    policy_of(WA, DENY_ALL),
)
HTTP_LINE = f"{HTTP_LINE_PREFIX}{SEATTLE_LINE}"
HIT = "RTY/SV.RNO/1.PRI/{}.OCA/26-1.NIC/V123456789.VIN/PX1.VYR/2020.VMA/FORD.RNA/DOE.RAG/TX"


def message(key: str = "AM", body: str = "WATCH FOR A BLUE SEDAN", **changes: object) -> Exchange:
    """A message of Austin's to Seattle's police."""
    values: dict[str, object] = {
        "key": MessageKey(key),
        "original_key": MessageKey(key),
        "fields": (("", body),),
        "to": (SEATTLE,),
        "control": "C7",
    }
    return ask_of(**(values | changes))  # type: ignore[arg-type]


def reply(text: str = "YES, STILL STOLEN", *, number: int = 77, **changes: object) -> Exchange:
    """Seattle's answer to Austin's hit confirmation, asked of its own member."""
    values: dict[str, object] = {
        "state": WA,
        "origin": WA,
        "agency": SEATTLE,
        "key": MessageKey("YR"),
        "original_key": MessageKey("YR"),
        "fields": (("", text),),
        "to": (AUSTIN,),
        "control": "C7",
    }
    return ask_of(number, **(values | changes))  # type: ignore[arg-type]


async def answers_to(host: PracticeHost, exchange: Exchange) -> list[Answer]:
    """Everything that is answered when an exchange is asked."""
    await host.answer.take(asks(exchange))
    return [p.answer for p in host.courier.take() if isinstance(p, Answered)]


async def answer_to(host: PracticeHost, exchange: Exchange) -> Answer:
    """The one answer to an exchange."""
    (answer,) = await answers_to(host, exchange)
    return answer


def got(host: PracticeHost) -> list[tuple[str, str, ORI, str]]:
    """What lines were delivered since the last call: line, key, for whom, text."""
    lines = [line for line, *_ in host.lines.delivered]
    return [
        (line, said.delivery.key, said.delivery.destination, said.delivery.text)
        for line, (_, _, said) in zip(lines, host.lines.take(), strict=True)
    ]


def words(answer: Answer) -> str:
    """The first words of an answer."""
    return outcome_words(answer).text


async def open_lines(host: PracticeHost) -> None:
    """Connect the lines of Seattle's agencies."""
    for line in (SEATTLE_LINE, SEATTLE_CONTROL_LINE):
        await host.open_line(line)


def last_leaf(host: PracticeHost) -> LeafHeader:
    """The newest leaf of Washington's ledger."""
    return host.leaves(WA)[-1]


async def test_a_message_that_is_let_in_is_delivered_and_recorded() -> None:
    """A disclosure of free text, then the agency's line, then word to the sender."""
    async with running(OPEN) as host:
        await open_lines(host)
        answer = await answer_to(host, message())
        assert (words(answer), answer.is_final) == ("MESSAGE DELIVERED", True)
        assert answer.remark == f"DELIVERED TO {SEATTLE}"
        assert got(host) == [(SEATTLE_LINE, "AM", SEATTLE, "WATCH FOR A BLUE SEDAN")]
        leaf = last_leaf(host)
        assert (leaf.kind, leaf.key, leaf.released) == (
            LeafKind.DISCLOSURE,
            "AM",
            (DataClass.OPAQUE,),
        )


async def test_a_message_is_kept_for_both_fronts_of_a_line() -> None:
    """Each front acknowledges its own; the archive has one message."""
    async with running(OPEN) as host:
        host.lines.connected.add(HTTP_LINE)
        await host.deliveries.open_pulled(HTTP_LINE)
        await open_lines(host)
        await answer_to(host, message())
        await answer_to(host, message())
        assert [line for line, *_ in got(host)] == [SEATTLE_LINE, HTTP_LINE]
        _, made = await host.open_line(SEATTLE_LINE)
        await host.deliveries.acknowledged(SEATTLE_LINE, made)
        (kept,) = (await host.deliveries.kept_after(HTTP_LINE, 0, 10)).deliveries
        assert kept.reply_to == 0
        traffic = Traffic(store=host.store, vault=host.vault)
        units = [u async for u in traffic.units(WA, 0, NOW + 3_600, newest_first=True)]
        items = [item for unit in units for item in traffic.open(unit).items]
        assert [item.key for item in items] == ["AM"]


async def test_a_message_to_a_state_goes_to_its_terminal() -> None:
    """Without an agency named, the control terminal gets it."""
    async with running(OPEN) as host:
        await open_lines(host)
        await answer_to(host, message(to=()))
        assert [(line, ori) for line, _, ori, _ in got(host)] == [
            (SEATTLE_CONTROL_LINE, SEATTLE_CONTROL)
        ]


async def test_law_enforcement_messages_carry_their_caveat() -> None:
    """AML is delivered with the network's own first line."""
    async with running(OPEN) as host:
        await open_lines(host)
        await answer_to(host, message("AML"))
        ((_, _, _, text),) = got(host)
        assert text.split("\n")[0] == "FOR LAW ENFORCEMENT DISSEMINATION ONLY"


async def test_a_repeat_delivers_nothing_twice() -> None:
    """Asked again, the sender hears the same and the agency nothing more."""
    async with running(OPEN) as host:
        await open_lines(host)
        first = await answer_to(host, message())
        got(host)
        again = await answer_to(host, message())
        assert msgspec.structs.replace(again, proofs=()) == msgspec.structs.replace(
            first, proofs=()
        )
        assert got(host) == []
        assert len(host.leaves(WA, LeafKind.DISCLOSURE)) == 1


async def test_a_crash_before_the_delivery_is_made_good_when_asked_again() -> None:
    """The leaf stands, the line got nothing: the next ask delivers before it answers."""
    disk = Disk()
    async with running(OPEN) as host:
        disk = host.disk
        exchange = message()
        host.mailroom.deliver = lost  # type: ignore[method-assign]
        await answers_to(host, exchange)
    async with running(disk=disk) as host:
        await open_lines(host)
        assert got(host) == []
        answer = await answer_to(host, exchange)
        assert answer.response is ResponseKind.DELIVERED
        assert [line for line, *_ in got(host)] == [SEATTLE_LINE]


async def lost(mail: object) -> frozenset[ExchangeId]:
    """A delivery that a crash kept from being made."""
    return frozenset()


async def test_an_agency_without_a_line_is_not_answered_for() -> None:
    """Nobody to deliver to: nothing is decided, nothing recorded."""
    async with running(OPEN) as host:
        for to in ((ORI("WAPX99999"),), (AUSTIN,)):
            await host.answer.take(asks(message(to=to)))
            (parcel,) = host.courier.take()
            assert isinstance(parcel, Refused)
            assert parcel.code is RefusalCode.KEY_NOT_ANSWERED


async def test_a_refused_message_is_not_delivered() -> None:
    """The policy's refusal is told with its rule; the agency hears nothing."""
    async with running(CLOSED) as host:
        await open_lines(host)
        answer = await answer_to(host, message())
        assert (words(answer), answer.withheld[0].reasons[0].rule) == (
            "REFUSED BY STATE POLICY",
            "DENY",
        )
        assert got(host) == []
        assert last_leaf(host).kind is LeafKind.DENIAL


@pytest.mark.parametrize(("priority", "seconds"), [("U", 600), ("R", 3_600)])
async def test_a_hit_confirmation_waits_by_its_priority(priority: str, seconds: int) -> None:
    """Ten minutes or an hour; the exchange stays open, as a hold of the agency."""
    async with running(OPEN) as host:
        await open_lines(host)
        answer = await answer_to(host, message("YQ", HIT.format(priority)))
        assert words(answer) == "MESSAGE DELIVERED - ANSWER AWAITED"
        assert answer.hold is not None
        assert answer.hold.until == NOW + seconds
        assert not answer.is_final
        assert last_leaf(host).kind is LeafKind.HOLD
        assert await host.desk.holds(WA) == []
        with pytest.raises(HoldClosedError):
            await host.desk.hold(answer.hold.entry)


async def test_a_message_without_a_clock_of_the_network_has_ours() -> None:
    """A generic query to an agency waits a day."""
    async with running(OPEN) as host:
        await open_lines(host)
        answer = await answer_to(host, message("LQ", "WHO HOLDS THIS CASE"))
        assert answer.hold is not None
        assert answer.hold.until == NOW + ANSWER_SECONDS_MAX


async def test_an_answer_closes_what_waits_for_it() -> None:
    """The requester gets the agency's text with its leaf, the agency word that it was passed on."""
    async with running(OPEN) as host:
        await open_lines(host)
        asked = await answer_to(host, message("YQ", HIT.format("U")))
        answers = await answers_to(host, reply())
        told = {answer.key: answer for answer in answers if answer.response.value == "delivered"}
        (answer,) = [a for a in answers if a.response is ResponseKind.HIT]
        assert answer.exchange_id == asked.exchange_id
        assert (words(answer), answer.is_final, answer.step) == ("ANSWERED BY THE AGENCY", True, 1)
        assert [e.value for e in answer.elements] == ["YES, STILL STOLEN"]
        assert told[MessageKey("YR")].remark == f"ANSWER PASSED ON TO {AUSTIN}"
        disclosure = host.leaves(WA)[-2]
        assert asked.hold is not None
        assert (disclosure.key, disclosure.cites) == ("YQ", asked.hold.entry)
        assert await host.store.open_holds([WA]) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"agency": SEATTLE_CONTROL},
        {"to": (SEATTLE_CONTROL,)},
        {"control": "C8"},
        {"key": MessageKey("LR"), "original_key": MessageKey("LR")},
    ],
)
async def test_an_answer_to_nothing_is_told_so(changes: dict[str, object]) -> None:
    """Another agency, requester, control field or key: the message goes on waiting."""
    async with running(OPEN) as host:
        await open_lines(host)
        await answer_to(host, message("YQ", HIT.format("U")))
        answer = await answer_to(host, reply(**changes))  # type: ignore[arg-type]
        assert words(answer) == "NO MESSAGE WAITS FOR THIS ANSWER"
        assert len(await host.store.open_holds([WA])) == 1


async def test_a_repeated_answer_is_passed_on_once() -> None:
    """The agency that sends its answer again hears the same, the requester nothing."""
    async with running(OPEN) as host:
        await open_lines(host)
        await answer_to(host, message("YQ", HIT.format("U")))
        await answers_to(host, reply())
        answer = await answer_to(host, reply())
        assert answer.remark == f"ANSWER PASSED ON TO {AUSTIN}"


async def test_a_block_in_between_stops_the_answer_too() -> None:
    """What the policy of now no longer lets in gets no answer; both sides are told."""
    async with running(OPEN) as host:
        await open_lines(host)
        await answer_to(host, message("YQ", HIT.format("U")))
        await host.overtake(WA, policy_of(WA, DENY_ALL, version=2))
        answers = await answers_to(host, reply())
        assert {a.response for a in answers} == {ResponseKind.REFUSED}
        kinds = [leaf.kind for leaf in host.leaves(WA)[-2:]]
        assert LeafKind.DENIAL in kinds
        assert LeafKind.DISCLOSURE not in kinds


async def test_no_answer_in_time_ends_the_message() -> None:
    """The clock closes it, and the requester reads that the agency did not answer."""
    async with running(OPEN) as host:
        await open_lines(host)
        asked = await answer_to(host, message("YQ", HIT.format("U")))
        assert asked.hold is not None
        host.clock.advance_ns(600 * NS)
        await host.desk.expire(asked.hold.entry)
        (answer,) = [p.answer for p in host.courier.take() if isinstance(p, Answered)]
        assert (words(answer), answer.is_final) == ("NO ANSWER BY THE AGENCY IN TIME", True)
        assert {r.rule for w in answer.withheld for r in w.reasons} == {OVERDUE_RULE}
        assert last_leaf(host).decision is LeafDecision.EXPIRED


async def approval(host: PracticeHost, entry: str) -> SignedVerdict:
    """The reviewer's approval of a held message."""
    row, file = await host.desk.hold(entry)
    return signed(
        Verdict(
            state=WA,
            exchange_id=file.exchange.exchange_id,
            hold_entry=entry,
            step=row.next_step,
            kind=VerdictKind.APPROVE,
            approved=(DataClass.OPAQUE,),
            reviewer=REVIEWER,
            at=NOW,
        )
    )


async def test_a_held_message_is_delivered_once_a_reviewer_lets_it_in() -> None:
    """Approved, it is delivered, and a hit confirmation then awaits its answer."""
    async with running(HELD) as host:
        await open_lines(host)
        held = await answer_to(host, message("YQ", HIT.format("R")))
        assert (words(held), got(host)) == ("HELD FOR REVIEW", [])
        assert held.hold is not None
        await host.desk.decide(await approval(host, held.hold.entry))
        (answer,) = [p.answer for p in host.courier.take() if isinstance(p, Answered)]
        assert words(answer) == "MESSAGE DELIVERED - ANSWER AWAITED"
        assert [line for line, *_ in got(host)] == [SEATTLE_LINE]
        kinds = [leaf.kind for leaf in host.leaves(WA)[-2:]]
        assert kinds == [LeafKind.VERDICT, LeafKind.HOLD]
        (row,) = await host.store.open_holds([WA])
        assert entry_name(WA, row.leaf_index) != held.hold.entry


def test_ids_of_answers_are_their_own() -> None:
    """An own member's exchange has an id that its query's leaf does not take."""
    query_id = make_id(NOW * NS, bytes(8))
    assert exchange_id_of(query_id, WA, WA) != query_id  # type: ignore[arg-type]


async def test_an_answer_is_for_one_message_whatever_crashes() -> None:
    """With its word it is recorded in one transaction: repeated, it answers no second message."""
    async with running(OPEN) as host:
        await open_lines(host)
        first = await answer_to(host, message("YQ", HIT.format("U"), control=None))
        second = ask_of(
            2,
            key=MessageKey("YQ"),
            original_key=MessageKey("YQ"),
            fields=(("", HIT.format("U")),),
            to=(SEATTLE,),
        )
        await answers_to(host, second)
        commits = list(host.disk.store.tables.leaves[WA])
        plain = reply(control=None)
        said = await answers_to(host, plain)
        assert {a.exchange_id for a in said} == {first.exchange_id, plain.exchange_id}
        assert len(host.disk.store.tables.leaves[WA]) == len(commits) + 2
        again = await answers_to(host, plain)
        assert [a.exchange_id for a in again] == [plain.exchange_id]
        (row,) = await host.store.open_holds([WA])
        assert row.exchange_id == second.exchange_id


async def test_two_answers_at_once_are_for_two_messages() -> None:
    """The one that finds its message answered meanwhile goes to the next that waits."""
    async with running(OPEN) as host:
        await open_lines(host)
        for number in (1, 2):
            await answers_to(
                host,
                ask_of(
                    number,
                    key=MessageKey("YQ"),
                    original_key=MessageKey("YQ"),
                    fields=(("", HIT.format("U")),),
                    to=(SEATTLE,),
                ),
            )
        replies = [reply("YES", control=None), reply("NO", number=78, control=None)]
        await asyncio.gather(*(host.answer.take(asks(r)) for r in replies))
        said = [p.answer for p in host.courier.take() if isinstance(p, Answered)]
        assert sorted(a.response.value for a in said) == ["delivered", "delivered", "hit", "hit"]
        assert await host.store.open_holds([WA]) == []


async def test_an_answer_costs_what_is_new_not_all_that_waits() -> None:
    """A hold is opened once, and then only where it is the one that is answered."""
    async with running(OPEN) as host:
        await open_lines(host)
        for number in range(1, 21):
            await answers_to(
                host,
                ask_of(
                    number,
                    key=MessageKey("YQ"),
                    original_key=MessageKey("YQ"),
                    fields=(("", HIT.format("R")),),
                    to=(SEATTLE,),
                    control=f"C{number}",
                ),
            )
        await answers_to(host, reply(control="C3"))
        opened, whole = 0, host.vault.open

        def counted(*args: object) -> bytes:
            nonlocal opened
            opened += 1
            return whole(*args)  # type: ignore[arg-type]

        host.vault.open = counted  # type: ignore[method-assign,assignment]
        other = reply("NO", number=79, control="C9")
        assert len(await answers_to(host, other)) == 2
        assert opened == 1


async def test_a_state_with_many_terminals_is_written_to_the_first() -> None:
    """What is told of a delivery fits into an answer, and a message is not sent to thousands."""
    terminals = [
        control_terminal(ORI(f"WAPX1{n:04d}"), "WA/STATE", SEATTLE_CONTROL_LINE)
        for n in range(TERMINALS_MAX + 1)
    ]
    part = part_of(WA, WEST.public, *terminals)
    async with running(OPEN) as host:
        await open_lines(host)
        row = msgspec.structs.replace(heard_of(sign_part(part, signer_of(WA))), version=2)
        host.world.take_parts([row])
        answer = await answer_to(host, message("YQ", HIT.format("U"), to=()))
        assert len(got(host)) == TERMINALS_MAX
        assert len(answer.remark) < TEXT_CHARS_MAX
