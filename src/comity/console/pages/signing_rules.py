"""Signing a draft: the first person, the second who sends it, one alone who restricts, announcing.

    1. the page shows what the draft changes; each form carries revision, digest and the version
       in force
    2. the first signature waits in the draft; the second sends both, and the gateway decides
    3. what took force leaves the drafts

Guarantee: nobody signs what they were not shown; nothing is sent on one signature but what only
restricts, or what decides nothing.
INVARIANT (restriction-never-waits): what only restricts takes force with its author's form.
Source: docs/adr/0043-drafts-in-the-browser.md, "Two people, one order".
"""

from __future__ import annotations

from typing import Any, Final

from comity.console.desk import Desk
from comity.console.draft_desk import Bench, DraftDesk, draft_problems
from comity.console.pages.draft_words import (
    changes_said,
    finding_of,
    kicker_of,
    signed_said,
    takes_said,
    warnings_of,
)
from comity.console.pages.drafts import may_change
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.rule_making import announce_rules, carried_out, put_into_force, signed_here
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import moment_said
from comity.domain.errors import ComityError
from comity.policy.drafting import as_restriction
from comity.policy.notice import HOUR_SECONDS
from comity.review.orders import SecondPersonError
from comity.services.rule_drafting import is_order_over
from comity.services.rulebook import RulesRefusedError

__all__ = ["SigningPages"]

_ALONE: Final = "alone"
_PROBLEMS: Final = {
    RulesRefusedError.code: Problem.RULES_MOVED,
    SecondPersonError.code: Problem.SAME_SIGNER,
}


class SigningPages:
    """How a draft takes force."""

    def __init__(self, desk: Desk, views: Views, drafts: DraftDesk) -> None:
        self._desk = desk
        self._views = views
        self._drafts = drafts

    async def signing(self, visit: Visit) -> Reply:
        """Show what would be signed, what it takes, and what this person may do."""
        bench = await self._drafts.bench(visit, await self._drafts.opened(visit))
        draft = bench.opened.draft
        number = draft.number
        return self._views.page(
            "sign.html",
            visit,
            policy_version=f"{bench.found.bundle.version} ({bench.found.entry.upper()})",
            finding=finding_of(bench),
            kicker=kicker_of(bench),
            warnings=warnings_of(bench),
            change=changes_said(bench.weighed),
            facts_shown=[
                ("It takes", takes_said(bench.weighed)),
                ("Signed", signed_said(draft, visit.now) or "by nobody yet"),
                ("Digest", draft.digest),
                *await self._announced(visit, bench),
            ],
            number=number,
            may=_may(visit, bench),
            why=_why_not(visit, bench),
            revision=draft.revision,
            digest=draft.digest,
            version=bench.found.bundle.version,
            signer=f"You are {visit.person.name}, and sign as {visit.person.signs_as or 'nobody'}",
            until=moment_said(self._drafts.until(visit.now), draft.state, visit.now),
            urls={
                "draft": url_of(Name.DRAFT, draft=number),
                "sign": url_of(Name.SIGN_DRAFT, draft=number),
                "approve": url_of(Name.APPROVE_DRAFT, draft=number),
                "announce": url_of(Name.ANNOUNCE_DRAFT, draft=number),
            },
        )

    async def sign(self, visit: Visit) -> Reply:
        """Keep the first signature with the draft; or put into force what only restricts."""
        bench = await self._as_seen(visit)
        if visit.form.one("how") == _ALONE:
            return await self._alone(visit, bench)
        if not bench.weighed.is_changed:
            raise ProblemError(Problem.MALFORMED, "this draft changes nothing")
        signer = self._desk.rule_signer(visit.session)
        with draft_problems(), signed_here(self._desk, bench.opened.draft.state):
            await self._drafts.drafting.sign(bench.opened, bench.found.bundle, signer, visit.now)
        return go_to(url_of(Name.SIGNING, draft=bench.opened.draft.number))

    async def approve(self, visit: Visit) -> Reply:
        """Sign as the second person, and have the draft put into force."""
        bench = await self._as_seen(visit)
        state = bench.opened.draft.state
        signer = self._desk.rule_signer(visit.session)
        drafting, standing = self._drafts.drafting, bench.found.bundle
        with draft_problems(), signed_here(self._desk, state):
            data = drafting.approved(bench.opened, standing, signer, visit.now)
        await carried_out(self._desk, state, self._desk.orders.publish(state, data), _PROBLEMS)
        await self._leave(bench)
        return go_to(url_of(Name.HISTORY))

    async def announce(self, visit: Visit) -> Reply:
        """Announce a draft: everyone can read it from now on, and nothing is decided by it."""
        bench = await self._as_seen(visit)
        await announce_rules(self._desk, visit, bench.opened.bundle)
        return go_to(url_of(Name.SIGNING, draft=bench.opened.draft.number))

    async def _alone(self, visit: Visit, bench: Bench) -> Reply:
        """Put into force what only restricts, until another person confirms it."""
        named = None
        if bench.weighed.alone is not None:
            until = self._drafts.until(visit.now)
            named = as_restriction(bench.opened.bundle, bench.found.bundle, until)
        if named is None:
            raise ProblemError(Problem.REFUSED, "this draft does more than restrict")
        await put_into_force(self._desk, visit, named)
        await self._leave(bench)
        return go_to(url_of(Name.WAITING))

    async def _as_seen(self, visit: Visit) -> Bench:
        """Return the draft, if draft and rules in force are those that the form's page showed."""
        opened = await self._drafts.opened_as_seen(visit)
        if visit.form.one("digest") != opened.draft.digest:
            raise ProblemError(Problem.DRAFT_MOVED)
        bench = await self._drafts.bench(visit, opened)
        if not bench.is_current or visit.form.one("version") != str(bench.found.bundle.version):
            raise ProblemError(Problem.DRAFT_BEHIND)
        return bench

    async def _leave(self, bench: Bench) -> None:
        """Drop a draft that took force; if it stays, its page says that it changes nothing."""
        try:
            await self._drafts.drafting.drop(bench.opened.draft)
        except ComityError as error:
            self._desk.events.failure("draft_not_dropped", error, member=bench.opened.draft.state)

    async def _announced(self, visit: Visit, bench: Bench) -> list[tuple[str, str]]:
        """Return since when these very rules stand announced, and from when they may loosen."""
        state, found = visit.person.state, await self._drafts.announced(bench)
        if found is None:
            return [("Announced", "no")]
        said = f"since {moment_said(found.since, state, visit.now)}"
        hours = bench.found.bundle.notice_hours
        if hours:
            opens = found.since + hours * HOUR_SECONDS
            said += f"; what needs notice may take force from {moment_said(opens, state)}"
        return [("Announced", said)]


def _may(visit: Visit, bench: Bench) -> dict[str, Any]:
    """Return which forms this person is offered."""
    none = {"first": False, "second": False, "alone": False, "announce": False}
    if _why_not(visit, bench):
        return none
    draft = bench.opened.draft
    waits = draft.order is not None and not is_order_over(draft, visit.now)
    is_own = visit.person.signs_as.lower() in {each.name.lower() for each in draft.signatures}
    return {
        "first": not waits,
        "second": waits and not is_own,
        "alone": not waits and bench.weighed.alone is not None,
        "announce": True,
    }


def _why_not(visit: Visit, bench: Bench) -> str:
    """Return why nobody, or not this person, may sign; empty if they may."""
    if not bench.is_current:
        return (
            "Other rules came into force since this draft was made. Take them over first, on the"
            " draft's page; nobody can sign before."
        )
    if not bench.weighed.is_changed:
        return "This draft says what is in force: there is nothing to sign."
    if not may_change(visit):
        return "Authors and counsel sign rules; you can read what they would sign."
    if not visit.person.signs_as:
        return "The people file names no key for you, so you cannot sign this."
    return ""
