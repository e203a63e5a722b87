"""`comity ledger audit`, `recount` and `watch`: what anyone can find out from public bytes alone.

Guarantee: ends with 0 only if there is no doubt at all; the state that a later run builds on moves
only then. Over HTTP a key is never taken from the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NoReturn

import msgspec
import typer

from comity.audit.counts import Recount
from comity.audit.findings import AuditReport, AuditState
from comity.audit.notes import SignedHead, TrustedKey, read_checkpoint, read_vkey
from comity.audit.pairs import DoubleEntry, PairReport
from comity.audit.succession import SuccessionAudit, SuccessionReport
from comity.audit.tree import Reader, audit_tree
from comity.audit.watching import Look, WatchState, look
from comity.audit.witnesses import Quorum
from comity.cli.audits import (
    say_counts,
    say_findings,
    say_look,
    say_pair,
    say_report,
    say_succession,
)
from comity.cli.errors import ExitCode, UsageError
from comity.cli.exports import CHECKPOINT, key_text, read_key, read_state, report_document
from comity.cli.files import read_input, write_whole
from comity.cli.quorums import (
    QuorumOption,
    Witnessed,
    read_quorum_option,
    witness_words,
    witnessed_by,
)
from comity.cli.sources import LedgerUnreachableError, is_url, open_ledger
from comity.cli.terminal import AsJson, print_json, remark, say
from comity.domain.errors import MalformedError
from comity.domain.ids import Member, parse_origin

__all__ = ["Place", "PlacedLedger", "Vkeys", "audit", "ledger_at", "recount", "watch"]

_CHECKPOINT_BYTES_MAX: Final = 65_536
_COUNTS_BYTES_MAX: Final = 268_435_456
_STATE_BYTES_MAX: Final = 131_072

Place = Annotated[str, typer.Argument(metavar="DIR|URL", help="A ledger's public documents.")]
Vkeys = Annotated[
    list[str] | None,
    typer.Option(
        "--vkey", metavar="KEY|FILE", help="A ledger's key, from the state itself; repeatable."
    ),
]


class PlacedLedger(msgspec.Struct, frozen=True, kw_only=True):
    """One ledger to check: its documents, and the key that the caller trusts for it."""

    fetch: Callable[[str], bytes]
    key: TrustedKey
    vkey: str
    is_key_given: bool

    @property
    def member(self) -> Member:
        """The member whose ledger the key's name says it is. Raises: UsageError."""
        try:
            return parse_origin(self.key.name)[0]
        except MalformedError:
            raise UsageError("`--vkey` is not the key of a member's ledger") from None


class _Audited(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit of one ledger came to, and who cosigned it where the caller demands that."""

    ledger: PlacedLedger
    report: AuditReport
    witnessed: Witnessed | None

    @property
    def ok(self) -> bool:
        """Whether nothing is in doubt, and as many witnesses cosigned as were demanded."""
        return self.report.ok and (self.witnessed is None or self.witnessed.satisfied)

    def document(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        said = report_document(self.report, is_key_given=self.ledger.is_key_given)
        return said | {"ok": self.ok, "witnesses": self.witnessed}

    def say(self) -> None:
        """Say it to people."""
        say_report(self.report)
        if self.witnessed is not None:
            say(f"  {witness_words(self.witnessed)}")


def _audited(
    ledger: PlacedLedger,
    quorum: Quorum | None,
    *,
    before: AuditState | None = None,
    heads: Sequence[SignedHead] = (),
    read: Reader | None = None,
) -> _Audited:
    report = audit_tree(ledger.fetch, ledger.vkey, previous=before, heads=heads, read=read)
    seen = None
    if quorum is not None and report.ok:
        seen = witnessed_by(ledger.fetch(CHECKPOINT), ledger.key, quorum)
    return _Audited(ledger=ledger, report=report, witnessed=seen)


def audit(
    place: Place,
    *,
    vkey: Vkeys = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="FILE", help="Go on from this file, and keep it."),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option("--previous", metavar="FILE", help="Go on from this audit's JSON."),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", metavar="FILE", help="One you kept; repeatable."),
    ] = None,
    pair: Annotated[
        list[str] | None,
        typer.Option("--pair", metavar="DIR|URL", help="Match both sides; repeatable."),
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="With --pair: these are all the ledgers.")
    ] = False,
    succeeds: Annotated[
        str | None,
        typer.Option("--succeeds", metavar="DIR|URL", help="The retired ledger it goes on from."),
    ] = None,
    quorum: QuorumOption = None,
    as_json: AsJson = False,
) -> None:
    """Check a whole ledger from its public documents alone.

    Every leaf, every tile and the signature; with --pair, every outcome against the query it
    cites; with --succeeds, that it begins with what is good of a retired ledger. Ends with 5 on
    any doubt.
    """
    if (pair or succeeds) and (state or previous):
        raise UsageError("whole ledgers are compared: leave out `--state` and `--previous`")
    if succeeds is not None:
        if pair:
            raise UsageError("`--succeeds` and `--pair` are two comparisons: make one at a time")
        _audit_succession((place, succeeds), vkey or (), checkpoint or (), as_json=as_json)
    wanted = read_quorum_option(quorum)
    with ExitStack() as opened:
        places = (place, *(pair or ()))
        first, *others = [ledger_at(opened, where, vkey or ()) for where in places]
        heads = [_kept(file, first.key) for file in checkpoint or ()]
        if others:
            seen, sides = _audit_sides([first, *others], heads, wanted, is_complete=complete)
        else:
            before = _before(state, previous)
            seen, sides = [_audited(first, wanted, before=before, heads=heads)], None
    is_ok = all(each.ok for each in seen) and (sides is None or not sides.findings)
    if is_ok and state is not None:
        write_whole(state, msgspec.json.encode(seen[0].document()), durable=True)
    if as_json:
        documents = [each.document() for each in seen]
        several = {"ok": is_ok, "ledgers": documents, "double_entry": sides}
        print_json(several if others else documents[0])
    else:
        for each in seen:
            each.say()
        if sides is not None:
            say_pair(sides)
    raise typer.Exit(ExitCode.OK if is_ok else ExitCode.UNVERIFIED)


def _audit_succession(
    places: tuple[str, str], vkeys: Sequence[str], kept: Sequence[Path], *, as_json: bool
) -> NoReturn:
    """Audit a successor and the ledger it goes on from, and how they belong together."""
    with ExitStack() as opened:
        new, old = (ledger_at(opened, where, vkeys) for where in places)
        compared = SuccessionAudit(new.key, old.key)
        heads: dict[str, list[SignedHead]] = {new.key.name: [], old.key.name: []}
        for file in kept:
            key = old.key if _names(file, old.key) else new.key
            heads[key.name].append(_kept(file, key))
        seen = _audited(new, None, heads=heads[new.key.name], read=compared.read)
        before = _audited(old, None)
        found: SuccessionReport | None = None
        if seen.ok and before.ok:
            found = compared.report(
                (new.fetch, seen.report), (old.fetch, before.report), heads[old.key.name]
            )
    is_ok = found is not None and not found.findings
    if as_json:
        ledgers = [seen.document(), before.document()]
        print_json({"ok": is_ok, "ledgers": ledgers, "succession": found})
    else:
        seen.say()
        before.say()
        if found is not None:
            say_succession(found)
    raise typer.Exit(ExitCode.OK if is_ok else ExitCode.UNVERIFIED)


def _names(file: Path, key: TrustedKey) -> bool:
    """Say whether a checkpoint claims to be of this key's ledger: this only chooses the key."""
    return read_input(str(file), _CHECKPOINT_BYTES_MAX).startswith(f"{key.name}\n".encode())


def _audit_sides(
    ledgers: Sequence[PlacedLedger],
    heads: Sequence[SignedHead],
    quorum: Quorum | None,
    *,
    is_complete: bool,
) -> tuple[list[_Audited], PairReport | None]:
    """Audit several ledgers and compare their sides; these only if none is in doubt."""
    entries = DoubleEntry([ledger.member for ledger in ledgers], is_complete=is_complete)
    seen: list[_Audited] = []
    for number, ledger in enumerate(ledgers):
        read: Reader = partial(entries.read, ledger.member)
        seen.append(_audited(ledger, quorum, heads=() if number else heads, read=read))
    # What was gathered from a ledger in doubt says nothing of the other side.
    is_sound = all(each.report.ok for each in seen)
    return seen, entries.report() if is_sound else None


def recount(
    place: Place,
    *,
    vkey: Vkeys = None,
    document: Annotated[
        str | None,
        typer.Option("--document", metavar="FILE", help="Published counts, to compare with."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write the counts, canonical.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count again what a ledger's public leaves say, live traffic only.

    By agency, message key, purpose, decision and month. With --document, ends with 5 unless a
    `counts` leaf of the ledger holds its digest and every number is the same.
    """
    if document is not None and to is not None:
        raise UsageError("`--to` writes counts of all leaves, `--document` names its own")
    published = None if document is None else read_input(document, _COUNTS_BYTES_MAX)
    counted = Recount(published)
    with ExitStack() as opened:
        ledger = ledger_at(opened, place, vkey or ())
        report = audit_tree(ledger.fetch, ledger.vkey, read=counted.read)
    findings = (*report.findings, *counted.findings(report.origin, report.size))
    if to is not None and report.ok:
        write_whole(to, counted.document(report.origin, report.size))
    if as_json:
        said = report_document(report, is_key_given=ledger.is_key_given)
        rows = counted.rows()
        print_json(said | {"ok": not findings, "findings": findings, "rows": rows, "state": None})
    else:
        say_report(report)
        if report.ok:
            say_counts(counted.rows(), counted.leaves_counted, is_compared=document is not None)
            say_findings(findings)
    raise typer.Exit(ExitCode.UNVERIFIED if findings else ExitCode.OK)


def watch(
    place: Place,
    *,
    vkey: Annotated[
        str, typer.Option("--vkey", metavar="KEY|FILE", help="The ledger's key, from the state.")
    ],
    state: Annotated[
        Path, typer.Option("--state", metavar="FILE", help="Where the last checkpoint is kept.")
    ],
    every: Annotated[
        int, typer.Option("--every", metavar="S", min=1, help="Seconds between two looks.")
    ] = 60,
    stall: Annotated[
        int, typer.Option("--stall", metavar="S", min=1, help="Alarm after S without a leaf.")
    ] = 86_400,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Follow a ledger's checkpoint and prove that it only grows.

    Ends with 5 on an alarm, and keeps the checkpoint that raised it beside the state, as
    FILE.alarm.
    """
    if as_json and not once:
        raise UsageError("`--json` prints one document: add `--once`")
    key = read_vkey(read_key(vkey))
    while True:
        try:
            with open_ledger(place) as fetch:
                seen = look(fetch, key, _watched(state), now_s=int(time.time()), stall_s=stall)
        except LedgerUnreachableError as error:
            if once:
                raise
            remark(f"{error}: tried again in {every} s")
        else:
            _keep_look(state, seen)
            if as_json:
                print_json(_look_document(seen))
            else:
                say_look(key.name, seen)
            if seen.alarm is not None or once:
                raise typer.Exit(ExitCode.OK if seen.alarm is None else ExitCode.UNVERIFIED)
        time.sleep(every)


def _watched(file: Path) -> WatchState | None:
    """Return the state of the last look, or None if this is the first. Raises: UsageError."""
    if not file.exists():
        return None
    try:
        return msgspec.json.decode(read_input(str(file), _STATE_BYTES_MAX), type=WatchState)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"`{file}` is not what `comity ledger watch` keeps") from error


def _keep_look(file: Path, seen: Look) -> None:
    if seen.alarm is not None:
        write_whole(file.with_name(f"{file.name}.alarm"), seen.note, durable=True)
    elif seen.state is not None:
        write_whole(file, msgspec.json.encode(seen.state), durable=True)


def _look_document(seen: Look) -> dict[str, object]:
    head = seen.head
    return {
        "ok": seen.alarm is None,
        "size": None if head is None else head.size,
        "root": None if head is None else head.root,
        "alarm": seen.alarm,
    }


def ledger_at(opened: ExitStack, place: str, vkeys: Sequence[str]) -> PlacedLedger:
    """Return a place with the key for it: of those given the one that its checkpoint names."""
    fetch = _with_one_checkpoint(opened.enter_context(open_ledger(place)))
    given = [read_key(text) for text in vkeys]
    if given:
        origin = _origin(fetch)
        text = next((key for key in given if read_vkey(key).name == origin), given[0])
        return PlacedLedger(fetch=fetch, key=read_vkey(text), vkey=text, is_key_given=True)
    if is_url(place):
        raise UsageError("name the ledger's key with `--vkey`: none is taken from a server")
    text, _ = key_text(None, Path(place))
    remark("checked by the key in the folder itself: compare it with the state's own (--vkey)")
    return PlacedLedger(fetch=fetch, key=read_vkey(text), vkey=text, is_key_given=False)


def _with_one_checkpoint(fetch: Callable[[str], bytes]) -> Callable[[str], bytes]:
    """Fetch the checkpoint once: a ledger may grow while it is read, and what is audited, named and
    cosigned is one head.
    """
    kept: dict[str, bytes] = {}

    def fetch_once(path: str) -> bytes:
        if path != CHECKPOINT:
            return fetch(path)
        if path not in kept:
            kept[path] = fetch(path)
        return kept[path]

    return fetch_once


def _origin(fetch: Callable[[str], bytes]) -> str:
    """Return whose checkpoint it claims to be: this only chooses among keys that were given."""
    try:
        return fetch(CHECKPOINT).partition(b"\n")[0].decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _kept(file: Path, key: TrustedKey) -> SignedHead:
    """Return the head of a checkpoint that the caller kept. Raises: EvidenceError."""
    return read_checkpoint(read_input(str(file), _CHECKPOINT_BYTES_MAX), key)


def _before(state: Path | None, previous: Path | None) -> AuditState | None:
    if state is not None and previous is not None:
        raise UsageError("`--state` and `--previous` both say where to go on from")
    if previous is not None:
        return read_state(previous)
    return read_state(state) if state is not None and state.exists() else None
