"""What a run says: a line while it goes on, a table at its end, and how to repeat each finding."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TextIO

from tests.fuzz.refusals import ROOT
from tests.fuzz.regressions import kept
from tests.fuzz.target import READ, Target
from tests.fuzz.trial import input_of, made_small
from tests.fuzz.workers import FOUND, GROWN, Finding, Report

PROGRESS_SECONDS = 5.0
DISTINCT_MAX = 64
"""Findings that are told apart and made small; what is wrong in the same words is one."""


@dataclass
class Story:
    """What was tried so far, and what was found."""

    targets: tuple[str, ...]
    seed: int
    count: int
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    cpu_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    told: float = 0.0
    out: TextIO | None = None

    def begin(self, out: TextIO) -> None:
        """Say what is about to be tried."""
        self.out = out
        self._say(f"fuzz: {self.count:,} inputs for {len(self.targets)} parsers, SEED={self.seed}")

    def add(self, report: Report) -> None:
        """Count a report, and say at once what is found, now and then how far the run is."""
        name = report.block.target
        self.outcomes.setdefault(name, Counter()).update(report.outcomes)
        self.cpu_seconds[name] += report.cpu_seconds
        for finding in report.findings:
            place = (finding.target, finding.was)
            if place not in self.findings and len(self.findings) < DISTINCT_MAX:
                self.findings[place] = finding
                self._say(f"FOUND {finding.target}: {finding.was}\n  {self.command(finding)}")
        if time.monotonic() - self.told > PROGRESS_SECONDS:
            self.told = time.monotonic()
            self._say(self._progress())

    def command(self, finding: Finding) -> str:
        """Return the command that repeats a finding."""
        grows = " --grows" if finding.grows else ""
        own = f"--only {finding.target} --seed {self.seed} --number {finding.number}{grows}"
        return f'make fuzz ARGS="{own}"'

    def end(self, targets: dict[str, Target]) -> None:
        """Make each finding small and keep it as a vector; a pattern of growth is its own."""
        for (name, was), finding in self.findings.items():
            if finding.grows:
                continue
            target = targets[name]
            data = made_small(target, input_of(target, self.seed, finding.number), was)
            place = kept(name, data, was=was).relative_to(ROOT)
            self._say(f"{name}: {was}: {data[:200]!r}")
            self._say(f'  make fuzz ARGS="--only {name} --file {place}"')

    def tried(self, name: str) -> int:
        """Return how many inputs of a target were tried."""
        found = self.outcomes.get(name, Counter())
        return found.total() - found[GROWN]

    def as_text(self) -> str:
        """Return the table of a run."""
        lines = [f"{'parser':<14}{'inputs':>10}{'read':>8}{'codes':>7}{'per s':>9}  findings"]
        for name in self.targets:
            found = self.outcomes.get(name, Counter())
            count = self.tried(name)
            read = f"{100 * found[READ] / max(1, count):.1f}%"
            codes = len({code for code in found if code != READ and not code.startswith("(")})
            rate = int(count / max(0.001, self.cpu_seconds[name]))
            lines.append(f"{name:<14}{count:>10,}{read:>8}{codes:>7}{rate:>9,}  {found[FOUND]}")
        return "\n".join([*lines, self._summary()])

    def as_json(self) -> str:
        """Return the run as steps, one for each target, as `scripts/run_tests.py` counts them."""
        steps = []
        for name in self.targets:
            found = [was for target, was in self.findings if target == name]
            saw = f"{self.tried(name):,} inputs; {'; '.join(found) or 'nothing is wrong'}"
            steps.append({"name": name, "held": not found and self.tried(name) > 0, "saw": saw})
        return json.dumps({"seed": self.seed, "summary": self._summary(), "steps": steps})

    def _total(self) -> int:
        return sum(map(self.tried, self.targets))

    def _progress(self) -> str:
        seconds = time.monotonic() - self.begun
        total = self._total()
        return (
            f"{seconds:5.0f} s  {total:>9,} of {self.count:,} inputs, "
            f"{total / seconds:,.0f} per s, {len(self.findings)} findings"
        )

    def _summary(self) -> str:
        seconds = time.monotonic() - self.begun
        return (
            f"{self._total():,} inputs in {seconds:.0f} s, SEED={self.seed}: "
            f"{len(self.findings)} findings"
        )

    def _say(self, text: str) -> None:
        if self.out is not None:
            print(text, file=self.out, flush=True)
