"""What pages say of an examination: guarantees and gate, replay, other doors. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from comity.console.tiles import STEPS, TILE, tiles_of
from comity.console.words import counted, opened
from comity.directory.directory import Directory
from comity.domain.certificate import SecondProof
from comity.domain.decision import RuleId
from comity.domain.ids import ORI, Member, member_label
from comity.domain.vocabulary import Outcome, Purpose, term
from comity.policy import PolicyBundle, english_of
from comity.policy.advice import label_of_door, sentence_of_door, words_of_classes
from comity.policy.door import DoorKind
from comity.policy.english import sentence_of, statute_of, terms_of
from comity.policy.guarantee import default_guarantees, guarantees_in_force
from comity.policy.replay import (
    CAVEAT,
    STRICTNESS,
    WORDS,
    Case,
    Moves,
    Replay,
    changed,
    most_changed,
    sentence_of_surprise,
    words_of_unheld,
)
from comity.policy.rule import Rule
from comity.policy.traffic import month_text
from comity.services.examining import MINUTES_PER_REVIEW, Examination, Replayed, Step
from comity.services.gate import GateReport
from comity.services.leak_advice import Advice
from comity.services.proving import TwiceProved

__all__ = ["doors_said", "fault_said", "gate_said", "proofs_said", "replay_said"]

_MARKS: Final = {Outcome.RELEASE: "released", Outcome.HOLD: "held", Outcome.DENY: "refused"}
_SAID: Final = {Outcome.RELEASE: "Released", Outcome.HOLD: "Held", Outcome.DENY: "Refused"}
_STEPS: Final = {
    Step.GATE: "The gate",
    Step.GUARANTEES: "The guarantees",
    Step.LEAKS: "Other ways to the same data",
    Step.REPLAY: "The replay",
}
_ROWS: Final = 10


def fault_said(examination: Examination, step: Step) -> str:
    """Return why a step found nothing; empty if it did, or is not over."""
    fault = examination.faults.get(step)
    return f"{_STEPS[step]} could not be counted: {fault}." if fault is not None else ""


def proofs_said(
    bundle: PolicyBundle, proofs: list[TwiceProved]
) -> tuple[str, list[dict[str, Any]], list[str]]:
    """Return the finding, a row for each guarantee, and what is not promised."""
    promised = guarantees_in_force(bundle)
    held = sum(proof.holds for proof in proofs)
    finding = f"{held} of {counted(len(proofs), 'guarantee holds', 'guarantees hold')}"
    if len(proofs) != held:
        finding += "; what breaks a guarantee cannot take force while it is promised"
    rows = [_proof(each.id, each.sentence, proof)
            for each, proof in zip(promised, proofs, strict=True)]  # fmt: skip
    sentences = {each.id: each.sentence for each in default_guarantees()}
    return finding, rows, [sentences.get(name, name) for name in bundle.guarantee_opt_outs]


def _proof(name: str, sentence: str, proof: TwiceProved) -> dict[str, Any]:
    if proof.examined is None:
        how = "too many combinations to count; proved by the solver alone"
    elif not proof.examined:
        how = "nothing of this kind can be asked"
    else:
        both = ", and a solver that knows no count agrees" if proof.is_settled else ""
        how = (
            f"{counted(proof.examined, 'kind of request', 'kinds of request')} examined,"
            f" {proof.broken or 0:,} break it{both}"
        )
    if proof.solver not in (SecondProof.AGREES, SecondProof.ALONE):
        how += f"; not proved: {proof.why}"
    example = ""
    if proof.witness:
        said = ", ".join(f"{axis} {value}" for axis, value in proof.witness.items())
        example = f"For example {said}: released by {', '.join(proof.rules)}."
    return {
        "id": name,
        "sentence": opened(sentence),
        "state": "met" if proof.holds else "unmet" if proof.is_settled else "unknown",
        "how": how,
        "example": example,
    }


def gate_said(report: GateReport) -> dict[str, Any]:
    """Return what the gate looked at, and what disagrees."""
    return {
        "passed": report.passed,
        "sentence": (
            "All evaluators agree on everything that can be asked."
            if report.passed
            else "Evaluators do not agree: these rules cannot be published."
        ),
        "looked_at": (
            f"{counted(report.rules, 'rule')}; {report.request_kinds:,} kinds of request in"
            f" {report.combinations:,} combinations of conditions; {report.directed:,} directed"
            f" requests, which would show {report.errors_shown:,} errors of one bit; masks, proof"
            " and Cedar on each of them."
        ),
        "disagreements": [
            f"{each.what}: {'; '.join(f'{who} says {said}' for who, said in each.said.items())}"
            for each in report.disagreements
        ],
    }


def doors_said(advice: Advice) -> list[dict[str, Any]]:
    """Return every door that stands open under a draft."""
    return [
        {
            "number": each.number,
            "label": opened(label_of_door(each.door, advice.names)),
            "sentence": opened(
                sentence_of_door(each.door, each.advice.target, advice.names, advice.state)
            ),
            "kinds": counted(each.door.request_kinds, "kind of request", "kinds of request"),
            "answered": "" if each.answered is None
            else f"{counted(each.answered, 'answer')} since {advice.since:%-d %B %Y}",
            "classes": words_of_classes(each.door.classes),
            "closing": " ".join(english_of(rule) for rule in each.door.closing),
            "here": each.door.kind is not DoorKind.OTHER_STATES,
            "closes": [rule.id for rule in each.door.closing],
        }
        for each in advice.found
    ]  # fmt: skip


def replay_said(
    found: Replayed, rules: Mapping[RuleId, Rule], directory: Directory, own: Member
) -> dict[str, Any]:
    """Return a replay for its page: figures, map, matrix, tables, cases, what is not known."""
    replay = found.replay
    by_member = _by_member(replay, directory)
    return {
        "figures": _figures(found),
        "caveat": CAVEAT,
        "since": found.since,
        "source": found.source,
        "matrix": _matrix(replay.moves),
        "requests": replay.requests,
        "changed": changed(replay.moves),
        "tiles": tiles_of(by_member, own),
        "tile": TILE,
        "steps": STEPS,
        "places": [
            ("Federal agencies" if member == "us" else member_label(member), f"{count:,}")
            for member, count in sorted(by_member.items(), key=lambda each: (-each[1], each[0]))
        ],
        "tables": _tables(replay, directory),
        "cases": [
            {**_case(case, count, rules, directory), "would_change": found.would_change.get(case)}
            for case, count in found.most
        ],
        "surprises": [sentence_of_surprise(each) for each in found.surprises],
        "unheld": [
            f"{axis.value.replace('_', ' ')}: {words_of_unheld(axis)}; a condition hangs on it"
            f" for {counted(count, 'request')}"
            for axis, count in sorted(replay.touched.items(), key=lambda each: -each[1])
        ],
        "unlisted": replay.unlisted,
        "load": _load(found),
    }


def _figures(found: Replayed) -> list[dict[str, str]]:
    moved: Counter[tuple[Outcome, Outcome]] = Counter(
        {key: count for key, count in found.replay.moves.items() if key[0] is not key[1]}
    )
    items = [
        {"label": f"{_SAID[b]} to {WORDS[a]}", "value": f"{count:,}", "tone": _MARKS[a]}
        for (b, a), count in moved.most_common(3)
    ]
    affected = sum(1 for moves in found.replay.by_agency.values() if changed(moves))
    items.append({"label": "Agencies affected", "value": f"{affected:,}", "tone": "plain"})
    load = found.load
    if load is not None and load.is_week:
        more = (found.replay.reviews_after - found.replay.reviews_before) / load.weeks
        items.append({"label": "Reviews a week", "value": f"{more:+,.0f}", "tone": "plain"})
    elif load is not None and found.replay.reviews_after != found.replay.reviews_before:
        more_now = found.replay.reviews_after - found.replay.reviews_before
        items.append({"label": "Reviews in all", "value": f"{more_now:+,}", "tone": "plain"})
    return items


def _load(found: Replayed) -> str:
    load, replay = found.load, found.replay
    if load is None:
        return ""
    reviews = (
        f"{counted(replay.reviews_after, 'review')}, before {replay.reviews_before:,};"
        f" at {MINUTES_PER_REVIEW:g} minutes each"
    )
    if load.is_week:
        return (
            f"{opened(reviews)} {load.hours_after:,.1f} hours a week over {load.weeks:,.1f} weeks,"
            f" before {load.hours_before:,.1f}."
        )
    return (
        f"{opened(reviews)} {load.hours_after * load.weeks:,.1f} hours in all. Less than a week"
        " stands behind this: what it takes of a week cannot be told yet."
    )


def _matrix(moves: Moves) -> list[dict[str, Any]]:
    """Return a row for each outcome that was, with what each would be."""
    return [
        {
            "mark": _MARKS[before],
            "cells": [
                {"mark": _MARKS[after], "count": moves.get((before, after), 0),
                 "same": before is after}
                for after in STRICTNESS
            ],
            "total": sum(moves.get((before, after), 0) for after in STRICTNESS),
        }
        for before in STRICTNESS
    ]  # fmt: skip


def _by_member(replay: Replay, directory: Directory) -> dict[Member, int]:
    """Return how many changed requests came from each jurisdiction."""
    found: Counter[Member] = Counter()
    for agency, moves in replay.by_agency.items():
        member = directory.member_of(ORI(agency))
        if member is not None and changed(moves):
            found[member] += changed(moves)
    return dict(found)


def _tables(replay: Replay, directory: Directory) -> list[dict[str, Any]]:
    purposes = {term(Purpose(name)).label: moves for name, moves in replay.by_purpose.items()}
    months = {month_text(month): replay.by_month[month] for month in sorted(replay.by_month)}
    agencies = {_agency(name, directory): moves for name, moves in replay.by_agency.items()}
    classes = {term(name).label: moves for name, moves in replay.by_class.items()}
    return [
        _table("By agency", agencies), _table("By purpose", purposes),
        _table("By message key", replay.by_key), _table("By part of the record", classes),
        _table("By month", months),
    ]  # fmt: skip


def _table(name: str, by: Mapping[str, Moves]) -> dict[str, Any]:
    rows = [
        {
            "name": opened(each),
            "requests": f"{sum(moves.values()):,}",
            "changed": f"{changed(moves):,}",
            "refused": f"{_to(moves, Outcome.DENY):,}",
            "held": f"{_to(moves, Outcome.HOLD):,}",
            "released": f"{_to(moves, Outcome.RELEASE):,}",
        }
        for each, moves in most_changed(by, _ROWS)
    ]
    return {"name": name, "rows": rows, "more": max(0, len(by) - _ROWS)}


def _to(moves: Moves, outcome: Outcome) -> int:
    """Return how many move to an outcome from another."""
    return sum(n for (b, a), n in moves.items() if a is outcome and b is not a)


def _case(
    case: Case, count: int, rules: Mapping[RuleId, Rule], directory: Directory
) -> dict[str, Any]:
    deciding = [rules[name] for name in case.rules if name in rules]
    return {
        "agency": _agency(case.agency, directory),
        "ori": case.agency,
        "asked": f"{case.message_key}, purpose {term(Purpose(case.purpose)).label}",
        "count": f"{count:,}",
        "was": _MARKS[case.before],
        "would_be": _MARKS[case.after],
        "rules": [
            {
                "id": rule.id,
                "said": sentence_of(rule),
                "statute": statute_of(rule),
                "terms": terms_of(rule) or "always",
            }
            for rule in deciding
        ],
    }


def _agency(ori: str, directory: Directory) -> str:
    found = directory.agency(ORI(ori))
    return found.name if found is not None and found.name else ori
