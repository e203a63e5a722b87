"""A state's rules on their way to its gateway: signed here, sent, and put into force there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from comity.app import open_bus
from comity.cli.errors import UsageError
from comity.cli.reviewing import COMMAND_USER, signature_of
from comity.domain.certificate import SignedCertificate, parse_certificate
from comity.domain.ids import Member
from comity.domain.keeping import OrderSignature
from comity.domain.publishing import (
    PolicyOrder,
    SignedPolicy,
    SignedThaw,
    encode_signed_policy,
    encode_signed_thaw,
    order_of,
    policy_order_bytes,
    policy_thaw_bytes,
    shadow_order_bytes,
)
from comity.link.command import (
    Certified,
    Certify,
    Command,
    CommandDone,
    CommandResult,
    PublishPolicy,
    ShadowPolicy,
    ThawPolicy,
)
from comity.policy import PolicyBundle, encode_bundle
from comity.roles.host_files import HostFiles, ReviewerFile, read_reviewer_file
from comity.roles.settings import Settings
from comity.services.sending import send_command

__all__ = [
    "certified",
    "people_of",
    "published",
    "shadowed",
    "signed_policy",
    "signed_shadow",
    "thawed",
]

_PROOF_S_MAX: Final = 120.0
"""How long a gateway may take: the gate runs for seconds, a solver up to ten for one guarantee."""


def people_of(
    settings: Settings, state: Member, names: Sequence[str], files: Sequence[Path], count: int
) -> list[ReviewerFile]:
    """Return those who sign: by key files, by the names of keys kept here, or the first kept.

    Raises: UsageError if a name is not kept here, HostFilesError.
    """
    found = [read_reviewer_file(path) for path in files]
    kept = [read_reviewer_file(path) for path in HostFiles(settings.data_dir).reviewer_paths(state)]
    by_name = {reviewer.name: reviewer for reviewer in kept}
    for name in names:
        if name not in by_name:
            raise UsageError(f"no key of `{name}` is kept here for `{state}`: {', '.join(by_name)}")
        found.append(by_name[name])
    found = found or kept[:count]
    if not found:
        raise UsageError(f"no key of an enrolled person of `{state}` is kept here: --signed-by")
    return found


def signed_policy(bundle: PolicyBundle, people: Sequence[ReviewerFile], note: str = "") -> bytes:
    """Return a bundle signed by people, as the gateway takes it."""
    return _signed(bundle, people, note, policy_order_bytes)


def signed_shadow(bundle: PolicyBundle, people: Sequence[ReviewerFile], note: str = "") -> bytes:
    """Return a bundle signed by people to be announced, as the gateway takes it."""
    return _signed(bundle, people, note, shadow_order_bytes)


def _signed(
    bundle: PolicyBundle,
    people: Sequence[ReviewerFile],
    note: str,
    said: Callable[[PolicyOrder], bytes],
) -> bytes:
    order = _order(bundle, note)
    return encode_signed_policy(
        SignedPolicy(
            bundle=encode_bundle(bundle),
            order=order,
            signatures=_signatures(bundle.state, people, said(order)),
        )
    )


def published(settings: Settings, state: Member, data: bytes) -> CommandDone:
    """Have the gateway put a signed policy into force. Raises: GatewayRefusalError."""
    result = _sent(settings, PublishPolicy(state=state, bundle=data), timeout_s=_PROOF_S_MAX)
    assert isinstance(result, CommandDone)
    return result


def shadowed(settings: Settings, state: Member, data: bytes) -> CommandDone:
    """Have the gateway announce signed rules. Raises: GatewayRefusalError."""
    result = _sent(settings, ShadowPolicy(state=state, bundle=data), timeout_s=_PROOF_S_MAX)
    assert isinstance(result, CommandDone)
    return result


def certified(settings: Settings, state: Member, family: str = "") -> SignedCertificate:
    """Have the gateway certify its guarantees, or a family's block, which it probes for it.

    Raises: GatewayRefusalError, CertificateFormError.
    """
    result = _sent(settings, Certify(state=state, family=family), timeout_s=_PROOF_S_MAX)
    assert isinstance(result, Certified)
    return parse_certificate(result.certificate)


def thawed(
    settings: Settings, bundle: PolicyBundle, people: Sequence[ReviewerFile], note: str
) -> CommandDone:
    """Have the gateway end a freeze of the rules in force, signed by people.

    Raises: GatewayRefusalError.
    """
    order = _order(bundle, note)
    signatures = _signatures(bundle.state, people, policy_thaw_bytes(order))
    thaw = encode_signed_thaw(SignedThaw(order=order, signatures=signatures))
    result = _sent(settings, ThawPolicy(state=bundle.state, thaw=thaw), timeout_s=_PROOF_S_MAX)
    assert isinstance(result, CommandDone)
    return result


def _order(bundle: PolicyBundle, note: str) -> PolicyOrder:
    body = encode_bundle(bundle)
    return order_of(bundle.state, bundle.version, body, int(time.time()), note)


def _signatures(
    state: Member, people: Sequence[ReviewerFile], message: bytes
) -> tuple[OrderSignature, ...]:
    proofs = [(person.name, signature_of(state, person, message)) for person in people]
    return tuple(
        OrderSignature(name=name, key_id=proof.key_id, signature=proof.signature)
        for name, proof in proofs
    )


def _sent(settings: Settings, command: Command, *, timeout_s: float) -> CommandResult:
    async def send() -> CommandResult:
        async with open_bus(settings, COMMAND_USER) as bus:
            host = HostFiles(settings.data_dir).host_name()
            return await send_command(bus, host, command, timeout_s=timeout_s)

    return asyncio.run(send())
