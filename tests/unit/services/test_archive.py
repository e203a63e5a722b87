"""The archive's desk on a whole host: who finds what, what is gone, and that nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from comity.domain.answer import Element, ResponseKind
from comity.domain.ids import ORI, ExchangeId, Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import AgencyType, DataClass
from comity.link.parcel import Ask
from comity.ports import Lookup, Record, SourceError
from comity.services import archive as module
from comity.services import traffic as traffic_module
from comity.services.archive import KEPT_SECONDS_MAX, SEARCHES_MAX, ArchiveDesk
from comity.services.vault import month_of
from tests.support.gateway import (
    EUGENE,
    LINE,
    NOW,
    NS,
    OR,
    SALEM,
    TX,
    WA,
    PracticeHost,
    answer_to,
    answers,
    frame,
    held_answer_to,
    practice_agency,
    running,
)

CONTROL, BOATS, TACOMA = ORI("ORPX00003"), ORI("ORPX00004"), ORI("WAPX00001")
SPAN = (("TYP", "ALL"), ("BEG", "20261123"), ("END", "20261124"))
PHOTO = Element(data_class=DataClass.PHOTO, name="PHOTO", value="U0VDUkVUUElDVFVSRQ==")
NAME = Element(data_class=DataClass.IDENTITY, name="NAME", value="O'Brien,Jane Ann")


@pytest.fixture
async def host() -> AsyncIterator[PracticeHost]:
    """A host whose Oregon has police, a control terminal and boats; its Washington one agency."""
    async with running() as host:
        washington = host.world.directory.part(WA)
        assert washington is not None
        tacoma = practice_agency(TACOMA, "WA/LOCAL/PD", LINE)
        newer = msgspec.structs.replace(
            washington, version=washington.version + 1, agencies=(tacoma,)
        )
        host.world.directory = host.world.directory.with_part(newer)
        part = host.world.directory.part(OR)
        assert part is not None
        agencies = (
            part.agencies[0],
            practice_agency(EUGENE, "OR/LOCAL/PD", LINE),
            msgspec.structs.replace(
                practice_agency(CONTROL, "OR/STATE", LINE), is_control=True, type=AgencyType.SA
            ),
            msgspec.structs.replace(practice_agency(BOATS, "OR/STATE", LINE), type=AgencyType.NJ),
        )
        newer = msgspec.structs.replace(part, version=part.version + 1, agencies=agencies)
        host.world.directory = host.world.directory.with_part(newer)
        await host.open_line()
        yield host


def desk_of(host: PracticeHost, wait_s: float = 9.0) -> ArchiveDesk:
    """The host's archive, that waits for a search and does not rest."""
    return ArchiveDesk(
        world=host.world,
        store=host.store,
        vault=host.vault,
        clock=host.clock,
        events=host.events,
        wait_s=wait_s,
        rest_s=0.0,
    )


def lookup(*fields: tuple[str, str], who: ORI = CONTROL, key: str = "NLQ", **more: str) -> Lookup:
    """What the archive is asked, by the control terminal unless somebody else does."""
    state = Member(more.get("state", OR))
    return Lookup(state=state, key=MessageKey(key), agency=who, fields=fields)


async def told(host: PracticeHost, asked: Lookup) -> list[str]:
    """The lines that the archive answers with; none if it has nothing."""
    (found,) = await desk_of(host).find([asked])
    assert not isinstance(found, SourceError)
    if found is None:
        return []
    assert found.elements == ()
    return found.text.split("\n")


async def listed(host: PracticeHost, *fields: tuple[str, str], who: ORI = CONTROL) -> list[str]:
    """The references that a search of two days finds, in the order of the list."""
    lines = await told(host, lookup(*SPAN, *fields, who=who))
    return [line.split()[1] for line in lines if line[:1].isdigit()]


async def full(host: PracticeHost, references: str, who: ORI = CONTROL) -> list[str]:
    """The lines of the full text of some references."""
    return await told(host, lookup(("REF", references), who=who, key="NFQ"))


async def traffic(
    host: PracticeHost, number: int = 1, who: ORI = SALEM, *, image: bool = False
) -> str:
    """A query to Texas and its answer; return the query's reference."""
    fields = (("OLN", "PX000204K7"), ("IMQ", "Y")) if image else (("OLN", "PX000204K7"),)
    await host.send(frame(number, origin=who, fields=fields))
    (exchange,) = [p.exchange for p in host.courier.take() if isinstance(p, Ask)]
    answer = answer_to(exchange, elements=(NAME, PHOTO), response=ResponseKind.HIT)
    await host.origin.take_answers(answers(answer))
    return exchange.query_entry.upper()


async def test_a_search_finds_a_query_and_what_was_delivered(host: PracticeHost) -> None:
    """The newest first: the delivery, then the query that it answers, each under its reference."""
    first = await traffic(host)
    assert await listed(host, ("FND", SALEM)) == [f"{first}-1", first]
    assert await listed(host, ("NAM", "OBRIEN,JANE")) == [f"{first}-1"]
    assert await listed(host, ("FND", "PX000204K7")) == [first]
    assert await listed(host, ("FND", "PX000204K7"), ("ORR", "BRIEN")) == [f"{first}-1", first]


async def test_what_a_reviewer_released_later_stands_with_its_query(host: PracticeHost) -> None:
    """Deliveries count from one, in the order in which the line got them."""
    await host.send(frame(1))
    (exchange,) = [p.exchange for p in host.courier.take() if isinstance(p, Ask)]
    await host.origin.take_answers(answers(held_answer_to(exchange)))
    host.clock.advance_ns(3 * 86_400 * NS)
    await host.origin.take_answers(answers(answer_to(exchange, step=1)))
    entry = exchange.query_entry.upper()
    assert await listed(host, ("FND", SALEM)) == [f"{entry}-2", f"{entry}-1", entry]
    lines = await full(host, f"{entry}-2")
    assert lines[0].startswith(f"1. {entry}-2 11/26/2026 23:00 DR TXOLN0000 TO {SALEM}")


async def test_an_agency_finds_its_own_alone(host: PracticeHost) -> None:
    """Another agency of the same member finds nothing of it; its control terminal everything."""
    salem = await traffic(host, 1)
    eugene = await traffic(host, 2, EUGENE)
    assert await listed(host, ("FND", "JANE"), who=SALEM) == [f"{salem}-1"]
    assert await listed(host, ("FND", "JANE"), who=EUGENE) == [f"{eugene}-1"]
    assert await listed(host, ("FND", "JANE")) == [f"{eugene}-1", f"{salem}-1"]


async def test_full_text_is_authorised_anew(host: PracticeHost) -> None:
    """Whoever names a reference that is not its own is told what it is told of none at all."""
    salem, eugene = await traffic(host, 1), await traffic(host, 2, EUGENE)
    lines = await full(host, f"{salem},{eugene},OR/99999", who=SALEM)
    assert lines[0].startswith(f"1. {salem} ")
    assert f"DQ.{SALEM}.TX.*C1.TXT" in lines
    assert lines[-3] == f"2. {eugene}: NOT THERE, OR NOT YOURS TO SEE"
    assert lines[-1] == "3. OR/99999: NOT THERE, OR NOT YOURS TO SEE"
    assert await full(host, f"{eugene},{eugene}-1", who=SALEM) == []


async def test_no_reference_leads_to_another_member(host: PracticeHost) -> None:
    """An outcome leaf of another's query, or another ledger's leaf, opens nothing."""
    mine = await traffic(host)
    assert await full(host, mine.replace("OR/", "WA/")) == []
    for leaf in range(host.size(OR)):
        lines = await full(host, f"OR/{leaf}")
        assert bool(lines) is (f"OR/{leaf}" == mine)


async def test_another_members_traffic_on_the_same_host_is_not_seen(host: PracticeHost) -> None:
    """Not by its control terminal, not in a list, not by a reference that is right."""
    mine, theirs = await traffic(host, 1), await traffic(host, 2, TACOMA)
    assert theirs.startswith("WA/")
    assert await listed(host, ("FND", "JANE")) == [f"{mine}-1"]
    assert await full(host, f"{theirs},{theirs}-1") == []
    own = lookup(("REF", theirs), who=TACOMA, key="NFQ", state=WA)
    assert (await told(host, own))[0].startswith(f"1. {theirs} ")


async def test_deliveries_are_counted_within_their_member(host: PracticeHost) -> None:
    """A message that also went to another member's agency keeps its references here."""
    entry = await traffic(host)
    ((exchange_id, _), row), *_ = host.store.tables.results.items()
    other = msgspec.structs.replace(row, member=WA, exchange_id=ExchangeId(bytes(16)), number=1)
    host.store.tables.results[other.exchange_id, 0] = other
    assert row.exchange_id == exchange_id
    assert await listed(host, ("FND", "JANE")) == [f"{entry}-1"]
    assert (await full(host, f"{entry}-1"))[0].startswith(f"1. {entry}-1 ")


async def test_images_are_neither_found_nor_shown(host: PracticeHost) -> None:
    """A photo that was delivered is named, and that is all."""
    entry = await traffic(host, image=True)
    lines = await full(host, f"{entry}-1")
    assert "PHOTO AVAILABLE" in lines
    assert PHOTO.value not in "".join(lines)
    assert await listed(host, ("FND", PHOTO.value[:8])) == []


async def test_keys_that_an_agency_may_not_search_are_dropped(host: PracticeHost) -> None:
    """The others are searched, and the answer says what was not."""
    mine = await traffic(host, 1, BOATS)
    asked = lookup(("TYP", "SOQ,DQ,SOR"), *SPAN[1:], ("FND", "DQ"), who=BOATS)
    lines = await told(host, asked)
    assert "NOT AUTHORISED, NOT SEARCHED: SOQ SOR" in lines
    assert lines[-1].startswith(f"1. {mine} ")


async def test_a_search_without_a_key_that_is_left_is_refused(host: PracticeHost) -> None:
    """Nothing is searched, and the answer carries the code."""
    asked = lookup(("TYP", "SOQ,TA"), *SPAN[1:], ("FND", "DQ"), who=BOATS)
    (line, *more) = await told(host, asked)
    assert "archive-refused" in " ".join([line, *more])


@pytest.mark.parametrize(
    "asked",
    [
        lookup(*SPAN, ("FND", "X"), who=ORI("ORPX00009")),
        lookup(*SPAN, ("FND", "X"), state=WA),
        lookup(*SPAN, ("FND", "X"), key="DQ"),
        lookup(("REF", "WA/1"), key="NFQ", state=TX),
    ],
    ids=["unlisted", "another member", "another key", "another member's text"],
)
async def test_whoever_is_no_agency_of_the_member_is_refused(
    host: PracticeHost, asked: Lookup
) -> None:
    """The archive is a member's own agencies'."""
    assert "archive-refused" in " ".join(await told(host, asked))


async def test_an_inactive_agency_is_refused(host: PracticeHost) -> None:
    """What its member has switched off may find nothing."""
    part = host.world.directory.part(OR)
    assert part is not None
    off = tuple(msgspec.structs.replace(a, active=False) for a in part.agencies)
    newer = msgspec.structs.replace(part, version=part.version + 1, agencies=off)
    host.world.directory = host.world.directory.with_part(newer)
    assert "archive-refused" in " ".join(await told(host, lookup(*SPAN, ("FND", "X"))))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (lookup(*SPAN), "archive-search-malformed"),
        (lookup(SPAN[0], ("BEG", "1"), SPAN[2], ("FND", "X")), "archive-time-malformed"),
        (lookup(("REF", "X"), key="NFQ"), "archive-reference-malformed"),
    ],
)
async def test_a_malformed_message_is_answered_with_its_code(
    host: PracticeHost, asked: Lookup, code: str
) -> None:
    """It is not asked again for ever: the answer says what is wrong."""
    assert code in " ".join(await told(host, asked))


async def test_nothing_found_is_no_record(host: PracticeHost) -> None:
    """A search that read everything and found nothing has nothing to say."""
    await traffic(host)
    assert await told(host, lookup(*SPAN, ("FND", "NOBODY"))) == []


async def test_time_is_that_of_the_query(host: PracticeHost) -> None:
    """A query is found in its minute, not in the one before or after."""
    entry = await traffic(host)
    for minute, found in (("2259", []), ("2300", [f"{entry}-1"]), ("2301", [])):
        at = (("TYP", "ALL"), ("BEG", f"20261123@{minute}"), ("END", f"20261123@{minute}"))
        lines = await told(host, lookup(*at, ("FND", "JANE")))
        assert [line.split()[1] for line in lines if line[:1].isdigit()] == found


async def test_what_cannot_be_opened_is_counted(host: PracticeHost) -> None:
    """A month's key is gone: its messages are not there, and the list says how many."""
    entry = await traffic(host)
    host.disk.keyring.destroy(OR, month_of(NOW))
    lines = await told(host, lookup(*SPAN, ("FND", "JANE")))
    assert "COULD NOT BE OPENED: 2" in lines
    assert await full(host, entry) == []


async def test_an_altered_row_hides_no_other(host: PracticeHost) -> None:
    """A row whose bytes were changed is counted, and the search goes on."""
    await traffic(host, 1)
    second = await traffic(host, 2)
    (key, row), *_ = host.store.tables.results.items()
    sealed = msgspec.structs.replace(row.sealed, body=b"x" * 40)
    host.store.tables.results[key] = msgspec.structs.replace(row, sealed=sealed)
    lines = await told(host, lookup(*SPAN, ("FND", "JANE")))
    assert "COULD NOT BE OPENED: 1" in lines
    assert lines[-1].startswith(f"1. {second}-1 ")


async def test_what_has_expired_is_not_there(host: PracticeHost) -> None:
    """The archive keeps nothing of its own: when the rows go, it has nothing."""
    entry = await traffic(host)
    await host.store.expire(NOW + 15 * 86_400, [])
    assert await listed(host, ("FND", "JANE")) == []
    assert await full(host, entry) == []


async def test_a_message_of_another_members_agency_is_found(host: PracticeHost) -> None:
    """What came to an agency unasked has a reference of its own, which opens it again."""
    entry = await traffic(host)
    row = next(iter(host.store.tables.results.values()))
    host.store.tables.accepted.clear()
    (reference,) = await listed(host, ("FND", "JANE"), who=SALEM)
    assert reference.startswith("OR/")
    assert reference.endswith("-1")
    assert reference != f"{entry}-1"
    assert (await full(host, reference, who=SALEM))[0].startswith(f"1. {reference} ")
    assert await full(host, reference, who=EUGENE) == []
    assert await full(host, f"{entry}-1") == []
    assert row.member == OR


async def test_what_was_not_delivered_by_itself_is_no_message(host: PracticeHost) -> None:
    """An answer that stands in another delivery has a row without a number: it is passed over."""
    entry = await traffic(host)
    (key, row), *_ = host.store.tables.results.items()
    part = msgspec.structs.replace(row, exchange_id=ExchangeId(bytes(16)), number=0)
    host.store.tables.results[part.exchange_id, 0] = part
    lines = await told(host, lookup(*SPAN, ("FND", "JANE")))
    assert lines[0] == "ARCHIVE: 1 FOUND, 1 LISTED, 2 SEARCHED"
    assert lines[-1].startswith(f"1. {entry}-1 ")
    assert key in host.store.tables.results


async def test_many_pages_are_read_in_order(
    host: PracticeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the pages, every message comes once, the newest first."""
    monkeypatch.setattr(traffic_module, "ACCEPTED_PAGE_ROWS", 2)
    monkeypatch.setattr(traffic_module, "RESULT_PAGE_ROWS", 1)
    entries = []
    for number in range(1, 6):
        host.clock.advance_ns(NS)
        entries.append(await traffic(host, number))
    expected = [name for entry in reversed(entries) for name in (f"{entry}-1", entry)]
    assert await listed(host, ("FND", SALEM)) == expected


async def test_a_long_search_says_where_it_ended(
    host: PracticeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its limit of rows a search is whole; one beyond, it names the time to go on from."""
    for number in (1, 2):
        await traffic(host, number)
        host.clock.advance_ns(3_600 * NS)
    monkeypatch.setattr(module, "SEARCHED_ROWS_MAX", 4)
    assert "ENDED" not in " ".join(await told(host, lookup(*SPAN, ("FND", SALEM))))
    monkeypatch.setattr(module, "SEARCHED_ROWS_MAX", 2)
    lines = " ".join(await told(host, lookup(*SPAN, ("FND", "NOBODY"))))
    assert "END/20261123@2300" in lines


async def test_nobody_waits_for_a_long_search(host: PracticeHost) -> None:
    """It goes on by itself; whoever asks again gets what it found, once."""
    entry = await traffic(host)
    desk = desk_of(host, wait_s=0.0)
    asked = lookup(*SPAN, ("FND", "JANE"))
    (first,) = await desk.find([asked])
    assert isinstance(first, SourceError)
    await host.until("archive_searched")
    (found,) = await desk.find([asked])
    assert isinstance(found, Record)
    assert f"{entry}-1" in found.text
    (again,) = await desk.find([asked])
    assert isinstance(again, SourceError)
    await desk.close()


async def test_searches_run_one_at_a_time(host: PracticeHost) -> None:
    """The next one begins when the one before it is over, however many are asked for."""
    await traffic(host)
    desk = desk_of(host)
    running_now, most = 0, 0
    inner = desk._list

    async def counted(*args: object) -> object:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        try:
            return await inner(*args)  # type: ignore[arg-type]
        finally:
            running_now -= 1

    desk._list = counted  # type: ignore[method-assign, assignment]
    found = await desk.find([lookup(*SPAN, ("FND", f"ZZ{n}")) for n in range(5)])
    assert found == [None] * 5
    assert most == 1


async def test_searches_in_hand_have_a_limit(host: PracticeHost) -> None:
    """At the limit each is taken, the next one is told to ask again; then there is room."""
    desk = desk_of(host)
    asked = [lookup(*SPAN, ("FND", f"ZZ{n}")) for n in range(SEARCHES_MAX + 1)]
    found = await desk.find(asked)
    assert found[:-1] == [None] * SEARCHES_MAX
    assert isinstance(found[-1], SourceError)
    assert await desk.find(asked[-1:]) == [None]


async def test_what_nobody_fetches_is_forgotten(host: PracticeHost) -> None:
    """At its time it is still there; a second later the search is made again."""
    await traffic(host)
    desk = desk_of(host, wait_s=0.0)
    asked = lookup(*SPAN, ("FND", "JANE"))
    for wait, kept in ((KEPT_SECONDS_MAX, True), (KEPT_SECONDS_MAX + 1, False)):
        done = host.events.counts["archive_searched"]
        await desk.find([asked])
        await host.until("archive_searched", done + 1)
        await asyncio.sleep(0)
        host.clock.advance_ns(wait * NS)
        (found,) = await desk.find([asked])
        assert isinstance(found, Record) is kept
    await desk.close()


async def test_a_store_that_is_down_is_no_answer(host: PracticeHost) -> None:
    """Nothing is known: the asker asks again, and is answered when it is back."""
    await traffic(host)
    host.store.is_down = True
    desk = desk_of(host)
    for asked in (lookup(*SPAN, ("FND", "JANE")), lookup(("REF", "OR/1"), key="NFQ")):
        (found,) = await desk.find([asked])
        assert isinstance(found, SourceError)
    host.store.is_down = False
    assert isinstance((await desk.find([lookup(*SPAN, ("FND", "JANE"))]))[0], Record)
