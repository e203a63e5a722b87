"""What a requester reads of appeals: which refusals can be appealed, and what became of an appeal.

Guarantee: a refusal is offered only where its own leaf, delivered with it, says that it is one.
Source: docs/adr/0057-appeals.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from comity.console.words import moment_said, plain
from comity.domain.answer import ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import Member, member_label, wire_of_member
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.review.appeals import is_late, is_refusal, last_day_of
from comity.review.calendars import calendar_of
from comity.services.own_requests import OwnReply, OwnRequest, StateAnswer

__all__ = ["Appealable", "appealed_words", "refusal_words", "refusals_of"]

_BY_PERSON: Final = "Another person of {name} looks at it then, who did not refuse it."
_BY_RULES: Final = (
    "A rule refused it, so no person can grant it; another person of {name} can pass your reasons "
    "on to whoever writes the rules."
)
_GONE_ON: Final = {
    None: "The state has not answered yet.",
    ResponseKind.REFUSED: "The state does not take messages of this kind.",
    ResponseKind.HELD: "A person of the state reads it first.",
}


class Appealable(msgspec.Struct, frozen=True, kw_only=True):
    """A state's refusal that can be appealed: its entry, and the leaf that says so."""

    state: Member
    entry: str
    leaf: LeafHeader

    @property
    def is_by_rules(self) -> bool:
        """Whether no person had it in hand."""
        return self.leaf.kind is LeafKind.DENIAL and self.leaf.cites is None


def refusals_of(request: OwnRequest, now: int) -> dict[Member, Appealable]:
    """Return the refusals of a request that can be appealed now and were not, by state."""
    appealed = {each.entry for each in request.appeals if _is_taken(each)}
    found: dict[Member, Appealable] = {}
    for state in request.states:
        refusal = _refusal(state)
        if refusal is None or refusal.entry in appealed:
            continue
        # A state's own calendar may have other holidays, and no other zone.
        if not is_late(refusal.leaf.hour, now, calendar_of(state.state)):
            found[state.state] = refusal
    return found


def refusal_words(request: OwnRequest, now: int) -> list[dict[str, Any]]:
    """Return the refusals that can be appealed, as the page has them."""
    return [
        {
            "name": member_label(state),
            "code": wire_of_member(state),
            "entry": each.entry,
            "entry_said": each.entry.upper(),
            "until": f"{last_day_of(each.leaf.hour, calendar_of(state)):%Y-%m-%d}",
            "who": (_BY_RULES if each.is_by_rules else _BY_PERSON).format(name=member_label(state)),
        }
        for state, each in refusals_of(request, now).items()
    ]


def appealed_words(
    appeal: OwnReply, found: Mapping[str, str], member: Member, now: int
) -> dict[str, Any]:
    """Return one appeal with what became of it; `found` is what states told, by refusal."""
    told = found.get(appeal.entry)
    said = told if told is not None else _GONE_ON.get(appeal.response, appeal.remark)
    return {
        "entry": appeal.entry.upper(),
        "at": moment_said(appeal.at, member, now),
        "lines": [plain(line) for line in appeal.text.splitlines()],
        "stands": [plain(line) for line in said.splitlines()],
    }


def _is_taken(appeal: OwnReply) -> bool:
    """Say whether an appeal is on its way or was taken, so that no other one is offered."""
    return appeal.response is not ResponseKind.REFUSED


def _refusal(state: StateAnswer) -> Appealable | None:
    last = state.last
    if last is None or not last.is_final:
        return None
    for proof in reversed(last.proofs):
        try:
            leaf = parse_leaf(proof.leaf)
        except ComityError:
            continue
        if is_refusal(leaf):
            return Appealable(state=state.state, entry=proof.entry, leaf=leaf)
    return None
