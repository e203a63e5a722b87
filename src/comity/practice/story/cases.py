"""What must not wait: a case that was reviewed, a warrant that was read, a person in danger now."""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import Member
from comity.domain.query import Claims
from comity.domain.vocabulary import (
    DataClass,
    Emergency,
    Instrument,
    LeafDecision,
    Offence,
    Purpose,
)
from comity.practice.story.teller import CBP, CHILD, HSI, Teller, check_is, expect, saw

__all__ = [
    "case_pass_makes_the_second_query_immediate",
    "demand_for_own_data_is_registered_and_opens_nothing",
    "urgent_lane_releases_and_is_reviewed",
    "warrant_opens_after_two_read_it",
]

_STATE: Final = Member("il")
_DAYS: Final = 7
_SMALLEST: Final = {DataClass.STATUS, DataClass.IDENTITY}
_MISSING: Final = Claims(
    purpose=Purpose.MISSING_OR_ENDANGERED,
    offence=Offence.KIDNAPPING,
    instrument=Instrument.NONE,
    case_number="HS-26-91",
    operator="H2210",
    emergency=Emergency.DECLARED,
)


async def case_pass_makes_the_second_query_immediate(tell: Teller) -> str:
    """A case is reviewed once; its next query goes at once, another person's waits."""
    fields = [("OLN", tell.first_oln(_STATE))]
    query = tell.query(HSI, "DQ", _STATE, fields, CHILD)
    held = tell.keep((await tell.stage.ask(query))[0])
    check_is(held, ResponseKind.HELD)
    expect(held.hold is not None, saw(held))
    entry = await tell.stage.approve_with_pass(held.hold.entry if held.hold else "", _DAYS)
    check_is(tell.keep(await tell.stage.further(query, seconds=15.0)), ResponseKind.HIT)
    answer = await tell.ask(HSI, "DQ", _STATE, fields, CHILD)
    check_is(answer, ResponseKind.HIT)
    leaf = await tell.stage.leaf(answer.proofs[0].entry)
    expect(leaf.cites == entry, f"the disclosure cites {leaf.cites}, not the pass {entry}")
    other = [("OLN", tell.anchor(_STATE, "noncompliant").driver.oln)]
    check_is(await tell.ask(HSI, "DQ", _STATE, other, CHILD), ResponseKind.HELD)
    (standing,) = await tell.stage.passes(_STATE)
    expect((standing.entry, standing.uses) == (entry, 1), f"{standing.uses} uses are counted")
    revoked = await tell.stage.revoke_pass(entry)
    check_is(await tell.ask(HSI, "DQ", _STATE, fields, CHILD), ResponseKind.HELD)
    return (
        f"Illinois reviewed HSI's case once: its next query was answered at once under {entry}, "
        f"another person's was held, and so was the first again after {revoked} revoked it"
    )


async def warrant_opens_after_two_read_it(tell: Teller) -> str:
    """A warrant that is claimed opens nothing; read by two people it does, and ends at once."""
    state = Member("ny")
    claims = msgspec.structs.replace(
        CHILD, instrument=Instrument.ARTICLE_III_WARRANT, instrument_ref="26-MJ-118"
    )
    fields = [("OLN", tell.first_oln(state))]
    query = tell.query(CBP, "DQ", state, fields, claims)

    async def asked() -> Answer:
        return await tell.ask(CBP, "DQ", state, fields, claims)

    check_is(await asked(), ResponseKind.HELD)
    entry = await tell.stage.register_instrument(query, state)
    check_is(await asked(), ResponseKind.HELD)
    verified = await tell.stage.verify_instrument(entry)
    answer = await asked()
    check_is(answer, ResponseKind.HIT)
    leaf = await tell.stage.leaf(answer.proofs[0].entry)
    expect(leaf.cites == entry, f"the disclosure cites {leaf.cites}, not the warrant {entry}")
    revoked = await tell.stage.revoke_instrument(entry)
    check_is(await asked(), ResponseKind.HELD)
    return (
        f"New York refuses CBP without a judge's warrant: one that was claimed was held, also once "
        f"one person had read it ({entry}); when two had ({verified}), the record went and cites "
        f"it; revoked ({revoked}), the next query was held"
    )


async def demand_for_own_data_is_registered_and_opens_nothing(tell: Teller) -> str:
    """A paper for a state's own data is registered and ends; no request is released by it."""
    state, number = Member("ny"), "26-MJ-221"
    claims = msgspec.structs.replace(
        CHILD, instrument=Instrument.ARTICLE_III_WARRANT, instrument_ref=number
    )
    fields = [("OLN", tell.first_oln(state))]
    entry = await tell.stage.register_demand(state, Instrument.ARTICLE_III_WARRANT, number)
    leaf = await tell.stage.leaf(entry)
    expect((leaf.agency, leaf.cites) == (None, None), "the leaf says more than that one came")
    check_is(await tell.ask(CBP, "DQ", state, fields, claims), ResponseKind.HELD)
    ended = await tell.stage.end_demand(entry)
    leaf = await tell.stage.leaf(ended)
    expect((leaf.instrument, leaf.cites) == (Instrument.NONE, entry), "its end is not recorded")
    check_is(await tell.ask(CBP, "DQ", state, fields, claims), ResponseKind.HELD)
    seen = await tell.stage.audit(state)
    expect(not seen.findings, f"the export fails: {', '.join(seen.findings)}")
    return (
        f"a warrant for New York's own data was registered ({entry}) and withdrawn ({ended}): a "
        f"request that claimed its number was held before and after, and the ledger passes the "
        f"audit"
    )


async def urgent_lane_releases_and_is_reviewed(tell: Teller) -> str:
    """A child in danger: the smallest part at once, and a person who calls back afterwards."""
    fields = [("OLN", tell.first_oln(_STATE))]
    answer = await tell.ask(HSI, "DQ", _STATE, fields, _MISSING)
    check_is(answer, ResponseKind.HIT)
    expect({e.data_class for e in answer.elements} == _SMALLEST, saw(answer))
    expect("REVIEWS THIS" in answer.remark, "the requester is not told of the review")
    entry = answer.proofs[0].entry
    releases = [r for r in await tell.stage.urgent_releases(_STATE) if r.entry == entry]
    expect(len(releases) == 1, "the reviewer does not see the release")
    look = await tell.stage.look_at(releases[0])
    leaf = await tell.stage.leaf(look)
    expect((leaf.cites, leaf.decision) == (entry, LeafDecision.APPROVE), "the look is not recorded")
    expect(not await tell.stage.urgent_releases(_STATE), "the release still waits for a look")
    return (
        f"HSI declared an emergency: status and identity went at once ({entry}), the address "
        f"waits; a reviewer called {releases[0].phone} and found it justified ({look})"
    )
