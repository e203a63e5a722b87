"""Tests for `comity onward`: what is listed, opened, signed and told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest
from typer.testing import Result

from comity.cli.errors import ExitCode
from comity.domain.after_review import Desk
from comity.domain.onward import OnwardStands, Receives, onward_question_bytes
from comity.domain.vocabulary import DataClass
from comity.link.command import CommandFailed
from comity.link.onward import OnwardAsked, OnwardShown, OnwardTold
from comity.link.review import AskOnward
from tests.support.desks import DAY, KEY, REVIEWER, GatewayDesk, reviewer_at, run_on

NOW = int(time.time())
TOLD = OnwardTold(
    entry="il/150",
    release="il/120",
    at=NOW - DAY,
    receives=Receives.REFUSED,
    agency="USPX031BP",
    agency_name="Border Patrol (practice office)",
    to="USPX011ER",
    to_name="Removal Operations (practice office)",
    purpose="civil_immigration",
    on=date(2026, 11, 24),
    classes=(DataClass.STATUS, DataClass.ADDRESS),
    refused=(DataClass.ADDRESS,),
)
ASKED = OnwardAsked(
    entry="il/151",
    release="il/121",
    stands=OnwardStands.UNANSWERED,
    asked_at=NOW - 11 * DAY,
    due=NOW - 60,
    agency="USPX031BP",
    agency_name="Border Patrol (practice office)",
    phone="202-555-0131",
)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GatewayDesk:
    """The desk that commands reach in place of a wire."""
    found = reviewer_at(tmp_path, monkeypatch)
    found.onward = OnwardShown(told=(TOLD,), asked=(ASKED,), told_count=1, asked_count=1)
    return found


@pytest.fixture
def onward(tmp_path: Path, desk: GatewayDesk) -> Callable[..., Result]:
    """Runs `comity onward ...`."""
    del desk
    return lambda *arguments, columns=100: run_on(tmp_path, "onward", *arguments, columns=columns)


@pytest.mark.parametrize("columns", [80, 100])
def test_list_says_first_what_is_refused_and_unanswered(
    onward: Callable[..., Result], desk: GatewayDesk, columns: int
) -> None:
    """Signed as a reading of the list; within the terminal's width."""
    result = onward("list", "--state", "IL", columns=columns)
    assert result.exit_code == 0, result.output
    first = " ".join(result.stdout.split())
    assert first.startswith(
        "✕ Agencies told Illinois of 1 onward transfer, 1 where it refuses, 1 asked and not"
    )
    for part in ("il/120", "il/121", "USPX011ER", "not answered"):
        assert part in result.stdout
    assert all(len(line) <= columns for line in result.stdout.splitlines())
    (sent,) = desk.sent
    assert (sent.signed.reading.desk, sent.signed.reading.entry) == (Desk.ONWARD, "")


def test_nothing_told_is_said(onward: Callable[..., Result], desk: GatewayDesk) -> None:
    """In one line; as JSON it is empty."""
    desk.onward = OnwardShown(is_whole=False)
    result = onward("list", "--state", "il")
    assert "Agencies told Illinois of no onward transfers" in result.stdout
    assert "still being read" in result.stdout
    document = json.loads(onward("list", "--state", "il", "--json").stdout)
    assert document == {"state": "il", "is_whole": False}


def test_show_opens_one_and_names_the_leaf(
    onward: Callable[..., Result], desk: GatewayDesk
) -> None:
    """An escape sequence in an agency's words stays text."""
    said = msgspec.structs.replace(TOLD, text="By phone.\x1b[2J", operator="H1")
    desk.onward = OnwardShown(told=(said,))
    result = onward("show", "IL/150")
    assert result.exit_code == 0, result.output
    for part in ("✕ refused: il/120", "By phone.", "H1", "recorded as il/140"):
        assert part in result.stdout
    assert "\x1b" not in result.stdout
    assert desk.sent[0].signed.reading.entry == "il/150"
    document = json.loads(onward("show", "il/150", "--json").stdout)
    assert (document["access_entry"], document["told"]["to"]) == ("il/140", "USPX011ER")


def test_ask_is_signed(onward: Callable[..., Result], desk: GatewayDesk) -> None:
    """By the reviewer's own key, over the question alone."""
    result = onward("ask", "IL/120")
    assert result.exit_code == 0, result.output
    assert "Recorded as il/141" in result.stdout
    (sent,) = desk.sent
    assert isinstance(sent, AskOnward)
    question = sent.signed.question
    assert (question.entry, question.asker) == ("il/120", REVIEWER)
    KEY.public_key().verify(sent.signed.proof.signature, onward_question_bytes(question))


def test_a_refusal_has_its_code(onward: Callable[..., Result], desk: GatewayDesk) -> None:
    """As the gateway gave it; a word that is not there is unknown."""
    desk.refusal = CommandFailed(code="onward-asked", text="the agency was asked already")
    result = onward("ask", "il/120", "--json")
    assert result.exit_code == ExitCode.FAILURE
    assert json.loads(result.stdout)["error"]["code"] == "onward-asked"
    desk.refusal, desk.onward = None, OnwardShown()
    result = onward("show", "il/150", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "onward-unknown"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--to", "USPX011ER"), "usage"),
        (("--to", "USPX011ER", "--on", "yesterday"), "usage"),
        (("--to", "NOBODY", "--on", "2026-11-24"), "usage"),
        (("--to", "x" * 61, "--on", "2026-11-24"), "onward-malformed"),
        (("--to", "NOBODY", "--text", "x" * 501), "onward-malformed"),
        (("--to", "NOBODY", "--as", "USPX999ZZ"), "usage"),
    ],
)
def test_what_cannot_be_told_is_refused_before_the_line(
    onward: Callable[..., Result], arguments: tuple[str, ...], code: str
) -> None:
    """A day, a name, the limit, an agency that nobody lists."""
    result = onward("tell", "WA/12", *arguments, "--json")
    assert result.exit_code == ExitCode.USAGE, result.output
    assert json.loads(result.stdout)["error"]["code"] == code
