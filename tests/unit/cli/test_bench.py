"""Tests for the benches' figures: what is printed, and how the command ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from bench.report import Figure, at_least, at_most, percentile, told, unmeasured
from comity.cli import bench
from comity.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
RUNNER = CliRunner()
FIGURE = {"name": "errors", "value": 0, "unit": "count", "target": 0, "holds": True}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with a `bench/` of its own."""
    monkeypatch.setattr(bench, "_FOLDER", tmp_path)
    (tmp_path / "bench").mkdir()
    return tmp_path


def write(folder: Path, program: str) -> None:
    (folder / "bench" / "exchange.py").write_text(program)


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    result = RUNNER.invoke(app, ["bench", *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout)


def printing(*figures: dict[str, Any]) -> str:
    document = json.dumps({"bench": "exchange", "figures": figures})
    return f"print({document!r})"


def test_figures_stand_beside_machine_and_commit(folder: Path) -> None:
    """The document says what was measured, on what, at which commit."""
    write(folder, printing(FIGURE))
    code, document = run("exchange")
    assert code == 0
    assert list(document) == ["bench", "commit", "machine", "figures"]
    assert document["figures"] == [{**FIGURE, "spread": None}]
    assert sorted(document["machine"]) == ["cores", "cpu", "fsync_p50_ms", "load", "memory_gib"]
    assert document["machine"]["cores"] > 0
    assert document["commit"] == "unknown"  # the folder is no clone


def test_one_figure_that_does_not_hold_fails(folder: Path) -> None:
    """The command ends with 1 as soon as one figure misses its target."""
    write(folder, printing(FIGURE, {**FIGURE, "name": "x", "holds": False}))
    assert run("exchange")[0] == 1


def test_options_reach_the_bench(folder: Path) -> None:
    """What follows the name is the bench's own, and it is always asked for JSON."""
    program = "import json, sys; name = ' '.join(sys.argv[1:])\n"
    figure = "{'name': name, 'value': 1, 'unit': 's', 'target': None, 'holds': True}"
    write(folder, f"{program}print(json.dumps({{'bench': 'exchange', 'figures': [{figure}]}}))")
    code, document = run("exchange", "--rate", "500")
    assert (code, document["figures"][0]["name"]) == (0, "--json --rate 500")


@pytest.mark.parametrize("program", ["", "print('{}')", "raise SystemExit(1)"])
def test_bench_without_figures_is_said(folder: Path, program: str) -> None:
    """A bench that printed no figures is a failure with its code, not an empty table."""
    write(folder, program)
    code, document = run("exchange")
    assert (code, document["error"]["code"]) == (1, "bench-failed")


def test_no_clone_is_said(folder: Path) -> None:
    """Where only the package is installed there are no benches, and that is the sentence."""
    code, document = run("exchange")
    assert code == 1
    assert "in a clone" in document["error"]["text"]
    assert folder.is_dir()


def test_unknown_bench_is_usage() -> None:
    """A bench that does not exist ends with 2 and the names of those that do."""
    code, document = run("exchanges")
    assert code == 2
    assert all(name in document["error"]["text"] for name in bench.BENCHES)


def test_each_bench_is_in_the_clone() -> None:
    """Every name of the table is a program of `bench/`."""
    assert all((ROOT / "bench" / f"{name}.py").is_file() for name in bench.BENCHES)


def test_table_marks_what_was_not_measured(folder: Path) -> None:
    """On a terminal a figure that is owed and was not measured says so, beside its target."""
    figure = {"name": "peer_ratio", "value": None, "unit": "ratio", "target": 5, "holds": False}
    write(folder, printing(FIGURE, figure))
    result = RUNNER.invoke(app, ["bench", "exchange"])
    (row,) = [line for line in result.stdout.splitlines() if "peer_ratio" in line]
    assert row.split() == ["--", "peer_ratio", "not", "measured", "ratio", "5"]


@pytest.mark.parametrize(
    ("figure", "holds"),
    [
        (at_least("x", 4_000, "1/s", 4_000), True),
        (at_least("x", 3_999, "1/s", 4_000), False),
        (at_most("x", 250, "ms", 250), True),
        (at_most("x", 250.1, "ms", 250), False),
        (told("x", 1, "us"), True),
        (unmeasured("x", "us", 1), False),
    ],
)
def test_figure_holds_up_to_its_target(figure: Figure, holds: bool) -> None:
    """A target itself is met; beyond it, or not measured, is not."""
    assert figure.holds is holds


def test_figure_has_its_quartiles() -> None:
    """The spread is that of the parts, and is left out where there are none."""
    assert told("x", 3, "us", [1, 2, 3, 4, 5]).spread == (2, 4)
    assert told("x", 3, "us").spread is None


def test_figure_is_read_as_it_is_written() -> None:
    """What a bench prints is what the command reads."""
    data = msgspec.json.encode(at_most("x", 1.5, "ms", 2, [1.0, 2.0]))
    assert msgspec.json.decode(data)["spread"] == [1.25, 1.75]


def test_percentile_is_of_what_was_seen() -> None:
    """A percentile is one of the values; of nothing it is nothing."""
    values = [float(value) for value in range(100)]
    assert [percentile(values, share) for share in (0, 0.5, 0.99, 1)] == [0, 50, 99, 99]
    assert percentile([], 0.5) == 0
