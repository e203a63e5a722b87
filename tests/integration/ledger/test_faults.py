"""An export of 70,000 leaves passes `comity ledger audit`; each fault done to it ends with 5."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from comity.cli.main import app
from comity.ledger.note import encode_vkey
from tests.support.exports import Documents, change_export, link_export, write_export
from tests.support.faults import FAULTS, SIZE, honest, state_at
from tests.support.ledger import ledger_signer

RUNNER = CliRunner()
VKEY = encode_vkey(ledger_signer().key)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The honest export, written once."""
    return write_export(tmp_path_factory.mktemp("export"), honest())


def audited(folder: Path, *options: object) -> Result:
    """Run `comity ledger audit`."""
    arguments = ["ledger", "audit", str(folder), "--vkey", VKEY, "--json", *map(str, options)]
    return RUNNER.invoke(app, arguments)


def test_honest_ledger_passes(whole: Path) -> None:
    """The ledger to which the faults are done is whole."""
    result = audited(whole)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["size"] == SIZE


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_ends_with_5(whole: Path, tmp_path: Path, fault: str) -> None:
    """Each fault is found, called what it is, and leaves no state to go on from."""
    row = FAULTS[fault]
    changed: Documents = row.change(honest())
    folder = change_export(link_export(whole, tmp_path / "export"), honest(), changed)
    options: list[object] = []
    if row.previous is not None:
        state = state_at(row.previous)
        said = {"origin": state.origin, "size": state.size, "root": b64encode(state.root).decode()}
        last = tmp_path / "last.json"
        last.write_text(json.dumps({"state": said}), encoding="utf-8")
        options = ["--previous", last]
    result = audited(folder, *options)
    document = json.loads(result.stdout)
    assert result.exit_code == 5
    assert row.code in {finding["code"] for finding in document["findings"]}
    assert document["state"] is None
