"""Tests for `comity directory`: files, the store's twin, and what each failure ends with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner, Result

from comity.adapters.memory.clock import ManualClock
from comity.adapters.memory.store import MemoryStore
from comity.cli import directory as module
from comity.cli import parts
from comity.cli.main import app
from comity.directory.part import encode_signed_part, part_body, sign_part
from comity.directory.tables import encode_csv, encode_toml
from comity.domain.agency import DirectoryPart
from comity.domain.ids import ORI, HostName, LeafIndex, Member
from comity.link.command import (
    CommandDone,
    CommandFailed,
    CommandResult,
    PublishDirectory,
    decode_command,
    encode_result,
)
from comity.ports import DirectoryRow
from comity.roles.host_files import HostFiles
from tests.support.directory import (
    AUSTIN,
    LUBBOCK,
    OH,
    TX,
    agency,
    make_part,
    ohio,
    signer_of,
    texas,
    trust,
)
from tests.support.rows import HOUR, Work, commit

RUNNER = CliRunner()
NEXT = texas(version=2, duty_contact="new desk", agencies=(agency(AUSTIN, "TX/LOCAL"),))
Run = Callable[..., Result]


class Gateway:
    """A gateway behind a bus that keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.result: CommandResult = CommandDone(entry="tx/8")

    async def request(self, _: str, data: bytes, *, timeout_s: float) -> bytes:
        assert timeout_s > 0
        self.sent.append(decode_command(data))
        return encode_result(self.result)


async def store_of(*rows: DirectoryPart) -> MemoryStore:
    """A store with these parts as their members published them, a leaf each."""
    store = MemoryStore(ManualClock(0))
    epochs = await store.claim(HostName("west"), [TX, OH])
    for number, part in enumerate(rows):
        signed = sign_part(part, signer_of(part.member))
        index = len(store.tables.leaves.get(part.member, []))
        row = DirectoryRow(
            member=part.member,
            leaf_index=LeafIndex(index),
            version=part.version,
            body=signed.body,
            signature=signed.signature,
        )
        await commit(store, [Work(member=part.member, number=number)], epochs, directory=(row,))
    return store


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that trusts two members, keeps the key of one, and has their parts."""
    folder = tmp_path / "data"
    folder.mkdir()
    files = HostFiles(folder)
    files.write_host(HostName("west"), Ed25519PrivateKey.generate(), X25519PrivateKey.generate())
    files.write_trust(dict(trust(TX, OH).keys))
    files.write_member_key(TX, signer_of(TX))
    store = asyncio.run(store_of(texas(), ohio(), NEXT))

    @asynccontextmanager
    async def open_reader(_: object, members: Sequence[Member]) -> AsyncIterator[MemoryStore]:
        assert members
        yield store

    @asynccontextmanager
    async def open_ledger_reader(
        settings: object, members: Sequence[Member]
    ) -> AsyncIterator[tuple[MemoryStore, MemoryStore]]:
        async with open_reader(settings, members) as store:
            yield store, store

    monkeypatch.setattr(parts, "open_reader", open_reader)
    monkeypatch.setattr(parts, "open_ledger_reader", open_ledger_reader)
    return folder


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The gateway that commands reach."""
    found = Gateway()

    @asynccontextmanager
    async def open_bus(*_: object) -> AsyncIterator[Gateway]:
        yield found

    monkeypatch.setattr(module, "open_bus", open_bus)
    return found


@pytest.fixture
def run(data: Path) -> Run:
    """Runs `comity directory ...` for this installation."""

    def invoke(*arguments: object) -> Result:
        argv = ["directory", *map(str, arguments), "--data", str(data)]
        return RUNNER.invoke(app, argv, env={"COLUMNS": "100"})

    return invoke


def code_of(result: Result) -> str:
    """The code of an error as JSON."""
    return str(json.loads(result.stdout)["error"]["code"])


def test_show_a_part_of_the_network_a_version_and_a_file(run: Run, tmp_path: Path) -> None:
    """The newest by the state's code, an older one by its number, any by its file."""
    file = tmp_path / "part"
    file.write_bytes(part_body(texas()))
    newest, first = run("show", "TX", "--json"), run("show", "tx@1", "--json")
    assert json.loads(newest.stdout)["version"] == 2
    assert json.loads(first.stdout)["version"] == 1
    assert run("show", file, "--json").stdout == first.stdout
    words = run("show", "tx@1").stdout
    assert words.startswith("Texas: version 1  (practice data)\n")
    assert "2 agencies, 1 reviewers, 2 certifications" in words
    assert "inactive" in words


def test_show_an_agency(run: Run) -> None:
    """By its identifier, whoever lists it; its lines are in the JSON, not in the words."""
    result = run("show", AUSTIN.lower())
    assert result.stdout.startswith(f"DIRECTORY ENTRY {AUSTIN}\n")
    assert "line-1" not in result.stdout
    found = json.loads(run("show", AUSTIN, "--json").stdout)
    assert (found["member"], found["agency"]["lines"]) == ("tx", ["line-1"])


@pytest.mark.parametrize("what", ["TX9999999", "tx@9", "ca", "no-such-file"])
def test_what_is_not_there_is_a_usage_error(run: Run, what: str) -> None:
    """An agency, a version, a member without a part, a file."""
    result = run("show", what, "--json")
    assert (result.exit_code, code_of(result)) == (2, "usage")


def test_export_prints_or_writes_a_table(run: Run, tmp_path: Path) -> None:
    """CSV unless the file's name or the option says TOML."""
    assert run("export", "--state", "tx").stdout_bytes.decode() == encode_csv(NEXT.agencies)
    target = tmp_path / "tx.toml"
    assert run("export", "--state", "tx", "--to", target).stdout == (
        f"● tx: 1 agencies of version 2 in {target}\n"
    )
    assert target.read_text("utf-8") == encode_toml(NEXT.agencies)
    toml = run("export", "--state", "tx", "--format", "toml")
    assert toml.stdout == encode_toml(NEXT.agencies)
    listed = json.loads(run("export", "--state", "tx", "--json").stdout)
    assert [row["ori"] for row in listed["agencies"]] == [AUSTIN]


def test_import_makes_the_next_version(run: Run, tmp_path: Path) -> None:
    """With the table's agencies; all else of the part stays."""
    table, target = tmp_path / "tx.csv", tmp_path / "tx.part"
    table.write_text(encode_csv(texas().agencies), "utf-8", newline="")
    result = run("import", table, "--state", "tx", "--to", target)
    assert result.exit_code == 0
    assert result.stdout.startswith("● tx: version 2 to 3: 1 added, 0 removed, 0 changed, 0 others")
    assert f"Agency {LUBBOCK} is added." in result.stdout
    assert "no active control terminal" in result.stderr
    made = parts.read_part_file(str(target))
    assert (made.version, made.agencies, made.duty_contact) == (3, texas().agencies, "new desk")


def test_import_goes_on_from_a_file(run: Run, tmp_path: Path) -> None:
    """Where no network runs; a part of another member is refused."""
    table, base, target = (tmp_path / name for name in ("a.toml", "base", "next"))
    table.write_text(encode_toml(NEXT.agencies), "utf-8")
    base.write_bytes(encode_signed_part(sign_part(texas(), signer_of(TX))))
    arguments = ("import", table, "--to", target, "--from", base)
    result = run(*arguments, "--state", "tx", "--json")
    assert json.loads(result.stdout)["removed"] == [LUBBOCK]
    assert parts.read_part_file(str(target)).version == 2
    assert run(*arguments, "--state", "oh").exit_code == 2


def test_import_of_what_stands_writes_nothing(run: Run, tmp_path: Path) -> None:
    """It says so."""
    table, target = tmp_path / "tx.csv", tmp_path / "tx.part"
    table.write_text(encode_csv(NEXT.agencies), "utf-8", newline="")
    result = run("import", table, "--state", "tx", "--to", target)
    assert result.stdout == "○ tx: version 2 to 3 changes nothing\n"
    assert not target.exists()


def test_a_table_with_faults_names_each(run: Run, tmp_path: Path) -> None:
    """By line and column, in words and in JSON; nothing is written."""
    table, target = tmp_path / "tx.csv", tmp_path / "tx.part"
    table.write_text("ori,name,family,type\nTX1,A,TX/LOCAL,pd\nTX2270100,A,TX/LOCAL,xx\n")
    result = run("import", table, "--state", "tx", "--to", target)
    assert result.exit_code == 2
    assert "1. line 2, ori: it is outside its range" in result.stderr
    assert "2. line 3, type: it is none of pd, " in result.stderr
    found = json.loads(run("import", table, "--state", "tx", "--to", target, "--json").stdout)
    assert [(row["line"], row["column"]) for row in found["error"]["faults"]] == [
        (2, "ori"),
        (3, "type"),
    ]
    assert not target.exists()
    table.write_bytes(b"\xff")
    assert run("import", table, "--state", "tx", "--to", target).exit_code == 2


def test_a_table_with_anothers_family_is_refused(run: Run, tmp_path: Path) -> None:
    """Before anything is written."""
    table, target = tmp_path / "tx.csv", tmp_path / "tx.part"
    table.write_text("ori,name,family,type\nTX2270100,A,US/DHS/ICE,pd\n")
    result = run("import", table, "--state", "tx", "--to", target, "--json")
    assert (result.exit_code, code_of(result)) == (2, "family-not-own")
    assert not target.exists()


def test_diff_says_what_changes(run: Run) -> None:
    """Between versions, in sentences and counts."""
    words = run("diff", "tx@1", "tx").stdout
    assert words.splitlines() == [
        "● tx: version 1 to 2: 0 added, 1 removed, 0 changed, 1 others",
        f"  Agency {LUBBOCK} is removed.",
        "  The duty contact changes from duty officer, 555-0199 to new desk.",
    ]
    found = json.loads(run("diff", "tx@1", "tx", "--json").stdout)
    assert found["counts"] == {"added": 0, "removed": 1, "changed": 0, "others": 1}


def test_a_long_difference_is_cut_in_words_alone(run: Run, tmp_path: Path) -> None:
    """How many more there are is said; the JSON has all."""
    many = make_part(TX, *(agency(ORI(f"TX{n:07}"), "TX/LOCAL") for n in range(50)))
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(part_body(make_part(TX)))
    new.write_bytes(part_body(many))
    assert run("diff", old, new).stdout.endswith("  and 10 more; --json lists them all\n")
    assert len(json.loads(run("diff", old, new, "--json").stdout)["added"]) == 50


def test_a_part_is_signed_and_published(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    """As a person edited it, in its only encoding; the command carries the signed bytes."""
    part, signed = tmp_path / "tx.json", tmp_path / "tx.signed"
    wanted = texas(version=3)
    part.write_text(json.dumps(json.loads(part_body(wanted)), indent=2) + "\n")
    assert "version 3 signed in" in run("sign", part, "--to", signed).stdout
    data = encode_signed_part(sign_part(wanted, signer_of(TX)))
    assert signed.read_bytes() == data
    result = run("publish", signed)
    assert result.stdout == "● tx: version 3 is in force, recorded as tx/8\n"
    assert gateway.sent == [PublishDirectory(member=TX, part=data)]
    found = json.loads(run("publish", signed, "--json").stdout)
    assert found == {"member": "tx", "version": 3, "entry": "tx/8"}


def test_a_key_that_is_not_here_is_named(run: Run, tmp_path: Path) -> None:
    """Without `--key` there is none of Ohio; with the file of its officer there is."""
    part, signed, key = tmp_path / "oh.part", tmp_path / "oh.signed", tmp_path / "oh.key"
    part.write_bytes(part_body(ohio()))
    result = run("sign", part, "--to", signed, "--json")
    assert (result.exit_code, code_of(result)) == (2, "usage")
    key.write_text(signer_of(OH).private_bytes_raw().hex())
    assert run("sign", part, "--to", signed, "--key", key).exit_code == 0
    key.write_text(signer_of(TX).private_bytes_raw().hex())
    result = run("sign", part, "--to", signed, "--key", key, "--json")
    assert (result.exit_code, code_of(result)) == (5, "part-signature-invalid")
    key.write_text("no key")
    assert run("sign", part, "--to", signed, "--key", key).exit_code == 1


@pytest.mark.parametrize("text", ["", "{}", "[1]", "\xff", "null"])
def test_a_file_that_is_no_part_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    """By `sign`, `diff` and `publish` alike."""
    file = tmp_path / "part"
    file.write_bytes(text.encode("latin-1"))
    for arguments in (("sign", file, "--to", file), ("diff", file, file), ("publish", file)):
        result = run(*arguments, "--json")
        assert (result.exit_code, code_of(result)) == (2, "part-malformed")


def test_a_forged_part_is_not_even_sent(run: Run, gateway: Gateway, tmp_path: Path) -> None:
    """What does not verify here ends with 5."""
    signed = tmp_path / "tx.signed"
    signed.write_bytes(encode_signed_part(sign_part(texas(version=3), signer_of(OH))))
    result = run("publish", signed, "--json")
    assert (result.exit_code, code_of(result)) == (5, "part-signature-invalid")
    assert gateway.sent == []


def test_a_refusal_of_the_gateway_keeps_its_code(
    run: Run, gateway: Gateway, tmp_path: Path
) -> None:
    """As it was said."""
    signed = tmp_path / "tx.signed"
    signed.write_bytes(encode_signed_part(sign_part(texas(version=9), signer_of(TX))))
    gateway.result = CommandFailed(code="part-version-stale", text="not the next")
    result = run("publish", signed, "--json")
    assert (result.exit_code, code_of(result)) == (1, "part-version-stale")


def test_history_lists_versions_with_their_leaves(run: Run) -> None:
    """The newest first; the time is the leaf's hour."""
    found = json.loads(run("history", "--state", "tx", "--json").stdout)
    assert [(row["version"], row["entry"]) for row in found["versions"]] == [
        (2, "tx/1"),
        (1, "tx/0"),
    ]
    assert found["versions"][0]["recorded_at"] == module._hour(HOUR * 3_600)
    words = run("history", "--state", "TX", "--limit", "1").stdout.splitlines()
    assert len(words) == 2
    assert "tx/1" in words[1]
    assert run("history", "--state", "ca").stdout == "○ ca has published no part\n"
    assert run("history", "--state", "tx", "--limit", "501").exit_code == 2


def test_find_agencies(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By place, type and state; more than are shown are counted."""
    many = make_part(
        TX,
        *(agency(ORI(f"TX{n:07}"), "TX/LOCAL", place="Springfield") for n in range(21)),
    )
    store = asyncio.run(store_of(many))

    @asynccontextmanager
    async def open_reader(*_: object) -> AsyncIterator[MemoryStore]:
        yield store

    monkeypatch.setattr(parts, "open_reader", open_reader)
    result = run("find", "spring", "--type", "pd", "--state", "tx")
    assert result.stdout.endswith("and 1 more: add --type or --state\n")
    found = json.loads(run("find", "spring", "--json").stdout)
    assert (len(found["shown"]), found["more"]) == (20, 1)
    assert run("find", "spring", "--type", "so").stdout.startswith("○ no active agency")
    for arguments in (("find", "x"), ("find", "spring", "--type", "xx")):
        assert run(*arguments).exit_code == 2
