"""How often a door was used: live disclosures, counted from public leaf headers alone.

A header tells agency, key, purpose, offence, instrument and the classes released. A disclosure
counts for a door where its header meets what the closing rule asks of these; what a header does not
tell is taken to fit. An exception lets one off only where the header tells all that it asks.

Guarantee: each disclosure is looked at once; one whose agency is sealed or small, and that no
`reveal` leaf opened, is counted as not told, never guessed.
Source: docs/adr/0035-leaks.md; docs/adr/0024-private-records.md, "Delayed detail".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from comity.domain.leaf import SEALED
from comity.policy.axis import Axis
from comity.policy.reach import Door
from comity.policy.rule import Condition, Rule
from comity.policy.target import Homes, lineage

__all__ = ["Usage", "UsageCount"]


class _Leaf(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "kind": "k", "mode": "m", "hour": "h", "agency": "ag", "key": "mk", "purpose": "pu",
        "offence": "of", "instrument": "in", "released": "cl", "cites": "re",
    },
):  # fmt: skip
    """What is read of a leaf; its form was checked when it was written."""

    kind: str
    mode: str
    hour: int
    agency: str = ""
    key: str = ""
    purpose: str = ""
    offence: str = ""
    instrument: str = ""
    released: tuple[str, ...] = ()
    cites: str = ""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """How many disclosures went through each door, in the order of the doors.

    `untold` of all `disclosures` do not say by which agency they were asked.
    """

    counts: tuple[int, ...]
    disclosures: int
    untold: int


_Header = tuple[str, str, str, str, str, tuple[str, ...]]
_TOLD: Final = (
    Axis.AGENCY, Axis.MESSAGE_KEY, Axis.PURPOSE, Axis.OFFENCE, Axis.INSTRUMENT, Axis.DATA_CLASS,
)  # fmt: skip
_SMALL: Final = "small:"
_UNTOLD: Final = (SEALED, _SMALL)
_DECODER: Final = msgspec.json.Decoder(_Leaf)


class UsageCount:
    """Counts leaves of one ledger that were made since an hour, the newest first."""

    def __init__(self, since_hour: int = 0) -> None:
        self._since_hour = since_hour
        self._headers: Counter[_Header] = Counter()
        self._reveals: dict[str, _Leaf] = {}

    def add(self, entry: str, data: bytes) -> int:
        """Count one leaf; `entry` cites it. Return its hour."""
        leaf = _DECODER.decode(data)
        if leaf.kind == "reveal":
            self._reveals[leaf.cites] = leaf
        elif (leaf.kind, leaf.mode) == ("disclosure", "live") and leaf.hour >= self._since_hour:
            self._headers[_header(self._opened(entry, leaf))] += bool(leaf.released)
        return leaf.hour

    def _opened(self, entry: str, leaf: _Leaf) -> _Leaf:
        """Return a sealed leaf with what a later leaf revealed of it."""
        reveal = self._reveals.pop(entry, None)
        if reveal is None:
            return leaf
        return msgspec.structs.replace(
            leaf,
            # The reveal of a small agency's leaf leaves the agency out.
            agency=reveal.agency or _SMALL,
            purpose=reveal.purpose,
            offence=reveal.offence,
        )

    def through(self, doors: Sequence[Door], homes: Homes) -> Usage:
        """Return what went through each of these doors."""
        counts = [0] * len(doors)
        disclosures = untold = 0
        for header, count in self._headers.items():
            disclosures += count
            if header[0].startswith(_UNTOLD):
                untold += count
                continue
            values = _values(header, homes)
            for at, door in enumerate(doors):
                if any(_meets(rule, values) for rule in door.closing):
                    counts[at] += count
        return Usage(counts=tuple(counts), disclosures=disclosures, untold=untold)


def _header(leaf: _Leaf) -> _Header:
    return (leaf.agency, leaf.key, leaf.purpose, leaf.offence, leaf.instrument, leaf.released)


def _values(header: _Header, homes: Homes) -> dict[Axis, frozenset[str]]:
    agency, *single, released = header
    values: tuple[Iterable[str], ...] = (
        lineage(agency, homes), *((str(each),) for each in single), released,
    )  # fmt: skip
    return {axis: frozenset(each) for axis, each in zip(_TOLD, values, strict=True)}


def _meets(rule: Rule, values: dict[Axis, frozenset[str]]) -> bool:
    if not _fits(rule.when, values):
        return False
    told = (each for each in rule.unless if all(axis in values for axis, _ in each.terms()))
    return not any(_fits(each, values) for each in told)


def _fits(condition: Condition, values: dict[Axis, frozenset[str]]) -> bool:
    return all(
        not values[axis].isdisjoint(asked) for axis, asked in condition.terms() if axis in values
    )
