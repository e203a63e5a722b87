"""Drafts of a state's rules: opened, changed, signed by two, and dropped.

    1. open one: from the rules in force, a template, or an earlier version
    2. change a clause, what stands around the clauses, or take over what came into force meanwhile
    3. the author signs the order of exactly this draft; any change takes order and signature away
    4. another person signs the same order; both signatures are sent, and the gateway decides

Guarantee: a change names the revision that it was made on, and one of an older revision changes
nothing; what is signed is the draft of that revision, or nothing is.
INVARIANT (restriction-never-waits): what only restricts, the author may put into force alone.
Source: docs/adr/0043-drafts-in-the-browser.md; docs/adr/0028-publishing-rules.md.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import msgspec
from msgspec.structs import replace

from comity.domain.decision import RuleId
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.keeping import ORDER_SECONDS_MAX
from comity.domain.publishing import SignedPolicy, encode_signed_policy
from comity.domain.rule_draft import DraftMovedError, DraftUnknownError, RuleDraft
from comity.policy import PolicyBundle, check_bundle, encode_bundle, parse_bundle
from comity.policy.drafting import (
    TakenOver,
    taken_over,
    with_clause,
    without_clause,
)
from comity.policy.errors import PolicyLimitError, RuleFormError
from comity.policy.rule import Rule
from comity.policy.writing import read_around
from comity.ports import RuleDrafts
from comity.review.orders import SecondPersonError
from comity.services.rule_orders import OrderSigner, policy_order, signature_on

__all__ = [
    "CLAUSES_MAX",
    "DraftNotCurrentError",
    "OpenDraft",
    "RuleDrafting",
    "is_order_over",
    "opened_draft",
]

CLAUSES_MAX: Final = 200
"""Clauses of a draft that is written in the browser."""


class DraftNotCurrentError(ComityError):
    """Other rules came into force since the draft was made from them: take them over first."""

    code = "draft-not-current"


class OpenDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A draft with its two bundles read."""

    draft: RuleDraft
    bundle: PolicyBundle
    base: PolicyBundle

    def is_current(self, standing: PolicyBundle) -> bool:
        """Say whether the draft was made from the rules that are in force."""
        return self.draft.base == encode_bundle(standing)


def opened_draft(draft: RuleDraft) -> OpenDraft:
    """Return a draft with its bundles. Raises: RuleFormError and its kinds."""
    return OpenDraft(
        draft=draft, bundle=parse_bundle(draft.bundle, None), base=parse_bundle(draft.base, None)
    )


def is_order_over(draft: RuleDraft, now: int) -> bool:
    """Say whether what was signed counts no longer by its age; `now` is Unix seconds."""
    return draft.order is not None and now - draft.order.at > ORDER_SECONDS_MAX


class RuleDrafting:
    """Works at the drafts of all states; files are read and written beside the loop."""

    def __init__(self, drafts: RuleDrafts) -> None:
        self._drafts = drafts

    async def all_of(self, state: Member) -> list[RuleDraft]:
        """Return a state's drafts by number. Raises: DraftsDownError."""
        return await asyncio.to_thread(self._drafts.all_of, state)

    async def read(self, state: Member, number: int) -> OpenDraft:
        """Return a draft of a state. Raises: DraftUnknownError, DraftsDownError."""
        found = await asyncio.to_thread(self._drafts.get, state, number)
        if found is not None:
            # A file whose bundles are none is no draft, whoever wrote it.
            with suppress(RuleFormError):
                return opened_draft(found)
        raise DraftUnknownError("there is no such draft of this state")

    async def open(
        self, bundle: PolicyBundle, standing: PolicyBundle, origin: str, by: str, now: int
    ) -> RuleDraft:
        """Keep a new draft, of the version that follows the one in force.

        Raises: RuleFormError and its kinds, DraftsFullError, DraftsDownError.
        """
        assert (bundle.state, bundle.version) == (standing.state, standing.version + 1)
        draft = RuleDraft(
            state=standing.state,
            number=1,
            revision=1,
            origin=origin,
            changed_by=by,
            changed_at=now,
            base=encode_bundle(standing),
            bundle=_checked(bundle),
        )
        return await asyncio.to_thread(self._drafts.add, draft)

    async def put_clause(
        self, opened: OpenDraft, rule: Rule, place_of: RuleId | None, by: str, now: int
    ) -> RuleDraft:
        """Keep a draft with a clause, in the place of another or before all. Raises: as `_kept`."""
        return await self._kept(opened, with_clause(opened.bundle, rule, place_of), by, now)

    async def drop_clause(self, opened: OpenDraft, name: RuleId, by: str, now: int) -> RuleDraft:
        """Keep a draft without a clause. Raises: as `_kept`."""
        return await self._kept(opened, without_clause(opened.bundle, name), by, now)

    async def put_around(self, opened: OpenDraft, text: str, by: str, now: int) -> RuleDraft:
        """Keep a draft with another text around its clauses. Raises: as `_kept`."""
        return await self._kept(opened, read_around(text, opened.bundle), by, now)

    async def put_bundle(
        self, opened: OpenDraft, bundle: PolicyBundle, by: str, now: int
    ) -> RuleDraft:
        """Keep a draft with other rules as a whole. Raises: as `_kept`."""
        return await self._kept(opened, bundle, by, now)

    async def take_over(
        self, opened: OpenDraft, standing: PolicyBundle, by: str, now: int
    ) -> TakenOver:
        """Take over what came into force since. Raises: as `_kept`."""
        found = taken_over(opened.bundle, opened.base, standing)
        moved = replace(opened.draft, base=encode_bundle(standing))
        await self._kept(replace(opened, draft=moved), found.bundle, by, now)
        return found

    async def drop(self, draft: RuleDraft) -> None:
        """Drop a draft of this revision. Raises: DraftMovedError, DraftsDownError."""
        await asyncio.to_thread(self._drafts.drop, draft.state, draft.number, draft.revision)

    async def sign(
        self, opened: OpenDraft, standing: PolicyBundle, signer: OrderSigner, now: int
    ) -> RuleDraft:
        """Keep the order of this draft with the author's signature, in place of any other.

        Raises: DraftNotCurrentError, DraftMovedError, SigningKeyError, DraftsDownError.
        """
        _check_current(opened, standing)
        order = policy_order(opened.bundle, now)
        signed = replace(
            opened.draft,
            revision=opened.draft.revision + 1,
            order=order,
            signatures=(signature_on(order, signer),),
        )
        await asyncio.to_thread(self._drafts.put, signed)
        return signed

    def approved(
        self, opened: OpenDraft, standing: PolicyBundle, signer: OrderSigner, now: int
    ) -> bytes:
        """Return the signed policy with the second person's signature, as the gateway takes it.

        Nothing of it is kept: a draft holds one signature or none.
        Raises: DraftNotCurrentError, DraftMovedError, SecondPersonError, SigningKeyError.
        """
        _check_current(opened, standing)
        draft = opened.draft
        if draft.order is None or is_order_over(draft, now):
            raise DraftMovedError("nobody has signed this draft, or longer than a day ago")
        # One key under two names is one person, too: the gateway knows whose key is whose.
        if signer.name.lower() in {each.name.lower() for each in draft.signatures}:
            raise SecondPersonError("another person must sign this draft")
        signatures = (*draft.signatures, signature_on(draft.order, signer))
        return encode_signed_policy(
            SignedPolicy(bundle=draft.bundle, order=draft.order, signatures=signatures)
        )

    async def _kept(self, opened: OpenDraft, bundle: PolicyBundle, by: str, now: int) -> RuleDraft:
        """Keep a draft with another bundle; order and signatures go.

        Raises: RuleFormError and its kinds, OptOutError, DraftMovedError, DraftsFullError,
        DraftsDownError.
        """
        data = _checked(bundle)
        kept = await asyncio.to_thread(self._drafts.get, bundle.state, opened.draft.number)
        if kept == opened.draft and data == kept.bundle:
            return kept  # Nothing changed, so what was signed still says it.
        draft = replace(
            opened.draft,
            revision=opened.draft.revision + 1,
            changed_by=by,
            changed_at=now,
            bundle=data,
            order=None,
            signatures=(),
        )
        await asyncio.to_thread(self._drafts.put, draft)
        return draft


def _checked(bundle: PolicyBundle) -> bytes:
    """Return the canonical bytes of a bundle that may stand. Raises: as `check_bundle`."""
    if len(bundle.rules) > CLAUSES_MAX:
        raise PolicyLimitError(f"a draft in the browser has at most {CLAUSES_MAX} clauses")
    check_bundle(bundle)
    return encode_bundle(bundle)


def _check_current(opened: OpenDraft, standing: PolicyBundle) -> None:
    if not opened.is_current(standing) or opened.bundle.version != standing.version + 1:
        raise DraftNotCurrentError("other rules came into force: take them over first")
