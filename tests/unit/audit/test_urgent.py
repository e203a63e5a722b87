"""Urgent releases counted from public leaves: in time, late, not justified; and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.audit import urgent as module
from comity.audit.findings import EvidenceError
from comity.audit.urgent import UrgentCounts, UrgentTally
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode
from tests.support.leaves import leaf, least

WA = Member("wa")
NONE = UrgentTally(
    releases=0,
    in_time=0,
    overdue=0,
    looked_at_later=0,
    not_justified=0,
    passes_granted=0,
    passes_revoked=0,
    pass_uses=0,
)


def release(**fields: Any) -> LeafHeader:
    return leaf(LeafKind.DISCLOSURE, **({"member": WA} | fields))


def look(cites: str, *, justified: bool = True, **fields: Any) -> LeafHeader:
    """A verdict on a release."""
    decision = LeafDecision.APPROVE if justified else LeafDecision.REFUSE
    classes = (DataClass.STATUS,)
    return leaf(
        LeafKind.VERDICT,
        **(
            {
                "member": WA,
                "released": classes if justified else (),
                "withheld": () if justified else classes,
                "decision": decision,
                "cites": cites,
            }
            | fields
        ),
    )


def overdue(cites: str, **fields: Any) -> LeafHeader:
    """Nobody looked in time."""
    base: dict[str, Any] = {"member": WA, "decision": LeafDecision.EXPIRED, "cites": cites}
    return leaf(LeafKind.CLOSURE, **(base | fields))


def counted(*headers: LeafHeader) -> UrgentTally:
    counts = UrgentCounts(WA)
    counts.read(0, [encode_leaf(header) for header in headers])
    return counts.tally()


def tally(**fields: int) -> UrgentTally:
    return msgspec.structs.replace(NONE, **fields)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((release(),), NONE),
        ((release(), look("wa/0")), tally(releases=1, in_time=1)),
        (
            (release(), look("wa/0", justified=False)),
            tally(releases=1, in_time=1, not_justified=1),
        ),
        ((release(), overdue("wa/0")), tally(releases=1, overdue=1)),
        (
            (release(), overdue("wa/0"), look("wa/0", justified=False)),
            tally(releases=1, overdue=1, looked_at_later=1, not_justified=1),
        ),
        (
            (release(), release(), look("wa/1"), overdue("wa/0")),
            tally(releases=2, in_time=1, overdue=1),
        ),
    ],
    ids=["not-looked-at-yet", "in-time", "not-justified", "overdue", "late", "two"],
)
def test_each_release_is_counted_by_what_cites_it(
    headers: tuple[LeafHeader, ...], expected: UrgentTally
) -> None:
    """Only what a look or the clock cites is urgent; each once."""
    assert counted(*headers) == expected


def test_what_is_no_urgent_release_is_not_counted() -> None:
    """What cites a hold, a disclosure that itself rests on something, or another ledger's leaf."""
    held = leaf(LeafKind.HOLD, member=WA)
    assert counted(held, look("wa/0"), overdue("wa/0")) == NONE
    assert counted(held, release(cites="wa/0"), look("wa/1")) == NONE
    assert counted(release(), look("or/0"), look("wa/5")) == NONE
    probe = release(mode=LeafMode.PROBE)
    assert counted(probe, look("wa/0")) == NONE
    assert counted(release(), look("wa/0", mode=LeafMode.PROBE)) == NONE


def test_passes_are_counted_beside() -> None:
    """Granted, used, revoked."""
    classes = (DataClass.STATUS,)
    grant = leaf(LeafKind.PASS, member=WA, agency="TXPX00001", released=classes)
    used = release(cites="wa/0", agency="TXPX00001", released=classes, withheld=())
    ended = leaf(LeafKind.PASS, member=WA, agency="TXPX00001", released=(), cites="wa/0")
    assert counted(grant, used, ended) == tally(passes_granted=1, pass_uses=1, passes_revoked=1)


def test_a_withdrawn_bundle_is_a_gap() -> None:
    """What it had is not known; what stands behind it keeps its place."""
    counts = UrgentCounts(WA)
    counts.read(0, [encode_leaf(least(LeafKind.QUERY))] * 256)
    counts.read(512, [encode_leaf(header) for header in (release(), look("wa/512"))])
    counts.read(514, [encode_leaf(look("wa/300"))])
    assert counts.tally() == tally(releases=1, in_time=1)


def test_leaves_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it nothing is counted wrongly: the count stops."""
    monkeypatch.setattr(module, "URGENT_LEAVES_MAX", 2)
    assert counted(release(), look("wa/0")).releases == 1
    with pytest.raises(EvidenceError):
        counted(release(), look("wa/0"), release())


def test_a_question_about_a_release_is_no_look() -> None:
    """It begins a claim check; what ends that cites the question, which is no release."""
    ask = look("wa/0", decision=LeafDecision.ASK, released=(DataClass.STATUS,), withheld=())
    found, late = look("wa/1", justified=False), overdue("wa/1")
    assert counted(release(), ask, found, late) == NONE
    assert counted(release(), ask, look("wa/0")) == tally(releases=1, in_time=1)
