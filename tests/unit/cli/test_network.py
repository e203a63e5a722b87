"""Tests for who asks: an agency's identifier, a line's name, or nobody named."""

from __future__ import annotations

import pytest

from comity.cli.errors import UsageError
from comity.cli.network import member_of, practice_agency, speaker_of
from comity.domain.errors import MalformedError
from comity.domain.vocabulary import AgencyType


def test_police_of_texas_ask_unless_named() -> None:
    """Without a name the first police agency of Texas asks, on its own line."""
    speaker = speaker_of("")
    assert speaker.agency is not None
    assert speaker.agency.type is AgencyType.PD
    assert speaker.agency.family.startswith("TX/")
    assert speaker.line in speaker.agency.lines


def test_agency_and_line_name_each_other() -> None:
    """An agency's identifier finds its line, and the line's name the agency."""
    by_ori = speaker_of("USPX011ER")
    assert by_ori.agency is not None
    assert by_ori.agency.ori == "USPX011ER"
    assert speaker_of(by_ori.line) == by_ori


def test_line_that_is_nobodys_is_taken_at_its_word() -> None:
    """A line that no practice agency has may still have a certificate of its own."""
    speaker = speaker_of("or-salem-1")
    assert (speaker.line, speaker.agency) == ("or-salem-1", None)


def test_unknown_agency_is_usage() -> None:
    """An identifier that no agency has is refused before anything is sent."""
    with pytest.raises(UsageError):
        speaker_of("ZZ0000000")
    assert practice_agency("ZZ0000000") is None


def test_member_as_a_person_writes_it() -> None:
    """A state's code is read in either case; what is none is malformed."""
    assert member_of("WA") == "wa"
    with pytest.raises(MalformedError):
        member_of("Washington")
