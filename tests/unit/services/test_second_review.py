"""What two reviewers release: nothing leaves for one person's word, whoever's and however often."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.adapters.memory.store import CommitFault
from comity.directory.part import sign_part
from comity.domain.agency import ReviewerKey
from comity.domain.answer import Answer, Element, ResponseKind
from comity.domain.verdict import (
    Ed25519Proof,
    SignedVerdict,
    Verdict,
    VerdictKind,
    signed_bytes,
)
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind
from comity.link.parcel import Answered
from comity.policy import Obligation
from comity.review.second import SecondReviewerError, check_two, is_proposal
from comity.review.verdicts import HoldClosedError, VerdictError
from tests.support.directory import signer_of
from tests.support.exchange import (
    AUTHOR,
    AUTHOR_KEY,
    COUNSEL,
    ENROLLED,
    PRIVATE_KEY,
    SUPERVISOR,
    SUPERVISOR_KEY,
)
from tests.support.gateway import (
    HOLD_ADDRESS,
    HOLD_ALL,
    NS,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    practice_parts,
    running,
)

BY_TWO = msgspec.structs.replace(HOLD_ADDRESS, obligations=(Obligation.SECOND_REVIEW,))
HELD = policy_of(WA, RELEASE, HOLD_ALL, BY_TWO)
DQ = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
PLAIN = (DataClass.STATUS, DataClass.IDENTITY)
Person = tuple[ReviewerKey, Ed25519PrivateKey]
ONE: Person = (ENROLLED, PRIVATE_KEY)
OTHER: Person = (SUPERVISOR, SUPERVISOR_KEY)
THIRD: Person = (AUTHOR, AUTHOR_KEY)


async def hold(host: PracticeHost, number: int = 1) -> str:
    """Let Washington hold an exchange; return the hold's entry."""
    await host.answer.take(asks(ask_of(number)))
    notice = told(host).hold
    assert notice is not None
    return notice.entry


def told(host: PracticeHost) -> Answer:
    """The one answer that left since the last call."""
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel.answer


async def by(
    host: PracticeHost,
    person: Person,
    entry: str,
    approved: tuple[DataClass, ...] = DQ,
    kind: VerdictKind = VerdictKind.APPROVE,
    **changes: object,
) -> SignedVerdict:
    """A person's signed verdict on an open hold, at its next step."""
    row, file = await host.desk.hold(entry)
    key, private = person
    made = Verdict(
        state=WA,
        exchange_id=file.exchange.exchange_id,
        hold_entry=entry,
        step=row.next_step,
        kind=kind,
        approved=approved if kind is VerdictKind.APPROVE else (),
        note="a word",
        reviewer=key.name,
        at=host.clock.now_ns() // NS,
    )
    made = msgspec.structs.replace(made, **changes)
    proof = Ed25519Proof(key_id=key.key_id, signature=private.sign(signed_bytes(made)))
    return SignedVerdict(verdict=made, proof=proof)


async def proposed(host: PracticeHost, approved: tuple[DataClass, ...] = DQ) -> str:
    """Let the first reviewer approve a hold; return its entry."""
    entry = await hold(host)
    await host.desk.decide(await by(host, ONE, entry, approved))
    assert told(host).response is ResponseKind.HELD
    return entry


async def enrol(host: PracticeHost, version: int, *reviewers: ReviewerKey) -> None:
    """Publish Washington's part anew with these reviewers alone."""
    part = next(part for part in practice_parts() if part.member == WA)
    changed = msgspec.structs.replace(part, version=version, reviewers=reviewers)
    await host.founding.publish_parts([sign_part(changed, signer_of(WA))])


def nothing_went(host: PracticeHost) -> bool:
    """Whether no record left."""
    return host.leaves(WA, LeafKind.DISCLOSURE) == []


async def test_the_first_approval_releases_nothing() -> None:
    """A leaf that passes it on; still held, without a word of what one person would do."""
    async with running(HELD) as host:
        entry = await hold(host)
        said = await host.desk.decide(await by(host, ONE, entry))
        answer = told(host)
        assert (said.response, said.released) == (ResponseKind.HELD, ())
        assert (answer.response, answer.is_final, answer.elements) == (ResponseKind.HELD, False, ())
        assert "a word" not in answer.remark
        (leaf,) = host.leaves(WA, LeafKind.VERDICT)
        assert (leaf.decision, leaf.released, leaf.cites) == (LeafDecision.ESCALATE, (), entry)
        assert nothing_went(host)
        assert host.source.asked == []
        (row, file), *_ = await host.desk.holds(WA)
        assert host.desk.second((row, file))[0] == (DataClass.ADDRESS,)


async def test_another_reviewer_confirms_it() -> None:
    """Both verdicts are leaves; the second one carries the release."""
    async with running(HELD) as host:
        entry = await proposed(host)
        said = await host.desk.decide(await by(host, OTHER, entry))
        answer = told(host)
        assert (said.response, set(said.released)) == (ResponseKind.HIT, set(DQ))
        assert {element.data_class for element in answer.elements} == set(DQ)
        assert answer.is_final
        first, second = host.leaves(WA, LeafKind.VERDICT)
        assert (first.decision, second.decision) == (LeafDecision.ESCALATE, LeafDecision.APPROVE)
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert leaf.cites == said.entry
        assert await host.desk.holds(WA) == []


async def test_who_proposed_cannot_confirm() -> None:
    """However often: refused, with nothing recorded, and the proposal stands for another one."""
    async with running(HELD) as host:
        entry = await proposed(host)
        size = host.size(WA)
        for _ in range(2):
            with pytest.raises(SecondReviewerError):
                await host.desk.decide(await by(host, ONE, entry))
        assert (host.size(WA), host.courier.take()) == (size, [])
        await host.desk.decide(await by(host, OTHER, entry))
        assert told(host).response is ResponseKind.HIT


async def test_another_name_by_the_same_key_is_no_second_person() -> None:
    """One key enrolled twice: by its bytes and by its id it is one person."""
    async with running(HELD) as host:
        entry = await proposed(host)
        for double in (
            msgspec.structs.replace(ENROLLED, name="double", key_id="0bad0002"),
            msgspec.structs.replace(SUPERVISOR, name="double", key_id=ENROLLED.key_id),
        ):
            private = PRIVATE_KEY if double.verify_key == ENROLLED.verify_key else SUPERVISOR_KEY
            signed = await by(host, (double, private), entry)
            _, file = await host.desk.hold(entry)
            first = await by(host, ONE, entry)
            with pytest.raises(SecondReviewerError):
                check_two(first, ENROLLED, signed, double, hold=file, classes=DQ)
            # Nor is it enrolled.
            with pytest.raises(VerdictError):
                await host.desk.decide(signed)
        assert nothing_went(host)


async def test_a_key_that_is_not_enrolled_neither_proposes_nor_confirms() -> None:
    """Its own, or under an enrolled name."""
    async with running(HELD) as host:
        stranger = Ed25519PrivateKey.from_private_bytes(b"\x55" * 32)
        unknown = ReviewerKey(
            name="nobody", key_id="0bad5555", verify_key=stranger.public_key().public_bytes_raw()
        )
        entry = await hold(host)
        for person in ((unknown, stranger), (ENROLLED, stranger)):
            with pytest.raises(VerdictError):
                await host.desk.decide(await by(host, person, entry))
        await host.desk.decide(await by(host, ONE, entry))
        told(host)
        for person in ((unknown, stranger), (SUPERVISOR, stranger)):
            with pytest.raises(VerdictError):
                await host.desk.decide(await by(host, person, entry))
        assert nothing_went(host)


async def test_a_proposal_whose_key_is_revoked_is_none() -> None:
    """The next approval is the first one then, and a third person confirms that."""
    async with running(HELD) as host:
        entry = await proposed(host)
        await enrol(host, 2, SUPERVISOR, AUTHOR, COUNSEL)
        await host.desk.decide(await by(host, OTHER, entry))
        assert told(host).response is ResponseKind.HELD
        assert nothing_went(host)
        await host.desk.decide(await by(host, THIRD, entry))
        assert told(host).response is ResponseKind.HIT


@pytest.mark.parametrize("kind", [VerdictKind.ASK, VerdictKind.ESCALATE])
async def test_a_verdict_between_puts_the_proposal_aside(kind: VerdictKind) -> None:
    """After a question or a passing on two approve anew: what was proposed was before it."""
    async with running(HELD) as host:
        entry = await proposed(host)
        await host.desk.decide(await by(host, THIRD, entry, kind=kind))
        told(host)
        await host.desk.decide(await by(host, OTHER, entry))
        assert told(host).response is ResponseKind.HELD
        assert nothing_went(host)
        await host.desk.decide(await by(host, ONE, entry))
        assert told(host).response is ResponseKind.HIT


async def test_one_person_refuses() -> None:
    """Before a proposal and behind one, also who proposed: a refusal restricts."""
    async with running(HELD) as host:
        entry = await proposed(host)
        await host.desk.decide(await by(host, ONE, entry, kind=VerdictKind.REFUSE))
        assert told(host).response is ResponseKind.REFUSED
        with pytest.raises(HoldClosedError):
            await host.desk.hold(entry)


async def test_the_second_may_release_less_and_not_more() -> None:
    """What one of them alone named is refused; more of what needs two is not taken."""
    async with running(HELD) as host:
        entry = await proposed(host)
        await host.desk.decide(await by(host, OTHER, entry, (DataClass.ADDRESS,)))
        answer = told(host)
        assert {element.data_class for element in answer.elements} == {DataClass.ADDRESS}
        assert {part.data_class for part in answer.withheld} == set(PLAIN)
    two = msgspec.structs.replace(HOLD_ALL, obligations=(Obligation.SECOND_REVIEW,))
    async with running(policy_of(WA, RELEASE, two)) as host:
        entry = await proposed(host, (DataClass.STATUS,))
        with pytest.raises(SecondReviewerError):
            await host.desk.decide(await by(host, OTHER, entry))
        assert nothing_went(host)


async def test_parts_that_need_no_second_take_one_person() -> None:
    """Without the address nobody proposes anything: it goes at once."""
    async with running(HELD) as host:
        entry = await hold(host)
        await host.desk.decide(await by(host, ONE, entry, PLAIN))
        answer = told(host)
        assert {element.data_class for element in answer.elements} == set(PLAIN)


async def test_the_rules_in_force_say_whether_two_are_wanted() -> None:
    """Wanted by now: one who approved under the old rules proposes. No more: one is enough."""
    async with running(policy_of(WA, RELEASE, HOLD_ALL)) as host:
        entry = await hold(host)
        await host.overtake(WA, policy_of(WA, RELEASE, HOLD_ALL, BY_TWO, version=2))
        await host.desk.decide(await by(host, ONE, entry))
        assert told(host).response is ResponseKind.HELD
        await host.overtake(WA, policy_of(WA, RELEASE, HOLD_ALL, version=3))
        await host.desk.decide(await by(host, ONE, entry))
        assert told(host).response is ResponseKind.HIT


async def test_a_proposal_of_another_hold_is_none_of_this() -> None:
    """Moved to another row it does not open; signed for another hold, step or part it is none."""
    async with running(HELD) as host:
        first, second = await proposed(host), await hold(host, 2)
        (one, _), (row, file) = [await host.desk.hold(each) for each in (first, second)]
        assert one.proposal is not None
        assert (
            host.desk.second((msgspec.structs.replace(row, proposal=one.proposal), file))[1] is None
        )
        later = row.next_step + 1
        own = await by(host, ONE, second)
        assert is_proposal(own, ENROLLED, file, second, step=later)
        bent = msgspec.structs.replace(own.verdict, approved=(DataClass.ADDRESS,))
        asks_only = await by(host, ONE, second, kind=VerdictKind.ASK)
        elsewhere = await by(host, ONE, second, hold_entry=first)
        for signed in (msgspec.structs.replace(own, verdict=bent), asks_only, elsewhere):
            assert not is_proposal(signed, ENROLLED, file, second, step=later)
        assert not is_proposal(own, ENROLLED, file, second, step=later + 1)
        assert not is_proposal(own, SUPERVISOR, file, second, step=later)
        assert not is_proposal(own, None, file, second, step=later)


async def test_a_proposal_that_cannot_be_read_is_none() -> None:
    """Its month's key gone, or altered: the next approval proposes anew."""
    async with running(HELD) as host:
        entry = await proposed(host)
        row, file = await host.desk.hold(entry)
        assert row.proposal is not None
        broken = msgspec.structs.replace(row.proposal, body=b"?" * len(row.proposal.body))
        assert host.desk.second((msgspec.structs.replace(row, proposal=broken), file))[1] is None


async def test_a_text_goes_by_two_if_it_shows_what_needs_two() -> None:
    """Unknown before the look-up: the first who approves all proposes; the second releases it."""
    ssn = msgspec.structs.replace(
        HOLD_ADDRESS,
        id="OPAQUE",
        when=msgspec.structs.replace(HOLD_ADDRESS.when, data_class=(DataClass.OPAQUE,)),
        obligations=(Obligation.SECOND_REVIEW,),
    )
    async with running(policy_of(WA, RELEASE, HOLD_ALL, ssn)) as host:
        host.source.is_text = True
        entry = await proposed(host)
        assert nothing_went(host)
        await host.desk.decide(await by(host, OTHER, entry))
        (element,) = told(host).elements
        assert isinstance(element, Element)
        assert element.data_class is DataClass.OPAQUE


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_proposal_whose_commit_fails_is_one_proposal(fault: CommitFault) -> None:
    """Failed or persisted unknown: one leaf, one proposal, and one who confirms."""
    async with running(HELD) as host:
        entry = await hold(host)
        host.store.commit_fault = fault
        await host.desk.decide(await by(host, ONE, entry))
        assert told(host).response is ResponseKind.HELD
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1
        await host.desk.decide(await by(host, OTHER, entry))
        assert told(host).response is ResponseKind.HIT
