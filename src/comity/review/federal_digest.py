"""The daily digest of federal queries: when it is due, to whom it goes, and what it says.

Guarantee: it holds what public leaves and the directory say, and nothing of a person (invariant
`public-bytes-hold-no-person`); no text of a directory can make a line of a letter's head.
Source: docs/adr/0047-federal-queries-as-they-are-decided.md, "Decision: a digest".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec

from comity.directory.directory import Directory
from comity.domain.errors import MalformedError
from comity.domain.ids import ORI, Member, entry_name, member_label
from comity.review.deadline_words import day_words
from comity.review.federal import FederalQuery, FederalTally, tally_by_agency, tally_of
from comity.review.federal_words import tally_said

__all__ = ["DIGEST_AGENCIES_MAX", "DIGEST_TO_MAX", "DigestTerms", "check_digest", "digest_due",
           "digest_words"]  # fmt: skip

DIGEST_TO_MAX: Final = 16
"""Addresses that a digest goes to."""
DIGEST_AGENCIES_MAX: Final = 50
"""Agencies that a digest has counts of."""
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,190}", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9.:-]{1,253}", re.ASCII)
_HIDDEN: Final = "not shown in the ledger"


class DigestTerms(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"sender": "from"}
):
    """Who takes and gets a state's digest, and from which hour of its day on."""

    host: str
    sender: str
    to: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=DIGEST_TO_MAX)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    hour: Annotated[int, msgspec.Meta(ge=0, le=23)] = 7
    user: Annotated[str, msgspec.Meta(max_length=254, pattern=r"^[!-~]*$")] = ""


def check_digest(terms: DigestTerms) -> None:
    """Check what a form cannot. Raises: MalformedError naming the field."""
    if not _HOST.fullmatch(terms.host):
        raise MalformedError("`digest.host` is no name of a server")
    if not all(_ADDRESS.fullmatch(each) for each in (terms.sender, *terms.to)):
        raise MalformedError("`digest.from` or `digest.to` is no address")


def digest_due(now: int, last: date, hour: int, zone: str) -> date | None:
    """Return the day whose digest is due at `now` (Unix seconds), if the last one was of `last`."""
    local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone))
    return local.date() if local.hour >= hour and local.date() > last else None


def digest_words(
    state: Member,
    queries: Sequence[FederalQuery],
    directory: Directory,
    *,
    last: date,
    leaves: tuple[int, int],
    is_cut: bool = False,
) -> tuple[str, str]:
    """Return a digest's subject and text; `leaves` are the first, and the one behind the last.

    `is_cut` says that more queries may have moved than these, which moved last.
    """
    label, tally = member_label(state), tally_of(queries)
    since = day_words(last)
    if not queries:
        subject = f"{label}: no federal query since {since}"
        finding = f"No query by a federal agency moved in {label} since the digest of {since}."
    else:
        count = "1 query" if tally.asked == 1 else f"{tally.asked:,} queries"
        count = f"At least {count}" if is_cut else count
        subject = f"{label}: {count} by federal agencies since {since}"
        finding = (
            f"{count} by federal agencies moved in {label} since the digest of {since}: "
            f"{tally_said(tally)}."
        )
    first, behind = leaves
    read = "nothing new in the ledger"
    if behind > first:
        entries = f"{entry_name(state, first)} to {entry_name(state, behind - 1)}".upper()
        read = entries.replace(" TO ", " to ")
    lines = [finding, "", *_table(tally_by_agency(queries), directory)]
    lines += [f"Read: {read}. By the hour and in public terms; nobody in a record is named."]
    return subject, "\n".join(lines) + "\n"


def _table(tallies: Sequence[tuple[str, FederalTally]], directory: Directory) -> list[str]:
    if not tallies:
        return []
    rows = ["  asked  released  refused  no record  waiting  agency"]
    for ori, tally in tallies[:DIGEST_AGENCIES_MAX]:
        counts = (
            f"{tally.asked:>7,}{tally.released:>10,}{tally.refused:>9,}"
            f"{tally.none:>11,}{tally.held:>9,}"
        )
        rows.append(f"{counts}  {_agency(ori, directory)}")
    further = len(tallies) - DIGEST_AGENCIES_MAX
    if further > 0:
        rows.append(f"  and {further:,} agencies that asked less")
    return [*rows, ""]


def _agency(ori: str, directory: Directory) -> str:
    if not ori:
        return _HIDDEN
    agency = directory.agency(ORI(ori))
    name = agency.name if agency is not None else "not listed"
    return f"{''.join(c if c.isprintable() else '?' for c in name)} ({ori})"
