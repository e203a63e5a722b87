"""A draft of a state's rules as it is kept: a bundle, what it was made from, who signed it so far.

A file of a draft has one encoding, and its parser takes no other. Nobody decides by a draft; what
its order and signatures are worth, the gateway says when they are sent.
Source: docs/adr/0043-drafts-in-the-browser.md.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.errors import ComityError, MalformedError
from comity.domain.ids import MEMBERS, Member
from comity.domain.keeping import SIGNERS_MAX, OrderSignature
from comity.domain.publishing import PolicyOrder
from comity.domain.times import TIME_MAX

__all__ = [
    "DRAFTS_MAX",
    "DRAFT_BUNDLE_BYTES_MAX",
    "DRAFT_FILE_BYTES_MAX",
    "DRAFT_NUMBER_MAX",
    "DraftFileError",
    "DraftMovedError",
    "DraftUnknownError",
    "DraftsFullError",
    "RuleDraft",
    "encode_draft",
    "parse_draft",
]

DRAFTS_MAX: Final = 20
"""Drafts of one state at a time."""
DRAFT_BUNDLE_BYTES_MAX: Final = 262_144
DRAFT_FILE_BYTES_MAX: Final = 1_048_576
DRAFT_NUMBER_MAX: Final = 999_999
_TEXT_CHARS_MAX: Final = 200


class DraftFileError(MalformedError):
    """A file is not the draft that its name says."""

    code = "draft-malformed"


class DraftUnknownError(ComityError):
    """There is no such draft of this state."""

    code = "draft-unknown"


class DraftMovedError(ComityError):
    """A draft was changed by somebody else since it was looked at."""

    code = "draft-moved"


class DraftsFullError(ComityError):
    """A state has as many drafts as it may, or a draft is larger than it may be."""

    code = "drafts-full"


class RuleDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One draft. `revision` counts its changes, signatures among them.

    `changed_at` is Unix seconds. `base` is the bundle in force that it was made from, or that was
    taken over last; both bundles are canonical bytes. `origin` says in words what it was opened
    from. `order` with `signatures` is of exactly this bundle, or is None.
    """

    version: int = 1
    state: Member
    number: int
    revision: int
    origin: str
    changed_by: str
    changed_at: int
    base: bytes
    bundle: bytes
    order: PolicyOrder | None = None
    signatures: tuple[OrderSignature, ...] = ()

    @property
    def digest(self) -> str:
        """The SHA-256 of the bundle, in hexadecimal digits."""
        return sha256(self.bundle).hexdigest()


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(RuleDraft)


def encode_draft(draft: RuleDraft) -> bytes:
    """Return a draft's bytes, one line. Raises: DraftsFullError, DraftFileError."""
    _check(draft)
    if len(draft.bundle) > DRAFT_BUNDLE_BYTES_MAX:
        raise DraftsFullError(f"a draft has more than {DRAFT_BUNDLE_BYTES_MAX} bytes")
    data = _encoder.encode(draft) + b"\n"
    if len(data) > DRAFT_FILE_BYTES_MAX:
        raise DraftsFullError(f"a file of a draft has more than {DRAFT_FILE_BYTES_MAX} bytes")
    return data


def parse_draft(data: bytes) -> RuleDraft:
    """Return the draft that these bytes are.

    Raises: DraftFileError for anything that `encode_draft` would not have written.
    """
    if len(data) > DRAFT_FILE_BYTES_MAX:
        raise DraftFileError(f"a file of a draft has more than {DRAFT_FILE_BYTES_MAX} bytes")
    try:
        draft = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise DraftFileError("a file is not a draft of version 1") from None
    _check(draft)
    if _encoder.encode(draft) + b"\n" != data:
        raise DraftFileError("a file of a draft is not in canonical form")
    return draft


def _check(draft: RuleDraft) -> None:
    order = draft.order
    checks = (
        ("version", draft.version == 1),
        ("state", draft.state in MEMBERS),
        ("number", 1 <= draft.number <= DRAFT_NUMBER_MAX),
        ("revision", draft.revision >= 1),
        ("origin", len(draft.origin) <= _TEXT_CHARS_MAX),
        ("changed_by", len(draft.changed_by) <= _TEXT_CHARS_MAX),
        ("changed_at", 0 <= draft.changed_at <= TIME_MAX),
        ("signatures", bool(draft.signatures) == (order is not None)),
        ("signatures", len(draft.signatures) <= SIGNERS_MAX),
        ("order", order is None or order.digest == sha256(draft.bundle).digest()),
        ("order", order is None or order.state == draft.state),
    )
    for name, holds in checks:
        if not holds:
            raise DraftFileError(f"`{name}` of a draft is out of its range")
