"""One clause of a draft: its form, its text, and its three forms in step with what is typed.

Guarantee: what is shown beside a form is made of what the form says by the functions that make the
published forms, or is the last that had its form, with the fault; a check keeps nothing.
Source: docs/adr/0043-drafts-in-the-browser.md, "Three forms in step".
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from comity.console.clause_form import (
    EFFECTS,
    FORM_VALUES_MAX,
    MARKS,
    OBLIGATIONS,
    PLAIN_FIELDS,
    conditions_of,
    fields_of,
    fits_form,
    rule_of,
    typed,
)
from comity.console.desk import Desk
from comity.console.draft_desk import FORM_ERRORS, DraftDesk, draft_problems
from comity.console.pages.draft_words import MARKS as SIGNS
from comity.console.pages.draft_words import forms_of
from comity.console.pages.drafts import may_change
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import opened
from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy import check_bundle
from comity.policy.difference import sentence_of_move
from comity.policy.drafting import free_clause_id, with_clause
from comity.policy.english import sentence_of
from comity.policy.rule import Mark, Obligation, Rule, Statute
from comity.policy.writing import read_rule, rule_text
from comity.services.rule_drafting import OpenDraft
from comity.services.rules_in_force import askers_in

__all__ = ["ClausePages"]

_NEW: Final = "new"
_TEXT: Final = "text"
_FORM: Final = "form"
_MOVES_SHOWN: Final = 4


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A clause as its page has it: the last that had its form, what was typed, and the fault."""

    rule: Rule
    fields: dict[str, tuple[str, ...]]
    text: str
    by: str
    fault: str = ""
    is_checked: bool = False


class ClausePages:
    """The clauses of drafts."""

    def __init__(self, desk: Desk, views: Views, drafts: DraftDesk) -> None:
        self._desk = desk
        self._views = views
        self._drafts = drafts

    async def clause(self, visit: Visit) -> Reply:
        """Show a clause to be changed, or an empty one to be written."""
        opened_draft = await self._drafts.opened(visit)
        rule = self._rule(visit, opened_draft)
        by = visit.query.one("by", _FORM)
        by = by if by in (_FORM, _TEXT) and fits_form(rule) else _TEXT
        shown = _Shown(rule=rule, fields=fields_of(rule), text=rule_text(rule), by=by)
        return await self._page(visit, opened_draft, shown)

    async def check(self, visit: Visit) -> Reply:
        """Show a clause as it is typed, in all its forms, with what is to be said of it."""
        opened_draft = await self._drafts.opened(visit)
        return await self._page(visit, opened_draft, self._typed(visit, opened_draft))

    async def put(self, visit: Visit) -> Reply:
        """Keep a clause, if it has its form."""
        opened_draft = await self._drafts.opened_as_seen(visit)
        shown = self._typed(visit, opened_draft)
        if shown.fault:
            return await self._page(visit, opened_draft, shown)
        try:
            with draft_problems():
                await self._drafts.drafting.put_clause(
                    opened_draft, shown.rule, _place(visit), visit.person.name, visit.now
                )
        except FORM_ERRORS as error:
            shown = msgspec.structs.replace(shown, fault=str(error))
            return await self._page(visit, opened_draft, shown)
        number = opened_draft.draft.number
        return go_to(f"{url_of(Name.DRAFT, draft=number)}#rule-{shown.rule.id}")

    async def drop(self, visit: Visit) -> Reply:
        """Take a clause out of a draft."""
        opened_draft = await self._drafts.opened_as_seen(visit)
        with draft_problems():
            await self._drafts.drafting.drop_clause(
                opened_draft, RuleId(visit.values["rule"]), visit.person.name, visit.now
            )
        return go_to(url_of(Name.DRAFT, draft=opened_draft.draft.number))

    def _rule(self, visit: Visit, opened_draft: OpenDraft) -> Rule:
        """Return the clause of the path. Raises: ProblemError."""
        name = visit.values["rule"]
        if name == _NEW:
            return Rule(
                id=free_clause_id(opened_draft.bundle),
                effect=Outcome.DENY,
                obligations=(Obligation.LOG,),
                statute=Statute(cite="", mark=Mark.READ),
            )
        found = next((each for each in opened_draft.bundle.rules if each.id == name), None)
        if found is None:
            raise ProblemError(Problem.NO_SUCH_PAGE, "this draft has no such clause")
        return found

    def _typed(self, visit: Visit, opened_draft: OpenDraft) -> _Shown:
        """Return what was typed, as a rule if it makes one that may stand in the draft."""
        before = self._rule(visit, opened_draft)
        by = _TEXT if visit.form.one("by") == _TEXT else _FORM
        text = visit.form.one("text").replace("\r\n", "\n")
        fields = typed(visit.form)
        try:
            rule = read_rule(text) if by == _TEXT else rule_of(fields)
            check_bundle(with_clause(opened_draft.bundle, rule, _place(visit)))
        except FORM_ERRORS as error:
            return _Shown(
                rule=before,
                fields=fields if by == _FORM else fields_of(before),
                text=text if by == _TEXT else rule_text(before),
                by=by,
                fault=str(error),
                is_checked=True,
            )
        return _Shown(
            rule=rule,
            fields=fields if by == _FORM else fields_of(rule),
            text=text if by == _TEXT else rule_text(rule),
            by=by,
            is_checked=True,
        )

    async def _page(self, visit: Visit, opened_draft: OpenDraft, shown: _Shown) -> Reply:
        draft, name = opened_draft.draft, visit.values["rule"]
        is_new = name == _NEW
        where = {"draft": draft.number, "rule": name}
        said = await self._said(visit, opened_draft, shown)
        is_empty = is_new and not shown.is_checked
        return self._views.page(
            "clause.html",
            visit,
            status=422 if shown.fault else 200,
            finding="What should this clause say?" if is_empty else _finding(shown.rule),
            number=draft.number,
            name=shown.rule.id,
            is_new=is_new,
            by=shown.by,
            fault=opened(shown.fault),
            fits=fits_form(shown.rule),
            values_max=FORM_VALUES_MAX,
            fields={name: (*shown.fields.get(name, ()), "")[0] for name in PLAIN_FIELDS},
            enabled=bool(shown.fields.get("enabled")),
            obligations=[
                (value, label, value in shown.fields.get("obligations", ()))
                for value, label in OBLIGATIONS
            ],
            effects=EFFECTS,
            marks=MARKS,
            conditions=conditions_of(shown.fields, draft.state) if shown.by == _FORM else (),
            text=shown.text,
            rows=max(14, shown.text.count("\n") + 3),
            forms=None if is_empty else forms_of(shown.rule),
            said=said,
            revision=draft.revision,
            may_change=may_change(visit),
            urls={
                "here": url_of(Name.CLAUSE, **where),
                "check": url_of(Name.CHECK_CLAUSE, **where),
                "put": url_of(Name.PUT_CLAUSE, **where),
                "drop": None if is_new else url_of(Name.DROP_CLAUSE, **where),
                "draft": url_of(Name.DRAFT, draft=draft.number),
            },
        )

    async def _said(
        self, visit: Visit, opened_draft: OpenDraft, shown: _Shown
    ) -> dict[str, Any] | None:
        """Return what the clause as it stands makes of the draft as it was kept."""
        if shown.fault or (visit.values["rule"] == _NEW and not shown.is_checked):
            return None
        askers = askers_in(await self._desk.books.directory())
        changed = with_clause(opened_draft.bundle, shown.rule, _place(visit))
        try:
            weighed = await self._drafts.weighed_against(
                changed, opened_draft.bundle, askers, visit.now
            )
        except FORM_ERRORS as error:
            return {"sentence": opened(str(error)), "moves": [], "lint": []}
        moves = weighed.difference.moves if weighed.difference is not None else ()
        return {
            "sentence": weighed.sentence,
            "moves": [
                {"mark": SIGNS[move.after], "said": sentence_of_move(move)}
                for move in moves[:_MOVES_SHOWN]
            ],
            "lint": [
                opened(each.text) for each in weighed.lint if each.rule in (None, shown.rule.id)
            ],
        }


def _place(visit: Visit) -> RuleId | None:
    """Return the clause whose place is taken; None for one that is new."""
    name = visit.values["rule"]
    return None if name == _NEW else RuleId(name)


def _finding(rule: Rule) -> str:
    return f"{rule.id}: {sentence_of(rule)}"
