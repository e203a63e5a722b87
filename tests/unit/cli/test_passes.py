"""Tests for `comity pass` and `hold approve --pass-days`: what is signed, said and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import Result

from comity.cli.errors import ExitCode
from comity.domain.after_review import Desk, desk_reading_bytes
from comity.domain.ids import ExchangeId
from comity.domain.passes import NamedBy, PassPerson, pass_bytes, revocation_bytes
from comity.domain.vocabulary import DataClass, Purpose
from comity.link.command import CommandFailed, Decide, HoldsShown, HoldView
from comity.link.review import GrantPass
from tests.support.desks import DAY, KEY, PASS, REVIEWER, GatewayDesk, reviewer_at, run_on

HOLD = HoldView(
    entry="il/120",
    exchange_id=ExchangeId(bytes(range(16))),
    agency="USPX021HS",
    agency_name="Homeland Security Investigations (practice office)",
    key="DQ",
    purpose="criminal_investigation",
    offence="child_exploitation",
    instrument="none",
    case_number="HS-26-88",
    operator="H2210",
    assurance="agency_asserted",
    opened_at=PASS.since,
    until=PASS.until,
    next_step=1,
    classes=(DataClass.STATUS, DataClass.ADDRESS),
    withheld=(),
    search=(("OLN", "PX000204K7"),),
)
GRANT = (
    "grant", "--state", "il", "--agency", "uspx021hs", "--case", "hs-26-88", "--days", "7",
    "--class", "address", "--class", "status",
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GatewayDesk:
    """The desk that commands reach in place of a wire."""
    return reviewer_at(tmp_path, monkeypatch)


@pytest.fixture
def case_pass(tmp_path: Path, desk: GatewayDesk) -> Callable[..., Result]:
    """Runs `comity pass ...`."""
    del desk
    return lambda *arguments, columns=80: run_on(tmp_path, "pass", *arguments, columns=columns)


@pytest.mark.parametrize("columns", [80, 100])
def test_list_is_signed_and_shows_no_person(
    case_pass: Callable[..., Result], desk: GatewayDesk, columns: int
) -> None:
    """How many hold comes first; nothing of whom they name; within the terminal's width."""
    desk.passes = (msgspec.structs.replace(PASS, persons=(), note=""),)
    result = case_pass("list", "--state", "IL", columns=columns)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("One case pass holds for Illinois")
    for part in ("il/126", "HS-26-88", "7 d 0 h"):
        assert part in result.stdout
    assert "PX000204K7" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= columns
    (command,) = desk.sent
    reading = command.signed.reading
    assert (reading.desk, reading.entry, reading.reviewer) == (Desk.PASSES, "", REVIEWER)
    KEY.public_key().verify(command.signed.proof.signature, desk_reading_bytes(reading))


def test_where_none_holds_it_says_so(case_pass: Callable[..., Result], desk: GatewayDesk) -> None:
    """In one sentence, and as an empty list."""
    desk.passes = ()
    assert case_pass("list", "--state", "IL").stdout.startswith("No case pass holds for Illinois.")
    assert json.loads(case_pass("list", "--state", "il", "--json").stdout)["passes"] == []
    result = case_pass("show", "IL/126")
    assert (result.exit_code, "pass-unknown" in result.stderr) == (1, True)


@pytest.mark.parametrize("columns", [80, 100])
def test_show_says_whom_it_names_how_often_it_was_used_and_that_it_is_recorded(
    case_pass: Callable[..., Result], desk: GatewayDesk, columns: int
) -> None:
    """Each person on a line; the reading's leaf at the end."""
    result = case_pass("show", "IL/126", columns=columns)
    assert result.stdout.startswith("● Pass il/126 of Illinois: used 2 times, 7 d 0 h left")
    assert "licence PX000204K7" in result.stdout
    assert "DOE,JANE, born 1990-01-01" in result.stdout
    assert "recorded as il/140" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= columns
    assert desk.sent[0].signed.reading.entry == "il/126"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"revoked_by": "il/133"}, "✕ Pass il/126 of Illinois: used 2 times, revoked by il/133"),
        ({"until": PASS.since, "uses": 1}, "✕ Pass il/126 of Illinois: used once, its time is"),
    ],
)
def test_what_ended_is_shown_as_ended(
    case_pass: Callable[..., Result], desk: GatewayDesk, changes: dict[str, object], said: str
) -> None:
    """Revoked, or over by its time."""
    desk.passes = (msgspec.structs.replace(PASS, **changes),)
    assert case_pass("show", "IL/126").stdout.startswith(said)


def test_a_grant_is_signed_as_it_is_sent(
    case_pass: Callable[..., Result], desk: GatewayDesk
) -> None:
    """Everything named stands in it, in its canonical form, and the sentence says what it does."""
    people = ("--oln", "px1", "--name", "doe, jane/19900101", "--plate", "px4471/pc", "--vin", "v1")
    result = case_pass(*GRANT, *people, "--purpose", "court", "--note", "two suspects")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("● Granted status, address of 4 persons or vehicles to USPX021")
    (command,) = desk.sent
    made = command.signed.case_pass
    assert made.persons == (
        PassPerson(by=NamedBy.LICENCE, value="PX1"),
        PassPerson(by=NamedBy.NAME, value="DOE,JANE", born="19900101"),
        PassPerson(by=NamedBy.PLATE, value="PX4471/PC"),
        PassPerson(by=NamedBy.VIN, value="V1"),
    )
    assert made.classes == (DataClass.STATUS, DataClass.ADDRESS)
    assert (made.case_number, made.purpose, made.note) == (
        "HS-26-88",
        Purpose.COURT,
        "two suspects",
    )
    assert made.until - made.since == 7 * DAY
    KEY.public_key().verify(command.signed.proof.signature, pass_bytes(made))


@pytest.mark.parametrize(
    "arguments",
    [
        (*GRANT,),
        (*GRANT, "--name", "DOE,JANE"),
        (*GRANT, "--name", "DOE/19900101"),
        (*GRANT, "--oln", "PX1", "--days", "0"),
        (*GRANT, "--oln", "PX1", "--days", "31"),
        (*GRANT, "--oln", "PX1", "--agency", "HSI"),
        (*GRANT, "--oln", "PX1", "--as", "nobody"),
    ],
    ids=["nobody", "no-birth", "no-given-name", "no-day", "too-long", "no-ori", "no-key"],
)
def test_what_could_not_count_is_usage(
    case_pass: Callable[..., Result], desk: GatewayDesk, arguments: tuple[str, ...]
) -> None:
    """Said before anything is signed."""
    result = case_pass(*arguments)
    assert result.exit_code == 2, result.output
    assert desk.sent == []


def test_a_revocation_is_signed(case_pass: Callable[..., Result], desk: GatewayDesk) -> None:
    """It names the pass, and the sentence says what follows."""
    result = case_pass("revoke", "IL/126", "--note", "case closed")
    assert result.stdout.startswith("✕ Revoked pass il/126: its case's next request waits")
    assert "Recorded as il/141" in result.stdout
    (command,) = desk.sent
    said = command.signed.revocation
    assert (said.pass_entry, said.note) == ("il/126", "case closed")
    KEY.public_key().verify(command.signed.proof.signature, revocation_bytes(said))
    done = json.loads(case_pass("revoke", "IL/126", "--json").stdout)
    assert done == {"pass": "il/126", "revoked": True, "entry": "il/141"}


def test_the_gateways_refusal_keeps_its_code(
    case_pass: Callable[..., Result], desk: GatewayDesk
) -> None:
    """What a gateway refuses is shown under the gateway's own code."""
    desk.refusal = CommandFailed(code="pass-refused", text="`agency` is not listed")
    result = case_pass(*GRANT, "--oln", "PX1", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "pass-refused"


def test_json_has_its_members(case_pass: Callable[..., Result]) -> None:
    """What programs rely on."""
    (listed,) = json.loads(case_pass("list", "--state", "il", "--json").stdout)["passes"]
    assert {"entry", "agency", "case_number", "classes", "until", "uses"} <= set(listed)
    assert listed["until"].endswith("+00:00")
    shown = json.loads(case_pass("show", "il/126", "--json").stdout)
    assert set(shown) == {"pass", "access_entry"}


def test_an_approval_grants_a_pass_for_its_case(tmp_path: Path, desk: GatewayDesk) -> None:
    """Verdict and pass, both signed; the pass is of the hold's agency, case, person and classes."""
    desk.holds = HoldsShown(holds=(HOLD,), access_entry="il/140")
    arguments = ("hold", "approve", "IL/120", "--class", "status", "--pass-days", "7")
    result = run_on(tmp_path, *arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("● Released status to Homeland Security Investigations")
    assert "● Granted status of one person or vehicle to USPX021HS" in result.stdout
    decide, grant = desk.sent[-2:]
    assert isinstance(decide, Decide)
    assert isinstance(grant, GrantPass)
    made = grant.signed.case_pass
    assert decide.signed.verdict.approved == made.classes == (DataClass.STATUS,)
    assert (made.hold_entry, made.agency, made.case_number) == ("il/120", HOLD.agency, "HS-26-88")
    assert made.persons == (PassPerson(by=NamedBy.LICENCE, value="PX000204K7"),)
    done = json.loads(run_on(tmp_path, *arguments, "--json").stdout)
    assert {"entry", "pass_entry", "pass_until", "released"} <= set(done)


def test_what_the_rules_refuse_by_now_gets_no_pass(tmp_path: Path, desk: GatewayDesk) -> None:
    """A block came since the hold: the screen says refused, and nothing is to go at once later."""
    desk.holds = HoldsShown(holds=(HOLD,), access_entry="il/140")
    desk.is_denied = True
    result = run_on(tmp_path, "hold", "approve", "IL/120", "--pass-days", "7")
    assert result.exit_code == 3, result.output
    assert result.stdout.startswith("✕ Refused to Homeland Security Investigations")
    assert "No pass was granted." in result.stdout
    assert not any(isinstance(command, GrantPass) for command in desk.sent)


@pytest.mark.parametrize(("operator", "is_told"), [("H2210", False), ("", True)])
def test_a_pass_from_a_hold_without_an_operator_says_what_it_takes(
    tmp_path: Path, desk: GatewayDesk, operator: str, is_told: bool
) -> None:
    """The same request again would wait again; whoever granted the pass is told why."""
    desk.holds = HoldsShown(
        holds=(msgspec.structs.replace(HOLD, operator=operator),), access_entry="il/140"
    )
    result = run_on(tmp_path, "hold", "approve", "IL/120", "--pass-days", "7")
    assert ("only for requests that name an operator" in result.stdout) is is_told


@pytest.mark.parametrize("changes", [{"case_number": ""}, {"search": (("SOC", "900000001"),)}])
def test_a_hold_that_no_pass_can_follow_is_not_approved(
    tmp_path: Path, desk: GatewayDesk, changes: dict[str, object]
) -> None:
    """Without a case, or of whom no pass can name, it is said before the verdict."""
    desk.holds = HoldsShown(holds=(msgspec.structs.replace(HOLD, **changes),), access_entry="il/1")
    result = run_on(tmp_path, "hold", "approve", "IL/120", "--pass-days", "7")
    assert result.exit_code == 2
    assert not any(isinstance(command, Decide) for command in desk.sent)


def test_a_word_that_is_no_text_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is signed of what is not UTF-8, and nothing is sent."""
    desk = reviewer_at(tmp_path, monkeypatch)
    for arguments in (
        ("revoke", "il/126", "--note", "\udcff"),
        ("grant", "--state", "il", "--agency", "USPX021HS", "--case", "HS-1", "--class", "status",
         "--days", "3", "--oln", "PX1", "--note", "\udcff"),
    ):  # fmt: skip
        for as_json in ((), ("--json",)):
            result = run_on(tmp_path, "pass", *arguments, *as_json)
            assert result.exit_code == ExitCode.USAGE, result.exception
            assert "not text in UTF-8" in result.output
    assert desk.sent == []
