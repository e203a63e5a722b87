"""`comity passkey`: who may make a passkey for the console, and which ones there are.

It writes the console's own file, beside a console that may be running: run it as its account.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from comity.adapters.system import SystemEntropy
from comity.app.console import open_passkeys, people_path
from comity.cli.errors import FileUnusableError, UsageError
from comity.cli.network import DataDir, settings_of
from comity.cli.terminal import AsJson, fact_table, facts_console, print_json, say
from comity.console.people import PEOPLE_FILE_BYTES_MAX, People, parse_people
from comity.domain.passkeys import (
    CODE_BYTES,
    COMMAND_LINE,
    INVITATION_SECONDS_MAX,
    Invitation,
    Passkey,
    PasskeyUnknownError,
    code_hash,
    invitation_code,
    with_invitation,
    without_passkey,
)
from comity.domain.said import utc
from comity.roles.settings import Settings

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Subject = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="Who, as the people file names them.")
]
_Label = Annotated[
    str, typer.Argument(metavar="PASSKEY", help="Which one, by the 12 digits that `list` shows.")
]


@app.callback()
def passkey() -> None:
    """Invite people to make a passkey for the console; list and remove passkeys."""


@app.command()
def invite(subject: _Subject, *, data: DataDir = None, as_json: AsJson = False) -> None:
    """Let a person make one passkey within a day; print the code, which is shown once."""
    settings = settings_of(data)
    people = _people(settings)
    issuer = people.issuer
    if not people.find(issuer, subject):
        raise UsageError("the people file gives nobody of this subject a place")
    now = int(time.time())
    code = invitation_code(SystemEntropy().token(CODE_BYTES))
    made = Invitation(
        issuer=issuer,
        subject=subject,
        code_hash=code_hash(code),
        invited_by=COMMAND_LINE,
        until=now + INVITATION_SECONDS_MAX,
    )
    open_passkeys(settings).change(lambda book: with_invitation(book, made, now))
    if as_json:
        print_json({"subject": subject, "code": code, "until": utc(made.until).isoformat()})
        return
    say(code)
    say(f"`{subject}` can make one passkey with this code until {utc(made.until):%Y-%m-%d %H:%M}Z.")
    say("They sign in to the console as always, and type it in at the second step.")
    say("Hand it to the person themselves; it is not shown again, and a new one replaces it.")


@app.command("list")
def list_passkeys(*, data: DataDir = None, as_json: AsJson = False) -> None:
    """List every passkey of this console's people, and who can make one now."""
    settings = settings_of(data)
    issuer, now = _people(settings).issuer, int(time.time())
    book = open_passkeys(settings).read()
    kept = [each for each in book.passkeys if each.issuer == issuer]
    invited = [e for e in book.invitations if e.issuer == issuer and now < e.until]
    if as_json:
        print_json(
            {
                "passkeys": [_document(each) for each in kept],
                "invited": [
                    {"subject": each.subject, "until": utc(each.until).isoformat()}
                    for each in invited
                ],
            }
        )
        return
    console = facts_console()
    count = "One passkey is" if len(kept) == 1 else f"{len(kept) or 'No'} passkeys are"
    can = "One person" if len(invited) == 1 else f"{len(invited) or 'No'} people"
    console.print(f"{count} registered. {can} can make one now.\n")
    if kept:
        heads = ("passkey", "subject", "made", "last used", "invited by")
        fact_table(console, heads, [_cells(each) for each in kept])
    if invited:
        rows = [(each.subject, _day(each.until)) for each in invited]
        fact_table(console, ("invited", "until"), rows)


@app.command()
def remove(
    subject: _Subject, label: _Label, *, data: DataDir = None, as_json: AsJson = False
) -> None:
    """Remove a person's passkey; what it opened ends at the next look."""
    settings = settings_of(data)
    passkeys = open_passkeys(settings)
    kept = passkeys.read().of(_people(settings).issuer, subject)
    gone = next((each for each in kept if each.label == label), None)
    if gone is None:
        raise PasskeyUnknownError("there is no such passkey of this person")
    passkeys.change(lambda book: without_passkey(book, gone))
    left = len(kept) - 1
    if as_json:
        print_json({"removed": _document(gone), "left": left})
        return
    say(f"Removed: it opens nothing any more, and every session that it opened ends. {left} left.")


def _people(settings: Settings) -> People:
    """Return who holds a place. Raises: PeopleError, FileUnusableError."""
    try:
        with people_path(settings).open("rb") as opened:
            return parse_people(opened.read(PEOPLE_FILE_BYTES_MAX + 1).decode("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise FileUnusableError("the people file cannot be read") from None


def _day(at: int) -> str:
    return f"{utc(at):%Y-%m-%d %H:%M}Z"


def _cells(each: Passkey) -> tuple[str, ...]:
    by = "the command line" if each.invited_by == COMMAND_LINE else each.invited_by
    return each.label, each.subject, _day(each.made_at), _day(each.used_at), by


def _document(each: Passkey) -> dict[str, Any]:
    return {
        "passkey": each.label,
        "subject": each.subject,
        "made_at": utc(each.made_at).isoformat(),
        "used_at": utc(each.used_at).isoformat(),
        "invited_by": each.invited_by or None,
    }
