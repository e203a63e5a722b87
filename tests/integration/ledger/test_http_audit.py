"""A ledger is audited and watched over HTTP, from a plain file server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from comity.cli.main import app
from comity.cli.sources import LedgerUnreachableError, open_ledger
from comity.ledger.note import encode_vkey
from tests.support.exports import write_export
from tests.support.ledger import exported, leaves_of, ledger_signer

RUNNER = CliRunner()
VKEY = encode_vkey(ledger_signer().key)
LEAVES = leaves_of(600)


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files, and sends elsewhere whoever asks below `/moved`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the name is the standard library's
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/tx/checkpoint")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class QuietServer(ThreadingHTTPServer):
    """Says nothing of connections that their client ended."""

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Where a ledger of 600 leaves is served."""
    write_export(tmp_path / "www/tx", exported(LEAVES))
    handler = partial(QuietHandler, directory=str(tmp_path / "www"))
    server = QuietServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def run(*arguments: object) -> Result:
    """Run `comity ledger ...`."""
    return RUNNER.invoke(app, ["ledger", *map(str, arguments)])


def test_audit_by_http(url: str) -> None:
    """A whole ledger is read and accepted; under another address there is none."""
    result = run("audit", f"{url}/tx/", "--vkey", VKEY, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["leaves_read"] == 600
    absent = run("audit", f"{url}/oh", "--vkey", VKEY)
    assert absent.exit_code == 5
    assert "checkpoint-missing" in absent.stdout


def test_watch_by_http(url: str, tmp_path: Path) -> None:
    """The checkpoint is followed, and growth proved from a few tiles."""
    command = ("watch", f"{url}/tx", "--vkey", VKEY, "--state", tmp_path / "state", "--once")
    assert run(*command).exit_code == 0
    write_export(tmp_path / "www/tx", exported(leaves_of(900)))
    assert run(*command).stdout.startswith("● tx: 900 leaves")
    write_export(tmp_path / "www/tx", exported(leaves_of(100)))
    assert run(*command).exit_code == 5


def test_redirect_is_not_followed(url: str) -> None:
    """A server that sends elsewhere gives nothing."""
    with open_ledger(f"{url}/moved") as fetch, pytest.raises(LedgerUnreachableError):
        fetch("checkpoint")


def test_document_is_read_to_its_length_only(url: str, tmp_path: Path) -> None:
    """Of a document that is too long one byte more is read than it can have; the next one whole."""
    (tmp_path / "www/tx/checkpoint").write_bytes(bytes(1 << 20))
    with open_ledger(f"{url}/tx") as fetch:
        assert len(fetch("checkpoint")) == 65_537
        assert len(fetch("tile/0/000")) == 8_192
        with pytest.raises(FileNotFoundError):
            fetch("tile/0/999")
        assert len(fetch("tile/0/001")) == 8_192
