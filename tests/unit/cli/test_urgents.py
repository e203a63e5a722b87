"""Tests for `comity urgent`: what waits, what is signed of it, and what public leaves count."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from comity.cli.exports import write_into
from comity.cli.main import app
from comity.domain.after_review import Desk, after_review_bytes
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind
from comity.ledger.note import encode_vkey
from comity.link.command import CommandFailed
from comity.link.review import ReleaseView
from tests.support.desks import KEY, RELEASE, GatewayDesk, reviewer_at, run_on
from tests.support.leaves import leaf, least
from tests.support.ledger import exported, ledger_signer

REVIEW = ("review", "IL/130", "--called", "202-555-0121", "--answered", "the duty agent confirmed")
LOST = ReleaseView(entry="il/9", due=1_795_000_000, is_overdue=True)
TX = Member("tx")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GatewayDesk:
    """The desk that commands reach in place of a wire."""
    return reviewer_at(tmp_path, monkeypatch)


@pytest.fixture
def urgent(tmp_path: Path, desk: GatewayDesk) -> Callable[..., Result]:
    """Runs `comity urgent ...`."""
    del desk
    return lambda *arguments, columns=80: run_on(tmp_path, "urgent", *arguments, columns=columns)


@pytest.mark.parametrize("columns", [80, 100])
def test_list_says_what_waits_and_whom_to_call(
    urgent: Callable[..., Result], desk: GatewayDesk, columns: int
) -> None:
    """The count first, then each with number and time left; nobody's name; within the width."""
    desk.releases = (msgspec.structs.replace(RELEASE, search=()),)
    result = urgent("list", "--state", "IL", columns=columns)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("One urgent release waits for a look by Illinois")
    for part in ("il/130", "202-555-0121", "HS-26-91", "20 h "):
        assert part in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= columns
    reading = desk.sent[0].signed.reading
    assert (reading.desk, reading.entry) == (Desk.URGENT, "")


def test_what_is_overdue_or_lost_is_not_hidden(
    urgent: Callable[..., Result], desk: GatewayDesk
) -> None:
    """Both are counted; one that can be read no more is listed by its entry."""
    desk.releases = (msgspec.structs.replace(RELEASE, is_overdue=True), LOST)
    result = urgent("list", "--state", "IL")
    assert result.stdout.startswith("2 urgent releases wait for a look by Illinois; 2 overdue")
    assert "il/9" in result.stdout
    assert "can be read no" in result.stdout
    _, lost = json.loads(urgent("list", "--state", "il", "--json").stdout)["releases"]
    assert (lost["entry"], lost["agency"], lost["released_at"]) == ("il/9", "", None)


def test_where_none_waits_it_says_so(urgent: Callable[..., Result], desk: GatewayDesk) -> None:
    """In one sentence; to show one is then a failure."""
    desk.releases = ()
    listed = urgent("list", "--state", "IL").stdout
    assert listed.startswith("Every urgent release of Illinois was looked at.")
    result = urgent("show", "IL/130")
    assert (result.exit_code, "after-review-done" in result.stderr) == (1, True)


@pytest.mark.parametrize("columns", [80, 100])
def test_show_has_what_a_call_needs(
    urgent: Callable[..., Result], desk: GatewayDesk, columns: int
) -> None:
    """The number, who asked about whom, until when; and that the reading is recorded."""
    result = urgent("show", "IL/130", columns=columns)
    assert result.stdout.startswith("◆ il/130 was released as urgent by Illinois: 20 h ")
    for part in ("202-555-0121", "H2210", "OLN PX000204K7", "recorded as il/140"):
        assert part in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= columns
    assert desk.sent[0].signed.reading.entry == "il/130"


@pytest.mark.parametrize(
    ("flag", "justified", "said"),
    [
        ("--justified", True, "● Urgent release il/130 was justified"),
        ("--not-justified", False, "✕ Urgent release il/130 was NOT justified: the lane is closed"),
    ],
)
def test_a_look_is_signed(
    urgent: Callable[..., Result], desk: GatewayDesk, flag: str, justified: bool, said: str
) -> None:
    """It names the release, the number, what was said there; the sentence says what follows."""
    result = urgent(*REVIEW, flag)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(said)
    (command,) = desk.sent
    review = command.signed.review
    assert (review.entry, review.justified, review.called) == ("il/130", justified, "202-555-0121")
    assert review.called_at == review.at
    KEY.public_key().verify(command.signed.proof.signature, after_review_bytes(review))
    done = json.loads(urgent(*REVIEW, flag, "--json").stdout)
    assert done == {"release": "il/130", "justified": justified, "entry": "il/141"}


@pytest.mark.parametrize(
    "arguments",
    [REVIEW, REVIEW[:4], ("review", "IL/130", "--justified"), ("review", "130", *REVIEW[2:])],
    ids=["no-finding", "no-answer", "no-call", "no-entry"],
)
def test_a_look_names_its_finding_and_its_call(
    urgent: Callable[..., Result], desk: GatewayDesk, arguments: tuple[str, ...]
) -> None:
    """Nothing is assumed, and nothing sent."""
    assert urgent(*arguments).exit_code == 2
    assert desk.sent == []


def test_the_gateways_refusal_keeps_its_code(
    urgent: Callable[..., Result], desk: GatewayDesk
) -> None:
    """Another number than the directory's is refused there."""
    desk.refusal = CommandFailed(code="after-review-refused", text="`called` is not the number")
    result = urgent(*REVIEW, "--justified", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "after-review-refused"


def counts_of(folder: Path, *headers: LeafHeader, as_json: bool = False) -> Result:
    """What `counts` says of an exported ledger of these leaves."""
    leaves = [encode_leaf(msgspec.structs.replace(header, member=TX)) for header in headers]
    write = write_into(folder)
    for path, data in exported(leaves).items():
        write(path, data)
    arguments = ["urgent", "counts", str(folder), "--vkey", encode_vkey(ledger_signer().key)]
    return CliRunner().invoke(app, [*arguments, *(["--json"] if as_json else [])])


def look(cites: str) -> LeafHeader:
    """Someone looked and found it justified."""
    classes = (DataClass.STATUS,)
    return leaf(
        LeafKind.VERDICT,
        cites=cites,
        released=classes,
        withheld=(),
        decision=LeafDecision.APPROVE,
    )


def overdue(cites: str) -> LeafHeader:
    """Nobody looked in time."""
    return leaf(LeafKind.CLOSURE, cites=cites, decision=LeafDecision.EXPIRED)


def test_counts_are_of_public_leaves(tmp_path: Path) -> None:
    """One in time, one overdue: the first line says both, and that it is not well."""
    release = least(LeafKind.DISCLOSURE)
    headers = (release, release, look("tx/0"), overdue("tx/1"))
    result = counts_of(tmp_path, *headers)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "✕ Texas: 2 urgent releases, 1 looked at in time, 1 overdue, 0 not justified."
    )
    again = counts_of(tmp_path / "again", *headers, as_json=True)
    counted = json.loads(again.stdout)["urgent"]
    assert (counted["releases"], counted["in_time"], counted["overdue"]) == (2, 1, 1)


def test_counts_of_a_ledger_in_doubt_are_none(tmp_path: Path) -> None:
    """A pass that is used for more than it grants is a finding: exit 5, and no figure."""
    granted = msgspec.structs.replace(
        least(LeafKind.PASS), agency="ORPX00001", released=(DataClass.STATUS,)
    )
    used = msgspec.structs.replace(
        least(LeafKind.DISCLOSURE),
        agency="ORPX00001",
        released=(DataClass.PHOTO,),
        withheld=(),
        cites="tx/0",
    )
    result = counts_of(tmp_path, granted, used)
    assert result.exit_code == 5
    assert "pass-misused" in result.stdout
    again = counts_of(tmp_path / "again", granted, used, as_json=True)
    assert (again.exit_code, json.loads(again.stdout)["urgent"]) == (5, None)
