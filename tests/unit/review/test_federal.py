"""Federal requests told from public leaves: whose they are, and what became of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.directory.directory import Directory, load_directory
from comity.directory.part import sign_part
from comity.domain.agency import Acting, ActsFor, Family
from comity.domain.ids import LeafIndex, Member
from comity.domain.leaf import LeafHeader, encode_leaf, parse_leaf
from comity.domain.vocabulary import (
    DataClass,
    Instrument,
    LeafDecision,
    LeafKind,
    LeafMode,
)
from comity.review.federal import (
    Fate,
    FederalQuery,
    acting_agencies,
    fate_of,
    follow,
    tally_by_agency,
    tally_of,
)
from tests.support.directory import signer_of, trust
from tests.support.gateway import AUSTIN, OR, SALEM, TX, practice_parts

STATUS, ADDRESS, PHOTO = DataClass.STATUS, DataClass.ADDRESS, DataClass.PHOTO
US, WA = Member("us"), Member("wa")
ICE = "USPX011ER"
DECISIONS = {
    LeafKind.DISCLOSURE: LeafDecision.RELEASE,
    LeafKind.DENIAL: LeafDecision.DENY,
    LeafKind.HOLD: LeafDecision.HOLD,
}


def leaf(kind: LeafKind, *classes: DataClass, **changes: Any) -> LeafHeader:
    """A leaf of Washington about a request of ICE, of some classes."""
    is_released = kind is LeafKind.DISCLOSURE
    header = LeafHeader(
        version=1,
        kind=kind,
        mode=LeafMode.LIVE,
        hour=498_000,
        member=WA,
        agency=ICE,
        key="DQ",
        purpose="civil_immigration",
        offence="none",
        instrument=Instrument.NONE,
        released=classes if is_released else None,
        withheld=() if is_released else classes,
        decision=DECISIONS.get(kind),
        result="record" if is_released else None,
        policy=0,
        peer="us/7",
        commitment=bytes(32),
    )
    made = msgspec.structs.replace(header, **changes)
    assert parse_leaf(encode_leaf(made)) == made
    return made


def told(*leaves: LeafHeader, acting: dict[str, Family] | None = None) -> FederalQuery | None:
    """What leaves, one after the other, tell of a request."""
    known: FederalQuery | None = None
    for index, each in enumerate(leaves, 20):
        known = follow(known, LeafIndex(index), each, acting or {}) or known
    return known


def closure(cites: str) -> LeafHeader:
    """A hold whose time ran out."""
    return LeafHeader(
        version=1,
        kind=LeafKind.CLOSURE,
        mode=LeafMode.LIVE,
        hour=498_003,
        member=WA,
        decision=LeafDecision.EXPIRED,
        cites=cites,
        withheld=(ADDRESS,),
        commitment=bytes(32),
    )


RELEASED = leaf(LeafKind.DISCLOSURE, STATUS)
HELD = leaf(LeafKind.HOLD, ADDRESS)
NONE = leaf(LeafKind.DISCLOSURE, result="none")
NOTHING = leaf(LeafKind.DISCLOSURE)


@pytest.mark.parametrize(
    ("leaves", "fate", "reviewed"),
    [
        ([RELEASED], Fate.RELEASED, False),
        ([leaf(LeafKind.DISCLOSURE, STATUS, withheld=(ADDRESS,))], Fate.PART, False),
        ([NONE], Fate.NO_RECORD, False),
        ([NOTHING], Fate.NOTHING, False),
        ([leaf(LeafKind.DENIAL, STATUS, ADDRESS)], Fate.REFUSED, False),
        ([HELD], Fate.HELD, False),
        ([RELEASED, HELD], Fate.HELD, False),
        ([RELEASED, HELD, leaf(LeafKind.DISCLOSURE, ADDRESS, cites="wa/22")], Fate.RELEASED, True),
        ([RELEASED, HELD, leaf(LeafKind.DENIAL, ADDRESS, cites="wa/22")], Fate.PART, True),
        ([HELD, leaf(LeafKind.DISCLOSURE, result="none", cites="wa/21")], Fate.NO_RECORD, True),
        ([HELD, leaf(LeafKind.DENIAL, ADDRESS, cites="wa/21")], Fate.REFUSED, True),
        ([HELD, closure("wa/20")], Fate.EXPIRED, False),
        ([RELEASED, HELD, closure("wa/21")], Fate.PART, False),
        # Of another entry, such as an urgent release that nobody looked at: the hold stands.
        ([RELEASED, HELD, closure("wa/20")], Fate.HELD, False),
        ([HELD, closure("or/20")], Fate.HELD, False),
    ],
)
def test_what_became_of_it(leaves: list[LeafHeader], fate: Fate, reviewed: bool) -> None:
    """By its last leaves; what a person ended is told as such."""
    query = told(*leaves)
    assert query is not None
    assert (fate_of(query), query.is_reviewed) == (fate, reviewed)
    assert query.first == 20


@pytest.mark.parametrize(
    "changes",
    [
        {"peer": "tx/7", "agency": AUSTIN},
        {"mode": LeafMode.PROBE},
        {"mode": LeafMode.SHADOW},
        {"key": "AM"},
    ],
)
def test_what_is_no_federal_query(changes: dict[str, Any]) -> None:
    """Another member's police, a drill, what is only tried, a message to people."""
    assert told(leaf(LeafKind.DENIAL, STATUS, **changes)) is None


@pytest.mark.parametrize("agency", ["sealed", "small:us"])
def test_an_agency_that_is_not_shown_is_federal_by_its_member(agency: str) -> None:
    """Its name stays out, its purpose too where that is sealed."""
    changes = {"purpose": "sealed", "offence": "sealed"} if agency == "sealed" else {}
    query = told(leaf(LeafKind.DENIAL, STATUS, agency=agency, **changes))
    assert query is not None
    assert query.agency == ""
    assert query.purpose == ("" if agency == "sealed" else "civil_immigration")


def directory_with(family: str) -> Directory:
    """The practice directory, in which a police department of Texas acts for a family."""
    parts = {part.member: part for part in practice_parts()}
    acts = ActsFor(family=Family(family), how=Acting.CROSS_DESIGNATED)
    agencies = tuple(msgspec.structs.replace(a, acts_for=(acts,)) for a in parts[TX].agencies)
    parts[TX] = msgspec.structs.replace(parts[TX], agencies=agencies)
    signed = [sign_part(part, signer_of(part.member)) for part in parts.values()]
    found, faults = load_directory(signed, trust(OR, WA, TX))
    assert not faults
    return found


def test_a_deputised_agency_asks_as_its_federal_family() -> None:
    """It counts, and is told as what it is; who acts for a state's family does not."""
    acting = acting_agencies(directory_with("US/DHS/ICE"))
    assert acting == {AUSTIN: "US/DHS/ICE"}
    query = told(leaf(LeafKind.DENIAL, STATUS, peer="tx/7", agency=AUSTIN), acting=acting)
    assert query is not None
    assert query.acts_for == "US/DHS/ICE"
    assert told(leaf(LeafKind.DENIAL, STATUS, peer="or/7", agency=SALEM), acting=acting) is None
    assert acting_agencies(directory_with("OR/LOCAL")) == {}


def test_tallies_add_up() -> None:
    """Each request once, by agency as well; most first."""
    cases = [[RELEASED], [HELD], [NONE], [leaf(LeafKind.DENIAL, STATUS)]]
    queries = [query for case in cases if (query := told(*case)) is not None]
    other = told(leaf(LeafKind.DENIAL, STATUS, agency="small:us"))
    assert other is not None
    tally = tally_of([*queries, other])
    assert (tally.asked, tally.released, tally.refused, tally.none, tally.held) == (5, 1, 2, 1, 1)
    by_agency = tally_by_agency([other, *queries])
    assert [(agency, each.asked) for agency, each in by_agency] == [(ICE, 4), ("", 1)]
