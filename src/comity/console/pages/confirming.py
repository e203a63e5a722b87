"""What waits for a second person: by whom, until when, what happens then; and confirming it.

Guarantee: who may confirm is the gateway's to say; the page only offers nobody what they signed
themselves. Source: docs/adr/0028-publishing-rules.md, docs/adr/0040-rules-in-the-browser.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comity.console.desk import Desk
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.rule_making import certify_block, put_into_force
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import counted, iso, left_said, listed, moment_said, opened, tone_of
from comity.domain.decision import RuleId
from comity.domain.ids import Member, member_label
from comity.domain.vocabulary import Outcome
from comity.policy.block import blocks_of, confirmed
from comity.policy.english import sentence_of
from comity.policy.rule import Rule
from comity.services.private_records import RecordGoneError
from comity.services.rule_records import read_unconfirmed_by
from comity.services.rules_in_force import RulesInForce

__all__ = ["ConfirmPages", "put_in_by"]


class ConfirmPages:
    """The clauses of a state that one person put into force."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def waiting(self, visit: Visit) -> Reply:
        """Show every clause that waits, the nearest end first."""
        found = await self._desk.books.rules(visit.person.state)
        by = await put_in_by(self._desk, visit.person.state, found)
        rules = {rule.id: rule for rule in found.bundle.rules}
        waiting = sorted(found.bundle.unconfirmed, key=lambda each: (each.until, each.rule))
        blocks = blocks_of(found.bundle)
        return self._views.page(
            "waiting.html",
            visit,
            policy_version=f"{found.bundle.version} ({found.entry.upper()})",
            finding=_finding(visit, [each.until for each in waiting]),
            rows=[
                _row(visit, rules[each.rule], each.until, by, is_block=each.rule in blocks)
                for each in waiting
            ],
            version=found.bundle.version,
            action=url_of(Name.CONFIRM),
            rules=url_of(Name.RULES),
        )

    async def confirm(self, visit: Visit) -> Reply:
        """Confirm a clause, signed by who is signed in."""
        state, name = visit.person.state, RuleId(visit.form.one("rule"))
        found = await self._desk.books.rules(state)
        rule = next((each for each in found.bundle.rules if each.id == name), None)
        if rule is None:
            raise ProblemError(Problem.RULES_MOVED)
        is_block = name in blocks_of(found.bundle)
        page = url_of(Name.BLOCKED, clause=name) if is_block else url_of(Name.WAITING)
        if name not in {each.rule for each in found.bundle.unconfirmed}:
            return go_to(page)  # Sent twice, or somebody else was first: it waits no more.
        if visit.form.one("version") != str(found.bundle.version):
            raise ProblemError(Problem.RULES_MOVED)
        await put_into_force(self._desk, visit, confirmed(found.bundle, name))
        if is_block:
            await certify_block(self._desk, state, rule.when.agency[0])
        return go_to(page)


async def put_in_by(
    desk: Desk, state: Member, found: RulesInForce
) -> Mapping[RuleId, tuple[str, ...]]:
    """Return who put each clause that waits into force; nobody where that cannot be opened here."""
    if not found.bundle.unconfirmed:
        return {}
    try:
        return await read_unconfirmed_by(desk.records, state, found.leaf_index)
    except RecordGoneError as error:
        desk.events.failure("signers_not_read", error, member=state)
        return {}


def _finding(visit: Visit, ends: list[int]) -> str:
    label = member_label(visit.person.state)
    if not ends:
        return f"Nothing of {label}'s rules waits for a second person."
    first = moment_said(ends[0], visit.person.state, visit.now)
    what = counted(len(ends), "clause waits", "clauses wait")
    which = "" if len(ends) == 1 else "the first "
    return f"{opened(what)} for a second person, {which}until {first}."


def _row(
    visit: Visit, rule: Rule, until: int, by: Mapping[RuleId, tuple[str, ...]], *, is_block: bool
) -> dict[str, Any]:
    left = until - visit.now
    signers = by.get(rule.id, ())
    is_hold = rule.effect is Outcome.HOLD
    return {
        "id": rule.id,
        "url": url_of(Name.BLOCKED, clause=rule.id) if is_block else None,
        "sentence": sentence_of(rule),
        "authority": rule.statute.cite,
        "by": listed(list(signers)) or "not known here",
        "is_own": visit.person.signs_as in signers,
        "can_sign": bool(visit.person.signs_as),
        "until": iso(until),
        "until_said": moment_said(until, visit.person.state, visit.now),
        "left": left_said(left),
        "tone": tone_of(left),
        "confirmed": "it refuses for good" if is_block and is_hold else "it stands as it is",
        "lapsed": "it stays a hold" if is_hold else "it becomes a hold",
        "mark": "held" if is_hold else "refused",
    }
