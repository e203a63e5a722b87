"""The console's way to the front: real TLS, the line's own certificate; a failure is one error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from ssl import SSLContext

import msgspec
import pytest

from comity.adapters import agency_front
from comity.adapters.agency_front import HttpAgencyFront
from comity.ports import FrontRequest, UnreachableError
from comity.roles.certificates import SERVER_NAME
from tests.support.http import Office, json_message, open_office
from tests.support.line import Contexts

HEALTH = FrontRequest(method="GET", target="/healthz")


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return Contexts(Path(tmp_path_factory.mktemp("tls")))


@pytest.fixture
async def office(contexts: Contexts) -> AsyncIterator[Office]:
    async with open_office(contexts) as office:
        yield office


def front_of(office: Office, name: str = SERVER_NAME, port: int = 0) -> HttpAgencyFront:
    """A front that is spoken to as `salem-1`, whose certificate alone is kept."""

    def context_of(line: str) -> SSLContext | None:
        return office.contexts.client(line) if line == "salem-1" else None

    return HttpAgencyFront(
        address=lambda: f"127.0.0.1:{port or office.port}",
        server_name=name,
        context_of=context_of,
    )


async def test_a_line_speaks_by_its_own_certificate(office: Office) -> None:
    """The first line that is kept; a preview and a message are taken as that line's."""
    front = front_of(office)
    assert front.line_of(("salem-2", "salem-1")) == "salem-1"
    assert front.line_of(("salem-2",)) is None
    asked = FrontRequest(method="POST", target="/v1/previews", body=json_message())
    reply = await front.ask("salem-1", asked)
    assert (reply.status, reply.media) == (200, "application/json")
    assert [each["state"] for each in msgspec.json.decode(reply.body)["states"]] == ["wa"]
    key = (("Idempotency-Key", "k"),)
    sent = FrontRequest(method="POST", target="/v1/messages", headers=key, body=json_message())
    assert (await front.ask("salem-1", sent)).status == 202
    problem = await front.ask("salem-1", FrontRequest(method="GET", target="/v1/messages/none"))
    assert (problem.status, problem.media) == (404, "application/problem+json")


async def test_what_is_no_whole_reply_is_one_error(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another line, nobody there, another server's name, a reply too long or too late."""
    for front in (front_of(office, "elsewhere.invalid"), front_of(office, port=1)):
        with pytest.raises(UnreachableError) as refusal:
            await front.ask("salem-1", HEALTH)
        assert "salem" not in str(refusal.value)
    front = front_of(office)
    with pytest.raises(UnreachableError):
        await front.ask("salem-2", HEALTH)
    with monkeypatch.context() as small:
        small.setattr(agency_front, "FRONT_REPLY_BYTES_MAX", 8)
        with pytest.raises(UnreachableError, match="too long"):
            await front.ask("salem-1", HEALTH)
    with monkeypatch.context() as short:
        short.setattr(agency_front, "FRONT_SECONDS_MAX", 0.0)
        with pytest.raises(UnreachableError):
            await front.ask("salem-1", HEALTH)
    assert (await front.ask("salem-1", HEALTH)).status == 200


async def test_requests_at_once_have_connections_of_their_own(office: Office) -> None:
    """None waits for another."""
    front = front_of(office)
    replies = await asyncio.gather(*(front.ask("salem-1", HEALTH) for _ in range(8)))
    assert {reply.status for reply in replies} == {200}
