"""What pages say of a draft: what it changes clause by clause, who changed and signed it. Pure."""

from __future__ import annotations

from typing import Any, Final

from comity.console.draft_desk import Bench
from comity.console.routes import Name, url_of
from comity.console.words import counted, listed, moment_said, opened
from comity.domain.ids import member_label
from comity.domain.rule_draft import RuleDraft
from comity.domain.vocabulary import Outcome
from comity.policy.cedar import cedar_policies
from comity.policy.difference import sentence_of_move
from comity.policy.drafting import ClauseChange
from comity.policy.english import english_of, sentence_of, statute_of, terms_of
from comity.policy.families import label_of_agency
from comity.policy.history import promises_of_change
from comity.policy.rule import Rule
from comity.policy.writing import rule_text
from comity.services.draft_weighing import DraftWeighed
from comity.services.rule_drafting import is_order_over

__all__ = [
    "MARKS",
    "changes_said",
    "clause_row",
    "draft_facts",
    "finding_of",
    "forms_of",
    "kicker_of",
    "signed_said",
    "takes_said",
    "warnings_of",
]

MARKS: Final = {Outcome.RELEASE: "released", Outcome.HOLD: "held", Outcome.DENY: "refused"}
_MOVES_SHOWN: Final = 12
"""Moves that a page tells one by one, the largest first."""


def finding_of(bench: Bench) -> str:
    """Return what a draft changes, in one sentence with its numbers."""
    sentence = bench.weighed.sentence
    first = sentence.partition(" ")[0]
    if "-" not in first:
        sentence = sentence[:1].lower() + sentence[1:]
    return f"Draft {bench.opened.draft.number} {_verb(sentence)}"


def _verb(sentence: str) -> str:
    """Return a sentence as it goes on behind the draft's name."""
    return sentence if sentence[:1].islower() else f"says: {sentence}"


def kicker_of(bench: Bench) -> str:
    """Return which draft this is, and against what it is held."""
    state = member_label(bench.opened.draft.state)
    return (
        f"Draft {bench.opened.draft.number} of the rules of {state} ·"
        f" against version {bench.found.bundle.version} in force"
    )


def changes_said(weighed: DraftWeighed) -> dict[str, Any]:
    """Return what changes: clauses before and after, moves in sentences, and what else."""
    moves = weighed.difference.moves if weighed.difference is not None else ()
    return {
        "clauses": [_change(each) for each in weighed.changes],
        "moves": [
            {"mark": MARKS[move.after], "said": sentence_of_move(move), "loosens": move.loosens}
            for move in moves[:_MOVES_SHOWN]
        ],
        "more_moves": max(0, len(moves) - _MOVES_SHOWN),
        "also": list(weighed.also),
    }


def _change(change: ClauseChange) -> dict[str, Any]:
    how = "changed"
    if change.before is None or change.after is None:
        how = "new" if change.before is None else "dropped"
    return {
        "id": change.id,
        "how": how,
        "before": _sides(change.before),
        "after": _sides(change.after),
    }


def _sides(rule: Rule | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    return {
        "mark": MARKS[rule.effect],
        "said": sentence_of(rule),
        "made": english_of(rule),
        "text": rule_text(rule),
        "off": not rule.enabled,
    }


def forms_of(rule: Rule) -> dict[str, Any]:
    """Return a clause in its three forms: sentence, record, Cedar."""
    return {
        "id": rule.id,
        "mark": MARKS[rule.effect],
        "said": sentence_of(rule),
        "made": english_of(rule),
        "text": rule_text(rule),
        "cedar": cedar_policies((rule,)).strip() or "// switched off: it says nothing",
        "statute": statute_of(rule),
        "checked": rule.statute.mark.value,
        "off": not rule.enabled,
    }


def clause_row(rule: Rule, number: int) -> dict[str, Any]:
    """Return a clause as the list of a draft has it."""
    return {
        **forms_of(rule),
        "terms": opened(terms_of(rule) or "always"),
        "note": rule.note,
        "url": url_of(Name.CLAUSE, draft=number, rule=rule.id),
    }


def draft_facts(draft: RuleDraft, bench: Bench, now: int) -> list[tuple[str, str]]:
    """Return where a draft comes from, who changed it last, and what it takes."""
    state = draft.state
    return [
        ("Made from", draft.origin),
        ("Changed", f"by {draft.changed_by}, {moment_said(draft.changed_at, state, now)}"),
        ("Would be", f"version {bench.opened.bundle.version}"),
        ("It takes", takes_said(bench.weighed)),
        ("Signed", signed_said(draft, now) or "by nobody yet"),
    ]


def takes_said(weighed: DraftWeighed) -> str:
    """Return who must sign a draft, and what must go before."""
    if not weighed.is_changed:
        return "nothing: it says what is in force"
    if weighed.alone is not None:
        return "one person now and another within a day, because it only restricts; or two at once"
    said = "two people, and the gate"
    if weighed.notice:
        said += f"; announced first, because it loosens {listed(list(weighed.notice))}"
    return said


def signed_said(draft: RuleDraft, now: int) -> str:
    """Return by whom a draft is signed and since when; empty if it is not."""
    if draft.order is None:
        return ""
    names = listed([each.name for each in draft.signatures])
    over = "; that was over a day ago, so it counts no longer" if is_order_over(draft, now) else ""
    return f"by {names}, {moment_said(draft.order.at, draft.state, now)}{over}"


def warnings_of(bench: Bench) -> list[str]:
    """Return what whoever signs must not miss."""
    found = []
    for rule in bench.weighed.lifted:
        who = label_of_agency(rule.when.agency[0])
        found.append(f"{rule.id} ({rule.statute.cite}) would no longer block {who}.")
    loosens = [m for m in (bench.weighed.difference.moves if bench.weighed.difference else ())
               if m.loosens]  # fmt: skip
    if loosens:
        kinds = sum(move.request_kinds for move in loosens)
        found.append(f"It loosens: {counted(kinds, 'kind of request', 'kinds of request')}"
                     " would be given more easily.")  # fmt: skip
    if bench.weighed.difference is None:
        found.append("It tells too much apart to be compared: it counts as loosening everything.")
    found += [f"{opened(each)}." for each in
              promises_of_change(bench.found.bundle, bench.opened.bundle)]  # fmt: skip
    return found
