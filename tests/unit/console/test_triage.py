"""The queue's filters, the head that tells load against staffing, and quotas that are full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from comity.console.pages.triage_words import facet_fields, load_said, quotas_said
from comity.console.people import Role
from comity.domain.ids import ORI
from comity.domain.query import Claims
from comity.domain.vocabulary import Instrument
from comity.policy import Quota, QuotaPer, encode_bundle
from comity.ports import DeskDayRow
from comity.review.load import Load, Pace
from comity.review.queue import QueueCounts
from comity.services import triage
from comity.services.triage import Facet, Sorted
from tests.support.console import console_on, person_of
from tests.support.gateway import (
    AUSTIN,
    HOLD_ALL,
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
from tests.unit.console.test_cases import give
from tests.unit.policy.build import bundle

QUEUE = "/state/queue"
HELD = encode_bundle(bundle(RELEASE, HOLD_ALL, state=WA))
OF_OREGON: dict[str, Any] = {"origin": OR, "agency": SALEM}
TWO = Quota(per=QuotaPer.AGENCY, waiting=2, per_day=3)
TEN = Pace(decisions=20, seconds=7_200, reviewers=3)


async def hold(host: PracticeHost, *numbers: int, **changes: Any) -> list[int]:
    """Let Washington hold these; return the numbers of its open holds."""
    for number in numbers:
        await host.answer.take(asks(ask_of(number, **changes)))
    host.courier.take()
    return sorted(row.leaf_index for row in await host.store.open_holds([WA]))


def options(body: str, name: str) -> list[str]:
    """The words of a list's options."""
    inside = body.partition(f'<select class="select" id="{name}"')[2].partition("</select>")[0]
    return [part.partition(">")[2].partition("<")[0] for part in inside.split("<option")[1:]]


async def test_what_is_beyond_the_sorted_waits_in_the_list_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a choice everything is listed; with one, what was sorted; all of it is counted."""
    monkeypatch.setattr(triage, "SORTED_MAX", 2)
    async with running(HELD) as host, console_on(host) as console:
        numbers = await hold(host, 1, 2, 3)
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(QUEUE, token)
        assert page.heading.startswith("3 requests wait for a decision")
        assert [f'href="/state/cases/{n}"' in page.body for n in numbers] == [True, True, True]
        assert "only the first 20,000 requests are counted here" in page.body
        chosen = await console.get(f"{QUEUE}?rule=HOLD", token)
        assert [f'href="/state/cases/{n}"' in chosen.body for n in numbers] == [True, True, False]
        assert "of 3" in chosen.heading


async def test_filters_stand_beside_the_queue_with_counts() -> None:
    """A form that is sent as an address; without a choice all of the queue."""
    async with running(HELD) as host, console_on(host) as console:
        await hold(host, 1, 2)
        await hold(host, 3, claims=Claims(instrument=Instrument.STATE_WARRANT), **OF_OREGON)
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(QUEUE, token)
        assert page.heading.startswith("3 requests wait for a decision")
        assert options(page.body, "family") == [
            "any", "police departments of Texas (2)", "police departments of Oregon (1)",
        ]  # fmt: skip
        assert options(page.body, "rule") == ["any", "HOLD (3)"]
        assert options(page.body, "instrument") == [
            "any", "Not stated (2)", "Warrant signed by a state judge (1)",
        ]  # fmt: skip
        assert options(page.body, "ends") == ["any", "later (3)"]
        assert '<form method="get" action="/state/queue"' in page.body


async def test_what_was_chosen_stands_in_the_address_and_the_head() -> None:
    """Only what matches is listed; a value of which nothing waits is said to match nothing."""
    async with running(HELD) as host, console_on(host) as console:
        first, *_ = await hold(host, 1, 2)
        *_, third = await hold(host, 3, **OF_OREGON)
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(f"{QUEUE}?family=OR%2FLOCAL&held=&rule=HOLD&ends=later", token)
        assert page.heading.startswith(
            "1 of 3 that wait match: asked by local agencies of Oregon, held by rule HOLD and"
            " ending later."
        )
        assert f"WA/{third}" in page.text
        assert f"WA/{first}" not in page.text
        assert "What matches" in page.text
        nothing = await console.get(f"{QUEUE}?family=US%2FDHS%2FICE", token)
        assert nothing.heading.startswith("0 of 3 that wait match: asked by ICE.")
        assert "Nothing that waits matches." in nothing.text
        assert "ICE (0)" in nothing.text


async def test_what_was_chosen_stays_chosen_when_a_case_is_taken() -> None:
    """Taken and put back from a part of the queue, the reviewer stands before that part again."""
    async with running(HELD) as host, console_on(host) as console:
        (number,) = await hold(host, 1, **OF_OREGON)
        token = console.sign_in(person_of(Role.REVIEWER))
        chosen = f"{QUEUE}?family=OR%2FLOCAL&ends=later"
        for act in ("take", "put-back"):
            page = await console.get(chosen, token)
            action = f"{QUEUE}/{number}/{act}?family=OR%2FLOCAL&ends=later"
            assert f'action="{action.replace("&", "&amp;")}"' in page.body
            assert (await console.post(action, {}, token)).location == chosen
        wrong = await console.post(f"{QUEUE}/{number}/take?ends=now", {}, token)
        assert wrong.status == 400
        plain = await console.get(QUEUE, token)
        assert f'action="{QUEUE}/{number}/take"' in plain.body


@pytest.mark.parametrize(
    "query",
    ["family=us", "family=<b>", "held=everything", "rule=hold", "instrument=paper",
     "emergency=none", "ends=now", "rule=HOLD&rule=HOLD"],
)  # fmt: skip
async def test_what_has_no_form_is_refused(query: str) -> None:
    """With a code, and nothing of it is repeated as markup."""
    async with running(HELD) as host, console_on(host) as console:
        page = await console.get(f"{QUEUE}?{query}", console.sign_in(person_of(Role.REVIEWER)))
        assert (page.status, "malformed" in page.text, "<b>" in page.body) == (400, True, False)


async def test_pages_keep_the_choice() -> None:
    """The next page and the way back are of the same choice."""
    async with running(HELD) as host, console_on(host) as console:
        await hold(host, *range(1, 53))
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(f"{QUEUE}?family=TX", token)
        (more,) = {p for p in page.body.split('"') if "after=" in p}
        assert more.startswith(f"{QUEUE}?family=TX&amp;after=")
        second = await console.get(more.replace("&amp;", "&"), token)
        assert second.body.count('<tr role="row" data-row>') == 2
        assert f'href="{QUEUE}?family=TX"' in second.body


async def test_the_head_tells_load_against_staffing() -> None:
    """From ten decisions and an hour on; before, nothing of it."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        for number in range(1, 12):
            (held,) = await hold(host, number, accepted_at=NOW + (number - 1) * 600)
            await give(console, token, held, "refuse", clause="HOLD")
            assert "At the present pace" not in (await console.get(QUEUE, token)).heading
            host.clock.advance_ns(600 * NS)
        await hold(host, 20, 21, accepted_at=NOW + 6_600)
        host.clock.advance_ns(3_600 * NS)
        page = await console.get(QUEUE, console.sign_in(person_of(Role.REVIEWER)))
        heading = page.heading
        assert "At the present pace (" in heading
        assert "an hour, 1 reviewer) the last is looked at by " in heading


async def test_a_supervisor_reads_which_quotas_are_full() -> None:
    """With how many were refused; a reviewer's page is about the requests."""
    rules = encode_bundle(bundle(RELEASE, HOLD_ALL, state=WA, quotas=(TWO,)))
    async with running(rules) as host, console_on(host) as console:
        await hold(host, 1, 2)
        supervisor = console.sign_in(person_of(Role.SUPERVISOR))
        reviewer = console.sign_in(person_of(Role.REVIEWER))
        assert (
            "stands at its quota of 2: 0 were refused today."
            in (await console.get(QUEUE, supervisor)).text
        )
        await hold(host, 3, 4)
        page = await console.get(QUEUE, supervisor)
        assert "stands at its quota of 2: 2 were refused today." in page.text
        assert "quota" not in (await console.get(QUEUE, reviewer)).text


async def test_the_page_stands_where_rules_cannot_be_read() -> None:
    """A state without rules has a queue all the same, without a word of quotas."""
    async with running(HELD) as host, console_on(host) as console:
        await hold(host, 1)
        host.store.tables.policies.clear()
        page = await console.get(QUEUE, console.sign_in(person_of(Role.SUPERVISOR)))
        assert (page.status, "quota" in page.text) == (200, False)


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (None, ""),
        (Load(pace=TEN, last_at=NOW + 3_600, ends_before=0),
         "At the present pace (10 an hour, 3 reviewers) the last is looked at by "),
        (Load(pace=TEN, last_at=NOW + 3_600, ends_before=9), "; 9 end before."),
        (Load(pace=TEN, last_at=NOW + 3_600, ends_before=1), "; 1 ends before."),
        (Load(pace=TEN, last_at=None, ends_before=4),
         "At the present pace (10 an hour, 3 reviewers) none is looked at before its clock ends."),
        (Load(pace=Pace(decisions=10, seconds=20_000, reviewers=1), last_at=None, ends_before=4),
         "(1.8 an hour, 1 reviewer)"),
        (Load(pace=Pace(decisions=10, seconds=9_000, reviewers=1), last_at=None, ends_before=4),
         "(4 an hour, 1 reviewer)"),
    ],
)  # fmt: skip
def test_a_load_reads_as_a_sentence(load: Load | None, said: str) -> None:
    """With its noun, and singular where it is one."""
    assert said in load_said(load, WA, NOW)


def sorted_of(families: Sequence[tuple[str, int]]) -> Sorted:
    """A queue with these families."""
    counts = dict.fromkeys(Facet, ()) | {Facet.FAMILY: tuple(families)}
    return Sorted(counts=counts, all=QueueCounts(), cases=(), matching=0, waiting={}, ends=(),
                  more=None, is_whole=True)  # fmt: skip


def test_a_family_stands_once_where_it_holds_one_alone() -> None:
    """What has nothing beside one family below it is left out."""
    found = sorted_of([("US", 5), ("US/DHS", 5), ("US/DHS/ICE", 4), ("US/DHS/CBP", 1)])
    (family, *_) = facet_fields(found, {})
    assert [code for code, _ in family["options"]] == ["", "US/DHS", "US/DHS/ICE", "US/DHS/CBP"]


async def test_quotas_are_said_by_whom_they_count() -> None:
    """Each agency by its name, a group by its words; by the day too; what has room says nothing."""
    both = Quota(per=QuotaPer.TOGETHER, agency=("OR/LOCAL", "TX/LOCAL"), waiting=3)
    day = DeskDayRow(member=WA, day=1, agency=SALEM, came=3, refused=1)
    async with running(HELD) as host:
        directory = host.world.directory
        waiting = {AUSTIN: 2, SALEM: 1}
        said = quotas_said([TWO, both], waiting, [day], directory)
        name = directory.agency(AUSTIN)
        assert name is not None
        assert f"{name.name} stands at its quota of 2: 0 were refused today." in said
        assert any("stands at its quota of 3 a day: 1 was refused today." in each for each in said)
        assert "local agencies of Oregon and local agencies of Texas" in said[-1]
        assert quotas_said([both], {AUSTIN: 2}, [], directory) == []
        unlisted = quotas_said([TWO], {ORI("XXAAA0001"): 2}, [], directory)
        assert unlisted == ["XXAAA0001 stands at its quota of 2: 0 were refused today."]
