"""Orders on keys and records: who may give them, what speaks against them, what they do, once."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
import pytest

from comity.adapters.errors import KeySafeError
from comity.adapters.memory.secrets import MemoryKeyring, MemorySafe
from comity.adapters.memory.store import CommitFault
from comity.audit.tree import audit_tree
from comity.domain.ids import ExchangeId, LeafIndex, Member
from comity.domain.keeping import (
    KEPT_DAYS,
    KeepingReason,
    KeyEventKind,
    Order,
    OrderAct,
    SignedOrder,
    month_name,
    parse_key_event,
)
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.ledger.note import encode_vkey
from comity.link.command import (
    AskKeys,
    CarryOut,
    Command,
    CommandDone,
    CommandFailed,
    CommandResult,
    KeysShown,
    MonthView,
    decode_result,
    encode_command,
)
from comity.ports import EVERY_MONTH, KEY_GENERATION, DelayedRow, LostKeyError
from comity.services.entries import private_place
from comity.services.export import export_ledger
from comity.services.vault import decode_private, month_of
from tests.support.exchange import REVIEWER, SUPERVISOR, signed_order
from tests.support.gateway import (
    HOLD_ALL,
    NOW,
    NS,
    OR,
    RELEASE,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    note_entry,
    policy_of,
    running,
)

OPEN = policy_of(WA, RELEASE)
HELD = policy_of(WA, RELEASE, HOLD_ALL)
SECOND = SUPERVISOR.name
BOTH = (REVIEWER, SECOND)
MONTH = month_of(NOW)
THIS, OLD = month_name(MONTH), month_name(MONTH - 1)
DAY_NS = 86_400 * NS
REASON = KeepingReason.RECORD_CORRECTION


def order(act: OrderAct, **fields: Any) -> Order:
    """An order of Washington's people, given now."""
    values: dict[str, Any] = {"reason": REASON, "matter": "Case 26-1", "at": NOW}
    return Order(state=WA, act=act, **(values | fields))


def signed(act: OrderAct, *persons: str, **fields: Any) -> SignedOrder:
    """The order, signed by these people, by both where none is named."""
    return signed_order(order(act, **fields), *(persons or BOTH))


async def carry_out(host: PracticeHost, command: Command) -> CommandResult:
    """The result of a command, by its bytes."""
    return decode_result(await host.commands.take(encode_command(command)))


async def done(host: PracticeHost, wanted: SignedOrder) -> int:
    """Have an order carried out; return the index of its leaf."""
    result = await carry_out(host, CarryOut(signed=wanted))
    assert isinstance(result, CommandDone), result
    assert result.facts == ()
    return int(result.entry.removeprefix("wa/"))


async def refused(host: PracticeHost, wanted: SignedOrder) -> str:
    """The code that an order is refused with; it leaves no leaf, and all keys are there."""
    before = host.size(WA), dict(host.disk.keyring.wrapped)
    result = await carry_out(host, CarryOut(signed=wanted))
    assert isinstance(result, CommandFailed), result
    assert before == (host.size(WA), host.disk.keyring.wrapped)
    return result.code


async def shown(host: PracticeHost) -> KeysShown:
    """Where Washington's keys stand."""
    result = await carry_out(host, AskKeys(member=WA))
    assert isinstance(result, KeysShown)
    return result


def events(host: PracticeHost, member: Member = WA) -> list[KeyEventKind]:
    """The kinds of a ledger's key events, each held against its leaf's digest."""
    tables = host.store.tables
    kinds = []
    for (name, index), _ in sorted(tables.key_events.items()):
        if name == member:
            body = tables.documents[name, index].body
            assert host.leaves(member)[index].digest == sha256(body).digest()
            kinds.append(parse_key_event(body).event)
    return kinds


def seal_old(host: PracticeHost, month: int = MONTH - 1) -> None:
    """Give Washington a key of a month before."""
    keyring = host.disk.keyring
    keyring.seal(WA, keyring.number(WA, month), b"n" * 12, b"data", b"place")


def past(host: PracticeHost, days: int = KEPT_DAYS) -> None:
    """Let the month before be over for so long that nothing of it is in use."""
    host.clock.advance_ns(days * DAY_NS)


def at(host: PracticeHost) -> int:
    """The time by the host's clock."""
    return host.clock.now_ns() // NS


async def answered(host: PracticeHost, number: int = 1) -> int:
    """Let Washington answer an exchange; return the index of its outcome."""
    await host.answer.take(asks(ask_of(number)))
    host.courier.take()
    return host.size(WA) - 1


async def test_an_old_month_is_destroyed_by_two_people() -> None:
    """The leaf says so, the private record by whom, and what the key sealed opens never again."""
    async with running(OPEN) as host:
        seal_old(host)
        past(host)
        index = await done(host, signed(OrderAct.DESTROY, months=(OLD,), at=at(host)))
        assert events(host) == [KeyEventKind.DESTROYED]
        assert MONTH - 1 not in host.disk.keyring.keys(WA)
        row = await host.store.private_row(WA, index)
        assert row is not None
        leaf_hash = host.store.tables.leaves[WA][index][1]
        _, fields = decode_private(
            host.vault.open(WA, row.sealed, private_place(WA, index, leaf_hash))
        )
        said = {name: value.decode() for name, value in fields}
        assert said["persons"] == f"{REVIEWER},{SECOND}"
        assert said["matter"] == "Case 26-1"
        assert '"act":"destroy"' in said["order"]
        assert all(row.is_done for row in await host.store.key_events(WA))


@pytest.mark.parametrize("act", sorted({OrderAct.DESTROY, OrderAct.EXPUNGE, OrderAct.REDACT}))
async def test_what_cannot_be_undone_takes_two_people(act: OrderAct) -> None:
    """One person, or one person twice, is not enough."""
    fields = {"months": (OLD,)} if act is OrderAct.DESTROY else {"entry": "wa/1"}
    async with running(OPEN) as host:
        seal_old(host)
        past(host)
        once = signed(act, REVIEWER, at=at(host), **fields)
        twice = signed(act, SECOND, SECOND, at=at(host), **fields)
        assert await refused(host, once) == "second-person-missing"
        assert await refused(host, twice) == "second-person-missing"


async def test_an_order_is_only_what_was_signed() -> None:
    """Another month under the same signatures, or a person who is not enrolled: refused."""
    async with running(OPEN) as host:
        seal_old(host)
        past(host)
        good = signed(OrderAct.DESTROY, months=(OLD,), at=at(host))
        other = msgspec.structs.replace(good.order, months=(month_name(MONTH - 2),))
        altered = msgspec.structs.replace(good, order=other)
        assert await refused(host, altered) == "order-refused"
        first, second = good.signatures
        stranger = msgspec.structs.replace(second, name="Somebody Else")
        unknown = msgspec.structs.replace(good, signatures=(first, stranger))
        assert await refused(host, unknown) == "order-refused"


async def test_an_order_counts_for_a_day_and_once() -> None:
    """A day later it is nothing any more; sent again at once it does nothing."""
    async with running(OPEN) as host:
        held = signed(OrderAct.HOLD, REVIEWER)
        assert await done(host, held) == host.size(WA) - 1
        assert await refused(host, held) == "order-used"
        late = signed(OrderAct.HOLD, REVIEWER, months=(OLD,))
        host.clock.advance_ns(DAY_NS + NS)
        assert await refused(host, late) == "order-expired"


async def test_a_used_order_stays_used_after_a_crash() -> None:
    """The ledger knows it, not the process."""
    disk = Disk()
    async with running(OPEN, disk=None) as first:
        disk = first.disk
        held = signed(OrderAct.HOLD, REVIEWER)
        await done(first, held)
    async with running(disk=disk) as host:
        assert await refused(host, held) == "order-used"


@pytest.mark.parametrize("months", [None, (OLD,), (month_name(MONTH - 3), OLD)])
async def test_a_litigation_hold_keeps_keys(months: tuple[str, ...] | None) -> None:
    """A month that is held is not destroyed until the hold is ended, by two people."""
    async with running(OPEN) as host:
        seal_old(host)
        past(host)
        index = await done(host, signed(OrderAct.HOLD, REVIEWER, months=months, at=at(host)))
        destroy = signed(OrderAct.DESTROY, months=(OLD,), at=at(host))
        assert await refused(host, destroy) == "key-under-hold"
        end = {"entry": f"wa/{index}", "at": at(host)}
        assert (
            await refused(host, signed(OrderAct.END_HOLD, SECOND, **end)) == "second-person-missing"
        )
        await done(host, signed(OrderAct.END_HOLD, **end))
        await done(host, destroy)
        assert events(host) == [
            KeyEventKind.HELD,
            KeyEventKind.HOLD_ENDED,
            KeyEventKind.DESTROYED,
        ]


async def test_one_of_two_holds_is_enough() -> None:
    """Ending one hold leaves the other; a hold that does not stand cannot be ended."""
    async with running(OPEN) as host:
        seal_old(host)
        past(host)
        first = await done(host, signed(OrderAct.HOLD, REVIEWER, months=(OLD,), at=at(host)))
        await done(host, signed(OrderAct.HOLD, SECOND, at=at(host)))
        end = signed(OrderAct.END_HOLD, entry=f"wa/{first}", at=at(host))
        await done(host, end)
        destroy = signed(OrderAct.DESTROY, months=(OLD,), at=at(host))
        assert await refused(host, destroy) == "key-under-hold"
        again = signed(OrderAct.END_HOLD, entry=f"wa/{first}", at=at(host) - 1)
        assert await refused(host, again) == "hold-unknown"


async def test_a_month_in_use_is_not_destroyed() -> None:
    """This month, and the last one until what it answered can not be repeated any more."""
    async with running(OPEN) as host:
        await answered(host)
        seal_old(host)
        for months in ((THIS,), (OLD, THIS)):
            wanted = signed(OrderAct.DESTROY, months=months, at=at(host))
            assert await refused(host, wanted) == "key-in-use"


async def test_a_month_without_a_key_is_not_destroyed() -> None:
    """An order that would do nothing is a mistake."""
    async with running(OPEN) as host:
        past(host)
        wanted = signed(OrderAct.DESTROY, months=(month_name(MONTH - 7),), at=at(host))
        assert await refused(host, wanted) == "key-unknown"


async def test_a_month_with_sealed_detail_is_not_destroyed() -> None:
    """What was promised to be opened is opened first."""
    async with running(OPEN) as host:
        seal_old(host)
        past(host)
        row = DelayedRow(member=WA, leaf_index=LeafIndex(0), made_month=MONTH - 1, opens_at=NOW)
        host.store.tables.delayed[WA, 0] = row
        wanted = signed(OrderAct.DESTROY, months=(OLD,), at=at(host))
        assert await refused(host, wanted) == "detail-not-opened"
        host.store.tables.revealed.add((WA, row.leaf_index))
        await done(host, wanted)


async def test_a_clock_that_is_off_destroys_nothing() -> None:
    """By it a month could be over that is not."""
    async with running(OPEN) as host:
        seal_old(host)
        past(host)
        host.store.clock_ahead_ns = 3 * NS
        await host.health.check()
        wanted = signed(OrderAct.DESTROY, months=(OLD,), at=at(host))
        assert await refused(host, wanted) == "clock-skewed"


async def test_a_rotated_month_goes_on_under_a_new_key() -> None:
    """What stands opens as before; each rotation is a generation."""
    async with running(OPEN) as host:
        first = await answered(host, 1)
        await done(host, signed(OrderAct.ROTATE, REVIEWER, months=(THIS,)))
        await done(host, signed(OrderAct.ROTATE, REVIEWER, months=(THIS,), at=NOW + 1))
        second = await answered(host, 2)
        rows = [await host.store.private_row(WA, index) for index in (first, second)]
        numbers = [row.sealed.key_number for row in rows if row is not None]
        assert numbers == [MONTH, 2 * KEY_GENERATION + MONTH]
        for index, row in zip((first, second), rows, strict=True):
            assert row is not None
            place = private_place(WA, index, host.store.tables.leaves[WA][index][1])
            assert host.vault.open(WA, row.sealed, place)
        assert (
            await refused(host, signed(OrderAct.ROTATE, REVIEWER, months=(OLD,))) == "key-unknown"
        )


async def test_a_lost_key_is_declared_and_left_behind() -> None:
    """A key that is there is not lost; once it is, the month goes on under another."""
    async with running(OPEN) as host:
        index = await answered(host)
        lost = signed(OrderAct.DECLARE_LOST, REVIEWER, months=(THIS,))
        assert await refused(host, lost) == "key-not-lost"
        del host.disk.keyring.wrapped[WA, MONTH]
        # Its own leaf is sealed too: under a key that the keyring makes for it.
        assert await done(host, lost) > index
        assert events(host) == [KeyEventKind.LOST]
        row = await host.store.private_row(WA, index)
        assert row is not None
        assert host.disk.keyring.number(WA, MONTH) == KEY_GENERATION + MONTH


async def test_an_expungement_takes_record_and_answer() -> None:
    """The leaf stays; the exchange's rows are gone, and only that exchange's."""
    async with running(OPEN) as host:
        first, second = await answered(host, 1), await answered(host, 2)
        before = host.store.tables.leaves[WA][first]
        await done(host, signed(OrderAct.EXPUNGE, entry=f"wa/{first}"))
        assert host.store.tables.leaves[WA][first] == before
        assert await host.store.private_row(WA, first) is None
        assert await host.store.private_row(WA, second) is not None
        keys = [(ExchangeId(ask_of(n).exchange_id), WA) for n in (1, 2)]
        assert len(await host.store.answers(keys)) == 1
        again = signed(OrderAct.EXPUNGE, entry=f"wa/{first}", at=NOW + 1)
        assert await refused(host, again) == "order-refused"
        assert events(host) == [KeyEventKind.EXPUNGED]


async def test_a_repeat_of_what_was_expunged_gets_nothing_and_is_not_decided_again() -> None:
    """The ledger still knows the exchange; its answer is gone for everybody."""
    async with running(OPEN) as host:
        index = await answered(host)
        await done(host, signed(OrderAct.EXPUNGE, entry=f"wa/{index}"))
        size = host.size(WA)
        await host.answer.take(asks(ask_of(1)))
        assert host.courier.take() == []
        assert host.size(WA) == size


async def test_an_open_exchange_is_not_expunged() -> None:
    """A hold that waits would never end."""
    async with running(HELD) as host:
        index = await answered(host)
        wanted = signed(OrderAct.EXPUNGE, entry=f"wa/{index}")
        assert await refused(host, wanted) == "key-in-use"


@pytest.mark.parametrize("act", [OrderAct.EXPUNGE, OrderAct.REDACT])
async def test_what_others_check_by_and_what_is_held_stays(act: OrderAct) -> None:
    """Policies, orders, leaves that are none; anything of a month under a hold."""
    async with running(OPEN) as host:
        index = await answered(host)
        held = await done(host, signed(OrderAct.HOLD, REVIEWER, months=(THIS,)))
        policy = next(n for n, leaf in enumerate(host.leaves(WA)) if leaf.kind is LeafKind.POLICY)
        for entry in (policy, held, 10_000):
            assert await refused(host, signed(act, entry=f"wa/{entry}")) == "order-refused"
        assert await refused(host, signed(act, entry=f"wa/{index}")) == "key-under-hold"


async def full(host: PracticeHost) -> None:
    """Let Washington's first bundle be full, and the second begun."""
    await host.sequencer.commit([note_entry(host.disk) for _ in range(300)])


async def test_a_redaction_withdraws_a_leaf_and_its_bundle() -> None:
    """Bytes gone, hash there; the export leaves the bundle out and the audit accepts that."""
    async with running(OPEN) as host:
        index = await answered(host)
        wanted = signed(OrderAct.REDACT, entry=f"wa/{index}")
        assert await refused(host, wanted) == "bundle-needed"
        await full(host)
        leaf_hash = host.store.tables.leaves[WA][index][1]
        by = await done(host, wanted)
        assert parse_leaf(host.store.tables.leaves[WA][by][0]).cites == f"wa/{index}"
        assert host.store.tables.leaves[WA][index] == (b"", leaf_hash)
        await host.checkpoints.check(WA)
        await host.checkpoints.sign_all()
        documents: dict[str, bytes] = {}
        key = host.ledger_keys.of(WA)[1]
        await export_ledger(host.store, WA, key, documents.__setitem__)
        assert "tile/entries/000" not in documents
        assert "tile/0/000" in documents
        report = audit_tree(documents.__getitem__, encode_vkey(key))
        assert (report.findings, report.bundles_withdrawn) == ((), (0,))
        await host.answer.take(asks(ask_of(1)))
        assert host.courier.take() == []


async def test_a_bundle_that_accounts_for_another_is_kept() -> None:
    """The redaction leaf in it is what others know the first one by."""
    async with running(OPEN) as host:
        index = await answered(host)
        await full(host)
        await done(host, signed(OrderAct.REDACT, entry=f"wa/{index}"))
        second = await answered(host, 2)
        await full(host)
        wanted = signed(OrderAct.REDACT, entry=f"wa/{second}")
        assert await refused(host, wanted) == "bundle-needed"


async def test_the_schedule_destroys_what_is_past_it() -> None:
    """Each month with a leaf of its own; what is held or in use stays, and is said to be due."""
    async with running(OPEN) as host:
        for month in (MONTH - 4, MONTH - 3, MONTH - 2, MONTH - 1):
            seal_old(host, month)
        await done(host, signed(OrderAct.SCHEDULE, keep_months=1))
        held = await done(host, signed(OrderAct.HOLD, REVIEWER, months=(month_name(MONTH - 3),)))
        await host.keeping.keep_schedule([WA])
        assert events(host)[2:] == [KeyEventKind.DESTROYED, KeyEventKind.DESTROYED]
        assert host.disk.keyring.keys(WA) == [MONTH - 3, MONTH - 1, MONTH]
        size = host.size(WA)
        await host.keeping.keep_schedule([WA])
        assert host.size(WA) == size
        result = await shown(host)
        assert (result.keep_months, result.schedule) == (1, f"wa/{held - 1}")
        assert result.holds == ((f"wa/{held}", (month_name(MONTH - 3),)),)
        gone = [(view.month, view.gone_by) for view in result.months if view.gone]
        assert [month for month, _ in gone] == [month_name(MONTH - 4), month_name(MONTH - 2)]
        assert result.months[1] == MonthView(
            month=month_name(MONTH - 3),
            keys=1,
            held_by=f"wa/{held}",
            is_due=True,
            against="key-under-hold",
        )
        assert not result.months[3].is_due


async def test_without_a_schedule_nothing_is_due() -> None:
    """No state's records go because nobody said how long they stay."""
    async with running(OPEN) as host:
        seal_old(host, MONTH - 500)
        await host.keeping.keep_schedule([WA, OR])
        assert events(host) == []
        assert [view.is_due for view in (await shown(host)).months] == [False, False]


async def test_months_held_are_told_to_what_lets_rows_go() -> None:
    """By member; all of a member whose events cannot be read."""
    async with running(OPEN) as host:
        assert await host.keeping.held([OR, WA]) == []
        await done(host, signed(OrderAct.HOLD, REVIEWER, months=(OLD, THIS)))
        assert await host.keeping.held([OR, WA]) == [(WA, MONTH - 1), (WA, MONTH)]
        await done(host, signed(OrderAct.HOLD, SECOND))
        assert (WA, EVERY_MONTH) in await host.keeping.held([WA])
        place = next(iter(host.store.tables.key_events))
        row = host.store.tables.documents[place]
        host.store.tables.documents[place] = msgspec.structs.replace(row, body=b"{}")
        assert await host.keeping.held([OR, WA]) == [(WA, EVERY_MONTH)]
        assert await refused(host, signed(OrderAct.SCHEDULE, keep_months=1)) == (
            "key-event-malformed"
        )


async def test_a_start_does_what_was_committed_and_not_done() -> None:
    """A device that is away, a crash between the leaf and the act: done by the next start."""
    disk = Disk()
    safe = MemorySafe(disk.entropy)
    disk.keyring = MemoryKeyring(disk.entropy, safe)
    async with running(disk=disk) as host:
        await host.publish(OPEN)
        seal_old(host)
        past(host)
        wanted = signed(OrderAct.DESTROY, months=(OLD,), at=at(host))
        # The month that seals is in memory nowhere: let only the destruction fail.
        destroy = safe.destroy
        safe.destroy = _away  # type: ignore[method-assign,assignment]
        result = await carry_out(host, CarryOut(signed=wanted))
        assert isinstance(result, CommandDone)
        assert result.facts == (("waits_for", "key-safe-unavailable"),)
        assert MONTH - 1 in disk.keyring.keys(WA)
        safe.destroy = destroy  # type: ignore[method-assign]
    async with running(disk=disk) as host:
        await host.keeping.take_up([OR, WA])
        assert MONTH - 1 not in disk.keyring.keys(WA)
        assert events(host) == [KeyEventKind.DESTROYED]
        assert all(row.is_done for row in await host.store.key_events(WA))


def _away(_member: Member, _month: int) -> bool:
    raise KeySafeError("the key device is away")


async def test_a_destroyed_key_does_not_come_back_with_an_old_keyring() -> None:
    """A copy that is put back is destroyed again at the start, and somebody is told."""
    async with running(OPEN) as host:
        seal_old(host)
        past(host)
        copy = dict(host.disk.keyring.wrapped)
        await done(host, signed(OrderAct.DESTROY, months=(OLD,), at=at(host)))
        host.disk.keyring.wrapped.update(copy)
        await host.keeping.take_up([WA])
        assert MONTH - 1 not in host.disk.keyring.keys(WA)
        assert host.events.counts["destroyed_keys_came_back"] == 1
        with pytest.raises(LostKeyError):
            host.disk.keyring._cipher(WA, MONTH - 1, make=False)


async def test_a_commit_whose_word_was_lost_is_carried_out() -> None:
    """The sequencer finds that it persisted; the act follows once."""
    async with running(OPEN) as host:
        seal_old(host)
        past(host)
        wanted = signed(OrderAct.DESTROY, months=(OLD,), at=at(host))
        host.store.commit_fault = CommitFault.PERSISTED
        await done(host, wanted)
        assert events(host) == [KeyEventKind.DESTROYED]
        assert MONTH - 1 not in host.disk.keyring.keys(WA)
        assert await refused(host, wanted) == "order-used"


async def test_a_commit_that_failed_is_tried_again_before_anything_is_destroyed() -> None:
    """Nothing goes without its leaf."""
    async with running(OPEN) as host:
        seal_old(host)
        past(host)
        host.store.commit_fault = CommitFault.LOST
        await done(host, signed(OrderAct.DESTROY, months=(OLD,), at=at(host)))
        assert events(host) == [KeyEventKind.DESTROYED]


async def test_a_succession_is_no_order_of_this_desk() -> None:
    """It has its own command, with the gateway's part stopped."""
    async with running(OPEN) as host:
        wanted = signed(OrderAct.SUCCEED, entry="wa/1", root=bytes(32))
        assert await refused(host, wanted) == "order-refused"
