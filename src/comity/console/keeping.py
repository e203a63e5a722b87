"""A person's orders on records from a page: signed within the request, sent, what came of them.

Guarantee: an order whose first signer holds no place for it any more is not sent; what the gateway
does not take becomes a problem in words, and what may have been done is called so.
Source: docs/adr/0044-legal-desk.md; docs/adr/0037-signing-in.md.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from comity.console.desk import Desk
from comity.console.errors import NotASignerError
from comity.console.problems import Problem, ProblemError
from comity.console.routes import KEEPS_RECORDS
from comity.console.visits import Visit
from comity.domain.ids import Member
from comity.domain.keeping import Order, SignedOrder
from comity.link.errors import GatewayRefusalError, GatewaySilentError
from comity.ports import SigningKeyError
from comity.review.keeping import HoldUnknownError
from comity.review.orders import OrderExpiredError, SecondPersonError
from comity.services.health import ClockSkewedError
from comity.services.keeping import OrderUsedError
from comity.services.keeping_orders import also_signed
from comity.services.litigation import StandingHold, read_holds

__all__ = ["HOLDS_SHOWN", "carry_out", "check_places", "lift_asked_by", "place_hold", "signed_by"]

HOLDS_SHOWN: Final = 100
"""Litigation holds on a page, the newest; what was sent twice is looked for among them."""

_PROBLEMS: Final = {
    HoldUnknownError.code: Problem.LITIGATION_ENDED,
    OrderExpiredError.code: Problem.LIFT_MOVED,
    OrderUsedError.code: Problem.LITIGATION_ENDED,
    SecondPersonError.code: Problem.LIFT_SECOND,
    ClockSkewedError.code: Problem.BUSY,
}


def lift_asked_by(asked: SignedOrder) -> str:
    """Return the enrolled name of who signed first."""
    return asked.signatures[0].name


def signed_by(desk: Desk, visit: Visit, signed: SignedOrder) -> SignedOrder:
    """Return an order signed by who is signed in. Raises: ProblemError."""
    try:
        return also_signed(signed, desk.keeping_signer(visit.session))
    except (NotASignerError, SigningKeyError) as error:
        desk.events.failure("order_not_signed", error, member=signed.order.state)
        raise ProblemError(Problem.NO_KEY) from None


async def carry_out(desk: Desk, signed: SignedOrder) -> str:
    """Have an order carried out; return its entry. Raises: ProblemError."""
    member = signed.order.state
    names = {signature.name for signature in signed.signatures}
    check_places(desk, member, names, Problem.LIFT_MOVED)
    try:
        return (await desk.keeping.carry_out(signed)).entry
    except GatewayRefusalError as error:
        desk.events.failure("order_not_taken", error, member=member)
        problem = _PROBLEMS.get(error.reason, Problem.ORDER_REFUSED)
        more = str(error) if problem is Problem.ORDER_REFUSED else ""
        raise ProblemError(problem, more) from None
    except GatewaySilentError as error:
        desk.events.failure("order_unanswered", error, member=member)
        raise ProblemError(Problem.ORDER_SILENT) from None


async def place_hold(desk: Desk, visit: Visit, order: Order) -> str:
    """Have who is signed in place a litigation hold; one that this person placed already stands
    once. Return its entry. Raises: ProblemError; KeyEventError, StoreDownError.
    """
    found = await read_holds(desk.store, desk.ledger, desk.records, order.state, HOLDS_SHOWN)
    for hold in found.holds:
        if _is_same(hold, order, visit.person.signs_as):
            return hold.entry  # Sent twice: the first one stands.
    return await carry_out(desk, signed_by(desk, visit, SignedOrder(order=order, signatures=())))


def check_places(desk: Desk, state: Member, names: Collection[str], problem: Problem) -> None:
    """Check that whoever signed keeps records for the state still. Raises: ProblemError."""
    held = {
        person.signs_as
        for person in desk.people().persons
        if person.state == state and person.has_any(*KEEPS_RECORDS)
    }
    if not held.issuperset(names):
        raise ProblemError(problem)


def _is_same(hold: StandingHold, order: Order, name: str) -> bool:
    return (hold.months, hold.reason, hold.matter) == (
        order.months,
        order.reason,
        order.matter,
    ) and hold.persons == (name,)
