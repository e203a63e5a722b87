"""What a request's headers and query may say, at the limit and one beyond."""

from __future__ import annotations

from hashlib import sha256

import pytest
from starlette.datastructures import Headers, QueryParams

from comity.directory.http_lines import frame_number, http_line
from comity.formats.frames import FRAME_NUMBER_MAX
from comity.front.http.problems import Problem, ProblemError
from comity.front.http.requests import (
    KEY_CHARS_MAX,
    WAIT_SECONDS_MAX,
    Kind,
    check_kind,
    is_key,
    kind_of,
    location_of,
    parse_key,
    read_key,
    read_kind,
    read_numbers,
    read_wait,
    wants_multipart,
)

LONGEST = "k" * KEY_CHARS_MAX


def headers(*pairs: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.encode(), value.encode("latin-1")) for name, value in pairs])


def refused(problem: Problem) -> pytest.RaisesExc[ProblemError]:
    return pytest.raises(ProblemError, check=lambda error: error.problem is problem)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("k", "k"),
        (LONGEST, LONGEST),
        (f'"{LONGEST}"', LONGEST),
        ('"8e03978e-40d5"', "8e03978e-40d5"),
        ('"a b"', "a b"),
        (r'"a\"b\\c"', r'a"b\c'),
        ("a/../b?c#d%2F", "a/../b?c#d%2F"),
        ("...", "..."),
    ],
)
def test_key_is_what_stands_in_or_out_of_quotes(text: str, key: str) -> None:
    """A key of 1 to 64 characters is the same key with quotes around it."""
    assert parse_key(text) == key
    assert is_key(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '""',
        LONGEST + "k",
        f'"{LONGEST}k"',
        "a b",
        'a"b',
        '"a',
        'a"',
        r'"a\b"',
        '"a";x=1',
        "käse",
        "a\tb",
        "a\x7fb",
        ".",
        "..",
        '".."',
    ],
)
def test_key_of_another_form_is_refused(text: str) -> None:
    """Too long, too short, not printable, half in quotes, or what a path would lose."""
    with refused(Problem.KEY_MALFORMED):
        parse_key(text)


def test_key_is_required_once() -> None:
    """No key, and two of them, are no key."""
    assert read_key(headers(("idempotency-key", "k"))) == "k"
    for pairs in ((), (("idempotency-key", "k"), ("idempotency-key", "k"))):
        with refused(Problem.KEY_MISSING):
            read_key(headers(*pairs))


@pytest.mark.parametrize("text", ["", LONGEST + "k", "a\nb", "ä"])
def test_path_of_no_key_is_known_as_such(text: str) -> None:
    """What no message can have as its key is not looked for."""
    assert not is_key(text)
    assert is_key(LONGEST)


def test_frame_number_is_of_line_and_key() -> None:
    """63 bits of the hash: fixed for ever, different for another line or key, never 0."""
    number = frame_number("http:salem-1", "k1")
    assert number == int.from_bytes(sha256(b"http:salem-1\0k1").digest()[:8], "big") >> 1
    assert number == 0x77814CBA37AD8581
    others = {frame_number("http:salem-1", "k2"), frame_number("http:salem-2", "k1")}
    assert number not in others
    assert all(0 < n <= FRAME_NUMBER_MAX for n in (number, *others))
    assert http_line("salem-1") == "http:salem-1"


def test_location_holds_the_key_whatever_is_in_it() -> None:
    """Everything that a path gives a meaning to is written as its code."""
    assert location_of('a/b?c#d%e f"\\') == "/v1/messages/a%2Fb%3Fc%23d%25e%20f%22%5C"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("application/json", Kind.JSON),
        ("Application/JSON; charset=UTF-8", Kind.JSON),
        ("application/xml", Kind.XML),
        ("application/niem+xml", Kind.XML),
        ('text/plain; charset="us-ascii"', Kind.TEXT),
    ],
)
def test_kind_is_what_the_content_type_says(said: str, kind: Kind) -> None:
    """Letters of either case, and a charset that holds no other bytes."""
    assert read_kind(headers(("content-type", said))) is kind


@pytest.mark.parametrize(
    "said", ["", "text/html", "application/json; charset=utf-16", "application/json; v=1", "json"]
)
def test_other_content_type_is_refused(said: str) -> None:
    """What is not taken is not guessed."""
    with refused(Problem.MEDIA_TYPE_UNSUPPORTED):
        read_kind(headers(("content-type", said)))
    with refused(Problem.MEDIA_TYPE_UNSUPPORTED):
        read_kind(headers())
    with refused(Problem.MEDIA_TYPE_UNSUPPORTED):
        read_kind(headers(("content-type", "text/plain"), ("content-type", "text/plain")))


def test_encoded_body_is_refused() -> None:
    """Nothing is unpacked: a small body stays small."""
    plain = ("content-type", "application/json")
    assert read_kind(headers(plain, ("content-encoding", "identity"))) is Kind.JSON
    with refused(Problem.ENCODING_UNSUPPORTED):
        read_kind(headers(plain, ("content-encoding", "gzip")))


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b" \n{", Kind.JSON), (b"<?xml", Kind.XML), (b"DQ.", Kind.TEXT), (b"[1]", Kind.TEXT)],
)
def test_kind_of_bytes_is_told_by_the_first(body: bytes, kind: Kind) -> None:
    """A body that begins as another format than it is said to be is refused; an empty one too."""
    assert kind_of(body) is kind
    check_kind(kind, body)
    for other in set(Kind) - {kind}:
        with refused(Problem.MEDIA_TYPE_MISMATCH):
            check_kind(other, body)
    with refused(Problem.BODY_MISSING):
        check_kind(kind, b"")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ((), None),
        (("respond-async",), None),
        (("wait=0",), 0),
        (("respond-async, wait=10",), 10),
        (("respond-async", 'Wait="7"'), 7),
        ((f"wait={WAIT_SECONDS_MAX}",), WAIT_SECONDS_MAX),
        ((f"wait={WAIT_SECONDS_MAX + 1}",), WAIT_SECONDS_MAX),
    ],
)
def test_wait_is_read_among_other_preferences(said: tuple[str, ...], seconds: int | None) -> None:
    """Beyond a minute a minute is what is granted; what is not known is passed over."""
    assert read_wait(headers(*(("prefer", text) for text in said))) == seconds


@pytest.mark.parametrize("said", ["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=٣"])
def test_wait_that_is_no_number_is_refused(said: str) -> None:
    """A client that means something by it should know that it is not understood."""
    raw = [(b"prefer", said.encode("utf-8"))]
    with refused(Problem.PREFER_MALFORMED):
        read_wait(Headers(raw=raw))


def test_numbers_of_a_query_are_in_their_range() -> None:
    """At the limit it is read; one beyond, twice, unknown or no number is refused."""
    limits = {"after": FRAME_NUMBER_MAX, "wait": 60}
    found = read_numbers(QueryParams(f"after={FRAME_NUMBER_MAX}&wait=60"), limits)
    assert found == {"after": FRAME_NUMBER_MAX, "wait": 60}
    assert read_numbers(QueryParams(""), limits) == {}
    bad = [
        f"after={FRAME_NUMBER_MAX + 1}",
        "wait=61",
        "wait=1&wait=1",
        "since=1",
        "wait=",
        "wait=x",
    ]
    for query in bad:
        with refused(Problem.QUERY_MALFORMED):
            read_numbers(QueryParams(query), limits)


def test_form_of_a_list_is_chosen_by_accept_else_by_the_message() -> None:
    """JSON stays JSON, text and XML come in parts, and either may ask for the other."""
    parts, document = ("accept", "multipart/mixed"), ("accept", "application/json, */*")
    assert [wants_multipart(headers(), kind) for kind in Kind] == [False, True, True]
    assert all(wants_multipart(headers(parts), kind) for kind in Kind)
    assert not any(wants_multipart(headers(document), kind) for kind in Kind)
    assert not wants_multipart(headers(("accept", "image/png")), Kind.JSON)
