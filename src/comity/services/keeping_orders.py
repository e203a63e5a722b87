"""People's orders on keys and records: what they do in words, signed here, sent to their gateway.

INVARIANT (review-is-verified): what is signed is `order_bytes`; how many people an order takes, and
whether anything speaks against it, the gateway decides by itself.
Source: docs/adr/0024-private-records.md, "Orders"; docs/adr/0044-legal-desk.md.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from comity.domain.ids import member_label
from comity.domain.keeping import Order, OrderAct, SignedOrder, check_order, order_bytes
from comity.link.command import CarryOut, CommandDone
from comity.ports import Bus
from comity.services.rule_orders import OrderSigner, signatures_of
from comity.services.sending import send_command

__all__ = ["KeepingOrders", "also_signed", "order_digest", "what_it_does"]


class KeepingOrders:
    """Sends orders to the host whose gateway owns the member's keys and ledger."""

    def __init__(self, *, bus: Bus, host: str) -> None:
        self._bus = bus
        self._host = host

    async def carry_out(self, signed: SignedOrder) -> CommandDone:
        """Have an order carried out.

        Raises: GatewayRefusalError with the gateway's own code, GatewaySilentError, by which it may
        have been carried out, and UnreachableError.
        """
        done = await send_command(self._bus, self._host, CarryOut(signed=signed))
        assert isinstance(done, CommandDone)
        return done


def also_signed(signed: SignedOrder, signer: OrderSigner) -> SignedOrder:
    """Return an order with one more person's signature. Raises: OrderError; what signing raises."""
    check_order(signed.order)
    added = signatures_of((signer,), order_bytes(signed.order))
    return msgspec.structs.replace(signed, signatures=(*signed.signatures, *added))


def order_digest(order: Order) -> str:
    """Return what names an order among others: the SHA-256 of what people sign, in hexadecimal."""
    return sha256(order_bytes(order)).hexdigest()


def what_it_does(order: Order) -> str:
    """Say what an order has done, in words."""
    label = member_label(order.state)
    months = ", ".join(order.months or ())
    match order.act:
        case OrderAct.DESTROY:
            return f"destroy {label}'s keys of {months}"
        case OrderAct.ROTATE:
            return f"give {label} a new key for the rest of {months}"
        case OrderAct.DECLARE_LOST:
            return f"declare {label}'s keys of {months} lost"
        case OrderAct.HOLD:
            return f"hold {label}'s records of {months or 'all months'} for litigation"
        case OrderAct.END_HOLD:
            return f"end the litigation hold {order.entry}"
        case OrderAct.SCHEDULE:
            return f"keep {label}'s records for {order.keep_months} months after theirs"
        case OrderAct.EXPUNGE:
            return f"expunge the private record of {order.entry}"
        case OrderAct.REDACT:
            return f"withdraw {order.entry} from the public ledger"
        case OrderAct.SUCCEED:
            return f"let {label}'s ledger be succeeded at {order.entry}"
