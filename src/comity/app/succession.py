"""A succession's files as the command line needs them: what is staged, kept and retired here."""

from __future__ import annotations

from comity.adapters.signed_state import FileSignedState
from comity.adapters.succession_files import FileSuccessions
from comity.domain.errors import MalformedError
from comity.domain.keeping import Retired, parse_key_event
from comity.roles.settings import Settings

__all__ = ["retired_ledgers", "signed_state_of", "succession_files"]


def succession_files(settings: Settings) -> FileSuccessions:
    """Return the files of this installation's successions."""
    return FileSuccessions(settings.data_dir)


def signed_state_of(settings: Settings, origin: str) -> tuple[int, bytes] | None:
    """Return the size and root that this host signed last of a ledger, or None."""
    folder = settings.data_dir / "signed-state"
    if not folder.is_dir():
        return None
    return FileSignedState(folder).read(origin.rpartition("/")[2])


def retired_ledgers(settings: Settings) -> tuple[Retired, ...]:
    """Return the ledgers of this installation that have a successor, by their folders' names."""
    found = []
    for path in sorted(settings.data_dir.glob("retired/*/document")):
        if not (path.parent / "next.key").exists():
            try:
                retired = parse_key_event(path.read_bytes()).retired
            except MalformedError:
                continue
            if retired is not None:
                found.append(retired)
    return tuple(found)
