"""A reviewer's signed commands to a gateway: read holds, decide one.

INVARIANT (review-is-verified): whoever can reach the wire can send a command; what gives it effect
is the reviewer's signature, made here with a key that never leaves its file.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import msgspec

from comity.app.wire import open_bus
from comity.cli.errors import UsageError
from comity.domain.ids import Member, parse_entry_name
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass
from comity.link.command import HoldsShown
from comity.ports import Bus
from comity.practice.founding import RULE_SIGNERS
from comity.roles.host_files import HostFiles, ReviewerFile, read_reviewer_file
from comity.roles.settings import Settings
from comity.roles.signing import signature_of
from comity.services.reviewing import Decided, Reviewer, Reviewing

__all__ = [
    "COMMAND_USER",
    "Desk",
    "kept_keys",
    "reviewer_of",
    "signature_of",
    "state_of_entry",
]

COMMAND_USER: Final = "command"


def reviewer_of(settings: Settings, state: Member, key: Path | None) -> ReviewerFile:
    """Return the reviewer to sign as: the key file given, else the state's first kept here.

    Raises: UsageError if none is kept here, HostFilesError.
    """
    if key is None:
        kept = kept_keys(settings, state)
        if not kept:
            raise UsageError(
                f"no reviewer's key of `{state}` is kept in `{settings.data_dir}`: name one with "
                "`--key`"
            )
        key = kept[0]
    return read_reviewer_file(key)


def kept_keys(settings: Settings, state: Member) -> list[Path]:
    """Return the key files of a state's people kept here; who only signs rules comes last."""
    last = {f"{state}-{name}" for name in RULE_SIGNERS}
    paths = HostFiles(settings.data_dir).reviewer_paths(state)
    return sorted(paths, key=lambda path: path.stem in last)


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """One reviewer of one state, and the host whose gateway owns the state's ledger."""

    settings: Settings
    state: Member
    reviewer: ReviewerFile
    host: str

    async def read(self, hold_entry: str = "") -> HoldsShown:
        """Return the open holds, or one of them with whom it is about, which is recorded."""
        async with open_bus(self.settings, COMMAND_USER) as bus:
            return await self._on(bus).read(hold_entry)

    async def decide(
        self, hold_entry: str, kind: VerdictKind, approved: tuple[DataClass, ...], note: str
    ) -> Decided:
        """Decide one hold; return it as it stood, the verdict's entry, and what was released.

        Approving without naming classes approves all that are held.
        Raises: HoldClosedError if no such hold is open; GatewayRefusalError.
        """
        async with open_bus(self.settings, COMMAND_USER) as bus:
            reviewing = self._on(bus)
            hold = await reviewing.find(hold_entry)
            return await reviewing.give(hold, reviewing.verdict(hold, kind, approved, note))

    def _on(self, bus: Bus) -> Reviewing:
        reviewer = Reviewer(
            state=self.state,
            name=self.reviewer.name,
            sign=lambda message: signature_of(self.state, self.reviewer, message),
        )
        return Reviewing(bus=bus, host=self.host, reviewer=reviewer, now=time.time)


def state_of_entry(entry: str) -> tuple[Member, str]:
    """Return the state and the entry as cited that a person means by `wa/126` or `WA/126`."""
    member, _ = parse_entry_name(entry.lower())
    return member, entry.lower()
