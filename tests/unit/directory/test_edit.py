"""Changes of a part by message: who may, what may change, and what is the same again."""

from __future__ import annotations

import msgspec
import pytest

from comity.directory.edit import EDIT_KEYS, Edited, apply_edit, has_editor, parse_edit
from comity.directory.errors import DirectoryError, DirectoryFieldError
from comity.directory.limits import PART_AGENCIES_MAX
from comity.directory.part import part_body
from comity.directory.ranges import check_part
from comity.domain.agency import DirectoryPart, Family, Form
from comity.domain.ids import ORI, Member
from comity.domain.vocabulary import AgencyType
from tests.support.directory import AUSTIN, DAYTON, LUBBOCK, NE, TX, agency, make_part, texas

PATROL = ORI("TXDPS0000")
NEW = ORI("TX9990100")
FIELDS = (
    ("ORI", NEW),
    ("AGN", "EXAMPLE POLICE DEPARTMENT"),
    ("LOC", "EXAMPLE"),
    ("TYP", "PD"),
    ("FAM", "TX/LOCAL/PD"),
)
PART = make_part(
    TX,
    agency(PATROL, "TX/STATE/PATROL", is_control=True, lines=("patrol",)),
    agency(AUSTIN, "TX/LOCAL"),
    agency(LUBBOCK, "TX/LOCAL", active=False, is_control=True),
)
OTHERS = {DAYTON: Member("oh")}


def edited(
    key: str,
    *fields: tuple[str, str],
    part: DirectoryPart = PART,
    sender: ORI = PATROL,
) -> Edited:
    """What a message makes of a part."""
    own = {agency.ori: part.member for agency in part.agencies}
    edit = parse_edit(key, fields)
    return apply_edit(part, edit, sender=sender, listed_by=(OTHERS | own).get)


def refused(key: str, *fields: tuple[str, str], **changes: object) -> str:
    """The code of a refusal."""
    with pytest.raises(DirectoryError) as caught:
        edited(key, *fields, **changes)  # type: ignore[arg-type]
    return caught.value.code


def with_field(prefix: str, value: str) -> tuple[tuple[str, str], ...]:
    """The fields of an add with one of them set."""
    return tuple({**dict(FIELDS), prefix: value}.items())


def test_an_agency_is_added() -> None:
    """The next version lists it last, with its fields and the defaults of the rest."""
    found = edited("TA", *FIELDS, ("PHO", "555-0142"), ("LIN", "EXAMPLE-PD"), ("FRM", "NIEM"))
    assert (found.is_changed, found.before, found.part.version) == (True, None, 2)
    assert found.part.agencies == (*PART.agencies, found.after)
    assert found.after == agency(
        NEW,
        "TX/LOCAL/PD",
        name="EXAMPLE POLICE DEPARTMENT",
        place="EXAMPLE",
        phone="555-0142",
        lines=("example-pd",),
        form=Form.NIEM,
    )


def test_an_update_changes_what_it_names() -> None:
    """Fields that are not there stay; zeros blank the optional ones."""
    found = edited("TU", ("ORI", AUSTIN), ("TYP", "JC"), ("PHO", "0000"), ("LIN", "0"))
    before = found.before
    assert before is not None
    assert found.after == msgspec.structs.replace(before, type=AgencyType.JC, phone="", lines=())
    assert found.part.version == 2
    form = edited("TU", ("ORI", AUSTIN), ("FRM", "JSON"))
    blanked = edited("TU", ("ORI", AUSTIN), ("FRM", "000"), part=form.part)
    assert blanked.after == before


def test_an_agency_is_set_inactive_and_active() -> None:
    """By the code A or I alone."""
    found = edited("TU", ("ORI", AUSTIN), ("ACT", "I"))
    assert found.after is not None
    assert not found.after.active
    back = edited("TU", ("ORI", AUSTIN), ("ACT", "A"), part=found.part)
    assert back.part.agencies == PART.agencies


def test_an_agency_is_published_as_small() -> None:
    """By the code Y or N alone; a part without a small agency keeps its bytes."""
    found = edited("TU", ("ORI", AUSTIN), ("SML", "Y"))
    assert found.after is not None
    assert found.after.small
    assert b'"small":true' in part_body(found.part)
    back = edited("TU", ("ORI", AUSTIN), ("SML", "N"), part=found.part)
    assert back.part.agencies == PART.agencies
    assert b"small" not in part_body(back.part)


def test_an_agency_is_deleted() -> None:
    """The next version does not list it."""
    found = edited("TD", ("ORI", AUSTIN))
    assert (found.is_changed, found.after) == (True, None)
    assert AUSTIN not in {a.ori for a in found.part.agencies}


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("TA", (*FIELDS, ("LIN", "EXAMPLE-PD"))),
        ("TU", (("ORI", AUSTIN), ("ACT", "I"))),
        ("TD", (("ORI", AUSTIN),)),
    ],
)
def test_the_same_message_again_changes_nothing(
    key: str, fields: tuple[tuple[str, str], ...]
) -> None:
    """The part stays as it is, of the same version."""
    once = edited(key, *fields)
    again = edited(key, *fields, part=once.part)
    assert not again.is_changed
    assert again.part is once.part


def test_an_update_without_changes_is_none() -> None:
    """Naming the agency alone, or the values that it has."""
    assert not edited("TU", ("ORI", AUSTIN)).is_changed
    assert not edited("TU", ("ORI", AUSTIN), ("TYP", "PD")).is_changed


@pytest.mark.parametrize("sender", [AUSTIN, LUBBOCK, DAYTON, NEW])
@pytest.mark.parametrize(
    ("key", "fields"),
    [("TA", FIELDS), ("TU", (("ORI", AUSTIN), ("PHO", "1"))), ("TD", (("ORI", AUSTIN),))],
)
def test_only_an_active_control_terminal_changes_a_part(
    key: str, fields: tuple[tuple[str, str], ...], sender: ORI
) -> None:
    """Not an agency its own record, not one set to inactive, nobody of another member."""
    assert refused(key, *fields, sender=sender) == "not-control-terminal"


@pytest.mark.parametrize(
    ("ori", "code"),
    [
        ("OH9990100", "ori-not-own"),
        ("NL0000000", "ori-not-own"),
        ("OH0570100", "ori-not-own"),
        ("TXLIC0000", "ori-reserved"),
        ("TXBOAT000", "ori-reserved"),
        ("TXNLETREP", "ori-reserved"),
        ("TXLICHELP", "ori-reserved"),
        ("TXWTHCNCL", "ori-reserved"),
        ("TX999010", "directory-field-invalid"),
        ("TX99901 0", "directory-field-invalid"),
    ],
)
def test_an_identifier_that_is_not_the_members_to_give(ori: str, code: str) -> None:
    """Another member's, one of the network's, one that stands for records or help, or none."""
    assert refused("TA", *with_field("ORI", ori)) == code


def test_the_wires_code_is_what_counts() -> None:
    """Nebraska is NB on the wire."""
    part = make_part(NE, agency(ORI("NB0010100"), "NE/STATE", is_control=True))
    fields = (*FIELDS[1:4], ("FAM", "NE/LOCAL"))
    assert edited(
        "TA", ("ORI", "NB9990100"), *fields, part=part, sender=ORI("NB0010100")
    ).is_changed
    code = refused("TA", ("ORI", "NE9990100"), *fields, part=part, sender=ORI("NB0010100"))
    assert code == "ori-not-own"


def test_an_agency_that_another_member_lists_is_not_added() -> None:
    """Also where its identifier would be the member's own."""
    edit = parse_edit("TA", FIELDS)
    with pytest.raises(DirectoryError) as caught:
        apply_edit(PART, edit, sender=PATROL, listed_by=lambda _: Member("oh"))
    assert caught.value.code == "ori-taken"


def test_what_is_listed_is_updated_and_not_added_over() -> None:
    """And what is not listed is neither updated nor, where it is another's, deleted."""
    assert refused("TA", *with_field("ORI", AUSTIN)) == "ori-listed"
    assert refused("TU", ("ORI", NEW), ("PHO", "1")) == "ori-not-listed"
    assert refused("TU", ("ORI", DAYTON), ("PHO", "1")) == "ori-not-listed"
    assert refused("TD", ("ORI", DAYTON)) == "ori-not-listed"


@pytest.mark.parametrize("family", ["OH/LOCAL", "US/DHS/ICE", "TXX/LOCAL", "TX"])
def test_a_family_is_the_members_own(family: str) -> None:
    """By an add and by an update."""
    assert refused("TA", *with_field("FAM", family)) == "family-not-own"
    assert refused("TU", ("ORI", AUSTIN), ("FAM", family)) == "family-not-own"


@pytest.mark.parametrize(
    ("prefix", "value"),
    [
        ("AGN", ""), ("AGN", "0"), ("AGN", "A" * 121), ("AGN", "A\nB"), ("LOC", "A"),
        ("LOC", "A" * 21), ("LOC", "00"), ("LOC", ""), ("TYP", "XX"), ("TYP", ""), ("TYP", "00"),
        ("FAM", "0"), ("FAM", "TX//LOCAL"), ("PHO", "CALL ME"), ("PHO", "5" * 33),
        ("LIN", "A LINE"), ("LIN", "-LINE"), ("LIN", ""), ("FRM", "XML"), ("ACT", "Y"),
        ("ACT", "0"), ("CTL", "A"), ("CTL", "0"), ("XXX", "1"),
    ],
)  # fmt: skip
def test_a_field_outside_its_range_is_refused(prefix: str, value: str) -> None:
    """Named by its prefix, never by its value."""
    with pytest.raises(DirectoryFieldError) as caught:
        edited("TA", *with_field(prefix, value))
    assert prefix == "XXX" or f"`{prefix}`" in str(caught.value)
    assert len(value) < 3 or value not in str(caught.value)


@pytest.mark.parametrize("prefix", ["ORI", "AGN", "LOC", "TYP", "FAM"])
def test_an_add_has_all_that_it_needs(prefix: str) -> None:
    """Without one of its required fields it is refused."""
    fields = tuple(field for field in FIELDS if field[0] != prefix)
    assert refused("TA", *fields) == "directory-field-invalid"


def test_a_field_stands_once_and_where_it_belongs() -> None:
    """Twice is refused, and a delete has its agency and nothing else."""
    assert refused("TA", *FIELDS, FIELDS[0]) == "directory-field-invalid"
    assert refused("TD", ("ORI", AUSTIN), ("ACT", "I")) == "directory-field-invalid"
    assert refused("TU", ("PHO", "1")) == "directory-field-invalid"


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("TD", None),
        ("TU", ("ACT", "I")),
        ("TU", ("CTL", "N")),
        ("TU", ("LIN", "000")),
    ],
)
def test_the_last_control_terminal_stays(key: str, field: tuple[str, str] | None) -> None:
    """It cannot be deleted, deactivated, demoted or cut off, before another one stands in."""
    fields = (("ORI", PATROL), *((field,) if field else ()))
    assert refused(key, *fields) == "last-control-terminal"
    second = edited("TU", ("ORI", AUSTIN), ("CTL", "Y")).part
    assert edited(key, *fields, part=second).is_changed


def test_a_part_without_a_line_for_its_terminal_has_no_editor() -> None:
    """Active, control, and with a line: all three."""
    assert has_editor(PART.agencies)
    assert not has_editor(texas().agencies)
    assert not has_editor([agency(PATROL, "TX/STATE", is_control=True, lines=())])


def test_a_part_that_is_full_takes_no_more() -> None:
    """At the limit an add is refused; what stands can still be changed."""
    many = (agency(ORI(f"TX{n:07}"), "TX/LOCAL") for n in range(PART_AGENCIES_MAX - 1))
    full = msgspec.structs.replace(PART, agencies=(PART.agencies[0], *many))
    check_part(full)
    assert refused("TA", *FIELDS, part=full) == "part-malformed"
    room = edited("TD", ("ORI", "TX0000000"), part=full)
    assert edited("TA", *FIELDS, part=room.part).is_changed


def test_three_keys_change_a_part() -> None:
    """Add, update, delete; a family is a value of its own type."""
    assert sorted(EDIT_KEYS) == ["TA", "TD", "TU"]
    found = edited("TA", *FIELDS).after
    assert found is not None
    assert found.family == Family("TX/LOCAL/PD")
