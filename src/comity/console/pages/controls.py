"""Controls that a state has, used and not used: counted from its rules in force and its ledger.

Guarantee: a control is told used only where a clause that decides uses it, the rules set it, or the
ledger shows it; each leads to where it is seen or set.
Source: docs/adr/0043-drafts-in-the-browser.md.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from comity.console.desk import Desk
from comity.console.replies import Reply
from comity.console.routes import Name, roles_of, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import counted, listed, opened
from comity.domain.ids import Member, member_label
from comity.domain.vocabulary import LeafKind
from comity.policy.controls import Control, ControlKind, controls_of
from comity.services.leaf_counts import KindCounts
from comity.services.rules_in_force import RulesInForce

__all__ = ["ControlPages"]

_RULES_NAMED: Final = 6
_WAYS: Final = {
    ControlKind.BLOCK: (Name.BLOCK, "Block a family"),
    ControlKind.URGENT: (Name.URGENT, "Urgent releases"),
    ControlKind.REVIEW: (Name.QUEUE, "Review queue"),
}
"""Where a control is used; any other is set in a draft."""
_SET: Final = frozenset(
    {
        ControlKind.BUDGET,
        ControlKind.QUOTA,
        ControlKind.DELAY,
        ControlKind.NOTICE,
        ControlKind.PROMISES,
        ControlKind.NATIONAL,
    }
)
"""Controls that stand around the clauses."""
_SEEN_IN: Final = {
    ControlKind.REVIEW: (LeafKind.HOLD, "hold"),
}


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """One control for its page; `ways` are labels and addresses."""

    name: str
    does: str
    used: bool
    by: str
    ways: tuple[tuple[str, str], ...]


class ControlPages:
    """What a state could do, and does."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def controls(self, visit: Visit) -> Reply:
        """List every control, those that are used first."""
        state = visit.person.state
        found = await self._desk.books.rules(state)
        counts = await self._desk.counts.counts(state)
        rows = [
            *(_of_rules(control, counts, visit) for control in
              controls_of(found.bundle, found.rules)),
            *await self._beside(visit, found, counts),
        ]  # fmt: skip
        used = sum(row.used for row in rows)
        return self._views.page(
            "controls.html",
            visit,
            policy_version=f"{found.bundle.version} ({found.entry.upper()})",
            finding=(
                f"{member_label(state)} uses {used} of the {len(rows)} controls that it has over"
                f" its records; {len(rows) - used} it has not used."
            ),
            groups=[
                ("Not used yet", [row for row in rows if not row.used]),
                ("Used", [row for row in rows if row.used]),
            ],
            counted_from=_counted(counts),
            version=found.bundle.version,
            rules=url_of(Name.RULES),
        )

    async def _beside(self, visit: Visit, found: RulesInForce, counts: KindCounts) -> list[_Row]:
        """Return the controls that stand beside rules, with what the ledger shows of them."""
        state = visit.person.state
        waits = len(found.bundle.unconfirmed)
        announced = len(await self._announced(state))
        drafts = len(await self._desk.drafting.all_of(state))
        clauses = self._desk.notices.clauses(state)
        return [
            _row("A second person", "What one person puts into force another confirms within a"
                 " day, or it becomes a hold.", counted(waits, "clause waits", "clauses wait"),
                 bool(waits), _ways(visit, (Name.WAITING, "Second person"))),
            _row("Announce before publishing", "Rules that decide nothing yet, for everyone to"
                 " read.", counted(announced, "version stands announced", "versions announced"),
                 bool(announced), _ways(visit, (Name.DRAFTS, "Drafts"))),
            _row("Drafts with replay", "Write rules, and see what they would have changed.",
                 counted(drafts, "draft"), bool(drafts), _ways(visit, (Name.DRAFTS, "Drafts"))),
            _row("A reviewer's verdict", "A person releases, releases in part, asks, or refuses.",
                 _seen(counts, LeafKind.VERDICT, "verdict"), bool(counts.of(LeafKind.VERDICT)),
                 _ways(visit, (Name.DECISIONS, "Past decisions"))),
            _row("Case passes", "One review opens a case for its officer, for a time.",
                 _seen(counts, LeafKind.PASS, "pass", "passes"), bool(counts.of(LeafKind.PASS)),
                 _ways(visit, (Name.PASSES, "Passes"))),
            _row("Notices that law demands", "Who must be told, by when, and the letter.",
                 _seen(counts, LeafKind.NOTICE, "notice given", "notices given")
                 if clauses is not None else "no clause of notices is set",
                 clauses is not None, _ways(visit, (Name.NOTICES, "Notices"))),
            _row("Corrections", "A wrong entry is set right by another, in the open.",
                 _seen(counts, LeafKind.CORRECTION, "correction"),
                 bool(counts.of(LeafKind.CORRECTION)), ()),
        ]  # fmt: skip

    async def _announced(self, state: Member) -> list[Any]:
        rows = await self._desk.store.shadows([state])
        standing = {row.body for row in await self._desk.store.policies([state])}
        # What is in force, announced, ends an announcement.
        return [row for row in rows if row.body not in standing]


def _of_rules(control: Control, counts: KindCounts, visit: Visit) -> _Row:
    named = list(control.rules[:_RULES_NAMED])
    more = len(control.rules) - len(named)
    said = [*([listed(named) + (f" and {more} more" if more else "")] if named else []),
            *([control.said] if control.said else [])]  # fmt: skip
    seen = _SEEN_IN.get(control.kind)
    if seen is not None and counts.of(seen[0]):
        said.append(_seen(counts, *seen))
    way = _WAYS.get(control.kind)
    ways = _ways(visit, *([way] if way is not None else []))
    if control.rules:
        ways = (("The clauses", f"{url_of(Name.RULES)}#rule-{control.rules[0]}"), *ways)
    elif way is None:
        ways = _ways(visit, (Name.DRAFTS, "Write it in a draft"))
    by = "; ".join(said) or ("not set" if control.kind in _SET else "no clause uses it")
    return _row(control.name, control.does, by, control.is_used, ways)


def _row(name: str, does: str, by: str, used: bool, ways: tuple[tuple[str, str], ...]) -> _Row:
    return _Row(name=name, does=does, used=used, by=opened(by), ways=ways)


def _ways(visit: Visit, *ways: tuple[Name, str]) -> tuple[tuple[str, str], ...]:
    """Return where to go, as far as this person may."""
    return tuple(
        (label, url_of(name)) for name, label in ways if visit.person.has_any(*roles_of(name))
    )


def _seen(counts: KindCounts, kind: LeafKind, singular: str, plural: str = "") -> str:
    return f"{counted(counts.of(kind), singular, plural)} in the ledger"


def _counted(counts: KindCounts) -> str:
    read = counts.size - counts.first
    whole = "all" if counts.first == 0 else "the newest"
    return f"Counted from the rules in force and {whole} {read:,} entries of the ledger."
