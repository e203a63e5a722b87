"""Tests for `comity appeal`: what waits, what is shown, and what is signed of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import Result

from comity.domain.after_review import Desk
from comity.domain.appeal import AppealDecision, AppealStands, appeal_finding_bytes
from comity.domain.passes import pass_bytes
from comity.domain.vocabulary import DataClass
from comity.link.appeals import AppealView
from comity.link.command import CommandFailed
from tests.support.desks import KEY, GatewayDesk, reviewer_at, run_on
from tests.support.review import APPEAL as WAITING
from tests.support.review import DAY, DQ

_NOW = int(time.time())
APPEAL = msgspec.structs.replace(
    WAITING, entry="il/8", appeal_entry="il/9", hold_entry="il/5", agency="USPX021HS",
    due=_NOW + 9 * DAY + 600, filed_at=_NOW, refused_at=_NOW, wrote_at=_NOW,
)  # fmt: skip
LISTED = msgspec.structs.replace(APPEAL, operator="", search=(), text="", verdicts=(), wrote_by="")
LOST = AppealView(
    entry="il/3", appeal_entry="il/4", stands=AppealStands.OVERDUE, filed_at=1, due=2, refused_at=1
)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GatewayDesk:
    """The desk that commands reach in place of a wire."""
    made = reviewer_at(tmp_path, monkeypatch)
    made.appeals = (APPEAL,)
    return made


@pytest.fixture
def appeal(tmp_path: Path, desk: GatewayDesk) -> Callable[..., Result]:
    """Runs `comity appeal ...`."""
    del desk
    return lambda *arguments, columns=80: run_on(tmp_path, "appeal", *arguments, columns=columns)


@pytest.mark.parametrize("columns", [80, 100])
def test_list_says_what_waits(
    appeal: Callable[..., Result], desk: GatewayDesk, columns: int
) -> None:
    """The count first, overdue first; nobody's name; within the width."""
    desk.appeals = (LOST, LISTED)
    result = appeal("list", "--state", "IL", columns=columns)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("2 appeals wait for a decision by Illinois; 1 overdue")
    assert result.stdout.index("il/3") < result.stdout.index("il/8")
    assert "can be read no" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= columns
    reading = desk.sent[0].signed.reading
    assert (reading.desk, reading.entry) == (Desk.APPEALS, "")
    lost, one = json.loads(appeal("list", "--state", "il", "--json").stdout)["appeals"]
    assert (lost["agency"], lost["wrote_at"]) == ("", None)
    assert (one["entry"], one["stands"], one["text"]) == ("il/8", "open", "")


def test_where_none_waits_it_says_so(appeal: Callable[..., Result], desk: GatewayDesk) -> None:
    """In one sentence; to show one is then a failure."""
    desk.appeals = ()
    assert appeal("list", "--state", "IL").stdout.startswith("No appeal waits for Illinois.")
    result = appeal("show", "IL/8")
    assert (result.exit_code, "appeal-done" in result.stderr) == (1, True)


@pytest.mark.parametrize("columns", [80, 100])
def test_show_has_what_a_decision_needs(appeal: Callable[..., Result], columns: int) -> None:
    """What was asked, written and decided before; that the reading is recorded."""
    result = appeal("show", "IL/8", columns=columns)
    assert result.stdout.startswith("◆ Appeal of il/8 to Illinois: decide by 20")
    for part in ("The docket was not read.", "OLN PX000204K7", "no docket", "recorded as il/140"):
        assert part in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= columns
    document = json.loads(appeal("show", "IL/8", "--json").stdout)
    assert (document["appeal"]["hold_entry"], document["access_entry"]) == ("il/5", "il/140")


def test_show_says_who_may_not_decide_and_what_no_pass_carries(
    appeal: Callable[..., Result], desk: GatewayDesk
) -> None:
    """Before anybody decides."""
    desk.appeals = (msgspec.structs.replace(APPEAL, is_own=True),)
    assert "another person decides it" in appeal("show", "IL/8").stdout
    desk.appeals = (msgspec.structs.replace(APPEAL, no_pass="the request names no case"),)
    assert "No case pass can carry a grant" in appeal("show", "IL/8").stdout


def test_a_grant_is_signed_with_its_pass(appeal: Callable[..., Result], desk: GatewayDesk) -> None:
    """Both by the same key; for the chosen classes, the case and the person."""
    result = appeal(
        "decide", "IL/8", "--decision", "granted", "--class", "status", "--days", "30",
        "--note", "Overlooked.",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("● The appeal of il/8 is granted: status")
    command = desk.sent[-1]
    finding, granted = command.signed.finding, command.grant.case_pass
    assert finding.classes == granted.classes == (DataClass.STATUS,)
    assert (finding.note, granted.hold_entry, granted.until - granted.since) == (
        "Overlooked.",
        "il/5",
        30 * DAY,
    )
    public: Ed25519PublicKey = KEY.public_key()
    public.verify(command.signed.proof.signature, appeal_finding_bytes(finding))
    public.verify(command.grant.proof.signature, pass_bytes(granted))


@pytest.mark.parametrize(
    ("decision", "said"),
    [("upheld", "✕ The refusal il/8 is upheld"), ("for_rules", "◆ The appeal of il/8 is left to")],
)
def test_nothing_else_carries_a_pass(
    appeal: Callable[..., Result], desk: GatewayDesk, decision: str, said: str
) -> None:
    """No class, no pass."""
    result = appeal("decide", "IL/8", "--decision", decision)
    assert result.stdout.startswith(said)
    command = desk.sent[-1]
    assert (command.signed.finding.classes, command.grant) == ((), None)
    document = json.loads(appeal("decide", "IL/8", "--decision", decision, "--json").stdout)
    assert document == {"refusal": "il/8", "decision": decision, "entry": "il/141"}


def test_without_a_class_all_of_it_is_granted(
    appeal: Callable[..., Result], desk: GatewayDesk
) -> None:
    """Where no pass can be made none goes along."""
    desk.appeals = (msgspec.structs.replace(APPEAL, no_pass="the request names no case"),)
    assert appeal("decide", "IL/8", "--decision", "granted").exit_code == 0
    command = desk.sent[-1]
    assert (command.signed.finding.decision, command.grant) == (AppealDecision.GRANTED, None)
    assert command.signed.finding.classes == DQ


@pytest.mark.parametrize(
    "arguments",
    [
        ("--decision", "upheld", "--class", "status"),
        ("--decision", "granted", "--class", "photo"),
        ("--decision", "granted", "--days", "0"),
        ("--decision", "granted", "--days", "31"),
        ("--decision", "perhaps"),
        (),
    ],
)
def test_what_cannot_be_decided_is_not_signed(
    appeal: Callable[..., Result], desk: GatewayDesk, arguments: tuple[str, ...]
) -> None:
    """Said as a wrong use of the command."""
    result = appeal("decide", "IL/8", *arguments)
    assert result.exit_code == 2
    assert all(not hasattr(each, "grant") for each in desk.sent)


def test_what_the_gateway_refuses_is_said_with_its_code(
    appeal: Callable[..., Result], desk: GatewayDesk
) -> None:
    """Such as that somebody else must decide."""
    desk.refusal = CommandFailed(code="appeal-needs-another", text="whoever gave a verdict")
    result = appeal("list", "--state", "IL")
    assert (result.exit_code, "appeal-needs-another" in result.stderr) == (1, True)
