"""Commands and results are closed, bounded, and name whose gateway they are for."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.certificate import CERTIFICATE_BYTES_MAX
from comity.domain.ids import ExchangeId, Member
from comity.domain.keeping import KeepingReason, Order, OrderAct, OrderSignature, SignedOrder
from comity.domain.keys import MessageKey
from comity.domain.verdict import (
    Ed25519Proof,
    HistoryReading,
    OpeningReading,
    SignedHistoryReading,
    SignedOpeningReading,
    SignedVerdict,
    Verdict,
    VerdictKind,
)
from comity.domain.vocabulary import DataClass
from comity.link.command import (
    AskKeys,
    AskStatus,
    CarryOut,
    Certified,
    Certify,
    Command,
    CommandDone,
    CommandFailed,
    CommandResult,
    Decide,
    Expire,
    FoldTraffic,
    KeepCosignatures,
    KeepSegment,
    KeysShown,
    MonthView,
    OpenRecord,
    PublishDirectory,
    PublishPolicy,
    ReadHistory,
    ReleaseLeaves,
    Succeed,
    ThawPolicy,
    command_member,
    decode_command,
    decode_result,
    encode_command,
    encode_result,
)
from comity.link.errors import CommandMalformedError, CommandTooLargeError
from comity.link.limits import (
    COMMAND_BYTES_MAX,
    COSIGNATURE_BYTES_MAX,
    COSIGNATURES_MAX,
    HISTORY_KEYS_MAX,
    NOTE_BYTES_MAX,
    OPENED_FIELDS_MAX,
    RESULT_FACTS_MAX,
    SUCCESSION_NOTES_MAX,
    TEXT_CHARS_MAX,
)
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


def read_history(signature: bytes = bytes(64), **changes: object) -> ReadHistory:
    reading = HistoryReading(
        state=TX,
        since=0,
        until=86_400,
        keys=(MessageKey("DQ"),) * HISTORY_KEYS_MAX,
        reviewer="r.one",
        at=NOW_MS // 1000,
    )
    proof = Ed25519Proof(key_id="00c0ffee", signature=signature)
    changed = msgspec.structs.replace(reading, **changes)
    return ReadHistory(signed=SignedHistoryReading(reading=changed, proof=proof))


def succeed(**changes: object) -> Succeed:
    order = Order(
        state=TX,
        act=OrderAct.SUCCEED,
        entry="tx/300",
        root=bytes(32),
        reason=KeepingReason.FORK,
        matter="two heads of one size",
        at=NOW_MS // 1000,
    )
    signatures = tuple(
        OrderSignature(name=name, key_id="00c0ffee", signature=bytes(64))
        for name in ("r.one", "r.two")
    )
    command = Succeed(
        member=TX,
        order=SignedOrder(order=order, signatures=signatures),
        checkpoint=b"note",
        beyond=(b"note",) * SUCCESSION_NOTES_MAX,
    )
    return msgspec.structs.replace(command, **changes)


def open_record(signature: bytes = bytes(64), **changes: object) -> OpenRecord:
    reading = OpeningReading(
        state=TX,
        entry="tx/7",
        fields=tuple(f"field_{number}" for number in range(OPENED_FIELDS_MAX)),
        reviewer="r.one",
        at=NOW_MS // 1000,
    )
    proof = Ed25519Proof(key_id="00c0ffee", signature=signature)
    changed = msgspec.structs.replace(reading, **changes)
    return OpenRecord(signed=SignedOpeningReading(reading=changed, proof=proof))


def carry_out(**changes: object) -> CarryOut:
    order = Order(
        state=TX,
        act=OrderAct.DESTROY,
        months=("2024-10",),
        reason=KeepingReason.RETENTION_SCHEDULE,
        at=NOW_MS // 1000,
    )
    signatures = (OrderSignature(name="r.one", key_id="00c0ffee", signature=bytes(64)),)
    changed = msgspec.structs.replace(order, **changes)
    return CarryOut(signed=SignedOrder(order=changed, signatures=signatures))


COMMANDS: list[Command] = [
    carry_out(),
    carry_out(act=OrderAct.HOLD, months=None),
    AskKeys(member=TX),
    FoldTraffic(member=TX),
    succeed(),
    succeed(checkpoint=bytes(NOTE_BYTES_MAX), beyond=()),
    decide(),
    read_history(),
    read_history(keys=()),
    open_record(),
    open_record(fields=("case",)),
    Expire(state=TX, exchange_id=ExchangeId(bytes(16))),
    PublishPolicy(state=TX, bundle=b"rules"),
    Certify(state=TX),
    Certify(state=TX, family="US/DHS/ICE"),
    ThawPolicy(state=TX, thaw=b"thaw"),
    PublishDirectory(member=TX, part=b"part"),
    AskStatus(member=TX),
    KeepCosignatures(member=TX, size=0, lines=(b"x",)),
    KeepCosignatures(
        member=TX, size=2**48, lines=(bytes(COSIGNATURE_BYTES_MAX),) * COSIGNATURES_MAX
    ),
    KeepSegment(member=TX, segment=0, root=bytes(32)),
    ReleaseLeaves(member=TX, segment=2**32 - 1, root=bytes(32)),
]
KEYS = KeysShown(
    months=(
        MonthView(month="2024-10", gone="destroyed", gone_by="tx/9"),
        MonthView(month="2024-11", keys=2, held_by="tx/8", is_due=True, against="key-under-hold"),
    ),
    holds=(("tx/8", ("2024-11",)), ("tx/11", ())),
    keep_months=12,
    schedule="tx/7",
)
RESULTS: list[CommandResult] = [
    CommandDone(),
    CommandDone(entry="tx/9", facts=(("leaves", "10"),)),
    CommandFailed(code="policy-stale", text="the policy changed meanwhile"),
    KeysShown(),
    KEYS,
    Certified(certificate=bytes(CERTIFICATE_BYTES_MAX)),
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
    "a family that is none": Certify(state=TX, family="us/dhs"),
    "an unknown member": AskStatus(member=Member("zz")),
    "a negative size": KeepCosignatures(member=TX, size=-1, lines=(b"x",)),
    "a size beyond the largest": KeepCosignatures(member=TX, size=2**48 + 1, lines=(b"x",)),
    "another member's succession": succeed(member=Member("oh")),
    "no checkpoint": succeed(checkpoint=b""),
    "a long checkpoint": succeed(checkpoint=bytes(NOTE_BYTES_MAX + 1)),
    "an empty note": succeed(beyond=(b"",)),
    "too many notes": succeed(beyond=(b"note",) * (SUCCESSION_NOTES_MAX + 1)),
    "an order that nobody signed": succeed(
        order=SignedOrder(order=succeed().order.order, signatures=())
    ),
    "an order without a cut": succeed(
        order=SignedOrder(
            order=msgspec.structs.replace(succeed().order.order, root=None),
            signatures=succeed().order.signatures,
        )
    ),
    "an order that is none": carry_out(months=None),
    "an order on another's entry": carry_out(act=OrderAct.EXPUNGE, months=None, entry="oh/1"),
    "an order of an unknown member": carry_out(state=Member("zz")),
    "no cosignature": KeepCosignatures(member=TX, size=1, lines=()),
    "an empty cosignature": KeepCosignatures(member=TX, size=1, lines=(b"",)),
    "too many cosignatures": KeepCosignatures(
        member=TX, size=1, lines=(b"x",) * (COSIGNATURES_MAX + 1)
    ),
    "a long cosignature": KeepCosignatures(
        member=TX, size=1, lines=(bytes(COSIGNATURE_BYTES_MAX + 1),)
    ),
    "a negative segment": KeepSegment(member=TX, segment=-1, root=bytes(32)),
    "a segment beyond the largest": ReleaseLeaves(member=TX, segment=2**32, root=bytes(32)),
    "a short root": KeepSegment(member=TX, segment=0, root=bytes(31)),
    "a long root": ReleaseLeaves(member=TX, segment=0, root=bytes(33)),
    "a short id": Expire(state=TX, exchange_id=ExchangeId(b"")),
    "a verdict on no hold": decide(hold_entry="8"),
    "a verdict of nobody": decide(reviewer=""),
    "a long note": decide(note="A" * 501),
    "a class twice": decide(approved=(DataClass.PHOTO, DataClass.PHOTO)),
    "a verdict before 1970": decide(at=-1),
    "a verdict on a short id": decide(exchange_id=ExchangeId(b"")),
    "a short signature": decide(signature=bytes(63)),
    "a history from before 1970": read_history(since=-1),
    "a history without an end": read_history(until=2**41),
    "a history of a key that is none": read_history(keys=(MessageKey("D1"),)),
    "a history of too many keys": read_history(keys=(MessageKey("DQ"),) * (HISTORY_KEYS_MAX + 1)),
    "a history for nobody": read_history(reviewer=""),
    "a history without a time": read_history(at=-1),
    "an opening of no leaf": open_record(entry="tx"),
    "an opening of no field": open_record(fields=()),
    "an opening of one field twice": open_record(fields=("case", "case")),
    "an opening of too many fields": open_record(
        fields=tuple(f"f{number}" for number in range(OPENED_FIELDS_MAX + 1))
    ),
    "an opening of what is no field": open_record(fields=("Case",)),
    "an opening for nobody": open_record(reviewer=""),
    "an opening without a time": open_record(at=-1),
    "an opening of a short signature": open_record(signature=bytes(63)),
    "a history of a short signature": read_history(signature=bytes(63)),
}


@pytest.mark.parametrize("command", WRONG_COMMANDS.values(), ids=WRONG_COMMANDS.keys())
def test_commands_outside_their_range_are_refused_on_both_sides(command: Command) -> None:
    """Such a command neither leaves nor enters."""
    with pytest.raises(CommandMalformedError):
        encode_command(command)
    with pytest.raises(CommandMalformedError):
        decode_command(b"\x01" + msgspec.msgpack.encode(command))


WRONG_RESULTS: dict[str, CommandResult] = {
    "no certificate": Certified(certificate=b""),
    "a long certificate": Certified(certificate=bytes(CERTIFICATE_BYTES_MAX + 1)),
    "a leaf that is none": CommandDone(entry="tx"),
    "too many facts": CommandDone(facts=(("a", "b"),) * (RESULT_FACTS_MAX + 1)),
    "a fact without a name": CommandDone(facts=(("", "b"),)),
    "a long fact": CommandDone(facts=(("a", "b" * (TEXT_CHARS_MAX + 1)),)),
    "a code that is none": CommandFailed(code="Policy Stale", text=""),
    "a month that is none": KeysShown(months=(MonthView(month="2024-13"),)),
    "fewer keys than none": KeysShown(months=(MonthView(month="2024-10", keys=-1),)),
    "held by no entry": KeysShown(months=(MonthView(month="2024-10", held_by="tx"),)),
    "a hold of no entry": KeysShown(holds=(("8", ()),)),
    "a hold of no month": KeysShown(holds=(("tx/8", ("all",)),)),
    "kept by no code": KeysShown(months=(MonthView(month="2024-10", against="A hold"),)),
    "an endless schedule": KeysShown(keep_months=1_201),
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
