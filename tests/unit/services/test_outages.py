"""States out of service: what waits, in which order it goes on, what ends, what is announced."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import ExchangeId
from comity.domain.keys import MessageKey
from comity.domain.query import Exchange
from comity.domain.vocabulary import FanOut, LeafDecision, LeafKind
from comity.exchange.origin import priority_of
from comity.formats.delivered import Delivered
from comity.link.parcel import Answered, Ask, RefusalCode, Refused
from comity.ports import LineFrame
from comity.services.asking import OpenItem
from comity.services.parking import PROBE_SECONDS, Parking, place_of
from tests.support.gateway import (
    AUSTIN,
    CONTROL_LINE,
    LINE,
    NOW,
    NS,
    OR,
    RELEASE,
    SALEM_CONTROL,
    SEATTLE,
    SEATTLE_CONTROL,
    SEATTLE_CONTROL_LINE,
    WA,
    PracticeHost,
    answer_to,
    answers,
    ask_of,
    asks,
    frame,
    opened,
    policy_of,
    running,
)
from tests.support.link import SOUTH

OREGON, WASHINGTON = policy_of(OR, RELEASE), policy_of(WA, RELEASE)
DQ = MessageKey("DQ")


def asked(host: PracticeHost) -> list[Exchange]:
    """The exchanges that were asked since the last call, in order."""
    return [p.exchange for p in host.courier.take() if isinstance(p, Ask)]


def refused(exchange: Exchange, code: RefusalCode) -> Refused:
    """A gateway's word that it did not take an exchange in."""
    return Refused(origin=OR, state=exchange.state, exchange_id=exchange.exchange_id, code=code)


async def age(host: PracticeHost, seconds: int) -> None:
    """Let time pass, second by second, as the gateway's tick does."""
    for _ in range(seconds):
        host.clock.advance_ns(NS)
        await host.origin.redrive()


async def send(host: PracticeHost, number: int, state: str = "TX") -> list[Exchange]:
    """Send one query; the clock moves a little, so that each has its own time."""
    host.clock.advance_ns(1_000)
    await host.send(frame(number, state))
    return asked(host)


def told(host: PracticeHost) -> list[Delivered]:
    """What lines got since the last call."""
    return [said for _, _, said in host.lines.take()]


async def test_what_is_for_a_state_that_is_down_waits_in_order() -> None:
    """Only the oldest is tried; the first answer lets all the others go, oldest first."""
    async with running() as host:
        await host.open_line()
        (first,) = await send(host, 1)
        host.asking.unheard([Ask(exchange=first)])
        assert await send(host, 2) == []
        assert await send(host, 3) == []
        assert [said.delivery.key for said in told(host)] == ["SM"] * 3
        await age(host, PROBE_SECONDS[0])
        (probe,) = asked(host)
        assert probe == first
        await host.origin.take_answers(answers(answer_to(first)))
        later = asked(host)
        assert [e.query_id for e in later] == sorted(e.query_id for e in later)
        assert len(later) == 2
        await send(host, 4)
        assert len(host.open) == 3


async def test_an_outage_keeps_no_other_state() -> None:
    """A query to another state goes out at once."""
    async with running() as host:
        await host.open_line()
        (first,) = await send(host, 1)
        host.asking.unheard([Ask(exchange=first)])
        assert [e.state for e in await send(host, 2, "WA")] == [WA]


async def test_one_query_that_its_state_cannot_answer_keeps_no_other() -> None:
    """Its source fails for it alone: the others are answered, and it is asked again by itself."""
    async with running() as host:
        await host.open_line()
        (sick,) = await send(host, 1)
        no_answer = opened(refused(sick, RefusalCode.SOURCE_UNAVAILABLE))
        await host.origin.take_answers(no_answer)
        assert await send(host, 2) == []
        await age(host, PROBE_SECONDS[0])
        assert asked(host) == [sick]
        await host.origin.take_answers(no_answer)
        await age(host, PROBE_SECONDS[1])
        (well,) = asked(host)
        assert well != sick
        await host.origin.take_answers(answers(answer_to(well)))
        assert asked(host) == [sick]
        await host.origin.take_answers(no_answer)
        assert len(await send(host, 3)) == 1
        await age(host, 60)
        assert sick in asked(host)
        assert len(host.open) == 2


async def test_a_host_that_is_unheard_costs_what_was_sent_to_it() -> None:
    """What waits already is not looked at again, nor what is for others."""
    async with running() as host:
        await host.open_line()
        (first,) = await send(host, 1)
        (other,) = await send(host, 2, "WA")
        host.asking.host_unheard(SOUTH.name)
        looked: list[object] = []
        whole = host.open.of_exchange

        def counted(exchange_id: ExchangeId) -> OpenItem | None:
            looked.append(exchange_id)
            return whole(exchange_id)

        host.open.of_exchange = counted  # type: ignore[method-assign]
        host.asking.host_unheard(SOUTH.name)
        assert looked == []
        await age(host, PROBE_SECONDS[0])
        assert first in asked(host)
        host.asking.host_unheard(SOUTH.name)
        assert looked == [first.exchange_id]
        assert other not in asked(host)


async def test_refusals_of_one_envelope_are_closed_together() -> None:
    """A state that answers a key no more ends what was asked in one batch."""
    async with running() as host:
        await host.open_line()
        exchanges = [(await send(host, number))[0] for number in range(1, 6)]
        before = host.events.counts["batches_committed"]
        code = RefusalCode.NEVER_ANSWERED
        await host.origin.take_answers(opened(*(refused(e, code) for e in exchanges)))
        assert host.events.counts["batches_committed"] == before + 1
        assert len(host.leaves(OR, LeafKind.CLOSURE)) == 5
        assert len(host.open) == 0


async def test_probes_come_less_often() -> None:
    """A long outage costs one ask per quarter of a minute, however much waits."""
    async with running() as host:
        await host.open_line()
        for number in range(1, 6):
            for exchange in await send(host, number):
                host.asking.unheard([Ask(exchange=exchange)])
        tries = []
        for second in range(1, 61):
            await age(host, 1)
            tries += [second] * len(asked(host))
        assert tries == [2, 7, 22, 37, 52]


@pytest.mark.parametrize(
    ("code", "number", "ends"),
    [
        (RefusalCode.NEVER_ANSWERED, ".01.", True),
        (RefusalCode.OUT_OF_SERVICE_QUEUED, ".02.", False),
        (RefusalCode.SOURCE_UNAVAILABLE, ".02.", False),
        (RefusalCode.OUT_OF_SERVICE, ".04.", True),
    ],
)
async def test_a_refusal_for_service_is_told_by_its_number(
    code: RefusalCode, number: str, ends: bool
) -> None:
    """Never forwarded and not queued end the query; queued keeps it, in order, and tries again."""
    async with running() as host:
        await host.open_line()
        (exchange,) = await send(host, 1)
        await host.origin.take_answers(opened(refused(exchange, code)))
        status, *ended = told(host)
        assert status.delivery.text.startswith(number)
        assert "MKE DQ TO TX" in status.delivery.text
        assert len(host.open) == (0 if ends else 1)
        closures = [leaf.decision for leaf in host.leaves(OR, LeafKind.CLOSURE)]
        assert closures == [LeafDecision.UNDELIVERABLE] * ends
        said = [d.answer.response for d in ended if d.answer is not None]
        assert said == [ResponseKind.UNAVAILABLE] * ends


async def test_an_answer_after_a_refusal_of_another_exchange_is_a_sign_of_life() -> None:
    """Only the state's own answer shows that it is back; a closure made here does not."""
    async with running() as host:
        await host.open_line()
        (first,) = await send(host, 1)
        await host.origin.take_answers(opened(refused(first, RefusalCode.OUT_OF_SERVICE_QUEUED)))
        await send(host, 2)
        await host.origin.take_answers(opened(refused(first, RefusalCode.OUT_OF_SERVICE)))
        assert asked(host) == []
        assert len(host.open) == 1


def test_urgent_goes_first_and_regional_last() -> None:
    """Priorities of the key, then regions behind all, then the order of acceptance."""
    parking = Parking()
    plain = ask_of(3)
    regional = msgspec.structs.replace(ask_of(1), fan_out=FanOut.REGION)
    older = ask_of(2)
    for exchange in (plain, regional, older):
        parking.park(exchange, NOW)
    parking.revive(place_of(plain))
    assert parking.released() == [older, plain, regional]
    assert priority_of(regional).value == "low"


def test_a_great_queue_goes_on_in_parts_and_new_ones_behind() -> None:
    """While a place is being emptied, what is accepted goes behind what waits."""
    parking = Parking()
    exchanges = [ask_of(n) for n in range(1, 6)]
    for exchange in exchanges[:4]:
        parking.park(exchange, NOW)
    parking.revive(place_of(exchanges[0]))
    assert parking.released(limit=3) == exchanges[:3]
    assert parking.is_down(place_of(exchanges[0]))
    parking.queue(exchanges[4])
    assert parking.released(limit=3) == []
    for exchange in exchanges[:2]:
        parking.forget(exchange)
    assert parking.released(limit=3) == exchanges[3:]
    assert not parking.is_down(place_of(exchanges[0]))


def test_a_place_that_goes_down_again_is_sent_nothing_more() -> None:
    """What was being let go waits with the rest; one probe at a time is sent, as before."""
    parking = Parking()
    exchanges = [ask_of(n) for n in range(1, 6)]
    for exchange in exchanges:
        parking.park(exchange, NOW)
    parking.revive(place_of(exchanges[0]))
    assert parking.released(limit=2) == exchanges[:2]
    assert parking.park(exchanges[0], NOW + 9)
    parking.park(exchanges[1], NOW + 9)
    assert parking.released() == []
    assert list(parking.probes(NOW + 9 + PROBE_SECONDS[0])) == [exchanges[0]]
    parking.revive(place_of(exchanges[0]))
    assert parking.released() == exchanges


def test_probes_try_what_waits_in_turn() -> None:
    """The oldest first, then the others, then the oldest again: one may fail by itself."""
    parking = Parking()
    exchanges = [ask_of(n) for n in range(1, 4)]
    for exchange in reversed(exchanges):
        parking.park(exchange, NOW, may_be_alone=True)
    tried = [next(iter(parking.probes(NOW + 60 * n))) for n in range(1, 5)]
    assert tried == [*exchanges, exchanges[0]]


def test_a_place_that_is_down_is_probed_by_the_oldest() -> None:
    """What proves that it is back is answered first: nobody behind it is, before."""
    parking = Parking()
    exchanges = [ask_of(n) for n in range(1, 4)]
    for exchange in reversed(exchanges):
        parking.park(exchange, NOW, may_be_alone=True)
    assert list(parking.probes(NOW + 60)) == [exchanges[0]]
    parking.park(exchanges[0], NOW + 60)
    tried = [next(iter(parking.probes(NOW + 60 * n))) for n in range(2, 5)]
    assert tried == [exchanges[0]] * 3
    parking.forget(exchanges[0])
    parking.revive(place_of(exchanges[0]))
    assert parking.released() == exchanges[1:]


def test_a_place_where_nothing_waits_is_asked_again() -> None:
    """What ended is taken out, and the place is no longer held to be down."""
    parking = Parking()
    exchange = ask_of()
    parking.park(exchange, NOW)
    parking.forget(exchange)
    assert not parking.is_down(place_of(exchange))
    parking.forget(exchange)
    parking.revive(place_of(exchange))
    assert (parking.released(), list(parking.probes(NOW + 60))) == ([], [])


# What a state announces of its own service.

QUEUED = ".02. USER OUT OF SERVICE FOR MSG TYPE, NLETS WILL FORWARD\nMKE DQ TO WA"
NOT_QUEUED = ".04. USER OUT OF SERVICE FOR MSG TYPE, NLETS WILL NOT FORWARD"


async def announce(host: PracticeHost, number: int, body: str, *, to: str = "NL") -> Answer:
    """Have Washington's control terminal send a status message; return what it is told."""
    await host.open_line(SEATTLE_CONTROL_LINE)
    await host.send(status_frame(number, body, to=to))
    return await answered_here(host)


def status_frame(number: int, body: str, *, to: str = "NL") -> LineFrame:
    """A status message of Washington's control terminal."""
    return frame(
        number,
        to,
        line=SEATTLE_CONTROL_LINE,
        origin=SEATTLE_CONTROL,
        key=MessageKey("SM"),
        fields=(("", body),),
    )


async def answered_here(host: PracticeHost) -> Answer:
    """Let this host's own answer face answer what was asked of it, and its lines hear it."""
    await host.answer.take(asks(*[e for e in asked(host) if e.state in (OR, WA)]))
    parcels = host.courier.take()
    await host.origin.take_answers(opened(*parcels))
    # A line that is opened again gets what it has not acknowledged once more, and then this.
    return [d.answer for d in told(host) if d.answer is not None][-1]


async def refusal_of(host: PracticeHost, exchange: Exchange) -> RefusalCode | None:
    """How the answer face refuses an ask, None where it answers it."""
    await host.answer.take(asks(exchange))
    (parcel,) = host.courier.take()
    return parcel.code if isinstance(parcel, Refused) else None


async def test_an_announced_outage_refuses_asks_until_it_is_taken_back() -> None:
    """By key and kind, over a restart, and no longer once the terminal says in service."""
    async with running(WASHINGTON) as host:
        disk = host.disk
        answer = await announce(host, 1, QUEUED)
        assert answer.response is ResponseKind.HIT
        assert await refusal_of(host, ask_of(1)) is RefusalCode.OUT_OF_SERVICE_QUEUED
        plate = ask_of(2, key=MessageKey("RQ"), original_key=MessageKey("RQ"))
        assert await refusal_of(host, plate) is not RefusalCode.OUT_OF_SERVICE_QUEUED
    async with running(disk=disk) as host:
        assert await refusal_of(host, ask_of(1)) is RefusalCode.OUT_OF_SERVICE_QUEUED
        await announce(host, 2, "NLETS IN SERVICE")
        assert await refusal_of(host, ask_of(1)) is None


async def test_what_was_decided_stands_in_an_outage() -> None:
    """A repeat gets the stored answer: else its origin would close what has an outcome here."""
    async with running(WASHINGTON) as host:
        await host.answer.take(asks(ask_of(1)))
        (first,) = host.courier.take()
        await announce(host, 1, NOT_QUEUED)
        await host.answer.take(asks(ask_of(1), ask_of(2)))
        again, other = host.courier.take()
        assert isinstance(first, Answered)
        assert isinstance(again, Answered)
        assert again.answer.response is first.answer.response
        assert isinstance(other, Refused)
        assert other.code is RefusalCode.OUT_OF_SERVICE


async def test_a_status_message_that_is_asked_again_changes_nothing() -> None:
    """Its answer was lost, the terminal has said in service since: that stands."""
    async with running(WASHINGTON) as host:
        await host.open_line(SEATTLE_CONTROL_LINE)
        await host.send(status_frame(1, QUEUED))
        (exchange,) = asked(host)
        await host.answer.take(asks(exchange))
        (lost,) = host.courier.take()
        await announce(host, 2, "NLETS IN SERVICE")
        await host.answer.take(asks(exchange))
        (again,) = host.courier.take()
        assert isinstance(lost, Answered)
        assert isinstance(again, Answered)
        assert again.answer.exchange_id == lost.answer.exchange_id
        assert await refusal_of(host, ask_of(1)) is None


async def test_an_outage_keeps_no_agency_from_answering() -> None:
    """What an agency says to a message that waits for it is not asked of the state's system."""
    body = "RTY/SV.RNO/1.PRI/U.OCA/26-1.NIC/V123456789.VIN/PX1.VYR/2020.VMA/FORD.RNA/DOE.RAG/TX"
    async with running(WASHINGTON) as host:
        asks_hit = ask_of(
            1, key=MessageKey("YQ"), original_key=MessageKey("YQ"),
            fields=(("", body),), to=(SEATTLE,),
        )  # fmt: skip
        await host.answer.take(asks(asks_hit))
        host.courier.take()
        await announce(host, 1, NOT_QUEUED)
        yes = ask_of(
            2, state=WA, origin=WA, agency=SEATTLE, key=MessageKey("YR"),
            original_key=MessageKey("YR"), fields=(("", "YES"),), to=(AUSTIN,),
        )  # fmt: skip
        await host.answer.take(asks(yes))
        said = [p for p in host.courier.take() if isinstance(p, Answered)]
        assert len(said) == 2


async def test_one_key_is_taken_back_alone() -> None:
    """In service for one key leaves what was announced of another."""
    async with running(WASHINGTON) as host:
        await announce(host, 1, QUEUED)
        await announce(host, 2, QUEUED.replace("DQ", "RQ"))
        await announce(host, 3, "NLETS IN SERVICE\nMKE DQ TO WA")
        assert await refusal_of(host, ask_of(1)) is None
        plate = ask_of(2, key=MessageKey("RQ"), original_key=MessageKey("RQ"))
        assert await refusal_of(host, plate) is RefusalCode.OUT_OF_SERVICE_QUEUED


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (
            ".01. USER DOES NOT RESPOND TO MSG TYPE, NLETS WILL NOT FORWARD\nMKE ALL TO WA",
            RefusalCode.NEVER_ANSWERED,
        ),
        (
            ".04. USER OUT OF SERVICE FOR MSG TYPE, NLETS WILL NOT FORWARD",
            RefusalCode.OUT_OF_SERVICE,
        ),
    ],
)
async def test_an_outage_of_every_key(body: str, code: RefusalCode) -> None:
    """ALL, or no key at all, means each key; the later announcement stands."""
    async with running(WASHINGTON) as host:
        await announce(host, 1, QUEUED)
        await announce(host, 2, body)
        await announce(host, 3, QUEUED.replace("DQ", "KQ"))
        plate = ask_of(2, key=MessageKey("RQ"), original_key=MessageKey("RQ"))
        assert await refusal_of(host, plate) is code


async def test_only_a_control_terminal_announces_and_only_its_own() -> None:
    """Another agency's status message gets an error; one about another state changes nothing."""
    async with running(WASHINGTON, OREGON) as host:
        await host.open_line()
        await host.send(frame(1, "NL", key=MessageKey("SM"), fields=(("", QUEUED),)))
        (error,) = told(host)
        assert error.fault is not None
        assert error.fault.code == "sender-not-entitled"
        await host.open_line(CONTROL_LINE)
        await host.send(
            frame(
                1, "NL", line=CONTROL_LINE, origin=SALEM_CONTROL,
                key=MessageKey("SM"), fields=(("", QUEUED),),
            )
        )  # fmt: skip
        assert (await answered_here(host)).response is ResponseKind.HIT
        assert await refusal_of(host, ask_of(1)) is None


async def test_another_member_cannot_announce_for_a_state() -> None:
    """A status message asked of a state by another member is not even decided."""
    async with running(WASHINGTON) as host:
        foreign = ask_of(1, key=MessageKey("SM"), fields=(("", QUEUED),))
        assert await refusal_of(host, foreign) is RefusalCode.KEY_NOT_ANSWERED
        assert await refusal_of(host, ask_of(2)) is None


async def test_a_notice_to_all_is_delivered_to_the_terminals() -> None:
    """A state's "out of service until" reaches every member's control terminal as it was sent."""
    async with running(WASHINGTON, OREGON) as host:
        for line in (LINE, CONTROL_LINE):
            await host.open_line(line)
        await host.open_line(SEATTLE_CONTROL_LINE)
        await host.send(
            frame(
                1, "NL", line=CONTROL_LINE, origin=SALEM_CONTROL, key=MessageKey("SM"),
                fields=(("", "NLETS TEMPORARILY OUT OF SERVICE UNTIL 1430 PST"),),
            )
        )  # fmt: skip
        exchanges = [e for e in asked(host) if e.state in (OR, WA)]
        await host.answer.take(asks(*exchanges))
        got = [(line, data) for line, number, _, data in host.lines.delivered if number and data]
        assert {line for line, _ in got} == {CONTROL_LINE, SEATTLE_CONTROL_LINE}
        assert all(b'"key":"SM"' in data and b"1430 PST" in data for _, data in got)
