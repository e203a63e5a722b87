"""The fuzzer finds what is planted, says how to repeat it, and makes it small."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from comity.domain.errors import ComityError
from comity.formats.faults import fault_of
from tests.fuzz import growth as growing
from tests.fuzz.reduce import reduced
from tests.fuzz.refusals import EquationError, hold, refusal
from tests.fuzz.regressions import kept, regressions
from tests.fuzz.shape import Shape
from tests.fuzz.story import Story
from tests.fuzz.target import READ, Target
from tests.fuzz.trial import apart, made_small
from tests.fuzz.workers import Block, run


def planted(check: Callable[[bytes], object], name: str = "planted") -> Target:
    """A target that reads anything, unless `check` raises."""

    def checked(data: bytes) -> str:
        check(data)
        return READ

    return Target(name, checked, lambda: [b"seed AB", b"other"], Shape.LINES, 40_000)


def raise_on_b(data: bytes) -> None:
    """Break on one letter."""
    if b"B" in data:
        raise KeyError(data)


def end_on_b(data: bytes) -> None:
    """End the process on one letter."""
    if b"B" in data:
        os.kill(os.getpid(), signal.SIGKILL)


def hang(_: bytes) -> None:
    """Never come back."""
    while True:
        pass


def fill(_: bytes) -> bytearray:
    """Take more memory than there is."""
    return bytearray(1 << 30)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (raise_on_b, "KeyError in the fuzzer"),
        (end_on_b, "ends its process by SIGKILL"),
        (fill, "MemoryError in the fuzzer"),
        (lambda data: hold(b"B" not in data, "no B"), "does not hold: no B"),
    ],
)
def test_what_is_wrong_has_words(check: Callable[[bytes], object], words: str) -> None:
    """An error, an end of the process, too much memory and a broken equation are told apart."""
    assert apart(planted(check), b"AB") == words


def test_an_input_that_runs_on_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """An input that takes too much processor time ends its trial, and nothing else."""
    monkeypatch.setattr("tests.fuzz.trial.CPU_SECONDS_MAX", 0.05)
    assert apart(planted(hang), b"AB") == "ends its process over 0.05 s"


@pytest.mark.parametrize("check", [raise_on_b, end_on_b])
def test_a_finding_is_made_small(check: Callable[[bytes], object]) -> None:
    """All that an input does not need to break its target goes."""
    target = planted(check)
    was = apart(target, b"a seed with B in it")
    assert made_small(target, b"a seed with B in it", was) == b"B"


def test_making_small_ends() -> None:
    """Trials are bounded, and what is left is still wrong."""
    data = b"x" * 1_000
    small = reduced(data, lambda shorter: len(shorter) > 990, trials_max=20)
    assert 990 < len(small) <= 1_000


def test_no_input_is_lost_with_its_process() -> None:
    """A block goes on behind an input that ended its process; each finding can be repeated."""
    targets = {"ends": planted(end_on_b, "ends"), "raises": planted(raise_on_b, "raises")}
    story = Story(targets=tuple(targets), seed=3, count=80)
    blocks = [Block("ends", 0, 40), Block("raises", 0, 40)]
    reports = run(targets, iter(blocks), seed=3, processes=1, deadline=time.monotonic() + 60)
    for report in reports:
        story.add(report)
    assert (story.tried("ends"), story.tried("raises")) == (40, 40)
    assert set(story.findings) == {
        ("ends", "ends its process by SIGKILL"),
        ("raises", "KeyError in the fuzzer"),
    }
    found = story.findings["raises", "KeyError in the fuzzer"]
    assert f"--only raises --seed 3 --number {found.number}" in story.command(found)
    steps = json.loads(story.as_json())["steps"]
    assert [step["held"] for step in steps] == [False, False]
    assert "KeyError" in steps[1]["saw"]


def test_nothing_tried_is_not_held() -> None:
    """A parser that had no input is a step that failed."""
    (step,) = json.loads(Story(targets=("none",), seed=1, count=1).as_json())["steps"]
    assert not step["held"]


def test_a_finding_is_kept_once(tmp_path: Path) -> None:
    """A finding is written with its note; found again, the note stays."""
    first = kept("target", b"data", was="KeyError", folder=tmp_path)
    assert kept("target", b"data", was="other words", folder=tmp_path) == first
    assert json.loads(first.with_suffix(".json").read_text("utf-8"))["was"] == "KeyError"
    assert list(regressions(tmp_path)) == [("target", first)]


class SaidError(ComityError):
    """A refusal of a table, for the tests."""

    code = "table-malformed"


@pytest.mark.parametrize(
    ("error", "data"),
    [
        (fault_of("0", "x", "`NAM` is not DOE,JANE"), b"NAM/doe,jane"),
        (fault_of("0", "Not Kebab", "`NAM`"), b""),
        (fault_of(".22.", "x", "", options=("PX001PD",)), b"OLN/PX001PD."),
        (SaidError("line 3: QUINCY is no city"), b"Quincy"),
    ],
)
def test_a_refusal_that_repeats_what_was_sent_is_found(error: ComityError, data: bytes) -> None:
    """A value of the input in a refusal's words, or a code that is none, breaks the equation."""
    with pytest.raises(EquationError):
        refusal(error, data)


def test_our_own_words_may_be_repeated() -> None:
    """Names of fields and our own sentences are said, also where the input holds them too."""
    error = fault_of("0", "x", "the message is over 16384 bytes")
    assert refusal(error, b"the message is over 16384 bytes") == "x"
    assert refusal(SaidError("line 3, `ori`: it is missing"), b"ori is missing") == SaidError.code


@pytest.mark.parametrize(
    ("power", "is_found"), [(1.0, False), (1.3, False), (2.0, True), (3.0, True)]
)
def test_growth_is_found(power: float, is_found: bool) -> None:
    """Time that grows with the square of the input is found; in proportion, it is not."""
    target = planted(lambda _: None)

    def seconds(_: Target, data: bytes) -> float:
        return float((len(data) / 1_000) ** power) / 1_000

    assert bool(growing.growth(target, 1, 1, seconds)) is is_found
