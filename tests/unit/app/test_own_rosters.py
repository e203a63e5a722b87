"""A state's roster file: read by its stamp, anew without a restart, none where malformed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from comity.app.own_rosters import ROSTERS_FOLDER, OwnRosters
from comity.domain.ids import Member
from comity.review.tables import REVIEW_FILE_BYTES_MAX
from comity.roles.settings import load_settings
from comity.services.events import Events
from tests.support.line import MemoryLog

WA = Member("wa")
WHOLE = 'expiry = "CALL"\n[hours]\nmonday = ["08:00-17:00"]\n'


class Case:
    """A data directory, and who reads its rosters, at a time that a test sets."""

    def __init__(self, folder: Path, *, is_practice: bool = False) -> None:
        (folder / ROSTERS_FOLDER).mkdir()
        self.path = folder / ROSTERS_FOLDER / "wa.toml"
        self.now = 0.0
        self.events = Events(MemoryLog())
        settings = load_settings(data_dir=folder, is_practice=is_practice)
        self.rosters = OwnRosters(settings, self.events, lambda: self.now)

    def write(self, text: str) -> None:
        """Put another file into the place, as an editor does."""
        other = self.path.with_suffix(".new")
        other.write_text(text)
        other.replace(self.path)
        self.now += 1.0

    def expiry(self) -> str | None:
        """What the roster that counts says."""
        roster = self.rosters.roster(WA)
        return None if roster is None else roster.expiry


def test_a_file_counts_once_it_is_there_and_until_it_is_gone(tmp_path: Path) -> None:
    """No restart; within a second the one that was read last still counts."""
    case = Case(tmp_path)
    assert case.expiry() is None
    case.write(WHOLE)
    assert case.expiry() == "CALL"
    case.write(WHOLE.replace("CALL", "CALL US"))
    case.now -= 0.5
    assert case.expiry() == "CALL"
    case.now += 0.5
    assert case.expiry() == "CALL US"
    case.path.unlink()
    case.now += 1.0
    assert case.expiry() is None


@pytest.mark.parametrize("text", ["expiry = 1\n", "[", "x" * (REVIEW_FILE_BYTES_MAX + 1), "\x00"])
def test_a_malformed_file_counts_as_none_and_is_told_once(tmp_path: Path, text: str) -> None:
    """The last good one is not used on; what is mended counts again."""
    case = Case(tmp_path)
    case.write(WHOLE)
    assert case.expiry() == "CALL"
    case.write(text)
    for _ in range(3):
        assert case.expiry() is None
        case.now += 1.0
    told = Counter(case.events.counts)
    assert (told["roster_refused"], told["roster_does_not_count"]) == (1, 1)
    case.write(WHOLE)
    assert case.expiry() == "CALL"


def test_a_practice_network_has_one_for_every_state(tmp_path: Path) -> None:
    """Until a state has its own; a malformed one is none there, too."""
    case = Case(tmp_path, is_practice=True)
    assert (case.expiry() or "").startswith("NONE OF THIS WAS RELEASED")
    case.write(WHOLE)
    assert case.expiry() == "CALL"
    case.write("[")
    assert case.expiry() is None
