#!/usr/bin/env python3
"""Take the pictures of a run of the browser suite as the golden ones.

`COMITY_SHOTS_DIR=FOLDER` has the suite leave its pictures there; then
`python scripts/golden_pictures.py FOLDER` takes those over that differ or are new. Look at them
before they are committed: what stands in them is what pages are held against from then on.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
GOLDEN: Final = ROOT / "tests" / "browser" / "golden"
_PREFIX: Final = "golden-"
_BESIDE: Final = "-before-and-now"


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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: golden_pictures.py FOLDER")
    print(f"renewed: {', '.join(renew(Path(sys.argv[1])))}")
