"""Whom a message asks: codes, lists, regions, the network, agencies, and what is kept at home."""

from __future__ import annotations

import msgspec
import pytest

from comity.directory.directory import Directory
from comity.directory.errors import (
    DestinationError,
    DestinationNotServedError,
    KeyNotAnsweredError,
    KeyNotToFanOutError,
    SenderNotEntitledError,
    UnknownDestinationError,
)
from comity.directory.routing import check_entitled, plan_route
from comity.domain.ids import ORI, Member
from comity.domain.keys import KEYS, MessageKey, Senders
from comity.domain.query import Asked, Query
from comity.domain.vocabulary import AgencyType, FanOut
from tests.support.directory import AUSTIN, DAYTON, FIELD_OFFICE, NE, OH, TX, US, agency, make_part

WI, IL = Member("wi"), Member("il")
CONTROL = ORI("OHPX00009")
TAKEN = tuple(MessageKey(key) for key in ("DQ", "RQ", "KQ", "AM", "YQ", "IQ", "BQ", "other"))


def directory() -> Directory:
    """Texas, Ohio (with a control terminal), Nebraska, two more of Ohio's region, the operator."""
    return Directory.of(
        [
            make_part(TX, agency(AUSTIN, "TX/LOCAL"), answers=TAKEN),
            make_part(
                OH,
                agency(DAYTON, "OH/LOCAL"),
                agency(CONTROL, "OH/STATE", is_control=True),
                answers=TAKEN,
            ),
            make_part(NE, answers=(MessageKey("DQ"),)),
            make_part(WI, answers=TAKEN),
            make_part(IL, answers=(MessageKey("RQ"),)),
            make_part(US, agency(FIELD_OFFICE, "US/DHS"), answers=(MessageKey("IAQ"),)),
        ]
    )


def query(key: str, *destinations: str) -> Query:
    """A message of Austin's."""
    return Query(key=MessageKey(key), origin=AUSTIN, destinations=destinations)


def states(key: str, *destinations: str) -> list[Member]:
    """Whom a message of Austin's asks."""
    route = plan_route(directory(), query(key, *destinations), TX)
    return [asked.state for asked in route.asked]


def test_a_code_is_one_state() -> None:
    """One state is a single query under its own key, in no merged message."""
    route = plan_route(directory(), query("DQ", "OH"), TX)
    assert (route.asked, route.fan_out, route.key) == ((Asked(state=OH),), FanOut.SINGLE, "DQ")
    assert not route.merges
    assert not route.leaves_home


def test_a_list_asks_each_once() -> None:
    """Several codes of one state are one exchange; Nebraska is NB."""
    assert states("DQ", "OH", "NB", "OHOLN0000") == [OH, NE]
    assert plan_route(directory(), query("DQ", "OH", "NB"), TX).fan_out is FanOut.LIST


def test_a_newer_part_counts_at_once() -> None:
    """A route is remembered under its directory alone: with the next part it is another."""
    before = directory()
    assert plan_route(before, query("DQ", "OH"), TX) is plan_route(before, query("DQ", "OH"), TX)
    after = before.with_part(make_part(OH, answers=(MessageKey("RQ"),), version=2))
    with pytest.raises(KeyNotAnsweredError):
        plan_route(after, query("DQ", "OH"), TX)
    assert [asked.state for asked in plan_route(before, query("DQ", "OH"), TX).asked] == [OH]


def test_a_region_is_rewritten_and_asks_who_answers() -> None:
    """DQG goes out as DQ to those of the region that answer DQ; so does a DQ to a region."""
    for key in ("DQG", "DQ"):
        route = plan_route(directory(), query(key, "E1"), TX)
        assert (route.key, route.fan_out, route.merges) == ("DQ", FanOut.REGION, False)
        assert [asked.state for asked in route.asked] == [OH, WI]


def test_the_network_is_one_merged_message() -> None:
    """NL asks every connected jurisdiction that answers the key, never the operator."""
    route = plan_route(directory(), query("DQ", "NL"), TX)
    assert (route.fan_out, route.merges) == (FanOut.ALL, True)
    assert {asked.state for asked in route.asked} == {TX, OH, NE, WI}


def test_a_message_names_agencies_and_states_get_it_at_their_terminal() -> None:
    """An ORI is delivered to that agency, a state code to its control terminals."""
    route = plan_route(directory(), query("AM", DAYTON), TX)
    assert route.asked == (Asked(state=OH, to=(DAYTON,)),)
    assert plan_route(directory(), query("AM", "OH"), TX).asked == (Asked(state=OH),)
    regional = plan_route(directory(), query("AM", "E1"), TX)
    assert (regional.merges, regional.fan_out) == (True, FanOut.REGION)


def test_a_federal_system_leaves_home() -> None:
    """The special code of a federal system is served by the operator; its own officers are home."""
    route = plan_route(directory(), query("IAQ", "AX"), TX)
    assert (route.asked, route.leaves_home) == ((Asked(state=US),), True)
    assert not plan_route(directory(), query("IAQ", "AX"), US).leaves_home


def test_a_message_to_a_federal_agency_is_no_query_of_a_federal_system() -> None:
    """A person-to-person message is the receiving member's to let in."""
    parts = [make_part(US, agency(FIELD_OFFICE, "US/DHS"), answers=(MessageKey("AM"),))]
    route = plan_route(Directory.of(parts), query("AM", FIELD_OFFICE), TX)
    assert not route.leaves_home


@pytest.mark.parametrize(
    ("key", "destination"), [("TQ", "OD"), ("TA", "TX"), ("NLQ", "NL"), ("SM", "NL"), ("SM", "TX")]
)
def test_what_is_ones_own_asks_the_own_member(key: str, destination: str) -> None:
    """Directory, archive and status are the sender's own member's, whatever code is written."""
    assert states(key, destination) == [TX]


def test_an_answer_of_a_person_goes_by_the_own_member() -> None:
    """A hit confirmation's answer is handed to the own member, with whom it is for."""
    route = plan_route(directory(), query("YR", DAYTON), TX)
    assert route.asked == (Asked(state=TX, to=(DAYTON,)),)


def test_an_unknown_key_goes_where_others_are_taken() -> None:
    """A key outside the table is asked of members that list `other`."""
    assert states("HQ", "OH") == [OH]


@pytest.mark.parametrize(
    ("key", "destination", "error"),
    [
        ("KQ", "E1", KeyNotToFanOutError),
        ("KQ", "NL", KeyNotToFanOutError),
        ("KQ", "NB", KeyNotAnsweredError),
        ("HQ", "NB", KeyNotAnsweredError),
        ("IAQ", "E1", KeyNotToFanOutError),
        ("BQ", "F1", KeyNotAnsweredError),
        ("AM", "TX", DestinationNotServedError),
        ("AM", "NB", KeyNotAnsweredError),
        ("DQ", "FA", DestinationNotServedError),
        ("DQ", "ZZ", UnknownDestinationError),
        ("TQ", "OH", UnknownDestinationError),
        ("SM", "OH", UnknownDestinationError),
        ("YR", "OH", UnknownDestinationError),
        ("YR", "NL", UnknownDestinationError),
    ],
)
def test_a_destination_is_refused(
    key: str, destination: str, error: type[DestinationError]
) -> None:
    """What cannot be answered there has its own error."""
    with pytest.raises(error):
        plan_route(directory(), query(key, destination), TX)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_who_may_send_a_key(key: MessageKey) -> None:
    """Criminal-justice keys need that type, control keys a control terminal."""
    kinds = {
        Senders.ANY: agency(AUSTIN, "TX/STATE", type=AgencyType.NJ),
        Senders.CRIMINAL_JUSTICE: agency(AUSTIN, "TX/LOCAL"),
        Senders.CONTROL: agency(AUSTIN, "TX/LOCAL", is_control=True),
    }
    needed = list(Senders).index(KEYS[key].senders)
    for place, sender in enumerate(kinds.values()):
        if place >= needed:
            check_entitled(sender, key)
        else:
            with pytest.raises(SenderNotEntitledError):
                check_entitled(sender, key)


def test_nobody_is_asked_twice_by_code_and_agency() -> None:
    """A state named by code and by agency is one exchange with that agency."""
    named = msgspec.structs.replace(query("AM", DAYTON), destinations=(DAYTON, CONTROL))
    route = plan_route(directory(), named, TX)
    assert route.asked == (Asked(state=OH, to=(DAYTON, CONTROL)),)


def test_a_message_to_a_help_file_asks_whose_file_it_is() -> None:
    """Its member alone, with the file as written; among other destinations it is no agency."""
    route = plan_route(directory(), query("AM", "OHLICHELP"), TX)
    assert route.asked == (Asked(state=OH, to=(ORI("OHLICHELP"),)),)
    assert plan_route(directory(), query("AM", "NLNLEUPDT"), TX).asked[0].state == US
    with pytest.raises(DestinationNotServedError):
        plan_route(directory(), query("AM", "CALICHELP"), TX)
    with pytest.raises(UnknownDestinationError):
        plan_route(directory(), query("AM", "OHLICHELP", "OHORIHELP"), TX)
