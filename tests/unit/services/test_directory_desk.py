"""The directory's desk: what control terminals change, once; what is answered; help files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.directory.limits import HELP_CHARS_MAX
from comity.directory.part import SignedPart, sign_part
from comity.domain.ids import ORI, ExchangeId, Member, make_id
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import LeafKind
from comity.ports import Lookup, Record, SourceError
from comity.services.directory_desk import DirectoryDesk, help_file_of
from comity.services.publishing import publication_id
from tests.support.directory import signer_of
from tests.support.gateway import (
    AUSTIN,
    EUGENE,
    NOW,
    NS,
    OR,
    SALEM,
    WA,
    Disk,
    PracticeHost,
    practice_agency,
    practice_parts,
    running,
    turns,
)

PATROL, SECOND, NEW = ORI("ORPX00004"), ORI("ORPX00005"), ORI("ORPX00099")
ADD = (
    ("ORI", NEW),
    ("AGN", "EXAMPLE POLICE"),
    ("LOC", "EXAMPLE"),
    ("TYP", "PD"),
    ("FAM", "OR/LOCAL/PD"),
)


def cause(number: int, at: int = NOW) -> ExchangeId:
    """The id of an exchange."""
    return ExchangeId(make_id(at * NS + number, number.to_bytes(8, "big")))


def signed_oregon(version: int = 2, **changes: object) -> SignedPart:
    """Oregon's part with two control terminals."""
    standing = next(part for part in practice_parts() if part.member == OR)
    patrol = practice_agency(PATROL, "OR/STATE/PATROL", "or-patrol")
    agencies = (
        *(agency for agency in standing.agencies if not agency.is_control),
        msgspec.structs.replace(patrol, is_control=True),
        msgspec.structs.replace(
            practice_agency(SECOND, "OR/STATE/PATROL", "or-second"), is_control=True
        ),
    )
    values: dict[str, object] = {"agencies": agencies, "version": version}
    part = msgspec.structs.replace(standing, **(values | changes))
    return sign_part(part, signer_of(OR))


@asynccontextmanager
async def desks(disk: Disk | None = None) -> AsyncIterator[tuple[PracticeHost, DirectoryDesk]]:
    """A host whose Oregon has control terminals, and its directory's desk."""
    async with running(disk=disk) as host:
        if disk is None:
            await host.founding.publish_parts([signed_oregon()])
        yield host, desk_of(host)


def desk_of(host: PracticeHost) -> DirectoryDesk:
    """The desk of a host."""
    return DirectoryDesk(
        world=host.world, store=host.store, publisher=host.publisher, events=host.events
    )


def lookup(
    key: str,
    *fields: tuple[str, str],
    number: int = 1,
    sender: ORI = PATROL,
    to: Sequence[str] = (),
    state: Member = OR,
) -> Lookup:
    """What the desk is asked for a message."""
    return Lookup(
        state=state,
        key=MessageKey(key),
        fields=fields,
        agency=sender,
        to=tuple(map(ORI, to)),
        exchange_id=cause(number),
    )


def help_message(operation: str, text: str = "", number: int = 1, **more: object) -> Lookup:
    """A message to Oregon's file about plates."""
    fields = (("", text),) if text else ()
    found = lookup("AM", *fields, number=number, to=(f"ORLIC{operation}",))
    return msgspec.structs.replace(found, **more)


async def said(desk: DirectoryDesk, *lookups: Lookup) -> list[str]:
    """The texts that a desk answers with."""
    texts = []
    for found in await desk.find(lookups):
        assert isinstance(found, Record)
        assert found.elements == ()
        texts.append(found.text)
    return texts


async def first_line(desk: DirectoryDesk, asked: Lookup) -> str:
    """The first line of an answer."""
    (text,) = await said(desk, asked)
    return text.splitlines()[0]


async def test_an_agency_is_added_updated_and_deleted() -> None:
    """Each makes a version with its leaf, cited, in force at once and after a restart."""
    async with desks() as (host, desk):
        (text,) = await said(desk, lookup("TA", *ADD))
        assert text.startswith(f"ADDED {NEW}\nDIRECTORY OR VERSION 3 RECORDED AS OR/")
        assert text.splitlines()[1].endswith(f"/{host.size(OR) - 1}")
        agency = host.world.directory.agency(NEW)
        assert agency is not None
        assert agency.place == "EXAMPLE"
        update = lookup("TU", ("ORI", NEW), ("ACT", "I"), number=2)
        assert await first_line(desk, update) == f"UPDATED {NEW}"
        await host.crash()
        async with running(disk=host.disk) as next_life:
            found = next_life.world.directory.agency(NEW)
            assert found == msgspec.structs.replace(agency, active=False)
            delete = lookup("TD", ("ORI", NEW), number=3)
            assert await first_line(desk_of(next_life), delete) == f"DELETED {NEW}"
            assert next_life.world.directory.agency(NEW) is None
            assert len(next_life.leaves(OR, LeafKind.DIRECTORY)) == 5


async def test_the_same_again_makes_no_version() -> None:
    """Of another message: said so, without a leaf."""
    async with desks() as (host, desk):
        await said(desk, lookup("TA", *ADD))
        size = host.size(OR)
        for number, key, fields in ((2, "TA", ADD), (3, "TU", (("ORI", NEW), ("TYP", "PD")))):
            again = lookup(key, *fields, number=number)
            assert await first_line(desk, again) == f"NO CHANGE - {NEW} IS AS THE MESSAGE SAYS"
        gone = lookup("TD", ("ORI", "ORPX00077"), number=4)
        assert await first_line(desk, gone) == "NO CHANGE - ORPX00077 IS NOT LISTED"
        assert host.size(OR) == size


async def test_an_exchange_asked_again_changes_once() -> None:
    """Also when others changed the agency since: what they did stands."""
    async with desks() as (host, desk):
        add = lookup("TA", *ADD)
        await said(desk, add)
        index = host.size(OR) - 1
        await said(desk, lookup("TD", ("ORI", NEW), number=2))
        size = host.size(OR)
        (text,) = await said(desk, add)
        assert text == f"DONE BEFORE - {NEW}\nDIRECTORY OR VERSION 4 RECORDED AS OR/{index}"
        assert host.world.directory.agency(NEW) is None
        assert host.size(OR) == size


async def test_an_exchange_asked_again_after_a_crash_changes_once() -> None:
    """The ledger knows what it did; the next life of the host asks it."""
    async with desks() as (host, desk):
        await said(desk, lookup("TA", *ADD))
        await said(desk, lookup("TD", ("ORI", NEW), number=2))
        await host.crash()
        async with running(disk=host.disk) as next_life:
            again = lookup("TA", *ADD)
            assert await first_line(desk_of(next_life), again) == f"DONE BEFORE - {NEW}"
            assert next_life.world.directory.agency(NEW) is None


async def test_changes_at_once_take_turns() -> None:
    """Of many at one moment, each makes its version; none is lost."""
    async with desks() as (host, desk):
        adds = [lookup("TA", ("ORI", f"ORPX001{n:02}"), *ADD[1:], number=n + 1) for n in range(20)]
        texts = await said(desk, *adds)
        versions = [text.splitlines()[1].split()[3] for text in texts]
        assert versions == [str(3 + n) for n in range(20)]
        part = host.world.directory.part(OR)
        assert part is not None
        assert (part.version, len(part.agencies)) == (22, 24)


@pytest.mark.parametrize(
    ("fields", "sender", "code"),
    [
        (ADD, SALEM, "NOT-CONTROL-TERMINAL"),
        (ADD, AUSTIN, "NOT-CONTROL-TERMINAL"),
        ((("ORI", "WAPX00099"), *ADD[1:]), PATROL, "ORI-NOT-OWN"),
        ((("ORI", "ORLICHELP"), *ADD[1:]), PATROL, "ORI-RESERVED"),
        ((("ORI", SALEM), *ADD[1:]), PATROL, "ORI-LISTED"),
        ((*ADD[:4], ("FAM", "WA/LOCAL")), PATROL, "FAMILY-NOT-OWN"),
        (ADD[:4], PATROL, "DIRECTORY-FIELD-INVALID"),
    ],
)
async def test_a_refusal_is_an_answer(
    fields: tuple[tuple[str, str], ...], sender: ORI, code: str
) -> None:
    """With its code in the first line; nothing is recorded and nothing changes."""
    async with desks() as (host, desk):
        size, before = host.size(OR), host.world.directory
        assert await first_line(desk, lookup("TA", *fields, sender=sender)) == f"REFUSED - {code}"
        assert host.size(OR) == size
        assert host.world.directory is before


async def test_a_members_part_is_changed_by_its_own_agency_alone() -> None:
    """A control terminal of Oregon changes nothing of Washington's."""
    async with desks() as (host, desk):
        foreign = lookup("TA", ("ORI", "WAPX00099"), *ADD[1:4], ("FAM", "WA/LOCAL"), state=WA)
        assert await first_line(desk, foreign) == "REFUSED - NOT-CONTROL-TERMINAL"
        assert host.world.directory.member_of(ORI("WAPX00099")) is None


async def test_a_control_terminal_can_leave_while_another_stays() -> None:
    """The last one cannot."""
    async with desks() as (_, desk):
        assert await first_line(desk, lookup("TD", ("ORI", PATROL))) == f"DELETED {PATROL}"
        last = lookup("TU", ("ORI", SECOND), ("ACT", "I"), number=2, sender=SECOND)
        assert await first_line(desk, last) == "REFUSED - LAST-CONTROL-TERMINAL"


async def test_without_the_members_key_the_part_is_signed_elsewhere() -> None:
    """The refusal says what to do; what needs no signature is answered as ever."""
    async with desks() as (host, desk):
        del host.signer_of_parts.keys[OR]
        size = host.size(OR)
        (text,) = await said(desk, lookup("TA", *ADD))
        assert text.startswith("REFUSED - DIRECTORY-SIGNED-ELSEWHERE\n")
        assert "COMITY DIRECTORY PUBLISH" in text
        gone = lookup("TD", ("ORI", "ORPX00077"), number=2)
        assert (await first_line(desk, gone)).startswith("NO CHANGE")
        assert host.size(OR) == size


async def test_a_key_that_is_not_the_pinned_one_publishes_nothing() -> None:
    """A wrong file beside the host is told as what it is."""
    async with desks() as (host, desk):
        host.signer_of_parts.keys[OR] = signer_of(WA)
        size = host.size(OR)
        assert await first_line(desk, lookup("TA", *ADD)) == "REFUSED - PART-SIGNATURE-INVALID"
        assert host.size(OR) == size


@pytest.mark.parametrize("fault", CommitFault)
async def test_a_commit_that_fails_or_whose_word_is_lost(fault: CommitFault) -> None:
    """Whether it persisted or not, the change is made once, and the world has what stands."""
    async with desks() as (host, desk):
        host.store.commit_fault = fault
        assert await first_line(desk, lookup("TA", *ADD)) == f"ADDED {NEW}"
        (row,) = [r for r in await host.store.directory_parts() if r.member == OR]
        part = host.world.directory.part(OR)
        assert part is not None
        assert part.version == row.version == 3
        assert len(host.leaves(OR, LeafKind.DIRECTORY)) == 3


async def test_a_change_that_was_begun_is_carried_to_its_end() -> None:
    """Whoever asked may have given up: when the store is back, ledger and world agree."""
    async with desks() as (host, desk):
        host.store.is_down = True
        asking = asyncio.ensure_future(desk.find([lookup("TA", *ADD)]))
        await turns(20)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert host.world.directory.agency(NEW) is None
        host.store.is_down = False
        await turns(50)
        assert host.world.directory.agency(NEW) is not None
        assert await first_line(desk, lookup("TA", *ADD, number=2)) == (
            f"NO CHANGE - {NEW} IS AS THE MESSAGE SAYS"
        )


async def test_a_turn_that_was_not_taken_is_given_up() -> None:
    """Whoever waits behind a change and goes away has changed nothing."""
    async with desks() as (host, desk):
        host.store.is_down = True
        first = asyncio.ensure_future(desk.find([lookup("TA", *ADD)]))
        await turns(5)
        second = asyncio.ensure_future(desk.find([lookup("TD", ("ORI", SALEM), number=2)]))
        await turns(5)
        second.cancel()
        host.store.is_down = False
        await first
        await turns(20)
        assert host.world.directory.agency(NEW) is not None
        assert host.world.directory.agency(SALEM) is not None


async def test_a_ledger_that_was_lost_is_no_answer() -> None:
    """Nothing is known and nothing changes: the origin asks again."""
    async with desks() as (host, desk):
        host.sequencer._drop([OR])
        (found,) = await desk.find([lookup("TA", *ADD)])
        assert isinstance(found, SourceError)
        assert host.world.directory.agency(NEW) is None


async def test_a_change_without_its_exchange_is_not_made() -> None:
    """It could not be told from its repeat."""
    async with desks() as (host, desk):
        size = host.size(OR)
        for asked in (lookup("TA", *ADD), help_message("UPDT", "TEXT")):
            bare = msgspec.structs.replace(asked, exchange_id=ExchangeId(b""))
            (found,) = await desk.find([bare])
            assert isinstance(found, SourceError)
        assert host.size(OR) == size


async def test_the_world_catches_up_with_what_the_store_has() -> None:
    """A version that stands in the store but was not taken here is taken before the next."""
    async with desks() as (host, desk):
        other = host.founding.part_entry(signed_oregon(3, duty_contact="new"), cause(7))
        await host.sequencer.commit([other])
        (found,) = await desk.find([lookup("TA", *ADD)])
        assert isinstance(found, SourceError)
        assert host.world.directory.duty_contact(OR) == "new"
        assert await first_line(desk, lookup("TA", *ADD)) == f"ADDED {NEW}"


async def test_agencies_are_found() -> None:
    """By identifier any member's; by place those of today's directory; nothing is no record."""
    async with desks() as (_, desk):
        assert await first_line(desk, lookup("TQ", ("ORI", AUSTIN), sender=SALEM)) == (
            f"DIRECTORY ENTRY {AUSTIN}"
        )
        assert "INACTIVE" in (await said(desk, lookup("TQ", ("ORI", EUGENE))))[0]
        place = lookup("TQ", ("LOC", "EXAMPLE"), ("TYP", "PD"), ("STA", "OR"))
        assert await desk.find([place]) == [None]
        await said(desk, lookup("TA", *ADD))
        assert await first_line(desk, place) == f"DIRECTORY ENTRY {NEW}"
        wrong = lookup("TQ", ("TYP", "PD"))
        assert await first_line(desk, wrong) == "REFUSED - DIRECTORY-FIELD-INVALID"


async def test_a_help_file_is_written_appended_and_cancelled() -> None:
    """Each answer is the file as it stands; reading is for everyone, and survives a restart."""
    async with desks() as (host, desk):
        read = help_message("HELP", agency=AUSTIN)
        empty = "NO LIC HELP INFORMATION AVAILABLE FOR THIS USER"
        assert await said(desk, read) == [empty]
        assert await said(desk, help_message("UPDT", "NEW HELP", 1)) == ["NEW HELP"]
        assert await said(desk, help_message("APND", "MORE", 2)) == ["NEW HELP\nMORE"]
        async with running(disk=host.disk) as next_life:
            assert await said(desk_of(next_life), read) == ["NEW HELP\nMORE"]
        assert await said(desk, help_message("CNCL", "", 3)) == [empty]
        assert await said(desk, read) == [empty]


async def test_a_help_message_asked_again_changes_once() -> None:
    """It appends once, and does not take the place of what came after it."""
    async with desks() as (_, desk):
        append = help_message("APND", "ONE", 1)
        assert await said(desk, append, append) == ["ONE", "ONE"]
        assert await said(desk, help_message("UPDT", "TWO", 2)) == ["TWO"]
        assert await said(desk, append) == ["TWO"]


@pytest.mark.parametrize("sender", [SALEM, AUSTIN, EUGENE, ORI("ORPX00088")])
async def test_a_help_file_is_its_members_own(sender: ORI) -> None:
    """Only a control terminal of the member changes it."""
    async with desks() as (_, desk):
        changed = help_message("UPDT", "TEXT", agency=sender)
        assert await first_line(desk, changed) == "REFUSED - NOT-CONTROL-TERMINAL"
        assert (await said(desk, help_message("HELP")))[0].startswith("NO LIC HELP")


async def test_a_help_file_at_its_limit() -> None:
    """Beyond it the message is refused, and the file stays."""
    async with desks() as (_, desk):
        full = "A" * HELP_CHARS_MAX
        assert await said(desk, help_message("UPDT", full)) == [full]
        beyond = help_message("APND", "B", 2)
        assert await first_line(desk, beyond) == "REFUSED - HELP-FILE-TOO-LONG"
        assert await said(desk, help_message("HELP")) == [full]


async def test_a_store_that_is_down_is_no_answer() -> None:
    """Neither for reading a help file nor for changing it; a query needs no store."""
    async with desks() as (host, desk):
        host.store.is_down = True
        asked = [help_message("HELP"), help_message("UPDT", "X"), lookup("TQ", ("ORI", SALEM))]
        read, changed, found = await desk.find(asked)
        assert isinstance(read, SourceError)
        assert isinstance(changed, SourceError)
        assert isinstance(found, Record)


async def test_a_message_to_another_members_file_is_not_answered() -> None:
    """Nor one to an agency."""
    async with desks() as (_, desk):
        for to in (("WALICHELP",), (SALEM,), ()):
            (found,) = await desk.find([msgspec.structs.replace(help_message("HELP"), to=to)])
            assert isinstance(found, SourceError)
        assert help_file_of(help_message("HELP")) is not None


def test_what_an_exchange_publishes_has_an_id_of_its_own() -> None:
    """Of the exchange's time, so that its key is kept as long; another than the exchange's."""
    first, second = publication_id(cause(1)), publication_id(cause(2))
    assert first[:8] == cause(1)[:8]
    assert first != cause(1)
    assert first[8:] != second[8:]
    assert len(first) == 16
