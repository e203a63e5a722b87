"""Tests for `comity notices`: what is owed, the letter, and the signed word that it was given."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from comity.cli import notices as module
from comity.cli.main import app
from comity.directory.directory import Directory
from comity.domain.given_notice import GivenHow, given_notice_bytes
from comity.domain.ids import ORI, Member
from comity.domain.protection import AddressStands
from comity.domain.vocabulary import AgencyType, DataClass, Instrument, LeafKind, Purpose
from comity.link.command import ReadHistory
from comity.link.review import GiveNotice
from comity.review.letters import SafeContact
from comity.review.notices import AskedAbout, NoticeRules
from comity.review.protections import OPEN_ADDRESS, AddressSaid
from comity.services.notice_reader import NoticesRead
from tests.support.desks import KEY, GatewayDesk, reviewer_at, run_on
from tests.support.directory import agency
from tests.support.leaves import leaf
from tests.support.pdf import printed

IL = Member("il")
DENIAL = leaf(LeafKind.DENIAL, member=IL, key="DQ", withheld=(DataClass.STATUS, DataClass.IDENTITY))
ASKED = AskedAbout(
    entry="il/130",
    leaves=(("il/130", DENIAL),),
    cited_by=(),
    ori=ORI("DCICE0100"),
    agency=agency(
        ORI("DCICE0100"), "US/DHS/ICE/ERO", name="Practice Field Office", type=AgencyType.FE
    ),
    purpose=Purpose.CIVIL_IMMIGRATION,
    instrument=Instrument.COURT_ORDER,
    accepted_at=int(time.time()) - 60,
)
LATE = msgspec.structs.replace(ASKED, entry="il/90", accepted_at=ASKED.accepted_at - 20 * 86_400)
POST = 'resident = "Maria Practice Ortega"\nlines = ["12 Example Lane", "Peoria, IL 61600"]\n'
SAFE = """resident = "Maria Practice Ortega"
[safe_contact]
name = "the Address Confidentiality Program"
how = "Call 217-555-0177."
"""


class Ledger:
    """What a ledger says, and whether the reading was recorded before it was read."""

    def __init__(self, desk: GatewayDesk) -> None:
        self.desk = desk
        self.asked: tuple[AskedAbout, ...] = (ASKED, LATE)
        self.unread = 0
        self.address_said = OPEN_ADDRESS
        self.licences: list[str] = []

    async def address(self, asked: AskedAbout, now: int, *, licence: str = "") -> AddressSaid:
        """Say what the register says, once the reading was recorded."""
        assert (asked.entry, len(self.desk.sent), abs(now - time.time()) < 60) == (
            "il/130",
            1,
            True,
        )
        self.licences.append(licence)
        return self.address_said

    async def read(self, rules: NoticeRules, directory: Directory, since: int) -> NoticesRead:
        """Give what there is, once the reading was recorded."""
        del directory
        (command,) = self.desk.sent
        assert isinstance(command, ReadHistory)
        assert (rules.state, command.signed.reading.since) == (IL, since)
        return NoticesRead(asked=self.asked, unread=self.unread)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A ledger of Illinois behind a gateway's desk."""
    found = Ledger(reviewer_at(tmp_path, monkeypatch))
    (tmp_path / "keyring" / "il").mkdir(parents=True)

    @asynccontextmanager
    async def opened(*_: object) -> AsyncIterator[Ledger]:
        yield found

    async def directory(*_: object) -> None:
        """No directory is looked at by what stands in its place."""

    monkeypatch.setattr(module, "open_notices", opened)
    monkeypatch.setattr(module, "network_directory", directory)
    return found


@pytest.fixture
def run(tmp_path: Path, ledger: Ledger) -> Callable[..., Result]:
    """Runs `comity notices ...`."""
    del ledger
    return lambda *words, columns=100: run_on(tmp_path, "notices", *words, columns=columns)


def test_list_says_what_is_owed_the_nearest_first(run: Callable[..., Result]) -> None:
    """The count first, overdue ones told; how each was counted, the caveat, and the reading."""
    result = run("list", "--state", "IL")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("✕ 2 notices are owed by Illinois, 1 overdue  (practice data)")
    assert result.stdout.index("il/90") < result.stdout.index("il/130")
    whole = " ".join(result.stdout.split())
    for part in (
        "Practice Field", "refused", "overdue", "3 business days from", "in Chicago",
        "(practice adoption)", "Illinois has not confirmed (K)", "recorded as il/141.",
    ):  # fmt: skip
        assert part in whole
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "Maria" not in result.stdout


def test_list_as_json_holds_each_deadline(run: Callable[..., Result], ledger: Ledger) -> None:
    """With standing, moment and how it was counted; nothing that names a person."""
    ledger.unread = 2
    found = json.loads(run("list", "--state", "il", "--json").stdout)
    assert [each["standing"] for each in found["notices"]] == ["overdue", "owed"]
    assert found["notices"][0]["is_late"] is True
    assert (found["unread"], found["access_entry"]) == (2, "il/141")
    assert found["notices"][1]["tell_by"].endswith("Z")


def test_where_none_is_owed_it_says_so(run: Callable[..., Result], ledger: Ledger) -> None:
    """In one sentence; records that nobody could read are told all the same."""
    ledger.asked, ledger.unread = (), 3
    result = run("list", "--state", "IL")
    assert result.stdout.startswith("● Illinois owes no notice about the requests of 30 days")
    assert "3 records could not be read" in result.stdout
    assert "✕" not in result.stdout


def test_a_states_own_files_take_the_place(
    run: Callable[..., Result], ledger: Ledger, tmp_path: Path
) -> None:
    """Its clauses, holidays and limits; a delayed notice has no letter."""
    rules, days = tmp_path / "rules.toml", tmp_path / "days.toml"
    limits = tmp_path / "limits.toml"
    today = datetime.now(UTC).date()
    yesterday, soon = today - timedelta(days=1), today + timedelta(days=3)
    rules.write_text(
        'label = "adopted"\n[[adopted]]\nstate = "il"\nlaw = "IL-625ILCS5-6-110.3"\n'
        'clause = "tell-resident"\nfamilies = ["US/DHS/ICE"]\n[office.en]\nlines = ["Office"]\n'
        'call = "us"\nphone = "555-0142"\nhours = "8 to 5"\ncomplain = "Write to us."\n'
        f'[[delays]]\nentry = "il/130"\n[delays.delay]\nkind = "court_order"\n'
        f"at = {yesterday}T00:00:00Z\nuntil = {soon}\n"
        'reason = "an investigation"\nauthority = "Circuit Court, practice case 26-1"\n'
    )
    unused = rules.read_text().partition("[[delays]]")[2].replace("il/130", "il/999")
    rules.write_text(f"{rules.read_text()}[[delays]]{unused}")
    days.write_text('mark = "V"\nsource = "the clerk"\nextends = "us"\n')
    limits.write_text(
        'mark = "V"\nsource = "the state"\n[court_order]\ndays_max = 9\nrenewals_max = 0\n'
        "[purpose]\ndays_max = 1\nrenewals_max = 0\n"
    )
    files = ("--rules", str(rules), "--calendar", str(days), "--limits", str(limits))
    listed = run("list", "--state", "IL", *files)
    assert listed.exit_code == 0, listed.output
    assert "(adopted)" in listed.stdout
    assert "has not confirmed" not in listed.stdout
    assert "delayed until" in " ".join(listed.stdout.split())
    assert "A delay names il/999" in listed.stdout
    (tmp_path / "to.toml").write_text(POST)
    where = ("--to", str(tmp_path / "to.toml"), "--out", str(tmp_path / "letter.pdf"))
    ledger.desk.sent.clear()
    refused = run("letter", "IL/130", *where, *files)
    assert (refused.exit_code, "delayed until" in refused.stderr) == (2, True)


@pytest.mark.parametrize(("language", "heading"), [("en", "got nothing"), ("es", "no recibió")])
def test_a_letter_is_written(
    run: Callable[..., Result], tmp_path: Path, language: str, heading: str
) -> None:
    """One page that says what became of the request, and what is to be typed once it is given."""
    (tmp_path / "to.toml").write_text(POST)
    out = tmp_path / "letter.pdf"
    words = ("letter", "IL/130", "--to", str(tmp_path / "to.toml"), "--out", str(out))
    result = run(*words, "--language", language)
    assert result.exit_code == 0, result.output
    assert "comity notices given il/130" in result.stdout
    text = printed(out.read_bytes())
    for part in (heading, "Maria Practice Ortega", "12 Example Lane", "Practice Field Office"):
        assert part in text
    again = run(*words)
    assert (again.exit_code, "already" in again.stderr) == (2, True)


def test_a_confidential_letter_shows_no_agency(run: Callable[..., Result], tmp_path: Path) -> None:
    """The safe contact stands in it, and the agency's kind alone."""
    (tmp_path / "to.toml").write_text(SAFE)
    out = tmp_path / "letter.pdf"
    assert (
        run("letter", "IL/130", "--to", str(tmp_path / "to.toml"), "--out", str(out)).exit_code == 0
    )
    text = printed(out.read_bytes())
    assert "a federal police agency asked us" in text
    assert "Practice Field Office" not in text
    assert "Do not mail this letter." in text


def test_the_register_decides_where_a_letter_goes(
    run: Callable[..., Result], ledger: Ledger, tmp_path: Path
) -> None:
    """To the contact, whatever address its writer gave; neither is a way around."""
    contact = SafeContact(name="the Practice Program", how="Call 555-0177.")
    ledger.address_said = AddressSaid(stands=AddressStands.CONFIDENTIAL, contact=contact)
    for number, written in enumerate((POST, SAFE, 'resident = "Maria Practice Ortega"\n')):
        ledger.desk.sent.clear()
        (tmp_path / "to.toml").write_text(written)
        out = tmp_path / f"letter-{number}.pdf"
        result = run("letter", "IL/130", "--to", str(tmp_path / "to.toml"), "--out", str(out))
        assert result.exit_code == 0, result.output
        assert "address is confidential" in result.stdout
        assert "Nothing is posted to this person." in result.stdout
        assert "--how safe_contact" in result.stdout
        text = printed(out.read_bytes())
        assert "the Practice Program" in text
        for hidden in ("12 Example Lane", "Peoria, IL 61600", "Practice Field Office", "IL/130"):
            assert hidden not in text, written


@pytest.mark.parametrize("stands", [AddressStands.UNREAD, AddressStands.UNNAMED])
def test_where_nobody_can_say_no_letter_shows_an_address(
    run: Callable[..., Result], ledger: Ledger, tmp_path: Path, stands: AddressStands
) -> None:
    """A safe contact is possible; the licence number of whom it goes to is handed on."""
    ledger.address_said = AddressSaid(stands=stands)
    (tmp_path / "to.toml").write_text(f'licence = "PX1"\n{POST}')
    out = tmp_path / "letter.pdf"
    words = ("letter", "IL/130", "--to", str(tmp_path / "to.toml"), "--out", str(out))
    result = run(*words)
    assert (result.exit_code != 0, "address-unknown" in result.stderr) == (True, True)
    assert not out.exists()
    assert ledger.licences == ["PX1"]
    ledger.desk.sent.clear()
    (tmp_path / "to.toml").write_text(SAFE)
    assert run(*words).exit_code == 0


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (POST + SAFE.partition("\n")[2], {}, "not both"),
    ('resident = "A"\n', {}, "needs `lines` of an address"),
    ("resident = 1\n", {}, "resident"),
    (POST, {"entry": "il/131"}, "no notice is owed"),
    (POST, {"agency": None}, "by hand"),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_letter_that_cannot_be_written_is_none(
    run: Callable[..., Result],
    ledger: Ledger,
    tmp_path: Path,
    wrong: tuple[str, dict[str, Any], str],
) -> None:
    """An error says why, and there is no file."""
    recipient, altered, says = wrong
    ledger.asked = (msgspec.structs.replace(ASKED, **altered),)
    (tmp_path / "to.toml").write_text(recipient)
    out = tmp_path / "letter.pdf"
    result = run("letter", "IL/130", "--to", str(tmp_path / "to.toml"), "--out", str(out))
    assert result.exit_code != 0
    assert says in " ".join(result.stderr.split())
    assert not out.exists()


def test_a_given_notice_is_signed(run: Callable[..., Result], ledger: Ledger) -> None:
    """With the clause that the state adopted, how, and on which day."""
    result = run("given", "IL/130", "--how", "post", "--on", "2026-11-24")
    assert result.exit_code == 0, result.output
    assert "il/141 says that the resident was told of il/130" in result.stdout
    (command,) = ledger.desk.sent
    assert isinstance(command, GiveNotice)
    notice = command.signed.notice
    assert (notice.law, notice.clause) == ("IL-625ILCS5-6-110.3", "tell-resident")
    assert (notice.entry, notice.how, notice.on) == ("il/130", GivenHow.POST, date(2026, 11, 24))
    KEY.public_key().verify(command.signed.proof.signature, given_notice_bytes(notice))


def test_what_is_missing_is_said_before_anything_is_recorded(
    run: Callable[..., Result], ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such day, no keyring, no file of a state that is not for practice."""
    assert run("given", "IL/130", "--how", "post", "--on", "soon").exit_code == 2
    (tmp_path / "keyring" / "il").rmdir()
    assert "keyring-missing" in run("list", "--state", "IL").stderr
    monkeypatch.setenv("COMITY_IS_PRACTICE", "false")
    result = run("list", "--state", "IL")
    assert (result.exit_code, "`--rules`" in result.stderr) == (2, True)
    assert ledger.desk.sent == []


def test_help_is_there() -> None:
    """The group is found by its name."""
    assert "Tell residents" in CliRunner().invoke(app, ["notices", "--help"]).stdout
