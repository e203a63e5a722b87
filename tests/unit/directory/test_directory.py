"""The directory answers from verified parts only; the unknown is refused by name."""

from __future__ import annotations

import msgspec
import pytest

from comity.directory.directory import (
    EMPTY_DIRECTORY,
    Directory,
    PartFault,
    listed_line,
    load_directory,
)
from comity.directory.errors import (
    DestinationError,
    DestinationNotServedError,
    DirectoryError,
    LineNotBoundError,
    OriInactiveError,
    OriNotOfMemberError,
    OriTakenError,
    PartVersionError,
    SenderError,
    UnknownDestinationError,
    UnknownOriError,
)
from comity.directory.part import sign_part
from comity.directory.routes import RouteKind
from comity.domain.ids import ORI, HostName
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import Certification
from tests.support.directory import (
    AUSTIN,
    DAYTON,
    FIELD_OFFICE,
    LUBBOCK,
    NE,
    NOW,
    OH,
    TX,
    US,
    agency,
    host,
    make_part,
    ohio,
    operator,
    signer_of,
    texas,
    trust,
)

DQ, KQ = MessageKey("DQ"), MessageKey("KQ")
NOBODY = ORI("ZZ9999999")


@pytest.fixture(scope="module")
def directory() -> Directory:
    return Directory.of([texas(), ohio(), operator()])


def test_agencies_are_found_with_member_and_family(directory: Directory) -> None:
    """An agency is listed by one member, under one family."""
    found = directory.agency(AUSTIN)
    assert found is not None
    assert found.ori == AUSTIN
    assert directory.member_of(FIELD_OFFICE) == US
    assert directory.families()[FIELD_OFFICE] == "US/DHS/ICE/ERO"
    assert set(directory.families()) == {AUSTIN, LUBBOCK, DAYTON, FIELD_OFFICE}


def test_what_is_not_listed_is_unknown(directory: Directory) -> None:
    """No look-up invents an answer for an agency or member that is not there."""
    assert directory.agency(NOBODY) is None
    assert directory.member_of(NOBODY) is None
    assert directory.families().get(NOBODY) is None
    assert directory.part(NE) is None
    assert directory.host_of(NE) is None
    assert directory.duty_contact(NE) is None
    assert directory.reviewer(NE, "r.one") is None
    assert directory.certification(NE, DAYTON, NOW) is Certification.NONE
    assert not directory.answers(NE, DQ)
    assert not directory.line_may_speak_for("line-1", NOBODY)
    assert directory.agencies_for_line("line-9") == ()
    assert directory.hosts_named(HostName("gateway-x")) == ()
    assert directory.members_on(HostName("gateway-x")) == ()


def test_members_and_their_parts(directory: Directory) -> None:
    """Members stand in order, each with the part it signed."""
    assert directory.members() == (OH, TX, US)
    assert directory.part(TX) == texas()
    assert directory.duty_contact(TX) == "duty officer, 555-0199"


def test_hosts_are_found_by_member_and_by_name(directory: Directory) -> None:
    """A host that serves two members stands once, with both."""
    assert directory.host_of(TX) == directory.host_of(US) == host()
    assert directory.hosts_named(HostName("gateway-one")) == (host(),)
    assert directory.members_on(HostName("gateway-one")) == (TX, US)


def test_a_host_that_changes_keys_stands_with_both(directory: Directory) -> None:
    """Until all its members have certified the new keys, both pairs are listed."""
    renewed = host("gateway-one", 8)
    later = directory.with_part(texas(version=2, host=renewed))
    assert set(later.hosts_named(HostName("gateway-one"))) == {host(), renewed}
    assert later.host_of(TX) == renewed
    assert later.host_of(US) == host()


def test_lines_speak_for_the_agencies_bound_to_them(directory: Directory) -> None:
    """A connection speaks for the agencies whose members bind it, and for no other."""
    assert directory.agencies_for_line("line-1") == (AUSTIN, LUBBOCK)
    assert directory.line_may_speak_for("line-2", LUBBOCK)
    assert not directory.line_may_speak_for("line-2", AUSTIN)


@pytest.mark.parametrize(
    ("ori", "at", "expected"),
    [
        (DAYTON, NOW, Certification.VALID),
        (DAYTON, NOW + 1, Certification.EXPIRED),
        (FIELD_OFFICE, NOW, Certification.EXPIRED),
        (AUSTIN, NOW, Certification.NONE),
    ],
)
def test_certification_is_counted_to_the_second(
    directory: Directory, ori: ORI, at: int, expected: Certification
) -> None:
    """A certification stands before its end, not at it; an agency without one has none."""
    assert directory.certification(TX, ori, at) is expected


def test_reviewers_are_found_under_their_own_state(directory: Directory) -> None:
    """A reviewer enrolled in one state is none in another."""
    found = directory.reviewer(TX, "r.one")
    assert found is not None
    assert found.key_id == "00c0ffee"
    assert directory.reviewer(OH, "r.one") is None
    assert directory.reviewer(TX, "r.two") is None


def test_keys_are_answered_as_the_part_says(directory: Directory) -> None:
    """A state's records are open to the keys it names."""
    assert directory.answers(TX, DQ)
    assert not directory.answers(TX, KQ)


def test_a_line_that_speaks_http_is_listed_under_its_own_name(directory: Directory) -> None:
    """The identity that a line has at the HTTPS front may say what the listed line may say."""
    assert listed_line("http:line-1") == listed_line("line-1") == "line-1"
    assert directory.agencies_for_line("http:line-1") == (AUSTIN, LUBBOCK)
    assert directory.line_may_speak_for("http:line-2", LUBBOCK)
    assert directory.check_sender("http:line-1", AUSTIN).ori == AUSTIN
    with pytest.raises(LineNotBoundError):
        directory.check_sender("http:line-3", AUSTIN)
    for name in ("http:http:line-1", "HTTP:line-1", "tcp:line-1", "http:", ""):
        assert directory.agencies_for_line(name) == ()


def test_a_sender_is_its_agency_on_its_line(directory: Directory) -> None:
    """An active agency on a connection bound to it may send."""
    assert directory.check_sender("line-1", AUSTIN).ori == AUSTIN


@pytest.mark.parametrize(
    ("line", "ori", "error"),
    [
        ("line-1", NOBODY, UnknownOriError),
        ("line-1", LUBBOCK, OriInactiveError),
        ("line-3", AUSTIN, LineNotBoundError),
        ("", AUSTIN, LineNotBoundError),
    ],
)
def test_a_sender_is_refused_by_name(
    directory: Directory, line: str, ori: ORI, error: type[SenderError]
) -> None:
    """Unknown, inactive, or on a connection that is not its own."""
    with pytest.raises(error):
        directory.check_sender(line, ori)


def test_a_member_asks_for_its_own_agencies_only(directory: Directory) -> None:
    """Another member's agency, an inactive and an unknown one are refused at the answer face."""
    assert directory.check_asker(OH, DAYTON).ori == DAYTON
    with pytest.raises(OriNotOfMemberError):
        directory.check_asker(OH, AUSTIN)
    with pytest.raises(OriInactiveError):
        directory.check_asker(TX, LUBBOCK)
    with pytest.raises(UnknownOriError):
        directory.check_asker(TX, NOBODY)


def test_a_newer_part_replaces_its_members_own(directory: Directory) -> None:
    """What the newer part leaves out is gone, what is another member's stays."""
    moved = agency(AUSTIN, "TX/STATE", lines=("line-7",))
    later = directory.with_part(make_part(TX, moved, version=2))
    assert later.families()[AUSTIN] == "TX/STATE"
    assert later.agency(LUBBOCK) is None
    assert later.agencies_for_line("line-1") == ()
    assert later.agencies_for_line("line-7") == (AUSTIN,)
    assert later.certification(TX, DAYTON, NOW) is Certification.NONE
    assert later.agency(DAYTON) is not None


def test_a_directory_is_a_value(directory: Directory) -> None:
    """Adding a part gives another directory; the one at hand keeps answering as before."""
    directory.with_part(make_part(TX, version=2))
    assert directory.agency(AUSTIN) is not None
    with pytest.raises(TypeError):
        directory.families()[AUSTIN] = "US/DHS"  # type: ignore[index]


@pytest.mark.parametrize("version", [1, 2])
def test_a_part_that_is_not_newer_is_refused(version: int) -> None:
    """An older part, or another one of the same version, cannot come back."""
    standing = Directory.of([texas(version=2)])
    with pytest.raises(PartVersionError):
        standing.with_part(texas(version=version, duty_contact="someone else"))


def test_the_part_that_stands_changes_nothing(directory: Directory) -> None:
    """A part delivered twice is no error."""
    assert directory.with_part(texas()) is directory


def test_an_agency_belongs_to_the_first_that_listed_it(directory: Directory) -> None:
    """Another member that lists it later is refused, whatever family it claims."""
    with pytest.raises(OriTakenError):
        directory.with_part(ohio(version=2, agencies=(agency(AUSTIN, "OH/LOCAL"),)))


def test_an_agency_can_move_when_its_member_lets_it_go(directory: Directory) -> None:
    """Once its member lists it no longer, another member may."""
    without = directory.with_part(make_part(TX, version=2))
    later = without.with_part(ohio(version=2, agencies=(agency(AUSTIN, "OH/LOCAL"),)))
    assert later.member_of(AUSTIN) == OH


def test_loading_leaves_out_what_does_not_verify() -> None:
    """A forged, an untrusted and a conflicting part are named; the others stand."""
    taken = make_part(NE, agency(AUSTIN, "NE/LOCAL"))
    forged = msgspec.structs.replace(sign_part(ohio(), signer_of(OH)), signature=bytes(64))
    signed = [
        sign_part(texas(), signer_of(TX)),
        forged,
        sign_part(taken, signer_of(NE)),
        sign_part(operator(), signer_of(US)),
    ]
    loaded, faults = load_directory(signed, trust(TX, OH, NE))
    assert loaded.members() == (TX,)
    assert faults == (
        PartFault(member=OH, code="part-signature-invalid"),
        PartFault(member=NE, code="ori-taken"),
        PartFault(member=US, code="member-not-trusted"),
    )


def test_a_refused_part_changes_nothing() -> None:
    """After a refusal in the middle, agencies of the refused part are not listed."""
    taken = make_part(NE, agency(ORI("NE0280100"), "NE/LOCAL"), agency(AUSTIN, "NE/LOCAL"))
    signed = [sign_part(texas(), signer_of(TX)), sign_part(taken, signer_of(NE))]
    loaded, _ = load_directory(signed, trust(TX, NE))
    assert loaded.agency(ORI("NE0280100")) is None
    assert loaded.member_of(AUSTIN) == TX


def test_the_empty_directory_knows_nobody() -> None:
    """Before any part is loaded every sender and destination is refused."""
    assert EMPTY_DIRECTORY.members() == ()
    with pytest.raises(UnknownOriError):
        EMPTY_DIRECTORY.check_sender("line-1", AUSTIN)
    with pytest.raises(DestinationNotServedError):
        EMPTY_DIRECTORY.resolve("TX")


@pytest.mark.parametrize("code", ["TX", "TXLIC0000", "TXOLN0000", AUSTIN])
def test_a_destination_is_its_member(directory: Directory, code: str) -> None:
    """A state's code, its generic identifiers and its agencies all lead to that state."""
    assert directory.resolve(code).members == (TX,)


def test_nebraska_is_written_as_the_network_does() -> None:
    """NB is Nebraska; NE is no code of the network."""
    directory = Directory.of([make_part(NE)])
    assert directory.resolve("NB").members == (NE,)
    with pytest.raises(UnknownDestinationError):
        directory.resolve("NE")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ZZ", UnknownDestinationError),
        ("tx", UnknownDestinationError),
        ("", UnknownDestinationError),
        ("US", UnknownDestinationError),
        (NOBODY, UnknownDestinationError),
        (LUBBOCK, UnknownDestinationError),
        ("CA", DestinationNotServedError),
        ("FA", DestinationNotServedError),
        ("F1", DestinationNotServedError),
    ],
)
def test_a_destination_is_refused_by_name(
    directory: Directory, code: str, error: type[DestinationError]
) -> None:
    """Unknown, or not connected."""
    with pytest.raises(error):
        directory.resolve(code)


def test_regions_and_the_network_resolve_to_connected_members(directory: Directory) -> None:
    """What fans out names its members that are connected, in order, never the operator."""
    region, network = directory.resolve("D1"), directory.resolve("NL")
    assert (region.kind, region.members) == (RouteKind.REGION, (TX,))
    assert network.kind is RouteKind.NETWORK
    assert set(network.members) == {OH, TX}


def test_no_part_lists_a_code_of_the_network_away(directory: Directory) -> None:
    """An agency that bears Texas's generic identifier does not get what is for Texas."""
    later = directory.with_part(ohio(version=2, agencies=(agency(ORI("TXLIC0000"), "OH/LOCAL"),)))
    assert later.resolve("TXLIC0000").members == (TX,)


def test_errors_of_parts_have_a_common_root() -> None:
    """Whoever loads parts can catch every refusal of one as such."""
    assert issubclass(PartVersionError, DirectoryError)
    assert issubclass(OriTakenError, DirectoryError)
