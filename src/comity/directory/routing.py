"""Whom a message asks: its destinations, by its key's own rules, as one list of members.

Guarantee: every member is asked once, however often a message names it; nobody is asked for a key
that its part of the directory does not answer; a message goes to 64 members at most.
Source: docs/adr/0013-routes.md.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.directory.errors import (
    DestinationNotServedError,
    KeyNotAnsweredError,
    KeyNotToFanOutError,
    SenderNotEntitledError,
    UnknownDestinationError,
)
from comity.directory.help import HelpFile, help_file_at
from comity.directory.routes import RouteKind
from comity.domain.agency import Agency
from comity.domain.ids import OPERATOR_MEMBER, ORI, Member
from comity.domain.keys import Handling, MessageKey, Senders, delivered_key, key_row
from comity.domain.query import Asked, Query
from comity.domain.vocabulary import AgencyType, FanOut

__all__ = ["Route", "check_entitled", "plan_route"]

ROUTES_KEPT: Final = 4_096
"""Routes that are remembered: the same few destinations are asked again and again, and a directory
is a value, so that a route under it stands as long as it does."""

_OWN_MEMBER: Final = frozenset({Handling.DIRECTORY, Handling.ARCHIVE, Handling.STATUS})
_OWN_CODES: Final = frozenset({RouteKind.NETWORK, RouteKind.SPECIAL})
_NO_CRIMINAL_JUSTICE: Final = frozenset({AgencyType.NJ, AgencyType.OTHER})


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a message asks, under which key, and how widely.

    `merges` says that the requester gets one message for all of them; `leaves_home` that the
    answer comes from a federal system, so that the sender's own state has a say.
    """

    key: MessageKey
    asked: tuple[Asked, ...]
    fan_out: FanOut
    merges: bool = False
    leaves_home: bool = False


def check_entitled(agency: Agency, key: MessageKey) -> None:
    """Return if an agency may send a key at all. Raises: SenderNotEntitledError."""
    senders = key_row(key).senders
    is_lacking = (senders is Senders.CRIMINAL_JUSTICE and agency.type in _NO_CRIMINAL_JUSTICE) or (
        senders is Senders.CONTROL and not agency.is_control
    )
    if is_lacking:
        raise SenderNotEntitledError("`message key` may not be sent by an agency of this type")


def plan_route(directory: Directory, query: Query, sender: Member) -> Route:
    """Return whom a message of an agency of `sender` asks.

    Raises: DestinationError if it cannot go to one of its destinations.
    """
    return _planned(directory, query.key, query.destinations, sender)


@lru_cache(maxsize=ROUTES_KEPT)
def _planned(
    directory: Directory, key: MessageKey, destinations: tuple[str, ...], sender: Member
) -> Route:
    row = key_row(key)
    if row.handling in _OWN_MEMBER or row.is_response:
        return _own_route(directory, key, destinations, sender)
    file = help_file_at(destinations)
    if file is not None:
        return _help_route(directory, key, destinations, file)
    members: dict[Member, list[ORI]] = {}
    kinds: set[RouteKind] = set()
    for code in destinations:
        kind, named = _destination(directory, key, code)
        kinds.add(kind)
        for member in named:
            oris = members.setdefault(member, [])
            if kind is RouteKind.AGENCY and ORI(code) not in oris:
                oris.append(ORI(code))
    fan_out = _fan_out(kinds, len(members))
    is_mail = row.handling is Handling.AGENCY
    return Route(
        key=delivered_key(key),
        asked=tuple(Asked(state=member, to=tuple(oris)) for member, oris in members.items()),
        fan_out=fan_out,
        merges=fan_out is FanOut.ALL or (is_mail and fan_out is FanOut.REGION),
        leaves_home=not is_mail and OPERATOR_MEMBER in members and sender != OPERATOR_MEMBER,
    )


def _own_route(
    directory: Directory, key: MessageKey, destinations: tuple[str, ...], sender: Member
) -> Route:
    """Return the route of what the sender's own member answers: directory, archive, status.

    An answer by a person goes the same way: its member knows which message waits for it.
    """
    to: list[ORI] = []
    for code in destinations:
        found = directory.resolve_any(code)
        is_person = key_row(key).is_response
        if is_person and found.kind is RouteKind.AGENCY:
            to.append(ORI(code))
        elif is_person or (found.kind not in _OWN_CODES and found.members != (sender,)):
            raise UnknownDestinationError("`destination` is not where this key is answered")
    return Route(key=key, asked=(Asked(state=sender, to=tuple(to)),), fan_out=FanOut.SINGLE)


def _help_route(
    directory: Directory, key: MessageKey, destinations: tuple[str, ...], file: HelpFile
) -> Route:
    """Return the route of a message to a help file: whose file it is, answers."""
    if directory.part(file.member) is None:
        raise DestinationNotServedError("`destination` is not connected")
    to = tuple(ORI(code) for code in destinations)
    return Route(key=key, asked=(Asked(state=file.member, to=to),), fan_out=FanOut.SINGLE)


def _destination(
    directory: Directory, key: MessageKey, code: str
) -> tuple[RouteKind, tuple[Member, ...]]:
    """Return what one destination stands for, and who of it answers the key."""
    found = directory.resolve(code)
    row = key_row(key)
    fans = {RouteKind.REGION: row.to_region, RouteKind.NETWORK: row.to_network}
    if not fans.get(found.kind, True):
        raise KeyNotToFanOutError("`destination` of this key is not a region and not the network")
    asked_as = delivered_key(key)
    answering = tuple(m for m in found.members if directory.answers(m, asked_as))
    if not answering:
        raise KeyNotAnsweredError("`key` is not answered at this destination")
    if found.kind is RouteKind.MEMBER and row.handling is Handling.AGENCY:
        answering = tuple(m for m in answering if directory.control_terminals(m))
        if not answering:
            raise DestinationNotServedError("`destination` has no terminal that takes messages")
    return found.kind, answering


def _fan_out(kinds: set[RouteKind], members: int) -> FanOut:
    if RouteKind.NETWORK in kinds:
        return FanOut.ALL
    if RouteKind.REGION in kinds:
        return FanOut.REGION
    return FanOut.SINGLE if members == 1 else FanOut.LIST
