"""Processes that try inputs, each a block at a time; one that an input ends is started anew.

    parent -> worker: (target, first number, how many)      worker -> parent: Report

Guarantee: no input is lost: a block goes on behind the input that ended its process, which is
itself a finding.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from tests.fuzz.growth import growth
from tests.fuzz.target import Target
from tests.fuzz.trial import bounded, ended, input_of, tried

_APART = multiprocessing.get_context("fork")
FINDINGS_PER_BLOCK_MAX = 20
FOUND, GROWN, UNTOLD = "(finding)", "(growth)", "(untold)"
"""Outcomes beside those of a target: something is wrong; time was watched; lost with a process."""


@dataclass(frozen=True)
class Block:
    """Consecutive inputs of one target; or, with `grows`, patterns whose time is watched."""

    target: str
    first: int
    count: int
    grows: bool = False


@dataclass(frozen=True)
class Finding:
    """An input of which something is wrong; the input is made anew from its number."""

    target: str
    number: int
    was: str
    grows: bool = False


@dataclass
class Report:
    """What became of a block, or of the part of it before the input that ended its process."""

    block: Block
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    cpu_seconds: float = 0.0


def _work(pipe: Connection, targets: dict[str, Target], seed: int, at: Any) -> None:
    bounded()
    while (block := pipe.recv()) is not None:
        report = Report(block)
        target = targets[block.target]
        begun = time.process_time()
        for number in range(block.first, block.first + block.count):
            at.value = number
            if block.grows:
                outcome, was = GROWN, growth(target, seed, number)
            else:
                outcome, was = tried(target, input_of(target, seed, number))
            report.outcomes[FOUND if was else outcome] += 1
            if was and len(report.findings) < FINDINGS_PER_BLOCK_MAX:
                report.findings.append(Finding(block.target, number, was, block.grows))
        report.cpu_seconds = time.process_time() - begun
        pipe.send(report)


class Worker:
    """One process, and the block that it is at."""

    def __init__(self, targets: dict[str, Target], seed: int) -> None:
        self._targets, self._seed = targets, seed
        self._at = _APART.RawValue("Q", 0)
        self.block: Block | None = None
        self._start()

    def _start(self) -> None:
        self.pipe, theirs = _APART.Pipe()
        self._process = _APART.Process(
            target=_work, args=(theirs, self._targets, self._seed, self._at), daemon=True
        )
        self._process.start()
        theirs.close()

    def give(self, block: Block) -> None:
        """Hand the process a block."""
        self.block = block
        self._at.value = block.first
        self.pipe.send(block)

    def take(self) -> Report:
        """Return the report of the block; a process that ended is started anew on the rest."""
        assert self.block is not None
        try:
            report: Report = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            return self._after_the_end(self.block)
        self.block = None
        return report

    def _after_the_end(self, block: Block) -> Report:
        self._process.join()
        self.pipe.close()
        number = int(self._at.value)
        done = replace(block, count=number + 1 - block.first)
        finding = Finding(block.target, number, ended(self._process.exitcode), block.grows)
        report = Report(done, Counter({UNTOLD: number - block.first, FOUND: 1}), [finding])
        self._start()
        self.block = None
        if block.count > done.count:
            self.give(replace(block, first=number + 1, count=block.count - done.count))
        return report

    def stop(self) -> None:
        """End the process."""
        self.pipe.close()
        self._process.terminate()
        self._process.join()


def run(
    targets: dict[str, Target],
    blocks: Iterator[Block],
    *,
    seed: int,
    processes: int,
    deadline: float,
) -> Iterator[Report]:
    """Give the reports of blocks, as they come, until the blocks or the time are over."""
    workers = [Worker(targets, seed) for _ in range(processes)]
    try:
        for worker in workers:
            _give_next(worker, blocks, deadline)
        while busy := {worker.pipe: worker for worker in workers if worker.block is not None}:
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                yield worker.take()
                if worker.block is None:
                    _give_next(worker, blocks, deadline)
    finally:
        for worker in workers:
            worker.stop()


def _give_next(worker: Worker, blocks: Iterator[Block], deadline: float) -> None:
    if time.monotonic() < deadline and (block := next(blocks, None)) is not None:
        worker.give(block)
