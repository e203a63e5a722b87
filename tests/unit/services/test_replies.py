"""A reply to a reviewer's question: the same agency's and person's, kept beside the hold, once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import LeafIndex, entry_name
from comity.domain.keys import MessageKey
from comity.domain.query import Claims, Exchange, Query
from comity.domain.vocabulary import DataClass, LeafKind
from comity.exchange.replies import REPLY_CHARS_MAX, replied_entry, reply_text
from comity.formats.text import parse_query, render_query
from comity.link.holds import Replied
from comity.link.parcel import Answered
from comity.ports import HoldRow
from comity.services.entry import Entry, HoldEnd
from comity.services.replies import REPLIES_MAX
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ADDRESS,
    HOLD_ALL,
    NOW,
    OR,
    RELEASE,
    SALEM,
    SALEM_CONTROL,
    SEATTLE_CONTROL,
    WA,
    PracticeHost,
    ask_of,
    asks,
    note_leaf,
    policy_of,
    running,
)

MINE = Claims(operator="B1234", case_number="26-118")
TEXT = "She is the driver of the second car.\nCase 26-118."
PARTLY = policy_of(WA, RELEASE, HOLD_ADDRESS)
"""Driver's data are partly held; messages go."""


async def held(host: PracticeHost, **changes: Any) -> HoldRow:
    """A hold of an agency's query, Austin's unless changed, whose reviewer has asked something."""
    await host.answer.take(asks(ask_of(1, claims=MINE, **changes)))
    (row,) = await host.store.open_holds([WA])
    await ask(host, row)
    host.courier.take()
    return await now_of(host, row)


async def ask(host: PracticeHost, row: HoldRow) -> None:
    """Have the hold's reviewer ask something, as a verdict's batch does."""
    end = HoldEnd(leaf_index=row.leaf_index, closed=False, asked_at=NOW)
    entry = Entry(
        member=WA,
        exchange_id=row.exchange_id,
        leaves=(note_leaf(WA, row.next_step),),
        hold_end=end,
    )
    await host.sequencer.commit([entry])


async def now_of(host: PracticeHost, row: HoldRow) -> HoldRow:
    """The same hold as it stands now."""
    found = await host.store.open_hold(WA, row.leaf_index)
    assert found is not None
    return found


def message(row: HoldRow, number: int = 2, body: str = "", **changes: Any) -> Exchange:
    """Austin's message to Washington about the hold."""
    text = body or reply_text(entry_name(WA, row.leaf_index), TEXT)
    am = MessageKey("AM")
    values: dict[str, Any] = {
        "key": am,
        "original_key": am,
        "fields": (("", text),),
        "claims": MINE,
    }
    return ask_of(number, **(values | changes))


async def told(host: PracticeHost, exchange: Exchange) -> Answer:
    """What its sender is told."""
    await host.answer.take(asks(exchange))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel.answer


async def test_a_reply_is_kept_beside_its_hold_and_goes_to_no_terminal() -> None:
    """One leaf, recorded before anybody is told; what was asked is asked no more."""
    async with running(PARTLY) as host:
        row = await held(host)
        assert row.asked_at is not None
        answer = await told(host, message(row))
        assert (answer.response, answer.is_final) == (ResponseKind.DELIVERED, True)
        assert answer.remark == f"REPLY KEPT FOR THE REVIEW OF WA/{row.leaf_index}"
        index = host.size(WA) - 1
        leaf = host.leaves(WA)[index]
        assert (leaf.kind, leaf.released) == (LeafKind.DISCLOSURE, (DataClass.OPAQUE,))
        after = await now_of(host, row)
        assert after == msgspec.structs.replace(row, asked_at=None, replies=(LeafIndex(index),))
        assert host.store.tables.results == {}


async def test_a_reply_is_read_back_with_its_hold() -> None:
    """Word for word, with the leaf that recorded it; of one that was expunged the leaf alone."""
    async with running(PARTLY) as host:
        row = await held(host)
        entry = entry_name(WA, row.leaf_index)
        assert await host.desk.replies(await host.desk.hold(entry)) == ()
        await told(host, message(row))
        place = entry_name(WA, host.size(WA) - 1)
        (found,) = await host.desk.replies(await host.desk.hold(entry))
        assert (found.entry, found.text) == (place, TEXT)
        assert abs(found.at - host.clock.now_ns() // 1_000_000_000) <= 1
        host.store.tables.private.clear()
        assert await host.desk.replies(await host.desk.hold(entry)) == (Replied(entry=place),)


async def test_a_reply_that_comes_again_is_told_the_same() -> None:
    """From the store: no second leaf, no second reply."""
    async with running(PARTLY) as host:
        row = await held(host)
        first = await told(host, message(row))
        size = host.size(WA)
        assert await told(host, message(row)) == first
        assert host.size(WA) == size
        assert len((await now_of(host, row)).replies) == 1


async def is_kept(host: PracticeHost, row: HoldRow, exchange: Exchange) -> bool:
    """Send a message; say whether it was taken for a reply, else it went as any message goes."""
    before = await now_of(host, row)
    answer = await told(host, exchange)
    after = await now_of(host, row)
    is_reply = "REPLY KEPT" in answer.remark
    assert (after != before) is is_reply
    if not is_reply:
        assert answer.remark == f"DELIVERED TO {SEATTLE_CONTROL}"
        assert host.store.tables.results
    return is_reply


@pytest.mark.parametrize(
    "changes",
    [
        {"claims": msgspec.structs.replace(MINE, operator="B9")},
        {"claims": msgspec.structs.replace(MINE, operator="")},
        {"body": "REPLY TO WA/9999\nx"},
        {"body": "REPLY TO OR/3\nx"},
        {"body": "REPLY TO WA\nx"},
        {"body": " REPLY TO WA/3\nx"},
        {"body": "x\nREPLY TO WA/3\nx"},
    ],
)
async def test_anything_else_is_a_message_like_any_other(changes: dict[str, Any]) -> None:
    """Another person's, another hold's, another form: delivered, and the hold stays asked."""
    async with running(PARTLY) as host:
        row = await held(host)
        assert not await is_kept(host, row, message(row, **changes))


async def test_another_agencys_message_is_no_reply() -> None:
    """Nor of the same member's, under the same number; then from the agency itself it is one."""
    async with running(PARTLY) as host:
        salem: dict[str, Any] = {"origin": OR, "agency": SALEM}
        row = await held(host, **salem)
        assert not await is_kept(host, row, message(row, 2, **(salem | {"agency": SALEM_CONTROL})))
        assert not await is_kept(host, row, message(row, 3))
        assert await is_kept(host, row, message(row, 4, **salem))


async def test_nobody_replies_to_what_was_not_asked() -> None:
    """A second reply to one question is a message; after another question one more is kept."""
    async with running(PARTLY) as host:
        row = await held(host)
        assert await is_kept(host, row, message(row, 2))
        assert not await is_kept(host, row, message(row, 3))
        await ask(host, await now_of(host, row))
        assert await is_kept(host, row, message(row, 4))
        assert len((await now_of(host, row)).replies) == 2


async def test_replies_of_a_hold_are_bounded() -> None:
    """Beyond the limit a reply is delivered as any message is."""
    async with running(PARTLY) as host:
        row = await held(host)
        place = (WA, int(row.leaf_index))
        full = tuple(LeafIndex(at) for at in range(100, 100 + REPLIES_MAX))
        host.store.tables.holds[place] = msgspec.structs.replace(row, replies=full[1:])
        assert await is_kept(host, row, message(row, 2))
        host.store.tables.holds[place] = msgspec.structs.replace(row, replies=full)
        assert not await is_kept(host, row, message(row, 3))


async def test_what_a_states_rules_refuse_is_no_reply() -> None:
    """A denial stands: nothing is kept, and the hold stays as it was."""
    async with running(PARTLY) as host:
        row = await held(host)
        await host.overtake(WA, policy_of(WA, RELEASE, DENY_ALL, version=2))
        answer = await told(host, message(row))
        assert answer.response is ResponseKind.REFUSED
        assert await now_of(host, row) == row


async def test_what_a_states_rules_would_hold_reaches_the_person_who_asked() -> None:
    """A reply is not held once more; any other message of the agency is."""
    async with running(PARTLY) as host:
        row = await held(host)
        await host.overtake(WA, policy_of(WA, RELEASE, HOLD_ALL, version=2))
        assert (await told(host, message(row, 3, "Hello"))).response is ResponseKind.HELD
        assert (await told(host, message(row))).response is ResponseKind.DELIVERED
        assert len((await now_of(host, row)).replies) == 1
        leaf = host.leaves(WA)[host.size(WA) - 1]
        assert (leaf.kind, leaf.cites) == (
            LeafKind.DISCLOSURE, entry_name(WA, row.leaf_index),
        )  # fmt: skip


@pytest.mark.parametrize("size", [1, REPLY_CHARS_MAX])
def test_a_reply_is_read_back(size: int) -> None:
    """In any spelling of its first line; a key that is none, and a text too long, are no reply."""
    text = "x" * size
    key = MessageKey("AM")
    assert replied_entry(key, reply_text("wa/12", text)) == ("wa/12", text)
    assert replied_entry(key, f"reply to wa/12 \n{text}\n") == ("wa/12", text)
    assert replied_entry(MessageKey("DQ"), reply_text("wa/12", text)) is None
    assert replied_entry(key, reply_text("wa/12", "x" * (REPLY_CHARS_MAX + 1))) is None
    assert replied_entry(key, reply_text("wa/12", "  \n ")) is None
    assert replied_entry(key, reply_text("zz/12", text)) is None


def test_a_text_line_can_reply() -> None:
    """The network's own text carries the same message, and who sends it."""
    body = reply_text("wa/12", TEXT)
    query = Query(
        key=MessageKey("AM"),
        origin=SALEM,
        destinations=("WA",),
        fields=(("", body),),
        claims=MINE,
    )
    read = parse_query(render_query(query))
    assert replied_entry(read.key, read.value("") or "") == ("wa/12", TEXT)
    assert read.claims == MINE
