"""Budgets: who is counted, once, and nothing released by a count that was lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from comity.adapters.memory.store import CommitFault
from comity.domain.answer import Answer, ResponseKind
from comity.domain.keys import MessageKey
from comity.domain.query import Claims, Exchange
from comity.domain.verdict import Verdict, VerdictKind
from comity.domain.vocabulary import BudgetState, DataClass, LeafKind, Outcome, Purpose
from comity.link.parcel import Answered, Ask
from comity.policy import Budget, BudgetPer, encode_bundle
from comity.ports import StoreDownError
from comity.services import budgets as module
from comity.services.vault import month_of
from tests.support.exchange import REVIEWER, signed
from tests.support.gateway import (
    AUSTIN,
    DENY_ALL,
    NOW,
    NS,
    NUMBER,
    OR,
    RELEASE,
    SALEM,
    SEATTLE_CONTROL,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    driver,
    opened,
    running,
)
from tests.unit.policy.build import bundle, rule

PHOTO_OVER = rule(
    "PHOTOS",
    Outcome.DENY,
    data_class=(DataClass.PHOTO,),
    budget=(BudgetState.PHOTO_OVER, BudgetState.OVER),
)
OVER = rule("SWEEP", Outcome.HOLD, budget=(BudgetState.OVER,))
THREE = Budget(per=BudgetPer.OPERATOR, persons=3, photos=1)
DQ = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
OF_OREGON: dict[str, Any] = {"origin": OR, "agency": SALEM}
TO_MIDNIGHT = 7_200
"""From NOW to the end of Washington's day, in seconds."""


def rules(*budgets: Budget, version: int = 1, over: Any = OVER) -> bytes:
    """Washington's rules with these budgets; three persons, one of them with photo, if none."""
    made = bundle(RELEASE, PHOTO_OVER, over, state=WA, version=version, budgets=budgets or (THREE,))
    return encode_bundle(made)


def about(person: int, number: int = 0, *, by: str = "JONES", **changes: Any) -> Exchange:
    """A query about a person; `number` tells two about the same one apart."""
    claims = Claims(operator=by, purpose=changes.pop("purpose", Purpose.CIVIL_IMMIGRATION))
    fields = (("OLN", f"PX{person:06d}"),)
    given: dict[str, Any] = {"fields": fields, "claims": claims} | changes
    return ask_of(person * 100 + number, **given)


async def said(host: PracticeHost, exchange: Exchange) -> Answer:
    """What Washington answers."""
    await host.answer.take(asks(exchange))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel.answer


async def is_over(host: PracticeHost, exchange: Exchange) -> bool:
    """Whether the budget's rule held it."""
    answer = await said(host, exchange)
    assert answer.response in {ResponseKind.HELD, ResponseKind.NO_HIT}
    return answer.response is ResponseKind.HELD


def counted(host: PracticeHost) -> int:
    """How many persons stand in the store, photos apart."""
    return sum(not row.is_photo for row in host.store.tables.counted)


async def test_the_person_beyond_the_budget_is_over() -> None:
    """The third is within, the fourth is over, and takes no place."""
    async with running(rules()) as host:
        assert [await is_over(host, about(n)) for n in (1, 2, 3, 4, 5)] == [False] * 3 + [True] * 2
        assert counted(host) == 3


async def test_the_same_persons_count_once() -> None:
    """Asked again, under another id or by another key, they take no further place."""
    async with running(rules()) as host:
        for person in (1, 2, 3):
            assert not await is_over(host, about(person))
        for person in (1, 2, 3):
            assert not await is_over(host, about(person, 1))
            assert not await is_over(host, about(person, 2, key=MessageKey("KQ"),
                                                 original_key=MessageKey("KQ")))  # fmt: skip
        assert counted(host) == 3


async def test_photos_have_a_count_of_their_own() -> None:
    """One person with photo is within; the photo of the next is refused, the rest is not."""
    async with running(rules()) as host:
        for person in (1, 2):
            host.source.drivers.append(driver(f"PX{person:06d}"))
        first = await said(host, about(1, wants_image=True))
        assert first.withheld == ()
        second = await said(host, about(2, wants_image=True))
        assert [each.data_class for each in second.withheld] == [DataClass.PHOTO]
        assert second.response is ResponseKind.HIT
        assert [reason.rule for reason in second.withheld[0].reasons] == ["PHOTOS"]
        assert second.withheld[0].would_change == ""
        assert (await said(host, about(1, 1, wants_image=True))).withheld == ()
        assert (await said(host, about(2, 1))).withheld == ()


async def test_another_operator_has_a_count_of_its_own() -> None:
    """And operators whom their agency does not name have one together."""
    async with running(rules()) as host:
        for person in (1, 2, 3):
            assert not await is_over(host, about(person))
            assert not await is_over(host, about(person, 1, by=""))
        assert await is_over(host, about(4))
        assert await is_over(host, about(4, 1, by=""))
        assert not await is_over(host, about(4, 2, by="SMITH"))


async def test_an_agencys_budget_counts_all_its_operators() -> None:
    """Whoever of it asks; another agency is another count."""
    async with running(rules(Budget(per=BudgetPer.AGENCY, persons=2))) as host:
        assert not await is_over(host, about(1, by="JONES"))
        assert not await is_over(host, about(2, by="SMITH"))
        assert await is_over(host, about(3, by="BROWN"))
        assert not await is_over(host, about(3, 1, by="BROWN", **OF_OREGON))


@pytest.mark.parametrize(
    ("budget", "changes", "counts"),
    [
        ({"agency": ("TX/LOCAL",)}, {}, True),
        ({"agency": ("OR/LOCAL",)}, {}, False),
        ({"agency": (str(AUSTIN),)}, {}, True),
        ({"agency": ("OR/LOCAL",)}, OF_OREGON, True),
        ({"purpose": (Purpose.CIVIL_IMMIGRATION,)}, {}, True),
        ({"purpose": (Purpose.NOT_STATED,)}, {}, False),
        ({"purpose": (Purpose.NOT_STATED,)}, {"purpose": Purpose.NOT_STATED}, True),
    ],
)
async def test_a_budget_is_for_whom_and_what_it_names(
    budget: dict[str, Any], changes: dict[str, Any], counts: bool
) -> None:
    """Families with all below them, single agencies, stated purposes."""
    async with running(rules(Budget(per=BudgetPer.OPERATOR, persons=1, **budget))) as host:
        assert not await is_over(host, about(1, **changes))
        assert await is_over(host, about(2, **changes)) is counts


async def test_what_was_refused_counts_too() -> None:
    """Asking is what is limited, whatever came of it."""
    async with running(rules(over=DENY_ALL)) as host:
        for person in (1, 2, 3):
            assert (await said(host, about(person))).response is ResponseKind.REFUSED
        assert counted(host) == 3


async def test_probes_and_messages_do_not_count() -> None:
    """A drill is nobody's question, and a message to people asks about nobody in the records."""
    async with running(rules()) as host:
        await host.answer.drill([about(n, probe=True) for n in range(1, 6)])
        text = (("TXT", "PRACTICE"),)
        for number in range(1, 6):
            key = MessageKey("AM")
            message = about(number, 1, key=key, original_key=key, fields=text)
            await host.answer.take(asks(message))
        assert counted(host) == 0
        host.courier.take()
        assert not await is_over(host, about(9))


async def test_whether_a_query_may_leave_is_not_counted() -> None:
    """Oregon is asked if its own officer's inquiry may go: that asks nobody about its records."""
    every = Budget(per=BudgetPer.AGENCY, persons=1)
    made = bundle(RELEASE, OVER, state=OR, budgets=(every,))
    inquiry = MessageKey("IAQ")
    own: dict[str, Any] = {"state": OR, "origin": OR, "agency": SALEM}
    async with running(encode_bundle(made)) as host:
        for number in (1, 2, 3):
            leaving = about(number, key=inquiry, original_key=inquiry, **own)
            await host.answer.take(asks(leaving))
        assert counted(host) == 0
        await host.answer.take(asks(about(4, **own)))
        assert counted(host) == 1


async def test_a_count_survives_the_host() -> None:
    """After a crash the rows are the count: those who have a place keep it, and no more fit in."""
    disk = Disk()
    async with running(rules(), disk=None) as host:
        disk = host.disk
        for person in (1, 2, 3):
            assert not await is_over(host, about(person))
    async with running(disk=disk) as host:
        assert await is_over(host, about(4))
        assert not await is_over(host, about(2, 1))
        assert counted(host) == 3


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_place_is_durable_with_its_leaf(fault: CommitFault) -> None:
    """Whatever goes wrong with the commit: one leaf, one place, also for who starts next."""
    async with running(rules()) as host:
        host.store.commit_fault = fault
        assert not await is_over(host, about(1))
        assert (len(host.leaves(WA, LeafKind.DISCLOSURE)), counted(host)) == (1, 1)
        disk = host.disk
    async with running(disk=disk) as host:
        assert [await is_over(host, about(n)) for n in (2, 3, 4)] == [False, False, True]


async def test_two_in_flight_do_not_share_the_last_place() -> None:
    """Places are taken before anything is waited for."""
    async with running(rules(Budget(per=BudgetPer.OPERATOR, persons=1))) as host:
        await asyncio.gather(*(host.answer.take(asks(about(n))) for n in (1, 2)))
        parcels = [p for p in host.courier.take() if isinstance(p, Answered)]
        told = sorted(parcel.answer.response for parcel in parcels)
        assert told == sorted([ResponseKind.HELD, ResponseKind.NO_HIT])
        assert counted(host) == 1


async def test_two_in_one_envelope_do_not_share_it_either() -> None:
    """Nor does it matter that they are decided together."""
    async with running(rules(Budget(per=BudgetPer.OPERATOR, persons=1))) as host:
        await host.answer.take(opened(*(Ask(exchange=about(n)) for n in (1, 2, 1, 3))))
        assert counted(host) == 1
        assert len(host.leaves(WA, LeafKind.HOLD)) == 2


async def test_the_next_day_is_fresh() -> None:
    """The day is the state's own; yesterday's rows go with the upkeep, and not before."""
    async with running(rules()) as host:
        for person in (1, 2, 3, 4):
            await is_over(host, about(person))
        host.clock.advance_ns((TO_MIDNIGHT - 1) * NS)
        assert await is_over(host, about(5))
        host.clock.advance_ns(NS)
        assert not await is_over(host, about(4, 1, accepted_at=NOW + TO_MIDNIGHT))
        assert counted(host) == 4
        await host.store.expire(NOW + TO_MIDNIGHT, [])
        assert counted(host) == 4
        await host.store.expire(NOW + TO_MIDNIGHT + 86_400, [])
        assert counted(host) == 1
        await host.store.expire(NOW + TO_MIDNIGHT + 2 * 86_400, [])
        assert (counted(host), host.store.tables.counted_keys) == (0, {})


async def test_a_repeat_of_yesterday_is_not_counted_today() -> None:
    """It gets its stored answer, and its person has no place in the new day."""
    async with running(rules()) as host:
        first = await said(host, about(1))
        host.clock.advance_ns(TO_MIDNIGHT * NS)
        assert await said(host, about(1)) == first
        late = NOW + TO_MIDNIGHT
        told = [await is_over(host, about(n, accepted_at=late)) for n in (2, 3, 4, 5)]
        assert told == [False, False, False, True]


async def test_what_is_asked_of_its_own_desks_is_told_once_and_not_counted() -> None:
    """An announcement of yesterday, sent again, is answered once; it asks about nobody."""
    status = MessageKey("SM")
    async with running(rules(Budget(per=BudgetPer.AGENCY, persons=1))) as host:
        said_down = about(
            1,
            key=status,
            original_key=status,
            origin=WA,
            agency=SEATTLE_CONTROL,
            fields=(("TXT", "OUT OF SERVICE"),),
        )
        await host.answer.take(asks(said_down))
        first = host.courier.take()
        host.clock.advance_ns(TO_MIDNIGHT * NS)
        await host.answer.take(asks(said_down))
        assert (len(first), len(host.courier.take())) == (1, 1)
        assert counted(host) == 0


async def approval_of_a_sweep(host: PracticeHost, overtaken: bytes | None = None) -> Answer:
    """What a reviewer's approval of the fourth person brings, under the rules then in force."""
    for person in (1, 2, 3):
        await is_over(host, about(person))
    answer = await said(host, about(4, fields=(("OLN", NUMBER),)))
    assert answer.hold is not None
    if overtaken is not None:
        await host.overtake(WA, overtaken)
    row, file = await host.desk.hold(answer.hold.entry)
    assert file.budget is BudgetState.OVER
    verdict = Verdict(
        state=WA,
        exchange_id=file.exchange.exchange_id,
        hold_entry=answer.hold.entry,
        step=row.next_step,
        kind=VerdictKind.APPROVE,
        approved=DQ,
        note="practice",
        reviewer=REVIEWER,
        at=NOW,
    )
    await host.desk.decide(signed(verdict))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel.answer


async def test_an_approval_does_not_fail_by_the_day() -> None:
    """A held sweep can be approved, person by person, and takes no place by it."""
    async with running(rules()) as host:
        assert (await approval_of_a_sweep(host)).response is ResponseKind.HIT
        assert counted(host) == 3


async def test_an_approval_asks_in_the_state_that_was_counted() -> None:
    """INVARIANT (review-is-verified): rules that deny who is over deny what was over when asked."""
    async with running(rules()) as host:
        denies = rule("SWEEP", Outcome.DENY, budget=(BudgetState.OVER,))
        answer = await approval_of_a_sweep(host, rules(version=2, over=denies))
        assert answer.response is ResponseKind.REFUSED


async def test_other_numbers_go_on_with_the_same_count() -> None:
    """A budget that is raised in the middle of the day counts whom it has counted."""
    more = Budget(per=BudgetPer.OPERATOR, persons=4)
    async with running(rules(THREE)) as host:
        for person in (1, 2, 3, 4):
            await is_over(host, about(person))
        await host.overtake(WA, rules(more, version=2))
        assert not await is_over(host, about(1, 1))
        assert [await is_over(host, about(n)) for n in (5, 6)] == [False, True]


async def test_a_decision_made_again_under_other_rules_counts_once() -> None:
    """Rules that overtake a decision find the place that it took, and their own budgets."""
    async with running(rules(Budget(per=BudgetPer.AGENCY, persons=1))) as host:
        taking = asyncio.create_task(host.answer.take(asks(about(1), about(2))))
        await host.overtake(WA, rules(THREE, version=2))
        await taking
        parcels = [p for p in host.courier.take() if isinstance(p, Answered)]
        assert [p.answer.response for p in parcels] == [ResponseKind.NO_HIT] * 2
        assert not await is_over(host, about(3))
        assert await is_over(host, about(4))


async def test_who_cannot_be_counted_is_over() -> None:
    """INVARIANT (fail-closed): without the day's key nobody is released to whom a budget is for."""
    other = Budget(per=BudgetPer.OPERATOR, agency=("OR/LOCAL",), persons=3)
    async with running(rules(other)) as host:
        assert not await is_over(host, about(1, **OF_OREGON))
        disk = host.disk
    disk.keyring.destroy(WA, month_of(NOW))
    async with running(disk=disk) as host:
        assert await is_over(host, about(1, 1, **OF_OREGON))
        assert not await is_over(host, about(1, 2))
        assert host.events.counts["budget_not_counted"] >= 1


async def test_nothing_is_decided_while_the_day_cannot_be_read() -> None:
    """A store that is down refuses nobody: the origin asks again, and is counted then."""
    async with running(rules()) as host:
        host.store.is_down = True
        with pytest.raises(StoreDownError):
            await host.answer.take(asks(about(1)))
        assert host.courier.take() == []
        host.store.is_down = False
        assert not await is_over(host, about(1))


async def test_what_is_held_at_once_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it everyone new is over, a further operator too; a host that starts over says so."""
    monkeypatch.setattr(module, "PLACES_MAX", 3)
    async with running(rules()) as host:
        assert [await is_over(host, about(n)) for n in (1, 2, 3)] == [False, False, True]
        assert not await is_over(host, about(1, 1))
        assert await is_over(host, about(1, 2, by="SMITH"))
        disk = host.disk
    monkeypatch.setattr(module, "PLACES_MAX", 1)
    async with running(disk=disk) as host:
        assert await is_over(host, about(1, 3))
        codes = [
            said.get("code") for event, said in host.log.written if event == "budget_not_counted"
        ]
        assert codes == ["budget-room"]


async def test_what_is_kept_holds_nobody() -> None:
    """INVARIANT (public-bytes-hold-no-person): rows are hashes, under a key that rests sealed."""
    name = (("NAM", "EXAMPLE,JANE"), ("DOB", "19900102"), ("SEX", "F"))
    async with running(rules()) as host:
        await is_over(host, about(1, fields=name))
        (row,) = host.store.tables.counted
        kept = b"".join((row.budget, row.scope, row.person))
        assert len(kept) == 8 + 16 + 16
        (key,) = host.store.tables.counted_keys.values()
        opened_key = host.vault.open(WA, key, (b"counted", b"wa", b"%d" % row.day))
        assert opened_key not in key.body
        host.clock.advance_ns(TO_MIDNIGHT * NS)
        await is_over(host, about(1, 1, fields=name, accepted_at=NOW + TO_MIDNIGHT))
        first, second = host.store.tables.counted
        # Whoever has both days' rows cannot tell that it is the same person and operator.
        assert first.person != second.person
        assert first.scope != second.scope


async def test_members_without_budgets_have_no_rows() -> None:
    """Nothing is counted, opened or written for them."""
    plain = encode_bundle(bundle(RELEASE, state=WA))
    async with running(plain) as host:
        await said(host, about(1))
        assert (counted(host), host.store.tables.counted_keys) == (0, {})
