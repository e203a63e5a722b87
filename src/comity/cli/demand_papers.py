"""What the commands about demands sign and send: who signs, the hold, the day to answer.

INVARIANT (review-is-verified): signatures are made here, with keys that never leave their files.
"""

from __future__ import annotations

import time
from datetime import date, datetime
from zoneinfo import ZoneInfo

from comity.app.state_files import calendars_of
from comity.cli.errors import UsageError
from comity.cli.ordering import new_order, person_of, signed_by
from comity.cli.paper_words import day_of
from comity.cli.reviewing import signature_of
from comity.domain.ids import Member, member_zone
from comity.domain.keeping import (
    KeepingReason,
    OrderAct,
    SignedOrder,
    is_month,
    month_name,
    parse_month,
)
from comity.ports import Bus
from comity.review.demands import GIVEN_DAYS_MAX, answer_day
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.demand_book import KnownDemand
from comity.services.demand_work import DemandDraft, DemandWork
from comity.services.rule_orders import OrderSigner

__all__ = ["answer_by_of", "first_kept", "hold_of", "local_day", "months_of", "work_of"]


def work_of(settings: Settings, member: Member, name: str, bus: Bus) -> DemandWork:
    """Return a person at work on demands, by a key kept here or a key file. Raises: UsageError."""
    person = person_of(settings, member, name)
    signer = OrderSigner(
        name=person.name, sign=lambda message: signature_of(member, person, message)
    )
    host = HostFiles(settings.data_dir).host_name()
    return DemandWork(bus=bus, host=host, state=member, signer=signer, now=time.time)


def first_kept(settings: Settings, member: Member) -> str:
    """Return the first person whose key is kept here. Raises: UsageError."""
    paths = HostFiles(settings.data_dir).reviewer_paths(member)
    if not paths:
        raise UsageError(f"no key of an enrolled person of `{member}` is kept here: --as")
    return str(paths[0])


def hold_of(settings: Settings, member: Member, draft: DemandDraft, name: str) -> SignedOrder:
    """Return the order that holds the months that a demand is about, all if it names none."""
    months = None
    if draft.first_month:
        span = range(parse_month(draft.first_month), parse_month(draft.last_month) + 1)
        months = tuple(map(month_name, span))
    order = new_order(
        member,
        OrderAct.HOLD,
        months=months,
        reason=KeepingReason.LITIGATION,
        matter=draft.matter,
    )
    return signed_by(settings, order, [name])


def answer_by_of(
    settings: Settings,
    member: Member,
    served_on: date,
    given: tuple[str, int],
    *,
    is_business: bool,
) -> date:
    """Return the last day to answer: as named, or counted by the state\'s calendar.

    Raises: UsageError.
    """
    day, days = given
    if bool(day) == bool(days):
        raise UsageError("say until when: either `--answer-by` or `--days`")
    if day:
        return day_of("--answer-by", day)
    if not 1 <= days <= GIVEN_DAYS_MAX:
        raise UsageError(f"`--days` is 1 to {GIVEN_DAYS_MAX}")
    calendar = calendars_of(settings)(member)
    return answer_day(served_on, days, is_business=is_business, calendar=calendar)


def months_of(text: str) -> tuple[str, str]:
    """Return the first and last month of `2026-03..2026-05`, or none. Raises: UsageError."""
    if not text:
        return "", ""
    first, _, last = text.partition("..")
    last = last or first
    if not is_month(first) or not is_month(last):
        raise UsageError("`--months` is one month or two, as in 2026-03..2026-05")
    return first, last


def local_day(known: KnownDemand) -> date:
    """Return the last day to answer, in the state's zone."""
    zone = ZoneInfo(member_zone(known.row.member))
    return datetime.fromtimestamp(known.row.answer_by, zone).date()
