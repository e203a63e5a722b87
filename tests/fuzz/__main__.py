"""`make fuzz`: mutated inputs for every parser, each held to its equation.

    python -m tests.fuzz [--count N] [--seconds S] [--seed N] [--only NAMES] [--json]
    python -m tests.fuzz --only NAME --seed N --number N     one input again
    python -m tests.fuzz --only NAME --file PATH             one file as an input

Guarantee: a run is a function of its seed, which it prints; each finding is printed with the one
command that repeats it, and kept, as short as it gets, under vectors/regressions.
Source: CONTRIBUTING.md, "Tests".
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from pathlib import Path

from tests.fuzz.growth import growth
from tests.fuzz.refusals import own_pieces
from tests.fuzz.story import Story
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.fuzz.trial import apart, input_of
from tests.fuzz.workers import Block, run

COUNT_DEFAULT = 1_000_000
SECONDS_DEFAULT = 3_600.0
BLOCK_INPUTS = 250
GROWTH_PATTERNS = 6
"""Patterns of each target whose time is watched as they double, before the inputs begin."""


def main() -> int:
    """Try inputs until their count or their time is reached; 1 if something is wrong."""
    options = _options()
    targets = {name: TARGETS[name] for name in options.only.split(",") if name} or TARGETS
    if options.file or options.number is not None:
        return _again(next(iter(targets.values())), options)
    seed = options.seed if options.seed is not None else secrets.randbelow(2**32)
    for target in targets.values():
        target.mutator  # noqa: B018 - made once, before the processes part
    own_pieces()
    blocks = schedule(targets, options.count)
    story = Story(
        targets=tuple(targets),
        seed=seed,
        count=sum(block.count for block in blocks if not block.grows),
    )
    story.begin(sys.stderr)
    reports = run(
        targets,
        iter(blocks),
        seed=seed,
        processes=options.processes,
        deadline=time.monotonic() + options.seconds,
    )
    for report in reports:
        story.add(report)
    story.end(targets)
    print(story.as_json() if options.json else story.as_text())
    return 1 if story.findings else 0


def schedule(targets: dict[str, Target], count: int) -> list[Block]:
    """Return the blocks of a run: growth first, then each target's share, spread over the run.

    At any moment, every target has had its share of what was tried by then.
    """
    weights = sum(target.weight for target in targets.values())
    placed: list[tuple[float, Block]] = []
    for target in targets.values():
        placed.append((-1.0, Block(target.name, 0, GROWTH_PATTERNS, grows=True)))
        share = max(1, round(count * target.weight / weights))
        for first in range(0, share, BLOCK_INPUTS):
            block = Block(target.name, first, min(BLOCK_INPUTS, share - first))
            placed.append((first / share, block))
    return [block for _, block in sorted(placed, key=lambda each: each[0])]


def _again(target: Target, options: argparse.Namespace) -> int:
    if options.grows:
        was = growth(target, options.seed, options.number)
    else:
        data = (
            Path(options.file).read_bytes()
            if options.file
            else input_of(target, options.seed, options.number)
        )
        print(f"{target.name}: {len(data)} bytes: {data[:2_000]!r}")
        was = apart(target, data)
        if was and options.trace:
            target.check(data)
    print(f"FOUND: {was}" if was else "nothing is wrong")
    return 1 if was else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description="Try mutated inputs on every parser.")
    parser.add_argument("--count", type=int, default=COUNT_DEFAULT, help="inputs of all targets")
    parser.add_argument("--seconds", type=float, default=SECONDS_DEFAULT, help="at most so long")
    parser.add_argument("--seed", type=int, help="what all inputs follow from; random if not given")
    parser.add_argument("--only", default="", help=f"targets of: {','.join(TARGETS)}")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="sum up as JSON")
    parser.add_argument("--number", type=int, help="try this one input of a target again")
    parser.add_argument("--grows", action="store_true", help="the number is a growth pattern's")
    parser.add_argument("--file", default="", help="try the bytes of this file on a target")
    parser.add_argument("--trace", action="store_true", help="let what is raised come through")
    options = parser.parse_args()
    unknown = [name for name in options.only.split(",") if name and name not in TARGETS]
    if unknown:
        parser.error(f"no target is named {', '.join(unknown)}")
    if options.number is not None and options.seed is None:
        parser.error("a number needs its seed")
    return options


if __name__ == "__main__":
    sys.exit(main())
