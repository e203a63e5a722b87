"""Where a public ledger is read from: a folder, or a server by HTTP, both within limits.

Guarantee: no document is read beyond the length that it can have; a path that leads out of the
folder is not read; redirects are not followed, and nothing but the documents asked for is taken
from a server, no key least of all. One connection is kept and opened again once when it ends. A
server that is busy is asked again a few times, as late as it says.
Source: https://c2sp.org/tlog-tiles, static GET.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from comity.audit.places import bytes_max
from comity.cli.errors import UsageError
from comity.domain.errors import ComityError

__all__ = ["LedgerUnreachableError", "fetch_from_folder", "is_url", "open_ledger"]

_WAIT_S_MAX: Final = 15.0
_ABSENT: Final = frozenset({404, 410})
_NOT_NOW: Final = frozenset({429, 503})
_RETRIES_MAX: Final = 5
_RETRY_S_MAX: Final = 5


class LedgerUnreachableError(ComityError):
    """A ledger's server did not give a document: this says nothing of the ledger."""

    code = "ledger-unreachable"


def is_url(place: str) -> bool:
    """Say whether a place is read by HTTP."""
    return place.startswith(("http://", "https://"))


@contextmanager
def open_ledger(place: str) -> Iterator[Callable[[str], bytes]]:
    """Yield a reader of a ledger's documents by their public paths. Raises: UsageError."""
    if not is_url(place):
        yield fetch_from_folder(Path(place))
        return
    server = _Server(place)
    try:
        yield server.fetch
    finally:
        server.close()


def fetch_from_folder(folder: Path) -> Callable[[str], bytes]:
    """Return a reader of a folder's documents by their public paths."""

    def fetch(path: str) -> bytes:
        parts = PurePosixPath(path).parts
        if ".." in parts or path.startswith("/"):
            raise FileNotFoundError(path)
        with folder.joinpath(*parts).open("rb") as file:
            # One byte more than there can be shows the checker that the document is too long.
            return file.read(bytes_max(path) + 1)

    return fetch


class _Server:
    """One ledger's documents by HTTP, over one connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if not parts.hostname or parts.query or parts.fragment or parts.username:
            raise UsageError("`url` is not a host and a path")
        self._prefix = parts.path.rstrip("/")
        self._retry_s = 1
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=_WAIT_S_MAX)

    def fetch(self, path: str) -> bytes:
        """Return a document. Raises: FileNotFoundError, LedgerUnreachableError."""
        status, encoding, data = self._answer(path)
        for _ in range(_RETRIES_MAX):
            if status not in _NOT_NOW:
                break
            time.sleep(self._retry_s)
            status, encoding, data = self._answer(path)
        if status in _ABSENT:
            raise FileNotFoundError(path)
        if status != 200 or encoding != "identity":
            raise LedgerUnreachableError(f"the ledger's server answered with status {status}")
        return data

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        """Return a status, an encoding and a body. Raises: LedgerUnreachableError."""
        try:
            return self._read(path)
        except ConnectionError:
            # The server may have ended a connection that was idle.
            self._connection.close()
        except (OSError, HTTPException) as error:
            raise _unreachable(error) from None
        try:
            return self._read(path)
        except (OSError, HTTPException) as error:
            raise _unreachable(error) from None

    def _read(self, path: str) -> tuple[int, str, bytes]:
        headers = {"Accept-Encoding": "identity", "User-Agent": "comity-audit"}
        self._connection.request("GET", f"{self._prefix}/{path}", headers=headers)
        with self._connection.getresponse() as response:
            data = response.read(bytes_max(path) + 1)
            if not response.isclosed():
                # What is left unread would be taken for the next answer.
                self._connection.close()
            encoding = response.headers.get("Content-Encoding", "identity")
            asked = response.headers.get("Retry-After", "")
            self._retry_s = min(_RETRY_S_MAX, int(asked)) if asked.isdecimal() else 1
            return response.status, encoding, data


def _unreachable(error: Exception) -> LedgerUnreachableError:
    return LedgerUnreachableError(f"the ledger's server gives nothing ({type(error).__name__})")
