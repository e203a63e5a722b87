"""Addresses that a secret may be sent to."""

from __future__ import annotations

import pytest

from comity.domain.errors import MalformedError
from comity.domain.web import WEB_ADDRESS_CHARS_MAX, is_loopback, parse_web_address


@pytest.mark.parametrize(
    "text",
    [
        "https://id.example.invalid",
        "https://id.example.invalid:8443/realms/wa",
        "http://127.0.0.1:9",
        "http://localhost",
        "http://[::1]:9/x",
    ],
)
def test_address_is_taken_as_it_stands(text: str) -> None:
    """Https anywhere, and http on this machine."""
    assert parse_web_address(text, "url") == text
    assert is_loopback(text) == text.startswith("http:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id.example.invalid",
        "//id.example.invalid",
        "http://id.example.invalid",
        "http://127.0.0.1.example.invalid",
        "http://127.0.0.1@example.invalid",
        "https://user@id.example.invalid",
        "https://user:secret@id.example.invalid",
        "https://id.example.invalid/?x=1",
        "https://id.example.invalid?",
        "https://id.example.invalid/#x",
        "https://id.example.invalid#",
        "https://",
        "https://id.example.invalid:0",
        "https://id.example.invalid:99999",
        "https://id.example.invalid:x",
        "https://[::1",
        "https://id.example.invalid\\x",
        "https://id.example.invalid/a b",
        "https://id.example.invalid\n",
        "https://\u0456d.example.invalid",
        "httpS://id.example.invalid",
        "ftp://id.example.invalid",
        "javascript:alert(1)",
        "https://id.example.invalid/" + "x" * WEB_ADDRESS_CHARS_MAX,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """In the clear, with a user, query or fragment, or no address at all: refused by its field."""
    with pytest.raises(MalformedError, match="`url`"):
        parse_web_address(text, "url")


@pytest.mark.parametrize("path", ["/", "/x"])
def test_base_has_no_path(path: str) -> None:
    """A base is scheme, host and port alone."""
    base = "https://console.example.invalid"
    assert parse_web_address(base, "url", is_base=True) == base
    with pytest.raises(MalformedError, match="path"):
        parse_web_address(base + path, "url", is_base=True)
