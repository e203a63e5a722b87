"""`comity policy templates` and `draft`: the drafts that a state's counsel may start from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from comity.cli.errors import UsageError
from comity.cli.network import member_of
from comity.cli.terminal import AsJson, fact_table, facts_console, print_json, print_wrapped, say
from comity.policy import load_template, template_names
from comity.policy.laws.telling import why_off
from comity.policy.rule import PolicyBundle
from comity.policy.templates import EXECUTIVE_ORDER, draft_text

__all__ = ["draft", "templates"]


def templates(*, as_json: AsJson = False) -> None:
    """List the drafts that a state's counsel may start from, with what is off and why."""
    found = [(name, load_template(name)) for name in template_names()]
    if as_json:
        print_json([_document(name, bundle) for name, bundle in found])
        return
    console = facts_console()
    blank = sum(not bundle.rules for _, bundle in found)
    print_wrapped(
        console,
        f"{len(found)} drafts, {blank} of them blank: each decides nothing before a state"
        " publishes it.",
    )
    say("")
    fact_table(
        console,
        ("template", "of", "rules", "off", "label"),
        [
            (name, bundle.title.partition(":")[0], str(len(bundle.rules)),
             str(len(_off(bundle))), bundle.label)
            for name, bundle in found
        ],
    )  # fmt: skip
    say("")
    console.print("What is off, and why:")
    for _, bundle in found:
        for rule_id, mark, why in _off(bundle):
            print_wrapped(console, f"○ {rule_id} [{mark}] {why}", onward="    ")


def _document(name: str, bundle: PolicyBundle) -> dict[str, Any]:
    off = _off(bundle)
    switched_off = [{"id": rule_id, "mark": mark, "why": why} for rule_id, mark, why in off]
    return {"template": name, "title": bundle.title, "label": bundle.label,
            "rules": len(bundle.rules), "off": len(off), "switched_off": switched_off}  # fmt: skip


def _off(bundle: PolicyBundle) -> list[tuple[str, str, str]]:
    return [
        (rule.id, rule.statute.mark.value, why_off(rule))
        for rule in bundle.rules
        if not rule.enabled
    ]


def draft(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="As templates lists it.")],
    *,
    state: Annotated[
        str, typer.Option("--state", metavar="ST", help="Whose rules; for executive_order.")
    ] = "",
) -> None:
    """Print a template as text, to be filled in and published by its state."""
    if state and template != EXECUTIVE_ORDER:
        raise UsageError(f"`{template}` is of one state already; `--state` goes with "
                         f"`{EXECUTIVE_ORDER}`")  # fmt: skip
    text = draft_text(template, member_of(state) if state else None)
    for line in text.splitlines():
        say(line)
