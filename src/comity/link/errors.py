"""Why an envelope, a parcel or a command is refused.

Guarantee: nothing of what was refused is handed on. An envelope is refused as a whole where its
bytes, seal, signature or sender fail; a parcel alone where its signed contents do.
Source: docs/adr/0009-envelope.md.
"""

from __future__ import annotations

from comity.domain.errors import ComityError

__all__ = [
    "CommandMalformedError",
    "CommandTooLargeError",
    "EnvelopeError",
    "EnvelopeMalformedError",
    "EnvelopeStaleError",
    "EnvelopeTooLargeError",
    "EnvelopeVersionError",
    "EvidenceError",
    "GatewayRefusalError",
    "GatewaySilentError",
    "LinkError",
    "ParcelError",
    "ParcelMalformedError",
    "ParcelTooLargeError",
    "SealBrokenError",
    "SealedToAnotherError",
    "SenderNotServingError",
    "SenderUnknownError",
    "SignatureInvalidError",
]


class LinkError(ComityError):
    """Something that crossed the link, or should, is refused."""

    code = "link-refused"


class EnvelopeError(LinkError):
    """An envelope is refused as a whole."""

    code = "envelope-refused"


class EnvelopeMalformedError(EnvelopeError):
    """The bytes are not an envelope, or its header and contents disagree."""

    code = "envelope-malformed"


class EnvelopeTooLargeError(EnvelopeError):
    """More bytes or parcels than an envelope may hold."""

    code = "envelope-too-large"


class EnvelopeVersionError(EnvelopeError):
    """The version byte is one that this program does not read."""

    code = "envelope-version"


class SealedToAnotherError(EnvelopeError):
    """The header names another host than the one that tries to open it."""

    code = "sealed-to-another"


class SealBrokenError(EnvelopeError):
    """The seal does not open: altered on the way, or sealed to a key that this host has not."""

    code = "seal-broken"


class SenderUnknownError(EnvelopeError):
    """No member's part of the directory certifies a host of this name."""

    code = "sender-unknown"


class SignatureInvalidError(EnvelopeError):
    """No certified key of the sending host made this signature."""

    code = "envelope-signature-invalid"


class EnvelopeStaleError(EnvelopeError):
    """Sent outside the clock window."""

    code = "envelope-stale"


class ParcelError(LinkError):
    """One parcel is refused; the others of its envelope stand."""

    code = "parcel-refused"


class ParcelMalformedError(ParcelError):
    """The bytes are not one parcel in its only form."""

    code = "parcel-malformed"


class ParcelTooLargeError(ParcelError):
    """More bytes than a parcel may have."""

    code = "parcel-too-large"


class SenderNotServingError(ParcelError):
    """The sending host is not the one that this parcel's member certifies."""

    code = "sender-not-serving"


class EvidenceError(LinkError):
    """Evidence does not prove that this parcel was signed."""

    code = "parcel-evidence-invalid"


class CommandMalformedError(LinkError):
    """The bytes are not one command, or one result, in its only form."""

    code = "command-malformed"


class CommandTooLargeError(LinkError):
    """More bytes than a command may have."""

    code = "command-too-large"


class GatewaySilentError(ComityError):
    """A gateway that runs did not answer in time, or cannot be connected to."""

    code = "gateway-silent"


class GatewayRefusalError(ComityError):
    """A gateway took a command and did not carry it out; `reason` is the code that it gave."""

    code = "gateway-refusal"

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
