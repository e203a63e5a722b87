"""The archive's pure part: what a search says, whom it serves, what it finds, how it is told."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from comity.directory.routing import Route
from comity.domain.agency import Form
from comity.domain.delivery import Delivery, Stamp
from comity.domain.ids import LeafIndex, Member, QueryId
from comity.domain.keys import MessageKey
from comity.domain.query import Asked, Query
from comity.domain.vocabulary import AgencyType, Assurance, FanOut
from comity.exchange.archive import (
    FULL_TEXT_CHARS_MAX,
    HITS_LISTED_MAX,
    Access,
    ArchiveSearch,
    Found,
    Reference,
    ReferenceFormError,
    SearchFormError,
    SearchTimeError,
    delivery_item,
    matcher_of,
    may_read_key,
    parse_reference,
    parse_references,
    parse_search,
    query_item,
    reference_name,
    render_full,
    render_list,
    render_refusal,
)
from comity.exchange.origin import AcceptedQuery
from tests.support.archive import AT, SALEM, agency, item

OR = Member("or")
WHEN = {"TYP": "ALL", "BEG": "20261123", "END": "20261124"}


def search(**fields: str) -> ArchiveSearch:
    """The search of these fields, over two days and all keys unless they say otherwise."""
    given = {name: value for name, value in (WHEN | fields).items() if value}
    return parse_search(tuple(given.items()))


def is_found(text: str, **fields: str) -> bool:
    """Whether a message with this body is found."""
    return matcher_of(search(**fields))(item(text))


def test_a_day_is_the_networks_own() -> None:
    """Days begin at seven in the morning UTC, summer and winter; the last one counts whole."""
    found = search(FND="X", BEG="20260701", END="20260701")
    assert found.since == int(datetime(2026, 7, 1, 7, tzinfo=UTC).timestamp())
    assert found.until - found.since == 86_400


def test_a_minute_counts_whole() -> None:
    """A time of day as the end takes its minute in."""
    found = search(FND="X", BEG="20261123@2300", END="20261123@2300")
    assert (found.since, found.until) == (AT, AT + 60)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"TYP": ""}, SearchFormError),
        ({"BEG": ""}, SearchFormError),
        ({"END": ""}, SearchFormError),
        ({"FND": ""}, SearchFormError),
        ({"NAM": "DOE"}, SearchFormError),
        ({"FND": "", "NAM": "DOE", "AND": "X"}, SearchFormError),
        ({"FND": "", "NAM": "*OE"}, SearchFormError),
        ({"FND": "", "NAM": "DOE,*"}, SearchFormError),
        ({"FND": "", "NAM": "-,."}, SearchFormError),
        ({"FND": " "}, SearchFormError),
        ({"FND": "X" * 101}, SearchFormError),
        ({"AND": "A", "ORR": "B"}, SearchFormError),
        ({"TYP": "DQ,ALL"}, SearchFormError),
        ({"TYP": "D1"}, SearchFormError),
        ({"TYP": ",".join(["DQ"] * 34)}, SearchFormError),
        ({"SRC": "WAX"}, SearchFormError),
        ({"DST": "W"}, SearchFormError),
        ({"OLN": "X"}, SearchFormError),
        ({"BEG": "20261131"}, SearchTimeError),
        ({"BEG": "20261123@2400"}, SearchTimeError),
        ({"BEG": "20261123@23"}, SearchTimeError),
        ({"BEG": "11/23/2026"}, SearchTimeError),
        ({"END": "20261122"}, SearchTimeError),
        ({"BEG": "20261123@2301", "END": "20261123@2300"}, SearchTimeError),
        ({"END": "99991231"}, SearchTimeError),
    ],
)
def test_a_search_that_is_none_is_refused(fields: dict[str, str], error: type[Exception]) -> None:
    """What lacks a field, has two that exclude each other, or a malformed one, is no search."""
    with pytest.raises(error):
        search(**({"FND": "X"} | fields))


def test_a_field_stands_once() -> None:
    """Two values of one field make no search."""
    with pytest.raises(SearchFormError):
        parse_search((*WHEN.items(), ("FND", "A"), ("FND", "B")))


def test_a_hundred_characters_of_keys_are_a_list() -> None:
    """The longest list is taken; a key counts once."""
    assert search(FND="X", TYP="DQ," * 31 + "AML,SON").keys == ("DQ", "AML", "SON")
    assert len(search(FND="X" * 100).sought) == 100


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"FND": "doe,jane"}, True),
        ({"FND": "NAME: DOE,JANE ANN"}, True),
        ({"FND": "ANN DOB: 1990"}, True),
        ({"FND": "DOE, JANE"}, False),
        ({"FND": "OE,JAN"}, True),
        ({"FND": "DOE", "AND": "1990"}, True),
        ({"FND": "DOE", "AND": "1991"}, False),
        ({"FND": "ROE", "AND": "1990"}, False),
        ({"FND": "ROE", "ORR": "1990"}, True),
        ({"FND": "ROE", "ORR": "1991"}, False),
        ({"FND": "C1"}, True),
        ({"FND": SALEM}, True),
        ({"NAM": "DOE,JANE"}, True),
        ({"NAM": "JANE DOE"}, True),
        ({"NAM": "DOE,ANN JANE"}, True),
        ({"NAM": "DO"}, False),
        ({"NAM": "DO*"}, True),
        ({"NAM": "D*E,J*"}, True),
        ({"NAM": "DOE,JOAN"}, False),
        ({"FND": "DOE", "TYP": "DQ"}, False),
        ({"FND": "DOE", "TYP": "DQ,DR"}, True),
        ({"FND": "DOE", "SRC": "WA"}, True),
        ({"FND": "DOE", "SRC": "WAOLN0000"}, True),
        ({"FND": "DOE", "SRC": "OR"}, False),
        ({"FND": "DOE", "DST": "OR"}, True),
        ({"FND": "DOE", "DST": SALEM}, True),
        ({"FND": "DOE", "DST": "ORPX00002"}, False),
    ],
)
def test_what_is_found(fields: dict[str, str], found: bool) -> None:
    """Text exactly but for case and line breaks; a name by its words; keys and places as named."""
    text = "WA: RECORD\nIDENTITY\n  NAME: DOE,JANE ANN\n  DOB: 1990-01-02"
    assert is_found(text, **fields) is found


@pytest.mark.parametrize("written", ["O'BRIEN,PAT", "OBRIEN,PAT", "PAT OBRIEN", "O`BRIEN, PAT"])
@pytest.mark.parametrize("sought", ["O'BRIEN,PAT", "OBRIEN,PAT", "PAT O'BRIEN"])
def test_a_name_is_found_whatever_its_punctuation(written: str, sought: str) -> None:
    """A mark within a word may be there on either side, or be left out."""
    assert is_found(f"NAME: {written}", NAM=sought)


def test_a_double_name_is_found_by_its_parts() -> None:
    """A hyphen joins and parts."""
    for written in ("SMITH-JONES,AL", "SMITH JONES,AL", "SMITHJONES,AL"):
        assert is_found(written, NAM="SMITH-JONES,AL")
    assert is_found("SMITH-JONES,AL", NAM="JONES")
    assert not is_found("SMITHSON,AL", NAM="SMITH")


def test_letters_beyond_ascii_are_found_plain() -> None:
    """A message that another system sent with accents is found without them."""
    assert is_found("NÚÑEZ,JOSÉ", NAM="JOSE NUNEZ")
    assert is_found("NÚÑEZ,JOSÉ", FND="NUNEZ")


def test_a_query_is_found_by_the_states_that_it_reached() -> None:
    """A message to the whole network is one to each of its states."""
    asked = item("DQ.ORPX00001.NL.TXT", destinations=("NL",), reached=("WA", "NB"))
    assert matcher_of(search(FND="DQ", DST="NB"))(asked)
    assert not matcher_of(search(FND="DQ", DST="TX"))(asked)


def test_all_keys_are_all_but_the_archives_own_answers() -> None:
    """What repeats other messages is found where it is named."""
    told = item(key=MessageKey("NLR"))
    assert not matcher_of(search(FND="NOT ON FILE"))(told)
    assert matcher_of(search(FND="NOT ON FILE", TYP="NLR"))(told)


@pytest.mark.parametrize(
    ("kind", "is_control", "may", "may_not"),
    [
        (AgencyType.PD, False, "DQ DR SOQ SOR IAR TQ TR AM ZZ", "TA SM"),
        (AgencyType.NJ, False, "DQ DR TR FR", "SOQ SOR PAR IAQ IAR TA SM"),
        (AgencyType.OTHER, False, "RQ", "SOQ"),
        (AgencyType.NJ, True, "TA SM", "SOR"),
    ],
)
def test_access_is_by_message_type(
    kind: AgencyType, is_control: bool, may: str, may_not: str
) -> None:
    """An agency finds what it could send, and the answers to that; an unknown key has no rule."""
    who = agency(kind, is_control=is_control)
    assert all(may_read_key(who, MessageKey(key)) for key in may.split())
    assert not any(may_read_key(who, MessageKey(key)) for key in may_not.split())


def test_access_is_by_message() -> None:
    """An agency sees what is from or to itself, a control terminal all of its member's."""
    plain, control = Access(agency=agency()), Access(agency=agency(is_control=True))
    to_other = item(destinations=("ORPX00002",))
    from_own = item(source=SALEM, destinations=("WA",))
    assert plain.may_see(item())
    assert plain.may_see(from_own)
    assert not plain.may_see(to_other)
    assert control.may_see(to_other)
    assert control.may_see(item(key=MessageKey("SM")))
    assert not Access(agency=agency(AgencyType.NJ)).may_see(item(key=MessageKey("SOR")))


@pytest.mark.parametrize("text", ["OR/123", "OR/0", "OR/123-4", f"OR/{'A' * 25}A-1", "NE/7-12"])
def test_a_reference_is_read_as_it_is_shown(text: str) -> None:
    """What the list shows names the same message again."""
    assert reference_name(parse_reference(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "OR", "OR/", "OR/01", "OR/1-0", "OR/1-", "or/1", "ZZ/1", "NB/1", "OR/1-1234567",
        f"OR/{2**63}", f"OR/{'A' * 26}", f"OR/{'A' * 25}B-1", f"OR/{'A' * 27}-1",
    ],
)  # fmt: skip
def test_what_the_list_never_shows_is_no_reference(text: str) -> None:
    """There is one way to write each reference."""
    with pytest.raises(ReferenceFormError):
        parse_reference(text)


def test_references_are_one_to_five() -> None:
    """Five are taken, a sixth is refused, one that comes twice counts once."""
    five = ",".join(f"OR/{n}" for n in range(5))
    assert len(parse_references((("REF", five),))) == 5
    assert len(parse_references((("REF", "or/1, OR/1"),))) == 1
    for wrong in (
        (("REF", f"{five},OR/9"),),
        (),
        (("REF", "OR/1"), ("REF", "OR/2")),
        (("A", "B"),),
    ):
        with pytest.raises(ReferenceFormError):
            parse_references(wrong)


def test_a_query_is_kept_as_it_was_sent() -> None:
    """Its text is the network's own, and it names what it reached by the network's codes."""
    asked = Query(
        key=MessageKey("DQ"),
        origin=SALEM,
        destinations=("NB", "WA"),
        control="C9",
        fields=(("OLN", "PX1"),),
    )
    accepted = AcceptedQuery(
        query_id=QueryId(bytes(16)),
        query=asked,
        route=Route(
            key=MessageKey("DQ"),
            asked=(Asked(state=Member("ne")), Asked(state=Member("wa"))),
            fan_out=FanOut.LIST,
        ),
        member=OR,
        line="salem-1",
        form=Form.JSON,
        assurance=Assurance.NOT_STATED,
        accepted_at=AT,
    )
    made = query_item(accepted, LeafIndex(12))
    assert made.reference == "OR/12"
    assert made.text == "DQ.ORPX00001.NB.WA.*C9.TXT\nOLN/PX1"
    assert (made.source, made.reached, made.is_query) == (SALEM, ("NB", "WA"), True)


def test_a_delivery_keeps_whom_it_went_to() -> None:
    """Its reference counts from the query, its time is its own clock's."""
    stamp = Stamp(time="06:00", date="11/24/2026", count=3)
    delivery = Delivery(
        key=MessageKey("DR"), origin=SALEM, received=stamp, sent=stamp, destination=SALEM, text="A"
    )
    made = delivery_item(delivery, Reference(member=OR, leaf=LeafIndex(12), delivery=2), AT)
    assert (made.reference, made.at, made.is_query) == ("OR/12-2", AT, False)


def test_the_list_says_what_was_found() -> None:
    """One line a message: reference, the network's time, key, from, to."""
    found = Found(searched=9)
    found.add(item())
    assert render_list(search(FND="X"), found).split("\n") == [
        "ARCHIVE: 1 FOUND, 1 LISTED, 9 SEARCHED",
        "FROM 11/23/2026 00:00 TO 11/24/2026 23:59 MST, THE NEWEST FIRST",
        "1. OR/4-1 11/23/2026 23:00 DR WAOLN0000 TO ORPX00001",
    ]


def test_the_list_says_what_it_does_not_show() -> None:
    """What was dropped, closed, cut or is too much stands in the answer, and how to go on."""
    found = Found(unopened=2, dropped=(MessageKey("SM"), MessageKey("TA")), reached=AT)
    for _ in range(HITS_LISTED_MAX + 1):
        found.add(item())
    lines = render_list(search(FND="X"), found).split("\n")
    assert "NOT AUTHORISED, NOT SEARCHED: SM TA" in lines
    assert "COULD NOT BE OPENED: 2" in lines
    assert any("END/20261123@2300" in line for line in lines)
    assert lines[-1] == "AND 1 MORE: ASK FOR LESS AT A TIME"
    assert len(found.items) == HITS_LISTED_MAX
    assert not found.says_nothing
    assert Found(searched=5).says_nothing


def test_full_text_comes_with_its_header() -> None:
    """Each reference is answered in its order; one that may not be seen looks as if it were not."""
    told = render_full([("OR/4-1", item("A\n  B")), ("OR/5", None)])
    assert told.split("\n") == [
        "1. OR/4-1 11/23/2026 23:00 DR WAOLN0000 TO ORPX00001",
        "  CONTROL C1",
        "A",
        "  B",
        "",
        "2. OR/5: NOT THERE, OR NOT YOURS TO SEE",
    ]


def test_full_text_is_cut_at_its_limit() -> None:
    """At the limit it is whole, one beyond is cut; the next has no room and says so."""
    whole = render_full([("OR/4-1", item("A" * FULL_TEXT_CHARS_MAX, control=None))])
    assert "CUT" not in whole
    cut = render_full([("OR/4-1", item("A" * (FULL_TEXT_CHARS_MAX + 1), control=None))])
    assert cut.endswith("\nCUT HERE: 1 MORE CHARACTERS")
    two = render_full([("OR/4-1", item("A" * FULL_TEXT_CHARS_MAX)), ("OR/5", item("BB"))])
    assert two.endswith("CUT HERE: 2 MORE CHARACTERS - ASK FOR IT ALONE")


def test_no_line_is_longer_than_a_terminals() -> None:
    """Eighty columns, whatever a message holds."""
    long = item("  NAME: " + "A" * 200 + "\n" + "B C " * 60, reference=f"OR/{'A' * 26}-123456")
    found = Found(dropped=tuple(MessageKey(f"A{c}Q") for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    found.add(msgspec.structs.replace(long, destinations=("WAPX00001", "WAPX00002", "WAPX00003")))
    told = [
        render_full([("OR/4-1", long)]),
        render_list(search(FND="X"), found),
        render_refusal(SearchFormError("`TYP` is not a list of message keys, or ALL alone")),
    ]
    assert max(len(line) for text in told for line in text.split("\n")) == 80


def test_a_refusal_carries_its_code() -> None:
    """The stable code is in the answer."""
    told = render_refusal(SearchTimeError("`END` is before `BEG`"))
    assert told == "ARCHIVE NOT SEARCHED: `END` is before `BEG` - archive-time-malformed"
