"""Commands on a ledger's public side: checkpoints, cosignatures, segments. See `link.command`."""

from __future__ import annotations

import msgspec

from comity.domain.ids import Member

__all__ = ["KeepCosignatures", "KeepSegment", "ReleaseLeaves", "SignCheckpoint"]


class SignCheckpoint(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="sign_checkpoint",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Sign the member's committed head now, not at the next interval: before an export."""

    member: Member


class KeepCosignatures(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="keep_cosignatures",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Witnesses cosigned the member's checkpoint of this size, the worker was told: their lines."""

    member: Member
    size: int
    lines: tuple[bytes, ...]


class KeepSegment(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="keep_segment",
    forbid_unknown_fields=True,
):  # fmt: skip
    """The member's segment is in the public store, and its files make this root."""

    member: Member
    segment: int
    root: bytes


class ReleaseLeaves(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="release_leaves",
    forbid_unknown_fields=True,
):  # fmt: skip
    """The files of the member's sealed segment were just read back: its rows may leave."""

    member: Member
    segment: int
    root: bytes
