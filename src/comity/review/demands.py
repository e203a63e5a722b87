"""What registering a demand and acting on it are: whether they count, their leaves, their clock.

    7, 2       days before the last day to answer, at 09:00 on the last business day until then
    overdue    when that day is over

# INVARIANT (review-is-verified): `check_demand` and `check_demand_act` come before anything is
recorded, with the keys that the directory has enrolled. What is handed over takes two people.
# INVARIANT (fail-closed): a demand is the basis of nothing; no decision looks at one.
Source: docs/adr/0058-demands-for-own-data.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from typing import Final

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.demands import (
    REGISTRABLE_DEMANDS,
    DemandActKind,
    Demanded,
    DemandFile,
    HandedOver,
    RegisteredDemand,
    SignedDemand,
    SignedDemandAct,
    demand_act_bytes,
    demand_bytes,
)
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.instruments import DOCUMENT_BYTES_MAX, ISSUER_CHARACTERS_MAX
from comity.domain.keeping import (
    MATTER_CHARS_MAX,
    MONTHS_MAX,
    ORDER_SECONDS_MAX,
    is_month,
    parse_month,
)
from comity.domain.leaf import LeafHeader
from comity.domain.verdict import VerdictProof
from comity.domain.vocabulary import DataClass, Instrument, LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf, ordered
from comity.exchange.private import Fields, note_fields
from comity.review.calendars import Calendar, add_business_days
from comity.review.deadlines import end_of_day, local_date, opening_by
from comity.review.scope import NOTE_CHARACTERS_MAX
from comity.review.signatures import CLOCK_SECONDS_MAX, VerdictError, check_proof, check_time

__all__ = [
    "ACTS_MAX",
    "ANSWER_DAYS_MAX",
    "DEMANDS_OPEN_MAX",
    "GAG_DAYS_MAX",
    "GIVEN_DAYS_MAX",
    "ISSUER_CHARACTERS_MIN",
    "NUMBER_CHARACTERS_MAX",
    "SERVED_DAYS_MAX",
    "WARNING_DAYS",
    "WHAT_CHARACTERS_MAX",
    "DemandEndedError",
    "DemandError",
    "DemandPersonError",
    "DemandUnknownError",
    "DemandWarning",
    "Enrolled",
    "answer_day",
    "answer_end",
    "check_demand",
    "check_demand_act",
    "check_handed",
    "demand_act_leaves",
    "demand_header",
    "demand_leaf",
    "demand_warning",
    "demanded_in_order",
    "is_gagged",
]

ISSUER_CHARACTERS_MIN: Final = 3
NUMBER_CHARACTERS_MAX: Final = 64
WHAT_CHARACTERS_MAX: Final = 200
GIVEN_DAYS_MAX: Final = 366
"""Days that a paper can give to answer it."""
ANSWER_DAYS_MAX: Final = 732
"""Days by which the last day to answer can lie behind the day of service, however often moved."""
GAG_DAYS_MAX: Final = 366
"""Days from now by which the last day of a gag can lie ahead: a longer one is moved again."""
ACTS_MAX: Final = 64
"""Acts on one demand."""
DEMANDS_OPEN_MAX: Final = 1_000
"""Demands of one member that are open at a time; a further one is refused, loudly."""
SERVED_DAYS_MAX: Final = 366
"""Days by which that of service can lie back when a demand is registered."""
_DIGEST_BYTES: Final = 32

Enrolled = Callable[[str], ReviewerKey | None]
"""Returns the key that the demand's state has enrolled for a person of this name."""


class DemandError(ComityError):
    """A demand, or an act on one, does not have its form or says what cannot be."""

    code = "demand-refused"


class DemandUnknownError(ComityError):
    """No demand of the state stands in its register under this entry."""

    code = "demand-unknown"


class DemandEndedError(ComityError):
    """The demand has ended: nothing more is done about it."""

    code = "demand-ended"


class DemandPersonError(ComityError):
    """What is handed over cannot be called back: two different people sign it."""

    code = "demand-second-person-missing"


class DemandWarning(IntEnum):
    """Of what somebody was told last about the clock of a demand, the nearest last."""

    NONE = 0
    WEEK = 1
    DAYS = 2
    OVERDUE = 3


WARNING_DAYS: Final = {DemandWarning.WEEK: 7, DemandWarning.DAYS: 2}
"""How many days before the last one somebody is told."""


def answer_day(served_on: date, days: int, *, is_business: bool, calendar: Calendar) -> date:
    """Return the last day of an answer for which a paper gives `days`; that of service is not
    counted, and a last day on which offices are closed stands. Raises: CalendarRangeError.
    """
    if is_business:
        return add_business_days(calendar, served_on, days)
    return served_on + timedelta(days=days)


def answer_end(answer_by: date, calendar: Calendar) -> int:
    """Return the last second (Unix) that is in time."""
    return int(end_of_day(calendar, answer_by).timestamp())


def demand_warning(answer_by: date, now: int, calendar: Calendar) -> DemandWarning:
    """Return of what somebody must have been told by now. Raises: CalendarRangeError."""
    if now > answer_end(answer_by, calendar):
        return DemandWarning.OVERDUE
    for step in (DemandWarning.DAYS, DemandWarning.WEEK):
        if now >= opening_by(calendar, answer_by - timedelta(days=WARNING_DAYS[step])):
            return step
    return DemandWarning.NONE


def is_gagged(file: DemandFile, today: date) -> bool:
    """Say whether a court forbids telling of a demand on a day; its last day is one."""
    return file.gag_until is not None and today <= file.gag_until


def demanded_in_order(about: set[Demanded]) -> tuple[Demanded, ...]:
    """Return what is demanded in the order of its list."""
    return tuple(each for each in Demanded if each in about)


def check_demand(
    signed: SignedDemand, key: ReviewerKey | None, calendar: Calendar, now: int
) -> None:
    """Check that an enrolled person registers this, now.

    Raises: VerdictError, DemandError, CalendarRangeError.
    """
    demand = signed.demand
    check_proof(signed.proof, key, demand.reviewer, demand_bytes(demand))
    check_time(demand.at, now)
    if demand.kind not in REGISTRABLE_DEMANDS:
        raise DemandError("`kind` is none that a demand comes as")
    _check_text("issuer", demand.issuer, ISSUER_CHARACTERS_MIN, ISSUER_CHARACTERS_MAX)
    _check_text("number", demand.number, 0, NUMBER_CHARACTERS_MAX)
    _check_text("matter", demand.matter, 1, MATTER_CHARS_MAX)
    _check_text("note", demand.note, 0, NOTE_CHARACTERS_MAX)
    if not demand.about or demand.about != demanded_in_order(set(demand.about)):
        raise DemandError("`about` is empty, not in order, or names something twice")
    _check_months(demand.first_month, demand.last_month)
    _check_document("document", demand.document, demand.document_bytes)
    today = _local_day(calendar, now)
    if not timedelta() <= today - demand.served_on <= timedelta(days=SERVED_DAYS_MAX):
        raise DemandError(f"`served_on` is to come, or more than {SERVED_DAYS_MAX} days ago")
    _check_answer_by(demand.answer_by, demand.served_on)
    _check_gag(demand.gag_until, today)
    _check_counted(demand, calendar)


def check_demand_act(
    signed: SignedDemandAct, enrolled: Enrolled, file: DemandFile, calendar: Calendar, now: int
) -> None:
    """Check that enrolled people do this about a demand as it stands, now.

    One signs; of what is handed over a second one does too, within a day.
    Raises: VerdictError, DemandError, DemandPersonError.
    """
    act, demand = signed.act, file.registered.demand
    message = demand_act_bytes(act)
    first = enrolled(act.reviewer)
    check_proof(signed.proof, first, act.reviewer, message)
    if len(file.acts) >= ACTS_MAX:
        raise DemandError(f"{ACTS_MAX} acts stand on this demand")
    _check_text("note", act.note, 0, NOTE_CHARACTERS_MAX)
    is_moved = act.answer_by is not None or act.gag_until is not None
    if is_moved != (act.act is DemandActKind.MOVED):
        raise DemandError("`answer_by` and `gag_until` are for a demand that is moved, and only so")
    if act.answer_by is not None:
        _check_answer_by(act.answer_by, demand.served_on)
    _check_gag(act.gag_until, _local_day(calendar, now))
    if act.act is DemandActKind.HANDED_OVER:
        check_handed(act.handed)
        _check_second(signed, enrolled, first, message)
        if not -CLOCK_SECONDS_MAX <= now - act.at <= ORDER_SECONDS_MAX:
            raise VerdictError("`at` is more than a day ago, or still to come")
        return
    check_time(act.at, now)
    if act.handed is not None or signed.second or signed.second_proof is not None:
        raise DemandError("`handed` and a second person are for what is handed over, and only so")


def check_handed(handed: HandedOver | None) -> None:
    """Check what was handed over for its form. Raises: DemandError."""
    if handed is None:
        raise DemandError("`handed` does not say what was handed over")
    _check_text("what", handed.what, 1, WHAT_CHARACTERS_MAX)
    _check_text("to", handed.to, ISSUER_CHARACTERS_MIN, ISSUER_CHARACTERS_MAX)
    if handed.classes != ordered(handed.classes):
        raise DemandError("`classes` are not in order, or one stands twice")
    _check_document("bundle", handed.bundle, handed.bundle_bytes)


def demand_header(state: Member, kind: Instrument, now: int) -> LeafHeader:
    """Return the header of a registration: an instrument that neither names an agency nor cites."""
    return _header(state, LeafKind.INSTRUMENT, now, kind=kind)


def demand_leaf(signed: SignedDemand, now: int) -> WantedLeaf:
    """Return the leaf of a registration; it says that one came, and as what."""
    demand = signed.demand
    fields = note_fields(
        registered=demand_bytes(demand).decode(),
        key=signed.proof.key_id,
        signature=signed.proof.signature.hex(),
    )
    return WantedLeaf(step=0, header=demand_header(demand.state, demand.kind, now), fields=fields)


def demand_act_leaves(signed: SignedDemandAct, file: DemandFile, now: int) -> list[WantedLeaf]:
    """Return the leaves of an act, none where the public ledger says nothing of it.

    What was handed over is an `access` that cites the demand, its end an instrument `none` that
    does; behind that stands every act, so that the ledger commits to all of them.
    """
    act = signed.act
    headers: list[tuple[LeafHeader, Fields]] = []
    said = {"act": demand_act_bytes(act).decode(), **_proofs(signed)}
    if act.handed is not None:
        header = _header(
            act.state,
            LeafKind.ACCESS,
            now,
            cites=act.demand_entry,
            classes=act.handed.classes or None,
        )
        headers.append((header, note_fields(**said)))
    if act.is_end:
        header = _header(
            act.state, LeafKind.INSTRUMENT, now, kind=Instrument.NONE, cites=act.demand_entry
        )
        acts = msgspec.json.encode(file.acts).decode()
        headers.append((header, note_fields(**said, acts=acts)))
    return [
        WantedLeaf(step=step, header=header, fields=fields)
        for step, (header, fields) in enumerate(headers)
    ]


def _proofs(signed: SignedDemandAct) -> dict[str, str]:
    said = _proof("", signed.proof)
    if signed.second_proof is not None:
        said |= {"second": signed.second, **_proof("second_", signed.second_proof)}
    return said


def _proof(whose: str, proof: VerdictProof) -> dict[str, str]:
    return {f"{whose}key": proof.key_id, f"{whose}signature": proof.signature.hex()}


def _header(
    member: Member,
    leaf_kind: LeafKind,
    now: int,
    *,
    kind: Instrument | None = None,
    cites: str | None = None,
    classes: tuple[DataClass, ...] | None = None,
) -> LeafHeader:
    return LeafHeader(
        version=1,
        kind=leaf_kind,
        mode=LeafMode.LIVE,
        hour=now // HOUR_SECONDS,
        member=member,
        instrument=kind,
        cites=cites,
        released=classes,
    )


def _check_second(
    signed: SignedDemandAct, enrolled: Enrolled, first: ReviewerKey | None, message: bytes
) -> None:
    if signed.second_proof is None or not signed.second:
        raise DemandPersonError("what is handed over takes the signatures of two different people")
    second = enrolled(signed.second)
    check_proof(signed.second_proof, second, signed.second, message)
    assert first is not None
    assert second is not None
    if signed.second == signed.act.reviewer or second.verify_key == first.verify_key:
        raise DemandPersonError("the same person signed twice")


def _check_counted(demand: RegisteredDemand, calendar: Calendar) -> None:
    """Check that days that a paper gives come to the day that was signed."""
    if not 0 <= demand.days <= GIVEN_DAYS_MAX:
        raise DemandError(f"`days` is not 0 to {GIVEN_DAYS_MAX}")
    if not demand.days:
        if demand.is_business:
            raise DemandError("`is_business` is for a paper that gives days")
        return
    last = answer_day(
        demand.served_on, demand.days, is_business=demand.is_business, calendar=calendar
    )
    if last != demand.answer_by:
        raise DemandError("`answer_by` is not what `days` come to by the state's calendar")


def _check_answer_by(answer_by: date, served_on: date) -> None:
    if not timedelta() <= answer_by - served_on <= timedelta(days=ANSWER_DAYS_MAX):
        raise DemandError(
            f"`answer_by` is not 0 to {ANSWER_DAYS_MAX} days after the day of service"
        )


def _check_gag(gag_until: date | None, today: date) -> None:
    if gag_until is not None and gag_until - today > timedelta(days=GAG_DAYS_MAX):
        raise DemandError(f"`gag_until` is more than {GAG_DAYS_MAX} days ahead")


def _check_months(first: str, last: str) -> None:
    if not first and not last:
        return
    if not is_month(first) or not is_month(last) or last < first:
        raise DemandError("`first_month` and `last_month` are not two months that rise, or none")
    if parse_month(last) - parse_month(first) >= MONTHS_MAX:
        raise DemandError(f"`first_month` and `last_month` are more than {MONTHS_MAX} months")


def _check_document(name: str, digest: bytes, size: int) -> None:
    if len(digest) != _DIGEST_BYTES:
        raise DemandError(f"`{name}` is not a SHA-256")
    if not 1 <= size <= DOCUMENT_BYTES_MAX:
        raise DemandError(f"`{name}_bytes` is not 1 to {DOCUMENT_BYTES_MAX}")


def _check_text(name: str, text: str, shortest: int, longest: int) -> None:
    if not shortest <= len(text) <= longest or not text.isprintable() or text != text.strip():
        raise DemandError(f"`{name}` is not {shortest} to {longest} printable characters")


def _local_day(calendar: Calendar, seconds: int) -> date:
    return local_date(calendar, datetime.fromtimestamp(seconds, UTC))
