"""What the commands about demands say of one: where it stands, its facts, its acts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import msgspec

from comity.domain.demands import ACT_WORDS, DEMANDED_WORDS
from comity.domain.ids import entry_name
from comity.domain.said import classes_said, utc
from comity.domain.vocabulary import Instrument, term
from comity.services.demand_book import KnownDemand

__all__ = [
    "act_lines",
    "demand_document",
    "fact_rows",
    "kinds_said",
    "stands_said",
    "whose_said",
]

_UNREAD: Final = "cannot be read any more: its month's key is gone"


def whose_said(known: KnownDemand) -> str:
    """Return who demands, and under which number."""
    if known.file is None:
        return _UNREAD
    demand = known.file.registered.demand
    return f"{demand.issuer}, {demand.number}" if demand.number else demand.issuer


def stands_said(known: KnownDemand) -> str:
    """Return where a demand stands."""
    is_ended = "" if known.is_open else "ended, "
    if known.file is None:
        return f"{is_ended or 'open, '}{_UNREAD}"
    acts = known.file.acts
    return f"{is_ended}{ACT_WORDS[acts[-1].act.act]}" if acts else "nothing was done yet"


def fact_rows(known: KnownDemand, answer_by: date) -> list[tuple[str, str]]:
    """Return what is known of a demand, label by label."""
    rows = [("answer by", f"{answer_by:%Y-%m-%d}")]
    if known.file is None:
        return [*rows, ("it says", _UNREAD)]
    demand, gag_until = known.file.registered.demand, known.file.gag_until
    months = f"{demand.first_month} to {demand.last_month}" if demand.first_month else "all"
    return [
        *rows,
        *([("no telling until", f"{gag_until:%Y-%m-%d}")] if gag_until is not None else []),
        ("issued by", demand.issuer),
        ("number", demand.number or "none"),
        ("served on", f"{demand.served_on:%Y-%m-%d}"),
        ("demands", ", ".join(DEMANDED_WORDS[each] for each in demand.about)),
        ("months", months),
        ("matter, private", demand.matter),
        ("paper", f"{demand.document.hex()} ({demand.document_bytes:,} bytes)"),
        ("registered by", demand.reviewer),
        *([("note", demand.note)] if demand.note else []),
    ]


def act_lines(known: KnownDemand) -> Iterator[str]:
    """Yield what was done about a demand, a line each."""
    handed = iter(known.row.handed)
    for each in known.file.acts if known.file is not None else ():
        act = each.act
        who = f"{act.reviewer} and {each.second}" if each.second else act.reviewer
        said = f"  {utc(act.at):%Y-%m-%d} {ACT_WORDS[act.act]}, by {who}"
        if act.answer_by is not None:
            said += f"; to be answered by {act.answer_by}"
        if act.gag_until is not None:
            said += f"; no telling until {act.gag_until}"
        if act.handed is not None:
            leaf = next(handed, None)
            entry = "a leaf that was cut" if leaf is None else entry_name(known.row.member, leaf)
            classes = classes_said(act.handed.classes) or "no class of records"
            said += f": {act.handed.what}, to {act.handed.to} ({classes}), as {entry}"
        yield f"{said}; {act.note}" if act.note else said


def demand_document(known: KnownDemand) -> dict[str, Any]:
    """Return a demand as JSON prints it: hashes in hexadecimal digits, null where none can read."""
    row, member = known.row, known.row.member
    document: dict[str, Any] = {
        "entry": known.entry,
        "kind": row.kind.value,
        "is_open": known.is_open,
        "answer_by": utc(row.answer_by).isoformat(),
        "ended_entry": "" if row.ended_by is None else entry_name(member, row.ended_by),
        "handed_entries": ["" if at is None else entry_name(member, at) for at in row.handed],
        "demand": None,
        "acts": None,
    }
    if known.file is not None:
        demand: dict[str, Any] = msgspec.to_builtins(known.file.registered.demand)
        document["demand"] = demand | {"document": known.file.registered.demand.document.hex()}
        document["acts"] = [
            msgspec.to_builtins(each.act) | _handed(each.act.handed) | {"second": each.second}
            for each in known.file.acts
        ]
    return document


def kinds_said(label: str, came: Counter[str], ended: int) -> str:
    """Return how many demands came as what, in a sentence."""
    total = came.total()
    if not total:
        return f"No demand for {label}'s own data has come."
    parts = [f"{came[kind]} as {term(kind).label}" for kind in Instrument if came[kind]]
    count = "1 demand" if total == 1 else f"{total:,} demands"
    have = "has" if total == 1 else "have"
    return f"{count} for {label}'s own data {have} come, {ended:,} ended: {', '.join(parts)}."


def _handed(handed: Any) -> dict[str, Any]:
    if handed is None:
        return {}
    return {"handed": msgspec.to_builtins(handed) | {"bundle": handed.bundle.hex()}}
