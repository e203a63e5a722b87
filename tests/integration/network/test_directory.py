"""A member's part on a running network: exported, edited, signed and published by command."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from comity.cli.practice import PracticeNetwork
from tests.fault.network import running_network
from tests.integration.engines.network import fresh_place

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(360)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network() -> AsyncIterator[PracticeNetwork]:
    """A practice network."""
    with fresh_place() as place:
        async with running_network(place) as running:
            yield running


async def directory(network: PracticeNetwork, *arguments: object, code: int = 0) -> str:
    """Run `comity directory ...` as a person would; return what it prints."""
    argv = [sys.executable, "-m", "comity", "directory", *map(str, arguments)]
    argv += ["--data", str(network.settings.data_dir)]
    done = await asyncio.to_thread(
        subprocess.run, argv, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


async def as_json(network: PracticeNetwork, *arguments: object, code: int = 0) -> Any:
    """Run `comity directory ... --json`."""
    return json.loads(await directory(network, *arguments, "--json", code=code))


async def test_a_part_goes_out_as_a_table_and_comes_back_signed(
    network: PracticeNetwork, tmp_path: Path
) -> None:
    """One cell is edited in a spreadsheet's file; the next version is in force, with its leaf."""
    table, part, signed = (tmp_path / name for name in ("oh.csv", "oh.part", "oh.signed"))
    assert "● oh: " in await directory(network, "export", "--state", "oh", "--to", table)
    text = table.read_bytes().decode()
    assert text.count("555-0111") == 1
    table.write_bytes(text.replace("555-0111", "555-0142").encode())
    said = await directory(network, "import", table, "--state", "oh", "--to", part)
    assert "phone changes from 555-0111 to 555-0142" in said
    await directory(network, "sign", part, "--to", signed)
    published = await as_json(network, "publish", signed)
    assert (published["member"], published["version"]) == ("oh", 2)
    assert await as_json(network, "publish", signed) == published
    found = await as_json(network, "show", "OHPX001PD")
    assert found["agency"]["phone"] == "555-0142"
    versions = (await as_json(network, "history", "--state", "OH"))["versions"]
    assert [row["version"] for row in versions] == [2, 1]
    assert versions[0]["entry"] == published["entry"]
    difference = await as_json(network, "diff", "oh@1", "oh")
    assert difference["counts"] == {"added": 0, "removed": 0, "changed": 1, "others": 0}


async def test_a_part_under_another_key_is_not_published(
    network: PracticeNetwork, tmp_path: Path
) -> None:
    """Neither signed here with another member's key, nor taken by the gateway."""
    table, part = tmp_path / "tx.toml", tmp_path / "tx.part"
    await directory(network, "export", "--state", "tx", "--to", table)
    table.write_text(table.read_text("utf-8").replace("555-0112", "555-0142"), "utf-8")
    await directory(network, "import", table, "--state", "tx", "--to", part)
    key = network.settings.data_dir / "member-keys" / "oh.key"
    failed = await as_json(network, "sign", part, "--to", part, "--key", key, code=5)
    assert failed["error"]["code"] == "part-signature-invalid"
    failed = await as_json(network, "publish", part, code=2)
    assert failed["error"]["code"] == "part-malformed"


async def test_agencies_are_found_by_place(network: PracticeNetwork) -> None:
    """Those of every member of the installation."""
    found = await as_json(network, "find", "bexley falls", "--type", "pd")
    assert [row["agency"]["ori"] for row in found["shown"]] == ["TXPX001PD"]
    assert "○ no active agency" in await directory(network, "find", "Nowhere")
    shown = await directory(network, "show", "tx")
    assert shown.startswith("Texas: version 1  (practice data)\n")
    assert "active, control" in shown
