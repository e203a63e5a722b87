"""The facts that a state's rules may look at, gathered from message and directory."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from comity.directory.directory import Directory
from comity.domain.decision import Facts
from comity.domain.ids import Member, member_zone
from comity.domain.query import Exchange
from comity.domain.vocabulary import AgencyType, TimeBand

__all__ = ["facts_of", "time_band"]

_BAND_SECONDS: Final = 900
_DAY_HOURS: Final = range(8, 18)
_SATURDAY: Final = 5


def facts_of(exchange: Exchange, directory: Directory, now: int) -> Facts:
    """Return what the rules see of an exchange at `now` (Unix seconds).

    An agency that the directory does not list has no type and no family; nothing is released to it.
    """
    agency = directory.agency(exchange.agency)
    claims = exchange.claims
    return Facts(
        agency=exchange.agency,
        agency_type=agency.type if agency is not None else AgencyType.OTHER,
        certification=directory.certification(exchange.state, exchange.agency, now),
        assurance=exchange.assurance,
        key=exchange.key,
        purpose=claims.purpose,
        offence=claims.offence,
        instrument=claims.instrument,
        fan_out=exchange.fan_out,
        emergency=claims.emergency,
        time_band=time_band(exchange.state, now),
    )


def time_band(state: Member, now: int) -> TimeBand:
    """Return the band in which `now` lies in a state's own zone; bands turn on quarter hours."""
    return _band(state, now // _BAND_SECONDS)


@lru_cache(maxsize=256)
def _band(state: Member, quarter: int) -> TimeBand:
    local = datetime.fromtimestamp(quarter * _BAND_SECONDS, UTC).astimezone(
        ZoneInfo(member_zone(state))
    )
    if local.weekday() >= _SATURDAY:
        return TimeBand.WEEKEND
    return TimeBand.WEEKDAY_DAY if local.hour in _DAY_HOURS else TimeBand.WEEKDAY_NIGHT
