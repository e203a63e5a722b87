"""Commands: what a member's worker, console and command line ask of the gateway that owns its
ledger, and what it replies.

Guarantee: a command has one encoding, as a parcel has. Being able to send one is no authority: a
verdict, a policy and a directory part carry signatures that the gateway verifies, and an expiry
takes effect only if the gateway's own clock agrees, a cosignature is kept only if a witness that
the gateway knows made it, an order counts by the people who signed it. What is left can only be
read.
Bytes: one version byte (1), then MessagePack of `[kind, ...fields]`.
Source: docs/adr/0009-envelope.md, "Commands".
"""

from __future__ import annotations

from typing import Final, assert_never

import msgspec

from comity.domain.ids import ExchangeId, Member
from comity.domain.verdict import (
    SignedHistoryReading,
    SignedOpeningReading,
    SignedReading,
    SignedVerdict,
)
from comity.link.appeals import DecideAppeal, appeal_state, is_appeal_signed
from comity.link.demands import (
    ActOnDemand,
    DemandSigned,
    RegisterDemand,
    demand_state,
    is_demand_signed,
)
from comity.link.duties import EndDuty
from comity.link.errors import CommandMalformedError, CommandTooLargeError
from comity.link.forms import is_code, is_entry, is_id, is_member
from comity.link.holds import HoldsShown, HoldView, Proposed, are_holds
from comity.link.instruments import (
    InstrumentSigned,
    RegisterInstrument,
    RevokeInstrument,
    VerifyInstrument,
    instrument_state,
    is_instrument_signed,
)
from comity.link.keeping import (
    AskKeys,
    CarryOut,
    KeysShown,
    MonthView,
    Succeed,
    are_keys,
    is_order,
    is_succession,
)
from comity.link.limits import (
    COMMAND_BYTES_MAX,
    COSIGNATURE_BYTES_MAX,
    COSIGNATURES_MAX,
    RESULT_FACTS_MAX,
    TEXT_CHARS_MAX,
)
from comity.link.protections import (
    EndProtection,
    PlaceProtection,
    ProtectionSigned,
    ProtectionsShown,
    ReadProtections,
    are_protections,
    is_protection_signed,
    protection_state,
)
from comity.link.review import (
    AskOnward,
    DeskShown,
    ExpireReview,
    FindClaim,
    GiveNotice,
    GiveReReview,
    GrantPass,
    PlantCase,
    ReadDesk,
    ReviewRelease,
    ReviewSigned,
    RevokePass,
    are_shown,
    is_signed,
    signed_state,
)
from comity.link.rules import (
    Certified,
    Certify,
    PublishPolicy,
    ShadowPolicy,
    ThawPolicy,
    is_certified,
    is_certify,
)
from comity.link.sealing import KeepCosignatures, KeepSegment, ReleaseLeaves, SignCheckpoint
from comity.link.showing import RecordShown, ShowRecord, is_record_reading, is_record_shown
from comity.link.signed import is_history_reading, is_opening_reading, is_reading, is_verdict
from comity.link.traffic import FoldTraffic

__all__ = [
    "AskKeys",
    "AskOnward",
    "AskStatus",
    "CarryOut",
    "Certified",
    "Certify",
    "Command",
    "CommandDone",
    "CommandFailed",
    "CommandResult",
    "Decide",
    "DecideAppeal",
    "DeskShown",
    "EndDuty",
    "Expire",
    "ExpireReview",
    "FindClaim",
    "FoldTraffic",
    "GiveNotice",
    "GiveReReview",
    "GrantPass",
    "HoldView",
    "HoldsShown",
    "KeepCosignatures",
    "KeepSegment",
    "KeysShown",
    "MonthView",
    "OpenRecord",
    "PlantCase",
    "Proposed",
    "PublishDirectory",
    "PublishPolicy",
    "ReadDesk",
    "ReadHistory",
    "ReadHolds",
    "ReleaseLeaves",
    "ReviewRelease",
    "RevokePass",
    "ShadowPolicy",
    "SignCheckpoint",
    "Succeed",
    "ThawPolicy",
    "command_member",
    "decode_command",
    "decode_result",
    "encode_command",
    "encode_result",
]

_VERSION: Final = b"\x01"
_NAME_CHARS_MAX: Final = 64
_SIZE_MAX: Final = 2**48
_SEGMENTS_MAX: Final = _SIZE_MAX >> 16
_ROOT_BYTES: Final = 32


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


class ReadHistory(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="read_history",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed wish to read a member's own traffic: recorded, before it is read.

    What was recorded is cited; the traffic itself does not come by this way.
    """

    signed: SignedHistoryReading


class OpenRecord(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="open_record",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed wish to open fields behind a leaf: recorded, before they are opened.

    What was recorded is cited; the fields themselves do not come by this way.
    """

    signed: SignedOpeningReading


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


Command = (
    Decide
    | Expire
    | ReadHolds
    | ReadHistory
    | OpenRecord
    | SignCheckpoint
    | KeepCosignatures
    | KeepSegment
    | ReleaseLeaves
    | PublishPolicy
    | ShadowPolicy
    | EndDuty
    | Certify
    | ThawPolicy
    | PublishDirectory
    | Succeed
    | AskStatus
    | CarryOut
    | AskKeys
    | FoldTraffic
    | ReviewSigned
    | DecideAppeal
    | InstrumentSigned
    | ProtectionSigned
    | DemandSigned
    | ExpireReview
    | ShowRecord
)
CommandResult = (
    CommandDone
    | CommandFailed
    | HoldsShown
    | KeysShown
    | DeskShown
    | Certified
    | RecordShown
    | ProtectionsShown
)

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
        case ReadHolds() | ReadHistory() | OpenRecord() | ShowRecord():
            return command.signed.reading.state
        case CarryOut():
            return command.signed.order.state
        case (
            Expire() | ExpireReview() | PublishPolicy() | ShadowPolicy() | ThawPolicy() | Certify()
        ):
            return command.state
        case (
            GrantPass() | RevokePass() | ReviewRelease() | ReadDesk() | GiveNotice()
            | GiveReReview() | FindClaim() | PlantCase() | AskOnward()
        ):  # fmt: skip
            return signed_state(command)
        case DecideAppeal():
            return appeal_state(command)
        case RegisterInstrument() | VerifyInstrument() | RevokeInstrument():
            return instrument_state(command)
        case PlaceProtection() | EndProtection() | ReadProtections():
            return protection_state(command)
        case RegisterDemand() | ActOnDemand():
            return demand_state(command)
        case PublishDirectory() | AskStatus() | AskKeys() | SignCheckpoint() | KeepCosignatures():
            return command.member
        case Succeed() | FoldTraffic() | KeepSegment() | ReleaseLeaves() | EndDuty():
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
            holds = holds and is_verdict(command.signed)
        case Expire():
            holds = holds and is_id(command.exchange_id)
        case (
            GrantPass() | RevokePass() | ReviewRelease() | ReadDesk() | GiveNotice()
            | GiveReReview() | FindClaim() | PlantCase() | AskOnward()
        ):  # fmt: skip
            holds = holds and is_signed(command)
        case DecideAppeal(grant=grant):
            is_fit = grant is None or is_signed(GrantPass(signed=grant))
            holds = holds and is_appeal_signed(command) and is_fit
        case RegisterInstrument() | VerifyInstrument() | RevokeInstrument():
            holds = holds and is_instrument_signed(command)
        case PlaceProtection() | EndProtection() | ReadProtections():
            holds = holds and is_protection_signed(command)
        case RegisterDemand() | ActOnDemand():
            holds = holds and is_demand_signed(command)
        case ExpireReview():
            holds = holds and is_entry(command.entry)
        case ReadHolds():
            holds = holds and is_reading(command.signed)
        case ReadHistory():
            holds = holds and is_history_reading(command.signed)
        case OpenRecord():
            holds = holds and is_opening_reading(command.signed)
        case ShowRecord():
            holds = holds and is_record_reading(command.signed)
        case KeepCosignatures():
            holds = holds and _are_cosignatures(command)
        case Succeed():
            holds = holds and is_succession(command)
        case KeepSegment() | ReleaseLeaves():
            holds = holds and _is_segment(command)
        case CarryOut():
            holds = holds and is_order(command.signed)
        case EndDuty():
            holds = holds and 0 < command.duty_id < _SIZE_MAX
        case Certify():
            holds = holds and is_certify(command)
        case PublishPolicy() | ShadowPolicy() | ThawPolicy() | PublishDirectory() | AskStatus():
            pass
        case AskKeys() | SignCheckpoint() | FoldTraffic():
            pass
        case _:
            assert_never(command)
    if not holds:
        raise CommandMalformedError("`command` holds a value outside its range")


def _are_cosignatures(command: KeepCosignatures) -> bool:
    return (
        0 <= command.size <= _SIZE_MAX
        and 1 <= len(command.lines) <= COSIGNATURES_MAX
        and all(0 < len(line) <= COSIGNATURE_BYTES_MAX for line in command.lines)
    )


def _is_segment(command: KeepSegment | ReleaseLeaves) -> bool:
    return 0 <= command.segment < _SEGMENTS_MAX and len(command.root) == _ROOT_BYTES


def _check_result(result: CommandResult) -> None:
    match result:
        case CommandDone():
            holds = (not result.entry or is_entry(result.entry)) and _are_facts(result.facts)
        case HoldsShown():
            holds = are_holds(result)
        case KeysShown():
            holds = are_keys(result)
        case DeskShown():
            holds = are_shown(result)
        case Certified():
            holds = is_certified(result)
        case RecordShown():
            holds = is_record_shown(result)
        case ProtectionsShown():
            holds = are_protections(result)
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
