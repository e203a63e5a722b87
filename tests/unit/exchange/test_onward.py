"""What tells of an onward transfer: each line, what is wrong with it, and who would be refused."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from comity.directory.directory import Directory
from comity.domain.agency import Acting, ActsFor, Family
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.leaf import SEALED
from comity.domain.onward import Receives, ToldOnward, Transfer
from comity.domain.vocabulary import DataClass, LeafKind, Outcome, Purpose
from comity.exchange.onward import (
    NOBODY,
    TO_CHARS_MAX,
    OnwardFormError,
    received,
    told_leaf,
    told_onward,
)
from comity.exchange.replies import REPLY_CHARS_MAX
from comity.policy import compile_policy
from tests.support.gateway import NOW, RENO, SALEM, WA, part_of, practice_agency, practice_parts
from tests.support.leaves import fullest
from tests.support.link import WEST
from tests.unit.policy.build import bundle, rule

AM = MessageKey("AM")
DAY = date(2026, 11, 24)
LINES = "TO USPX00009\nFOR CIM\nON 2026-11-24\nWHAT ADDRESS IDENTITY\nBy phone.\nTwice."
WHOLE = f"PASSED ON WA/12\n{LINES}"
TRANSFER = Transfer(
    to="USPX00009",
    purpose=Purpose.CIVIL_IMMIGRATION,
    on=DAY,
    classes=(DataClass.IDENTITY, DataClass.ADDRESS),
)


def test_every_line_is_read() -> None:
    """In any case, with spaces; the rest is the agency's own words."""
    found = ToldOnward(entry="wa/12", transfer=TRANSFER, text="By phone.\nTwice.")
    assert told_onward(AM, WHOLE) == found
    head, _, words = WHOLE.partition("By")
    spaced = head.lower().replace("\n", "  \n ").replace(" on wa", "   on wa")
    assert told_onward(AM, f"{spaced}By{words}".replace("passed   on", "passed on")) == found


def test_what_is_left_out_is_not_stated() -> None:
    """No purpose is no claim, no parts are all; a name is kept as it was written."""
    said = told_onward(AM, "PASSED ON WA/12\nTO  A county   task force\nON 2026-11-24")
    transfer = Transfer(to="A county task force", purpose=Purpose.NOT_STATED, on=DAY)
    assert said == ToldOnward(entry="wa/12", transfer=transfer)
    assert told_onward(AM, "PASSED ON WA/12\nTO nobody\nNone of us.") == ToldOnward(
        entry="wa/12", text="None of us."
    )


@pytest.mark.parametrize(
    "body",
    ["", "Hello", "PASSED ON", "PASSED ON your word", "REPLY TO WA/1\nPASSED ONWARD",
     "Hello\nPASSED ON WA/1\nTO NOBODY", "PASSED ONWA/1"],
)  # fmt: skip
def test_other_words_are_none(body: str) -> None:
    """A message like any other, also where the lines stand behind other words."""
    assert told_onward(AM, body) is None


def test_another_key_tells_nothing() -> None:
    """Whatever its body says."""
    assert told_onward(MessageKey("AML"), WHOLE) is None


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("PASSED ON WA/12x\nTO NOBODY", "PASSED ON"),
        ("PASSED ON WA/\nTO NOBODY", "PASSED ON"),
        ("PASSED ON ZZ/1\nTO NOBODY", "PASSED ON"),
        ("PASSED ON WA/01\nTO NOBODY", "PASSED ON"),
        ("PASSED ON WA/12", "TO"),
        ("PASSED ON WA/12\nFOR CIM", "TO"),
        ("PASSED ON WA/12\nTO\nON 2026-11-24", "TO"),
        (f"PASSED ON WA/12\nTO {'x' * (TO_CHARS_MAX + 1)}\nON 2026-11-24", "TO"),
        ("PASSED ON WA/12\nTO USPX00009", "ON"),
        ("PASSED ON WA/12\nTO USPX00009\nON 2026-11-31", "ON"),
        ("PASSED ON WA/12\nTO USPX00009\nON 20261124", "ON"),
        ("PASSED ON WA/12\nTO USPX00009\nON 2026-11-24\nFOR ICE", "FOR"),
        ("PASSED ON WA/12\nTO USPX00009\nON 2026-11-24\nWHAT", "WHAT"),
        ("PASSED ON WA/12\nTO USPX00009\nON 2026-11-24\nWHAT EVERYTHING", "WHAT"),
        ("PASSED ON WA/12\nTO USPX00009\nON 2026-11-24\nWHAT PHOTO PHOTO", "WHAT"),
        ("PASSED ON WA/12\nTO USPX00009\nTO USPX00008\nON 2026-11-24", "TO"),
        ("PASSED ON WA/12\nTO NOBODY\nON 2026-11-24", "ON"),
        (f"PASSED ON WA/12\nTO NOBODY\n{'x' * REPLY_CHARS_MAX}", str(REPLY_CHARS_MAX)),
        ("REPLY TO WA/1\nDocket.\nPASSED ON WA/12\nTO", "TO"),
    ],
)
def test_what_is_wrong_is_named(body: str, names: str) -> None:
    """The line, and nothing that it says."""
    with pytest.raises(OnwardFormError) as caught:
        told_onward(AM, body)
    assert names in str(caught.value)
    assert "USPX" not in str(caught.value)


def test_limits_hold_at_the_limit() -> None:
    """A name of 60, and 500 characters below the first line."""
    name = "x" * TO_CHARS_MAX
    said = told_onward(AM, f"PASSED ON WA/12\nTO {name}\nON 2026-11-24")
    assert said is not None
    assert said.transfer is not None
    assert said.transfer.to == name
    text = "x" * (REPLY_CHARS_MAX - len("TO NOBODY\n"))
    assert told_onward(AM, f"PASSED ON WA/12\nTO NOBODY\n{text}") is not None


def test_a_leaf_names_the_agency_unless_the_release_does_not() -> None:
    """What stands sealed stays so; the record has all of it."""
    release = fullest(LeafKind.DISCLOSURE)
    told = ToldOnward(entry="wa/12", transfer=TRANSFER, text="By phone.")
    made = told_leaf(told, release, SALEM, "B1", NOW)
    assert (made.header.agency, made.header.cites) == (SALEM, "wa/12")
    sealed = msgspec.structs.replace(release, agency=SEALED)
    made = told_leaf(ToldOnward(entry="wa/12"), sealed, SALEM, "B1", NOW)
    assert made.header.agency == SEALED
    assert dict(made.fields)["to"] == NOBODY.encode()
    assert dict(made.fields)["agency"] == SALEM.encode()


def test_who_acts_for_a_refused_family_is_refused() -> None:
    """The strictest of the receiver's own family and those that it acts for; by these rules."""
    center = practice_agency(RENO, "OR/FUSION", "nv-1")
    acts = ActsFor(family=Family("OR/LOCAL"), how=Acting.RELAY)
    acting = msgspec.structs.replace(center, acts_for=(acts,))
    refused = rule("LOCAL", Outcome.DENY, agency=("OR/LOCAL",))
    release = msgspec.structs.replace(fullest(LeafKind.DISCLOSURE), member=WA)
    for agency, receives in ((center, Receives.RELEASED), (acting, Receives.REFUSED)):
        parts = (*practice_parts(), part_of(Member("nv"), WEST.public, agency))
        directory = Directory.of(parts)
        everything = bundle(rule("ALL", Outcome.RELEASE), refused, state=WA)
        policy = compile_policy(everything, None, directory.families())
        transfer = Transfer(to=RENO, purpose=Purpose.NOT_STATED, on=DAY)
        assert received(transfer, release, policy, directory, NOW)[0] is receives
