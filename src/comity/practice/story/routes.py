"""Where a message goes: a region, the whole network, a state out of service; in which format."""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import Member, parse_ori, wire_of_member
from comity.domain.keys import MessageKey
from comity.domain.leaf import LeafHeader
from comity.domain.query import Query
from comity.formats.aamva import parse_card, query_of_card
from comity.formats.text import parse_answer_text
from comity.practice.cards import card_payload
from comity.practice.seen import (
    Heard,
)
from comity.practice.story.teller import (
    CRIME,
    ERO,
    POLICE,
    Teller,
    check_is,
    expect,
    saw,
)

__all__ = [
    "every_format_agrees",
    "https_request_answered",
    "network_answered_as_one",
    "outage_announced",
    "outage_over_in_order",
    "queries_wait_for_a_state",
    "region_answered_state_by_state",
]

MAINE: Final = Member("me")
MAINE_TERMINAL: Final = "MEPX004SP"
OUT_OF_SERVICE: Final = ".02. USER OUT OF SERVICE FOR MSG TYPE, NLETS WILL FORWARD\nMKE DQ TO ME"
IN_SERVICE: Final = "NLETS IN SERVICE"
_REGION: Final = ("ak", "ca", "gu", "hi", "or", "wa")
_WAIT_SECONDS: Final = 40.0


async def region_answered_state_by_state(tell: Teller) -> str:
    """A query to a region is asked of each of its states under the plain key."""
    fields = tell.by_name("wa")[:2]
    query = tell.query(POLICE, "DQG", "H1", fields)
    heard = await tell.stage.ask(query, count=len(_REGION))
    answers = {answer.state: answer for answer in map(tell.keep, heard)}
    expect(set(answers) == set(map(Member, _REGION)), f"answers came from {sorted(answers)}")
    washington = answers[Member("wa")]
    check_is(washington, ResponseKind.HIT)
    leaf = await tell.stage.leaf(washington.proofs[0].entry)
    expect(leaf.key == "DQ", f"the state was asked {leaf.key}")
    hits = sorted(s.upper() for s, a in answers.items() if a.response is ResponseKind.HIT)
    return f"a region of six states answered one by one, asked as DQ; record in {' '.join(hits)}"


async def outage_announced(tell: Teller) -> str:
    """A state's control terminal announces that it does not answer licence queries now."""
    answer = await _announce(tell, OUT_OF_SERVICE)
    refused = await tell.stage.ask(_announcement(POLICE, OUT_OF_SERVICE))
    expect(
        refused[0].fault is not None and refused[0].fault.code == "sender-not-entitled",
        "a police department announced an outage",
    )
    return (
        "Maine's control terminal announced that it does not answer DQ; a police department "
        f"that tried was refused ({answer.proofs[0].entry})"
    )


async def queries_wait_for_a_state(tell: Teller) -> str:
    """What is for a state out of service is kept, and its requester told so."""
    for query in _waiting(tell):
        (heard,) = await tell.stage.ask(query)
        expect(heard.delivery.key == "SM", f"{heard.delivery.key} came instead of a status message")
        expect(heard.delivery.text.startswith(".02. "), heard.delivery.text)
    return "two licence queries to Maine were kept, each told by status message .02."


async def network_answered_as_one(tell: Teller) -> str:
    """One query to the whole network is one message: records, refusals, holds, silence."""
    (heard,) = await tell.stage.ask(_to_all(tell))
    merged = heard.merged
    expect(merged is not None, f"{heard.delivery.key} came, and no merged message")
    assert merged is not None
    tell.answers += merged.answers
    by_kind: dict[ResponseKind, list[str]] = {}
    for answer in merged.answers:
        by_kind.setdefault(answer.response, []).append(wire_of_member(answer.state))
    expect(len(merged.asked) == 54, f"{len(merged.asked)} states were asked")
    expect("OH" in by_kind.get(ResponseKind.HIT, ()), "Ohio's record is not in it")
    expect({"NY", "WA"} <= set(by_kind.get(ResponseKind.REFUSED, ())), "a refusal is missing")
    expect("IL" in by_kind.get(ResponseKind.HELD, ()), "Illinois's hold is missing")
    expect(merged.silent == (MAINE,), f"silent: {merged.silent}")
    expect("NO ANSWER: ME" in heard.delivery.text, "the silent state reads as no record")
    counts = ", ".join(f"{len(states)} {kind.value}" for kind, states in sorted(by_kind.items()))
    return f"ICE asked all 54 at once: one message, {counts}, Maine silent and named so"


async def outage_over_in_order(tell: Teller) -> str:
    """Back in service, a state gets what waited in the order of asking; late answers come alone."""
    await _announce(tell, IN_SERVICE)
    numbers: list[int] = []
    for query in _waiting(tell):
        heard = await _next(tell, query)
        tell.keep(heard)
        numbers.append(heard.number)
    expect(numbers == sorted(numbers), f"deliveries came as {numbers}")
    # Illinois's hold of the same query ends meanwhile, and is told alone too.
    while (late := tell.keep(await _next(tell, _to_all(tell)))).state != MAINE:
        expect(late.state == "il", f"{late.state}: {saw(late)}")
    return "Maine is back: both queries answered in their order, and its late answer came alone"


async def every_format_agrees(tell: Teller) -> str:
    """The same query as text, XML, JSON and a scanned card gets one decision and equal leaves."""
    anchor = tell.anchor("oh")
    card = parse_card(card_payload(Member("oh"), anchor))
    queries = {
        form: tell.query(POLICE, "DQ", "oh", [("OLN", anchor.driver.oln)], CRIME)
        for form in ("text", "niem", "json")
    }
    scanned = query_of_card(card, origin=queries["json"].origin, claims=CRIME)
    leaves = [
        await _leaf(tell, (await tell.stage.ask(query, form=form))[0])
        for form, query in queries.items()
    ]
    leaves.append(await _leaf(tell, (await tell.stage.ask(scanned))[0]))
    expect(all(leaf == leaves[0] for leaf in leaves), "the leaves differ")
    classes = ", ".join(leaves[0].released or ())
    return f"text, XML, JSON and a scanned card of one query: released {classes}, equal leaves"


async def https_request_answered(tell: Teller) -> str:
    """An agency that speaks HTTPS is answered by one request, and again by repeating it."""
    query = tell.query(POLICE, "DQ", "oh", [("OLN", tell.anchor("oh").driver.oln)], CRIME)
    first = await tell.stage.request(query, "practice-1")
    answer = tell.keep(first)
    check_is(answer, ResponseKind.HIT)
    size = await tell.stage.ledger_size(Member("oh"))
    again = await tell.stage.request(query, "practice-1")
    expect(again.data == first.data, "a repeated request got other bytes")
    expect(await tell.stage.ledger_size(Member("oh")) == size, "a repeat made a new leaf")
    return (
        f"one HTTPS request was answered, its repeat by the same bytes ({answer.proofs[0].entry})"
    )


async def _leaf(tell: Teller, heard: Heard) -> LeafHeader:
    """Return an answer's leaf without what is a query's own: place, commitment, hour."""
    if heard.answer is not None:
        tell.answers.append(heard.answer)
        entry = heard.answer.proofs[0].entry
    else:
        entry = parse_answer_text(heard.delivery.text).entries[0]
    leaf = await tell.stage.leaf(entry)
    return msgspec.structs.replace(leaf, peer="tx/0", commitment=bytes(32), hour=0)


def _announcement(agency: str, body: str) -> Query:
    return Query(
        key=MessageKey("SM"),
        origin=parse_ori(agency),
        destinations=("NL",),
        fields=(("", body),),
    )


async def _announce(tell: Teller, body: str) -> Answer:
    """Have Maine's control terminal say something of its service."""
    answer = tell.keep((await tell.stage.ask(_announcement(MAINE_TERMINAL, body)))[0])
    check_is(answer, ResponseKind.HIT)
    return answer


def _waiting(tell: Teller) -> list[Query]:
    """Return two queries to Maine, which are told apart by what they ask."""
    number = tell.first_oln("me")
    return [
        tell.query(POLICE, "DQ", "me", [("OLN", number)]),
        tell.query(POLICE, "DQ", "me", [("OLN", number), ("IMQ", "N")]),
    ]


def _to_all(tell: Teller) -> Query:
    return tell.query(ERO, "DQ", "NL", tell.by_name("oh"))


async def _next(tell: Teller, query: Query) -> Heard:
    """Return the next kept delivery about a query."""
    while True:
        heard = await tell.stage.further(query, seconds=_WAIT_SECONDS)
        if heard.number:
            expect(heard.answer is not None, f"{heard.delivery.key} came, and no answer")
            return heard
