"""Claim checks: whose case is to be proved, until when, what was answered, and what a person found.

Guarantee: what an agency answered is shown only as the gateway showed it on a signed reading, whose
leaf the page names; a finding is signed by whoever is signed in, about what that page shows.
Source: docs/adr/0052-claim-checks.md.
"""

from __future__ import annotations

from typing import Final

from comity.console.desk import Desk
from comity.console.pages.claim_words import claim_facts, claim_row, claims_finding
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.domain.after_review import Desk as DeskName
from comity.domain.claim_check import ClaimStands
from comity.domain.ids import entry_name
from comity.link.claims import ClaimView
from comity.link.errors import GatewayRefusalError
from comity.link.review import DeskShown
from comity.review.claim_checks import (
    CLAIM_NOTE_CHARACTERS_MAX,
    ClaimDoneError,
    ClaimFindingError,
)
from comity.services.health import ClockSkewedError

__all__ = ["ClaimPages"]

_GONE: Final = {
    ClaimDoneError.code: Problem.CLAIM_DONE,
    ClaimFindingError.code: Problem.CHANGED,
    ClockSkewedError.code: Problem.BUSY,
}
_FOUND: Final = {"yes": True, "no": False}
_NOTHING: Final = {"found": "", "note": ""}

_Wrong = tuple[tuple[str, str], ...]


class ClaimPages:
    """The list of claim checks that stand open, and one of them."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def claims(self, visit: Visit) -> Reply:
        """List the checks that nobody found proved, those that make somebody wait first."""
        checks = await self._open(visit)
        return self._views.page(
            "claims.html",
            visit,
            finding=claims_finding(checks),
            rows=[claim_row(view, visit.now) for view in checks],
        )

    async def claim(self, visit: Visit) -> Reply:
        """Show one check with what its agency answered; that it was shown is recorded first."""
        return self._page(visit, await self._shown(visit))

    async def find(self, visit: Visit) -> Reply:
        """Take whether a claim is proved; it is recorded at once."""
        known = self._known(visit)
        shown = await self._shown(visit)
        given = {name: " ".join(visit.form.one(name).split()) for name in _NOTHING}
        if known is not None and known is not shown:
            # An answer came, or the time ended, since the page was shown: it is read first.
            moved = (("found", "This changed while you looked at it. Read it as it stands now."),)
            return self._page(visit, shown, given, moved, status=409)
        (view,) = shown.claims
        wrong = _wrong(view, given)
        if wrong:
            return self._page(visit, shown, given, wrong, status=422)
        self._desk.opened.forget_desk(visit.form_token, view.entry)
        try:
            await self._desk.looking(visit.session).find_claim(
                view.entry, proved=_FOUND[given["found"]], note=given["note"]
            )
        except GatewayRefusalError as error:
            raise _gone(error) from None
        return go_to(url_of(Name.CLAIMS))

    async def _open(self, visit: Visit) -> tuple[ClaimView, ...]:
        return (await self._desk.looking(visit.session).read(DeskName.CLAIMS)).claims

    def _entry(self, visit: Visit) -> str:
        return entry_name(visit.person.state, int(visit.values["number"]))

    def _known(self, visit: Visit) -> DeskShown | None:
        found = self._desk.opened.desk(visit.form_token, self._entry(visit), visit.now)
        return found if found is not None and found.claims else None

    async def _shown(self, visit: Visit) -> DeskShown:
        """Return a check as this session was shown it, while it stands so, else shown anew.

        Raises: ProblemError if there is no such check of the person's state.
        """
        entry, known = self._entry(visit), self._known(visit)
        if known is not None:
            # The list names no answer and is no leaf: it says whether anything has moved.
            now = {view.entry: view for view in await self._open(visit)}.get(entry)
            if now is not None and _mark(now) == _mark(known.claims[0]):
                return known
        try:
            shown = await self._desk.looking(visit.session).read(DeskName.CLAIMS, entry)
        except GatewayRefusalError as error:
            raise _gone(error) from None
        self._desk.opened.put_desk(visit.form_token, entry, shown, visit.now)
        return shown

    def _page(
        self,
        visit: Visit,
        shown: DeskShown,
        given: dict[str, str] | None = None,
        wrong: _Wrong = (),
        *,
        status: int = 200,
    ) -> Reply:
        (view,) = shown.claims
        return self._views.page(
            "claim.html",
            visit,
            status=status,
            **claim_facts(view, visit.person.state, visit.now),
            access_entry=shown.access_entry.upper(),
            given=given or _NOTHING,
            wrong=wrong,
            faults=dict(wrong),
            back=url_of(Name.CLAIMS),
        )


def _mark(view: ClaimView) -> tuple[ClaimStands, int]:
    """Return what moves while a check stands open."""
    return view.stands, view.answer_count


def _wrong(view: ClaimView, given: dict[str, str]) -> _Wrong:
    """Return what has to be mended before a finding is recorded."""
    found: list[tuple[str, str]] = []
    if given["found"] not in _FOUND:
        found.append(("found", "Say whether the claim is proved."))
    elif view.stands is ClaimStands.NOT_PROVED and not _FOUND[given["found"]]:
        found.append(("found", "That it is not proved stands already."))
    if len(given["note"]) > CLAIM_NOTE_CHARACTERS_MAX or not given["note"].isprintable():
        at_most = f"At most {CLAIM_NOTE_CHARACTERS_MAX} letters, digits and marks."
        found.append(("note", at_most))
    return tuple(found)


def _gone(error: GatewayRefusalError) -> Exception:
    """Return what a page says of a check that is no more as it was shown."""
    problem = _GONE.get(error.reason)
    return error if problem is None else ProblemError(problem)
