"""One message for many states: when it goes, what it holds, what follows alone, and crashes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.answer import Answer, Element, Merged, ResponseKind, Withheld
from comity.domain.decision import Reason, RuleId
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, LeafKind, Outcome
from comity.exchange.origin import AcceptedQuery
from comity.formats.delivered import Delivered
from comity.formats.rules import DELIVERY_BYTES_MAX
from comity.link.parcel import Ask
from comity.services import merging
from comity.services.forms import RULES_TOO_LONG_REMARK, render_merged
from comity.services.merging import FOLLOWS_REMARK, AtHand
from tests.support.gateway import (
    MERGE_SECONDS,
    NETWORK,
    NS,
    OR,
    TX,
    UNDELIVERABLE,
    WA,
    Disk,
    PracticeHost,
    answer_to,
    answers,
    frame,
    held_answer_to,
    running,
)


def asked(host: PracticeHost) -> dict[Member, Exchange]:
    """The exchanges that were asked since the last call, by state."""
    return {p.exchange.state: p.exchange for p in host.courier.take() if isinstance(p, Ask)}


async def ask_all(host: PracticeHost) -> dict[Member, Exchange]:
    """Ask the whole network."""
    await host.open_line()
    await host.send(frame(1, "NL"))
    assert host.codes() == [(1, "accepted")]
    return asked(host)


async def say(host: PracticeHost, *said: Answer) -> list[Delivered]:
    """Let states answer; return what the line got."""
    await host.origin.take_answers(answers(*said))
    return [delivered for _, _, delivered in host.lines.take()]


async def age(host: PracticeHost, seconds: int) -> list[Delivered]:
    """Let time pass; return what the line got."""
    host.clock.advance_ns(seconds * NS)
    await host.origin.redrive()
    return [delivered for _, _, delivered in host.lines.take()]


def merged_of(delivered: list[Delivered]) -> Merged:
    """The one merged message among what was delivered."""
    (merged,) = [said.merged for said in delivered if said.merged is not None]
    return merged


def hit(exchange: Exchange) -> Answer:
    """A record of one element."""
    element = Element(data_class=DataClass.STATUS, name="LICENCE_STATUS", value="valid")
    return answer_to(exchange, response=ResponseKind.HIT, elements=(element,))


async def test_the_last_answer_lets_the_message_go() -> None:
    """Nothing goes before; then one message of the network brings all of them."""
    async with running() as host:
        states = await ask_all(host)
        assert set(states) == {OR, TX, WA}
        (leaf,) = host.leaves(OR, LeafKind.QUERY)
        assert leaf.fan_out == 3
        assert await say(host, hit(states[TX]), answer_to(states[WA])) == []
        (said,) = await say(host, answer_to(states[OR]))
        merged = merged_of([said])
        assert (said.delivery.origin, said.delivery.key) == (NETWORK, "DR")
        assert {a.state: a.response for a in merged.answers} == {
            OR: ResponseKind.NO_HIT, TX: ResponseKind.HIT, WA: ResponseKind.NO_HIT,
        }  # fmt: skip
        assert merged.silent == ()
        assert "RECORD: TX" in said.delivery.text
        assert len(host.open) == 0


async def test_silence_is_told_after_the_wait_and_late_answers_follow() -> None:
    """A silent state is named as such, never as no record; its answer comes alone."""
    async with running() as host:
        states = await ask_all(host)
        await say(host, answer_to(states[TX]), answer_to(states[OR]))
        assert await age(host, MERGE_SECONDS - 1) == []
        (said,) = await age(host, 1)
        assert merged_of([said]).silent == (WA,)
        assert "NO ANSWER: WA" in said.delivery.text
        (late,) = await say(host, hit(states[WA]))
        assert late.merged is None
        assert late.answer is not None
        assert late.answer.state == WA
        assert len(host.open) == 0


async def test_a_hold_stands_in_the_message_and_its_end_follows() -> None:
    """What is held is told with the others; what a reviewer decides comes alone."""
    async with running() as host:
        states = await ask_all(host)
        said = await say(
            host, answer_to(states[TX]), answer_to(states[OR]), held_answer_to(states[WA])
        )
        merged = merged_of(said)
        assert [a.response for a in merged.answers if a.state == WA] == [ResponseKind.HELD]
        (after,) = await say(host, answer_to(states[WA], step=1))
        assert after.answer is not None
        assert after.answer.step == 1
        assert len(host.open) == 0


async def test_what_follows_a_hold_waits_for_the_message() -> None:
    """A review that is quicker than the last state is told behind the message."""
    async with running() as host:
        states = await ask_all(host)
        await say(host, held_answer_to(states[WA]))
        assert await say(host, answer_to(states[WA], step=1)) == []
        said = await say(host, answer_to(states[TX]), answer_to(states[OR]))
        assert [d.merged is not None for d in said] == [True, False]
        assert len(host.open) == 0


async def test_records_that_do_not_fit_follow_alone() -> None:
    """The message says so in their place, and each goes out whole behind it."""
    photo = Element(
        data_class=DataClass.PHOTO, name="PHOTO", value="A" * (DELIVERY_BYTES_MAX * 2 // 3)
    )
    async with running() as host:
        states = await ask_all(host)
        said = await say(
            host,
            hit(states[OR]),
            *(msgspec.structs.replace(hit(states[state]), elements=(photo,)) for state in (TX, WA)),
        )
        merged = merged_of(said)
        assert [a.remark for a in merged.answers].count(FOLLOWS_REMARK) == 1
        alone = [d.answer for d in said if d.answer is not None]
        assert [len(answer.elements) for answer in alone] == [1]
        assert len(host.open) == 0


def refusal(exchange: Exchange, rules: int) -> Answer:
    """A refusal that names so many rules, each with a long sentence."""
    reasons = tuple(
        Reason(rule=RuleId(f"R{n}"), sentence="S" * 240, statute="T" * 120) for n in range(rules)
    )
    part = Withheld(data_class=DataClass.STATUS, outcome=Outcome.DENY, reasons=reasons)
    return answer_to(exchange, response=ResponseKind.REFUSED, withheld=(part,))


async def test_refusals_with_endless_rules_do_not_stop_the_message() -> None:
    """What a state's own line could not take says so; the others' words are whole."""
    async with running() as host:
        states = await ask_all(host)
        long, short = refusal(states[WA], 4_000), refusal(states[TX], 1)
        delivered = await say(host, hit(states[OR]), long, short)
        said = {a.state: a for a in merged_of(delivered).answers}
        assert said[WA].remark == FOLLOWS_REMARK
        assert len(said[WA].withheld[0].reasons) == 1
        assert said[TX].withheld == short.withheld
        (alone,) = [d.answer for d in delivered if d.answer is not None]
        assert (alone.state, alone.remark) == (WA, RULES_TOO_LONG_REMARK)
        assert alone.response is ResponseKind.REFUSED


async def test_a_crash_before_the_message_asks_again_and_sends_it_once() -> None:
    """Answers that were only at hand come again; the message goes out after the restart."""
    disk = Disk()
    async with running(disk=None) as host:
        disk = host.disk
        states = await ask_all(host)
        await say(host, answer_to(states[TX]), answer_to(states[OR]))
    async with running(disk=disk) as host:
        await host.open_line()
        assert await host.origin.recover(0) == 1
        await age(host, 1)
        assert set(asked(host)) == {OR, TX, WA}
        said = await say(host, *(answer_to(exchange) for exchange in states.values()))
        assert len(merged_of(said).answers) == 3
    async with running(disk=disk) as host:
        await host.open_line()
        assert await host.origin.recover(0) == 0


async def test_a_crash_after_the_message_sends_it_no_second_time() -> None:
    """Only the state that is still silent is asked, and its answer comes alone."""
    async with running() as host:
        disk = host.disk
        states = await ask_all(host)
        await say(host, answer_to(states[TX]), answer_to(states[OR]))
        await age(host, MERGE_SECONDS)
    async with running(disk=disk) as host:
        await host.open_line()
        assert await host.origin.recover(0) == 1
        host.lines.take()
        assert [d.merged for d in await age(host, 1)] == []
        assert set(asked(host)) == {WA}
        (late,) = await say(host, answer_to(states[WA]))
        assert late.merged is None


async def test_a_repeated_frame_gets_the_message_again() -> None:
    """The same bytes, and nothing for the results that it stands for."""
    async with running() as host:
        states = await ask_all(host)
        await say(host, *(answer_to(exchange) for exchange in states.values()))
        await host.send(frame(1, "NL"))
        ((_, reply_to, again),) = host.lines.take()
        assert reply_to == 1
        assert again.merged is not None


async def test_a_state_that_never_answers_ends_alone() -> None:
    """A day later the silent state's exchange is closed and told."""
    async with running() as host:
        states = await ask_all(host)
        await say(host, answer_to(states[TX]), answer_to(states[OR]))
        await age(host, MERGE_SECONDS)
        said = await age(host, UNDELIVERABLE)
        (answer,) = [d.answer for d in said if d.answer is not None]
        assert (answer.state, answer.response) == (WA, ResponseKind.UNAVAILABLE)
        assert len(host.open) == 0


async def test_a_region_is_answered_one_by_one() -> None:
    """A region's states answer each for itself, under the plain key, the original key kept."""
    async with running() as host:
        await host.open_line()
        await host.send(
            frame(
                1,
                "H1",
                key=MessageKey("DQG"),
                fields=(("NAM", "DOE,JANE"), ("DOB", "19800229")),
            )
        )
        states = asked(host)
        assert set(states) == {OR, WA}
        assert {(e.key, e.original_key) for e in states.values()} == {("DQ", "DQG")}
        (said,) = await say(host, answer_to(states[WA]))
        assert said.answer is not None
        assert said.merged is None


def wordy(exchange: Exchange, characters: int) -> Answer:
    """A refusal whose reasons are longer than any state's."""
    reason = Reason(rule=RuleId("WORDS"), sentence="X" * characters)
    withheld = Withheld(data_class=DataClass.STATUS, outcome=Outcome.DENY, reasons=(reason,))
    return answer_to(exchange, response=ResponseKind.REFUSED, withheld=(withheld,))


async def test_reasons_that_do_not_fit_keep_no_message_back() -> None:
    """However much one state says, all are told; what it said follows, as far as a line takes."""
    async with running() as host:
        states = await ask_all(host)
        said = await say(
            host,
            wordy(states[WA], DELIVERY_BYTES_MAX * 2 // 3),
            answer_to(states[TX]),
            answer_to(states[OR]),
        )
        merged = merged_of(said)
        assert {a.state: a.response for a in merged.answers}[WA] is ResponseKind.REFUSED
        (alone,) = [d.answer for d in said if d.answer is not None]
        assert (alone.state, alone.response) == (WA, ResponseKind.REFUSED)
        assert len(host.open) == 0


async def test_a_message_that_cannot_be_made_falls_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers go alone, and other queries' messages go all the same."""
    async with running() as host:
        states = await ask_all(host)
        await host.send(frame(2, "NL"))
        other = asked(host)
        whole = render_merged

        def refuses(accepted: AcceptedQuery, merged: Merged, *rest: Any) -> bytes:
            if accepted.query_id == states[TX].query_id:
                raise ValueError("no")
            return whole(accepted, merged, *rest)

        monkeypatch.setattr(merging, "render_merged", refuses)
        await say(host, answer_to(states[TX]), answer_to(other[TX]))
        said = await age(host, MERGE_SECONDS)
        assert [d.merged is not None for d in said].count(True) == 1
        assert [d.answer.exchange_id for d in said if d.answer is not None] == [
            states[TX].exchange_id
        ]
        (late,) = await say(host, answer_to(states[WA]))
        assert late.answer is not None


async def test_after_a_long_crash_the_states_are_asked_before_anything_is_told() -> None:
    """The wait begins anew: what was answered before is repeated within it."""
    async with running() as host:
        disk = host.disk
        states = await ask_all(host)
        await say(host, answer_to(states[TX]), answer_to(states[OR]))
    async with running(disk=disk) as host:
        host.clock.advance_ns(2 * MERGE_SECONDS * NS)
        await host.open_line()
        assert await host.origin.recover(0) == 1
        assert await age(host, 1) == []
        assert set(asked(host)) == {OR, TX, WA}
        await say(host, answer_to(states[TX]), answer_to(states[OR]))
        said = await age(host, MERGE_SECONDS)
        assert merged_of(said).silent == (WA,)


async def test_a_store_that_was_away_costs_no_answer_at_hand() -> None:
    """What is in memory is not asked for again, nor told as silence."""
    async with running() as host:
        states = await ask_all(host)
        await say(host, hit(states[TX]), held_answer_to(states[OR]))
        host.clock.advance_ns((MERGE_SECONDS - 1) * NS)
        assert await host.origin.recover(0) == 1
        said = await age(host, 1)
        assert merged_of(said).silent == (WA,)
        assert {a.state for a in merged_of(said).answers} == {OR, TX}


async def test_what_follows_a_hold_is_kept_once_before_the_message() -> None:
    """However often its state repeats it."""
    async with running() as host:
        states = await ask_all(host)
        await say(host, held_answer_to(states[WA]))
        for _ in range(5):
            await say(host, held_answer_to(states[WA]), answer_to(states[WA], step=1))
        state = host.open.of_query(states[WA].query_id)
        assert state is not None
        assert len(state.later) == 1


async def test_answers_at_hand_are_limited() -> None:
    """A message goes before its time where too much waits for messages; the rest follows alone."""
    async with running() as host:
        host.origin.at_hand = AtHand(limit=3_000)
        states = await ask_all(host)
        large = Element(data_class=DataClass.STATUS, name="LICENCE_STATUS", value="V" * 2_000)
        assert await say(host, msgspec.structs.replace(hit(states[TX]), elements=(large,))) == []
        said = await say(host, msgspec.structs.replace(hit(states[WA]), elements=(large,)))
        assert merged_of(said).silent == (OR,)
        (late,) = await say(host, answer_to(states[OR]))
        assert late.answer is not None
        assert len(host.open) == 0
        assert host.origin.at_hand.bytes == 0
