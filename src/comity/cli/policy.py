"""`comity policy`: what a state does with its rules: read, explain, prove, compare, publish."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from comity.app.rules import cedar_referee, z3_solver
from comity.cli import drafts, laws
from comity.cli.access import who_gets_what
from comity.cli.budgets import budgets
from comity.cli.certifying import certify, check_certificate, thaw
from comity.cli.errors import ExitCode, UsageError
from comity.cli.files import read_input
from comity.cli.leaks import leaks
from comity.cli.network import DataDir, settings_of
from comity.cli.policy_book import confirm, history, publish, shadow
from comity.cli.quotas import quotas
from comity.cli.replaying import replay
from comity.cli.rules import NamedRules, RulesName, askers_of, named_rules
from comity.cli.terminal import (
    AsJson,
    facts_console,
    print_json,
    print_wrapped,
    say,
)
from comity.domain.certificate import SecondProof
from comity.domain.keys import MessageKey, asked_classes
from comity.domain.vocabulary import DataClass, Outcome, RecordKind
from comity.policy import (
    Guarantee,
    PolicyBundle,
    compile_policy,
    english_of,
    english_of_budget,
    english_of_budgets,
    english_of_notice,
    english_of_publication,
    english_of_publications,
    english_of_quota,
    english_of_quotas,
    read_guarantees,
)
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.cedar import cedar_policies, cedar_schema, unknown_agencies
from comity.policy.check import BUNDLE_BYTES_MAX
from comity.policy.difference import Move, compare, sentence_of_move
from comity.policy.english import join_words, sentence_of, statute_of
from comity.policy.errors import RuleFormError
from comity.policy.guarantee import default_guarantees, guarantees_in_force
from comity.policy.history import promises_of_change
from comity.policy.idle import Idle, find_own_idle, sentences_of_idle
from comity.policy.space import Asker, space_of
from comity.services.gate import PLAIN_CLAIMS, GateReport, facts_of_kind, run_gate
from comity.services.proving import TwiceProved, prove_twice

__all__ = ["app"]

app = typer.Typer(add_completion=False, no_args_is_help=True)

_MARKS: Final = {Outcome.RELEASE: "●", Outcome.HOLD: "◆", Outcome.DENY: "✕"}
_WORDS: Final = {Outcome.RELEASE: "release", Outcome.HOLD: "hold for review", Outcome.DENY: "deny"}


@app.callback()
def policy() -> None:
    """Read, explain, prove and compare a state's rules."""


app.command("templates")(drafts.templates)
app.command("draft")(drafts.draft)
app.command("laws")(laws.laws)


@app.command()
def lint(
    rules: RulesName,
    *,
    written: Annotated[
        Path | None,
        typer.Option("--cedar", metavar="FILE", help="Cedar written by hand, held against them."),
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check that rules have their form, and run the gate that they must pass to take force.

    Also names rules of the state's own that change no outcome, and exceptions that nobody can meet.
    A Cedar text written by hand is checked clause by clause: it says all rules that decide, the
    national ones too, each with its @id. Ends with 5 if masks, proof, Cedar and solver do not agree
    on everything that can be asked.
    """
    settings = settings_of(data)
    named = named_rules(settings, rules)
    askers, whose = askers_of(settings)
    text = cedar_policies(named.rules) if written is None else _cedar_of(written)
    compiled = compile_policy(
        named.bundle, named.national, {asker.ori: asker.family for asker in askers}
    )
    solver = z3_solver(named.rules, askers)
    report = run_gate(compiled, askers, cedar_referee(text, askers), solver)
    nobody = sorted(unknown_agencies(named.rules, askers))
    idle = find_own_idle(named.bundle, named.rules, space_of(askers))
    if as_json:
        document = msgspec.to_builtins(report)
        print_json({"rules": named.source, "passed": report.passed, "agencies": whose,
                    "names_nobody": nobody, "idle_rules": idle.rules, "never_apply": idle.never,
                    "idle_exceptions": idle.exceptions, **document})  # fmt: skip
    else:
        _say_gate(named, report, whose, nobody)
        _say_idle(idle)
    raise typer.Exit(ExitCode.OK if report.passed else ExitCode.UNVERIFIED)


def _cedar_of(file: Path) -> str:
    try:
        return read_input(str(file), BUNDLE_BYTES_MAX).decode()
    except UnicodeDecodeError:
        raise UsageError(f"`{file}` is not text") from None


def _say_idle(idle: Idle) -> None:
    for _, sentence in sentences_of_idle(idle):
        print_wrapped(facts_console(), f"○ {sentence}", "  ", "    ")


def _say_gate(named: NamedRules, report: GateReport, whose: str, nobody: list[str]) -> None:
    mark = "●" if report.passed else "✕"
    verdict = "all evaluators agree" if report.passed else "evaluators do not agree"
    console = facts_console()
    finding = f"{mark} {named.bundle.title}: {verdict} on everything that can be asked"
    print_wrapped(console, finding, "", "  ")
    errors = report.errors_shown + report.errors_silent
    asked = (
        f"{report.rules} rules; {report.request_kinds:,} kinds of request by {whose},"
        f" {report.combinations:,} combinations of conditions"
    )
    directed = (
        f"{report.directed:,} directed requests, which show {report.errors_shown:,} of {errors:,}"
        " errors of one bit; the others change no answer"
    )
    proved = (
        f"masks, proof and Cedar on each of them; {report.guarantees} guarantees counted and also"
        " given to the solver"
    )
    for text in (asked, directed, proved):
        print_wrapped(console, text, "  ")
    for each in nobody:
        say(f"  ○ {each} is named and is no agency or family of {whose}")
    for disagreement in report.disagreements:
        say(f"  ✕ {disagreement.what}")
        for who, said in disagreement.said.items():
            say(f"    {who}: {said}")


@app.command()
def explain(rules: RulesName, *, data: DataDir = None, as_json: AsJson = False) -> None:
    """Say each rule in plain English, with what it rests on."""
    named = named_rules(settings_of(data), rules)
    own = {rule.id for rule in named.bundle.rules}
    if as_json:
        print_json(
            {"rules": named.source, "state": named.bundle.state, "title": named.bundle.title,
             "budgets": [english_of_budget(budget) for budget in named.bundle.budgets],
             "quotas": [english_of_quota(quota) for quota in named.bundle.quotas],
             "notice_hours": named.bundle.notice_hours,
             "guarantees": [
                 {"id": each.id, "sentence": each.sentence, "own": each in named.bundle.guarantees}
                 for each in guarantees_in_force(named.bundle)
             ],
             "guarantee_opt_outs": named.bundle.guarantee_opt_outs,
             "clauses": [
                 {"id": rule.id, "effect": rule.effect, "sentence": sentence_of(rule),
                  "record": english_of(rule), "statute": statute_of(rule),
                  "mark": rule.statute.mark, "national": rule.id not in own,
                  "enabled": rule.enabled, "note": rule.note}
                 for rule in (*named.bundle.rules, *(r for r in named.rules if r.id not in own))
             ]}
        )  # fmt: skip
        return
    console = facts_console()
    count = len(named.rules)
    console.print(f"{named.bundle.title}: {count} rules decide ({named.source}).")
    console.print("Deny goes before hold, hold before release; what no rule releases is denied.")
    for budget in named.bundle.budgets:
        print_wrapped(console, english_of_budget(budget), "")
    for quota in named.bundle.quotas:
        print_wrapped(console, english_of_quota(quota), "")
    print_wrapped(console, english_of_publication(named.bundle.publication))
    print_wrapped(console, english_of_notice(named.bundle.notice_hours))
    _say_promises(named.bundle)
    say("")
    for rule in (*named.bundle.rules, *(r for r in named.rules if r.id not in own)):
        mark = _MARKS[rule.effect] if rule.enabled else "○"
        note = "" if rule.enabled else " (off: decides nothing)"
        console.print(f"{mark} {rule.id}  {_WORDS[rule.effect]}{note}")
        print_wrapped(console, sentence_of(rule), "    ")
        print_wrapped(console, f"As recorded: {english_of(rule)}", "    ")
        print_wrapped(console, f"[{rule.statute.mark}] {statute_of(rule)}", "    ")
        if rule.note:
            print_wrapped(console, f"Note: {rule.note}", "    ")


def _say_promises(bundle: PolicyBundle) -> None:
    console = facts_console()
    for each in guarantees_in_force(bundle):
        print_wrapped(console, f"◇ {each.id}  promised: {each.sentence}", "", "    ")
    for name, sentence in _opted_out(bundle):
        print_wrapped(console, f"○ {name}  not promised here: {sentence}", "", "    ")


def _opted_out(bundle: PolicyBundle) -> list[tuple[str, str]]:
    sentences = {each.id: each.sentence for each in default_guarantees()}
    return [(name, sentences.get(name, "")) for name in bundle.guarantee_opt_outs]


class _Part(StrEnum):
    POLICIES = "policies"
    SCHEMA = "schema"


@app.command()
def cedar(
    rules: RulesName,
    *,
    part: Annotated[_Part, typer.Option("--part", help="Which text.")] = _Part.POLICIES,
    data: DataDir = None,
) -> None:
    """Print rules as Cedar, their published form, or the schema that they are checked by."""
    named = named_rules(settings_of(data), rules)
    text = cedar_schema() if part is _Part.SCHEMA else cedar_policies(named.rules)
    for line in text.splitlines():
        say(line)


@app.command()
def decide(
    rules: RulesName,
    agency: Annotated[str, typer.Argument(metavar="ORI", help="Who asks.")],
    facts: Annotated[
        list[str] | None,
        typer.Argument(metavar="AXIS=VALUE", help="What is so; what is not said is not stated."),
    ] = None,
    *,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what rules answer to one query, class by class; nothing is asked or recorded."""
    settings = settings_of(data)
    named = named_rules(settings, rules)
    askers, _ = askers_of(settings)
    asker = next((each for each in askers if each.ori == agency.upper()), None)
    if asker is None:
        raise UsageError(f"no agency `{agency}` is listed")
    kind = _kind_of(asker, facts or [])
    compiled = compile_policy(named.bundle, named.national, {asker.ori: asker.family})
    classes = _classes_of(kind)
    decisions = compiled.decide(facts_of_kind(kind), classes, (RecordKind(kind[Axis.RECORD_KIND]),))
    strictest = max(decisions, key=lambda each: list(_WORDS).index(each.outcome)).outcome
    if as_json:
        print_json({"rules": named.source, "request": {a.value: kind[a] for a in Axis if kind[a]},
                    "decisions": decisions})  # fmt: skip
    else:
        console = facts_console()
        for each in decisions:
            console.print(f"{_MARKS[each.outcome]} {each.data_class}: {_WORDS[each.outcome]}")
            for reason in each.reasons:
                print_wrapped(console, f"{reason.rule}: {reason.sentence}", "    ")
            if each.would_change:
                print_wrapped(console, each.would_change, "    ")
    raise typer.Exit(_EXITS[strictest])


_EXITS: Final = {
    Outcome.RELEASE: ExitCode.OK,
    Outcome.HOLD: ExitCode.HELD,
    Outcome.DENY: ExitCode.REFUSED,
}


def _kind_of(asker: Asker, facts: list[str]) -> dict[Axis, str]:
    kind = {Axis.AGENCY: str(asker.ori), Axis.AGENCY_TYPE: asker.type.value, **PLAIN_CLAIMS}
    for fact in facts:
        name, _, value = fact.partition("=")
        if name not in {axis.value for axis in PLAIN_CLAIMS}:
            raise UsageError(f"`{name}` is none of {', '.join(PLAIN_CLAIMS)}")
        if value not in AXIS_VALUES[Axis(name)]:
            raise UsageError(f"`{value}` is no value of `{name}`")
        kind[Axis(name)] = value
    return kind


def _classes_of(kind: dict[Axis, str]) -> tuple[DataClass, ...]:
    if kind[Axis.DATA_CLASS]:
        return (DataClass(kind[Axis.DATA_CLASS]),)
    return asked_classes(MessageKey(kind[Axis.MESSAGE_KEY]), image=True)


@app.command("prove")
def prove_rules(
    rules: RulesName,
    *,
    file: Annotated[
        Path | None,
        typer.Option("--guarantee", metavar="FILE", help="Prove those of this file instead."),
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Prove twice what rules promise over every request, or show one that breaks it.

    Promised is what every state does, less what these rules opt out of, and what they add. A file
    has guarantees in TOML, as tables named guarantees. Requests are counted, and given to a solver
    that knows no count. Ends with 5 if one does not hold, or is not proved: the two disagree, or
    the solver decides nothing in time.
    """
    settings = settings_of(data)
    named = named_rules(settings, rules)
    askers, whose = askers_of(settings)
    guarantees = guarantees_in_force(named.bundle) if file is None else _guarantees_of(file)
    solver = z3_solver(named.rules, askers)
    proofs = prove_twice(named.rules, guarantees, askers, solver)
    holds = all(proof.holds for proof in proofs)
    if as_json:
        print_json({"rules": named.source, "agencies": whose, "holds": holds, "proofs": proofs})
    else:
        text = (
            f"{named.bundle.title}: {sum(p.holds for p in proofs)} of {len(proofs)} guarantees hold"
            f" over every request by {whose}"
        )
        console = facts_console()
        print_wrapped(console, text, "", "  ")
        print_wrapped(console, _how_proved(proofs), "  ")
        say("")
        for guarantee, proof in zip(guarantees, proofs, strict=True):
            _say_proof(guarantee, proof)
        for name, sentence in _opted_out(named.bundle) if file is None else ():
            print_wrapped(console, f"○ {sentence}", "", "  ")
            say(f"    Not promised: these rules opt out of {name}.")
    raise typer.Exit(ExitCode.OK if holds else ExitCode.UNVERIFIED)


def _guarantees_of(file: Path) -> tuple[Guarantee, ...]:
    """Return the guarantees of a file, checked as those of a bundle. Raises: RuleFormError."""
    try:
        text = read_input(str(file), BUNDLE_BYTES_MAX).decode()
    except UnicodeDecodeError:
        raise RuleFormError("a file of guarantees is not TOML") from None
    return read_guarantees(text)


def _how_proved(proofs: Sequence[TwiceProved]) -> str:
    alone = sum(proof.solver is SecondProof.ALONE for proof in proofs)
    doubtful = sum(not proof.is_settled for proof in proofs)
    if doubtful:
        return f"{doubtful} not proved: count and solver do not say the same"
    if alone:
        return f"{alone} too many to count, proved by the solver alone; the others by both"
    return "each counted, and given to a solver that knows no count: both agree"


def _say_proof(guarantee: Guarantee, proof: TwiceProved) -> None:
    console = facts_console()
    print_wrapped(console, f"{'●' if proof.holds else '✕'} {guarantee.sentence}", "", "  ")
    if proof.why:
        print_wrapped(console, f"NOT PROVED: {proof.why}", "    ")
    if proof.examined is None:
        says = "it holds" if proof.holds else "it is broken" if proof.witness else "nothing"
        say(f"    Too many combinations to count; the solver alone says: {says}")
    elif not proof.examined:
        say("    Nothing of this kind can be asked.")
        return
    else:
        say(f"    {proof.examined:,} kinds of request examined, {proof.broken:,} break it")
    if proof.witness:
        said = ", ".join(f"{axis} {value}" for axis, value in proof.witness.items())
        example = f"For example {said}: released by {', '.join(proof.rules)}."
        print_wrapped(console, example, "    ")


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="As RULES.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="As RULES.")],
    *,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what other rules would change, in exact numbers over everything that can be asked."""
    settings = settings_of(data)
    before, after = named_rules(settings, old), named_rules(settings, new)
    askers, whose = askers_of(settings)
    found = compare(before.rules, after.rules, space_of(askers))
    shown = english_of_publications(before.bundle.publication, after.bundle.publication)
    counts = english_of_budgets(before.bundle.budgets, after.bundle.budgets)
    waits = english_of_quotas(before.bundle.quotas, after.bundle.quotas)
    promised = promises_of_change(before.bundle, after.bundle)
    if as_json:
        print_json(
            {"old": before.source, "new": after.source, "agencies": whose,
             "request_kinds": found.request_kinds, "unchanged": found.unchanged,
             "loosens": found.loosens, "publication": shown, "budgets": counts,
             "quotas": waits, "promises": promised,
             "moves": [_move_document(move) for move in found.moves]}
        )  # fmt: skip
        return
    changed = found.request_kinds - found.unchanged
    way = "loosens in places" if found.loosens else "only tightens"
    what = f"changes {changed:,} of {found.request_kinds:,} kinds of request and {way}"
    what_else = [*["budgets"] * bool(counts), *["quotas"] * bool(waits)]
    alike = "no change"
    if what_else:
        alike = f"the rules decide alike, but their {join_words(what_else, 'and')} change"
    names = [named.bundle.title for named in (after, before)]
    if names[0] == names[1]:
        # Two versions, or a draft from what is in force: only where they are from tells them apart.
        names = [f"{named.bundle.title} ({named.source})" for named in (after, before)]
    console = facts_console()
    text = f"{names[0]} against {names[1]}: {what if changed else alike}"
    print_wrapped(console, text, "", "  ")
    for text in (shown, *counts, *waits):
        if text:
            print_wrapped(console, text, "  ")
    for clause in promised:
        print_wrapped(console, f"{clause[:1].upper()}{clause[1:]}.", "  ")
    say("")
    for move in found.moves:
        print_wrapped(console, f"{_MARKS[move.after]} {sentence_of_move(move)}", "", "  ")


def _move_document(move: Move) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(move),
        "loosens": move.loosens,
        "sentence": sentence_of_move(move),
    }


app.command("access")(who_gets_what)
for _command in (
    budgets,
    quotas,
    leaks,
    replay,
    publish,
    confirm,
    shadow,
    history,
    certify,
    check_certificate,
    thaw,
):
    app.command()(_command)
