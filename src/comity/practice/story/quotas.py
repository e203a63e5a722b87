"""What a flood meets: one family's requests against a state's quota of its review queue."""

from __future__ import annotations

import asyncio
from typing import Final

from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import Member
from comity.domain.verdict import VerdictKind
from comity.practice.story.teller import (
    CBP,
    CHILD,
    HSI,
    Teller,
    check_is,
    check_refused,
    expect,
    saw,
)

__all__ = ["desk_is_not_drowned"]

_STATE: Final = Member("il")
_FAMILY: Final = "US/DHS/ICE"
_WAITING: Final = 2
_LOOKED_SECONDS: Final = 1.5
"""Within a second of a hold's end its place is free."""


async def desk_is_not_drowned(tell: Teller) -> str:
    """Illinois lets two ICE requests wait: the third is refused, another agency's waits."""
    stage = tell.stage
    before = [hold for hold in await stage.holds(_STATE) if hold.agency == HSI]
    expect(not before, f"{len(before)} requests of HSI wait already")
    entry, code = await stage.set_quota(_STATE, _FAMILY, 1, ("reviewer",))
    expect(code == "second-person-missing", f"one person alone got `{code}` {entry}")
    entry, code = await stage.set_quota(_STATE, _FAMILY, _WAITING, ("reviewer", "supervisor"))
    expect(not code, f"the quota was refused: `{code}`")

    async def ask() -> Answer:
        return await tell.ask(HSI, "DQ", _STATE, tell.by_name(_STATE), CHILD)

    held = [await ask() for _ in range(_WAITING)]
    for answer in held:
        check_is(answer, ResponseKind.HELD)
    refused = await ask()
    check_refused(refused)
    reason = refused.withheld[0].reasons[0]
    expect(reason.rule == "QUOTA", saw(refused))
    resident = [("OLN", tell.anchor(_STATE, "noncompliant").driver.oln)]
    check_is(await tell.ask(CBP, "DQ", _STATE, resident), ResponseKind.HELD)
    first = held[0].hold.entry if held[0].hold is not None else ""
    await stage.decide(first, VerdictKind.REFUSE, note="no case was named")
    await asyncio.sleep(_LOOKED_SECONDS)
    check_is(await ask(), ResponseKind.HELD)
    return (
        f"since {entry} two requests of ICE may wait in Illinois: the third was refused"
        f" ({reason.sentence.partition(':')[0]}), CBP's waited all the same, and when one was"
        " decided the next one waited"
    )
