#!/usr/bin/env python3
"""Take the golden pictures of pages anew, from a run of the browser tests that shoot them.

`python scripts/golden_pictures.py` runs those tests; with a folder it takes the pictures that a run
with `COMITY_SHOTS_DIR=FOLDER` has left there. Look at them before they are committed: what stands
in them is what pages are held against from then on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
GOLDEN: Final = ROOT / "tests" / "browser" / "golden"
SHOOT: Final = ("patterns", "practice_sign_in", "receipt_page", "passkeys")
"""The browser tests whose pages have golden pictures."""
_PREFIX: Final = "golden-"
_BESIDE: Final = "-before-and-now"


def shoot(folder: Path) -> None:
    """Have the tests leave their pictures in a folder. Raises: SystemExit if one fails."""
    files = [f"tests/browser/test_{name}.py" for name in SHOOT]
    environment = {**os.environ, "COMITY_SHOTS_DIR": str(folder)}
    command = [sys.executable, "-m", "pytest", "-q", *files]
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        raise SystemExit("a test failed: no picture was taken over")


def renew(run: Path, kept: Path = GOLDEN) -> list[str]:
    """Copy a run's pictures over the golden ones; return their names. Raises: SystemExit."""
    found = sorted(path for path in run.glob(f"{_PREFIX}*.png") if not path.stem.endswith(_BESIDE))
    if not found:
        raise SystemExit(f"no golden pictures in {run}: run the browser suite with it first")
    kept.mkdir(exist_ok=True)
    names = []
    for path in found:
        name = path.stem.removeprefix(_PREFIX)
        shutil.copyfile(path, kept / f"{name}.png")
        names.append(name)
    return names


def main() -> None:
    """Take pictures over, and say which."""
    with tempfile.TemporaryDirectory() as fresh:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(fresh)
        if len(sys.argv) == 1:
            shoot(folder)
        print(f"renewed: {', '.join(renew(folder))}")


if __name__ == "__main__":
    main()
