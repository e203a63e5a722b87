"""Quotas: who finds no place at the desk is refused, and nothing else is."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import entry_name
from comity.domain.keys import MessageKey
from comity.domain.leaf import parse_leaf
from comity.domain.planted import Flaw, Planted
from comity.domain.query import Claims, Exchange
from comity.domain.verdict import Verdict, VerdictKind
from comity.domain.vocabulary import DataClass, Emergency, LeafKind, Outcome, Purpose
from comity.exchange.facts import local_day
from comity.link.parcel import Answered
from comity.policy import Quota, QuotaPer, encode_bundle
from comity.policy.block import blocked
from comity.ports import StoreDownError
from comity.review.quotas import takes_place
from comity.services import quotas as module
from comity.services.entries import decode_hold, hold_place
from comity.services.sequencer import BusyError
from comity.services.vault import month_of
from tests.support.exchange import REVIEWER, signed
from tests.support.gateway import (
    AUSTIN,
    HOLD_ALL,
    HOLD_SECONDS,
    NOW,
    NS,
    OR,
    RELEASE,
    SALEM,
    SEATTLE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    driver,
    running,
)
from tests.unit.policy.build import bundle, rule

TWO = Quota(per=QuotaPer.AGENCY, waiting=2)
OF_OREGON: dict[str, Any] = {"origin": OR, "agency": SALEM}
TODAY = local_day(WA, NOW)
TO_MIDNIGHT = 7_200


def made(*quotas: Quota, rules: tuple[Any, ...] = (RELEASE, HOLD_ALL), version: int = 1) -> Any:
    """Washington's rules with these quotas; two for each agency, if none are given."""
    return bundle(*rules, state=WA, version=version, quotas=quotas or (TWO,))


def rules(*quotas: Quota, **changes: Any) -> bytes:
    """The bytes of these rules."""
    return encode_bundle(made(*quotas, **changes))


def about(number: int, **changes: Any) -> Exchange:
    """A query; each number is another one."""
    return ask_of(number, **changes)


async def said(host: PracticeHost, exchange: Exchange) -> Answer:
    """What Washington answers."""
    await host.answer.take(asks(exchange))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel.answer


async def told(host: PracticeHost, *numbers: int, **changes: Any) -> list[ResponseKind]:
    """What Washington answers to some, one after the other."""
    return [(await said(host, about(number, **changes))).response for number in numbers]


async def days(host: PracticeHost, day: int = TODAY) -> list[tuple[str, int, int]]:
    """What the store has of a day."""
    return [(row.agency, row.came, row.refused) for row in await host.store.desk_day(WA, day)]


def later(host: PracticeHost, seconds: int = 1) -> None:
    """Let time pass."""
    host.clock.advance_ns(seconds * NS)


def responses(host: PracticeHost) -> list[ResponseKind]:
    """What was answered, in the order it left."""
    return [each.answer.response for each in host.courier.take() if isinstance(each, Answered)]


async def refuses(host: PracticeHost, number: int) -> None:
    """A reviewer refuses what a query has waiting."""
    (row,) = [
        each
        for each in await host.store.open_holds([WA])
        if each.exchange_id == about(number).exchange_id
    ]
    entry = entry_name(WA, row.leaf_index)
    row, file = await host.desk.hold(entry)
    verdict = Verdict(
        state=WA, exchange_id=file.exchange.exchange_id, hold_entry=entry, step=row.next_step,
        kind=VerdictKind.REFUSE, note="practice", reviewer=REVIEWER,
        at=host.clock.now_ns() // NS,
    )  # fmt: skip
    await host.desk.decide(signed(verdict))
    host.courier.take()


HELD, REFUSED, NO_HIT = ResponseKind.HELD, ResponseKind.REFUSED, ResponseKind.NO_HIT


async def test_what_comes_beyond_the_quota_is_refused() -> None:
    """Two wait, the third is told why and whom to call; its leaf is a denial, and no hold's."""
    async with running(rules()) as host:
        assert await told(host, 1, 2) == [HELD, HELD]
        answer = await said(host, about(3))
        assert (answer.response, answer.is_final, answer.hold) == (REFUSED, True, None)
        first, *behind = answer.withheld[0].reasons
        assert first.rule == "QUOTA"
        assert first.sentence.startswith(
            "2 requests of this agency wait for a person already: ask again when they are decided."
            " Call the state: "
        )
        assert [reason.rule for reason in behind] == ["HOLD"]
        assert len(await host.store.open_holds([WA])) == 2
        leaf = parse_leaf(host.store.tables.leaves[WA][-1][0])
        assert leaf.kind is LeafKind.DENIAL
        assert await days(host) == [(AUSTIN, 2, 1)]


async def test_what_is_released_or_denied_stays_so() -> None:
    """It only restricts: the rest of a record goes, and a denial keeps its own reason."""
    held = rule("HOLD", Outcome.HOLD, data_class=(DataClass.ADDRESS,))
    denied = rule("DENY", Outcome.DENY, data_class=(DataClass.STATUS,))
    async with running(rules(TWO, rules=(RELEASE, held, denied))) as host:
        host.source.drivers.append(driver("PX000001"))
        known = {"fields": (("OLN", "PX000001"),)}
        answers = [await said(host, about(number, **known)) for number in (1, 2, 3)]
        assert [answer.response for answer in answers] == [ResponseKind.HIT] * 3
        assert [answer.hold is None for answer in answers] == [False, False, True]
        found = {part.data_class: part.reasons[0].rule for part in answers[2].withheld}
        assert found == {DataClass.STATUS: "DENY", DataClass.ADDRESS: "QUOTA"}
        assert {part.outcome for part in answers[2].withheld} == {Outcome.DENY}
        first, third = ({e.data_class for e in answers[at].elements} for at in (0, 2))
        assert first == third == {DataClass.IDENTITY}


async def test_another_agency_finds_its_own_places() -> None:
    """One that fills its own drowns nobody's; all below a family together share theirs."""
    async with running(rules()) as host:
        assert await told(host, 1, 2, 3) == [HELD, HELD, REFUSED]
        assert await told(host, 4, 5, 6, **OF_OREGON) == [HELD, HELD, REFUSED]
        assert await days(host) == [(SALEM, 2, 1), (AUSTIN, 2, 1)]
    both = Quota(per=QuotaPer.TOGETHER, agency=("OR/LOCAL", "TX/LOCAL"), waiting=2)
    async with running(rules(both)) as host:
        assert await told(host, 1) == [HELD]
        assert await told(host, 4, 5, **OF_OREGON) == [HELD, REFUSED]
        answer = await said(host, about(2))
        assert "of this group of agencies" in answer.withheld[0].reasons[0].sentence


async def test_whoever_is_not_named_is_not_counted() -> None:
    """And each of several quotas counts for itself: the first that is full says why."""
    async with running(rules(Quota(per=QuotaPer.AGENCY, agency=("OR/LOCAL",), waiting=1))) as host:
        assert await told(host, 1, 2, 3) == [HELD] * 3
    one = Quota(per=QuotaPer.AGENCY, agency=(str(AUSTIN),), waiting=1)
    async with running(rules(TWO, one)) as host:
        assert await told(host, 1, 2) == [HELD, REFUSED]


async def test_a_place_is_free_again_when_its_hold_ends() -> None:
    """Decided or expired; by the rows, looked at once a second at most."""
    async with running(rules(Quota(per=QuotaPer.AGENCY, waiting=2, per_day=9))) as host:
        assert await told(host, 1, 2, 3) == [HELD, HELD, REFUSED]
        await refuses(host, 1)
        assert await told(host, 4) == [REFUSED]
        later(host)
        assert await told(host, 5, 6) == [HELD, REFUSED]
        later(host, HOLD_SECONDS)
        for row in await host.store.open_holds([WA]):
            await host.desk.expire(entry_name(WA, row.leaf_index))
        host.courier.take()
        now = NOW + 1 + HOLD_SECONDS
        assert await told(host, 7, 8, 9, accepted_at=now) == [HELD, HELD, REFUSED]


async def test_the_days_number_is_not_freed() -> None:
    """What was decided came all the same; the next day begins anew."""
    quota = Quota(per=QuotaPer.AGENCY, waiting=2, per_day=3)
    async with running(rules(quota)) as host:
        assert await told(host, 1, 2) == [HELD, HELD]
        await refuses(host, 1)
        await refuses(host, 2)
        later(host)
        assert await told(host, 3) == [HELD]
        answer = await said(host, about(4))
        assert answer.response is REFUSED
        assert (
            answer.withheld[0]
            .reasons[0]
            .sentence.startswith(
                "3 requests of this agency came to a person today already: ask again tomorrow."
            )
        )
        assert await days(host) == [(AUSTIN, 3, 1)]
        later(host, TO_MIDNIGHT)
        now = NOW + TO_MIDNIGHT + 1
        assert await told(host, 5, 6, accepted_at=now) == [HELD, REFUSED]
        assert await days(host, TODAY + 1) == [(AUSTIN, 1, 1)]


async def test_within_a_batch_the_count_moves_with_it() -> None:
    """No two of one envelope, nor of two in flight, take the last place."""
    async with running(rules()) as host:
        await host.answer.take(asks(*map(about, (1, 2, 3, 4))))
        found = responses(host)
        assert sorted(found) == [HELD] * 2 + [REFUSED] * 2
    async with running(rules()) as host:
        await asyncio.gather(*(host.answer.take(asks(about(n))) for n in (1, 2, 3, 4)))
        found = responses(host)
        assert sorted(found) == [HELD] * 2 + [REFUSED] * 2


async def test_a_repeat_takes_no_second_place() -> None:
    """The stored answer, byte for byte, of what was held and of what was refused."""
    async with running(rules()) as host:
        first = [await said(host, about(n)) for n in (1, 2, 3)]
        later(host)
        again = [await said(host, about(n)) for n in (1, 2, 3)]
        assert [each.response for each in again] == [HELD, HELD, REFUSED]
        assert [each.withheld for each in again] == [each.withheld for each in first]
        assert await days(host) == [(AUSTIN, 2, 1)]
        await refuses(host, 1)
        later(host)
        assert await told(host, 4, 5) == [HELD, REFUSED]


async def test_after_a_restart_the_count_is_the_open_holds() -> None:
    """And the day's is what stands of the day."""
    quota = Quota(per=QuotaPer.AGENCY, waiting=2, per_day=4)
    async with running(rules(quota)) as host:
        assert await told(host, 1, 2) == [HELD, HELD]
        await refuses(host, 1)
        disk = host.disk
    async with running(disk=disk) as host:
        assert await told(host, 3, 4) == [HELD, REFUSED]
        await refuses(host, 2)
        await refuses(host, 3)
        later(host)
        assert await told(host, 5, 6) == [HELD, REFUSED]
        assert "came to a person today" not in (await said(host, about(6))).remark
        assert await days(host) == [(AUSTIN, 4, 2)]


@pytest.mark.parametrize("fault", [CommitFault.LOST, CommitFault.PERSISTED])
async def test_a_commit_that_failed_gives_its_place_back(fault: CommitFault) -> None:
    """Failed, and failed but persisted: one place and one of the day, whatever happened."""
    async with running(rules(Quota(per=QuotaPer.AGENCY, waiting=1, per_day=1))) as host:
        host.store.commit_fault = fault
        assert await told(host, 1, 2) == [HELD, REFUSED]
        assert await days(host) == [(AUSTIN, 1, 1)]


async def test_what_was_refused_by_the_ledger_takes_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A queue that is full, an error: whoever comes next finds the place."""
    async with running(rules(Quota(per=QuotaPer.AGENCY, waiting=1, per_day=1))) as host:

        async def busy(_: object) -> object:
            raise BusyError("too much waits")

        with monkeypatch.context() as patch:
            patch.setattr(host.sequencer, "commit", busy)
            await host.answer.take(asks(about(1)))
            host.courier.take()
        assert await told(host, 2, 3) == [HELD, REFUSED]


async def test_a_decision_made_again_under_other_rules_takes_one_place() -> None:
    """Rules that overtake a decision find the place that it took, and their own quotas."""
    async with running(rules(TWO)) as host:
        taking = asyncio.create_task(host.answer.take(asks(about(1), about(2))))
        await host.overtake(WA, rules(Quota(per=QuotaPer.AGENCY, waiting=1), version=2))
        await taking
        found = responses(host)
        assert HELD in found
        assert await told(host, 3) == [REFUSED]


async def test_quotas_that_are_new_count_what_waits_already() -> None:
    """And rules without any refuse nobody, and write no row."""
    async with running(encode_bundle(bundle(RELEASE, HOLD_ALL, state=WA))) as host:
        assert await told(host, 1, 2, 3) == [HELD] * 3
        assert await days(host) == []
        await host.overtake(WA, rules(version=2))
        assert await told(host, 4) == [REFUSED]
        await host.overtake(WA, encode_bundle(bundle(RELEASE, HOLD_ALL, state=WA, version=3)))
        assert await told(host, 5) == [HELD]


async def test_other_numbers_go_on_with_the_same_count() -> None:
    """A quota that is raised finds the places that are taken."""
    async with running(rules()) as host:
        assert await told(host, 1, 2, 3) == [HELD, HELD, REFUSED]
        await host.overtake(WA, rules(Quota(per=QuotaPer.AGENCY, waiting=3), version=2))
        assert await told(host, 4, 5) == [HELD, REFUSED]


async def test_what_a_block_holds_is_neither_counted_nor_refused() -> None:
    """INVARIANT (restriction-never-waits): it is a second person's to make a denial of it."""
    own = blocked(made(Quota(per=QuotaPer.AGENCY, waiting=1)), "WA/LOCAL", "Order 14", NOW + 60)
    local = {"origin": WA, "agency": SEATTLE}
    async with running(encode_bundle(own)) as host:
        assert await told(host, 1, 2, 3, **local) == [HELD] * 3
        answer = await said(host, about(4, **local))
        assert {r.rule for part in answer.withheld for r in part.reasons} >= {"BLOCK-1"}
        assert await days(host) == []


async def test_what_waits_for_an_agency_or_was_a_probe_is_not_counted() -> None:
    """Neither takes a reviewer's time."""
    message = {"key": MessageKey("AM"), "original_key": MessageKey("AM"),
               "fields": (("", "PRACTICE"),)}  # fmt: skip
    async with running(rules(Quota(per=QuotaPer.AGENCY, waiting=1))) as host:
        await host.answer.drill([about(number, probe=True) for number in (1, 2, 3)])
        assert await days(host) == []
        assert await told(host, 4, **message) == [HELD]
        # What a message to people says is held for a person as any other request is.
        assert await told(host, 5) == [REFUSED]


async def test_a_planted_test_case_takes_no_agencys_place() -> None:
    """A reviewer's time it takes; and the next request of the agency is held as before."""
    async with running(rules()) as host:
        assert await told(host, 1) == [HELD]
        (row,) = await host.store.open_holds([WA])
        hold = decode_hold(host.vault.open(WA, row.sealed, hold_place(row.exchange_id, WA)))
        marked = msgspec.structs.replace(hold.exchange, planted=Planted(flaw=Flaw.NO_CASE))
        assert takes_place(hold, ())
        assert not takes_place(msgspec.structs.replace(hold, exchange=marked), ())


async def test_a_declared_emergency_finds_a_place_or_is_told_whom_to_call() -> None:
    """The urgent lane is no hold, and is left alone; what it does not take is counted."""
    declared = {"claims": Claims(operator="JONES", emergency=Emergency.DECLARED,
                                 purpose=Purpose.MISSING_OR_ENDANGERED)}  # fmt: skip
    async with running(rules(Quota(per=QuotaPer.AGENCY, waiting=1))) as host:
        assert await told(host, 1) == [HELD]
        assert await told(host, 2, **declared) == [REFUSED]


async def test_nothing_is_decided_while_the_desk_cannot_be_read() -> None:
    """A store that is down refuses nobody: the origin asks again."""
    async with running(rules()) as host:
        host.store.is_down = True
        with pytest.raises(StoreDownError):
            await host.answer.take(asks(about(1)))
        host.store.is_down = False
        assert await told(host, 1) == [HELD]


async def test_a_hold_that_cannot_be_opened_is_nobodys() -> None:
    """Its month key is gone: it takes no place, its clock ends it, and it is said once."""
    async with running(rules(Quota(per=QuotaPer.AGENCY, waiting=1))) as host:
        assert await told(host, 1) == [HELD]
        disk = host.disk
    disk.keyring.destroy(WA, month_of(NOW))
    async with running(disk=disk) as host:
        assert await told(host, 2) == [HELD]
        assert host.events.counts["hold_not_opened"] == 1


async def test_what_is_counted_of_a_state_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """At it the next one is refused, by whomever."""
    monkeypatch.setattr(module, "PLACES_MAX", 2)
    wide = Quota(per=QuotaPer.AGENCY, waiting=9)
    async with running(rules(wide)) as host:
        assert await told(host, 1, 2, 3) == [HELD, HELD, REFUSED]
        assert await told(host, 4, **OF_OREGON) == [REFUSED]
        await refuses(host, 1)
        later(host)
        assert await told(host, 5) == [HELD]
