"""Where drafts of rules are kept until they take force or are dropped."""

from __future__ import annotations

from typing import Protocol

from comity.domain.ids import Member
from comity.domain.rule_draft import RuleDraft
from comity.ports.errors import StoreDownError

__all__ = ["DraftsDownError", "RuleDrafts"]


class DraftsDownError(StoreDownError):
    """Drafts cannot be read or written now."""

    code = "drafts-down"


class RuleDrafts(Protocol):
    """The drafts of every state, one value each.

    Each raises DraftsDownError. A draft that was put is there whole, or as it was before.
    """

    def all_of(self, state: Member) -> list[RuleDraft]:
        """Return a state's drafts by number; what is no draft is left out."""
        ...

    def get(self, state: Member, number: int) -> RuleDraft | None:
        """Return one draft of a state, or None."""
        ...

    def add(self, draft: RuleDraft) -> RuleDraft:
        """Keep a new draft under the next number of its state, whatever number it has.

        No number is used twice. Raises: DraftsFullError, DraftFileError.
        """
        ...

    def put(self, draft: RuleDraft) -> None:
        """Keep a draft in the place of the one whose revision is one less.

        Raises: DraftMovedError where there is another or none; DraftsFullError, DraftFileError.
        """
        ...

    def drop(self, state: Member, number: int, revision: int) -> None:
        """Drop a draft of this revision; one that is gone already is no fault.

        Raises: DraftMovedError where it has another revision.
        """
        ...
