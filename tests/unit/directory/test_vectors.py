"""The vectors in vectors/link/parts.json hold: fixed parts that any implementation reads alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comity.directory.errors import DirectoryError
from comity.directory.part import encode_signed_part, parse_signed_part, verify_part
from comity.directory.trust import parse_trust_root

CASES = json.loads((Path(__file__).parents[3] / "vectors" / "link" / "parts.json").read_text())
ROOT = parse_trust_root(CASES["trust_root"])


@pytest.mark.parametrize("case", CASES["verifies"], ids=lambda case: str(case["id"]))
def test_parts_verify_to_what_they_say(case: dict[str, Any]) -> None:
    """A signed part verifies to the stated part, and travels in the same bytes."""
    signed = parse_signed_part(case["signed_part"].encode())
    assert json.loads(msgspec.json.encode(verify_part(signed, ROOT))) == case["part"]
    assert encode_signed_part(signed).decode() == case["signed_part"]


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: str(case["id"]))
def test_parts_are_refused_with_the_stated_code(case: dict[str, Any]) -> None:
    """Each forged or misplaced part is refused for its own reason."""
    with pytest.raises(DirectoryError) as caught:
        verify_part(parse_signed_part(case["signed_part"].encode()), ROOT)
    assert caught.value.code == case["code"]
