"""Calls back on a hold: recorded, known to the next reviewer, and not told to who asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.domain.answer import ResponseKind
from comity.domain.call_back import CALLS_MAX, CallOutcome, call_note
from comity.domain.errors import ComityError
from comity.domain.ids import parse_entry_name
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind
from comity.link.command import HoldsShown, encode_result
from comity.link.errors import CommandMalformedError
from comity.review.call_backs import CALLED_REMARK, CallBackNumberError, CallBacksFullError
from comity.review.conflicts import ConflictError
from comity.review.past import Became, tally_of
from comity.review.signatures import VerdictError
from comity.review.verdicts import HoldClosedError
from comity.services.past_decisions import PastDecisions
from comity.services.private_records import Records
from comity.services.recorded_calls import recorded_calls
from comity.services.review_queue import ReviewQueue
from comity.services.second_person import BETWEEN_LEAVES_MAX
from tests.support.exchange import ENROLLED
from tests.support.gateway import HOLD_SECONDS, NS, WA, PracticeHost, running
from tests.unit.services.test_conflict_of_interest import read, step_back
from tests.unit.services.test_second_review import (
    DQ,
    HELD,
    ONE,
    OTHER,
    PLAIN,
    Person,
    by,
    hold,
    nothing_went,
    proposed,
    told,
)
from tests.unit.services.test_urgent import PHONE, with_phone

ASK = VerdictKind.ASK
NUMBER = PHONE
SAID = "Sergeant Example: nobody of ours asks for Avery Example."


async def call(
    host: PracticeHost,
    entry: str,
    outcome: CallOutcome = CallOutcome.CONFIRMED,
    person: Person = ONE,
    number: str = NUMBER,
) -> str:
    """Let a reviewer record a call; return its leaf's entry."""
    note = call_note(number, outcome, SAID)
    done = await host.desk.decide(await by(host, person, entry, kind=ASK, note=note))
    assert (done.response, done.released) == (ResponseKind.HELD, ())
    return done.entry


@asynccontextmanager
async def listed(phone: str = NUMBER) -> AsyncIterator[PracticeHost]:
    """A host whose directory has this number of the agency that asks."""
    async with running(HELD) as host:
        with_phone(host, phone)
        yield host


def queue_of(host: PracticeHost) -> ReviewQueue:
    """The queue as the console reads it."""
    return ReviewQueue(store=host.store, vault=host.vault, events=host.events)


async def test_a_call_is_a_leaf_and_tells_the_agency_nothing_of_it() -> None:
    """Still held until the same time; the agency reads that its number was called, no more."""
    async with listed() as host:
        entry = await hold(host)
        before, _ = await host.desk.hold(entry)
        made = await call(host, entry, CallOutcome.DENIED)
        answer = told(host)
        assert (answer.response, answer.is_final, answer.elements) == (ResponseKind.HELD, False, ())
        assert answer.hold is not None
        assert (answer.hold.until, answer.hold.entry) == (before.until, entry)
        assert answer.remark == CALLED_REMARK
        whole = msgspec.json.encode(answer).decode().lower()
        for word in ("sergeant", "avery", "denied", NUMBER, ENROLLED.name.lower()):
            assert word not in whole
        (leaf,) = host.leaves(WA, LeafKind.VERDICT)
        assert (leaf.decision, leaf.released, leaf.cites) == (LeafDecision.ASK, (), entry)
        assert made == f"wa/{host.size(WA) - 1}"
        after, _ = await host.desk.hold(entry)
        assert (after.until, after.next_step) == (before.until, before.next_step + 1)
        # It waits for its state as before, and for no reply; nobody passed it on.
        assert (after.asked_at, after.passed_at, host.source.asked) == (None, None, [])
        assert after.passed is not None
        assert b"Avery" not in after.passed.body


async def test_the_next_reviewer_is_shown_it_with_the_case() -> None:
    """When, by whom, the number, what came of it and the words; a list shows none of it."""
    async with listed() as host:
        entry = await hold(host)
        await call(host, entry, CallOutcome.UNREACHED)
        await call(host, entry, CallOutcome.DENIED, OTHER)
        shown = await read(host, entry, OTHER)
        assert isinstance(shown, HoldsShown)
        (view,) = shown.holds
        now = host.clock.now_ns() // NS
        assert [(c.reviewer, c.at, c.number, c.outcome, c.said) for c in view.calls] == [
            (ENROLLED.name, now, NUMBER, CallOutcome.UNREACHED, SAID),
            (OTHER[0].name, now, NUMBER, CallOutcome.DENIED, SAID),
        ]
        assert shown.access_entry
        every = await read(host, "", OTHER)
        assert isinstance(every, HoldsShown)
        assert [each.calls for each in every.holds] == [()]


async def test_a_call_that_no_note_can_hold_is_not_shown() -> None:
    """A gateway's word in another form is no result."""
    async with listed() as host:
        entry = await hold(host)
        await call(host, entry)
        shown = await read(host, entry, OTHER)
        assert isinstance(shown, HoldsShown)
        (view,) = shown.holds
        for changes in ({"number": "five"}, {"said": ""}, {"at": -1}):
            calls = (msgspec.structs.replace(view.calls[0], **changes),)
            other = msgspec.structs.replace(view, calls=calls)
            with pytest.raises(CommandMalformedError):
                encode_result(msgspec.structs.replace(shown, holds=(other,)))


@pytest.mark.parametrize("number", ["555-0112", "555 0111", "5550111", "1"])
async def test_another_number_is_refused(number: str) -> None:
    """Nothing is recorded and nothing said; the number of the directory still can be called."""
    async with listed() as host:
        entry = await hold(host)
        size = host.size(WA)
        with pytest.raises(CallBackNumberError) as refused:
            await call(host, entry, number=number)
        assert number not in str(refused.value)
        assert (host.size(WA), host.courier.take()) == (size, [])
        await call(host, entry)


async def test_the_directory_in_force_says_which_number() -> None:
    """The number of before counts no more; an agency without one cannot be called back."""
    async with running(HELD) as host:
        entry = await hold(host)
        with pytest.raises(CallBackNumberError, match="no number"):
            await call(host, entry)
        assert host.leaves(WA, LeafKind.VERDICT) == []
        with_phone(host, "555-0142")
        with pytest.raises(CallBackNumberError, match="not the agency's number"):
            await call(host, entry)
        await call(host, entry, number="555-0142")


async def test_a_misspelt_call_is_refused() -> None:
    """It does not go to the agency as a question."""
    async with listed() as host:
        entry = await hold(host)
        size = host.size(WA)
        for note in ("call-back: 555-0100; confirmed", f"Call back: {NUMBER}; denied; no"):
            with pytest.raises(VerdictError):
                await host.desk.decide(await by(host, ONE, entry, kind=ASK, note=note))
        assert (host.size(WA), host.courier.take()) == (size, [])


async def test_an_altered_call_is_refused() -> None:
    """What came of it stands under the signature, as every verdict does."""
    async with listed() as host:
        entry = await hold(host)
        note = call_note(NUMBER, CallOutcome.DENIED, SAID)
        signed = await by(host, ONE, entry, kind=ASK, note=note)
        other = msgspec.structs.replace(signed.verdict, note=note.replace("denied", "confirmed"))
        with pytest.raises(VerdictError):
            await host.desk.decide(msgspec.structs.replace(signed, verdict=other))
        await host.desk.decide(signed)
        # The same bytes again name a step that is past.
        with pytest.raises(VerdictError):
            await host.desk.decide(signed)


async def test_a_hold_has_sixteen_calls_and_is_decided_behind_them() -> None:
    """The seventeenth is refused; the hold is not shut by it."""
    async with listed() as host:
        entry = await hold(host)
        for _ in range(CALLS_MAX):
            await call(host, entry, CallOutcome.UNREACHED)
        size = host.size(WA)
        with pytest.raises(CallBacksFullError):
            await call(host, entry)
        assert host.size(WA) == size
        host.courier.take()
        await host.desk.decide(await by(host, OTHER, entry, PLAIN))
        assert told(host).response is ResponseKind.HIT


async def test_a_call_does_not_lengthen_a_hold() -> None:
    """Its last second is the one it had; then none is recorded."""
    async with listed() as host:
        entry = await hold(host)
        await call(host, entry)
        late = await by(host, ONE, entry, kind=ASK, note=call_note(NUMBER, CallOutcome.DENIED, "x"))
        host.clock.advance_ns(HOLD_SECONDS * NS)
        with pytest.raises((HoldClosedError, VerdictError)):
            await host.desk.decide(late)
        assert await host.desk.expire(entry)


async def test_an_earlier_question_waits_on() -> None:
    """A call is no reply: what the agency was asked before it is asked still."""
    async with listed() as host:
        entry = await hold(host)
        await host.desk.decide(await by(host, ONE, entry, kind=ASK, note="Which car?"))
        asked, _ = await host.desk.hold(entry)
        await call(host, entry)
        after, _ = await host.desk.hold(entry)
        assert after.asked_at == asked.asked_at is not None


async def test_who_stepped_back_records_no_call() -> None:
    """A declaration bars a call too, and stays known behind the calls of others."""
    async with listed() as host:
        entry = await hold(host)
        await step_back(host, entry)
        with pytest.raises(ConflictError):
            await call(host, entry)
        await call(host, entry, person=OTHER)
        with pytest.raises(ConflictError):
            await host.desk.decide(await by(host, ONE, entry, kind=VerdictKind.REFUSE))
        row, _ = await host.desk.hold(entry)
        (passed,) = queue_of(host).passed_by(row)
        assert passed.reviewer == ENROLLED.name
        assert [each.reviewer for each in queue_of(host).calls_on(row)] == [OTHER[0].name]


async def test_calls_are_not_what_was_passed_on() -> None:
    """A supervisor is handed nothing, and the list says nothing of them."""
    async with listed() as host:
        entry = await hold(host)
        await call(host, entry)
        queue = queue_of(host)
        assert await queue.passed_on(WA, lambda _: None) == []
        row, _ = await host.desk.hold(entry)
        assert queue.item(row, lambda _: None).passed == ()


@pytest.mark.parametrize("outcome", [CallOutcome.CONFIRMED, CallOutcome.UNREACHED])
async def test_a_proposal_stands_behind_a_call(outcome: CallOutcome) -> None:
    """Who is to confirm a release can ring first; that one person signed it twice helps nobody."""
    async with listed() as host:
        entry = await proposed(host)
        await call(host, entry, outcome, OTHER)
        await call(host, entry, outcome, ONE)
        told_of = host.courier.take()
        assert len(told_of) == 2
        row, _ = await host.desk.hold(entry)
        assert queue_of(host).item(row, lambda _: None).is_proposed
        with pytest.raises(ComityError, match="does not confirm"):
            await host.desk.decide(await by(host, ONE, entry))
        assert nothing_went(host)
        await host.desk.decide(await by(host, OTHER, entry))
        assert {each.data_class for each in told(host).elements} == set(DQ)


async def test_a_denied_call_puts_a_proposal_aside() -> None:
    """It was made without knowing of that: the next approval is the first of two again."""
    async with listed() as host:
        entry = await proposed(host)
        await call(host, entry, CallOutcome.DENIED, OTHER)
        await call(host, entry, CallOutcome.CONFIRMED, OTHER)
        host.courier.take()
        row, _ = await host.desk.hold(entry)
        assert not queue_of(host).item(row, lambda _: None).is_proposed
        await host.desk.decide(await by(host, OTHER, entry))
        assert told(host).response is ResponseKind.HELD
        assert nothing_went(host)


async def test_another_verdict_behind_a_proposal_puts_it_aside_for_good() -> None:
    """Calls around a question do not bring back what the question ended."""
    async with listed() as host:
        entry = await proposed(host)
        await call(host, entry, person=OTHER)
        await host.desk.decide(await by(host, OTHER, entry, kind=ASK))
        await call(host, entry, person=OTHER)
        host.courier.take()
        await host.desk.decide(await by(host, OTHER, entry))
        assert told(host).response is ResponseKind.HELD
        assert nothing_went(host)


async def test_it_is_no_decision() -> None:
    """In public it is one more question: no share, no ending, and nothing to look at again."""
    async with listed() as host:
        entry = await hold(host)
        await call(host, entry, CallOutcome.DENIED)
        now = host.clock.now_ns
        past = await PastDecisions(store=host.store, rows=host.store, now=lambda: now() / NS).read(
            WA
        )
        (found,) = past.decisions
        assert (found.became, found.is_chosen, found.released) == (Became.ASKED, False, ())
        assert tally_of(past.decisions).ended == 0


async def test_it_is_read_again_once_the_hold_has_ended() -> None:
    """From the leaves on that hold alone, in their order; a plain question is none of them."""
    async with listed() as host:
        other, entry = await hold(host, 2), await hold(host)
        await call(host, other, CallOutcome.CONFIRMED)
        await host.desk.decide(await by(host, ONE, entry, kind=ASK, note="Which car?"))
        await call(host, entry, CallOutcome.UNREACHED)
        made = await call(host, entry, CallOutcome.DENIED, OTHER)
        done = await host.desk.decide(await by(host, ONE, entry, kind=VerdictKind.REFUSE))
        places = parse_entry_name(entry)[1], parse_entry_name(done.entry)[1]
        records = Records(host.store, host.vault)
        found = await recorded_calls(host.store, records, WA, *places)
        assert [each.outcome for each in found.calls] == [CallOutcome.UNREACHED, CallOutcome.DENIED]
        assert found.is_whole
        # The verdict that ended the hold is not opened for it.
        ended = host.store.tables.private.pop((WA, places[1]))
        assert (await recorded_calls(host.store, records, WA, *places)).is_whole
        host.store.tables.private[WA, places[1]] = ended
        del host.store.tables.private[WA, parse_entry_name(made)[1]]
        found = await recorded_calls(host.store, records, WA, *places)
        assert [each.outcome for each in found.calls] == [CallOutcome.UNREACHED]
        assert not found.is_whole
        far = type(places[0])(places[0] + BETWEEN_LEAVES_MAX + 1)
        assert not (await recorded_calls(host.store, records, WA, places[0], far)).is_whole


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_call_whose_commit_fails_is_one_call(fault: CommitFault) -> None:
    """Failed or persisted unknown: one leaf, and one call beside the hold."""
    async with listed() as host:
        entry = await hold(host)
        signed = await by(
            host, ONE, entry, kind=ASK, note=call_note(NUMBER, CallOutcome.DENIED, SAID)
        )
        host.store.commit_fault = fault
        await host.desk.decide(signed)
        assert told(host).remark == CALLED_REMARK
        row, _ = await host.desk.hold(entry)
        assert len(host.desk.beside.calls(row)) == 1
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1


async def test_what_cannot_be_opened_lets_nobody_decide() -> None:
    """INVARIANT (fail-closed): calls lie with the declarations; neither is guessed."""
    async with listed() as host:
        entry = await hold(host)
        await call(host, entry, CallOutcome.DENIED)
        place = next(p for p, row in host.store.tables.holds.items() if row.passed is not None)
        row = host.store.tables.holds[place]
        assert row.passed is not None
        broken = msgspec.structs.replace(row.passed, body=b"\0" * len(row.passed.body))
        host.store.tables.holds[place] = msgspec.structs.replace(row, passed=broken)
        size = host.size(WA)
        for verdict in (
            await by(host, OTHER, entry, (DataClass.STATUS,)),
            await by(host, OTHER, entry, kind=ASK, note=call_note(NUMBER, CallOutcome.DENIED, "x")),
        ):
            with pytest.raises(ComityError):
                await host.desk.decide(verdict)
        assert (host.size(WA), nothing_went(host)) == (size, True)
        assert queue_of(host).calls_on(host.store.tables.holds[place]) == ()
