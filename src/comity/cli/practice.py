"""A whole practice network on this machine: engines, founding, records, roles, in that order.

What exists is kept: a second start of the same data directory finds its keys, records and ledgers.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import msgspec

from comity.app.database import migrate
from comity.app.keys import ledger_keys
from comity.app.source import load_practice_records
from comity.app.succession import retired_ledgers
from comity.cli.stage_rules import PAGES_FILE
from comity.directory.part import verify_part
from comity.ledger.note import parse_vkey
from comity.practice.founding import found_practice
from comity.practice.staff import staff_file, staff_of
from comity.practice.witnesses import found_witnesses, witness_folder, witness_name
from comity.practice.world import PracticeWorld
from comity.roles.certificates import keep_certificates
from comity.roles.files import make_private_dir, write_private
from comity.roles.host_files import HostFiles
from comity.roles.keeper import Event
from comity.roles.machine import LOOPBACK, take_port
from comity.roles.process import Child, ready_after_line
from comity.roles.settings import Settings, load_settings
from comity.roles.supervisor import Supervisor

__all__ = ["PracticeNetwork", "Stage", "practice_network", "role_names"]

Stage = Callable[[str, int, int], None]
"""Told what is being done, how many of how many: for a progress bar."""

_ROLES: Final = ("hub", "gateway", "worker", "ledger", "console")


class PracticeNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A running practice network."""

    settings: Settings
    world: PracticeWorld
    supervisor: Supervisor


def role_names() -> tuple[str, ...]:
    """Return the names of the roles' processes."""
    return _ROLES


@asynccontextmanager
async def practice_network(
    settings: Settings,
    *,
    doing: Stage,
    lines_per_agency: int = 1,
    witness_count: int = 0,
    told: Callable[[Event], None] = lambda _: None,
    handles_signals: bool = True,
) -> AsyncIterator[PracticeNetwork]:
    """Bring a practice network up, with so many witnesses; end it on leaving.

    Signals can be handled in a process's main thread alone.

    Raises: SetupError in one sentence with the fix, StopRequestedError.
    """
    # Pages of practice reach a file, by the path that they take to a person.
    pager = settings.page_command or ("tee", "-a", str(settings.data_dir / PAGES_FILE))
    given: dict[str, object] = {**_ports(settings), "page_command": pager}
    chosen = load_settings(**{**settings.model_dump(), **given})
    world = PracticeWorld(chosen.practice_seed, chosen.people_per_state)
    async with Supervisor(chosen, progress=told, handles_signals=handles_signals) as supervisor:
        data_dir = supervisor.placement.data_dir
        chosen = load_settings(**{**chosen.model_dump(), "data_dir": data_dir})
        _found(chosen, world, doing, lines_per_agency)
        doing("tables", 0, 1)
        await migrate(chosen)
        await load_practice_records(chosen, world, doing)
        doing("roles", 0, 1)
        _let_in(chosen, world)
        await supervisor.start(*_witnesses(supervisor, chosen, witness_count))
        await supervisor.start(*(_role(supervisor, name) for name in _ROLES))
        supervisor.publish(
            {
                "line": f"{LOOPBACK}:{chosen.line_port}",
                "http": f"{LOOPBACK}:{chosen.http_port}",
                "ledger": f"http://{LOOPBACK}:{chosen.public_port}",
                "console": f"http://localhost:{chosen.console_port}",
            }
        )
        doing("roles", 1, 1)
        yield PracticeNetwork(settings=chosen, world=world, supervisor=supervisor)


def _ports(settings: Settings) -> dict[str, int]:
    """Return the ports of all fronts, each its own also where they are any free one."""
    ports: dict[str, int] = {}
    for name in ("line_port", "http_port", "public_port", "console_port", "sign_in_port"):
        wanted, setting = getattr(settings, name), f"COMITY_{name.upper()}"
        port = take_port(wanted, setting=setting)
        while port in ports.values() and wanted == 0:
            port = take_port(0, setting=setting)
        ports[name] = port
    return ports


def _let_in(settings: Settings, world: PracticeWorld) -> None:
    """Give every state's invented employees their places in its console."""
    if settings.oidc_issuer is None and settings.console_people_file is None:
        issuer = f"http://{LOOPBACK}:{settings.sign_in_port}"
        staff = (each for state in world.members() for each in staff_of(world.seed, state))
        write_private(settings.data_dir / "people.toml", staff_file(issuer, staff).encode())


def _role(supervisor: Supervisor, name: str) -> Child:
    argv = (sys.executable, "-m", "comity", "serve", name)
    return supervisor.role(name, *argv, ready=ready_after_line(f'"{name}_ready"'))


def _witnesses(supervisor: Supervisor, settings: Settings, count: int) -> list[Child]:
    """Found witnesses on free ports, and return their processes."""
    if not count:
        return []
    ports = [take_port(0, setting="COMITY_WITNESS_PORT") for _ in range(count)]
    keys = ledger_keys(settings)
    # A retired ledger is still followed: its last head is what its successor is held against.
    retired = [parse_vkey(old.vkey) for old in retired_ledgers(settings)]
    ledgers = [*(keys.of(member)[1] for member in keys.members()), *retired]
    found_witnesses(settings.data_dir, settings.ledger_domain, ledgers, ports)
    children = []
    for number, port in enumerate(ports, start=1):
        argv = (sys.executable, "-m", "comity", "serve", "witness")
        ready = ready_after_line('"witness_ready"')
        child = supervisor.role(witness_name(number), *argv, ready=ready)
        own = {
            "COMITY_WITNESS_DIR": str(witness_folder(settings.data_dir, number)),
            "COMITY_WITNESS_PORT": str(port),
            "COMITY_WITNESS_BIND": LOOPBACK,
        }
        environment = {**child.environment, **own}
        children.append(msgspec.structs.replace(child, environment=environment))
    return children


def _found(settings: Settings, world: PracticeWorld, doing: Stage, lines_per_agency: int) -> None:
    files = HostFiles(settings.data_dir)
    if not files.exist():
        members = world.members()
        done = iter(range(1, len(members) + 1))
        found_practice(
            files,
            world,
            lines_per_agency=lines_per_agency,
            told=lambda _: doing("keys", next(done), len(members)),
        )
    root = files.trust_root()
    parts = [verify_part(signed, root) for signed in files.founding_parts()]
    lines = [line for part in parts for agency in part.agencies for line in agency.lines]
    doing("certificates", 0, 1)
    folder = make_private_dir(settings.data_dir / "tls")
    keep_certificates(folder, datetime.now(UTC), lines=lines)
    doing("certificates", 1, 1)
