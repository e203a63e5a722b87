"""Status messages: what the network sends, and what a control terminal may announce."""

from __future__ import annotations

import pytest

from comity.domain.keys import MessageKey
from comity.formats import json as json_format
from comity.formats import text as text_format
from comity.formats.faults import MessageError
from comity.formats.status import (
    ALL_KEYS,
    Notice,
    Status,
    StatusKind,
    parse_announcement,
    parse_notice,
    parse_status,
    render_notice,
    render_status,
)

OUT = ".02. USER OUT OF SERVICE FOR MSG TYPE, NLETS WILL FORWARD"


@pytest.mark.parametrize("kind", StatusKind)
@pytest.mark.parametrize(
    ("key", "destination"),
    [(None, ""), ("DQ", "OR"), ("DQ", "ORWSP0000"), (ALL_KEYS, "WA"), ("QZ", "NB")],
)
def test_status_messages(kind: StatusKind, key: str | None, destination: str) -> None:
    """Each published status text is read back, with and without key and destination."""
    status = Status(kind=kind, key=MessageKey(key) if key else None, destination=destination)
    assert parse_status(render_status(status)) == status
    assert parse_announcement(render_status(status)) == status


def test_status_as_published() -> None:
    """The numbered texts stand exactly as the network prints them."""
    assert render_status(Status(kind=StatusKind.QUEUED)) == OUT


@pytest.mark.parametrize(
    "notice",
    [
        Notice(),
        Notice(until="1430", zone="EST"),
        Notice(key=MessageKey("DQ"), destination="WA"),
        Notice(until="0000", zone="PST", key=ALL_KEYS, destination="WA"),
    ],
)
def test_operators_notices(notice: Notice) -> None:
    """Both notices of operators are read back, for everything or for one key."""
    assert parse_notice(render_notice(notice)) == notice
    assert parse_announcement(render_notice(notice)) == notice


def test_notice_as_published() -> None:
    """A notice names the time on a clock of 24 hours, and the zone."""
    assert render_notice(Notice(until="1430", zone="EST")) == (
        "NLETS TEMPORARILY OUT OF SERVICE UNTIL 1430 EST"
    )


@pytest.mark.parametrize("parse", [parse_status, parse_notice, parse_announcement])
@pytest.mark.parametrize("text", ["", "HELLO", ".03. X", "NLETS OUT OF SERVICE"])
def test_what_is_no_status(parse: object, text: str) -> None:
    """Another text is refused, not guessed."""
    with pytest.raises(MessageError):
        parse(text)  # type: ignore[operator]


def test_lines_of_another_system_are_passed_over() -> None:
    """What is delivered may say more than the published text; the text is understood."""
    assert parse_status(f"{OUT}\nCALL THE DESK") == Status(kind=StatusKind.QUEUED)


@pytest.mark.parametrize(
    "rest",
    ["CALL THE DESK", "MKE DQ TO WASHINGTON", "MKE DQQQ TO WA", "MKE DQ", "MKE DQ TO WA\nMORE"],
)
@pytest.mark.parametrize("first", [OUT, "NLETS IN SERVICE"])
def test_an_announcement_is_understood_whole(first: str, rest: str) -> None:
    """A line that is not understood could widen an outage, so that the message is refused."""
    with pytest.raises(MessageError) as refused:
        parse_announcement(f"{first}\n{rest}")
    assert (refused.value.fault.er, refused.value.fault.code) == ("0", "body-malformed")


@pytest.mark.parametrize(
    ("body", "announced"),
    [
        (f"{OUT}\nMKE ALL TO WA", Status(kind=StatusKind.QUEUED, key=ALL_KEYS, destination="WA")),
        ("nlets in service", Notice()),
        (f" {OUT.replace(' ', '  ')}\n", Status(kind=StatusKind.QUEUED)),
    ],
)
def test_an_announcement_is_sent(body: str, announced: Status | Notice) -> None:
    """A control terminal's status message is taken in any letters and spacing."""
    query = text_format.parse_query(f"SM.WAOLN0000.NL.TXT\n{body}".encode())
    assert parse_announcement(query.value("") or "") == announced
    assert json_format.parse_query(json_format.render_query(query)) == query


@pytest.mark.parametrize("body", ["", "WE ARE DOWN"])
def test_an_announcement_of_other_words_is_refused(body: str) -> None:
    """A service that could not act on the words must not seem to have heard them."""
    with pytest.raises(MessageError) as refused:
        text_format.parse_query(f"SM.WAOLN0000.NL.TXT\n{body}".encode())
    assert refused.value.fault.code == "body-malformed"
