"""`comity policy history`, `publish`, `shadow`: versions as people read and name them.

The store is a memory twin with a ledger that a real rule book wrote; the commands read it as the
installation's own.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from comity.cli import policy_book as module
from comity.cli import rules as naming
from comity.cli.main import app
from comity.domain.decision import RuleId
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex
from comity.domain.vocabulary import LeafKind, Outcome
from comity.link.command import CommandDone
from comity.policy import encode_bundle
from comity.policy.block import blocked, confirmed
from comity.roles.settings import load_settings
from comity.services.private_records import Records
from tests.support.gateway import NOW, WA, PracticeHost, running
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_promises import NONE_OF_ALL
from tests.unit.services.test_rulebook import (
    DAY,
    FAMILY,
    OPEN,
    REVIEWER,
    SECOND,
    announced,
    signed,
)

RUNNER = CliRunner()
BLOCKED = blocked(OPEN, FAMILY, "Order 14", NOW + DAY)
CONFIRMED = confirmed(BLOCKED, RuleId("BLOCK-1"))
DRAFT = msgspec.structs.replace(OPEN, version=4, title="A draft")


async def told() -> PracticeHost:
    """A block, confirmed by another person, and a draft that stands announced."""
    async with running(encode_bundle(OPEN)) as host:
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        await host.rulebook.publish(WA, signed(CONFIRMED, SECOND))
        await host.rulebook.announce(WA, announced(DRAFT, REVIEWER))
        return host


@pytest.fixture(scope="module")
def host() -> PracticeHost:
    """One ledger for all who only read."""
    return asyncio.run(told())


@pytest.fixture
def said(
    host: PracticeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run a command over that ledger: its exit code, screen, and what it says of errors."""
    return reader(host, tmp_path, monkeypatch)


def reader(
    host: PracticeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run commands over a host's store."""

    @asynccontextmanager
    async def opened(*_: object) -> AsyncIterator[Any]:
        yield host.store

    @asynccontextmanager
    async def both(*_: object) -> AsyncIterator[Any]:
        yield host.store, host.store

    @asynccontextmanager
    async def records(*_: object) -> AsyncIterator[Any]:
        yield Records(host.store, host.vault)

    monkeypatch.setattr(naming, "open_reader", opened)
    monkeypatch.setattr(module, "open_ledger_reader", both)
    monkeypatch.setattr(module, "open_records", records)

    def run(*words: str, columns: int = 80) -> tuple[int, str, str]:
        command = ["policy", *words, "--data", str(tmp_path)]
        result = RUNNER.invoke(app, command, env={"COLUMNS": str(columns)})
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.mark.parametrize("columns", [80, 100])
def test_a_history_begins_with_what_is_in_force(
    said: Callable[..., tuple[int, str, str]], columns: int
) -> None:
    """Then what stands announced, and each version, newest first, within the screen."""
    code, text, _ = said("history", "@wa", columns=columns)
    lines = text.splitlines()
    assert code == 0
    assert lines[0].startswith("● Washington: version 3 of its rules has been in force since ")
    assert lines[1] == "  Version 4 stands announced; nothing is decided by it."
    heads = [line.split()[:3] for line in lines if line[1:].startswith(" version")]
    assert heads == [
        ["◆", "version", "4"],
        ["●", "version", "3"],
        ["○", "version", "2"],
        ["○", "version", "1"],
    ]
    flat = " ".join(text.split())
    assert "drops BLOCK-1; has another title." in flat
    assert "BLOCK-1 is confirmed." in flat
    assert "because of BLOCK-1; BLOCK-1 is not confirmed yet." in flat
    assert "The first version: 1 rule of its own." in flat
    assert max(map(len, lines)) <= columns


def test_a_history_as_json(said: Callable[..., tuple[int, str, str]]) -> None:
    """The same facts; who signed, by name; hours and no minutes."""
    _, text, _ = said("history", "@wa", "--json")
    found = json.loads(text)
    assert (found["state"], found["in_force"], found["announced"]) == ("wa", 3, 4)
    assert found["whole"]
    assert [each["standing"] for each in found["shown"]] == [
        "announced",
        "in force",
        "was in force",
        "was in force",
    ]
    assert [each["signed_by"] for each in found["shown"]] == [
        [REVIEWER[0].name],
        [SECOND[0].name],
        [REVIEWER[0].name],
        [],
    ]
    assert all(each["hour"].endswith("Z") and len(each["hour"]) == 14 for each in found["shown"])


def test_a_history_says_where_it_ends(said: Callable[..., tuple[int, str, str]]) -> None:
    """The oldest that is shown is compared with the one before it, which is not shown."""
    _, text, _ = said("history", "@wa", "--last", "1")
    assert text.startswith("○ Washington: the version in force is older than the last 1 shown")
    _, text, _ = said("history", "@wa", "--last", "3")
    assert "Older ones are not shown" in text
    assert "because of BLOCK-1" in " ".join(text.split())
    assert "The first version" not in text
    assert said("history", "@or")[0] == 2


def test_names_of_a_lost_record_hide_no_other(
    said: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, host: PracticeHost
) -> None:
    """Where a month key is destroyed nothing is said of who signed that version."""
    index = host.leaves(WA).index(host.leaves(WA, LeafKind.POLICY)[1])
    read = Records.read

    async def lost(self: Records, member: Any, at: int) -> Any:
        if at == index:
            raise ComityError("the key is destroyed")
        return await read(self, member, at)

    monkeypatch.setattr(Records, "read", lost)
    found = json.loads(said("history", "@wa", "--json")[1])["shown"]
    assert [each["signed_by"] for each in found] == [
        [REVIEWER[0].name],
        [SECOND[0].name],
        None,
        [],
    ]


def test_thousands_of_versions_are_read_by_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short look reads a page or two, however long the history is; an old version is found."""

    async def made() -> PracticeHost:
        async with running(encode_bundle(OPEN)) as host:
            (place,) = (place for place in host.store.tables.policies if place[0] == WA)
            first, leaf = host.store.tables.policies[place], host.store.tables.leaves[WA][-1]
            for version in range(2, 201):
                body = encode_bundle(msgspec.structs.replace(OPEN, version=version))
                index = LeafIndex(len(host.store.tables.leaves[WA]))
                row = msgspec.structs.replace(first, leaf_index=index, body=body)
                host.store.tables.policies[WA, index] = row
                host.store.tables.leaves[WA].append(leaf)
            return host

    host = asyncio.run(made())
    asked: list[int] = []
    policy_leaves = host.store.policy_leaves

    async def counted(member: Any, below: int, limit: int) -> Any:
        found = await policy_leaves(member, below, limit)
        asked.append(len(found))
        return found

    monkeypatch.setattr(host.store, "policy_leaves", counted)
    run = reader(host, tmp_path, monkeypatch)
    found = json.loads(run("history", "@wa", "--last", "2", "--json")[1])
    assert [each["version"] for each in found["shown"]] == [200, 199]
    assert (len(asked), max(asked)) == (1, 32)
    assert run("explain", "@wa:2")[0] == 0
    assert max(asked) == 32


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("@wa", "in force in WA"),
        ("@wa:3", "version 3 of WA"),
        ("@WA:002", "version 2 of WA"),
        ("@wa:shadow", "announced by WA"),
    ],
)
def test_versions_are_named(
    said: Callable[..., tuple[int, str, str]], name: str, source: str
) -> None:
    """By number, and what is announced by its word, wherever rules are named."""
    code, text, _ = said("explain", name)
    assert (code, source in text) == (0, True)


@pytest.mark.parametrize(
    "name", ["@wa:9", "@wa:0", "@wa:-1", "@wa:x", "@wa:²", "@wa:" + "9" * 5_000, "@or:shadow"]
)
def test_a_version_that_is_none_is_usage(
    said: Callable[..., tuple[int, str, str]], name: str
) -> None:
    """One that was never published, a word, a digit of another script, nothing announced."""
    code, text, error = said("explain", name)
    assert (code, text) == (2, "")
    assert "(usage)" in error


def test_a_roll_back_is_the_next_version_and_confirms_nothing(
    host: PracticeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not confirmed then, and is not sure now, waits for a second person again."""
    reader(host, tmp_path, monkeypatch)
    settings = load_settings(data_dir=tmp_path)
    made, standing = module._next(settings, naming.named_rules(settings, "@wa:2"))
    assert (made.version, standing.version) == (4, 3)
    assert made.rules == BLOCKED.rules
    # The same clause is in force and confirmed.
    assert made.unconfirmed == ()

    async def without() -> PracticeHost:
        first = msgspec.structs.replace(OPEN, guarantee_opt_outs=NONE_OF_ALL)
        async with running(encode_bundle(first)) as other:
            block = blocked(first, FAMILY, "Order 14", NOW + DAY)
            await other.rulebook.publish(WA, signed(block, REVIEWER))
            lifted = msgspec.structs.replace(first, version=3)
            await other.rulebook.publish(WA, signed(lifted, REVIEWER, SECOND))
            return other

    reader(asyncio.run(without()), tmp_path, monkeypatch)
    monkeypatch.setattr(time, "time", lambda: NOW)
    made, _ = module._next(settings, naming.named_rules(settings, "@wa:2"))
    assert [(each.rule, each.until) for each in made.unconfirmed] == [("BLOCK-1", NOW + DAY)]
    shorter = load_settings(data_dir=tmp_path, confirm_seconds_max=60)
    made, _ = module._next(shorter, naming.named_rules(shorter, "@wa:2"))
    assert made.unconfirmed[0].until == NOW + 60
    # A file that names nothing unconfirmed says so itself, and two people answer for it.
    file = tmp_path / "rules.json"
    file.write_bytes(encode_bundle(CONFIRMED))
    made, _ = module._next(shorter, naming.named_rules(shorter, str(file)))
    assert (made.version, made.unconfirmed) == (4, ())


def test_what_lifts_a_block_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Going back to before it is two words on a command line: the screen names what is gone."""

    async def standing() -> PracticeHost:
        first = msgspec.structs.replace(OPEN, guarantee_opt_outs=NONE_OF_ALL)
        async with running(encode_bundle(first)) as other:
            block = blocked(first, FAMILY, "Order 14", NOW + DAY)
            await other.rulebook.publish(WA, signed(block, REVIEWER))
            return other

    run = reader(asyncio.run(standing()), tmp_path, monkeypatch)
    done = CommandDone(entry="wa/9")
    monkeypatch.setattr(module, "published", lambda *_: done)
    monkeypatch.setattr(module, "people_of", lambda *_: [])
    monkeypatch.setattr(module, "signed_policy", lambda made, *_: encode_bundle(made))
    code, text, _ = run("publish", "@wa:1")
    assert (code, f"BLOCK-1 (Order 14) no longer blocks {FAMILY}." in text) == (0, True)
    assert json.loads(run("publish", "@wa:1", "--json")[1])["lifted"] == ["BLOCK-1"]
    assert "no longer blocks" not in run("publish", "@wa:2")[1]


NOTICED = bundle(rule("ALL", Outcome.RELEASE), state=WA, notice_hours=48)


def test_an_announcement_says_from_when_it_may_be_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From when it stands, not from when the command was given again; ended, it says so."""

    async def noticed() -> PracticeHost:
        async with running(encode_bundle(NOTICED)) as other:
            return other

    host = asyncio.run(noticed())
    run = reader(host, tmp_path, monkeypatch)
    in_force = encode_bundle(NOTICED)

    def shadowed(_: object, state: str, data: bytes) -> CommandDone:
        facts = () if data == in_force else (("since", str(NOW + 1)),)
        return CommandDone(entry=f"{state}/9", facts=facts)

    monkeypatch.setattr(module, "shadowed", shadowed)
    monkeypatch.setattr(module, "people_of", lambda *_: [])
    monkeypatch.setattr(module, "signed_shadow", lambda made, *_: encode_bundle(made))
    code, text, _ = run("shadow", "@wa")
    assert code == 0
    assert "version 2 of its rules is announced as wa/9" in text
    opens = json.loads(run("shadow", "@wa", "--json")[1])
    assert opens["opens"] == NOW + 1 + 48 * 3_600
    assert "may be published from" in text
    code, text, _ = run("shadow", "@wa", "--end")
    assert text == "○ Washington: nothing stands announced any more, recorded as wa/9\n"
    assert "may be published" not in text
