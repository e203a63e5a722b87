"""What looks for canaries finds each form of one, wherever it stands."""

from __future__ import annotations

import gzip
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import pytest

from tests.support.canary import find_in, find_in_file, needles_of

CANARY = "XZ7CNRYoln"
NEEDLES = needles_of(CANARY)


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("written", [CANARY, CANARY.upper(), CANARY.lower()])
def test_every_form_is_found_at_every_place(written: str, before: int, after: int) -> None:
    """In clear, base64, hexadecimal and UTF-16, with whatever stands around it."""
    whole = b"\xfe" * before + written.encode() + b"\x01" * after
    for data in (
        whole,
        b64encode(whole),
        urlsafe_b64encode(whole),
        whole.hex().encode(),
        whole.hex().upper().encode(),
        ("p" * before + written).encode("utf-16-le"),
        ("p" * before + written).encode("utf-16-be"),
    ):
        assert find_in(data, NEEDLES)


def test_other_bytes_hold_none() -> None:
    """Nor does half a canary."""
    assert not find_in(CANARY[1:].encode() + b64encode(CANARY[2:].encode()), NEEDLES)


def test_files_are_looked_through(tmp_path: Path) -> None:
    """Also those that are compressed; an empty one holds nothing."""
    plain, packed, empty = (tmp_path / name for name in ("plain", "packed", "empty"))
    plain.write_bytes(bytes(8_192) + CANARY.encode())
    packed.write_bytes(gzip.compress(CANARY.encode()))
    empty.write_bytes(b"")
    assert [bool(find_in_file(path, NEEDLES)) for path in (plain, packed, empty)] == [
        True,
        True,
        False,
    ]
