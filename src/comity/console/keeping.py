"""A person's orders on records from a page: signed within the request, sent, what came of them.

Guarantee: an order whose first signer holds no place for it any more is not sent; what the gateway
does not take becomes a problem in words, and what may have been done is called so.
Source: docs/adr/0044-legal-desk.md; docs/adr/0037-signing-in.md.
"""

from __future__ import annotations

from typing import Final

from comity.console.desk import Desk
from comity.console.errors import NotASignerError
from comity.console.problems import Problem, ProblemError
from comity.console.routes import KEEPS_RECORDS
from comity.console.visits import Visit
from comity.domain.keeping import SignedOrder
from comity.link.errors import GatewayRefusalError, GatewaySilentError
from comity.ports import SigningKeyError
from comity.review.keeping import HoldUnknownError
from comity.review.orders import OrderExpiredError, SecondPersonError
from comity.services.health import ClockSkewedError
from comity.services.keeping import OrderUsedError
from comity.services.keeping_orders import also_signed

__all__ = ["carry_out", "lift_asked_by", "signed_by"]

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
    _check_places(desk, signed)
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


def _check_places(desk: Desk, signed: SignedOrder) -> None:
    """Check that whoever signed keeps records for the state still. Raises: ProblemError."""
    held = {
        person.signs_as
        for person in desk.people().persons
        if person.state == signed.order.state and person.has_any(*KEEPS_RECORDS)
    }
    if not {signature.name for signature in signed.signatures} <= held:
        raise ProblemError(Problem.LIFT_MOVED)
