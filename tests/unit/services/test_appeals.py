"""Appeals: taken in once, of the same agency, in time; decided by another person; told once."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.adapters.memory.store import CommitFault
from comity.audit.urgent import UrgentCounts
from comity.directory.part import sign_part
from comity.domain.agency import ReviewerKey
from comity.domain.answer import Answer, ResponseKind
from comity.domain.appeal import AppealDecision, AppealStands
from comity.domain.ids import parse_entry_name
from comity.domain.keys import MessageKey
from comity.domain.passes import NamedBy, PassPerson, SignedPass, pass_bytes
from comity.domain.query import Exchange
from comity.domain.verdict import Ed25519Proof, VerdictKind
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, Outcome, Purpose
from comity.exchange.appeals import APPEAL_DAYS, appeal_text
from comity.link.parcel import Answered, Ask
from comity.policy import Publication, encode_bundle
from comity.ports import DutyKind
from comity.review.appeals import (
    AppealByAnotherError,
    AppealDoneError,
    AppealFindingError,
    due_of,
)
from comity.review.calendars import calendar_of
from comity.review.conflicts import ConflictError, Ground, conflict_note
from comity.review.passes import PassError
from comity.review.past import tally_of
from comity.review.signatures import VerdictError
from comity.services import second_person
from comity.services.appeal_ledger import LOOK_BACK_DAYS
from comity.services.health import CLOCK_SKEW_NS_MAX, ClockSkewedError
from comity.services.past_decisions import PastDecisions
from comity.services.vault import month_of
from tests.support.directory import signer_of
from tests.support.exchange import (
    AUTHOR,
    AUTHOR_KEY,
    ENROLLED,
    KEY_ID,
    PRIVATE_KEY,
    REVIEWER,
    SUPERVISOR,
    SUPERVISOR_KEY,
)
from tests.support.gateway import (
    AUSTIN,
    HOLD_ALL,
    HOLD_SECONDS,
    NOW,
    NS,
    OR,
    RELEASE,
    SALEM,
    SEATTLE_CONTROL,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    practice_parts,
    running,
)
from tests.support.review import (
    CASE,
    DAY,
    DQ,
    appeal_finding,
    case_pass,
    signed_appeal,
    signed_pass,
)
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_verdict import verdict

HELD = policy_of(WA, RELEASE, HOLD_ALL)
DENY_DQ = rule("NO-DQ", Outcome.DENY, data_class=DQ)
RULED = policy_of(WA, RELEASE, DENY_DQ)
"""Driver's data are refused by a rule; messages go."""
OTHER_PERSON = PassPerson(by=NamedBy.LICENCE, value="PX000204K8")
AM = MessageKey("AM")
TEXT = "The docket was not read.\nThe clerk can confirm it."
GRANTED, UPHELD, FOR_RULES = AppealDecision
CALENDAR = calendar_of(WA)
DUE = due_of(NOW // 3_600, CALENDAR)
HOUR = 3_600


async def told(host: PracticeHost, exchange: Exchange) -> Answer:
    """What Washington answers."""
    host.courier.take()
    await host.answer.take(asks(exchange))
    (parcel,) = [each for each in host.courier.take() if isinstance(each, Answered)]
    return parcel.answer


async def held(host: PracticeHost, number: int = 1, **changes: Any) -> str:
    """Let Washington hold a request of Austin's, for its case unless changed."""
    at = host.clock.now_ns() // NS
    values: dict[str, Any] = {"claims": CASE, "accepted_at": at}
    answer = await told(host, ask_of(number, **(values | changes)))
    assert answer.hold is not None
    return answer.hold.entry


async def refused(host: PracticeHost, number: int = 1, **changes: Any) -> str:
    """Let the reviewer refuse such a request; return the denial's entry."""
    entry = await held(host, number, **changes)
    await host.desk.decide(await verdict(host, entry, VerdictKind.REFUSE))
    return f"wa/{host.size(WA) - 1}"


async def denied(host: PracticeHost) -> str:
    """A refusal by a rule alone; its entry."""
    await told(host, ask_of(1, claims=CASE))
    assert host.leaves(WA)[-1].kind is LeafKind.DENIAL
    return f"wa/{host.size(WA) - 1}"


def message(entry: str, number: int = 50, body: str = "", **changes: Any) -> Exchange:
    """Austin's appeal against a refusal."""
    values: dict[str, Any] = {
        "key": AM,
        "original_key": AM,
        "fields": (("", body or appeal_text(entry, TEXT)),),
        "claims": CASE,
    }
    return ask_of(number, **(values | changes))


async def appealed(host: PracticeHost, number: int = 1) -> str:
    """A refusal against which Austin has appealed; its entry."""
    entry = await refused(host, number)
    at = host.clock.now_ns() // NS
    answer = await told(host, message(entry, 50 + number, accepted_at=at))
    assert answer.remark.startswith(f"APPEAL OF {entry.upper()} TAKEN IN")
    return entry


def pass_by_supervisor(host: PracticeHost, hold: str, **changes: Any) -> SignedPass:
    """The case pass that goes with a grant."""
    at = host.clock.now_ns() // NS
    values: dict[str, Any] = {
        "reviewer": SUPERVISOR.name,
        "hold_entry": hold,
        "since": at,
        "until": at + 7 * DAY,
        "at": at,
    }
    made = case_pass(**(values | changes))
    signature = SUPERVISOR_KEY.sign(pass_bytes(made))
    proof = Ed25519Proof(key_id=SUPERVISOR.key_id, signature=signature)
    return SignedPass(case_pass=made, proof=proof)


async def decided(host: PracticeHost, entry: str, decision: AppealDecision, **changes: Any) -> str:
    """Let the supervisor decide, with the pass that a grant carries; return the leaf's entry."""
    grant = changes.pop("grant", None)
    if decision is GRANTED and grant is None:
        grant = pass_by_supervisor(host, hold_of(host, entry))
    at = host.clock.now_ns() // NS
    made = appeal_finding(entry, decision, **{"at": at, **changes})
    return await host.review.appeals.decide(signed_appeal(made), grant)


def hold_of(host: PracticeHost, entry: str) -> str:
    """The hold behind a refusal after review."""
    leaves = host.leaves(WA)
    denial = leaves[parse_entry_name(entry)[1]]
    return leaves[parse_entry_name(denial.cites or "")[1]].cites or ""


async def stands(host: PracticeHost, entry: str) -> AppealStands:
    """Where an appeal stands now."""
    member, index = parse_entry_name(entry)
    await host.review.appeals.open(member)
    appeal = host.review.appeals._ledger.appeal(member, index)
    assert appeal is not None
    return appeal.stands(host.clock.now_ns() // NS)


async def pass_time(host: PracticeHost, until: int) -> None:
    """Let the clock go to a moment."""
    host.clock.advance_ns(until * NS - host.clock.now_ns())


async def test_an_appeal_is_kept_beside_its_refusal_and_goes_to_no_terminal() -> None:
    """One leaf that cites the refusal; the agency is told by when another person decides."""
    async with running(HELD) as host:
        entry = await refused(host)
        answer = await told(host, message(entry))
        assert (answer.response, answer.is_final) == (ResponseKind.DELIVERED, True)
        assert answer.remark == (
            f"APPEAL OF {entry.upper()} TAKEN IN - ANOTHER PERSON DECIDES IT BY 2026-12-08"
        )
        leaf = host.leaves(WA)[-1]
        assert (leaf.kind, leaf.cites) == (LeafKind.DISCLOSURE, entry)
        assert host.store.tables.results == {}
        ((appeal, said),) = await host.review.appeals.open(WA)
        assert said is not None
        assert (appeal.due, said.agency, said.case_number) == (DUE, AUSTIN, "HS-26-88")
        assert await stands(host, entry) is AppealStands.OPEN


async def test_another_person_of_the_agency_may_appeal() -> None:
    """An officer is off duty; the desk sergeant appeals."""
    async with running(HELD) as host:
        entry = await refused(host)
        other = msgspec.structs.replace(CASE, operator="S1")
        assert "TAKEN IN" in (await told(host, message(entry, claims=other))).remark


async def test_what_is_no_appeal_is_told_why_and_delivered() -> None:
    """Another agency's, what is no refusal, a hold that stands, another state's, and a probe."""
    async with running(HELD) as host:
        hold = await held(host, 1)
        entry = await refused(host, 2)
        size = len(host.store.tables.results)
        for number, exchange in enumerate(
            (
                message(entry, 60, origin=OR, agency=SALEM),
                message(hold, 61),
                message("wa/0", 62),
                message("wa/999999", 63),
                message("tx/5", 64),
            )
        ):
            host.courier.take()
            assert await host.review.appeals.filed(exchange) == "appeal-unknown", number
        assert len(host.store.tables.results) == size
        probe = message(entry, 65, probe=True)
        assert await host.review.appeals.filed(probe) == "appeal-unknown"
        to_somebody = message(entry, 66, to=(SEATTLE_CONTROL,))
        assert await host.review.appeals.filed(to_somebody) is None
        assert await host.review.appeals.filed(message(entry, 67, "APPEAL of something")) is None
        assert await host.review.appeals.open(WA) == []


async def test_who_is_no_appellant_is_told_in_the_answer() -> None:
    """With a code; the message goes to the state's terminal as any message does."""
    async with running(policy_of(WA, RELEASE)) as host:
        answer = await told(host, message("wa/0"))
        assert answer.response is ResponseKind.DELIVERED
        assert answer.remark == (
            f"DELIVERED TO {SEATTLE_CONTROL} - NOT TAKEN AS AN APPEAL (appeal-unknown): "
            "YOUR AGENCY HAS NO SUCH REFUSAL HERE"
        )
        assert host.store.tables.results


async def test_a_message_that_waits_for_a_person_says_so_too() -> None:
    """What the rules hold of a family is held, and told why it is no appeal."""
    async with running(HELD) as host:
        answer = await told(host, message("wa/0"))
        assert answer.response is ResponseKind.HELD
        assert "appeal-unknown" in answer.remark


async def test_a_message_that_the_rules_refuse_is_no_appeal() -> None:
    """`state-decides`: what a state does not hear, nobody looks at."""
    silent = rule("NO-AM", Outcome.DENY, data_class=(DataClass.OPAQUE,))
    async with running(policy_of(WA, RELEASE, HOLD_ALL, silent)) as host:
        entry = await refused(host)
        assert (await told(host, message(entry))).response is ResponseKind.REFUSED
        assert await host.review.appeals.open(WA) == []


async def test_a_refusal_is_appealed_once() -> None:
    """By whomever of the agency; also where both came in one batch."""
    async with running(HELD) as host:
        entry = await refused(host)
        host.courier.take()
        await host.answer.take(asks(message(entry, 60), message(entry, 61)))
        remarks = [p.answer.remark for p in host.courier.take() if isinstance(p, Answered)]
        assert sorted("TAKEN IN" in each for each in remarks) == [False, True]
        assert any("appeal-repeated" in each for each in remarks)
        assert "appeal-repeated" in (await told(host, message(entry, 62))).remark
        await decided(host, entry, UPHELD)
        assert "appeal-repeated" in (await told(host, message(entry, 63))).remark
        again = await told(host, message(entry, 60))
        assert "TAKEN IN" in again.remark


async def test_one_that_was_never_recorded_keeps_nobody_out() -> None:
    """After ten minutes another may appeal; until then it is taken for the same."""
    async with running(HELD) as host:
        entry = await refused(host)
        assert not isinstance(await host.review.appeals.filed(message(entry, 60)), str)
        assert await host.review.appeals.filed(message(entry, 61)) == "appeal-repeated"
        host.clock.advance_ns(600 * NS)
        assert not isinstance(await host.review.appeals.filed(message(entry, 61)), str)


async def test_thirty_days_are_counted_in_the_states_zone() -> None:
    """The last second of the thirtieth day is in time, the next is not."""
    async with running(HELD) as host:
        entry = await refused(host)
        midnight = _midnight_after(APPEAL_DAYS)
        await pass_time(host, midnight - 1)
        assert not isinstance(await host.review.appeals.filed(message(entry, 61)), str)
        await pass_time(host, midnight + 600)
        assert await host.review.appeals.filed(message(entry, 62)) == "appeal-too-late"


def _midnight_after(days: int) -> int:
    """The first second behind so many local days after the refusal's."""
    zone = ZoneInfo("America/Los_Angeles")
    first = datetime.fromtimestamp(NOW, zone).date()
    end = datetime.combine(first + timedelta(days=days + 1), time(), zone)
    return int(end.timestamp())


async def test_a_hold_that_nobody_decided_can_be_appealed() -> None:
    """Its closure is the refusal; whoever refused nothing is anybody."""
    async with running(HELD) as host:
        hold = await held(host)
        await pass_time(host, NOW + HOLD_SECONDS)
        entry = await host.desk.expire(hold)
        answer = await told(host, message(entry))
        assert "TAKEN IN" in answer.remark
        grant = pass_by_supervisor(host, hold)
        found = await decided(host, entry, GRANTED, grant=grant)
        leaf = host.leaves(WA)[parse_entry_name(found)[1]]
        assert (leaf.decision, leaf.cites, leaf.released) == (LeafDecision.APPROVE, entry, DQ)


async def test_a_message_that_nobody_let_in_in_time_is_no_refusal() -> None:
    """It may have waited for an agency, which refuses nothing."""
    async with running(HELD) as host:
        held_message = await told(host, message("wa/0", 60, "Call the desk."))
        assert held_message.hold is not None
        await pass_time(host, NOW + HOLD_SECONDS)
        entry = await host.desk.expire(held_message.hold.entry)
        assert await host.review.appeals.filed(message(entry, 61)) == "appeal-unknown"


async def test_a_grant_makes_what_follows_go_at_once() -> None:
    """The exchange that ended stays ended; the next query of the case is decided as reviewed."""
    async with running(HELD) as host:
        entry = await appealed(host)
        size = host.size(WA)
        found = await decided(host, entry, GRANTED, note="The docket was overlooked.")
        assert host.leaves(WA, LeafKind.DISCLOSURE)[-1].cites == entry
        passed, finding, *rest = host.leaves(WA)[size:]
        assert (passed.kind, passed.released) == (LeafKind.PASS, DQ)
        assert (finding.kind, finding.decision) == (LeafKind.VERDICT, LeafDecision.APPROVE)
        assert (finding.cites, finding.released, finding.withheld) == (entry, DQ, ())
        assert found == f"wa/{size + 1}"
        assert [leaf.kind for leaf in rest] == [LeafKind.QUERY]
        assert await stands(host, entry) is AppealStands.GRANTED
        answer = await told(host, ask_of(9, claims=CASE))
        assert answer.response is ResponseKind.HIT
        assert await host.review.appeals.open(WA) == []


async def test_an_upheld_refusal_releases_nothing() -> None:
    """Its leaf says what stays withheld; the case waits as before."""
    async with running(HELD) as host:
        entry = await appealed(host)
        found = await decided(host, entry, UPHELD)
        leaf = host.leaves(WA)[parse_entry_name(found)[1]]
        assert (leaf.decision, leaf.released, leaf.withheld) == (LeafDecision.REFUSE, (), DQ)
        assert (await told(host, ask_of(9, claims=CASE))).response is ResponseKind.HELD
        assert host.leaves(WA, LeafKind.PASS) == []


async def test_the_agency_is_told_once_by_a_message_of_the_state() -> None:
    """From its control terminal, with the note, and nobody named; it is decided once."""
    async with running(HELD) as host:
        entry = await appealed(host)
        host.courier.take()
        await decided(host, entry, GRANTED, note="Overlooked: Muñoz,\nsee docket.")
        (sent,) = [each for each in host.courier.take() if isinstance(each, Ask)]
        assert (sent.exchange.agency, sent.exchange.to) == (SEATTLE_CONTROL, (AUSTIN,))
        text = sent.exchange.value("") or ""
        first, *lines = text.splitlines()
        assert first == f"APPEAL OF {entry.upper()}: GRANTED"
        assert "granted: status, identity, address." in lines[0]
        assert lines[1].startswith("Case pass WA/")
        assert lines[2] == "Note: Overlooked: Munoz, see docket."
        assert not any(word in text for word in ("PX000204K7", SUPERVISOR.name, REVIEWER))
        with pytest.raises(AppealDoneError):
            await decided(host, entry, UPHELD)
        assert [each for each in host.courier.take() if isinstance(each, Ask)] == []


async def test_the_states_own_message_is_no_appeal() -> None:
    """Neither its first line nor the reply to a reviewer is taken for one."""
    async with running(HELD) as host:
        entry = await refused(host)
        for body in (f"APPEAL OF {entry.upper()}: GRANTED\nx", f"REPLY TO {entry.upper()}\nx"):
            assert await host.review.appeals.filed(message(entry, 70, body)) is None


async def test_whoever_refused_decides_no_appeal() -> None:
    """Not by name, not by key under another name; nor whoever asked, or declared a conflict."""
    async with running(HELD) as host:
        entry = await appealed(host)
        made = appeal_finding(entry, UPHELD, reviewer=REVIEWER)
        with pytest.raises(AppealByAnotherError):
            await host.review.appeals.decide(signed_appeal(made, PRIVATE_KEY, KEY_ID), None)
        part = next(part for part in practice_parts() if part.member == WA)
        twin = ReviewerKey(name="twin", key_id="0badcaff", verify_key=ENROLLED.verify_key)
        changed = msgspec.structs.replace(part, version=2, reviewers=(ENROLLED, twin, SUPERVISOR))
        await host.founding.publish_parts([sign_part(changed, signer_of(WA))])
        made = appeal_finding(entry, UPHELD, reviewer="twin")
        with pytest.raises(AppealByAnotherError):
            await host.review.appeals.decide(signed_appeal(made, PRIVATE_KEY, "0badcaff"), None)
        assert await stands(host, entry) is AppealStands.OPEN
        await decided(host, entry, UPHELD)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        (msgspec.structs.replace(ENROLLED, name="renamed"), PRIVATE_KEY),
        (msgspec.structs.replace(AUTHOR, name=REVIEWER, key_id="0badcafd"), AUTHOR_KEY),
    ],
)
async def test_neither_a_new_name_nor_a_new_key_makes_another_person(
    changed: ReviewerKey, key: Ed25519PrivateKey
) -> None:
    """The key's id and the name stand in the first verdict's record."""
    async with running(HELD) as host:
        entry = await appealed(host)
        part = next(part for part in practice_parts() if part.member == WA)
        anew = msgspec.structs.replace(part, version=2, reviewers=(changed, SUPERVISOR))
        await host.founding.publish_parts([sign_part(anew, signer_of(WA))])
        made = appeal_finding(entry, UPHELD, reviewer=changed.name)
        with pytest.raises(AppealByAnotherError):
            await host.review.appeals.decide(signed_appeal(made, key, changed.key_id), None)


@pytest.mark.parametrize("note", ["practice", conflict_note(Ground.KNOWS_PERSON)])
async def test_whoever_passed_it_on_has_had_a_part(note: str) -> None:
    """Of a hold that nobody decided as well; who declared a conflict is not shown it either."""
    async with running(HELD) as host:
        hold = await held(host)
        await host.desk.decide(await verdict(host, hold, VerdictKind.ESCALATE, note=note))
        await pass_time(host, NOW + HOLD_SECONDS)
        entry = await host.desk.expire(hold)
        await told(host, message(entry))
        at = host.clock.now_ns() // NS
        made = appeal_finding(entry, UPHELD, reviewer=REVIEWER, at=at)
        with pytest.raises(AppealByAnotherError):
            await host.review.appeals.decide(signed_appeal(made, PRIVATE_KEY, KEY_ID), None)
        if note == "practice":
            assert (await host.review.appeals.one(entry, REVIEWER, KEY_ID)).is_own
        else:
            with pytest.raises(ConflictError):
                await host.review.appeals.one(entry, REVIEWER, KEY_ID)
        mine = await host.review.appeals.one(entry, SUPERVISOR.name, SUPERVISOR.key_id)
        assert not mine.is_own
        assert [each.verdict.reviewer for each in mine.given] == [REVIEWER]


async def test_where_it_cannot_be_read_who_refused_nobody_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`fail-closed`: too far apart; and with the month's key all of it is gone."""
    async with running(HELD) as host:
        entry = await appealed(host)
        monkeypatch.setattr(second_person, "BETWEEN_LEAVES_MAX", 0)
        with pytest.raises(AppealByAnotherError):
            await decided(host, entry, UPHELD)
        assert (await host.review.appeals.one(entry, SUPERVISOR.name, SUPERVISOR.key_id)).is_own
        monkeypatch.undo()
        host.disk.keyring.destroy(WA, month_of(NOW))
        await host.review.commands.reload([WA])
        with pytest.raises(AppealByAnotherError):
            await decided(host, entry, UPHELD)
        ((_, said),) = await host.review.appeals.open(WA)
        assert said is None


async def test_what_the_rules_refused_no_person_grants() -> None:
    """`state-decides`: it is upheld, or for whoever writes the rules, with the rule."""
    async with running(RULED) as host:
        entry = await denied(host)
        await told(host, message(entry))
        with pytest.raises(AppealFindingError, match="the rules refused"):
            await decided(host, entry, GRANTED, grant=pass_by_supervisor(host, ""))
        found = await decided(host, entry, FOR_RULES)
        leaf = host.leaves(WA)[parse_entry_name(found)[1]]
        assert (leaf.decision, leaf.released, leaf.cites) == (LeafDecision.ESCALATE, (), entry)
        assert host.leaves(WA, LeafKind.PASS) == []
        assert (await told(host, ask_of(9, claims=CASE))).response is ResponseKind.REFUSED
        assert await stands(host, entry) is AppealStands.FOR_RULES


async def test_whoever_decided_nothing_may_decide_of_a_rules_refusal() -> None:
    """There is no first person; so the reviewer too."""
    async with running(RULED) as host:
        entry = await denied(host)
        await told(host, message(entry))
        made = appeal_finding(entry, UPHELD, reviewer=REVIEWER)
        await host.review.appeals.decide(signed_appeal(made, PRIVATE_KEY, KEY_ID), None)
        assert await stands(host, entry) is AppealStands.UPHELD


async def test_what_a_person_alone_refused_is_no_matter_of_the_rules() -> None:
    """No rule of the state refused it; what expired, a rule had held."""
    async with running(HELD) as host:
        entry = await appealed(host)
        with pytest.raises(AppealFindingError, match="for the rules"):
            await decided(host, entry, FOR_RULES)
        hold = await held(host, 2)
        await pass_time(host, NOW + HOLD_SECONDS)
        expired = await host.desk.expire(hold)
        await told(host, message(expired, 60))
        await decided(host, expired, FOR_RULES)


async def test_what_a_reviewer_approved_and_the_rules_refused_is_the_rules() -> None:
    """The denial behind an approval is a rule's; whoever approved had a part in it all the same."""
    async with running(HELD) as host:
        hold = await held(host)
        signed = await verdict(host, hold)
        await host.overtake(WA, policy_of(WA, DENY_DQ, RELEASE, version=2))
        await host.desk.decide(signed)
        entry = f"wa/{host.size(WA) - 1}"
        await told(host, message(entry))
        with pytest.raises(AppealFindingError, match="the rules refused"):
            await decided(host, entry, GRANTED)
        made = appeal_finding(entry, FOR_RULES, reviewer=REVIEWER)
        with pytest.raises(AppealByAnotherError):
            await host.review.appeals.decide(signed_appeal(made, PRIVATE_KEY, KEY_ID), None)
        await decided(host, entry, FOR_RULES)


@pytest.mark.parametrize(
    "changes",
    [
        {"agency": SALEM},
        {"case_number": "HS-26-89"},
        {"persons": (OTHER_PERSON,)},
        {"classes": DQ[:2]},
        {"hold_entry": ""},
        {"until": NOW + 31 * DAY},
        {"note": "x" * 501},
    ],
)
async def test_a_pass_for_anything_else_is_refused(changes: dict[str, Any]) -> None:
    """And with it the finding: nothing is recorded."""
    async with running(HELD) as host:
        entry = await appealed(host)
        grant = pass_by_supervisor(host, hold_of(host, entry), **changes)
        size = host.size(WA)
        with pytest.raises((AppealFindingError, PassError)):
            await decided(host, entry, GRANTED, grant=grant)
        assert host.size(WA) == size


async def test_a_pass_of_somebody_else_carries_no_grant() -> None:
    """The same person signs both, by the same key."""
    async with running(HELD) as host:
        entry = await appealed(host)
        made = case_pass(hold_entry=hold_of(host, entry))
        with pytest.raises(AppealFindingError, match="grant"):
            await decided(host, entry, GRANTED, grant=signed_pass(made))
        forged = msgspec.structs.replace(made, reviewer=SUPERVISOR.name)
        with pytest.raises((AppealFindingError, VerdictError)):
            await decided(host, entry, GRANTED, grant=signed_pass(forged))


async def test_a_grant_comes_with_its_pass_and_nothing_else_does() -> None:
    """Where one can be made it must be there, and nowhere else."""
    async with running(HELD) as host:
        entry = await appealed(host)
        made = signed_appeal(appeal_finding(entry, GRANTED))
        with pytest.raises(AppealFindingError, match="grant"):
            await host.review.appeals.decide(made, None)
        with pytest.raises(AppealFindingError, match="grant"):
            await decided(host, entry, UPHELD, grant=pass_by_supervisor(host, ""))


@pytest.mark.parametrize("reason", ["no case", "nobody"])
async def test_where_no_pass_can_be_made_the_finding_is_shown_beside_the_next_hold(
    reason: str,
) -> None:
    """The agency is told so; the same request again is held, and what was granted is named."""
    asked: dict[str, Any] = {"fields": (("OLN", "PX000204K7"), ("OLN", "PX000204K8"))}
    if reason == "no case":
        asked = {"claims": msgspec.structs.replace(CASE, case_number="")}
    async with running(HELD) as host:
        entry = await refused(host, 1, **asked)
        await told(host, message(entry))
        host.courier.take()
        made = signed_appeal(appeal_finding(entry, GRANTED))
        found = await host.review.appeals.decide(made, None)
        (sent,) = [each for each in host.courier.take() if isinstance(each, Ask)]
        text = sent.exchange.value("") or ""
        assert "No case pass can carry it, because the request names" in text
        again = ask_of(9, **{"claims": CASE, **asked})
        assert (await told(host, again)).response is ResponseKind.HELD
        assert await host.review.appeals.granted_for(again) == (found,)
        other = msgspec.structs.replace(again, fields=(("OLN", "PX000204K9"),))
        assert await host.review.appeals.granted_for(other) == ()
        elsewhere = msgspec.structs.replace(again, agency=SALEM)
        assert await host.review.appeals.granted_for(elsewhere) == ()
        await pass_time(host, NOW + (APPEAL_DAYS + 1) * DAY)
        assert await host.review.appeals.granted_for(again) == ()


async def test_what_nobody_decided_in_time_is_overdue_and_pages() -> None:
    """A leaf and a page at the second, once; it is first, still owed, and never released."""
    async with running(HELD) as host:
        entry = await appealed(host)
        appeal_entry = f"wa/{host.size(WA) - 1}"
        await pass_time(host, DUE - 1)
        await host.review.appeals.round([WA, OR])
        assert await host.store.duties([WA], 10) == []
        await pass_time(host, DUE)
        for _ in range(2):
            await host.review.appeals.round([WA, OR])
        (leaf,) = host.leaves(WA, LeafKind.CLOSURE)
        assert (leaf.decision, leaf.cites) == (LeafDecision.EXPIRED, appeal_entry)
        assert host.events.counts["appeal_overdue"] == 1
        (duty,) = await host.store.duties([WA], 10)
        assert (duty.kind, duty.leaf_index) == (DutyKind.PAGE_APPEAL_OVERDUE, host.size(WA) - 1)
        assert await stands(host, entry) is AppealStands.OVERDUE
        second = await appealed(host, 2)
        order = [a.refusal.entry for a, _ in await host.review.appeals.open(WA)]
        assert order == [entry, second]
        await decided(host, entry, UPHELD)
        assert await stands(host, entry) is AppealStands.UPHELD


async def test_no_deadline_is_told_by_a_clock_in_doubt() -> None:
    """Nor is anything decided by it."""
    async with running(HELD) as host:
        entry = await appealed(host)
        await pass_time(host, DUE)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
        await host.health.check()
        await host.review.appeals.round([WA])
        assert host.leaves(WA, LeafKind.CLOSURE) == []
        with pytest.raises(ClockSkewedError):
            await decided(host, entry, UPHELD)


async def test_all_of_it_is_known_again_after_a_crash() -> None:
    """From the leaves alone: what is open, what was decided, what is overdue; nothing twice."""
    disk = Disk()
    async with running(disk=disk) as host:
        await host.publish(HELD)
        first, second = await appealed(host, 1), await appealed(host, 2)
        await decided(host, first, UPHELD)
    async with running(disk=disk) as host:
        assert await stands(host, first) is AppealStands.UPHELD
        assert "appeal-repeated" in (await told(host, message(second, 70))).remark
        await pass_time(host, DUE)
        await host.review.appeals.round([WA])
    async with running(disk=disk) as host:
        await host.review.appeals.round([WA])
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == 1
        with pytest.raises(AppealDoneError):
            await decided(host, first, UPHELD)
        await decided(host, second, UPHELD)


@pytest.mark.parametrize("fault", [CommitFault.LOST, CommitFault.PERSISTED])
async def test_a_commit_that_fails_is_tried_again_and_stands_once(fault: CommitFault) -> None:
    """The finding and the message are one transaction, whichever way it failed."""
    async with running(HELD) as host:
        entry = await appealed(host)
        host.store.commit_fault = fault
        await decided(host, entry, UPHELD)
        findings = [leaf for leaf in host.leaves(WA, LeafKind.VERDICT) if leaf.cites == entry]
        assert len(findings) == 1
        assert len(host.leaves(WA, LeafKind.QUERY)) == 1


async def test_an_agency_that_nobody_can_tell_has_its_decision_all_the_same() -> None:
    """Without a control terminal, and once the agency has left the directory."""
    async with running(HELD) as host:
        entry = await appealed(host)
        part = next(part for part in practice_parts() if part.member == WA)
        agencies = tuple(each for each in part.agencies if not each.is_control)
        changed = msgspec.structs.replace(part, version=2, agencies=agencies)
        await host.founding.publish_parts([sign_part(changed, signer_of(WA))])
        await decided(host, entry, UPHELD)
        assert host.leaves(WA, LeafKind.QUERY) == []
        assert await stands(host, entry) is AppealStands.UPHELD


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"note": "x" * 501}, AppealFindingError),
        ({"classes": (DataClass.STATUS,)}, AppealFindingError),
        ({"state": OR}, (AppealFindingError, VerdictError)),
        ({"appealed_entry": "or/3"}, AppealFindingError),
        ({"appealed_entry": "wa/1"}, AppealDoneError),
        ({"at": NOW - 301}, VerdictError),
        ({"at": NOW + 301}, VerdictError),
        ({"reviewer": "nobody"}, VerdictError),
    ],
)
async def test_a_finding_that_is_not_whole_is_refused(
    changes: dict[str, Any], error: type[Exception] | tuple[type[Exception], ...]
) -> None:
    """Nothing is recorded and nobody is told."""
    async with running(HELD) as host:
        entry = await appealed(host)
        host.courier.take()
        size = host.size(WA)
        with pytest.raises(error):
            await decided(host, entry, UPHELD, **changes)
        assert (host.size(WA), host.courier.take()) == (size, [])


@pytest.mark.parametrize("classes", [(), (DataClass.PHOTO,), (*DQ, DataClass.STATUS), DQ[::-1]])
async def test_only_what_was_refused_is_granted(classes: tuple[DataClass, ...]) -> None:
    """Something of it, in order, each once."""
    async with running(HELD) as host:
        entry = await appealed(host)
        with pytest.raises(AppealFindingError, match="classes"):
            await decided(host, entry, GRANTED, classes=classes)


async def test_an_altered_finding_counts_for_nothing() -> None:
    """Every field is signed."""
    async with running(HELD) as host:
        entry = await appealed(host)
        signed = signed_appeal(appeal_finding(entry, UPHELD, note="as signed"))
        altered = msgspec.structs.replace(signed.finding, note="otherwise")
        with pytest.raises(VerdictError):
            await host.review.appeals.decide(msgspec.structs.replace(signed, finding=altered), None)


async def test_a_finding_is_counted_as_nothing_else() -> None:
    """No decision on a hold, no second look, no urgent release, no claim check."""
    async with running(HELD) as host:
        entry = await appealed(host)
        past = PastDecisions(store=host.store, rows=host.store, now=lambda: 0.0)
        before = tally_of((await past.read(WA, age_s=0)).decisions)
        await decided(host, entry, GRANTED)
        await pass_time(host, DUE)
        await appealed(host, 2)
        await pass_time(host, DUE + 40 * DAY)
        await host.review.appeals.round([WA])
        after = await PastDecisions(store=host.store, rows=host.store, now=lambda: 0.0).read(WA)
        assert tally_of(after.decisions).released == before.released == 0
        assert (len(after.decisions), after.looks) == (2, {})
        counts = UrgentCounts(WA)
        counts.read(0, [data for data, _ in host.store.tables.leaves[WA]])
        tally = counts.tally()
        assert (tally.releases, tally.passes_granted) == (0, 1)


async def test_an_appeal_shows_no_more_than_its_refusal() -> None:
    """`public-bytes-hold-no-person`: what is delayed is not told by the appeal's own leaf."""
    delayed = Publication(delayed_purposes=(CASE.purpose,), delay_months=1)
    body = encode_bundle(
        msgspec.structs.replace(bundle(RELEASE, HOLD_ALL, state=WA), publication=delayed)
    )
    async with running(body) as host:
        entry = await refused(host)
        assert host.leaves(WA)[-1].agency == "sealed"
        bare = message(entry, 60, claims=msgspec.structs.replace(CASE, purpose=Purpose.COURT))
        assert await host.review.appeals.filed(bare) == "appeal-shows-detail"
        assert "TAKEN IN" in (await told(host, message(entry, 61))).remark
        assert host.leaves(WA)[-1].agency == "sealed"


async def test_what_came_long_ago_is_read_no_more() -> None:
    """After 120 days an appeal leaves the list; a ledger is read from there on at a start."""
    disk = Disk()
    async with running(disk=disk) as host:
        await host.publish(HELD)
        await appealed(host)
        await pass_time(host, NOW + LOOK_BACK_DAYS * DAY)
        assert len(await host.review.appeals.open(WA)) == 1
        host.clock.advance_ns(HOUR * NS)
        assert await host.review.appeals.open(WA) == []
    async with running(disk=disk) as host:
        assert await host.review.appeals.open(WA) == []
        host.clock.advance_ns(-HOUR * NS)
