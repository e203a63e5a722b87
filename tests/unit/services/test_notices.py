"""Notices that are owed, read from a ledger, and the word of a reviewer that one was given."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from comity.domain.agency import Family
from comity.domain.given_notice import GivenHow
from comity.domain.ids import parse_entry_name
from comity.domain.keys import MessageKey
from comity.domain.protection import AddressStands
from comity.domain.query import NO_CLAIMS
from comity.domain.vocabulary import LeafKind
from comity.link.command import CommandDone, CommandFailed, decode_result, encode_command
from comity.link.review import GiveNotice
from comity.policy import Rule
from comity.review.calendars import calendar_of
from comity.review.letters.words import Happened
from comity.review.notices import notices_of
from comity.review.protections import OPEN_ADDRESS
from comity.services.notice_reader import NoticeReader, NoticesRead
from comity.services.vault import month_of
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ALL,
    NOW,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.notices import ORDERED, RULES
from tests.support.protections import protection, signed_protection
from tests.support.review import given, signed_given

RQ = MessageKey("RQ")


async def asked(host: PracticeHost, number: int, **changes: Any) -> None:
    """A request of a Texas agency that rests on a court's order."""
    await host.answer.take(asks(ask_of(number, **{"claims": ORDERED, **changes})))


async def read(host: PracticeHost, since: int = NOW - 60) -> NoticesRead:
    """What the ledger says since a time."""
    reader = NoticeReader(store=host.store, rows=host.store, vault=host.vault)
    return await reader.read(RULES, host.world.directory, since)


async def owed(host: PracticeHost) -> list[tuple[str, Happened]]:
    """The notices that are owed: about which entry, and what became of it."""
    now = datetime.fromtimestamp(NOW, UTC)
    found = [notices_of(RULES, calendar_of(WA), one, now) for one in (await read(host)).asked]
    return [(each.asked.entry, each.happened) for notices in found for each in notices]


async def give(host: PracticeHost, entry: str, **changes: Any) -> CommandDone | CommandFailed:
    """A reviewer's word, as it comes over the wire."""
    signed = signed_given(given(entry, **changes))
    result = decode_result(await host.commands.take(encode_command(GiveNotice(signed=signed))))
    assert isinstance(result, CommandDone | CommandFailed)
    return result


@pytest.mark.parametrize(
    ("rules", "kind", "happened"),
    [
        ((RELEASE,), LeafKind.DISCLOSURE, Happened.RELEASED),
        ((DENY_ALL,), LeafKind.DENIAL, Happened.REFUSED),
        ((RELEASE, HOLD_ALL), LeafKind.HOLD, Happened.HELD),
    ],
)
async def test_a_request_owes_a_notice_until_one_is_given(
    rules: tuple[Rule, ...], kind: LeafKind, happened: Happened
) -> None:
    """Released, refused or held: owed; told by a leaf that cites it, once however often said."""
    async with running(policy_of(WA, *rules)) as host:
        await asked(host, 1)
        await asked(host, 2, claims=NO_CLAIMS)
        ((entry, became),) = await owed(host)
        member, index = parse_entry_name(entry)
        assert member == WA
        assert host.leaves(WA)[index].kind is kind
        assert became is happened
        first = await give(host, entry)
        assert isinstance(first, CommandDone)
        assert await owed(host) == []
        size = host.size(WA)
        again = await give(host, entry, how=GivenHow.HAND)
        assert isinstance(again, CommandDone)
        assert (again.entry, host.size(WA)) == (first.entry, size)
        (told,) = host.leaves(WA, LeafKind.NOTICE)
        assert told.cites == entry


async def test_what_is_older_is_not_read() -> None:
    """Requests accepted before the time that is asked for are left out."""
    async with running(policy_of(WA, DENY_ALL)) as host:
        await asked(host, 1)
        assert len((await read(host, NOW)).asked) == 1
        assert (await read(host, NOW + 1)).asked == ()
        assert (await read(host, NOW + 7_200)).asked == ()


async def test_other_families_are_not_opened() -> None:
    """A clause that means nobody who asked opens no record."""
    async with running(policy_of(WA, DENY_ALL)) as host:
        await asked(host, 1)
        (adopted,) = RULES.adopted
        other = msgspec.structs.replace(adopted, families=frozenset({Family("US/DHS")}))
        rules = msgspec.structs.replace(RULES, adopted=(other,))
        reader = NoticeReader(store=host.store, rows=host.store, vault=host.vault)
        assert (await reader.read(rules, host.world.directory, NOW - 60)).asked == ()


async def test_a_record_that_cannot_be_opened_is_counted() -> None:
    """Its month's key is gone: the list says that one is missing."""
    async with running(policy_of(WA, DENY_ALL)) as host:
        await asked(host, 1)
        host.store.tables.private.clear()
        found = await read(host)
        assert (found.asked, found.unread) == ((), 1)


@pytest.mark.parametrize("how", GivenHow)
async def test_nothing_was_posted_to_a_confidential_address(how: GivenHow) -> None:
    """Post is refused and leaves nothing; by hand, telephone or contact it was given."""
    async with running(policy_of(WA, DENY_ALL)) as host:
        await asked(host, 1)
        ((entry, _),) = await owed(host)
        await host.review.protections.place(signed_protection(protection()))
        size = host.size(WA)
        result = await give(host, entry, how=how)
        if how is GivenHow.POST:
            assert isinstance(result, CommandFailed)
            assert (result.code, host.size(WA)) == ("no-post", size)
            assert "PX000204K7" not in result.text
        else:
            assert isinstance(result, CommandDone)
            assert await owed(host) == []


async def test_post_is_possible_where_the_register_says_so() -> None:
    """The contact may get post; another person; one whom nobody names for certain."""
    async with running(policy_of(WA, DENY_ALL)) as host:
        await asked(host, 1)
        await asked(host, 2, fields=(("OLN", "PX999999Z9"),))
        await asked(host, 3, key=RQ, original_key=RQ, fields=(("LIC", "PX4471"), ("LIT", "PC")))
        entries = [entry for entry, _ in await owed(host)]
        await host.review.protections.place(signed_protection(protection(no_post=False)))
        for entry in entries:
            assert isinstance(await give(host, entry), CommandDone), entry


async def test_nobody_can_say_where_the_register_is_unread() -> None:
    """A key is gone: nothing was posted to anybody, and the rest goes on."""
    async with running(policy_of(WA, DENY_ALL)) as host:
        await host.review.protections.place(signed_protection(protection()))
        host.disk.keyring.destroy(WA, month_of(NOW))
        host.clock.advance_ns(40 * 86_400 * 10**9)
        now = host.clock.now_ns() // 10**9
        await asked(host, 1, fields=(("OLN", "PX999999Z9"),), accepted_at=now)
        found = (await read(host, now - 60)).asked
        day = datetime.fromtimestamp(now, UTC).date() - timedelta(days=1)
        refused = await give(host, found[0].entry, on=day, at=now)
        assert isinstance(refused, CommandFailed)
        assert refused.code == "no-post"
        told = await give(host, found[0].entry, on=day, at=now, how=GivenHow.TELEPHONE)
        assert isinstance(told, CommandDone)


async def test_the_reader_asks_the_register_each_time() -> None:
    """Between two letters a protection was placed: the second one is another."""
    async with running(policy_of(WA, DENY_ALL)) as host:
        await asked(host, 1)
        (one,) = (await read(host)).asked
        reader = NoticeReader(store=host.store, rows=host.store, vault=host.vault)
        assert await reader.address(one, NOW) == OPEN_ADDRESS
        await host.review.protections.place(signed_protection(protection()))
        assert (await reader.address(one, NOW)).stands is AddressStands.CONFIDENTIAL


async def test_a_word_about_nothing_is_refused() -> None:
    """No leaf, a leaf that is no request, another state, a day to come, another's signature."""
    async with running(policy_of(WA, DENY_ALL)) as host:
        await asked(host, 1)
        ((entry, _),) = await owed(host)
        size = host.size(WA)
        wrongs: tuple[tuple[dict[str, Any], str], ...] = (
            ({"entry": "wa/999"}, "notice-refused"),
            ({"entry": "wa/0"}, "notice-refused"),
            ({"entry": "or/0"}, "notice-refused"),
            ({"on": date(2040, 1, 1)}, "notice-refused"),
            ({"reviewer": "somebody"}, "verdict-refused"),
        )
        for wrong, code in wrongs:
            result = await give(host, **{"entry": entry, **wrong})
            assert isinstance(result, CommandFailed)
            assert result.code == code
        assert host.size(WA) == size
