"""How requests of one case are told together: what is alike in them, what differs, what a verdict
on all of them does.

Guarantee: pure; nothing that differs between two of them is told as alike.
Source: docs/adr/0048-requests-of-one-case.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from comity.console.pages.call_words import call_state
from comity.console.pages.verdict_form import Act, classes_text, reasons_of, who_of
from comity.console.words import counted, label_of, listed, opened, plain
from comity.domain.decision import Reason
from comity.domain.vocabulary import DataClass, Instrument, Offence, Purpose, term
from comity.link.command import HoldView

__all__ = [
    "Comparison",
    "about_of",
    "case_of",
    "clauses_of",
    "compared",
    "consequence_together",
    "finding_together",
]

Said = tuple[str, ...]
"""What a cell says, line by line."""


class _Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in which requests may differ: a column's head, its name in prose, what is said."""

    label: str
    prose: str
    said_of: Callable[[HoldView], Said]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Requests held against each other.

    `alike` are pairs of a label and a line; `labels` head the columns of what differs, of which
    `rows` has for each request the lines of each cell, and whether most others say another thing.
    """

    alike: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]
    proses: tuple[str, ...]
    rows: tuple[tuple[tuple[Said, bool], ...], ...]


def about_of(hold: HoldView) -> Said:
    """Return whom a request is about, line by line."""
    # Each by itself: a value that looks like two fields must not become two.
    return tuple(plain(f"{name} {value}") for name, value in hold.search) or ("nobody named",)


def case_of(hold: HoldView) -> str:
    """Return the number of a request's case."""
    return plain(hold.case_number) or "none"


_FEATURES: Final = (
    _Feature(label="About", prose="whom they are about", said_of=about_of),
    _Feature(
        label="Asked for",
        prose="the parts",
        said_of=lambda hold: (opened(classes_text(hold.classes)),),
    ),
    _Feature(
        label="Purpose",
        prose="the purpose",
        said_of=lambda hold: (label_of(Purpose, hold.purpose),),
    ),
    _Feature(
        label="Offence",
        prose="the offence",
        said_of=lambda hold: (label_of(Offence, hold.offence),),
    ),
    _Feature(
        label="Instrument",
        prose="the instrument",
        said_of=lambda hold: (label_of(Instrument, hold.instrument),),
    ),
    _Feature(
        label="Officer",
        prose="the officer",
        said_of=lambda hold: (plain(hold.operator) or "not named",),
    ),
    _Feature(
        label="Held by rule",
        prose="the rules that hold them",
        said_of=lambda hold: (", ".join(reason.rule for reason in reasons_of(hold)),),
    ),
    _Feature(label="Called back", prose="the calls back", said_of=lambda hold: (call_state(hold),)),
    _Feature(label="Message key", prose="the message key", said_of=lambda hold: (hold.key,)),
)


def compared(holds: Sequence[HoldView]) -> Comparison:
    """Hold requests, at least one, against each other."""
    alike: list[tuple[str, str]] = []
    differing: list[tuple[_Feature, list[Said], Said | None]] = []
    for feature in _FEATURES:
        said = [feature.said_of(hold) for hold in holds]
        ((most, count),) = Counter(said).most_common(1)
        if count == len(said):
            alike += [(feature.label, line) for line in most]
        else:
            # Without a saying of more than half of them none is unlike the others.
            differing.append((feature, said, most if 2 * count > len(said) else None))
    rows = tuple(
        tuple((said[at], most is not None and said[at] != most) for _, said, most in differing)
        for at in range(len(holds))
    )
    return Comparison(
        alike=tuple(alike),
        labels=tuple(feature.label for feature, _, _ in differing),
        proses=tuple(feature.prose for feature, _, _ in differing),
        rows=rows,
    )


def finding_together(holds: Sequence[HoldView], requests: int, found: Comparison) -> str:
    """Return in a sentence who asks how often, and in what the shown requests differ."""
    who, case = who_of(holds[0]), case_of(holds[0])
    said = f"{who} asks {requests:,} times in case {case}"
    shown = "they" if requests == len(holds) else f"the first {len(holds)}"
    if not found.proses:
        return f"{said}: {shown} are alike."
    return f"{said}: {shown} differ in {listed(found.proses)}."


def clauses_of(holds: Sequence[HoldView]) -> tuple[Reason, ...]:
    """Return the rules that hold something in each of the requests."""
    first, *others = holds
    common = [set(reasons_of(hold)) for hold in others]
    return tuple(reason for reason in reasons_of(first) if all(reason in each for each in common))


def consequence_together(act: Act, holds: Sequence[HoldView]) -> str:
    """Return what one verdict on each of the requests does, in a sentence."""
    who, case = who_of(holds[0]), case_of(holds[0])
    them = f"{counted(len(holds), 'request')} of case {case}"
    match act:
        case Act.RELEASE:
            first = [hold for hold in holds if hold.by_two and hold.proposed is None]
            gone = "After a minute none of it can be called back."
            if first:
                count = "each" if len(first) == len(holds) else str(len(first))
                gone = f"Of {count} it is a proposal, which another reviewer confirms."
            return f"Release {_parts_of(holds)} to {who}, for {them}? {gone}"
        case Act.REFUSE:
            return f"Refuse {them} to {who}? The agency reads the clause and your reason with each."
        case _:
            return f"Ask {who} one question about {them}? They wait, and their clocks go on."


def _parts_of(holds: Sequence[HoldView]) -> str:
    """Return what is held of the requests, and in how many where that differs."""
    counts = Counter(part for hold in holds for part in hold.classes)
    parts = [part for part in DataClass if counts[part]]
    if all(counts[part] == len(holds) for part in parts):
        return classes_text(tuple(parts))
    return listed([f"{term(part).label} ({counts[part]})" for part in parts])
