"""`comity ledger`: a state's ledger as files that anyone can check, and the checks themselves."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from comity.app import host_keys, ledger_vkey, open_bus, open_reader
from comity.audit.evidence import check_tlog_proof
from comity.audit.findings import AuditReport
from comity.audit.notes import TrustedKey, read_vkey
from comity.audit.tree import audit_tree
from comity.cli.errors import ExitCode, GatewayRefusalError, GatewaySilentError, UsageError
from comity.cli.evidence import FILE_BYTES_MAX, Checked, check_file, leaf_beside
from comity.cli.exports import (
    fetch_from,
    key_text,
    practice_note,
    prove_leaf,
    read_key,
    read_state,
    report_document,
    write_into,
)
from comity.cli.files import read_input, write_whole
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.reviewing import COMMAND_USER, send_command
from comity.cli.terminal import AsJson, print_json, progress, remark, say
from comity.domain.errors import MalformedError
from comity.domain.ids import Member, member_label, parse_entry_name
from comity.ledger.note import VerifierKey, encode_vkey
from comity.link.command import SignCheckpoint
from comity.ports import UnreachableError
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.export import export_ledger

__all__ = ["app"]

_FINDINGS_SHOWN: Final = 20

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Vkey = Annotated[
    str | None,
    typer.Option("--vkey", metavar="KEY|FILE", help="The ledger's key, from the state itself."),
]


@app.callback()
def ledger() -> None:
    """Export, audit and prove a state's ledger."""


@app.command()
def export(
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose ledger.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder to write.")],
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write a ledger as files that anyone can host and check."""
    member = member_of(state)
    settings = settings_of(data)
    size = asyncio.run(_export(settings, member, to))
    if as_json:
        print_json({"state": member, "size": size, "to": str(to)})
    else:
        note = practice_note(_ledger_key(settings, member).name)
        say(f"● {member}: {size:,} leaves exported to {to}{note}")
        say(f"  Check it: comity ledger audit {to}")


async def _export(settings: Settings, member: Member, to: Path) -> int:
    key = _ledger_key(settings, member)
    await _sign_checkpoint(settings, member)
    with progress() as bars:
        task = bars.add_task(f"leaves of {member}", total=None)
        async with open_reader(settings, [member]) as store:
            return await export_ledger(
                store,
                member,
                key,
                write_into(to),
                lambda done, of: bars.update(task, completed=done, total=of),
            )


async def _sign_checkpoint(settings: Settings, member: Member) -> None:
    """Ask the gateway to sign the head as it stands; without one the last checkpoint has to do."""
    try:
        async with open_bus(settings, COMMAND_USER) as bus:
            host = HostFiles(settings.data_dir).host_name()
            await send_command(bus, host, SignCheckpoint(member=member))
    except (GatewaySilentError, GatewayRefusalError, UnreachableError) as error:
        remark(f"the gateway signed no new checkpoint ({error.code}): the last one is exported")


@app.command()
def audit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An exported ledger.")],
    *,
    vkey: _Vkey = None,
    previous: Annotated[
        Path | None,
        typer.Option("--previous", metavar="FILE", help="The last audit's JSON, to go on from."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a whole ledger from its files alone.

    Every leaf, every tile and the signature; ends with 5 on any doubt.
    """
    key, is_given = key_text(vkey, folder)
    if not is_given:
        remark("checked by the key in the folder itself: compare it with the state's own (--vkey)")
    state = read_state(previous) if previous is not None else None
    report = audit_tree(fetch_from(folder), key, previous=state)
    if as_json:
        print_json(report_document(report, is_key_given=is_given))
    else:
        _show_report(report)
    raise typer.Exit(ExitCode.OK if report.ok else ExitCode.UNVERIFIED)


def _show_report(report: AuditReport) -> None:
    name = report.origin.rpartition("/")[2]
    root = b64encode(report.root).decode() or "none"
    note = practice_note(report.origin)
    if report.ok:
        say(f"● {name}: {report.size:,} leaves, whole; root {root}{note}")
        if report.bundles_withdrawn:
            say(f"  {len(report.bundles_withdrawn)} bundles withdrawn, each accounted for")
        return
    count = len(report.findings)
    found = "1 finding" if count == 1 else f"{count} findings"
    say(f"✕ {name}: {report.size:,} leaves, {found}; root {root}{note}")
    for finding in report.findings[:_FINDINGS_SHOWN]:
        say(f"  {finding.code} {finding.path}: {finding.text}")
    if count > _FINDINGS_SHOWN:
        say(f"  and {count - _FINDINGS_SHOWN} more; --json lists them all")


@app.command()
def verify(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Answers, receipts, .tlog-proofs, checkpoints."),
    ],
    *,
    vkey: Annotated[
        list[str] | None,
        typer.Option(
            "--vkey", metavar="KEY|FILE", help="Key of a host or ledger; may be repeated."
        ),
    ] = None,
    leaf: Annotated[
        Path | None,
        typer.Option("--leaf", metavar="FILE", help="The leaf's bytes, for a receipt or proof."),
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check what answers, receipts and proofs prove.

    Without --vkey, by the keys of this installation. A proof finds its leaf in the file of the same
    name that ends in .leaf. Ends with 5 if anything is not verified.
    """
    given = [read_vkey(read_key(text)) for text in vkey or ()]
    settings = settings_of(data)

    def keys(name: str) -> Sequence[TrustedKey]:
        return [k for k in given if k.name == name] if given else _own_keys(settings, name)

    checked: list[Checked] = []
    for file in files:
        leaf_path = leaf if leaf is not None else leaf_beside(file)
        leaf_bytes = leaf_path.read_bytes() if leaf_path is not None else None
        checked += check_file(file, read_input(file, FILE_BYTES_MAX), leaf_bytes, keys)
    is_verified = all(check.verified for check in checked)
    if as_json:
        print_json({"verified": is_verified, "checks": checked})
    else:
        for check in checked:
            say(_sentence(check))
    raise typer.Exit(ExitCode.OK if is_verified else ExitCode.UNVERIFIED)


def _sentence(check: Checked) -> str:
    if not check.verified:
        return f"✕ {check.file}: {check.what} {check.name or ''}not verified: {check.why}"
    of = f" in a ledger of {check.size:,} leaves" if check.size is not None else ""
    return f"● {check.file}: {check.what} of {check.name}{of} verified{practice_note(check.origin)}"


@app.command()
def prove(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="A leaf, as in wa/126.")],
    at: Annotated[
        int | None, typer.Argument(metavar="INDEX", help="Its index, where ENTRY is a state.")
    ] = None,
    *,
    folder: Annotated[Path, typer.Option("--from", metavar="DIR", help="An exported ledger.")],
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Where proof and leaf are written.")
    ] = Path(),
    vkey: _Vkey = None,
    as_json: AsJson = False,
) -> None:
    """Write the proof that one leaf stands in a ledger.

    Reads an exported ledger; writes ST-INDEX.tlog-proof, and the leaf's own bytes beside it.
    """
    named = entry if at is None else f"{entry}/{at}"
    member, index = parse_entry_name(named.lower())
    text, is_given = key_text(vkey, folder)
    key = read_vkey(text)
    if not is_given:
        remark("proved by the key in the folder itself: compare it with the state's own (--vkey)")
    made = prove_leaf(folder, key, index)
    if made.head.origin.rpartition("/")[2] != member:
        raise UsageError(f"`{folder}` holds the ledger `{made.head.origin}`, not one of `{member}`")
    check_tlog_proof(made.proof, made.leaf, key)
    proof_path, leaf_path = (to / f"{member}-{index}{end}" for end in (".tlog-proof", ".leaf"))
    write_whole(leaf_path, made.leaf)
    write_whole(proof_path, made.proof)
    if as_json:
        print_json(
            {
                "entry": f"{member}/{index}",
                "size": made.head.size,
                "proof": str(proof_path),
                "leaf": str(leaf_path),
            }
        )
        return
    label, note = member_label(member), practice_note(made.head.origin)
    say(f"● {member}/{index} stands in {label}'s ledger of {made.head.size:,} leaves{note}")
    say(f"  proof {proof_path}, leaf {leaf_path}")


def _own_keys(settings: Settings, name: str) -> Sequence[TrustedKey]:
    """Return this installation's own key for a host or a ledger of this name, if it has one."""
    if "/" not in name:
        return [_trusted(host_keys(settings))]
    try:
        member = member_of(name.rpartition("/")[2])
    except MalformedError:
        return []
    return [_trusted(_ledger_key(settings, member))]


def _ledger_key(settings: Settings, member: Member) -> VerifierKey:
    try:
        return ledger_vkey(settings, member)
    except KeyError:
        raise UsageError(f"the ledger of `{member}` is not kept by this installation") from None


def _trusted(key: VerifierKey) -> TrustedKey:
    return read_vkey(encode_vkey(key))
