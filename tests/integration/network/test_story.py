"""What agencies, reviewers and operators see of a network whose processes come and go."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from comity.app.database import open_reader
from comity.cli.main import app
from comity.cli.practice import PracticeNetwork
from comity.cli.stage import NetworkStage, open_stage
from comity.domain.answer import ResponseKind
from comity.domain.ids import ORI, Member, wire_of_member
from comity.domain.keys import parse_message_key
from comity.domain.query import Query
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass
from comity.practice.world import PracticeWorld
from comity.roles.process import ready_after_line
from tests.fault.lines import RecordingLine
from tests.fault.network import HSI, held_query, running_lines, running_network
from tests.integration.engines.network import fresh_place
from tests.support.javascript import verdicts

POLICE = ORI("TXPX001PD")
POLICE_LINE = "tx-bexley-falls-pd"
HSI_LINE = "us-hsi-port-ellery"
HOLD_S = 8
DRAFT = """
schema_version = 2
state = "oh"
version = 2
title = "Ohio: a person reviews what the police of Texas ask"
hold_hours = 72
adopts = "national_default"

[[rules]]
id = "OH-D01"
effect = "hold"
when.agency = ["TX/LOCAL/PD"]
sentence = "A person reviews what the police of Texas ask."
statute = { cite = "draft", mark = "P" }
"""

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network() -> AsyncIterator[PracticeNetwork]:
    """A practice network whose holds last a few seconds; each decision is asked again."""
    with fresh_place() as place:
        async with running_network(place, hold_seconds_max=HOLD_S, recheck_percent=100) as running:
            yield running


@pytest_asyncio.fixture(loop_scope="module")
async def police(network: PracticeNetwork) -> AsyncIterator[RecordingLine]:
    """A police department's line, connected."""
    async with running_lines(network, [POLICE_LINE]) as lines:
        yield lines[POLICE_LINE]


@pytest_asyncio.fixture(loop_scope="module")
async def stage(network: PracticeNetwork) -> AsyncIterator[NetworkStage]:
    """The review desk and the auditor's view."""
    async with open_stage(network.settings, network.world) as opened:
        yield opened


def question(world: PracticeWorld, control: str, state: str = "oh") -> Query:
    return Query(
        key=parse_message_key("DQ"),
        origin=POLICE,
        destinations=(wire_of_member(Member(state)),),
        control=control,
        fields=(("OLN", world.anchor(state).driver.oln),),
    )


async def kill(network: PracticeNetwork, name: str) -> None:
    """Kill a process and wait until its next start is ready."""
    start = network.supervisor.kill(name)
    await network.supervisor.ready(name, after=start)


async def test_repeated_message_is_answered_with_the_same_bytes_after_a_crash(
    network: PracticeNetwork, police: RecordingLine, stage: NetworkStage
) -> None:
    """A frame that is repeated to a gateway that never saw it is no second query."""
    sent = police.add(question(network.world, "PXSAME"))
    await police.until(lambda: sent.is_ended)
    first = police.heard(sent)[0].event
    leaves = await stage.ledger_size(Member("tx"))
    await kill(network, "gateway")
    sent.is_accepted = False
    heard = len(police.heard(sent))
    police.cut()
    await police.until(lambda: sent.is_accepted and len(police.heard(sent)) > heard)
    assert {(k.event.number, k.event.payload) for k in police.heard(sent)} == {
        (first.number, first.payload)
    }
    assert await stage.ledger_size(Member("tx")) == leaves


async def test_decisions_are_asked_again_behind_their_answers(
    network: PracticeNetwork, police: RecordingLine, stage: NetworkStage
) -> None:
    """Cedar is asked about what was answered, agrees, and nothing is frozen by it."""
    before = await stage.count("policy_decisions_rechecked", Member("oh"))
    asked = [police.add(question(network.world, f"PXCEDAR{n}")) for n in range(3)]
    await police.until(lambda: all(sent.is_ended for sent in asked))
    for _ in range(100):
        if await stage.count("policy_decisions_rechecked", Member("oh")) >= before + 3:
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError("the referee was not asked")
    assert await stage.count("policy_referee_disagrees", Member("oh")) == 0


async def test_receipt_page_checks_what_was_answered(
    network: PracticeNetwork, police: RecordingLine
) -> None:
    """An answer, put into the page with the key that `comity ledger keys` prints, holds."""
    sent = police.add(question(network.world, "PXPAGE"))
    await police.until(lambda: sent.is_ended)
    evidence = police.heard(sent)[0].event.payload.decode()
    data = str(network.settings.data_dir)
    printed = CliRunner().invoke(app, ["ledger", "keys", "--data", data])
    assert printed.exit_code == 0, printed.output
    held, waiting = verdicts(
        {"check": "page", "evidence": evidence, "keys": keys} for keys in (printed.stdout, "")
    )
    (result,) = held["proved"]["results"]
    assert (held["proved"]["state"], result["entry"].partition("/")[0]) == ("holds", "oh")
    assert (waiting["proved"]["state"], waiting["proved"]["code"]) == ("open", "no-key")


async def replayed(network: PracticeNetwork, draft: Path) -> dict[str, Any]:
    """Run `comity policy replay` and read its document."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "comity", "policy", "replay", str(draft), "--json"),
        *("--data", str(network.settings.data_dir)),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said
    document: dict[str, Any] = json.loads(said)
    return document


async def test_a_draft_is_tried_on_what_was_asked(
    network: PracticeNetwork, police: RecordingLine, tmp_path: Path
) -> None:
    """What was answered a moment ago is counted, once, and no other member's reader sees it."""
    draft = tmp_path / "draft.toml"
    draft.write_text(DRAFT)
    before = await replayed(network, draft)
    sent = police.add(question(network.world, "PXTRY1"))
    await police.until(lambda: sent.is_ended)
    for _ in range(2):
        said = await replayed(network, draft)
        assert said["requests"] == said["changed"] == before["requests"] + 1
        assert [each["name"] for each in said["by_agency"]] == [POLICE]
        assert said["reviews"] == {"before": 0, "after": said["requests"]}
        ledger = said["ledger"]
        assert (said["proved"], ledger["folded"]) == (True, ledger["size"])
        assert (ledger["lost"], ledger["told"]) == (0, "")
    async with open_reader(network.settings, [Member("tx")]) as store:
        assert await store.traffic(Member("oh"), None, 9) == []
        assert await store.folds([Member("oh")]) == []


async def test_line_that_was_away_gets_what_it_missed_in_order(
    network: PracticeNetwork, police: RecordingLine
) -> None:
    """Answers that came while a line was away wait for it; their numbers rise, none is missing."""
    asked = [police.add(question(network.world, f"PXAWAY{n}")) for n in range(5)]
    await police.until(lambda: all(sent.is_accepted for sent in asked))
    before = len(police.kept)
    police.cut(1.0)
    await police.until(lambda: all(sent.is_ended for sent in asked))
    numbers = [kept.event.number for kept in police.kept[before:]]
    assert numbers == sorted(set(numbers))


async def test_requester_is_told_that_its_query_waits(
    network: PracticeNetwork, police: RecordingLine
) -> None:
    """While nobody routes, a query is kept, a status message says so, and the answer follows."""
    await hold_down(network, "hub")
    sent = police.add(question(network.world, "PXWAIT"))
    await police.until(lambda: bool(police.heard(sent)))
    status = police.heard(sent)[0]
    assert (status.event.number, status.said.delivery.key) == (0, "SM")
    assert status.said.delivery.text.startswith(".02.")
    assert sent.is_accepted
    await start_again(network, "hub")
    await police.until(lambda: sent.is_ended)
    assert [a.response for a in sent.answers] == [ResponseKind.HIT]


async def test_hold_outlives_the_gateway_and_is_approved(
    network: PracticeNetwork, stage: NetworkStage
) -> None:
    """A reviewer decides a hold that was opened before a crash, and the line gets what follows."""
    async with running_lines(network, [HSI_LINE]) as lines:
        line = lines[HSI_LINE]
        sent = line.add(held_query(network.world))
        await line.until(lambda: bool(sent.answers))
        await kill(network, "gateway")
        (hold,) = await stage.holds(Member("il"))
        await stage.decide(hold.entry, VerdictKind.APPROVE, [DataClass.STATUS, DataClass.IDENTITY])
        await line.until(lambda: sent.is_ended)
        final = sent.answers[-1]
        assert {e.data_class for e in final.elements} == {DataClass.STATUS, DataClass.IDENTITY}
        assert sum(stage.verify(answer) for answer in sent.answers) >= 2
        assert (sent.query.origin, final.is_final) == (HSI, True)


async def test_hold_outlives_the_gateway_and_expires(network: PracticeNetwork) -> None:
    """A hold's clock goes on through a crash; nobody decided, so nothing is released."""
    async with running_lines(network, [HSI_LINE]) as lines:
        line = lines[HSI_LINE]
        sent = line.add(held_query(network.world))
        await line.until(lambda: bool(sent.answers))
        await kill(network, "gateway")
        await line.until(lambda: sent.is_ended, 3 * HOLD_S)
        assert [a.response for a in sent.answers if a.is_final] == [ResponseKind.REFUSED]
        assert not any(answer.elements for answer in sent.answers)


async def hold_down(network: PracticeNetwork, name: str) -> None:
    """End a process, and do not have it started again."""
    await network.supervisor._named(name).stop()


async def start_again(network: PracticeNetwork, name: str) -> None:
    """Start another process of a role that was held down."""
    argv = (sys.executable, "-m", "comity", "serve", name)
    ready = ready_after_line(f'"{name}_ready"')
    await network.supervisor.start(network.supervisor.role(f"{name}-2", *argv, ready=ready))
