"""A second proof of guarantees, made from the rules without our boxes, masks or counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from comity.policy.axis import Axis
from comity.policy.rule import Guarantee, Rule
from comity.policy.space import Asker

__all__ = ["Finding", "Solved", "Solver", "SolverOf"]


class Solved(StrEnum):
    """What a solver says of a guarantee."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNDECIDED = "undecided"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: of a broken guarantee `witness` is a request kind that breaks it.

    `why` says why nothing was decided: a time limit, or what the solver itself names.
    """

    verdict: Solved
    witness: Mapping[Axis, str] = {}
    why: str = ""


class Solver(Protocol):
    """One rule set over the agencies of a directory, ready to be asked."""

    def find(self, guarantee: Guarantee) -> Finding:
        """Say whether a guarantee holds over every request that can be made; never raises."""
        ...


SolverOf = Callable[[tuple[Rule, ...], Sequence[Asker]], Solver]
"""Makes the solver of the rules that decide, over the agencies that may ask."""
