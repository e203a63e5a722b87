"""One change of a member's part by a directory message: TA adds an agency, TU updates it, TD
deletes it.

Guarantee: a change gives a part of the next version that its member may publish, or an error with
its code, or says that it changes nothing; the same message again is always the last. Whoever could
change the part by message before can do so after it.
Source: docs/adr/0018-directory-messages.md, "Changes".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final, assert_never

import msgspec

from comity.directory.errors import (
    DirectoryFieldError,
    FamilyNotOwnError,
    LastControlError,
    NotControlError,
    OriListedError,
    OriNotListedError,
    OriNotOwnError,
    OriReservedError,
    OriTakenError,
)
from comity.directory.help import parse_help_ori
from comity.directory.ranges import agency_faults, check_part, family_root
from comity.directory.routes import resolve_code
from comity.domain.agency import Agency, DirectoryPart, Family, Form
from comity.domain.errors import MalformedError
from comity.domain.ids import ORI, Member, parse_ori, wire_of_member
from comity.domain.vocabulary import AgencyType, wire_of

__all__ = [
    "EDIT_KEYS",
    "Edit",
    "EditKind",
    "Edited",
    "agency_type_of",
    "apply_edit",
    "has_editor",
    "is_reserved",
    "parse_edit",
]


class EditKind(StrEnum):
    """What a directory message does to its agency."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


EDIT_KEYS: Final = {"TA": EditKind.ADD, "TU": EditKind.UPDATE, "TD": EditKind.DELETE}
"""The message keys that change a part."""

_REQUIRED: Final = ("AGN", "LOC", "TYP", "FAM")
_PREFIXES: Final = frozenset({"ORI", *_REQUIRED, "PHO", "LIN", "FRM", "ACT", "CTL", "SML"})
# A message has no field for `acts_for`: what it can make wrong there is the family.
_PREFIX_OF: Final = {
    "name": "AGN", "family": "FAM", "lines": "LIN", "phone": "PHO", "place": "LOC",
    "acts_for": "FAM",
}  # fmt: skip
_RESERVED_ENDS: Final = frozenset({"NLETREP"})
"""Ends of identifiers that stand for no agency; `routes.toml` has those that stand for records."""

_TYPES: Final = {wire_of(kind): kind for kind in AgencyType if wire_of(kind)}
_YES_NO: Final = {"Y": True, "N": False}
_FLAGS: Final = {"ACT": {"A": True, "I": False}, "CTL": _YES_NO, "SML": _YES_NO}


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A change as its message says it: `changes` are the fields of the agency that it sets."""

    kind: EditKind
    ori: ORI
    changes: dict[str, object] = {}


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """What a change makes of a part; with `is_changed` false the part is the one that stood.

    `before` and `after` are the agency, None where the part does not list it.
    """

    part: DirectoryPart
    edit: Edit
    before: Agency | None
    after: Agency | None
    is_changed: bool


def agency_type_of(code: str) -> AgencyType | None:
    """Return the type of agency that the network's two-character code stands for, or None."""
    return _TYPES.get(code)


def parse_edit(key: str, fields: tuple[tuple[str, str], ...]) -> Edit:
    """Return the change that a message's fields say, upper-cased as they come.

    Raises: DirectoryFieldError for a field that is missing, repeated, unknown or outside its range.
    """
    kind = EDIT_KEYS[key]
    counts = Counter(prefix for prefix, _ in fields)
    for prefix, count in counts.items():
        if prefix not in _PREFIXES or (kind is EditKind.DELETE and prefix != "ORI"):
            raise DirectoryFieldError("a field is not one of this key's")
        if count > 1:
            raise DirectoryFieldError(f"`{prefix}` stands twice")
    said = dict(fields)
    required = ("ORI", *_REQUIRED) if kind is EditKind.ADD else ("ORI",)
    for prefix in required:
        if prefix not in said:
            raise DirectoryFieldError(f"`{prefix}` is missing")
    try:
        ori = parse_ori(said.pop("ORI"))
    except MalformedError:
        raise DirectoryFieldError("`ORI` is not nine of A-Z and 0-9") from None
    changes = dict(_change(prefix, value) for prefix, value in said.items())
    return Edit(kind=kind, ori=ori, changes=changes)


def _change(prefix: str, value: str) -> tuple[str, object]:
    """Return the agency's field that a message's field sets, and its value."""
    is_blank = bool(value) and not value.strip("0")
    match prefix:
        case "AGN":
            return "name", _kept(prefix, value, is_blank)
        case "LOC":
            return "place", _kept(prefix, value, is_blank)
        case "FAM":
            return "family", Family(_kept(prefix, value, is_blank))
        case "TYP":
            return "type", _known(prefix, _TYPES.get(value))
        case "PHO":
            return "phone", "" if is_blank else value
        case "LIN":
            return "lines", () if is_blank else (value.lower(),)
        case "FRM":
            names = {form.name: form for form in Form}
            return "form", Form.TEXT if is_blank else _known(prefix, names.get(value))
        case "ACT":
            return "active", _known(prefix, _FLAGS[prefix].get(value))
        case "SML":
            return "small", _known(prefix, _FLAGS[prefix].get(value))
        case _:
            assert prefix == "CTL"
            return "is_control", _known(prefix, _FLAGS[prefix].get(value))


def _kept(prefix: str, value: str, is_blank: bool) -> str:
    if is_blank or not value:
        raise DirectoryFieldError(f"`{prefix}` cannot be blanked")
    return value


def _known(prefix: str, value: object) -> object:
    if value is None:
        raise DirectoryFieldError(f"`{prefix}` is not one of its codes")
    return value


def apply_edit(
    part: DirectoryPart,
    edit: Edit,
    *,
    sender: ORI,
    listed_by: Callable[[ORI], Member | None],
) -> Edited:
    """Return what a change by an agency of the member makes of the member's part.

    `listed_by` names the member that lists an agency now. That the line may speak for `sender` was
    checked at the origin: so the line that owns a member's records is its control terminal's.
    Raises: EditError and its kinds, OriTakenError, FamilyNotOwnError, PartMalformedError.
    """
    agencies = {agency.ori: agency for agency in part.agencies}
    speaker = agencies.get(sender)
    if speaker is None or not (speaker.active and speaker.is_control):
        raise NotControlError("only an active control terminal of the member may change `ori`")
    before = agencies.get(edit.ori)
    after = _agency_after(part.member, edit, before, listed_by)
    if after == before:
        return Edited(part=part, edit=edit, before=before, after=after, is_changed=False)
    if after is None:
        del agencies[edit.ori]
    else:
        agencies[edit.ori] = after
    if not has_editor(agencies.values()):
        raise LastControlError("`ori` is the last active control terminal with a line")
    following = msgspec.structs.replace(
        part, version=part.version + 1, agencies=tuple(agencies.values())
    )
    check_part(following)
    return Edited(part=following, edit=edit, before=before, after=after, is_changed=True)


def has_editor(agencies: Iterable[Agency]) -> bool:
    """Say whether any of these can change its member's part: a control terminal with a line."""
    return any(agency.active and agency.is_control and agency.lines for agency in agencies)


def _agency_after(
    member: Member,
    edit: Edit,
    before: Agency | None,
    listed_by: Callable[[ORI], Member | None],
) -> Agency | None:
    """Return the agency as the change leaves it; None where it is not listed then."""
    match edit.kind:
        case EditKind.ADD:
            return _added(member, edit, before, listed_by)
        case EditKind.UPDATE:
            if before is None:
                raise OriNotListedError("`ori` is not listed by this member")
            after = msgspec.structs.replace(before, **edit.changes)
            _check_agency(member, after)
            return after
        case EditKind.DELETE:
            if before is None and listed_by(edit.ori) is not None:
                raise OriNotListedError("`ori` is not listed by this member")
            return None
        case _:
            assert_never(edit.kind)


def _added(
    member: Member,
    edit: Edit,
    before: Agency | None,
    listed_by: Callable[[ORI], Member | None],
) -> Agency:
    ori = edit.ori
    after = msgspec.convert({"ori": ori, **msgspec.to_builtins(edit.changes)}, Agency)
    if before is not None:
        if after != before:
            raise OriListedError("`ori` is listed already with other values: update it")
        return before
    if not ori.startswith(wire_of_member(member)):
        raise OriNotOwnError("`ori` does not begin with the member's own code")
    if is_reserved(ori):
        raise OriReservedError("`ori` stands for something else of the network")
    if listed_by(ori) not in {None, member}:
        raise OriTakenError("`ori` is listed by another member")
    _check_agency(member, after)
    return after


def is_reserved(ori: ORI) -> bool:
    """Say whether an identifier stands for records, a help file or a role, so for no agency."""
    is_generic = resolve_code(ori) is not None or ori[2:] in _RESERVED_ENDS
    return is_generic or parse_help_ori(ori) is not None


def _check_agency(member: Member, agency: Agency) -> None:
    faults = agency_faults(agency)
    if faults:
        raise DirectoryFieldError(f"`{_PREFIX_OF[faults[0]]}` is outside its range")
    if not agency.family.startswith(family_root(member)):
        raise FamilyNotOwnError("`FAM` does not begin with the member's own")
