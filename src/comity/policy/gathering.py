"""Agencies in few words: the largest families that hold them, and what they leave out.

Agencies of one kind stand together across states: `local agencies`, `sheriffs of Texas`.

Guarantee: the words name exactly the agencies given, out of all; where that would take too long,
they say so many of whom. Source: docs/adr/0035-leaks.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

from comity.domain.agency import Family, family_ancestors
from comity.domain.ids import OPERATOR_MEMBER, Member, member_label
from comity.policy.english import join_words
from comity.policy.families import KNOWN_FAMILIES, is_ori, label_of_agency
from comity.policy.space import Asker

__all__ = ["words_of_agencies"]

_Node = tuple[str, ...]
_STATES: Final = "*"
_ROOT: Final = OPERATOR_MEMBER.upper()
_LEFT_OUT_MAX: Final = 3
_NAMED_MAX: Final = 5
_KINDS: Final = {
    (_STATES,): "agencies of the states",
    (_STATES, "STATE"): "state agencies",
    (_STATES, "LOCAL"): "local agencies",
    (_STATES, "LOCAL", "PD"): "police departments",
    (_STATES, "LOCAL", "SO"): "sheriffs",
}


def words_of_agencies(agencies: Iterable[Asker], everyone: Collection[Asker]) -> str:
    """Return the words for some of all agencies."""
    those = tuple(agencies)
    inside = {asker.ori for asker in those}
    whole = _whole_family(those, everyone)
    if whole is not None:
        return label_of_agency(whole)
    total: Counter[_Node] = Counter()
    held: Counter[_Node] = Counter()
    below: dict[_Node, dict[_Node, None]] = {}
    for asker in everyone:
        path = _path(asker)
        for length in range(len(path) + 1):
            node = path[:length]
            total[node] += 1
            held[node] += asker.ori in inside
            if length:
                below.setdefault(path[: length - 1], {})[node] = None
    return join_words(_Tree(total, held, below).inside(()), "and") or "nobody"


def _whole_family(those: tuple[Asker, ...], everyone: Collection[Asker]) -> Family | None:
    """Return the known family of all of these and nobody else, if there is one."""
    common = set(KNOWN_FAMILIES)
    for asker in those:
        common.intersection_update(family_ancestors(asker.family))
    if not those or not common:
        return None
    least = max(common, key=len)
    count = sum(least in family_ancestors(asker.family) for asker in everyone)
    return least if count == len(those) and len(those) < len(everyone) else None


class _Tree:
    """All agencies by kind; how many stand below each node, and how many of those are meant."""

    def __init__(
        self,
        total: Counter[_Node],
        held: Counter[_Node],
        below: dict[_Node, dict[_Node, None]],
    ) -> None:
        self._total = total
        self._held = held
        self._below = below

    def inside(self, node: _Node) -> list[str]:
        """Return the words for what is meant below a node."""
        return self._words(node, of=True)

    def _words(self, node: _Node, *, of: bool) -> list[str]:
        count = self._held[node] if of else self._total[node] - self._held[node]
        if not count:
            return []
        if count == self._total[node]:
            return [_label(node)]
        named = [word for each in self._below[node] for word in self._words(each, of=of)]
        if not of:
            return named
        left_out = [word for each in self._below[node] for word in self._words(each, of=False)]
        if len(left_out) <= _LEFT_OUT_MAX and len(left_out) < len(named):
            return [f"{_label(node)} (but {join_words(left_out, 'and')})"]
        if len(named) > _NAMED_MAX:
            label = _label(node) if node else "agencies"
            return [f"{count:,} of {self._total[node]:,} {label}"]
        return named


def _path(asker: Asker) -> _Node:
    root, *kind = asker.family.split("/")
    if root == _ROOT:
        return (root, *kind, asker.ori)
    return (_STATES, *kind, root, asker.ori)


def _label(node: _Node) -> str:
    if not node:
        return "every agency"
    if node in _KINDS:
        return _KINDS[node]
    if node[0] != _STATES:
        return label_of_agency(node[-1] if is_ori(node[-1]) else "/".join(node))
    return _label_of_kind(node)


def _label_of_kind(node: _Node) -> str:
    """Return the words for a kind of agency across states, of one state, or one agency."""
    *kind, last = node[1:]
    if is_ori(last):
        return label_of_agency(last)
    if f"{last}/LOCAL" not in KNOWN_FAMILIES:
        return f"{' '.join(kind).lower()} {last} agencies".strip()
    family = Family("/".join((last, *kind)))
    if family in KNOWN_FAMILIES:
        return label_of_agency(family)
    return f"{_label((_STATES, *kind))} of {member_label(Member(last.lower()))}"
