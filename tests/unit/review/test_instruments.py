"""Instruments: whose word counts, in which form and when, what they are for, and their leaves."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from comity.domain.ids import ORI, Member
from comity.domain.instruments import (
    APPOINTMENTS,
    INSTRUMENT_DAYS_MAX,
    REGISTRABLE,
    Appointment,
    InstrumentFile,
    InstrumentRevocation,
    InstrumentVerification,
    RegisteredInstrument,
)
from comity.domain.leaf import SEALED
from comity.domain.passes import NamedBy, PassPerson
from comity.domain.vocabulary import DataClass, Instrument, LeafKind
from comity.review.instruments import (
    InstrumentError,
    check_file,
    check_instrument_revocation,
    check_registration,
    check_verification,
    covers_request,
    instrument_revocation_leaf,
    registration_leaf,
    verification_leaf,
)
from comity.review.signatures import VerdictError
from tests.support.exchange import ENROLLED, PRIVATE_KEY, SUPERVISOR, exchange_of
from tests.support.instruments import (
    CLAIMED,
    DOCUMENT,
    instrument,
    revoked,
    signed_instrument,
    signed_verification,
    verification,
)
from tests.support.review import DAY, LICENSEE, NOW

OTHER = PassPerson(by=NamedBy.LICENCE, value="PX000205K7")
ENTRY = "wa/7"
ASKED = msgspec.structs.replace(
    exchange_of(),
    state=Member("wa"),
    agency=ORI("TXPX00001"),
    fields=(("OLN", LICENSEE.value),),
    claims=CLAIMED,
)
ALTERED: dict[str, Any] = {
    "state": Member("or"),
    "kind": Instrument.COURT_ORDER,
    "issuer": "Another Court",
    "appointment": Appointment.MAGISTRATE,
    "number": "26-MJ-119",
    "agency": ORI("ORPX00001"),
    "case_number": "",
    "persons": (LICENSEE, OTHER),
    "classes": (DataClass.STATUS,),
    "issued_on": date(2026, 1, 1),
    "until": NOW + DAY,
    "document": b"\x01" * 32,
    "document_bytes": 1,
    "hold_entry": "wa/3",
    "note": " ",
    "reviewer": SUPERVISOR.name,
    "at": NOW + 1,
    "instrument_entry": "wa/8",
    "called": "555-0199",
    "answered": "nobody",
}


@pytest.mark.parametrize("field", RegisteredInstrument.__struct_fields__)
def test_any_altered_field_is_refused(field: str) -> None:
    """What was not signed is not registered, and does not stand when it is read again."""
    made = signed_instrument(instrument())
    check_registration(made, ENROLLED, NOW)
    changed = msgspec.structs.replace(made.instrument, **{field: ALTERED[field]})
    altered = msgspec.structs.replace(made, instrument=changed)
    with pytest.raises(VerdictError):
        check_registration(altered, ENROLLED, NOW)
    with pytest.raises(VerdictError):
        check_file(InstrumentFile(registered=altered), ENROLLED, None)


@pytest.mark.parametrize("field", InstrumentVerification.__struct_fields__)
def test_any_altered_field_of_a_verification_is_refused(field: str) -> None:
    """Nor does a second person's word say more than was signed."""
    first, made = signed_instrument(instrument()), signed_verification(verification(ENTRY))
    check_verification(made, SUPERVISOR, first, ENROLLED, NOW)
    value = ENROLLED.name if field == "reviewer" else ALTERED[field]
    changed = msgspec.structs.replace(made.verification, **{field: value})
    with pytest.raises(VerdictError):
        check_verification(
            msgspec.structs.replace(made, verification=changed), SUPERVISOR, first, ENROLLED, NOW
        )


@pytest.mark.parametrize("field", InstrumentRevocation.__struct_fields__)
def test_any_altered_field_of_a_revocation_is_refused(field: str) -> None:
    """Nobody ends one with another's signature."""
    made = revoked(ENTRY)
    check_instrument_revocation(made, ENROLLED, NOW)
    changed = msgspec.structs.replace(made.revocation, **{field: ALTERED[field]})
    with pytest.raises(VerdictError):
        check_instrument_revocation(
            msgspec.structs.replace(made, revocation=changed), ENROLLED, NOW
        )


@pytest.mark.parametrize("kind", Instrument)
@pytest.mark.parametrize("appointment", Appointment)
def test_each_kind_is_signed_by_whom_it_can_be(kind: Instrument, appointment: Appointment) -> None:
    """A magistrate judge signs no Article III warrant; what is no instrument is not registered."""
    made = signed_instrument(instrument(kind=kind, appointment=appointment))
    if appointment in APPOINTMENTS.get(kind, frozenset()):
        check_registration(made, ENROLLED, NOW)
    else:
        with pytest.raises(InstrumentError):
            check_registration(made, ENROLLED, NOW)
    assert kind in REGISTRABLE or kind in {
        Instrument.NONE, Instrument.OTHER, Instrument.NOT_STATED,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "ab"},
        {"issuer": "x" * 121},
        {"issuer": "A court\x00"},
        {"issuer": " A court"},
        {"number": ""},
        {"number": "x-1"},
        {"number": "X" * 33},
        {"case_number": "hs-26"},
        {"persons": ()},
        {"persons": (OTHER, LICENSEE)},
        {"classes": ()},
        {"classes": (DataClass.ADDRESS, DataClass.STATUS)},
        {"issued_on": date(2099, 1, 1)},
        {"until": NOW},
        {"until": NOW + INSTRUMENT_DAYS_MAX * DAY + 1},
        {"document": b"\x01" * 31},
        {"document_bytes": 0},
        {"document_bytes": 100_000_001},
        {"hold_entry": "or/7"},
        {"note": "x" * 501},
    ],
)
def test_what_has_not_its_form_is_refused(changes: dict[str, Any]) -> None:
    """Every part has its limit; none outlives the row that it is kept in."""
    with pytest.raises(InstrumentError):
        check_registration(signed_instrument(instrument(**changes)), ENROLLED, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "abc"},
        {"issuer": "x" * 120},
        {"number": "X" * 32},
        {"case_number": ""},
        {"until": NOW + INSTRUMENT_DAYS_MAX * DAY},
        {"document_bytes": 1},
        {"document_bytes": 100_000_000},
        {"note": "x" * 500},
        {"hold_entry": "wa/7"},
    ],
)
def test_what_is_at_a_limit_is_taken(changes: dict[str, Any]) -> None:
    """A limit is the last that holds."""
    check_registration(signed_instrument(instrument(**changes)), ENROLLED, NOW)


def test_it_is_registered_when_it_is_signed() -> None:
    """Within 300 seconds, and not after its time."""
    made = signed_instrument(instrument(until=NOW + 400))
    check_registration(made, ENROLLED, NOW + 300)
    with pytest.raises(VerdictError):
        check_registration(made, ENROLLED, NOW + 301)
    short = signed_instrument(instrument(until=NOW + 5))
    with pytest.raises(InstrumentError):
        check_registration(short, ENROLLED, NOW + 5)


def test_whoever_registered_it_does_not_verify_it() -> None:
    """Not by the same name, nor by another name with the same key."""
    first = signed_instrument(instrument())
    own = signed_verification(verification(ENTRY, reviewer=ENROLLED.name), ENROLLED, PRIVATE_KEY)
    with pytest.raises(InstrumentError, match="cannot verify it"):
        check_verification(own, ENROLLED, first, ENROLLED, NOW)
    alias = msgspec.structs.replace(ENROLLED, name="Alias", key_id="0badcaff")
    other = signed_verification(verification(ENTRY, reviewer="Alias"), alias, PRIVATE_KEY)
    with pytest.raises(InstrumentError, match="cannot verify it"):
        check_verification(other, alias, first, ENROLLED, NOW)
    file = InstrumentFile(registered=first, verified=other)
    with pytest.raises(InstrumentError, match="cannot verify it"):
        check_file(file, ENROLLED, alias)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"document": b"\x01" * 32}, "another document"),
        ({"document": DOCUMENT[:31]}, "not a SHA-256"),
        ({"state": Member("or"), "instrument_entry": "or/7"}, "another than the instrument's"),
        ({"instrument_entry": "or/7"}, "of another state"),
        ({"called": ""}, "`called`"),
        ({"called": "x" * 65}, "`called`"),
        ({"answered": ""}, "`answered`"),
        ({"answered": "x" * 201}, "`answered`"),
        ({"answered": "yes\nno"}, "`answered`"),
        ({"note": "x" * 501}, "`note`"),
    ],
)
def test_a_verification_has_its_form(changes: dict[str, Any], said: str) -> None:
    """The same document in both hands, and what was heard of whoever issued it."""
    made = signed_verification(verification(ENTRY, **changes))
    with pytest.raises(InstrumentError, match=said):
        check_verification(made, SUPERVISOR, signed_instrument(instrument()), ENROLLED, NOW)


def test_nothing_is_verified_after_its_time() -> None:
    """Nor where whoever registered it is enrolled no more."""
    made = signed_verification(verification(ENTRY))
    over = signed_instrument(instrument(until=NOW))
    with pytest.raises(InstrumentError):
        check_verification(made, SUPERVISOR, over, ENROLLED, NOW)
    with pytest.raises(VerdictError):
        check_verification(made, SUPERVISOR, signed_instrument(instrument()), None, NOW)


def test_it_covers_what_it_names() -> None:
    """From when it was signed up to its end, exclusive; of any case where it names none."""
    made = instrument()
    assert covers_request(made, ASKED, NOW)
    assert covers_request(made, ASKED, made.until - 1)
    assert covers_request(instrument(case_number=""), ASKED, NOW)
    assert covers_request(instrument(persons=(LICENSEE, OTHER)), ASKED, NOW)
    assert not covers_request(made, ASKED, made.until)
    assert not covers_request(made, ASKED, NOW - 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"agency": ORI("ORPX00001")},
        {"state": Member("or")},
        {"probe": True},
        {"fields": (("OLN", OTHER.value),)},
        {"fields": (("OLN", LICENSEE.value), ("VIN", "PX1"))},
        {"fields": ()},
        {"claims": msgspec.structs.replace(CLAIMED, instrument_ref="26-MJ-119")},
        {"claims": msgspec.structs.replace(CLAIMED, instrument_ref="")},
        {"claims": msgspec.structs.replace(CLAIMED, instrument=Instrument.COURT_ORDER)},
        {"claims": msgspec.structs.replace(CLAIMED, operator="")},
        {"claims": msgspec.structs.replace(CLAIMED, case_number="HS-26-89")},
    ],
)
def test_it_covers_nothing_else(changes: dict[str, Any]) -> None:
    """Another agency, state, number, kind, case or person; a probe; nobody named."""
    assert not covers_request(instrument(), msgspec.structs.replace(ASKED, **changes), NOW)


def test_what_no_judge_signed_covers_nothing() -> None:
    """An administrative immigration warrant stands in the ledger, and opens nothing."""
    kind = Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT
    made = instrument(kind=kind, appointment=Appointment.OFFICER)
    check_registration(signed_instrument(made), ENROLLED, NOW)
    claims = msgspec.structs.replace(CLAIMED, instrument=kind)
    assert not covers_request(made, msgspec.structs.replace(ASKED, claims=claims), NOW)


def test_leaves_say_what_happened_and_name_nobody() -> None:
    """Registered with its agency, or sealed; verified without; revoked as `none`."""
    made = signed_instrument(instrument(hold_entry="wa/3"))
    shown = registration_leaf(made, NOW, is_veiled=False)
    veiled = registration_leaf(made, NOW, is_veiled=True)
    verified = verification_leaf(
        signed_verification(verification(ENTRY)), Instrument.ARTICLE_III_WARRANT, NOW
    )
    ended = instrument_revocation_leaf(revoked(ENTRY), NOW)
    headers = [leaf.header for leaf in (shown, veiled, verified, ended)]
    assert {header.kind for header in headers} == {LeafKind.INSTRUMENT}
    assert [(h.instrument, h.agency, h.cites) for h in headers] == [
        (Instrument.ARTICLE_III_WARRANT, "TXPX00001", "wa/3"),
        (Instrument.ARTICLE_III_WARRANT, SEALED, "wa/3"),
        (Instrument.ARTICLE_III_WARRANT, None, ENTRY),
        (Instrument.NONE, None, ENTRY),
    ]
    kept = dict(veiled.fields)
    assert kept["agency"] == b"TXPX00001"
    assert b"PX000204K7" in kept["registered"]
