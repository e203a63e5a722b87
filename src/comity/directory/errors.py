"""Why a part of the directory, a sender or a destination is refused.

Guarantee: each reason has a type and a code of its own, so that a caller maps it to the network's
error number without reading text.
Source: docs/adr/0010-directory-parts.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from comity.domain.errors import ComityError

__all__ = [
    "CertificateSignatureError",
    "DestinationError",
    "DestinationNotServedError",
    "DirectoryError",
    "DirectoryFieldError",
    "EditError",
    "FamilyNotOwnError",
    "HelpTextError",
    "KeyNotAnsweredError",
    "KeyNotToFanOutError",
    "LastControlError",
    "LineNotBoundError",
    "MemberNotTrustedError",
    "NotControlError",
    "OriInactiveError",
    "OriListedError",
    "OriNotListedError",
    "OriNotOfMemberError",
    "OriNotOwnError",
    "OriReservedError",
    "OriTakenError",
    "PartMalformedError",
    "PartSignatureError",
    "PartVersionError",
    "SenderError",
    "SenderNotEntitledError",
    "SignedElsewhereError",
    "TableError",
    "TableFault",
    "TrustRootError",
    "UnknownDestinationError",
    "UnknownOriError",
]


class TableFault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong in a table: the line, counted from 1, the column's name, and what it is."""

    line: int
    column: str
    text: str


class DirectoryError(ComityError):
    """A part of the directory is refused; what stood before still stands."""

    code = "directory-refused"


class TrustRootError(DirectoryError):
    """The text is not a trust root."""

    code = "trust-root-malformed"


class MemberNotTrustedError(DirectoryError):
    """The trust root pins no key of this member."""

    code = "member-not-trusted"


class CertificateSignatureError(DirectoryError):
    """No key that the member certifies signed this certificate."""

    code = "certificate-signature-invalid"


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


class EditError(DirectoryError):
    """A message would change a member's part in a way that it may not."""

    code = "directory-edit-refused"


class NotControlError(EditError):
    """Only an active control terminal of the member changes its part of the directory."""

    code = "not-control-terminal"


class OriNotOwnError(EditError):
    """The agency's identifier does not begin with the code of the member."""

    code = "ori-not-own"


class OriReservedError(EditError):
    """The identifier stands for something else of the network: records, a help file."""

    code = "ori-reserved"


class OriListedError(EditError):
    """The agency is listed already, with other values."""

    code = "ori-listed"


class OriNotListedError(EditError):
    """The member does not list the agency."""

    code = "ori-not-listed"


class LastControlError(EditError):
    """Without this agency nobody could change the member's part by message."""

    code = "last-control-terminal"


class DirectoryFieldError(DirectoryError):
    """A field of a directory message is missing, repeated or outside its range."""

    code = "directory-field-invalid"


class SignedElsewhereError(EditError):
    """This host does not keep the member's key: the part is signed and published by command."""

    code = "directory-signed-elsewhere"


class TableError(DirectoryError):
    """A table of agencies cannot be read; `faults` name its lines and columns."""

    code = "table-malformed"

    def __init__(self, text: str, faults: Sequence[TableFault] = ()) -> None:
        super().__init__(text)
        self.faults = tuple(faults)


class HelpTextError(DirectoryError):
    """A help file would be too long."""

    code = "help-file-too-long"


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


class SenderNotEntitledError(SenderError):
    """Agencies of this type do not send this message key."""

    code = "sender-not-entitled"


class DestinationError(ComityError):
    """A message cannot go where it is addressed."""

    code = "destination-refused"


class UnknownDestinationError(DestinationError):
    """Neither a code of the network nor a listed agency."""

    code = "unknown-destination"


class KeyNotAnsweredError(DestinationError):
    """The destination's records are not open to this message key."""

    code = "key-not-answered"


class KeyNotToFanOutError(DestinationError):
    """The message key goes to single destinations only, not to a region or the whole network."""

    code = "key-not-to-fan-out"


class DestinationNotServedError(DestinationError):
    """A code of the network that no member of this directory answers for."""

    code = "destination-not-served"
