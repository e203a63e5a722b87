"""Demands at a gateway: registered, acted on by one or two, told of in time, opening nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from comity.domain.answer import ResponseKind
from comity.domain.demands import DemandActKind, SignedDemandAct
from comity.domain.ids import entry_name, parse_entry_name
from comity.domain.keeping import KeepingReason, Order, OrderAct, SignedOrder, month_name
from comity.domain.vocabulary import Instrument, LeafKind
from comity.link.command import CommandDone, CommandFailed, decode_result, encode_command
from comity.link.demands import ActOnDemand, RegisterDemand
from comity.ports import DutyKind
from comity.review.calendars import calendar_of
from comity.review.demands import (
    DEMANDS_OPEN_MAX,
    DemandEndedError,
    DemandError,
    DemandPersonError,
    DemandUnknownError,
    answer_day,
    answer_end,
)
from comity.review.instruments import InstrumentError, InstrumentUnknownError
from comity.review.keeping import DemandOpenError
from comity.review.orders import OrderRefusedError
from comity.services import demands as module
from comity.services.demand_book import DemandBook
from comity.services.demands import DemandsFullError
from comity.services.health import CLOCK_SKEW_NS_MAX
from comity.services.private_records import RecordGoneError, Records
from comity.services.sequencer import NotOwnedError
from comity.services.vault import month_of
from tests.support.demands import (
    ANSWER_BY,
    SERVED_ON,
    act,
    handed_over,
    moved,
    signed_act,
    signed_handing,
    subpoena,
)
from tests.support.exchange import ENROLLED, NOW, SUPERVISOR, signed_order
from tests.support.gateway import NS, RELEASE, WA, Disk, PracticeHost, policy_of, running
from tests.support.instruments import (
    CLAIMED,
    instrument,
    revoked,
    signed_instrument,
    signed_verification,
    verification,
)
from tests.unit.services.test_instruments import OPENED, asked
from tests.unit.services.test_succession import checkpoint_of, grow, next_life, succeed

OPEN = policy_of(WA, RELEASE)
DAY = 86_400
CALENDAR = calendar_of(WA)


def ordered(what: OrderAct, at: int = NOW, **fields: Any) -> SignedOrder:
    """An order on Washington's keys or records that two people signed."""
    made = Order(state=WA, act=what, reason=KeepingReason.COURT_ORDER, at=at, **fields)
    return signed_order(made, ENROLLED.name, SUPERVISOR.name)


async def one(host: PracticeHost, entry: str) -> Any:
    """A demand as its book has it."""
    return await DemandBook(host.store, host.vault).one(*parse_entry_name(entry))


async def objected(host: PracticeHost, entry: str, **changes: Any) -> str:
    """An objection, recorded."""
    made = act(entry, DemandActKind.OBJECTED, **changes)
    return await host.review.demands.act(signed_act(made))


async def ended(host: PracticeHost, entry: str) -> str:
    """A demand that was withdrawn, recorded."""
    return await host.review.demands.act(signed_act(act(entry, DemandActKind.WITHDRAWN)))


async def test_a_demand_is_registered_with_its_leaf() -> None:
    """The public leaf says that one came, and as what; the row says when it is to be answered."""
    async with running(OPEN) as host:
        entry = await host.review.demands.register(subpoena())
        (leaf,) = host.leaves(WA, LeafKind.INSTRUMENT)
        assert (leaf.instrument, leaf.agency, leaf.cites) == (Instrument.COURT_SUBPOENA, None, None)
        known = await one(host, entry)
        assert known.entry == entry
        assert known.file.registered == subpoena()
        assert known.row.answer_by == answer_end(ANSWER_BY, CALENDAR)
        assert host.store.tables.instruments == {}


async def test_the_same_paper_is_one_demand() -> None:
    """However often and by whom it is sent; another number, another demand; after its end, too."""
    async with running(OPEN) as host:
        register = host.review.demands.register
        entry = await register(subpoena())
        assert await register(subpoena()) == entry
        assert await register(subpoena(at=NOW + 1, note="again")) == entry
        assert await register(subpoena(number="26-2-00115-1")) != entry
        await ended(host, entry)
        assert await register(subpoena(at=NOW + 2)) != entry


async def test_days_that_a_paper_gives_are_counted_here_too() -> None:
    """A day that another calendar came to is refused."""
    async with running(OPEN) as host:
        last = answer_day(SERVED_ON, 10, is_business=True, calendar=CALENDAR)
        with pytest.raises(DemandError, match="calendar"):
            await host.review.demands.register(
                subpoena(days=10, is_business=True, answer_by=last + timedelta(days=1))
            )
        assert host.leaves(WA, LeafKind.INSTRUMENT) == []
        await host.review.demands.register(subpoena(days=10, is_business=True, answer_by=last))


async def test_so_many_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is refused, until one has ended."""
    assert DEMANDS_OPEN_MAX == 1_000
    monkeypatch.setattr(module, "DEMANDS_OPEN_MAX", 2)
    async with running(OPEN) as host:
        register = host.review.demands.register
        entry = await register(subpoena())
        await register(subpoena(number="2"))
        with pytest.raises(DemandsFullError):
            await register(subpoena(number="3"))
        await ended(host, entry)
        await register(subpoena(number="3"))


async def test_one_person_objects_and_ends_it() -> None:
    """The objection has no leaf; the leaf of the end commits to it."""
    async with running(OPEN) as host:
        entry = await host.review.demands.register(subpoena())
        size = host.size(WA)
        assert await objected(host, entry, note="Overbroad") == entry
        assert host.size(WA) == size
        known = await one(host, entry)
        assert [each.act.act for each in known.file.acts] == [DemandActKind.OBJECTED]
        closed = await ended(host, entry)
        last = host.leaves(WA, LeafKind.INSTRUMENT)[-1]
        assert (last.instrument, last.cites) == (Instrument.NONE, entry)
        _, record = await Records(host.store, host.vault).read(*parse_entry_name(closed))
        said = dict(record.fields)
        acts = msgspec.json.decode(said["acts"], type=tuple[SignedDemandAct, ...])
        assert [each.act.act for each in acts] == [DemandActKind.OBJECTED, DemandActKind.WITHDRAWN]
        assert not (await one(host, entry)).is_open


async def test_what_is_handed_over_takes_two_and_has_its_leaf() -> None:
    """Nothing stands by one person's word; the second makes it an access, the last one the end."""
    async with running(OPEN) as host:
        entry = await host.review.demands.register(subpoena())
        one_person = act(entry, DemandActKind.HANDED_OVER, handed=handed_over())
        with pytest.raises(DemandPersonError):
            await host.review.demands.act(signed_act(one_person))
        assert (await one(host, entry)).file.acts == ()
        leaf = await host.review.demands.act(signed_handing(entry))
        (access,) = host.leaves(WA, LeafKind.ACCESS)
        assert (access.cites, access.released) == (entry, handed_over().classes)
        known = await one(host, entry)
        assert known.is_open
        assert [entry_name(WA, at) for at in known.row.handed] == [leaf]
        last = signed_handing(entry, handed_over(is_last=True, what="The rest"), at=NOW + 1)
        await host.review.demands.act(last)
        assert [header.kind for header in host.leaves(WA)[-2:]] == [
            LeafKind.ACCESS,
            LeafKind.INSTRUMENT,
        ]
        known = await one(host, entry)
        assert not known.is_open
        assert len(known.row.handed) == 2


async def test_an_act_that_is_sent_again_gets_what_it_got() -> None:
    """Of each kind, also after the end; nothing is recorded twice."""
    async with running(OPEN) as host:
        desk = host.review.demands
        entry = await desk.register(subpoena())
        acts = [
            signed_act(act(entry, DemandActKind.OBJECTED)),
            signed_handing(entry),
            signed_act(act(entry, DemandActKind.ANSWERED, at=NOW + 1)),
        ]
        first = [await desk.act(each) for each in acts]
        size = host.size(WA)
        assert [await desk.act(each) for each in acts] == first
        assert (host.size(WA), len(set(first))) == (size, 3)


async def test_after_its_end_nothing_more_is_done() -> None:
    """Nor is there another end."""
    async with running(OPEN) as host:
        entry = await host.review.demands.register(subpoena())
        await ended(host, entry)
        for each in (
            signed_act(act(entry, DemandActKind.OBJECTED)),
            signed_act(act(entry, DemandActKind.QUASHED)),
            signed_handing(entry),
        ):
            with pytest.raises(DemandEndedError):
                await host.review.demands.act(each)


@pytest.mark.parametrize("entry", ["wa/0", "wa/999", "or/1"])
async def test_what_is_no_demand_is_acted_on_by_nobody(entry: str) -> None:
    """Another leaf, none, another state's."""
    async with running(OPEN) as host:
        await host.review.demands.register(subpoena())
        with pytest.raises(DemandUnknownError):
            await objected(host, entry)


async def test_a_demand_opens_nothing() -> None:
    """It is no basis of a release, open or ended, and is not verified, revoked or used as one."""
    async with running(OPENED) as host:
        kind = CLAIMED.instrument
        entry = await host.review.demands.register(
            subpoena(kind=kind, number=CLAIMED.instrument_ref)
        )
        assert (await asked(host, 1)).response is ResponseKind.HELD
        desk = host.review.instruments
        with pytest.raises(InstrumentUnknownError):
            await desk.verify(signed_verification(verification(entry)))
        with pytest.raises(InstrumentUnknownError):
            await desk.revoke(revoked(entry))
        await host.review.demands.act(signed_handing(entry, handed_over(is_last=True)))
        assert (await asked(host, 2)).response is ResponseKind.HELD
        await desk.load([WA])
        assert await desk.standing(WA) == []
        assert not desk.stands(entry)
        assert (await asked(host, 3)).response is ResponseKind.HELD
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []


async def test_an_instrument_is_no_demand() -> None:
    """What an agency's paper is registered as is not acted on as a demand, nor cited by one."""
    async with running(OPENED) as host:
        entry = await host.review.instruments.register(signed_instrument(instrument()))
        with pytest.raises(DemandUnknownError):
            await ended(host, entry)
        own = await host.review.demands.register(subpoena())
        with pytest.raises(InstrumentError):
            await host.review.instruments.register(
                signed_instrument(instrument(number="X-1", hold_entry=own))
            )


async def test_somebody_is_told_in_time_and_once() -> None:
    """A week and two days before, and when it is over; after a restart nobody is told again."""
    disk = Disk()
    end = answer_end(ANSWER_BY, CALENDAR)

    async def kinds(host: PracticeHost, at: int) -> list[str]:
        host.clock.advance_ns(at * NS - host.clock.now_ns())
        await host.review.demands.warn()
        await host.review.demands.warn()
        return [row.kind for row in await host.store.duties([WA], 9)]

    async with running(OPEN, disk=disk) as host:
        await host.publish(OPEN)
        entry = await host.review.demands.register(subpoena())
        size = host.size(WA)
        assert await kinds(host, NOW + 1) == []
        assert await kinds(host, end - 7 * DAY) == [DutyKind.PAGE_DEMAND_DUE]
        assert await kinds(host, end - DAY) == [DutyKind.PAGE_DEMAND_DUE] * 2
        (duty, _) = await host.store.duties([WA], 9)
        assert duty.about.startswith(f"{entry.upper()}, by ")
        assert "Doe" not in duty.about
        assert host.size(WA) == size
    async with running(disk=disk) as host:
        over = [DutyKind.PAGE_DEMAND_DUE] * 2 + [DutyKind.PAGE_DEMAND_OVERDUE]
        assert await kinds(host, end + 1) == over
        assert await kinds(host, end + 9 * DAY) == over


async def test_a_day_that_is_moved_is_told_of_anew() -> None:
    """And one that has ended is not."""
    async with running(OPEN) as host:
        entry = await host.review.demands.register(subpoena(answer_by=SERVED_ON))
        other = await host.review.demands.register(subpoena(answer_by=SERVED_ON, number="2"))
        await ended(host, other)
        assert await host.review.demands.warn() == 1
        await host.review.demands.act(signed_act(moved(entry, ANSWER_BY)))
        assert await host.review.demands.warn() == 0
        await host.review.demands.act(
            signed_act(msgspec.structs.replace(moved(entry, SERVED_ON), note="back"))
        )
        assert await host.review.demands.warn() == 1


async def test_nobody_is_told_by_a_clock_in_doubt() -> None:
    """What is due is told of once the clock agrees again."""
    async with running(OPEN) as host:
        await host.review.demands.register(subpoena(answer_by=SERVED_ON))
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
        await host.health.check()
        assert await host.review.demands.warn() == 0
        host.store.clock_ahead_ns = 0
        await host.health.check()
        assert await host.review.demands.warn() == 1


async def test_another_ledgers_demands_are_left_alone() -> None:
    """A host that does not own a ledger any more tells nobody, and changes no row of it."""
    async with running(OPEN) as host:
        entry = await host.review.demands.register(subpoena(answer_by=SERVED_ON))
        host.sequencer.release(WA)
        assert await host.review.demands.warn() == 0
        with pytest.raises(NotOwnedError):
            await objected(host, entry)
        assert (await one(host, entry)).whole().acts == ()


async def test_the_month_of_an_open_demand_keeps_its_key() -> None:
    """That of its leaf and that of its last act; once it has ended, the schedule goes on."""
    async with running(OPEN) as host:
        entry = await host.review.demands.register(subpoena())
        made = month_of(NOW)
        later = NOW + 70 * DAY
        host.clock.advance_ns(70 * DAY * NS)
        await host.health.check()
        months = (month_name(made),)
        with pytest.raises(DemandOpenError):
            await host.keeping.carry_out(ordered(OrderAct.DESTROY, later, months=months))
        await host.review.demands.act(signed_act(act(entry, DemandActKind.QUASHED, at=later)))
        await host.keeping.carry_out(ordered(OrderAct.DESTROY, later, months=months))
        known = await one(host, entry)
        assert known.file is not None  # The last act's month keeps what is kept of it.
        assert made not in host.keeping.keys(WA)


async def test_one_that_cannot_be_read_is_shown_as_such() -> None:
    """Its key is gone: the row and the leaf stay, nothing is done about it unread."""
    async with running(OPEN) as host:
        entry = await host.review.demands.register(subpoena())
        host.disk.keyring.destroy(WA, month_of(NOW))
        known = await one(host, entry)
        assert (known.file, known.is_open) == (None, True)
        with pytest.raises(RecordGoneError):
            await objected(host, entry)
        assert [each.entry for each in await DemandBook(host.store, host.vault).open(WA, 9)] == [
            entry
        ]


async def test_what_was_handed_over_is_not_expunged_or_withdrawn() -> None:
    """A court checks by it; a mere reading of the demand's record is another matter."""
    async with running(OPEN) as host:
        entry = await host.review.demands.register(subpoena())
        leaf = await host.review.demands.act(signed_handing(entry))
        for what, cited in (
            (OrderAct.EXPUNGE, leaf),
            (OrderAct.REDACT, leaf),
            (OrderAct.EXPUNGE, entry),
        ):
            with pytest.raises(OrderRefusedError):
                await host.keeping.carry_out(ordered(what, entry=cited))


async def test_a_succession_carries_the_register() -> None:
    """One that ended beyond the cut is open, one beyond it registered again; both can be ended."""
    async with running(OPEN) as host:
        await grow(host, 3)
        below = await host.review.demands.register(subpoena())
        note, size, root = await checkpoint_of(host)
        beyond = await host.review.demands.register(subpoena(number="2"))
        await host.review.demands.act(signed_handing(beyond))
        await ended(host, below)
        await grow(host, 2)
        done = await succeed(host, note, size, root)
        again = await next_life(host)
        try:
            book = DemandBook(again.store, again.vault)
            known = {each.entry: each for each in await book.open(WA, 9)}
            assert below in known
            (carried,) = known.keys() - {below}
            assert carried in done.again
            assert parse_entry_name(carried)[1] > size
            assert known[carried].row.handed == (None,)
            assert known[carried].whole().registered == subpoena(number="2")
            header = again.leaves(WA)[parse_entry_name(carried)[1]]
            assert (header.kind, header.instrument) == (
                LeafKind.INSTRUMENT,
                Instrument.COURT_SUBPOENA,
            )
            await ended(again, carried)
            await again.review.demands.act(
                signed_act(act(below, DemandActKind.QUASHED, at=NOW + 1))
            )
            assert await book.open(WA, 9) == []
        finally:
            await again.crash()


async def test_commands_carry_it_out() -> None:
    """What comes over the link is the same; a refusal says its code."""
    async with running(OPEN) as host:
        reply = await host.commands.take(encode_command(RegisterDemand(signed=subpoena())))
        done = decode_result(reply)
        assert isinstance(done, CommandDone)
        made = signed_act(act(done.entry, DemandActKind.ANSWERED))
        reply = await host.commands.take(encode_command(ActOnDemand(signed=made)))
        assert isinstance(decode_result(reply), CommandDone)
        other = signed_act(act(done.entry, DemandActKind.QUASHED))
        failed = decode_result(await host.commands.take(encode_command(ActOnDemand(signed=other))))
        assert isinstance(failed, CommandFailed)
        assert failed.code == "demand-ended"
