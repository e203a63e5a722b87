"""A PKCS#11 device in software, for the tests of the safe: SoftHSM, from the system's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from comity.adapters.pkcs11 import Pkcs11Device

LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
PIN = "4711-PX"
TOKEN = "comity-tests"


def library() -> Path | None:
    """Return SoftHSM's library, or None where it or its Python binding is not installed."""
    if shutil.which("softhsm2-util") is None or find_spec("pkcs11") is None:
        return None
    return next((Path(path) for path in LIBRARIES if Path(path).exists()), None)


@cache
def device() -> Pkcs11Device:
    """Return a token of this process: the library reads its place once, and keeps it."""
    found = library()
    assert found is not None
    folder = Path(mkdtemp(prefix="comity-softhsm-"))
    (folder / "tokens").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(conf)
    make = ["softhsm2-util", "--init-token", "--free", "--label", TOKEN]
    subprocess.run([*make, "--so-pin", "so-pin", "--pin", PIN], check=True, capture_output=True)
    (folder / "pin").write_text(f"{PIN}\n")
    return Pkcs11Device(module=found, token=TOKEN, pin_file=folder / "pin")
