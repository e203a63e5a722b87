"""What changes from one part of a member to the next, as counts and as sentences for people.

Guarantee: two parts differ in a way that is told, or they are equal; sentences come in one fixed
order. A key is told of by its name, its bytes are not shown.
Source: docs/adr/0018-directory-messages.md, "Versions".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from comity.domain.agency import (
    ActsFor,
    Agency,
    DirectoryPart,
    ReviewerKey,
    text_of_acts_for,
)

__all__ = ["FieldChange", "PartDiff", "diff_parts"]

_AGENCY_FIELDS: Final = tuple(field for field in Agency.__struct_fields__ if field != "ori")
_NONE: Final = "none"


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field of one agency, as words, before and after."""

    ori: str
    field: str
    before: str
    after: str


class PartDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What changes from a version to another. `others` says what changes beside agencies."""

    member: str
    version_old: int
    version_new: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[FieldChange, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many agencies are added, removed and changed, and how much changes beside them."""
        return {
            "added": len(self.added),
            "removed": len(self.removed),
            "changed": len({change.ori for change in self.changed}),
            "others": len(self.others),
        }

    @property
    def is_empty(self) -> bool:
        """Whether nothing but the version differs."""
        return not any(self.counts.values())

    def sentences(self) -> tuple[str, ...]:
        """Return what changes, one sentence each."""
        return (
            *(f"Agency {ori} is added." for ori in self.added),
            *(f"Agency {ori} is removed." for ori in self.removed),
            *(
                f"Agency {change.ori}: {change.field} changes from {change.before} to "
                f"{change.after}."
                for change in self.changed
            ),
            *self.others,
        )


def diff_parts(old: DirectoryPart, new: DirectoryPart) -> PartDiff:
    """Return what changes from one part to another of the same member."""
    before = {agency.ori: agency for agency in old.agencies}
    after = {agency.ori: agency for agency in new.agencies}
    both = sorted(before.keys() & after.keys())
    return PartDiff(
        member=new.member,
        version_old=old.version,
        version_new=new.version,
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(change for ori in both for change in _field_changes(before[ori], after[ori])),
        others=tuple(_others(old, new)),
    )


def _field_changes(before: Agency, after: Agency) -> Iterator[FieldChange]:
    for field in _AGENCY_FIELDS:
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            yield FieldChange(ori=after.ori, field=field, before=_words(old), after=_words(new))


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, tuple):
        return str(value) or _NONE
    words = (text_of_acts_for(v) if isinstance(v, ActsFor) else str(v) for v in value)
    return " ".join(words) or _NONE


def _others(old: DirectoryPart, new: DirectoryPart) -> Iterator[str]:
    if old.member != new.member:
        yield f"The part is of member {new.member}, not {old.member}."
    if old.host.name != new.host.name:
        yield f"The host changes from {old.host.name} to {new.host.name}."
    if old.host.verify_key != new.host.verify_key:
        yield "The host's signing key changes."
    if old.host.seal_key != new.host.seal_key:
        yield "The host's sealing key changes."
    if old.ledger_key != new.ledger_key:
        yield "The ledger's key changes: its checkpoints are of another ledger from then on."
    if old.duty_contact != new.duty_contact:
        yield f"The duty contact changes from {old.duty_contact} to {new.duty_contact}."
    yield from _sets("Key", old.answers, new.answers, "is answered", "is no longer answered")
    # By the whole row: a reviewer with another key is another reviewer.
    before, after = set(old.reviewers), set(new.reviewers)
    for removed in sorted(map(_reviewer_name, before - after)):
        yield f"Reviewer {removed} is removed."
    for added in sorted(map(_reviewer_name, after - before)):
        yield f"Reviewer {added} is added."
    certified = [row.agency for row in old.certifications]
    certifies = [row.agency for row in new.certifications]
    yield from _sets("Certification of", certified, certifies, "is added", "is removed")
    yield from _certification_dates(old, new)
    if old.practice != new.practice:
        yield f"The part is {'' if new.practice else 'no longer '}practice data."
    yield from _order(old, new)


def _sets(
    what: str, old: Iterable[str], new: Iterable[str], gained: str, lost: str
) -> Iterator[str]:
    before, after = set(old), set(new)
    yield from (f"{what} {value} {gained}." for value in sorted(after - before))
    yield from (f"{what} {value} {lost}." for value in sorted(before - after))


def _reviewer_name(reviewer: ReviewerKey) -> str:
    return f"{reviewer.name} (key {reviewer.key_id})"


def _certification_dates(old: DirectoryPart, new: DirectoryPart) -> Iterator[str]:
    before = {row.agency: row.until for row in old.certifications}
    for row in sorted(new.certifications, key=lambda row: row.agency):
        until = before.get(row.agency)
        if until not in {None, row.until}:
            yield f"Certification of {row.agency} stands until {_day(row.until)}."


def _day(seconds: int) -> str:
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).date().isoformat()
    except (OverflowError, ValueError):
        return f"{seconds} seconds after 1970"


def _order(old: DirectoryPart, new: DirectoryPart) -> Iterator[str]:
    """Yield a sentence for each list that holds the same in another order."""
    lists = (
        ("Agencies", [a.ori for a in old.agencies], [a.ori for a in new.agencies]),
        ("Keys answered", list(old.answers), list(new.answers)),
        (
            "Reviewers",
            [_reviewer_name(r) for r in old.reviewers],
            [_reviewer_name(r) for r in new.reviewers],
        ),
        (
            "Certifications",
            [r.agency for r in old.certifications],
            [r.agency for r in new.certifications],
        ),
    )
    for what, before, after in lists:
        if before != after and sorted(before) == sorted(after):
            yield f"{what} stand in another order."
