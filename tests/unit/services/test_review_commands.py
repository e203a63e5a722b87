"""The review desk beside holds, by command: who may read, what is shown, what is recorded first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.after_review import Desk, SignedDeskReading
from comity.domain.ids import Member
from comity.domain.vocabulary import LeafKind
from comity.link.command import CommandDone
from comity.link.review import DeskShown, ExpireReview, GrantPass, ReadDesk, RevokePass
from comity.ports import LostKeyError
from comity.review.passes import PassUnknownError
from comity.review.signatures import VerdictError
from comity.review.urgent import ReviewDoneError
from comity.services.review_commands import ENTRIES_SHOWN_MAX
from comity.services.vault import month_of
from tests.support.gateway import NOW, NS, WA, PracticeHost, running
from tests.support.review import (
    DAY,
    LICENSEE,
    case_pass,
    look,
    reading,
    revocation,
    signed_look,
    signed_pass,
    signed_reading_of,
    signed_revocation,
)
from tests.unit.services.test_passes import HELD, asked
from tests.unit.services.test_urgent import HELD_BUT_URGENT, SMALLEST, released


async def shown(host: PracticeHost, desk: Desk, entry: str = "", **changes: Any) -> DeskShown:
    """What a reviewer reads of a desk."""
    signed = signed_reading_of(reading(desk, entry, **changes))
    result = await host.review.commands.take(ReadDesk(signed=signed))
    assert isinstance(result, DeskShown)
    return result


async def granted(host: PracticeHost) -> str:
    """A pass, by command."""
    signed = signed_pass(case_pass(note="two suspects"))
    result = await host.review.commands.take(GrantPass(signed=signed))
    assert isinstance(result, CommandDone)
    return result.entry or ""


async def test_passes_are_listed_without_persons_and_shown_with_them() -> None:
    """The list leaves no leaf; one with its persons is recorded first, and says so."""
    async with running(HELD) as host:
        entry = await granted(host)
        await asked(host, 2)
        (listed,) = (await shown(host, Desk.PASSES)).passes
        assert (listed.entry, listed.uses, listed.person_count) == (entry, 1, 1)
        assert (listed.persons, listed.note) == ((), "")
        assert host.leaves(WA, LeafKind.ACCESS) == []
        one = await shown(host, Desk.PASSES, entry)
        assert (one.passes[0].persons, one.passes[0].note) == ((LICENSEE,), "two suspects")
        (leaf,) = host.leaves(WA, LeafKind.ACCESS)
        assert (leaf.cites, one.access_entry) == (entry, f"wa/{host.size(WA) - 1}")


async def test_a_revoked_pass_is_shown_with_its_end_and_not_listed() -> None:
    """Its leaf is named; and so it is once its time is over."""
    async with running(HELD) as host:
        entry = await granted(host)
        signed = signed_revocation(revocation(entry))
        done = await host.review.commands.take(RevokePass(signed=signed))
        assert isinstance(done, CommandDone)
        assert (await shown(host, Desk.PASSES)).passes == ()
        (view,) = (await shown(host, Desk.PASSES, entry)).passes
        assert view.revoked_by == done.entry


async def test_releases_are_listed_and_one_is_shown_with_its_person() -> None:
    """With the number to call; the person only in what is recorded."""
    async with running(HELD_BUT_URGENT) as host:
        entry = await released(host)
        (listed,) = (await shown(host, Desk.URGENT)).releases
        assert (listed.entry, listed.phone, listed.classes) == (entry, "555-0111", SMALLEST)
        assert (listed.search, listed.is_overdue) == ((), False)
        one = await shown(host, Desk.URGENT, entry)
        assert one.releases[0].search == (("OLN", LICENSEE.value),)
        (leaf,) = host.leaves(WA, LeafKind.ACCESS)
        assert leaf.cites == entry
        host.clock.advance_ns(DAY * NS)
        await host.review.commands.take(ExpireReview(state=WA, entry=entry))
        (late,) = (await shown(host, Desk.URGENT, at=NOW + DAY)).releases
        assert late.is_overdue


async def test_what_can_be_read_no_more_is_listed_by_its_entry() -> None:
    """And cannot be shown: nothing is recorded as read."""
    async with running(HELD_BUT_URGENT) as host:
        entry = await released(host)
        host.disk.keyring.destroy(WA, month_of(NOW))
        (listed,) = (await shown(host, Desk.URGENT)).releases
        assert (listed.entry, listed.agency, listed.due) == (entry, "", NOW + DAY)
        with pytest.raises(LostKeyError):
            await shown(host, Desk.URGENT, entry)
        assert host.leaves(WA, LeafKind.ACCESS) == []


@pytest.mark.parametrize(
    "changes",
    [{"reviewer": "Nobody"}, {"at": NOW - 301}, {"at": NOW + 301}, {"state": Member("ny")}],
    ids=["nobody", "old", "early", "another-state"],
)
@pytest.mark.parametrize("desk", Desk)
async def test_nobody_reads_without_an_enrolled_signature_of_now(
    desk: Desk, changes: dict[str, Any]
) -> None:
    """Nothing is shown, nothing recorded."""
    async with running(HELD) as host:
        entry = await granted(host)
        for name in ("", entry):
            with pytest.raises(VerdictError):
                await shown(host, desk, name, **changes)
        assert host.leaves(WA, LeafKind.ACCESS) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("state", Member("or")), ("desk", Desk.URGENT), ("entry", "wa/1"), ("at", NOW + 1)],
)
async def test_an_altered_reading_is_refused(field: str, value: object) -> None:
    """What was signed for one entry opens no other."""
    async with running(HELD) as host:
        made = signed_reading_of(reading(Desk.PASSES, "wa/2"))
        altered = msgspec.structs.replace(made.reading, **{field: value})
        signed = SignedDeskReading(reading=altered, proof=made.proof)
        with pytest.raises(VerdictError):
            await host.review.commands.take(ReadDesk(signed=signed))


@pytest.mark.parametrize(
    ("desk", "error"), [(Desk.PASSES, PassUnknownError), (Desk.URGENT, ReviewDoneError)]
)
async def test_nothing_is_shown_of_what_is_not_there(desk: Desk, error: type[Exception]) -> None:
    """Another state's entry, a leaf of another kind, a release that was looked at: no reading."""
    async with running(HELD_BUT_URGENT) as host:
        entry = await released(host)
        await host.review.urgent.decide(signed_look(look(entry)))
        for name in ("or/1", "wa/0", entry, "wa/999"):
            with pytest.raises(error):
                await shown(host, desk, name)
        assert host.leaves(WA, LeafKind.ACCESS) == []


async def test_a_list_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many are shown at a time, and no more."""
    monkeypatch.setattr("comity.services.review_commands.ENTRIES_SHOWN_MAX", 1)
    async with running(HELD_BUT_URGENT) as host:
        await granted(host)
        await host.review.passes.grant(signed_pass(case_pass(case_number="HS-26-90")))
        await released(host)
        await released(host, 2)
        assert len((await shown(host, Desk.PASSES)).passes) == 1
        assert len((await shown(host, Desk.URGENT)).releases) == 1
    assert ENTRIES_SHOWN_MAX == 500
