"""`comity migrate`: bring the database's schema to this version's, one numbered step at a time."""

from __future__ import annotations

import asyncio

import typer

from comity.app.database import migrate as apply_migrations
from comity.cli.network import DataDir, settings_of
from comity.cli.terminal import AsJson, print_json, say

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def migrate(*, data: DataDir = None, as_json: AsJson = False) -> None:
    """Bring the database to this version's form."""
    applied = asyncio.run(apply_migrations(settings_of(data)))
    if as_json:
        print_json({"applied": applied})
    elif applied:
        say(f"● {len(applied)} migrations applied: {', '.join(applied)}")
    else:
        say("● nothing to do: the database has this version's form")
