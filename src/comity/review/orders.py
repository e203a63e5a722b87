"""Whether an order counts: signed by people who are enrolled, by enough of them, and today.

# INVARIANT (review-is-verified): what is signed is `order_bytes`, nothing else; each signature is
looked up in the directory, and two people are two names with two keys.
Source: docs/adr/0024-private-records.md, "Orders".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.keeping import (
    ORDER_SECONDS_MAX,
    TWO_PEOPLE,
    OrderSignature,
    SignedOrder,
    check_order,
    order_bytes,
)

__all__ = [
    "Enrolled",
    "OrderExpiredError",
    "OrderRefusedError",
    "SecondPersonError",
    "check_signed_order",
    "check_time",
    "signers",
]

_CLOCK_SECONDS_MAX = 300
_TWO = 2

Enrolled = Callable[[str], ReviewerKey | None]
"""Returns the key that the order's member has enrolled for a person of this name."""


class OrderRefusedError(ComityError):
    """A signature of an order is not that of a person whom the member has enrolled."""

    code = "order-refused"


class SecondPersonError(ComityError):
    """What an order does cannot be undone: two different people must sign it."""

    code = "second-person-missing"


class OrderExpiredError(ComityError):
    """An order counts for a day from the time it names, and not before that time."""

    code = "order-expired"


def check_signed_order(signed: SignedOrder, enrolled: Enrolled, now: int) -> tuple[str, ...]:
    """Return the names of those who ordered it, in the order of their signatures.

    `now` is Unix seconds. Every signature must hold: one that does not is no decoration.
    Raises: OrderError, OrderRefusedError, SecondPersonError, OrderExpiredError.
    """
    order = signed.order
    check_order(order)
    names = signers(signed.signatures, order_bytes(order), enrolled)
    if not names or (order.act in TWO_PEOPLE and len(names) < _TWO):
        raise SecondPersonError(f"`{order.act}` takes the signatures of two different people")
    check_time(order.at, now)
    return names


def signers(
    signatures: Sequence[OrderSignature], message: bytes, enrolled: Enrolled
) -> tuple[str, ...]:
    """Return the names of those who signed a message, each once.

    Raises: OrderRefusedError, SecondPersonError.
    """
    keys = [_key_of(signature, enrolled, message) for signature in signatures]
    names = tuple(key.name for key in keys)
    if len(set(names)) != len(names) or len({key.verify_key for key in keys}) != len(keys):
        raise SecondPersonError("the same person signed the order twice")
    return names


def check_time(at: int, now: int) -> None:
    """Check that an order counts at `now`; both are Unix seconds. Raises: OrderExpiredError."""
    if not -_CLOCK_SECONDS_MAX <= now - at <= ORDER_SECONDS_MAX:
        raise OrderExpiredError("`at` of the order is more than a day ago, or still to come")


def _key_of(signature: OrderSignature, enrolled: Enrolled, message: bytes) -> ReviewerKey:
    key = enrolled(signature.name)
    if key is None or key.key_id != signature.key_id:
        raise OrderRefusedError(f"`{signature.name}` has no such key enrolled")
    try:
        Ed25519PublicKey.from_public_bytes(key.verify_key).verify(signature.signature, message)
    except (InvalidSignature, ValueError):
        raise OrderRefusedError(f"the signature of `{signature.name}` does not hold") from None
    return key
