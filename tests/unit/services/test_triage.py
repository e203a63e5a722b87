"""The queue sorted: counts beside each value, what matches in the queue's order, nobody named."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from comity.domain.agency import Family
from comity.domain.ids import ORI, entry_name
from comity.domain.query import Claims
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, Emergency, Instrument, Outcome
from comity.policy import encode_bundle
from comity.ports import HoldRow
from comity.review.queue import QueuePlace
from comity.services import triage as module
from comity.services.review_queue import ReviewQueue
from comity.services.triage import Choice, Facet, Sorted, Sorting, Triage
from comity.services.vault import month_of
from tests.support.gateway import (
    AUSTIN,
    HOLD_ALL,
    HOLD_SECONDS,
    NOW,
    NS,
    OR,
    RELEASE,
    SALEM,
    WA,
    PracticeHost,
    ask_of,
    asks,
    running,
)
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_verdict import verdict

PHOTO = rule("PHOTO", Outcome.HOLD, data_class=(DataClass.PHOTO,))
RULES = encode_bundle(bundle(RELEASE, HOLD_ALL, PHOTO, state=WA))
OF_OREGON: dict[str, Any] = {"origin": OR, "agency": SALEM}
WARRANT = Claims(instrument=Instrument.STATE_WARRANT)
URGENT = Claims(emergency=Emergency.DECLARED, operator="JONES")


def family_of(host: PracticeHost, ori: ORI) -> Family | None:
    """An agency's family, as the directory has it."""
    agency = host.world.directory.agency(ori)
    return None if agency is None else agency.family


async def hold(host: PracticeHost, *numbers: int, **changes: Any) -> None:
    """Let Washington hold these, one after the other."""
    for number in numbers:
        await host.answer.take(asks(ask_of(number, **changes)))
    host.courier.take()


def desk_of(host: PracticeHost) -> Triage:
    """What sorts the queue of a host."""
    return Triage(store=host.store, vault=host.vault, events=host.events)


async def sort(
    host: PracticeHost, triage: Triage, choice: Choice | None = None, **asked: Any
) -> Sorted:
    """Washington's queue, sorted."""
    now = host.clock.now_ns() // NS
    sorting = Sorting(choice=choice or {}, **asked)
    return await triage.sort(WA, sorting, now, lambda ori: family_of(host, ori))


def numbers(found: Sorted) -> list[int]:
    """The leaves of what matches."""
    return [case.first.leaf_index for case in found.cases]


async def test_counts_are_told_for_each_value() -> None:
    """By family and all above it, class, rule, claim, emergency and time."""
    async with running(RULES) as host:
        await hold(host, 1, 2, claims=WARRANT)
        await hold(host, 3, wants_image=True)
        await hold(host, 4, claims=URGENT, **OF_OREGON)
        found = await sort(host, desk_of(host))
        assert found.matching == 4
        assert dict(found.counts[Facet.FAMILY]) == {
            "TX": 3, "TX/LOCAL": 3, "TX/LOCAL/PD": 3, "OR": 1, "OR/LOCAL": 1, "OR/LOCAL/PD": 1,
        }  # fmt: skip
        assert found.counts[Facet.RULE] == (("HOLD", 4), ("PHOTO", 1))
        assert dict(found.counts[Facet.HELD]) == {
            "status": 4, "identity": 4, "address": 4, "photo": 1,
        }  # fmt: skip
        assert found.counts[Facet.INSTRUMENT] == (("not_stated", 2), ("state_warrant", 2))
        assert found.counts[Facet.EMERGENCY] == (("declared", 1),)
        assert found.counts[Facet.ENDS] == (("later", 4),)
        assert found.waiting == {AUSTIN: 3, SALEM: 1}
        assert found.ends == (NOW + HOLD_SECONDS,) * 4
        assert found.is_whole


@pytest.mark.parametrize(
    ("choice", "matching", "rules"),
    [
        ({Facet.FAMILY: "TX"}, [1, 2, 3], {"HOLD": 3, "PHOTO": 1}),
        ({Facet.FAMILY: "OR/LOCAL"}, [4], {"HOLD": 1}),
        ({Facet.FAMILY: "US"}, [], {}),
        ({Facet.HELD: "photo"}, [3], {"HOLD": 1, "PHOTO": 1}),
        ({Facet.RULE: "PHOTO"}, [3], {"HOLD": 4, "PHOTO": 1}),
        ({Facet.INSTRUMENT: "state_warrant"}, [1, 2], {"HOLD": 2}),
        ({Facet.EMERGENCY: "declared"}, [4], {"HOLD": 1}),
        ({Facet.ENDS: "soon"}, [], {}),
        ({Facet.FAMILY: "TX", Facet.INSTRUMENT: "state_warrant"}, [1, 2], {"HOLD": 2}),
        ({Facet.RULE: "PHOTO", Facet.FAMILY: "OR"}, [], {"HOLD": 1}),
    ],
)
async def test_what_matches_all_that_was_chosen(
    choice: Choice, matching: list[int], rules: dict[str, int]
) -> None:
    """And each value is counted under what else was chosen, not under its own facet's choice."""
    async with running(RULES) as host:
        await hold(host, 1, 2, claims=WARRANT)
        await hold(host, 3, wants_image=True)
        await hold(host, 4, claims=URGENT, **OF_OREGON)
        rows = {row.exchange_id: row.leaf_index for row in await host.store.open_holds([WA])}
        exchanges = [
            *(ask_of(number).exchange_id for number in (1, 2, 3)),
            ask_of(4, **OF_OREGON).exchange_id,
        ]
        found = await sort(host, desk_of(host), choice)
        assert numbers(found) == [rows[exchanges[number - 1]] for number in matching]
        assert found.matching == len(matching)
        assert dict(found.counts[Facet.RULE]) == rules


async def test_a_case_stands_once_with_all_its_requests() -> None:
    """A page ends where the next one begins; what is leaving is in no count."""
    async with running(RULES) as host:
        one = Claims(case_number="A-1")
        await hold(host, 1, 2, claims=one)
        await hold(host, 3, wants_image=True, claims=one)
        await hold(host, 4)
        triage = desk_of(host)
        found = await sort(host, triage, {Facet.FAMILY: "TX"}, limit=1)
        assert [(case.requests, found.matching) for case in found.cases] == [(3, 4)]
        assert found.more is not None
        second = await sort(host, triage, {Facet.FAMILY: "TX"}, limit=1, after=found.more)
        assert [case.requests for case in second.cases] == [1]
        assert second.more is None
        # The row is of the case's request that matches, and says how many the case has.
        photo = await sort(host, triage, {Facet.HELD: "photo"})
        assert [(case.requests, photo.matching) for case in photo.cases] == [(3, 1)]
        leaving = [entry_name(WA, numbers(found)[0])]
        left = await sort(host, triage, {Facet.FAMILY: "TX"}, leaving=leaving)
        assert [case.requests for case in left.cases] == [2, 1]
        assert dict(left.counts[Facet.HELD])["status"] == 3


async def test_each_hold_is_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is new is read, what ended is forgotten, by each state for itself."""
    async with running(RULES) as host:
        await hold(host, 1, 2)
        triage = desk_of(host)
        await sort(host, triage)
        opened: list[int] = []
        open_one = triage._opened

        def counting(row: HoldRow) -> Any:
            opened.append(row.leaf_index)
            return open_one(row)

        monkeypatch.setattr(triage, "_opened", counting)
        await sort(host, triage)
        assert opened == []
        await hold(host, 3)
        await sort(host, triage)
        (new,) = opened
        assert new == max(row.leaf_index for row in await host.store.open_holds([WA]))
        host.clock.advance_ns(HOLD_SECONDS * NS)
        await host.desk.expire(entry_name(WA, new))
        assert (await sort(host, triage)).matching == 2


async def test_time_moves_what_ends_soon() -> None:
    """Without anything else that changes."""
    async with running(RULES) as host:
        await hold(host, 1)
        triage = desk_of(host)
        assert (await sort(host, triage)).counts[Facet.ENDS] == (("later", 1),)
        host.clock.advance_ns((HOLD_SECONDS - 3_600) * NS)
        assert (await sort(host, triage)).counts[Facet.ENDS] == (("soon", 1),)
        assert (await sort(host, triage, {Facet.ENDS: "soon"})).matching == 1


async def test_what_cannot_be_opened_is_under_no_filter() -> None:
    """Its key is gone: in the list without a filter, counted by time alone, of no agency."""
    async with running(RULES) as host:
        await hold(host, 1)
        disk = host.disk
    disk.keyring.destroy(WA, month_of(NOW))
    async with running(disk=disk) as host:
        triage = desk_of(host)
        found = await sort(host, triage)
        assert (found.matching, found.waiting) == (1, {})
        assert {facet: len(counts) for facet, counts in found.counts.items() if counts} == {
            Facet.ENDS: 1
        }
        assert (await sort(host, triage, {Facet.RULE: "HOLD"})).matching == 0


async def test_what_a_block_alone_holds_is_not_counted_by_agency() -> None:
    """As no quota counts it."""
    async with running(RULES) as host:
        await hold(host, 1)
        triage = desk_of(host)
        assert (await sort(host, triage, blocks={"HOLD"})).waiting == {}
        assert (await sort(host, triage, blocks={"PHOTO"})).waiting == {AUSTIN: 1}


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_the_list_is_the_queue(limit: int) -> None:
    """Page by page what the store lists by itself, without what leaves or stands apart."""
    async with running(RULES) as host:
        case, asked = Claims(case_number="A-1"), Claims(case_number="A-2")
        await hold(host, 1, 2, 3, claims=case)
        host.clock.advance_ns(60 * NS)
        await hold(host, 4, wants_image=True)
        await hold(host, 5, 6, claims=asked)
        await hold(host, 7, claims=case)
        rows = await host.store.open_holds([WA])
        entries = [entry_name(WA, row.leaf_index) for row in rows]
        (of_asked, *_) = (row for row in rows if row.exchange_id == ask_of(5).exchange_id)
        of_case = entry_name(WA, of_asked.leaf_index)
        await host.desk.decide(await verdict(host, of_case, VerdictKind.ASK))
        queue = ReviewQueue(store=host.store, vault=host.vault, events=host.events)
        triage, now = desk_of(host), host.clock.now_ns() // NS
        for leaving, apart in itertools.product(([], entries[:1], entries[3:5]), repeat=2):
            after: QueuePlace | None = None
            while True:
                found = await sort(
                    host, triage, leaving=leaving, apart=apart, after=after, limit=limit
                )
                page = await queue.page(
                    WA, after, now, host.world.directory.agency,
                    leaving=leaving, apart=apart, limit=limit,
                )  # fmt: skip
                items = queue.listed(found.cases, host.world.directory.agency)
                assert (tuple(items), found.all, found.more) == (
                    page.items, page.counts, page.more,
                )  # fmt: skip
                after = page.more
                if after is None:
                    break


async def test_so_many_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit all of it, beyond it the first of the queue, and that is said."""
    async with running(RULES) as host:
        await hold(host, 1, 2, 3)
        for limit, whole in ((3, True), (2, False)):
            monkeypatch.setattr(module, "SORTED_MAX", limit)
            found = await sort(host, desk_of(host))
            assert (found.matching, found.is_whole) == (limit, whole)


async def test_so_many_kinds_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond them all is read anew, and the counts are the same."""
    async with running(RULES) as host:
        await hold(host, 1)
        await hold(host, 2, wants_image=True)
        triage = desk_of(host)
        first = await sort(host, triage)
        monkeypatch.setattr(module, "KINDS_MAX", 2)
        assert len(triage._kinds) == 3
        assert (await sort(host, triage)).counts == first.counts
        assert len(triage._kinds) == 3


async def test_nothing_of_a_person_is_remembered() -> None:
    """INVARIANT (public-bytes-hold-no-person): no number, no case, no operator stays."""
    async with running(RULES) as host:
        await hold(host, 1, claims=Claims(case_number="CASE-77", operator="JONES"))
        triage = desk_of(host)
        await sort(host, triage)
        kept = msgspec.json.encode(triage._kinds[1:])
        assert kept.startswith(b'[{"agency":"TXPX00001"')
        assert b"CASE-77" not in kept
        assert b"JONES" not in kept
        assert b"PX000204K7" not in kept
