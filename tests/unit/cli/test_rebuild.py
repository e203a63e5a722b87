"""`comity ledger rebuild` says what a look through public files came to; keys for the server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from comity.app.public import PublicKeysError, PublicNames, public_keys
from comity.cli import rebuild
from comity.cli.main import app
from comity.domain.ids import Member
from comity.ledger.note import encode_vkey
from comity.roles.settings import load_settings
from comity.services.rebuilding import FileFault, FileFinding, RebuildReport
from tests.support.ledger import host_signer, ledger_signer

MISSING = FileFinding(path="oh/tile/0/003", fault=FileFault.MISSING)
MENDED = FileFinding(path="oh/tile/0/003", fault=FileFault.MISSING, is_mended=True)
LOST = FileFinding(path="oh/segment 0", fault=FileFault.LOST, why="`x` is in neither place")


def run(monkeypatch: pytest.MonkeyPatch, found: tuple[FileFinding, ...], *arguments: str) -> Result:
    """Run the command on a ledger of two segments, of which one has left the database."""

    class Looking:
        async def run(self, _: Member, told: object) -> RebuildReport:
            assert callable(told)
            told(2, 2)
            return RebuildReport(segments=2, from_files=1, files=1_030, findings=found)

    @asynccontextmanager
    async def opened(_: object, member: Member, *, mends: bool) -> AsyncIterator[Looking]:
        assert (member, mends) == ("oh", "--check" not in arguments)
        yield Looking()

    monkeypatch.setattr(rebuild, "open_rebuilding", opened)
    return CliRunner().invoke(app, ["ledger", "rebuild", "--state", "OH", *arguments])


def test_whole_ledger_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing wrong ends with 0, and says what cannot be made again from the database."""
    result = run(monkeypatch, (), "--check")
    assert result.exit_code == 0
    assert result.stdout.startswith("● oh: 2 sealed segments, 1,030 public files\n")
    assert "the rows of 1 of them have left the database" in result.stdout


def test_difference_ends_with_five_unless_it_was_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that finds something, and a rebuild that cannot mend it, are not verified."""
    result = run(monkeypatch, (MISSING,), "--check")
    assert result.exit_code == 5
    assert "✕ oh: 2 sealed segments, 1,030 public files, 1 not as they should be" in result.stdout
    assert "  missing oh/tile/0/003\n" in result.stdout
    result = run(monkeypatch, (MENDED,))
    assert (result.exit_code, "missing oh/tile/0/003, mended" in result.stdout) == (0, True)
    result = run(monkeypatch, (MENDED, LOST))
    assert result.exit_code == 5
    assert "lost oh/segment 0: `x` is in neither place" in result.stdout


def test_json_has_every_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts get the same, by name."""
    result = run(monkeypatch, (MENDED, LOST), "--json")
    said = json.loads(result.stdout)
    assert (said["state"], said["whole"], said["segments_without_rows"]) == ("oh", False, 1)
    assert [finding["fault"] for finding in said["findings"]] == ["missing", "lost"]


def test_public_keys_are_read_as_they_are_printed(tmp_path: Path) -> None:
    """The host's own key in the file is passed over; ledgers are by the end of their names."""
    file = tmp_path / "keys"
    keys = [host_signer().key, ledger_signer().key, ledger_signer("log.example/oh.2").key]
    file.write_text("".join(f"{encode_vkey(key)}\n" for key in keys))
    found = public_keys(load_settings(public_keys_file=file))
    assert found == {"tx": keys[1], "oh.2": keys[2]}
    names = PublicNames(found)
    assert names.of(Member("oh")) == ("oh.2", "oh")
    assert names.of(Member("tx")) == ("tx",)
    assert names.of(Member("wa")) == ("wa",)


@pytest.mark.parametrize(
    "text",
    ["", "nothing\n", encode_vkey(host_signer().key), encode_vkey(ledger_signer("log.x/zz").key)],
)
def test_file_without_a_ledgers_key_is_refused(tmp_path: Path, text: str) -> None:
    """A server that would show nothing, or no member's ledger, does not start."""
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(PublicKeysError):
        public_keys(load_settings(public_keys_file=file))
    with pytest.raises(PublicKeysError):
        public_keys(load_settings(public_keys_file=tmp_path / "absent"))
