"""What processes cost: CPU microseconds of a process and of those that it started, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cpu_us", "tree_cpu_us"]

_TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")


def cpu_us(pid: int) -> int:
    """Return the CPU time of a running process, threads and ended children included."""
    found = _stat(pid)
    return 0 if found is None else found[1]


def tree_cpu_us(pid: int) -> int:
    """Return the CPU time of a process and of all that it started."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and (found := _stat(int(path.name))) is not None:
            child = int(path.name)
            parents.setdefault(found[0], []).append(child)
            spent[child] = found[1]
    total, left = 0, [pid]
    while left:
        one = left.pop()
        total += spent.get(one, 0)
        left += parents.get(one, [])
    return total


def _stat(pid: int) -> tuple[int, int] | None:
    """Return a process's parent and its CPU time."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii")
    except OSError:
        return None
    # The name, in brackets, may hold anything.
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), sum(map(int, fields[11:15])) * _TICK_US
