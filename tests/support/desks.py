"""A gateway's review desk behind a bus, for tests of the commands that reviewers type."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner, Result

from comity.cli import papers, reviewing
from comity.cli.main import app
from comity.domain.after_review import Desk
from comity.domain.ids import HostName, Member
from comity.domain.passes import NamedBy, PassPerson
from comity.domain.vocabulary import DataClass, Purpose
from comity.link.appeals import AppealView
from comity.link.command import (
    CommandDone,
    CommandFailed,
    CommandResult,
    Decide,
    ReadHolds,
    decode_command,
    encode_result,
)
from comity.link.onward import OnwardShown
from comity.link.review import DeskShown, PassView, ReadDesk, ReleaseView
from comity.roles.host_files import HostFiles, ReviewerFile

__all__ = ["DAY", "KEY", "PASS", "RELEASE", "REVIEWER", "GatewayDesk", "reviewer_at", "run_on"]

HOST = HostName("practice")
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
REVIEWER = "reviewer"
DAY = 86_400
_RUNNER = CliRunner()
_NOW = int(time.time())
PASS = PassView(
    entry="il/126",
    agency="USPX021HS",
    agency_name="Homeland Security Investigations (practice office)",
    case_number="HS-26-88",
    classes=(DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS),
    purpose=Purpose.CRIMINAL_INVESTIGATION,
    since=_NOW - 60,
    until=_NOW + 7 * DAY + 600,
    uses=2,
    hold_entry="il/120",
    reviewer=REVIEWER,
    person_count=2,
    persons=(
        PassPerson(by=NamedBy.LICENCE, value="PX000204K7"),
        PassPerson(by=NamedBy.NAME, value="DOE,JANE", born="19900101"),
    ),
    note="two suspects",
)
RELEASE = ReleaseView(
    entry="il/130",
    due=_NOW + 20 * 3_600 + 1_800,
    is_overdue=False,
    agency="USPX021HS",
    agency_name="Homeland Security Investigations (practice office)",
    phone="202-555-0121",
    key="DQ",
    purpose="missing_or_endangered",
    offence="kidnapping",
    case_number="HS-26-91",
    operator="H2210",
    classes=(DataClass.STATUS, DataClass.IDENTITY),
    released_at=_NOW - 4 * 3_600,
    search=(("OLN", "PX000204K7"),),
)


class GatewayDesk:
    """Answers what is asked with what it has, and keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.passes: tuple[PassView, ...] = (PASS,)
        self.releases: tuple[ReleaseView, ...] = (RELEASE,)
        self.onward = OnwardShown()
        self.appeals: tuple[AppealView, ...] = ()
        self.holds: CommandResult | None = None
        self.refusal: CommandFailed | None = None
        self.is_denied = False

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        """Take one command as the bus hands it over."""
        del subject, timeout_s
        command = decode_command(data)
        self.sent.append(command)
        return encode_result(self.refusal or self._result(command))

    def _result(self, command: object) -> CommandResult:
        match command:
            case ReadDesk(signed=signed):
                access = "il/140" if signed.reading.entry else ""
                if signed.reading.desk is Desk.APPEALS:
                    return DeskShown(appeals=self.appeals, access_entry=access)
                if signed.reading.desk is Desk.PASSES:
                    return DeskShown(passes=self.passes, access_entry=access)
                if signed.reading.desk is Desk.ONWARD:
                    return DeskShown(onward=self.onward, access_entry=access)
                return DeskShown(releases=self.releases, access_entry=access)
            case ReadHolds() if self.holds is not None:
                return self.holds
            case Decide(signed=signed):
                went = "" if self.is_denied else ",".join(signed.verdict.approved)
                response = "refused" if self.is_denied else "hit"
                facts = (("response", response), ("released", went))
                return CommandDone(entry="il/141", facts=facts)
            case _:
                return CommandDone(entry="il/141")


def reviewer_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> GatewayDesk:
    """Return the desk that commands of a reviewer of Illinois reach from a folder."""
    files = HostFiles(folder)
    files.write_host(HOST, Ed25519PrivateKey.generate(), X25519PrivateKey.generate())
    files.write_reviewer(Member("il"), ReviewerFile(name=REVIEWER, key=KEY))
    desk = GatewayDesk()

    @asynccontextmanager
    async def open_bus(*_: object) -> AsyncIterator[GatewayDesk]:
        yield desk

    for module in (papers, reviewing):
        monkeypatch.setattr(module, "open_bus", open_bus)
    return desk


def run_on(folder: Path, *arguments: str, columns: int = 80) -> Result:
    """Run a command on the folder of a network."""
    return _RUNNER.invoke(app, [*arguments, "--data", str(folder)], env={"COLUMNS": str(columns)})
