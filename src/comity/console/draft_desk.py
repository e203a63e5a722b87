"""What every page of a draft begins with: the draft, the rules in force, and what it changes.

Guarantee: a draft of another state is not there; what a draft changes is counted for exactly its
text, the rules in force and the directory, once for everybody, beside the loop.
Source: docs/adr/0043-drafts-in-the-browser.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from comity.console.desk import Desk
from comity.console.problems import Problem, ProblemError
from comity.console.visits import Visit
from comity.domain.ids import Member
from comity.domain.rule_draft import DraftMovedError, DraftsFullError, DraftUnknownError
from comity.policy import PolicyBundle, encode_bundle, parse_bundle
from comity.policy.block import UNCONFIRMED_SECONDS_MAX
from comity.policy.errors import NationalMismatchError, OptOutError, RuleFormError
from comity.policy.notice import same_rules
from comity.policy.space import Asker
from comity.review.orders import SecondPersonError
from comity.services.draft_weighing import DraftWeighed, WeighedAgainst, weigh_draft
from comity.services.recorded_traffic import Announced
from comity.services.rule_drafting import DraftNotCurrentError, OpenDraft, RuleDrafting
from comity.services.rules_in_force import RulesInForce, askers_in, directory_versions

__all__ = ["FORM_ERRORS", "Bench", "DraftDesk", "draft_problems"]

WEIGHED_MAX: Final = 64
"""Drafts whose changes are kept as they were counted; the one counted first goes."""
FORM_ERRORS: Final = (RuleFormError, NationalMismatchError, OptOutError)
"""What a text may be wrong in that its author can mend."""

_PROBLEMS: Final = {
    DraftUnknownError: Problem.NO_SUCH_DRAFT,
    DraftMovedError: Problem.DRAFT_MOVED,
    DraftsFullError: Problem.DRAFTS_FULL,
    DraftNotCurrentError: Problem.DRAFT_BEHIND,
    SecondPersonError: Problem.SAME_SIGNER,
}
_Of = tuple[bytes, int, tuple[tuple[Member, int], ...]]


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """A draft, the rules in force, the agencies that may ask, and what the draft changes.

    `of` is what the counts are of: the draft's text, the leaf in force, the directory.
    """

    opened: OpenDraft
    found: RulesInForce
    askers: tuple[Asker, ...]
    weighed: DraftWeighed
    of: _Of

    @property
    def is_current(self) -> bool:
        """Whether the draft was made from the rules that are in force."""
        return self.opened.is_current(self.found.bundle)


@contextmanager
def draft_problems() -> Iterator[None]:
    """Let what a draft cannot do be a problem in words. Raises: ProblemError."""
    try:
        yield
    except tuple(_PROBLEMS) as error:
        problem = next(each for kind, each in _PROBLEMS.items() if isinstance(error, kind))
        more = str(error) if problem is Problem.DRAFTS_FULL else ""
        raise ProblemError(problem, more) from None


class DraftDesk:
    """Opens drafts for pages. `_kept` is in the order of counting."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._kept: dict[_Of, DraftWeighed] = {}
        self._one_at_a_time = asyncio.Lock()

    @property
    def drafting(self) -> RuleDrafting:
        """What changes drafts."""
        return self._desk.drafting

    async def opened(self, visit: Visit) -> OpenDraft:
        """Return the draft of the path, of this state. Raises: ProblemError."""
        with draft_problems():
            return await self.drafting.read(visit.person.state, int(visit.values["draft"]))

    async def opened_as_seen(self, visit: Visit) -> OpenDraft:
        """Return the draft of the path, if it stands as the form's writer saw it."""
        opened = await self.opened(visit)
        if visit.form.one("revision") != str(opened.draft.revision):
            raise ProblemError(Problem.DRAFT_MOVED)
        return opened

    async def bench(self, visit: Visit, opened: OpenDraft) -> Bench:
        """Return a draft with what it changes. Raises: ProblemError."""
        found = await self._desk.books.rules(visit.person.state)
        directory = await self._desk.books.directory()
        of = (encode_bundle(opened.bundle), found.leaf_index, directory_versions(directory))
        askers = askers_in(directory)
        try:
            weighed = await self._weighed(of, opened.bundle, found.bundle, askers, visit.now)
        except FORM_ERRORS as error:
            raise ProblemError(Problem.DRAFT_REFUSED, str(error)) from None
        return Bench(opened=opened, found=found, askers=askers, weighed=weighed, of=of)

    async def weighed_against(
        self, bundle: PolicyBundle, old: PolicyBundle, askers: tuple[Asker, ...], now: int
    ) -> DraftWeighed:
        """Return what one bundle changes against another. Raises: as `weigh_draft`."""
        # It takes the processor for a while: one at a time for everybody who writes or looks.
        async with self._one_at_a_time:
            return await self._counted(bundle, old, askers, now)

    async def announced(self, bench: Bench) -> Announced | None:
        """Return where these very rules stand announced, and since when; None if they do not."""
        for row in await self._desk.store.shadows([bench.opened.draft.state]):
            if same_rules(parse_bundle(row.body, None), bench.opened.bundle):
                return Announced(leaf_index=row.leaf_index, since=row.since)
        return None

    def until(self, now: int) -> int:
        """Return until when a clause that one person puts into force now has to be confirmed."""
        return now + min(UNCONFIRMED_SECONDS_MAX, self._desk.confirm_seconds)

    async def _weighed(
        self, of: _Of, bundle: PolicyBundle, standing: PolicyBundle,
        askers: tuple[Asker, ...], now: int,
    ) -> DraftWeighed:  # fmt: skip
        # Once for everybody who looks at the same draft.
        async with self._one_at_a_time:
            kept = self._kept.get(of)
            if kept is None:
                kept = await self._counted(bundle, standing, askers, now)
                self._kept[of] = kept
                while len(self._kept) > WEIGHED_MAX:
                    del self._kept[next(iter(self._kept))]
            return kept

    async def _counted(
        self, bundle: PolicyBundle, old: PolicyBundle, askers: tuple[Asker, ...], now: int
    ) -> DraftWeighed:
        against = WeighedAgainst(
            standing=old, askers=askers, national_of=self._desk.books.national_of
        )
        return await asyncio.to_thread(weigh_draft, bundle, against, self.until(now), now)
