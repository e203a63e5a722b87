"""The rules of words bite: registry hosts, places of one machine, work left, evidence made up."""

from __future__ import annotations

import pytest

from tests.tidy import words
from tests.tidy.tree import Source


@pytest.mark.parametrize("host", words.HOSTS_BANNED)
def test_registry_host_is_refused(host: str) -> None:
    """A file that names where packages come from would bind everyone to that place."""
    assert list(words.check_text("README.md", f"see https://{host}/simple for more"))


@pytest.mark.parametrize("place", words.PLACES_BANNED)
def test_place_of_one_machine_is_refused(place: str) -> None:
    """A path that exists on one machine only is found at a line's start, in quotes and in prose."""
    for line in (f"{place}x", f'"{place}x"', f"run it in {place}x now"):
        assert list(words.check_text("Makefile", line)), line


@pytest.mark.parametrize(
    "line",
    ["src/work/plan", "https://site.example/home/page", "/var/lib/comity-practice"],
)
def test_other_path_passes(line: str) -> None:
    """A path inside the repository, an address, or a place that Comity makes is allowed."""
    assert not list(words.check_text("README.md", line))


def test_undecided_merge_is_refused() -> None:
    """The marks of a merge that nobody decided are found."""
    assert list(words.check_text("README.md", "<" * 7 + " ours"))


def test_lock_file_is_refused() -> None:
    """A lock file that records download addresses is found by its name, in any folder."""
    assert list(words.check_name("uv.lock"))
    assert list(words.check_name("frontend/uv.lock"))
    assert not list(words.check_name("requirements/runtime.txt"))


@pytest.mark.parametrize("mark", ["TO" + "DO", "FIX" + "ME", "X" * 3])
def test_work_left_in_a_comment_is_refused(mark: str) -> None:
    """What is left to do is found in comments of every kind, and only there."""
    assert list(words.check_comments("src/comity/app.py", f"x = 1  # {mark}: later\n"))
    assert list(words.check_comments("src/comity/adapters/1.sql", f"select 1 -- {mark}\n"))
    assert not list(words.check_comments("src/comity/app.py", f"x = '{mark}'\n"))


def test_evidence_is_made_by_its_owner_alone() -> None:
    """A permit or receipt made outside the module that defines it is found."""
    owner = Source(
        "src/comity/exchange/permit.py",
        "class ReleasePermit: ...\ndef permit():\n    return ReleasePermit()\n",
    )
    forger = Source(
        "src/comity/services/accept.py",
        "from comity.exchange import permit\nforged = permit.ReleasePermit()\n",
    )
    (found,) = words.check_constructors([owner, forger])
    assert found.path == forger.path
