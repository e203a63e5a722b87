"""Who is refused asks another person to look again; what that person decides, and what follows."""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.answer import ResponseKind
from comity.domain.appeal import AppealDecision
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.verdict import VerdictKind
from comity.exchange.appeals import appeal_text, found_line
from comity.practice.story.teller import CHILD, HSI, Teller, check_is, check_refused, expect, saw
from comity.review.appeals import AppealByAnotherError

__all__ = ["appeal_is_decided_by_another_person"]

_STATE: Final = Member("il")
_CASE: Final = msgspec.structs.replace(CHILD, case_number="HS-26-93")


async def appeal_is_decided_by_another_person(tell: Teller) -> str:
    """A refusal is appealed; whoever refused cannot decide it, another person grants it."""
    fields = [("OLN", tell.first_oln(_STATE))]
    query = tell.query(HSI, "DQ", _STATE, fields, _CASE)
    held = tell.keep((await tell.stage.ask(query))[0])
    check_is(held, ResponseKind.HELD)
    expect(held.hold is not None, saw(held))
    hold = held.hold.entry if held.hold else ""
    await tell.stage.decide(hold, VerdictKind.REFUSE, note="no docket was named")
    refused = tell.keep(await tell.stage.further(query, seconds=15.0))
    check_refused(refused)
    entry = refused.proofs[-1].entry
    body = appeal_text(entry, "The docket is 26-118 of the county court.")
    taken = await tell.ask(HSI, "AM", _STATE, [("", body)], _CASE)
    expect(taken.remark.startswith(f"APPEAL OF {entry.upper()} TAKEN IN"), taken.remark)
    own = await tell.stage.decide_appeal(entry, AppealDecision.UPHELD, is_another=False)
    expect(own.code == AppealByAnotherError.code, "whoever refused it decided the appeal")
    other = await tell.stage.decide_appeal(entry, AppealDecision.GRANTED, is_another=True)
    expect(not other.code, other.code)
    told = (await tell.stage.unasked(HSI, seconds=15.0)).delivery
    first = told.text.partition("\n")[0]
    expect(first == found_line(entry, AppealDecision.GRANTED), f"it was told: {first}")
    expect(told.key == MessageKey("AM"), f"it was told by {told.key}")
    answer = await tell.ask(HSI, "DQ", _STATE, fields, _CASE)
    check_is(answer, ResponseKind.HIT)
    return (
        f"Illinois refused ({entry}); the reviewer who had refused could not decide the appeal, "
        f"another one granted it ({other.entry}), and the next query of the case went at once"
    )
