"""What Comity does with a state's laws, in one sentence and in numbers.

A clause counts as a rule that is off where none of its rules is enabled in the shipped template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from comity.domain.ids import OPERATOR_MEMBER, Member, member_label
from comity.policy.english import join_words
from comity.policy.laws import Duty, LawClause, LawMark, StateLaws, Treatment, laws_of
from comity.policy.rule import Mark, Rule
from comity.policy.templates import load_template, national_default, template_names

__all__ = [
    "RULE_OFF",
    "counts_of",
    "english_of_duty",
    "finding_of",
    "mark_of",
    "template_rules",
    "why_off",
]

RULE_OFF: Final = "rule_off"
"""What a clause counts as beside the treatments: a rule that decides nothing yet."""

_ONE_AND_MORE: Final = {
    Treatment.RULE.value: ("1 as a rule", "{} as rules"),
    RULE_OFF: ("1 as a rule that is off", "{} as rules that are off"),
    Treatment.DUTY.value: (
        "1 as a duty that a person must carry out",
        "{} as duties that a person must carry out",
    ),
    Treatment.JUDGEMENT.value: ("1 for a person to judge", "{} for a person to judge"),
    Treatment.FACT.value: (
        "1 on a fact that no request states",
        "{} on facts that no request states",
    ),
    Treatment.OUTSIDE.value: ("1 outside of any decision", "{} outside of any decision"),
    Treatment.BLANK.value: (
        "1 blank until somebody cites its text",
        "{} blank until somebody cites their text",
    ),
}
_UNCHECKED: Final = "Off: not checked with the text of the law."


def template_rules(state: Member) -> dict[str, Rule]:
    """Return the rules of a state's shipped template by id; of `us` the national default's."""
    if state == OPERATOR_MEMBER:
        return {rule.id: rule for rule in national_default().rules}
    if state not in template_names():
        return {}
    return {rule.id: rule for rule in load_template(state).rules}


def counts_of(state: Member) -> dict[str, int]:
    """Return how many clauses of a state's laws each treatment has, `rule_off` apart."""
    rules = template_rules(state)
    counts = dict.fromkeys(_ONE_AND_MORE, 0)
    for _, clause in laws_of(state).clauses():
        counts[_kind_of(clause, rules)] += 1
    return counts


def finding_of(state: Member) -> str:
    """Return in one sentence what Comity does with a state's laws."""
    name = "Federal law" if state == OPERATOR_MEMBER else member_label(state)
    known = laws_of(state)
    if not known.laws:
        return f"{name}: no law is recorded here, and the national default is what it may adopt."
    counts = counts_of(state)
    total = sum(counts.values())
    parts = [_one_or_more(kind, count) for kind, count in counts.items() if count]
    said = f"{name}: {total} clause{'s' if total > 1 else ''}, {join_words(parts, 'and')}"
    return f"{said}{_blocks(known)}."


def _one_or_more(kind: str, count: int) -> str:
    """Return a number of clauses of a kind in words."""
    one, more = _ONE_AND_MORE[kind]
    return one if count == 1 else more.format(count)


def english_of_duty(duty: Duty) -> str:
    """Return who must do what, for whom and by when."""
    said = f"{duty.kind} by {duty.by}"
    if duty.to:
        said += f" to {duty.to}"
    said += "".join(f", {each}" for each in _when(duty))
    return f"{said}: {duty.what}"


def _when(duty: Duty) -> Iterator[str]:
    if duty.kind == "records":
        yield f"kept {duty.within} {duty.unit}"
    elif duty.within:
        yield f"within {duty.within} {duty.unit} ({duty.trigger})"
    elif duty.trigger:
        yield duty.trigger
    if duty.due:
        yield duty.due


def mark_of(marks: Iterable[LawMark]) -> Mark:
    """Return the mark that a rule which rests on clauses of these marks may have: the weakest."""
    order = list(LawMark)
    weakest = max(marks, key=order.index)
    return Mark.UNCHECKED if weakest is LawMark.NOT_ESTABLISHED else Mark(weakest.value)


def why_off(rule: Rule) -> str:
    """Return why a rule of a template is off; empty where it is not."""
    if rule.enabled:
        return ""
    return rule.note or _UNCHECKED


def _kind_of(clause: LawClause, rules: dict[str, Rule]) -> str:
    if clause.does is Treatment.RULE and not any(rules[name].enabled for name in clause.rules):
        return RULE_OFF
    return clause.does.value


def _blocks(known: StateLaws) -> str:
    if not known.blocks:
        return ""
    confirmed = all(block.is_confirmed for block in known.blocks)
    return f"; a block {'as reported' if confirmed else 'reported, not confirmed'}"
