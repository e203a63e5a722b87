"""Whether a part says only what its member may say, in values that can be used as they stand.

Guarantee: a part that passes lists agencies of the member's own families, each once, with keys of
the right length. Whether another member lists the same agency is seen when parts come together.
Source: docs/adr/0010-directory-parts.md, "Parts".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from comity.directory.errors import FamilyNotOwnError, PartMalformedError
from comity.directory.limits import (
    ACTS_FOR_MAX,
    AGENCY_LINES_MAX,
    NAME_CHARS_MAX,
    PART_AGENCIES_MAX,
    PART_CERTIFICATIONS_MAX,
    PART_REVIEWERS_MAX,
    PLACE_CHARS_MAX,
    PLACE_CHARS_MIN,
)
from comity.domain.agency import (
    Agency,
    DirectoryPart,
    Host,
    ReviewerKey,
    family_ancestors,
    parse_family,
)
from comity.domain.errors import MalformedError
from comity.domain.ids import Member, parse_host_name, parse_member, parse_ori
from comity.domain.keys import KEYS

__all__ = ["agency_faults", "check_part", "family_root", "is_place"]

_KEY_BYTES: Final = 32
_VERSION_MAX: Final = 2**53
_TIME_MAX: Final = 2**40
_LINE: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}").fullmatch
_PHONE: Final = re.compile(r"[0-9+() .x-]{0,32}").fullmatch
_KEY_ID: Final = re.compile(r"[0-9a-f]{8}").fullmatch


def family_root(member: Member) -> str:
    """Return what every family of a member's agencies begins with: `TX/`, `US/`."""
    return f"{member.upper()}/"


def check_part(part: DirectoryPart) -> None:
    """Check a part by itself. Raises: PartMalformedError, FamilyNotOwnError."""
    try:
        parse_member(part.member)
        _check_host(part.host)
        root = family_root(part.member)
        for agency in part.agencies:
            _check_agency(agency, root)
        for row in part.certifications:
            parse_ori(row.agency)
    except MalformedError as error:
        raise PartMalformedError(f"`part` is malformed: {error}") from None
    _require(1 <= part.version <= _VERSION_MAX, "version")
    _require(len(part.ledger_key) == _KEY_BYTES, "ledger_key")
    _require(_is_name(part.duty_contact), "duty_contact")
    _require(all(key in KEYS for key in part.answers), "answers")
    _require(_are_distinct(part.answers), "answers")
    _require(len(part.agencies) <= PART_AGENCIES_MAX, "agencies")
    _require(_are_distinct(agency.ori for agency in part.agencies), "agencies")
    _check_reviewers(part.reviewers)
    _require(len(part.certifications) <= PART_CERTIFICATIONS_MAX, "certifications")
    _require(_are_distinct(row.agency for row in part.certifications), "certifications")
    _require(all(0 <= row.until <= _TIME_MAX for row in part.certifications), "certifications")


def _check_host(host: Host) -> None:
    parse_host_name(host.name)
    # A name of digits alone could make a signed batch read as a checkpoint (ADR 0004).
    _require(not host.name.isdigit(), "name")
    _require(len(host.verify_key) == _KEY_BYTES, "verify_key")
    _require(len(host.seal_key) == _KEY_BYTES, "seal_key")


def _check_agency(agency: Agency, root: str) -> None:
    faults = agency_faults(agency)
    _require(not faults, faults[0] if faults else "")
    if not agency.family.startswith(root):
        raise FamilyNotOwnError("`family` of an agency does not begin with the member's own")


def agency_faults(agency: Agency) -> tuple[str, ...]:
    """Return the names of an agency's fields that are outside their range, in their order.

    Whose a family may be is not a range: `check_part` asks that of the member.
    """
    ranges = (
        ("ori", _parses(parse_ori, agency.ori)),
        ("name", _is_name(agency.name)),
        ("family", _parses(parse_family, agency.family)),
        ("lines", _are_lines(agency.lines)),
        ("phone", _PHONE(agency.phone) is not None),
        ("place", not agency.place or is_place(agency.place)),
        ("acts_for", _are_acts(agency)),
    )
    return tuple(field for field, holds in ranges if not holds)


def is_place(text: str) -> bool:
    """Say whether a text can be an agency's place: 2 to 20 characters, none a space at an end."""
    is_long = PLACE_CHARS_MIN <= len(text) <= PLACE_CHARS_MAX
    return is_long and text.isprintable() and text == text.strip()


def _are_lines(lines: tuple[str, ...]) -> bool:
    return (
        len(lines) <= AGENCY_LINES_MAX
        and all(_LINE(line) for line in lines)
        and _are_distinct(lines)
    )


def _are_acts(agency: Agency) -> bool:
    acts = agency.acts_for
    return (
        len(acts) <= ACTS_FOR_MAX
        and all(_parses(parse_family, each.family) for each in acts)
        and len({each.family for each in acts}) == len(acts)
        # Whoever is of a family acts for it anyway.
        and not any(each.family in family_ancestors(agency.family) for each in acts)
    )


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except MalformedError:
        return False
    return True


def _check_reviewers(reviewers: tuple[ReviewerKey, ...]) -> None:
    _require(len(reviewers) <= PART_REVIEWERS_MAX, "reviewers")
    _require(_are_distinct(reviewer.name for reviewer in reviewers), "reviewers")
    for reviewer in reviewers:
        is_keyed = _KEY_ID(reviewer.key_id) and len(reviewer.verify_key) == _KEY_BYTES
        _require(_is_name(reviewer.name) and bool(is_keyed), "reviewers")


def _is_name(text: str) -> bool:
    return 0 < len(text) <= NAME_CHARS_MAX and text.isprintable()


def _are_distinct(values: Iterable[str]) -> bool:
    listed = list(values)
    return len(set(listed)) == len(listed)


def _require(holds: bool, field: str) -> None:
    if not holds:
        raise PartMalformedError(f"`{field}` of a part is outside its range")
