"""`comity notices protect`, `unprotect`, `protected`: what is signed, what is said, what is not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest
from typer.testing import Result

from comity.cli import protections as module
from comity.domain.passes import NamedBy, PassPerson
from comity.domain.protection import protection_bytes, protection_end_bytes
from comity.link.command import CommandDone, CommandResult
from comity.link.protections import (
    EndProtection,
    PlaceProtection,
    ProtectionsShown,
    ProtectionView,
    ReadProtections,
)
from tests.support.desks import KEY, REVIEWER, GatewayDesk, reviewer_at, run_on
from tests.support.review import LICENSEE, NOW

ID = "0123456789abcdef" * 2
BORN = PassPerson(by=NamedBy.NAME, value="DOE,JANE", born="19900102")
VIEW = ProtectionView(
    protection=ID,
    placed_at=NOW,
    placed_by="supervisor",
    since=date(2026, 1, 2),
    persons=(LICENSEE, BORN),
    contact="the Practice Program",
    how="Call 555-0177.",
    authority="Practice Program",
)
PLACE = (
    "protect", "--state", "IL", "--oln", "px000204k7", "--name", "Doe,Jane/19900102",
    "--contact", "the Practice Program", "--how", "Call 555-0177.",
    "--authority", "Practice Program", "--since", "2026-01-02",
)  # fmt: skip


class Register(GatewayDesk):
    """A gateway with one protection."""

    shown = ProtectionsShown(protections=(VIEW,), count=1, access_entry="il/140")
    is_over = False

    def _result(self, command: object) -> CommandResult:
        match command:
            case PlaceProtection():
                return CommandDone(facts=(("protection", ID),))
            case EndProtection():
                return CommandDone(facts=(("is_over", "yes" if self.is_over else "no"),))
            case _:
                return self.shown


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    """A register of Illinois behind a gateway's desk."""
    reviewer_at(tmp_path, monkeypatch)
    found = Register()

    @asynccontextmanager
    async def open_bus(*_: object) -> AsyncIterator[Register]:
        yield found

    monkeypatch.setattr(module, "open_bus", open_bus)
    return found


@pytest.fixture
def run(tmp_path: Path, register: Register) -> Callable[..., Result]:
    """Runs `comity notices ...`."""
    del register
    return lambda *words, columns=100: run_on(tmp_path, "notices", *words, columns=columns)


def test_protect_signs_what_was_said(run: Callable[..., Result], register: Register) -> None:
    """Number and name as queries have them; nothing is posted unless it says so."""
    result = run(*PLACE)
    assert result.exit_code == 0, result.output
    assert "no letter shows it, and none is posted" in " ".join(result.stdout.split())
    assert ID in result.stdout
    (command,) = register.sent
    assert isinstance(command, PlaceProtection)
    said = command.signed.protection
    assert said.persons == (LICENSEE, BORN)
    assert (said.no_post, said.since, said.until) == (True, date(2026, 1, 2), None)
    assert said.reviewer == REVIEWER
    KEY.public_key().verify(command.signed.proof.signature, protection_bytes(said))
    for hidden in ("DOE", "PX000204K7", "555-0177"):
        assert hidden not in result.stdout
    register.sent.clear()
    found = json.loads(run(*PLACE, "--may-post", "--until", "2027-01-02", "--json").stdout)
    assert found == {"state": "il", "protection": ID}
    assert not register.sent[0].signed.protection.no_post
    assert register.sent[0].signed.protection.until == date(2027, 1, 2)


def test_unprotect_says_whether_a_second_person_is_missing(
    run: Callable[..., Result], register: Register
) -> None:
    """One word is kept; two end it."""
    result = run("unprotect", ID, "--state", "IL", "--note", "moved away")
    assert "it stands until another person says so too" in " ".join(result.stdout.split())
    (command,) = register.sent
    end = command.signed.end
    assert (end.protection, end.note) == (ID, "moved away")
    KEY.public_key().verify(command.signed.proof.signature, protection_end_bytes(end))
    register.is_over = True
    assert "Ended" in run("unprotect", ID, "--state", "IL").stdout


def test_protected_lists_nobody_and_opens_one(
    run: Callable[..., Result], register: Register
) -> None:
    """What is opened says that it was recorded."""
    nobody = ProtectionView(protection=ID, placed_at=NOW, since=date(2026, 1, 2))
    gone = ProtectionView(protection="f" * 32)
    register.shown = ProtectionsShown(protections=(gone, nobody), count=2)
    result = run("protected", "--state", "IL")
    assert result.stdout.startswith("2 protections stand for Illinois")
    assert "cannot be read" in result.stdout
    assert "DOE" not in result.stdout
    register.shown = Register.shown
    result = run("protected", ID, "--state", "IL")
    for part in ("DOE,JANE, born 1990-01-02", "licence PX000204K7", "recorded as il/140"):
        assert part in result.stdout
    run("protected", "--state", "IL", "--oln", "PX000204K7")
    assert isinstance(register.sent[-1], ReadProtections)
    assert register.sent[-1].signed.reading.person == LICENSEE
    register.shown = ProtectionsShown(access_entry="il/141", is_unread=True)
    result = run("protected", "--state", "IL", "--oln", "PX000204K7")
    assert "No protection names this person" in result.stdout
    assert "more may stand" in result.stdout


def test_what_is_missing_is_said_before_anything_is_sent(
    run: Callable[..., Result], register: Register
) -> None:
    """No such day, a name without a birth date, two wishes at once."""
    for words in (
        (*PLACE[:-1], "soon"),
        (*PLACE, "--until", "2027"),
        (*PLACE, "--name", "Doe,Jane"),
        ("protected", ID, "--state", "IL", "--oln", "PX1"),
    ):
        assert run(*words).exit_code == 2, words
    assert register.sent == []
