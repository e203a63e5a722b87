"""The laws that templates rest on, clause by clause, as data: not legal advice.

Each `*.toml` here is one state's: what every clause says in one sentence, how far its text was
checked, and what Comity does with it: which rules of the state's template carry it out, which duty
a person has, or why none of both. Marks are per clause. A block that was reported is a record of
its own, because a report of a setting is no law. Nothing here decides anything.

Guarantee: what is read here was checked for its form; tests hold rules and clauses together.
Source: docs/adr/0008-rule-record.md, "Templates"; docs/adr/0029-axes.md, "What did not fit".
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from comity.domain.agency import Family
from comity.domain.decision import RuleId
from comity.domain.ids import Member, parse_member
from comity.policy.clock import Clock

__all__ = [
    "Duty",
    "Law",
    "LawClause",
    "LawKind",
    "LawMark",
    "ReportedBlock",
    "StateLaws",
    "Treatment",
    "law_states",
    "laws_of",
]


class LawMark(StrEnum):
    """How far the text of a clause was checked."""

    READ = "V"
    """Read in the primary text."""

    SECONDARY = "S"
    """Secondary reporting only."""

    UNCHECKED = "K"
    """Not checked against any text."""

    NOT_ESTABLISHED = "not established"
    """Known by its name alone."""


class LawKind(StrEnum):
    """What sort of text it is."""

    STATUTE = "statute"
    REGULATION = "regulation"
    AGENCY_POLICY = "agency policy"


class Treatment(StrEnum):
    """What Comity does with a clause."""

    RULE = "rule"
    """Rules of the state's template carry it out, or would once they are switched on."""

    DUTY = "duty"
    """Somebody must do something; where it has a clock, `comity notices` finds when."""

    JUDGEMENT = "judgement"
    """A person must judge it: what is held goes to a reviewer."""

    FACT = "fact"
    """It depends on a fact that no request states and no directory has."""

    OUTSIDE = "outside"
    """No matter of a decision: a penalty, a remedy, what somebody does elsewhere."""

    BLANK = "blank"
    """Its words are not known here; only a person who cites them fills it in."""


class Duty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody must do: `by` whom, `what`, `to` whom, and when.

    `trigger` is the event from which `within` counts, in `unit` (`days`, `business days`, `years`:
    how long something is kept); `due` is a date of the year where there is one.
    """

    kind: str
    by: str
    what: str
    to: str = ""
    trigger: str = ""
    within: int = 0
    unit: str = ""
    due: str = ""


class LawClause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One clause: `at` is its place in the law, `says` its sense in one sentence.

    `rules` are those of the state's template that rest on it, enabled or not. `why` says why no
    rule does, or what a rule leaves out. `clock` is when its duty must be done, as it is counted.
    """

    id: str
    at: str = ""
    says: str
    mark: LawMark
    source: str = ""
    since: str = ""
    does: Treatment
    rules: tuple[RuleId, ...] = ()
    why: str = ""
    duty: Duty | None = None
    clock: Clock | None = None


class Law(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One law, or what stands in its place, with its clauses in the order of its text.

    `note` is advice to counsel. Effective dates stand where they are known.
    """

    id: str
    cite: str
    name: str
    kind: LawKind = LawKind.STATUTE
    since: str = ""
    note: str = ""
    clauses: tuple[LawClause, ...]


class ReportedBlock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A block that was reported: a setting of a system, not law.

    `agencies` and `kept` are families; the first is empty where nobody reported which.
    `is_confirmed` is false where it was reported as under way.
    """

    agencies: tuple[Family, ...] = ()
    kept: tuple[Family, ...] = ()
    since: str
    how: str = ""
    source: str
    mark: LawMark
    is_confirmed: bool = True
    rules: tuple[RuleId, ...]
    note: str = ""


class StateLaws(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one state: its laws, and blocks as reported."""

    laws: tuple[Law, ...]
    blocks: tuple[ReportedBlock, ...] = ()

    def clauses(self) -> Iterator[tuple[Law, LawClause]]:
        """Yield every clause with its law."""
        for law in self.laws:
            for clause in law.clauses:
                yield law, clause


_SUFFIX: Final = ".toml"


@cache
def law_states() -> tuple[Member, ...]:
    """Return the states whose laws are here, by code; `us` has the federal ones."""
    found = (entry.name for entry in files("comity.policy.laws").iterdir())
    return tuple(
        sorted(parse_member(name.removesuffix(_SUFFIX)) for name in found if name.endswith(_SUFFIX))
    )


@cache
def laws_of(state: Member) -> StateLaws:
    """Return what is known of a state's laws; nothing where no file is."""
    if state not in law_states():
        return StateLaws(laws=())
    text = files("comity.policy.laws").joinpath(f"{state}{_SUFFIX}").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), StateLaws)
