"""Onward transfers as people see them: leaves, the records behind them, and the rules in force.

Guarantee: of the record of a release its agency alone is read; of what was told, the words are for
one entry at a time. Whether the rules would refuse whoever has it now is asked of the rules of now.
Source: docs/adr/0056-onward-transfers.md, "What a state sees".
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Final, TypeVar

import msgspec

from comity.directory.directory import Directory
from comity.domain.ids import ORI, LeafIndex, Member, entry_name, parse_entry_name
from comity.domain.leaf import parse_leaf
from comity.domain.onward import OnwardStands, Receives, Transfer
from comity.domain.vocabulary import DataClass, LeafKind, Purpose
from comity.exchange.leaves import HOUR_SECONDS
from comity.exchange.onward import NOBODY, received, receiver
from comity.link.onward import ONWARD_SHOWN_MAX, OnwardAsked, OnwardShown, OnwardTold
from comity.policy import CompiledPolicy
from comity.ports import LedgerRows, Store
from comity.review.onward import OnwardUnknownError
from comity.services.onward_ledger import OnwardLedger, Question, Told
from comity.services.private_records import RecordGoneError, Records
from comity.services.vault import Vault

__all__ = ["OnwardBook", "Rules"]

_T = TypeVar("_T")
_KEPT_MAX: Final = 4_096
_FIRST: Final = {OnwardStands.UNANSWERED: 0, OnwardStands.OPEN: 1, OnwardStands.ANSWERED: 2}


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What transfers are held against: rules (None: none can be asked), directory, and now."""

    policy: CompiledPolicy | None
    directory: Directory
    now: int


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind the leaf of something that was told; no transfer: to nobody."""

    agency: ORI
    operator: str
    text: str
    transfer: Transfer | None


class OnwardBook:
    """Reads transfers and questions. `_notes` has what stands behind leaves, which never changes:
    None where it cannot be read. A key that goes is seen after `forget`.
    """

    def __init__(
        self, *, store: Store, rows: LedgerRows, vault: Vault, back_max: int | None = None
    ) -> None:
        self.ledger = OnwardLedger(store=store, rows=rows, back_max=back_max)
        self._records = Records(store, vault, rows)
        self._notes: dict[tuple[Member, int], _Note | None] = {}
        self._agencies: dict[tuple[Member, int], str] = {}

    def forget(self) -> None:
        """Read records anew, where keys or rows may be gone."""
        self._notes.clear()
        self._agencies.clear()

    async def read(self, member: Member, rules: Rules) -> OnwardShown:
        """Return what a state is shown of the last 30 days. Raises: StoreDownError."""
        is_whole = await self.ledger.read_on(member, rules.now)
        told = self.ledger.told(member)
        asked = sorted(self.ledger.questions(member), key=lambda each: _order(each, rules.now))
        first, size = self.ledger.looked(member)
        newest = told[: -ONWARD_SHOWN_MAX - 1 : -1]
        return OnwardShown(
            told=tuple([await self._told(member, each, rules) for each in newest]),
            asked=tuple([await self._asked(each, rules) for each in asked[:ONWARD_SHOWN_MAX]]),
            told_count=len(told),
            asked_count=len(asked),
            first=first,
            size=size,
            is_whole=is_whole,
        )

    async def one(self, entry: str, rules: Rules) -> OnwardTold:
        """Return what was told at an entry, its words too. Raises: OnwardUnknownError."""
        member, index = parse_entry_name(entry)
        told = await self._leaf(member, index)
        view = await self._told(member, told, rules)
        note = await self._note(member, index)
        if note is None:
            return view
        return msgspec.structs.replace(view, operator=note.operator, text=note.text)

    async def agency(self, member: Member, index: int) -> str:
        """Return to which agency a release went; empty where nobody can read it any more.

        Raises: StoreDownError.
        """
        if (member, index) not in self._agencies:
            found = ""
            with suppress(RecordGoneError):
                _, record = await self._records.read(member, index)
                found = dict(record.fields).get("agency", b"").decode("ascii", "replace")
            _keep(self._agencies, (member, index), found)
        return self._agencies[member, index]

    async def _leaf(self, member: Member, index: int) -> Told:
        # By itself: what was told before the last 30 days can be opened too.
        try:
            leaf, _ = await self._records.read(member, index)
        except RecordGoneError:
            leaf = b""
        header = parse_leaf(leaf) if leaf else None
        if header is None or header.kind is not LeafKind.CERTIFICATION or header.cites is None:
            raise OnwardUnknownError("nothing that an agency told stands under this entry")
        _, release = parse_entry_name(header.cites)
        return Told(index=index, release=release, hour=header.hour)

    async def _told(self, member: Member, told: Told, rules: Rules) -> OnwardTold:
        note = await self._note(member, told.index)
        view = OnwardTold(
            entry=entry_name(member, told.index),
            release=entry_name(member, told.release),
            at=told.hour * HOUR_SECONDS,
            receives=Receives.UNKNOWN,
        )
        if note is None:
            return view
        agency = rules.directory.agency(note.agency)
        view = msgspec.structs.replace(
            view,
            agency=note.agency,
            agency_name=agency.name if agency is not None else "",
            receives=Receives.NOBODY,
        )
        if note.transfer is None:
            return view
        return await self._transferred(member, told, (view, note.transfer), rules)

    async def _transferred(
        self, member: Member, told: Told, said: tuple[OnwardTold, Transfer], rules: Rules
    ) -> OnwardTold:
        view, transfer = said
        release = await self.ledger.release(member, told.release)
        receives, refused = Receives.UNKNOWN, tuple[DataClass, ...]()
        if release is not None and rules.policy is not None:
            receives, refused = received(
                transfer, release, rules.policy, rules.directory, rules.now
            )
        ori = receiver(transfer.to)
        has_it = rules.directory.agency(ori) if ori is not None else None
        went = transfer.classes or (release.released if release is not None else None) or ()
        return msgspec.structs.replace(
            view,
            to=transfer.to,
            to_name=has_it.name if has_it is not None else "",
            purpose=transfer.purpose.value,
            on=transfer.on,
            classes=went,
            receives=receives,
            refused=refused if receives in (Receives.REFUSED, Receives.HELD) else (),
        )

    async def _asked(self, question: Question, rules: Rules) -> OnwardAsked:
        ori = await self.agency(question.member, question.release)
        agency = rules.directory.agency(ORI(ori)) if ori else None
        return OnwardAsked(
            entry=entry_name(question.member, question.asked),
            release=entry_name(question.member, question.release),
            stands=question.stands(rules.now),
            asked_at=question.hour * HOUR_SECONDS,
            due=question.due,
            agency=ori,
            agency_name=agency.name if agency is not None else "",
            phone=agency.phone if agency is not None else "",
        )

    async def _note(self, member: Member, index: int) -> _Note | None:
        if (member, index) not in self._notes:
            found = None
            with suppress(RecordGoneError):
                _, record = await self._records.read(member, LeafIndex(index))
                found = _note_of({name: value.decode() for name, value in record.fields})
            _keep(self._notes, (member, index), found)
        return self._notes[member, index]


def _note_of(said: dict[str, str]) -> _Note | None:
    """Return what the fields behind a leaf say; None where they are of something else."""
    try:
        transfer = None
        if said["to"] != NOBODY:
            transfer = Transfer(
                to=said["to"],
                purpose=Purpose(said["purpose"]),
                on=date.fromisoformat(said["on"]),
                classes=tuple(DataClass(each) for each in said["classes"].split(",") if each),
            )
        return _Note(
            agency=ORI(said["agency"]),
            operator=said["operator"],
            text=said["text"],
            transfer=transfer,
        )
    except (KeyError, ValueError):
        return None


def _keep(kept: dict[tuple[Member, int], _T], place: tuple[Member, int], found: _T) -> None:
    kept[place] = found
    while len(kept) > _KEPT_MAX:
        del kept[next(iter(kept))]


def _order(question: Question, now: int) -> tuple[int, int, int]:
    return _FIRST[question.stands(now)], question.due, question.asked
