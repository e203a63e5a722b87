"""A ledger that cannot go on, on a network that runs: refused, succeeded, and traffic goes on."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from comity.app.keys import ledger_vkey
from comity.cli.forks import show_fork
from comity.cli.practice import PracticeNetwork
from comity.domain.answer import Answer
from comity.domain.ids import Member
from comity.ledger.note import encode_vkey
from comity.ledger.receipt import parse_receipt
from tests.fault.lines import Sent
from tests.fault.network import running_lines, running_network
from tests.integration.engines.network import fresh_place
from tests.integration.network.test_owners import OTHER_LINE, ask, copy, events
from tests.integration.network.test_story import POLICE_LINE

OH = Member("oh")

pytestmark = pytest.mark.timeout(720)


async def ledger(network: PracticeNetwork, *arguments: object, code: int = 0) -> str:
    """Run `comity ledger ...` as a person would; return what it prints."""
    argv = [sys.executable, "-m", "comity", "ledger", *map(str, arguments)]
    if arguments[0] in ("succeed", "export", "verify", "keys"):
        argv += ["--data", str(network.settings.data_dir)]
    done = await asyncio.to_thread(
        subprocess.run, argv, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


async def as_json(network: PracticeNetwork, *arguments: object, code: int = 0) -> Any:
    """Run `comity ledger ... --json`."""
    return json.loads(await ledger(network, *arguments, "--json", code=code))


async def answered(network: PracticeNetwork, line: str = OTHER_LINE) -> Answer:
    """Let an agency, of Washington if no other is named, ask Ohio; return the final answer."""
    async with running_lines(network, [line]) as lines:
        sent: Sent = await ask(network, lines[line], "oh")
        await lines[line].until(lambda: sent.is_ended)
        return sent.final(OH)[0]


def keep_receipt(answer: Answer, file: Path) -> Path:
    """Keep the proof of an answer, as an agency's system would."""
    proof = answer.proofs[0]
    said = {
        "entry": proof.entry,
        "leaf": b64encode(proof.leaf).decode(),
        "receipt": b64encode(proof.receipt).decode(),
    }
    file.write_text(json.dumps(said))
    return file


def origin_of(answer: Answer) -> str:
    """Whose ledger an answer's receipt names."""
    return parse_receipt(answer.proofs[0].receipt).origin


@asynccontextmanager
async def restarted(network: PracticeNetwork) -> AsyncIterator[None]:
    """Restart the gateway, as whoever runs it would."""
    after = network.supervisor.kill("gateway")
    await network.supervisor.ready("gateway", after=after)
    yield


async def test_an_old_backup_is_succeeded_and_traffic_goes_on(tmp_path: Path) -> None:
    """With an export the successor has what the database lost, and every receipt still proves."""
    old, new, order = tmp_path / "old", tmp_path / "new", tmp_path / "order"
    with fresh_place() as place:
        async with running_network(place) as network:
            cluster = network.supervisor.placement.engine_dir / "postgres"
            first = ledger_vkey(network.settings, OH)
        backup = cluster.with_name("backup")
        copy(cluster, backup)
        async with running_network(place) as network:
            before = await answered(network, POLICE_LINE)
            await ledger(network, "export", "--state", "OH", "--to", old)
            beyond = await answered(network, POLICE_LINE)
        shutil.rmtree(cluster)
        copy(backup, cluster)
        kept, lost = (
            keep_receipt(before, tmp_path / "kept"),
            keep_receipt(beyond, tmp_path / "lost"),
        )
        async with running_network(place) as network:
            refused = {e["member"]: e["code"] for e in events(network, "gateway", "ledger_refused")}
            assert refused["oh"] == "ledger-does-not-continue"
            options = ("succeed", "--state", "OH", "--from", old)
            seen = await as_json(network, *options)
            assert (seen["size"], seen["kept"], seen["copied"]) == (3, 2, 1)
            said = await ledger(
                network, *options, "--reason", "backup", "--as", "reviewer", "--order", order
            )
            assert "takes a second person" in said
            again = ("--as", "reviewer", "--order", order)
            await ledger(network, *options, *again, code=2)
            done = await as_json(network, *options, "--order", order, "--as", "supervisor")
            assert (done["entry"], done["vkey"].partition("+")[0]) == ("oh/3", f"{first.name}.2")
            async with restarted(network):
                after = await answered(network)
            assert (origin_of(before), origin_of(after)) == (first.name, f"{first.name}.2")
            assert after.proofs[0].entry == "oh/4"
            await ledger(network, "export", "--state", "OH", "--to", new)
            said = await ledger(network, "audit", new, "--succeeds", old)
            assert f"oh.2 begins with 3 leaves of {first.name} (backup restored)" in said
            assert "of the retired ledger" in await ledger(network, "verify", kept)
            assert "beyond its cut at 3" in await ledger(network, "verify", lost, code=5)
            fresh = keep_receipt(after, tmp_path / "fresh")
            assert "verified" in await ledger(network, "verify", fresh)
            assert (await ledger(network, "verify", old / "checkpoint")).startswith("●")
            assert encode_vkey(first) in (old / "vkey").read_text()
        async with running_network(place) as network:
            told = [e for e in events(network, "gateway", "ledger_refused") if e["member"] == "oh"]
            assert len(told) == 1, "the log has the refusal before the succession, and no other"
            assert origin_of(await answered(network)) == f"{first.name}.2"


async def test_a_fork_is_succeeded_at_what_witnesses_cosigned(tmp_path: Path) -> None:
    """The other history is named as evidence in the successor's own event; witnesses follow it."""
    old, new = tmp_path / "old", tmp_path / "new"
    with fresh_place() as place:
        async with running_network(place, witness_count=2) as network:
            await answered(network)
            await ledger(network, "export", "--state", "OH", "--to", old)
            seen = await show_fork(network.settings, OH)
            assert all("fork" in one.proves for one in seen)
            options = ("succeed", "--state", "OH", "--reason", "fork")
            both = ("--as", "reviewer", "--as", "supervisor", "--order", tmp_path / "order")
            done = await as_json(network, *options, *both)
            assert (done["entry"], done["copied"], done["unproved"]) == ("oh/3", 0, [])
            assert [one["size"] for one in done["beyond"]] == [3]
            async with restarted(network):
                assert origin_of(await answered(network)).endswith("/oh.2")
        async with running_network(place, witness_count=2) as network:
            await answered(network)
            said = await ledger(network, "export", "--state", "OH", "--to", new)
            assert "2 of 2 witnesses cosigned; the quorum is satisfied" in said
            said = await ledger(network, "audit", new, "--succeeds", old)
            assert "the retired key's head of 3 leaves is part of it" in said
            assert "the retired key's head of 3 leaves is of another history" in said
