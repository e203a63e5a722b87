"""What another member's gateway can make this one record, deliver or reveal."""

from __future__ import annotations

import pytest

from comity.domain.ids import ORI, ExchangeId
from comity.domain.keys import MessageKey
from comity.domain.query import Exchange
from comity.domain.vocabulary import LeafKind
from comity.link.parcel import Answered, RefusalCode, Refused
from tests.support.gateway import (
    RELEASE,
    SEATTLE,
    SEATTLE_CONTROL,
    SEATTLE_CONTROL_LINE,
    SEATTLE_LINE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)

OPEN = policy_of(WA, RELEASE)


def message(body: str = "WATCH FOR A BLUE SEDAN", **changes: object) -> Exchange:
    """A message of Austin's to Seattle's police."""
    values: dict[str, object] = {
        "key": MessageKey("AM"),
        "original_key": MessageKey("AM"),
        "fields": (("", body),),
        "to": (SEATTLE,),
        "control": "C7",
    }
    return ask_of(**(values | changes))  # type: ignore[arg-type]


async def answered(host: PracticeHost, exchange: Exchange) -> list[Answered | Refused]:
    """What comes back for an exchange."""
    await host.answer.take(asks(exchange))
    return [p for p in host.courier.take() if isinstance(p, Answered | Refused)]


async def refusal(host: PracticeHost, exchange: Exchange) -> RefusalCode | None:
    """How an exchange is refused, or None."""
    (parcel,) = await answered(host, exchange)
    return parcel.code if isinstance(parcel, Refused) else None


def texts(host: PracticeHost) -> list[tuple[str, str, str]]:
    """What lines were delivered since the last call: line, key, text."""
    lines = [line for line, *_ in host.lines.delivered]
    return [
        (line, said.delivery.key, said.delivery.text)
        for line, (_, _, said) in zip(lines, host.lines.take(), strict=True)
    ]


async def open_lines(host: PracticeHost) -> None:
    """Connect the lines of Seattle's agencies."""
    for line in (SEATTLE_LINE, SEATTLE_CONTROL_LINE):
        await host.open_line(line)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": (SEATTLE_CONTROL,)},
        {"to": (SEATTLE, SEATTLE_CONTROL)},
        {"to": ()},
        {"to": (SEATTLE_CONTROL,), "fields": (("", "SOMETHING NOBODY DECIDED"),)},
    ],
)
async def test_a_repeat_with_other_contents_delivers_nothing(changes: dict[str, object]) -> None:
    """Under the id of a message that was let in, no other one reaches anybody, unrecorded."""
    async with running(OPEN) as host:
        await open_lines(host)
        await answered(host, message())
        assert len(texts(host)) == 1
        (parcel,) = await answered(host, message(**changes))  # type: ignore[arg-type]
        assert isinstance(parcel, Answered)
        assert texts(host) == []
        assert len(host.leaves(WA, LeafKind.DISCLOSURE)) == 1


async def lost(mail: object) -> frozenset[ExchangeId]:
    """A delivery that a crash kept from being made."""
    return frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": (("", "SOMETHING NOBODY DECIDED"),)},
        {"control": "C8"},
        {"key": MessageKey("AML"), "original_key": MessageKey("AML")},
    ],
)
async def test_after_a_crash_only_what_was_recorded_is_delivered(
    changes: dict[str, object],
) -> None:
    """The leaf stands and the line got nothing: another message in its place stays out."""
    async with running(OPEN) as host:
        disk = host.disk
        host.mailroom.deliver = lost  # type: ignore[method-assign]
        await answered(host, message())
    async with running(disk=disk) as host:
        await open_lines(host)
        await answered(host, message(**changes))  # type: ignore[arg-type]
        assert texts(host) == []
        await answered(host, message())
        assert [line for line, _, _ in texts(host)] == [SEATTLE_LINE]


@pytest.mark.parametrize("original", ["DR", "ER", "SM", "YQ", "AML"])
async def test_a_message_is_not_delivered_under_a_key_that_was_not_decided(original: str) -> None:
    """A forged original key would be read as a state's answer, or the network's own word."""
    async with running(OPEN) as host:
        await open_lines(host)
        forged = message(original_key=MessageKey(original))
        assert await refusal(host, forged) is RefusalCode.KEY_NOT_ANSWERED
        assert texts(host) == []


@pytest.mark.parametrize(("key", "original"), [("DQ", "AM"), ("DQ", "RQG"), ("RQ", "DQG")])
async def test_a_query_is_not_asked_under_another_original_key(key: str, original: str) -> None:
    """What an agency sent is delivered as what the table says, and as nothing else."""
    async with running(OPEN) as host:
        forged = ask_of(key=MessageKey(key), original_key=MessageKey(original))
        assert await refusal(host, forged) is RefusalCode.KEY_NOT_ANSWERED


async def test_a_regional_query_comes_under_its_own_original_key() -> None:
    """DQG is delivered as DQ."""
    async with running(OPEN) as host:
        assert await refusal(host, ask_of(original_key=MessageKey("DQG"))) is None


@pytest.mark.parametrize("key", ["TQ", "TA", "NLQ", "NFQ", "SM", "YR", "DR", "ER"])
async def test_what_a_member_answers_to_its_own_is_answered_to_nobody_else(key: str) -> None:
    """Directory, archive, status and answers of persons: not even decided."""
    async with running(OPEN) as host:
        foreign = ask_of(key=MessageKey(key), original_key=MessageKey(key), to=(SEATTLE,))
        assert await refusal(host, foreign) is RefusalCode.KEY_NOT_ANSWERED
        assert len(host.leaves(WA, LeafKind.DISCLOSURE)) == 0


async def test_a_response_key_asks_nothing_of_anybody() -> None:
    """DR is what a state answers with; an agency that sends it to its own state gets no record."""
    async with running(OPEN) as host:
        own = ask_of(
            state=WA, origin=WA, agency=SEATTLE, key=MessageKey("DR"), original_key=MessageKey("DR")
        )
        assert await refusal(host, own) is RefusalCode.KEY_NOT_ANSWERED


async def test_a_help_file_is_changed_by_its_own_member_alone() -> None:
    """An operation in the name of another member's agency is answered, and changes nothing."""
    async with running(OPEN) as host:
        forged = message("OURS", to=(ORI("WALICUPDT"),))
        await answered(host, forged)
        assert host.store.tables.help_files == {}


async def test_one_message_that_cannot_be_rendered_keeps_no_other() -> None:
    """What fails for one exchange of an envelope is that exchange's alone."""
    async with running(OPEN) as host:
        await open_lines(host)
        whole = host.deliveries._row

        def refuses(item: object, *rest: object) -> object:
            if b"POISON" in rest[1][1]:  # type: ignore[index]
                raise ValueError("no")
            return whole(item, *rest)  # type: ignore[arg-type]

        host.deliveries._row = refuses  # type: ignore[method-assign,assignment]
        other = ask_of(
            2,
            key=MessageKey("AM"),
            original_key=MessageKey("AM"),
            fields=(("", "FINE"),),
            to=(SEATTLE,),
        )
        await host.answer.take(asks(message("POISON"), other))
        done = [p for p in host.courier.take() if isinstance(p, Answered)]
        assert [p.answer.exchange_id for p in done] == [other.exchange_id]
        assert [text for _, _, text in texts(host)] == ["FINE"]
