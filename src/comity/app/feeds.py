"""The feeds of this host's states, as their files below the data directory ask for them.

    feeds/il.toml     where the feed of Illinois goes
    feeds/il.secret   what signs it, readable by its owner alone
    feeds/il.place    how far it has come, which the worker keeps

A file that is wrong keeps its state's feed from going out, loudly, and nothing else: holds end and
pages go out all the same.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from comity.adapters.feed_places import FileFeedPlaces
from comity.adapters.feed_secret import read_feed_secret
from comity.adapters.postgres.store import PostgresStore
from comity.adapters.system import SystemClock
from comity.adapters.webhook import WebHook
from comity.app.state_files import own_file
from comity.domain.errors import ComityError
from comity.domain.ids import MEMBERS, Member
from comity.ports import LedgerRows, Store
from comity.review.federal_events import parse_feed_file
from comity.roles.host_files import HostFiles
from comity.roles.runtime import DatabaseRole, database_url
from comity.roles.settings import Settings
from comity.services.events import Events
from comity.services.federal_webhook import FederalWebhook, FeedTo
from comity.services.rules_in_force import StateBooks

__all__ = ["open_feeds", "own_feeds"]

_FOLDER: Final = "feeds"


def own_feeds(settings: Settings, events: Events) -> dict[Member, FeedTo]:
    """Return the feeds that this host's states ask for."""
    found = {}
    for member in HostFiles(settings.data_dir).ledger_keys():
        try:
            own = own_file(settings, _FOLDER, member)
            if own is not None:
                secret = read_feed_secret(settings.data_dir / _FOLDER / f"{member}.secret")
                found[member] = FeedTo(terms=parse_feed_file(own), secret=secret)
        except (ComityError, OSError) as error:
            events.failure("feed_refused", error, member=member)
            events.alarm("feed_does_not_go_out", member=member)
    return found


@asynccontextmanager
async def open_feeds(
    settings: Settings, store: Store, rows: LedgerRows, events: Events
) -> AsyncIterator[FederalWebhook | None]:
    """Open what sends the feeds of this host's states; None where no state asks for one."""
    feeds = own_feeds(settings, events)
    if not feeds:
        yield None
        return
    everyone = await PostgresStore.open(
        database_url(settings, DatabaseRole.READER), members=MEMBERS
    )
    hook = WebHook()
    try:
        books = StateBooks(
            own=store,
            everyone=everyone,
            trust=HostFiles(settings.data_dir).trust_root(),
            national={},
            now=time.monotonic,
        )
        yield FederalWebhook(
            feeds=feeds,
            store=store,
            rows=rows,
            directory=books.directory,
            hook=hook,
            places=FileFeedPlaces(settings.data_dir / _FOLDER),
            clock=SystemClock(),
            events=events,
        )
    finally:
        await hook.close()
        await everyone.close()
