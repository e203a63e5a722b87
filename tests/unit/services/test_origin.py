"""The origin face: what an agency's frame becomes, when it is asked again, and how it ends."""

from __future__ import annotations

import asyncio
from itertools import accumulate
from typing import Any

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.domain.answer import Answer, Proof, ResponseKind
from comity.domain.ids import ORI, HostName
from comity.domain.keys import MessageKey
from comity.domain.query import Exchange
from comity.domain.vocabulary import LeafDecision, LeafKind
from comity.formats.delivered import Delivered
from comity.link.parcel import Ask, RefusalCode, Refused
from comity.services import intake
from comity.services import origin as module
from comity.services.forms import parse_message
from comity.services.open_queries import HELD_REDRIVE_SECONDS, HELD_SLACK_SECONDS, REDRIVE_SECONDS
from comity.services.vault import month_of
from tests.support.gateway import (
    EUGENE,
    NETWORK,
    NOW,
    NS,
    OR,
    SALEM,
    TX,
    UNDELIVERABLE,
    WA,
    PracticeHost,
    answer_to,
    answers,
    frame,
    held_answer_to,
    opened,
    running,
    turns,
)
from tests.support.link import SOUTH


def asked(host: PracticeHost) -> list[Exchange]:
    """The exchanges that were asked since the last call."""
    return [parcel.exchange for parcel in host.courier.take() if isinstance(parcel, Ask)]


async def ask(host: PracticeHost, number: int = 1, *states: str) -> list[Exchange]:
    """Send a frame that is accepted; return what it asks."""
    await host.send(frame(number, *states))
    assert host.codes() == [(number, "accepted")]
    return asked(host)


def error_of(host: PracticeHost) -> Delivered:
    """The one error message that went out, for the one frame that was accepted."""
    ((number, reply_to, delivered),) = host.lines.take()
    assert (number, host.codes()) == (0, [(reply_to, "accepted")])
    assert delivered.fault is not None
    return delivered


def responses(host: PracticeHost) -> list[tuple[int, ResponseKind | None]]:
    """Each delivery since the last call: which frame it is for, and what it says."""
    return [
        (reply_to, said.answer.response if said.answer else None)
        for _, reply_to, said in host.lines.take()
    ]


async def test_a_frame_becomes_a_query_before_it_is_acknowledged() -> None:
    """One `query` leaf with its fan-out, one exchange per state, one acknowledgement."""
    async with running() as host:
        await host.open_line()
        exchanges = await ask(host, 1, "TX", "WA")
        (leaf,) = host.leaves(OR, LeafKind.QUERY)
        assert (leaf.agency, leaf.fan_out) == (SALEM, 2)
        assert sorted(e.state for e in exchanges) == [TX, WA]
        assert {e.query_entry for e in exchanges} == {f"or/{host.size(OR) - 1}"}
        assert len(host.open) == 1


async def test_a_state_named_twice_is_asked_once() -> None:
    """Two names of one state make one exchange."""
    async with running() as host:
        await host.open_line()
        assert [e.state for e in await ask(host, 1, "TX", "TX")] == [TX]


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_an_accepted_frame_is_one_query_whatever_the_commit_does(fault: CommitFault) -> None:
    """Failed or persisted unknown: one leaf, one row, one acknowledgement."""
    async with running() as host:
        await host.open_line()
        host.store.commit_fault = fault
        await ask(host)
        assert len(host.leaves(OR, LeafKind.QUERY)) == len(host.store.tables.accepted) == 1


async def test_nothing_is_acknowledged_while_the_store_is_down() -> None:
    """A frame waits for its row; a repeat in between is not a second query."""
    async with running() as host:
        await host.open_line()
        host.store.is_down = True
        taking = asyncio.create_task(host.send(frame(1)))
        await host.until("store_unavailable", 2)
        await host.send(frame(1))
        assert (host.codes(), asked(host)) == ([], [])
        host.store.is_down = False
        await taking
        assert host.codes() == [(1, "accepted")]
        assert len(host.store.tables.accepted) == 1


async def test_other_bytes_under_a_number_in_flight_are_refused() -> None:
    """The line is not told that bytes were taken which never were."""
    async with running() as host:
        await host.open_line()
        first = asyncio.create_task(host.send(frame(1)))
        await turns()
        await host.send(frame(1, "WA"))
        assert host.codes() == [(1, "frame-number-reused")]
        await first
        assert host.codes() == [(1, "accepted")]


async def test_a_recorded_frame_is_answered_from_what_is_recorded() -> None:
    """Acknowledged again, its results delivered again under their own numbers; no new query."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        await host.origin.take_answers(answers(answer_to(exchange)))
        first = host.lines.take()
        await host.send(frame(1))
        assert host.codes() == [(1, "accepted")]
        assert host.lines.take() == first
        assert len(host.leaves(OR, LeafKind.QUERY)) == 1
        assert asked(host) == []


async def test_a_recorded_number_with_other_bytes_is_refused() -> None:
    """A number stands for the bytes it was first accepted with."""
    async with running() as host:
        await host.open_line()
        await ask(host)
        await host.send(frame(1, "WA"))
        assert host.codes() == [(1, "frame-number-reused")]
        assert len(host.leaves(OR, LeafKind.QUERY)) == 1


async def test_a_passed_number_that_was_refused_is_new() -> None:
    """A frame that got its error message left no row: sent again corrected, it is a query."""
    async with running() as host:
        await host.open_line()
        await host.send(frame(1, "ZZ"))
        error_of(host)
        await ask(host, 2)
        await ask(host, 1)
        assert len(host.leaves(OR, LeafKind.QUERY)) == 2


async def test_a_query_that_stands_is_accepted_though_its_receipt_failed() -> None:
    """What is durable is acknowledged; a repeat is found, and refuses nobody's batch."""
    async with running() as host:
        await host.open_line()
        host.signer.is_away = True
        await ask(host)
        host.signer.is_away = False
        await host.send(frame(1), frame(2))
        assert host.codes() == [(1, "accepted"), (2, "accepted")]
        assert len(host.leaves(OR, LeafKind.QUERY)) == 2


@pytest.mark.parametrize(
    ("changes", "states", "er", "code"),
    [
        ({"origin": ORI("ORPX99999")}, ("TX",), ".01.", "unknown-ori"),
        ({"origin": EUGENE}, ("TX",), ".01.", "ori-inactive"),
        ({"origin": ORI("TXPX00001")}, ("TX",), ".01.", "line-not-bound"),
        ({}, ("ZZ",), ".19.", "unknown-destination"),
        ({}, ("CA",), ".19.", "destination-not-served"),
        ({"key": MessageKey("DNQ")}, ("TX",), ".02.", "key-not-answered"),
    ],
)
async def test_a_wrong_route_gets_its_error_message(
    changes: dict[str, Any], states: tuple[str, ...], er: str, code: str
) -> None:
    """The network's number and our code, at once; nothing is recorded and nobody asked."""
    if changes.get("key"):
        changes = {**changes, "fields": (("NAM", "DOE,JANE"),)}
    async with running() as host:
        await host.open_line()
        await host.send(frame(1, *states, **changes))
        fault = error_of(host).fault
        assert fault is not None
        assert (fault.er, fault.code) == (er, code)
        assert (host.leaves(OR, LeafKind.QUERY), asked(host)) == ([], [])


async def test_a_malformed_message_is_answered_to_the_sender_it_names() -> None:
    """From the network, to the sender named where the line may speak for it, control echoed."""
    async with running() as host:
        await host.open_line()
        wrong = frame(1).data.replace(b'"OLN"', b'"OLX"')
        await host.send(msgspec.structs.replace(frame(1), data=wrong))
        delivery = error_of(host).delivery
        assert (delivery.origin, delivery.destination, delivery.control) == (NETWORK, SALEM, "C1")
        assert host.leaves(OR, LeafKind.QUERY) == []


@pytest.mark.parametrize("data", [b"", b"\xff\x00", b"{", b"[" * 20_000, b"{" * 20_000, b"DQ.."])
async def test_bytes_that_say_nothing_are_answered_to_the_line(data: bytes) -> None:
    """Whatever the bytes: one error message to the line's first agency, and no fault of ours."""
    async with running() as host:
        await host.open_line()
        await host.send(msgspec.structs.replace(frame(1), data=data), frame(2))
        assert host.codes() == [(1, "accepted"), (2, "accepted")]
        assert len(host.lines.delivered) == 1
        assert host.events.counts["message_fault"] == 0


async def test_a_fault_in_one_message_refuses_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another line's message of the same tick is taken."""

    def broken(data: bytes, oris: tuple[str, ...]) -> object:
        if b'"WA"' in data:
            raise RuntimeError("practice")
        return parse_message(data, oris)

    monkeypatch.setattr(intake, "parse_message", broken)
    async with running() as host:
        await host.open_line()
        await host.send(frame(1, "WA"), frame(2))
        assert host.codes() == [(1, "busy"), (2, "accepted")]


async def test_a_member_that_is_not_owned_accepts_nothing() -> None:
    """Another host has the ledger: the sender is told by an error message."""
    async with running() as host:
        await host.open_line()
        host.sequencer._drop([OR])
        await host.send(frame(1))
        fault = error_of(host).fault
        assert fault is not None
        assert fault.code == "ledger-not-owned"


async def test_a_ledger_lost_in_the_commit_is_busy() -> None:
    """Nothing was recorded: the line may send again, to whichever host has the ledger then."""
    async with running() as host:
        await host.open_line()
        head = host.store.tables.heads[OR]
        host.store.tables.heads[OR] = msgspec.structs.replace(head, epoch=99)
        await host.send(frame(1))
        assert host.codes() == [(1, "busy")]


async def test_states_asked_by_all_queries_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A query to many counts as many; the next is refused for now."""
    monkeypatch.setattr(module, "OPEN_EXCHANGES_MAX", 3)
    async with running() as host:
        await host.open_line()
        await host.send(frame(1, "TX"))
        await host.send(frame(2, "TX", "WA"))
        await host.send(frame(3, "TX"))
        assert host.codes() == [(1, "accepted"), (2, "accepted"), (3, "busy")]


async def test_open_queries_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit frames are taken, in one tick too; one beyond is busy, and recorded nowhere."""
    monkeypatch.setattr(module, "OPEN_QUERIES_MAX", 2)
    async with running() as host:
        await host.open_line()
        await host.send(frame(1), frame(2), frame(3))
        assert sorted(host.codes()) == [(1, "accepted"), (2, "accepted"), (3, "busy")]
        assert len(host.store.tables.accepted) == len(host.open) == 2


async def test_a_full_sequencer_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken; the same number is new when it comes again."""
    async with running() as host:
        await host.open_line()
        with monkeypatch.context() as patch:
            patch.setattr("comity.services.sequencer.PENDING_ENTRIES_MAX", 0)
            await host.send(frame(1))
        assert (host.codes(), len(host.open)) == ([(1, "busy")], 0)
        await ask(host)


async def test_an_answer_is_delivered_and_ends_its_query() -> None:
    """Kept under a number of its line, for the frame it answers; then nothing is open."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        await host.origin.take_answers(answers(answer_to(exchange)))
        assert responses(host) == [(1, ResponseKind.NO_HIT)]
        assert len(host.open) == 0


async def test_answers_nobody_asked_for_are_not_taken() -> None:
    """Another exchange, or a state that speaks for another: noted, and nothing is delivered."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        stranger = answer_to(msgspec.structs.replace(exchange, state=WA))
        unknown = answer_to(msgspec.structs.replace(exchange, exchange_id=bytes(16)))
        await host.origin.take_answers(answers(stranger, unknown))
        assert responses(host) == []
        assert host.events.counts["answers_unasked"] == 2


async def test_a_repeated_answer_is_delivered_once() -> None:
    """Twice in an envelope, in two at once, and after the end: one delivery."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        said = answers(answer_to(exchange), answer_to(exchange))
        await asyncio.gather(host.origin.take_answers(said), host.origin.take_answers(said))
        await host.origin.take_answers(said)
        assert responses(host) == [(1, ResponseKind.NO_HIT)]


def with_proofs(answer: Answer, count: int) -> Answer:
    """The answer of so many leaves."""
    proof = Proof(entry=f"{answer.state}/1", leaf=b"{}", receipt=b"{}")
    return msgspec.structs.replace(answer, proofs=(proof,) * count)


async def test_held_and_then_final_are_both_delivered() -> None:
    """The hold first, then its end, whose step follows the hold's leaves."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        await host.origin.take_answers(answers(with_proofs(held_answer_to(exchange), 2)))
        assert len(host.open) == 1
        await host.origin.take_answers(answers(with_proofs(answer_to(exchange, step=2), 2)))
        assert responses(host) == [(1, ResponseKind.HELD), (1, ResponseKind.NO_HIT)]
        assert len(host.open) == 0


async def test_an_end_before_its_beginning_is_asked_again() -> None:
    """The hold was lost on the way: nothing is passed over, the state repeats both in order."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        held, final = with_proofs(held_answer_to(exchange), 2), answer_to(exchange, step=2)
        await host.origin.take_answers(answers(final))
        assert (responses(host), len(host.open)) == ([], 1)
        await host.origin.redrive()
        assert asked(host) == [exchange]
        await host.origin.take_answers(answers(final, held))
        assert responses(host) == [(1, ResponseKind.HELD), (1, ResponseKind.NO_HIT)]
        assert len(host.open) == 0


async def test_nothing_follows_a_final_answer() -> None:
    """INVARIANT (one-final-outcome): a state that goes on speaking is not heard."""
    async with running() as host:
        await host.open_line()
        exchanges = await ask(host, 1, "TX", "WA")
        (texas,) = [e for e in exchanges if e.state == TX]
        await host.origin.take_answers(answers(answer_to(texas), held_answer_to(texas, step=1)))
        await host.origin.take_answers(answers(answer_to(texas, step=1)))
        assert responses(host) == [(1, ResponseKind.NO_HIT)]
        assert host.events.counts["answers_unasked"] == 2


async def test_each_state_of_a_query_ends_by_itself() -> None:
    """A query is open until its last state has answered."""
    async with running() as host:
        await host.open_line()
        first, second = await ask(host, 1, "TX", "WA")
        await host.origin.take_answers(answers(answer_to(second)))
        assert len(host.open) == 1
        host.clock.advance_ns(2 * NS)
        await host.origin.redrive()
        assert asked(host) == [first]
        await host.origin.take_answers(answers(answer_to(first)))
        assert (len(responses(host)), len(host.open)) == (2, 0)


async def test_an_unanswered_query_is_asked_again_on_schedule() -> None:
    """After 2, 5, 15, 60 seconds and each 60 more: neither earlier, nor never."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        for wait in (*REDRIVE_SECONDS, REDRIVE_SECONDS[-1]):
            host.clock.advance_ns((wait - 1) * NS)
            await host.origin.redrive()
            assert asked(host) == []
            host.clock.advance_ns(NS)
            await host.origin.redrive()
            assert asked(host) == [exchange]


async def test_a_held_query_is_asked_again_slowly() -> None:
    """A person decides: the state is asked every five minutes."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        held = held_answer_to(exchange, until=NOW + 86_400)
        await host.origin.take_answers(answers(held))
        asked_at = [HELD_REDRIVE_SECONDS, 2 * HELD_REDRIVE_SECONDS]
        assert await seconds_asked(host, exchange, asked_at[-1]) == asked_at


async def test_the_end_of_a_hold_is_asked_for() -> None:
    """Its word is sent once by itself; where that was lost, the state is asked soon after."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        await host.origin.take_answers(answers(held_answer_to(exchange, until=NOW + 30)))
        end = 30 + HELD_SLACK_SECONDS
        again = [end + wait for wait in accumulate(REDRIVE_SECONDS)]
        assert await seconds_asked(host, exchange, again[-1]) == [end, *again]


async def test_after_a_restart_a_held_query_is_asked_for_until_its_state_speaks() -> None:
    """The row of a hold does not say how long it runs: a lost ask must not cost its requester."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        held = held_answer_to(exchange, until=NOW + 30)
        await host.origin.take_answers(answers(held))
        await host.crash()
        async with running(disk=host.disk) as next_life:
            await next_life.open_line()
            assert await next_life.origin.recover(0) == 1
            await next_life.origin.redrive()
            assert asked(next_life) == [exchange]
            assert await seconds_asked(next_life, exchange, 7) == [2, 7]
            await next_life.origin.take_answers(answers(held))
            end = 30 + HELD_SLACK_SECONDS
            assert await seconds_asked(next_life, exchange, end - 7) == [end - 7]


async def test_what_an_agency_is_to_answer_is_asked_for_each_minute() -> None:
    """A hit confirmation has ten: five of them would be half."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        awaited = msgspec.structs.replace(
            held_answer_to(exchange, until=NOW + 600), response=ResponseKind.DELIVERED
        )
        await host.origin.take_answers(answers(awaited))
        assert await seconds_asked(host, exchange, 130) == [60, 120]


async def seconds_asked(host: PracticeHost, exchange: Exchange, seconds: int) -> list[int]:
    """Let time pass, second by second; return at which of them an exchange was asked."""
    found = []
    for second in range(1, seconds + 1):
        host.clock.advance_ns(NS)
        await host.origin.redrive()
        found += [second] * (exchange in asked(host))
    return found


async def age(host: PracticeHost, seconds: int) -> None:
    """Let time pass and re-drive."""
    host.clock.advance_ns(seconds * NS)
    await host.origin.redrive()


async def test_what_is_never_answered_ends_as_undeliverable() -> None:
    """A `closure` leaf that cites the query, and word to the requester; it is not asked again."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        await age(host, UNDELIVERABLE - 1)
        assert (asked(host), responses(host)) == ([exchange], [])
        await age(host, 60)
        assert (asked(host), responses(host)) == ([], [(1, ResponseKind.UNAVAILABLE)])
        (leaf,) = host.leaves(OR, LeafKind.CLOSURE)
        assert (leaf.decision, leaf.cites) == (LeafDecision.UNDELIVERABLE, exchange.query_entry)
        assert len(host.open) == 0


async def test_what_is_held_does_not_end_as_undeliverable() -> None:
    """Only what no state has answered at all; the answered part of the same query stays."""
    async with running() as host:
        await host.open_line()
        held, silent = await ask(host, 1, "TX", "WA")
        await host.origin.take_answers(answers(held_answer_to(held)))
        await age(host, UNDELIVERABLE)
        assert asked(host) == [held]
        assert responses(host) == [(1, ResponseKind.HELD), (1, ResponseKind.UNAVAILABLE)]
        assert len(host.leaves(OR, LeafKind.CLOSURE)) == 1
        await host.origin.take_answers(answers(answer_to(silent)))
        assert responses(host) == []


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_closure_whose_commit_fails_is_one_outcome(fault: CommitFault) -> None:
    """One leaf and one word to the requester, however the commit went."""
    async with running() as host:
        await host.open_line()
        await ask(host)
        host.store.commit_fault = fault
        await age(host, UNDELIVERABLE)
        assert responses(host) == [(1, ResponseKind.UNAVAILABLE)]
        assert len(host.leaves(OR, LeafKind.CLOSURE)) == 1


async def test_a_closure_that_outlived_a_crash_reaches_its_requester() -> None:
    """The leaf is durable, the word was lost: the next life tells it from what is stored."""
    async with running() as host:
        await host.open_line()
        await ask(host)
        await age(host, UNDELIVERABLE)
        host.store.tables.results.clear()
        await host.crash()
        async with running(disk=host.disk) as next_life:
            await next_life.open_line()
            assert await next_life.origin.recover(0) == 1
            await next_life.origin.redrive()
            assert responses(next_life) == [(1, ResponseKind.UNAVAILABLE)]
            assert len(next_life.leaves(OR, LeafKind.CLOSURE)) == 1
            assert len(next_life.open) == 0


@pytest.mark.parametrize("is_answer_first", [False, True])
async def test_an_answer_during_a_closure_makes_no_second_outcome(
    is_answer_first: bool,
) -> None:
    """Whichever is first is the outcome: what the requester is told and what is recorded agree."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        host.clock.advance_ns(UNDELIVERABLE * NS)
        work = [host.origin.redrive(), host.origin.take_answers(answers(answer_to(exchange)))]
        await asyncio.gather(*(reversed(work) if is_answer_first else work))
        said = ResponseKind.NO_HIT if is_answer_first else ResponseKind.UNAVAILABLE
        assert responses(host) == [(1, said)]
        assert len(host.leaves(OR, LeafKind.CLOSURE)) == (not is_answer_first)
        assert len(host.open) == 0


async def test_many_closures_are_committed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than may wait at once still end, piece by piece."""
    monkeypatch.setattr(module, "BATCH_ENTRIES_MAX", 2)
    monkeypatch.setattr("comity.services.sequencer.PENDING_ENTRIES_MAX", 2)
    async with running() as host:
        await host.open_line()
        for number in range(1, 6):
            await ask(host, number)
        await age(host, UNDELIVERABLE)
        assert len(responses(host)) == len(host.leaves(OR, LeafKind.CLOSURE)) == 5


async def test_a_full_sequencer_puts_closures_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are tried again; nothing is told before its leaf."""
    async with running() as host:
        await host.open_line()
        await ask(host)
        with monkeypatch.context() as patch:
            patch.setattr("comity.services.sequencer.PENDING_ENTRIES_MAX", 0)
            await age(host, UNDELIVERABLE)
        assert responses(host) == []
        await age(host, 60)
        assert responses(host) == [(1, ResponseKind.UNAVAILABLE)]


def waiting_words(host: PracticeHost) -> list[tuple[int, str, str]]:
    """Status messages since the last call: kept number, key, text."""
    return [
        (number, said.delivery.key, said.delivery.text) for number, _, said in host.lines.take()
    ]


async def test_a_query_that_nobody_hears_is_told_once() -> None:
    """A status message that it waits and will be forwarded: not at each re-drive again."""
    async with running() as host:
        await host.open_line()
        parcels = [Ask(exchange=exchange) for exchange in await ask(host)]
        host.asking.unheard(parcels)
        host.asking.unheard(parcels)
        host.asking.host_unheard(SOUTH.name)
        ((number, key, text),) = waiting_words(host)
        assert (number, key) == (0, "SM")
        assert ".02" in text
        assert "TX" in text
        assert len(host.open) == 1


async def test_only_who_waits_for_a_host_is_told_that_nobody_hears() -> None:
    """A state of that host that has answered is not named, nor another host's."""
    async with running() as host:
        await host.open_line()
        first, second = await ask(host, 1, "TX", "WA")
        texas = first if first.state == TX else second
        await host.origin.take_answers(answers(answer_to(texas)))
        host.lines.take()
        host.asking.host_unheard(SOUTH.name)
        host.asking.host_unheard(HostName("gateway-nowhere"))
        assert waiting_words(host) == []
        host.asking.host_unheard(HostName("gateway-west"))
        assert [key for _, key, _ in waiting_words(host)] == ["SM"]


async def test_a_refused_ask_stays_open() -> None:
    """The host did not take it in: the requester knows that it waits, and it is asked again."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await ask(host)
        refused = Refused(
            origin=OR, state=TX, exchange_id=exchange.exchange_id, code=RefusalCode.BUSY
        )
        other = msgspec.structs.replace(refused, state=WA)
        await host.origin.take_answers(opened(other))
        assert waiting_words(host) == []
        await host.origin.take_answers(opened(refused))
        assert [key for _, key, _ in waiting_words(host)] == ["SM"]
        await age(host, 2)
        assert asked(host) == [exchange]


async def test_recovery_takes_up_what_is_not_ended() -> None:
    """From rows alone: what is open is asked at once under the same ids, what ended is not."""
    async with running() as host:
        await host.open_line()
        (ended,) = await ask(host, 1)
        await host.origin.take_answers(answers(answer_to(ended)))
        (unanswered,) = await ask(host, 2)
        (held,) = await ask(host, 3)
        await host.origin.take_answers(answers(with_proofs(held_answer_to(held), 2)))
        await host.crash()
        async with running(disk=host.disk) as next_life:
            await next_life.open_line()
            assert await next_life.origin.recover(0) == 2
            await next_life.origin.redrive()
            again = sorted(asked(next_life), key=lambda e: e.query_entry)
            assert again == [unanswered, held]
            said = answers(
                answer_to(unanswered),
                with_proofs(held_answer_to(held), 2),
                answer_to(held, step=2),
            )
            next_life.lines.take()
            await next_life.origin.take_answers(said)
            assert sorted(responses(next_life)) == [
                (2, ResponseKind.NO_HIT),
                (3, ResponseKind.NO_HIT),
            ]
            assert len(next_life.open) == 0


async def test_recovery_goes_on_without_a_query_that_cannot_be_opened() -> None:
    """A month key is gone: that query alone is left, loudly; the host starts."""
    async with running() as host:
        await host.open_line()
        await ask(host, 1)
        host.clock.advance_ns(40 * 86_400 * NS)
        await host.health.check()
        (later,) = await ask(host, 2)
        assert host.disk.keyring.destroy(OR, month_of(NOW))
        await host.crash()
        async with running(disk=host.disk) as next_life:
            await next_life.origin.recover(0)
            assert next_life.events.counts["query_not_taken_up"] == 1
            await next_life.origin.redrive()
            assert asked(next_life) == [later]


async def test_a_frame_is_known_after_a_crash() -> None:
    """Accepted but not acknowledged when the host died: the repeat finds its row."""
    async with running() as host:
        await host.open_line()
        await ask(host)
        await host.crash()
        async with running(disk=host.disk) as next_life:
            assert (await next_life.open_line())[0] == 1
            await next_life.send(frame(1))
            assert next_life.codes() == [(1, "accepted")]
            assert len(next_life.leaves(OR, LeafKind.QUERY)) == 1
