"""Reviews and test cases counted from public leaves: each by what cites its hold, modes apart."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.audit import planted as module
from comity.audit.findings import EvidenceError
from comity.audit.planted import ReviewCounts, ReviewTally
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import LeafDecision, LeafKind, LeafMode
from tests.support.leaves import leaf, least

WA = Member("wa")
NONE = ReviewTally(
    approved=0,
    refused=0,
    expired=0,
    tests_caught=0,
    tests_missed=0,
    tests_not_looked_at=0,
    disclosed=0,
)
LIVE, PLANTED = LeafMode.LIVE, LeafMode.PLANTED


def hold(mode: LeafMode = PLANTED) -> LeafHeader:
    return leaf(LeafKind.HOLD, member=WA, mode=mode)


def verdict(
    decision: LeafDecision, cites: str = "wa/0", mode: LeafMode = PLANTED, **fields: Any
) -> LeafHeader:
    base: dict[str, Any] = {"member": WA, "mode": mode, "released": (), "withheld": ()}
    return leaf(LeafKind.VERDICT, decision=decision, cites=cites, **(base | fields))


def ended(cites: str = "wa/0", mode: LeafMode = PLANTED) -> LeafHeader:
    return leaf(LeafKind.CLOSURE, member=WA, mode=mode, decision=LeafDecision.EXPIRED, cites=cites)


def counted(*headers: LeafHeader) -> ReviewTally:
    counts = ReviewCounts(WA)
    counts.read(0, [encode_leaf(header) for header in headers])
    return counts.tally()


@pytest.mark.parametrize(
    ("end", "field"),
    [
        (verdict(LeafDecision.APPROVE), "tests_missed"),
        (verdict(LeafDecision.REFUSE), "tests_caught"),
        (verdict(LeafDecision.ASK), "tests_caught"),
        (ended(), "tests_not_looked_at"),
        (verdict(LeafDecision.ESCALATE), ""),
    ],
    ids=["approve", "refuse", "ask", "expired", "escalate"],
)
def test_each_case_is_counted_by_what_cites_its_hold(end: LeafHeader, field: str) -> None:
    """Once; what is passed on is neither caught nor missed."""
    expected = msgspec.structs.replace(NONE, **({field: 1} if field else {}))
    assert counted(hold(), end) == expected


def test_live_reviews_stand_beside_it() -> None:
    """By their own mode: a planted verdict on a live hold is nothing, nor the other way round."""
    live = [
        hold(LIVE),
        hold(LIVE),
        hold(LIVE),
        verdict(LeafDecision.APPROVE, "wa/0", LIVE),
        verdict(LeafDecision.REFUSE, "wa/1", LIVE),
        ended("wa/2", LIVE),
    ]
    assert counted(*live) == msgspec.structs.replace(NONE, approved=1, refused=1, expired=1)
    assert counted(hold(LIVE), verdict(LeafDecision.REFUSE)) == NONE
    assert counted(hold(), verdict(LeafDecision.REFUSE, mode=LIVE)) == NONE
    assert counted(hold(LeafMode.PROBE), verdict(LeafDecision.REFUSE)) == NONE


def test_what_cites_no_hold_of_this_ledger_is_not_counted() -> None:
    """A disclosure's look, another ledger's hold, a leaf that is not there yet."""
    refuse = LeafDecision.REFUSE
    release = leaf(LeafKind.DISCLOSURE, member=WA)
    assert counted(release, verdict(refuse, mode=LIVE)) == NONE
    assert counted(hold(), verdict(refuse, "or/0"), verdict(refuse, "wa/9")) == NONE


def test_something_planted_that_was_disclosed_is_counted() -> None:
    """There must be none: whoever counts sees it."""
    assert counted(leaf(LeafKind.DISCLOSURE, member=WA, mode=PLANTED)).disclosed == 1
    assert counted(leaf(LeafKind.DISCLOSURE, member=WA)).disclosed == 0


def test_a_withdrawn_bundle_is_a_gap() -> None:
    """What it had is not known; what stands behind it keeps its place."""
    counts = ReviewCounts(WA)
    counts.read(0, [encode_leaf(least(LeafKind.QUERY))] * 256)
    counts.read(512, [encode_leaf(each) for each in (hold(), verdict(LeafDecision.ASK, "wa/512"))])
    counts.read(514, [encode_leaf(verdict(LeafDecision.ASK, "wa/300"))])
    assert counts.tally() == msgspec.structs.replace(NONE, tests_caught=1)


def test_leaves_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it nothing is counted wrongly: the count stops."""
    monkeypatch.setattr(module, "REVIEW_LEAVES_MAX", 2)
    assert counted(hold(), ended()).tests_not_looked_at == 1
    with pytest.raises(EvidenceError):
        counted(hold(), ended(), hold())
