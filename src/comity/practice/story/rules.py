"""What a state's choice is worth: a block in one act, proved, and confirmed by another person."""

from __future__ import annotations

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member, member_label
from comity.practice.story.teller import CRIME, ERO, POLICE, Teller, check_is, expect

__all__ = [
    "announced_rules_counted",
    "block_confirmed_by_another",
    "block_takes_force",
    "certificate_checked",
    "guarantee_proved_or_refuted",
    "leak_advisor_names_cbp",
    "replay_equals_reference",
    "unconfirmed_block_becomes_hold",
]

_STATE = Member("oh")
_FAMILY = "US/DHS/ICE"
_SECONDS_MAX = 1.0
_UNSURE = Member("pa")
_PAGE_SECONDS = 20.0
_ANNOUNCING = Member("ia")
_SINCE = 2
"""Answers between the announcement and its replay."""


async def guarantee_proved_or_refuted(tell: Teller) -> str:
    """A promise is counted over every request that can be made: kept, or broken by this one."""
    kept = await tell.stage.prove(Member("wa"), _FAMILY)
    expect(kept.holds and kept.examined > 0, f"Washington's promise is broken by {kept.agency}")
    broken = await tell.stage.prove(_STATE, _FAMILY)
    expect(not broken.holds, "Ohio has no rule, and yet the promise is said to hold")
    return (
        f"of {kept.examined:,} requests that ICE can make, Washington releases none unreviewed; "
        f"Ohio {broken.broken:,}, as {broken.agency} by {', '.join(broken.rules)}"
    )


async def leak_advisor_names_cbp(tell: Teller) -> str:
    """Washington refuses ICE by name: who else still gets it, and the rule that would close it."""
    seen = await tell.stage.leaks(Member("wa"), _FAMILY)
    expect(seen.sister == "CBP", f"the widest door of a sister agency is {seen.sister}")
    expect(seen.answered > 0, "the ledger counts no answer to CBP, and there was one")
    expect(seen.is_exact, "the drafted rule changes more than the door that it closes")
    expect(seen.closed == seen.request_kinds, f"it closes {seen.closed} of {seen.request_kinds}")
    return (
        f"{seen.finding.rstrip('.')}; a drafted rule would close {seen.sister}'s, "
        f"{seen.closed:,} kinds of request, and nothing else"
    )


async def block_takes_force(tell: Teller) -> str:
    """One person blocks ICE in Ohio: in force at once, probed, and the next query is refused."""
    made = await tell.stage.block(_STATE, _FAMILY, "Order 14", "reviewer")
    expect(made.seconds <= _SECONDS_MAX, f"the block took {made.seconds} s")
    expect(made.holds, "a probe was not refused")
    fields = [("OLN", tell.anchor(_STATE).driver.oln)]
    answer = await tell.ask(ERO, "DQ", _STATE, fields, CRIME)
    check_is(answer, ResponseKind.REFUSED)
    proof = await tell.stage.prove(_STATE, _FAMILY)
    expect(proof.holds, f"a request by {proof.agency} is still released")
    label = member_label(_STATE)
    return (
        f"{label} blocked ICE as {made.rule} ({made.entry}), in force within a second: "
        f"{made.probes} probes and the next query refused, none of {proof.examined:,} released"
    )


async def certificate_checked(tell: Teller) -> str:
    """The gateway signs what it probed; a check believes its bytes, and no other."""
    made = await tell.stage.certify(_STATE, _FAMILY)
    seen = await tell.stage.check_certificate(made.data)
    expect(not seen.code and not seen.changed, f"the certificate is `{seen.code}`, {seen.changed}")
    place = made.data.index(b"refused")
    altered = made.data[:place] + b"refuted" + made.data[place + len(b"refuted") :]
    wrong = await tell.stage.check_certificate(altered)
    expect(wrong.code == "certificate-signature-invalid", f"another byte is `{wrong.code}`")
    return f"{seen.sentence} One byte of it changed: {wrong.code}"


async def block_confirmed_by_another(tell: Teller) -> str:
    """Whoever blocked cannot confirm it; another person can."""
    _, code = await tell.stage.confirm(_STATE, "BLOCK-1", "reviewer")
    expect(code == "second-person-missing", f"the same person again got `{code}`")
    made = await tell.stage.certify(_STATE, _FAMILY)
    entry, code = await tell.stage.confirm(_STATE, "BLOCK-1", "supervisor")
    expect(not code, f"another person got `{code}`")
    seen = await tell.stage.check_certificate(made.data)
    expect(seen.changed == ("rules",), f"the old certificate still counts: {seen.changed}")
    return (
        f"the person who blocked could not confirm it; the supervisor did ({entry}),"
        " and the certificate from before is void"
    )


async def replay_equals_reference(tell: Teller) -> str:
    """A draft that holds ICE, over all traffic so far: counted fast, and row by row, alike."""
    seen = await tell.stage.replay(tuple(tell.world.members()), _FAMILY)
    expect(not seen.differing, f"the two ways differ: {', '.join(seen.differing)}")
    expect(
        seen.requests + seen.lost == seen.leaves,
        f"{seen.requests} requests and {seen.lost} lost, but {seen.leaves} answered in the ledgers",
    )
    expect(seen.held > 0, "nothing that ICE asked would have been held")
    return (
        f"of {seen.requests:,} requests that {seen.states} states answered, {seen.finding} under a"
        " draft that holds ICE; decided row by row, the same counts"
    )


async def announced_rules_counted(tell: Teller) -> str:
    """Announced rules decide nothing; what they would have decided since is counted exactly."""
    fields = [("OLN", "PX000000ZZ")]
    await tell.ask(ERO, "DQ", _ANNOUNCING, fields, CRIME)
    entry = await tell.stage.announce(_ANNOUNCING, _FAMILY, "reviewer")
    for agency in (ERO, POLICE):
        check_is(await tell.ask(agency, "DQ", _ANNOUNCING, fields, CRIME), ResponseKind.NO_HIT)
    seen = await tell.stage.replay_announced(_ANNOUNCING)
    expect(seen.announced == entry, f"{seen.announced} stands announced, not {entry}")
    expect(seen.answers == _SINCE, f"{seen.answers} answers counted since, not {_SINCE}")
    expect((seen.held, seen.changed) == (1, 1), f"{seen.held} held, {seen.changed} changed, not 1")
    expect(seen.is_exact, "a fact that the rules look at was not noted, or a leaf was lost")
    return (
        f"since {entry}, of {seen.answers} answers of {member_label(_ANNOUNCING)}, {seen.finding}"
        " under the rules that it has announced; both were answered"
    )


async def unconfirmed_block_becomes_hold(tell: Teller) -> str:
    """A block that nobody confirms in time becomes a hold, never a release; someone is paged."""
    made = await tell.stage.block(_UNSURE, _FAMILY, "Order 15", "reviewer", seconds=1)
    expect(made.holds, "a probe was not refused")
    page = await tell.stage.paged(made.entry, seconds=_PAGE_SECONDS)
    expect(page.event == "block_unconfirmed", f"the page says `{page.event}`")
    answer = await tell.ask(ERO, "DQ", _UNSURE, [("OLN", "PX000000ZZ")], CRIME)
    check_is(answer, ResponseKind.HELD)
    expect(answer.policy_entry == page.entry, f"held under {answer.policy_entry}")
    label = member_label(_UNSURE)
    return (
        f"nobody confirmed {made.rule} of {label} ({made.entry}) in the second that was left: "
        f"since {page.entry} a person reviews each query, and one was paged"
    )
