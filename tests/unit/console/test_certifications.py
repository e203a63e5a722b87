"""Certifications as the state's staff see them: who lapses when, and what a lapse does."""

from __future__ import annotations

import msgspec
import pytest

from comity.console.people import Role
from comity.domain.agency import Agency, CertifiedUntil
from comity.domain.ids import ORI
from comity.domain.vocabulary import Certification, Outcome
from tests.support.console import PracticeConsole, console_on, person_of
from tests.support.gateway import (
    NOW,
    OR,
    RELEASE,
    SALEM,
    WA,
    policy_of,
    practice_agency,
    practice_parts,
    running,
)
from tests.unit.policy.build import rule

PATH = "/state/certifications"
DAY = 86_400
OPEN = policy_of(WA, RELEASE)
UNCERTIFIED = rule(
    "CERT",
    Outcome.DENY,
    certification=(Certification.EXPIRED, Certification.NONE),
)


def ori(number: int) -> ORI:
    """A practice agency of Oregon."""
    return ORI(f"ORPX{number:05d}")


def list_in(
    console: PracticeConsole, ends: dict[ORI, int], *agencies: Agency, version: int = 2
) -> None:
    """Have Washington's part list certifications, and Oregon's some agencies."""
    parts = {part.member: part for part in practice_parts()}
    rows = tuple(CertifiedUntil(agency=each, until=until) for each, until in ends.items())
    changed = [msgspec.structs.replace(parts[WA], version=version, certifications=rows)]
    if agencies:
        own = (*parts[OR].agencies, *agencies)
        changed.append(msgspec.structs.replace(parts[OR], version=version, agencies=own))
    console.hear(*changed)


async def test_nobody_is_certified() -> None:
    """It is said as what it is, and that no rule looks."""
    async with running(OPEN) as host, console_on(host) as console:
        page = await console.get(PATH, console.sign_in(person_of(Role.AUDITOR)))
        assert page.heading == (
            "No agency is certified to Washington: its directory lists no certification."
        )
        assert "No rule in force looks at certifications" in page.text


async def test_who_lapses_when_stands_in_the_first_sentence() -> None:
    """The nearest first, each with its day by the state's clock; what has lapsed is counted."""
    async with running(OPEN) as host, console_on(host) as console:
        days = {SALEM: 20, ori(5): 2, ori(6): -1, ori(7): 32}
        ends = {each: NOW + count * DAY for each, count in days.items()}
        list_in(console, ends, *(named(number) for number in (5, 6, 7)))
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(PATH, token)
        assert page.heading == (
            "2 certifications to Washington lapse within 30 days, the first that of Agency 5 on "
            "Wed 25 Nov 2026; 1 has lapsed."
        )
        rows = page.body.partition("<tbody")[2]
        assert rows.index("Agency 5") < rows.index("Practice Police")
        assert "Agency 6" not in rows
        lapsed = await console.get(f"{PATH}?part=lapsed", token)
        assert "Agency 6" in lapsed.body
        assert "lapsed 24 h 00 min ago" in lapsed.text
        later = await console.get(f"{PATH}?part=later", token)
        assert "Agency 7" in later.body


def named(number: int, name: str = "", *, active: bool = True) -> Agency:
    """An agency with a name of its own."""
    agency = practice_agency(ori(number), "OR/LOCAL/PD", active=active)
    return msgspec.structs.replace(agency, name=name or f"Agency {number}", phone="555-0100")


async def test_its_last_second_and_the_next() -> None:
    """One second early it lapses soon, at its end it has lapsed."""
    async with running(OPEN) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        list_in(console, {SALEM: NOW + 7})
        assert "1 certification to Washington lapses" in (await console.get(PATH, token)).heading
        list_in(console, {SALEM: NOW + 12}, version=3)
        assert (await console.get(PATH, token)).heading == (
            "No certification to Washington lapses within 30 days; 1 has lapsed."
        )


async def test_rules_that_look_at_it_are_said() -> None:
    """Their sentence stands on the page; one that is switched off does not."""
    off = msgspec.structs.replace(UNCERTIFIED, id="OFF", enabled=False)
    bundle = policy_of(WA, RELEASE, UNCERTIFIED, off)
    async with running(bundle) as host, console_on(host) as console:
        page = await console.get(PATH, console.sign_in(person_of(Role.COUNSEL)))
        assert "One rule in force looks at certifications" in page.text
        assert "CERT: " in page.text
        assert "OFF" not in page.text


async def test_a_hundred_stand_on_a_page() -> None:
    """At the limit there is no next page, one beyond there is, and each stands once."""
    async with running(OPEN) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.OPERATOR))
        agencies = [named(number) for number in range(100, 201)]
        list_in(console, {each.ori: NOW + DAY for each in agencies[:100]}, *agencies)
        assert "Next page" not in (await console.get(PATH, token)).text
        list_in(console, {each.ori: NOW + DAY for each in agencies}, *agencies, version=3)
        first = await console.get(PATH, token)
        assert "from=100" in first.body
        second = await console.get(f"{PATH}?part=soon&from=100", token)
        assert second.body.count('class="rows-lead"') == 1
        assert "Agency 200" in second.body
        beyond = await console.get(f"{PATH}?from=999999", token)
        assert beyond.status == 200


async def test_one_that_never_ends_and_one_that_never_began() -> None:
    """The furthest and the first time that a directory may hold."""
    async with running(OPEN) as host, console_on(host) as console:
        list_in(console, {SALEM: 2**40, ori(5): 0}, named(5))
        token = console.sign_in(person_of(Role.REVIEWER))
        assert "Wed 29 Dec 9999" in (await console.get(f"{PATH}?part=later", token)).text
        assert "Agency 5" in (await console.get(f"{PATH}?part=lapsed", token)).text


@pytest.mark.parametrize(
    "query", ["part=none", "part=", "from=-1", "from=x", "from=0", "from=1&from=2"]
)
async def test_what_no_page_of_ours_asks_is_refused(query: str) -> None:
    """A part or a row that is none."""
    async with running(OPEN) as host, console_on(host) as console:
        page = await console.get(f"{PATH}?{query}", console.sign_in(person_of(Role.REVIEWER)))
        assert page.status == 400


async def test_names_are_text() -> None:
    """Markup is shown, not obeyed; so is who is gone, or set to inactive."""
    async with running(OPEN) as host, console_on(host) as console:
        ends = {ori(5): NOW + DAY, ORI("TXPX99999"): NOW + 2 * DAY, ori(6): NOW + 3 * DAY}
        list_in(console, ends, named(5, "<b>x</b>"), named(6, active=False))
        page = await console.get(PATH, console.sign_in(person_of(Role.REVIEWER)))
        assert "<b>x" not in page.body
        assert "&lt;b&gt;x" in page.body
        assert "not listed by any member" in page.text
        assert "(set to inactive)" in page.text


async def test_another_state_sees_its_own_and_nothing_is_recorded() -> None:
    """Oregon has none; and no look leaves a leaf."""
    async with running(OPEN) as host, console_on(host) as console:
        list_in(console, {SALEM: NOW + DAY})
        sizes = host.size(WA), host.size(OR)
        for role in Role:
            page = await console.get(PATH, console.sign_in(person_of(role)))
            assert "1 certification to Washington" in page.heading
        page = await console.get(PATH, console.sign_in(person_of(Role.AUDITOR, OR)))
        assert page.heading.startswith("No agency is certified to Oregon")
        assert (host.size(WA), host.size(OR)) == sizes
