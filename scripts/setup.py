#!/usr/bin/env python3
"""Install Comity into `.venv` of this clone, from pinned wheels whose hashes are in the repository.

Guarantee: runs on the system's own Python with the standard library alone; what is installed is
exactly what requirements/*.txt names, or nothing; a second run with nothing changed does nothing.
What is missing on the machine is said in one sentence, with what mends it.
Source: ADR 0001 (stack).
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements"

PYTHON_MIN = (3, 11, 0)
MEMORY_MIB_MIN = 1_500  # PostgreSQL, nats-server and four roles of the practice network
DISK_MIB_MIN = 1_500  # wheels 400, engines' data and write-ahead log 1,000
PIP_SECONDS_MAX = 900

APT = "apt-get install git make python3 python3-venv"
GO_PACKAGES = ("golang-go", "golang-golang-x-mod-dev")
CHROMIUM_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
GO_MODULE = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")
APT_SECONDS_MAX = 300


class SetupError(Exception):
    """What the machine lacks, as one sentence with the fix."""


@dataclass(frozen=True)
class Machine:
    """What an installation and the practice network need to find."""

    python: tuple[int, int, int]
    has_git: bool
    has_venv: bool
    memory_mib: int | None  # None where the system does not say
    disk_mib: int


def survey() -> Machine:
    """Look at this machine."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (OSError, ValueError):
        memory = None
    return Machine(
        python=sys.version_info[:3],
        has_git=shutil.which("git") is not None,
        # Debian's python3 has `venv` without `ensurepip`, which comes with python3-venv.
        has_venv=all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
        memory_mib=memory,
        disk_mib=shutil.disk_usage(ROOT).free // 2**20,
    )


def lacking(machine: Machine, *, is_installed: bool) -> str | None:
    """The first thing that a machine lacks, as one sentence with the fix."""
    if machine.python < PYTHON_MIN:
        version = ".".join(map(str, machine.python))
        return (
            f"python3 is {version}, and Comity needs 3.11 or newer: "
            "name one that is, as in `make setup PYTHON=python3.11`"
        )
    if not machine.has_git:
        return f"git is missing: install it with `{APT}`"
    if not machine.has_venv:
        return f"python3 cannot make a virtual environment: `{APT}` adds what it needs"
    if machine.memory_mib is not None and machine.memory_mib < MEMORY_MIB_MIN:
        return (
            f"this machine has {machine.memory_mib} MiB of memory, and Comity needs "
            f"{MEMORY_MIB_MIN}: give it more, or take another"
        )
    if machine.disk_mib < DISK_MIB_MIN and not is_installed:
        return (
            f"{machine.disk_mib} MiB are free on the disk of this clone, and Comity needs "
            f"{DISK_MIB_MIN}: free some, or clone to another disk"
        )
    return None


def fingerprint(files: list[Path]) -> str:
    """All that an installation depends on: the pins, the package's own file, interpreter, place."""
    digest = hashlib.sha256(f"{sys.version}\n{ROOT}\n".encode())
    for path in [*files, ROOT / "pyproject.toml", Path(__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current(stamp: Path, wanted: str) -> bool:
    """Whether an earlier run finished with the same inputs, and its work is still there."""
    return (
        (VENV / "bin" / "comity").exists()
        and stamp.exists()
        and stamp.read_text().strip() == wanted
    )


def run_pip(*arguments: str) -> None:
    """Run the environment's own pip; the user's mirror and proxy hold, the hashes decide."""
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
    try:
        done = subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env=os.environ | {"PIP_USER": "0", "PIP_NO_INPUT": "1"},
            timeout=PIP_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SetupError(
            f"pip did not finish in {PIP_SECONDS_MAX} s: check the network and run it again"
        ) from None
    if done.returncode:
        raise SetupError(
            "pip could not install the pinned wheels (its message is above): "
            "check the network or the mirror, and run it again"
        )


def make_venv() -> None:
    """Make `.venv`, or make it anew where it does not work (interrupted, moved, other Python)."""
    python = VENV / "bin" / "python"
    works = False
    if python.exists():
        probe = subprocess.run(
            [str(python), "-c", "import pip, sys; print(sys.prefix)"],
            capture_output=True,
            text=True,
            check=False,
        )
        works = probe.returncode == 0 and Path(probe.stdout.strip()).resolve() == VENV.resolve()
    if not works:
        done = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise SetupError(f"python3 could not make {VENV}: `{APT}` adds what it needs")


def install(groups: list[str]) -> None:
    """Install the pinned wheels of the groups, then the package itself as editable."""
    wanted_from = [REQUIREMENTS / f"{group}.txt" for group in groups]
    stamp = VENV / f".comity-{'-'.join(groups)}"
    wanted = fingerprint(wanted_from)
    if is_current(stamp, wanted):
        return
    started = time.monotonic()
    print(f"installing into .venv: {', '.join(groups)} ...", flush=True)
    make_venv()
    stamp.unlink(missing_ok=True)
    files = [argument for path in wanted_from for argument in ("-r", str(path))]
    run_pip("install", "--require-hashes", "--no-deps", "--only-binary", ":all:", *files)
    if "runtime" in groups:
        run_pip("install", "--no-build-isolation", "--no-deps", "-e", str(ROOT))
    stamp.write_text(wanted + "\n")
    print(f"installed in {time.monotonic() - started:.0f} s", flush=True)


@dataclass(frozen=True)
class System:
    """What a suite needs of the system: packages, what they bring, and which suite it is."""

    name: str
    suite: str
    packages: tuple[str, ...]
    is_there: Callable[[], bool]


SYSTEM = (
    System("Go", "foreign", GO_PACKAGES, lambda: bool(shutil.which("go")) and GO_MODULE.is_dir()),
    System(
        "SoftHSM",
        "hardware keys",
        ("softhsm2",),
        lambda: shutil.which("softhsm2-util") is not None,
    ),
    System(
        "Chromium",
        "browser",
        ("chromium-headless-shell",),
        lambda: any(map(shutil.which, CHROMIUM_PROGRAMS)),
    ),
)


def install_system_packages() -> None:
    """Add Go, which checks our ledgers with a second implementation, a browser and a key device.

    Where that is not allowed or does not work, says so in a line and goes on: the suite that needs
    them says again that it did not run.
    """
    lacking_here = [system for system in SYSTEM if not system.is_there()]
    is_allowed = os.geteuid() == 0 and shutil.which("apt-get") is not None
    for system in lacking_here:
        names = " ".join(system.packages)
        if not is_allowed:
            print(
                f"{system.name} is missing, so the {system.suite} suite will not run: "
                f"`apt-get install {names}` adds it"
            )
            continue
        print(f"installing {names} from the system's packages ...", flush=True)
        if not run_apt(["update"]) or not run_apt(
            ["install", "-y", "--no-install-recommends", *system.packages]
        ):
            print(f"could not add {names}, so the {system.suite} suite will not run")


def run_apt(arguments: list[str]) -> bool:
    """Run apt-get without a question; return whether it did its work in time."""
    try:
        done = subprocess.run(
            ["apt-get", "-qq", *arguments],
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=APT_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> int:
    """Check the machine, then install what was asked for, one run at a time."""
    parser = argparse.ArgumentParser(description="Install Comity into .venv of this clone.")
    parser.add_argument("--test", action="store_true", help="also what tests and checks it")
    parser.add_argument("--system", action="store_true", help="also system packages for the tests")
    options = parser.parse_args()
    lack = lacking(survey(), is_installed=(VENV / "bin" / "comity").exists())
    if lack:
        print(lack, file=sys.stderr)
        return 1
    try:
        with (ROOT / "pyproject.toml").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            install(["build", "runtime"])
            if options.test:
                install(["test"])
        if options.system:
            install_system_packages()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
