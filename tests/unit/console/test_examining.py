"""A draft examined: pinned to its exact text, one at a time, each part by itself, and bounded."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from msgspec.structs import replace

from comity.console.people import Role
from comity.domain.vocabulary import Outcome
from comity.policy import encode_bundle, parse_bundle
from comity.policy.replay import Replay
from comity.services import examining
from comity.services.examining import WAITING_MAX, ExaminersBusyError, Step, Wanted
from tests.support.console import PracticeConsole, console_on
from tests.support.drafts import as_role, draft_of, opened, seen, wrote
from tests.support.gateway import RELEASE, WA, ask_of, asks, running
from tests.unit.policy.build import bundle, rule

OPEN = bundle(RELEASE, state=WA)
NAMED = bundle(RELEASE, rule("TX", Outcome.DENY, agency=("TX/LOCAL/PD",), message_key=("DQ",)),
               state=WA)  # fmt: skip
PAGES = ("guarantees", "replay", "leaks")


async def examined(console: PracticeConsole, token: str, page: str, **more: Any) -> None:
    """Have a draft examined, and wait for it."""
    done = await console.post(f"{page}/examine", {"page": "replay", **more}, token)
    assert (done.status, done.location) == (303, f"{page}/replay")
    await console.examiner.settled()


async def test_a_draft_is_examined_as_a_whole() -> None:
    """Gate, guarantees, other ways and replay: each page with its finding; no leaf is written."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        for number in range(1, 4):
            await host.answer.take(asks(ask_of(number)))
        token = as_role(console)
        page = await opened(console, token)
        await wrote(console, token, page)
        for each in PAGES:
            shown = await console.get(f"{page}/{each}", token)
            assert shown.heading.startswith("Draft 1 is not ")
            assert "Examine this draft" in shown.text
        before = host.size(WA)
        await examined(console, token, page)
        assert host.size(WA) == before
        proofs = await console.get(f"{page}/guarantees", token)
        assert re.match(r"Under draft 1, \d of 5 guarantees hold", proofs.heading)
        assert "All evaluators agree on everything that can be asked." in proofs.text
        assert "released by ALL" in proofs.text
        replay = await console.get(f"{page}/replay", token)
        assert "3 would have been refused instead of released" in replay.heading
        assert "Released to refused 3" in replay.text
        assert "WA-D1: Washington gives nothing to local agencies of Texas." in replay.text
        assert "Texas: 3" in replay.text
        assert "not a forecast" in replay.text
        leaks = await console.get(f"{page}/leaks", token)
        assert leaks.heading.startswith("Local agencies of Texas are refused")


async def test_a_case_says_what_would_change_it() -> None:
    """As a requester is told: a court's order would let such a request through."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        token = as_role(console)
        page = await opened(console, token)
        await wrote(console, token, page, **{"unless1.instrument": "court_order"})
        await examined(console, token, page)
        shown = await console.get(f"{page}/replay", token)
        assert "claims nothing more: A court order would allow this." in shown.text


async def test_announced_rules_are_counted_since_they_stand() -> None:
    """Shadow mode: over exactly the answers since the announcement's leaf, and none before."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        token = as_role(console)
        page = await opened(console, token)
        await wrote(console, token, page)
        await examined(console, token, page)
        assert "announced rules" not in (await console.get(f"{page}/replay", token)).text
        await console.post(f"{page}/announce", seen(console, page), token)
        for number in (2, 3):
            await host.answer.take(asks(ask_of(number)))
        await examined(console, token, page, anew="yes")
        shown = await console.get(f"{page}/replay", token)
        assert "Of 3 requests" in shown.heading
        assert "Washington's announced rules would have refused 2 of 2 answers" in shown.text


async def test_an_examination_is_of_one_text_alone() -> None:
    """Changed by a word, a draft is not examined; changed back, it is again."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        await wrote(console, token, page)
        await examined(console, token, page)
        assert "Examined " in (await console.get(f"{page}/replay", token)).text
        await wrote(console, token, page, "WA-D1", sentence="Nothing to Texas.")
        for each in PAGES:
            assert "is not" in (await console.get(f"{page}/{each}", token)).heading
        await wrote(console, token, page, "WA-D1")
        assert "Examined " in (await console.get(f"{page}/replay", token)).text


async def test_an_open_door_is_closed_in_the_draft() -> None:
    """By its button, for exactly the draft that was counted; a stale form adds nothing."""
    async with running(encode_bundle(NAMED)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        early = await console.post(f"{page}/leaks", {"revision": 1, "door": 1}, token)
        assert early.status == 409
        await examined(console, token, page)
        shown = await console.get(f"{page}/leaks", token)
        assert "to the draft" in shown.text
        for door in ("0", "99", "x", ""):
            forged = await console.post(f"{page}/leaks", {"revision": 1, "door": door}, token)
            assert forged.status == 400, door
        done = await console.post(f"{page}/leaks", {"revision": 1, "door": 1}, token)
        assert done.status == 303
        added = parse_bundle(draft_of(console).bundle).rules
        assert added[0].id.startswith("DOOR-")
        assert len(added) > len(NAMED.rules)
        again = await console.post(f"{page}/leaks", {"revision": 1, "door": 1}, token)
        assert again.status == 409


async def test_a_part_that_fails_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The replay says why there is none; the guarantees stand, and it can be begun anew."""

    def fails(*_: object) -> Replay:
        raise ZeroDivisionError

    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        tools = replace(console.examiner._tools, replay=fails)
        monkeypatch.setattr(console.examiner, "_tools", tools)
        await examined(console, token, page)
        shown = await console.get(f"{page}/replay", token)
        assert shown.heading == "Draft 1 could not be replayed."
        assert "it failed; that is recorded" in shown.text
        assert "guarantees hold" in (await console.get(f"{page}/guarantees", token)).heading
        monkeypatch.undo()
        await examined(console, token, page, anew="yes")
        shown = await console.get(f"{page}/replay", token)
        assert "There is no traffic to replay" in shown.heading


async def test_a_part_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and the next begins."""

    async def never(_: object, __: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(examining, "STEP_SECONDS_MAX", 0.01)
    monkeypatch.setattr(examining.Examiner, "_gate", never)
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        await examined(console, token, page)
        shown = await console.get(f"{page}/guarantees", token)
        assert "The gate could not be counted: it took over 0 seconds." in shown.text


async def test_while_it_is_counted_the_page_says_how_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a link that looks again, and renewed by itself; begun twice it runs once."""
    held, begun = asyncio.Event(), 0
    gate = examining.Examiner._gate

    async def slow(self: examining.Examiner, wanted: Wanted) -> object:
        nonlocal begun
        begun += 1
        await held.wait()
        return await gate(self, wanted)

    monkeypatch.setattr(examining.Examiner, "_gate", slow)
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        for _ in range(2):
            await console.post(f"{page}/examine", {"page": "leaks"}, token)
        shown = await console.get(f"{page}/leaks", token)
        assert shown.heading == "Draft 1 is being examined: 0 of 4 parts are done."
        assert 'hx-trigger="every 2s"' in shown.body
        assert "Look again" in shown.text
        held.set()
        await console.examiner.settled()
        assert begun == 1


async def test_so_many_drafts_wait_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one beyond is refused in words, and those that wait are examined."""
    held = asyncio.Event()

    async def slow(_: object, __: object) -> None:
        await held.wait()

    monkeypatch.setattr(examining.Examiner, "_gate", slow)
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)

        def wanted(number: int) -> Wanted:
            return Wanted(of=number, draft=OPEN, standing=OPEN, national_of=lambda each: each,
                          askers=(), others={}, now=0)  # fmt: skip

        console.examiner.begin(wanted(0))
        await asyncio.sleep(0)
        for number in range(1, WAITING_MAX + 1):
            console.examiner.begin(wanted(number))
        with pytest.raises(ExaminersBusyError):
            console.examiner.begin(wanted(99))
        full = await console.post(f"{page}/examine", {"page": "replay"}, token)
        assert (full.status, "Too many drafts wait" in full.heading) == (503, True)
        held.set()
        await console.examiner.settled()
        found = console.examiner.look(WAITING_MAX)
        assert found is not None
        assert found.is_over
        assert Step.GATE in found.found


async def test_a_forged_page_is_none() -> None:
    """Where to go afterwards is one of ours."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        for name in ("", "https://elsewhere.example", "/state/queue"):
            assert (await console.post(f"{page}/examine", {"page": name}, token)).status == 400


async def test_an_auditor_may_have_a_draft_examined() -> None:
    """And is offered nothing that changes it."""
    async with running(encode_bundle(NAMED)) as host, console_on(host) as console:
        page = await opened(console, as_role(console))
        auditor = as_role(console, Role.AUDITOR)
        await examined(console, auditor, page)
        shown = await console.get(f"{page}/leaks", auditor)
        assert "to the draft" not in shown.text.replace("Back to the draft", "")
