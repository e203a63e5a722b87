"""The directory: all verified parts together, as one value that every message is checked against.

Guarantee: a look-up is a dictionary's; a newer part replaces its member's own entries and nothing
else; an agency belongs to the first member that listed it. What is not listed is unknown, and the
unknown is refused (invariant `fail-closed`).
Source: docs/adr/0010-directory-parts.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from comity.directory.errors import (
    DestinationNotServedError,
    DirectoryError,
    LineNotBoundError,
    OriInactiveError,
    OriNotOfMemberError,
    OriTakenError,
    PartVersionError,
    UnknownDestinationError,
    UnknownOriError,
)
from comity.directory.part import SignedPart, verify_part
from comity.directory.routes import Destination, RouteKind, resolve_code
from comity.directory.trust import TrustRoot
from comity.domain.agency import Agency, DirectoryPart, Family, Host, ReviewerKey
from comity.domain.ids import ORI, HostName, Member
from comity.domain.keys import MessageKey, listed_key
from comity.domain.vocabulary import Certification

__all__ = [
    "EMPTY_DIRECTORY",
    "HTTP_LINE_PREFIX",
    "Directory",
    "PartFault",
    "listed_line",
    "load_directory",
]

HTTP_LINE_PREFIX: Final = "http:"
"""Begins the name of a line where it speaks HTTP: its numbers there are not those of the TCP line.

No listed name has a colon, so that no line of one front can be called as one of the other.
"""


def listed_line(line: str) -> str:
    """Return the name under which agencies list a line, whichever front it speaks through."""
    return line.removeprefix(HTTP_LINE_PREFIX)


class PartFault(msgspec.Struct, frozen=True, kw_only=True):
    """A part that was left out: whose it says it is, and the code of the error."""

    member: Member
    code: str


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One member's part with what is looked up in it."""

    part: DirectoryPart
    answers: frozenset[MessageKey]
    reviewers: dict[str, ReviewerKey]
    certifications: dict[ORI, int]
    control: tuple[Agency, ...]


class Directory:
    """All parts that stand. A value: `with_part` returns another one and leaves this as it is."""

    __slots__ = ("_agencies", "_entries", "_families", "_hosts", "_lines", "_members", "_served")

    def __init__(self, entries: Mapping[Member, _Entry], agencies: Mapping[ORI, Agency]) -> None:
        """Index what `with_part` has checked; made there and for the empty directory only."""
        self._entries = entries
        self._agencies = agencies
        self._members: dict[ORI, Member] = {}
        self._families: dict[ORI, Family] = {}
        self._lines: dict[str, list[ORI]] = {}
        self._hosts: dict[HostName, list[Host]] = {}
        self._served: dict[HostName, list[Member]] = {}
        for member in sorted(entries):
            self._index(member, entries[member].part)

    def _index(self, member: Member, part: DirectoryPart) -> None:
        hosts = self._hosts.setdefault(part.host.name, [])
        if part.host not in hosts:
            hosts.append(part.host)
        self._served.setdefault(part.host.name, []).append(member)
        for agency in part.agencies:
            self._members[agency.ori] = member
            self._families[agency.ori] = agency.family
            for line in agency.lines:
                self._lines.setdefault(line, []).append(agency.ori)

    @staticmethod
    def of(parts: Iterable[DirectoryPart]) -> Directory:
        """Return the directory of these verified parts, taken in their order.

        Raises: DirectoryError, as `with_part` does.
        """
        entries: dict[Member, _Entry] = {}
        agencies: dict[ORI, Agency] = {}
        for part in parts:
            _join(part, entries, agencies)
        return Directory(entries, agencies)

    def with_part(self, part: DirectoryPart) -> Directory:
        """Return the directory with a member's verified part in place of its earlier one.

        The part that stands already changes nothing.
        Raises: PartVersionError if it is not newer, OriTakenError if another member lists one of
        its agencies.
        """
        standing = self._entries.get(part.member)
        if standing is not None and standing.part == part:
            return self
        entries, agencies = dict(self._entries), dict(self._agencies)
        _join(part, entries, agencies)
        return Directory(entries, agencies)

    # What is listed. None means that it is not.

    def members(self) -> tuple[Member, ...]:
        """Return the members that have a part, in order."""
        return tuple(sorted(self._entries))

    def part(self, member: Member) -> DirectoryPart | None:
        """Return a member's part."""
        entry = self._entries.get(member)
        return None if entry is None else entry.part

    def agency(self, ori: ORI) -> Agency | None:
        """Return an agency, active or not."""
        return self._agencies.get(ori)

    def member_of(self, ori: ORI) -> Member | None:
        """Return the member that lists an agency."""
        return self._members.get(ori)

    def families(self) -> Mapping[ORI, Family]:
        """Return every listed agency's family, inactive ones too: traffic of the past has them."""
        return MappingProxyType(self._families)

    def agencies_for_line(self, line: str) -> tuple[ORI, ...]:
        """Return the agencies that a connection may speak for, by member and as it lists them."""
        return tuple(self._lines.get(listed_line(line), ()))

    def line_may_speak_for(self, line: str, ori: ORI) -> bool:
        """Say whether the agency's own member binds it to this connection."""
        agency = self._agencies.get(ori)
        return agency is not None and listed_line(line) in agency.lines

    def host_of(self, member: Member) -> Host | None:
        """Return the host that a member certifies."""
        entry = self._entries.get(member)
        return None if entry is None else entry.part.host

    def hosts_named(self, name: HostName) -> tuple[Host, ...]:
        """Return every certified pair of keys of a host of this name.

        Two while a host changes keys. A key speaks only for the members whose own part names it.
        """
        return tuple(self._hosts.get(name, ()))

    def members_on(self, name: HostName) -> tuple[Member, ...]:
        """Return the members that certify a host of this name, in order."""
        return tuple(self._served.get(name, ()))

    def certification(self, state: Member, ori: ORI, now: int) -> Certification:
        """Return whether an agency's certification to a state stands at `now` (Unix seconds)."""
        entry = self._entries.get(state)
        until = None if entry is None else entry.certifications.get(ori)
        if until is None:
            return Certification.NONE
        return Certification.VALID if now < until else Certification.EXPIRED

    def reviewer(self, state: Member, name: str) -> ReviewerKey | None:
        """Return a state's enrolled reviewer of this name."""
        entry = self._entries.get(state)
        return None if entry is None else entry.reviewers.get(name)

    def answers(self, state: Member, key: MessageKey) -> bool:
        """Say whether a state's records are open to a message key at all."""
        entry = self._entries.get(state)
        return entry is not None and listed_key(key) in entry.answers

    def control_terminals(self, state: Member) -> tuple[Agency, ...]:
        """Return the active agencies that speak for a state's system itself."""
        entry = self._entries.get(state)
        return () if entry is None else entry.control

    def duty_contact(self, state: Member) -> str | None:
        """Return whom a requester calls about a hold of this state."""
        entry = self._entries.get(state)
        return None if entry is None else entry.part.duty_contact

    # What every message is checked against.

    def check_sender(self, line: str, ori: ORI) -> Agency:
        """Return the agency that a message on this connection is from (origin face).

        Raises: UnknownOriError, OriInactiveError, LineNotBoundError.
        """
        agency = self._active(ori)
        if listed_line(line) not in agency.lines:
            raise LineNotBoundError("this connection may not speak for `ori`")
        return agency

    def check_asker(self, origin: Member, ori: ORI) -> Agency:
        """Return the agency that another member asks for (answer face).

        A member asks for its own agencies only: else any member could ask in any agency's name.
        Raises: UnknownOriError, OriInactiveError, OriNotOfMemberError.
        """
        agency = self._active(ori)
        if self._members[ori] != origin:
            raise OriNotOfMemberError("`ori` is not listed by the member that asks")
        return agency

    def _active(self, ori: ORI) -> Agency:
        agency = self._agencies.get(ori)
        if agency is None:
            raise UnknownOriError("`ori` is not listed by any member")
        if not agency.active:
            raise OriInactiveError("`ori` is set to inactive by its member")
        return agency

    def resolve(self, code: str) -> Destination:
        """Return what a destination as written stands for, and the connected members behind it.

        Raises: UnknownDestinationError, DestinationNotServedError if no member is connected.
        """
        # The network's own codes come first, so that no part can list one away.
        found = self.resolve_any(code)
        connected = tuple(member for member in found.members if member in self._entries)
        if not connected:
            raise DestinationNotServedError("`destination` is not connected")
        return Destination(kind=found.kind, code=code, members=connected)

    def resolve_any(self, code: str) -> Destination:
        """Return what a destination as written stands for, connected or not.

        Raises: UnknownDestinationError.
        """
        found = resolve_code(code) or self._resolve_agency(code)
        if found is None:
            raise UnknownDestinationError("`destination` is no code and no agency of this network")
        return found

    def _resolve_agency(self, code: str) -> Destination | None:
        agency = self._agencies.get(ORI(code))
        if agency is None:
            return None
        if not agency.active:
            raise UnknownDestinationError("`destination` is an agency set to inactive")
        members = (self._members[agency.ori],)
        return Destination(kind=RouteKind.AGENCY, code=code, members=members)


EMPTY_DIRECTORY: Final = Directory({}, {})


def _join(part: DirectoryPart, entries: dict[Member, _Entry], agencies: dict[ORI, Agency]) -> None:
    """Put a part in place of its member's earlier one, or raise and change nothing."""
    standing = entries.get(part.member)
    if standing is not None and part.version <= standing.part.version:
        raise PartVersionError("`version` of a part is not above the one that stands")
    own = frozenset(a.ori for a in standing.part.agencies) if standing is not None else frozenset()
    if any(agency.ori in agencies and agency.ori not in own for agency in part.agencies):
        raise OriTakenError("`ori` of an agency is listed by another member")
    for ori in own:
        del agencies[ori]
    agencies.update((agency.ori, agency) for agency in part.agencies)
    entries[part.member] = _Entry(
        part=part,
        answers=frozenset(part.answers),
        reviewers={reviewer.name: reviewer for reviewer in part.reviewers},
        certifications={row.agency: row.until for row in part.certifications},
        control=tuple(a for a in part.agencies if a.is_control and a.active),
    )


def load_directory(
    signed: Iterable[SignedPart], root: TrustRoot
) -> tuple[Directory, tuple[PartFault, ...]]:
    """Return the directory of all parts that verify, and what was left out.

    One member's bad part takes nobody else from the directory.
    """
    entries: dict[Member, _Entry] = {}
    agencies: dict[ORI, Agency] = {}
    faults: list[PartFault] = []
    for row in signed:
        try:
            _join(verify_part(row, root), entries, agencies)
        except DirectoryError as error:
            faults.append(PartFault(member=row.member, code=error.code))
    return Directory(entries, agencies), tuple(faults)
