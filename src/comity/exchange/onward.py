"""Messages by which an agency tells a state to whom it passed on what it got.

    AM, the agency to the state:   PASSED ON WA/1234
                                   TO USPX00009          an agency, a name, or NOBODY
                                   FOR CIM               the purpose's code; left out: not stated
                                   ON 2026-11-24
                                   WHAT IDENTITY ADDRESS left out: all that was released
                                   any further words

The same lines may stand below an answer to a claim check (`REPLY TO`). Guarantee: what is read so
is written back as the same; a message without such a line is a message like any other.
Source: docs/adr/0056-onward-transfers.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from comity.directory.directory import Directory
from comity.domain.agency import Agency, family_ancestors
from comity.domain.decision import Facts
from comity.domain.errors import ComityError, MalformedError
from comity.domain.ids import ORI, entry_name, parse_entry_name, parse_ori
from comity.domain.keys import MessageKey, listed_key
from comity.domain.leaf import SEALED, LeafHeader
from comity.domain.onward import Receives, ToldOnward, Transfer
from comity.domain.vocabulary import (
    Assurance,
    BudgetState,
    DataClass,
    Direction,
    Emergency,
    FanOut,
    Instrument,
    LeafKind,
    LeafMode,
    Offence,
    Outcome,
    Purpose,
    from_wire,
    wire_of,
)
from comity.exchange.answering import asked_kinds
from comity.exchange.facts import time_band
from comity.exchange.judged import SEVERITY, gated
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf, ordered
from comity.exchange.private import note_fields
from comity.exchange.replies import REPLY_CHARS_MAX, REPLY_KEY, named_text, replied_entry
from comity.policy import CompiledPolicy

__all__ = [
    "NOBODY",
    "ONWARD_WORDS",
    "TO_CHARS_MAX",
    "OnwardFormError",
    "onward_text",
    "received",
    "receiver",
    "told_leaf",
    "told_onward",
]

ONWARD_WORDS: Final = "PASSED ON"
NOBODY: Final = "NOBODY"
TO_CHARS_MAX: Final = 60
"""Characters of a name to which something was passed on."""
_FIRST: Final = re.compile(rf"(?ai){ONWARD_WORDS} +[A-Z]{{2}}/")
_ENTRY: Final = re.compile(rf"(?ai){ONWARD_WORDS} +([A-Z]{{2}}/[0-9]{{1,18}})")
_NAME: Final = re.compile(rf"[ -~]{{1,{TO_CHARS_MAX}}}", re.ASCII)
_OUTCOMES: Final = {
    Outcome.RELEASE: Receives.RELEASED,
    Outcome.HOLD: Receives.HELD,
    Outcome.DENY: Receives.REFUSED,
}


class OnwardFormError(MalformedError):
    """A message about an onward transfer does not have its form."""

    code = "onward-malformed"


def told_onward(key: MessageKey, body: str) -> ToldOnward | None:
    """Return what a message tells of an onward transfer; None: nothing. Raises: OnwardFormError."""
    if key != REPLY_KEY:
        return None
    lines = [line.strip() for line in body.strip().split("\n")]
    first = _begins(key, body, lines)
    if first is None:
        return None
    found = _ENTRY.fullmatch(lines[first])
    if found is None:
        raise OnwardFormError(f"`{ONWARD_WORDS}` names no entry such as `WA/1234`")
    try:
        entry = entry_name(*parse_entry_name(found[1].lower()))
    except ComityError:
        raise OnwardFormError(f"`{ONWARD_WORDS}` names an entry of no ledger") from None
    said, text = _said(lines[first + 1 :])
    if len("\n".join(lines[first + 1 :])) > REPLY_CHARS_MAX:
        raise OnwardFormError(f"the message has over {REPLY_CHARS_MAX} characters")
    return ToldOnward(entry=entry, transfer=_transfer(said), text=text)


def _begins(key: MessageKey, body: str, lines: list[str]) -> int | None:
    """Return the line with which what is told begins: the first, or one below a reply's."""
    if _FIRST.match(lines[0]):
        return 0
    if replied_entry(key, body) is None:
        return None
    return next((at for at, line in enumerate(lines) if _FIRST.match(line)), None)


def _said(lines: list[str]) -> tuple[dict[str, str], str]:
    """Return the closed lines by their first word, and the text below them."""
    said: dict[str, str] = {}
    for at, line in enumerate(lines):
        word, _, rest = line.partition(" ")
        if word.upper() not in _READ:
            return said, "\n".join(lines[at:]).strip()
        if word.upper() in said:
            raise OnwardFormError(f"`{word.upper()}` stands twice: send one message for each")
        said[word.upper()] = " ".join(rest.split())
    return said, ""


def _transfer(said: dict[str, str]) -> Transfer | None:
    to = _read_to(said.get("TO", ""))
    if to == NOBODY:
        if len(said) > 1:
            others = ", ".join(f"`{word}`" for word in said if word != "TO")
            raise OnwardFormError(f"beside `TO {NOBODY}` stands {others}")
        return None
    if "ON" not in said:
        raise OnwardFormError("`ON` with the day of the transfer is missing")
    return Transfer(
        to=to,
        purpose=_read_for(said["FOR"]) if "FOR" in said else Purpose.NOT_STATED,
        on=_read_on(said["ON"]),
        classes=_read_what(said["WHAT"]) if "WHAT" in said else (),
    )


def _read_to(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise OnwardFormError(f"`TO` names nobody, or in over {TO_CHARS_MAX} characters")
    if text.upper() == NOBODY:
        return NOBODY
    ori = receiver(text.upper())
    return text if ori is None else ori


def _read_for(text: str) -> Purpose:
    try:
        return from_wire(Purpose, text.upper())
    except ComityError:
        raise OnwardFormError("`FOR` is no purpose's code, such as `CIM`") from None


def _read_on(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise OnwardFormError("`ON` is no day such as `2026-11-24`")
    return found


def _read_what(text: str) -> tuple[DataClass, ...]:
    names = text.lower().replace(",", " ").split()
    try:
        found = [DataClass(name) for name in names]
    except ValueError:
        found = []
    if not found or len(set(found)) < len(found):
        raise OnwardFormError("`WHAT` does not name parts of a record, each once")
    return ordered(found)


_READ: Final[dict[str, Callable[[str], object]]] = {
    "TO": _read_to,
    "FOR": _read_for,
    "ON": _read_on,
    "WHAT": _read_what,
}


def onward_text(told: ToldOnward) -> str:
    """Return the body of a message that tells this."""
    return named_text(ONWARD_WORDS, told.entry, "\n".join(_lines(told)))


def _lines(told: ToldOnward) -> Iterator[str]:
    transfer = told.transfer
    yield f"TO {NOBODY if transfer is None else transfer.to}"
    if transfer is not None:
        if transfer.purpose is not Purpose.NOT_STATED:
            yield f"FOR {wire_of(transfer.purpose)}"
        yield f"ON {transfer.on.isoformat()}"
        if transfer.classes:
            yield f"WHAT {' '.join(part.value.upper() for part in transfer.classes)}"
    if told.text:
        yield told.text


def receiver(to: str) -> ORI | None:
    """Return the agency's identifier to which something was passed on; None for a name."""
    try:
        return parse_ori(to)
    except ComityError:
        return None


def told_leaf(
    told: ToldOnward, release: LeafHeader, agency: ORI, operator: str, now: int
) -> WantedLeaf:
    """Return the leaf by which an agency certifies what it tells of a release.

    `release` is the header of that. Where its agency stands sealed, the leaf does not tell it.
    """
    # INVARIANT (public-bytes-hold-no-person): nor, here, what the state has published that it
    # shows later.
    is_sealed = release.agency == SEALED
    transfer = told.transfer
    header = LeafHeader(
        version=1,
        kind=LeafKind.CERTIFICATION,
        mode=LeafMode.LIVE,
        hour=now // HOUR_SECONDS,
        member=release.member,
        agency=SEALED if is_sealed else agency,
        cites=told.entry,
    )
    fields = note_fields(
        onward=told.entry,
        to=transfer.to if transfer is not None else NOBODY,
        purpose=transfer.purpose.value if transfer is not None else "",
        on=transfer.on.isoformat() if transfer is not None else "",
        classes=",".join(transfer.classes if transfer is not None else ()),
        text=told.text,
        agency=agency,
        operator=operator,
    )
    return WantedLeaf(step=0, header=header, fields=fields)


def received(
    transfer: Transfer,
    release: LeafHeader,
    policy: CompiledPolicy,
    directory: Directory,
    now: int,
) -> tuple[Receives, tuple[DataClass, ...]]:
    """Return what the rules would say if whoever received it asked for it itself, and the classes
    of which they would say so.

    Asked for the same purpose, by the key of the release, with no paper; of the kinds of record
    that the key has, and of the families that it acts for, the strictest decision counts.
    """
    ori = receiver(transfer.to)
    agency = directory.agency(ori) if ori is not None else None
    if agency is None:
        return Receives.UNKNOWN, ()
    classes = transfer.classes or release.released or ()
    key = MessageKey(release.key or "")
    worst = dict.fromkeys(classes, Outcome.RELEASE)
    kinds = asked_kinds(key)
    for asker in (agency, *_acted_for(agency, directory)):
        facts = _facts(asker, transfer.purpose, release, directory, now)
        # `other` is what an unknown kind of record would be: it decides where there is no else.
        for row in policy.table(facts, classes, kinds[:-1] or kinds).rows:
            for decision in map(gated, row):
                part = decision.data_class
                worst[part] = max(worst[part], decision.outcome, key=SEVERITY.__getitem__)
    strictest = max(worst.values(), key=SEVERITY.__getitem__, default=Outcome.RELEASE)
    return _OUTCOMES[strictest], tuple(p for p, found in worst.items() if found is strictest)


def _acted_for(agency: Agency, directory: Directory) -> Iterator[Agency]:
    """Yield one agency of each family for which an agency acts."""
    for acts in agency.acts_for:
        listed = directory.families().items()
        own = sorted(ori for ori, family in listed if acts.family in family_ancestors(family))
        found = directory.agency(own[0]) if own else None
        if found is not None:
            yield found


def _facts(
    agency: Agency, purpose: Purpose, release: LeafHeader, directory: Directory, now: int
) -> Facts:
    state = release.member
    return Facts(
        agency=agency.ori,
        agency_type=agency.type,
        certification=directory.certification(state, agency.ori, now),
        assurance=Assurance.AGENCY_ASSERTED,
        key=listed_key(MessageKey(release.key or "")),
        purpose=purpose,
        offence=Offence.NOT_STATED,
        instrument=Instrument.NOT_STATED,
        fan_out=FanOut.SINGLE,
        emergency=Emergency.NONE,
        time_band=time_band(state, now),
        budget=BudgetState.WITHIN,
        direction=Direction.INBOUND,
    )
