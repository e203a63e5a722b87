"""What a draft would change against the rules in force, what it takes to publish, and its lint.

Guarantee: over everything that can be asked, exactly; what cannot be compared is said so and counts
as what takes most (invariant `fail-closed`). Whether one person may put a restriction into force is
asked by the very function by which the gateway weighs, which weighs again.
Source: docs/adr/0043-drafts-in-the-browser.md; docs/adr/0028-publishing-rules.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from comity.domain.decision import RuleId
from comity.domain.errors import ComityError
from comity.policy import (
    PolicyBundle,
    compile_policy,
    english_of_budgets,
    english_of_publications,
    english_of_quotas,
)
from comity.policy.block import lifted_blocks
from comity.policy.cedar import unknown_agencies
from comity.policy.difference import Difference, compare
from comity.policy.drafting import ClauseChange, as_restriction, clause_changes
from comity.policy.errors import TooManyCombinationsError
from comity.policy.history import sentence_of_change
from comity.policy.idle import find_own_idle, sentences_of_idle
from comity.policy.layer import layered_rules
from comity.policy.notice import takes_notice
from comity.policy.rule import Rule
from comity.policy.space import Asker, space_of
from comity.services.changes import change_of

__all__ = ["DraftWeighed", "Lint", "WeighedAgainst", "weigh_draft"]


class Lint(msgspec.Struct, frozen=True, kw_only=True):
    """One remark: about a clause, or about the draft as a whole (None)."""

    rule: RuleId | None
    text: str


class WeighedAgainst(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft is held against: the rules in force, and the agencies that may ask."""

    standing: PolicyBundle
    askers: Sequence[Asker]
    national_of: Callable[[PolicyBundle], PolicyBundle]


class DraftWeighed(msgspec.Struct, frozen=True, kw_only=True):
    """A draft, weighed. `rules` are all that would decide; `difference` is None where not known.

    `alone` is the draft as one person may put it into force now, or None: then it takes two.
    `notice` names what must stand announced first, `lifted` the blocks that would end.
    """

    rules: tuple[Rule, ...]
    sentence: str
    changes: tuple[ClauseChange, ...]
    difference: Difference | None
    also: tuple[str, ...]
    lint: tuple[Lint, ...]
    lifted: tuple[Rule, ...]
    notice: tuple[str, ...]
    alone: PolicyBundle | None

    @property
    def is_changed(self) -> bool:
        """Whether the draft says anything else than the rules in force."""
        return bool(self.changes or self.also or self.sentence != "Changes nothing.")


def weigh_draft(draft: PolicyBundle, against: WeighedAgainst, until: int, now: int) -> DraftWeighed:
    """Return what a draft changes; takes the processor for a while.

    `until` is how long a clause may wait for a second person; times are Unix seconds.
    Raises: NationalMismatchError, OptOutError, DuplicateRuleError.
    """
    standing, askers = against.standing, against.askers
    rules = layered_rules(draft, against.national_of(draft))
    before = layered_rules(standing, against.national_of(standing))
    lint = [Lint(rule=None, text=_nobody(name)) for name in unknown_agencies(rules, askers)]
    difference: Difference | None = None
    try:
        space = space_of(askers)
        difference = compare(before, rules, space)
        idle = sentences_of_idle(find_own_idle(draft, rules, space))
        lint += [Lint(rule=name, text=text) for name, text in idle]
    except TooManyCombinationsError as error:
        lint.append(Lint(rule=None, text=f"not compared and not linted: {error}"))
    return DraftWeighed(
        rules=rules,
        sentence=sentence_of_change(standing, draft, difference),
        changes=clause_changes(standing, draft),
        difference=difference,
        also=tuple(filter(None, (
            english_of_publications(standing.publication, draft.publication),
            *english_of_budgets(standing.budgets, draft.budgets),
            *english_of_quotas(standing.quotas, draft.quotas),
        ))),
        lint=tuple(lint),
        lifted=lifted_blocks(standing, draft),
        notice=takes_notice(standing, draft, difference),
        alone=_alone(draft, against, until, now),
    )  # fmt: skip


def _alone(
    draft: PolicyBundle, against: WeighedAgainst, until: int, now: int
) -> PolicyBundle | None:
    """Return the draft as one person may put it into force, or None."""
    named = as_restriction(draft, against.standing, until)
    if named is None:
        return None
    families = {asker.ori: asker.family for asker in against.askers}
    old, new = (
        compile_policy(each, against.national_of(each), families)
        for each in (against.standing, named)
    )
    try:
        change = change_of(old, new, against.askers, {}, now)
    except ComityError:
        return None
    return named if change.signatures == 1 else None


def _nobody(name: str) -> str:
    return f"{name} is named, and no agency or family of it is listed now"
