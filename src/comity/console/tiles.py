"""A map of jurisdictions as squares of one size: where each stands, and how dark it is.

Guarantee: every jurisdiction has one square, the federal one too, so that a small state is seen as
well as a large one; what a square says stands in words too. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from comity.domain.ids import OPERATOR_MEMBER, Member, member_label

__all__ = ["STEPS", "TILE", "Tile", "tiles_of"]

TILE: Final = 44
"""Units of a square with its gap."""
STEPS: Final = ("under 10", "10 to 24", "25 to 59", "60 to 149", "150 or more")
_FLOORS: Final = (0, 10, 25, 60, 150)
_GRID: Final = (
    "ak .. .. .. .. .. .. .. .. .. me",
    ".. .. .. .. .. .. .. .. .. vt nh",
    "wa id mt nd mn il wi mi ny ri ma",
    "or nv wy sd ia in oh pa nj ct ..",
    "ca ut co ne mo ky wv va md de ..",
    ".. az nm ks ar tn nc sc dc .. us",
    ".. .. .. ok la ms al ga .. .. ..",
    "hi gu .. tx .. .. .. fl .. pr vi",
)


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """One square: where it stands, what is printed in it, its step, and what it says."""

    x: int
    y: int
    code: str
    count: str
    step: str
    said: str


def tiles_of(counts: Mapping[Member, int], own: Member) -> tuple[Tile, ...]:
    """Return the squares for counts by jurisdiction; the state's own is set apart."""
    return tuple(
        _tile(Member(code), x, y, counts.get(Member(code), 0), own)
        for y, line in enumerate(_GRID)
        for x, code in enumerate(line.split())
        if code != ".."
    )


def _tile(member: Member, x: int, y: int, count: int, own: Member) -> Tile:
    step = sum(count >= floor for floor in _FLOORS) - 1
    name = "federal agencies" if member == OPERATOR_MEMBER else member_label(member)
    return Tile(
        x=x * TILE,
        y=y * TILE,
        code=member.upper(),
        count=f"{count:,}" if count else "",
        step="own" if member == own else str(step),
        said=f"{name}: {count:,}",
    )
