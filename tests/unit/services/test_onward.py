"""Onward transfers: told by the agency alone, marked by the rules, asked for, missed in time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.audit.urgent import UrgentCounts
from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import parse_entry_name
from comity.domain.keys import MessageKey
from comity.domain.leaf import SEALED
from comity.domain.onward import (
    OnwardStands,
    Receives,
    ToldOnward,
    Transfer,
)
from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, Outcome, Purpose
from comity.exchange.onward import onward_text
from comity.exchange.replies import named_text, reply_text
from comity.link.onward import OnwardShown, OnwardTold
from comity.link.parcel import Answered, Ask
from comity.policy import Publication, encode_bundle
from comity.ports import DutyKind
from comity.review.claim_checks import due_of
from comity.review.onward import OnwardAskedError, OnwardQuestionError, OnwardUnknownError
from comity.review.signatures import VerdictError
from comity.services.health import CLOCK_SKEW_NS_MAX, ClockSkewedError
from comity.services.onward import TOLD_MAX
from comity.services.onward_ledger import WINDOW_DAYS
from comity.services.private_records import Records
from comity.services.vault import month_of
from tests.support.gateway import (
    AUSTIN,
    HOLD_ALL,
    NOW,
    NS,
    OR,
    RELEASE,
    SALEM,
    SEATTLE,
    SEATTLE_CONTROL,
    TX,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.review import CASE, DAY, proof_of, signed_question
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_claim_checks import ALL, pass_time
from tests.unit.services.test_claim_checks import begun as claim_begun

AM = MessageKey("AM")
OPEN = policy_of(WA, RELEASE)
TODAY = datetime.fromtimestamp(NOW, UTC).date()
NOT_SALEM = rule("NO-SALEM", Outcome.DENY, agency=(SALEM,), data_class=(DataClass.ADDRESS,))
CLOSED_TO_SALEM = policy_of(WA, RELEASE, NOT_SALEM)
TO_SALEM = Transfer(to=SALEM, purpose=Purpose.CIVIL_IMMIGRATION, on=TODAY)
DUE = due_of(NOW // 3_600, WA)
NOT_THEIRS = "IT NAMES NO RELEASE OF A RECORD TO THIS AGENCY"


async def told(host: PracticeHost, exchange: Exchange) -> Answer:
    """What Washington answers."""
    host.courier.take()
    await host.answer.take(asks(exchange))
    (parcel,) = [each for each in host.courier.take() if isinstance(each, Answered)]
    return parcel.answer


async def released(host: PracticeHost, number: int = 1, **changes: Any) -> str:
    """A release to Austin, unless changed; its entry."""
    answer = await told(host, ask_of(number, **{"claims": CASE, **changes}))
    assert answer.response is ResponseKind.HIT
    return answer.proofs[0].entry


def message(body: str, number: int = 2, **changes: Any) -> Exchange:
    """A message of Austin's to Washington, for its case unless changed."""
    values: dict[str, Any] = {
        "key": AM,
        "original_key": AM,
        "fields": (("", body),),
        "claims": CASE,
    }
    return ask_of(number, **(values | changes))


def body_of(entry: str, transfer: Transfer | None = TO_SALEM, text: str = "") -> str:
    """What tells of a transfer."""
    return onward_text(ToldOnward(entry=entry, transfer=transfer, text=text))


async def shown(host: PracticeHost) -> OnwardShown:
    """What Washington's people see."""
    return await host.review.onward.shown(WA)


async def first(host: PracticeHost) -> OnwardTold:
    """What was told last."""
    return (await shown(host)).told[0]


async def duties(host: PracticeHost) -> list[tuple[str, str]]:
    """What somebody is to be paged about."""
    return [(each.kind, each.about) for each in await host.store.duties([WA], 99)]


async def test_what_an_agency_tells_is_certified_in_one_transaction_and_goes_to_no_terminal() -> (
    None
):
    """Two leaves, both with receipts: one cites the release, the message's own cites nothing."""
    async with running(OPEN) as host:
        entry = await released(host)
        answer = await told(host, message(body_of(entry, text="By telephone.")))
        assert answer.response is ResponseKind.DELIVERED
        assert answer.remark == f"ONWARD TRANSFER OF {entry.upper()} RECORDED"
        size = host.size(WA)
        assert [proof.entry for proof in answer.proofs] == [f"wa/{size - 2}", f"wa/{size - 1}"]
        certified, own = host.leaves(WA)[-2:]
        assert (certified.kind, certified.agency, certified.cites) == (
            LeafKind.CERTIFICATION, AUSTIN, entry,
        )  # fmt: skip
        assert (own.kind, own.key, own.cites) == (LeafKind.DISCLOSURE, "AM", None)
        assert host.store.tables.results == {}
        _, record = await Records(host.store, host.vault).read(WA, size - 2)
        assert {name: value.decode() for name, value in record.fields} == {
            "schema": "note/1", "onward": entry, "to": SALEM, "purpose": "civil_immigration",
            "on": TODAY.isoformat(), "classes": "", "text": "By telephone.", "agency": AUSTIN,
            "operator": CASE.operator,
        }  # fmt: skip
        assert await told(host, message(body_of(entry, text="By telephone."))) == answer
        assert host.size(WA) == size
        assert await duties(host) == []


async def test_what_was_passed_on_to_whom_the_rules_refuse_it_is_marked_and_pages() -> None:
    """By the rules in force: the part that they refuse; the words stand in no list."""
    async with running(CLOSED_TO_SALEM) as host:
        entry = await released(host)
        await told(host, message(body_of(entry, text="By <telephone>.")))
        (view,) = (await shown(host)).told
        assert (view.agency, view.to, view.receives) == (AUSTIN, SALEM, Receives.REFUSED)
        assert (view.to_name, view.on, view.release) == ("Practice Police", TODAY, entry)
        assert view.refused == (DataClass.ADDRESS,)
        assert view.classes == (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
        assert (view.text, view.operator) == ("", "")
        one = await host.review.onward.one(view.entry)
        assert (one.text, one.operator) == ("By <telephone>.", CASE.operator)
        about = f"Practice Police ({SALEM}), {entry}"
        assert await duties(host) == [(DutyKind.PAGE_ONWARD_REFUSED, about)]
        (duty,) = await host.store.duties([WA], 9)
        assert f"wa/{duty.leaf_index}" == view.entry
        await host.overtake(WA, policy_of(WA, RELEASE, version=2))
        assert (await first(host)).receives is Receives.RELEASED


@pytest.mark.parametrize(
    ("transfer", "receives"),
    [
        (TO_SALEM, Receives.REFUSED),
        (
            msgspec.structs.replace(TO_SALEM, classes=(DataClass.STATUS, DataClass.IDENTITY)),
            Receives.RELEASED,
        ),
        (msgspec.structs.replace(TO_SALEM, to="USPX0ZZZZ"), Receives.UNKNOWN),
        (msgspec.structs.replace(TO_SALEM, to="A county task force"), Receives.UNKNOWN),
        (msgspec.structs.replace(TO_SALEM, to=SEATTLE), Receives.HELD),
        (None, Receives.NOBODY),
    ],
    ids=["refused", "other-parts", "unlisted", "a-name", "held", "nobody"],
)
async def test_each_receiver_is_held_against_the_rules(
    transfer: Transfer | None, receives: Receives
) -> None:
    """Who is not known is never said to be allowed; only a refusal pages."""
    seattle = rule("SEATTLE", Outcome.HOLD, agency=(SEATTLE,))
    async with running(policy_of(WA, RELEASE, NOT_SALEM, seattle)) as host:
        entry = await released(host)
        answer = await told(host, message(body_of(entry, transfer)))
        assert answer.remark.endswith("RECORDED")
        view = await first(host)
        assert view.receives is receives
        assert bool(await duties(host)) is (receives is Receives.REFUSED)
        assert bool(view.refused) is (receives in (Receives.REFUSED, Receives.HELD))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"origin": OR, "agency": SALEM}, NOT_THEIRS),
        ({"body": body_of("wa/0")}, NOT_THEIRS),
        ({"body": body_of("wa/99999")}, NOT_THEIRS),
        ({"body": body_of("or/0")}, "IT NAMES AN ENTRY OF ANOTHER STATE"),
        ({"body": "PASSED ON WA/1\nTO"}, "TO NAMES NOBODY, OR IN OVER 60 CHARACTERS"),
        (
            {"transfer": msgspec.structs.replace(TO_SALEM, classes=(DataClass.PHOTO,))},
            "WHAT NAMES WHAT WAS NOT RELEASED",
        ),
        (
            {"transfer": msgspec.structs.replace(TO_SALEM, on=TODAY + timedelta(days=2))},
            "ON IS BEFORE THE RELEASE, OR TO COME",
        ),
        (
            {"transfer": msgspec.structs.replace(TO_SALEM, on=TODAY - timedelta(days=2))},
            "ON IS BEFORE THE RELEASE, OR TO COME",
        ),
    ],
)
async def test_what_does_not_fit_is_a_message_and_its_sender_is_told(
    changes: dict[str, Any], why: str
) -> None:
    """Another agency's release and none at all are told alike; nothing is certified."""
    async with running(OPEN) as host:
        entry = await released(host)
        body = changes.pop("body", "") or body_of(entry, changes.pop("transfer", TO_SALEM))
        answer = await told(host, message(body, **changes))
        delivered = f"DELIVERED TO {SEATTLE_CONTROL}"
        assert answer.remark == f"{delivered} - NO ONWARD TRANSFER RECORDED: {why}"
        assert host.leaves(WA, LeafKind.CERTIFICATION) == []
        assert host.store.tables.results


@pytest.mark.parametrize(
    "changes",
    [{"fields": (("", "PASSED ON your message to the sheriff."),)}, {"to": (SEATTLE,)},
     {"key": MessageKey("AML"), "original_key": MessageKey("AML")}],
    ids=["words", "to-an-agency", "another-key"],
)  # fmt: skip
async def test_other_messages_are_messages(changes: dict[str, Any]) -> None:
    """Words that only begin alike, a message to an agency, one by another key."""
    async with running(OPEN) as host:
        entry = await released(host)
        answer = await told(host, message(body_of(entry), **changes))
        assert "ONWARD" not in answer.remark
        assert host.leaves(WA, LeafKind.CERTIFICATION) == []


async def test_a_probe_certifies_nothing() -> None:
    """What a drill asks is no agency's word."""
    async with running(OPEN) as host:
        entry = await released(host)
        await host.answer.drill([message(body_of(entry), probe=True)])
        assert host.leaves(WA, LeafKind.CERTIFICATION) == []


async def test_the_rules_decide_it_as_a_reply() -> None:
    """What they would hold is kept all the same; what they refuse is refused."""
    of_messages = {"data_class": (DataClass.OPAQUE,)}
    for decided, response in (
        (rule("HOLD-AM", Outcome.HOLD, **of_messages), ResponseKind.DELIVERED),
        (rule("DENY-AM", Outcome.DENY, **of_messages), ResponseKind.REFUSED),
    ):
        async with running(policy_of(WA, RELEASE, decided)) as host:
            entry = await released(host)
            answer = await told(host, message(body_of(entry)))
            assert answer.response is response
            is_kept = response is ResponseKind.DELIVERED
            assert bool(host.leaves(WA, LeafKind.CERTIFICATION)) is is_kept
            assert await host.store.open_holds([WA]) == []


async def test_words_of_one_release_are_bounded() -> None:
    """Beyond the limit one is delivered as any message is, and its sender told so."""
    async with running(OPEN) as host:
        entry = await released(host)
        for number in range(2, 2 + TOLD_MAX):
            assert (await told(host, message(body_of(entry), number))).remark.endswith("RECORDED")
            await host.review.onward.round([WA])
        over = await told(host, message(body_of(entry), 99))
        assert f"{TOLD_MAX} WERE TOLD OF THIS RELEASE ALREADY" in over.remark


@pytest.mark.parametrize("purpose", [CASE.purpose, Purpose.OTHER], ids=["its-own", "another"])
async def test_what_stands_sealed_is_not_told_by_what_cites_it(purpose: Purpose) -> None:
    """The agency of a delayed release stands in no leaf about it: by its purpose, or not at all."""
    delayed = Publication(delayed_purposes=(CASE.purpose,), delay_months=2)
    policy = msgspec.structs.replace(bundle(RELEASE, state=WA), publication=delayed)
    async with running(encode_bundle(policy)) as host:
        entry = await released(host)
        claims = msgspec.structs.replace(CASE, purpose=purpose)
        answer = await told(host, message(body_of(entry), claims=claims))
        if purpose is CASE.purpose:
            assert [leaf.agency for leaf in host.leaves(WA)[-2:]] == [SEALED, SEALED]
            assert (await first(host)).agency == AUSTIN
        else:
            assert "SEND IT WITH THE PURPOSE OF THE REQUEST" in answer.remark
            assert host.leaves(WA, LeafKind.CERTIFICATION) == []
        other = await told(host, message(body_of(entry), 3, origin=OR, agency=SALEM))
        assert NOT_THEIRS in other.remark


async def test_an_answer_to_a_claim_check_may_carry_both() -> None:
    """The reply is kept for the check, and the transfer certified; what does not fit is told."""
    disk = Disk()
    disk.shares[WA] = ALL
    async with running(disk=disk) as host:
        await host.publish(OPEN)
        entry = await claim_begun(host)
        both = reply_text(entry, f"Docket 7.\n{body_of(entry)}")
        answer = await told(host, message(both))
        name = entry.upper()
        assert answer.remark == (
            f"REPLY KEPT FOR THE CLAIM CHECK OF {name} - ONWARD TRANSFER OF {name} RECORDED"
        )
        certified, own = host.leaves(WA)[-2:]
        assert (certified.kind, certified.cites) == (LeafKind.CERTIFICATION, entry)
        assert (own.kind, own.cites) == (LeafKind.DISCLOSURE, entry)
        (check, _), texts = await host.review.claims.one(entry)
        assert (len(check.answers), texts[0].startswith("Docket 7.")) == (1, True)
        wrong = reply_text(entry, named_text("PASSED ON", entry, "TO NOBODY\nFOR CIM"))
        answer = await told(host, message(wrong, 3))
        assert "REPLY KEPT" in answer.remark
        assert "NO ONWARD TRANSFER RECORDED: BESIDE TO NOBODY STANDS FOR" in answer.remark
        assert len(host.leaves(WA, LeafKind.CERTIFICATION)) == 1


async def test_a_person_asks_and_the_agency_is_told_how_to_answer() -> None:
    """One leaf that names no class, one message in the member's name that names no person."""
    async with running(OPEN) as host:
        entry = await released(host)
        asked = await host.review.onward.ask(signed_question(entry))
        (ask,) = host.leaves(WA, LeafKind.VERDICT)
        assert host.leaves(WA)[parse_entry_name(asked)[1]] == ask
        assert (ask.cites, ask.decision) == (entry, LeafDecision.ASK)
        assert (ask.released, ask.withheld) == ((), ())
        (parcel,) = [each for each in host.courier.take() if isinstance(each, Ask)]
        question = parcel.exchange
        assert (question.state, question.to, question.agency) == (TX, (AUSTIN,), SEATTLE_CONTROL)
        body = question.value("") or ""
        assert f"PASSED ON {entry.upper()}" in body
        assert "PX000204K7" not in body
        (view,) = (await shown(host)).asked
        assert (view.agency, view.stands, view.due) == (AUSTIN, OnwardStands.OPEN, DUE)
        size = host.size(WA)
        with pytest.raises(OnwardAskedError):
            await host.review.onward.ask(signed_question(entry))
        assert host.size(WA) == size
        await told(host, message(body_of(entry, None)))
        (view,) = (await shown(host)).asked
        assert view.stands is OnwardStands.ANSWERED
        await pass_time(host, DUE)
        await host.review.onward.round([WA])
        assert host.leaves(WA, LeafKind.CLOSURE) == []
        again = await host.review.onward.ask(signed_question(entry, at=DUE))
        assert again != asked


async def test_looks_at_once_take_nothing_twice() -> None:
    """Pages and the round beside each other, on a ledger that was not read before."""
    disk = Disk()
    async with running(disk=disk) as host:
        await host.publish(OPEN)
        await told(host, message(body_of(await released(host))))
    async with running(disk=disk) as host:
        looks = await asyncio.gather(shown(host), shown(host), host.review.onward.round([WA]))
        assert [each.told_count for each in looks if each is not None] == [1, 1]
        assert (await shown(host)).told_count == 1


async def test_silence_is_published_pages_and_holds_nothing() -> None:
    """To the second, once, also after a restart; a late word answers it."""
    disk = Disk()
    async with running(disk=disk) as host:
        await host.publish(OPEN)
        entry = await released(host)
        asked = await host.review.onward.ask(signed_question(entry))
        await pass_time(host, DUE - 1)
        await host.review.onward.round([WA])
        assert host.leaves(WA, LeafKind.CLOSURE) == []
        await pass_time(host, DUE)
    async with running(disk=disk) as host:
        for _ in range(2):
            await host.review.onward.round([WA])
        found = host.leaves(WA, LeafKind.CLOSURE)
        assert [(leaf.cites, leaf.decision) for leaf in found] == [(asked, LeafDecision.EXPIRED)]
        assert await duties(host) == [(DutyKind.PAGE_ONWARD_UNANSWERED, entry)]
        assert (await shown(host)).asked[0].stands is OnwardStands.UNANSWERED
        assert await released(host, 3, accepted_at=DUE)
        await told(host, message(body_of(entry), 4, accepted_at=DUE))
        assert (await shown(host)).asked[0].stands is OnwardStands.ANSWERED


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_whatever_was_lost_a_question_is_asked_once(fault: CommitFault) -> None:
    """Failed, or failed but persisted: one leaf, one message."""
    async with running(OPEN) as host:
        entry = await released(host)
        host.store.commit_fault = fault
        await host.review.onward.ask(signed_question(entry))
        with pytest.raises(OnwardAskedError):
            await host.review.onward.ask(signed_question(entry))
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1
        assert len(host.leaves(WA, LeafKind.QUERY)) == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"asker": "Nobody"}, VerdictError),
        ({"at": NOW - 301}, VerdictError),
        ({"state": OR}, OnwardQuestionError),
        ({"entry": "wa/0"}, OnwardUnknownError),
        ({"entry": "wa/99999"}, OnwardUnknownError),
    ],
)
async def test_a_question_that_is_no_persons_is_not_asked(
    changes: dict[str, Any], error: type[Exception]
) -> None:
    """An unknown or old signature, another state's, an entry that is no release."""
    async with running(OPEN) as host:
        entry = await released(host)
        size = host.size(WA)
        signed = signed_question(changes.pop("entry", entry), **changes)
        with pytest.raises(error):
            await host.review.onward.ask(signed)
        other = signed_question(entry)
        altered = msgspec.structs.replace(other, proof=proof_of(b"something else"))
        with pytest.raises(VerdictError):
            await host.review.onward.ask(altered)
        assert host.size(WA) == size


async def test_by_a_wrong_clock_nothing_is_asked_and_nothing_ends() -> None:
    """While the clocks differ, no deadline is known."""
    async with running(OPEN) as host:
        entry = await released(host)
        await host.review.onward.ask(signed_question(entry))
        await pass_time(host, DUE)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + NS
        await host.health.check()
        await host.review.onward.round([WA])
        assert host.leaves(WA, LeafKind.CLOSURE) == []
        with pytest.raises(ClockSkewedError):
            await host.review.onward.ask(signed_question(entry, at=DUE))


async def test_without_its_key_a_word_is_shown_as_unread_and_nobody_else_speaks_for_it() -> None:
    """The leaf stays; what it says is gone; a public agency may still tell, and is not asked."""
    async with running(OPEN) as host:
        entry = await released(host)
        await told(host, message(body_of(entry)))
        host.disk.keyring.destroy(WA, month_of(NOW))
        await host.review.commands.reload([WA])
        view = await first(host)
        assert (view.agency, view.receives) == ("", Receives.UNKNOWN)
        with pytest.raises(OnwardQuestionError):
            await host.review.onward.ask(signed_question(entry))


async def test_what_is_older_than_the_window_is_not_listed_and_can_be_opened() -> None:
    """Thirty days, by the leaf's hour."""
    async with running(OPEN) as host:
        entry = await released(host)
        await told(host, message(body_of(entry, text="Old.")))
        view = await first(host)
        await pass_time(host, NOW + (WINDOW_DAYS + 1) * DAY)
        assert (await shown(host)).told == ()
        assert (await host.review.onward.one(view.entry)).text == "Old."
        with pytest.raises(OnwardUnknownError):
            await host.review.onward.one(entry)


async def test_a_word_is_no_urgent_release_and_begins_no_claim_check() -> None:
    """What anyone counts of the lane stays none, and no check stands because of a question."""
    disk = Disk()
    disk.shares[WA] = msgspec.structs.replace(ALL, per_million=0)
    async with running(disk=disk) as host:
        await host.publish(OPEN)
        entry = await released(host)
        await host.review.onward.ask(signed_question(entry))
        await told(host, message(body_of(entry)))
        await pass_time(host, DUE)
        await host.review.onward.round([WA])
        await host.review.claims.round([WA])
        assert await host.review.claims.open(WA) == []
        counts = UrgentCounts(WA)
        counts.read(0, [leaf for leaf, _ in host.store.tables.leaves[WA]])
        assert counts.tally().releases == 0


async def test_a_reviewers_question_about_a_hold_is_no_question_about_a_transfer() -> None:
    """It cites a hold; neither does a hold count as a release that could be passed on."""
    async with running(policy_of(WA, RELEASE, HOLD_ALL)) as host:
        held = await told(host, ask_of(1, claims=CASE))
        assert held.hold is not None
        with pytest.raises(OnwardUnknownError):
            await host.review.onward.ask(signed_question(held.hold.entry))
        answer = await told(host, message(body_of(held.hold.entry)))
        assert "RECORDED" in answer.remark or answer.response is ResponseKind.HELD
        assert host.leaves(WA, LeafKind.CERTIFICATION) == []
