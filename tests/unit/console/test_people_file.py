"""The people file in force: a change counts at the next look, and a fault admits nobody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from comity.console.errors import PeopleError
from comity.console.people import People, encode_people
from comity.console.people_file import PeopleFile
from comity.services.events import Events
from tests.support.identity import person
from tests.support.line import MemoryLog

ISSUER = "https://id.example.invalid"


def write(path: Path, *subjects: str, issuer: str = ISSUER) -> None:
    """Write a file of these people whole, in the place of the one that is there."""
    people = People(issuer, [person(each, signs_as=each) for each in subjects])
    fresh = path.with_suffix(".new")
    fresh.write_text(encode_people(people), "utf-8")
    fresh.replace(path)


def followed(path: Path) -> tuple[PeopleFile, Events]:
    events = Events(MemoryLog())
    return PeopleFile(path, ISSUER, events), events


def subjects(people: People) -> list[str]:
    return [each.subject for each in people.persons]


def test_change_counts_within_a_second(tmp_path: Path) -> None:
    """Who is taken out of the file is out at the first look a second later."""
    path = tmp_path / "people.toml"
    write(path, "ana", "bo")
    file, _ = followed(path)
    assert subjects(file.current(100.0)) == ["ana", "bo"]
    write(path, "bo")
    assert subjects(file.current(100.9)) == ["ana", "bo"]
    assert subjects(file.current(101.0)) == ["bo"]


def test_change_counts_at_once_on_demand(tmp_path: Path) -> None:
    """Asked to, the file is read again whatever its stamp says."""
    path = tmp_path / "people.toml"
    write(path, "ana")
    file, _ = followed(path)
    assert subjects(file.current(100.0)) == ["ana"]
    write(path, "bo")
    assert subjects(file.reread()) == ["bo"]


def test_file_that_did_not_change_is_not_read(tmp_path: Path) -> None:
    """A look at an unchanged file costs its stamp alone."""
    path = tmp_path / "people.toml"
    write(path, "ana")
    file, events = followed(path)
    first = file.current(100.0)
    assert file.current(200.0) is first
    assert events.counts["people_file_read"] == 1


def test_copy_with_an_old_time_is_seen(tmp_path: Path) -> None:
    """A file whose time was set back to what it was, in the same size, is read all the same."""
    path = tmp_path / "people.toml"
    write(path, "ana")
    file, _ = followed(path)
    file.current(100.0)
    before = path.stat()
    path.write_text(path.read_text().replace("ana", "bob"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert subjects(file.current(101.0)) == ["bob"]


@pytest.mark.parametrize("content", ["", "issuer = 7", "\udcff", None])
def test_fault_admits_nobody(tmp_path: Path, content: str | None) -> None:
    """While the file is malformed or gone nobody is admitted, and once it is mended they are."""
    path = tmp_path / "people.toml"
    write(path, "ana")
    file, events = followed(path)
    file.current(100.0)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
    for now_s in (101.0, 101.5, 103.0):
        with pytest.raises(PeopleError):
            file.current(now_s)
    assert events.counts["people_file_refused"] == 1
    write(path, "ana")
    assert subjects(file.current(104.0)) == ["ana"]


def test_file_of_another_issuer_admits_nobody(tmp_path: Path) -> None:
    """A file that was written for another provider's subjects is refused."""
    path = tmp_path / "people.toml"
    write(path, "ana", issuer="https://other.invalid")
    file, _ = followed(path)
    with pytest.raises(PeopleError, match="`issuer`"):
        file.current(100.0)


def test_clock_that_was_set_back_looks(tmp_path: Path) -> None:
    """A clock that jumps back does not keep an old file in force."""
    path = tmp_path / "people.toml"
    write(path, "ana")
    file, _ = followed(path)
    file.current(100.0)
    write(path, "bo")
    assert subjects(file.current(50.0)) == ["bo"]
