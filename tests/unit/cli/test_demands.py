"""Tests for `comity demand`: what is signed, what waits for a second person, what is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner, Result

from comity.cli import demands, ordering
from comity.cli.main import app
from comity.domain.demands import (
    DemandActKind,
    Demanded,
    demand_act_bytes,
    demand_bytes,
    parse_signed_act,
)
from comity.domain.ids import HostName, Member
from comity.domain.keeping import OrderAct
from comity.domain.vocabulary import DataClass, Instrument
from comity.link.command import (
    CarryOut,
    CommandDone,
    CommandFailed,
    CommandResult,
    decode_command,
    encode_result,
)
from comity.link.demands import ActOnDemand, RegisterDemand
from comity.roles.host_files import HostFiles, ReviewerFile
from comity.services.demand_book import DemandBook
from tests.support.demands import act, handed_over, signed_act, signed_handing, subpoena
from tests.support.gateway import RELEASE, WA, policy_of, running

RUNNER = CliRunner()
HOST = HostName("practice")
OH = Member("oh")
KEYS = {
    "counsel": Ed25519PrivateKey.from_private_bytes(b"\x07" * 32),
    "supervisor": Ed25519PrivateKey.from_private_bytes(b"\x08" * 32),
}
PAPER = b"practice subpoena"
REGISTER = (
    "demand", "register", "--state", "OH", "--kind", "court_subpoena", "--issuer",
    "Practice Superior Court", "--document", "paper", "--served-on", "2026-11-24", "--about",
    "keys", "--about", "ledger_records", "--matter", "Doe v. Practice City",
)  # fmt: skip
ANSWER = (
    "demand", "answer", "oh/9", "--what", "A ZIP", "--to", "Practice Superior Court",
    "--bundle", "paper", "--class", "photo", "--class", "status", "--last",
)  # fmt: skip


class Desk:
    """A gateway's side of the bus, which keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.answer: CommandResult = CommandDone(entry="oh/20")

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        self.sent.append(decode_command(data))
        return encode_result(self.answer)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's data directory with two people of Ohio, and a folder with a paper to work in."""
    (tmp_path / "data").mkdir()
    files = HostFiles(tmp_path / "data")
    files.write_host(HOST, Ed25519PrivateKey.generate(), X25519PrivateKey.generate())
    for name, person in KEYS.items():
        files.write_reviewer(OH, ReviewerFile(name=name, key=person))
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "paper").write_bytes(PAPER)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "data"


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The gateway that commands reach in place of a wire."""
    found = Desk()

    @asynccontextmanager
    async def open_bus(*_: object) -> AsyncIterator[Desk]:
        yield found

    for module in (demands, ordering):
        monkeypatch.setattr(module, "open_bus", open_bus)
    return found


@pytest.fixture
def run(data: Path, desk: Desk) -> Callable[..., Result]:
    """Runs `comity ...` for this data directory."""
    del desk

    def run(*arguments: str) -> Result:
        return RUNNER.invoke(app, [*arguments, "--data", str(data)], env={"COLUMNS": "80"})

    return run


def test_a_demand_is_registered_after_its_hold(run: Callable[..., Result], desk: Desk) -> None:
    """The months that it is about are held first; both are signed by who is named."""
    done = run(*REGISTER, "--answer-by", "2026-12-08", "--months", "2026-03..2026-05",
               "--as", "counsel", "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    held, sent = desk.sent
    assert isinstance(held, CarryOut)
    assert held.signed.order.act is OrderAct.HOLD
    assert held.signed.order.months == ("2026-03", "2026-04", "2026-05")
    assert held.signed.order.matter == "Doe v. Practice City"
    assert isinstance(sent, RegisterDemand)
    demand = sent.signed.demand
    assert (demand.kind, demand.reviewer) == (Instrument.COURT_SUBPOENA, "counsel")
    assert demand.about == (Demanded.LEDGER_RECORDS, Demanded.KEYS)
    assert (demand.document, demand.document_bytes) == (sha256(PAPER).digest(), len(PAPER))
    KEYS["counsel"].public_key().verify(sent.signed.proof.signature, demand_bytes(demand))
    said = json.loads(done.stdout)
    assert said == {"entry": "oh/20", "hold": "oh/20", "answer_by": "2026-12-08"}


def test_without_a_hold_and_by_the_paper_days(run: Callable[..., Result], desk: Desk) -> None:
    """Business days are counted by the state's calendar; all months where none is named."""
    done = run(*REGISTER, "--days", "3", "--business", "--no-hold")
    assert done.exit_code == 0, done.output
    (sent,) = desk.sent
    demand = sent.signed.demand
    assert (str(demand.answer_by), demand.days, demand.is_business) == ("2026-11-30", 3, True)
    assert (demand.first_month, demand.last_month) == ("", "")
    assert "to be answered by 2026-11-30" in done.stdout


def test_all_months_are_held_where_none_is_named(run: Callable[..., Result], desk: Desk) -> None:
    """So it is with the page."""
    assert run(*REGISTER, "--days", "3").exit_code == 0
    assert desk.sent[0].signed.order.months is None


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--answer-by", "2026-12-08", "--days", "3"),
        ("--answer-by", "soon"),
        ("--days", "367"),
        ("--days", "-1"),
        ("--days", "3", "--months", "March"),
        ("--days", "3", "--gag-until", "never"),
        ("--days", "3", "--document", "nowhere"),
        ("--days", "3", "--as", "nobody"),
    ],
)
def test_what_is_no_demand_is_not_sent(
    run: Callable[..., Result], desk: Desk, more: tuple[str, ...]
) -> None:
    """It ends with 2 and nothing was held either."""
    done = run(*REGISTER, *more)
    assert (done.exit_code, desk.sent) == (2, [])


def test_a_refusal_ends_with_its_code(run: Callable[..., Result], desk: Desk) -> None:
    """As the gateway says it."""
    desk.answer = CommandFailed(code="demand-ended", text="it ended by oh/12")
    done = run("demand", "act", "oh/9", "objected", "--json")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["error"]["code"] == "demand-ended"


def test_one_person_acts_and_ends_it(run: Callable[..., Result], desk: Desk) -> None:
    """Each word is signed; a day goes with `moved`."""
    assert run("demand", "act", "OH/9", "objected", "--note", "Overbroad").exit_code == 0
    moved = run("demand", "act", "oh/9", "moved", "--answer-by", "2026-12-20")
    assert moved.exit_code == 0
    assert run("demand", "end", "oh/9", "quashed", "--as", "supervisor").exit_code == 0
    said = [command.signed.act for command in desk.sent]
    assert [each.act for each in said] == [
        DemandActKind.OBJECTED,
        DemandActKind.MOVED,
        DemandActKind.QUASHED,
    ]
    assert {each.demand_entry for each in said} == {"oh/9"}
    assert str(said[1].answer_by) == "2026-12-20"
    assert said[2].reviewer == "supervisor"


@pytest.mark.parametrize(
    "arguments",
    [
        ("act", "oh/9", "quashed"),
        ("act", "oh/9", "handed_over"),
        ("end", "oh/9", "objected"),
        ("end", "oh/9", "handed_over"),
        ("act", "oh", "objected"),
    ],
)
def test_a_word_belongs_to_its_command(
    run: Callable[..., Result], desk: Desk, arguments: tuple[str, ...]
) -> None:
    """Nothing is sent."""
    assert (run("demand", *arguments).exit_code, desk.sent) == (2, [])


def test_by_one_person_nothing_is_handed_over(run: Callable[..., Result], desk: Desk) -> None:
    """What was signed waits in a file; another person signs exactly that, and it is recorded."""
    done = run(*ANSWER, "--as", "counsel", "--act", "answer.act")
    assert (done.exit_code, desk.sent) == (0, [])
    kept = parse_signed_act(Path("answer.act").read_bytes())
    assert kept.second_proof is None
    assert kept.act.handed is not None
    assert kept.act.handed.classes == (DataClass.STATUS, DataClass.PHOTO)
    assert kept.act.handed.is_last
    assert run("demand", "confirm", "answer.act", "--as", "supervisor", "--json").exit_code == 0
    (sent,) = desk.sent
    assert isinstance(sent, ActOnDemand)
    assert (sent.signed.act, sent.signed.second) == (kept.act, "supervisor")
    assert sent.signed.second_proof is not None
    message = demand_act_bytes(kept.act)
    KEYS["supervisor"].public_key().verify(sent.signed.second_proof.signature, message)
    Path("answer.act").write_bytes(b"{}")
    assert run("demand", "confirm", "answer.act", "--as", "supervisor").exit_code == 2


def test_by_two_people_it_is_recorded_at_once(run: Callable[..., Result], desk: Desk) -> None:
    """And by three it is not."""
    three = ("--as", "counsel", "--as", "supervisor", "--as", "counsel")
    assert (run(*ANSWER, *three).exit_code, desk.sent) == (2, [])
    done = run(*ANSWER, *three[:4], "--json")
    assert json.loads(done.stdout) == {"demand": "oh/9", "entry": "oh/20", "act": ""}
    (sent,) = desk.sent
    assert sent.signed.second == "supervisor"


async def test_the_register_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open ones, ended ones, one with its acts; what cannot be read is told as such."""
    async with running(policy_of(WA, RELEASE)) as host:
        entry = await host.review.demands.register(subpoena())
        other = await host.review.demands.register(subpoena(number="2"))
        await host.review.demands.act(
            signed_act(act(entry, DemandActKind.OBJECTED, note="Overbroad"))
        )
        leaf = await host.review.demands.act(signed_handing(entry, handed_over(is_last=True)))
        rows = host.store, host.vault

    @asynccontextmanager
    async def open_demands(*_: object) -> AsyncIterator[DemandBook]:
        yield DemandBook(*rows)

    monkeypatch.setattr(demands, "open_demands", open_demands)

    def run(*arguments: str) -> Any:
        done = RUNNER.invoke(app, ["demand", *arguments, "--data", str(data)])
        assert done.exit_code == 0, done.output
        return done.stdout

    # A command has a loop of its own.
    told = await _apart(lambda: run("list", "--state", "WA", "--json"))
    assert [each["entry"] for each in json.loads(told)["demands"]] == [other]
    told = await _apart(lambda: run("list", "--state", "WA", "--ended"))
    assert entry in told
    assert other not in told
    shown = json.loads(await _apart(lambda: run("show", entry, "--json")))["demand"]
    assert shown["demand"]["matter"] == subpoena().demand.matter
    assert [each["act"] for each in shown["acts"]] == ["objected", "handed_over"]
    assert shown["handed_entries"] == [leaf]
    said = await _apart(lambda: run("show", entry))
    assert "Overbroad" in said
    assert f"as {leaf}" in said
    for month in list(host.keeping.keys(WA)):
        host.disk.keyring.destroy(WA, month)
    unread = json.loads(await _apart(lambda: run("show", other, "--json")))["demand"]
    assert (unread["demand"], unread["is_open"]) == (None, True)
    assert "cannot be read any more" in await _apart(lambda: run("show", other))


async def _apart(work: Callable[[], str]) -> str:
    """Run something that has a loop of its own."""
    return await asyncio.to_thread(work)
