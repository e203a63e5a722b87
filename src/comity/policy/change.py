"""What a requester could honestly add to a query that would lead to another outcome.

Only four things are ever suggested: to state a purpose where none was stated, to certify, to sign
the query as an operator, and an instrument that a court, an agency's lawyer or the person gives. A
purpose that was stated is never swapped for another, and neither an emergency nor an administrative
immigration warrant is suggested. One change is tried, then two together.

Guarantee: each suggestion was decided again by the same rules, and it is a function of the mask.
Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import Final, NamedTuple

from comity.domain.vocabulary import (
    Assurance,
    Certification,
    Instrument,
    Outcome,
    Purpose,
    term,
)
from comity.policy.axis import OPEN_AXES, Axis
from comity.policy.english import join_words
from comity.policy.masks import PURPOSE_UNSAID, MaskTable, relevant_bits, replaced
from comity.policy.settle import Settled, settle

__all__ = ["INSTRUMENT_WORDS", "Change", "find_changes", "sentence_of_changes"]

INSTRUMENT_WORDS: Final = {
    Instrument.COURT_ORDER: "a court order",
    Instrument.ARTICLE_III_WARRANT: "a warrant signed by a federal judge (Article III)",
    Instrument.STATE_WARRANT: "a warrant signed by a state judge",
    Instrument.COURT_SUBPOENA: "a court subpoena",
    Instrument.ADMINISTRATIVE_SUBPOENA: "an administrative subpoena",
    Instrument.CONSENT: "the person's consent",
}
_WARRANTS: Final = (Instrument.ARTICLE_III_WARRANT, Instrument.STATE_WARRANT)
_SUGGESTED: Final[dict[Axis, tuple[str, ...]]] = {
    Axis.PURPOSE: tuple(p for p in Purpose if p not in {Purpose.OTHER, Purpose.NOT_STATED}),
    Axis.CERTIFICATION: (Certification.VALID,),
    Axis.ASSURANCE: (Assurance.SIGNED,),
    Axis.INSTRUMENT: tuple(INSTRUMENT_WORDS),
}
_RANK: Final = {Outcome.RELEASE: 0, Outcome.HOLD: 1, Outcome.DENY: 2}
_PURPOSES_NAMED_MAX: Final = 4


class Change(NamedTuple):
    """Values on open axes that would lead to a better outcome, and that outcome."""

    values: tuple[tuple[Axis, str], ...]
    outcome: Outcome


def find_changes(
    table: MaskTable, mask: int, settled: Settled, *, reviewed: bool
) -> tuple[Change, ...]:
    """Return what would better an outcome: single changes, or else the first pair that would."""
    if settled.outcome is Outcome.RELEASE or not _can_change(table, mask, settled):
        return ()
    keep = relevant_bits(table, mask)
    outcomes: dict[int, Outcome] = {}  # most values are told apart by no rule that bears here
    for count in (1, 2):
        found = []
        for values in _suggestions(mask, count):
            changed = mask
            for axis, value in values:
                changed = replaced(table, changed, axis, value)
            changed &= keep
            if changed not in outcomes:
                outcomes[changed] = settle(table, changed, reviewed=reviewed).outcome
            if _RANK[outcomes[changed]] < _RANK[settled.outcome]:
                found.append(Change(values, outcomes[changed]))
        if found:
            return tuple(found) if count == 1 else (min(found, key=lambda c: _RANK[c.outcome]),)
    return ()


def _suggestions(mask: int, count: int) -> Iterator[tuple[tuple[Axis, str], ...]]:
    """Yield every way to set `count` open axes, in axis and vocabulary order."""
    for axes in combinations(OPEN_AXES, count):
        for values in product(*(_suggested(axis, mask) for axis in axes)):
            yield tuple(zip(axes, values, strict=True))


def _suggested(axis: Axis, mask: int) -> tuple[str, ...]:
    # INVARIANT (not-stated-is-no-claim): a purpose is asked for, never exchanged for a better one.
    if axis is Axis.PURPOSE and not mask & PURPOSE_UNSAID:
        return ()
    return _SUGGESTED[axis]


def _can_change(table: MaskTable, mask: int, settled: Settled) -> bool:
    """Say whether open axes bear on the outcome at all; if not, nothing need be tried.

    Every rule in the way must look at an open axis itself, or have an exception whose fixed axes
    fit; where no rule releases, one that would must fail by open axes alone.
    """
    for rule in settled.deciding:
        row = table.by_id[rule.id]
        fits = (mask & need & -need for need in row.exceptions)
        if row.need == row.fixed and not any(fits):
            return False
    return True


def sentence_of_changes(changes: tuple[Change, ...], current: Outcome) -> str:
    """Return what would change an outcome, in words; empty where a requester can do nothing."""
    if not changes:
        return ""
    if len(changes[0].values) > 1:
        return _pair_sentence(changes[0], current)
    sentences = []
    for axis in OPEN_AXES:
        for outcome in (Outcome.RELEASE, Outcome.HOLD):
            values = [
                value
                for change in changes
                for at, value in change.values
                if at is axis and change.outcome is outcome
            ]
            if values:
                sentences.append(f"{_words(axis, values)} {_effect(outcome, current)}.")
    return " ".join(sentences)


def _words(axis: Axis, values: list[str]) -> str:
    match axis:
        case Axis.PURPOSE:
            return f"State a purpose: {_purposes(values)}"
        case Axis.CERTIFICATION:
            return "A valid certification to this state"
        case Axis.ASSURANCE:
            return "A query signed by its operator"
        case _:
            return _capital(_instruments(values))


def _purposes(values: list[str]) -> str:
    words = [term(Purpose(value)).label for value in values]
    if len(words) > _PURPOSES_NAMED_MAX:
        left = len(words) - _PURPOSES_NAMED_MAX + 1
        words = [*words[: _PURPOSES_NAMED_MAX - 1], f"one of {left} others"]
    return join_words(words, "or")


def _instruments(values: list[str]) -> str:
    words = []
    both = set(_WARRANTS) <= set(values)
    for value in values:
        instrument = Instrument(value)
        if both and instrument in _WARRANTS:
            if instrument is _WARRANTS[0]:
                words.append("a judicial warrant")
        else:
            words.append(INSTRUMENT_WORDS[instrument])
    return join_words(words, "or")


def _pair_sentence(change: Change, current: Outcome) -> str:
    words = []
    for axis, value in change.values:
        match axis:
            case Axis.PURPOSE:
                words.append(f"a stated purpose ({term(Purpose(value)).label})")
            case Axis.CERTIFICATION:
                words.append("a valid certification to this state")
            case Axis.ASSURANCE:
                words.append("an operator's signature")
            case _:
                words.append(_instruments([value]))
    return f"{_capital(join_words(words, 'and'))} together {_effect(change.outcome, current)}."


def _effect(outcome: Outcome, current: Outcome) -> str:
    if current is Outcome.HOLD:
        return "would release this without review"
    return "would allow this" + (" after review" if outcome is Outcome.HOLD else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
