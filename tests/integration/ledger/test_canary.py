"""A person's data is looked for in everything that a network leaves behind, and is not found.

Canaries travel as whatever a person, a case or an officer is known by: through queries in every
format, answers of a web service, holds, verdicts, refusals, errors, the archive and the directory.
Records are the web service's, so that no table of the database may hold any of them in clear.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comity.adapters.memory.source import Driver, MemorySource, Vehicle
from comity.app.database import open_reader
from comity.app.keys import ledger_vkey
from comity.cli.exports import write_into
from comity.cli.practice import PracticeNetwork
from comity.cli.stage import NetworkStage, open_stage
from comity.domain.answer import Element, ResponseKind
from comity.domain.ids import Member, parse_ori
from comity.domain.keys import MessageKey
from comity.domain.query import Claims, Query
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, Instrument, Offence, Purpose, RecordKind
from comity.formats.json import render_query
from comity.practice.seen import (
    Heard,
)
from comity.practice.web_service import web_service
from comity.roles.runtime import DatabaseRole, database_url
from comity.services.export import export_ledger
from tests.fault.network import running_network
from tests.integration.engines.network import fresh_place
from tests.support.canary import Needles, find_in, find_in_file, needles_of
from tests.support.web import serving

pytestmark = pytest.mark.timeout(540)

POLICE, OHIO_POLICE = "TXPX001PD", "OHPX001PD"
ERO, HSI = "USPX011ER", "USPX021HS"
POLICE_LINE = "tx-bexley-falls-pd"
STATES = tuple(map(Member, ("oh", "il", "wa", "tx", "us")))

MARK = "XZ7CNRY"
"""In every canary that may hold digits."""

PLANTED = "XZ8PLANTED"
NAME = "XZCNRYNAM"
BORN = date(1903, 2, 17)
OLN, HELD_OLN, REFUSED_OLN = f"{MARK}AA", f"{MARK}BB", f"{MARK}CC"
BROKEN_OLN, UNKNOWN_OLN = f"{MARK}DD", f"{MARK}EE"
PLATE, VIN = f"{MARK}PL", f"1{MARK}A0B00000"
CASE, OPERATOR, PAPER = f"{MARK}-26-88", f"{MARK}OP", f"{MARK}-CO-114"
NOTE, BODY, STREET = f"note {MARK} case", f"WATCH FOR {MARK} SEDAN", f"1 {MARK} Street"
PHOTO = b"\xff\xd8\xff\xe0" + MARK.encode() * 40
REQUEST, CONTROL = f"{MARK}-request", f"{MARK}CTL"
NEEDLES = needles_of(MARK, NAME, "19030217", "1903-02-17", "02171903", "02/17/1903")
CLAIMS = Claims(
    purpose=Purpose.CRIMINAL_INVESTIGATION,
    offence=Offence.CHILD_EXPLOITATION,
    instrument=Instrument.COURT_ORDER,
    instrument_ref=PAPER,
    case_number=CASE,
    operator=OPERATOR,
)
SOURCES = """
version = 1
otherwise = "built_in"
[source.dmv]
url = "http://127.0.0.1:{port}/v1/lookups"
[source.dmv.elements]
CANARY_STATUS = "status"
CANARY_NAME = "identity"
CANARY_STREET = "address"
CANARY_CAR = "vehicle"
[[route]]
states = ["oh", "il", "wa"]
source = "dmv"
"""


_WRITTEN_BELOW = ("/tmp", "/var", "/run", "/dev/shm")


def driver(state: str, number: str) -> Driver:
    """A person of whom everything is a canary."""
    return Driver(
        state=Member(state),
        number=number,
        name_key=f"{NAME},ANN",
        birth=BORN,
        sex="F",
        kind=RecordKind.LICENCE,
        elements=(
            Element(data_class=DataClass.STATUS, name="CANARY_STATUS", value=f"valid {MARK}"),
            Element(data_class=DataClass.IDENTITY, name="CANARY_NAME", value=f"{NAME},ANN"),
            Element(data_class=DataClass.ADDRESS, name="CANARY_STREET", value=STREET),
        ),
        photo=b64encode(PHOTO).decode(),
    )


CAR = Vehicle(
    state=Member("oh"),
    plate=PLATE,
    plate_year="2027",
    plate_type="PC",
    vin=VIN,
    kind=RecordKind.REGISTRATION,
    elements=(Element(data_class=DataClass.VEHICLE, name="CANARY_CAR", value=f"{PLATE} {VIN}"),),
)
RECORDS = MemorySource(
    [driver("oh", OLN), driver("il", HELD_OLN), driver("wa", REFUSED_OLN)], [CAR]
)


def failing(service: ASGIApp) -> ASGIApp:
    """The service, but one look-up is answered with what is not in form, and a canary in it."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        first = await receive()

        async def again() -> Message:
            return first

        if BROKEN_OLN.encode() not in first.get("body", b""):
            await service(scope, again, send)
            return
        body = b'{"version":1,"results":"' + MARK.encode() + b'"}'
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


@asynccontextmanager
async def network_in(place: Path) -> AsyncIterator[PracticeNetwork]:
    """A network of real processes whose three states have their records in a web service."""
    async with serving(failing(web_service(RECORDS))) as port:
        sources = place / "sources.toml"
        sources.write_text(SOURCES.format(port=port))
        sources.chmod(0o644)
        async with running_network(place, sources_file=sources, hold_seconds_max=60) as network:
            yield network


def query(agency: str, key: str, to: str, *fields: tuple[str, str]) -> Query:
    """A message in which all that can be a canary is one."""
    return Query(
        key=MessageKey(key),
        origin=parse_ori(agency),
        destinations=(to,),
        control=CONTROL,
        fields=fields,
        claims=CLAIMS,
    )


def response(heard: Heard) -> ResponseKind | None:
    """What an answer is."""
    return None if heard.answer is None else heard.answer.response


async def ask(stage: NetworkStage, asked: Query, form: str = "json") -> Heard:
    """The first delivery for a message; it must be of a format that holds what was asked for."""
    return (await stage.ask(asked, form=form))[0]


async def travel(stage: NetworkStage) -> list[bytes]:
    """Send canaries on every way there is; return what was delivered."""
    heard: list[Heard] = []
    born = BORN.strftime("%Y%m%d")
    for form in ("json", "niem", "text"):
        heard.append(await ask(stage, query(POLICE, "DQ", "OH", ("OLN", OLN)), form))
        assert response(heard[-1]) in {ResponseKind.HIT, None}
    image = query(POLICE, "DQ", "OH", ("OLN", OLN), ("IMQ", "Y"))
    heard.append(await ask(stage, image, "niem"))
    person = (("NAM", f"{NAME},ANN"), ("DOB", born), ("SEX", "F"))
    heard.append(await ask(stage, query(POLICE, "DQ", "OH", *person)))
    plate = (("LIC", PLATE), ("LIY", "2027"), ("LIT", "PC"))
    heard.append(await ask(stage, query(POLICE, "RQ", "OH", *plate)))
    heard.append(await ask(stage, query(POLICE, "RQ", "OH", ("VIN", VIN))))
    heard.append(await ask(stage, query(POLICE, "DQ", "OH", ("OLN", UNKNOWN_OLN))))
    assert [response(h) for h in heard[4:]] == [*[ResponseKind.HIT] * 3, ResponseKind.NO_HIT]
    refused = await ask(stage, query(ERO, "DQ", "WA", ("OLN", REFUSED_OLN)))
    assert response(refused) is ResponseKind.REFUSED
    heard += [refused, *await reviewed(stage), *await told(stage)]
    heard.append(await stage.request(query(POLICE, "DQ", "OH", ("OLN", OLN)), REQUEST))
    # A look-up that fails, and messages that are in no form: what is said of them is logged.
    line = await stage.line(POLICE_LINE)
    await line.send(render_query(query(POLICE, "DQ", "OH", ("OLN", BROKEN_OLN))))
    for bad in (f"RQ.{POLICE}.OH.TXT\nLIC/{PLATE}", f'{{"key":"DQ","oln":"{OLN}"', f"<a>{NAME}"):
        heard += await stage.send(POLICE_LINE, bad.encode())
    return [h.data for h in heard]


async def reviewed(stage: NetworkStage) -> list[Heard]:
    """Holds that a reviewer approves in part, and refuses, each with a note."""
    heard = []
    for kind, classes in ((VerdictKind.APPROVE, (DataClass.STATUS,)), (VerdictKind.REFUSE, ())):
        asked = query(HSI, "DQ", "IL", ("OLN", HELD_OLN))
        heard.append(await ask(stage, asked))
        assert response(heard[-1]) is ResponseKind.HELD
        (held,) = await stage.holds(Member("il"))
        await stage.decide(held.entry, kind, classes, NOTE)
        heard.append(await stage.further(asked, seconds=20.0))
    return heard


async def told(stage: NetworkStage) -> list[Heard]:
    """A message to people, its archive, and a place that the directory is asked for."""
    await ask(stage, query(OHIO_POLICE, "DQ", "OH", ("OLN", UNKNOWN_OLN)))
    heard = [await ask(stage, query(POLICE, "AM", OHIO_POLICE, ("", BODY)))]
    heard.append(await stage.unasked(OHIO_POLICE, seconds=20.0))
    today = datetime.now(UTC)
    days = [(today + timedelta(days=shift)).strftime("%Y%m%d") for shift in (-1, 1)]
    search = query(
        POLICE, "NLQ", "NL", ("TYP", "AM"), ("BEG", days[0]), ("END", days[1]), ("FND", MARK)
    )
    heard.append(await ask(stage, search))
    heard.append(await stage.further(search, seconds=20.0))
    heard.append(await ask(stage, query(POLICE, "TQ", "OD", ("LOC", NAME))))
    return heard


def files_below(*folders: Path) -> Iterator[Path]:
    """Every file below folders, as far as it is there."""
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                path = Path(root) / name
                if path.is_file() and not path.is_symlink():
                    yield path


def found_below(needles: Needles, *folders: Path) -> dict[str, set[str]]:
    """Which files below folders hold a canary."""
    found: dict[str, set[str]] = {}
    for path in files_below(*folders):
        try:
            seen = find_in_file(path, needles)
        except FileNotFoundError:
            continue  # An engine has done with it meanwhile.
        if seen:
            found[str(path)] = seen
    return found


def children() -> list[int]:
    """The processes that came of this one, its own not among them."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(") ")[2].split()
            parents[int(folder.name)] = int(status[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    own = {os.getpid()}
    while True:
        more = {pid for pid, parent in parents.items() if parent in own} - own
        if not more:
            return sorted(own - {os.getpid()})
        own |= more


def opened_by(folder: Path) -> Iterator[Path]:
    """The files that a process has open where it may have written them."""
    for opened in list((folder / "fd").iterdir()):
        with suppress(OSError):  # It was closed meanwhile, or is no file.
            target = opened.resolve()
            if target.is_file() and str(target).startswith(_WRITTEN_BELOW):
                yield target


def found_in_processes() -> dict[str, set[str]]:
    """Which command lines, environments and open files of the network's processes hold one."""
    found: dict[str, set[str]] = {}
    pids = children()
    assert len(pids) > 5, "the network's processes are not seen"
    for pid in pids:
        folder = Path(f"/proc/{pid}")
        for name in ("cmdline", "environ"):
            seen = find_in((folder / name).read_bytes(), NEEDLES)
            if seen:
                found[f"{pid}/{name}"] = seen
        for target in opened_by(folder):
            seen = find_in_file(target, NEEDLES)
            if seen:
                found[f"{pid} {target}"] = seen
    return found


async def found_in_rows(network: PracticeNetwork, needles: Needles) -> dict[str, set[str]]:
    """Which tables hold one in any row as PostgreSQL itself reads it, unpacked from any form."""
    connection = await asyncpg.connect(database_url(network.settings, DatabaseRole.ADMIN))
    found: dict[str, set[str]] = {}
    try:
        tables = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'm') AND relnamespace IN"
            " ('public'::regnamespace)"
        )
        assert len(tables) > 10
        names = [f'public."{row["relname"]}"' for row in tables]
        for name in [*names, "pg_stat_activity", "pg_stats"]:
            for row in await connection.fetch(f"SELECT t::text AS row FROM {name} t"):
                seen = find_in(row["row"].encode(), needles)
                if seen:
                    found.setdefault(name, set()).update(seen)
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return found


async def exported(network: PracticeNetwork, stage: NetworkStage, folder: Path) -> None:
    """Write the public bytes of every ledger that canaries passed; HTTP serves the same."""
    for state in STATES:
        seen = await stage.audit(state)
        assert not seen.findings
        key = ledger_vkey(network.settings, state)
        async with open_reader(network.settings, [state]) as store:
            await export_ledger(store, state, key, write_into(folder / state))
    public = await stage.read_public(Member("oh"))
    assert not public.findings
    assert not public.differing


async def plant(network: PracticeNetwork) -> None:
    """Put another text into the database, so that the search is seen to find one there."""
    connection = await asyncpg.connect(database_url(network.settings, DatabaseRole.ADMIN))
    try:
        await connection.execute("CREATE TABLE planted (body text)")
        await connection.execute("INSERT INTO planted VALUES ($1)", f"a text {PLANTED}")
    finally:
        await connection.close()


async def test_no_canary_is_left_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in public bytes, logs, database, wire, runtime files, process lists or rows."""
    with fresh_place() as place:
        own = place / "tmp"
        own.mkdir()
        own.chmod(0o1777)
        monkeypatch.setenv("TMPDIR", str(own))
        async with network_in(place) as network:
            engines = network.supervisor.placement.engine_dir
            await plant(network)
            async with open_stage(network.settings, network.world) as stage:
                delivered = await travel(stage)
                await exported(network, stage, place / "public")
                in_processes = found_in_processes()
            # Canaries of every kind were delivered: they were there to be found.
            said = find_in(b"".join(delivered), NEEDLES)
            assert {each.partition(" (")[0] for each in said} >= {MARK, NAME}
            assert find_in(delivered[3], needles_of(MARK)), "the image did not come"
            in_rows = await found_in_rows(network, NEEDLES)
            planted = await found_in_rows(network, needles_of(PLANTED))
            running = found_below(NEEDLES, *(p for p in place.iterdir() if p != engines))
        logs = {path.stem for path in files_below(place, engines) if path.suffix == ".log"}
        assert logs >= {"hub", "gateway", "worker", "ledger", "postgres", "nats", "supervisor"}
        assert in_processes == {}
        assert in_rows == {}
        assert running == {}
        # What was planted is found by the same search: in its row, its file and the log of writes.
        assert list(planted) == ['public."planted"']
        both = found_below({**NEEDLES, **needles_of(PLANTED)}, place, engines)
        assert {each.partition(" (")[0] for said in both.values() for each in said} == {PLANTED}
        assert {part for part in ("base", "pg_wal") for path in both if f"/{part}/" in path} == {
            "base",
            "pg_wal",
        }
