"""What a case says of earlier decisions for the same agency."""

from __future__ import annotations

import pytest

from comity.console.pages.before_words import before_words
from comity.console.pages.case import _PAST_SECONDS_MAX
from comity.console.people import Role
from comity.directory.directory import load_directory
from comity.domain.ids import ExchangeId, LeafIndex, Member, make_id
from comity.domain.vocabulary import DataClass
from comity.link.command import HoldView
from comity.review.past import Became, PastDecision
from comity.services.past_decisions import Past
from comity.services.sealed_rows import LeavesMissingError
from tests.support.console import PracticeConsole, console_on, person_of
from tests.support.directory import trust
from tests.support.gateway import NOW, NS, WA, running
from tests.unit.console.test_cases import HELD, give, held

NOBODY = load_directory((), trust(WA))[0]
HSI = "USPX021HS"
OF_THREE = "Of this agency's requests that were held and have ended,"
HELD_PARTS = (DataClass.STATUS, DataClass.IDENTITY)
HOLD = HoldView(
    entry="wa/900",
    exchange_id=ExchangeId(make_id(NOW * 1_000_000_000, b"exchange")),
    agency=HSI,
    agency_name="An agency",
    key="DQ",
    purpose="criminal_investigation",
    offence="not_stated",
    instrument="not_stated",
    case_number="",
    operator="",
    assurance="not_stated",
    opened_at=NOW,
    until=NOW + 3_600,
    next_step=1,
    classes=HELD_PARTS,
    withheld=(),
)


def decided(
    index: int, became: Became, agency: str = HSI, parts: tuple[DataClass, ...] = HELD_PARTS
) -> PastDecision:
    """One decision at a place in the ledger, an hour for each."""
    return PastDecision(
        index=LeafIndex(index), hold_index=LeafIndex(index - 1), became=became, agency=agency,
        hour=NOW // 3_600 - 100 + index, held_hour=NOW // 3_600 - 200, held=parts,
        released=(),
    )  # fmt: skip


def words(*decisions: PastDecision) -> dict[str, object]:
    """What is said beside the hold of HSI; the newest decision is given first."""
    past = Past(decisions=decisions, first=0, size=1_000)
    return before_words(past, HOLD, Member("wa"), NOBODY, NOW)


@pytest.mark.parametrize(
    ("decisions", "sentence"),
    [
        ([], "No decision about this agency stands by its name in what was read of the ledger."),
        (
            [decided(9, Became.RELEASED, "USPX011ER")],
            "No decision about this agency stands by its name in what was read of the ledger.",
        ),
        ([decided(9, Became.ASKED)], "No request of this agency that was held has ended yet."),
        (
            [decided(9, Became.PART), decided(8, Became.REFUSED, "USPX011ER")],
            "The one request of this agency that has ended was released in whole or part.",
        ),
        (
            [decided(9, Became.EXPIRED)],
            "The one request of this agency that has ended was not released in whole or part.",
        ),
        (
            [decided(9, Became.RELEASED), decided(8, Became.REFUSED), decided(7, Became.EXPIRED)],
            f"{OF_THREE} 1 of 3 (33.3%) was released in whole or part.",
        ),
    ],
)
def test_it_counts_what_was_decided_for_the_same_agency(
    decisions: list[PastDecision], sentence: str
) -> None:
    """Of no other agency, and only what has ended."""
    assert words(*decisions)["sentence"] == sentence


def test_decisions_on_the_same_parts_stand_first() -> None:
    """Three at most: those alike first, then the newest."""
    other = (DataClass.ADDRESS,)
    rows = words(
        decided(9, Became.REFUSED, parts=other),
        decided(8, Became.REFUSED, parts=other),
        decided(7, Became.RELEASED),
        decided(6, Became.EXPIRED, parts=HELD_PARTS[::-1]),
        decided(5, Became.RELEASED, "USPX011ER"),
    )["rows"]
    assert [(row["entry"], row["is_alike"]) for row in rows] == [  # type: ignore[attr-defined]
        ("WA/7", True), ("WA/6", True), ("WA/9", False),
    ]  # fmt: skip


def test_what_decided_nothing_takes_no_decisions_place() -> None:
    """A question, which a call back is in public too, and a passing on stand in no row."""
    rows = words(
        decided(9, Became.ASKED),
        decided(8, Became.PASSED_ON),
        decided(7, Became.ASKED),
        decided(6, Became.REFUSED),
    )["rows"]
    assert [row["entry"] for row in rows] == ["WA/6"]  # type: ignore[attr-defined]


async def case(console: PracticeConsole, number: int) -> str:
    """The words of a case's page."""
    token = console.sign_in(person_of(Role.REVIEWER))
    return (await console.get(f"/state/cases/{number}", token)).text


async def test_case_shows_what_real_verdicts_left() -> None:
    """Read anew after five minutes; until then what was read stands."""
    async with running(HELD) as host, console_on(host) as console:
        first, second, third = [await held(host, number) for number in (1, 2, 3)]
        assert "No decision about this agency stands by its name" in await case(console, first)
        token = console.sign_in(person_of(Role.REVIEWER))
        await give(console, token, first, "release")
        await give(console, token, second, "refuse", clause="HOLD")
        assert "No decision about this agency stands by its name" in await case(console, third)
        host.clock.advance_ns(int(_PAST_SECONDS_MAX + 1) * NS)
        text = await case(console, third)
        assert "1 of 2 (50.0%) was released in whole or part." in text
        assert "Released The same parts" in text
        assert "Refused The same parts" in text


async def test_ledger_that_cannot_be_read_hides_no_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """A case can be decided without what was decided before."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)

        async def missing(*_: object) -> list[bytes]:
            raise LeavesMissingError("leaves are missing")

        monkeypatch.setattr(host.store, "leaves", missing)
        assert "What was decided before cannot be read" in await case(console, number)
