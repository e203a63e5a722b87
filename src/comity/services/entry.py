"""What a service hands to the sequencer: leaves of one exchange, and the rows that go with them."""

from __future__ import annotations

import msgspec

from comity.domain.answer import Answer
from comity.domain.demands import DemandFile
from comity.domain.ids import LeafIndex, Member, parse_entry_name
from comity.domain.instruments import InstrumentFile
from comity.domain.passes import SignedPass
from comity.domain.query import Exchange
from comity.domain.verdict import SignedVerdict
from comity.exchange.judged import Answered, HoldFile, UrgentFile
from comity.exchange.leaves import WantedLeaf
from comity.exchange.origin import AcceptedQuery
from comity.ports import CountedRow, DemandRow, DeskDayRow, DutyKind
from comity.review.urgent import ReviewState

__all__ = [
    "ActedOn",
    "DirectoryPublication",
    "Entry",
    "Frame",
    "HoldEnd",
    "InstrumentEnd",
    "NewDemand",
    "PassEnd",
    "ReviewEnd",
    "entry_of",
]


class Frame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where an accepted query came from: its line's frame."""

    number: int
    digest: bytes


class HoldEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Which hold a verdict or the clock answers, whether that ends it, and when it asks something
    (Unix seconds). `proposal` is an approval that a second reviewer may confirm; `passed_at` when
    it passes the hold on, with `passed` as what is kept of that and of calls back.
    """

    leaf_index: LeafIndex
    closed: bool
    asked_at: int | None = None
    proposal: SignedVerdict | None = None
    passed_at: int | None = None
    passed: tuple[SignedVerdict, ...] = ()


class PassEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a pass: a use of it, or with `revoked` its end."""

    leaf_index: LeafIndex
    revoked: bool = False


class InstrumentEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to an instrument: a use of it, its verification, or with `revoked` its end.

    `verified` is what is kept of it once it is verified, under the `instrument_id` of its row.
    """

    leaf_index: LeafIndex
    instrument_id: bytes = b""
    verified: InstrumentFile | None = None
    revoked: bool = False


class ReviewEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What a look, or the clock, makes of an urgent release at its next step."""

    leaf_index: LeafIndex
    step: int
    stands: ReviewState
    at: int


class NewDemand(msgspec.Struct, frozen=True, kw_only=True):
    """A demand that is registered, and the last second (Unix) to answer it."""

    file: DemandFile
    answer_by: int


class ActedOn(msgspec.Struct, frozen=True, kw_only=True):
    """What is done about a demand as its row stands: the last act of `file`, and the last second
    (Unix) to answer from then on.
    """

    row: DemandRow
    file: DemandFile
    answer_by: int


class DirectoryPublication(msgspec.Struct, frozen=True, kw_only=True):
    """A member's signed part, to be published with its leaf."""

    version: int
    body: bytes
    signature: bytes


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be recorded: leaves of one exchange, and the rows that go with them.

    `document` is the public document of its first leaf; `announced` says since when (Unix seconds)
    that is a bundle that decides nothing; `duty` is to be done about that leaf, and
    `duty_about` is what is told beside it; `reveals` is the
    leaf whose sealed detail it opens, `redacts` the one that it withdraws. `with_next`: the entry
    behind it, of the same member, is recorded with it or neither is. `counted` are the persons whom
    it adds to the day's count. `replies_to` is the hold that its message replies to,
    `desk_day` what it adds to the desk's day. `carried` is a demand whose leaf was cut from the
    ledger, with its own id.
    """

    member: Member
    exchange_id: bytes
    leaves: tuple[WantedLeaf, ...]
    decided_under: int | None = None
    accepted: AcceptedQuery | None = None
    frame: Frame | None = None
    answer: Answer | None = None
    hold: HoldFile | None = None
    hold_end: HoldEnd | None = None
    grants: SignedPass | None = None
    pass_end: PassEnd | None = None
    registers: InstrumentFile | None = None
    instrument_end: InstrumentEnd | None = None
    urgent: UrgentFile | None = None
    review_end: ReviewEnd | None = None
    policy: bytes | None = None
    directory: DirectoryPublication | None = None
    document: bytes | None = None
    announced: int | None = None
    duty: DutyKind | None = None
    duty_about: str = ""
    reveals: LeafIndex | None = None
    redacts: LeafIndex | None = None
    with_next: bool = False
    counted: tuple[CountedRow, ...] = ()
    replies_to: LeafIndex | None = None
    desk_day: DeskDayRow | None = None
    demand: NewDemand | None = None
    acted_on: ActedOn | None = None
    carried: DemandRow | None = None


def entry_of(exchange: Exchange, answered: Answered, counted: tuple[CountedRow, ...] = ()) -> Entry:
    """Return what the sequencer is given for an answer."""
    return Entry(
        member=exchange.state,
        exchange_id=exchange.exchange_id,
        leaves=answered.leaves,
        decided_under=answered.policy,
        answer=answered.answer,
        hold=answered.hold,
        pass_end=_use_of(answered.case_pass),
        instrument_end=_reliance_of(answered.instrument),
        urgent=answered.urgent,
        counted=counted,
        replies_to=answered.replies_to,
        duty=DutyKind.PAGE_ONWARD_REFUSED if answered.refused_to else None,
        duty_about=answered.refused_to,
    )


def _use_of(entry: str) -> PassEnd | None:
    return PassEnd(leaf_index=parse_entry_name(entry)[1]) if entry else None


def _reliance_of(entry: str) -> InstrumentEnd | None:
    return InstrumentEnd(leaf_index=parse_entry_name(entry)[1]) if entry else None
