"""Commands: each one's effect and result, and that bytes alone have no authority."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.directory.part import encode_signed_part, sign_part
from comity.domain.ids import ExchangeId, Member
from comity.domain.keys import MessageKey
from comity.domain.query import Claims
from comity.domain.verdict import (
    HistoryReading,
    OpeningReading,
    Reading,
    SignedReading,
    Verdict,
    VerdictKind,
)
from comity.domain.vocabulary import DataClass, LeafKind, Purpose
from comity.link.command import (
    AskStatus,
    Command,
    CommandDone,
    CommandFailed,
    CommandResult,
    Decide,
    Expire,
    HoldsShown,
    OpenRecord,
    PublishDirectory,
    PublishPolicy,
    ReadHistory,
    ReadHolds,
    SignCheckpoint,
    decode_result,
    encode_command,
)
from comity.link.parcel import Answered
from comity.policy import Publication, encode_bundle, english_of_publication
from comity.services import commands as module
from comity.services.entries import private_place
from comity.services.private_records import Records
from comity.services.sending import command_subject
from comity.services.vault import decode_private, month_of
from tests.support.directory import signer_of
from tests.support.exchange import (
    REVIEWER,
    signed,
    signed_history_reading,
    signed_opening_reading,
    signed_reading,
)
from tests.support.gateway import (
    AUSTIN,
    HOLD_ALL,
    HOLD_SECONDS,
    NOW,
    NS,
    OR,
    RELEASE,
    TX,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    practice_agency,
    practice_parts,
    running,
)
from tests.unit.policy.build import bundle

HELD = policy_of(WA, RELEASE, HOLD_ALL)


async def carry_out(host: PracticeHost, command: Command) -> CommandResult:
    """The result of a command, by its bytes."""
    return decode_result(await host.commands.take(encode_command(command)))


async def failed(host: PracticeHost, command: Command) -> str:
    """The code that a command fails with; it leaves no leaf."""
    sizes = (host.size(OR), host.size(WA))
    result = await carry_out(host, command)
    assert isinstance(result, CommandFailed)
    assert (host.size(OR), host.size(WA)) == sizes
    return result.code


async def hold(host: PracticeHost, number: int = 1) -> str:
    """Let Washington hold an exchange; return the hold's entry."""
    await host.answer.take(asks(ask_of(number)))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    assert parcel.answer.hold is not None
    return parcel.answer.hold.entry


def reading(entry: str = "", **changes: object) -> SignedReading:
    """The practice reviewer's wish to read."""
    made = Reading(state=WA, hold_entry=entry, reviewer=REVIEWER, at=NOW)
    return signed_reading(msgspec.structs.replace(made, **changes))


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02\xc0", b"\x01" + b"\x91" * 5_000, b"x" * 99])
async def test_bytes_that_are_no_command_fail(data: bytes) -> None:
    """Answered with the code; never raised, never carried out."""
    async with running(HELD) as host:
        result = decode_result(await host.commands.take(data))
        assert isinstance(result, CommandFailed)
        assert result.code == "command-malformed"


async def test_a_command_beyond_the_limit_fails() -> None:
    """Four MiB are looked at, no more."""
    async with running(HELD) as host:
        result = decode_result(await host.commands.take(bytes(4_194_305)))
        assert isinstance(result, CommandFailed)
        assert result.code == "command-too-large"


async def test_a_verdict_is_carried_out() -> None:
    """The result cites the verdict's leaf, and says what the requester was told."""
    async with running(HELD) as host:
        entry = await hold(host)
        row, file = await host.desk.hold(entry)
        verdict = Verdict(
            state=WA,
            exchange_id=file.exchange.exchange_id,
            hold_entry=entry,
            step=row.next_step,
            kind=VerdictKind.APPROVE,
            approved=(DataClass.STATUS,),
            reviewer=REVIEWER,
            at=NOW,
        )
        result = await carry_out(host, Decide(signed=signed(verdict)))
        facts = (("response", "hit"), ("released", "status"))
        assert result == CommandDone(entry=f"wa/{host.size(WA) - 2}", facts=facts)
        assert await failed(host, Decide(signed=signed(verdict))) == "hold-closed"


async def test_an_expiry_is_believed_by_the_hosts_own_clock() -> None:
    """Named early it fails; at its time the hold ends; named again there is nothing to end."""
    async with running(HELD) as host:
        await hold(host)
        command = Expire(state=WA, exchange_id=ask_of().exchange_id)
        assert await failed(host, command) == "hold-not-due"
        host.clock.advance_ns(HOLD_SECONDS * NS)
        done = await carry_out(host, command)
        assert done == CommandDone(entry=f"wa/{host.size(WA) - 1}")
        assert await carry_out(host, command) == CommandDone()
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == 1


async def test_an_expiry_of_an_unknown_exchange_does_nothing() -> None:
    """There is no such hold, or no more."""
    async with running(HELD) as host:
        command = Expire(state=WA, exchange_id=ExchangeId(bytes(16)))
        assert await carry_out(host, command) == CommandDone()


async def test_a_hold_that_cannot_be_opened_keeps_no_other_from_its_end() -> None:
    """One month key is gone: the hold of another month expires."""
    async with running(HELD) as host:
        await hold(host, 1)
        host.clock.advance_ns(40 * 86_400 * NS)
        await host.health.check()
        later = ask_of(2, accepted_at=host.clock.now_ns() // NS)
        await host.answer.take(asks(later))
        assert host.disk.keyring.destroy(WA, month_of(NOW))
        host.clock.advance_ns(HOLD_SECONDS * NS)
        result = await carry_out(host, Expire(state=WA, exchange_id=later.exchange_id))
        assert isinstance(result, CommandDone)
        assert result.entry


async def test_a_list_of_holds_names_no_search() -> None:
    """Who asks, why it is held, until when; not whom it is about, and so no leaf."""
    async with running(HELD) as host:
        entry = await hold(host)
        size = host.size(WA)
        shown = await carry_out(host, ReadHolds(signed=reading()))
        assert isinstance(shown, HoldsShown)
        assert [(view.entry, view.search) for view in shown.holds] == [(entry, ())]
        assert (shown.access_entry, host.size(WA)) == ("", size)


async def test_a_list_of_holds_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The earliest deadlines come first; what is beyond the limit waits its turn."""
    monkeypatch.setattr(module, "HOLDS_SHOWN_MAX", 2)
    async with running(HELD) as host:
        entries = []
        for number in range(1, 4):
            entries.append(await hold(host, number))
            host.clock.advance_ns(NS)
        shown = await carry_out(host, ReadHolds(signed=reading()))
        assert isinstance(shown, HoldsShown)
        assert [view.entry for view in shown.holds] == entries[:2]


async def test_a_search_is_shown_after_its_access_leaf() -> None:
    """INVARIANT (no-answer-before-receipt): the reading is recorded first, in its reader's name."""
    async with running(HELD) as host:
        entry = await hold(host)
        host.store.commit_fault = CommitFault.FAILED
        showing = asyncio.create_task(carry_out(host, ReadHolds(signed=reading(entry))))
        await host.until("store_unavailable")
        assert not showing.done()
        shown = await showing
        assert isinstance(shown, HoldsShown)
        (view,) = shown.holds
        assert view.search == ask_of().fields
        (leaf,) = host.leaves(WA, LeafKind.ACCESS)
        index = host.size(WA) - 1
        assert (leaf.cites, shown.access_entry) == (entry, f"wa/{index}")
        row = await host.store.private_row(WA, index)
        assert row is not None
        leaf_hash = host.store.tables.leaves[WA][index][1]
        place = private_place(WA, index, leaf_hash)
        fields = dict(decode_private(host.vault.open(WA, row.sealed, place))[1])
        assert fields["reviewer"] == REVIEWER.encode()


async def test_a_search_whose_reading_is_not_recorded_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full sequencer refuses; the search stays unseen."""
    async with running(HELD) as host:
        entry = await hold(host)
        monkeypatch.setattr("comity.services.sequencer.PENDING_ENTRIES_MAX", 0)
        assert await failed(host, ReadHolds(signed=reading(entry))) == "busy"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reviewer": "Somebody Else"}, "verdict-refused"),
        ({"at": NOW - 301}, "verdict-refused"),
        ({"state": TX}, "publication-not-open"),
        ({"hold_entry": "or/1"}, "publication-not-open"),
        ({"hold_entry": "wa/0"}, "hold-closed"),
    ],
)
async def test_a_reading_that_is_not_one_is_refused(changes: dict[str, object], code: str) -> None:
    """Not enrolled, stale, of another state, of no hold: nothing is shown."""
    async with running(HELD) as host:
        entry = await hold(host)
        assert await failed(host, ReadHolds(signed=reading(entry, **changes))) == code


async def test_an_altered_reading_is_refused() -> None:
    """A signature over another hold opens none."""
    async with running(HELD) as host:
        entry = await hold(host)
        listed = reading()
        altered = msgspec.structs.replace(listed.reading, hold_entry=entry)
        command = ReadHolds(signed=msgspec.structs.replace(listed, reading=altered))
        assert await failed(host, command) == "verdict-refused"


async def test_a_checkpoint_is_signed_at_once() -> None:
    """Before an export: the committed head has its note."""
    async with running(HELD) as host:
        assert await carry_out(host, SignCheckpoint(member=WA)) == CommandDone()
        row = await host.store.checkpoint(WA)
        assert row is not None
        assert row.size == host.size(WA)


async def test_a_status_tells_the_facts() -> None:
    """Whose, owned or not, how many leaves, which policy, and the counts of events."""
    async with running(HELD) as host:
        result = await carry_out(host, AskStatus(member=WA))
        assert isinstance(result, CommandDone)
        facts = dict(result.facts)
        assert (facts["member"], facts["owned"]) == ("wa", "yes")
        assert facts["leaves"] == str(host.size(WA))
        assert facts["policy"] == f"wa/{host.world.policy(WA)[0]} version 1"
        assert set(module.SHOWN_COUNTS) <= facts.keys()


async def test_a_policy_that_nobody_signed_is_refused() -> None:
    """Without its signatures no policy is published over what stands."""
    async with running(HELD) as host:
        command = PublishPolicy(state=WA, bundle=b"{}")
        assert await failed(host, command) == "policy-order-malformed"


async def test_a_command_for_a_ledger_not_owned_is_refused() -> None:
    """Another host has the ledger: nothing takes effect here."""
    async with running(HELD) as host:
        entry = await hold(host)
        host.sequencer._drop([WA])
        assert await failed(host, ReadHolds(signed=reading(entry))) == "ledger-not-owned"


def test_each_host_has_its_subject() -> None:
    """Commands for one host are heard by no other."""
    assert command_subject("west") != command_subject("south")


def history(**changes: object) -> ReadHistory:
    """The practice reviewer's wish to read a day of Oregon's licence queries."""
    made = HistoryReading(
        state=OR,
        since=NOW - 86_400,
        until=NOW,
        keys=(MessageKey("DQ"), MessageKey("DR")),
        reviewer=REVIEWER,
        at=NOW,
    )
    return ReadHistory(signed=signed_history_reading(msgspec.structs.replace(made, **changes)))


async def test_a_reading_of_a_history_is_recorded() -> None:
    """One `access` leaf, cited; who, of which days and keys is in its private record alone."""
    async with running(HELD) as host:
        result = await carry_out(host, history())
        index = host.size(OR) - 1
        assert result == CommandDone(entry=f"or/{index}")
        (leaf,) = host.leaves(OR, LeafKind.ACCESS)
        assert (leaf.cites, leaf.agency, leaf.released) == (None, None, None)
        row = host.store.tables.private[OR, index]
        _, leaf_hash = host.store.tables.leaves[OR][index]
        body = host.vault.open(OR, row.sealed, private_place(OR, index, leaf_hash))
        fields = dict(decode_private(body)[1])
        assert fields["history"] == f"{NOW - 86_400}-{NOW}".encode()
        assert fields["keys"] == b"DQ,DR"
        assert fields["reviewer"] == REVIEWER.encode()


@pytest.mark.parametrize(
    "changes",
    [{"reviewer": "Nobody"}, {"at": NOW - 301}, {"since": NOW}],
    ids=["not enrolled", "stale", "no time at all"],
)
async def test_a_reading_of_a_history_that_is_not_fit_records_nothing(
    changes: dict[str, object],
) -> None:
    """Refused, and no leaf says that anybody read."""
    async with running(HELD) as host:
        assert await failed(host, history(**changes)) == "verdict-refused"


async def test_a_reading_of_a_history_with_an_altered_signature_records_nothing() -> None:
    """What was signed is what is read, to the second."""
    async with running(HELD) as host:
        command = history()
        reading = msgspec.structs.replace(command.signed.reading, since=0)
        altered = msgspec.structs.replace(command.signed, reading=reading)
        assert await failed(host, ReadHistory(signed=altered)) == "verdict-refused"


def opening(**changes: object) -> OpenRecord:
    """The practice reviewer's wish to open two fields behind Oregon's first leaf."""
    made = OpeningReading(
        state=OR, entry="or/0", fields=("agency", "case"), reviewer=REVIEWER, at=NOW
    )
    return OpenRecord(signed=signed_opening_reading(msgspec.structs.replace(made, **changes)))


async def test_an_opening_is_recorded() -> None:
    """One `access` leaf that cites the leaf; who opened which fields is in its record alone."""
    async with running(HELD) as host:
        result = await carry_out(host, opening())
        index = host.size(OR) - 1
        assert result == CommandDone(entry=f"or/{index}")
        assert [leaf.cites for leaf in host.leaves(OR, LeafKind.ACCESS)] == ["or/0"]
        _, record = await Records(host.store, host.vault).read(OR, index)
        fields = dict(record.fields)
        assert fields["opened"] == b"agency,case"
        assert fields["reviewer"] == REVIEWER.encode()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reviewer": "Nobody"}, "verdict-refused"),
        ({"at": NOW - 301}, "verdict-refused"),
        ({"entry": "wa/0"}, "verdict-refused"),
        ({"entry": "or/999"}, "leaf-missing"),
    ],
)
async def test_an_opening_that_is_not_fit_records_nothing(
    changes: dict[str, object], code: str
) -> None:
    """Refused, and no leaf says that anything was opened."""
    async with running(HELD) as host:
        size = host.size(OR)
        assert await failed(host, opening(**changes)) == code
        assert host.size(OR) == size


async def test_a_status_says_what_stands_sealed() -> None:
    """How many leaves, how many of them past their time, and in words what the public sees."""
    delay = Publication(delayed_purposes=(Purpose.FIREARM,), delay_months=1)
    policy = encode_bundle(msgspec.structs.replace(bundle(RELEASE, state=WA), publication=delay))
    async with running(policy) as host:
        await host.answer.take(asks(ask_of(claims=Claims(purpose=Purpose.FIREARM))))
        key = next(iter(host.store.tables.delayed))
        row = host.store.tables.private[key]
        altered = msgspec.structs.replace(row.sealed, nonce=bytes(12))
        host.store.tables.private[key] = msgspec.structs.replace(row, sealed=altered)

        async def told() -> tuple[str, str]:
            result = await carry_out(host, AskStatus(member=WA))
            assert isinstance(result, CommandDone)
            facts = dict(result.facts)
            assert facts["publication"] == english_of_publication(delay)
            return facts["detail_sealed"], facts["detail_overdue"]

        assert await told() == ("1", "0")
        host.disk.clock.advance_ns(32 * 86_400 * NS)
        assert await host.reveals.open_due() == 0
        assert await told() == ("1", "1")


def part_command(member: Member = OR, signer: Member = OR, **changes: object) -> PublishDirectory:
    """The command that publishes a member's part with changes."""
    standing = next(part for part in practice_parts() if part.member == member)
    part = msgspec.structs.replace(standing, **changes)
    data = encode_signed_part(sign_part(part, signer_of(signer)))
    return PublishDirectory(member=member, part=data)


async def test_a_part_that_its_member_signed_is_published() -> None:
    """It is in force from its leaf on, which is cited; sent again it is cited again."""
    async with running() as host:
        command = part_command(version=2, duty_contact="new desk, 555-0101")
        for _ in range(2):
            done = await carry_out(host, command)
            assert done == CommandDone(entry=f"or/{host.size(OR) - 1}")
        assert len(host.leaves(OR, LeafKind.DIRECTORY)) == 2
        assert host.world.directory.duty_contact(OR) == "new desk, 555-0101"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (part_command(version=1, duty_contact="other"), "part-version-stale"),
        (part_command(version=3), "part-version-stale"),
        (part_command(version=2, signer=WA), "part-signature-invalid"),
        (
            msgspec.structs.replace(part_command(version=2), member=WA),
            "part-malformed",
        ),
        (PublishDirectory(member=OR, part=b"{}"), "part-malformed"),
        (
            part_command(version=2, agencies=(practice_agency(AUSTIN, "OR/LOCAL", "x"),)),
            "ori-taken",
        ),
    ],
)
async def test_a_part_that_may_not_stand_is_refused(command: Command, code: str) -> None:
    """Not the next version, another's signature or part, none at all, another's agency."""
    async with running() as host:
        size, before = host.size(OR), host.world.directory
        assert await failed(host, command) == code
        assert host.size(OR) == size
        assert host.world.directory is before


async def test_parts_at_once_take_turns() -> None:
    """Of two next versions one is published, and the other is not the next any more."""
    async with running() as host:
        first, second = await asyncio.gather(
            carry_out(host, part_command(version=2, duty_contact="first")),
            carry_out(host, part_command(version=2, duty_contact="second")),
        )
        assert isinstance(first, CommandDone)
        assert isinstance(second, CommandFailed)
        assert second.code == "part-version-stale"
        assert host.world.directory.duty_contact(OR) == "first"
