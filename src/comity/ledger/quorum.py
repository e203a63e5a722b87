"""The quorum file: which ledgers and witnesses are known, and whose cosignatures are enough.

Its form is C2SP's tlog-policy, so that other people's verifiers read the same file. A name in it
has no meaning outside of it; a witness is known by its key.
Guarantee: what is not exactly in that form is refused with its line; a group counts each witness
once, because a name stands in one group at most and a key behind one name at most.
Source: https://c2sp.org/tlog-policy.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from msgspec import Struct

from comity.ledger.errors import KeyFormError, QuorumFileError
from comity.ledger.note import KeyKind, VerifierKey, encode_vkey, parse_vkey

__all__ = [
    "QUORUM_FILE_BYTES_MAX",
    "QUORUM_GROUPS_MAX",
    "QUORUM_LEDGERS_MAX",
    "QUORUM_WITNESSES_MAX",
    "Group",
    "KnownLedger",
    "KnownWitness",
    "QuorumFile",
    "encode_quorum_file",
    "parse_quorum_file",
]

QUORUM_FILE_BYTES_MAX: Final = 262_144
QUORUM_LEDGERS_MAX: Final = 512
QUORUM_WITNESSES_MAX: Final = 63
"""Witnesses of one file: a note holds 64 signatures, the ledger's own among them."""
QUORUM_GROUPS_MAX: Final = 64

_NONE: Final = "none"
_FORBIDDEN: Final = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_SPACE: Final = re.compile(r"[ \t]+")
_COUNT: Final = re.compile(r"[1-9][0-9]{0,3}")


class KnownLedger(Struct, frozen=True, kw_only=True):
    """A ledger by its key, whose name is its origin, and where it can be read."""

    key: VerifierKey
    url: str = ""


class KnownWitness(Struct, frozen=True, kw_only=True):
    """A witness by its key; `url` is the prefix under which it takes checkpoints."""

    name: str
    key: VerifierKey
    url: str = ""


class Group(Struct, frozen=True, kw_only=True):
    """Witnesses and groups of which at least `count` must have cosigned."""

    name: str
    count: int
    members: tuple[str, ...]


class QuorumFile(Struct, frozen=True, kw_only=True):
    """What a quorum file says. `quorum` names a witness, a group, or nobody (`none`)."""

    ledgers: tuple[KnownLedger, ...] = ()
    witnesses: tuple[KnownWitness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = _NONE

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """The keys of all witnesses."""
        return tuple(witness.key for witness in self.witnesses)

    def keys_of(self, origin: str) -> tuple[VerifierKey, ...]:
        """Return the keys that may sign for an origin; none if it is not known."""
        return tuple(ledger.key for ledger in self.ledgers if ledger.key.name == origin)

    def is_satisfied(self, cosigned: Collection[VerifierKey]) -> bool:
        """Say whether cosignatures by these keys are enough; unknown keys count for nothing."""
        holds = {_NONE: True} | {w.name: w.key in cosigned for w in self.witnesses}
        for group in self.groups:  # A group names only what stands before it.
            holds[group.name] = sum(holds[name] for name in group.members) >= group.count
        return holds[self.quorum]


class _Reader:
    """Takes a file's lines in their order; each field is written by its own line's method."""

    def __init__(self) -> None:
        self.ledgers: list[KnownLedger] = []
        self.witnesses: list[KnownWitness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self._defined: set[str] = set()
        self._grouped: set[str] = set()
        self._keys: set[tuple[KeyKind, bytes]] = set()

    def take(self, items: list[str]) -> None:
        """Take one line. Raises: QuorumFileError, KeyFormError."""
        match items:
            case ["log", vkey, *url] if len(url) <= 1:
                key = self._key(vkey, KeyKind.ED25519)
                self.ledgers.append(KnownLedger(key=key, url="".join(url)))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._define(name)
                key = self._key(vkey, KeyKind.COSIGNATURE)
                self.witnesses.append(KnownWitness(name=name, key=key, url="".join(url)))
            case ["group", name, count, *members] if members:
                self._group(name, count, members)
            case ["quorum", name]:
                if self.quorum is not None:
                    raise QuorumFileError("`quorum` stands there twice")
                if name != _NONE and name not in self._defined:
                    raise QuorumFileError("`quorum` names what no line before it defines")
                self.quorum = name
            case _:
                raise QuorumFileError("`line` is no log, witness, group or quorum line")

    def result(self) -> QuorumFile:
        """Return what the lines say. Raises: QuorumFileError."""
        if self.quorum is None:
            raise QuorumFileError("`quorum` is missing")
        counts = (
            ("log", len(self.ledgers), QUORUM_LEDGERS_MAX),
            ("witness", len(self.witnesses), QUORUM_WITNESSES_MAX),
            ("group", len(self.groups), QUORUM_GROUPS_MAX),
        )
        for kind, count, count_max in counts:
            if count > count_max:
                raise QuorumFileError(f"`{kind}` lines are more than {count_max}")
        return QuorumFile(
            ledgers=tuple(self.ledgers),
            witnesses=tuple(self.witnesses),
            groups=tuple(self.groups),
            quorum=self.quorum,
        )

    def _define(self, name: str) -> None:
        if name == _NONE or name in self._defined:
            raise QuorumFileError("`name` is defined already")
        self._defined.add(name)

    def _key(self, text: str, kind: KeyKind) -> VerifierKey:
        try:
            key = parse_vkey(text)
        except UnicodeEncodeError:
            raise KeyFormError("`vkey` is not UTF-8") from None
        if key.kind is not kind:
            raise QuorumFileError("`vkey` is of a type that cannot sign so")
        if (kind, key.public_key) in self._keys:
            raise QuorumFileError("`vkey` stands there twice")
        self._keys.add((kind, key.public_key))
        return key

    def _group(self, name: str, count: str, members: list[str]) -> None:
        if not self._defined.issuperset(members):
            raise QuorumFileError("`group` names what no line before it defines")
        if len(set(members)) < len(members) or not self._grouped.isdisjoint(members):
            raise QuorumFileError("`group` names what stands in a group already")
        named = {"any": 1, "all": len(members)}.get(count)
        if named is None:
            named = int(count) if _COUNT.fullmatch(count) else 0
        if not 1 <= named <= len(members):
            raise QuorumFileError("`group` counts neither any, all, nor some of its members")
        self._define(name)
        self._grouped.update(members)
        self.groups.append(Group(name=name, count=named, members=tuple(members)))


def parse_quorum_file(data: bytes) -> QuorumFile:
    """Return what a quorum file says. Raises: QuorumFileError with the number of its line."""
    if len(data) > QUORUM_FILE_BYTES_MAX:
        raise QuorumFileError("`file` is longer than 262,144 bytes")
    if _FORBIDDEN.search(data):
        raise QuorumFileError("`file` holds a control character")
    reader = _Reader()
    # What is not ASCII is opaque: two names are the same if their bytes are.
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), start=1):
        stripped = line.strip(" \t")
        if not stripped or stripped.startswith("#"):
            continue
        try:
            reader.take(_SPACE.split(stripped))
        except (QuorumFileError, KeyFormError) as error:
            raise QuorumFileError(f"line {number}: {error}") from None
    return reader.result()


def encode_quorum_file(file: QuorumFile) -> bytes:
    """Return a quorum file as text: ledgers, witnesses, groups, and the quorum last."""
    lines = [f"log {encode_vkey(one.key)} {one.url}" for one in file.ledgers]
    lines += [f"witness {one.name} {encode_vkey(one.key)} {one.url}" for one in file.witnesses]
    for group in file.groups:
        lines.append(f"group {group.name} {group.count} {' '.join(group.members)}")
    lines.append(f"quorum {file.quorum}")
    return "".join(f"{line.rstrip()}\n" for line in lines).encode("utf-8", "surrogateescape")
