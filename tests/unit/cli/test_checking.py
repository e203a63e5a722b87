"""`comity ledger audit`, `recount` and `watch` on folders: states, kept checkpoints, both sides."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from comity.cli.main import app
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import LeafKind
from comity.ledger.export import export_tree
from comity.ledger.note import encode_vkey
from tests.support.exports import write_export
from tests.support.leaves import leaf, least
from tests.support.ledger import leaf_of, leaves_of, ledger_signer, signed_checkpoint

RUNNER = CliRunner()
TX = encode_vkey(ledger_signer("log.example/tx").key)
WA = encode_vkey(ledger_signer("log.example/wa").key)
OR = encode_vkey(ledger_signer("log.example/or").key)
LEAVES = leaves_of(600)


def publish(folder: Path, leaves: list[bytes], origin: str = "log.example/tx") -> Path:
    """Write a ledger's export over what is there."""
    key = ledger_signer(origin).key
    return write_export(folder, dict(export_tree(leaves, signed_checkpoint(leaves, origin), key)))


def encoded(*headers: LeafHeader) -> list[bytes]:
    return [encode_leaf(header) for header in headers]


def run(*arguments: object) -> Result:
    """Run `comity ledger ...`."""
    return RUNNER.invoke(app, ["ledger", *map(str, arguments)])


def test_audit_keeps_its_state(tmp_path: Path) -> None:
    """With a state file each audit reads only what is new, and the file moves only on success."""
    folder, state = publish(tmp_path / "export", LEAVES[:300]), tmp_path / "state.json"
    command = ("audit", folder, "--vkey", TX, "--state", state, "--json")
    assert json.loads(run(*command).stdout)["leaves_read"] == 300
    publish(folder, LEAVES)
    assert json.loads(run(*command).stdout)["leaves_read"] == 600 - 256
    kept = state.read_bytes()
    assert json.loads(kept)["state"]["size"] == 600
    publish(folder, [leaf_of(9), *LEAVES[1:]])
    assert run(*command).exit_code == 5
    assert state.read_bytes() == kept


def test_audit_against_a_kept_checkpoint(tmp_path: Path) -> None:
    """A checkpoint that someone kept must be of the ledger's past, whoever serves it now."""
    folder, kept = publish(tmp_path / "export", LEAVES), tmp_path / "kept"
    for size in (1, 256, 300, 600):
        kept.write_bytes(signed_checkpoint(LEAVES[:size]))
        assert run("audit", folder, "--vkey", TX, "--checkpoint", kept).exit_code == 0
    kept.write_bytes(signed_checkpoint([leaf_of(9), *LEAVES[1:300]]))
    result = run("audit", folder, "--vkey", TX, "--checkpoint", kept)
    assert result.exit_code == 5
    assert "ledger-forked" in result.stdout
    kept.write_bytes(signed_checkpoint(leaves_of(700)))
    assert "ledger-shrunk" in run("audit", folder, "--vkey", TX, "--checkpoint", kept).stdout
    kept.write_bytes(signed_checkpoint(LEAVES[:5], "log.example/wa"))
    assert run("audit", folder, "--vkey", TX, "--checkpoint", kept).exit_code == 5


def test_audit_lists_redactions(tmp_path: Path) -> None:
    """What leaves declare withdrawn is listed, in words and as JSON."""
    folder = publish(tmp_path / "export", [*leaves_of(5), leaf_of(5, redacts=3)])
    assert "leaf 3 is redacted by leaf 5" in run("audit", folder, "--vkey", TX).stdout
    document = json.loads(run("audit", folder, "--vkey", TX, "--json").stdout)
    assert document["redactions"] == [{"index": 3, "by": 5}]


def test_bundle_beyond_its_length_is_not_read_on(tmp_path: Path) -> None:
    """A document that is longer than it can be is a finding, however long it is."""
    folder = publish(tmp_path / "export", LEAVES[:300])
    with (folder / "tile/entries/000").open("ab") as file:
        file.truncate(1 << 30)
    result = run("audit", folder, "--vkey", TX)
    assert result.exit_code == 5
    assert "bundle-malformed" in result.stdout


def both_sides(tmp_path: Path, **answered: object) -> tuple[Path, Path]:
    """Oregon's ledger with a query, and Washington's with its answer."""
    query = msgspec.structs.replace(least(LeafKind.QUERY), member=Member("or"), fan_out=1)
    answer = msgspec.structs.replace(least(LeafKind.DISCLOSURE), peer="or/0", **answered)
    return (
        publish(tmp_path / "or", encoded(query), "log.example/or"),
        publish(tmp_path / "wa", encoded(answer), "log.example/wa"),
    )


def test_pair_that_matches(tmp_path: Path) -> None:
    """Both sides of an exchange match: three lines, exit code 0; each key finds its ledger."""
    asked, answered = both_sides(tmp_path)
    result = run("audit", asked, "--pair", answered, "--vkey", WA, "--vkey", OR)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[2] == "● double entry: 1 outcomes match their queries"
    document = json.loads(
        run("audit", asked, "--pair", answered, "--vkey", WA, "--vkey", OR, "--json").stdout
    )
    assert [document["ok"], len(document["ledgers"])] == [True, 2]
    assert document["double_entry"]["matched"] == 1


def test_pair_that_differs(tmp_path: Path) -> None:
    """An outcome for another purpose than was asked for ends with 5."""
    asked, answered = both_sides(tmp_path, purpose="court")
    result = run("audit", asked, "--pair", answered, "--vkey", WA, "--vkey", OR)
    assert result.exit_code == 5
    assert "peer-query-differs wa/0: differs from its query `or/0` in purpose" in result.stdout


def test_pair_with_a_ledger_in_doubt_is_not_compared(tmp_path: Path) -> None:
    """Where one ledger has a finding nothing is said of both sides, and it ends with 5."""
    asked, answered = both_sides(tmp_path)
    (answered / "tile/0/000.p/1").write_bytes(bytes(32))
    result = run("audit", asked, "--pair", answered, "--vkey", WA, "--vkey", OR)
    assert result.exit_code == 5
    assert "double entry" not in result.stdout


def test_pair_with_a_state_is_refused(tmp_path: Path) -> None:
    """A comparison reads whole ledgers; a state to go on from is a mistake."""
    asked, answered = both_sides(tmp_path)
    state = tmp_path / "state"
    assert run("audit", asked, "--pair", answered, "--state", state).exit_code == 2
    assert run("audit", asked, "--previous", state, "--state", state).exit_code == 2


def test_recount_and_published_document(tmp_path: Path) -> None:
    """Counts are written, published with their leaf, and compared; other numbers end with 5."""
    leaves = encoded(least(LeafKind.QUERY), least(LeafKind.QUERY), least(LeafKind.DENIAL))
    folder = publish(tmp_path / "wa", leaves, "log.example/wa")
    counts = tmp_path / "counts.json"
    result = run("recount", folder, "--vkey", WA, "--to", counts)
    assert result.exit_code == 0
    assert "3 live leaves counted in 2 rows" in result.stdout
    digest = sha256(counts.read_bytes()).digest()
    leaves += encoded(leaf(LeafKind.COUNTS, digest=digest), least(LeafKind.QUERY))
    publish(folder, leaves, "log.example/wa")
    compared = run("recount", folder, "--vkey", WA, "--document", counts, "--json")
    assert compared.exit_code == 0
    assert [row["count"] for row in json.loads(compared.stdout)["rows"]] == [1, 2]
    counts.write_bytes(counts.read_bytes().replace(b'"count":2', b'"count":3'))
    wrong = run("recount", folder, "--vkey", WA, "--document", counts)
    assert wrong.exit_code == 5
    assert "published 3, counted 2" in wrong.stdout
    assert "counts-unpublished" in wrong.stdout
    both = run("recount", folder, "--vkey", WA, "--document", counts, "--to", counts)
    assert both.exit_code == 2


def test_watch_follows_a_ledger(tmp_path: Path) -> None:
    """Each look proves growth; a fork is an alarm whose checkpoint is kept as evidence."""
    folder, state = publish(tmp_path / "export", LEAVES[:300]), tmp_path / "state"
    command = ("watch", folder, "--vkey", TX, "--state", state, "--once")
    assert run(*command).stdout.startswith("● tx: 300 leaves")
    publish(folder, LEAVES)
    assert json.loads(run(*command, "--json").stdout)["size"] == 600
    kept = state.read_bytes()
    forked = [leaf_of(9), *LEAVES[1:]]
    publish(folder, forked)
    result = run(*command)
    assert result.exit_code == 5
    assert "ledger-forked: two roots are signed for 600 leaves" in result.stdout
    assert (tmp_path / "state.alarm").read_bytes() == signed_checkpoint(forked)
    assert state.read_bytes() == kept


def test_watch_stops_at_an_alarm(tmp_path: Path) -> None:
    """Without --once a watcher goes on until there is an alarm."""
    folder, state = publish(tmp_path / "export", LEAVES[:300]), tmp_path / "state"
    command = ("watch", folder, "--vkey", TX, "--state", state)
    run(*command, "--once")
    (folder / "checkpoint").write_bytes(signed_checkpoint(LEAVES[:200]))
    result = run(*command, "--every", "1")
    assert result.exit_code == 5
    assert "ledger-shrunk" in result.stdout


@pytest.mark.parametrize("data", [b"{}", b"\xff", b"x" * 200_000])
def test_watch_refuses_what_is_no_state(tmp_path: Path, data: bytes) -> None:
    """A file that a watcher did not keep is not gone on from, and not written over."""
    folder, state = publish(tmp_path / "export", LEAVES[:3]), tmp_path / "state"
    state.write_bytes(data)
    command = ("watch", folder, "--vkey", TX, "--state", state)
    assert run(*command, "--once").exit_code == 2
    assert state.read_bytes() == data
    assert run(*command, "--json").exit_code == 2


@pytest.mark.parametrize("command", ["audit", "recount"])
def test_no_key_is_taken_from_a_server(command: str) -> None:
    """By HTTP the caller must bring the key."""
    result = run(command, "http://127.0.0.1:1/tx")
    assert result.exit_code == 2


def test_server_that_is_away_is_no_finding(tmp_path: Path) -> None:
    """What cannot be reached says nothing of the ledger: try again."""
    result = run("audit", "http://127.0.0.1:1/tx", "--vkey", TX)
    assert result.exit_code == 75
    watched = run("watch", "http://127.0.0.1:1/", "--vkey", TX, "--state", tmp_path / "s", "--once")
    assert watched.exit_code == 75
