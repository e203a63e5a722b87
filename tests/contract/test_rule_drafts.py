"""The contract of `RuleDrafts`, and what files of drafts promise."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from comity.adapters.memory.rule_drafts import MemoryRuleDrafts
from comity.adapters.rule_drafts import FileRuleDrafts
from comity.domain.ids import Member
from comity.domain.rule_draft import (
    DRAFT_BUNDLE_BYTES_MAX,
    DRAFTS_MAX,
    DraftFileError,
    DraftMovedError,
    DraftsFullError,
    RuleDraft,
    encode_draft,
    parse_draft,
)
from comity.ports import DraftsDownError, RuleDrafts

OR, WA = Member("or"), Member("wa")
PLAIN = RuleDraft(
    state=WA,
    number=1,
    revision=1,
    origin="the rules in force",
    changed_by="Practice Author",
    changed_at=1_795_500_000,
    base=b"{}",
    bundle=b"{}",
)


@pytest.fixture(params=["memory", "files"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], RuleDrafts]:
    """How drafts are opened again: after a restart they are the same."""
    if request.param == "memory":
        kept = MemoryRuleDrafts()
        return lambda: kept
    return lambda: FileRuleDrafts(tmp_path / "drafts")


def test_drafts_are_kept_by_state_and_number(opened: Callable[[], RuleDrafts]) -> None:
    """Each state has its own numbers, and sees its own drafts."""
    drafts = opened()
    assert drafts.all_of(WA) == []
    first, second = drafts.add(PLAIN), drafts.add(PLAIN)
    other = drafts.add(replace(PLAIN, state=OR))
    assert (first.number, second.number, other.number) == (1, 2, 1)
    assert opened().all_of(WA) == [first, second]
    assert opened().get(OR, 1) == other
    assert opened().get(OR, 2) is None


def test_of_two_changes_one_is_kept(opened: Callable[[], RuleDrafts]) -> None:
    """The second was made on what is there no more."""
    drafts = opened()
    first = drafts.add(PLAIN)
    drafts.put(replace(first, revision=2, bundle=b"{1}"))
    with pytest.raises(DraftMovedError):
        drafts.put(replace(first, revision=2, bundle=b"{2}"))
    with pytest.raises(DraftMovedError):
        drafts.put(replace(first, revision=4))
    kept = opened().get(WA, 1)
    assert kept is not None
    assert kept.bundle == b"{1}"


def test_a_number_is_not_used_twice(opened: Callable[[], RuleDrafts]) -> None:
    """Also after the draft is gone: an old form finds nothing."""
    drafts = opened()
    first = drafts.add(PLAIN)
    with pytest.raises(DraftMovedError):
        drafts.drop(WA, 1, 2)
    drafts.drop(WA, 1, 1)
    drafts.drop(WA, 1, 1)
    assert opened().get(WA, 1) is None
    assert opened().add(PLAIN).number == 2
    with pytest.raises(DraftMovedError):
        drafts.put(replace(first, revision=2))


def test_a_state_has_so_many_drafts_and_no_more(opened: Callable[[], RuleDrafts]) -> None:
    """At the limit and one beyond; another state is not kept out by it."""
    drafts = opened()
    for _ in range(DRAFTS_MAX):
        drafts.add(PLAIN)
    with pytest.raises(DraftsFullError):
        drafts.add(PLAIN)
    assert drafts.add(replace(PLAIN, state=OR)).number == 1
    drafts.drop(WA, 3, 1)
    assert drafts.add(PLAIN).number == DRAFTS_MAX + 1


def test_a_draft_is_so_large_and_no_larger(opened: Callable[[], RuleDrafts]) -> None:
    """What is too large changes nothing."""
    drafts = opened()
    first = drafts.add(replace(PLAIN, bundle=b"x" * DRAFT_BUNDLE_BYTES_MAX))
    for much in (DRAFT_BUNDLE_BYTES_MAX + 1, 2 * DRAFT_BUNDLE_BYTES_MAX):
        with pytest.raises(DraftsFullError):
            drafts.put(replace(first, revision=2, bundle=b"x" * much))
    assert opened().get(WA, 1) == first


def test_what_is_no_draft_is_shown_to_nobody(tmp_path: Path) -> None:
    """Another state's file, another number's, half a file, a link to nowhere: left alone."""
    drafts = FileRuleDrafts(tmp_path / "drafts")
    kept = drafts.add(PLAIN)
    folder = tmp_path / "drafts" / "wa"
    (folder / "2.json").write_bytes(encode_draft(replace(PLAIN, state=OR, number=2)))
    (folder / "3.json").write_bytes(encode_draft(PLAIN))
    (folder / "4.json").write_bytes(encode_draft(PLAIN)[:-20])
    (folder / "5.json").symlink_to(tmp_path / "nowhere")
    (folder / "notes.txt").write_text("mine")
    assert drafts.all_of(WA) == [kept]
    assert drafts.add(PLAIN).number == 6
    assert (folder / "4.json").exists()


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    """Folders and files, and nothing is left of writing them."""
    drafts = FileRuleDrafts(tmp_path / "drafts")
    drafts.put(replace(drafts.add(PLAIN), revision=2))
    folder = tmp_path / "drafts" / "wa"
    assert {path.name for path in folder.iterdir()} == {"1.json", "last"}
    for path in (tmp_path / "drafts", folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    """A file stands in its place: nothing is read as no drafts."""
    (tmp_path / "drafts").write_text("in the way")
    drafts = FileRuleDrafts(tmp_path / "drafts")
    for work in (lambda: drafts.all_of(WA), lambda: drafts.get(WA, 1), lambda: drafts.add(PLAIN)):
        with pytest.raises(DraftsDownError):
            work()


def test_a_file_has_one_encoding() -> None:
    """Read back as written; one byte more, or another order of fields, is no draft."""
    data = encode_draft(PLAIN)
    assert parse_draft(data) == PLAIN
    for other in (data + b" ", b" " + data, data.replace(b'"revision":1', b'"revision":01'), b""):
        with pytest.raises(DraftFileError):
            parse_draft(other)
