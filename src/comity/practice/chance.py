"""Seeded chance for practice data: independent streams, weighted tables, numbers without repeats.

Guarantee: what comes out depends on the seed and the parts alone, not on the clock, on the machine
or on PYTHONHASHSEED; a later stream does not shift when an earlier one draws more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from random import Random
from typing import Final, TypeVar

__all__ = ["Shape", "pick", "stream", "weighted"]

_T = TypeVar("_T")

LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"
"""The letters that plates and licence numbers use: none that is taken for a digit."""

_DIGITS: Final = "0123456789"
# Steps through a shape's numbers. They are primes above any radix, so each visits every number.
_STEPS: Final = (1_000_003, 1_299_709, 2_750_159, 15_485_863)


def stream(seed: int, *parts: str) -> Random:
    """Return the chance that belongs to these parts of the world."""
    return Random("/".join((str(seed), *parts)))  # noqa: S311 - practice data is reproducible


def pick(rng: Random, values: Sequence[_T]) -> _T:
    """Return one value, each as likely as the others; several times faster than `choice`."""
    return values[int(rng.random() * len(values))]


def weighted(shares: Mapping[_T, int]) -> tuple[_T, ...]:
    """Return a table to `pick` from, in which each value stands as often as its share says."""
    return tuple(value for value, share in shares.items() for _ in range(share))


class Shape:
    """How a practice number is written: `#` a digit, `A` a letter, anything else itself."""

    def __init__(self, text: str) -> None:
        """Read a shape such as `PX*AA*###A#`."""
        self.text = text
        self._places = [{"#": _DIGITS, "A": LETTERS}.get(c, c) for c in text]
        self.capacity = 1
        for place in self._places:
            self.capacity *= len(place)

    def fill(self, number: int) -> str:
        """Return the text of one of the shape's numbers, 0..capacity-1."""
        letters = []
        for place in reversed(self._places):
            size = len(place)
            if size == 1:
                letters.append(place)
            else:
                number, at = divmod(number, size)
                letters.append(place[at])
        return "".join(reversed(letters))

    def numbers(self, rng: Random, reserved: Collection[str] = ()) -> Iterator[str]:
        """Yield every number of the shape once, in an order that looks like none."""
        at, step = int(rng.random() * self.capacity), pick(rng, _STEPS)
        for _ in range(self.capacity):
            text = self.fill(at)
            if text not in reserved:
                yield text
            at = (at + step) % self.capacity
