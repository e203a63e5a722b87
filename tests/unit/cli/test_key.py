"""Tests for orders on keys: what is signed, what waits for a second person, what is said."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner, Result

from comity.cli import key, ordering
from comity.cli.main import app
from comity.domain.ids import HostName, Member
from comity.domain.keeping import OrderAct, order_bytes, parse_signed_order
from comity.ledger.note import verifier_key
from comity.link.command import (
    AskKeys,
    CarryOut,
    CommandDone,
    CommandFailed,
    CommandResult,
    KeysShown,
    MonthView,
    decode_command,
    encode_result,
)
from comity.roles.host_files import HostFiles, ReviewerFile
from comity.services.sending import command_subject

RUNNER = CliRunner()
HOST = HostName("practice")
OH = Member("oh")
KEYS = {
    "reviewer": Ed25519PrivateKey.from_private_bytes(b"\x07" * 32),
    "supervisor": Ed25519PrivateKey.from_private_bytes(b"\x08" * 32),
}
DESTROY = ("destroy", "--state", "OH", "--month", "2024-10", "--reason", "court_order")
SHOWN = KeysShown(
    months=(
        MonthView(month="2024-09", gone="destroyed", gone_by="oh/12"),
        MonthView(month="2024-10", keys=2, held_by="oh/9", is_due=True, against="key-under-hold"),
        MonthView(month="2024-11", keys=1, is_due=True),
        MonthView(month="2026-11", keys=1),
    ),
    holds=(("oh/9", ("2024-10",)),),
    keep_months=12,
    schedule="oh/7",
)


class Desk:
    """A gateway's side of the bus, which keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.answer: CommandResult = CommandDone(entry="oh/20")

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        assert subject == command_subject(HOST)
        assert timeout_s > 0
        command = decode_command(data)
        self.sent.append(command)
        shows = isinstance(command, AskKeys) and isinstance(self.answer, CommandDone)
        return encode_result(SHOWN if shows else self.answer)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's data directory with two people of Ohio, and an empty folder to work in."""
    (tmp_path / "data").mkdir()
    files = HostFiles(tmp_path / "data")
    files.write_host(HOST, Ed25519PrivateKey.generate(), X25519PrivateKey.generate())
    for name, person in KEYS.items():
        files.write_reviewer(OH, ReviewerFile(name=name, key=person))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "data"


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The gateway that commands reach in place of a wire."""
    found = Desk()

    @asynccontextmanager
    async def open_bus(*_: object) -> AsyncIterator[Desk]:
        yield found

    for module in (key, ordering):
        monkeypatch.setattr(module, "open_bus", open_bus)
    return found


@pytest.fixture
def run(data: Path, desk: Desk) -> Callable[..., Result]:
    """Runs `comity ...` for this data directory."""
    del desk

    def run(*arguments: str) -> Result:
        where = () if arguments[:2] == ("key", "order") else ("--data", str(data))
        return RUNNER.invoke(app, [*arguments, *where], env={"COLUMNS": "80"})

    return run


def check_signed(command: CarryOut, *names: str) -> None:
    """The order carries exactly these people's signatures, each by its enrolled key."""
    signed = command.signed
    assert tuple(signature.name for signature in signed.signatures) == names
    for signature in signed.signatures:
        public = KEYS[signature.name].public_key()
        named = verifier_key(f"oh-{signature.name}", public.public_bytes_raw())
        assert signature.key_id == named.key_id.hex()
        public.verify(signature.signature, order_bytes(signed.order))


def test_what_cannot_be_undone_waits_for_a_second_person(
    run: Callable[..., Result], desk: Desk, data: Path
) -> None:
    """One signature writes a file and sends nothing; the second, of another person, sends it."""
    first = run("key", *DESTROY, "--matter", "In re 26-7", "--as", "reviewer")
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith("◆ To destroy Ohio's keys of 2024-10 takes a second person")
    assert "nothing is done yet" in first.stdout
    assert desk.sent == []
    (file,) = (data.parent / "here").iterdir()
    assert f"comity key carry-out {file.name} --as NAME" in first.stdout
    assert run("key", "carry-out", file.name, "--as", "reviewer").exit_code == 2
    second = run("key", "carry-out", file.name, "--as", "supervisor")
    assert second.exit_code == 0, second.output
    assert second.stdout.splitlines()[0].startswith("● Done: destroy Ohio's keys of 2024-10")
    assert "Recorded as oh/20, signed by reviewer and supervisor." in second.stdout
    (command,) = desk.sent
    check_signed(command, "reviewer", "supervisor")
    assert command.signed.order.matter == "In re 26-7"


def test_both_may_sign_at_once(run: Callable[..., Result], desk: Desk, data: Path) -> None:
    """Where both keys are at hand, no file is written."""
    result = run("key", *DESTROY, "--as", "reviewer", "--as", "supervisor", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "state": "oh",
        "act": "destroy",
        "months": ["2024-10"],
        "about": "",
        "signed_by": ["reviewer", "supervisor"],
        "order": "",
        "entry": "oh/20",
        "waits_for": "",
    }
    check_signed(desk.sent[0], "reviewer", "supervisor")
    assert list((data.parent / "here").iterdir()) == []


def test_the_same_order_file_is_signed_by_the_same_command(
    run: Callable[..., Result], desk: Desk
) -> None:
    """`--order` names the file; what stands in it must be what is asked for."""
    assert run("key", *DESTROY, "--as", "reviewer", "--order", "o").exit_code == 0
    other = run(
        "key", "destroy", "--state", "OH", "--month", "2024-11", "--reason", "court_order",
        "--as", "supervisor", "--order", "o",
    )  # fmt: skip
    assert other.exit_code == 2
    assert desk.sent == []
    assert run("key", *DESTROY, "--as", "supervisor", "--order", "o").exit_code == 0
    check_signed(desk.sent[0], "reviewer", "supervisor")


@pytest.mark.parametrize(
    ("arguments", "act", "fields"),
    [
        ("key hold --state OH", OrderAct.HOLD, {"months": None}),
        ("key hold --state OH --month 2024-11 --month 2024-10", OrderAct.HOLD,
         {"months": ("2024-10", "2024-11")}),
        ("key declare-lost --state OH --month 2024-10", OrderAct.DECLARE_LOST,
         {"months": ("2024-10",)}),
        ("key rotate --state OH", OrderAct.ROTATE, {"entry": None}),
    ],
    ids=["hold", "hold months", "lost", "rotate"],
)  # fmt: skip
def test_one_person_is_enough_for_what_can_be_undone(
    run: Callable[..., Result],
    desk: Desk,
    arguments: str,
    act: OrderAct,
    fields: dict[str, object],
) -> None:
    """It is sent at once, with the fields of its act."""
    result = run(*arguments.split(), "--as", "reviewer")
    assert result.exit_code == 0, result.output
    (command,) = desk.sent
    check_signed(command, "reviewer")
    assert command.signed.order.act is act
    for name, value in fields.items():
        assert getattr(command.signed.order, name) == value


@pytest.mark.parametrize(
    ("arguments", "act", "said"),
    [
        ("key end-hold OH/9", OrderAct.END_HOLD, "end the litigation hold oh/9"),
        ("key schedule --state OH --keep-months 60", OrderAct.SCHEDULE,
         "keep Ohio's records for 60 months after theirs"),
        ("key expunge oh/4 --reason record_correction", OrderAct.EXPUNGE,
         "expunge the private record of oh/4"),
        ("ledger redact OH/4", OrderAct.REDACT, "withdraw oh/4 from the public ledger"),
    ],
    ids=["end-hold", "schedule", "expunge", "redact"],
)  # fmt: skip
def test_acts_of_two_people(
    run: Callable[..., Result], desk: Desk, arguments: str, act: OrderAct, said: str
) -> None:
    """Each says in its first sentence what it does."""
    first = run(*arguments.split(), "--as", "reviewer")
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith(f"◆ To {said} takes a second person")
    result = run(*arguments.split(), "--as", "reviewer", "--as", "supervisor")
    assert result.stdout.startswith(f"● Done: {said}")
    assert desk.sent[0].signed.order.act is act


def test_an_order_is_shown_before_it_is_signed(run: Callable[..., Result], desk: Desk) -> None:
    """What it does, why, until when and who has signed; the file alone is read."""
    run("key", *DESTROY, "--matter", "In re 26-7", "--as", "reviewer", "--order", "o")
    result = run("key", "order", "o")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("◆ An order to destroy Ohio's keys of 2024-10\n")
    for said in ("court order", "In re 26-7", "reviewer; 2 needed"):
        assert said in result.stdout
    document = json.loads(run("key", "order", "o", "--json").stdout)
    assert document["signed_by"] == ["reviewer"]
    assert document["order"]["act"] == "destroy"
    assert desk.sent == []


def test_a_file_that_is_no_order_is_refused(run: Callable[..., Result], data: Path) -> None:
    """Nor one that somebody changed by a space."""
    file = data.parent / "here" / "o"
    run("key", *DESTROY, "--as", "reviewer", "--order", "o")
    whole = file.read_bytes()
    assert parse_signed_order(whole).signatures[0].name == "reviewer"
    for changed in (b"", whole + b"\n", whole.replace(b'"act":', b'"act": ')):
        file.write_bytes(changed)
        result = run("key", "carry-out", "o", "--as", "supervisor", "--json")
        assert result.exit_code == 2
        assert json.loads(result.stdout)["error"]["code"] == "order-malformed"


@pytest.mark.parametrize(
    "arguments",
    [
        DESTROY,
        (*DESTROY, "--as", "nobody"),
        (*DESTROY, "--as", "reviewer", "--as", "reviewer"),
        ("destroy", "--state", "OH", "--month", "2024-13", "--reason", "court_order", "--as",
         "reviewer"),
        ("schedule", "--state", "OH", "--keep-months", "0", "--as", "reviewer"),
        ("expunge", "oh", "--reason", "court_order", "--as", "reviewer"),
    ],
    ids=["nobody", "stranger", "twice", "month", "months", "entry"],
)  # fmt: skip
def test_what_makes_no_order_is_a_usage_error(
    run: Callable[..., Result], desk: Desk, data: Path, arguments: tuple[str, ...]
) -> None:
    """Nothing is written, nothing sent."""
    assert run("key", *arguments).exit_code == 2
    assert desk.sent == []
    assert list((data.parent / "here").iterdir()) == []


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("key-under-hold", 3), ("order-used", 3), ("key-safe-unavailable", 75), ("failure", 1)],
)
def test_a_gateways_refusal_keeps_its_code(
    run: Callable[..., Result], desk: Desk, code: str, exit_code: int
) -> None:
    """What stands against an order is told under the gateway's code."""
    desk.answer = CommandFailed(code=code, text="said by the gateway")
    result = run("key", "hold", "--state", "OH", "--as", "reviewer", "--json")
    assert result.exit_code == exit_code
    assert json.loads(result.stdout)["error"]["code"] == code


def test_what_is_recorded_and_not_done_is_said(run: Callable[..., Result], desk: Desk) -> None:
    """It must not read as done, nor as refused."""
    desk.answer = CommandDone(entry="oh/20", facts=(("waits_for", "key-safe-unavailable"),))
    result = run("key", "rotate", "--state", "OH", "--as", "reviewer")
    assert result.exit_code == 0
    assert result.stdout.startswith("◆ Recorded, and not done yet: give Ohio a new key")
    assert "tries again by itself (key-safe-unavailable)" in result.stdout


def test_a_persons_key_may_come_from_a_file(
    run: Callable[..., Result], desk: Desk, data: Path
) -> None:
    """As in the field, where no host keeps it."""
    file = data.parent / "mine.key"
    file.write_text(f"reviewer {KEYS['reviewer'].private_bytes_raw().hex()}\n")
    assert run("key", "hold", "--state", "OH", "--as", str(file)).exit_code == 0
    check_signed(desk.sent[0], "reviewer")


def test_months_are_listed_with_what_holds_them(run: Callable[..., Result], desk: Desk) -> None:
    """First how many there are and what the schedule is, then each month."""
    result = run("key", "list", "--state", "OH")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith(
        "● Ohio has keys of 3 months; records are kept for 12 months after theirs (oh/7)"
    )
    table = [line.split() for line in lines if line.startswith("2024")]
    assert table[0] == ["2024-09", "0", "destroyed,", "oh/12"]
    assert table[1] == ["2024-10", "2", "oh/9", "kept:", "key-under-hold"]
    assert table[2] == ["2024-11", "1", "due"]
    assert "Litigation hold oh/9: 2024-10" in result.stdout
    assert desk.sent == [AskKeys(member=OH)]
    document = json.loads(run("key", "list", "--state", "OH", "--json").stdout)
    assert document["months"][1]["against"] == "key-under-hold"
    assert document["holds"] == [["oh/9", ["2024-10"]]]


def test_what_is_due_is_told_with_what_keeps_it(run: Callable[..., Result], desk: Desk) -> None:
    """Months past the schedule alone; none is none."""
    result = run("key", "due", "--state", "OH")
    assert result.stdout.startswith("◆ 2 months are past the schedule of Ohio")
    assert "2024-10  kept: key-under-hold" in result.stdout
    assert "2024-11  destroyed within the hour" in result.stdout
    document = json.loads(run("key", "due", "--state", "OH", "--json").stdout)
    assert [view["month"] for view in document["due"]] == ["2024-10", "2024-11"]
    desk.answer = KeysShown()
    nothing = run("key", "due", "--state", "OH")
    assert nothing.stdout.startswith("● Nothing of Ohio is due; no schedule")
