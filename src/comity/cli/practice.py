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

from comity import app
from comity.directory.part import verify_part
from comity.practice.founding import found_practice
from comity.practice.world import PracticeWorld
from comity.roles.certificates import keep_certificates
from comity.roles.files import make_private_dir
from comity.roles.host_files import HostFiles
from comity.roles.keeper import Event
from comity.roles.machine import take_port
from comity.roles.process import Child, ready_after_line
from comity.roles.settings import Settings, load_settings
from comity.roles.supervisor import Supervisor

__all__ = ["PracticeNetwork", "Stage", "practice_network", "role_names"]

Stage = Callable[[str, int, int], None]
"""Told what is being done, how many of how many: for a progress bar."""

_ROLES: Final = ("hub", "gateway", "worker")


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
    told: Callable[[Event], None] = lambda _: None,
) -> AsyncIterator[PracticeNetwork]:
    """Bring a practice network up; end it on leaving.

    Raises: SetupError in one sentence with the fix, StopRequestedError.
    """
    port = take_port(settings.line_port, setting="COMITY_LINE_PORT")
    chosen = load_settings(**{**settings.model_dump(), "line_port": port})
    world = PracticeWorld(chosen.practice_seed, chosen.people_per_state)
    async with Supervisor(chosen, progress=told) as supervisor:
        data_dir = supervisor.placement.data_dir
        chosen = load_settings(**{**chosen.model_dump(), "data_dir": data_dir})
        _found(chosen, world, doing, lines_per_agency)
        doing("tables", 0, 1)
        await app.migrate(chosen)
        await app.load_practice_records(chosen, world, doing)
        doing("roles", 0, 1)
        await supervisor.start(*(_role(supervisor, name) for name in _ROLES))
        supervisor.publish({"line": f"127.0.0.1:{port}"})
        doing("roles", 1, 1)
        yield PracticeNetwork(settings=chosen, world=world, supervisor=supervisor)


def _role(supervisor: Supervisor, name: str) -> Child:
    argv = (sys.executable, "-m", "comity", "serve", name)
    return supervisor.role(name, *argv, ready=ready_after_line(f'"{name}_ready"'))


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
