"""Commands: what a member's worker, console and command line ask of the gateway that owns its
ledger, and what it replies.

Guarantee: a command has one encoding, as a parcel has. Being able to send one is no authority: a
verdict, a policy and a directory part carry signatures that the gateway verifies, and an expiry
takes effect only if the gateway's own clock agrees. What is left can only be read.
Bytes: one version byte (1), then MessagePack of `[kind, ...fields]`.
Source: docs/adr/0009-envelope.md, "Commands".
"""

from __future__ import annotations

from typing import Final, assert_never

import msgspec

from comity.domain.answer import Withheld
from comity.domain.ids import ExchangeId, Member
from comity.domain.verdict import SignedReading, SignedVerdict
from comity.domain.vocabulary import DataClass
from comity.link.errors import CommandMalformedError, CommandTooLargeError
from comity.link.forms import is_code, is_entry, is_id, is_member, is_time
from comity.link.limits import COMMAND_BYTES_MAX, RESULT_FACTS_MAX, TEXT_CHARS_MAX

__all__ = [
    "AskStatus",
    "Command",
    "CommandDone",
    "CommandFailed",
    "CommandResult",
    "Decide",
    "Expire",
    "HoldView",
    "HoldsShown",
    "PublishDirectory",
    "PublishPolicy",
    "ReadHolds",
    "SignCheckpoint",
    "command_member",
    "decode_command",
    "decode_result",
    "encode_command",
    "encode_result",
]

_VERSION: Final = b"\x01"
_NOTE_CHARS_MAX: Final = 500
_NAME_CHARS_MAX: Final = 64


class Decide(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="decide",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed verdict on a hold."""

    signed: SignedVerdict


class Expire(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="expire",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A hold's clock ran out, the worker thinks."""

    state: Member
    exchange_id: ExchangeId


class ReadHolds(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="read_holds",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed wish to read a state's open holds, or one of them."""

    signed: SignedReading


class SignCheckpoint(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="sign_checkpoint",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Sign the member's committed head now, not at the next interval: before an export."""

    member: Member


class PublishPolicy(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="publish_policy",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A state's new rules: the bundle as `policy` encodes it, its signatures inside."""

    state: Member
    bundle: bytes


class PublishDirectory(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="publish_directory",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A member's new part of the directory: a signed part as `directory` encodes it."""

    member: Member
    part: bytes


class AskStatus(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="status",
    forbid_unknown_fields=True,
):  # fmt: skip
    """How does this member's gateway stand."""

    member: Member


class HoldView(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One open hold. `search` is empty in a list: who was asked about is shown one at a time."""

    entry: str
    exchange_id: ExchangeId
    agency: str
    agency_name: str
    key: str
    purpose: str
    offence: str
    instrument: str
    case_number: str
    operator: str
    assurance: str
    opened_at: int
    until: int
    next_step: int
    classes: tuple[DataClass, ...]
    withheld: tuple[Withheld, ...]
    search: tuple[tuple[str, str], ...] = ()


class CommandDone(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="done",
    forbid_unknown_fields=True,
):  # fmt: skip
    """The command took effect and is recorded, in the leaf cited where it wrote one.

    `facts` are (name, value) for people, in order.
    """

    entry: str = ""
    facts: tuple[tuple[str, str], ...] = ()


class CommandFailed(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="failed",
    forbid_unknown_fields=True,
):  # fmt: skip
    """The command had no effect: the error's stable code and its text."""

    code: str
    text: str


class HoldsShown(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="holds",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Open holds as their reviewer may see them: what is asked, by whom, why it is held.

    `access_entry` cites the leaf that records a reading of one hold.
    """

    holds: tuple[HoldView, ...]
    access_entry: str = ""


Command = (
    Decide | Expire | ReadHolds | SignCheckpoint | PublishPolicy | PublishDirectory | AskStatus
)
CommandResult = CommandDone | CommandFailed | HoldsShown

_ENCODER: Final = msgspec.msgpack.Encoder()
_COMMANDS: Final[msgspec.msgpack.Decoder[Command]] = msgspec.msgpack.Decoder(Command)
_RESULTS: Final[msgspec.msgpack.Decoder[CommandResult]] = msgspec.msgpack.Decoder(CommandResult)


def encode_command(command: Command) -> bytes:
    """Return a command's bytes. Raises: CommandMalformedError, CommandTooLargeError."""
    _check_command(command)
    return _encode(command)


def decode_command(data: bytes) -> Command:
    """Return the command that these bytes are.

    Raises: CommandMalformedError, CommandTooLargeError.
    """
    body = _body(data)
    try:
        command = _COMMANDS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CommandMalformedError("`command` is not of a known kind and form") from None
    _check_command(command)
    if _ENCODER.encode(command) != body:
        raise CommandMalformedError("`command` is not in its only encoding")
    return command


def encode_result(result: CommandResult) -> bytes:
    """Return a result's bytes. Raises: CommandMalformedError, CommandTooLargeError."""
    _check_result(result)
    return _encode(result)


def decode_result(data: bytes) -> CommandResult:
    """Return the result that these bytes are.

    Raises: CommandMalformedError, CommandTooLargeError.
    """
    body = _body(data)
    try:
        result = _RESULTS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CommandMalformedError("`result` is not of a known kind and form") from None
    _check_result(result)
    if _ENCODER.encode(result) != body:
        raise CommandMalformedError("`result` is not in its only encoding")
    return result


def command_member(command: Command) -> Member:
    """Return the member whose state a command would change, so whose gateway takes it."""
    match command:
        case Decide():
            return command.signed.verdict.state
        case ReadHolds():
            return command.signed.reading.state
        case Expire() | PublishPolicy():
            return command.state
        case PublishDirectory() | AskStatus() | SignCheckpoint():
            return command.member
        case _:
            assert_never(command)


def _encode(value: Command | CommandResult) -> bytes:
    try:
        return _bounded(_VERSION + _ENCODER.encode(value))
    except UnicodeEncodeError:
        raise CommandMalformedError("`command` holds half a character") from None


def _bounded(data: bytes) -> bytes:
    if len(data) > COMMAND_BYTES_MAX:
        raise CommandTooLargeError(f"`command` is over {COMMAND_BYTES_MAX} bytes")
    return data


def _body(data: bytes) -> memoryview:
    _bounded(data)
    if data[:1] != _VERSION:
        raise CommandMalformedError("`command` is not of version 1")
    return memoryview(data)[1:]


def _check_command(command: Command) -> None:
    holds = is_member(command_member(command))
    match command:
        case Decide():
            holds = holds and _is_verdict(command.signed)
        case Expire():
            holds = holds and is_id(command.exchange_id)
        case ReadHolds():
            holds = holds and _is_reading(command.signed)
        case PublishPolicy() | PublishDirectory() | AskStatus() | SignCheckpoint():
            pass
        case _:
            assert_never(command)
    if not holds:
        raise CommandMalformedError("`command` holds a value outside its range")


def _is_verdict(signed: SignedVerdict) -> bool:
    verdict = signed.verdict
    return (
        is_id(verdict.exchange_id)
        and is_entry(verdict.hold_entry)
        and is_time(verdict.at)
        and len(verdict.note) <= _NOTE_CHARS_MAX
        and 0 < len(verdict.reviewer) <= _NAME_CHARS_MAX
        and len(set(verdict.approved)) == len(verdict.approved)
        and len(signed.proof.signature) == 64
    )


def _is_reading(signed: SignedReading) -> bool:
    reading = signed.reading
    return (
        (not reading.hold_entry or is_entry(reading.hold_entry))
        and is_time(reading.at)
        and 0 < len(reading.reviewer) <= _NAME_CHARS_MAX
        and len(signed.proof.signature) == 64
    )


def _check_result(result: CommandResult) -> None:
    match result:
        case CommandDone():
            holds = (not result.entry or is_entry(result.entry)) and _are_facts(result.facts)
        case HoldsShown():
            holds = all(is_entry(view.entry) for view in result.holds)
        case CommandFailed():
            holds = is_code(result.code) and len(result.text) <= TEXT_CHARS_MAX
        case _:
            assert_never(result)
    if not holds:
        raise CommandMalformedError("`result` holds a value outside its range")


def _are_facts(facts: tuple[tuple[str, str], ...]) -> bool:
    return len(facts) <= RESULT_FACTS_MAX and all(
        0 < len(name) <= _NAME_CHARS_MAX and len(value) <= TEXT_CHARS_MAX for name, value in facts
    )
