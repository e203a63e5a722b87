"""The answer face: what is refused, released, repeated; and nothing before it is durable."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.domain.answer import FREE_TEXT, Answer, Element, ResponseKind
from comity.domain.ids import Member, QueryId
from comity.domain.keys import MessageKey
from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode, Outcome
from comity.exchange.answering import judge
from comity.exchange.origin import exchange_id_of
from comity.link.limits import ANSWER_ELEMENTS_MAX, PARCEL_BYTES_MAX
from comity.link.parcel import Answered, Parcel, RefusalCode, Refused, encode_parcel
from comity.services import answer as module
from comity.services.answer import DEDUP_SECONDS, FUTURE_SECONDS_MAX
from comity.services.forms import TOO_LONG_REMARK
from comity.services.health import CLOCK_SKEW_NS_MAX
from comity.services.vault import month_of
from tests.support.gateway import (
    AUSTIN,
    DENY_ALL,
    ELEMENTS,
    HOLD_ADDRESS,
    HOLD_SECONDS,
    NOW,
    NS,
    NUMBER,
    OR,
    RELEASE,
    SALEM,
    TX,
    WA,
    PracticeHost,
    ask_of,
    asks,
    check_durable,
    driver,
    policy_of,
    running,
    turns,
)
from tests.unit.policy.build import rule

WASHINGTON = policy_of(WA, RELEASE)


async def answers_to(host: PracticeHost, *exchanges: Exchange) -> list[Parcel]:
    """What the host posts for these asks."""
    await host.answer.take(asks(*exchanges))
    return host.courier.take()


async def answer_to(host: PracticeHost, exchange: Exchange) -> Answer:
    """The one answer to an ask, which is posted to the member that asked."""
    (parcel,) = await answers_to(host, exchange)
    assert isinstance(parcel, Answered)
    assert parcel.origin == exchange.origin_member
    return parcel.answer


async def refusal_of(host: PracticeHost, exchange: Exchange) -> RefusalCode:
    """The one refusal of an ask; it leaves no leaf."""
    size = host.size(WA)
    (parcel,) = await answers_to(host, exchange)
    assert isinstance(parcel, Refused)
    assert (parcel.origin, parcel.state) == (exchange.origin_member, exchange.state)
    assert host.size(WA) == size
    return parcel.code


async def test_a_release_is_answered_after_its_leaf() -> None:
    """The answer has the record, and the proof of a disclosure that names the asker's query."""
    async with running(WASHINGTON) as host:
        answer = await answer_to(host, ask_of())
        assert (answer.response, answer.is_final) == (ResponseKind.HIT, True)
        assert answer.elements == ELEMENTS
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert (leaf.peer, leaf.agency, leaf.mode) == ("tx/1", AUSTIN, LeafMode.LIVE)
        assert [proof.entry for proof in answer.proofs] == [f"wa/{host.size(WA) - 1}"]


async def test_no_record_is_told_after_its_leaf() -> None:
    """No record is an outcome like any other."""
    async with running(WASHINGTON) as host:
        answer = await answer_to(host, ask_of(fields=(("OLN", "PX999"),)))
        assert answer.response is ResponseKind.NO_HIT
        assert [leaf.result for leaf in host.leaves(WA, LeafKind.DISCLOSURE)] == ["none"]


async def test_a_denial_looks_nothing_up() -> None:
    """What is denied for every kind of record is never read from the source."""
    async with running(policy_of(WA, DENY_ALL)) as host:
        answer = await answer_to(host, ask_of())
        assert answer.response is ResponseKind.REFUSED
        assert host.source.asked == []
        assert [leaf.decision for leaf in host.leaves(WA, LeafKind.DENIAL)] == [LeafDecision.DENY]


async def test_a_part_is_released_and_a_part_held() -> None:
    """Both leaves come with the answer; the hold's notice cites the hold's own leaf."""
    async with running(policy_of(WA, RELEASE, HOLD_ADDRESS)) as host:
        answer = await answer_to(host, ask_of())
        assert not answer.is_final
        assert DataClass.ADDRESS not in {element.data_class for element in answer.elements}
        assert answer.hold is not None
        assert answer.hold.until == NOW + HOLD_SECONDS
        assert answer.hold.entry == answer.proofs[-1].entry
        (row,) = await host.store.open_holds([WA])
        assert f"wa/{row.leaf_index}" == answer.hold.entry


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_no_answer_before_its_commit_whatever_fails(fault: CommitFault) -> None:
    """INVARIANT (no-answer-before-receipt): held at each post; one outcome, one leaf."""
    async with running(WASHINGTON) as host:
        size = host.size(WA)
        host.store.commit_fault = fault
        answer = await answer_to(host, ask_of())
        check_durable(host.disk, answer)
        assert host.size(WA) == size + 1


async def test_nothing_is_posted_while_the_store_is_down() -> None:
    """An answer waits for its leaf as long as it takes."""
    async with running(WASHINGTON) as host:
        host.store.is_down = True
        taking = asyncio.create_task(host.answer.take(asks(ask_of())))
        await host.until("store_unavailable", 3)
        assert host.courier.take() == []
        host.store.is_down = False
        await taking
        assert len(host.courier.take()) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": TX, "origin": OR}, RefusalCode.NOT_HOSTED_HERE),
        ({"accepted_at": NOW - DEDUP_SECONDS - 1}, RefusalCode.STALE),
        ({"accepted_at": NOW + FUTURE_SECONDS_MAX + 1}, RefusalCode.STALE),
        ({"query_id": QueryId(bytes(16))}, RefusalCode.NOT_DERIVED),
        ({"key": MessageKey("IQ")}, RefusalCode.KEY_NOT_ANSWERED),
        ({"key": MessageKey("HQ")}, RefusalCode.KEY_NOT_ANSWERED),
        ({"key": MessageKey("SM")}, RefusalCode.KEY_NOT_ANSWERED),
        ({"key": MessageKey("YR")}, RefusalCode.KEY_NOT_ANSWERED),
        ({"key": MessageKey("AM"), "to": (SALEM,)}, RefusalCode.KEY_NOT_ANSWERED),
        ({"agency": "TXPX99999"}, RefusalCode.AGENCY_NOT_LISTED),
        ({"agency": SALEM}, RefusalCode.AGENCY_NOT_LISTED),
    ],
)
async def test_an_ask_is_refused(changes: dict[str, object], code: RefusalCode) -> None:
    """Each reason has its code; nothing is decided, looked up or recorded."""
    async with running(WASHINGTON) as host:
        assert await refusal_of(host, ask_of(**changes)) is code  # type: ignore[arg-type]
        assert host.source.asked == []


@pytest.mark.parametrize("accepted_at", [NOW - DEDUP_SECONDS, NOW + FUTURE_SECONDS_MAX])
async def test_an_ask_at_the_limits_of_its_age_is_taken(accepted_at: int) -> None:
    """Seven days old, or five minutes ahead: still decided."""
    async with running(WASHINGTON) as host:
        answer = await answer_to(host, ask_of(accepted_at=accepted_at))
        assert answer.response is ResponseKind.HIT


async def test_an_id_of_another_time_is_refused() -> None:
    """An id is kept by its own time: an old one under a new date could be recorded twice."""
    async with running(WASHINGTON) as host:
        old = ask_of(accepted_at=NOW - DEDUP_SECONDS - 1)
        dated = msgspec.structs.replace(old, accepted_at=NOW)
        assert await refusal_of(host, dated) is RefusalCode.NOT_DERIVED


async def test_a_member_cannot_take_its_traffic_out_of_the_counts() -> None:
    """`probe` is a mark of this member's own probes; from the link it is not believed."""
    async with running(WASHINGTON) as host:
        await answer_to(host, ask_of(probe=True))
        assert [leaf.mode for leaf in host.leaves(WA, LeafKind.DISCLOSURE)] == [LeafMode.LIVE]


async def test_a_member_without_a_policy_answers_busy() -> None:
    """INVARIANT (fail-closed): no policy, no decision."""
    async with running(policy_of(OR, RELEASE)) as host:
        assert await refusal_of(host, ask_of()) is RefusalCode.BUSY


@pytest.mark.parametrize("ahead", [CLOCK_SKEW_NS_MAX + 1, -CLOCK_SKEW_NS_MAX - 1])
async def test_a_host_with_a_wrong_clock_decides_nothing(ahead: int) -> None:
    """INVARIANT (fail-closed): more than two seconds from the store's clock, all is refused."""
    async with running(WASHINGTON) as host:
        host.store.clock_ahead_ns = ahead
        await host.health.check()
        assert await refusal_of(host, ask_of()) is RefusalCode.BUSY
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX
        await host.health.check()
        assert (await answer_to(host, ask_of())).response is ResponseKind.HIT


async def test_a_source_that_does_not_answer_leaves_no_leaf() -> None:
    """Nothing is known, so nothing is decided; asked again, it is."""
    async with running(WASHINGTON) as host:
        host.source.is_down = True
        assert await refusal_of(host, ask_of()) is RefusalCode.SOURCE_UNAVAILABLE
        host.source.is_down = False
        assert (await answer_to(host, ask_of())).response is ResponseKind.HIT


async def test_a_source_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up has an end; what needs none is answered meanwhile."""
    monkeypatch.setattr("comity.services.deciding.SOURCE_SECONDS_MAX", 0.0)
    async with running(WASHINGTON) as host:
        assert await refusal_of(host, ask_of()) is RefusalCode.SOURCE_UNAVAILABLE


async def test_a_source_that_hangs_keeps_back_its_own_state_alone() -> None:
    """Others' answers leave at once, and so does what the state decides without its source."""
    refused = rule("NO", Outcome.DENY, message_key=("KQ",))
    async with running(policy_of(WA, RELEASE, refused), policy_of(OR, RELEASE)) as host:
        host.source.drivers.append(msgspec.structs.replace(driver(), state=OR))
        host.source.hangs[WA] = asyncio.Event()
        slow, quick, denied = (
            ask_of(1),
            ask_of(2, state=OR),
            ask_of(3, key=MessageKey("KQ"), original_key=MessageKey("KQ")),
        )
        said = await answers_to(host, slow, quick, denied)
        responses = {
            p.answer.exchange_id: p.answer.response for p in said if isinstance(p, Answered)
        }
        assert responses == {
            quick.exchange_id: ResponseKind.HIT,
            denied.exchange_id: ResponseKind.REFUSED,
        }
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []
        host.source.hangs[WA].set()
        await host.answer.settled()
        (late,) = host.courier.take()
        assert isinstance(late, Answered)
        assert late.answer.exchange_id == slow.exchange_id
        assert late.answer.elements == ELEMENTS


async def test_a_lane_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its limit an ask is refused at once; one that has an answer gets it all the same."""
    monkeypatch.setattr(module, "LANE_WAITING_MAX", 1)
    async with running(WASHINGTON) as host:
        known = await answer_to(host, ask_of(1))
        host.source.hangs[WA] = asyncio.Event()
        await host.answer.take(asks(ask_of(2)))
        assert host.courier.take() == []
        stored, refused = await answers_to(host, ask_of(1), ask_of(3))
        assert isinstance(stored, Answered)
        assert stored.answer.exchange_id == known.exchange_id
        assert isinstance(refused, Refused)
        assert refused.code is RefusalCode.SOURCE_UNAVAILABLE
        assert host.events.counts["lane_full"] == 2
        host.source.hangs[WA].set()
        await host.answer.settled()
        assert len(host.courier.take()) == 1


async def test_a_lane_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time the lane's asks are refused; the origin asks again."""
    monkeypatch.setattr("comity.services.deciding.SOURCE_SECONDS_MAX", 0.0)
    async with running(WASHINGTON) as host:
        host.source.hangs[WA] = asyncio.Event()
        await host.answer.take(asks(ask_of()))
        await host.answer.settled()
        (refused,) = host.courier.take()
        assert isinstance(refused, Refused)
        assert refused.code is RefusalCode.SOURCE_UNAVAILABLE


async def test_a_fault_of_a_lane_is_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong beside the envelope's own task is seen, and the lane is free again."""
    monkeypatch.setattr(module, "LANE_WAITING_MAX", 1)
    async with running(WASHINGTON) as host:
        host.source.hangs[WA] = asyncio.Event()
        host.source.hangs[WA].set()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(host.sequencer, "commit", None)
            await host.answer.take(asks(ask_of(1)))
            await host.answer.settled()
        assert host.events.counts["lane_failed"] == 1
        await host.answer.take(asks(ask_of(2)))
        await host.answer.settled()
        assert len(host.courier.take()) == 1


async def test_lanes_end_with_their_host() -> None:
    """What waits for a source ends at once, and is asked again by its origin."""
    async with running(WASHINGTON) as host:
        host.source.hangs[WA] = asyncio.Event()
        await host.answer.take(asks(ask_of()))
        await host.answer.stop()
        await host.answer.settled()
        assert host.courier.take() == []
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []


async def test_a_text_is_released_whole() -> None:
    """A source that answers in free text alone: all is released, and one leaf names every class."""
    async with running(WASHINGTON) as host:
        host.source.is_text = True
        answer = await answer_to(host, ask_of())
        (element,) = answer.elements
        assert (element.data_class, element.name) == (DataClass.OPAQUE, FREE_TEXT)
        assert element.value.split("\n")[-1] == "STREET: 100 Example Ave"
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert leaf.released == (
            DataClass.STATUS,
            DataClass.IDENTITY,
            DataClass.ADDRESS,
            DataClass.OPAQUE,
        )


async def test_a_text_waits_with_the_class_that_is_held() -> None:
    """INVARIANT (withheld-never-rendered): no word of it leaves; the hold names free text too."""
    async with running(policy_of(WA, RELEASE, HOLD_ADDRESS)) as host:
        host.source.is_text = True
        answer = await answer_to(host, ask_of())
        assert answer.response is ResponseKind.HELD
        assert answer.elements == ()
        assert b"Example" not in msgspec.json.encode(answer)
        assert {part.data_class for part in answer.withheld} >= {DataClass.OPAQUE}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("OLN/PX000204K7. NOT ON FILE", ResponseKind.NO_HIT),
        ("DMV TEMPORARILY UNAVAILABLE", RefusalCode.SOURCE_UNAVAILABLE),
    ],
)
async def test_a_reply_in_text_is_no_record(text: str, outcome: ResponseKind | RefusalCode) -> None:
    """The network's phrases mean what they say, and "unavailable" is never "no record"."""
    async with running(WASHINGTON) as host:
        name, _, value = text.partition(" ")
        reply = Element(data_class=DataClass.STATUS, name=name, value=value)
        host.source.drivers = [driver(elements=(reply,))]
        host.source.is_text = True
        (parcel,) = await answers_to(host, ask_of())
        got = parcel.answer.response if isinstance(parcel, Answered) else None
        assert (got or getattr(parcel, "code", None)) is outcome


async def test_a_text_that_cannot_travel_is_told_without_it() -> None:
    """Its leaf names nothing as released, and the requester is told why."""
    async with running(WASHINGTON) as host:
        long = Element(data_class=DataClass.STATUS, name="A", value="A" * PARCEL_BYTES_MAX)
        host.source.drivers = [driver(elements=(long,))]
        host.source.is_text = True
        answer = await answer_to(host, ask_of())
        assert (answer.elements, answer.remark) == ((), TOO_LONG_REMARK)
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert leaf.released == ()


async def test_a_query_the_source_cannot_search_is_refused_alone() -> None:
    """One look-up that cannot be made takes none of the others with it."""
    async with running(WASHINGTON) as host:
        first, second = await answers_to(host, ask_of(1, fields=()), ask_of(2))
        codes = {parcel.code for parcel in (first, second) if isinstance(parcel, Refused)}
        assert codes == {RefusalCode.SOURCE_UNAVAILABLE}
        assert [p.answer.response for p in (first, second) if isinstance(p, Answered)] == [
            ResponseKind.HIT
        ]


async def test_a_repeat_gets_the_stored_answer() -> None:
    """Byte for byte, with a receipt for the same leaf, whatever the source says by now."""
    async with running(policy_of(WA, RELEASE, HOLD_ADDRESS)) as host:
        first = await answer_to(host, ask_of())
        await answer_to(host, ask_of(2))
        size = host.size(WA)
        host.source.drivers = []
        again = await answer_to(host, ask_of())
        assert msgspec.structs.replace(again, proofs=first.proofs) == first
        assert [p.entry for p in again.proofs] == [p.entry for p in first.proofs]
        assert host.size(WA) == size


async def test_a_repeat_in_one_envelope_is_one_exchange() -> None:
    """The same ask twice in an envelope is decided once."""
    async with running(WASHINGTON) as host:
        size = host.size(WA)
        assert len(await answers_to(host, ask_of(), ask_of())) == 1
        assert host.size(WA) == size + 1


async def test_two_envelopes_at_once_make_one_outcome() -> None:
    """Whichever comes second gets what the first one recorded."""
    async with running(WASHINGTON) as host:
        size = host.size(WA)
        await asyncio.gather(*(host.answer.take(asks(ask_of())) for _ in range(3)))
        said = [p.answer for p in host.courier.take() if isinstance(p, Answered)]
        assert len({msgspec.structs.replace(a, proofs=()).step for a in said}) == 1
        assert (len(said), host.size(WA)) == (3, size + 1)


async def test_a_repeat_of_anothers_exchange_gets_nothing() -> None:
    """Whoever learns an exchange's id cannot open its answer: another query, or another agency."""
    async with running(WASHINGTON) as host:
        await answer_to(host, ask_of())
        size = host.size(WA)
        assert await answers_to(host, ask_of(query_entry="tx/999")) == []
        assert host.size(WA) == size


async def test_an_exchange_of_another_origin_is_not_taken() -> None:
    """A state that was asked too knows the query's id, and cannot ask in the origin's place."""
    async with running(WASHINGTON) as host:
        stolen = ask_of(
            origin=OR, agency=SALEM, exchange_id=ask_of().exchange_id, query_entry="or/7"
        )
        assert await refusal_of(host, stolen) is RefusalCode.NOT_DERIVED


async def test_what_is_too_old_but_stored_is_answered() -> None:
    """A long hold's end is told after the seven days, to the one that asked."""
    async with running(WASHINGTON) as host:
        first = await answer_to(host, ask_of())
        host.clock.advance_ns((DEDUP_SECONDS + 1) * NS)
        stored, refused = await answers_to(host, ask_of(), ask_of(2))
        assert isinstance(stored, Answered)
        assert msgspec.structs.replace(stored.answer, proofs=first.proofs) == first
        assert isinstance(refused, Refused)
        assert refused.code is RefusalCode.STALE


async def test_a_policy_that_is_overtaken_is_decided_again() -> None:
    """What was decided under the old policy is recorded under the new one only."""
    async with running(WASHINGTON) as host:
        publication = asyncio.create_task(host.overtake(WA, policy_of(WA, DENY_ALL, version=2)))
        await turns()
        answer = await answer_to(host, ask_of())
        await publication
        assert answer.response is ResponseKind.REFUSED
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []
        assert answer.policy_entry == f"wa/{host.world.policy(WA)[0]}"


async def test_a_policy_that_is_always_overtaken_ends_as_busy() -> None:
    """Where the world does not learn of the new policy, nothing is released and nobody waits."""
    async with running(WASHINGTON) as host:
        old = host.world.policy(WA)
        await host.overtake(WA, policy_of(WA, RELEASE, version=2))
        host.world._bundles[WA] = (old[0], old[1].bundle)
        assert await refusal_of(host, ask_of()) is RefusalCode.BUSY


async def test_too_much_waiting_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full sequencer refuses; the origin asks again."""
    async with running(WASHINGTON) as host:
        monkeypatch.setattr("comity.services.sequencer.PENDING_ENTRIES_MAX", 0)
        assert await refusal_of(host, ask_of()) is RefusalCode.BUSY


async def test_a_fault_in_one_exchange_silences_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be decided is refused; the rest of the envelope is answered."""
    async with running(WASHINGTON) as host:

        def broken(exchange: Exchange, *args: object, **kwargs: object) -> object:
            if exchange.query_entry == "tx/1":
                raise RuntimeError("practice")
            return judge(exchange, *args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr("comity.services.deciding.judge", broken)
        said = await answers_to(host, ask_of(1), ask_of(2))
        assert [type(parcel) for parcel in said] == [Answered, Refused]
        assert host.events.counts["exchange_fault"] == 1


@pytest.mark.parametrize(
    "elements",
    [
        tuple(
            Element(data_class=DataClass.STATUS, name=f"E{n}", value="x")
            for n in range(ANSWER_ELEMENTS_MAX + 1)
        ),
        (Element(data_class=DataClass.PHOTO, name="PHOTO", value="A" * PARCEL_BYTES_MAX),),
    ],
    ids=["elements", "bytes"],
)
async def test_a_record_that_cannot_travel_is_told_without_its_elements(
    elements: tuple[Element, ...],
) -> None:
    """Its leaf names nothing as released, and the answer is one that can be sent."""
    async with running(WASHINGTON) as host:
        host.source.drivers = [driver(elements=elements)]
        fields = (("OLN", NUMBER), ("IMQ", "Y"))
        answer = await answer_to(host, ask_of(fields=fields, wants_image=True))
        encode_parcel(Answered(origin=TX, answer=answer))
        assert (answer.elements, answer.remark) == ((), TOO_LONG_REMARK)
        assert [leaf.released for leaf in host.leaves(WA, LeafKind.DISCLOSURE)] == [()]


async def test_a_record_at_the_limit_travels() -> None:
    """As many elements as an answer may have go out."""
    elements = tuple(
        Element(data_class=DataClass.STATUS, name=f"E{n}", value="x")
        for n in range(ANSWER_ELEMENTS_MAX)
    )
    async with running(WASHINGTON) as host:
        host.source.drivers = [driver(elements=elements)]
        answer = await answer_to(host, ask_of())
        encode_parcel(Answered(origin=TX, answer=answer))
        assert answer.elements == elements


async def test_an_answer_under_a_lost_key_keeps_nobody_else_waiting() -> None:
    """The month key is gone: that repeat gets nothing, the others of its envelope their answers."""
    async with running(WASHINGTON) as host:
        await answer_to(host, ask_of(1))
        assert host.disk.keyring.destroy(WA, month_of(NOW))
        (parcel,) = await answers_to(host, ask_of(1), ask_of(2))
        assert isinstance(parcel, Answered)
        assert parcel.answer.exchange_id == ask_of(2).exchange_id
        assert host.events.counts["answer_not_restored"] == 1


async def test_answers_go_to_each_members_host() -> None:
    """A member's answer goes to the host that it certifies."""
    async with running(WASHINGTON) as host:
        await host.answer.take(asks(ask_of(1), ask_of(2, origin=OR, agency=SALEM)))
        posted = host.courier.posted
        sent = [(name, parcel.origin) for name, parcel in posted if isinstance(parcel, Answered)]
        assert sorted(sent) == [("gateway-south", TX), ("gateway-west", OR)]


def test_ids_are_bound_to_whoever_asks() -> None:
    """The same query asked by another member, or of another state, is another exchange."""
    query_id = QueryId(bytes(16))
    ids = {exchange_id_of(query_id, o, s) for o in (OR, TX) for s in (WA, Member("ca"))}
    assert len(ids) == 4
