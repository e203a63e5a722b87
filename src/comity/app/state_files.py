"""A state's own small files below the data directory, such as `calendars/il.toml`."""

from __future__ import annotations

from collections.abc import Callable

from comity.domain.ids import Member
from comity.review.calendars import Calendar, calendar_of, parse_calendar
from comity.review.claim_checks import ClaimShare, parse_share
from comity.review.tables import REVIEW_FILE_BYTES_MAX
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings

__all__ = ["calendars_of", "own_calendars", "own_file", "own_shares"]


def own_file(settings: Settings, folder: str, member: Member) -> bytes | None:
    """Return a state's file of a folder, None where it has none."""
    path = settings.data_dir / folder / f"{member}.toml"
    if not path.is_file():
        return None
    with path.open("rb") as opened:
        return opened.read(REVIEW_FILE_BYTES_MAX + 1)


def own_calendars(settings: Settings) -> dict[Member, Calendar]:
    """Return the calendars of this host's members that have a file. Raises: CalendarFormError."""
    found = {}
    for member in HostFiles(settings.data_dir).ledger_keys():
        own = own_file(settings, "calendars", member)
        if own is not None:
            found[member] = parse_calendar(member, own)
    return found


def calendars_of(settings: Settings) -> Callable[[Member], Calendar]:
    """Return what gives each member's calendar, its own or the practice one.

    Raises: CalendarFormError.
    """
    own = own_calendars(settings)
    return lambda member: own.get(member) or calendar_of(member)


def own_shares(settings: Settings) -> dict[Member, ClaimShare]:
    """Return the shares of this host's members that check claims. Raises: ClaimsFileError."""
    found = {}
    for member in HostFiles(settings.data_dir).ledger_keys():
        own = own_file(settings, "claims", member)
        if own is not None:
            found[member] = parse_share(own)
    return found
