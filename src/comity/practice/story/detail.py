"""What the public sees later, and what one person is shown."""

from __future__ import annotations

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member
from comity.practice.story.teller import CRIME, POLICE, Teller, check_is, expect

__all__ = ["detail_opened_later", "opening_checked"]

_REVEAL_SECONDS = 30.0


async def detail_opened_later(tell: Teller) -> str:
    """Colorado delays what would tell of a live case; once its time is over, a leaf proves it."""
    answer = await tell.ask(POLICE, "DQ", "co", [("OLN", tell.first_oln("co"))], CRIME)
    check_is(answer, ResponseKind.HIT)
    entry = answer.proofs[0].entry
    leaf = await tell.stage.leaf(entry)
    shown = {leaf.agency, leaf.purpose, leaf.offence}
    expect(shown == {"sealed"}, f"{entry} shows {', '.join(map(str, shown))}")
    seen = await tell.stage.revealed(entry, seconds=_REVEAL_SECONDS)
    said = {"agency": POLICE, "purpose": CRIME.purpose.value, "offence": CRIME.offence.value}
    header = seen.header
    stated = {"agency": header.agency, "purpose": header.purpose, "offence": header.offence}
    expect(stated == said, f"{seen.entry} states {stated}")
    expect(seen.proved == said, f"the document of {seen.entry} proves {seen.proved}")
    audited = await tell.stage.audit(Member("co"))
    expect(not audited.findings, f"the audit of Colorado's ledger: {', '.join(audited.findings)}")
    return (
        f"agency, purpose and offence of {entry} stood sealed; when their time was over "
        f"{seen.entry} said that {POLICE} asked, and proved it by the commitment of {entry}"
    )


async def opening_checked(tell: Teller) -> str:
    """A person is shown two fields of an entry, proved by its receipt; the others stay hidden."""
    answer = next(a for a in tell.answers if a.state == "oh" and a.response is ResponseKind.HIT)
    seen = await tell.stage.open_fields(answer, ["agency", "search"])
    expect(seen.proved.get("agency") == POLICE, f"another agency: {seen.proved}")
    expect(set(seen.proved) == {"agency", "search"}, f"opened: {', '.join(seen.proved)}")
    expect(seen.hidden > 0, "nothing stayed hidden")
    return (
        f"two fields of {answer.proofs[0].entry} were opened to the person whom it is about and "
        f"fit its receipt; {seen.hidden} stay hidden, and {seen.access_entry} says who opened them"
    )
