"""Drafts of rules as files: `<state>/<number>.json` below one folder, and the last number used.

Guarantee: a draft is written whole or not at all, and a number is used once. A file that is not the
draft that its name says is left alone, counts as one, and is shown to nobody.
Of one console: what it puts is compared with what it kept, under a lock of its own (ADR 0037: there
is one console to a host). Source: docs/adr/0043-drafts-in-the-browser.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final

from msgspec.structs import replace

from comity.adapters.files import flush_folder, make_folder, write_whole
from comity.domain.ids import Member
from comity.domain.rule_draft import (
    DRAFT_FILE_BYTES_MAX,
    DRAFT_NUMBER_MAX,
    DRAFTS_MAX,
    DraftFileError,
    DraftMovedError,
    DraftsFullError,
    RuleDraft,
    encode_draft,
    parse_draft,
)
from comity.ports import DraftsDownError

__all__ = ["FileRuleDrafts"]

_NAME: Final = re.compile(r"([1-9][0-9]{0,5})\.json", re.ASCII)
_LAST: Final = "last"
_LAST_FORM: Final = re.compile(rb"([0-9]{1,6})\n")


class FileRuleDrafts:
    """The drafts of every state, in files. The folder is made when the first draft is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()

    def all_of(self, state: Member) -> list[RuleDraft]:
        """Return a state's drafts by number."""
        with self._alone():
            found = (self._read(state, number) for number in sorted(self._numbers(state)))
            return [draft for draft in found if draft is not None]

    def get(self, state: Member, number: int) -> RuleDraft | None:
        """Return one draft of a state, or None."""
        with self._alone():
            return self._read(state, number)

    def add(self, draft: RuleDraft) -> RuleDraft:
        """Keep a new draft under the next number."""
        with self._alone():
            numbers = self._numbers(draft.state)
            number = max(self._last(draft.state), *numbers, 0) + 1
            if len(numbers) >= DRAFTS_MAX or number > DRAFT_NUMBER_MAX:
                raise DraftsFullError(f"a state has at most {DRAFTS_MAX} drafts: drop one first")
            added = replace(draft, number=number, revision=1)
            data = encode_draft(added)
            make_folder(self._folder)
            make_folder(self._folder / added.state)
            # First the number, so that a crash in between uses it up and gives it to nobody.
            write_whole(self._folder / added.state / _LAST, b"%d\n" % number)
            write_whole(self._path(added.state, number), data)
            return added

    def put(self, draft: RuleDraft) -> None:
        """Keep a draft in the place of the one before it."""
        data = encode_draft(draft)
        with self._alone():
            kept = self._read(draft.state, draft.number)
            if kept is None or kept.revision != draft.revision - 1:
                raise DraftMovedError("this draft was changed, or dropped, meanwhile")
            write_whole(self._path(draft.state, draft.number), data)

    def drop(self, state: Member, number: int, revision: int) -> None:
        """Drop a draft of this revision."""
        with self._alone():
            kept = self._read(state, number)
            if kept is None:
                return
            if kept.revision != revision:
                raise DraftMovedError("this draft was changed meanwhile")
            self._path(state, number).unlink(missing_ok=True)
            flush_folder(self._folder / state)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except OSError as error:
            raise DraftsDownError("drafts cannot be read or written now") from error

    def _path(self, state: Member, number: int) -> Path:
        return self._folder / state / f"{number}.json"

    def _numbers(self, state: Member) -> set[int]:
        with suppress(FileNotFoundError):
            names = (_NAME.fullmatch(path.name) for path in (self._folder / state).iterdir())
            return {int(found[1]) for found in names if found}
        return set()

    def _last(self, state: Member) -> int:
        with suppress(FileNotFoundError), (self._folder / state / _LAST).open("rb") as file:
            found = _LAST_FORM.fullmatch(file.read(16))
            return int(found[1]) if found else 0
        return 0

    def _read(self, state: Member, number: int) -> RuleDraft | None:
        with suppress(FileNotFoundError, DraftFileError):
            with self._path(state, number).open("rb") as file:
                draft = parse_draft(file.read(DRAFT_FILE_BYTES_MAX + 1))
            if (draft.state, draft.number) == (state, number):
                return draft
        return None
