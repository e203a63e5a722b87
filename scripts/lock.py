#!/usr/bin/env python3
"""Pin requirements/*.in into requirements/*.txt, with the hash of every published wheel.

Guarantee: the files name versions and hashes and nothing else: no index, no link, no host. The
maintainer's own pip settings and mirrors are not read, so that a local build's hash cannot enter.
Source: ADR 0001 (stack).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
GROUPS = ("build", "runtime", "test", "bench")
HEADER = "# Made by `make lock` from {name}.in: change that file, not this one.\n"
OPTIONS = (
    "--quiet",
    "--generate-hashes",
    "--strip-extras",
    "--allow-unsafe",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
    "--no-emit-options",
)


def settings() -> dict[str, str]:
    """The environment without anything that points pip to another index."""
    pointing = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX")
    kept = {key: value for key, value in os.environ.items() if key not in pointing}
    return kept | {"PIP_CONFIG_FILE": os.devnull}


def lock(name: str, arguments: list[str]) -> int:
    """Pin one group; the pins that it already has are kept unless `--upgrade` asks otherwise."""
    command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, *arguments]
    target = REQUIREMENTS / f"{name}.txt"
    done = subprocess.run(
        [*command, "--output-file", target.name, f"{name}.in"],
        cwd=REQUIREMENTS,
        env=settings(),
        check=False,
    )
    if done.returncode == 0:
        pins = target.read_text().removeprefix(HEADER.format(name=name))
        target.write_text(HEADER.format(name=name) + pins)
    return done.returncode


def main() -> int:
    """Pin every group that has a source, in the order in which they constrain each other."""
    for name in GROUPS:
        if (REQUIREMENTS / f"{name}.in").exists() and lock(name, sys.argv[1:]):
            print("pinning needs pip-tools: `.venv/bin/pip install pip-tools`", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
