"""`comity policy laws`: what a state's laws say, clause by clause, and what Comity does with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from comity.cli.network import member_of
from comity.cli.terminal import AsJson, fact_table, facts_console, print_json, print_wrapped
from comity.domain.ids import OPERATOR_MEMBER, Member, member_label
from comity.domain.vocabulary import Outcome
from comity.policy.clock import english_of_clock
from comity.policy.english import join_words
from comity.policy.families import label_of_agency
from comity.policy.laws import Law, LawClause, ReportedBlock, Treatment, law_states, laws_of
from comity.policy.laws.telling import (
    counts_of,
    english_of_duty,
    finding_of,
    template_rules,
)
from comity.policy.rule import Rule

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["laws"]

_STATE = Annotated[
    str, typer.Argument(metavar="ST", help="One state; `us` for federal law.", show_default=False)
]
_WORDS: Final = {Outcome.RELEASE: "release", Outcome.HOLD: "hold", Outcome.DENY: "deny"}
_HEADS: Final = ("state", "clauses", "rules", "off", "duties", "judge", "facts", "other", "blank")
_LEGEND: Final = (
    "V read in the primary text, S secondary reporting only, K not checked. Not legal advice."
    " Duties are for a person; `comity notices` finds the notices with a clock."
)


def laws(state: _STATE = "", *, as_json: AsJson = False) -> None:
    """Say what laws say, clause by clause, how far they were read, and what carries them out."""
    if not state:
        _say_all(as_json=as_json)
        return
    member = member_of(state)
    if as_json:
        print_json(_document(member))
        return
    console = facts_console()
    print_wrapped(console, finding_of(member))
    rules = template_rules(member)
    known = laws_of(member)
    for law in known.laws:
        _say_law(console, law, rules)
    for block in known.blocks:
        _say_block(console, block, rules)
    if known.laws:
        console.print("")
        print_wrapped(console, _LEGEND)


def _say_all(*, as_json: bool) -> None:
    if as_json:
        print_json([_document(member) for member in law_states()])
        return
    console = facts_console()
    every = [(member, counts_of(member)) for member in law_states()]
    total = sum(sum(counts.values()) for _, counts in every)
    count = len(every) - 1
    print_wrapped(
        console,
        f"The laws of {count} states and federal law, {total} clauses: what is a rule of a"
        " template, what a person must do, and what is blank.",
    )
    console.print("")
    fact_table(console, _HEADS, [_row(member, counts) for member, counts in every])
    console.print("")
    print_wrapped(console, f"comity policy laws ST says each clause. {_LEGEND}")


def _row(member: Member, counts: dict[str, int]) -> list[str]:
    name = "federal law" if member == OPERATOR_MEMBER else member_label(member)
    return [f"{member}  {name}", *map(str, (sum(counts.values()), *counts.values()))]


def _say_law(console: Console, law: Law, rules: dict[str, Rule]) -> None:
    since = f"; since {law.since}" if law.since else ""
    console.print("")
    print_wrapped(console, f"{law.cite}  {law.name} ({law.kind}{since})")
    if law.note:
        print_wrapped(console, f"Note: {law.note}", "  ")
    for clause in law.clauses:
        _say_clause(console, clause, rules)
    sources = dict.fromkeys(clause.source for clause in law.clauses if clause.source)
    if sources:
        print_wrapped(console, f"Sources: {'; '.join(sources)}", "  ", "    ")


def _say_clause(console: Console, clause: LawClause, rules: dict[str, Rule]) -> None:
    at = f"{clause.at} " if clause.at else ""
    print_wrapped(
        console, f"{_sign_of(clause, rules)} [{clause.mark}] {at}{clause.says}", onward="    "
    )
    for line in _rules_words([rules[name] for name in clause.rules]):
        print_wrapped(console, line, "    ", "      ")
    if clause.duty is not None:
        print_wrapped(console, english_of_duty(clause.duty), "    ", "      ")
    if clause.clock is not None:
        print_wrapped(console, f"clock: {english_of_clock(clause.clock)}", "    ", "      ")
    if clause.why:
        print_wrapped(console, clause.why, "    ")


def _sign_of(clause: LawClause, rules: dict[str, Rule]) -> str:
    if clause.does is Treatment.RULE:
        return "●" if any(rules[name].enabled for name in clause.rules) else "○"
    return "◆" if clause.does in {Treatment.DUTY, Treatment.JUDGEMENT} else "○"


def _rules_words(rules: list[Rule]) -> list[str]:
    """Return a line for rules of one effect and standing: what they do, their mark and label."""
    alike: dict[str, list[str]] = {}
    for rule in rules:
        off = "" if rule.enabled else ", off"
        standing = f"{_WORDS[rule.effect]} ({rule.statute.mark}, {rule.label}{off})"
        alike.setdefault(standing, []).append(rule.id)
    return [f"{', '.join(ids)}: {standing}" for standing, ids in alike.items()]


def _say_block(console: Console, block: ReportedBlock, rules: dict[str, Rule]) -> None:
    who = join_words([label_of_agency(family) for family in block.agencies], "and")
    kept = join_words([label_of_agency(family) for family in block.kept], "and")
    said = f"a block of {who or 'agencies that are not established'}"
    said += f" {block.how}" if block.how else ""
    said += f"; {kept} kept" if kept else ""
    console.print("")
    console.print("As reported, a setting and not law")
    sign = "●" if any(rules[name].enabled for name in block.rules) else "○"
    print_wrapped(
        console,
        f"{sign} [{block.mark}] since {block.since}: {said} ({block.source})",
        onward="    ",
    )
    for line in _rules_words([rules[name] for name in block.rules]):
        print_wrapped(console, line, "    ", "      ")
    if block.note:
        print_wrapped(console, block.note, "    ")


def _document(member: Member) -> dict[str, Any]:
    known = laws_of(member)
    rules = template_rules(member)
    named = {name for _, clause in known.clauses() for name in clause.rules}
    named.update(name for block in known.blocks for name in block.rules)
    return {
        "state": member,
        "finding": finding_of(member),
        "counts": counts_of(member),
        **msgspec.to_builtins(known),
        "rules": [
            {"id": rule.id, "effect": rule.effect, "mark": rule.statute.mark, "label": rule.label,
             "enabled": rule.enabled}
            for rule in rules.values() if rule.id in named
        ],
    }  # fmt: skip
