"""Case passes: whose grant counts, in which form and when, and what it is for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.ids import ORI, Member
from comity.domain.passes import (
    PASS_DAYS_MAX,
    PASS_PERSONS_MAX,
    CasePass,
    NamedBy,
    PassPerson,
    PassRevocation,
    SignedPass,
    named_in,
    pass_bytes,
)
from comity.domain.vocabulary import DataClass, LeafKind, Purpose
from comity.review.passes import (
    PassError,
    check_pass,
    check_revocation,
    check_standing,
    covers,
    pass_leaf,
    revocation_leaf,
)
from comity.review.signatures import VerdictError
from tests.support.exchange import ENROLLED, SUPERVISOR, exchange_of
from tests.support.review import (
    CASE,
    DAY,
    LICENSEE,
    NOW,
    case_pass,
    proof_of,
    revocation,
    signed_pass,
    signed_revocation,
)

OTHER = PassPerson(by=NamedBy.LICENCE, value="PX000205K7")
ALTERED: dict[str, Any] = {
    "state": Member("or"),
    "agency": ORI("ORPX00001"),
    "case_number": "HS-26-89",
    "persons": (LICENSEE, OTHER),
    "classes": (DataClass.STATUS,),
    "purpose": Purpose.COURT,
    "since": NOW + 1,
    "until": NOW + DAY,
    "hold_entry": "wa/7",
    "note": " ",
    "reviewer": "Another Reviewer",
    "at": NOW + 1,
}
ENDED: dict[str, Any] = {
    "state": Member("or"),
    "pass_entry": "wa/8",
    "note": " ",
    "reviewer": "Another Reviewer",
    "at": NOW + 1,
}


@pytest.mark.parametrize("field", CasePass.__struct_fields__)
def test_any_altered_field_is_refused(field: str) -> None:
    """A pass with one field altered after it was signed is refused, at grant and when read."""
    made = signed_pass(case_pass())
    check_pass(made, ENROLLED, NOW)
    changed = msgspec.structs.replace(made.case_pass, **{field: ALTERED[field]})
    altered = msgspec.structs.replace(made, case_pass=changed)
    with pytest.raises(VerdictError):
        check_pass(altered, ENROLLED, NOW)
    with pytest.raises(VerdictError):
        check_standing(altered, ENROLLED)


@pytest.mark.parametrize("field", PassRevocation.__struct_fields__)
def test_any_altered_field_of_a_revocation_is_refused(field: str) -> None:
    """What was not signed ends nothing."""
    made = signed_revocation(revocation("wa/7"))
    check_revocation(made, ENROLLED, NOW)
    changed = msgspec.structs.replace(made.revocation, **{field: ENDED[field]})
    with pytest.raises(VerdictError):
        check_revocation(msgspec.structs.replace(made, revocation=changed), ENROLLED, NOW)


def test_a_pass_is_not_signed_with_another_paper() -> None:
    """The prefix is signed: one paper's bytes are no other's, and a foreign key signs nothing."""
    made = case_pass()
    bare = proof_of(pass_bytes(made).removeprefix(b"comity/pass/v1\n"))
    stranger = proof_of(pass_bytes(made), Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))
    for proof in (bare, stranger):
        with pytest.raises(VerdictError):
            check_pass(SignedPass(case_pass=made, proof=proof), ENROLLED, NOW)
    for key in (None, SUPERVISOR):
        with pytest.raises(VerdictError):
            check_pass(signed_pass(made), key, NOW)


def _named(count: int) -> tuple[PassPerson, ...]:
    return tuple(PassPerson(by=NamedBy.LICENCE, value=f"PX{n:06d}") for n in range(count))


@pytest.mark.parametrize(
    "changes",
    [
        {"case_number": ""},
        {"case_number": "X" * 21},
        {"case_number": "hs-26"},
        {"persons": ()},
        {"persons": _named(PASS_PERSONS_MAX + 1)},
        {"persons": (OTHER, LICENSEE)},
        {"persons": (LICENSEE, LICENSEE)},
        {"persons": (PassPerson(by=NamedBy.LICENCE, value="px1"),)},
        {"persons": (PassPerson(by=NamedBy.LICENCE, value="PX1", born="19900101"),)},
        {"persons": (PassPerson(by=NamedBy.NAME, value="DOE,JANE"),)},
        {"persons": (PassPerson(by=NamedBy.NAME, value="DOE,JANE", born="1990"),)},
        {"persons": (PassPerson(by=NamedBy.NAME, value="DOE, JANE", born="19900101"),)},
        {"persons": (PassPerson(by=NamedBy.PLATE, value="PX4471"),)},
        {"classes": ()},
        {"classes": (DataClass.ADDRESS, DataClass.STATUS)},
        {"classes": (DataClass.STATUS, DataClass.STATUS)},
        {"purpose": Purpose.NOT_STATED},
        {"purpose": Purpose.OTHER},
        {"until": NOW},
        {"since": NOW + DAY, "until": NOW + DAY},
        {"until": NOW + PASS_DAYS_MAX * DAY + 1},
        {"since": NOW + DAY, "until": NOW + PASS_DAYS_MAX * DAY + DAY},
        {"since": NOW - 301},
        {"hold_entry": "or/7"},
        {"note": "x" * 501},
    ],
)
def test_what_has_not_its_form_is_refused(changes: dict[str, Any]) -> None:
    """Every part has its limit; no pass outlives the row that it is kept in."""
    with pytest.raises(PassError):
        check_pass(signed_pass(case_pass(**changes)), ENROLLED, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"case_number": "X" * 20},
        {"persons": _named(PASS_PERSONS_MAX)},
        {"persons": (PassPerson(by=NamedBy.NAME, value="DOE,JANE", born="19900101"),)},
        {"persons": (PassPerson(by=NamedBy.PLATE, value="PX4471/PC"),)},
        {"persons": (PassPerson(by=NamedBy.PLATE, value="PX4471/"),)},
        {"until": NOW + PASS_DAYS_MAX * DAY},
        {"since": NOW - 300},
        {"note": "x" * 500},
    ],
)
def test_at_its_limits_it_is_taken(changes: dict[str, Any]) -> None:
    """The last value that is allowed is."""
    check_pass(signed_pass(case_pass(**changes)), ENROLLED, NOW)


def test_a_revocation_is_of_the_states_own_pass() -> None:
    """Nobody ends another state's pass."""
    with pytest.raises(PassError):
        check_revocation(signed_revocation(revocation("or/7")), ENROLLED, NOW)
    with pytest.raises(PassError):
        check_revocation(signed_revocation(revocation("wa/7", note="x" * 501)), ENROLLED, NOW)


def _asked(**changes: Any) -> Any:
    base = msgspec.structs.replace(exchange_of(), agency=ORI("TXPX00001"), claims=CASE)
    return msgspec.structs.replace(base, **changes)


def test_it_is_for_its_own_state_agency_case_purpose_and_time() -> None:
    """Each of them by itself, and never for a probe or for nobody."""
    made = case_pass(purpose=Purpose.CRIMINAL_INVESTIGATION)
    assert covers(made, _asked(), NOW)
    replace = msgspec.structs.replace
    for asked, now in (
        (_asked(state=Member("or")), NOW),
        (_asked(agency=ORI("ORPX00001")), NOW),
        (_asked(probe=True), NOW),
        (_asked(claims=replace(CASE, case_number="HS-26-8")), NOW),
        (_asked(claims=replace(CASE, operator="")), NOW),
        (_asked(claims=replace(CASE, purpose=Purpose.NOT_STATED)), NOW),
        (_asked(fields=()), NOW),
        (_asked(), NOW - 1),
        (_asked(), made.until),
    ):
        assert not covers(made, asked, now)
    assert covers(made, _asked(), made.until - 1)


@pytest.mark.parametrize(
    ("fields", "persons"),
    [
        ((("OLN", "PX1"),), {PassPerson(by=NamedBy.LICENCE, value="PX1")}),
        (
            (("NAM", "DOE, JANE ANN"), ("DOB", "19900101"), ("SEX", "F")),
            {PassPerson(by=NamedBy.NAME, value="DOE,JANE", born="19900101")},
        ),
        (
            (("LIC", "PX4471"), ("LIT", "PC"), ("LIY", "2026")),
            {PassPerson(by=NamedBy.PLATE, value="PX4471/PC")},
        ),
        (
            (("OLN", "PX1"), ("VIN", "PXV1")),
            {
                PassPerson(by=NamedBy.LICENCE, value="PX1"),
                PassPerson(by=NamedBy.VIN, value="PXV1"),
            },
        ),
        ((("OLN", "PX1"), ("OLN", "PX2")), set()),
        ((("OLN", "PX1"), ("SOC", "900000001")), set()),
        ((("NAM", "DOE,JANE"), ("DOB", "1990")), set()),
        ((("NAM", "DOE,JANE"),), set()),
        ((("OLN", "PX1"), ("DOB", "19900101")), set()),
        ((("NAM", "DOE"), ("DOB", "19900101")), set()),
        ((("LIT", "PC"),), set()),
    ],
)
def test_whom_a_query_names(fields: tuple[tuple[str, str], ...], persons: set[PassPerson]) -> None:
    """Everyone whom it names, or nobody where it names someone in another way."""
    assert named_in(fields) == persons


def test_leaves_show_no_person() -> None:
    """The header has agency, purpose and classes; where it must not tell whose, not even that."""
    made = signed_pass(case_pass(purpose=Purpose.COURT, hold_entry="wa/7"))
    header = pass_leaf(made, NOW, is_veiled=False).header
    assert (header.kind, header.agency, header.purpose) == (LeafKind.PASS, "TXPX00001", "court")
    assert (header.cites, header.released) == ("wa/7", made.case_pass.classes)
    assert pass_leaf(made, NOW, is_veiled=True).header.agency == "sealed"
    ended = revocation_leaf(signed_revocation(revocation("wa/9")), "sealed", NOW).header
    assert (ended.agency, ended.purpose, ended.released, ended.cites) == (
        "sealed",
        None,
        (),
        "wa/9",
    )
