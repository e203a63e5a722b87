"""Drafts of rules in memory."""

from __future__ import annotations

from msgspec.structs import replace

from comity.domain.ids import Member
from comity.domain.rule_draft import (
    DRAFTS_MAX,
    DraftMovedError,
    DraftsFullError,
    RuleDraft,
    encode_draft,
)

__all__ = ["MemoryRuleDrafts"]


class MemoryRuleDrafts:
    """The drafts of every state. `_last` is the last number that each has used."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Member, int], RuleDraft] = {}
        self._last: dict[Member, int] = {}

    def all_of(self, state: Member) -> list[RuleDraft]:
        """Return a state's drafts by number."""
        return [draft for (member, _), draft in sorted(self._kept.items()) if member == state]

    def get(self, state: Member, number: int) -> RuleDraft | None:
        """Return one draft of a state, or None."""
        return self._kept.get((state, number))

    def add(self, draft: RuleDraft) -> RuleDraft:
        """Keep a new draft under the next number."""
        if len(self.all_of(draft.state)) >= DRAFTS_MAX:
            raise DraftsFullError(f"a state has at most {DRAFTS_MAX} drafts: drop one first")
        number = self._last.get(draft.state, 0) + 1
        added = replace(draft, number=number, revision=1)
        encode_draft(added)
        self._last[draft.state] = number
        self._kept[draft.state, number] = added
        return added

    def put(self, draft: RuleDraft) -> None:
        """Keep a draft in the place of the one before it."""
        encode_draft(draft)
        kept = self._kept.get((draft.state, draft.number))
        if kept is None or kept.revision != draft.revision - 1:
            raise DraftMovedError("this draft was changed, or dropped, meanwhile")
        self._kept[draft.state, draft.number] = draft

    def drop(self, state: Member, number: int, revision: int) -> None:
        """Drop a draft of this revision."""
        kept = self._kept.get((state, number))
        if kept is None:
            return
        if kept.revision != revision:
            raise DraftMovedError("this draft was changed meanwhile")
        del self._kept[state, number]
