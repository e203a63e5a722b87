"""A person's work on demands: signed here, sent to the gateway that owns the state's ledger.

INVARIANT (review-is-verified): what is signed is `demand_bytes` and `demand_act_bytes`; whether it
counts, the gateway decides by itself.
Source: docs/adr/0058-demands-for-own-data.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from hashlib import sha256

import msgspec

from comity.domain.demands import (
    DemandAct,
    DemandActKind,
    Demanded,
    HandedOver,
    RegisteredDemand,
    SignedDemand,
    SignedDemandAct,
    demand_act_bytes,
    demand_bytes,
)
from comity.domain.ids import Member
from comity.domain.vocabulary import Instrument
from comity.link.command import Command, CommandDone
from comity.link.demands import ActOnDemand, RegisterDemand
from comity.ports import Bus
from comity.services.rule_orders import OrderSigner
from comity.services.sending import send_command

__all__ = ["DemandDraft", "DemandWork", "act_digest"]


class DemandDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a person read of a demand, before it is signed. As in `RegisteredDemand`."""

    kind: Instrument
    issuer: str
    number: str = ""
    served_on: date
    answer_by: date
    days: int = 0
    is_business: bool = False
    about: tuple[Demanded, ...]
    first_month: str = ""
    last_month: str = ""
    document: bytes
    document_bytes: int
    gag_until: date | None = None
    matter: str
    note: str = ""


class DemandWork:
    """What sends raises GatewayRefusalError with the gateway's code, GatewaySilentError, by which
    it may have been done, and UnreachableError; each raises what signing does.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        host: str,
        state: Member,
        signer: OrderSigner,
        now: Callable[[], float],
    ) -> None:
        self._bus = bus
        self._host = host
        self._state = state
        self._signer = signer
        self._now = now

    async def register(self, draft: DemandDraft) -> str:
        """Sign and record that a demand came; return its entry."""
        demand = RegisteredDemand(
            **msgspec.structs.asdict(draft),
            state=self._state,
            reviewer=self._signer.name,
            at=int(self._now()),
        )
        proof = self._signer.sign(demand_bytes(demand))
        return await self._done(RegisterDemand(signed=SignedDemand(demand=demand, proof=proof)))

    async def act(
        self,
        entry: str,
        kind: DemandActKind,
        *,
        answer_by: date | None = None,
        gag_until: date | None = None,
        note: str = "",
    ) -> str:
        """Sign and record what one person does; return the entry that says so."""
        act = self._act(entry, kind, note)
        act = msgspec.structs.replace(act, answer_by=answer_by, gag_until=gag_until)
        return await self._done(ActOnDemand(signed=self._signed(act)))

    def hand_over(self, entry: str, handed: HandedOver, note: str = "") -> SignedDemandAct:
        """Sign what is handed over as the first person; nothing is sent."""
        act = self._act(entry, DemandActKind.HANDED_OVER, note)
        return self._signed(msgspec.structs.replace(act, handed=handed))

    async def confirm(self, signed: SignedDemandAct) -> str:
        """Sign what another person signed, and record it; return the entry that says so."""
        second = self._signer.sign(demand_act_bytes(signed.act))
        signed = msgspec.structs.replace(signed, second=self._signer.name, second_proof=second)
        return await self._done(ActOnDemand(signed=signed))

    def _act(self, entry: str, kind: DemandActKind, note: str) -> DemandAct:
        return DemandAct(
            state=self._state,
            demand_entry=entry,
            act=kind,
            note=note,
            reviewer=self._signer.name,
            at=int(self._now()),
        )

    def _signed(self, act: DemandAct) -> SignedDemandAct:
        return SignedDemandAct(act=act, proof=self._signer.sign(demand_act_bytes(act)))

    async def _done(self, command: Command) -> str:
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, CommandDone)
        return result.entry


def act_digest(act: DemandAct) -> str:
    """Return what names an act among others: the SHA-256 of what people sign, in hexadecimal."""
    return sha256(demand_act_bytes(act)).hexdigest()
