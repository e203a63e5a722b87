"""Drafts of rules: the list, opening one, its page, what stands around its clauses, dropping it.

Guarantee: looking changes nothing; a draft is changed by authors and counsel of its state alone,
and only as it stood when its form was written.
Source: docs/adr/0043-drafts-in-the-browser.md.
"""

from __future__ import annotations

import re
from typing import Any, Final

from comity.console.desk import Desk
from comity.console.draft_desk import FORM_ERRORS, Bench, DraftDesk, draft_problems
from comity.console.pages.draft_words import (
    changes_said,
    clause_row,
    draft_facts,
    finding_of,
    kicker_of,
    signed_said,
    warnings_of,
)
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, roles_of, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import counted, listed, moment_said, opened
from comity.domain.ids import Member, member_label
from comity.domain.rule_draft import DRAFTS_MAX, RuleDraft
from comity.policy import PolicyBundle, load_template, template_names
from comity.policy.block import brought_back
from comity.policy.drafting import next_of, taken_over
from comity.policy.templates import EXECUTIVE_ORDER, draft_text, read_draft
from comity.policy.writing import around_text
from comity.services.rule_drafting import OpenDraft
from comity.services.rule_history import bundle_of_version

__all__ = ["DraftPages", "may_change"]

_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_FORCE: Final = "force"


class DraftPages:
    """The drafts of a state."""

    def __init__(self, desk: Desk, views: Views, drafts: DraftDesk) -> None:
        self._desk = desk
        self._views = views
        self._drafts = drafts

    async def drafts(self, visit: Visit) -> Reply:
        """List the drafts that there are, and what one may be opened from."""
        state = visit.person.state
        found = await self._desk.books.rules(state)
        kept = await self._drafts.drafting.all_of(state)
        waits = sum(draft.order is not None for draft in kept)
        count = opened(counted(len(kept), "draft")) + (" is" if len(kept) == 1 else " are")
        said = f"{counted(waits, 'of them', 'of them')} signed and waiting for a second person"
        return self._views.page(
            "drafts.html",
            visit,
            policy_version=f"{found.bundle.version} ({found.entry.upper()})",
            finding=(
                f"{count} being written for {member_label(state)}"
                f"{f', {said}' if kept else ''}; version {found.bundle.version} is in force."
            ),
            rows=[_row(draft, found.bundle, visit) for draft in kept],
            sources=[(_FORCE, f"Version {found.bundle.version}, in force"), *_templates(state)],
            may_change=may_change(visit),
            is_full=len(kept) >= DRAFTS_MAX,
            drafts_max=DRAFTS_MAX,
            history=url_of(Name.HISTORY),
            rules=url_of(Name.RULES),
        )

    async def open(self, visit: Visit) -> Reply:
        """Open a draft: of the rules in force, of a template, or of an earlier version."""
        state, by = visit.person.state, visit.person.name
        found = await self._desk.books.rules(state)
        try:
            bundle, origin = await self._source(visit, found.bundle)
            with draft_problems():
                made = await self._drafts.drafting.open(bundle, found.bundle, origin, by, visit.now)
        except FORM_ERRORS as error:
            raise ProblemError(Problem.DRAFT_REFUSED, str(error)) from None
        return go_to(url_of(Name.DRAFT, draft=made.number))

    async def draft(self, visit: Visit) -> Reply:
        """Show a draft: what it changes, every clause in its three forms, and what is open."""
        opened_draft = await self._drafts.opened(visit)
        bench = await self._drafts.bench(visit, opened_draft)
        draft, bundle = opened_draft.draft, opened_draft.bundle
        own = {rule.id for rule in bundle.rules}
        return self._views.page(
            "draft.html",
            visit,
            policy_version=_policy(bench),
            finding=finding_of(bench),
            kicker=kicker_of(bench),
            facts_shown=draft_facts(draft, bench, visit.now),
            warnings=warnings_of(bench),
            behind=None if bench.is_current else _behind(bench),
            change=changes_said(bench.weighed),
            clauses=[clause_row(rule, draft.number) for rule in bundle.rules],
            adopted=sum(rule.id not in own for rule in bench.weighed.rules),
            lint=[{"text": each.text, "url": _clause_url(draft, each.rule)}
                  for each in bench.weighed.lint],
            urls=_urls(draft),
            revision=draft.revision,
            may_change=may_change(visit),
            number=draft.number,
        )  # fmt: skip

    async def around(self, visit: Visit) -> Reply:
        """Show what stands around the clauses, as text."""
        opened_draft = await self._drafts.opened(visit)
        return self._around(visit, opened_draft, around_text(opened_draft.bundle))

    async def put_around(self, visit: Visit) -> Reply:
        """Keep what stands around the clauses."""
        opened_draft = await self._drafts.opened_as_seen(visit)
        text = visit.form.one("text").replace("\r\n", "\n")
        try:
            with draft_problems():
                await self._drafts.drafting.put_around(
                    opened_draft, text, visit.person.name, visit.now
                )
        except FORM_ERRORS as error:
            return self._around(visit, opened_draft, text, str(error))
        return go_to(url_of(Name.DRAFT, draft=opened_draft.draft.number))

    async def take_over(self, visit: Visit) -> Reply:
        """Take over what came into force since the draft was made."""
        opened_draft = await self._drafts.opened_as_seen(visit)
        found = await self._desk.books.rules(visit.person.state)
        if visit.form.one("version") != str(found.bundle.version):
            raise ProblemError(Problem.RULES_MOVED)
        if not opened_draft.is_current(found.bundle):
            try:
                with draft_problems():
                    await self._drafts.drafting.take_over(
                        opened_draft, found.bundle, visit.person.name, visit.now
                    )
            except FORM_ERRORS as error:
                raise ProblemError(Problem.DRAFT_REFUSED, str(error)) from None
        return go_to(url_of(Name.DRAFT, draft=opened_draft.draft.number))

    async def drop(self, visit: Visit) -> Reply:
        """Drop a draft as it stood when the form was written."""
        opened_draft = await self._drafts.opened_as_seen(visit)
        with draft_problems():
            await self._drafts.drafting.drop(opened_draft.draft)
        return go_to(url_of(Name.DRAFTS))

    def _around(self, visit: Visit, opened_draft: OpenDraft, text: str, fault: str = "") -> Reply:
        draft = opened_draft.draft
        count = len(opened_draft.bundle.rules)
        return self._views.page(
            "around.html",
            visit,
            status=422 if fault else 200,
            finding=(
                f"Draft {draft.number} has {counted(count, 'clause')}; around them stand its title,"
                " waits, promises, budgets, quotas and what it adopts."
            ),
            text=text,
            fault=fault,
            rows=max(12, text.count("\n") + 2),
            revision=draft.revision,
            may_change=may_change(visit),
            urls=_urls(draft),
            number=draft.number,
        )

    async def _source(self, visit: Visit, standing: PolicyBundle) -> tuple[PolicyBundle, str]:
        """Return what a draft is opened from, and that in words. Raises: ProblemError."""
        state = visit.person.state
        kind, _, name = visit.form.one("from").partition(":")
        if kind == _FORCE and not name:
            return next_of(standing, standing), f"version {standing.version}, in force"
        if kind == "template" and name in {each for each, _ in _own_templates(state)}:
            if name == EXECUTIVE_ORDER:
                return next_of(read_draft(draft_text(name, state)), standing), f"template {name}"
            return next_of(load_template(name), standing), f"template {name}"
        if kind == "version" and _VERSION.fullmatch(name):
            earlier = await bundle_of_version(self._desk.store, state, int(name))
            if earlier is not None:
                back = brought_back(earlier, standing, self._drafts.until(visit.now))
                return back, f"version {earlier.version}, brought back"
        raise ProblemError(Problem.MALFORMED, "a draft cannot be opened from this")


def may_change(visit: Visit) -> bool:
    """Say whether this person may change drafts."""
    return visit.person.has_any(*roles_of(Name.PUT_CLAUSE))


def _behind(bench: Bench) -> dict[str, Any]:
    """Return what came into force since, what of it would be taken, and where the draft stands."""
    standing = bench.found.bundle
    found = taken_over(bench.opened.bundle, bench.opened.base, standing)
    return {
        "version": standing.version,
        "base": bench.opened.base.version,
        "taken": listed([_plainly(each) for each in found.taken]),
        "both": listed([_plainly(each) for each in found.both]),
    }


def _plainly(name: str) -> str:
    """Return a clause's number as it is, a field's name in words."""
    return name.replace("_", " ")


def _policy(bench: Bench) -> str:
    return f"{bench.found.bundle.version} ({bench.found.entry.upper()})"


def _clause_url(draft: RuleDraft, rule: str | None) -> str | None:
    return url_of(Name.CLAUSE, draft=draft.number, rule=rule) if rule is not None else None


def _urls(draft: RuleDraft) -> dict[str, str]:
    """Return where the pages of a draft are, and where its forms go."""
    names = (Name.DRAFT, Name.DROP_DRAFT, Name.TAKE_OVER, Name.AROUND, Name.PUT_AROUND,
             Name.EXAMINE, Name.GUARANTEES, Name.REPLAYED, Name.LEAKS, Name.SIGNING)  # fmt: skip
    found = {name.value: url_of(name, draft=draft.number) for name in names}
    return {
        **found,
        "new_clause": url_of(Name.CLAUSE, draft=draft.number, rule="new"),
        "drafts": url_of(Name.DRAFTS),
    }


def _own_templates(state: Member) -> list[tuple[str, PolicyBundle]]:
    """Return the templates that a state may start from: its own, and the one of no state."""
    found = [(name, load_template(name)) for name in template_names()]
    return [(n, b) for n, b in found if b.state == state or n == EXECUTIVE_ORDER]


def _templates(state: Member) -> list[tuple[str, str]]:
    return [
        (f"template:{name}", "Template: an executive order" if name == EXECUTIVE_ORDER
         else f"Template: {bundle.title}")
        for name, bundle in _own_templates(state)
    ]  # fmt: skip


def _row(draft: RuleDraft, standing: PolicyBundle, visit: Visit) -> dict[str, Any]:
    signed = signed_said(draft, visit.now)
    current = OpenDraft(draft=draft, bundle=standing, base=standing).is_current(standing)
    notes = [*([f"signed {signed}"] if signed else []),
             *([] if current else ["other rules came into force since"])]  # fmt: skip
    return {
        "number": draft.number,
        "url": url_of(Name.DRAFT, draft=draft.number),
        "origin": draft.origin,
        "changed": f"{draft.changed_by}, {moment_said(draft.changed_at, draft.state, visit.now)}",
        "standing": opened(listed(notes)) or "Being written",
    }
