"""What a version of rules changed against the one before it, in one sentence.

Guarantee: everything in which two bundles differ is named: what is decided, by exact numbers; which
clauses wait for a second person, were confirmed or became holds; promises, notice, publication.
Source: docs/adr/0030-announcing-rules.md, "History".
"""

from __future__ import annotations

from typing import Final

from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy.difference import Difference
from comity.policy.english import join_words
from comity.policy.rule import PolicyBundle

__all__ = ["first_sentence", "promises_of_change", "sentence_of_change"]

_NAMED_MAX: Final = 6
"""So many rules are named one by one."""

_OTHER: Final = {
    "title": "another title",
    "label": "another label",
    "hold_hours": "another wait for holds",
    "national": "other national rules",
    "opt_outs": "other opt-outs of national rules",
    "budgets": "other budgets",
    "quotas": "other quotas of the review queue",
    "publication": "other times at which the ledger shows detail",
}


def first_sentence(bundle: PolicyBundle) -> str:
    """Return what there is to say of a version with none before it."""
    count = len(bundle.rules)
    return f"The first version: {count:,} {'rule' if count == 1 else 'rules'} of its own."


def sentence_of_change(old: PolicyBundle, new: PolicyBundle, difference: Difference | None) -> str:
    """Return what changed from one version to another; `difference` is None where not known."""
    said = [
        _decided(difference),
        _dropped(old, new),
        *_confirmed(old, new),
        *promises_of_change(old, new),
    ]
    others = [words for name, words in _OTHER.items() if getattr(old, name) != getattr(new, name)]
    if others:
        said.append(f"has {join_words(others, 'and')}")
    if difference is not None and not difference.moves and old.rules != new.rules:
        said.append("changes clauses that decide the same")
    kept = [words for words in said if words]
    text = "; ".join(kept) or "changes nothing"
    return f"{text[:1].upper()}{text[1:]}."


def _decided(difference: Difference | None) -> str:
    if difference is None:
        return "cannot be compared here"
    looser = sum(move.request_kinds for move in difference.moves if move.loosens)
    tighter = sum(move.request_kinds for move in difference.moves if not move.loosens)
    found = []
    if tighter:
        found.append(f"tightens {tighter:,}")
    if looser:
        found.append(f"loosens {looser:,}")
    if not found:
        return ""
    because: list[str] = sorted({name for move in difference.moves for name in move.because})
    by = f" because of {join_words(because, 'and')}" if 0 < len(because) <= _NAMED_MAX else ""
    return f"{' and '.join(found)} of {difference.request_kinds:,} kinds of request{by}"


def _dropped(old: PolicyBundle, new: PolicyBundle) -> str:
    """Return which rules are gone; the reasons of moves are only rules that are left."""
    names = {rule.id for rule in old.rules} - {rule.id for rule in new.rules}
    if len(names) > _NAMED_MAX:
        return f"drops {len(names):,} rules"
    return f"drops {join_words(sorted(names), 'and')}" if names else ""


def _confirmed(old: PolicyBundle, new: PolicyBundle) -> list[str]:
    """Return what became of clauses that wait for a second person, or began to."""
    before = {each.rule for each in old.unconfirmed}
    after = {each.rule for each in new.unconfirmed}
    effects = {rule.id: rule.effect for rule in old.rules}
    now = {rule.id: rule.effect for rule in new.rules}
    held: list[RuleId] = []
    sure: list[RuleId] = []
    for name in sorted(before - after):
        if name in now:
            is_lapsed = effects[name] is Outcome.DENY and now[name] is Outcome.HOLD
            (held if is_lapsed else sure).append(name)
    return [
        _named(sorted(after - before), "not confirmed yet"),
        _named(sure, "confirmed"),
        _named(held, "a hold now, because nobody confirmed it in time"),
    ]


def promises_of_change(old: PolicyBundle, new: PolicyBundle) -> list[str]:
    """Return what is promised more or less, and how long notice is, each as a clause."""
    said = []
    before, after = ({g.id: g for g in each.guarantees} for each in (old, new))
    dropped = sorted(before.keys() - after.keys())
    made = sorted(name for name, promise in after.items() if before.get(name) != promise)
    out, back = set(new.guarantee_opt_outs), set(old.guarantee_opt_outs)
    dropped += sorted(out - back)
    made += sorted(back - out)
    if made:
        said.append(f"promises {join_words(made, 'and')}")
    if dropped:
        said.append(f"promises {join_words(dropped, 'and')} no longer")
    if old.notice_hours != new.notice_hours:
        said.append(f"asks for {new.notice_hours} hours of notice in place of {old.notice_hours}")
    return said


def _named(names: list[RuleId], what: str) -> str:
    if not names:
        return ""
    return f"{join_words([*names], 'and')} {'is' if len(names) == 1 else 'are'} {what}"
