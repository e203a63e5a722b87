"""Why a part of the directory, a sender or a destination is refused.

Guarantee: each reason has a type and a code of its own, so that a caller maps it to the network's
error number without reading text.
Source: docs/adr/0010-directory-parts.md.
"""

from __future__ import annotations

from comity.domain.errors import ComityError

__all__ = [
    "DestinationError",
    "DestinationNotServedError",
    "DestinationNotSingleError",
    "DirectoryError",
    "FamilyNotOwnError",
    "KeyNotAnsweredError",
    "LineNotBoundError",
    "MemberNotTrustedError",
    "OriInactiveError",
    "OriNotOfMemberError",
    "OriTakenError",
    "PartMalformedError",
    "PartSignatureError",
    "PartVersionError",
    "SenderError",
    "TrustRootError",
    "UnknownDestinationError",
    "UnknownOriError",
]


class DirectoryError(ComityError):
    """A part of the directory is refused; what stood before still stands."""

    code = "directory-refused"


class TrustRootError(DirectoryError):
    """The text is not a trust root."""

    code = "trust-root-malformed"


class MemberNotTrustedError(DirectoryError):
    """The trust root pins no key of this member."""

    code = "member-not-trusted"


class PartSignatureError(DirectoryError):
    """The pinned key of the member did not sign this part."""

    code = "part-signature-invalid"


class PartMalformedError(DirectoryError):
    """The part is not in its only form, or holds a value outside its range."""

    code = "part-malformed"


class PartVersionError(DirectoryError):
    """The part is not newer than the one that stands."""

    code = "part-version-stale"


class OriTakenError(DirectoryError):
    """The part lists an agency that another member lists already."""

    code = "ori-taken"


class FamilyNotOwnError(DirectoryError):
    """The part lists an agency under a family that is not the member's to give."""

    code = "family-not-own"


class SenderError(ComityError):
    """An agency may not send this."""

    code = "sender-refused"


class UnknownOriError(SenderError):
    """No member lists the agency."""

    code = "unknown-ori"


class OriInactiveError(SenderError):
    """Its member has the agency set to inactive."""

    code = "ori-inactive"


class LineNotBoundError(SenderError):
    """The connection may not speak for the agency."""

    code = "line-not-bound"


class OriNotOfMemberError(SenderError):
    """The member that asks is not the one that lists the agency."""

    code = "ori-not-of-member"


class DestinationError(ComityError):
    """A message cannot go where it is addressed."""

    code = "destination-refused"


class UnknownDestinationError(DestinationError):
    """Neither a code of the network nor a listed agency."""

    code = "unknown-destination"


class KeyNotAnsweredError(DestinationError):
    """The destination's records are not open to this message key."""

    code = "key-not-answered"


class DestinationNotSingleError(DestinationError):
    """The code stands for several members, each of which is asked on its own."""

    code = "destination-not-single"


class DestinationNotServedError(DestinationError):
    """A code of the network that no member of this directory answers for."""

    code = "destination-not-served"
