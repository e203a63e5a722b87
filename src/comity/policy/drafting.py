"""A draft of rules as its author changes it: clause by clause, and by what came meanwhile.

Guarantee: a change touches the clause that it names and no other; what somebody else put into force
since a draft was made is never dropped without being named.
INVARIANT (restriction-never-waits): `as_restriction` names what changed as unconfirmed, so that one
person may put it into force; whether it may take force so, the gateway weighs.
Source: docs/adr/0043-drafts-in-the-browser.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy.errors import RuleFormError
from comity.policy.rule import PolicyBundle, Rule, Unconfirmed

__all__ = [
    "ClauseChange",
    "TakenOver",
    "as_restriction",
    "clause_changes",
    "free_clause_id",
    "next_of",
    "taken_over",
    "with_clause",
    "without_clause",
]

_NOT_MERGED: Final = frozenset({"version", "rules", "unconfirmed"})


class ClauseChange(msgspec.Struct, frozen=True, kw_only=True):
    """A clause before and after; None where there was, or is, none."""

    id: RuleId
    before: Rule | None
    after: Rule | None


class TakenOver(msgspec.Struct, frozen=True, kw_only=True):
    """A draft with what came into force meanwhile, and where both changed the same.

    `both` are ids of clauses and names of fields in which the draft's own word stands.
    """

    bundle: PolicyBundle
    taken: tuple[str, ...]
    both: tuple[str, ...]


def next_of(bundle: PolicyBundle, standing: PolicyBundle) -> PolicyBundle:
    """Return a bundle as the version that follows the one in force.

    A clause that waits for a second person under the version in force waits on, as long as it did.
    One that waits in the bundle, and is in no way in force, waits on too.
    """
    waiting = {each.rule: each for each in standing.unconfirmed}
    in_force = {rule.id: rule for rule in standing.rules}
    named = {each.rule: each for each in bundle.unconfirmed if each.rule not in in_force}
    named |= {
        rule.id: waiting[rule.id]
        for rule in bundle.rules
        if rule.id in waiting and in_force[rule.id] == rule
    }
    return msgspec.structs.replace(
        bundle,
        version=standing.version + 1,
        unconfirmed=tuple(named[rule.id] for rule in bundle.rules if rule.id in named),
    )


def with_clause(bundle: PolicyBundle, rule: Rule, place_of: RuleId | None = None) -> PolicyBundle:
    """Return a bundle with a clause in the place of another, or before all others.

    Raises: RuleFormError if the clause whose place it takes is not there.
    """
    if place_of is None:
        return _with(bundle, (rule, *bundle.rules))
    if place_of not in {each.id for each in bundle.rules}:
        raise RuleFormError(f"rule {place_of} is not in this draft")
    return _with(bundle, (rule if each.id == place_of else each for each in bundle.rules))


def without_clause(bundle: PolicyBundle, name: RuleId) -> PolicyBundle:
    """Return a bundle without a clause; one that is not there is no fault."""
    return _with(bundle, (each for each in bundle.rules if each.id != name))


def _with(bundle: PolicyBundle, rules: Iterable[Rule]) -> PolicyBundle:
    """Return a bundle with other clauses; one that goes, or says something else, waits no more."""
    kept, before = tuple(rules), {rule.id: rule for rule in bundle.rules}
    same = {rule.id for rule in kept if before.get(rule.id) == rule}
    return msgspec.structs.replace(
        bundle,
        rules=kept,
        unconfirmed=tuple(each for each in bundle.unconfirmed if each.rule in same),
    )


def free_clause_id(bundle: PolicyBundle) -> RuleId:
    """Return the first id of the form `WA-D1` that no clause has."""
    taken = {rule.id for rule in bundle.rules}
    number = 1
    while (name := RuleId(f"{bundle.state.upper()}-D{number}")) in taken:
        number += 1
    return name


def clause_changes(old: PolicyBundle, new: PolicyBundle) -> tuple[ClauseChange, ...]:
    """Return the clauses in which two bundles differ: those of the new one first, in its order."""
    before, after = ({rule.id: rule for rule in each.rules} for each in (old, new))
    names = [*after, *(name for name in before if name not in after)]
    return tuple(
        ClauseChange(id=name, before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def as_restriction(bundle: PolicyBundle, standing: PolicyBundle, until: int) -> PolicyBundle | None:
    """Return a draft that one person may put into force, its changed clauses named until a time.

    None where a clause goes, or one that changed releases: that is no restriction by its form.
    """
    changes = clause_changes(standing, bundle)
    if not changes or any(
        each.after is None or each.after.effect is Outcome.RELEASE for each in changes
    ):
        return None
    waiting = {each.rule: each.until for each in standing.unconfirmed}
    named = {each.id: until for each in changes} | waiting
    return msgspec.structs.replace(
        bundle,
        version=standing.version + 1,
        unconfirmed=tuple(
            Unconfirmed(rule=rule.id, until=named[rule.id])
            for rule in bundle.rules
            if rule.id in named
        ),
    )


def taken_over(draft: PolicyBundle, base: PolicyBundle, standing: PolicyBundle) -> TakenOver:
    """Return a draft, made from `base`, with what the version in force changed since."""
    theirs = {each.id: each for each in clause_changes(base, standing)}
    ours = {each.id: each for each in clause_changes(base, draft)}
    both = [name for name in theirs if name in ours and theirs[name].after != ours[name].after]
    mine = {rule.id for rule in draft.rules}
    rules: list[Rule] = []
    # A clause that is new to both is put first, as a block is: order decides nothing.
    for name, change in theirs.items():
        if name not in mine and name not in ours and change.after is not None:
            rules.append(change.after)
    for rule in draft.rules:
        found = theirs.get(rule.id)
        kept = rule if found is None or rule.id in ours else found.after
        rules += [kept] if kept is not None else []
    fields, twice = _fields(draft, base, standing)
    merged = msgspec.structs.replace(draft, rules=tuple(rules), **fields)
    taken = [*(name for name in theirs if name not in ours), *fields]
    return TakenOver(bundle=next_of(merged, standing), taken=tuple(taken), both=(*both, *twice))


def _fields(
    draft: PolicyBundle, base: PolicyBundle, standing: PolicyBundle
) -> tuple[dict[str, Any], list[str]]:
    """Return the fields that only the version in force changed, and those that both did."""
    taken: dict[str, Any] = {}
    both: list[str] = []
    for name in PolicyBundle.__struct_fields__:
        if name in _NOT_MERGED:
            continue
        was, now, own = (getattr(each, name) for each in (base, standing, draft))
        if now in (was, own):
            continue
        if own == was:
            taken[name] = now
        else:
            both.append(name)
    return taken, both
