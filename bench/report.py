"""Figures of a bench: a value, its spread, its target, and whether it holds.

A figure that has a target and was not measured does not hold: nothing is claimed by leaving it out.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

__all__ = ["Figure", "at_least", "at_most", "percentile", "print_figures", "told", "unmeasured"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure. `spread` is the lower and the upper quartile of what `value` summarizes."""

    name: str
    value: float | None
    unit: str
    target: float | None
    holds: bool
    spread: tuple[float, float] | None


def at_least(
    name: str, value: float, unit: str, target: float, parts: Sequence[float] = ()
) -> Figure:
    """Return a figure that holds from `target` upwards."""
    return _figure(name, value, unit, parts, target=target, holds=value >= target)


def at_most(
    name: str, value: float, unit: str, target: float, parts: Sequence[float] = ()
) -> Figure:
    """Return a figure that holds up to `target`."""
    return _figure(name, value, unit, parts, target=target, holds=value <= target)


def told(name: str, value: float, unit: str, parts: Sequence[float] = ()) -> Figure:
    """Return a figure without a target."""
    return _figure(name, value, unit, parts, target=None, holds=True)


def unmeasured(name: str, unit: str, target: float) -> Figure:
    """Return a figure that this bench owes and does not measure: it does not hold."""
    return Figure(name=name, value=None, unit=unit, target=target, holds=False, spread=None)


def _figure(
    name: str,
    value: float,
    unit: str,
    parts: Sequence[float],
    *,
    target: float | None,
    holds: bool,
) -> Figure:
    spread = None
    if len(parts) > 1:
        low, _, high = statistics.quantiles(parts, n=4, method="inclusive")
        spread = (_short(low), _short(high))
    return Figure(
        name=name, value=_short(value), unit=unit, target=target, holds=holds, spread=spread
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which a share of sorted values lies, by the nearest rank."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _short(value: float) -> float:
    return round(value, 3 if abs(value) < 10 else 1)


def print_figures(bench: str, figures: Sequence[Figure]) -> None:
    """Print what the command line reads: the bench's name and its figures."""
    print(msgspec.json.encode({"bench": bench, "figures": figures}).decode(), flush=True)
