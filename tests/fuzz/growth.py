"""Whether a parser's time grows faster than its input: the same stretch, repeated twice as often.

Guarantee: no single duration is judged. A target grows too fast where its time, the least of three
runs, more than triples at each of three doublings in a row, and does so again when asked again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.fuzz.target import Target
from tests.fuzz.trial import tried

BYTES_MIN = 1_024
FACTOR_MAX = 3.0
"""Twice the input takes twice the time where they are in proportion, four times if squared."""
DOUBLINGS = 3
RUNS = 3
_FLOOR_SECONDS = 0.002
"""Shorter times count as this one: below it, the machine is measured and not the parser."""

_PATTERN_BYTES = (1, 2, 3, 5, 8, 16, 40)


def patterns(target: Target, chance: random.Random) -> tuple[bytes, bytes, bytes]:
    """Return a start, a stretch to repeat, and an end: of a seed, or of the format's words."""
    seed = chance.choice(target.mutator.seeds)
    at = chance.randint(0, len(seed))
    stretch = seed[at : at + chance.choice(_PATTERN_BYTES)]
    if chance.random() < 0.6 or not stretch:
        stretch = target.mutator.word(chance)
    return seed[:at], stretch, seed[at:] if chance.random() < 0.5 else b""


def input_of_size(target: Target, seed: int, number: int, size: int) -> bytes:
    """Return a pattern of a target at a length in bytes, or a little less."""
    start, stretch, end = patterns(target, random.Random(f"{seed}/{target.name}/growth/{number}"))
    room = size - len(start) - len(end)
    return start + stretch * max(1, room // len(stretch)) + end


def growth(
    target: Target,
    seed: int,
    number: int,
    seconds_of: Callable[[Target, bytes], float] | None = None,
) -> str:
    """Return what is wrong with how a target's time grows for one pattern, '' if nothing."""
    for _ in range(2):
        if not _grows(target, seed, number, seconds_of or _seconds):
            return ""
    return f"its time more than triples at each of {DOUBLINGS} doublings"


def _grows(
    target: Target, seed: int, number: int, seconds_of: Callable[[Target, bytes], float]
) -> bool:
    too_fast, before = 0, 0.0
    size = BYTES_MIN
    while size <= target.bytes_max:
        data = input_of_size(target, seed, number, size)
        taken = min(seconds_of(target, data) for _ in range(RUNS))
        too_fast = too_fast + 1 if before and taken > FACTOR_MAX * before else 0
        if too_fast == DOUBLINGS:
            return True
        before = max(taken, _FLOOR_SECONDS)
        size *= 2
    return False


def _seconds(target: Target, data: bytes) -> float:
    """Return the processor time of one input; what is wrong with it otherwise is not asked here."""
    begun = time.process_time()
    tried(target, data)
    return time.process_time() - begun
