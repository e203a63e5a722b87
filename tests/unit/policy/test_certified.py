"""What a certificate stands over: what changes it, what does not, and the sentence it says."""

from __future__ import annotations

import msgspec

from comity.domain.agency import Family
from comity.domain.certificate import SecondProof
from comity.domain.ids import ORI
from comity.domain.vocabulary import AgencyType, Outcome
from comity.policy import Condition
from comity.policy.certified import (
    Stands,
    certificate_sentence,
    families_digest,
    long_time,
    vocabularies_digest,
    void_because,
)
from comity.policy.space import Asker
from tests.unit.domain.test_certificate import BLOCK, KEPT, MADE, PROBE, PROVED

PD = Asker(ORI("TX0PD0001"), Family("TX/LOCAL/PD"), AgencyType.PD)
ERO = Asker(ORI("XXERO0001"), Family("US/DHS/ICE/ERO"), AgencyType.FE)
LIKE = PD._replace(ori=ORI("TX0PD0002"))
NAMING = (Condition(agency=("US/DHS/ICE", "TX0PD0002")),)


def test_an_agency_that_joins_a_family_changes_nothing() -> None:
    """A new family, another type, and an agency that a condition names do."""
    stands = families_digest((PD, ERO), ())
    assert families_digest((ERO, PD, LIKE), ()) == stands
    for other in (
        ((PD,), ()),
        ((PD, ERO, LIKE._replace(family=Family("TX/LOCAL/SO"))), ()),
        ((PD, ERO, LIKE._replace(type=AgencyType.NJ)), ()),
        ((PD, ERO, LIKE), NAMING),
    ):
        assert families_digest(*other) != stands
    assert families_digest((PD, ERO), NAMING) == stands


def test_vocabularies_are_one_digest() -> None:
    """It is the same each time; whatever changes it makes every certificate void."""
    assert vocabularies_digest() == vocabularies_digest()
    assert len(vocabularies_digest()) == 32


def test_a_certificate_is_void_by_what_changed() -> None:
    """Each of the three by its name; where none changed, it stands."""
    now = Stands(rules=MADE.rules, families=MADE.families, vocabularies=MADE.vocabularies)
    assert void_because(MADE, now) == ()
    assert void_because(MADE, msgspec.structs.replace(now, families=bytes(32))) == ("families",)
    other = Stands(rules=b"", families=b"", vocabularies=b"")
    assert void_because(MADE, other) == ("rules", "families", "vocabularies")


def test_a_block_says_one_sentence() -> None:
    """What the state gives to whom since when, and what became of the probes."""
    assert certificate_sentence(MADE) == (
        "Ohio gives nothing to ICE since 2026-11-24 06:00:00 UTC; all 1 probes were refused."
    )
    failed = msgspec.structs.replace(
        BLOCK, probes=(PROBE, msgspec.structs.replace(PROBE, outcome="hit"))
    )
    said = certificate_sentence(msgspec.structs.replace(MADE, block=failed))
    assert said.endswith("; NOT EVERY PROBE WAS REFUSED.")
    held = msgspec.structs.replace(BLOCK, effect=Outcome.HOLD)
    said = certificate_sentence(msgspec.structs.replace(MADE, block=held))
    assert said.startswith("Ohio reviews every query of ICE since")
    assert long_time(BLOCK.since) == "November\u00a024, 2026, 06:00:00 UTC"


def test_guarantees_say_how_they_were_proved() -> None:
    """How many hold, and whether the solver agreed, proved alone, or did not."""
    sentences = {
        SecondProof.AGREES: "each was counted and asked of a solver, and both agree.",
        SecondProof.ALONE: "1 of them were proved by the solver alone.",
        SecondProof.DISAGREES: "1 of them were not proved.",
    }
    for solver, words in sentences.items():
        guarantees = (msgspec.structs.replace(KEPT, solver=solver),)
        said = certificate_sentence(msgspec.structs.replace(PROVED, guarantees=guarantees))
        assert said.startswith("Ohio keeps 1 of 1 guarantees over every request")
        assert said.endswith(words)


def test_what_a_state_does_not_promise_is_said() -> None:
    """Behind what it keeps, or alone where it keeps nothing."""
    some = msgspec.structs.replace(PROVED, opted_out=("G-2", "G-3"))
    assert certificate_sentence(some).endswith("and both agree; it opts out of 2 more.")
    none = msgspec.structs.replace(some, guarantees=())
    assert certificate_sentence(none) == (
        "Ohio gives no guarantee; it opts out of the 2 of all states."
    )
