"""`comity policy leaks`: who still gets what rules refuse a family, and the rule that closes it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from comity.cli.errors import UsageError
from comity.cli.files import write_whole
from comity.cli.network import DataDir, settings_of
from comity.cli.rules import NamedRules, RulesName, askers_of, named_rules, rules_of_members
from comity.cli.terminal import AsJson, facts_console, print_json, print_wrapped, say
from comity.cli.usage import read_usage
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.policy import encode_bundle, english_of
from comity.policy.advice import label_of_door, sentence_of_door, words_of_classes
from comity.policy.door import DoorKind
from comity.policy.families import KNOWN_FAMILIES
from comity.policy.reach import Door, Reach, closed
from comity.policy.space import space_of
from comity.policy.target import homes_of, target_within, targets_of
from comity.roles.settings import Settings
from comity.services.leak_advice import Advice, Found, advice_on, months_before, reaches_of

__all__ = ["advise", "leaks", "print_advice"]

_MONTHS: Final = 6
_MONTHS_MAX: Final = 120
_CLAIMS: Final = ("purpose", "offence", "instrument")
_SILENT: Final = frozenset({"not_stated", "none"})


def leaks(
    rules: RulesName,
    *,
    family: Annotated[
        str,
        typer.Option("--family", metavar="FAMILY", help="Of whom, as in US/DHS/ICE, or an ORI."),
    ] = "",
    months: Annotated[
        int,
        typer.Option(
            "--months", metavar="N", min=0, max=_MONTHS_MAX, help="Count answers so long."
        ),
    ] = _MONTHS,
    close: Annotated[
        int, typer.Option("--close", metavar="N", min=0, help="The door to close; with --to.")
    ] = 0,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="File for the rules that close it.")
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say who still gets what the rules refuse or hold by name, and what would close each door.

    Counts kinds of request exactly, and answers by the state's own ledger. Advises only: what it
    drafts decides nothing before a state publishes it.
    """
    settings = settings_of(data)
    if bool(close) != (to is not None):
        raise UsageError("`--close` and `--to` go together")
    advice = advise(settings, named_rules(settings, rules), family.upper(), months)
    if to is not None:
        _write_closed(advice, rules, close, to, as_json=as_json)
    elif as_json:
        print_json(_document(advice))
    else:
        _print(advice, rules)


def advise(
    settings: Settings, named: NamedRules, family: str = "", months: int = _MONTHS
) -> Advice:
    """Return the advice on rules: of a family, or of whomever they refuse or hold by name.

    Raises: UsageError if there is no such family, TooManyCombinationsError.
    """
    askers, whose = askers_of(settings)
    space, homes = space_of(askers), homes_of(askers)
    if family and family not in KNOWN_FAMILIES and family not in homes:
        raise UsageError(f"`{family}` is no family that rules may name, and no agency")
    targets = (target_within(named.rules, family, homes),) if family else targets_of(named.rules)
    taken = frozenset(rule.id for rule in (*named.bundle.rules, *named.national.rules))
    others = rules_of_members(settings) if targets else {}
    others.pop(named.bundle.state, None)
    reaches = reaches_of(named.rules, targets, space, taken, others)
    since = months_before(datetime.now(UTC), months)
    use = read_usage(settings, named.bundle.state, since) if reaches else None
    advice = advice_on(named.bundle, reaches, askers, use, since)
    return msgspec.structs.replace(advice, source=named.source, whose=whose)


def print_advice(settings: Settings, state: Member, family: str, first: int) -> None:
    """Print the first doors that stand open to a family under the rules in force in a state.

    What it is printed beside stands, also where nothing can be counted.
    """
    console = facts_console()
    try:
        advice = advise(settings, named_rules(settings, f"@{state}"), family)
    except ComityError as error:
        print_wrapped(console, f"Advice: other doors were not counted ({error.code}).")
        return
    print_wrapped(console, f"Advice: {advice.finding}")
    for each in advice.found[:first]:
        _print_door(advice, each)
    if len(advice.found) > first:
        say(f"  All of them: comity policy leaks @{state.upper()} --family {family}")


def _print(advice: Advice, rules: str) -> None:
    console = facts_console()
    print_wrapped(console, advice.finding)
    for each in advice.reaches:
        say("")
        its = f"{each.target.label}: {each.refused:,} kinds of request refused or held by name"
        print_wrapped(console, f"{its}. {_gets(each)}", "", "   ")
        for found in advice.found:
            if found.advice is each:
                _print_door(advice, found)
    if advice.usage is not None and advice.usage.untold:
        untold, all_of = advice.usage.untold, advice.usage.disclosures
        print_wrapped(
            console,
            f"{untold:,} of {all_of:,} answers since {advice.since:%Y-%m-%d} do not tell who asked"
            " (delayed, or a small agency): they are counted for no door.",
        )
    if advice.found:
        say(f"Draft what closes door 1: comity policy leaks {rules} --close 1 --to FILE")


def _gets(each: Reach) -> str:
    said = (("Can get", each.released), ("After review", each.held), ("Never", each.never))
    return " ".join(f"{how}: {words_of_classes(those)}." for how, those in said if those)


def _print_door(advice: Advice, found: Found) -> None:
    console, door, mark = facts_console(), found.door, f"{found.number:>2} "
    sentence = sentence_of_door(door, found.advice.target, advice.names, advice.state)
    print_wrapped(console, sentence[:1].upper() + sentence[1:], mark, "   ")
    used = "" if found.answered is None else f", {found.answered:,} answered since"
    used += f" {advice.since:%Y-%m-%d}" if used else ""
    asked = f"{door.request_kinds:,} kinds of request{used}: {words_of_classes(door.classes)}."
    print_wrapped(console, f"{asked} {_example(door)}", "   ")
    closing = " ".join(english_of(rule) for rule in door.closing)
    where = " (in their own rules)" if door.kind is DoorKind.OTHER_STATES else ""
    print_wrapped(console, f"Closed{where} by: {closing}", "   ")


def _example(door: Door) -> str:
    seen = door.witness
    claims = [f"{name} {seen[name]}" for name in _CLAIMS if seen[name] not in _SILENT]
    asks = ", ".join([f"{seen['agency']} asks {seen['message_key']}", seen["data_class"], *claims])
    return f"For example {asks}: released by {', '.join(door.rules)}."


def _write_closed(advice: Advice, rules: str, number: int, to: Path, *, as_json: bool) -> None:
    found = next((each for each in advice.found if each.number == number), None)
    if found is None:
        raise UsageError(f"there is no door {number}")
    if found.door.kind is DoorKind.OTHER_STATES:
        raise UsageError(f"door {number} is closed by the rules of other states")
    bundle = closed(advice.bundle, found.door)
    write_whole(to, encode_bundle(bundle))
    names = [rule.id for rule in found.door.closing]
    if as_json:
        print_json({"door": number, "rules": names, "to": str(to)})
        return
    say(f"● {', '.join(names)} in {to}: closes door {number},"
        f" {label_of_door(found.door, advice.names)}")  # fmt: skip
    say(f"  What it changes: comity policy diff {rules} {to}")


def _document(advice: Advice) -> dict[str, Any]:
    usage = advice.usage
    return {
        "rules": advice.source,
        "state": advice.bundle.state,
        "agencies": advice.whose,
        "finding": advice.finding,
        "targets": [
            {"agency": each.target.agency, "label": each.target.label,
             "bars": [bar.id for bar in each.target.bars], "refused": each.refused,
             "released": each.released, "held": each.held, "never": each.never}
            for each in advice.reaches
        ],
        "answers": None if usage is None else {
            "since": f"{advice.since:%Y-%m-%d}", "all": usage.disclosures, "untold": usage.untold,
        },
        "doors": [
            {"number": each.number, "target": each.advice.target.agency,
             "label": label_of_door(each.door, advice.names),
             "sentence": sentence_of_door(
                 each.door, each.advice.target, advice.names, advice.state
             ),
             "answered": each.answered, **msgspec.to_builtins(each.door)}
            for each in advice.found
        ],
    }  # fmt: skip
