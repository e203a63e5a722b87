"""Commands and results are closed, bounded, and name whose gateway they are for."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.ids import ExchangeId, Member
from comity.domain.verdict import Ed25519Proof, SignedVerdict, Verdict, VerdictKind
from comity.domain.vocabulary import DataClass
from comity.link.command import (
    AskStatus,
    Command,
    CommandDone,
    CommandFailed,
    CommandResult,
    Decide,
    Expire,
    PublishDirectory,
    PublishPolicy,
    command_member,
    decode_command,
    decode_result,
    encode_command,
    encode_result,
)
from comity.link.errors import CommandMalformedError, CommandTooLargeError
from comity.link.limits import COMMAND_BYTES_MAX, RESULT_FACTS_MAX, TEXT_CHARS_MAX
from tests.support.link import NOW_MS, TX

VERDICT = Verdict(
    state=TX,
    exchange_id=ExchangeId(bytes(16)),
    hold_entry="tx/8",
    step=1,
    kind=VerdictKind.APPROVE,
    approved=(DataClass.PHOTO,),
    note="see the warrant",
    reviewer="r.one",
    at=NOW_MS // 1000,
)


def decide(signature: bytes = bytes(64), **changes: object) -> Decide:
    verdict = msgspec.structs.replace(VERDICT, **changes)
    proof = Ed25519Proof(key_id="00c0ffee", signature=signature)
    return Decide(signed=SignedVerdict(verdict=verdict, proof=proof))


COMMANDS: list[Command] = [
    decide(),
    Expire(state=TX, exchange_id=ExchangeId(bytes(16))),
    PublishPolicy(state=TX, bundle=b"rules"),
    PublishDirectory(member=TX, part=b"part"),
    AskStatus(member=TX),
]
RESULTS: list[CommandResult] = [
    CommandDone(),
    CommandDone(entry="tx/9", facts=(("leaves", "10"),)),
    CommandFailed(code="policy-stale", text="the policy changed meanwhile"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda value: type(value).__name__)
def test_every_command_comes_back_as_it_was(command: Command) -> None:
    """Decoding what was encoded gives the same command, for the same member's gateway."""
    assert decode_command(encode_command(command)) == command
    assert command_member(command) == TX


@pytest.mark.parametrize("result", RESULTS)
def test_every_result_comes_back_as_it_was(result: CommandResult) -> None:
    """Decoding what was encoded gives the same result."""
    assert decode_result(encode_result(result)) == result


WRONG_COMMANDS: dict[str, Command] = {
    "an unknown member": AskStatus(member=Member("zz")),
    "a short id": Expire(state=TX, exchange_id=ExchangeId(b"")),
    "a verdict on no hold": decide(hold_entry="8"),
    "a verdict of nobody": decide(reviewer=""),
    "a long note": decide(note="A" * 501),
    "a class twice": decide(approved=(DataClass.PHOTO, DataClass.PHOTO)),
    "a verdict before 1970": decide(at=-1),
    "a verdict on a short id": decide(exchange_id=ExchangeId(b"")),
    "a short signature": decide(signature=bytes(63)),
}


@pytest.mark.parametrize("command", WRONG_COMMANDS.values(), ids=WRONG_COMMANDS.keys())
def test_commands_outside_their_range_are_refused_on_both_sides(command: Command) -> None:
    """Such a command neither leaves nor enters."""
    with pytest.raises(CommandMalformedError):
        encode_command(command)
    with pytest.raises(CommandMalformedError):
        decode_command(b"\x01" + msgspec.msgpack.encode(command))


WRONG_RESULTS: dict[str, CommandResult] = {
    "a leaf that is none": CommandDone(entry="tx"),
    "too many facts": CommandDone(facts=(("a", "b"),) * (RESULT_FACTS_MAX + 1)),
    "a fact without a name": CommandDone(facts=(("", "b"),)),
    "a long fact": CommandDone(facts=(("a", "b" * (TEXT_CHARS_MAX + 1)),)),
    "a code that is none": CommandFailed(code="Policy Stale", text=""),
    "a long text": CommandFailed(code="stale", text="A" * (TEXT_CHARS_MAX + 1)),
}


@pytest.mark.parametrize("result", WRONG_RESULTS.values(), ids=WRONG_RESULTS.keys())
def test_results_outside_their_range_are_refused_on_both_sides(result: CommandResult) -> None:
    """Such a result neither leaves nor enters."""
    with pytest.raises(CommandMalformedError):
        encode_result(result)
    with pytest.raises(CommandMalformedError):
        decode_result(b"\x01" + msgspec.msgpack.encode(result))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x02" + msgspec.msgpack.encode(["status", "tx"]),
        b"\x01" + msgspec.msgpack.encode(["status", "tx", 1]),
        b"\x01" + msgspec.msgpack.encode(["status"]),
        b"\x01" + msgspec.msgpack.encode(["release", "tx"]),
        b"\x01" + msgspec.msgpack.encode(["status", "tx"]) + b"\x00",
        b"\x01\xdc\x00\x02" + msgspec.msgpack.encode(["status", "tx"])[1:],
        b"\x01" + b"\x91" * 5_000,
    ],
)
def test_other_bytes_are_no_command(data: bytes) -> None:
    """Another version, kind, number of fields, encoding or a trailing byte is refused."""
    with pytest.raises(CommandMalformedError):
        decode_command(data)
    with pytest.raises(CommandMalformedError):
        decode_result(data)


def test_a_result_has_one_form() -> None:
    """A result in longer MessagePack is refused."""
    data = encode_result(RESULTS[2])
    with pytest.raises(CommandMalformedError):
        decode_result(data[:1] + b"\xdc\x00\x03" + data[2:])


def test_half_a_character_does_not_leave() -> None:
    """Text that cannot be written as UTF-8 is refused like any malformed value."""
    with pytest.raises(CommandMalformedError):
        encode_command(decide(note="\ud800"))


def test_a_command_beyond_its_limit_is_refused_on_both_sides() -> None:
    """Too many bytes neither leave nor are decoded."""
    with pytest.raises(CommandTooLargeError):
        encode_command(PublishPolicy(state=TX, bundle=bytes(COMMAND_BYTES_MAX)))
    with pytest.raises(CommandTooLargeError):
        decode_command(bytes(COMMAND_BYTES_MAX + 1))
