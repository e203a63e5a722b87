"""The rules of a day in words: the binder that counsel hands over, made of what was proved.

Guarantee: a function of its arguments alone; screen and paper are made of the value it returns.
INVARIANT (fail-closed): national rules that are not kept here are said to be missing, and no other
ones stand in their place.
Source: docs/adr/0044-legal-desk.md, "Decision: rules as of a day".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from comity.domain.ids import Member, entry_name, member_label, member_zone
from comity.domain.said import date_said
from comity.domain.vocabulary import Outcome
from comity.policy.english import english_of, join_words, statute_of, terms_of
from comity.policy.guarantee import guarantees_in_force
from comity.policy.laws import LawMark, laws_of
from comity.policy.rule import Mark, Rule
from comity.ports import Binder, BinderClause, BinderGroup
from comity.services.rules_as_of import AsOf, Decided, LeafProof

__all__ = ["MARK_WORDS", "BinderFacts", "binder_of"]

MARK_WORDS: Final = {
    Mark.READ: "read in the text of the law",
    Mark.SECONDARY: "from reports; the text was not read",
    Mark.UNCHECKED: "not checked against any text",
    Mark.PRACTICE: "practice adoption",
}
"""How far what a rule rests on was checked."""
_LAW_WORDS: Final = {
    LawMark.READ: "V: its text was read",
    LawMark.SECONDARY: "S: from reports, its text was not read",
    LawMark.UNCHECKED: "K: not checked against any text",
    LawMark.NOT_ESTABLISHED: "not established",
}
_GROUPS: Final = (
    (Outcome.DENY, "Refuses", "refused"),
    (Outcome.HOLD, "Holds", "held"),
    (Outcome.RELEASE, "Releases", "released"),
)
_NUMBERS: Final = ("nobody", "one person", "two people", "three people", "four people")


class BinderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a binder is made of beside the version itself.

    `at` is the moment that it is of, `is_today` whether the day is not over. `rules` are those that
    decide, or None where the national ones adopted then are not kept here. `signers` is None where
    that cannot be opened; `shows_names`: they are named to this reader, else counted.
    """

    day: dt.date
    at: int
    is_today: bool
    rules: Sequence[Rule] | None
    signers: tuple[str, ...] | None
    shows_names: bool
    practice: bool


def binder_of(found: AsOf, facts: BinderFacts) -> Binder:
    """Return the binder of a version as of a day."""
    label, bundle = member_label(found.member), found.bundle
    on = facts.rules if facts.rules is not None else [r for r in bundle.rules if r.enabled]
    off = [rule for rule in bundle.rules if not rule.enabled]
    when = date_said(facts.day)
    return Binder(
        title=f"Rules as of {when}",
        author=f"Gateway of {label}",
        headline=_headline(label, on, facts),
        sentences=_sentences(found, facts),
        practice=facts.practice,
        facts_title="This version",
        facts=(
            ("Version", f"{bundle.version}: {bundle.title}"),
            ("Recorded as", found.entry.upper()),
            ("In force since", _hour(found, found.since)),
            ("In force until", _until(found)),
            ("Signed by", _signed(facts)),
            ("Held requests wait", f"{bundle.hold_hours:,} hours at most for a person"),
        ),
        counts_title="What was decided under it",
        counts=_counts(found.decided),
        counts_note=_counts_note(found.member, found.decided),
        groups=(*_groups(found.member, on), *_switched_off(found.member, off)),
        promises_title="What these rules promise",
        promises=tuple(_opened(each.sentence) for each in guarantees_in_force(bundle)),
        proof_title="Proof, and how to check it",
        check=_check(label, found.proof),
        commands=_commands(found) if found.proof is not None else (),
        digests=_digests(found),
        footer=f"{label}, rules as of {when}, {found.entry.upper()}",
        at=facts.at,
    )


def _headline(label: str, on: Sequence[Rule], facts: BinderFacts) -> str:
    counts = {effect: sum(rule.effect is effect for rule in on) for effect in Outcome}
    missing = "" if facts.rules is not None else "; national rules are missing here"
    clauses = "clause" if len(on) == 1 else "clauses"
    decide = f"decided at the end of {date_said(facts.day)}"
    if facts.is_today:
        decide = "decides now" if len(on) == 1 else "decide now"
    return (
        f"{len(on):,} {clauses} {decide} who gets records of {label}: "
        f"{counts[Outcome.DENY]:,} refuse, {counts[Outcome.HOLD]:,} hold for a person, "
        f"{counts[Outcome.RELEASE]:,} release{missing}."
    )


def _sentences(found: AsOf, facts: BinderFacts) -> tuple[str, ...]:
    since = _hour(found, found.since)
    said = [f"Version {found.bundle.version} took force in the hour of {since}."]
    said.append("The public ledger states the hour and nothing finer.")
    if found.same_day:
        others = join_words([f"{e.upper()} of {_hour(found, h)}" for e, h in found.same_day], "and")
        said.append(f"Earlier on that day these were in force: {others}.")
    if facts.rules is None:
        said.append(
            "The national rules that this version adopted are not kept here: they decided too, and"
            " are not listed."
        )
    said.append(
        "Under a clause stands what is known here of the law today, with the mark of how far its"
        " text was checked: V read, S from reports, K not checked. It is no legal advice."
    )
    return tuple(said)


def _groups(state: Member, rules: Sequence[Rule]) -> list[BinderGroup]:
    return [
        BinderGroup(title=title, outcome=outcome, note="", clauses=_clauses(state, chosen))
        for effect, title, outcome in _GROUPS
        if (chosen := [rule for rule in rules if rule.effect is effect])
    ]


def _switched_off(state: Member, rules: Sequence[Rule]) -> list[BinderGroup]:
    if not rules:
        return []
    note = "These decided nothing. They stand here so that nobody takes them for law in force."
    clauses = _clauses(state, rules)
    return [BinderGroup(title="Switched off", outcome="none", note=note, clauses=clauses)]


def _clauses(state: Member, rules: Sequence[Rule]) -> tuple[BinderClause, ...]:
    return tuple(
        BinderClause(
            id=rule.id,
            sentence=rule.sentence or english_of(rule),
            applies=_opened(terms_of(rule) or "always"),
            checked=f"{rule.statute.mark}: {MARK_WORDS[rule.statute.mark]}",
            statute=statute_of(rule),
            laws=tuple(
                (f"{law.cite}{f', {clause.at}' if clause.at else ''}",
                 f"{clause.says} ({_LAW_WORDS[clause.mark]})")
                for law, clause in laws_of(state).clauses()
                if rule.id in clause.rules
            ),
        )
        for rule in rules
    )  # fmt: skip


def _counts(decided: Decided) -> tuple[tuple[str, str], ...]:
    return (
        ("Released", f"{decided.released:,}"),
        ("No record", f"{decided.no_record:,}"),
        ("Refused", f"{decided.refused:,}"),
        ("Held", f"{decided.held:,}"),
    )


def _counts_note(member: Member, decided: Decided) -> str:
    if decided.beyond <= decided.first:
        return "No leaf stands under this version by then."
    ends = [entry_name(member, at).upper() for at in (decided.first, decided.beyond - 1)]
    said = (
        f"Outcomes by the public leaves {ends[0]} to {ends[1]}: one request that was released in"
        " part and held in part counts twice; drills are left out."
    )
    return said if decided.is_whole else f"{said} More leaves stand behind these, not counted here."


def _until(found: AsOf) -> str:
    return "it is in force still" if found.until is None else _hour(found, found.until)


def _signed(facts: BinderFacts) -> str:
    if facts.signers is None:
        return "cannot be read here"
    if not facts.signers:
        return "made by the gateway itself"
    if facts.shows_names:
        return join_words(list(facts.signers), "and")
    return _NUMBERS[len(facts.signers)]


def _check(label: str, proof: LeafProof | None) -> str:
    if proof is None:
        return (
            "No signed checkpoint has this version's leaf yet; one is signed every few seconds"
            " while the ledger grows. Its digest was held against its leaf when this was made."
        )
    return (
        f"When this was made, the bytes of these rules were held against the leaf that commits to"
        f" them, and the leaf's path of {proof.path_hashes} hashes against the root that {label}"
        f" signed over {proof.size:,} leaves. Anyone can do so, with the ledger's public key from"
        " the state itself:"
    )


def _commands(found: AsOf) -> tuple[str, ...]:
    name = f"{found.member}-{found.leaf_index}"
    return (
        f"comity ledger export --state {found.member.upper()} --to ledger",
        f"comity ledger prove {found.entry} --from ledger --to proof",
        f"comity ledger verify proof/{name}.tlog-proof --leaf proof/{name}.leaf --vkey KEY",
        "comity ledger audit ledger --vkey KEY",
    )


def _digests(found: AsOf) -> tuple[tuple[str, str], ...]:
    rows = [("Rules, SHA-256", found.digest.hex())]
    if found.proof is not None:
        rows += [
            ("Leaf", found.proof.leaf_hash.hex()),
            ("Root", found.proof.root.hex()),
            ("Ledger", found.proof.origin),
            ("Leaves", f"{found.proof.size:,}"),
        ]
    return tuple(rows)


def _hour(found: AsOf, seconds: int) -> str:
    """Return an hour in the state's own zone, as the day that is asked for is."""
    moment = dt.datetime.fromtimestamp(seconds, ZoneInfo(member_zone(found.member)))
    return f"{moment:%H:%M} {moment:%Z}, {date_said(moment.date())}"


def _opened(text: str) -> str:
    return text[:1].upper() + text[1:]
