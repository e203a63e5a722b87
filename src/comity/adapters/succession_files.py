"""A succession's files, below the host's data directory.

    retired/<old>/order      document     what was ordered, and the event that says so
    retired/<old>/origins                 the retired origin and the successor's, a line each
    retired/<old>/next.key                the successor's key, until it is taken up
    retired/<old>/ledger.key              the retired key, from then on
    retired/<old>/beyond.jsonl            rows beyond the cut, one a line
    retired/<old>/copy/leaves             leaves from a copy: the first one's index, then entries
    retired/<old>/copy/document/<index>   and their public documents
    ledger-keys/<new>.key                 where the successor's key goes

Guarantee: each step is durable before the next, so that a crash leaves either something under way
that can be repeated, or nothing. What was set aside is never written over once the key is taken up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.adapters.errors import SuccessionFilesError
from comity.adapters.files import flush_folder, make_folder, write_whole
from comity.ports import (
    AcceptedRow,
    AnswerRow,
    AsideRow,
    CheckpointRow,
    DemandRow,
    DirectoryRow,
    DocumentRow,
    HoldRow,
    KeyRow,
    LeafRow,
    NextKey,
    PolicyRow,
    PrivateRow,
    Staged,
)

__all__ = ["ASIDE_KINDS", "FileCopied", "FileSuccessions", "aside_line"]

ASIDE_KINDS: Final[dict[type[AsideRow], str]] = {
    LeafRow: "leaf",
    PrivateRow: "private",
    KeyRow: "key",
    AcceptedRow: "accepted",
    AnswerRow: "answer",
    HoldRow: "hold",
    PolicyRow: "policy",
    DirectoryRow: "directory",
    DocumentRow: "document",
    CheckpointRow: "checkpoint",
    DemandRow: "demand",
}
"""What each line of evidence says it is."""

_ENTRIES_PER_PAGE: Final = 4_096
_LENGTH_BYTES: Final = 2
_FIRST_BYTES_MAX: Final = 20
_DOCUMENT_BYTES_MAX: Final = 4_194_304


def aside_line(row: AsideRow) -> bytes:
    """Return a row as a line of evidence; bytes are base64."""
    return (
        msgspec.json.encode({"row": ASIDE_KINDS[type(row)], **msgspec.structs.asdict(row)}) + b"\n"
    )


class FileCopied:
    """Leaves of a copy, in one file, with a folder of documents beside it."""

    def __init__(self, folder: Path, first: int, start: int) -> None:
        self._folder = folder
        self._first = first
        self._start = start

    @property
    def first(self) -> int:
        """The index of the first of them."""
        return self._first

    def pages(self) -> Iterator[list[bytes]]:
        """Yield the leaves in order. Raises: SuccessionFilesError."""
        page: list[bytes] = []
        with (self._folder / "leaves").open("rb") as file:
            file.seek(self._start)
            while length := file.read(_LENGTH_BYTES):
                count = int.from_bytes(length, "big")
                entry = file.read(count)
                if len(length) != _LENGTH_BYTES or len(entry) != count:
                    raise SuccessionFilesError("`copy/leaves` ends within an entry")
                page.append(entry)
                if len(page) == _ENTRIES_PER_PAGE:
                    yield page
                    page = []
        if page:
            yield page

    def document(self, index: int) -> bytes | None:
        """Return the public document of a leaf, or None."""
        try:
            with (self._folder / "document" / str(index)).open("rb") as file:
                return file.read(_DOCUMENT_BYTES_MAX + 1)
        except FileNotFoundError:
            return None


class FileSuccessions:
    """The successions of one host."""

    def __init__(self, data_dir: Path) -> None:
        self._dir = data_dir

    def copied(self, retired: str) -> FileCopied | None:
        """Return what was taken from a copy, or None. Raises: SuccessionFilesError."""
        folder = self._folder(retired) / "copy"
        try:
            with (folder / "leaves").open("rb") as file:
                line = file.readline(_FIRST_BYTES_MAX)
        except FileNotFoundError:
            return None
        if not line.endswith(b"\n") or not line[:-1].isdigit():
            raise SuccessionFilesError("`copy/leaves` does not begin with an index")
        return FileCopied(folder, int(line), len(line))

    def keep_copy(
        self,
        retired: str,
        first: int,
        entries: Iterator[bytes],
        document_of: Callable[[int, bytes], bytes | None],
    ) -> int:
        """Keep a copy's leaves from an index on, and their documents; return how many leaves."""
        folder = self._made(retired) / "copy"
        make_folder(folder)
        make_folder(folder / "document")
        fresh = folder / ".leaves"
        count = 0
        with fresh.open("wb") as file:
            file.write(b"%d\n" % first)
            for entry in entries:
                file.write(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry)
                document = document_of(first + count, entry)
                if document is not None:
                    write_whole(folder / "document" / str(first + count), document)
                count += 1
        # Not flushed: whoever reads it holds it against the root that people signed.
        fresh.replace(folder / "leaves")
        return count

    def drop_copy(self, retired: str) -> None:
        """Forget an earlier copy."""
        (self._folder(retired) / "copy" / "leaves").unlink(missing_ok=True)

    def stage(self, staged: Staged) -> NextKey:
        """Keep durably what a succession is about to do; return the successor's key."""
        folder = self._made(staged.retired)
        write_whole(folder / "order", staged.order)
        write_whole(folder / "document", staged.document)
        write_whole(folder / "origins", f"{staged.retired}\n{staged.origin}\n".encode())
        key = folder / "next.key"
        if not key.exists():
            digits = Ed25519PrivateKey.generate().private_bytes_raw().hex()
            write_whole(key, f"{digits}\n".encode())
        return _read_key(key)

    def staged(self) -> list[Staged]:
        """Return the successions under way. Raises: SuccessionFilesError."""
        return [self._staged(path.parent) for path in sorted(self._dir.glob("retired/*/next.key"))]

    def _staged(self, folder: Path) -> Staged:
        try:
            retired, origin = (folder / "origins").read_text("utf-8").splitlines()
            return Staged(
                retired=retired,
                origin=origin,
                order=(folder / "order").read_bytes(),
                document=(folder / "document").read_bytes(),
            )
        except (OSError, ValueError) as error:
            raise SuccessionFilesError(f"`{folder}` is not a succession's folder") from error

    @contextmanager
    def aside(self, retired: str) -> Iterator[Callable[[Sequence[AsideRow]], None]]:
        """Open what takes rows as evidence; durable when left without an error."""
        path = self._made(retired) / "beyond.jsonl"
        fresh = path.with_name(".beyond.jsonl")
        fresh.touch(mode=0o600)
        with fresh.open("wb") as file:
            yield lambda rows: file.writelines(map(aside_line, rows))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        flush_folder(path.parent)

    def take_up(self, staged: Staged) -> NextKey:
        """Put the successor's key in the place of the retired one, which is put away."""
        folder = self._folder(staged.retired)
        waiting, place = folder / "next.key", self._key_path(staged.origin)
        if waiting.exists():
            write_whole(place, waiting.read_bytes())
            old = self._key_path(staged.retired)
            if old.exists():
                old.rename(folder / "ledger.key")
                flush_folder(old.parent)
                flush_folder(folder)
            waiting.unlink()
            flush_folder(folder)
        return _read_key(place)

    def _made(self, retired: str) -> Path:
        make_folder(self._dir / "retired")
        folder = self._folder(retired)
        make_folder(folder)
        return folder

    def _folder(self, retired: str) -> Path:
        return self._dir / "retired" / _label(retired)

    def _key_path(self, origin: str) -> Path:
        return self._dir / "ledger-keys" / f"{_label(origin)}.key"


def _label(origin: str) -> str:
    return origin.rpartition("/")[2]


def _read_key(path: Path) -> NextKey:
    try:
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text("ascii")))
    except (OSError, ValueError) as error:
        raise SuccessionFilesError(f"`{path}` is not a key of 64 hexadecimal digits") from error
    return key, key.public_key().public_bytes_raw()
