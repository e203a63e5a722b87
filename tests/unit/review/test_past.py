"""What public leaves tell of a hold's end: each kind, and what is no decision of a person."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.ids import LeafIndex, Member
from comity.domain.leaf import LeafHeader, encode_leaf, parse_leaf
from comity.domain.vocabulary import (
    DataClass,
    Instrument,
    LeafDecision,
    LeafKind,
    LeafMode,
)
from comity.review.past import ENDINGS, Became, PastDecision, past_of, tally_of

WA = Member("wa")
STATUS, ADDRESS = DataClass.STATUS, DataClass.ADDRESS
BASE = LeafHeader(
    version=1, kind=LeafKind.HOLD, mode=LeafMode.LIVE, hour=500_000, member=WA,
    agency="TXPX00001", key="DQ", purpose="court", offence="not_stated",
    instrument=Instrument.NONE, commitment=bytes(32),
)  # fmt: skip
HOLD = msgspec.structs.replace(
    BASE, withheld=(STATUS, ADDRESS), decision=LeafDecision.HOLD, policy=0, peer="tx/1"
)


def beside(kind: LeafKind, **changes: Any) -> LeafHeader:
    """A leaf that follows the verdict at 9."""
    made = {"withheld": (), "policy": 0, "peer": "tx/1", "cites": "wa/9", **changes}
    return msgspec.structs.replace(BASE, kind=kind, **made)


def verdict(decision: LeafDecision, **changes: Any) -> LeafHeader:
    """A verdict on the hold at 7."""
    approves = decision is LeafDecision.APPROVE
    made = LeafHeader(
        version=1, kind=LeafKind.VERDICT, mode=LeafMode.LIVE, hour=500_003, member=WA,
        released=(STATUS, ADDRESS) if approves else (),
        withheld=() if approves else (STATUS, ADDRESS),
        decision=decision, cites="wa/7", policy=0, commitment=bytes(32),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def closure(**changes: Any) -> LeafHeader:
    """The end of the hold's time."""
    made = verdict(LeafDecision.EXPIRED, kind=LeafKind.CLOSURE, released=None, policy=None)
    return msgspec.structs.replace(made, **changes)


def told(
    leaf: LeafHeader, *after: LeafHeader, hold: LeafHeader | None = HOLD
) -> PastDecision | None:
    """What the leaves tell."""
    return past_of(LeafIndex(9), leaf, None if hold is None else (LeafIndex(7), hold), after)


def disclosure(*released: DataClass, **changes: Any) -> LeafHeader:
    """A release that cites the verdict."""
    return beside(
        LeafKind.DISCLOSURE,
        **({"released": released, "decision": LeafDecision.RELEASE, "result": "record"} | changes),
    )


@pytest.mark.parametrize(
    ("leaf", "after", "became", "released"),
    [
        (verdict(LeafDecision.APPROVE), (disclosure(STATUS, ADDRESS),), "released",
         (STATUS, ADDRESS)),
        (verdict(LeafDecision.APPROVE), (disclosure(STATUS), disclosure(ADDRESS)), "released",
         (STATUS, ADDRESS)),
        (verdict(LeafDecision.APPROVE), (disclosure(STATUS, withheld=(ADDRESS,)),), "part",
         (STATUS,)),
        (verdict(LeafDecision.APPROVE), (disclosure(result="none"),), "no_record", ()),
        (verdict(LeafDecision.APPROVE), (disclosure(),), "nothing", ()),
        (verdict(LeafDecision.APPROVE), (beside(LeafKind.DENIAL, decision=LeafDecision.DENY),),
         "by_rules", ()),
        (verdict(LeafDecision.APPROVE), (disclosure(STATUS, cites="wa/8"),), "by_rules", ()),
        (verdict(LeafDecision.APPROVE), (disclosure(STATUS, cites=None),), "by_rules", ()),
        (verdict(LeafDecision.REFUSE), (), "refused", ()),
        (verdict(LeafDecision.ASK), (), "asked", ()),
        (verdict(LeafDecision.ESCALATE), (), "passed_on", ()),
        (closure(), (), "expired", ()),
    ],
)  # fmt: skip
def test_each_end(
    leaf: LeafHeader, after: tuple[LeafHeader, ...], became: str, released: tuple[DataClass, ...]
) -> None:
    """A release counts only where a disclosure cites the verdict."""
    for each in (HOLD, leaf, *after):
        assert parse_leaf(encode_leaf(each)) == each
    found = told(leaf, *after)
    assert found is not None
    assert (found.became, found.released) == (became, released)
    assert (found.held, found.agency) == ((STATUS, ADDRESS), "TXPX00001")
    assert (found.hour - found.held_hour, found.hold_index) == (3, 7)


@pytest.mark.parametrize(
    ("leaf", "hold"),
    [
        (verdict(LeafDecision.APPROVE), None),
        (verdict(LeafDecision.APPROVE), disclosure(STATUS)),
        (closure(), disclosure(STATUS)),
        (closure(), msgspec.structs.replace(HOLD, key="AM")),
        (closure(decision=LeafDecision.UNDELIVERABLE), HOLD),
        (verdict(LeafDecision.REFUSE, mode=LeafMode.PROBE), HOLD),
        (HOLD, HOLD),
    ],
    ids=["withdrawn", "look", "late-look", "agency", "undeliverable", "drill", "hold"],
)
def test_what_is_no_decision_on_a_hold(leaf: LeafHeader, hold: LeafHeader | None) -> None:
    """A look at an urgent release, a drill, what waited for an agency: not counted."""
    assert told(leaf, hold=hold) is None


@pytest.mark.parametrize("agency", ["sealed", "small:tx"])
def test_an_agency_that_is_not_shown_is_none(agency: str) -> None:
    """What the public ledger hides is hidden here too."""
    found = told(closure(), hold=msgspec.structs.replace(HOLD, agency=agency))
    assert found is not None
    assert found.agency == ""


def test_tally_counts_ends_alone() -> None:
    """Questions end nothing; what the rules refused is refused."""
    base = told(closure())
    assert base is not None
    every = [msgspec.structs.replace(base, became=became) for became in Became]
    tally = tally_of(every)
    assert (tally.ended, tally.released, tally.refused, tally.expired) == (len(ENDINGS), 2, 2, 1)
    assert tally_of([]).ended == 0
