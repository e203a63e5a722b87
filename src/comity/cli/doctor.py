"""`comity doctor`: is this machine fit for a network; every finding with its fix."""

from __future__ import annotations

import typer

from comity.cli.checkup import examine
from comity.cli.errors import ExitCode
from comity.cli.network import DataDir, settings_of
from comity.cli.terminal import AsJson, print_json

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def doctor(*, data: DataDir = None, as_json: AsJson = False) -> None:
    """Check this machine; each finding with its fix."""
    findings = list(examine(settings_of(data)))
    failed = sum(not finding.holds for finding in findings)
    if as_json:
        print_json({"checks": findings, "held": len(findings) - failed, "failed": failed})
    else:
        typer.echo(
            "● This machine is ready."
            if not failed
            else f"✕ {failed} of {len(findings)} checks do not hold; the fix stands below each."
        )
        for finding in findings:
            mark = "●" if finding.holds else "✕"
            typer.echo(f"  {mark} {finding.name.replace('_', ' '):15} {finding.saw}")
            if finding.fix:
                typer.echo(f"  {'':17} Fix: {finding.fix}.")
    raise typer.Exit(ExitCode.FAILURE if failed else ExitCode.OK)
