"""The console's cookies, and tries that failed."""

from __future__ import annotations

import pytest

from comity.console.cookies import pending_cookie, session_cookie
from comity.console.tries import (
    FAILED_TRIES_MAX,
    FAILED_TRIES_SECONDS_MAX,
    TRY_SOURCES_MAX,
    FailedTries,
)


def test_cookies_over_tls_belong_to_the_host() -> None:
    """Over TLS both are `__Host-`: Secure, the whole host, no domain; no script reads them."""
    url = "https://console.example.invalid"
    assert session_cookie(url).header("abc") == (
        "__Host-comity=abc; Path=/; SameSite=Lax; HttpOnly; Secure"
    )
    assert pending_cookie(url).header("abc") == (
        "__Host-comity-sign-in=abc; Path=/; SameSite=Lax; Max-Age=600; HttpOnly; Secure"
    )


def test_cookies_in_the_clear_have_no_prefix() -> None:
    """On this machine, where there is no TLS, a browser would refuse the prefix."""
    url = "http://127.0.0.1:8443"
    assert session_cookie(url).header("abc") == "comity=abc; Path=/; SameSite=Lax; HttpOnly"
    assert session_cookie(url).name != pending_cookie(url).name


def test_empty_value_takes_the_cookie_away() -> None:
    """A cookie that is set to nothing ends at once."""
    assert "Max-Age=0" in session_cookie("https://console.example.invalid").header("")


def test_fifth_try_within_the_time_locks() -> None:
    """Four tries lock nothing; the fifth does, for 15 minutes from then."""
    tries = FailedTries()
    for n in range(FAILED_TRIES_MAX - 1):
        assert not tries.failed("a", n)
    assert not tries.is_locked("a", 10)
    assert tries.failed("a", 10)
    assert tries.is_locked("a", 10 + FAILED_TRIES_SECONDS_MAX - 1)
    assert not tries.is_locked("a", 10 + FAILED_TRIES_SECONDS_MAX)
    assert not tries.is_locked("b", 10)


def test_try_that_was_under_way_keeps_the_lock() -> None:
    """A try that fails while its source waits does not open it, and lengthens the wait."""
    tries = FailedTries()
    for n in range(FAILED_TRIES_MAX + 2):
        tries.failed("a", n)
    last = FAILED_TRIES_MAX + 1
    assert tries.is_locked("a", last + FAILED_TRIES_SECONDS_MAX - 1)
    assert not tries.is_locked("a", last + FAILED_TRIES_SECONDS_MAX)


def test_tries_far_apart_do_not_count_together() -> None:
    """A try counts for 15 minutes and not for a second more."""
    tries = FailedTries()
    for n in range(FAILED_TRIES_MAX - 1):
        tries.failed("a", n)
    assert not tries.failed("a", FAILED_TRIES_SECONDS_MAX)
    assert tries.failed("a", FAILED_TRIES_SECONDS_MAX)


def test_lock_that_is_over_begins_anew() -> None:
    """After the wait a source has five tries again."""
    tries = FailedTries()
    for _ in range(FAILED_TRIES_MAX):
        tries.failed("a", 0)
    again = [tries.failed("a", FAILED_TRIES_SECONDS_MAX) for _ in range(FAILED_TRIES_MAX)]
    assert again == [False] * (FAILED_TRIES_MAX - 1) + [True]


@pytest.mark.parametrize("extra", [0, 1])
def test_sources_are_bounded(extra: int) -> None:
    """As many sources as the limit are remembered; one more drops the oldest."""
    tries = FailedTries()
    for _ in range(FAILED_TRIES_MAX):
        tries.failed("first", 0)
    for n in range(TRY_SOURCES_MAX - 1 + extra):
        tries.failed(f"s{n}", 0)
    assert tries.is_locked("first", 0) == (extra == 0)
