"""Confidential addresses: placed at once, found however asked, ended by two, never passed over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from comity.domain.ids import LeafIndex
from comity.domain.passes import NamedBy, PassPerson
from comity.domain.protection import (
    END_WAITS_DAYS,
    AddressStands,
    SignedProtection,
    SignedProtectionEnd,
)
from comity.domain.vocabulary import LeafKind
from comity.link.command import (
    Command,
    CommandDone,
    CommandFailed,
    CommandResult,
    decode_result,
    encode_command,
)
from comity.link.protections import (
    EndProtection,
    PlaceProtection,
    ProtectionsShown,
    ReadProtections,
)
from comity.ports import StoreDownError
from comity.review.protections import (
    OPEN_ADDRESS,
    AddressSaid,
    ProtectionError,
    ProtectionUnknownError,
)
from comity.review.signatures import VerdictError
from comity.services import protections as module
from comity.services.health import CLOCK_SKEW_NS_MAX, ClockSkewedError
from comity.services.protections import OVER_DAYS_KEPT, ProtectionsFullError
from comity.services.sequencer import NotOwnedError
from comity.services.vault import month_of
from tests.support.exchange import COUNSEL, ENROLLED, SUPERVISOR
from tests.support.gateway import (
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
    running,
)
from tests.support.protections import (
    CONTACT,
    HOW,
    NAMED,
    TODAY,
    ended_by,
    protection,
    signed_protection,
    signed_reading,
)
from tests.support.review import DAY, LICENSEE

OPEN = policy_of(WA, RELEASE)
Search = tuple[tuple[str, str], ...]
BY_NUMBER: Search = (("OLN", "PX000204K7"),)
BY_NAME: Search = (("NAM", "Doe, Jane Ann"), ("DOB", "010290"))
OTHER: Search = (("OLN", "PX999999Z9"),)
BY_PLATE: Search = (("LIC", "PX4471"), ("LIT", "PC"))


@asynccontextmanager
async def protecting(**changes: Any) -> AsyncIterator[tuple[PracticeHost, bytes]]:
    """A host whose Washington protects its practice driver; and the protection's id."""
    async with running(OPEN) as host:
        yield host, await host.review.protections.place(signed_protection(protection(**changes)))


async def said(host: PracticeHost, search: Search, **more: Any) -> AddressSaid:
    """What the register says of a search now."""
    now = host.clock.now_ns() // NS
    return await host.review.protections.reader.of_search(WA, search, now, **more)


async def stands(host: PracticeHost, search: Search = BY_NUMBER, **more: Any) -> AddressStands:
    """Where the address of whom a search names stands."""
    return (await said(host, search, **more)).stands


async def pass_days(host: PracticeHost, days: int) -> None:
    """Let days go by, as the host's upkeep sees them."""
    host.clock.advance_ns(days * DAY * NS)
    await host.health.check()
    await host.review.commands.tend([OR, WA], held=())


async def sent(host: PracticeHost, command: Command) -> CommandResult:
    """What the gateway replies to a command on the wire."""
    return decode_result(await host.commands.take(encode_command(command)))


async def test_a_protection_is_in_force_when_it_is_placed() -> None:
    """By number and by name however written; by nobody else's; and no leaf tells of it."""
    async with running(OPEN) as host:
        size = host.size(WA)
        for search in (BY_NUMBER, BY_NAME, OTHER, BY_PLATE):
            assert await said(host, search) == OPEN_ADDRESS
        await host.review.protections.place(signed_protection(protection()))
        for search in (BY_NUMBER, BY_NAME, (*OTHER, *BY_NAME), (("OLN", "px000204-k7"),)):
            found = await said(host, search)
            assert found.stands is AddressStands.CONFIDENTIAL, search
            assert found.contact is not None
            assert (found.contact.name, found.contact.how) == (CONTACT, HOW)
            assert not found.may_post
        assert await said(host, OTHER) == OPEN_ADDRESS
        assert host.size(WA) == size


async def test_whom_nobody_names_for_certain_is_no_open_address() -> None:
    """A plate, a name alone, a message: unnamed, until a licence number is given."""
    async with protecting() as (host, _):
        for search in (BY_PLATE, (("NAM", "ROE,RICHARD"),), (("", "Who lives there?"),), ()):
            found = await said(host, search)
            assert (found.stands, found.may_post) == (AddressStands.UNNAMED, True), search
        assert await stands(host, BY_PLATE, licence="PX999999Z9") is AddressStands.OPEN
        assert await stands(host, BY_PLATE, licence="PX000204K7") is AddressStands.CONFIDENTIAL
        assert await stands(host, BY_PLATE, licence=" - ") is AddressStands.UNNAMED


async def test_a_vehicle_that_a_protection_names_is_found() -> None:
    """Its plate without type and year, and its number."""
    plate = PassPerson(by=NamedBy.PLATE, value="PX4471/PC")
    async with running(OPEN) as host:
        persons = tuple(sorted((LICENSEE, NAMED, plate)))
        await host.review.protections.place(signed_protection(protection(persons=persons)))
        assert await stands(host, BY_PLATE) is AddressStands.CONFIDENTIAL
        assert await stands(host, (("LIC", "PX 4471"), ("LIY", "2026"))) is (
            AddressStands.CONFIDENTIAL
        )


async def test_rows_and_log_hold_nobody() -> None:
    """Neither number, name, contact nor authority is in clear in what is kept or logged."""
    async with protecting() as (host, _):
        kept = repr(host.store.tables.protections) + repr(host.log.written)
        for text in ("PX000204K7", "DOE", "JANE", "1990", "Safe Address", "555-0177"):
            assert text not in kept, text
        tags = {row.tag for row in await host.store.protections(WA)}
        assert len(tags) == 2


async def test_placing_waits_for_no_clock_and_no_ledger() -> None:
    """INVARIANT (restriction-never-waits)."""
    async with running(OPEN) as host:
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
        await host.health.check()
        assert not host.health.may_release
        await host.review.protections.place(signed_protection(protection()))
        assert await stands(host) is AddressStands.CONFIDENTIAL
        own_id = next(iter(await host.store.protections(WA))).protection_id
        with pytest.raises(ClockSkewedError):
            await host.review.protections.end(ended_by(SUPERVISOR.name, own_id))


async def test_the_same_word_again_is_the_one_that_stands() -> None:
    """A second later, by another person, with another note; a different one is its own."""
    async with protecting() as (host, own_id):
        place = host.review.protections.place
        again = protection(at=NOW + 1, note="sent twice", reviewer=COUNSEL.name)
        assert await place(signed_protection(again)) == own_id
        other = protection(contact="another program", at=NOW + 2)
        assert await place(signed_protection(other)) != own_id
        found = await said(host, BY_NUMBER)
        assert found.contact is not None
        assert found.contact.name == "another program"


async def test_nobody_loosens_one_by_placing_another() -> None:
    """Post is possible only where every protection that stands allows it."""
    async with protecting() as (host, _):
        looser = protection(no_post=False, at=NOW + 1)
        await host.review.protections.place(signed_protection(looser))
        assert not (await said(host, BY_NUMBER)).may_post
    async with protecting(no_post=False) as (host, _):
        assert (await said(host, BY_NUMBER)).may_post


async def test_two_people_end_a_protection() -> None:
    """The first word ends nothing, and the same person's again neither; the second one's does."""
    async with protecting() as (host, own_id):
        end = host.review.protections.end
        for _ in range(2):
            assert await end(ended_by(SUPERVISOR.name, own_id)) is False
            assert await stands(host) is AddressStands.CONFIDENTIAL
        assert await end(ended_by(COUNSEL.name, own_id)) is True
        assert await said(host, BY_NUMBER) == OPEN_ADDRESS
        assert await end(ended_by(SUPERVISOR.name, own_id)) is True
        again = await host.review.protections.place(signed_protection(protection(at=NOW + 1)))
        assert again != own_id
        assert await stands(host) is AddressStands.CONFIDENTIAL


async def test_the_first_word_waits_seven_days() -> None:
    """After them it counts no more: the next one is a first again."""
    async with protecting() as (host, own_id):
        end = host.review.protections.end
        assert await end(ended_by(SUPERVISOR.name, own_id)) is False
        await pass_days(host, END_WAITS_DAYS + 1)
        at = host.clock.now_ns() // NS
        assert await end(ended_by(COUNSEL.name, own_id, at=at)) is False
        assert await stands(host) is AddressStands.CONFIDENTIAL
        await pass_days(host, END_WAITS_DAYS)
        at = host.clock.now_ns() // NS
        assert await end(ended_by(SUPERVISOR.name, own_id, at=at)) is True


async def test_the_last_day_counts_whole() -> None:
    """In force on it, over on the next."""
    async with protecting(until=TODAY + timedelta(days=2)) as (host, _):
        await pass_days(host, 2)
        assert await stands(host) is AddressStands.CONFIDENTIAL
        await pass_days(host, 1)
        assert await stands(host) is AddressStands.OPEN


async def test_without_a_last_day_it_stands_for_years() -> None:
    """Month after month under the newest key, so that no schedule takes it."""
    async with protecting(until=None) as (host, _):
        for _ in range(36):
            gone = month_of(host.clock.now_ns() // NS)
            await pass_days(host, 31)
            host.disk.keyring.destroy(WA, gone)
            assert await stands(host) is AddressStands.CONFIDENTIAL


async def test_an_order_that_destroys_finds_it_under_the_newest_key() -> None:
    """What is carried out next destroys the month; the protection went on before."""
    async with protecting() as (host, _):
        first = month_of(host.clock.now_ns() // NS)
        host.clock.advance_ns(40 * DAY * NS)
        await host.review.commands.tend([WA], held=[WA])
        numbers = {row.sealed.key_number for row in await host.store.protections(WA)}
        assert numbers == {month_of(host.clock.now_ns() // NS)} != {first}


async def test_a_key_that_is_gone_makes_every_letter_wait() -> None:
    """Nobody knows any more whom it named: unread, for the whole state and no other one."""
    async with protecting() as (host, own_id):
        month = month_of(host.clock.now_ns() // NS)
        host.disk.keyring.destroy(WA, month)
        for search in (BY_NUMBER, OTHER, BY_PLATE):
            found = await said(host, search)
            assert (found.stands, found.may_post) == (AddressStands.UNREAD, False), search
        reader = host.review.protections.reader
        assert await reader.of_search(OR, OTHER, NOW) == OPEN_ADDRESS
        await host.review.commands.tend([WA], held=())
        assert host.events.counts["protection_unread"] == 1
        assert await stands(host, OTHER) is AddressStands.UNREAD
        # Placed anew beside it: it is found, and everybody else still waits.
        await host.review.protections.place(signed_protection(protection(at=NOW + 1)))
        assert await stands(host) is AddressStands.CONFIDENTIAL
        assert await stands(host, OTHER) is AddressStands.UNREAD
        end = host.review.protections.end
        assert await end(ended_by(SUPERVISOR.name, own_id)) is False
        assert await stands(host, OTHER) is AddressStands.UNREAD
        assert await end(ended_by(COUNSEL.name, own_id)) is True
        assert await stands(host, OTHER) is AddressStands.OPEN
        assert await stands(host) is AddressStands.CONFIDENTIAL


async def test_a_row_that_was_altered_is_unread() -> None:
    """Bytes that were changed or moved open nothing, and are never an open address."""
    async with protecting() as (host, _):
        rows = await host.store.protections(WA)
        worse = [
            msgspec.structs.replace(row, sealed=msgspec.structs.replace(row.sealed, body=b"x" * 40))
            for row in rows
        ]
        await host.store.keep_protection(WA, rows[0].protection_id, worse)
        assert await stands(host, OTHER) is AddressStands.UNREAD
        moved = [msgspec.structs.replace(row, tag=bytes([n]) * 16) for n, row in enumerate(rows, 1)]
        await host.store.keep_protection(WA, rows[0].protection_id, moved)
        assert await stands(host, OTHER) is AddressStands.UNREAD


async def test_a_restart_finds_what_was_placed() -> None:
    """Another life on the same disk; one end said before counts."""
    async with protecting() as (host, own_id):
        assert await host.review.protections.end(ended_by(SUPERVISOR.name, own_id)) is False
    async with running(disk=host.disk) as host:
        assert await stands(host) is AddressStands.CONFIDENTIAL
        assert await host.review.protections.end(ended_by(COUNSEL.name, own_id)) is True


async def test_a_store_that_is_away_says_so() -> None:
    """Nothing is placed, and nothing is told as open."""
    async with running(OPEN) as host:
        host.store.is_down = True
        with pytest.raises(StoreDownError):
            await host.review.protections.place(signed_protection(protection()))
        with pytest.raises(StoreDownError):
            await said(host, BY_NUMBER)
        host.store.is_down = False
        assert await host.store.protections(WA) == []


async def test_what_persisted_though_it_failed_stands_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The word that was lost is sent again and finds its own."""
    async with running(OPEN) as host:
        keep = host.store.keep_protection

        async def lost(*values: Any) -> None:
            await keep(*values)
            raise StoreDownError("the connection was cut")

        with monkeypatch.context() as patched:
            patched.setattr(host.store, "keep_protection", lost)
            with pytest.raises(StoreDownError):
                await host.review.protections.place(signed_protection(protection()))
        await host.review.protections.place(signed_protection(protection(at=NOW + 1)))
        assert await host.store.protection_count(WA) == 1


async def test_one_that_was_over_long_ago_is_deleted() -> None:
    """After a year and a day; not while the member holds anything for a court."""
    async with protecting(until=TODAY) as (host, _):
        await pass_days(host, OVER_DAYS_KEPT)
        assert await host.store.protection_count(WA) == 1
        host.clock.advance_ns(2 * DAY * NS)
        await host.health.check()
        await host.review.commands.tend([WA], held=[WA])
        assert await host.store.protection_count(WA) == 1
        await host.review.commands.tend([WA], held=())
        assert await host.store.protection_count(WA) == 0


async def test_so_many_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit one more is refused; the same again is none more."""
    monkeypatch.setattr(module, "PROTECTIONS_MAX", 1)
    async with protecting() as (host, own_id):
        place = host.review.protections.place
        assert await place(signed_protection(protection())) == own_id
        with pytest.raises(ProtectionsFullError):
            await place(signed_protection(protection(contact="another program")))


async def test_what_is_refused_changes_nothing() -> None:
    """No enrolled key, another's signature, long ago, another state's, no such id."""
    async with running(OPEN) as host:
        place, end = host.review.protections.place, host.review.protections.end
        made = protection()
        altered = SignedProtection(
            protection=protection(contact="a friend"), proof=signed_protection(made).proof
        )
        for wrong in (
            altered,
            signed_protection(protection(reviewer="nobody")),
            signed_protection(protection(at=NOW - 301)),
        ):
            with pytest.raises(VerdictError):
                await place(wrong)
        with pytest.raises(ProtectionError):
            await place(signed_protection(protection(persons=(LICENSEE,))))
        with pytest.raises((NotOwnedError, VerdictError)):
            await place(signed_protection(protection(state=TX)))
        assert await host.store.protections(WA) == []
        with pytest.raises(ProtectionUnknownError):
            await end(ended_by(SUPERVISOR.name, bytes(16)))
        own_id = await place(signed_protection(made))
        good = ended_by(SUPERVISOR.name, own_id)
        with pytest.raises(VerdictError):
            await end(SignedProtectionEnd(end=ended_by(COUNSEL.name, own_id).end, proof=good.proof))
        with pytest.raises(ProtectionUnknownError):
            await end(ended_by(SUPERVISOR.name, own_id, state=OR))
        assert (await host.review.protections.one(WA, own_id)).file is not None


async def test_commands_place_read_and_end() -> None:
    """The list names nobody; one is an access leaf first, and so is a look for a person."""
    async with running(OPEN) as host:
        placed = await sent(host, PlaceProtection(signed=signed_protection(protection())))
        assert isinstance(placed, CommandDone)
        own_id = dict(placed.facts)["protection"]
        size = host.size(WA)
        listed = await sent(host, ReadProtections(signed=signed_reading()))
        assert isinstance(listed, ProtectionsShown)
        (view,) = listed.protections
        assert (view.protection, view.persons, view.contact, listed.count) == (own_id, (), "", 1)
        assert (listed.access_entry, host.size(WA)) == ("", size)
        one = await sent(host, ReadProtections(signed=signed_reading(protection=own_id)))
        assert isinstance(one, ProtectionsShown)
        (view,) = one.protections
        assert (view.persons, view.contact) == ((LICENSEE, NAMED), CONTACT)
        for number, found in ((LICENSEE, 1), (msgspec.structs.replace(LICENSEE, value="PX1"), 0)):
            looked = await sent(host, ReadProtections(signed=signed_reading(person=number)))
            assert isinstance(looked, ProtectionsShown)
            assert len(looked.protections) == found
            assert looked.access_entry
        leaves = host.leaves(WA, LeafKind.ACCESS)
        assert (len(leaves), [leaf.cites for leaf in leaves]) == (3, [None] * 3)
        for who, over in ((SUPERVISOR.name, "no"), (COUNSEL.name, "yes")):
            done = await sent(host, EndProtection(signed=ended_by(who, bytes.fromhex(own_id))))
            assert isinstance(done, CommandDone)
            assert dict(done.facts) == {"is_over": over}
        assert host.size(WA) == size + 3


async def test_an_unread_one_is_told_as_such() -> None:
    """In the list first; who looks for a person is told that more may stand."""
    async with protecting() as (host, own_id):
        host.disk.keyring.destroy(WA, month_of(host.clock.now_ns() // NS))
        listed = await sent(host, ReadProtections(signed=signed_reading()))
        assert isinstance(listed, ProtectionsShown)
        assert [(v.protection, v.placed_at) for v in listed.protections] == [(own_id.hex(), 0)]
        looked = await sent(host, ReadProtections(signed=signed_reading(person=NAMED)))
        assert isinstance(looked, ProtectionsShown)
        assert (looked.protections, looked.is_unread) == ((), True)


async def test_a_reading_needs_an_enrolled_key_and_one_wish() -> None:
    """Else nothing is recorded and nothing is shown."""
    async with protecting() as (host, own_id):
        size = host.size(WA)
        for changes, code in (
            ({"reviewer": ENROLLED.name}, "verdict-refused"),
            ({"protection": "0" * 32}, "protection-unknown"),
            ({"protection": own_id.hex(), "person": NAMED}, "protection-refused"),
            ({"person": msgspec.structs.replace(NAMED, born="")}, "protection-refused"),
        ):
            result = await sent(host, ReadProtections(signed=signed_reading(**changes)))
            assert isinstance(result, CommandFailed), changes
            assert result.code == code
        assert host.size(WA) == size


async def test_what_a_requester_is_told_is_the_same() -> None:
    """With and without a protection the answer and its leaf are alike."""
    told = []
    for is_protected in (False, True):
        async with running(OPEN) as host:
            if is_protected:
                await host.review.protections.place(signed_protection(protection()))
            host.courier.take()
            await host.answer.take(asks(ask_of(1)))
            (parcel,) = host.courier.take()
            answer = msgspec.structs.replace(parcel.answer, proofs=())  # type: ignore[union-attr]
            told.append((answer, host.leaves(WA)[-1].kind))
    assert told[0] == told[1]


async def test_a_request_whose_record_is_gone_is_unread() -> None:
    """Only where the state protects anybody at all."""
    async with running(OPEN) as host:
        await host.answer.take(asks(ask_of(1)))
        reader, index = host.review.protections.reader, LeafIndex(host.size(WA) - 1)
        host.store.tables.private.clear()
        assert await reader.of_leaf(WA, index, NOW) == OPEN_ADDRESS
        await host.review.protections.place(signed_protection(protection()))
        assert (await reader.of_leaf(WA, index, NOW)).stands is AddressStands.UNREAD
