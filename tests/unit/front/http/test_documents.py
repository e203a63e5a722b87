"""How deliveries are put into replies, and what every reply has."""

from __future__ import annotations

import email
from email import policy

import msgspec
import pytest

from comity.front.http.documents import (
    REPLY_BYTES_MAX,
    DeliveryList,
    fitting,
    list_reply,
    message_id,
    one_reply,
)
from comity.front.http.problems import PROBLEMS, Problem, ProblemDocument, ProblemError
from comity.front.http.replies import Reply, encode_reply, reply_headers
from comity.services.deliveries import KeptDelivery

JSON_ONE = b'{"delivery":{"key":"DR"}}'
TEXT_ONE = b"DR.WAOLN0000\nTXT\nNOT ON FILE"


def kept(number: int, data: bytes, reply_to: int = 255) -> KeptDelivery:
    return KeptDelivery(number=number, reply_to=reply_to, data=data)


def parts_of(reply: Reply) -> list[tuple[object, ...]]:
    head = f"content-type: {reply.media}\r\n\r\n".encode()
    found = email.message_from_bytes(head + reply.body, policy=policy.HTTP)
    return [
        (
            part["content-type"],
            part["comity-delivery"],
            part["comity-reply-to"] or "",
            part.get_payload(decode=True),
        )
        for part in found.iter_parts()
    ]


def test_one_delivery_is_its_own_bytes() -> None:
    """With its media type, its number, and the message that it answers."""
    reply = one_reply(200, kept(5, TEXT_ONE), (("location", "/x"),))
    assert (reply.status, reply.media, reply.body) == (200, "text/plain; charset=utf-8", TEXT_ONE)
    assert dict(reply.headers) == {
        "location": "/x",
        "comity-delivery": "5",
        "comity-reply-to": "00000000000000ff",
    }
    unasked = one_reply(200, kept(5, JSON_ONE, reply_to=0), ())
    assert (unasked.media, dict(unasked.headers)) == ("application/json", {"comity-delivery": "5"})


def test_list_is_a_document_that_holds_each_in_its_form() -> None:
    """JSON as it is, text and XML as strings, in the order of their numbers."""
    deliveries = (kept(5, JSON_ONE), kept(6, TEXT_ONE, reply_to=0), kept(7, b"<a/>"))
    part = fitting(deliveries, 9, more=True)
    reply = list_reply(200, part, None, (), in_parts=False)
    found = msgspec.json.decode(reply.body, type=DeliveryList)
    assert [bytes(item.content) for item in found.deliveries] == [
        JSON_ONE,
        msgspec.json.encode(TEXT_ONE.decode()),
        b'"<a/>"',
    ]
    assert [item.reply_to for item in found.deliveries] == [message_id(255), None, message_id(255)]
    assert [item.media_type for item in found.deliveries] == [
        "application/json",
        "text/plain; charset=utf-8",
        "application/xml",
    ]
    assert (found.next, found.more) == (9, True)
    assert dict(reply.headers) == {"comity-next": "9", "comity-more": "true"}


def test_list_in_parts_holds_the_same_bytes() -> None:
    """Any reader of mail takes them apart; the same list has the same boundary."""
    deliveries = (kept(5, JSON_ONE), kept(6, TEXT_ONE, reply_to=0))
    reply = list_reply(200, fitting(deliveries, 6, more=False), None, (), in_parts=True)
    assert parts_of(reply) == [
        ("application/json", "5", message_id(255), JSON_ONE),
        ('text/plain; charset="utf-8"', "6", "", TEXT_ONE),
    ]
    assert reply == list_reply(200, fitting(deliveries, 6, more=False), None, (), in_parts=True)


def test_empty_list_is_a_document() -> None:
    """Parts without a part are no valid body."""
    reply = list_reply(200, fitting((), 4, more=False), None, (), in_parts=True)
    assert reply.body == b'{"deliveries":[],"next":4,"more":false}'


def test_list_ends_at_its_limit_and_says_where_to_go_on() -> None:
    """A list of exactly 1 MiB is whole; with a byte more its last one waits; one always goes."""
    half = b"x" * (REPLY_BYTES_MAX // 2)
    whole = fitting((kept(5, half), kept(6, half)), 6, more=False)
    assert ([d.number for d in whole.deliveries], whole.next, whole.more) == ([5, 6], 6, False)
    cut = fitting((kept(5, half), kept(6, half + b"x"), kept(7, b"y")), 7, more=False)
    assert ([d.number for d in cut.deliveries], cut.next, cut.more) == ([5], 5, True)
    alone = fitting((kept(5, half * 4),), 5, more=False)
    assert (len(alone.deliveries), alone.more) == (1, False)


@pytest.mark.parametrize("problem", Problem)
def test_problem_document_says_what_is_wrong(problem: Problem) -> None:
    """Each has a status, its code and a sentence; those that pass say when to come again."""
    reply = ProblemError(problem).reply
    said = msgspec.json.decode(reply.body, type=ProblemDocument)
    assert (said.status, said.code, said.detail) == (
        reply.status,
        problem,
        PROBLEMS[problem].detail,
    )
    assert (said.type, reply.media) == ("about:blank", "application/problem+json")
    assert ("retry-after" in dict(reply.headers)) == (reply.status in {429, 503})


def test_every_reply_forbids_keeping_and_names_nobody() -> None:
    """No cache, no sniffing, no software, no other origin; a whole one ends its connection."""
    reply = ProblemError(Problem.BUSY).reply
    names = [name for name, _ in reply_headers(reply)]
    assert dict(reply_headers(reply))[b"cache-control"] == b"no-store"
    assert not {b"server", b"access-control-allow-origin", b"set-cookie"} & set(names)
    head, _, body = encode_reply(reply).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nconnection: close" in head
    assert body == reply.body
