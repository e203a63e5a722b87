"""What may be sent on a line: entitlement, and the own state's word on what leaves it."""

from __future__ import annotations

import pytest

from comity.directory.part import sign_part
from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import ORI, Member
from comity.domain.keys import MessageKey
from comity.domain.query import Exchange
from comity.domain.verdict import Verdict, VerdictKind
from comity.domain.vocabulary import DataClass, LeafKind, Outcome, RecordKind
from comity.formats.delivered import Delivered
from comity.link.parcel import Answered, Ask
from comity.services.sequencer import BusyError, SequencerResult
from tests.support.directory import signer_of
from tests.support.exchange import REVIEWER, signed
from tests.support.gateway import (
    HOLD_SECONDS,
    LINE,
    NOW,
    NS,
    OR,
    RELEASE,
    SALEM,
    PracticeHost,
    answer_to,
    answers,
    asks,
    frame,
    heard_of,
    opened,
    part_of,
    policy_entry,
    policy_of,
    practice_agency,
    running,
)
from tests.support.link import SOUTH
from tests.unit.policy.build import rule

US = Member("us")
IAQ, DNQ = MessageKey("IAQ"), MessageKey("DNQ")
NAMED = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
NO_IAQ = rule("NO-IAQ", Outcome.DENY, message_key=("IAQ",))
HOLD_IAQ = rule("HOLD-IAQ", Outcome.HOLD, message_key=("IAQ",))
BODY = (
    ("PUR", "C"), ("ATN", "P4471"), ("PHN", "5550100"), ("NAM", "DOE,JANE"), ("DOB", "19800229"),
    ("SEX", "F"), ("POB", "MX"), ("CUS", "Y"), ("OFF", "0399"),
)  # fmt: skip


async def ask_federal(host: PracticeHost) -> list[Exchange]:
    """Salem asks the federal system; return whom this host asks."""
    federal = part_of(US, SOUTH.public, practice_agency(ORI("USPX00001"), "US/DHS"), answers=(IAQ,))
    host.world.take_parts([heard_of(sign_part(federal, signer_of(US)))])
    await host.open_line()
    await host.send(frame(1, "AX", key=IAQ, fields=BODY))
    assert host.codes() == [(1, "accepted")]
    return asked(host)


def asked(host: PracticeHost) -> list[Exchange]:
    """The exchanges that were asked since the last call."""
    return [p.exchange for p in host.courier.take() if isinstance(p, Ask)]


async def home_answers(host: PracticeHost, exchanges: list[Exchange]) -> list[Delivered]:
    """Let the own member answer; return what the line hears."""
    await host.answer.take(asks(*exchanges))
    await host.origin.take_answers(opened(*host.courier.take()))
    return told(host)


def told(host: PracticeHost) -> list[Delivered]:
    """What the line got since the last call."""
    return [said for _, _, said in host.lines.take()]


def answer_of(said: list[Delivered]) -> Answer:
    """The one answer that was delivered."""
    (answer,) = [d.answer for d in said if d.answer is not None]
    return answer


async def test_what_the_own_state_lets_go_goes_at_once() -> None:
    """The query leaf names the policy that let it leave; the federal system alone is asked."""
    async with running(policy_of(OR, RELEASE)) as host:
        exchanges = await ask_federal(host)
        assert [e.state for e in exchanges] == [US]
        (leaf,) = host.leaves(OR, LeafKind.QUERY)
        assert leaf.policy == host.world.policy(OR)[0]


async def test_what_the_own_state_forbids_never_leaves() -> None:
    """The officer reads the own state's refusal; nothing crosses to the federal system."""
    async with running(policy_of(OR, RELEASE, NO_IAQ)) as host:
        exchanges = await ask_federal(host)
        assert [e.state for e in exchanges] == [OR]
        answer = answer_of(await home_answers(host, exchanges))
        assert (answer.state, answer.response) == (OR, ResponseKind.REFUSED)
        assert answer.withheld[0].reasons[0].rule == "NO-IAQ"
        assert asked(host) == []
        assert len(host.leaves(OR, LeafKind.DENIAL)) == 1
        assert len(host.open) == 0


async def test_what_the_own_state_holds_goes_on_when_approved() -> None:
    """A reviewer lets it go: it is sent on once, as a query of its own, and answered."""
    async with running(policy_of(OR, RELEASE, HOLD_IAQ)) as host:
        exchanges = await ask_federal(host)
        held = answer_of(await home_answers(host, exchanges))
        assert held.response is ResponseKind.HELD
        assert held.hold is not None
        row, file = await host.desk.hold(held.hold.entry)
        verdict = Verdict(
            state=OR,
            exchange_id=file.exchange.exchange_id,
            hold_entry=held.hold.entry,
            step=row.next_step,
            kind=VerdictKind.APPROVE,
            approved=(DataClass.OPAQUE,),
            reviewer=REVIEWER,
            at=NOW,
        )
        await host.desk.decide(signed(verdict))
        word = [p for p in host.courier.take() if isinstance(p, Answered)]
        await host.origin.take_answers(opened(*word))
        assert answer_of(told(host)).response is ResponseKind.HIT
        (sent_on,) = asked(host)
        assert (sent_on.state, sent_on.fields, sent_on.agency) == (US, BODY, SALEM)
        assert len(host.leaves(OR, LeafKind.QUERY)) == 2
        await host.origin.take_answers(answers(answer_to(sent_on, key=MessageKey("IAR"))))
        assert answer_of(told(host)).state == US
        assert len(host.open) == 0


def leave(exchange: Exchange) -> Answer:
    """The own state's word that a query may go, under its first policy."""
    return answer_to(
        exchange, response=ResponseKind.HIT, key=MessageKey("IAR"), policy_entry=f"{OR}/2"
    )


async def ask_by_name(host: PracticeHost) -> list[Exchange]:
    """Salem asks the federal system for licences by name, which its own state does not answer."""
    federal = part_of(US, SOUTH.public, practice_agency(ORI("USPX00001"), "US/DHS"), answers=(DNQ,))
    host.world.take_parts([heard_of(sign_part(federal, signer_of(US)))])
    await host.open_line()
    await host.send(frame(1, "AX", key=DNQ, fields=(("NAM", "DOE,JANE"),)))
    return asked(host)


async def approved(host: PracticeHost, held: Answer, *classes: DataClass) -> list[Delivered]:
    """Have a reviewer approve these classes; return what the line hears."""
    assert held.hold is not None
    row, file = await host.desk.hold(held.hold.entry)
    verdict = Verdict(
        state=OR,
        exchange_id=file.exchange.exchange_id,
        hold_entry=held.hold.entry,
        step=row.next_step,
        kind=VerdictKind.APPROVE,
        approved=classes,
        reviewer=REVIEWER,
        at=host.clock.now_ns() // NS,
    )
    await host.desk.decide(signed(verdict))
    word = [p for p in host.courier.take() if isinstance(p, Answered)]
    await host.origin.take_answers(opened(*word))
    return told(host)


DENY_ADDRESS = rule("NO-ADDRESS", Outcome.DENY, data_class=(DataClass.ADDRESS,))
HOLD_LICENCES = rule("HOLD-LICENCES", Outcome.HOLD, record_kind=(RecordKind.LICENCE,))


async def test_a_query_goes_whole_or_not_at_all() -> None:
    """A class that the own state denies keeps all of it home: nobody can send a part of it."""
    async with running(policy_of(OR, RELEASE, DENY_ADDRESS)) as host:
        answer = answer_of(await home_answers(host, await ask_by_name(host)))
        assert answer.response is ResponseKind.REFUSED
        assert {w.data_class for w in answer.withheld} == set(NAMED)
        assert asked(host) == []


async def test_a_rule_about_one_kind_of_record_holds_the_query() -> None:
    """What the federal system would answer is not known: the strictest kind decides."""
    async with running(policy_of(OR, RELEASE, HOLD_LICENCES)) as host:
        held = answer_of(await home_answers(host, await ask_by_name(host)))
        assert held.response is ResponseKind.HELD
        assert asked(host) == []
        word = answer_of(await approved(host, held, *NAMED))
        assert (word.response, word.withheld) == (ResponseKind.HIT, ())
        assert [e.state for e in asked(host)] == [US]


async def test_an_approval_of_a_part_sends_nothing_on() -> None:
    """What a reviewer did not approve would go with the rest."""
    async with running(policy_of(OR, RELEASE, HOLD_LICENCES)) as host:
        held = answer_of(await home_answers(host, await ask_by_name(host)))
        word = answer_of(await approved(host, held, DataClass.STATUS))
        assert word.response is ResponseKind.REFUSED
        assert asked(host) == []
        assert len(host.open) == 0


async def test_what_the_own_state_answers_itself_is_not_asked_of_it_as_leave() -> None:
    """Its record would be taken for its leave: such a query is refused at once."""
    kq = MessageKey("KQ")
    hold = rule("HOLD-KQ", Outcome.HOLD, message_key=("KQ",))
    async with running(policy_of(OR, RELEASE, hold)) as host:
        federal = part_of(US, SOUTH.public, answers=(kq,))
        host.world.take_parts([heard_of(sign_part(federal, signer_of(US)))])
        await host.open_line()
        await host.send(frame(1, "AX", key=kq))
        (said,) = told(host)
        assert said.fault is not None
        assert said.fault.code == "key-not-answered"
        assert asked(host) == []


async def test_a_query_that_was_held_for_long_is_sent_on_as_a_new_one() -> None:
    """Its own time counts, not that of the hold: else it would be undeliverable at once."""
    async with running(policy_of(OR, RELEASE, HOLD_IAQ)) as host:
        held = answer_of(await home_answers(host, await ask_federal(host)))
        host.clock.advance_ns((HOLD_SECONDS - 60) * NS)
        await approved(host, held, DataClass.OPAQUE)
        (sent_on,) = asked(host)
        assert sent_on.accepted_at == NOW + HOLD_SECONDS - 60
        await host.origin.redrive()
        assert host.leaves(OR, LeafKind.CLOSURE) == []
        assert len(host.open) == 1


async def test_a_query_sent_on_names_the_policy_that_let_it_go() -> None:
    """A policy that took force while it waited, and under which the reviewer's word was decided."""
    async with running(policy_of(OR, RELEASE, HOLD_IAQ)) as host:
        held = answer_of(await home_answers(host, await ask_federal(host)))
        await host.overtake(OR, policy_of(OR, RELEASE, HOLD_IAQ, version=2))
        await approved(host, held, DataClass.OPAQUE)
        leaf = host.leaves(OR, LeafKind.QUERY)[-1]
        assert leaf.policy == host.world.policy(OR)[0]


async def test_a_policy_that_takes_force_meanwhile_keeps_a_query_home() -> None:
    """What was let go under another policy is not recorded: the line sends it again."""
    async with running(policy_of(OR, RELEASE)) as host:
        federal = part_of(US, SOUTH.public, answers=(IAQ,))
        host.world.take_parts([heard_of(sign_part(federal, signer_of(US)))])
        await host.open_line()
        stricter = policy_of(OR, RELEASE, NO_IAQ, version=2)
        await host.sequencer.commit([policy_entry(host.disk, OR, stricter)])
        await host.send(frame(1, "AX", key=IAQ, fields=BODY))
        assert host.codes() == [(1, "busy")]
        assert asked(host) == []
        assert host.leaves(OR, LeafKind.QUERY) == []


async def test_a_full_ledger_sends_on_later() -> None:
    """The own state's word is not kept before the query stands; it is asked for again."""
    async with running(policy_of(OR, RELEASE, HOLD_IAQ)) as host:
        exchanges = await ask_federal(host)
        whole = host.sequencer.commit

        async def full(entries: object) -> list[SequencerResult]:
            raise BusyError("too much waits")

        host.sequencer.commit = full  # type: ignore[method-assign]
        hit = leave(exchanges[0])
        await host.origin.take_answers(answers(hit))
        assert (told(host), asked(host)) == ([], [])
        host.sequencer.commit = whole  # type: ignore[method-assign]
        host.clock.advance_ns(NS)
        await host.origin.redrive()
        assert asked(host) == exchanges
        await host.origin.take_answers(answers(hit))
        assert [e.state for e in asked(host)] == [US]


async def test_a_repeated_frame_and_a_look_find_what_was_sent_on() -> None:
    """The message is answered once the query that came of it is, and its answers are its own."""
    async with running(policy_of(OR, RELEASE, HOLD_IAQ)) as host:
        exchanges = await ask_federal(host)
        hit = leave(exchanges[0])
        await host.origin.take_answers(answers(hit))
        (sent_on,) = asked(host)
        standing = await host.deliveries.standing(LINE, 1)
        assert standing is not None
        assert (standing.is_answered, standing.is_ended) == (True, False)
        await host.origin.take_answers(answers(answer_to(sent_on, key=MessageKey("IAR"))))
        standing = await host.deliveries.standing(LINE, 1)
        assert standing is not None
        assert (standing.is_answered, standing.is_ended) == (True, True)
        assert len(standing.delivered) == 2
        told(host)
        await host.send(frame(1, "AX", key=IAQ, fields=BODY))
        assert [d.answer.state for d in told(host) if d.answer is not None] == [OR, US]


async def test_a_query_sent_on_is_found_again_after_a_crash() -> None:
    """It stands in its own row, and a restart asks for it."""
    async with running(policy_of(OR, RELEASE, HOLD_IAQ)) as host:
        exchanges = await ask_federal(host)
        disk = host.disk
        hit = leave(exchanges[0])
        await host.origin.take_answers(answers(hit))
        await host.origin.take_answers(answers(hit))
        (first,) = asked(host)
    async with running(disk=disk) as host:
        federal = part_of(US, SOUTH.public, answers=(IAQ,))
        host.world.take_parts([heard_of(sign_part(federal, signer_of(US)))])
        await host.open_line()
        assert await host.origin.recover(0) == 1
        await host.origin.redrive()
        assert [e.exchange_id for e in asked(host)] == [first.exchange_id]


async def test_without_a_policy_of_its_own_nothing_leaves() -> None:
    """A state that has published no rules lets no query go to a federal system."""
    async with running() as host:
        federal = part_of(US, SOUTH.public, answers=(IAQ,))
        host.world.take_parts([heard_of(sign_part(federal, signer_of(US)))])
        await host.open_line()
        await host.send(frame(1, "AX", key=IAQ, fields=BODY))
        (said,) = told(host)
        assert said.fault is not None
        assert said.fault.code == "policy-missing"
        assert asked(host) == []


@pytest.mark.parametrize(
    ("key", "destination", "code"),
    [
        ("SM", "NL", "sender-not-entitled"),
        ("TA", "OD", "sender-not-entitled"),
        ("KQ", "NL", "key-not-to-fan-out"),
        ("IQ", "TX", "key-not-answered"),
    ],
)
async def test_what_may_not_be_sent_is_answered_by_its_code(
    key: str, destination: str, code: str
) -> None:
    """The network's number and our code; nothing is recorded."""
    bodies = {
        "KQ": (("OLN", "PX1"),),
        "TA": (
            ("ORI", "ORPX00077"), ("AGN", "PRACTICE"), ("LOC", "SALEM"), ("TYP", "PD"),
            ("FAM", "OR/LOCAL/PD"),
        ),
        "SM": (("", "NLETS IN SERVICE"),),
    }  # fmt: skip
    async with running(policy_of(OR, RELEASE)) as host:
        await host.open_line()
        fields = bodies.get(key, (("", "PRACTICE"),))
        await host.send(frame(1, destination, key=MessageKey(key), fields=fields))
        (said,) = told(host)
        assert said.fault is not None
        assert said.fault.code == code
        assert host.leaves(OR, LeafKind.QUERY) == []
