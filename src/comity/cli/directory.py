"""`comity directory`: a member's part as people read, edit, sign and publish it."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from comity.app.wire import open_bus
from comity.cli.errors import UsageError
from comity.cli.exports import read_key
from comity.cli.files import read_input, write_whole
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.parts import (
    load_part,
    member_key_path,
    network_directory,
    part_document,
    read_part_file,
    read_signed_file,
    versions_of,
)
from comity.cli.reviewing import COMMAND_USER
from comity.cli.smalls import small
from comity.cli.terminal import AsJson, fact_table, facts_console, print_json, remark, say
from comity.directory.diff import PartDiff, diff_parts
from comity.directory.edit import has_editor
from comity.directory.errors import DirectoryFieldError, TableError
from comity.directory.limits import TABLE_CHARS_MAX
from comity.directory.part import encode_signed_part, part_body, sign_part, verify_part
from comity.directory.search import AgencyIndex, Listing, Listings, parse_search
from comity.directory.tables import TableForm, encode_table, parse_table
from comity.directory.text import agency_text
from comity.domain.agency import Agency, DirectoryPart
from comity.domain.ids import Member, member_label, parse_ori, parse_origin, wire_of_member
from comity.domain.vocabulary import term
from comity.ledger.note import parse_vkey
from comity.link.command import CommandDone, PublishDirectory
from comity.roles.host_files import HostFiles, read_member_key
from comity.services.sending import send_command

__all__ = ["app"]

_ORI_CHARS: Final = 9
_VERSIONS_SHOWN_MAX: Final = 500
_SENTENCES_SHOWN: Final = 40
_UTF8_BYTES_PER_CHAR: Final = 4

app = typer.Typer(add_completion=False, no_args_is_help=True)

_State = Annotated[str, typer.Option("--state", metavar="ST", help="Whose part.")]
_To = Annotated[Path, typer.Option("--to", metavar="FILE", help="File to write.")]
_Form = Annotated[
    TableForm | None,
    typer.Option("--format", help="Form of the table; else by the file's name, or CSV."),
]


@app.callback()
def directory() -> None:
    """Read, edit, sign and publish a member's part of the directory."""


@app.command()
def show(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="A state, ST@VERSION, an ORI, or a part's file.")
    ],
    *,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show a part, or one agency, as the directory has it."""
    settings = settings_of(data)
    if len(what) == _ORI_CHARS and what.isalnum() and not Path(what).exists():
        ori = parse_ori(what.upper())
        found = asyncio.run(network_directory(settings))
        agency, member = found.agency(ori), found.member_of(ori)
        if agency is None or member is None:
            raise UsageError(f"no member lists an agency `{ori}`")
        if as_json:
            print_json({"member": member, "agency": msgspec.to_builtins(agency)})
        else:
            for line in agency_text(Listing(member=member, agency=agency)).splitlines():
                say(line)
        return
    part = asyncio.run(load_part(settings, what))
    if as_json:
        print_json(part_document(part))
    else:
        _show_part(part)


def _show_part(part: DirectoryPart) -> None:
    console = facts_console()
    practice = "  (practice data)" if part.practice else ""
    console.print(f"{member_label(part.member)}: version {part.version}{practice}")
    console.print(f"  host {part.host.name}; duty contact {part.duty_contact}")
    console.print(f"  answers {', '.join(part.answers) or 'no key'}", soft_wrap=True)
    console.print(
        f"  {len(part.agencies)} agencies, {len(part.reviewers)} reviewers, "
        f"{len(part.certifications)} certifications\n"
    )
    fact_table(
        console,
        ("ori", "agency", "family", "type", "place", "state"),
        [
            (a.ori, a.name, a.family, term(a.type).wire, a.place, _standing(a))
            for a in part.agencies
        ],
    )


def _standing(agency: Agency) -> str:
    marks = (("control", agency.is_control), ("small", agency.small))
    words = [word for word, holds in marks if holds]
    words += [f"acts for {acts.family}" for acts in agency.acts_for]
    return ", ".join(["active" if agency.active else "inactive", *words])


@app.command()
def export(
    *,
    state: _State,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="File to write; else printed.")
    ] = None,
    form: _Form = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write a part's agencies as a table to edit, in CSV or TOML.

    With --json the agencies are printed as JSON; a table is then written with --to only.
    """
    part = asyncio.run(load_part(settings_of(data), member_of(state)))
    text = encode_table(part.agencies, _form_of(form, to))
    if to is not None:
        write_whole(to, text.encode())
    if as_json:
        agencies = msgspec.to_builtins(part.agencies)
        print_json({"member": part.member, "version": part.version, "agencies": agencies})
    elif to is None:
        sys.stdout.write(text)
    else:
        say(f"● {part.member}: {len(part.agencies)} agencies of version {part.version} in {to}")


@app.command("import")
def import_table(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The table; - is standard input.")],
    *,
    state: _State,
    to: _To,
    base: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE", help="The part to go on from; else what stands."),
    ] = None,
    form: _Form = None,
    ledger_key: Annotated[
        str | None,
        typer.Option("--ledger-key", metavar="KEY|FILE", help="Its ledger's public key from now."),
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make the next version of a part with the agencies of a table.

    With --ledger-key, with a successor ledger's key too. Says what changes, and writes the part for
    `sign`; what changes nothing is not written.
    """
    member = member_of(state)
    agencies = parse_table(_table_text(file), _form_of(form, Path(file)))
    standing = asyncio.run(load_part(settings_of(data), base or member))
    if standing.member != member:
        raise UsageError(f"`--from` is a part of `{standing.member}`, not of `{member}`")
    part = msgspec.structs.replace(
        standing,
        agencies=agencies,
        ledger_key=_ledger_key(ledger_key, member) if ledger_key else standing.ledger_key,
        version=standing.version + 1,
    )
    body = part_body(part)
    difference = diff_parts(standing, part)
    if not difference.is_empty:
        write_whole(to, body)
        if not has_editor(part.agencies):
            remark("no active control terminal with a line: nobody can change this by message")
    _show_diff(difference, as_json=as_json)
    if not (difference.is_empty or as_json):
        say(f"  Sign it: comity directory sign {to} --to FILE")


def _ledger_key(given: str, member: Member) -> bytes:
    """Return a ledger's public key. Raises: UsageError if it is of another member's."""
    key = parse_vkey(read_key(given))
    if parse_origin(key.name)[0] != member:
        raise UsageError(f"`--ledger-key` is of `{key.name}`, no ledger of `{member}`")
    return key.public_key


def _table_text(file: str) -> str:
    try:
        return read_input(file, TABLE_CHARS_MAX * _UTF8_BYTES_PER_CHAR).decode()
    except UnicodeDecodeError:
        raise TableError(f"`{file}` is not UTF-8 text") from None


def _form_of(form: TableForm | None, file: Path | None) -> TableForm:
    if form is not None:
        return form
    is_toml = file is not None and file.suffix.lower() == ".toml"
    return TableForm.TOML if is_toml else TableForm.CSV


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A state, ST@VERSION or a file.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Another one.")],
    *,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what changes from one part to another."""
    settings = settings_of(data)
    before = asyncio.run(load_part(settings, old))
    after = asyncio.run(load_part(settings, new))
    _show_diff(diff_parts(before, after), as_json=as_json)


def _show_diff(difference: PartDiff, *, as_json: bool) -> None:
    if as_json:
        print_json({**msgspec.to_builtins(difference), "counts": difference.counts})
        return
    versions = f"version {difference.version_old} to {difference.version_new}"
    if difference.is_empty:
        say(f"○ {difference.member}: {versions} changes nothing")
        return
    counts = ", ".join(f"{count} {name}" for name, count in difference.counts.items())
    say(f"● {difference.member}: {versions}: {counts}")
    sentences = difference.sentences()
    for sentence in sentences[:_SENTENCES_SHOWN]:
        say(f"  {sentence}")
    if len(sentences) > _SENTENCES_SHOWN:
        say(f"  and {len(sentences) - _SENTENCES_SHOWN} more; --json lists them all")


@app.command()
def sign(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The part; - is standard input.")],
    *,
    to: _To,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Member's key; else one kept here.")
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Sign a part with its member's own key.

    Where this installation has a trust root, the signature is checked against it.
    """
    settings = settings_of(data)
    part = read_part_file(file)
    signed = sign_part(part, read_member_key(member_key_path(settings, part.member, key)))
    host = HostFiles(settings.data_dir)
    if host.exist():
        verify_part(signed, host.trust_root())
    write_whole(to, encode_signed_part(signed))
    if as_json:
        print_json({"member": part.member, "version": part.version, "to": str(to)})
    else:
        say(f"● {part.member}: version {part.version} signed in {to}")
        say(f"  Publish it: comity directory publish {to}")


@app.command()
def publish(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The signed part.")],
    *,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Publish a signed part; from its leaf on it is in force.

    The signature of the member is all the authority it takes; the version must be the next.
    """
    settings = settings_of(data)
    signed = read_signed_file(file)
    part = verify_part(signed, HostFiles(settings.data_dir).trust_root())
    command = PublishDirectory(member=part.member, part=encode_signed_part(signed))

    async def send() -> str:
        async with open_bus(settings, COMMAND_USER) as bus:
            result = await send_command(bus, HostFiles(settings.data_dir).host_name(), command)
        assert isinstance(result, CommandDone)
        return result.entry

    entry = asyncio.run(send())
    if as_json:
        print_json({"member": part.member, "version": part.version, "entry": entry})
    else:
        say(f"● {part.member}: version {part.version} is in force, recorded as {entry}")


@app.command()
def history(
    *,
    state: _State,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", metavar="N", min=1, max=_VERSIONS_SHOWN_MAX, help="How many versions."
        ),
    ] = 50,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of a part with their leaves, the newest first.

    The time is that of the leaf, which says the hour.
    """
    member = member_of(state)
    versions = asyncio.run(versions_of(settings_of(data), member, limit))
    rows = [(v.version, v.entry, _hour(v.recorded_at)) for v in versions]
    if as_json:
        keys = ("version", "entry", "recorded_at")
        listed = [dict(zip(keys, row, strict=True)) for row in rows]
        print_json({"state": member, "versions": listed})
    elif not rows:
        say(f"○ {member} has published no part")
    else:
        fact_table(facts_console(), ("version", "recorded as", "hour (UTC)"), rows)


def _hour(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%MZ")


app.command()(small)


@app.command()
def find(
    place: Annotated[str, typer.Argument(metavar="PLACE", help="How the place's name begins.")],
    *,
    kind: Annotated[
        str, typer.Option("--type", metavar="CODE", help="Agency type, as in PD or SO.")
    ] = "",
    state: Annotated[str, typer.Option("--state", metavar="ST", help="In this state only.")] = "",
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Find active agencies by the place that they stand in."""
    fields = [("LOC", place)]
    fields += [("TYP", kind.upper())] if kind else []
    fields += [("STA", wire_of_member(member_of(state)))] if state else []
    try:
        wanted = parse_search(tuple(fields))
    except DirectoryFieldError as error:
        raise UsageError(str(error)) from error
    index = AgencyIndex(asyncio.run(network_directory(settings_of(data))))
    _show_listings(index.find(wanted), as_json=as_json)


def _show_listings(found: Listings, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    if not found.shown:
        say("○ no active agency stands in a place of that name")
        return
    rows = [
        (a.ori, a.name, a.place, listing.member, term(a.type).wire, a.phone)
        for listing in found.shown
        for a in (listing.agency,)
    ]
    fact_table(facts_console(), ("ori", "agency", "place", "state", "type", "phone"), rows)
    if found.more:
        say(f"and {found.more} more: add --type or --state")
