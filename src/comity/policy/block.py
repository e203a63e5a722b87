"""A block as rules: one clause for a family, in force at once, and what becomes of it.

    blocked      the next version, with a clause `BLOCK-<n>` that is not confirmed yet
    confirmed    the next version, with that clause confirmed by a second person
    lapsed       the next version, with what nobody confirmed in time as a hold
    brought_back the next version, with the rules of an earlier one

INVARIANT (restriction-never-waits): a block needs no second person to take force; what is not
confirmed becomes a hold, never a release.
Source: docs/adr/0028-publishing-rules.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from comity.domain.decision import RuleId
from comity.domain.ids import Member, member_label
from comity.domain.vocabulary import Outcome
from comity.policy.errors import BlockError
from comity.policy.families import label_of_agency
from comity.policy.rule import (
    Condition,
    Mark,
    Obligation,
    PolicyBundle,
    Rule,
    Statute,
    Unconfirmed,
)

__all__ = [
    "UNCONFIRMED_SECONDS_MAX",
    "blocked",
    "blocks_of",
    "brought_back",
    "confirmed",
    "is_held_first",
    "lapsed",
    "lifted_blocks",
    "standing_block",
]

UNCONFIRMED_SECONDS_MAX: Final = 86_400
"""How long a clause that one person signed stands before it becomes a hold."""

_PREFIX: Final = "BLOCK-"
_LABEL: Final = "block"


def blocked(bundle: PolicyBundle, family: str, authority: str, until: int) -> PolicyBundle:
    """Return the next version, in which a family gets nothing; it must be confirmed by `until`.

    A family of the state's own local agencies is held until then. A block that lapsed is put into
    force again, in its place. Raises: BlockError if it stands.
    """
    standing = standing_block(bundle, family)
    if standing is not None and not _has_lapsed(bundle, standing):
        raise BlockError(f"`{family}` is blocked already")
    is_local = is_held_first(bundle.state, family)
    rule = Rule(
        id=_free_id(bundle.rules) if standing is None else standing.id,
        effect=Outcome.HOLD if is_local else Outcome.DENY,
        when=Condition(agency=(family,)),
        obligations=(Obligation.LOG,),
        statute=Statute(cite=authority, mark=Mark.READ),
        sentence=_held(bundle.state, family) if is_local else _refused(bundle.state, family),
        label=_LABEL,
    )
    waiting = {each.rule: each for each in bundle.unconfirmed}
    waiting[rule.id] = Unconfirmed(rule=rule.id, until=until)
    kept = [rule if each.id == rule.id else each for each in bundle.rules]
    rules = (rule, *kept) if standing is None else tuple(kept)
    return msgspec.structs.replace(
        bundle,
        version=bundle.version + 1,
        unconfirmed=tuple(waiting[each.id] for each in rules if each.id in waiting),
        rules=rules,
    )


def confirmed(bundle: PolicyBundle, name: RuleId) -> PolicyBundle:
    """Return the next version, in which a clause is confirmed.

    A held block of local agencies becomes a denial. Raises: BlockError if it waits for nobody.
    """
    if name not in {each.rule for each in bundle.unconfirmed}:
        raise BlockError(f"rule {name} waits for no confirmation")
    rules = tuple(
        _denying(bundle.state, rule) if rule.id == name else rule for rule in bundle.rules
    )
    return msgspec.structs.replace(
        bundle,
        version=bundle.version + 1,
        unconfirmed=tuple(each for each in bundle.unconfirmed if each.rule != name),
        rules=rules,
    )


def lapsed(bundle: PolicyBundle, now: int) -> PolicyBundle | None:
    """Return the next version, in which what was not confirmed by `now` is a hold; or None."""
    over = {each.rule for each in bundle.unconfirmed if each.until <= now}
    if not over:
        return None
    return msgspec.structs.replace(
        bundle,
        version=bundle.version + 1,
        unconfirmed=tuple(each for each in bundle.unconfirmed if each.rule not in over),
        rules=tuple(
            _holding(bundle.state, rule) if rule.id in over else rule for rule in bundle.rules
        ),
    )


def brought_back(earlier: PolicyBundle, standing: PolicyBundle, until: int) -> PolicyBundle:
    """Return the next version, with the rules of an earlier one.

    A clause that was not confirmed then waits for a second person again, until the time at which it
    lapses in the version in force, or else `until`; unless the same clause is in force and sure.
    """
    waiting = {each.rule: each.until for each in standing.unconfirmed}
    sure = [rule for rule in standing.rules if rule.id not in waiting]
    rules = {rule.id: rule for rule in earlier.rules}
    return msgspec.structs.replace(
        earlier,
        version=standing.version + 1,
        unconfirmed=tuple(
            Unconfirmed(rule=each.rule, until=waiting.get(each.rule, until))
            for each in earlier.unconfirmed
            if rules[each.rule] not in sure
        ),
    )


def standing_block(bundle: PolicyBundle, family: str) -> Rule | None:
    """Return the clause that blocks exactly this family, or None."""
    alone = Condition(agency=(family,))
    return next(
        (r for r in bundle.rules if r.label == _LABEL and r.when == alone and r.enabled), None
    )


def blocks_of(bundle: PolicyBundle) -> frozenset[RuleId]:
    """Return the ids of a bundle's blocks, also of those that are only a hold."""
    return frozenset(rule.id for rule in bundle.rules if rule.label == _LABEL)


def lifted_blocks(old: PolicyBundle, new: PolicyBundle) -> tuple[Rule, ...]:
    """Return the blocks of one version that another does not have, by their families."""
    return tuple(
        rule
        for rule in old.rules
        if rule.label == _LABEL
        and rule.enabled
        and len(rule.when.agency) == 1
        and standing_block(old, rule.when.agency[0]) == rule
        and standing_block(new, rule.when.agency[0]) is None
    )


def _denying(state: Member, rule: Rule) -> Rule:
    if rule.label != _LABEL or rule.effect is Outcome.DENY:
        return rule
    sentence = _refused(state, rule.when.agency[0])
    return msgspec.structs.replace(rule, effect=Outcome.DENY, sentence=sentence)


def _holding(state: Member, rule: Rule) -> Rule:
    if rule.effect is not Outcome.DENY:
        return rule
    agency = rule.when.agency
    sentence = _held(state, agency[0]) if agency else rule.sentence
    return msgspec.structs.replace(rule, effect=Outcome.HOLD, sentence=sentence)


def _refused(state: Member, family: str) -> str:
    return f"{member_label(state)} gives nothing to {label_of_agency(family)} until further notice."


def _held(state: Member, family: str) -> str:
    return f"A person in {member_label(state)} reviews every query of {label_of_agency(family)}."


def _has_lapsed(bundle: PolicyBundle, rule: Rule) -> bool:
    waiting = {each.rule for each in bundle.unconfirmed}
    return rule.effect is Outcome.HOLD and rule.id not in waiting


def is_held_first(state: Member, family: str) -> bool:
    """Say whether a block of a family is a hold until it is confirmed: the state's own local."""
    own = f"{state.upper()}/LOCAL"
    return family == own or family.startswith(f"{own}/")


def _free_id(rules: Iterable[Rule]) -> RuleId:
    taken = {rule.id for rule in rules}
    number = 1
    while f"{_PREFIX}{number}" in taken:
        number += 1
    return RuleId(f"{_PREFIX}{number}")
