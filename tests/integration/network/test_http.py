"""An agency that asks by request, of a network of real processes that may die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from comity.cli.practice import PracticeNetwork
from comity.formats import json as json_form
from comity.formats.json.delivered import parse_delivered
from comity.roles.certificates import SERVER_NAME, client_context, tls_files
from comity.roles.runtime import load_runtime
from tests.fault.network import held_query, running_network
from tests.integration.engines.network import fresh_place
from tests.integration.network.test_story import HSI_LINE, POLICE_LINE, question
from tests.support.http import Caller

WAIT = ("prefer", "wait=30")

pytestmark = pytest.mark.timeout(270)


@asynccontextmanager
async def calling(network: PracticeNetwork, line: str = POLICE_LINE) -> AsyncIterator[Caller]:
    """A connection to where the running network says that it listens."""
    data_dir = network.settings.data_dir
    host, _, port = load_runtime(data_dir).addresses["http"].rpartition(":")
    context = client_context(tls_files(data_dir / "tls", line))
    caller = Caller(
        *await asyncio.open_connection(host, int(port), ssl=context, server_hostname=SERVER_NAME)
    )
    try:
        yield caller
    finally:
        await caller.close()


async def test_query_by_request_outlives_its_gateway() -> None:
    """Killed between asking and reading; a repeat is the same answer, in the same bytes."""
    with fresh_place() as place:
        async with running_network(place) as network:
            message = json_form.render_query(question(network.world, "PXHTTP"))
            async with calling(network) as caller:
                first = await caller.send(message, "k1", WAIT)
                accepted = await caller.send(message, "k2")
                assert (first.status, accepted.status) == (200, 202)
                answer = parse_delivered(first.body)
                assert answer.answer is not None
                assert (answer.delivery.control, len(answer.answer.proofs)) == ("PXHTTP", 1)
            start = network.supervisor.kill("gateway")
            await network.supervisor.ready("gateway", after=start)
            async with calling(network) as caller:
                found = await caller.ask("GET", "/v1/messages/k2", WAIT)
                assert found.json["message"]["status"] == "ended"
                again = await caller.send(message, "k1", WAIT)
                assert (again.status, again.body) == (200, first.body)
                other = await caller.send(message + b" ", "k1", WAIT)
                assert other.code == "idempotency-key-reused"
                numbers = [d["number"] for d in (await every(caller))["deliveries"]]
                assert numbers[0] == int(first.header("comity-delivery"))
                assert len(numbers) == 2


async def test_answer_behind_a_hold_is_read_by_a_poll() -> None:
    """The notice comes in the reply; what ends the hold comes later, to whoever polls."""
    with fresh_place() as place:
        async with running_network(place) as network, calling(network, HSI_LINE) as caller:
            message = json_form.render_query(held_query(network.world))
            said = await caller.send(message, "k1", WAIT)
            assert (said.status, said.header("comity-status")) == (200, "answered")
            assert said.json["answer"]["response"] == "held"
            after = said.header("comity-delivery")
            later = await caller.ask("GET", f"/v1/deliveries?wait=30&after={after}")
            (item,) = later.json["deliveries"]
            assert item["reply_to"] == said.header("comity-reply-to")
            assert item["content"]["answer"]["is_final"]


async def every(caller: Caller) -> dict[str, list[dict[str, int]]]:
    """Everything that was sent to the line."""
    found = (await caller.ask("GET", "/v1/deliveries")).json
    assert isinstance(found, dict)
    return found
