"""What a state's records people take home of its own traffic, from a network that runs."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from comity.app.database import open_reader
from comity.cli.practice import PracticeNetwork
from comity.cli.stage import open_stage
from comity.domain.ids import Member
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind
from tests.fault.network import running_lines, running_network
from tests.integration.engines.network import fresh_place
from tests.integration.network.test_story import POLICE, POLICE_LINE, question

pytestmark = pytest.mark.timeout(270)


async def export(network: PracticeNetwork, out: Path, state: str) -> tuple[int, dict[str, Any]]:
    """Run `comity history export` of the last two days; return its exit code and document."""
    today = dt.datetime.now(dt.UTC).date()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "comity", "history", "export", "--state", state, "--json"),
        *("--from", str(today - dt.timedelta(days=1)), "--to", str(today)),
        *("--out", str(out), "--data", str(network.settings.data_dir)),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(said)


async def test_a_state_exports_its_own_traffic_and_the_ledger_says_so(tmp_path: Path) -> None:
    """Query and answer are there, no other state's, and the leaf of the reading came before."""
    with fresh_place() as place:
        async with (
            running_network(place) as network,
            running_lines(network, [POLICE_LINE]) as lines,
            open_stage(network.settings, network.world) as stage,
        ):
            line = lines[POLICE_LINE]
            sent = line.add(question(network.world, "PXHIST"))
            await line.until(lambda: sent.is_ended)
            code, said = await export(network, tmp_path / "tx.jsonl", "TX")
            assert (code, said["messages"], said["unopened"]) == (0, 2, 0), said
            rows = [json.loads(line) for line in (tmp_path / "tx.jsonl").read_text().splitlines()]
            assert [(row["what"], row["key"]) for row in rows] == [
                ("query", "DQ"), ("delivery", "DR"),
            ]  # fmt: skip
            assert [row["control"] for row in rows] == ["PXHIST", "PXHIST"]
            assert rows[0]["from"] == POLICE == rows[1]["to"][0]
            assert rows[1]["reference"] == f"{rows[0]['reference']}-1"
            assert all(row["practice"] for row in rows)
            index = int(said["access_entry"].removeprefix("tx/"))
            assert await stage.ledger_size(Member("tx")) == index + 1
            async with open_reader(network.settings, [Member("tx")]) as store:
                (leaf,) = await store.leaves(Member("tx"), index, index + 1)
            assert parse_leaf(leaf).kind is LeafKind.ACCESS
            # Ohio answered, and its own agencies sent nothing.
            code, said = await export(network, tmp_path / "oh.jsonl", "OH")
            assert (code, said["messages"]) == (0, 0)
            shutil.rmtree(network.settings.data_dir / "keyring" / "tx")
            code, said = await export(network, tmp_path / "gone.jsonl", "TX")
            assert (code, said["error"]["code"]) == (1, "keyring-missing")
