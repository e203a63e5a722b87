"""A state's rules on their way to its gateway: who signs them, by keys kept here or in files.

What is signed and sent is `services.rule_orders`, which the console uses too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from comity.app.wire import open_bus
from comity.cli.errors import UsageError
from comity.cli.reviewing import COMMAND_USER, kept_keys, signature_of
from comity.domain.certificate import SignedCertificate
from comity.domain.ids import Member
from comity.domain.verdict import Ed25519Proof
from comity.link.command import CommandDone
from comity.policy import PolicyBundle
from comity.roles.host_files import HostFiles, ReviewerFile, read_reviewer_file
from comity.roles.settings import Settings
from comity.services import rule_orders
from comity.services.rule_orders import OrderSigner, RuleOrders

__all__ = [
    "certified",
    "people_of",
    "published",
    "shadowed",
    "signed_policy",
    "signed_shadow",
    "thawed",
]

ResultT = TypeVar("ResultT")


def people_of(
    settings: Settings, state: Member, names: Sequence[str], files: Sequence[Path], count: int
) -> list[ReviewerFile]:
    """Return those who sign: by key files, by the names of keys kept here, or the first kept.

    Raises: UsageError if a name is not kept here, HostFilesError.
    """
    found = [read_reviewer_file(path) for path in files]
    kept = [read_reviewer_file(path) for path in kept_keys(settings, state)]
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
    return rule_orders.signed_policy(bundle, _signers(bundle, people), int(time.time()), note)


def signed_shadow(bundle: PolicyBundle, people: Sequence[ReviewerFile], note: str = "") -> bytes:
    """Return a bundle signed by people to be announced, as the gateway takes it."""
    return rule_orders.signed_shadow(bundle, _signers(bundle, people), int(time.time()), note)


def published(settings: Settings, state: Member, data: bytes) -> CommandDone:
    """Have the gateway put a signed policy into force. Raises: GatewayRefusalError."""
    return _sent(settings, lambda orders: orders.publish(state, data))


def shadowed(settings: Settings, state: Member, data: bytes) -> CommandDone:
    """Have the gateway announce signed rules. Raises: GatewayRefusalError."""
    return _sent(settings, lambda orders: orders.announce(state, data))


def certified(settings: Settings, state: Member, family: str = "") -> SignedCertificate:
    """Have the gateway certify its guarantees, or a family's block, which it probes for it.

    Raises: GatewayRefusalError, CertificateFormError.
    """
    return _sent(settings, lambda orders: orders.certify(state, family))


def thawed(
    settings: Settings, bundle: PolicyBundle, people: Sequence[ReviewerFile], note: str
) -> CommandDone:
    """Have the gateway end a freeze of the rules in force, signed by people.

    Raises: GatewayRefusalError.
    """
    signers = _signers(bundle, people)
    thaw = rule_orders.signed_thaw(bundle, signers, int(time.time()), note)
    return _sent(settings, lambda orders: orders.thaw(bundle.state, thaw))


def _signers(bundle: PolicyBundle, people: Sequence[ReviewerFile]) -> list[OrderSigner]:
    return [_signer(bundle.state, person) for person in people]


def _signer(state: Member, person: ReviewerFile) -> OrderSigner:
    def sign(message: bytes) -> Ed25519Proof:
        return signature_of(state, person, message)

    return OrderSigner(name=person.name, sign=sign)


def _sent(settings: Settings, send: Callable[[RuleOrders], Awaitable[ResultT]]) -> ResultT:
    async def sent() -> ResultT:
        async with open_bus(settings, COMMAND_USER) as bus:
            host = HostFiles(settings.data_dir).host_name()
            return await send(RuleOrders(bus=bus, host=host))

    return asyncio.run(sent())
