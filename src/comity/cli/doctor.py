"""`comity doctor`: is this machine fit for a network; every finding with its fix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import typer

from comity.cli.checkup import Finding, examine
from comity.cli.errors import ExitCode
from comity.cli.network import DataDir, settings_of
from comity.cli.terminal import AsJson, facts_console, print_json, print_pairs

__all__ = ["app"]

_MARKS: Final = {True: "●", False: "✕"}
_NAME_COLUMNS: Final = 16

app = typer.Typer(add_completion=False)


@app.command()
def doctor(*, data: DataDir = None, as_json: AsJson = False) -> None:
    """Check this machine; each finding with its fix."""
    findings = list(examine(settings_of(data)))
    failed = sum(not finding.holds for finding in findings)
    if as_json:
        print_json({"checks": findings, "held": len(findings) - failed, "failed": failed})
    else:
        _show(findings, failed)
    raise typer.Exit(ExitCode.FAILURE if failed else ExitCode.OK)


def _show(findings: Sequence[Finding], failed: int) -> None:
    console = facts_console()
    if failed:
        console.print(
            f"✕ {failed} of {len(findings)} checks do not hold; the fix stands below each"
        )
    else:
        console.print("● This machine is ready")
    for finding in findings:
        name = f"{_MARKS[finding.holds]} {finding.name.replace('_', ' ')}"
        print_pairs(console, [(name, finding.saw)], columns=_NAME_COLUMNS)
        if finding.fix:
            print_pairs(console, [("", f"Fix: {finding.fix}.")], columns=_NAME_COLUMNS)
