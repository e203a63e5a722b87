"""The verification keys of an installation, as its own files have them."""

from __future__ import annotations

from comity.domain.ids import Member, ledger_origin
from comity.ledger.note import VerifierKey, verifier_key
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.ledger_keys import LedgerKey, LedgerKeys

__all__ = ["host_keys", "ledger_keys", "ledger_vkey"]


def host_keys(settings: Settings) -> VerifierKey:
    """Return the verification key of this installation's host, for receipts."""
    files = HostFiles(settings.data_dir)
    public = files.sign_key().public_key().public_bytes_raw()
    return verifier_key(files.host_name(), public)


def ledger_vkey(settings: Settings, member: Member) -> VerifierKey:
    """Return the verification key of a ledger of this installation. Raises: LedgerKeyError."""
    return ledger_keys(settings).of(member)[1]


def ledger_keys(settings: Settings) -> LedgerKeys:
    """Return the keys of this installation's ledgers, each named after the ledger it signs."""
    found: dict[Member, LedgerKey] = {}
    for member, file in HostFiles(settings.data_dir).ledger_keys().items():
        origin = ledger_origin(settings.ledger_domain, member, file.number)
        found[member] = file.key, verifier_key(origin, file.key.public_key().public_bytes_raw())
    return LedgerKeys(found)
