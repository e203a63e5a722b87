"""Who can get what: cells counted, agencies that get the same together, and their words."""

from __future__ import annotations

from comity.domain.agency import Family
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import AgencyType, DataClass, Instrument, Outcome
from comity.policy import Condition
from comity.policy.access import access, class_parts, key_parts
from comity.policy.english import terms_of
from comity.policy.gathering import words_of_agencies
from comity.policy.space import Asker, space_of
from tests.unit.policy.build import ERO, HSI, PATROL, POLICE, RELEASE_ALL, rule
from tests.unit.policy.test_reach import ASKERS, SPACE

PARTS = class_parts()
DENY_ICE = rule(
    "ICE", Outcome.DENY, Condition(instrument=(Instrument.COURT_ORDER,)), agency=("US/DHS/ICE",)
)


def test_every_request_kind_is_in_one_cell() -> None:
    """Over all parts and agencies, what is asked is all that can be asked."""
    for parts in (PARTS, key_parts()):
        rows = access((DENY_ICE, RELEASE_ALL), SPACE, tuple(parts.values()))
        assert sum(cell.asked * len(row.askers) for row in rows for cell in row.cells) == SPACE.size


def test_agencies_that_get_the_same_are_one_row() -> None:
    """Who gets least first; a cell has what limits it and what releases it."""
    rows = access((DENY_ICE, RELEASE_ALL), SPACE, tuple(PARTS.values()))
    assert [[asker.ori for asker in row.askers] for row in rows] == [
        [ERO, HSI],
        [asker.ori for asker in ASKERS if asker.ori not in {ERO, HSI}],
    ]
    ice, others = rows[0].cells[0], rows[1].cells[0]
    assert (ice.best, ice.limits, ice.releases) == (Outcome.RELEASE, ("ICE",), ("ALL",))
    assert 0 < ice.released < ice.asked
    assert (others.released, others.limits) == (others.asked, ())


def test_what_stops_everything_is_named_alone() -> None:
    """A rule that bites besides is no reason then; without any, that no rule releases it is."""
    rules = (
        rule("ALL-OF-IT", Outcome.DENY, agency=("US/DHS/ICE",)),
        rule("SOME", Outcome.DENY, purpose=("court",)),
        rule("HELD", Outcome.HOLD, agency=("US/DHS/CBP",)),
        rule("POLICE", Outcome.RELEASE, agency=("US/DHS",)),
    )
    (nobody, ice, cbp, others) = access(rules, SPACE, [PARTS[DataClass.STATUS]])
    assert (ice.cells[0].best, ice.cells[0].limits) == (Outcome.DENY, ("ALL-OF-IT",))
    assert nobody.cells[0].limits == ("SOME", "NO-RULE")
    assert (cbp.cells[0].best, cbp.cells[0].limits) == (Outcome.HOLD, ("SOME", "HELD"))
    assert others.cells[0].best is Outcome.RELEASE


def test_a_key_has_the_classes_that_it_asks_for() -> None:
    """And free text with each."""
    parts = key_parts()
    asked = [part for key, part in parts if key == MessageKey("KQ")]
    assert asked == ["status", "identity", "history", "opaque"]
    assert (MessageKey("KQ"), DataClass.PHOTO) not in parts


def words(*oris: ORI) -> str:
    """The words for some of the invented agencies."""
    return words_of_agencies([asker for asker in ASKERS if asker.ori in oris], ASKERS)


def test_agencies_are_told_in_few_words() -> None:
    """Whole families by their names, what they leave out, single agencies last."""
    every = tuple(asker.ori for asker in ASKERS)
    assert words(*every) == "every agency"
    assert words() == "nobody"
    assert words(ERO, HSI) == "ICE"
    assert words(*(ori for ori in every if ori not in {ERO, HSI})) == "every agency (but ICE)"
    assert words(POLICE) == "police departments of Texas"
    assert words(PATROL) == "the Border Patrol"


def test_agencies_of_one_kind_stand_together_across_states() -> None:
    """Of one state where only that state's are meant; a number where a list would be long."""
    everyone = [
        Asker(ORI(f"{state}0{kind}000{n}"), Family(f"{state}/LOCAL/{kind}"), AgencyType.PD)
        for state in ("TX", "OH", "WA")
        for kind in ("PD", "SO")
        for n in range(3)
    ]
    of_texas = [asker for asker in everyone if asker.family == "TX/LOCAL/PD"]
    assert words_of_agencies(of_texas, everyone) == "police departments of Texas"
    departments = [asker for asker in everyone if asker.family.endswith("PD")]
    assert words_of_agencies(departments, everyone) == "police departments"
    others = [asker for asker in everyone if asker not in of_texas]
    assert words_of_agencies(others, everyone) == "local agencies (but police departments of Texas)"
    some = [asker for asker in everyone if asker.ori.endswith("1")]
    assert words_of_agencies(some, everyone) == "6 of 18 local agencies"


def test_many_agencies_are_as_few_as_rules_tell_apart() -> None:
    """One row each for what differs, however many stand in it."""
    many = tuple(
        Asker(ORI(f"XX{n:07}"), ASKERS[n % len(ASKERS)].family, ASKERS[n % len(ASKERS)].type)
        for n in range(5_000)
    )
    rows = access((DENY_ICE, RELEASE_ALL), space_of(many), tuple(PARTS.values()))
    assert [words_of_agencies(row.askers, many) for row in rows] == [
        "ICE",
        "every agency (but ICE)",
    ]
    assert sum(len(row.askers) for row in rows) == len(many)


def test_the_terms_of_a_rule_are_said_in_short() -> None:
    """Keys without their words; nothing where it always applies."""
    assert terms_of(RELEASE_ALL) == ""
    assert terms_of(DENY_ICE) == "when the query is from ICE; not when they hold a court order"
    keyed = rule("K", Outcome.DENY, message_key=("DQ", "KQ"), data_class=("status",))
    assert terms_of(keyed) == "when the query is DQ or KQ and it is for licence status"
