"""Agencies that speak HTTP: real TLS, the real front, a whole gateway on memory twins."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import AsyncIterator
from email import policy
from pathlib import Path

import pytest

from comity.directory.http_lines import frame_number
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.formats.json import render_query
from comity.formats.json.delivered import parse_delivered
from comity.formats.rules import MESSAGE_BYTES_MAX
from comity.link.parcel import Ask
from tests.support.gateway import (
    HOLD_ALL,
    RELEASE,
    SALEM,
    SEATTLE,
    SEATTLE_LINE,
    TX,
    WA,
    Disk,
    answer_to,
    answers,
    policy_of,
)
from tests.support.http import (
    JSON,
    TEXT,
    Office,
    Said,
    json_message,
    open_office,
    text_message,
    waiting,
)
from tests.support.line import Contexts

WAIT = ("prefer", "wait=15")


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return Contexts(Path(tmp_path_factory.mktemp("tls")))


@pytest.fixture
async def office(contexts: Contexts) -> AsyncIterator[Office]:
    async with open_office(contexts) as office:
        yield office


def queries(office: Office) -> int:
    """How many queries were accepted."""
    return len(office.disk.store.tables.accepted)


def texts(said: Said) -> list[str]:
    """What each delivery of a list in JSON says first."""
    contents = [item["content"] for item in said.json["deliveries"]]
    return [(c if isinstance(c, str) else c["delivery"]["text"]).splitlines()[0] for c in contents]


async def test_a_message_for_an_agency_is_read_by_who_asks_by_request(office: Office) -> None:
    """An agency that has no other line finds its mail where it polls, in its own format."""
    caller = await office.call()
    mail = Query(
        key=MessageKey("AM"), origin=SALEM, destinations=(SEATTLE,), fields=(("", "CALL SALEM"),)
    )
    assert (await caller.send(render_query(mail), "m1", WAIT)).status == 200
    reader = await office.call(SEATTLE_LINE)
    found = await reader.ask("GET", "/v1/deliveries?wait=10")
    (item,) = found.json["deliveries"]
    assert "reply_to" not in item
    assert item["content"]["delivery"]["text"] == "CALL SALEM"
    taken = await reader.ask(
        "POST",
        "/v1/deliveries/taken",
        ("content-type", JSON),
        body=b'{"number": %d}' % item["number"],
    )
    assert taken.status == 200
    assert (await reader.ask("GET", "/v1/deliveries")).json["deliveries"] == []


async def until_ended(office: Office, key: str) -> Said:
    """A message once each of its states has said its last word."""
    caller = await office.call()
    for _ in range(200):
        said = await caller.ask("GET", f"/v1/messages/{key}", WAIT)
        if said.header("comity-status") == "ended":
            return said
    raise AssertionError("it did not end")


# Asking.


async def test_message_is_durable_when_it_is_accepted(office: Office) -> None:
    """202 with where to find it again; the query is recorded and its answer follows."""
    caller = await office.call()
    said = await caller.send(json_message(), "k1")
    assert (said.status, said.header("location")) == (202, "/v1/messages/k1")
    assert said.json == {
        "key": "k1",
        "id": f"{frame_number('http:salem-1', 'k1'):016x}",
        "location": "/v1/messages/k1",
        "status": "accepted",
    }
    assert queries(office) == 1
    found = await until_ended(office, "k1")
    assert texts(found) == ["WA: RECORD RELEASED"]
    assert found.json["message"]["accepted_at"].endswith("Z")


async def test_answer_comes_in_the_reply_to_who_waits(office: Office) -> None:
    """One delivery is the body itself, in the format that was asked in, with its number."""
    caller = await office.call()
    said = await caller.send(json_message(), "k1", WAIT)
    assert (said.status, said.media) == (200, JSON)
    answer = parse_delivered(said.body)
    assert answer.answer is not None
    assert (answer.delivery.control, answer.answer.state) == ("C1", "wa")
    assert (said.header("comity-status"), said.header("preference-applied")) == ("ended", "wait=15")
    text = await caller.send(text_message(), "k2", WAIT, media=TEXT)
    assert (text.status, text.media) == (200, TEXT)
    assert text.body.startswith(b"DR.WAOLN0000\n")
    assert int(text.header("comity-delivery")) == int(said.header("comity-delivery")) + 1


async def test_several_answers_are_a_list(office: Office) -> None:
    """A document for who speaks JSON, parts for who speaks text, each delivery whole."""
    caller = await office.call()
    said = await caller.send(json_message("WA", "OR"), "k1", WAIT)
    assert said.status == 200
    assert sorted(texts(said)) == ["OR: NOT ON FILE", "WA: RECORD RELEASED"]
    assert said.json["message"]["status"] == "ended"
    parts = await caller.send(text_message("WA", "OR"), "k2", WAIT, media=TEXT)
    head = f"content-type: {parts.header('content-type')}\r\n\r\n".encode()
    found = email.message_from_bytes(head + parts.body, policy=policy.HTTP)
    bodies = [part.get_content() for part in found.iter_parts()]
    assert sorted(body[:12] for body in bodies) == ["DR.OROLN0000", "DR.WAOLN0000"]
    asked = await caller.send(text_message("WA", "OR"), "k2", WAIT, ("accept", JSON), media=TEXT)
    assert [item["content"] for item in asked.json["deliveries"]] == bodies


async def test_who_waits_hears_that_a_state_is_silent(office: Office) -> None:
    """Nobody answers for Texas: when the time is over, the status message is what there is."""
    caller = await office.call()
    said = await caller.send(json_message("TX"), "k1", ("prefer", "wait=1"))
    assert (said.status, said.header("comity-delivery")) == (202, "0")
    assert said.json["delivery"]["key"] == "SM"
    assert said.header("comity-status") == "accepted"
    again = await caller.send(json_message("TX"), "k1", ("prefer", "wait=1"))
    assert (again.status, again.json["status"]) == (202, "accepted")


async def test_status_message_goes_where_the_answer_comes(office: Office) -> None:
    """Texas is silent at first, and answers while the request waits: the answer is the reply."""
    caller = await office.call()
    caller.begin(
        "POST",
        "/v1/messages",
        ("idempotency-key", "k1"),
        ("content-type", JSON),
        ("prefer", "wait=60"),
        body=json_message("TX"),
    )
    await waiting(office)
    (watch,) = next(iter(office.server.lines._watches.values()))
    for _ in range(500):
        if watch.notices:
            break
        await asyncio.sleep(0.01)
    (exchange,) = (p.exchange for p in office.host.courier.take() if isinstance(p, Ask))
    await office.host.origin.take_answers(answers(answer_to(exchange)))
    said = await caller.said()
    assert (said.status, said.header("comity-status")) == (200, "ended")
    assert said.json["answer"]["state"] == "tx"


async def test_held_query_is_answered_by_its_notice(contexts: Contexts) -> None:
    """A reviewer may take days: who waits is told so at once, and that more follows."""
    async with open_office(contexts) as office:
        await office.host.overtake(WA, policy_of(WA, RELEASE, HOLD_ALL, version=2))
        caller = await office.call()
        said = await caller.send(json_message(), "k1", WAIT)
        assert (said.status, said.header("comity-status")) == (200, "answered")
        assert said.json["answer"]["response"] == "held"


# Asking again.


async def test_repeat_is_the_same_query_and_the_same_answer(office: Office) -> None:
    """The same key with the same bytes, on another connection: the same bytes, one query."""
    first = await (await office.call()).send(json_message(), "k1", WAIT)
    again = await (await office.call()).send(json_message(), '"k1"', WAIT)
    assert (again.status, again.body) == (200, first.body)
    assert again.header("comity-delivery") == first.header("comity-delivery")
    accepted = [await (await office.call()).send(json_message(), "k1") for _ in range(2)]
    assert accepted[0].body == accepted[1].body
    assert queries(office) == 1


async def test_repeats_at_once_are_one_query(office: Office) -> None:
    """Twenty connections send the same message at the same moment."""
    callers = [await office.call() for _ in range(20)]
    said = await asyncio.gather(*(caller.send(json_message(), "k1", WAIT) for caller in callers))
    assert {reply.status for reply in said} == {200}
    assert len({reply.body for reply in said}) == 1
    assert queries(office) == 1


async def test_key_is_not_used_for_other_bytes(office: Office) -> None:
    """Whether the first is done or under way, and whatever is different."""
    one, two = await office.call(), await office.call()
    replies = await asyncio.gather(
        one.send(json_message(), "k1"), two.send(json_message(control="C2"), "k1")
    )
    assert sorted(reply.status for reply in replies) == [202, 422]
    later = await one.send(json_message(control="C3"), "k1")
    assert (later.status, later.code) == (422, "idempotency-key-reused")
    assert queries(office) == 1


async def test_lines_and_fronts_do_not_share_keys(office: Office) -> None:
    """Another line may use the same key, and finds nothing of the first one's."""
    await (await office.call("salem-1")).send(json_message(), "k1", WAIT)
    other = await office.call("salem-2")
    for target in ("/v1/messages/k1", "/v1/messages/k1?after=0"):
        assert (await other.ask("GET", target)).code == "message-unknown"
    assert (await other.ask("GET", "/v1/deliveries")).json["deliveries"] == []
    assert (await other.send(json_message(), "k1", WAIT)).status == 200
    assert {row.line for row in office.disk.store.tables.accepted.values()} == {
        "http:salem-1",
        "http:salem-2",
    }


async def test_key_of_a_refused_message_may_be_used_again(office: Office) -> None:
    """What was refused for its form is not recorded: the mended message takes its key."""
    caller = await office.call()
    assert (await caller.send(b'{"key": "DQ"}', "k1")).status == 422
    assert (await caller.ask("GET", "/v1/messages/k1")).status == 404
    assert (await caller.send(json_message(), "k1")).status == 202


async def test_gateway_may_die_between_asking_and_reading(contexts: Contexts) -> None:
    """Texas is silent when the gateway ends; the next one knows the message, and what came."""
    disk = Disk()
    async with open_office(contexts, disk) as office:
        caller = await office.call()
        assert (await caller.send(json_message("WA", "TX"), "k1")).status == 202
        before = await caller.ask("GET", "/v1/messages/k1", ("prefer", "wait=1"))
        assert texts(before) == ["WA: RECORD RELEASED"]
    async with open_office(contexts, disk) as office:
        caller = await office.call()
        after = await caller.ask("GET", "/v1/messages/k1")
        assert after.json["deliveries"] == before.json["deliveries"]
        assert after.json["message"]["status"] == "accepted"
        again = await caller.send(json_message("WA", "TX"), "k1")
        assert again.status == 202
        assert (await caller.send(json_message("TX"), "k1")).code == "idempotency-key-reused"
        assert queries(office) == 1


# Reading.


async def test_everything_sent_is_read_until_it_is_taken(office: Office) -> None:
    """What is acknowledged is not listed again; a number that was never given is refused."""
    caller = await office.call()
    for key in ("k1", "k2", "k3"):
        await caller.send(json_message(), key, WAIT)
    listed = (await caller.ask("GET", "/v1/deliveries")).json
    numbers = [item["number"] for item in listed["deliveries"]]
    assert (len(numbers), listed["next"], listed["more"]) == (3, numbers[-1], False)
    again = (await caller.ask("GET", f"/v1/deliveries?after={numbers[1]}")).json
    assert [item["number"] for item in again["deliveries"]] == [numbers[2]]
    taken = await take(office, numbers[1])
    assert (taken.status, taken.json) == (200, {"number": numbers[1]})
    assert (await take(office, numbers[0])).json == {"number": numbers[1]}
    left = (await caller.ask("GET", "/v1/deliveries")).json
    assert [item["number"] for item in left["deliveries"]] == [numbers[2]]
    assert (await take(office, numbers[2] + 1)).code == "delivery-unknown"


async def take(office: Office, number: int) -> Said:
    body = b'{"number":%d}' % number
    caller = await office.call()
    return await caller.ask("POST", "/v1/deliveries/taken", ("content-type", JSON), body=body)


async def test_poll_waits_for_the_next_delivery(office: Office) -> None:
    """A long poll that finds nothing ends with what comes, on another connection's account."""
    poll, caller = await office.call(), await office.call()
    poll.begin("GET", "/v1/deliveries?wait=15")
    await waiting(office)
    sent = await caller.send(json_message(), "k1")
    said = await poll.said()
    (item,) = said.json["deliveries"]
    assert item["reply_to"] == sent.json["id"]
    assert (await poll.ask("GET", f"/v1/deliveries?after={item['number']}")).json[
        "deliveries"
    ] == []


async def test_poll_hears_status_messages(office: Office) -> None:
    """What is not kept is heard by a line's poll too, under the number 0."""
    poll, caller = await office.call(), await office.call()
    poll.begin("GET", "/v1/deliveries?wait=60")
    await waiting(office)
    await caller.send(json_message("TX"), "k1")
    said = (await poll.said()).json
    assert [item["number"] for item in said["deliveries"]] == [0]
    assert (said["deliveries"][0]["content"]["delivery"]["key"], said["next"]) == ("SM", 0)


async def test_wait_ends_when_nobody_listens_any_more(office: Office) -> None:
    """A poll whose connection has gone does not stand among those under way."""
    gone = await office.call()
    gone.begin("GET", "/v1/deliveries?wait=60")
    await waiting(office)
    await gone.close()
    await waiting(office, are_any=False)


async def test_closing_answers_who_waits(contexts: Contexts) -> None:
    """A gateway that stops lets its polls go with what there is, at once."""
    async with open_office(contexts) as office:
        poll = await office.call()
        poll.begin("GET", "/v1/deliveries?wait=60")
        await waiting(office)
        closing = asyncio.ensure_future(office.server.close())
        assert (await poll.said()).json["deliveries"] == []
        await poll.ended()
        await closing


async def test_key_that_a_path_would_change_is_found(office: Office) -> None:
    """The location that is told leads to the message, whatever its key holds."""
    caller = await office.call()
    for key in ("a/b/../c", '"a b?c#d"', "100%2F", "k" * 64):
        said = await caller.send(json_message(), key)
        assert said.status == 202
        found = await caller.ask("GET", said.header("location"))
        assert found.json["message"]["id"] == said.json["id"]


async def test_head_is_a_get_without_its_body(office: Office) -> None:
    """The connection goes on behind it."""
    caller = await office.call()
    for target in ("/healthz", "/v1/deliveries", "/nowhere"):
        head = await caller.ask("HEAD", target)
        body = await caller.ask("GET", target)
        assert (head.status, head.header("content-length")) == (body.status, str(len(body.body)))


# Who may not ask.


async def test_line_that_no_agency_lists_is_refused(office: Office) -> None:
    """It may see that the front is there and what it offers, and nothing else."""
    caller = await office.call("unlisted")
    assert (await caller.ask("GET", "/healthz")).json == {"status": "ok", "practice": True}
    assert (await caller.ask("GET", "/openapi.json")).status == 200
    for method, target in (
        ("GET", "/v1/deliveries?wait=60"),
        ("GET", "/v1/messages/k1"),
        ("POST", "/v1/deliveries/taken"),
    ):
        assert (await caller.ask(method, target)).code == "line-not-listed"
    assert (await caller.send(json_message(), "k1")).code == "line-not-listed"
    assert queries(office) == 0


async def test_listing_ends_for_connections_that_stand(office: Office) -> None:
    """A line that its agency takes out of the directory is refused at its next request."""
    caller = await office.call()
    assert (await caller.ask("GET", "/v1/deliveries")).status == 200
    world = office.host.world
    world.directory = type(world.directory).of(
        part for m in (WA, TX) if (part := world.directory.part(Member(m))) is not None
    )
    assert (await caller.ask("GET", "/v1/deliveries")).code == "line-not-listed"


async def test_connection_without_a_certificate_is_refused(office: Office) -> None:
    """No certificate, no reply; none of another authority, none over older TLS."""
    older = office.contexts.client("salem-1")
    older.minimum_version = ssl.TLSVersion.TLSv1_2
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    for context in (office.contexts.bare(), office.contexts.foreign(), older):
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await (await office.call(context=context)).ask("GET", "/healthz")


async def test_agency_of_another_line_is_not_spoken_for(office: Office) -> None:
    """The sender's own member says which lines may speak for it; the error says so."""
    caller = await office.call()
    message = json_message().replace(b"ORPX00001", b"TXPX00001")
    said = await caller.send(message, "k1")
    assert (said.status, said.code, said.json["er"]) == (422, "line-not-bound", ".01.")


# What is malformed.


@pytest.mark.parametrize(
    ("body", "code", "er"),
    [
        (b"{", "json-malformed", "0"),
        (b'{"key": "DQ"}', "json-schema", "0"),
        (json_message().replace(b'"OLN"', b'"XXX"'), "field-unknown", ".22."),
        (json_message().replace(b'"WA"', b'"ZZ"'), "unknown-destination", ".19."),
    ],
)
async def test_malformed_json_is_a_problem_with_the_networks_number(
    office: Office, body: bytes, code: str, er: str
) -> None:
    """The code for the program, the number for those who know the network's errors."""
    said = await (await office.call()).send(body, "k1")
    assert (said.status, said.code, said.json["er"]) == (422, code, er)
    assert ("options" in said.json) == (er == ".22.")
    assert queries(office) == 0


async def test_malformed_text_is_answered_in_text(office: Office) -> None:
    """The network's own error message, as a line would get it."""
    said = await (await office.call()).send(b"DQ.ORPX00001.WA.TXT\nOLN/", "k1", media=TEXT)
    assert (said.status, said.media) == (422, TEXT)
    assert said.body.startswith(b"ER.NL0000000\n")
    assert queries(office) == 0


async def test_body_that_begins_as_xml_is_handed_on(office: Office) -> None:
    """What it is worth, the formats say; here it is only told from the others."""
    caller = await office.call()
    for media in ("application/xml", "application/niem+xml"):
        assert (await caller.send(b"<a/>", "k1", media=media)).status == 422
    assert (await caller.send(b"<a/>", "k1", media=JSON)).code == "media-type-mismatch"
    assert (await caller.send(json_message(), "k1", media=TEXT)).code == "media-type-mismatch"


async def test_message_at_the_limit_is_read_and_one_beyond_is_not(office: Office) -> None:
    """16,384 bytes are a message, whole or in chunks; a byte more is refused as too large."""
    caller = await office.call()
    whole = json_message() + b" " * (MESSAGE_BYTES_MAX - len(json_message()))
    assert (await caller.send(whole, "k1")).status == 202
    said = await caller.send(whole + b" ", "k2")
    assert (said.status, said.code) == (413, "body-too-large")
    head = (
        b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"idempotency-key: %b\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    caller.write(head % b"k1" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(whole), whole))
    assert (await caller.said()).status == 202
    caller.write(head % b"k3" + b"%x\r\n%b \r\n0\r\n\r\n" % (len(whole) + 1, whole))
    assert (await caller.said()).code == "body-too-large"
    assert (await caller.ask("GET", "/healthz")).status == 200
    assert queries(office) == 1
