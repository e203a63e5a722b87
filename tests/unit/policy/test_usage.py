"""How often a door was used, from headers: what counts, for which door, and what cannot be told."""

from __future__ import annotations

from typing import Any

import msgspec

from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import DataClass, Instrument, LeafKind, LeafMode, Outcome, TimeBand
from comity.policy import Condition, Rule
from comity.policy.reach import Door, reach
from comity.policy.target import targets_of
from comity.policy.usage import Usage, UsageCount
from tests.support.leaves import least
from tests.unit.policy.build import ERO, PATROL, RELEASE_ALL, rule
from tests.unit.policy.test_reach import HOMES, SPACE

ICE = rule("ICE", Outcome.DENY, agency=("US/DHS/ICE",))
PHOTO = rule(
    "PHOTO",
    Outcome.DENY,
    Condition(instrument=(Instrument.COURT_ORDER,)),
    Condition(instrument=(Instrument.STATE_WARRANT,), time_band=(TimeBand.WEEKEND,)),
    agency=("US/DHS/ICE",),
    data_class=("photo",),
)


def disclosure(agency: str = PATROL, **changed: Any) -> LeafHeader:
    """A disclosure to an agency, as the public sees it."""
    plain: dict[str, Any] = {"member": Member("wa"), "agency": agency, "offence": "not_stated"}
    return msgspec.structs.replace(least(LeafKind.DISCLOSURE), **(plain | changed))


def cbp_door(*rules: Rule) -> Door:
    """The door of CBP under rules."""
    found = reach(rules, targets_of(rules)[0], SPACE)
    return next(door for door in found.doors if door.who == ("US/DHS/CBP",))


def used(door: Door, *headers: LeafHeader, since_hour: int = 0) -> Usage:
    """What these leaves, in their order, tell of a door."""
    count = UsageCount(since_hour)
    for index in reversed(range(len(headers))):
        count.add(f"wa/{index}", encode_leaf(headers[index]))
    return count.through([door], HOMES)


def test_a_live_disclosure_counts_for_the_door_of_its_agency() -> None:
    """Not for another agency's; not a probe, a query or a "no record"; not before the hour."""
    door = cbp_door(ICE, RELEASE_ALL)
    headers = (
        disclosure(),
        disclosure(),
        disclosure("XXFBI0001"),
        disclosure(mode=LeafMode.PROBE),
        disclosure(released=(), withheld=(), result="none"),
        msgspec.structs.replace(least(LeafKind.QUERY), member=Member("wa"), agency=PATROL),
        disclosure(hour=disclosure().hour - 1),
    )
    found = used(door, *headers, since_hour=disclosure().hour)
    assert found == Usage(counts=(2,), disclosures=3, untold=0)


def test_only_what_the_closing_rule_asks_for_counts() -> None:
    """By the classes released and the instrument; what a header does not tell lets nobody off."""
    door = cbp_door(PHOTO, RELEASE_ALL)
    photo = (DataClass.STATUS, DataClass.PHOTO)
    plain: dict[str, Any] = {"instrument": Instrument.NOT_STATED, "released": photo, "withheld": ()}
    assert used(door, disclosure(instrument=Instrument.NOT_STATED)).counts == (0,)
    assert used(door, disclosure(**plain)).counts == (1,)
    ordered = disclosure(**plain | {"instrument": Instrument.COURT_ORDER})
    assert used(door, ordered).counts == (0,)
    assert used(door, disclosure(**plain | {"instrument": Instrument.STATE_WARRANT})).counts == (1,)


def test_what_is_sealed_or_small_is_not_guessed() -> None:
    """Until it is revealed; a small agency stays untold then too."""
    door = cbp_door(ICE, RELEASE_ALL)
    sealed = disclosure("sealed", purpose="sealed", offence="sealed")
    small = disclosure("small:tx")
    assert used(door, sealed, small) == Usage(counts=(0,), disclosures=2, untold=2)
    reveal = msgspec.structs.replace(
        least(LeafKind.REVEAL),
        member=Member("wa"),
        cites="wa/0",
        agency=str(PATROL),
        purpose="court",
        offence="none",
    )
    assert used(door, sealed, small, reveal) == Usage(counts=(1,), disclosures=2, untold=1)
    nameless = msgspec.structs.replace(reveal, agency=None)
    assert used(door, sealed, small, nameless).untold == 2
    other = msgspec.structs.replace(reveal, agency=str(ERO))
    assert used(door, sealed, other) == Usage(counts=(0,), disclosures=1, untold=0)
