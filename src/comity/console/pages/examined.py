"""A draft examined: starting it, and its pages: guarantees with the gate, replay, other doors.

Guarantee: what a page shows is of exactly the draft, the rules in force and the directory as they
are; while it is being counted, the page says how far it is.
Source: docs/adr/0043-drafts-in-the-browser.md, "Examined by the exact text".
"""

from __future__ import annotations

from typing import Any, Final

from comity.console.desk import Desk
from comity.console.draft_desk import FORM_ERRORS, Bench, DraftDesk, draft_problems
from comity.console.pages.draft_words import kicker_of
from comity.console.pages.drafts import may_change
from comity.console.pages.examined_words import (
    doors_said,
    fault_said,
    gate_said,
    proofs_said,
    replay_said,
)
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import moment_said, opened
from comity.domain.ids import member_label
from comity.policy.door import DoorKind
from comity.policy.layer import layered_rules
from comity.policy.reach import closed
from comity.services.examining import Examination, ExaminersBusyError, Step, Wanted

__all__ = ["ExaminedPages"]

_PAGES: Final = {
    "guarantees": Name.GUARANTEES,
    "replay": Name.REPLAYED,
    "leaks": Name.LEAKS,
}
_DIGITS_MAX: Final = 4


class ExaminedPages:
    """What was found of a draft."""

    def __init__(self, desk: Desk, views: Views, drafts: DraftDesk) -> None:
        self._desk = desk
        self._views = views
        self._drafts = drafts

    async def examine(self, visit: Visit) -> Reply:
        """Have a draft examined, and go to the page that asked for it."""
        page = _PAGES.get(visit.form.one("page"))
        if page is None:
            raise ProblemError(Problem.MALFORMED, "there is no such page of a draft")
        bench = await self._drafts.bench(visit, await self._drafts.opened(visit))
        wanted = Wanted(
            of=bench.of,
            draft=bench.opened.bundle,
            standing=bench.found.bundle,
            national_of=self._desk.books.national_of,
            askers=bench.askers,
            others=await self._desk.books.everyones_rules(),
            now=visit.now,
            announced=await self._drafts.announced(bench),
        )
        try:
            self._desk.examiner.begin(wanted, anew=visit.form.one("anew") == "yes")
        except ExaminersBusyError:
            raise ProblemError(Problem.EXAMINERS_BUSY) from None
        return go_to(url_of(page, draft=bench.opened.draft.number))

    async def guarantees(self, visit: Visit) -> Reply:
        """Show what the draft promises, whether it holds, and what the gate says."""
        bench, examination = await self._found(visit)
        proofs = examination.proofs() if examination is not None else None
        report = examination.gate() if examination is not None else None
        finding = _not_yet(bench, examination, "proved")
        rows: list[dict[str, Any]] = []
        opted_out: list[str] = []
        if proofs is not None:
            said, rows, opted_out = proofs_said(bench.opened.bundle, proofs)
            finding = f"Under draft {bench.opened.draft.number}, {said}."
        return self._page(
            visit, bench, examination, "guarantees", finding,
            rows=rows,
            opted_out=opted_out,
            gate=gate_said(report) if report is not None else None,
        )  # fmt: skip

    async def replayed(self, visit: Visit) -> Reply:
        """Show what the draft would have changed in the traffic that there was."""
        bench, examination = await self._found(visit)
        found = examination.replayed() if examination is not None else None
        finding = _not_yet(bench, examination, "replayed")
        said = None
        if found is not None:
            finding = found.headline
            standing = bench.found.bundle
            before = layered_rules(standing, self._desk.books.national_of(standing))
            rules = {rule.id: rule for rule in (*before, *bench.weighed.rules)}
            directory = await self._desk.books.directory()
            said = replay_said(found, rules, directory, visit.person.state)
        return self._page(visit, bench, examination, "replay", finding, said=said)

    async def leaks(self, visit: Visit) -> Reply:
        """Show who still gets what the draft refuses or holds by name, and what closes each way."""
        bench, examination = await self._found(visit)
        advice = examination.advice() if examination is not None else None
        finding = _not_yet(bench, examination, "looked through for other ways")
        doors: list[dict[str, Any]] = []
        if advice is not None:
            finding = advice.finding
            doors = doors_said(advice)
        return self._page(
            visit, bench, examination, "leaks", finding,
            doors=doors,
            revision=bench.opened.draft.revision,
            may_change=may_change(visit),
            close=url_of(Name.CLOSE_DOOR, draft=bench.opened.draft.number),
        )  # fmt: skip

    async def close_door(self, visit: Visit) -> Reply:
        """Add to a draft what closes one of its doors, as it was counted for exactly this draft."""
        opened_draft = await self._drafts.opened_as_seen(visit)
        bench = await self._drafts.bench(visit, opened_draft)
        examination = self._desk.examiner.look(bench.of)
        advice = examination.advice() if examination is not None else None
        if advice is None:
            raise ProblemError(Problem.DRAFT_MOVED)
        wanted = visit.form.one("door")
        found = next((each for each in advice.found if str(each.number) == wanted), None)
        if found is None or found.door.kind is DoorKind.OTHER_STATES:
            raise ProblemError(Problem.MALFORMED, "there is no such way to close")
        try:
            with draft_problems():
                await self._drafts.drafting.put_bundle(
                    opened_draft, closed(opened_draft.bundle, found.door),
                    visit.person.name, visit.now,
                )  # fmt: skip
        except FORM_ERRORS as error:
            raise ProblemError(Problem.DRAFT_REFUSED, str(error)) from None
        return go_to(url_of(Name.DRAFT, draft=opened_draft.draft.number))

    async def _found(self, visit: Visit) -> tuple[Bench, Examination | None]:
        bench = await self._drafts.bench(visit, await self._drafts.opened(visit))
        return bench, self._desk.examiner.look(bench.of)

    def _page(
        self,
        visit: Visit,
        bench: Bench,
        examination: Examination | None,
        page: str,
        finding: str,
        **more: Any,
    ) -> Reply:
        number = bench.opened.draft.number
        steps = _STEPS_OF[page]
        faults = [] if examination is None else [fault_said(examination, step) for step in steps]
        return self._views.page(
            f"examined_{page}.html",
            visit,
            policy_version=f"{bench.found.bundle.version} ({bench.found.entry.upper()})",
            finding=opened(finding),
            kicker=kicker_of(bench),
            number=number,
            page=page,
            state=member_label(visit.person.state),
            progress=_progress(examination, visit, steps),
            faults=[fault for fault in faults if fault],
            urls={
                "here": url_of(_PAGES[page], draft=number),
                "examine": url_of(Name.EXAMINE, draft=number),
                "draft": url_of(Name.DRAFT, draft=number),
                **{each: url_of(name, draft=number) for each, name in _PAGES.items()},
            },
            **more,
        )


_STEPS_OF: Final = {
    "guarantees": (Step.GATE, Step.GUARANTEES),
    "replay": (Step.REPLAY,),
    "leaks": (Step.LEAKS,),
}


def _not_yet(bench: Bench, examination: Examination | None, what: str) -> str:
    number = bench.opened.draft.number
    if examination is None:
        return f"Draft {number} is not {what} yet, as it stands now."
    if examination.is_over:
        return f"Draft {number} could not be {what}."
    return f"Draft {number} is being examined: {examination.done} of {len(Step)} parts are done."


def _progress(
    examination: Examination | None, visit: Visit, steps: tuple[Step, ...]
) -> dict[str, Any]:
    """Return how far an examination is; `waits` while this page's own parts are not done."""
    if examination is None:
        return {"state": "none", "done": 0, "of": len(Step), "at": ""}
    over = all(step in examination.found or step in examination.faults for step in steps)
    return {
        "state": "over" if over else "waits",
        "done": examination.done,
        "of": len(Step),
        "at": moment_said(examination.at, visit.person.state, visit.now),
    }
