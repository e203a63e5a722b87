"""Verdicts: whose count, for which hold and when, and what each makes of the hold."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.agency import ReviewerKey
from comity.domain.answer import HoldNotice, ResponseKind
from comity.domain.decision import REVIEW_RULE
from comity.domain.ids import ExchangeId, Member
from comity.domain.verdict import (
    Ed25519Proof,
    Reading,
    SignedVerdict,
    Verdict,
    VerdictKind,
    signed_bytes,
)
from comity.domain.vocabulary import (
    DataClass,
    LeafDecision,
    LeafKind,
    LeafMode,
    Outcome,
    RecordKind,
)
from comity.exchange.answering import Answered, Found, Judged, asked_kinds
from comity.review.verdicts import (
    NOTE_CHARACTERS_MAX,
    HoldClosedError,
    VerdictError,
    approve,
    ask,
    check_reading,
    check_verdict,
    escalate,
    refuse,
)
from tests.support.exchange import (
    CONTACT,
    ENROLLED,
    FACTS,
    HOLD_ENTRY,
    KEY_ID,
    LICENCE,
    NOW,
    POLICY,
    REVIEWER,
    UNTIL,
    decision,
    exchange_of,
    hold_of,
    signed,
    signed_reading,
    verdict_of,
)

STATUS, IDENTITY, ADDRESS = DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS
HOLD = hold_of((STATUS, IDENTITY, ADDRESS))
VERDICT = verdict_of()
STEP = 1


def check(
    verdict: SignedVerdict,
    *,
    key: ReviewerKey | None = ENROLLED,
    entry: str = HOLD_ENTRY,
    now: int = NOW,
    step: int = STEP,
) -> None:
    check_verdict(verdict, key, HOLD, entry, now, step=step)


def judged(*outcomes: tuple[DataClass, Outcome]) -> Judged:
    """What the policy in force decides of the approved classes, the same for every kind."""
    exchange = exchange_of()
    kinds = asked_kinds(exchange.key)
    return Judged(
        exchange=exchange,
        facts=FACTS,
        policy=POLICY,
        kinds=kinds,
        rows=tuple(tuple(decision(c, o, kind) for c, o in outcomes) for kind in kinds),
    )


def approved(
    rows: Judged, *classes: DataClass, found: Found | None = LICENCE, note: str = "practice"
) -> Answered:
    verdict = signed(verdict_of(approved=classes, note=note))
    return approve(verdict, HOLD, rows, found, step=STEP, now=NOW)


@pytest.mark.parametrize("kind", VerdictKind)
def test_signed_verdict_is_taken(kind: VerdictKind) -> None:
    """An enrolled reviewer's verdict of any kind on this hold, now, is taken."""
    check(signed(verdict_of(kind)))


@pytest.mark.parametrize(
    "change",
    [
        {"state": Member("or")},
        {"exchange_id": ExchangeId(bytes(16))},
        {"hold_entry": "wa/127"},
        {"step": STEP + 1},
        {"kind": VerdictKind.REFUSE},
        {"approved": (STATUS, IDENTITY)},
        {"approved": (IDENTITY,)},
        {"note": "practice "},
        {"reviewer": "Another Reviewer"},
        {"at": NOW + 1},
    ],
)
def test_any_altered_field_is_refused(change: dict[str, object]) -> None:
    """A verdict with one field altered after it was signed is refused for its signature."""
    assert set(change) < set(Verdict.__struct_fields__)
    altered = msgspec.structs.replace(VERDICT, **change)
    with pytest.raises(VerdictError):
        check(msgspec.structs.replace(signed(VERDICT), verdict=altered))


def test_every_field_of_a_verdict_is_signed() -> None:
    """No field of a verdict stands outside what is signed."""
    text = signed_bytes(VERDICT)
    for name in Verdict.__struct_fields__:
        assert f'"{name}":'.encode() in text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"state": Member("or")}, "hold"),
        ({"exchange_id": ExchangeId(bytes(16))}, "hold"),
        ({"hold_entry": "wa/127"}, "hold_entry"),
        ({"step": STEP + 1}, "step"),
        ({"step": 0}, "step"),
        ({"approved": ()}, "approved"),
        ({"approved": (DataClass.PHOTO,)}, "approved"),
        ({"approved": (STATUS, STATUS)}, "approved"),
        ({"kind": VerdictKind.REFUSE}, "approved"),
        ({"kind": VerdictKind.ASK}, "approved"),
        ({"note": "x" * (NOTE_CHARACTERS_MAX + 1)}, "note"),
        ({"at": NOW - 301}, "at"),
        ({"at": NOW + 301}, "at"),
        ({"reviewer": "Another Reviewer"}, "reviewer"),
    ],
)
def test_verdict_that_says_something_else_is_refused(change: dict[str, object], field: str) -> None:
    """A well-signed verdict on another hold, class, step or time is refused, naming the field."""
    with pytest.raises(VerdictError, match=f"`{field}`") as refused:
        check(signed(msgspec.structs.replace(VERDICT, **change)))
    assert refused.value.code == "verdict-refused"


def test_limits_are_still_taken() -> None:
    """A note of 500 characters and a clock 300 seconds off either way are taken."""
    check(signed(verdict_of(note="x" * NOTE_CHARACTERS_MAX)))
    for at in (NOW - 300, NOW + 300):
        check(signed(verdict_of(at=at)))


def test_key_that_is_not_enrolled_is_refused() -> None:
    """No key, another key id, another key, another reviewer's key and half a key are refused."""
    other = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32).public_key().public_bytes_raw()
    for key in (
        None,
        msgspec.structs.replace(ENROLLED, key_id="00000000"),
        msgspec.structs.replace(ENROLLED, verify_key=other),
        msgspec.structs.replace(ENROLLED, name="Another Reviewer"),
        msgspec.structs.replace(ENROLLED, verify_key=other[:31]),
    ):
        with pytest.raises(VerdictError):
            check(signed(VERDICT), key=key)


def test_altered_signature_is_refused() -> None:
    """Each bit of the signature counts, and so does its length."""
    whole = signed(VERDICT).proof.signature
    for bit in range(0, 512, 7):
        altered = bytearray(whole)
        altered[bit // 8] ^= 1 << bit % 8
        proof = Ed25519Proof(key_id=KEY_ID, signature=bytes(altered))
        with pytest.raises(VerdictError):
            check(SignedVerdict(verdict=VERDICT, proof=proof))
    for signature in (b"", whole[:63], whole + b"\x00"):
        proof = Ed25519Proof(key_id=KEY_ID, signature=signature)
        with pytest.raises(VerdictError):
            check(SignedVerdict(verdict=VERDICT, proof=proof))


def test_verdict_after_its_step_is_refused() -> None:
    """Once any verdict was recorded the step is another: the same one has no effect twice."""
    check(signed(VERDICT))
    with pytest.raises(VerdictError, match="`step`"):
        check(signed(VERDICT), step=STEP + 1)


def test_verdict_after_the_holds_time_is_refused() -> None:
    """At the second when a hold may expire, no verdict counts any more."""
    verdict = signed(verdict_of(at=UNTIL))
    check(verdict, now=UNTIL - 1)
    with pytest.raises(HoldClosedError) as refused:
        check(verdict, now=UNTIL)
    assert refused.value.code == "hold-closed"


def test_reading_is_signed_for() -> None:
    """Reading holds takes a signature of the reviewer named, now; a verdict's is none."""
    reading = Reading(state=Member("wa"), hold_entry=HOLD_ENTRY, reviewer=REVIEWER, at=NOW)
    whole = signed_reading(reading)
    check_reading(whole, ENROLLED, NOW + 300)
    for change in ({"state": Member("or")}, {"hold_entry": ""}, {"reviewer": "X"}, {"at": NOW + 1}):
        altered = msgspec.structs.replace(whole, reading=msgspec.structs.replace(reading, **change))
        with pytest.raises(VerdictError):
            check_reading(altered, ENROLLED, NOW)
    for key, now in ((None, NOW), (ENROLLED, NOW + 301), (ENROLLED, NOW - 301)):
        with pytest.raises(VerdictError):
            check_reading(whole, key, now)
    with pytest.raises(VerdictError):
        check_reading(msgspec.structs.replace(whole, proof=signed(VERDICT).proof), ENROLLED, NOW)


def test_approval_releases_what_was_approved() -> None:
    """All approved and released: the verdict's leaf, then a disclosure that cites it."""
    every = (STATUS, IDENTITY, ADDRESS)
    answered = approved(judged(*((c, Outcome.RELEASE) for c in every)), *every)
    assert answered.answer.response is ResponseKind.HIT
    assert answered.answer.is_final
    assert (answered.answer.step, answered.answer.remark) == (STEP, "practice")
    verdict, disclosure = answered.leaves
    assert (verdict.step, disclosure.step) == (STEP, STEP + 1)
    assert verdict.header.kind is LeafKind.VERDICT
    assert verdict.header.decision is LeafDecision.APPROVE
    assert verdict.header.cites == HOLD_ENTRY
    assert (verdict.header.released, verdict.header.withheld) == (every, ())
    assert disclosure.header.kind is LeafKind.DISCLOSURE
    assert disclosure.cites_previous
    assert answered.hold is None


def test_class_not_approved_ends_refused() -> None:
    """What the reviewer left out is refused, finally, in the reviewer's name."""
    answered = approved(judged((STATUS, Outcome.RELEASE)), STATUS)
    assert {e.data_class for e in answered.answer.elements} == {STATUS}
    assert [(p.data_class, p.outcome) for p in answered.answer.withheld] == [
        (IDENTITY, Outcome.DENY),
        (ADDRESS, Outcome.DENY),
    ]
    assert {p.reasons[0].rule for p in answered.answer.withheld} == {REVIEW_RULE}
    verdict, disclosure = answered.leaves
    assert (verdict.header.released, verdict.header.withheld) == ((STATUS,), (IDENTITY, ADDRESS))
    assert (disclosure.header.released, disclosure.header.withheld) == (
        (STATUS,),
        (IDENTITY, ADDRESS),
    )


def test_policy_in_force_goes_before_the_reviewer() -> None:
    """What the policy denies by now is not released, whoever approved it."""
    rows = judged((STATUS, Outcome.DENY), (IDENTITY, Outcome.DENY), (ADDRESS, Outcome.DENY))
    answered = approved(rows, STATUS, IDENTITY, ADDRESS, found=None)
    assert answered.answer.response is ResponseKind.REFUSED
    assert [leaf.header.kind for leaf in answered.leaves] == [LeafKind.VERDICT, LeafKind.DENIAL]


def test_verdict_ends_the_hold_even_if_the_policy_would_hold_again() -> None:
    """Nothing is held a second time by the verdict itself: what is not released ends refused."""
    rows = judged((STATUS, Outcome.RELEASE), (IDENTITY, Outcome.HOLD))
    answered = approved(rows, STATUS, IDENTITY)
    assert (answered.hold, answered.answer.hold, answered.answer.is_final) == (None, None, True)
    assert [p.outcome for p in answered.answer.withheld] == [Outcome.DENY, Outcome.DENY]


def test_approval_without_a_record_says_so() -> None:
    """An approved query that finds nothing is told that there is no record, after the verdict."""
    answered = approved(judged((STATUS, Outcome.RELEASE)), STATUS, found=None)
    assert answered.answer.response is ResponseKind.NO_HIT
    assert answered.leaves[1].header.result == "none"
    assert answered.leaves[1].cites_previous


def test_remark_is_kept_beside_many_matches() -> None:
    """A reviewer's word is not lost where more than one record matches."""
    many = Found(kind=RecordKind.LICENCE, elements=LICENCE.elements, matches=2)
    answered = approved(judged((STATUS, Outcome.RELEASE)), STATUS, found=many, note="see the case")
    assert answered.answer.remark.endswith(" - see the case")
    assert answered.answer.elements == ()


def test_refusal_is_a_denial_that_cites_the_verdict() -> None:
    """A refused hold ends with a denial of all its classes and the reviewer's word."""
    verdict = signed(verdict_of(VerdictKind.REFUSE, note="the case is another agency's"))
    answered = refuse(verdict, HOLD, policy=78, step=STEP, now=NOW)
    assert answered.answer.response is ResponseKind.REFUSED
    assert answered.answer.is_final
    assert answered.answer.remark == (
        "the case is another agency's - TO APPEAL WITHIN 30 DAYS SEND AM TO WA, FIRST LINE: "
        "APPEAL AND THE LAST LEDGER ENTRY"
    )
    assert answered.answer.policy_entry == "wa/78"
    assert {p.outcome for p in answered.answer.withheld} == {Outcome.DENY}
    first, denial = answered.leaves
    assert (first.header.released, first.header.withheld) == ((), HOLD.classes)
    assert first.header.decision is LeafDecision.REFUSE
    assert (denial.header.kind, denial.step, denial.cites_previous) == (
        LeafKind.DENIAL,
        STEP + 1,
        True,
    )
    assert dict(denial.fields)["rules"] == b'["REVIEW"]'


@pytest.mark.parametrize(
    ("kind", "decision_said"),
    [(VerdictKind.ASK, LeafDecision.ASK), (VerdictKind.ESCALATE, LeafDecision.ESCALATE)],
)
def test_question_leaves_the_hold_open(kind: VerdictKind, decision_said: LeafDecision) -> None:
    """A question or an escalation is recorded and told; nothing ends and nothing is released."""
    act = ask if kind is VerdictKind.ASK else escalate
    verdict = signed(verdict_of(kind, note="which case?"))
    answered = act(verdict, HOLD, contact=CONTACT, policy=78, step=STEP, now=NOW)
    said = answered.answer
    assert (said.response, said.is_final, said.remark) == (ResponseKind.HELD, False, "which case?")
    assert said.hold == HoldNotice(until=UNTIL, contact=CONTACT, entry=HOLD_ENTRY)
    assert (said.withheld, said.elements) == (HOLD.withheld, ())
    (leaf,) = answered.leaves
    assert leaf.header.decision is decision_said
    assert leaf.header.withheld == HOLD.classes


def test_leaf_of_a_verdict_commits_to_its_signature() -> None:
    """The private record holds what was signed, by which key, and the signature."""
    verdict = signed(verdict_of(VerdictKind.ASK))
    (leaf,) = ask(verdict, HOLD, contact=CONTACT, policy=78, step=STEP, now=NOW).leaves
    assert leaf.fields == (
        ("schema", b"note/1"),
        ("verdict", signed_bytes(verdict.verdict)),
        ("key", KEY_ID.encode()),
        ("signature", verdict.proof.signature.hex().encode()),
    )


def test_verdict_on_a_probe_is_a_probe() -> None:
    """Leaves that follow a probe's hold are probes, too."""
    hold = hold_of((STATUS,), exchange_of(probe=True))
    verdict = signed(verdict_of(VerdictKind.REFUSE))
    answered = refuse(verdict, hold, policy=78, step=STEP, now=NOW)
    assert {leaf.header.mode for leaf in answered.leaves} == {LeafMode.PROBE}


def test_rows_of_an_approval_keep_their_kind() -> None:
    """A class that the reviewer refused is refused for every kind of record."""
    rows = judged((STATUS, Outcome.RELEASE))
    for kind in rows.kinds:
        found = Found(kind=kind, elements=LICENCE.elements)
        answer = approved(rows, STATUS, found=found).answer
        assert {e.data_class for e in answer.elements} == {STATUS}
        assert len(answer.withheld) == 2


def test_decision_that_is_no_hold_is_kept() -> None:
    """A denial by the policy keeps its own reasons beside the reviewer's."""
    rows = judged((STATUS, Outcome.RELEASE), (IDENTITY, Outcome.DENY))
    withheld = approved(rows, STATUS, IDENTITY).answer.withheld
    assert [p.reasons[0].rule for p in withheld] == ["WA-D-IDENTITY", REVIEW_RULE]
