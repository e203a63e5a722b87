"""A state's digest: once a day, of everything since the last one, whatever fails in between."""

from __future__ import annotations

from datetime import date

import pytest

from comity.adapters.memory.feeds import MemoryDigestPlaces, MemoryMail
from comity.directory.directory import Directory
from comity.domain.ids import Member
from comity.ports import MailServer
from comity.review.federal_digest import DigestTerms
from comity.services import federal_digest as module
from comity.services.federal_digest import DigestTo, FederalDigest
from tests.support.federal import federal_asks
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ALL,
    HOLD_SECONDS,
    NS,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    policy_of,
    running,
)

DENIED = policy_of(WA, DENY_ALL)
HELD = policy_of(WA, RELEASE, HOLD_ALL)
HOUR = 3_600
# The tests begin at 22:00 of Monday 23 November in Washington.
TO_SEVEN = 9 * HOUR
TERMS = DigestTerms(
    host="mail.example", sender="comity@wa.example", to=("desk@wa.example",), user="comity"
)


class Case:
    """A host whose Washington has a digest."""

    def __init__(self, host: PracticeHost, *members: Member) -> None:
        self.host = host
        self.mail = MemoryMail()
        self.places = MemoryDigestPlaces()

        async def directory() -> Directory:
            return host.world.directory

        self.digest = FederalDigest(
            digests=dict.fromkeys(members or (WA,), DigestTo(terms=TERMS, password="secret")),
            store=host.store,
            rows=host.store,
            directory=directory,
            mail=self.mail,
            places=self.places,
            clock=host.clock,
            events=host.events,
        )

    def pass_by(self, seconds: int) -> None:
        """Let time go by."""
        self.host.clock.advance_ns(seconds * NS)

    def subjects(self) -> list[str]:
        """Of the letters that went out."""
        return [letter.subject for letter, _ in self.mail.sent]


async def test_it_goes_out_once_a_day_of_what_came_since() -> None:
    """Not what stood before; from seven on; a day without a query has one too."""
    async with running(DENIED) as host:
        await federal_asks(host, 1)
        case = Case(host)
        assert await case.digest.round() == 0
        await federal_asks(host, 2, 3)
        case.pass_by(TO_SEVEN - 1)
        assert await case.digest.round() == 0
        case.pass_by(1)
        assert [await case.digest.round() for _ in range(2)] == [1, 0]
        case.pass_by(24 * HOUR)
        assert [await case.digest.round() for _ in range(2)] == [1, 0]
        assert case.subjects() == [
            "Washington: 2 queries by federal agencies since Mon 23 Nov 2026",
            "Washington: no federal query since Tue 24 Nov 2026",
        ]
        letter, server = case.mail.sent[0]
        assert (letter.sender, letter.to) == ("comity@wa.example", ("desk@wa.example",))
        assert server == MailServer(host="mail.example", port=587, user="comity", password="secret")
        assert "PX000204K7" not in letter.text
        assert case.mail.sent[0][0].name != case.mail.sent[1][0].name


async def test_a_worker_that_was_away_sends_one_of_all_its_days() -> None:
    """Late, and whole."""
    async with running(DENIED) as host:
        case = Case(host)
        await case.digest.round()
        await federal_asks(host, 1)
        case.pass_by(4 * 24 * HOUR)
        await federal_asks(host, 2)
        assert await case.digest.round() == 1
        assert case.subjects() == [
            "Washington: 2 queries by federal agencies since Mon 23 Nov 2026"
        ]


async def test_a_hold_of_before_that_expired_is_told() -> None:
    """Its hold stands in the last digest, its end in this one."""
    async with running(HELD) as host:
        case = Case(host)
        await case.digest.round()
        await federal_asks(host, 1)
        case.pass_by(TO_SEVEN)
        await case.digest.round()
        case.pass_by(HOLD_SECONDS)
        (row,) = await host.store.open_holds([WA])
        await host.desk.expire(f"wa/{row.leaf_index}")
        await case.digest.round()
        first, second = (letter.text for letter, _ in case.mail.sent)
        assert "1 waits for a person" in first
        assert "1 was refused" in second


async def test_a_mail_server_that_fails_loses_nothing() -> None:
    """Later each time, from the third on with an alarm; then the same letter, once."""
    async with running(DENIED) as host:
        case = Case(host)
        await case.digest.round()
        await federal_asks(host, 1)
        case.pass_by(TO_SEVEN)
        case.mail.is_broken = True
        for _ in range(16):
            await case.digest.round()
            case.pass_by(1)
        assert host.events.counts["digest_not_sent"] == 4
        assert host.events.counts["digest_keeps_failing"] == 2
        case.mail.is_broken = False
        case.pass_by(600)
        assert [await case.digest.round() for _ in range(2)] == [1, 0]
        assert len(case.subjects()) == 1


async def test_addresses_that_are_refused_are_told() -> None:
    """Others took it: it is not sent again, and somebody is to look."""
    async with running(DENIED) as host:
        case = Case(host)
        await case.digest.round()
        case.mail.refuses = 1
        case.pass_by(TO_SEVEN)
        assert [await case.digest.round() for _ in range(2)] == [1, 0]
        assert host.events.counts["digest_addresses_refused"] == 1


async def test_a_ledger_that_was_cut_is_told_from_its_end() -> None:
    """A place beyond it is none."""
    async with running(DENIED) as host:
        case = Case(host)
        case.places.write(WA, (host.size(WA) + 9, date(2026, 11, 22)))
        assert await case.digest.round() == 1
        assert case.places.read(WA) == (host.size(WA), date(2026, 11, 23))


async def test_queries_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the limit all are counted; at it, it is said that there may be more."""
    monkeypatch.setattr(module, "DIGEST_QUERIES_MAX", 3)
    async with running(DENIED) as host:
        case = Case(host)
        await case.digest.round()
        await federal_asks(host, 1, 2)
        case.pass_by(TO_SEVEN)
        await case.digest.round()
        await federal_asks(host, 3, 4, 5, 6)
        case.pass_by(24 * HOUR)
        await case.digest.round()
        few, many = case.subjects()
        assert few.startswith("Washington: 2 queries by")
        assert many.startswith("Washington: At least 3 queries by")


async def test_one_states_trouble_is_not_anothers() -> None:
    """Both are sent; each has its own."""
    async with running(DENIED) as host:
        case = Case(host, OR, WA)
        await case.digest.round()
        case.pass_by(TO_SEVEN)
        assert await case.digest.round() == 2
        assert [subject.partition(":")[0] for subject in case.subjects()] == [
            "Oregon", "Washington",
        ]  # fmt: skip
