"""A reviewer's signed commands to a gateway: read holds, decide one.

INVARIANT (review-is-verified): whoever can reach the wire can send a command; what gives it effect
is the reviewer's signature, made here with a key that never leaves its file.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import msgspec

from comity.app import open_bus
from comity.cli.errors import GatewayRefusalError, GatewaySilentError, UsageError
from comity.domain.answer import ResponseKind
from comity.domain.ids import Member, parse_entry_name
from comity.domain.verdict import (
    Ed25519Proof,
    Reading,
    SignedReading,
    SignedVerdict,
    Verdict,
    VerdictKind,
    reading_bytes,
    signed_bytes,
)
from comity.domain.vocabulary import DataClass
from comity.link.command import (
    Command,
    CommandDone,
    CommandFailed,
    CommandResult,
    Decide,
    HoldsShown,
    HoldView,
    ReadHolds,
    decode_result,
    encode_command,
)
from comity.ports import Bus
from comity.review.verdicts import HoldClosedError
from comity.roles.host_files import HostFiles, ReviewerFile, read_reviewer_file
from comity.roles.settings import Settings
from comity.roles.signing import signature_of
from comity.services.commands import command_subject

__all__ = [
    "COMMAND_USER",
    "Decided",
    "Desk",
    "no_open_hold",
    "reviewer_of",
    "send_command",
    "signature_of",
    "state_of_entry",
]

COMMAND_USER: Final = "command"
_COMMAND_S_MAX: Final = 10.0


async def send_command(
    bus: Bus, host: str, command: Command, *, timeout_s: float = _COMMAND_S_MAX
) -> CommandResult:
    """Send a command to a host's gateway; return what it did.

    Raises: GatewayRefusalError with the gateway's own code, GatewaySilentError, UnreachableError.
    """
    try:
        data = await bus.request(
            command_subject(host), encode_command(command), timeout_s=timeout_s
        )
    except TimeoutError:
        raise GatewaySilentError(f"the gateway on host `{host}` did not answer in time") from None
    result = decode_result(data)
    if isinstance(result, CommandFailed):
        raise GatewayRefusalError(result.code, result.text)
    return result


def reviewer_of(settings: Settings, state: Member, key: Path | None) -> ReviewerFile:
    """Return the reviewer to sign as: the key file given, else the state's first kept here.

    Raises: UsageError if none is kept here, HostFilesError.
    """
    if key is None:
        kept = HostFiles(settings.data_dir).reviewer_paths(state)
        if not kept:
            raise UsageError(
                f"no reviewer's key of `{state}` is kept in `{settings.data_dir}`: name one with "
                "`--key`"
            )
        key = kept[0]
    return read_reviewer_file(key)


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """One hold as it stood, the entry of the verdict on it, and what the gateway made of that.

    `released` is what the rules in force let go of what was approved.
    """

    hold: HoldView
    entry: str
    response: ResponseKind
    released: tuple[DataClass, ...]


def _decided(hold: HoldView, done: CommandDone) -> Decided:
    facts = dict(done.facts)
    return Decided(
        hold=hold,
        entry=done.entry,
        response=ResponseKind(facts["response"]),
        released=tuple(DataClass(part) for part in facts["released"].split(",") if part),
    )


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """One reviewer of one state, and the host whose gateway owns the state's ledger."""

    settings: Settings
    state: Member
    reviewer: ReviewerFile
    host: str

    async def read(self, hold_entry: str = "") -> HoldsShown:
        """Return the open holds, or one of them with whom it is about, which is recorded."""
        async with open_bus(self.settings, COMMAND_USER) as bus:
            return await self._read(bus, hold_entry)

    async def decide(
        self, hold_entry: str, kind: VerdictKind, approved: tuple[DataClass, ...], note: str
    ) -> Decided:
        """Decide one hold; return it as it stood, the verdict's entry, and what was released.

        Approving without naming classes approves all that are held.
        Raises: HoldClosedError if no such hold is open; GatewayRefusalError.
        """
        async with open_bus(self.settings, COMMAND_USER) as bus:
            hold = await self._find(bus, hold_entry)
            if kind is VerdictKind.APPROVE:
                approved = approved or hold.classes
            verdict = Verdict(
                state=self.state,
                exchange_id=hold.exchange_id,
                hold_entry=hold_entry,
                step=hold.next_step,
                kind=kind,
                approved=approved,
                note=note,
                reviewer=self.reviewer.name,
                at=int(time.time()),
            )
            signed = SignedVerdict(verdict=verdict, proof=self._proof(signed_bytes(verdict)))
            result = await send_command(bus, self.host, Decide(signed=signed))
            assert isinstance(result, CommandDone)
            return _decided(hold, result)

    async def _find(self, bus: Bus, hold_entry: str) -> HoldView:
        """Return a hold from the list, which says nothing of whom it is about."""
        shown = await self._read(bus, "")
        for hold in shown.holds:
            if hold.entry == hold_entry:
                return hold
        raise no_open_hold(hold_entry)

    async def _read(self, bus: Bus, hold_entry: str) -> HoldsShown:
        reading = Reading(
            state=self.state,
            hold_entry=hold_entry,
            reviewer=self.reviewer.name,
            at=int(time.time()),
        )
        signed = SignedReading(reading=reading, proof=self._proof(reading_bytes(reading)))
        result = await send_command(bus, self.host, ReadHolds(signed=signed))
        assert isinstance(result, HoldsShown)
        return result

    def _proof(self, message: bytes) -> Ed25519Proof:
        return signature_of(self.state, self.reviewer, message)


def no_open_hold(entry: str) -> HoldClosedError:
    """Return the error for a hold that is not open, or never was."""
    return HoldClosedError(f"no hold `{entry}` is open: it was decided, or its time ran out")


def state_of_entry(entry: str) -> tuple[Member, str]:
    """Return the state and the entry as cited that a person means by `wa/126` or `WA/126`."""
    member, _ = parse_entry_name(entry.lower())
    return member, entry.lower()
