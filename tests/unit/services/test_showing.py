"""What would go out, by command: shown once, to whom a state enrolled, after it is recorded."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from comity.domain.ids import Member
from comity.domain.record_reading import RecordOutcome, RecordReading, SignedRecordReading
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, LeafKind, Outcome
from comity.link.command import CommandFailed, decode_result, encode_command
from comity.link.showing import RecordShown, ShowRecord
from comity.ports import SourceError
from comity.services.accesses import ReadingRepeatedError, RulesChangedError
from comity.services.health import CLOCK_SKEW_NS_MAX
from comity.services.private_records import Records
from comity.services.verdict import ClockSkewedError
from tests.support.exchange import REVIEWER, signed_record_reading
from tests.support.gateway import (
    DENY_ALL,
    ELEMENTS,
    HOLD_ALL,
    HOLD_SECONDS,
    NS,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    driver,
    policy_of,
    running,
    turns,
)
from tests.unit.policy.build import rule
from tests.unit.services.test_verdict import answer, hold, verdict

HELD = policy_of(WA, RELEASE, HOLD_ALL)


async def reading(host: PracticeHost, entry: str, **changes: object) -> SignedRecordReading:
    """The reviewer's signed wish to see what would go out of an open hold, as it stands."""
    row, _ = await host.desk.hold(entry)
    made = RecordReading(
        state=WA,
        hold_entry=entry,
        step=row.next_step,
        reviewer=REVIEWER,
        at=host.clock.now_ns() // NS,
    )
    return signed_record_reading(msgspec.structs.replace(made, **changes))


async def sent(host: PracticeHost, signed: SignedRecordReading) -> RecordShown | CommandFailed:
    """What the gateway answers to a reading, over its bytes."""
    result = decode_result(await host.commands.take(encode_command(ShowRecord(signed=signed))))
    assert isinstance(result, RecordShown | CommandFailed)
    return result


async def shown(host: PracticeHost, entry: str) -> RecordShown:
    """What a reviewer is shown."""
    result = await sent(host, await reading(host, entry))
    assert isinstance(result, RecordShown), result
    return result


async def test_what_is_shown_is_what_an_approval_releases() -> None:
    """Element by element the same; that it was shown is recorded, cites the hold, names nobody."""
    async with running(HELD) as host:
        entry = await hold(host)
        before = host.size(WA)
        found = await shown(host, entry)
        assert (found.outcome, found.elements) == (RecordOutcome.FOUND, ELEMENTS)
        (leaf,) = host.leaves(WA, LeafKind.ACCESS)
        assert (leaf.cites, found.access_entry) == (entry, f"wa/{host.size(WA) - 1}")
        assert host.size(WA) == before + 1
        _, record = await Records(host.store, host.vault).read(WA, before)
        assert dict(record.fields)["record"] == b"found"
        assert dict(record.fields)["classes"] == b"address,identity,status"
        assert host.courier.take() == []
        await host.desk.decide(await verdict(host, entry))
        assert answer(host).elements == found.elements


async def test_a_reading_shows_once() -> None:
    """Whoever sends the same bytes again is shown nothing, and no further leaf is made."""
    async with running(HELD) as host:
        entry = await hold(host)
        signed = await reading(host, entry)
        assert isinstance(await sent(host, signed), RecordShown)
        size = host.size(WA)
        again = await sent(host, signed)
        assert isinstance(again, CommandFailed)
        assert again.code == ReadingRepeatedError.code
        assert host.size(WA) == size
        host.clock.advance_ns(NS)
        assert (await shown(host, entry)).elements == ELEMENTS
        assert host.size(WA) == size + 1


async def test_a_hold_that_moved_on_is_not_shown_by_an_old_reading() -> None:
    """Signed before a question was asked, it is refused after it; signed anew, it shows."""
    async with running(HELD) as host:
        entry = await hold(host)
        old = await reading(host, entry)
        await host.desk.decide(await verdict(host, entry, VerdictKind.ASK))
        refused = await sent(host, old)
        assert isinstance(refused, CommandFailed)
        assert refused.code == "verdict-refused"
        assert host.leaves(WA, LeafKind.ACCESS) == []
        assert (await shown(host, entry)).outcome is RecordOutcome.FOUND


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": OR}, "verdict-refused"),
        ({"state": Member("ny")}, "verdict-refused"),
        ({"hold_entry": "or/2"}, "verdict-refused"),
        ({"hold_entry": "wa/1"}, "hold-closed"),
        ({"reviewer": "Nobody"}, "verdict-refused"),
        ({"at": 1_795_500_000 - 301}, "verdict-refused"),
        ({"step": 7}, "verdict-refused"),
    ],
    ids=["of-oregon", "of-elsewhere", "anothers-hold", "no-hold", "nobody", "old", "step"],
)
async def test_nobody_else_is_shown_anything(changes: dict[str, object], code: str) -> None:
    """Another state's reviewer, another hold, nobody enrolled, another time or step: no leaf."""
    async with running(HELD) as host:
        signed = await reading(host, await hold(host), **changes)
        asked = len(host.source.asked)
        result = await sent(host, signed)
        assert isinstance(result, CommandFailed)
        assert result.code == code
        assert host.leaves(WA, LeafKind.ACCESS) == []
        assert len(host.source.asked) == asked


async def test_what_the_rules_refuse_by_now_is_not_shown() -> None:
    """A class that is denied by now is named with its rule; where all are, nothing is looked up."""
    async with running(HELD) as host:
        entry = await hold(host)
        await host.overtake(
            WA,
            policy_of(
                WA,
                RELEASE,
                HOLD_ALL,
                rule("NO-STREET", Outcome.DENY, data_class=(DataClass.ADDRESS,)),
                version=2,
            ),
        )
        found = await shown(host, entry)
        assert {e.data_class for e in found.elements} == {DataClass.STATUS, DataClass.IDENTITY}
        (refused,) = found.refused
        assert (refused.data_class, refused.reasons[0].rule) == (DataClass.ADDRESS, "NO-STREET")
        await host.overtake(WA, policy_of(WA, DENY_ALL, version=3))
        asked, size = len(host.source.asked), host.size(WA)
        host.clock.advance_ns(NS)
        none = await shown(host, entry)
        assert (none.outcome, none.access_entry) == (RecordOutcome.REFUSED, "")
        assert (len(host.source.asked), host.size(WA)) == (asked, size)


async def test_no_record_is_said_and_recorded() -> None:
    """That nobody is known is itself about a person."""
    async with running(HELD) as host:
        host.source.drivers.clear()
        found = await shown(host, await hold(host))
        assert (found.outcome, found.elements) == (RecordOutcome.NO_RECORD, ())
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 1


async def test_several_records_are_said_and_not_shown() -> None:
    """Of none of them an element is shown, as none would go."""
    async with running(HELD) as host:
        host.source.drivers.append(driver())
        found = await shown(host, await hold(host))
        assert (found.outcome, found.elements) == (RecordOutcome.SEVERAL, ())
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 1


async def test_a_source_that_is_down_shows_and_records_nothing() -> None:
    """An error of its own; the hold stays, and is shown once the source answers."""
    async with running(HELD) as host:
        entry = await hold(host)
        host.source.is_down = True
        result = await sent(host, await reading(host, entry))
        assert isinstance(result, CommandFailed)
        assert result.code == SourceError.code
        assert host.leaves(WA, LeafKind.ACCESS) == []
        host.source.is_down = False
        assert (await shown(host, entry)).outcome is RecordOutcome.FOUND


async def test_free_text_is_shown_whole() -> None:
    """A record that is text alone is one element, as it would go."""
    async with running(HELD) as host:
        entry = await hold(host)
        host.source.is_text = True
        found = await shown(host, entry)
        await host.desk.decide(await verdict(host, entry))
        assert found.elements == answer(host).elements


async def test_a_clock_that_is_not_believed_shows_nothing() -> None:
    """Rules may hang on the hour."""
    async with running(HELD) as host:
        entry = await hold(host)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
        await host.health.check()
        result = await sent(host, await reading(host, entry))
        assert isinstance(result, CommandFailed)
        assert result.code == ClockSkewedError.code
        assert host.leaves(WA, LeafKind.ACCESS) == []


async def test_nothing_is_shown_after_the_holds_end() -> None:
    """Whoever signs after its time is refused."""
    async with running(HELD) as host:
        entry = await hold(host)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        result = await sent(host, await reading(host, entry))
        assert isinstance(result, CommandFailed)
        assert result.code == "hold-closed"


async def test_rules_that_change_while_it_is_looked_up_show_nothing() -> None:
    """What was judged by the old ones is not shown by them: no leaf; asked again, by the new."""
    async with running(HELD) as host:
        entry = await hold(host)
        host.source.hangs[WA] = asyncio.Event()
        waiting = asyncio.create_task(sent(host, await reading(host, entry)))
        while not host.source.asked:
            await turns()
        await host.overtake(WA, policy_of(WA, DENY_ALL, version=2))
        host.source.hangs.pop(WA).set()
        result = await waiting
        assert isinstance(result, CommandFailed)
        assert result.code == RulesChangedError.code
        assert host.leaves(WA, LeafKind.ACCESS) == []
        assert (await shown(host, entry)).outcome is RecordOutcome.REFUSED
