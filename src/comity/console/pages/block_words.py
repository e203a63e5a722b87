"""What pages say of a block: before it, while it waits, and as it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from comity.console.words import counted, listed, moment_said, opened
from comity.domain.agency import Family
from comity.domain.answer import ResponseKind
from comity.domain.certificate import SignedCertificate
from comity.domain.ids import Member, member_label
from comity.domain.vocabulary import Outcome
from comity.policy.certified import certificate_words
from comity.policy.families import agency_values, label_of_agency
from comity.policy.rule import Rule
from comity.policy.space import Asker

__all__ = ["BlockState", "block_words", "consequence", "reached_by", "steps_of"]

_PROBE_MARKS: Final[dict[str, str]] = {ResponseKind.REFUSED: "refused", ResponseKind.HELD: "held"}
_IF_NOBODY: Final = "If nobody does, it becomes a hold: a person reviews every query."
_STAYS: Final = "Once confirmed, they get nothing. If nobody does, it stays a hold."


class BlockState(msgspec.Struct, frozen=True, kw_only=True):
    """A block in force; `until`: when it must be confirmed (Unix seconds), if it must.

    `by` are the enrolled names of who ordered it, where it waits and they can be read here.
    """

    rule: Rule
    state: Member
    until: int | None
    by: tuple[str, ...] = ()


def reached_by(family: str, askers: Iterable[Asker]) -> list[Asker]:
    """Return the agencies of a family and all below it, by name."""
    found = (each for each in askers if family in agency_values(each.ori, Family(each.family)))
    return sorted(found, key=lambda each: (each.name, each.ori))


def consequence(state: Member, family: str, count: int, *, is_hold: bool) -> str:
    """Return in a sentence what a block will do, and how many it reaches."""
    label, who = member_label(state), label_of_agency(family)
    agencies = counted(count, "agency", "agencies")
    verb = "Hold every query of" if is_hold else "Block"
    if not count:
        does = "waits for a reviewer in" if is_hold else "gets nothing from"
        return f"{verb} {who}? No agency of it is listed now; any that joins {does} {label}."
    if is_hold:
        waits = "waits" if count == 1 else "wait"
        return (
            f"{verb} {who}? From the moment you press, {agencies} {waits} for a"
            f" reviewer in {label}."
        )
    gets = "gets" if count == 1 else "get"
    return f"{verb} {who}? From the moment you press, {agencies} {gets} nothing from {label}."


def steps_of(until: str, *, is_hold: bool) -> tuple[str, ...]:
    """Return what happens after the press, in order."""
    another = f"Another author or counsel confirms it by {until}."
    return (
        "It takes force at once, by your signature alone. What is under way is decided again.",
        "The gateway asks as agencies of the family, and certifies what they were answered.",
        f"{another} {_STAYS if is_hold else _IF_NOBODY}",
    )


def block_words(shown: BlockState, kept: SignedCertificate | None, now: int) -> dict[str, Any]:
    """Return what a block's page says: `finding`, `facts_shown`, `probes`, `waits`, `mark`."""
    rule, state = shown.rule, shown.state
    family = rule.when.agency[0]
    facts = [
        ("By order of", rule.statute.cite),
        ("Family", f"{opened(label_of_agency(family))} ({family}), and all below it"),
        ("Clause", rule.id),
        *([("Ordered by", listed(list(shown.by)))] if shown.by else []),
        ("Second person", _second_person(shown, now)),
    ]
    if kept is not None:
        made = kept.certificate
        assert made.block is not None
        facts.append(("In force since", moment_said(made.block.since, state, now)))
        facts.append(("Certified", moment_said(made.at, state, now)))
    return {
        "finding": _finding(shown, kept),
        "facts_shown": facts,
        "probes": [] if kept is None else _probes(kept),
        "holds": kept is not None and kept.certificate.holds,
        "waits": shown.until is not None,
        "mark": "refused" if rule.effect is Outcome.DENY else "held",
    }


def _finding(shown: BlockState, kept: SignedCertificate | None) -> str:
    if kept is None:
        does = "gives nothing to" if shown.rule.effect is Outcome.DENY else "reviews every query of"
        who = label_of_agency(shown.rule.when.agency[0])
        return f"{member_label(shown.state)} {does} {who}; no certificate of this version is here."
    claim, outcome = certificate_words(
        kept.certificate, day_of=lambda at: moment_said(at, shown.state)
    )
    return f"{claim}; {outcome}."


def _second_person(shown: BlockState, now: int) -> str:
    if shown.until is not None:
        until = moment_said(shown.until, shown.state, now)
        ends = "it stays a hold" if shown.rule.effect is Outcome.HOLD else "it becomes a hold"
        return f"waits until {until}; if nobody confirms it, {ends}"
    if shown.rule.effect is Outcome.HOLD:
        return "nobody confirmed it in time, so it is a hold; it can be ordered again"
    return "confirmed"


def _probes(kept: SignedCertificate) -> list[dict[str, str]]:
    assert kept.certificate.block is not None
    return [
        {
            "agency": probe.agency,
            "key": probe.key,
            "mark": _PROBE_MARKS.get(probe.outcome, "none"),
            "said": opened(probe.outcome.replace("_", " ")),
            "entry": probe.entry.upper(),
        }
        for probe in kept.certificate.block.probes
    ]
