"""`comity ledger succeed`: from a ledger that cannot go on to one that can.

    1. find the last good checkpoint: in the store, in a copy, at witnesses, in a file
    2. one person signs the order and writes it to a file; a second finds the same and signs it
    3. the leaves that the store lacks are laid beside it; the gateway does the rest

Guarantee: nothing is changed before two people have signed the size and the root at which the
ledger is cut, and the second has seen for himself that it is the last good one.
Source: docs/adr/0026-succession.md; docs/howto/succeed-a-ledger.md.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from comity.app.database import open_ledger_reader
from comity.app.keys import ledger_vkey
from comity.app.succession import retired_ledgers, signed_state_of, succession_files
from comity.app.wire import open_bus
from comity.app.witness import open_witnesses, quorum_of
from comity.cli.errors import UsageError
from comity.cli.exports import CHECKPOINT, practice_note, read_key
from comity.cli.files import read_input, write_whole
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.ordering import AsPerson, read_order, sign_order
from comity.cli.reviewing import COMMAND_USER
from comity.cli.sources import open_ledger
from comity.cli.terminal import AsJson, print_json, progress, remark, say
from comity.cli.witness import fetch_evidence, list_evidence
from comity.domain.errors import ComityError
from comity.domain.ids import Member, entry_name, parse_entry_name, parse_origin
from comity.domain.keeping import (
    TWO_PEOPLE,
    KeepingReason,
    Order,
    OrderAct,
    SignedOrder,
    check_order,
    encode_signed_order,
)
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.ledger.note import NOTE_BYTES_MAX, VerifierKey, parse_vkey
from comity.ledger.quorum import QuorumFile
from comity.ledger.tile import document_path
from comity.link.command import CommandDone, Succeed
from comity.ports import Store, Witness
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.last_good import (
    LastGood,
    PublicCopy,
    Seen,
    Signed,
    find_last_good,
    read_signed,
)
from comity.services.ledger_keys import LedgerKeyError
from comity.services.sending import send_command

__all__ = ["succeed"]

_CHECKPOINTS_MAX: Final = 1_000
"""Checkpoints of the store that are looked at: at one in ten seconds, those of three hours."""
_COMMAND_SECONDS_MAX: Final = 3_600.0
_DOCUMENTED: Final = frozenset({LeafKind.POLICY, LeafKind.KEY, LeafKind.COUNTS, LeafKind.REVEAL})


class SuccessionReason(StrEnum):
    """Why a ledger cannot go on."""

    FORK = "fork"
    BACKUP = "backup"
    KEY_COMPROMISE = "key_compromise"
    KEY_LOSS = "key_loss"


_REASONS: Final = {
    SuccessionReason.FORK: KeepingReason.FORK,
    SuccessionReason.BACKUP: KeepingReason.BACKUP_RESTORED,
    SuccessionReason.KEY_COMPROMISE: KeepingReason.KEY_COMPROMISE,
    SuccessionReason.KEY_LOSS: KeepingReason.KEY_LOSS,
}


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the retired ledger is read from, and by which key."""

    settings: Settings
    member: Member
    key: VerifierKey
    copy: str | None
    file: Path | None


class _Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The cut that is proposed, what the store holds beyond it, who did not answer."""

    last: LastGood
    size: int
    silent: tuple[str, ...]


def succeed(
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose ledger.")],
    reason: Annotated[
        SuccessionReason | None, typer.Option("--reason", help="Why it cannot go on.")
    ] = None,
    copy: Annotated[
        str | None, typer.Option("--from", metavar="DIR|URL", help="A public copy of the ledger.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="The checkpoint to go on from."),
    ] = None,
    vkey: Annotated[
        str | None,
        typer.Option("--vkey", metavar="KEY|FILE", help="Its public key, where the key is lost."),
    ] = None,
    matter: Annotated[
        str, typer.Option("--matter", metavar="TEXT", help="Case, whom to ask: kept private.")
    ] = "",
    order: Annotated[
        Path | None,
        typer.Option("--order", metavar="FILE", help="The order; one that is there is signed."),
    ] = None,
    persons: AsPerson = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Retire a ledger that cannot go on, and begin its successor.

    Without --as, says at which checkpoint it would be cut and changes nothing. The first person
    writes the order, the second signs it too, and the gateway carries it out.
    """
    settings, member = settings_of(data), member_of(state)
    place = _Place(
        settings=settings,
        member=member,
        key=_retired_key(settings, member, vkey),
        copy=copy,
        file=checkpoint,
    )
    file = order or Path(f"{member}-succeed.order")
    standing = read_order(file) if file.exists() and (order is not None or persons) else None
    with ExitStack() as opened:
        fetch = opened.enter_context(open_ledger(copy)) if copy is not None else None
        proposal = asyncio.run(_propose(place, fetch, _cut_of(settings, standing, member)))
        if not persons:
            _say_proposal(place, proposal, as_json=as_json)
            return
        signed = standing or _new(place, proposal.last, reason, matter)
        signed = sign_order(settings, signed, persons)
        if len(signed.signatures) < (2 if OrderAct.SUCCEED in TWO_PEOPLE else 1):
            write_whole(file, encode_signed_order(signed))
            _say_first(place, proposal, signed, file, as_json=as_json)
            return
        if fetch is not None:
            _lay_beside(place, proposal.last, fetch)
        else:
            succession_files(settings).drop_copy(place.key.name)
    done = asyncio.run(_send(place, proposal.last, signed))
    _say_done(place, proposal, done, as_json=as_json)


def _retired_key(settings: Settings, member: Member, given: str | None) -> VerifierKey:
    try:
        own = ledger_vkey(settings, member)
    except LedgerKeyError:
        if given is None:
            raise UsageError(
                f"the ledger of `{member}` has no key here: name its public one with `--vkey`"
            ) from None
        return parse_vkey(read_key(given))
    if given is not None and parse_vkey(read_key(given)) != own:
        raise UsageError("`--vkey` is not the key that this host has for the ledger")
    return own


def _cut_of(
    settings: Settings, standing: SignedOrder | None, member: Member
) -> tuple[int, bytes] | None:
    """Return the cut that an order names.

    Raises: UsageError if it is another order, or was carried out.
    """
    if standing is None:
        return None
    said = standing.order
    if said.act is not OrderAct.SUCCEED or said.state != member:
        raise UsageError("`--order` is no order to succeed this state's ledger")
    assert said.entry is not None
    assert said.root is not None
    cut = parse_entry_name(said.entry)[1], said.root
    for old in retired_ledgers(settings):
        if parse_origin(old.origin)[0] == member and (old.size, old.root) == cut:
            raise UsageError(f"`--order` was carried out: {old.origin} is retired")
    return cut


def _new(
    place: _Place, last: LastGood, reason: SuccessionReason | None, matter: str
) -> SignedOrder:
    if reason is None:
        raise UsageError("why can the ledger not go on? name it with `--reason`")
    head = last.good.head
    said = Order(
        state=place.member,
        act=OrderAct.SUCCEED,
        entry=entry_name(place.member, head.size),
        root=head.root,
        reason=_REASONS[reason],
        matter=matter,
        at=int(time.time()),
    )
    check_order(said)
    return SignedOrder(order=said, signatures=())


async def _propose(
    place: _Place, fetch: Callable[[str], bytes] | None, chosen: tuple[int, bytes] | None
) -> _Proposal:
    """Find the last good checkpoint, or see that the chosen one is good."""
    settings, member, key = place.settings, place.member, place.key
    quorum = quorum_of(settings)
    found: list[Signed] = []
    copy: PublicCopy | None = None
    if fetch is not None:
        theirs = read_signed(fetch(CHECKPOINT), key, "the copy")
        found.append(theirs)
        copy = PublicCopy(fetch, theirs.head.size)
    if place.file is not None:
        given = read_signed(read_input(str(place.file), NOTE_BYTES_MAX), key, "the file")
        found.append(given)
        head = given.head
        if chosen not in (None, (head.size, head.root)):
            raise UsageError("`--checkpoint` is not the one that the order names")
        chosen = head.size, head.root
    async with (
        open_ledger_reader(settings, [member]) as (store, rows),
        open_witnesses(quorum) as witnesses,
    ):
        seen, silent = await _ask(witnesses, key)
        found += [*await _of_store(store, member, key), *(one.signed for one in seen)]
        found += await asyncio.to_thread(_evidence, quorum, key)
        size = (await store.heads([member]))[member][0].frontier.size
        with progress() as bars:
            bars.add_task(f"leaves of {member}", total=None)
            last = await find_last_good(
                rows,
                member,
                size=size,
                found=found,
                seen=seen,
                signed=signed_state_of(settings, key.name),
                copy=copy,
                chosen=chosen,
            )
    return _Proposal(last=last, size=size, silent=silent)


async def _of_store(store: Store, member: Member, key: VerifierKey) -> list[Signed]:
    """Return the store's checkpoints of this ledger; those of one before it are its prefix's."""
    rows = await store.checkpoints_down(member, _CHECKPOINTS_MAX)
    own = (row for row in rows if row.note.startswith(f"{key.name}\n".encode()))
    return [read_signed(row.published, key, "the database") for row in own]


async def _ask(
    witnesses: Sequence[Witness], key: VerifierKey
) -> tuple[list[Seen], tuple[str, ...]]:
    """Return what witnesses cosigned last, and which of them did not answer."""
    seen: list[Seen] = []
    silent: list[str] = []
    for witness in witnesses:
        name = witness.key.name
        try:
            note = await witness.last_checkpoint(key.name)
            if note is not None:
                signed = read_signed(note, key, f"witness {name}")
                seen.append(Seen(signed=signed, witness=witness.key))
        except ComityError:
            silent.append(name)
    return seen, tuple(silent)


def _evidence(quorum: QuorumFile, key: VerifierKey) -> list[Signed]:
    """Return other heads of the ledger that witnesses keep as evidence."""
    found: list[Signed] = []
    for url in filter(None, (known.url for known in quorum.witnesses)):
        try:
            for line in list_evidence(url):
                if line.origin == key.name:
                    shown = fetch_evidence(url, line.id).shown.encode()
                    note = shown.partition(b"\n\n")[2]
                    found.append(read_signed(note, key, "a witness's evidence"))
        except (ComityError, OSError):
            remark(f"the evidence of {url} could not be read: it is left out")
    return found


def _lay_beside(place: _Place, last: LastGood, fetch: Callable[[str], bytes]) -> None:
    """Lay the leaves that the store lacks where the gateway takes them from."""
    files, size = succession_files(place.settings), last.good.head.size
    if last.kept == size:
        files.drop_copy(place.key.name)
        return

    def document_of(index: int, entry: bytes) -> bytes | None:
        if parse_leaf(entry).kind not in _DOCUMENTED:
            return None
        try:
            return fetch(document_path(index))
        except FileNotFoundError:
            return None

    copy = PublicCopy(fetch, read_signed(fetch(CHECKPOINT), place.key, "the copy").head.size)
    entries = copy.entries(last.kept)
    wanted = (entry for _, entry in zip(range(size - last.kept), entries, strict=False))
    files.keep_copy(place.key.name, last.kept, wanted, document_of)


async def _send(place: _Place, last: LastGood, signed: SignedOrder) -> CommandDone:
    command = Succeed(
        member=place.member,
        order=signed,
        checkpoint=last.good.note,
        beyond=tuple(one.note for one in last.beyond),
    )
    async with open_bus(place.settings, COMMAND_USER) as bus:
        host = HostFiles(place.settings.data_dir).host_name()
        done = await send_command(bus, host, command, timeout_s=_COMMAND_SECONDS_MAX)
    assert isinstance(done, CommandDone)
    return done


def _document(place: _Place, proposal: _Proposal) -> dict[str, object]:
    last = proposal.last
    return {
        "state": place.member,
        "retired": place.key.name,
        "size": last.good.head.size,
        "root": last.good.head.root,
        "found_in": last.good.where,
        "kept": last.kept,
        "copied": last.good.head.size - last.kept,
        "set_aside": proposal.size - last.kept,
        "beyond": [
            {"size": one.head.size, "root": one.head.root, "found_in": one.where}
            for one in last.beyond
        ],
        "unproved": last.unproved,
        "silent": proposal.silent,
        "refused": last.refused,
    }


def _say_proposal(place: _Place, proposal: _Proposal, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(place, proposal) | {"signed_by": [], "order": "", "entry": ""})
        return
    head, note = proposal.last.good.head, practice_note(place.key.name)
    say(f"○ {place.member}: the last good checkpoint has {head.size:,} leaves{note}")
    _say_cut(place, proposal)
    say("  Nothing is signed and nothing has changed: --as NAME signs the order.")


def _say_cut(place: _Place, proposal: _Proposal) -> None:
    """Say what a cut keeps and what it sets aside."""
    last = proposal.last
    head = last.good.head
    say(f"  root {b64encode(head.root).decode()}, found in {last.good.where}")
    if last.kept < head.size:
        say(f"  {last.kept:,} leaves stay, {head.size - last.kept:,} come from the copy,")
        say("  without the private records that were lost")
    aside = proposal.size - last.kept
    count = f"{aside:,} leaves lie" if aside != 1 else "1 leaf lies"
    say(f"  {count} beyond in the database, to be set aside" if aside else "  no leaf lies beyond")
    for one in last.beyond:
        say(f"  signed by {place.key.name} too: {one.head.size:,} leaves ({one.where})")
    for name in last.unproved:
        say(f"  ◆ {name} shows more, and nothing here proves that it goes on from this")
    for name in proposal.silent:
        say(f"  ◆ witness {name} did not answer: what it cosigned last is not known")
    for why in last.refused:
        say(f"  not {why}")


def _say_first(
    place: _Place, proposal: _Proposal, signed: SignedOrder, file: Path, *, as_json: bool
) -> None:
    names = [signature.name for signature in signed.signatures]
    if as_json:
        said = {"signed_by": names, "order": str(file), "entry": ""}
        print_json(_document(place, proposal) | said)
        return
    size, note = proposal.last.good.head.size, practice_note(place.key.name)
    say(f"◆ {place.member}: to cut the ledger at {size:,} leaves takes a second person{note}")
    _say_cut(place, proposal)
    say(f"  Signed by {' and '.join(names)}; nothing is done yet. Within a day, someone else:")
    say(f"  comity ledger succeed --state {place.member.upper()} --order {file} --as NAME")


def _say_done(place: _Place, proposal: _Proposal, done: CommandDone, *, as_json: bool) -> None:
    facts = [(name, value) for name, value in done.facts if name != "again"]
    again = [value for name, value in done.facts if name == "again"]
    vkey = dict(facts)["vkey"]
    if as_json:
        said: dict[str, object] = {"entry": done.entry, "vkey": vkey, "again": again}
        aside = {n.removeprefix("aside_"): int(v) for n, v in facts if n.startswith("aside_")}
        print_json(_document(place, proposal) | said | {"aside": aside})
        return
    origin = parse_vkey(vkey).name
    say(f"● {origin} goes on from {place.key.name} at {done.entry}{practice_note(origin)}")
    label = place.key.name.rpartition("/")[2]
    folder = place.settings.data_dir / "retired" / label
    say(f"  what lay beyond, the retired key and the order are kept in {folder}")
    for entry in again:
        say(f"  {entry} publishes again what was in force beyond the cut")
    say(f"  its key, for quorum files and witnesses: log {vkey}")
    say("  Restart the gateway now: it takes the successor up.")
