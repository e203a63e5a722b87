"""The feeds of this host's states, as their files below the data directory ask for them.

    feeds/il.toml           where the feed and the digest of Illinois go
    feeds/il.secret         what signs the feed, readable by its owner alone
    feeds/il.mail-secret    the password at the mail server, where `user` names one; as above
    feeds/il.place  feeds/il.digest-place   how far they have come, which the worker keeps

A file that is wrong keeps its state's feed from going out, loudly, and nothing else: holds end and
pages go out all the same.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from comity.adapters.feed_places import FileDigestPlaces, FileFeedPlaces
from comity.adapters.feed_secret import read_feed_secret
from comity.adapters.mail import SmtpMail
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
from comity.roles.worker import Feed
from comity.services.events import Events
from comity.services.federal_digest import DigestTo, FederalDigest
from comity.services.federal_webhook import FederalWebhook, FeedTo
from comity.services.rules_in_force import StateBooks

__all__ = ["FEEDS_FOLDER", "OwnFeeds", "open_feeds", "own_feeds", "read_feed"]

FEEDS_FOLDER: Final = "feeds"


class OwnFeeds(msgspec.Struct, frozen=True, kw_only=True):
    """What this host's states ask for, by state."""

    webhooks: dict[Member, FeedTo]
    digests: dict[Member, DigestTo]


def own_feeds(settings: Settings, events: Events) -> OwnFeeds:
    """Return what this host's states ask for; what is wrong is left out, loudly."""
    found = OwnFeeds(webhooks={}, digests={})
    for member in HostFiles(settings.data_dir).ledger_keys():
        try:
            read_feed(settings, member, found)
        except (ComityError, OSError, UnicodeDecodeError) as error:
            events.failure("feed_refused", error, member=member)
            events.alarm("feed_does_not_go_out", member=member)
    return found


def read_feed(settings: Settings, member: Member, found: OwnFeeds) -> None:
    """Add what one state asks for. Raises: FeedFileError, FeedSecretError, OSError,
    UnicodeDecodeError.
    """
    own = own_file(settings, FEEDS_FOLDER, member)
    if own is None:
        return
    said, folder = parse_feed_file(own), settings.data_dir / FEEDS_FOLDER
    if said.webhook is not None:
        secret = read_feed_secret(folder / f"{member}.secret")
        found.webhooks[member] = FeedTo(terms=said.webhook, secret=secret)
    if said.digest is not None:
        password = ""
        if said.digest.user:
            password = read_feed_secret(folder / f"{member}.mail-secret", 1).decode("ascii")
        found.digests[member] = DigestTo(terms=said.digest, password=password)


@asynccontextmanager
async def open_feeds(
    settings: Settings, store: Store, rows: LedgerRows, events: Events
) -> AsyncIterator[tuple[Feed, ...]]:
    """Open what tells of federal queries as this host's states ask for it; nothing if none does."""
    own = own_feeds(settings, events)
    if not own.webhooks and not own.digests:
        yield ()
        return
    everyone = await PostgresStore.open(
        database_url(settings, DatabaseRole.READER), members=MEMBERS
    )
    hook, folder = WebHook(), settings.data_dir / FEEDS_FOLDER
    try:
        books = StateBooks(
            own=store,
            everyone=everyone,
            trust=HostFiles(settings.data_dir).trust_root(),
            national={},
            now=time.monotonic,
        )
        webhook = FederalWebhook(
            feeds=own.webhooks,
            store=store,
            rows=rows,
            directory=books.directory,
            hook=hook,
            places=FileFeedPlaces(folder),
            clock=SystemClock(),
            events=events,
        )
        digest = FederalDigest(
            digests=own.digests,
            store=store,
            rows=rows,
            directory=books.directory,
            mail=SmtpMail(),
            places=FileDigestPlaces(folder),
            clock=SystemClock(),
            events=events,
        )
        yield webhook, digest
    finally:
        await hook.close()
        await everyone.close()
