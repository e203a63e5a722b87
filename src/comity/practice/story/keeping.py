"""What becomes of records in time: destroyed by two people, expunged, kept for a court."""

from __future__ import annotations

from comity.domain.ids import Member, member_label
from comity.domain.keeping import OrderAct
from comity.practice.story.teller import Teller, expect

__all__ = ["key_destroyed", "litigation_hold_kept"]

_ONE = ("reviewer",)
_TWO = ("reviewer", "supervisor")


async def key_destroyed(tell: Teller) -> str:
    """Two people destroy a month's key and expunge one record; the ledger stays whole."""
    state, stage = Member("md"), tell.stage
    old = stage.seal_old_record(state)
    expect(stage.opens(old), "the key of an earlier month does not open what it sealed")
    _, code = await stage.give_order(OrderAct.DESTROY, state, _ONE, month=old.month)
    expect(code == "second-person-missing", f"one person alone got `{code}`")
    destroyed, code = await stage.give_order(OrderAct.DESTROY, state, _TWO, month=old.month)
    expect(not code, f"two people got `{code}`")
    expect(not stage.opens(old), "what the destroyed key sealed still opens")
    record = next(a for a in tell.answers if a.state == state).proofs[-1].entry
    expect(await stage.has_record(record), "the record to be expunged is not there")
    expunged, code = await stage.give_order(OrderAct.EXPUNGE, state, _TWO, entry=record)
    expect(not code, f"the expungement got `{code}`")
    expect(not await stage.has_record(record), "an expunged record is still there")
    seen = await stage.audit(state)
    expect(not seen.findings, f"the export fails: {', '.join(seen.findings)}")
    label = member_label(state)
    return (
        f"two people destroyed {label}'s key of {old.month} ({destroyed}) and expunged {record} "
        f"({expunged}): neither opens, and all {seen.size} leaves pass the audit"
    )


async def litigation_hold_kept(tell: Teller) -> str:
    """Under a litigation hold nobody destroys a key; once it is ended, two people may."""
    state, stage = Member("ca"), tell.stage
    old = stage.seal_old_record(state)
    held, code = await stage.give_order(OrderAct.HOLD, state, _ONE, month=old.month)
    expect(not code, f"the hold got `{code}`")
    _, code = await stage.give_order(OrderAct.DESTROY, state, _TWO, month=old.month)
    expect(code == "key-under-hold", f"a destruction under the hold got `{code}`")
    expect(stage.opens(old), "a key went although it was held")
    _, code = await stage.give_order(OrderAct.END_HOLD, state, _TWO, entry=held)
    expect(not code, f"the end of the hold got `{code}`")
    label = member_label(state)
    return f"{label}'s key of {old.month} was held ({held}): its destruction got key-under-hold"
