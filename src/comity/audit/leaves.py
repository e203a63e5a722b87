"""Whether bytes are leaves of one ledger: an automaton over the canonical form, built from the ADR.

Guarantee: `LeafForm.refusals` and `LeafForm.entries` pass a leaf only if `parse_leaf` takes it too
(a property test holds them equal on valid leaves and on every one-bit change of them). What the
automaton does not take, `parse_leaf` judges and explains. So speed decides nothing.
How: a leaf's form is regular but for its lists of classes, whose order and overlap depend on each
other. Those are cut out as one piece, and what `parse_leaf` said of a leaf with the same piece is
remembered: the verdict on a piece depends on nothing outside it. Once the pieces of a ledger are
known, a second automaton has them in it and takes a whole bundle in one call.
Source: docs/adr/0002-ids-vocabularies-leaves.md, section The leaf; docs/adr/0022-audit.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from comity.domain.errors import MalformedError
from comity.domain.ids import MEMBERS, Member
from comity.domain.keys import KEYS
from comity.domain.leaf import LEAF_BYTES_MAX, parse_leaf
from comity.domain.vocabulary import Instrument, LeafKind, LeafMode, Offence, Purpose

__all__ = ["BUILT_PIECES_MAX", "PIECES_MAX", "LeafForm", "Refusal"]

PIECES_MAX: Final = 65_536
"""Distinct class lists that one audit remembers; beyond them a leaf is decoded each time."""

BUILT_PIECES_MAX: Final = 2_048
"""Distinct class lists that are built into the automaton of bundles; building costs their number
in tens of microseconds each."""

_KINDS: Final = {
    "query": "ag mk pu of in po? fo",
    "disclosure": "ag mk pu of in [cl wh de=release rs] po pe re?",
    "denial": "ag mk pu of in [wh de=deny] po pe re?",
    "hold": "ag mk pu of in [wh de=hold] po pe re?",
    "verdict": "[cl wh de=approve|refuse|ask|escalate] po? re",
    "closure": "[wh?] de=expired|undeliverable re",
    "pass": "ag pu? of? [cl] re?",
    "policy": "re? dg",
    "directory": "re? dg",
    "instrument": "ag? in re?",
    "certification": "ag re?",
    "notice": "re",
    "access": "[cl?] re?",
    "reveal": "ag? pu? of? re",
    "correction": "ag? pu? of? in? re",
    "redaction": "re",
    "key": "re? dg",
    "counts": "re? dg",
}
"""ADR 0002's table: the fields of each kind in the leaf's order; [...] is cut out as one piece."""


def _one_of(words: Iterable[str]) -> str:
    """Return a pattern of exactly these words that never goes back: a tree of their beginnings."""
    branches: dict[str, list[str]] = {}
    for word in sorted(set(words)):
        branches.setdefault(word[:1], []).append(word[1:])
    # The word that ends here stands last, so that a longer one is tried before it.
    ends = branches.pop("", None) is not None
    parts = [re.escape(head) + _one_of(rests) for head, rests in branches.items()]
    if ends:
        parts.append("")
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"


# 18 digits are below 2^63 and 7 below 2^24: longer numbers, still valid, are left to `parse_leaf`.
_NUMBER: Final = "(?:[1-9][0-9]{0,17}|0)"
_HOUR: Final = "(?:[1-9][0-9]{0,6}|0)"
_ENTRY: Final = f'"{_one_of(MEMBERS)}/{_NUMBER}"'
_HASH: Final = '"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="'
_LIST: Final = r'\[[a-z_",]*\]'
_NEVER: Final = "(?!)"
_GROWTH: Final = 1.25
"""By how much the known pieces have grown before it is worth building the automaton anew."""
_REST_BYTES_MAX: Final = 512
_LENGTHS: Final = [length.to_bytes(2, "big") for length in range(LEAF_BYTES_MAX + _REST_BYTES_MAX)]
"""What stands before an entry in its bundle, by its length: a piece comes of a leaf, and all else
that the automaton takes is not half as long."""
_VALUES: Final = {
    "ag": f'"(?:[A-Z0-9]{{9}}|sealed|small:{_one_of(MEMBERS)})"',
    "mk": f'"{_one_of(KEYS)}"',
    "pu": f'"{_one_of([*Purpose, "sealed"])}"',
    "of": f'"{_one_of([*Offence, "sealed"])}"',
    "in": f'"{_one_of(Instrument)}"',
    "cl": _LIST,
    "wh": _LIST,
    "rs": f'"{_one_of(["record", "none"])}"',
    "po": _NUMBER,
    "pe": _ENTRY,
    "fo": "(?:[1-5][0-9]?|6[0-4]?|[7-9])",
    "re": _ENTRY,
    "dg": _HASH,
}


def _field(text: str) -> str:
    """Return the pattern of one field of `_KINDS`, with the comma after it."""
    name, _, words = text.rstrip("?").partition("=")
    value = f'"{_one_of(words.split("|"))}"' if words else _VALUES[name]
    pattern = f'"{name}":{value},'
    # An alternative with nothing costs less than a repetition.
    return f"(?:{pattern}|)" if text.endswith("?") else pattern


def _fields(text: str) -> str:
    return "".join(map(_field, text.split()))


def _form(member: Member, cut: Callable[[str], str], without: Container[str] = ()) -> str:
    """Return the pattern of one member's leaves; `cut` gives that of a kind's piece."""
    start = f'","m":"{_one_of(LeafMode)}","h":{_HOUR},"st":"{member}",'
    kinds = []
    for kind, fields in _KINDS.items():
        if kind in without:
            continue
        before, _, rest = fields.partition("[")
        piece, _, after = rest.partition("]")
        middle = cut(_fields(piece)) if piece else ""
        kinds.append(f"{kind}{start}{_fields(before)}{middle}{_fields(after)}")
    return f'\\{{"v":1,"k":"(?:{"|".join(kinds)})"c":{_HASH}\\}}'


def _bundle_form(
    member: Member, pieces: Iterable[bytes], without: Container[str]
) -> re.Pattern[bytes]:
    """Return the automaton of a member's leaves with these pieces, each behind its length."""
    known = [piece.decode() for piece in pieces]

    def cut(piece: str) -> str:
        words = list(filter(re.compile(piece).fullmatch, known))
        return _one_of(words) if words else _NEVER

    form = _form(member, cut, without)
    return re.compile(f"..({form})".encode(), re.DOTALL)


class Refusal(NamedTuple):
    """Why an entry is no leaf of a ledger; a stranger is a good leaf of another member."""

    text: str
    is_stranger: bool


class LeafForm:
    """The form of one member's leaves, and what is known of their class lists so far.

    read_apart: kinds whose leaves an audit looks into; `entries` leaves their bundles to it.
    """

    def __init__(self, member: Member, read_apart: Collection[LeafKind] = ()) -> None:
        self.member = member
        self._read_apart = frozenset(read_apart)
        self._match = re.compile(_form(member, "({})".format).encode()).fullmatch
        self._known: set[bytes] = {b""}
        self._find = self._build()

    def entries(self, data: bytes, width: int) -> list[bytes] | None:
        """Return the entries of a bundle if there are so many and all are leaves of this member.

        None says nothing of them: `refusals` does.
        """
        found = self._find(data)
        if len(found) != width:
            return None
        frames = map(_LENGTHS.__getitem__, map(len, found))
        # What was found, framed again, is the bundle: nothing was passed over.
        again = b"".join(chain.from_iterable(zip(frames, found, strict=True)))
        return found if again == data else None

    def refusals(self, entries: Sequence[bytes]) -> Iterator[tuple[int, Refusal]]:
        """Yield the place of each entry that is no leaf of this member, with the reason."""
        found = list(map(self._match, entries))
        pieces = {match[piece] for match in found if match and (piece := match.lastindex)}
        if None not in found and pieces <= self._known:
            return
        for place, (match, entry) in enumerate(zip(found, entries, strict=True)):
            if match is None or (match.lastindex and match[match.lastindex] not in self._known):
                refusal = self._judge(entry)
                if refusal is not None:
                    yield place, refusal
                elif match is not None and match.lastindex and len(self._known) < PIECES_MAX:
                    self._known.add(match[match.lastindex])
        if self._built * _GROWTH < len(self._known) <= BUILT_PIECES_MAX:
            self._find = self._build()

    def _build(self) -> Callable[[bytes], list[bytes]]:
        """Return the automaton of bundles with all pieces that are known by now."""
        self._built = len(self._known)
        return _bundle_form(self.member, self._known, self._read_apart).findall

    def _judge(self, entry: bytes) -> Refusal | None:
        """Return why an entry is no leaf of this member, or None if it is one."""
        try:
            header = parse_leaf(entry)
        except MalformedError as error:
            return Refusal(str(error), is_stranger=False)
        if header.member != self.member:
            return Refusal("of another member", is_stranger=True)
        return None
