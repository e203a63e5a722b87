"""A drill: does a block hold on the path of real queries, agency by agency.

    1. take agencies of the family from the directory, and the keys that the state answers
    2. make a probe of each: an exchange in mode `probe`, about a licence that nobody has
    3. the answering face decides and records it as any query; nothing is sent

Probes are leaves, so that the drill stands in the ledger; they never count as traffic.
Source: docs/adr/0028-publishing-rules.md, "Block".
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.agency import family_ancestors
from comity.domain.answer import ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, Member, QueryId, entry_name, make_id
from comity.domain.keys import MessageKey
from comity.domain.query import Claims, Exchange
from comity.domain.vocabulary import Assurance, FanOut
from comity.exchange.origin import exchange_id_of
from comity.ports import Clock, Entropy
from comity.services.answer import AnswerFace
from comity.services.member import World, askers_of

__all__ = ["AGENCIES_MAX", "Drill", "Probe", "ProbeError"]

AGENCIES_MAX: Final = 4
"""Agencies of a family that one drill asks as; each asks with every key of `_PROBED`."""

_NS: Final = 1_000_000_000
_PROBED: Final = {
    MessageKey("DQ"): (("OLN", "PROBE000000000"),),
    MessageKey("RQ"): (("LIC", "PROBE0"), ("LIY", "2026"), ("LIT", "PC")),
}


class ProbeError(ComityError):
    """Nobody of the family can be asked as, or the state answers no key that is probed."""

    code = "drill-impossible"


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One probe: who asked what, what became of it, and the leaf that says so."""

    agency: ORI
    key: MessageKey
    response: ResponseKind
    entry: str


class Drill:
    """Probes the rules in force of one host's members."""

    def __init__(self, world: World, answer: AnswerFace, clock: Clock, entropy: Entropy) -> None:
        self._world = world
        self._answer = answer
        self._clock = clock
        self._entropy = entropy

    async def run(self, member: Member, family: str) -> tuple[Probe, ...]:
        """Ask as agencies of a family; return what became of each probe. Raises: ProbeError."""
        exchanges = {e.exchange_id: e for e in self._probes(member, family)}
        if not exchanges:
            raise ProbeError("no agency of this family is listed, or no key to probe is answered")
        answers = await self._answer.drill(list(exchanges.values()))
        return tuple(
            Probe(
                agency=exchanges[parcel.answer.exchange_id].agency,
                key=exchanges[parcel.answer.exchange_id].key,
                response=parcel.answer.response,
                entry=parcel.answer.proofs[0].entry if parcel.answer.proofs else "",
            )
            for parcel in answers
        )

    def _probes(self, member: Member, family: str) -> list[Exchange]:
        directory = self._world.directory
        index, _ = self._world.policy(member)
        agencies = [a for a in askers_of(self._world) if family in family_ancestors(a.family)]
        keys = [key for key in _PROBED if directory.answers(member, key)]
        found = []
        for agency in agencies[:AGENCIES_MAX]:
            origin = directory.member_of(agency.ori)
            assert origin is not None
            for key in keys:
                now_ns = self._clock.now_ns()
                query_id = QueryId(make_id(now_ns, self._entropy.token(8)))
                found.append(
                    Exchange(
                        exchange_id=exchange_id_of(query_id, origin, member),
                        query_id=query_id,
                        state=member,
                        origin_member=origin,
                        # Nobody asked: what a probe answers to is the rules that it tries.
                        query_entry=entry_name(member, index),
                        accepted_at=now_ns // _NS,
                        agency=agency.ori,
                        key=key,
                        original_key=key,
                        fields=_PROBED[key],
                        claims=Claims(),
                        assurance=Assurance.NOT_STATED,
                        fan_out=FanOut.SINGLE,
                        probe=True,
                    )
                )
        return found
