"""`comity ledger`: a state's ledger as files that anyone can check, and the checks themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from comity.app.database import open_ledger_reader
from comity.app.keys import host_keys, ledger_vkey
from comity.app.succession import retired_ledgers
from comity.app.wire import open_bus
from comity.app.witness import quorum_of
from comity.audit.evidence import check_tlog_proof
from comity.audit.notes import TrustedKey, read_vkey
from comity.audit.page import receipt_page
from comity.cli.checking import audit, recount, watch
from comity.cli.errors import ExitCode, UsageError
from comity.cli.evidence import (
    FILE_BYTES_MAX,
    Checked,
    Proved,
    check_file,
    check_opening_file,
    is_opening,
    leaf_beside,
    with_standing,
)
from comity.cli.exports import (
    CHECKPOINT,
    key_text,
    practice_note,
    prove_leaf,
    read_key,
    write_into,
)
from comity.cli.files import read_input, write_whole
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.opened import LABELS
from comity.cli.opening import open_entry
from comity.cli.ordering import AsPerson, Matter, OrderFile, Reason, give_order, new_order
from comity.cli.quorums import (
    QuorumOption,
    known_quorum,
    read_quorum_option,
    until_cosigned,
    witness_words,
    witnessed_by,
)
from comity.cli.rebuild import rebuild
from comity.cli.reviewing import COMMAND_USER, state_of_entry
from comity.cli.standing import standing
from comity.cli.succeeding import succeed
from comity.cli.terminal import AsJson, print_json, progress, remark, say
from comity.domain.errors import MalformedError
from comity.domain.ids import Member, member_label, parse_entry_name, parse_origin
from comity.domain.keeping import KeepingReason, OrderAct
from comity.ledger.note import VerifierKey, encode_vkey
from comity.link.command import SignCheckpoint
from comity.link.errors import GatewayRefusalError, GatewaySilentError
from comity.ports import UnreachableError
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.export import export_ledger
from comity.services.ledger_keys import LedgerKeyError
from comity.services.sending import send_command

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Vkey = Annotated[
    str | None,
    typer.Option("--vkey", metavar="KEY|FILE", help="The ledger's key, from the state itself."),
]


@app.callback()
def ledger() -> None:
    """Export, audit, watch and prove a state's ledger."""


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
    key = _ledger_key(settings, member)
    quorum = known_quorum(settings)
    seen = None
    if quorum is not None:
        seen = witnessed_by((to / CHECKPOINT).read_bytes(), _trusted(key), quorum)
    if as_json:
        print_json({"state": member, "size": size, "to": str(to), "witnesses": seen})
    else:
        say(f"● {member}: {size:,} leaves exported to {to}{practice_note(key.name)}")
        said = witness_words(seen) if seen else "unwitnessed: this installation knows no witness"
        say(f"  {said}")
        say(f"  Check it: comity ledger audit {to}")


async def _export(settings: Settings, member: Member, to: Path) -> int:
    key = _ledger_key(settings, member)
    await _sign_checkpoint(settings, member)
    with progress() as bars:
        task = bars.add_task(f"leaves of {member}", total=None)
        async with open_ledger_reader(settings, [member]) as (store, rows):
            await until_cosigned(store, member, quorum_of(settings))
            return await export_ledger(
                store,
                member,
                key,
                write_into(to),
                lambda done, of: bars.update(task, completed=done, total=of),
                rows=rows,
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
def verify(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Answers, receipts, proofs, checkpoints, openings."),
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
    quorum: QuorumOption = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check what answers, receipts and proofs prove.

    Without --vkey, by the keys of this installation. A proof finds its leaf in the file of the same
    name that ends in .leaf; an opening is checked against what the other files prove. Ends with 5
    if anything is not verified, or the quorum is not there.
    """
    given = [read_vkey(read_key(text)) for text in vkey or ()]
    settings = settings_of(data)

    def keys(name: str) -> Sequence[TrustedKey]:
        return [k for k in given if k.name == name] if given else _own_keys(settings, name)

    retired = {old.origin: old.size for old in retired_ledgers(settings)}
    demanded = read_quorum_option(quorum)
    counted = demanded or known_quorum(settings)
    read = [(file, read_input(file, FILE_BYTES_MAX)) for file in files]
    checked: list[Checked] = []
    proved: Proved = {}
    for file, content in read:
        if not is_opening(content):
            leaf_path = leaf if leaf is not None else leaf_beside(file)
            leaf_bytes = leaf_path.read_bytes() if leaf_path is not None else None
            found = check_file(file, content, leaf_bytes, keys, counted, proved=proved)
            checked += [with_standing(one, retired) for one in found]
    openings = [
        check_opening_file(file, content, proved) for file, content in read if is_opening(content)
    ]
    checked += openings
    is_verified = all(check.verified for check in checked)
    if demanded is not None:
        # A receipt names no checkpoint, so that no witness can stand for it.
        of_leaves = checked[: len(checked) - len(openings)]
        is_verified &= all(c.witnesses is not None and c.witnesses.satisfied for c in of_leaves)
    if as_json:
        print_json({"verified": is_verified, "checks": checked})
    else:
        for check in checked:
            say(_sentence(check))
            for field, words in check.opened.items():
                say(f"  {LABELS.get(field, field)}: {words}")
    raise typer.Exit(ExitCode.OK if is_verified else ExitCode.UNVERIFIED)


def _sentence(check: Checked) -> str:
    if not check.verified:
        name = f" {check.name}" if check.name else ""
        return f"✕ {check.file}: {check.what}{name} not verified: {check.why}"
    if check.what == "opening":
        count = len(check.opened)
        shown = f"{count} field{'s' * (count != 1)} of {check.name}, {check.hidden} stay hidden"
        return f"● {check.file}: opening verified: {shown}"
    of = f" in a ledger of {check.size:,} leaves" if check.size is not None else ""
    old = f" ({check.standing})" if check.standing else ""
    by = f"; {witness_words(check.witnesses)}" if check.witnesses is not None else ""
    note = practice_note(check.origin)
    return f"● {check.file}: {check.what} of {check.name}{of} verified{old}{by}{note}"


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
    if parse_origin(made.head.origin)[0] != member:
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
    say("  anyone can check them in a browser: comity ledger page")


@app.command()
def page(
    *,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The file to write.")] = Path(
        "check-receipt.html"
    ),
    as_json: AsJson = False,
) -> None:
    """Write the page that checks a receipt in any browser, offline.

    One HTML file for whoever has no Comity: a lawyer, a resident, a newsroom. It sends nothing.
    """
    data = receipt_page()
    write_whole(to, data)
    digest = sha256(data).hexdigest()
    if as_json:
        print_json({"page": str(to), "bytes": len(data), "sha256": digest})
        return
    say(f"● {to}: open it in a browser, with or without a network")
    say(f"  SHA-256 {digest}")


@app.command()
def keys(
    *,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="ST", help="Whose ledger's key too; may be repeated."),
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print the keys that this installation's receipts and proofs are checked by.

    One a line, as `--vkey` and the page take them: the host's, which signs receipts, then ledgers'.
    """
    settings = settings_of(data)
    members = [member_of(name) for name in state or ()]
    host = encode_vkey(host_keys(settings))
    ledgers = {member: encode_vkey(_ledger_key(settings, member)) for member in members}
    if as_json:
        print_json({"host": host, "ledgers": ledgers})
        return
    for line in (host, *ledgers.values()):
        say(line)


@app.command()
def redact(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="The leaf: OH/126.")],
    *,
    reason: Reason = KeepingReason.COURT_ORDER,
    matter: Matter = "",
    persons: AsPerson = None,
    order: OrderFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw a leaf's bytes, under a sealing order; its hash stays. Two people.

    The bundle of 256 leaves that it stands in is no longer published: redact rarely.
    """
    member, named = state_of_entry(entry)
    made = new_order(member, OrderAct.REDACT, entry=named, reason=reason, matter=matter)
    give_order(made, persons, file=order, data=data, as_json=as_json)


for _check in (audit, recount, watch, rebuild, succeed):
    app.command()(_check)
app.command("open")(open_entry)
app.command("status")(standing)


def _own_keys(settings: Settings, name: str) -> Sequence[TrustedKey]:
    """Return this installation's own key for a host or a ledger of this name, if it has one."""
    if "/" not in name:
        return [_trusted(host_keys(settings))]
    try:
        member, _ = parse_origin(name)
    except MalformedError:
        return []
    key = _ledger_key(settings, member)
    if key.name == name:
        return [_trusted(key)]
    return [read_vkey(old.vkey) for old in retired_ledgers(settings) if old.origin == name]


def _ledger_key(settings: Settings, member: Member) -> VerifierKey:
    try:
        return ledger_vkey(settings, member)
    except LedgerKeyError:
        raise UsageError(f"the ledger of `{member}` is not kept by this installation") from None


def _trusted(key: VerifierKey) -> TrustedKey:
    return read_vkey(encode_vkey(key))
