"""`comity config`: every setting, its value, and where the value is from; secrets stay unsaid."""

from __future__ import annotations

import os
from typing import Any

import typer
from pydantic import SecretStr

from comity.cli.network import DataDir, settings_of
from comity.cli.terminal import AsJson, fact_table, facts_console, print_json
from comity.roles.settings import setting_facts, unknown_settings

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def config() -> None:
    """Show every setting and where its value is from."""


@app.command()
def show(*, data: DataDir = None, as_json: AsJson = False) -> None:
    """Print each setting with its value and source; a secret only as set."""
    settings = settings_of(data)
    rows: list[dict[str, Any]] = []
    for fact in setting_facts():
        value = getattr(settings, fact.name)
        rows.append(
            {
                "setting": fact.variable,
                "value": _shown(value),
                "unit": fact.unit,
                "source": _source(
                    fact.variable, is_given=fact.name == "data_dir" and data is not None
                ),
            }
        )
    unknown = unknown_settings(os.environ)
    if as_json:
        print_json({"settings": rows, "unknown": unknown})
        return
    console = facts_console()
    chosen = sum(row["source"] != "default" for row in rows)
    console.print(f"{len(rows)} settings, {chosen} chosen, the others as shipped.\n")
    columns = ("setting", "value", "source")
    fact_table(console, columns, [[row[column] for column in columns] for row in rows])
    for name in unknown:
        console.print(f"\n{name} is set and is no setting: it has no effect.")


def _shown(value: object) -> str:
    match value:
        case None:
            return "unset"
        case SecretStr():
            return "set (secret)"
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


def _source(variable: str, *, is_given: bool) -> str:
    if is_given:
        return "--data"
    return "environment" if os.environ.get(variable) else "default"
