"""Commands on a state's rules: put into force, announce, certify, end a freeze.

See `comity.link.command`.
"""

from __future__ import annotations

import msgspec

from comity.domain.certificate import CERTIFICATE_BYTES_MAX
from comity.domain.ids import Member
from comity.link.forms import is_family

__all__ = [
    "Certified",
    "Certify",
    "PublishPolicy",
    "ShadowPolicy",
    "ThawPolicy",
    "is_certified",
    "is_certify",
]


class PublishPolicy(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="publish_policy",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A state's new rules: a signed policy as `domain.publishing` encodes it."""

    state: Member
    bundle: bytes


class ShadowPolicy(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="shadow_policy",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Rules to be announced, or those in force to end it: signed as an announcement."""

    state: Member
    bundle: bytes


class Certify(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="certify",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Sign what the gateway itself finds of the rules in force: guarantees, or the block of a
    family, which is probed for it.
    """

    state: Member
    family: str = ""


class ThawPolicy(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="thaw_policy",
    forbid_unknown_fields=True,
):  # fmt: skip
    """End the freeze of a state's publications: a signed thaw as `domain.publishing` encodes it."""

    state: Member
    thaw: bytes


class Certified(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="certified",
    forbid_unknown_fields=True,
):  # fmt: skip
    """What came of `certify`: a certificate as `domain.certificate` encodes it."""

    certificate: bytes


def is_certify(command: Certify) -> bool:
    """Say whether a command names a family by its form, or none."""
    return not command.family or is_family(command.family)


def is_certified(result: Certified) -> bool:
    """Say whether a result can be a certificate by its length."""
    return 0 < len(result.certificate) <= CERTIFICATE_BYTES_MAX
