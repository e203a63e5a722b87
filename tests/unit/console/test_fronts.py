"""Where a request came from: behind fronts that are known, and for those who claim to be behind."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from comity.console.fronts import Fronts
from comity.console.tries import FAILED_TRIES_MAX
from tests.support.console import console_on
from tests.support.gateway import running
from tests.unit.console.test_cases import HELD

FRONTS = Fronts(map(ip_network, ("192.0.2.10", "198.51.100.0/24", "2001:db8::/32")))
BROWSER = "203.0.113.7"


def source(peer: str, *lines: str) -> str:
    """The source of a request with these lines of the header."""
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]
    return FRONTS.source_of(peer, [(b"host", b"a"), *headers])


@pytest.mark.parametrize(
    ("peer", "lines", "expected"),
    [
        ("192.0.2.10", [BROWSER], BROWSER),
        ("192.0.2.10", [f"10.0.0.1, {BROWSER}"], BROWSER),
        ("192.0.2.10", ["10.0.0.1", BROWSER], BROWSER),
        ("192.0.2.10", [f"{BROWSER},198.51.100.3 , 198.51.100.4"], BROWSER),
        ("198.51.100.9", ["2001:db8:1::1, 2a02::7"], "2a02::7"),
        ("::ffff:192.0.2.10", [BROWSER], BROWSER),
        ("2001:db8::1", [BROWSER], BROWSER),
    ],
)
def test_a_front_is_believed_about_the_hop_before_it(
    peer: str, lines: list[str], expected: str
) -> None:
    """The last address that is no front; what stands before it, anyone can have written."""
    assert source(peer, *lines) == expected


@pytest.mark.parametrize("peer", [BROWSER, "192.0.2.11", "", "no address"])
def test_nobody_else_is_believed(peer: str) -> None:
    """Who is no front counts as what it is."""
    assert source(peer, "10.0.0.1") == peer


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "192.0.2.10"),
        ([""], "192.0.2.10"),
        (["unknown"], "192.0.2.10"),
        ([f"{BROWSER}:443"], "192.0.2.10"),
        ([f"{BROWSER},"], "192.0.2.10"),
        ([f"{BROWSER}, _hidden, 198.51.100.3"], "198.51.100.3"),
        (["198.51.100.3"], "198.51.100.3"),
        (["::ffff:198.51.100.3"], "198.51.100.3"),
        ([",".join([BROWSER, *["198.51.100.3"] * 9])], "198.51.100.3"),
    ],
)
def test_what_a_front_does_not_say_plainly_is_its_own(lines: list[str], expected: str) -> None:
    """All who came through it are then one source; nobody becomes another's."""
    assert source("192.0.2.10", *lines) == expected


@pytest.mark.parametrize("is_known", [True, False])
async def test_one_browser_behind_a_front_locks_itself_alone(*, is_known: bool) -> None:
    """Five failed tries behind a known front close the door to that browser, not to the next."""
    fronts = ["127.0.0.1"] if is_known else []
    async with running(HELD) as host, console_on(host, fronts=fronts) as console:
        for _ in range(FAILED_TRIES_MAX):
            begun = await console.get("/sign-in/begin", x_forwarded_for="10.9.9.9, 203.0.113.7")
            kept = begun.headers["set-cookie"].partition(";")[0]
            await console.get(
                "/sign-in/done?state=wrong&code=1", cookie=kept, x_forwarded_for="203.0.113.7"
            )
        locked = await console.get("/sign-in/begin", x_forwarded_for="10.8.8.8, 203.0.113.7")
        other = await console.get("/sign-in/begin", x_forwarded_for="203.0.113.7, 203.0.113.8")
        assert "set-cookie" not in locked.headers
        assert ("set-cookie" in other.headers) is is_known
