"""The courier: parcels of one tick for one host leave as one sealed, signed envelope.

What is posted while an envelope is under way is the next one. Nothing is kept here: the origin
re-drives its durable rows, and a state's answers stand in its store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.agency import Host
from comity.domain.ids import HostName
from comity.link.envelope import seal_envelopes
from comity.link.errors import ParcelError
from comity.link.parcel import Parcel, addressee, encode_parcel
from comity.ports import Bus, Clock
from comity.services.events import Events

__all__ = ["HUB_SUBJECT", "WAITING_PARCELS_MAX", "Courier", "gateway_subject"]

HUB_SUBJECT: Final = "hub.envelope"
WAITING_PARCELS_MAX: Final = 65_536
_NS_PER_MS: Final = 1_000_000


def gateway_subject(host: HostName) -> str:
    """Return the subject on which a host's gateway listens."""
    return f"gw.{host}"


class Courier:
    """Sends parcels to hosts through the hub; `run` owns the sending, `post` only adds."""

    def __init__(
        self,
        *,
        bus: Bus,
        clock: Clock,
        sender: HostName,
        signer: Ed25519PrivateKey,
        events: Events,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._sender = sender
        self._signer = signer
        self._events = events
        self._on_unheard: Callable[[Sequence[Parcel]], None] = lambda _: None
        self._waiting: dict[HostName, tuple[Host, list[Parcel]]] = {}
        self._count = 0
        self._wake = asyncio.Event()

    def when_unheard(self, told: Callable[[Sequence[Parcel]], None]) -> None:
        """Set who is told of parcels that nobody listened for."""
        self._on_unheard = told

    def post(self, host: Host, parcels: Sequence[Parcel]) -> None:
        """Send parcels to a host with the next envelope. Beyond the limit they are dropped.

        Dropping is safe: the origin asks again, and is answered from the store.
        """
        if not parcels:
            return
        if self._count + len(parcels) > WAITING_PARCELS_MAX:
            self._events.alarm("courier_full", parcels=len(parcels))
            return
        self._waiting.setdefault(host.name, (host, []))[1].extend(parcels)
        self._count += len(parcels)
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting, self._count = self._waiting, {}, 0
            for host, parcels in waiting.values():
                try:
                    await self._send(host, parcels)
                except Exception as error:  # noqa: BLE001 - what fails for one host stops no other
                    self._events.failure("envelope_not_sent", error, host=host.name)
                    self._on_unheard(parcels)

    def _seal(self, host: Host, parcels: Sequence[Parcel]) -> list[bytes]:
        return seal_envelopes(
            parcels,
            sender=self._sender,
            recipient=host,
            signer=self._signer,
            sent_at_ms=self._clock.now_ns() // _NS_PER_MS,
        )

    def _is_fit(self, parcel: Parcel) -> bool:
        """Say whether a parcel can travel at all; one that cannot takes no other with it."""
        try:
            encode_parcel(parcel)
        except ParcelError as error:
            self._events.failure("parcel_not_sent", error, member=addressee(parcel))
            return False
        return True

    async def _send(self, host: Host, parcels: Sequence[Parcel]) -> None:
        try:
            envelopes = self._seal(host, parcels)
        except ParcelError:
            parcels = [parcel for parcel in parcels if self._is_fit(parcel)]
            envelopes = self._seal(host, parcels)
        for envelope in envelopes:
            await self._bus.publish(
                HUB_SUBJECT, envelope, unheard=lambda: self._on_unheard(parcels)
            )
        self._events.note("envelopes_sent", len(envelopes))
