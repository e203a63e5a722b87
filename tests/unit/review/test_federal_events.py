"""Lines of a feed: what a leaf says of a federal query, and the signature over many."""

from __future__ import annotations

import hashlib
import hmac
import json

import msgspec
import pytest

from comity.directory.directory import EMPTY_DIRECTORY
from comity.domain.ids import LeafIndex
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import DataClass, LeafKind
from comity.review.federal_events import (
    FeedFileError,
    event_line,
    feed_signature,
    parse_feed_file,
)
from tests.support.gateway import AUSTIN
from tests.unit.review.test_federal import HELD, closure, directory_with, leaf

STATUS = DataClass.STATUS


def line(header: LeafHeader, cited: LeafHeader | None = None) -> bytes:
    """What a leaf at 25 says; what it cites stands at 20."""
    pair = None if cited is None else (LeafIndex(20), cited)
    return event_line(LeafIndex(25), header, pair, {}, EMPTY_DIRECTORY)


def test_a_line_says_what_the_leaf_says() -> None:
    """Every field, and the hour alone of its time."""
    made = line(leaf(LeafKind.DENIAL, STATUS))
    assert made.endswith(b"}\n")
    assert json.loads(made) == {
        "v": 1,
        "event": "federal_query",
        "state": "wa",
        "entry": "wa/25",
        "query": "us/7",
        "cites": "",
        "hour": "2026-10-24T00:00:00Z",
        "agency": "USPX011ER",
        "agency_name": "",
        "acts_for": "",
        "key": "DQ",
        "purpose": "civil_immigration",
        "became": "refused",
        "released": [],
        "refused": ["status"],
        "held": [],
    }


def test_an_expired_hold_is_told_by_what_it_cites() -> None:
    """The closure itself names nobody; one of anything else says nothing."""
    told = json.loads(line(closure("wa/20"), HELD))
    assert (told["query"], told["became"], told["cites"]) == ("us/7", "expired", "wa/20")
    assert line(closure("wa/21"), HELD) == b""
    assert line(closure("wa/20")) == b""


def test_what_is_no_federal_query_has_no_line() -> None:
    """Another member's police has none; one that acts for a federal family has."""
    police = leaf(LeafKind.DENIAL, STATUS, peer="tx/7", agency=AUSTIN)
    assert line(police) == b""
    directory = directory_with("US/DHS/ICE")
    acting = {AUSTIN: msgspec.convert("US/DHS/ICE", str)}
    told = event_line(LeafIndex(25), police, None, acting, directory)  # type: ignore[arg-type]
    assert json.loads(told)["acts_for"] == "US/DHS/ICE"
    assert json.loads(told)["agency_name"] == "Practice Police"


def test_the_signature_is_hmac_over_time_and_body() -> None:
    """Recomputed by hand; another second, body or secret has another."""
    secret, body = b"s" * 32, b'{"v":1}\n'
    expected = hmac.new(secret, b"comity-feed/1\n1795500000\n" + body, hashlib.sha256).hexdigest()
    assert feed_signature(secret, 1_795_500_000, body) == f"t=1795500000,v1={expected}"
    others = {
        feed_signature(secret, 1_795_500_001, body),
        feed_signature(secret, 1_795_500_000, body + b" "),
        feed_signature(b"t" * 32, 1_795_500_000, body),
    }
    assert len({each.partition(",")[2] for each in others} | {f"v1={expected}"}) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[webhook]\n",
        '[webhook]\nurl = "http://example.org/feed"\n',
        '[webhook]\nurl = "https://user@example.org/feed"\n',
        '[webhook]\nurl = "https://example.org/feed?key=1"\n',
        '[webhook]\nurl = "file:///etc/passwd"\n',
        '[webhook]\nurl = "https://example.org"\nsecret = "x"\n',
        '[webhook]\nurl = ["https://example.org"]\n',
        '[webhook]\nurl = "https://example.org"\n[digest]\n',
        '[digest]\nhost = "mail.example"\nfrom = "a@b.example"\nto = []\n',
        '[digest]\nhost = "mail.example"\nfrom = "a@b.example\\nBcc: c"\nto = ["a@b.example"]\n',
        '[digest]\nhost = "mail.example"\nfrom = "a@b.example"\nto = ["a b@b.example"]\n',
        '[digest]\nhost = "mail example"\nfrom = "a@b.example"\nto = ["a@b.example"]\n',
        '[digest]\nhost = "m.example"\nfrom = "a@b.example"\nto = ["a@b.example"]\nhour = 24\n',
        '[digest]\nhost = "m.example"\nfrom = "a@b.example"\nto = ["a@b.example"]\nport = 0\n',
        "not toml",
        "#" * 70_000,
    ],
)
def test_a_file_that_is_not_one_is_refused(text: str) -> None:
    """Nothing is guessed, and nothing goes to an address in the clear."""
    with pytest.raises(FeedFileError):
        parse_feed_file(text.encode())


def test_a_file_names_an_address() -> None:
    """Of another machine by https, of this one also in the clear."""
    for url in ("https://example.org/comity/feed", "http://127.0.0.1:9000/feed"):
        said = parse_feed_file(f'[webhook]\nurl = "{url}"\n'.encode())
        assert said.webhook is not None
        assert (said.webhook.url, said.digest) == (url, None)


def test_a_file_names_who_gets_a_digest() -> None:
    """From seven o'clock on, on the port of submission, unless it says otherwise."""
    text = '[digest]\nhost = "mail.example"\nfrom = "a@il.example"\nto = ["b@il.example"]\n'
    digest = parse_feed_file(text.encode()).digest
    assert digest is not None
    assert (digest.sender, digest.to, digest.port, digest.hour, digest.user) == (
        "a@il.example", ("b@il.example",), 587, 7, "",
    )  # fmt: skip
