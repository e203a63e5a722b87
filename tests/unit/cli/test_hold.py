"""Tests for the review desk's commands: what is signed, what is said, what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner, Result

from comity.cli import papers, reviewing
from comity.cli.exports import write_into
from comity.cli.main import app
from comity.domain.answer import Withheld
from comity.domain.call_back import SAID_CHARACTERS_MAX, CallBack, CallOutcome
from comity.domain.decision import Reason, RuleId
from comity.domain.ids import ExchangeId, HostName, Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.planted import planting_order_bytes
from comity.domain.protection import ADDRESS_WORDS, AddressStands
from comity.domain.verdict import VerdictKind, reading_bytes, signed_bytes
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode, Outcome
from comity.ledger.note import encode_vkey
from comity.link.command import (
    CommandDone,
    CommandFailed,
    CommandResult,
    Decide,
    GrantPass,
    HoldsShown,
    HoldView,
    PlantCase,
    ReadHolds,
    decode_command,
    encode_result,
)
from comity.link.holds import Replied
from comity.roles.host_files import HostFiles, ReviewerFile
from comity.services.sending import command_subject
from tests.support.leaves import least
from tests.support.ledger import exported, ledger_signer

RUNNER = CliRunner()
HOST = HostName("practice")
TX = Member("tx")
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
CLASSES = (DataClass.STATUS, DataClass.ADDRESS)
HOLD = HoldView(
    entry="il/2",
    exchange_id=ExchangeId(bytes(range(16))),
    agency="USPX021HS",
    agency_name="Homeland Security Investigations (practice office)",
    key="DQ",
    purpose="criminal_investigation",
    offence="child_exploitation",
    instrument="none",
    case_number="HS-26-88",
    operator="",
    assurance="not_stated",
    opened_at=1_795_000_000,
    until=1_795_626_000,
    next_step=1,
    classes=CLASSES,
    withheld=tuple(
        Withheld(
            data_class=part,
            outcome=Outcome.HOLD,
            reasons=(Reason(rule=RuleId("IL-S01"), sentence="A person reviews this."),),
        )
        for part in CLASSES
    ),
)


class Desk:
    """A gateway's review desk behind a bus that keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.hold = HOLD
        self.subjects: list[str] = []
        self.refusal: CommandFailed | None = None
        self.told: dict[str, str] | None = None
        self.is_silent = False

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        self.subjects.append(subject)
        if self.is_silent:
            raise TimeoutError(timeout_s)
        command = decode_command(data)
        self.sent.append(command)
        return encode_result(self.refusal or self.result(command))

    def result(self, command: object) -> CommandResult:
        match command:
            case ReadHolds(signed=signed) if signed.reading.hold_entry:
                return HoldsShown(holds=(self.hold,), access_entry="il/3")
            case ReadHolds():
                return HoldsShown(holds=(HOLD,))
            case Decide(signed=signed):
                approved = ",".join(signed.verdict.approved)
                told = self.told or {"response": "hit", "released": approved}
                return CommandDone(entry="il/5", facts=tuple(told.items()))
            case _:
                return CommandDone(entry="il/5")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A host's data directory with one reviewer of Illinois."""
    files = HostFiles(tmp_path)
    files.write_host(HOST, Ed25519PrivateKey.generate(), X25519PrivateKey.generate())
    files.write_reviewer(Member("il"), ReviewerFile(name="reviewer", key=KEY))
    return tmp_path


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk that commands reach in place of a wire."""
    found = Desk()

    @asynccontextmanager
    async def open_bus(*_: object) -> AsyncIterator[Desk]:
        yield found

    monkeypatch.setattr(reviewing, "open_bus", open_bus)
    return found


@pytest.fixture
def hold(data: Path, desk: Desk) -> Callable[..., Result]:
    """Runs `comity hold ...` for this data directory."""
    del desk

    def run(*arguments: str) -> Result:
        return RUNNER.invoke(app, ["hold", *arguments, "--data", str(data)], env={"COLUMNS": "80"})

    return run


def test_list_is_signed_and_shows_no_person(hold: Callable[..., Result], desk: Desk) -> None:
    """The list is read under the reviewer's signature and says nothing of whom a hold is about."""
    result = hold("list", "--state", "IL")
    assert result.exit_code == 0
    assert result.stdout.startswith("One question waits for Illinois; ")
    (command,) = desk.sent
    assert command.signed.reading.hold_entry == ""
    KEY.public_key().verify(command.signed.proof.signature, reading_bytes(command.signed.reading))
    assert desk.subjects == [command_subject(HOST)]


def test_show_says_that_it_is_recorded(hold: Callable[..., Result], desk: Desk) -> None:
    """One hold is shown with its rule, and the leaf of the reading."""
    result = hold("show", "IL/2")
    assert result.exit_code == 0
    assert "IL-S01: A person reviews this." in result.stdout
    assert "called back nobody has, so far" in " ".join(result.stdout.split())
    assert "recorded as il/3" in result.stdout
    assert desk.sent[0].signed.reading.hold_entry == "il/2"


@pytest.mark.parametrize("stands", AddressStands)
def test_show_says_that_an_address_is_confidential(
    hold: Callable[..., Result], desk: Desk, stands: AddressStands
) -> None:
    """Beside the classes that are held; of one that is open, or that nobody named, nothing."""
    desk.hold = msgspec.structs.replace(HOLD, address=stands)
    told = " ".join(hold("show", "IL/2").stdout.split())
    assert ("address is confidential." in told) is (stands in ADDRESS_WORDS)
    assert ADDRESS_WORDS.get(stands, "") in told
    shown = json.loads(hold("show", "il/2", "--json").stdout)["hold"]
    assert shown.get("address", "open") == stands


def test_show_tells_what_the_agency_replied(hold: Callable[..., Result], desk: Desk) -> None:
    """On one line each, with its leaf; what turns the order of reading around is a sign."""
    desk.hold = msgspec.structs.replace(
        HOLD,
        replies=(
            Replied(entry="il/7", at=1_795_000_600, text="The second\ncar.\u202e[red]"),
            Replied(entry="il/9"),
        ),
    )
    told = " ".join(hold("show", "IL/2").stdout.split())
    assert "The second car.\ufffd[red] (il/7, 2026-11-18 11:16:40 UTC)" in told
    assert "cannot be opened any more (il/9)" in told
    shown = json.loads(hold("show", "il/2", "--json").stdout)["hold"]
    assert [each["entry"] for each in shown["replies"]] == ["il/7", "il/9"]


def test_show_lists_the_calls_back(hold: Callable[..., Result], desk: Desk) -> None:
    """What came of each, the words, who called when and where; the same in JSON."""
    call = CallBack(
        reviewer="reviewer",
        at=1_795_000_600,
        step=1,
        number="555-0121",
        outcome=CallOutcome.DENIED,
        said="Nobody of theirs. [red]",
    )
    desk.hold = msgspec.structs.replace(HOLD, calls=(call,))
    told = " ".join(hold("show", "IL/2").stdout.split())
    assert "called back denied: Nobody of theirs. [red] (reviewer, 555-0121, 2026-11-18" in told
    assert "nobody has" not in told
    (shown,) = json.loads(hold("show", "il/2", "--json").stdout)["hold"]["calls"]
    assert (shown["outcome"], shown["number"]) == ("denied", "555-0121")


def test_a_call_is_signed_as_a_question(hold: Callable[..., Result], desk: Desk) -> None:
    """The note has its closed form, and what is said is that the agency reads no more."""
    desk.told = {"response": "held", "released": ""}
    options = ("called", "il/2", "--number", "555-0121", "--outcome", "denied", "--said")
    result = hold(*options, "Nobody  of\ntheirs.")
    assert result.exit_code == 0, result.output
    assert "which reads only that; il/2 stays held" in " ".join(result.stdout.split())
    command = desk.sent[-1]
    assert isinstance(command, Decide)
    given = command.signed.verdict
    assert (given.kind, given.approved) == (VerdictKind.ASK, ())
    assert given.note == "call-back: 555-0121; denied; Nobody of theirs."
    KEY.public_key().verify(command.signed.proof.signature, signed_bytes(given))
    sent = len(desk.sent)
    for words in (" ", "x" * (SAID_CHARACTERS_MAX + 1)):
        refused = hold(*options, words)
        assert (refused.exit_code, len(desk.sent)) == (2, sent)
    unknown = hold("called", "il/2", "--number", "5", "--outcome", "perhaps", "--said", "x")
    assert (unknown.exit_code, len(desk.sent)) == (2, sent)
    desk.refusal = CommandFailed(code="call-back-number", text="not the number")
    failed = hold(*options, "No.")
    assert failed.exit_code == 1
    assert "call-back-number" in failed.output


@pytest.mark.parametrize(
    ("arguments", "verdict", "said"),
    [
        ("approve il/2", (VerdictKind.APPROVE, CLASSES), "● Released status, address to "),
        (
            "approve il/2 --class status",
            (VerdictKind.APPROVE, (DataClass.STATUS,)),
            "● Released status to ",
        ),
        ("refuse il/2 --note No", (VerdictKind.REFUSE, ()), "✕ Refused status, "),
        ("ask il/2 --note Why", (VerdictKind.ASK, ()), "◆ Asked Homeland "),
    ],
    ids=["all", "part", "refuse", "ask"],
)
def test_verdict_is_signed(
    hold: Callable[..., Result],
    desk: Desk,
    arguments: str,
    verdict: tuple[VerdictKind, tuple[DataClass, ...]],
    said: str,
) -> None:
    """A verdict names the hold, its step and the classes, and is signed by the reviewer's key."""
    result = hold(*arguments.split())
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(said)
    assert "il/5" in result.stdout
    command = desk.sent[-1]
    assert isinstance(command, Decide)
    given = command.signed.verdict
    assert (given.hold_entry, given.step, given.exchange_id) == ("il/2", 1, HOLD.exchange_id)
    assert (given.kind, given.approved) == verdict
    KEY.public_key().verify(command.signed.proof.signature, signed_bytes(given))


@pytest.mark.parametrize(
    ("told", "said", "code"),
    [
        (("refused", ""), "✕ Refused to Homeland Security Investigations (practice office), ", 3),
        (("held", ""), "◆ Proposed: another reviewer confirms it before anything goes to ", 4),
        (("no_hit", ""), "● Told Homeland Security Investigations (practice office) that ", 0),
        (("hit", ""), "● Answered Homeland Security Investigations (practice office): ", 0),
        (("hit", "status"), "● Released status to Homeland Security Investigations ", 0),
    ],
    ids=["denied-by-now", "proposed", "no-record", "nothing-of-it", "in-part"],
)
def test_an_approval_says_what_went_not_what_it_approved(
    hold: Callable[..., Result], desk: Desk, told: tuple[str, str], said: str, code: int
) -> None:
    """A block that came since the hold refuses: whoever approved must not read that it went."""
    desk.told = dict(zip(("response", "released"), told, strict=True))
    result = hold("approve", "il/2")
    assert (result.exit_code, result.stdout[: len(said)]) == (code, said)
    done = hold("approve", "il/2", "--json")
    assert (done.exit_code, json.loads(done.stdout)["released"]) == (
        code,
        [told[1]] if told[1] else [],
    )


def test_refusal_needs_its_reason(hold: Callable[..., Result], desk: Desk) -> None:
    """Refusing or asking without a note is a usage error, and nothing is sent."""
    assert hold("refuse", "il/2").exit_code == 2
    assert hold("ask", "il/2").exit_code == 2
    assert desk.sent == []


def test_closed_hold_is_a_failure(hold: Callable[..., Result]) -> None:
    """A hold that is not open is told as such."""
    result = hold("approve", "il/9", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "hold-closed"


def test_gateways_refusal_keeps_its_code(hold: Callable[..., Result], desk: Desk) -> None:
    """What a gateway refuses is shown under the gateway's own code."""
    desk.refusal = CommandFailed(code="verdict-refused", text="`reviewer` has no such key enrolled")
    result = hold("list", "--state", "il", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == {
        "code": "verdict-refused",
        "text": "`reviewer` has no such key enrolled",
    }


def test_silent_gateway_can_be_tried_again(hold: Callable[..., Result], desk: Desk) -> None:
    """A gateway that does not answer ends with 75."""
    desk.is_silent = True
    assert hold("list", "--state", "il").exit_code == 75


def test_state_without_a_key_is_usage(hold: Callable[..., Result], desk: Desk) -> None:
    """Without a reviewer's key there is nobody to sign as."""
    result = hold("list", "--state", "wa")
    assert result.exit_code == 2
    assert "`--key`" in result.stderr
    assert desk.sent == []


def test_json_has_its_members(hold: Callable[..., Result]) -> None:
    """Lists, one hold and verdicts hold the members that programs rely on."""
    (listed,) = json.loads(hold("list", "--state", "il", "--json").stdout)["holds"]
    assert {"entry", "agency", "classes", "until", "exchange_id", "withheld"} <= set(listed)
    assert listed["until"] == "2026-11-25T17:00:00+00:00"
    shown = json.loads(hold("show", "il/2", "--json").stdout)
    assert set(shown) == {"hold", "access_entry"}
    done = json.loads(hold("approve", "il/2", "--class", "status", "--json").stdout)
    assert done == {"hold": "il/2", "verdict": "approve", "released": ["status"], "entry": "il/5"}


@pytest.mark.parametrize(
    ("arguments", "mark", "did"),
    [
        ("approve il/2", "✕", "you released it, and nothing went out"),
        ("refuse il/2 --note No", "●", "you caught it"),
        ("ask il/2 --note Why", "●", "you caught it"),
    ],
)
def test_who_ended_a_test_case_is_told(
    hold: Callable[..., Result], desk: Desk, arguments: str, mark: str, did: str
) -> None:
    """What was wrong and what would have been right; JSON names the flaw, and of no other hold."""
    desk.told = {"response": "refused", "released": "", "planted": "no_case"}
    result = hold(*arguments.split())
    told = " ".join(result.stdout.split())
    assert told.startswith(f"{mark} A test case: what stood as its case number names no case;")
    assert did in told
    assert "Right was asking for the case, or refusing it." in told
    said = json.loads(hold(*arguments.split(), "--json").stdout)
    assert (said["planted"], said["released"]) == ("no_case", [])
    desk.told = None
    assert "planted" not in json.loads(hold(*arguments.split(), "--json").stdout)


def test_a_test_case_gets_no_pass(hold: Callable[..., Result], desk: Desk) -> None:
    """What was to be granted with the release is not signed."""
    desk.hold = msgspec.structs.replace(HOLD, search=(("OLN", "PX000204K7"),))
    desk.told = {"response": "refused", "released": "", "planted": "no_judge"}
    result = hold("approve", "il/2", "--pass-days", "7")
    assert "No pass was granted." in result.stdout
    assert not any(isinstance(each, GrantPass) for each in desk.sent)


def test_a_test_case_is_ordered_by_a_signature(
    hold: Callable[..., Result], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever is named; the word is where it waits."""

    @asynccontextmanager
    async def open_bus(*_: object) -> AsyncIterator[Desk]:
        yield desk

    monkeypatch.setattr(papers, "open_bus", open_bus)
    result = hold("plant", "--state", "IL")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("◆ il/5 waits for Illinois as a test case; nothing of it ")
    (command,) = desk.sent
    assert isinstance(command, PlantCase)
    signed = command.signed
    KEY.public_key().verify(signed.proof.signature, planting_order_bytes(signed.order))
    assert (signed.order.state, signed.order.reviewer) == ("il", "reviewer")
    said = json.loads(hold("plant", "--state", "IL", "--json").stdout)
    assert said == {"state": "il", "hold": "il/5"}
    desk.refusal = CommandFailed(code="planting-impossible", text="nothing was planted")
    refused = hold("plant", "--state", "IL", "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["error"]["code"] == "planting-impossible"


def counts_of(folder: Path, *headers: LeafHeader, as_json: bool = False) -> Result:
    """What `counts` says of an exported ledger of these leaves."""
    leaves = [encode_leaf(msgspec.structs.replace(header, member=TX)) for header in headers]
    write = write_into(folder)
    for path, body in exported(leaves).items():
        write(path, body)
    arguments = ["hold", "counts", str(folder), "--vkey", encode_vkey(ledger_signer().key)]
    return RUNNER.invoke(app, [*arguments, *(["--json"] if as_json else [])])


def of_kind(kind: LeafKind, **fields: Any) -> LeafHeader:
    """A live leaf."""
    return msgspec.structs.replace(least(kind), **fields)


def of_test(kind: LeafKind, **fields: Any) -> LeafHeader:
    """A planted leaf."""
    return of_kind(kind, mode=LeafMode.PLANTED, **fields)


def test_counts_are_of_public_leaves(tmp_path: Path) -> None:
    """The first line has both: what was reviewed, and how many test cases were caught."""
    verdicts = (LeafDecision.REFUSE, LeafDecision.APPROVE)
    headers = (
        of_test(LeafKind.HOLD),
        of_test(LeafKind.HOLD),
        *(
            of_test(LeafKind.VERDICT, cites=f"tx/{at}", decision=each, released=(), withheld=())
            for at, each in enumerate(verdicts)
        ),
        of_kind(LeafKind.HOLD),
        of_kind(LeafKind.VERDICT, cites="tx/4", released=(), withheld=()),
    )
    result = counts_of(tmp_path, *headers)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "● Texas: 1 reviewed, 1 of them approved; 1 of 2 test cases caught; few."
    )
    again = counts_of(tmp_path / "again", *headers, as_json=True)
    counted = json.loads(again.stdout)["reviews"]
    assert (counted["tests_caught"], counted["tests_missed"], counted["approved"]) == (1, 1, 1)


def test_a_ledger_that_disclosed_something_planted_is_doubted(tmp_path: Path) -> None:
    """Nothing of a test case leaves: exit 5."""
    result = counts_of(tmp_path, of_test(LeafKind.DISCLOSURE))
    assert result.exit_code == 5
    assert "planted, and disclosed 1: this ledger is in doubt" in result.stdout
