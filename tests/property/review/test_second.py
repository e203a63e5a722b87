"""Whoever signs what, in which order: nothing that two release leaves without two people's word.

A small desk is played with the functions that the gateway calls, by the pure steps alone.
"""

from __future__ import annotations

from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from comity.domain.agency import ReviewerKey
from comity.domain.call_back import CallBack, CallOutcome, call_note
from comity.domain.verdict import Ed25519Proof, SignedVerdict, VerdictKind, signed_bytes
from comity.domain.vocabulary import DataClass, Outcome
from comity.exchange.answering import HoldFile, answer_exchange, judge
from comity.exchange.bases import under_pass
from comity.policy import Obligation, Rule
from comity.review.call_backs import call_of, step_without_calls
from comity.review.second import (
    SecondReviewerError,
    check_two,
    classes_of_two,
    is_proposal,
    released_by_two,
)
from comity.review.signatures import VerdictError
from comity.review.verdicts import approve, check_verdict
from tests.support.exchange import (
    HOLD_ENTRY,
    LICENCE,
    NOW,
    UNTIL,
    exchange_of,
    hold_of,
    verdict_of,
)
from tests.unit.policy.build import facts, policy, rule

DQ = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
BY_TWO = (Obligation.LOG, Obligation.SECOND_REVIEW)
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(1, 5)]
# The last is not enrolled; its holder signs under every name.
PEOPLE = [
    ReviewerKey(
        name=f"person {n}", key_id=f"0000000{n}", verify_key=key.public_key().public_bytes_raw()
    )
    for n, key in enumerate(KEYS)
]
ENROLLED = {person.name: person for person in PEOPLE[:3]}

classes = st.sets(st.sampled_from(DQ), min_size=1).map(
    lambda found: tuple(part for part in DQ if part in found)
)
tries = st.tuples(
    st.integers(0, 3),
    # Who signs, counted from whose name it is: mostly the same.
    st.sampled_from([0] * 9 + [1, 2, 3]),
    # A call back is a question too, with a note of its own.
    st.sampled_from([VerdictKind.APPROVE] * 6 + [VerdictKind.ASK, *CallOutcome]),
    classes,
    st.sampled_from([0] * 9 + [1, -1]),
)


def rules_of(by_two: tuple[DataClass, ...]) -> list[Rule]:
    """Rules that hold all of a licence, and these parts of it for two people."""
    return [
        rule("ALL", Outcome.RELEASE),
        rule("HOLD", Outcome.HOLD),
        msgspec.structs.replace(rule("TWO", Outcome.HOLD, data_class=by_two), obligations=BY_TWO),
    ]


def kind_and_note(what: VerdictKind | CallOutcome) -> tuple[VerdictKind, str]:
    """What is signed for a verdict, or for a call with this outcome."""
    if isinstance(what, CallOutcome):
        return VerdictKind.ASK, call_note("555-0100", what, "A word.")
    return what, ""


@given(classes, st.lists(tries, min_size=2, max_size=6))
def test_nothing_leaves_without_two_people(
    by_two: tuple[DataClass, ...],
    played: list[tuple[int, int, VerdictKind | CallOutcome, Any, int]],
) -> None:
    """Each class that needs two leaves with two enrolled people's signatures for it, or not."""
    compiled = policy(*rules_of(by_two))
    exchange = exchange_of()
    hold: HoldFile = hold_of(DQ, exchange)
    kept: SignedVerdict | None = None
    step = 1
    calls: list[CallBack] = []
    signed_for: list[tuple[str, frozenset[DataClass]]] = []
    for author, signs, what, approved, off in played:
        kind, note = kind_and_note(what)
        named, signer = PEOPLE[author], (author + signs) % len(PEOPLE)
        verdict = msgspec.structs.replace(
            verdict_of(kind, approved if kind is VerdictKind.APPROVE else ()),
            reviewer=named.name,
            note=note,
            step=step + off,
            at=NOW,
        )
        proof = Ed25519Proof(
            key_id=named.key_id, signature=KEYS[signer].sign(signed_bytes(verdict))
        )
        signed = SignedVerdict(verdict=verdict, proof=proof)
        try:
            check_verdict(signed, ENROLLED.get(verdict.reviewer), hold, HOLD_ENTRY, NOW, step=step)
        except VerdictError:
            continue
        assert author == signer < 3
        if kind is not VerdictKind.APPROVE:
            step += 1
            calls += filter(None, [call_of(verdict)])
            if what in (VerdictKind.ASK, CallOutcome.DENIED):
                signed_for = []
            continue
        judged = judge(exchange, facts(), compiled, 1, classes=approved, reviewed=True)
        wanted = classes_of_two(judged)
        assert set(wanted) == set(approved) & set(by_two)
        undone = approve(signed, hold, judged, LICENCE, step=step, now=NOW)
        assert {e.data_class for e in undone.answer.elements}.isdisjoint(wanted)
        if wanted:
            known = ENROLLED.get(kept.verdict.reviewer) if kept else None
            plain = step_without_calls(step, calls)
            if kept is None or not is_proposal(kept, known, hold, HOLD_ENTRY, step=plain):
                kept, step = signed, step + 1
                signed_for = [(named.name, frozenset(approved))]
                continue
            assert known is not None
            try:
                reviews = check_two(kept, known, signed, named, hold=hold, classes=wanted)
            except SecondReviewerError:
                (one,) = signed_for
                assert one[0] == named.name or not set(wanted) <= one[1]
                continue
            judged = released_by_two(judged, reviews)
        answered = approve(signed, hold, judged, LICENCE, step=step, now=NOW)
        went = {element.data_class for element in answered.answer.elements}
        signed_for.append((named.name, frozenset(approved)))
        for part in went & set(by_two):
            assert len({name for name, parts in signed_for if part in parts}) == 2
        assert went == set(approved)
        return


@given(classes, classes)
def test_no_pass_opens_what_two_release(
    by_two: tuple[DataClass, ...], granted: tuple[DataClass, ...]
) -> None:
    """It stays held, neither released nor refused; the rest of what the pass grants goes."""
    compiled = policy(*rules_of(by_two))
    judged = judge(exchange_of(), facts(), compiled, 1)
    opened = under_pass(judged, compiled, frozenset(granted), "wa/7")
    assert (opened.case_pass == "wa/7") == bool(set(granted) - set(by_two))
    answered = answer_exchange(opened, LICENCE, now=NOW, hold_until=UNTIL, contact="")
    went = {element.data_class for element in answered.answer.elements}
    assert went == set(granted) - set(by_two)
    held = {w.data_class for w in answered.answer.withheld if w.outcome is Outcome.HOLD}
    assert held == set(DQ) - went
