"""The root of every error that Comity raises on purpose.

An error's `code` is stable, kebab-case and documented in docs/reference/errors.md; programs match
on it, never on the text. The text never holds a value that could be personal data.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = ["ComityError", "InvariantError", "MalformedError"]


class ComityError(Exception):
    """Something went wrong in a way that has a name."""

    code: ClassVar[str] = "failure"


class MalformedError(ComityError):
    """Input does not have the form it must have."""

    code: ClassVar[str] = "malformed"


class InvariantError(ComityError):
    """Going on would break a promise of docs/explain/invariants.md; nothing was released."""

    code: ClassVar[str] = "invariant"
