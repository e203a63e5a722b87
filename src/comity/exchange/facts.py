"""The facts that a state's rules may look at, gathered from message and directory."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from comity.directory.directory import Directory
from comity.domain.decision import Facts
from comity.domain.ids import ORI, Member, member_zone
from comity.domain.keys import Handling, MessageKey, key_row, listed_key
from comity.domain.query import Exchange
from comity.domain.vocabulary import AgencyType, BudgetState, Direction, TimeBand

__all__ = ["facts_of", "leaves_state", "local_day", "time_band"]

_BAND_SECONDS: Final = 900
_DAY_HOURS: Final = range(8, 18)
_SATURDAY: Final = 5
_EPOCH: Final = date(1970, 1, 1).toordinal()


def facts_of(
    exchange: Exchange,
    directory: Directory,
    now: int,
    budget: BudgetState = BudgetState.WITHIN,
) -> Facts:
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
        key=listed_key(exchange.key),
        purpose=claims.purpose,
        offence=claims.offence,
        instrument=claims.instrument,
        fan_out=exchange.fan_out,
        emergency=claims.emergency,
        time_band=time_band(exchange.state, now),
        budget=budget,
        direction=(
            Direction.OUTBOUND
            if leaves_state(directory, exchange.agency, exchange.state, exchange.key)
            else Direction.INBOUND
        ),
    )


def leaves_state(directory: Directory, agency: ORI, state: Member, key: MessageKey) -> bool:
    """Say whether a state is asked if its own agency's query may leave it, for a federal system.

    It answers no such key itself: so that nothing else can be asked of it.
    """
    row = key_row(key)
    return (
        row.handling is Handling.RECORDS
        and not row.is_response
        and directory.member_of(agency) == state
        and not directory.answers(state, key)
    )


def time_band(state: Member, now: int) -> TimeBand:
    """Return the band in which `now` lies in a state's own zone; bands turn on quarter hours."""
    return _band(state, now // _BAND_SECONDS)


def local_day(state: Member, now: int) -> int:
    """Return the day in a state's own zone, in days since 1970-01-01; it turns on a quarter hour.

    In the night when clocks go back an hour comes twice, and the day is an hour longer.
    """
    return _day(state, now // _BAND_SECONDS)


@lru_cache(maxsize=256)
def _day(state: Member, quarter: int) -> int:
    return _local(state, quarter).toordinal() - _EPOCH


def _local(state: Member, quarter: int) -> datetime:
    at = datetime.fromtimestamp(quarter * _BAND_SECONDS, UTC)
    return at.astimezone(ZoneInfo(member_zone(state)))


@lru_cache(maxsize=256)
def _band(state: Member, quarter: int) -> TimeBand:
    local = _local(state, quarter)
    if local.weekday() >= _SATURDAY:
        return TimeBand.WEEKEND
    return TimeBand.WEEKDAY_DAY if local.hour in _DAY_HOURS else TimeBand.WEEKDAY_NIGHT
