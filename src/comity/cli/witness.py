"""`comity witness`: a witness's key, what it follows, and the evidence that witnesses publish."""

from __future__ import annotations

import re
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
import typer

from comity.app.witness import witness_files
from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.notes import read_vkey
from comity.audit.witnesses import check_evidence
from comity.cli.errors import ExitCode, UsageError
from comity.cli.exports import read_key
from comity.cli.network import DataDir, settings_of
from comity.cli.terminal import AsJson, fact_table, facts_console, print_json, say
from comity.domain.errors import MalformedError
from comity.ledger.note import encode_vkey
from comity.link.errors import GatewaySilentError

__all__ = ["EvidenceDocument", "EvidenceLine", "app", "fetch_evidence", "list_evidence"]

_REPLY_BYTES_MAX: Final = 4_194_304
_SECONDS_MAX: Final = 10.0
_OK: Final = 200
_ID: Final = re.compile(r"[0-9a-f]{64}")

app = typer.Typer(add_completion=False, no_args_is_help=True)


class EvidenceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a witness's list of evidence."""

    id: str
    origin: str
    kind: str
    size: int
    kept_at: str


class _Listed(msgspec.Struct, frozen=True, kw_only=True):
    evidence: tuple[EvidenceLine, ...]


class EvidenceDocument(EvidenceLine, frozen=True, kw_only=True):
    """What was seen before, and what was shown against it."""

    v: int
    seen: str
    shown: str


@app.callback()
def witness() -> None:
    """Run a witness for others' ledgers; read what witnesses publish."""


@app.command()
def make(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its name, as in witness.example.gov/oh.")
    ],
    *,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a witness's key.

    The folder is that of COMITY_WITNESS_DIR; a key that is there is never replaced.
    """
    files = witness_files(settings_of(data))
    vkey = encode_vkey(files.make(name))
    if as_json:
        print_json({"name": name, "vkey": vkey, "ledgers_file": str(files.ledgers_file)})
        return
    say(f"● {name} has a key; its public form, for quorum files:")
    say(f"  witness {name} {vkey}")
    say("  Write the ledgers it follows, a line `log KEY` each and `quorum none`, into")
    say(f"  {files.ledgers_file}, then start it: comity serve witness")


@app.command()
def show(*, data: DataDir = None, as_json: AsJson = False) -> None:
    """Show a witness's public key and the ledgers it follows."""
    files = witness_files(settings_of(data))
    key = files.verifier_key()
    ledgers = [encode_vkey(one.key) for one in files.ledgers().ledgers]
    if as_json:
        print_json({"name": key.name, "vkey": encode_vkey(key), "ledgers": ledgers})
        return
    say(f"● {key.name} follows {len(ledgers)} ledgers; its line in quorum files:")
    say(f"  witness {key.name} {encode_vkey(key)}")
    for vkey in ledgers:
        say(f"  log {vkey}")


@app.command()
def evidence(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the witness is.")],
    evidence_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="One document, to be checked.")
    ] = None,
    *,
    vkey: Annotated[
        str | None,
        typer.Option("--vkey", metavar="KEY|FILE", help="Key of the ledger that it is about."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the evidence that a witness published, or check one document of it.

    A document is checked by the ledger's own key. Ends with 5 if it does not show what it is for.
    """
    if evidence_id is None:
        _list(list_evidence(url), as_json=as_json)
        return
    if vkey is None:
        raise UsageError("a document is checked by the ledger's own key: name it with `--vkey`")
    _check(fetch_evidence(url, evidence_id), read_key(vkey), as_json=as_json)


def list_evidence(url: str) -> tuple[EvidenceLine, ...]:
    """Return the list that a witness publishes. Raises: UsageError, MalformedError, OSError."""
    listed: _Listed = _decode(_fetch(url, "/evidence"), _Listed)
    return listed.evidence


def fetch_evidence(url: str, evidence_id: str) -> EvidenceDocument:
    """Return one document that a witness publishes. Raises: UsageError, MalformedError, OSError."""
    if not _ID.fullmatch(evidence_id):
        raise UsageError("`ID` is not 64 hexadecimal digits, as the list shows them")
    found: EvidenceDocument = _decode(_fetch(url, f"/evidence/{evidence_id}"), EvidenceDocument)
    return found


def _list(rows: tuple[EvidenceLine, ...], *, as_json: bool) -> None:
    if as_json:
        print_json({"evidence": rows})
        return
    if not rows:
        say("○ this witness keeps no evidence")
        return
    console = facts_console()
    table = [(row.kept_at, row.kind, row.origin, row.size, row.id) for row in rows]
    fact_table(console, ("kept at", "kind", "origin", "size", "id"), table)


def _check(document: EvidenceDocument, key_text: str, *, as_json: bool) -> None:
    why = ""
    try:
        kind = check_evidence(document.seen.encode(), document.shown.encode(), read_vkey(key_text))
    except (EvidenceError, EvidenceFormError) as error:
        kind, why = "", str(error)
    holds = kind == document.kind
    if as_json:
        print_json({"id": document.id, "kind": kind, "holds": holds, "why": why})
    elif kind == "fork":
        say(f"● {document.origin} was signed twice at size {document.size}: a fork, proved")
    elif kind:
        say(f"● {document.origin}: a head of size {document.size} was shown without a proof")
        say("  The ledger answers it with a proof that holds, or not at all")
    else:
        say(f"✕ {document.id}: shows nothing against {document.origin}: {why}")
    raise typer.Exit(ExitCode.OK if holds else ExitCode.UNVERIFIED)


def _decode(data: bytes, form: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EvidenceFormError("`reply` is not what a witness of Comity publishes") from None


def _fetch(url: str, path: str) -> bytes:
    """Return a document of a witness. Raises: UsageError, GatewaySilentError, MalformedError."""
    parts = urlsplit(url)
    kinds = {"http": HTTPConnection, "https": HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname:
        raise UsageError("`URL` does not begin with http:// or https://")
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=_SECONDS_MAX)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}{path}")
        reply = connection.getresponse()
        data: bytes = reply.read(_REPLY_BYTES_MAX + 1)
    except HTTPException:
        raise GatewaySilentError("the witness's reply broke off: try again") from None
    finally:
        connection.close()
    if reply.status != _OK:
        raise UsageError(f"the witness has no such document (status {reply.status})")
    if len(data) > _REPLY_BYTES_MAX:
        raise MalformedError("`reply` is over 4 MiB")
    return data
