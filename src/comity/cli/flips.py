"""One byte of an exported ledger, changed: what our audit says of it, and a program in Go."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import comity
from comity.practice.seen import (
    FlipSeen,
)

__all__ = ["flip_byte"]

_BUNDLES: Final = "tile/entries"
_CHECKER: Final = "tests/foreign/ledgercheck"
_GO_PATH: Final = Path("/usr/share/gocode")
_GO_LIBRARY: Final = "src/golang.org/x/mod/sumdb"


def flip_byte(folder: Path, vkey: str) -> FlipSeen:
    """Change one byte in the middle of an export's first bundle, and have it checked.

    The Go program is a clone's own test; it is asked where there is one, with Go and its library.
    """
    bundle = min(path for path in (folder / _BUNDLES).rglob("*") if path.is_file())
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    command = [sys.executable, "-m", "comity", "ledger", "audit", str(folder), "--vkey", vkey]
    ran = subprocess.run(  # noqa: S603 - our own program, with arguments of our own
        [*command, "--json"], capture_output=True, text=True, check=False
    )
    return FlipSeen(
        path=bundle.relative_to(folder).as_posix(),
        at=len(data) // 2,
        exit_code=ran.returncode,
        named=tuple(finding["path"] for finding in json.loads(ran.stdout).get("findings", ())),
        go=_asked_in_go(folder, vkey),
    )


def _asked_in_go(folder: Path, vkey: str) -> str | None:
    """Return what the Go program says against an export, empty if nothing; None without it."""
    go = shutil.which("go")
    source = Path(comity.__file__).resolve().parents[2] / _CHECKER
    if go is None or not source.is_dir() or not (_GO_PATH / _GO_LIBRARY).is_dir():
        return None
    with tempfile.TemporaryDirectory(prefix="comity-go-") as room:
        environment = {
            **os.environ,
            "GO111MODULE": "off",
            "GOPATH": str(_GO_PATH),
            "GOCACHE": f"{room}/cache",
            "GOFLAGS": "",
        }
        program = f"{room}/ledgercheck"
        built = subprocess.run(  # noqa: S603 - a program of this clone
            [go, "build", "-o", program, "."], cwd=source, env=environment, check=False
        )
        if built.returncode:
            return ""  # What cannot be built finds nothing, and that must be seen.
        ran = subprocess.run(  # noqa: S603 - and the same
            [program, "export", str(folder), vkey], capture_output=True, text=True, check=False
        )
    return ran.stderr.strip() if ran.returncode else ""
