"""Help files: what a member tells other agencies about its records, addressed as an agency is.

    ORI = state code (2) file (3) operation (4): `TXLICHELP` reads what Texas says of plates

Guarantee: an identifier names a help file or it does not; what a change makes of a file's text is a
function of that text and the message's.
Source: docs/adr/0018-directory-messages.md, "Help files".
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, assert_never

import msgspec

from comity.directory.errors import HelpTextError
from comity.directory.limits import HELP_CHARS_MAX
from comity.domain.ids import OPERATOR_MEMBER, ORI, Member, member_of_wire, wire_of_member

__all__ = [
    "HELP_FILES",
    "HelpFile",
    "HelpOperation",
    "changed_help",
    "help_file_at",
    "help_ori",
    "no_help",
    "parse_help_ori",
]

HELP_FILES: Final = (
    "BAS", "COR", "GUN", "LIC", "NOQ", "OLN", "ORI", "PAR", "PPC", "PRO", "SIR", "SOR", "SWQ",
    "WTH",
)  # fmt: skip
"""The files that every member has."""

_NETWORK: Final = "NL"
_NETWORK_FILES: Final = frozenset({*HELP_FILES, "NLE"})
_ORI_CHARS: Final = 9


class HelpOperation(StrEnum):
    """What a message to a help file does."""

    READ = "HELP"
    REPLACE = "UPDT"
    APPEND = "APND"
    CANCEL = "CNCL"


_OPERATIONS: Final = {operation.value: operation for operation in HelpOperation}


class HelpFile(msgspec.Struct, frozen=True, kw_only=True):
    """A help file and what is to be done with it.

    The network's own files, whose code is `NL`, are the operator member's.
    """

    member: Member
    file: str
    operation: HelpOperation


def parse_help_ori(ori: str) -> HelpFile | None:
    """Return the help file that an identifier names, or None."""
    if len(ori) != _ORI_CHARS:
        return None
    code, file, operation = ori[:2], ori[2:5], _OPERATIONS.get(ori[5:])
    member = OPERATOR_MEMBER if code == _NETWORK else member_of_wire(code)
    files = _NETWORK_FILES if code == _NETWORK else HELP_FILES
    if member is None or operation is None or file not in files:
        return None
    return HelpFile(member=member, file=file, operation=operation)


def help_ori(member: Member, file: str, operation: HelpOperation = HelpOperation.READ) -> str:
    """Return the identifier under which a member's help file is read or changed."""
    code = _NETWORK if member == OPERATOR_MEMBER else wire_of_member(member)
    return f"{code}{file}{operation.value}"


def changed_help(text: str, operation: HelpOperation, body: str) -> str:
    """Return a help file's text after an operation with a message's body.

    Raises: HelpTextError if the text would be over its limit.
    """
    said = _lines(body)
    match operation:
        case HelpOperation.READ:
            return text
        case HelpOperation.REPLACE:
            following = said
        case HelpOperation.APPEND:
            following = f"{text}\n{said}".strip("\n")
        case HelpOperation.CANCEL:
            following = ""
        case _:
            assert_never(operation)
    if len(following) > HELP_CHARS_MAX:
        raise HelpTextError(f"`help file` would be over {HELP_CHARS_MAX} characters")
    return following


def _lines(body: str) -> str:
    """Return a body as it is kept: printable lines, none at an end blank."""
    kept = ("".join(c if c.isprintable() else " " for c in line) for line in body.splitlines())
    return "\n".join(line.rstrip() for line in kept).strip("\n")


def no_help(file: str) -> str:
    """Return what a reader is told of a file that nobody has written."""
    return f"NO {file} HELP INFORMATION AVAILABLE FOR THIS USER"


def help_file_at(destinations: Sequence[str]) -> HelpFile | None:
    """Return the help file that a message is addressed to: it alone, or the message is another."""
    return parse_help_ori(ORI(destinations[0])) if len(destinations) == 1 else None
