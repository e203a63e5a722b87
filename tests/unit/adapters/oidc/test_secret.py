"""The file with the console's secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from comity.adapters.errors import ClientSecretError
from comity.adapters.oidc import read_client_secret
from comity.adapters.oidc.secret import CLIENT_SECRET_BYTES_MAX


def kept(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(data)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("data", [b"s3cret", b"s3cret\n", b"x" * CLIENT_SECRET_BYTES_MAX])
def test_secret_is_read(tmp_path: Path, data: bytes) -> None:
    """A private file gives what it holds, without the end of its line."""
    assert read_client_secret(kept(tmp_path, data)) == data.decode().strip()


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"a\nb", b"\xff", b"x" * (CLIENT_SECRET_BYTES_MAX + 1)]
)
def test_what_is_no_secret_is_refused(tmp_path: Path, data: bytes) -> None:
    """Nothing, two lines, bytes that are no text or too many of them; a file that is not there."""
    with pytest.raises(ClientSecretError):
        read_client_secret(kept(tmp_path, data))
    with pytest.raises(ClientSecretError):
        read_client_secret(tmp_path / "absent")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """A secret that others may read or replace is none."""
    with pytest.raises(ClientSecretError, match="others"):
        read_client_secret(kept(tmp_path, b"s3cret", mode))
