"""The console's assets are what their sources give, byte for byte, in a build from nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.assets import STATIC, BuildError, build, contents, differences, run, tools


def test_build_from_nothing_gives_what_is_committed(tmp_path: Path) -> None:
    """The locked packages and the sources give every committed file, and nothing else."""
    made = build(tmp_path)
    assert not differences(contents(STATIC), contents(made))
    # Once more with the same packages, as another maintainer would.
    again = tmp_path / "again"
    run([*tools()[0], "build.mjs", str(again)], tmp_path / "frontend", 60)
    assert contents(again) == contents(made)


def test_difference_is_named() -> None:
    """A file that differs, is missing or is left over is told by its name."""
    assert differences({"a": b"1", "b": b"2", "d": b"4"}, {"a": b"1", "b": b"3", "c": b"4"}) == [
        "b is not what the sources give",
        "c is missing",
        "d is left over",
    ]


def test_failed_step_says_why(tmp_path: Path) -> None:
    """A build that fails ends with what the tool said, and a slow one with its limit."""
    node, _ = tools()
    with pytest.raises(BuildError, match="no such fruit"):
        run([*node, "-e", "throw new Error('no such fruit')"], tmp_path, 20)
    with pytest.raises(BuildError, match="more than 1 s"):
        run([*node, "-e", "setInterval(() => {}, 1000)"], tmp_path, 1)
