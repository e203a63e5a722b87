"""The rules in force: what decides in this state, a sentence each, with the law beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from comity.console.desk import Desk
from comity.console.replies import Reply
from comity.console.routes import Name, roles_of, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import counted, moment_said, opened
from comity.domain.decision import RuleId
from comity.domain.ids import member_label
from comity.domain.vocabulary import Outcome
from comity.policy import PolicyBundle
from comity.policy.block import blocks_of
from comity.policy.check import NO_RULE
from comity.policy.english import english_of, statute_of, terms_of
from comity.policy.guarantee import guarantees_in_force
from comity.policy.rule import Rule
from comity.services.binder_words import MARK_WORDS

__all__ = ["RulePages"]

_MARKS: Final = {Outcome.RELEASE: "released", Outcome.HOLD: "held", Outcome.DENY: "refused"}
_EFFECTS: Final = {Outcome.RELEASE: "Releases", Outcome.HOLD: "Holds", Outcome.DENY: "Refuses"}
_ACTS: Final = (
    (Name.BLOCK, "Block a family", "n"),
    (Name.WAITING, "Waiting for a second person", "c"),
    (Name.DRAFTS, "Drafts", "d"),
    (Name.HISTORY, "History", "h"),
    (Name.AS_OF, "As of a day", "t"),
    (Name.CONTROLS, "Controls", "o"),
)


class RulePages:
    """The state's rules."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def rules(self, visit: Visit) -> Reply:
        """Show every rule in force, in the order of what it does."""
        found = await self._desk.books.rules(visit.person.state)
        on = [rule for rule in found.rules if rule.enabled]
        off = [rule for rule in found.rules if not rule.enabled]
        waiting = sorted(each.until for each in found.bundle.unconfirmed)
        blocks = self._blocks(visit, found.bundle)
        doubts = await self._desk.appeals.doubted(visit.person.state)
        counts = {effect: sum(r.effect is effect for r in on) for effect in Outcome}
        return self._views.page(
            "rules.html",
            visit,
            policy_version=f"{found.bundle.version} ({found.entry.upper()})",
            finding=(
                f"{counted(len(on), 'rule decides', 'rules decide')} who gets records of "
                f"{member_label(visit.person.state)}: {counts[Outcome.DENY]} refuse, "
                f"{counts[Outcome.HOLD]} hold for a person, {counts[Outcome.RELEASE]} release."
            ),
            entry=found.entry.upper(),
            version=found.bundle.version,
            groups=[
                (
                    _EFFECTS[effect],
                    _MARKS[effect],
                    [_row(r, blocks, doubts) for r in on if r.effect is effect],
                )
                for effect in (Outcome.DENY, Outcome.HOLD, Outcome.RELEASE)
            ],
            off=[_row(rule, blocks, doubts) for rule in off],
            no_rule=_doubted(doubts.get(NO_RULE, 0)),
            waiting=_waiting(waiting, visit),
            acts=_acts(visit),
            guarantees=[opened(each.sentence) for each in guarantees_in_force(found.bundle)],
        )

    def _blocks(self, visit: Visit, bundle: PolicyBundle) -> frozenset[RuleId]:
        """Return the blocks whose page this person may open."""
        return blocks_of(bundle) if visit.person.has_any(*roles_of(Name.BLOCKED)) else frozenset()


def _acts(visit: Visit) -> list[tuple[str, str, str]]:
    """Return what this person may do with rules: label, key, address."""
    return [
        (label, key, url_of(name))
        for name, label, key in _ACTS
        if visit.person.has_any(*roles_of(name))
    ]


def _waiting(ends: list[int], visit: Visit) -> str:
    """Return what waits for a second person, in a sentence; empty if nothing does."""
    if not ends:
        return ""
    what = opened(counted(len(ends), "clause waits", "clauses wait"))
    until = moment_said(ends[0], visit.person.state, visit.now)
    return f"{what} for a second person, until {until}; what nobody confirms becomes a hold."


def _doubted(count: int) -> str:
    """Return how many appeals were left to whoever writes a rule; empty if none was."""
    if not count:
        return ""
    say = counted(count, "appeal says", "appeals say")
    return f"{say} that this is wrong: another person looked at each, and left it to the rules."


def _row(rule: Rule, blocks: frozenset[RuleId], doubts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "doubted": _doubted(doubts.get(rule.id, 0)),
        "url": url_of(Name.BLOCKED, clause=rule.id) if rule.id in blocks else None,
        "id": rule.id,
        "sentence": rule.sentence or english_of(rule),
        "terms": opened(terms_of(rule) or "always"),
        "statute": statute_of(rule),
        "checked": MARK_WORDS[rule.statute.mark],
    }
