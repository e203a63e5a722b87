"""What a ledger still tells of a request that was answered, as its state's rules would look at it.

An exchange counts once, by its first outcome, whatever followed. What its decision saw is noted
beside that leaf's fields, and the further leaves of the exchange have an empty note. Of a record
from before notes were kept the leaf that cites nothing is the first; the directory says what the
agency is, and what nothing says is left empty (`LEDGER_UNHELD`).
Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from comity.directory.directory import Directory
from comity.domain.decision import Facts
from comity.domain.ids import ORI
from comity.domain.keys import OTHER_KEY, MessageKey, key_row
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    BudgetState,
    Direction,
    Emergency,
    FanOut,
    Instrument,
    LeafKind,
    LeafMode,
    Offence,
    Purpose,
)
from comity.exchange.facts import leaves_state, time_band
from comity.exchange.noted import NOT_FIRST, Noted, read_note
from comity.exchange.private import Fields, search_of
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.traffic import LEDGER_UNHELD, first_kind, request_text

__all__ = ["is_outcome", "recorded_request"]

_OUTCOMES: Final = frozenset({LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD})
# No person, no operator, no case: what is not named here is not looked at.
_READ: Final = frozenset({"accepted_at", "agency", "assurance", "purpose", "offence", "instrument"})
_IMAGE_ASKED: Final = ("IMQ", "Y")
_KIND_ALONE: Final = (Axis.RECORD_KIND,)
_KINDS_TO_TELL_APART: Final = 2


def is_outcome(header: LeafHeader) -> bool:
    """Say whether a leaf is an outcome of a live exchange: no probe, nothing planted."""
    return header.mode is LeafMode.LIVE and header.kind in _OUTCOMES


def recorded_request(
    header: LeafHeader, fields: Fields, noted: str | None, directory: Directory
) -> tuple[int, str] | None:
    """Return month (since 1970-01) and request of a row, from an outcome's leaf and its record.

    None where it is not the first outcome of its exchange. Raises: ValueError, KeyError,
    MsgspecError for a record that is not of an exchange.
    """
    if noted == NOT_FIRST or (noted is None and header.cites is not None):
        return None
    said = {name: value.decode() for name, value in fields if name in _READ}
    at, agency = int(said["accepted_at"]), ORI(said["agency"])
    key = MessageKey(header.key or OTHER_KEY)
    if key not in AXIS_VALUES[Axis.MESSAGE_KEY]:
        key = OTHER_KEY
    unheld: tuple[Axis, ...] = LEDGER_UNHELD
    if noted is None:
        seen = _as_listed(header, fields, (agency, key, at), directory)
    else:
        seen = read_note(noted)
        is_known = seen.record_kind is not None or len(key_row(key).kinds) < _KINDS_TO_TELL_APART
        unheld = () if is_known else _KIND_ALONE
    facts = Facts(
        agency=agency,
        agency_type=seen.agency_type,
        certification=seen.certification,
        assurance=Assurance(said["assurance"]),
        key=key,
        purpose=Purpose(said["purpose"]),
        offence=Offence(said["offence"]),
        instrument=Instrument(said["instrument"].partition(":")[0]),
        fan_out=seen.fan_out,
        emergency=seen.emergency,
        time_band=seen.time_band,
        budget=seen.budget,
        direction=seen.direction,
    )
    kind = seen.record_kind or first_kind(key)
    return _month_of(at), request_text(facts, image=seen.image, record_kind=kind, unheld=unheld)


def _as_listed(
    header: LeafHeader, fields: Fields, asked: tuple[ORI, MessageKey, int], directory: Directory
) -> Noted:
    """Return what can be said of a request beside which nothing is noted."""
    agency, key, at = asked
    state, listed = header.member, directory.agency(agency)
    is_outbound = leaves_state(directory, agency, state, key)
    return Noted(
        agency_type=listed.type if listed is not None else AgencyType.OTHER,
        certification=directory.certification(state, agency, at),
        fan_out=FanOut.SINGLE,
        emergency=Emergency.NONE,
        time_band=time_band(state, at),
        budget=BudgetState.WITHIN,
        direction=Direction.OUTBOUND if is_outbound else Direction.INBOUND,
        image=_IMAGE_ASKED in search_of(fields),
        record_kind=None,
    )


def _month_of(at: int) -> int:
    made = datetime.fromtimestamp(at, UTC)
    return (made.year - 1970) * 12 + made.month - 1
