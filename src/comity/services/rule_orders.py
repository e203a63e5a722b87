"""People's orders on a state's rules: signed here, sent to its gateway, carried out there.

INVARIANT (restriction-never-waits): an order leaves at once; how many people it takes, and whether
it may take force, the gateway decides by itself.
Source: docs/adr/0028-publishing-rules.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

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
from comity.domain.verdict import Ed25519Proof
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
from comity.ports import Bus
from comity.services.sending import send_command

__all__ = [
    "OrderSigner",
    "RuleOrders",
    "policy_order",
    "signature_on",
    "signatures_of",
    "signed_policy",
    "signed_shadow",
    "signed_thaw",
]

_PROOF_S_MAX: Final = 120.0
"""How long a gateway may take: the gate runs for seconds, a solver up to ten for one guarantee."""


class OrderSigner(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs an order: the enrolled name, and how that person signs."""

    name: str
    sign: Callable[[bytes], Ed25519Proof]


def policy_order(bundle: PolicyBundle, at: int, note: str = "") -> PolicyOrder:
    """Return the order that puts a bundle into force, for people to sign; `at` is Unix seconds."""
    return order_of(bundle.state, bundle.version, encode_bundle(bundle), at, note)


def signature_on(order: PolicyOrder, signer: OrderSigner) -> OrderSignature:
    """Return one person's signature of an order that puts rules into force."""
    (signature,) = signatures_of((signer,), policy_order_bytes(order))
    return signature


def signed_policy(
    bundle: PolicyBundle, signers: Sequence[OrderSigner], at: int, note: str = ""
) -> bytes:
    """Return a bundle signed to take force, as the gateway takes it; `at` is Unix seconds."""
    return _signed(bundle, signers, policy_order(bundle, at, note), policy_order_bytes)


def signed_shadow(
    bundle: PolicyBundle, signers: Sequence[OrderSigner], at: int, note: str = ""
) -> bytes:
    """Return a bundle signed to be announced, as the gateway takes it; `at` is Unix seconds."""
    return _signed(bundle, signers, policy_order(bundle, at, note), shadow_order_bytes)


def signed_thaw(
    bundle: PolicyBundle, signers: Sequence[OrderSigner], at: int, note: str = ""
) -> bytes:
    """Return an order that ends a freeze of the rules in force; `at` is Unix seconds."""
    order = policy_order(bundle, at, note)
    signatures = signatures_of(signers, policy_thaw_bytes(order))
    return encode_signed_thaw(SignedThaw(order=order, signatures=signatures))


class RuleOrders:
    """Sends orders to the host whose gateway owns the state's ledger.

    Each raises GatewayRefusalError with the gateway's own code, GatewaySilentError, by which it may
    have been carried out, and UnreachableError.
    """

    def __init__(self, *, bus: Bus, host: str) -> None:
        self._bus = bus
        self._host = host

    async def publish(self, state: Member, data: bytes) -> CommandDone:
        """Have a signed policy put into force."""
        return await self._done(PublishPolicy(state=state, bundle=data))

    async def announce(self, state: Member, data: bytes) -> CommandDone:
        """Have signed rules announced."""
        return await self._done(ShadowPolicy(state=state, bundle=data))

    async def thaw(self, state: Member, data: bytes) -> CommandDone:
        """Have a freeze of the rules in force ended."""
        return await self._done(ThawPolicy(state=state, thaw=data))

    async def certify(self, state: Member, family: str = "") -> SignedCertificate:
        """Have guarantees certified, or a family's block, which the gateway probes for it.

        Raises: CertificateFormError.
        """
        result = await self._sent(Certify(state=state, family=family))
        assert isinstance(result, Certified)
        return parse_certificate(result.certificate)

    async def _done(self, command: Command) -> CommandDone:
        result = await self._sent(command)
        assert isinstance(result, CommandDone)
        return result

    async def _sent(self, command: Command) -> CommandResult:
        return await send_command(self._bus, self._host, command, timeout_s=_PROOF_S_MAX)


def _signed(
    bundle: PolicyBundle,
    signers: Sequence[OrderSigner],
    order: PolicyOrder,
    said: Callable[[PolicyOrder], bytes],
) -> bytes:
    return encode_signed_policy(
        SignedPolicy(
            bundle=encode_bundle(bundle),
            order=order,
            signatures=signatures_of(signers, said(order)),
        )
    )


def signatures_of(signers: Sequence[OrderSigner], message: bytes) -> tuple[OrderSignature, ...]:
    """Return each person's signature of a message, in their order. Raises: what signing raises."""
    proofs = [(signer.name, signer.sign(message)) for signer in signers]
    return tuple(
        OrderSignature(name=name, key_id=proof.key_id, signature=proof.signature)
        for name, proof in proofs
    )
