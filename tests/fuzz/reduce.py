"""Makes a finding small: deletes what it does not need, as long as the same is wrong.

Guarantee: what comes back is wrong in the same words, and no longer than what was given.
"""

from __future__ import annotations

from collections.abc import Callable

TRIALS_MAX = 20_000


def reduced(
    data: bytes, is_wrong: Callable[[bytes], bool], *, trials_max: int = TRIALS_MAX
) -> bytes:
    """Return the shortest input found in at most `trials_max` trials that is still wrong.

    Halves go first, then ever shorter stretches, until no single byte can go.
    """
    left = trials_max
    stretch = max(1, len(data) // 2)
    while left > 0 and data:
        at, went = 0, False
        while at < len(data) and left > 0:
            shorter = data[:at] + data[at + stretch :]
            left -= 1
            if is_wrong(shorter):
                data, went = shorter, True
            else:
                at += stretch
        if stretch == 1 and not went:
            break
        stretch = max(1, stretch // 2) if not went else min(stretch, max(1, len(data) // 2))
    return data
