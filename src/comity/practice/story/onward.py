"""What one agency got, another uses: the state is told, sees it beside its rules, and is paged."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member, member_label, member_zone
from comity.domain.onward import Receives, ToldOnward, Transfer
from comity.domain.vocabulary import LeafKind, Purpose
from comity.exchange.leaves import HOUR_SECONDS
from comity.exchange.onward import onward_text
from comity.practice.story.teller import CBP, ERO, Teller, check_is, expect

__all__ = ["onward_transfer_is_told_and_marked"]

_STATE: Final = Member("wa")
_PAGE_SECONDS: Final = 20.0


async def onward_transfer_is_told_and_marked(tell: Teller) -> str:
    """CBP tells Washington that ICE has what it got: it refuses ICE, and somebody is paged."""
    got = await tell.ask(CBP, "DQ", "wa", [("OLN", tell.anchor("wa").driver.oln)])
    check_is(got, ResponseKind.HIT)
    release = got.proofs[0].entry
    day = _day_of((await tell.stage.leaf(release)).hour)
    transfer = Transfer(to=ERO, purpose=Purpose.CIVIL_IMMIGRATION, on=day)
    body = onward_text(ToldOnward(entry=release, transfer=transfer))
    answer = await tell.ask(CBP, "AM", "wa", [("", body)])
    check_is(answer, ResponseKind.DELIVERED)
    leaf = await tell.stage.leaf(answer.proofs[0].entry)
    expect(leaf.kind is LeafKind.CERTIFICATION, f"it is recorded as a {leaf.kind}")
    expect(leaf.cites == release, f"the certification cites {leaf.cites}, not {release}")
    (seen, *_) = await tell.stage.onward_told(_STATE)
    expect((seen.release, seen.to) == (release, ERO), f"{seen.to} is said to have {seen.release}")
    expect(seen.receives == Receives.REFUSED, f"the rules are said to make of it {seen.receives}")
    page = await tell.stage.paged(release, seconds=_PAGE_SECONDS)
    expect(page.event == "onward_refused", f"the page says `{page.event}`")
    expect(page.entry == seen.entry, f"the page is about {page.entry}")
    label = member_label(_STATE)
    return (
        f"CBP told {label} that ICE has {release}, certified as {seen.entry}: {label} refuses ICE,"
        " so it is marked, and somebody was paged"
    )


def _day_of(hour: int) -> date:
    zone = ZoneInfo(member_zone(_STATE))
    return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC).astimezone(zone).date()
