"""Who cosigned a checkpoint, and whether that is enough: from a quorum file and a note alone.

Derived here from C2SP's text and not from the writer's code: a file is read into the set of
witnesses that each name stands for, and a quorum is counted over these sets.
Source: https://c2sp.org/tlog-policy; https://c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from msgspec import Struct

from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.hashing import check_consistency
from comity.audit.notes import SignedHead, TrustedKey, read_checkpoint, read_vkey, unbase64

__all__ = ["Quorum", "WitnessReport", "check_evidence", "check_quorum", "read_quorum"]

_FILE_BYTES_MAX: Final = 262_144
_NAMES_MAX: Final = 1_024
_TIME_MAX: Final = 2**63 - 1
_TIMED: Final = 4
_PLAIN: Final = 1
_ODD: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


class Quorum(Struct, frozen=True, kw_only=True):
    """What a quorum file asks for.

    ledgers: the keys it knows; witnesses: by the name that the file gives each.
    steps: groups in their order, each a name, how many, of which.
    """

    ledgers: tuple[TrustedKey, ...]
    witnesses: dict[str, TrustedKey]
    steps: tuple[tuple[str, int, tuple[str, ...]], ...]
    goal: str

    def holds_for(self, cosigned: frozenset[str]) -> bool:
        """Say whether these witnesses, by their names in the file, are enough."""
        reached = set(cosigned & self.witnesses.keys())
        for name, count, members in self.steps:
            if len(reached.intersection(members)) >= count:
                reached.add(name)
        return self.goal == "none" or self.goal in reached


class WitnessReport(Struct, frozen=True, kw_only=True):
    """What a checkpoint's cosignatures come to.

    cosigned: names in the file of the witnesses whose signatures hold, with the second of each.
    is_satisfied: whether they are enough; a file that asks for nobody is satisfied by nobody.
    """

    origin: str
    size: int
    root: bytes
    cosigned: dict[str, int]
    known: int
    is_satisfied: bool

    @property
    def is_witnessed(self) -> bool:
        """Whether anybody but the ledger itself vouches for the checkpoint."""
        return bool(self.cosigned)


def read_quorum(data: bytes) -> Quorum:
    """Return what a quorum file asks for. Raises: EvidenceFormError with the line's number."""
    if len(data) > _FILE_BYTES_MAX or _ODD.search(data):
        raise EvidenceFormError("`quorum file` is too long or holds a control character")
    lines = _Lines()
    for number, raw in enumerate(data.split(b"\n"), start=1):
        words = raw.decode("utf-8", "surrogateescape").replace("\t", " ").split(" ")
        words = [word for word in words if word]
        try:
            if words and not words[0].startswith("#"):
                lines.take(words)
        except EvidenceFormError as error:
            raise EvidenceFormError(f"`quorum file`, line {number}: {error}") from None
    return lines.quorum()


def check_quorum(note: bytes, ledger: TrustedKey, quorum: Quorum) -> WitnessReport:
    """Return who of a file's witnesses cosigned a checkpoint, and whether that is enough.

    Raises: EvidenceFormError, EvidenceError if the ledger's signature or that of a known witness
            does not hold.
    """
    head: SignedHead = read_checkpoint(note, ledger)
    cosigned: dict[str, int] = {}
    for name, key in quorum.witnesses.items():
        # One at a time: the file may know two keys of one witness's name.
        times = read_checkpoint(note, ledger, [key]).witnessed
        if key.name in times:
            if times[key.name] > _TIME_MAX:
                raise EvidenceError("`time` of a cosignature is beyond what it may be")
            cosigned[name] = times[key.name]
    return WitnessReport(
        origin=head.origin,
        size=head.size,
        root=head.root,
        cosigned=cosigned,
        known=len(quorum.witnesses),
        is_satisfied=quorum.holds_for(frozenset(cosigned)),
    )


class _Lines:
    """What the lines so far define."""

    def __init__(self) -> None:
        self._ledgers: list[TrustedKey] = []
        self._witnesses: dict[str, TrustedKey] = {}
        self._steps: list[tuple[str, int, tuple[str, ...]]] = []
        self._goals: list[str] = []
        self._known: set[str] = set()
        self._in_groups: set[str] = set()

    def take(self, words: list[str]) -> None:
        """Take one line. Raises: EvidenceFormError."""
        kind, count = words[0], len(words)
        if kind == "log" and count in (2, 3):
            self._ledgers.append(_key(words[1], _PLAIN, self._ledgers))
        elif kind == "witness" and count in (3, 4):
            self._add(words[1])
            self._witnesses[words[1]] = _key(words[2], _TIMED, self._witnesses.values())
        elif kind == "group" and count > 3:
            step = self._step(words)
            self._add(words[1])
            self._steps.append(step)
        elif kind == "quorum" and count == 2:
            if words[1] != "none" and words[1] not in self._known:
                raise EvidenceFormError("`quorum` names what is unknown")
            self._goals.append(words[1])
        else:
            raise EvidenceFormError("not a log, witness, group or quorum line")

    def quorum(self) -> Quorum:
        """Return the whole. Raises: EvidenceFormError."""
        if len(self._goals) != 1:
            raise EvidenceFormError("`quorum file` does not have one quorum line")
        if len(self._known) + len(self._ledgers) > _NAMES_MAX:
            raise EvidenceFormError("`quorum file` has more than 1,024 keys and groups")
        return Quorum(
            ledgers=tuple(self._ledgers),
            witnesses=self._witnesses,
            steps=tuple(self._steps),
            goal=self._goals[0],
        )

    def _add(self, name: str) -> None:
        if name == "none" or name in self._known:
            raise EvidenceFormError("`name` is taken")
        self._known.add(name)

    def _step(self, words: list[str]) -> tuple[str, int, tuple[str, ...]]:
        name, how_many, members = words[1], words[2], tuple(words[3:])
        for member in members:
            if member not in self._known or member in self._in_groups:
                raise EvidenceFormError("`group` names what is unknown or in a group already")
            self._in_groups.add(member)
        if how_many in ("any", "all"):
            return name, 1 if how_many == "any" else len(members), members
        if not re.fullmatch(r"[1-9][0-9]{0,3}", how_many) or int(how_many) > len(members):
            raise EvidenceFormError("`group` counts more than its members, or nothing")
        return name, int(how_many), members


def _key(text: str, kind: int, others: Iterable[TrustedKey]) -> TrustedKey:
    try:
        key = read_vkey(text)
    except UnicodeEncodeError:
        raise EvidenceFormError("`vkey` is not UTF-8") from None
    if key.kind != kind:
        raise EvidenceFormError("`vkey` is of a type that cannot sign so")
    if any(key.public_key == other.public_key for other in others):
        raise EvidenceFormError("`vkey` stands there twice")
    return key


def check_evidence(seen: bytes, shown: bytes, ledger: TrustedKey) -> str:
    """Return what a kept request shows against a ledger: `fork` or `unproved`.

    seen: the note that the witness cosigned before, nothing if it had cosigned none.
    shown: the request's bytes: old size, proof, and another note of the same ledger.
    Raises: EvidenceFormError, EvidenceError if a signature does not hold, or nothing contradicts.
    """
    head, gap, note = shown.partition(b"\n\n")
    old, *lines = head.decode("utf-8", "replace").split("\n")
    if not gap or not re.fullmatch(r"old (0|[1-9][0-9]{0,14})", old):
        raise EvidenceFormError("`shown` is no request to cosign a checkpoint")
    later = read_checkpoint(note, ledger)
    before = read_checkpoint(seen, ledger) if seen else None
    size, root = (before.size, before.root) if before else (0, sha256(b"").digest())
    if later.size == size:
        if later.root == root:
            raise EvidenceError("`shown` is the head that was seen before")
        return "fork"
    if int(old[4:]) != size:
        raise EvidenceError("`shown` does not continue the head that was seen before")
    try:
        check_consistency(size, root, later.size, later.root, [unbase64(line) for line in lines])
    except EvidenceError:
        return "unproved"
    raise EvidenceError("`shown` continues the head that was seen before")
