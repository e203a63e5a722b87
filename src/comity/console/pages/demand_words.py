"""What pages say of demands: a sentence for all, a row, facts and acts of each.

Guarantee: under a gag, who demanded what in which matter is told to those who may act alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from comity.console.days import today_of
from comity.console.routes import KEEPS_RECORDS, Name, url_of
from comity.console.visits import Visit
from comity.console.words import (
    classes_said,
    counted,
    day_said,
    iso,
    left_said,
    listed,
    moment_said,
    opened,
    tone_of,
)
from comity.domain.demands import (
    ACT_WORDS,
    DEMANDED_WORDS,
    DemandFile,
    SignedDemandAct,
)
from comity.domain.ids import Member, entry_name, member_label
from comity.domain.vocabulary import Instrument, term
from comity.ports import DemandCount
from comity.review.deadline_words import day_words
from comity.review.demands import is_gagged
from comity.services.demand_book import KnownDemand

__all__ = [
    "LETTER",
    "act_rows",
    "counts_said",
    "demand_facts",
    "demand_finding",
    "demand_row",
    "demands_finding",
    "hand_over_facts",
    "kind_said",
    "sees_matter",
]

LETTER: Final = "a letter or another paper"
"""What a demand came as that is no instrument of a court or an office."""
_UNREAD: Final = "Cannot be read any more: its month's key is gone"
_GAGGED: Final = "Hidden by a court until {day}"


def demands_finding(known: Sequence[KnownDemand], count: int, visit: Visit) -> str:
    """Return the sentence that answers what is demanded, and when the next answer is due."""
    label = member_label(visit.person.state)
    if not count:
        return f"No demand for {label}'s own data is open."
    open_said = f"{counted(count, 'demand')} for {label}'s own data {'is' if count == 1 else 'are'}"
    late = sum(each.row.answer_by < visit.now for each in known)
    coming = [each.row.answer_by for each in known if each.row.answer_by >= visit.now]
    due = f"the next answer is due {_day(coming[0], visit)}" if coming else ""
    overdue = f"{late} of them {'is' if late == 1 else 'are'} overdue" if late else ""
    if count == 1 and late:
        overdue = "its answer is overdue"
    return f"{open_said} open; {listed([part for part in (overdue, due) if part])}."


def counts_said(counts: Sequence[DemandCount], state: Member) -> str:
    """Return how many demands came, by what they came as: what anybody counts from the leaves."""
    label = member_label(state)
    total = sum(each.count for each in counts)
    if not total:
        return f"No demand for {label}'s own data has come."
    kinds = [f"{each.count} as {kind_said(each.kind)}" for each in counts]
    came = f"{opened(counted(total, 'demand'))} for {label}'s own data {_have(total)} come"
    return f"{came}: {listed(kinds)}."


def sees_matter(known: KnownDemand, visit: Visit) -> bool:
    """Say whether who looks may read what a demand is about."""
    if known.file is None or visit.person.has_any(*KEEPS_RECORDS):
        return True
    return not is_gagged(known.file, today_of(visit))


def demand_row(known: KnownDemand, visit: Visit) -> dict[str, Any]:
    """Return a demand as the list shows it."""
    row, file = known.row, known.file
    left = row.answer_by - visit.now
    return {
        "entry": known.entry.upper(),
        "url": url_of(Name.DEMAND, number=row.leaf_index),
        "kind": opened(kind_said(row.kind)),
        "whose": _whose(known, visit),
        "about": _about(file) if file is not None and sees_matter(known, visit) else "",
        "stands": opened(_stands(known, visit)),
        "is_open": known.is_open,
        "until": iso(row.answer_by),
        "left": left_said(left),
        "tone": tone_of(left),
        "is_gagged": file is not None and is_gagged(file, today_of(visit)),
    }


def demand_finding(known: KnownDemand, visit: Visit) -> str:
    """Return where one demand stands, in a sentence."""
    what = opened(_with_article(kind_said(known.row.kind)))
    if known.file is not None and sees_matter(known, visit):
        what = f"{what} of {known.file.registered.demand.issuer}"
    if not known.is_open:
        return f"{what} has ended: {_stands(known, visit)}."
    day = _day(known.row.answer_by, visit)
    if known.row.answer_by < visit.now:
        return f"{what} was to be answered by {day}, and is not."
    return f"{what} is to be answered by {day}."


def demand_facts(known: KnownDemand, visit: Visit) -> list[tuple[str, str]]:
    """Return what is known of a demand, label by label."""
    row, file = known.row, known.file
    facts = [("Kind, public", opened(kind_said(row.kind))), ("Recorded as", known.entry.upper())]
    if file is None:
        return [*facts, ("What it says", _UNREAD)]
    demand = file.registered.demand
    registered = moment_said(demand.at, visit.person.state, visit.now)
    by_day = [("To be answered by", _answer_said(file)), ("Registered", registered)]
    if file.gag_until is not None:
        by_day.append(("Telling is forbidden until", day_words(file.gag_until)))
    if not sees_matter(known, visit):
        return [*facts, *by_day, ("What it says", _gagged(file))]
    return [
        *facts,
        *by_day,
        ("Issued by", demand.issuer),
        ("Number", demand.number or "None"),
        ("Served on", day_words(demand.served_on)),
        ("Demands", _about(file)),
        ("Of the months", _months(file)),
        ("Matter, private", demand.matter),
        *([("Note, private", demand.note)] if demand.note else []),
        ("SHA-256 of the paper", demand.document.hex()),
        ("Its length", f"{demand.document_bytes:,} bytes"),
        ("Registered by", demand.reviewer),
    ]


def act_rows(known: KnownDemand, visit: Visit) -> list[dict[str, Any]]:
    """Return what was done about a demand, in order; under a gag, that it was done."""
    file = known.file
    if file is None:
        return []
    sees = sees_matter(known, visit)
    handed = iter(known.row.handed)
    found = []
    for each in file.acts:
        leaf = next(handed, None) if each.act.handed is not None else None
        is_end = each is file.acts[-1] and not known.is_open
        found.append(
            {
                "at": iso(each.act.at),
                "when": moment_said(each.act.at, visit.person.state, visit.now),
                "what": opened(ACT_WORDS[each.act.act]),
                "facts": _act_facts(each) if sees else [],
                "entries": _entries(known, each, leaf, is_end=is_end),
            }
        )
    return found


def hand_over_facts(signed: SignedDemandAct, visit: Visit) -> list[tuple[str, str]]:
    """Return what the first of two people signed that is handed over."""
    return [*_act_facts(signed), ("Signed at", moment_said(signed.act.at, visit.person.state))]


def kind_said(kind: Instrument) -> str:
    """Return what a demand came as, in words."""
    return LETTER if kind is Instrument.OTHER else term(kind).label


def _act_facts(signed: SignedDemandAct) -> list[tuple[str, str]]:
    act, facts = signed.act, []
    if act.answer_by is not None:
        facts.append(("New day to answer", day_words(act.answer_by)))
    if act.gag_until is not None:
        facts.append(("Telling is forbidden until", day_words(act.gag_until)))
    if act.handed is not None:
        handed = act.handed
        facts += [
            ("What", handed.what),
            ("To", handed.to),
            ("Classes of records", classes_said(handed.classes) or "None"),
            ("SHA-256 of it", handed.bundle.hex()),
            ("Its length", f"{handed.bundle_bytes:,} bytes"),
            ("The last of it", "Yes: the demand is answered" if handed.is_last else "No"),
        ]
    if act.note:
        facts.append(("Note, private", act.note))
    names = [act.reviewer, signed.second] if signed.second else [act.reviewer]
    return [*facts, ("Signed by", listed(names))]


def _entries(known: KnownDemand, signed: SignedDemandAct, leaf: int | None, *, is_end: bool) -> str:
    member = known.row.member
    said = []
    if signed.act.handed is not None:
        is_cut = leaf is None
        said.append(
            "its leaf was cut from the ledger" if is_cut else entry_name(member, leaf or 0).upper()
        )
    if is_end and known.row.ended_by is not None:
        said.append(entry_name(member, known.row.ended_by).upper())
    return listed(said) or "Kept with the demand; the leaf of its end commits to it"


def _whose(known: KnownDemand, visit: Visit) -> str:
    if known.file is None:
        return _UNREAD
    if not sees_matter(known, visit):
        return _gagged(known.file)
    demand = known.file.registered.demand
    return f"{demand.issuer}, {demand.number}" if demand.number else demand.issuer


def _gagged(file: DemandFile) -> str:
    assert file.gag_until is not None
    return _GAGGED.format(day=day_words(file.gag_until))


def _about(file: DemandFile) -> str:
    return opened(listed([DEMANDED_WORDS[each] for each in file.registered.demand.about]))


def _months(file: DemandFile) -> str:
    demand = file.registered.demand
    if not demand.first_month:
        return "All"
    if demand.first_month == demand.last_month:
        return demand.first_month
    return f"{demand.first_month} to {demand.last_month}"


def _answer_said(file: DemandFile) -> str:
    demand = file.registered.demand
    day = day_words(file.answer_by)
    if file.answer_by != demand.answer_by:
        return f"{day}; it was {day_words(demand.answer_by)} before"
    if not demand.days:
        return day
    days = counted(demand.days, "business day" if demand.is_business else "day")
    return f"{day}: {days} after service"


def _stands(known: KnownDemand, visit: Visit) -> str:
    if known.file is None:
        return "open" if known.is_open else "ended"
    acts = known.file.acts
    if not acts:
        return "nothing was done yet"
    return (
        f"{ACT_WORDS[acts[-1].act.act]}, {day_said(acts[-1].act.at, visit.person.state, visit.now)}"
    )


def _day(seconds: int, visit: Visit) -> str:
    return day_said(seconds, visit.person.state, visit.now)


def _with_article(words: str) -> str:
    if words.startswith("a "):
        return words
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
