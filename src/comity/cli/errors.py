"""What a failure becomes on the command line: one sentence, a stable code, an exit code.

Guarantee: the exit code follows from the error's code by one table, on every command; a code that
is not in it is malformed input (2) or a failure (1) by its kind.
Source: docs/reference/exit-codes.md, which a test holds equal to the table.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from comity.domain.errors import ComityError, MalformedError
from comity.link.errors import GatewayRefusalError, GatewaySilentError

__all__ = [
    "EXIT_OF_CODE",
    "ExitCode",
    "FileUnusableError",
    "UsageError",
    "code_of",
    "error_document",
    "exit_of",
    "operating_error",
    "options_of",
]


class ExitCode(IntEnum):
    """How a command ends; scripts rely on these numbers."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    REFUSED = 3
    HELD = 4
    UNVERIFIED = 5
    AGAIN = 75


class UsageError(MalformedError):
    """The arguments do not make a question that can be asked."""

    code = "usage"


class FileUnusableError(ComityError):
    """A file that a command was given cannot be read or written."""

    code = "file-unusable"


EXIT_OF_CODE: Final[dict[str, ExitCode]] = {
    # What was to be proved is not proved, whatever the reason.
    "bundle-malformed": ExitCode.UNVERIFIED,
    "certificate-malformed": ExitCode.UNVERIFIED,
    "certificate-signature-invalid": ExitCode.UNVERIFIED,
    "checkpoint-contradicted": ExitCode.UNVERIFIED,
    "evidence-invalid": ExitCode.UNVERIFIED,
    "evidence-malformed": ExitCode.UNVERIFIED,
    "export-clash": ExitCode.UNVERIFIED,
    "export-mismatch": ExitCode.UNVERIFIED,
    "ledger-does-not-continue": ExitCode.UNVERIFIED,
    "no-good-checkpoint": ExitCode.UNVERIFIED,
    "note-malformed": ExitCode.UNVERIFIED,
    "note-unverified": ExitCode.UNVERIFIED,
    "proof-invalid": ExitCode.UNVERIFIED,
    "proof-length": ExitCode.UNVERIFIED,
    "receipt-key": ExitCode.UNVERIFIED,
    "root-mismatch": ExitCode.UNVERIFIED,
    "sealed-leaves-missing": ExitCode.UNVERIFIED,
    "member-not-trusted": ExitCode.UNVERIFIED,
    "part-signature-invalid": ExitCode.UNVERIFIED,
    "signature-invalid": ExitCode.UNVERIFIED,
    "tile-malformed": ExitCode.UNVERIFIED,
    "witness-behind": ExitCode.UNVERIFIED,
    # A rule or a person stands against what was to be done to keys or records.
    "bundle-needed": ExitCode.REFUSED,
    "demand-ended": ExitCode.REFUSED,
    "demand-open": ExitCode.REFUSED,
    "demand-refused": ExitCode.REFUSED,
    "demand-second-person-missing": ExitCode.REFUSED,
    "detail-not-opened": ExitCode.REFUSED,
    "key-in-use": ExitCode.REFUSED,
    "key-not-lost": ExitCode.REFUSED,
    "key-under-hold": ExitCode.REFUSED,
    "order-expired": ExitCode.REFUSED,
    "policy-frozen": ExitCode.REFUSED,
    "policy-not-frozen": ExitCode.REFUSED,
    "policy-thaw-refused": ExitCode.REFUSED,
    "order-refused": ExitCode.REFUSED,
    "order-used": ExitCode.REFUSED,
    "second-person-missing": ExitCode.REFUSED,
    "guarantee-broken": ExitCode.REFUSED,
    "policy-not-announced": ExitCode.REFUSED,
    # Nothing is wrong with what was asked: the same command may succeed later.
    "busy": ExitCode.AGAIN,
    "checkpoint-missing": ExitCode.AGAIN,
    "commit-unknown": ExitCode.AGAIN,
    "destination-unreachable": ExitCode.AGAIN,
    "gateway-silent": ExitCode.AGAIN,
    "key-safe-unavailable": ExitCode.AGAIN,
    "ledger-unreachable": ExitCode.AGAIN,
    "line-closed": ExitCode.AGAIN,
    "message-not-taken": ExitCode.AGAIN,
    "policy-moved": ExitCode.AGAIN,
    "source-unavailable": ExitCode.AGAIN,
    "traffic-moves": ExitCode.AGAIN,
    "public-store-unavailable": ExitCode.AGAIN,
    "sealing-under-way": ExitCode.AGAIN,
    "store-unavailable": ExitCode.AGAIN,
    # A setting, a part or a table is what the person who runs the command has written.
    "family-not-own": ExitCode.USAGE,
    "part-malformed": ExitCode.USAGE,
    "table-malformed": ExitCode.USAGE,
    "setting-malformed": ExitCode.USAGE,
}


def code_of(error: ComityError) -> str:
    """Return the stable code to show: the most exact one that is known."""
    if isinstance(error, GatewayRefusalError):
        return error.reason
    fault = getattr(error, "fault", None)
    return str(getattr(fault, "code", error.code))


def options_of(error: ComityError) -> tuple[str, ...]:
    """Return what would be accepted in place of what was not, or each fault of a table."""
    faults = getattr(error, "faults", ())
    if faults:
        return tuple(
            f"line {fault.line}, {fault.column or 'the whole row'}: {fault.text}"
            for fault in faults
        )
    return tuple(getattr(getattr(error, "fault", None), "options", ()))


def exit_of(error: ComityError) -> ExitCode:
    """Return how a command that met this error ends."""
    found = EXIT_OF_CODE.get(code_of(error)) or EXIT_OF_CODE.get(error.code)
    if found is not None:
        return found
    return ExitCode.USAGE if isinstance(error, MalformedError) else ExitCode.FAILURE


def error_document(error: ComityError) -> dict[str, dict[str, object]]:
    """Return the error as `--json` prints it: a message's number and options, a table's faults."""
    said: dict[str, object] = {"code": code_of(error), "text": str(error)}
    fault = getattr(error, "fault", None)
    if faults := getattr(error, "faults", ()):
        said["faults"] = [{"line": f.line, "column": f.column, "text": f.text} for f in faults]
    if fault is not None:
        said |= {"text": fault.text, "er": fault.er}
        if options := options_of(error):
            said["options"] = list(options)
    return {"error": said}


def operating_error(error: OSError) -> ComityError:
    """Return an error of the operating system as one of ours, with the file it is about."""
    cause = (error.strerror or str(error) or "unknown cause").lower()
    if isinstance(error, TimeoutError):
        return GatewaySilentError("no answer came in time: try again")
    if isinstance(error, ConnectionError):
        return GatewaySilentError(f"the gateway cannot be connected to ({cause}): try again")
    if error.filename is None:
        return FileUnusableError(cause)
    return FileUnusableError(f"`{error.filename}` cannot be used: {cause}")
