"""The purity rule bites on every way to reach for the world, and leaves values alone."""

from __future__ import annotations

import pytest

from tests.tidy.purity import check_purity
from tests.tidy.tree import Source


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "from os import environ",
        "import time",
        "from random import choice",
        "import asyncio",
        "from urllib.request import urlopen",
        "async def wait(): ...",
        "def read(name):\n    return open(name)",
        "import datetime\nSTART = datetime.datetime.now()",
        "from datetime import datetime\nSTART = datetime.now(tz=None)",
        "from datetime import date\nTODAY = date.today()",
        "from datetime import datetime\nAT = datetime.fromtimestamp(0)",
        "print('here')",
        "KEY = Ed25519PrivateKey.generate()",
        "KEY = aead.AESGCM.generate_key(256)",
    ],
)
def test_reaching_for_the_world_is_refused(text: str) -> None:
    """Disk, clock, chance, network and waiting are found on a pure floor, and only there."""
    assert list(check_purity(Source("src/comity/policy/rule.py", text)))
    assert not list(check_purity(Source("src/comity/services/accept.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import UTC, datetime\nAT = datetime.fromtimestamp(0, UTC)",
        "from urllib.parse import quote",
        "import hashlib\nDIGEST = hashlib.sha256(b'').digest()",
        "def now(given):\n    return given.now",
        "def walk(rule):\n    return rule.open()",
    ],
)
def test_values_pass(text: str) -> None:
    """What computes a value from values is allowed."""
    assert not list(check_purity(Source("src/comity/policy/rule.py", text)))
