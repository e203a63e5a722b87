"""The directory's answers: what is listed, what a control terminal changes, what help files say.

It stands in a source's place for directory messages, and for messages to a help file: the exchange
was decided by the member's policy before, and is recorded like any other. A refusal is an answer
too, with its code; only what could not be done now is a source that does not answer.

Guarantee: a message that comes twice is answered twice and changes once.
Source: docs/adr/0018-directory-messages.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from comity.directory.edit import EDIT_KEYS, parse_edit
from comity.directory.errors import DirectoryError, NotControlError
from comity.directory.help import HelpFile, HelpOperation, changed_help, no_help, parse_help_ori
from comity.directory.search import AgencyIndex, parse_search
from comity.directory.text import edited_text, listings_text, refusal_text
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, Member
from comity.domain.vocabulary import RecordKind
from comity.ports import HelpRow, Lookup, Record, SourceError, Store
from comity.services.events import Events
from comity.services.member import World
from comity.services.publishing import PartPublisher

__all__ = ["DirectoryDesk", "help_file_of"]

_SEARCH_KEY: Final = "TQ"


def help_file_of(lookup: Lookup) -> HelpFile | None:
    """Return the help file of its own state that a message is addressed to, or None."""
    named = (parse_help_ori(ori) for ori in lookup.to)
    return next((file for file in named if file and file.member == lookup.state), None)


class DirectoryDesk:
    """Answers TQ, TA, TU and TD, and messages to help files; is the `Source` of their exchanges.

    `_index` is of the directory in force when it was last asked for; `_turns` holds a lock for each
    member whose help files were changed.
    """

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        publisher: PartPublisher,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._publisher = publisher
        self._events = events
        self._index: AgencyIndex | None = None
        self._turns: dict[Member, asyncio.Lock] = {}

    async def find(self, lookups: Sequence[Lookup]) -> list[Record | SourceError | None]:
        """Return one result per lookup: text alone, None if nothing is listed, or why not now."""
        return list(await asyncio.gather(*(self._answer(lookup) for lookup in lookups)))

    async def _answer(self, lookup: Lookup) -> Record | SourceError | None:
        try:
            text = await self._text(lookup)
        except DirectoryError as error:
            self._events.failure("directory_message_refused", error, member=lookup.state)
            text = refusal_text(error)
        except ComityError as error:
            self._events.failure("directory_desk_failed", error, member=lookup.state)
            return SourceError("the directory's desk could not carry this out now")
        if text is None:
            return None
        return Record(kind=RecordKind.OTHER, elements=(), text=text)

    async def _text(self, lookup: Lookup) -> str | None:
        if lookup.key in EDIT_KEYS:
            _check_cause(lookup)
            edit = parse_edit(lookup.key, lookup.fields)
            edited, entry = await self._publisher.edit(
                lookup.state, edit, sender=lookup.agency, cause=lookup.exchange_id
            )
            return edited_text(edited, lookup.state, entry=entry)
        if lookup.key == _SEARCH_KEY:
            found = self._agencies().find(parse_search(lookup.fields))
            return listings_text(found) if found.shown else None
        file = help_file_of(lookup)
        if file is None:
            raise SourceError("this is no message to the directory")
        return await self._help(file, lookup)

    def _agencies(self) -> AgencyIndex:
        directory = self._world.directory
        if self._index is None or self._index.directory is not directory:
            self._index = AgencyIndex(directory)
        return self._index

    async def _help(self, file: HelpFile, lookup: Lookup) -> str:
        if file.operation is HelpOperation.READ:
            return await self._read(file)
        _check_cause(lookup)
        self._check_control(lookup.state, lookup.agency)
        async with self._turns.setdefault(file.member, asyncio.Lock()):
            row = await self._store.help_file(file.member, file.file)
            # The last one accepted stands: one that is asked again neither appends twice nor
            # takes the place of what came after it.
            if row is None or row.changed_by < lookup.exchange_id:
                body = next((value for prefix, value in lookup.fields if not prefix), "")
                text = changed_help(row.text if row else "", file.operation, body)
                await self._store.save_help(
                    HelpRow(
                        member=file.member,
                        file=file.file,
                        text=text,
                        changed_by=lookup.exchange_id,
                    )
                )
        return await self._read(file)

    async def _read(self, file: HelpFile) -> str:
        row = await self._store.help_file(file.member, file.file)
        return row.text if row is not None and row.text else no_help(file.file)

    def _check_control(self, member: Member, ori: ORI) -> None:
        directory = self._world.directory
        agency = directory.agency(ori)
        is_own = agency is not None and directory.member_of(ori) == member
        if agency is None or not (is_own and agency.active and agency.is_control):
            raise NotControlError("only an active control terminal of the member changes its files")


def _check_cause(lookup: Lookup) -> None:
    # Without its exchange a change could not be told from its own repeat.
    if not lookup.exchange_id:
        raise SourceError("a message that changes something comes without its exchange")
