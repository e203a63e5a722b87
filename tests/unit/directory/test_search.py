"""Directory queries: what is found, in which order, and what an answer says."""

from __future__ import annotations

import pytest

from comity.directory.directory import Directory
from comity.directory.edit import apply_edit, parse_edit
from comity.directory.errors import DirectoryFieldError, NotControlError
from comity.directory.limits import SEARCH_SHOWN_MAX
from comity.directory.search import AgencyIndex, AgencySearch, Listing, parse_search
from comity.directory.text import (
    COLUMNS_MAX,
    agency_text,
    edited_text,
    listings_text,
    refusal_text,
)
from comity.domain.agency import Form
from comity.domain.ids import ORI
from comity.domain.vocabulary import AgencyType
from tests.support.directory import FIELD_OFFICE, OH, TX, US, acting, agency, make_part

PATROL = ORI("TXDPS0000")
TEXAS = make_part(
    TX,
    agency(
        PATROL,
        "TX/STATE/PATROL",
        type=AgencyType.SA,
        is_control=True,
        lines=("secret-line",),
        place="Springfield",
        form=Form.JSON,
    ),
    agency(ORI("TX0010100"), "TX/LOCAL", place="Springfield Heights"),
    agency(ORI("TX0020100"), "TX/LOCAL", place="springfield", active=False),
    agency(ORI("TX0030100"), "TX/LOCAL"),
)
OHIO = make_part(OH, agency(ORI("OH0010100"), "OH/LOCAL", place="SPRINGFIELD"))
OPERATOR = make_part(
    US, agency(FIELD_OFFICE, "US/DHS/ICE/ERO", type=AgencyType.FE, place="Springfield")
)
INDEX = AgencyIndex(Directory.of([TEXAS, OHIO, OPERATOR]))


def oris(*fields: tuple[str, str]) -> list[str]:
    """The agencies that a query finds."""
    return [listing.agency.ori for listing in INDEX.find(parse_search(fields)).shown]


def test_agencies_are_found_by_place() -> None:
    """Active ones, whatever the case; exact names before longer ones, then by member and ORI."""
    found = ["OH0010100", PATROL, FIELD_OFFICE, "TX0010100"]
    assert oris(("LOC", "SPRINGFIELD")) == found
    assert oris(("LOC", "  spring ")) == found
    assert oris(("LOC", "SPRINGFIELD HE")) == ["TX0010100"]
    assert oris(("LOC", "FIELD")) == []


def test_type_and_state_narrow() -> None:
    """Alone and together; the operator member has its own code."""
    assert oris(("LOC", "SPRINGFIELD"), ("TYP", "SA")) == [PATROL]
    assert oris(("LOC", "SPRINGFIELD"), ("STA", "OH")) == ["OH0010100"]
    assert oris(("LOC", "SPRINGFIELD"), ("STA", "US")) == [FIELD_OFFICE]
    assert oris(("LOC", "SPRINGFIELD"), ("TYP", "PD"), ("STA", "TX")) == ["TX0010100"]


def test_any_members_agency_is_found_by_its_identifier() -> None:
    """Active or not, with or without a place; an unknown one is not found."""
    for ori in (PATROL, "TX0020100", "TX0030100", "OH0010100", FIELD_OFFICE):
        assert oris(("ORI", ori)) == [ori]
    assert oris(("ORI", "TX9999999")) == []
    assert oris(("ORI", "")) == []


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (("TYP", "PD"),),
        (("ORI", PATROL), ("LOC", "SPRINGFIELD")),
        (("ORI", PATROL), ("ORI", PATROL)),
        (("LOC", "A"),),
        (("LOC", "A" * 21),),
        (("LOC", "SPRINGFIELD"), ("TYP", "XX")),
        (("LOC", "SPRINGFIELD"), ("STA", "XX")),
        (("LOC", "SPRINGFIELD"), ("XXX", "1")),
    ],
)
def test_a_question_that_makes_none_is_refused(fields: tuple[tuple[str, str], ...]) -> None:
    """Neither an identifier alone nor a place with what narrows it."""
    with pytest.raises(DirectoryFieldError):
        parse_search(fields)


@pytest.mark.parametrize("count", [SEARCH_SHOWN_MAX, SEARCH_SHOWN_MAX + 1])
def test_a_long_list_says_how_many_more(count: int) -> None:
    """At the limit all are shown; one beyond it, that there is one more."""
    many = (agency(ORI(f"TX{n:07}"), "TX/LOCAL", place="Springfield") for n in range(count))
    found = AgencyIndex(Directory.of([make_part(TX, *many)])).find(
        AgencySearch(place="SPRINGFIELD")
    )
    assert len(found.shown) == SEARCH_SHOWN_MAX
    assert found.more == count - SEARCH_SHOWN_MAX
    text = listings_text(found)
    assert text.startswith(f"{count} AGENCIES FOUND\n")
    assert ("AND 1 MORE" in text) == bool(found.more)


def test_a_description_tells_no_line_and_no_key() -> None:
    """What an agency is and how to call it, in ASCII capitals; nothing of its connections."""
    text = agency_text(Listing(member=TX, agency=TEXAS.agencies[0]))
    assert text.splitlines() == [
        "DIRECTORY ENTRY TXDPS0000",
        "AGENCY    PRACTICE AGENCY",
        "PLACE     SPRINGFIELD",
        "MEMBER    TX TEXAS",
        "TYPE      SA STATE AGENCY WITH POLICE POWERS",
        "FAMILY    TX/STATE/PATROL",
        "STATUS    ACTIVE",
        "PHONE     555-0100",
        "FORMAT    JSON",
        "CONTROL   CONTROL TERMINAL",
    ]
    inactive = agency_text(Listing(member=TX, agency=TEXAS.agencies[2]))
    assert "STATUS    INACTIVE" in inactive


def test_one_that_is_found_is_described() -> None:
    """A list is for several."""
    found = INDEX.find(parse_search((("LOC", "SPRINGFIELD"), ("STA", "OH"))))
    assert listings_text(found) == agency_text(found.shown[0])


def test_a_list_is_a_line_each_with_the_number_to_call() -> None:
    """Identifier, type, name, place, member, telephone."""
    text = listings_text(INDEX.find(parse_search((("LOC", "SPRINGFIELD"),))))
    assert text.splitlines()[:2] == [
        "4 AGENCIES FOUND",
        "OH0010100 PD PRACTICE AGENCY - SPRINGFIELD, OH 555-0100",
    ]


def test_lines_stay_within_the_columns() -> None:
    """A long name goes on below itself; letters beyond ASCII lose their marks."""
    name = "Dépôt " + "of a very long name " * 5
    long = agency(PATROL, "TX/STATE", name=name.strip(), place="Łódź")
    for text in (
        agency_text(Listing(member=TX, agency=long)),
        listings_text(INDEX.find(parse_search((("LOC", "SPRINGFIELD"),)))),
    ):
        assert text.isascii()
        assert all(len(line) <= COLUMNS_MAX for line in text.splitlines())
    assert "DEPOT OF A VERY" in agency_text(Listing(member=TX, agency=long))
    odd = agency(PATROL, "TX/STATE", name="警察 Agency")
    assert "?? AGENCY" in agency_text(Listing(member=TX, agency=odd))


def test_a_change_is_told_with_its_version_and_leaf() -> None:
    """Added, updated, deleted, no change, done before."""

    def said(key: str, *fields: tuple[str, str], entry: str = "tx/7") -> str:
        edit = parse_edit(key, fields)
        found = apply_edit(TEXAS, edit, sender=PATROL, listed_by=INDEX.directory.member_of)
        return edited_text(found, TX, entry=entry if found.is_changed else "")

    assert said("TU", ("ORI", "TX0010100"), ("PHO", "555-0142")).startswith(
        "UPDATED TX0010100\nDIRECTORY TX VERSION 2 RECORDED AS TX/7\nAGENCY    "
    )
    assert said("TD", ("ORI", "TX0010100")) == (
        "DELETED TX0010100\nDIRECTORY TX VERSION 2 RECORDED AS TX/7"
    )
    assert said("TD", ("ORI", "TX9990100")) == (
        "NO CHANGE - TX9990100 IS NOT LISTED\nDIRECTORY TX VERSION 1"
    )
    assert said("TU", ("ORI", "TX0010100")).startswith(
        "NO CHANGE - TX0010100 IS AS THE MESSAGE SAYS\nDIRECTORY TX VERSION 1\nAGENCY"
    )


def test_a_refusal_names_its_code() -> None:
    """In the first line; its sentence below."""
    text = refusal_text(NotControlError("only a control terminal may change `ori`"))
    assert text == ("REFUSED - NOT-CONTROL-TERMINAL\nONLY A CONTROL TERMINAL MAY CHANGE ORI")


def test_a_description_tells_for_whom_an_agency_acts() -> None:
    """Each family with how: by its officers' powers, or by passing answers on."""
    (found,) = acting().agencies
    text = agency_text(Listing(member=OH, agency=found))
    assert "ACTS FOR  US/DHS/ICE (CROSS-DESIGNATED), US/DOJ (PASSES ANSWERS ON)" in text
