"""The advice on leaks for a small state: which doors, in which order, in which words."""

from __future__ import annotations

from comity.domain.agency import Acting, ActsFor, Family
from comity.domain.ids import ORI, Member
from comity.domain.vocabulary import AgencyType, DataClass, Instrument, Outcome
from comity.policy import Condition, Rule
from comity.policy.advice import headline, label_of_door, sentence_of_door, words_of_classes
from comity.policy.check import AGENCIES_MAX, check_bundle
from comity.policy.door import DoorKind
from comity.policy.reach import Reach, closed, doors_elsewhere, reach
from comity.policy.space import Asker, space_of
from comity.policy.target import homes_of, meet, target_within, targets_of
from tests.unit.policy.build import ERO, HSI, PATROL, POLICE, RELEASE_ALL, bundle, rule

TSA, SHERIFF, DESK = ORI("XXTSA0001"), ORI("TX0SO0001"), ORI("OH0SP0001")
NAMES: dict[str, str] = {SHERIFF: "Example County Sheriff", DESK: "Example Desk"}


def asker(ori: ORI, family: str, *acts: tuple[str, Acting]) -> Asker:
    """An invented agency."""
    kind = AgencyType.FE if family.startswith("US") else AgencyType.PD
    facts = tuple(ActsFor(family=Family(path), how=how) for path, how in acts)
    return Asker(ori, Family(family), kind, NAMES.get(ori, ""), facts)


ASKERS = (
    asker(ERO, "US/DHS/ICE/ERO"),
    asker(HSI, "US/DHS/ICE/HSI"),
    asker(PATROL, "US/DHS/CBP/USBP"),
    asker(ORI("XXUSBP002"), "US/DHS/CBP/OFO"),
    asker(TSA, "US/DHS/TSA"),
    asker(ORI("XXFBI0001"), "US/DOJ/FBI"),
    asker(POLICE, "TX/LOCAL/PD"),
    asker(SHERIFF, "TX/LOCAL/SO", ("US/DHS/ICE/ERO", Acting.CROSS_DESIGNATED)),
    asker(DESK, "OH/STATE/PATROL", ("US/DHS", Acting.RELAY)),
)
SPACE = space_of(ASKERS)
HOMES = homes_of(ASKERS)
ICE = rule("ICE", Outcome.DENY, agency=("US/DHS/ICE",))


def advice(*rules: Rule) -> Reach:
    """The advice on the first target of rules."""
    return reach(rules, targets_of(rules)[0], SPACE)


def doors(found: Reach) -> list[tuple[str, tuple[str, ...]]]:
    """Who stands open, in the order of the advice."""
    return [(door.kind.value, door.who) for door in found.doors]


def test_a_block_by_one_agency_s_name_leaves_its_sisters() -> None:
    """The same department first where it is widest, then who acts for it; never the others."""
    found = advice(ICE, RELEASE_ALL)
    assert doors(found) == [
        ("sister_agency", ("US/DHS/CBP",)),
        ("sister_agency", ("US/DHS/TSA",)),
        ("cross_designated", (SHERIFF,)),
        ("relay", (DESK,)),
    ]
    assert [door.agencies for door in found.doors] == [2, 1, 1, 1]
    # Every request that two agencies of ICE are refused, two of CBP get.
    assert found.doors[0].request_kinds == found.refused
    assert found.never == tuple(c for c in DataClass if c in found.doors[0].classes)
    assert (found.released, found.held) == ((), ())


def test_a_part_of_a_family_has_the_rest_of_it_for_a_sister() -> None:
    """Of one agency the others of its own family, then of its department."""
    found = advice(rule("ERO", Outcome.DENY, agency=(ERO,)), RELEASE_ALL)
    assert doors(found)[:3] == [
        ("sister_agency", ("US/DHS/CBP",)),
        ("sister_agency", ("US/DHS/ICE/HSI",)),
        ("sister_agency", ("US/DHS/TSA",)),
    ]
    further = Asker(ORI("XXERO0002"), Family("US/DHS/ICE/ERO"), AgencyType.FE)
    rules = (rule("ERO", Outcome.DENY, agency=(ERO,)), RELEASE_ALL)
    found = reach(rules, targets_of(rules)[0], space_of((*ASKERS, further)))
    assert ("sister_agency", (further.ori,)) in doors(found)


def test_a_whole_department_has_no_sister() -> None:
    """What stands above it is the government."""
    found = advice(rule("DHS", Outcome.HOLD, agency=("US/DHS",)), RELEASE_ALL)
    assert doors(found) == [("cross_designated", (SHERIFF,)), ("relay", (DESK,))]
    assert found.held
    assert found.doors[0].closing[0].effect is Outcome.HOLD


def test_the_target_s_own_doors() -> None:
    """Another key, free text, an exception and another claim; a claim is held, not denied."""
    bar = rule(
        "BAR",
        Outcome.DENY,
        Condition(instrument=(Instrument.COURT_ORDER,)),
        agency=("US/DHS/ICE",),
        message_key=("DQ",),
        data_class=("address",),
        purpose=("civil_immigration",),
    )
    found = advice(bar, RELEASE_ALL)
    own = {(door.kind, door.said): door for door in found.doors if door.who == ("US/DHS/ICE",)}
    assert set(own) == {
        (DoorKind.OTHER_KEY, ()),
        (DoorKind.FREE_TEXT, ()),
        (DoorKind.CLAIM, ("purpose",)),
        (DoorKind.CLAIM, ("BAR/0",)),
    }
    assert own[DoorKind.OTHER_KEY, ()].keys == ("DQG", "DNQ", "RQ", "RQG")
    assert own[DoorKind.OTHER_KEY, ()].classes == (DataClass.ADDRESS,)
    assert "AM" in own[DoorKind.FREE_TEXT, ()].keys
    assert "TA" not in own[DoorKind.FREE_TEXT, ()].keys
    claim = own[DoorKind.CLAIM, ("purpose",)]
    assert claim.closing[0].effect is Outcome.HOLD
    assert "civil_immigration" not in claim.closing[0].when.purpose
    assert own[DoorKind.CLAIM, ("BAR/0",)].witness["instrument"] == "court_order"
    said = [sentence_of_door(door, found.target, NAMES, "Washington") for door in own.values()]
    assert sorted(said) == [
        "ICE can ask for the same by another key: DQG, DNQ, RQ or RQG.",
        next(each for each in said if each.startswith("ICE can get free text")),
        "ICE is answered unless the stated use is civil immigration enforcement.",
        "ICE is answered when they hold a court order.",
    ]


def test_a_door_is_closed_by_no_rule_twice() -> None:
    """A block over a bar that has exceptions: its draft says all that the bar's would say."""
    bar = rule(
        "BAR",
        Outcome.DENY,
        Condition(instrument=(Instrument.COURT_ORDER,)),
        agency=("US/DHS/ICE",),
    )
    rules = (ICE, bar, RELEASE_ALL)
    found = reach(rules, target_within(rules, "US/DHS/ICE", HOMES), SPACE)
    assert doors(found)[0] == ("sister_agency", ("US/DHS/CBP",))
    for door in found.doors:
        (closing,) = door.closing
        assert (closing.effect, closing.unless) == (Outcome.DENY, ())


def test_claims_that_one_draft_cannot_tell_apart_are_one_door() -> None:
    """Two bars by purpose and by crime: whoever claims neither goes through both at once."""
    found = advice(
        rule("ONE", Outcome.DENY, agency=("US/DHS/ICE",), purpose=("civil_immigration",)),
        rule("TWO", Outcome.DENY, agency=("US/DHS/ICE",), offence=("immigration_civil",)),
        RELEASE_ALL,
    )
    (claim,) = [door for door in found.doors if door.kind is DoorKind.CLAIM]
    assert claim.said == ("purpose", "offence")
    assert len(claim.closing) == 2


def test_who_is_barred_in_the_same_way_is_one_target() -> None:
    """By one rule or by two; another way makes another target."""
    cbp = rule("CBP", Outcome.DENY, agency=("US/DHS/CBP",))
    (target,) = targets_of((ICE, cbp, RELEASE_ALL))
    assert target.agency == ("US/DHS/CBP", "US/DHS/ICE")
    assert target.label == "CBP and ICE"
    held = rule("CBP", Outcome.HOLD, agency=("US/DHS/CBP",))
    assert [each.agency for each in targets_of((ICE, held))] == [("US/DHS/ICE",), ("US/DHS/CBP",)]
    found = reach((ICE, cbp, RELEASE_ALL), target, SPACE)
    assert doors(found)[0] == ("sister_agency", ("US/DHS/TSA",))
    assert len(found.doors[0].closing) == 1


def test_a_target_that_is_asked_for_takes_its_part() -> None:
    """Of a bar the part within it; what a bar names within it; nothing else."""
    assert target_within((ICE,), "US/DHS/ICE/ERO", HOMES).agency == ("US/DHS/ICE/ERO",)
    assert target_within((ICE,), "US/DHS", HOMES).agency == ("US/DHS/ICE",)
    assert target_within((ICE,), ERO, HOMES).agency == (ERO,)
    assert target_within((ICE, RELEASE_ALL), "US/DOJ", HOMES).bars == ()
    assert (meet(ERO, "US/DHS", HOMES), meet("US/DOJ", "US/DHS", HOMES)) == (ERO, None)


def test_a_bar_of_nobody_listed_opens_nothing() -> None:
    """An agency type that no agency of the family has bars nobody, so that nobody goes round it."""
    found = advice(
        rule("BAR", Outcome.DENY, agency=("US/DHS/ICE",), agency_type=("pd",)), RELEASE_ALL
    )
    assert (found.refused, found.doors) == (0, ())


def test_many_agencies_are_named_by_several_rules() -> None:
    """No drafted rule names more agencies than a rule may."""
    many = [
        asker(ORI(f"TX{n:07}"), "TX/LOCAL/SO", ("US/DHS/ICE", Acting.CROSS_DESIGNATED))
        for n in range(AGENCIES_MAX + 1)
    ]
    rules = (ICE, RELEASE_ALL)
    found = reach(rules, targets_of(rules)[0], space_of((*ASKERS, *many)))
    (door,) = [each for each in found.doors if each.kind is DoorKind.CROSS_DESIGNATED]
    assert [len(each.when.agency) for each in door.closing] == [AGENCIES_MAX, 2]
    assert door.agencies == len(door.who) == AGENCIES_MAX + 2
    check_bundle(closed(bundle(*rules), door))


def test_drafted_rules_have_free_ids_and_a_sentence() -> None:
    """Ids that nothing else has, in the order of the doors; a record that stands."""
    taken = rule("DOOR-1", Outcome.HOLD, data_class=("ssn",))
    found = advice(ICE, taken, RELEASE_ALL)
    assert [door.closing[0].id for door in found.doors] == ["DOOR-2", "DOOR-3", "DOOR-4", "DOOR-5"]
    first = found.doors[0].closing[0]
    assert first.sentence == "What ICE may not get at once is refused for CBP too."
    check_bundle(closed(bundle(ICE, taken, RELEASE_ALL), found.doors[0]))


def test_the_finding_comes_in_one_sentence() -> None:
    """Whom the rules refuse, how many doors, the widest three, and what is known of their use."""
    found = advice(ICE, RELEASE_ALL)
    assert headline((found,), NAMES, {0: "412 answers since June"}) == (
        "ICE is refused, and 4 other doors stand open to what it was refused: CBP (412 answers"
        " since June), TSA, Example County Sheriff (TX0SO0001) and 1 more."
    )
    assert headline((), NAMES).startswith("Nobody is refused or held by name")
    everyone = advice(ICE, rule("ALL", Outcome.DENY))
    assert headline((everyone,), NAMES) == (
        "ICE is refused, and no other door stands open to what it was refused."
    )
    held = advice(rule("DHS", Outcome.HOLD, agency=("US/DHS",)), RELEASE_ALL)
    assert headline((held,), NAMES) == (
        "Homeland Security agencies are held for review, and 2 other doors stand open to what is"
        " not given at once: Example County Sheriff (TX0SO0001) and Example Desk (OH0SP0001)."
    )
    nobody = reach((RELEASE_ALL,), target_within((RELEASE_ALL,), "US/DOJ", HOMES), SPACE)
    assert headline((nobody,), NAMES).endswith("are refused nothing by name: no door to look for.")


def test_a_door_is_said_in_a_sentence() -> None:
    """Who, by which relation, gets what."""
    found = advice(ICE, RELEASE_ALL)
    said = [sentence_of_door(door, found.target, NAMES, "Washington") for door in found.doors]
    assert said[0] == "CBP is of the same department, and gets what is refused to ICE."
    sheriff, desk = "Example County Sheriff (TX0SO0001)", "Example Desk (OH0SP0001)"
    assert said[2:] == [
        f"{sheriff} has the powers of ICE, and can get what is refused to ICE.",
        f"{desk} passes answers on, and gets what is refused to ICE.",
    ]


def test_other_states_are_counted_and_said() -> None:
    """How many answer the target, and how many of their agencies get it here as well."""
    found = advice(ICE, RELEASE_ALL)
    others = {Member("tx"): (RELEASE_ALL,), Member("oh"): (RELEASE_ALL,), Member("ny"): (ICE,)}
    door = doors_elsewhere(found.target, others, SPACE, found.getting)
    assert door is not None
    assert (door.who, door.agencies, door.request_kinds) == (("OH", "TX"), 3, 2 * found.refused)
    assert label_of_door(door, NAMES) == "2 other states"
    assert sentence_of_door(door, found.target, NAMES, "Washington") == (
        "2 other states answer ICE what Washington does not; 3 of their agencies get it here, and"
        " can pass it on."
    )


def test_classes_are_named_or_said_to_be_all() -> None:
    """In the vocabulary's order."""
    assert words_of_classes([DataClass.PHOTO, DataClass.STATUS]) == "status photo"
    assert words_of_classes(list(DataClass)) == "every class that can be asked for"
