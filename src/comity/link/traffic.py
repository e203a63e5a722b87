"""Commands on a member's recorded traffic. See `comity.link.command`."""

from __future__ import annotations

import msgspec

from comity.domain.ids import Member

__all__ = ["FoldTraffic"]


class FoldTraffic(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="fold_traffic",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Fold the next leaves of the member's ledger into the roll-up of its traffic."""

    member: Member
