"""Where somebody goes after signing in: nothing that a browser could take for another host."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.console.errors import ReturnToError
from comity.console.returning import RETURN_TO_CHARS_MAX, parse_return_to


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/holds",
        "/holds/",
        "/holds/wa-126",
        "/holds?since=1&q=a%20b",
        "/a/b/c?next=/x//y?z",
        "/a:b@c",
    ],
)
def test_path_of_the_console_is_taken(path: str) -> None:
    """A path with its query is taken as it stands."""
    assert parse_return_to(path) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "holds",
        "//other.invalid",
        "///other.invalid",
        "/holds//other.invalid",
        "/.//other.invalid",
        "/\\other.invalid",
        "\\\\other.invalid",
        "/holds\\x",
        "/\tother.invalid",
        "/\t/other.invalid",
        "\t//other.invalid",
        " /holds",
        "/holds\n",
        "/holds\r\nSet-Cookie: x",
        "/holds\x00",
        "https://other.invalid",
        "https:other.invalid",
        "javascript:alert(1)",
        "/holds#x",
        "/h\u00f6lds",
        "/\u2215other.invalid",
        "/holds?x=<script>",
        "/a b",
        "/" + "x" * RETURN_TO_CHARS_MAX,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """Another host, a scheme, a backslash, a control character, or no path at all."""
    with pytest.raises(ReturnToError):
        parse_return_to(text)


def test_limit_holds() -> None:
    """A path of the limit's length is taken, and takes no longer for what follows it."""
    longest = "/" + "x" * (RETURN_TO_CHARS_MAX - 1)
    assert parse_return_to(longest) == longest
    with pytest.raises(ReturnToError):
        parse_return_to("/" + "x/" * (RETURN_TO_CHARS_MAX // 2 - 1) + "\\")


@given(st.text(st.sampled_from("/\\.:?#@%a \t\n"), max_size=12))
def test_what_is_taken_stays_on_the_host(text: str) -> None:
    """Whatever passes leads to the console's own host, as a browser resolves it."""
    try:
        path = parse_return_to(text)
    except ReturnToError:
        return
    url = urlsplit(urljoin("https://console.invalid/sign-in/done", path))
    assert (url.scheme, url.netloc) == ("https", "console.invalid")
