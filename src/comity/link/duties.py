"""The command by which a duty is over. See `comity.link.command`."""

from __future__ import annotations

import msgspec

from comity.domain.ids import Member

__all__ = ["EndDuty"]


class EndDuty(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="end_duty",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A duty was carried out, the worker says: its row may go. What it was about stays a leaf."""

    member: Member
    duty_id: int
