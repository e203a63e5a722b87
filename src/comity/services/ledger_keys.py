"""The keys by which a host signs its members' ledgers; a ledger's origin is the name of its key.

Guarantee: whoever signs, proves or compares a ledger asks here for its name, so that a ledger whose
key was retired has none: nothing is signed for it by this process any more.
Source: docs/adr/0026-succession.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.note import Signer, VerifierKey

__all__ = ["LedgerKey", "LedgerKeyError", "LedgerKeys", "LedgerRetiredError"]

LedgerKey = tuple[Signer, VerifierKey]
"""A ledger's signing key and its public form, whose name is the ledger's origin."""


class LedgerKeyError(ComityError):
    """This host has no key that may sign for the ledger."""

    code = "ledger-key-missing"


class LedgerRetiredError(ComityError):
    """The ledger was retired: nothing is signed for it, and its successor is not taken up yet."""

    code = "ledger-retired"


class LedgerKeys:
    """Each member's own, as the host's files have it, until it is retired."""

    def __init__(self, keys: Mapping[Member, LedgerKey]) -> None:
        self._keys = dict(keys)
        self._retired: dict[Member, VerifierKey] = {}

    def members(self) -> tuple[Member, ...]:
        """Return the members whose ledgers can be signed here, in order."""
        return tuple(sorted(self._keys))

    def of(self, member: Member) -> LedgerKey:
        """Return a ledger's key. Raises: LedgerKeyError, LedgerRetiredError."""
        if member in self._retired:
            raise LedgerRetiredError(f"the ledger of `{member}` was retired: restart the gateway")
        try:
            return self._keys[member]
        except KeyError:
            raise LedgerKeyError(f"the ledger of `{member}` has no key on this host") from None

    def origin(self, member: Member) -> str:
        """Return the origin of a member's ledger. Raises: LedgerKeyError."""
        return self.of(member)[1].name

    def label(self, member: Member) -> str:
        """Return what a ledger is called on this host: `oh`, its successor `oh.2`.

        Raises: LedgerKeyError.
        """
        return self.origin(member).rpartition("/")[2]

    def retire(self, member: Member, key: VerifierKey) -> None:
        """Let this process sign nothing more for a member, whatever its key is from now on."""
        self._retired[member] = key

    def retired(self, member: Member) -> VerifierKey | None:
        """Return the key that was retired in the life of this process, or None."""
        return self._retired.get(member)

    def replace(self, member: Member, key: LedgerKey) -> None:
        """Take a successor's key in the place of the retired one, before anything is signed."""
        self._keys[member] = key
