"""The network's error numbers with Comity's stable codes, as data, and the error that carries them.

Guarantee: every rejection of a message is a `MessageError` whose fault has a number, a text and a
code; the error's own sentence never holds a value from the message.
Source: the network's published error list (docs/reference/error-messages.md).
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

from comity.domain.delivery import MessageFault
from comity.domain.errors import MalformedError

__all__ = ["ER_ROWS", "ORIGINAL_CHARS", "ErrorRow", "MessageError", "fault_of", "with_original"]

ORIGINAL_CHARS: Final = 100
"""How many characters of a rejected message its error message echoes."""


class ErrorRow(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the network: its text as printed and the code Comity gives to it in general.

    `has_detail` says that the network returns what exactly is wrong behind the text.
    """

    er: str
    text: str
    code: str
    has_detail: bool = False


ER_ROWS: Final[dict[str, ErrorRow]] = {
    row.er: row
    for row in (
        ErrorRow(
            er="0", text="MESSAGE FORMAT/STRUCTURE ERROR", code="message-malformed", has_detail=True
        ),
        ErrorRow(
            er=".01.", text="INVALID HEADER INFORMATION", code="header-invalid", has_detail=True
        ),
        ErrorRow(
            er=".02.",
            text="MESSAGE TYPE NOT ALLOWED TO DESTINATION",
            code="key-not-allowed",
            has_detail=True,
        ),
        ErrorRow(
            er=".03.",
            text="TXT NOT FOUND OR IMPROPERLY FORMED XML",
            code="txt-not-found",
        ),
        ErrorRow(er=".04.", text="MEXICAN CDL ERROR", code="mexican-licence-invalid"),
        ErrorRow(er=".05.", text="DOB INVALID or MISSING", code="birth-date-invalid"),
        ErrorRow(er=".06.", text="INVALID MESSAGE FORMAT FOR CN", code="canada-format-invalid"),
        ErrorRow(er=".10.", text="A YEAR FIELD IS INVALID or MISSING", code="year-invalid"),
        ErrorRow(er=".14.", text="FIELDS MISSING", code="fields-missing"),
        ErrorRow(er=".16.", text="ATN FIELD INVALID", code="attention-invalid"),
        ErrorRow(
            er=".19.",
            text="INVALID DESTINATION ORIs",
            code="destination-invalid",
            has_detail=True,
        ),
        ErrorRow(
            er=".22.",
            text="INVALID MESSAGE FORMAT - REFER TO {key} MKE OPTIONS BELOW",
            code="field-set-incomplete",
        ),
    )
}


class MessageError(MalformedError):
    """A message is refused for its form; `fault` is what its sender is told."""

    code: ClassVar[str] = "message-malformed"

    def __init__(self, fault: MessageFault, sentence: str = "") -> None:
        super().__init__(sentence or fault.text.lower())
        self.fault = fault


def fault_of(
    er: str, code: str, sentence: str, *, key: str = "", options: tuple[str, ...] = ()
) -> MessageError:
    """Return the error for one finding.

    `sentence` is lower case, its field in backticks, without any value of the message. Where the
    network returns details, it follows the number's text in upper case.
    """
    row = ER_ROWS[er]
    text = row.text.format(key=key)
    if row.has_detail and sentence:
        text = f"{text} - {sentence.replace('`', '').upper()}"
    return MessageError(MessageFault(er=er, text=text, code=code, options=options), sentence)


def with_original(error: MessageError, original: str) -> MessageError:
    """Return the same error with the start of the message that it is about."""
    fault = msgspec.structs.replace(error.fault, original=original[:ORIGINAL_CHARS])
    return MessageError(fault, str(error))
