"""Who answers beside records: other agencies' people, the own state, directory, archive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from comity.domain.answer import FREE_TEXT, Answer, ResponseKind
from comity.domain.decision import OVERDUE_RULE
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass
from comity.practice.federal import FEDERAL_TEXT
from comity.practice.story.teller import (
    EXPIRY_SECONDS,
    POLICE,
    Teller,
    check_is,
    expect,
    saw,
)

__all__ = [
    "archive_finds_own_traffic",
    "directory_changed_by_its_terminal",
    "hit_confirmation_answered",
    "hit_confirmation_overdue",
    "message_delivered",
    "own_state_asked_first",
]

OHIO_POLICE: Final = "OHPX001PD"
OREGON_POLICE: Final = "ORPX001PD"
TERMINAL: Final = "TXPX004SP"
NEW_AGENCY: Final = "TXPX099PD"
_HIT: Final = (
    "RTY/SV.RNO/{number}.PRI/U.OCA/26-0117.NIC/V123456789."
    "VIN/{vin}.VYR/2019.VMA/FORD.RNA/P4471.RAG/BEXLEY FALLS PD"
)
_REPLY: Final = "YES - STOLEN 11/20/2026 - HOLD VEHICLE"
_INQUIRY: Final = (
    ("PUR", "C"), ("ATN", "OFFICER P2210"), ("PHN", "5550112"), ("NAM", "EXAMPLE,ALEX"),
    ("DOB", "19880314"), ("SEX", "X"), ("POB", "XX"), ("CUS", "N"), ("OFF", "0399"),
)  # fmt: skip


async def message_delivered(tell: Teller) -> str:
    """A message to another state's agency passes that state's rules, is recorded, and arrives."""
    await _awake(tell, OHIO_POLICE)
    query = tell.query(POLICE, "AM", OHIO_POLICE, [("", "WATCH FOR A BLUE SEDAN")])
    answer = tell.keep((await tell.stage.ask(query))[0])
    check_is(answer, ResponseKind.DELIVERED)
    heard = await tell.stage.unasked(OHIO_POLICE, seconds=10.0)
    expect(heard.delivery.text == "WATCH FOR A BLUE SEDAN", heard.delivery.text)
    return f"a message reached an Ohio police department, recorded as {answer.proofs[0].entry}"


async def hit_confirmation_answered(tell: Teller) -> str:
    """A hit confirmation waits ten minutes for a person, whose answer is a disclosure."""
    query = _hit(tell, 1)
    asked = tell.keep((await tell.stage.ask(query))[0])
    expect(asked.hold is not None and not asked.is_final, saw(asked))
    heard = await tell.stage.unasked(OHIO_POLICE, seconds=10.0)
    expect(heard.delivery.key == "YQ", heard.delivery.key)
    reply = tell.query(OHIO_POLICE, "YR", POLICE, [("", _REPLY)])
    told = tell.keep((await tell.stage.ask(reply))[0])
    check_is(told, ResponseKind.DELIVERED)
    answer = await tell.further(query)
    check_is(answer, ResponseKind.HIT)
    expect(_text(answer) == _REPLY, _text(answer))
    return f"Ohio's officer confirmed a hit within its clock ({answer.proofs[0].entry})"


async def hit_confirmation_overdue(tell: Teller) -> str:
    """One that nobody answers ends by its clock, and says so."""
    query = _hit(tell, 2)
    asked = tell.keep((await tell.stage.ask(query))[0])
    check_is(asked, ResponseKind.DELIVERED)
    await tell.stage.unasked(OHIO_POLICE, seconds=10.0)
    answer = await tell.further(query, EXPIRY_SECONDS)
    rules = {reason.rule for part in answer.withheld for reason in part.reasons}
    expect(answer.is_final and rules == {OVERDUE_RULE}, saw(answer))
    return "a second hit confirmation was not answered in time: it ended and said so"


async def own_state_asked_first(tell: Teller) -> str:
    """An officer's inquiry to a federal system waits for the officer's own state, and goes on."""
    query = Query(
        key=MessageKey("IAQ"),
        origin=tell.query(OREGON_POLICE, "IAQ", "AX", []).origin,
        destinations=("AX",),
        control="PX26000118",
        fields=_INQUIRY,
    )
    held = tell.keep((await tell.stage.ask(query))[0])
    check_is(held, ResponseKind.HELD)
    expect(held.state == "or" and held.hold is not None, f"{held.state}: {saw(held)}")
    entry = held.hold.entry if held.hold is not None else ""
    await tell.stage.decide(entry, VerdictKind.APPROVE, (DataClass.OPAQUE,), "a warrant exists")
    word = await tell.further(query)
    check_is(word, ResponseKind.HIT)
    answer = await tell.further(query)
    expect(answer.state == "us" and _text(answer) == FEDERAL_TEXT, f"{answer.state}: {saw(answer)}")
    return (
        "Oregon held its own officer's inquiry to ICE; a reviewer let it go; the federal system "
        f"answered ({answer.proofs[0].entry})"
    )


async def directory_changed_by_its_terminal(tell: Teller) -> str:
    """Only a control terminal adds an agency; whoever asks finds it at once."""
    add = [
        ("ORI", NEW_AGENCY), ("AGN", "EXAMPLE CREEK POLICE"), ("LOC", "EXAMPLE CREEK"),
        ("TYP", "PD"), ("FAM", "TX/LOCAL/PD"),
    ]  # fmt: skip
    refused = (await tell.stage.ask(tell.query(POLICE, "TA", "OD", add)))[0]
    expect(refused.fault is not None, "a police department changed the directory")
    changed = await tell.ask(TERMINAL, "TA", "OD", add)
    check_is(changed, ResponseKind.HIT)
    found = await tell.ask(POLICE, "TQ", "OD", [("ORI", NEW_AGENCY)])
    expect("EXAMPLE CREEK POLICE" in _text(found), _text(found))
    return "Texas's control terminal added an agency, and the next query found it; police could not"


async def archive_finds_own_traffic(tell: Teller) -> str:
    """An agency finds what it sent and got, acknowledged at once, and reads it in full."""
    today = datetime.now(UTC)
    days = [(today + timedelta(days=shift)).strftime("%Y%m%d") for shift in (-1, 1)]
    search = [("TYP", "AM"), ("BEG", days[0]), ("END", days[1]), ("FND", "BLUE SEDAN")]
    query = tell.query(POLICE, "NLQ", "NL", search)
    (queued,) = await tell.stage.ask(query)
    expect("PLACED IN THE QUEUE" in queued.delivery.text, queued.delivery.text)
    listed = await tell.further(query)
    text = _text(listed)
    references = [word for word in text.split() if word.startswith("TX/")]
    expect(bool(references), text)
    read = tell.query(POLICE, "NFQ", "NL", [("REF", references[0])])
    await tell.stage.ask(read)
    full = await tell.further(read)
    expect("WATCH FOR A BLUE SEDAN" in _text(full), _text(full))
    return f"a police department found its message of today as {references[0]} and read it again"


def _hit(tell: Teller, number: int) -> Query:
    vin = tell.anchor("oh").vehicle.vin
    return tell.query(POLICE, "YQ", OHIO_POLICE, [("", _HIT.format(number=number, vin=vin))])


def _text(answer: Answer) -> str:
    return "\n".join(e.value for e in answer.elements if e.name == FREE_TEXT)


async def _awake(tell: Teller, agency: str) -> None:
    """Have an agency's line connected, as it is all day: it asks something."""
    await tell.ask(agency, "DQ", "oh", [("OLN", "PXZZ00000")])
