"""A person's orders on rules from a page: signed within the request, sent, and what came of them.

INVARIANT (restriction-never-waits): what is ordered leaves with the request, and waits for nobody.
Guarantee: whatever the gateway does not take becomes a problem in words, and what may have been
done although nothing was heard of it is called so.
Source: docs/adr/0040-rules-in-the-browser.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from comity.console.desk import Desk
from comity.console.errors import NotASignerError
from comity.console.problems import Problem, ProblemError
from comity.console.visits import Visit
from comity.domain.certificate import SignedCertificate
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.link.errors import GatewayRefusalError, GatewaySilentError
from comity.policy import PolicyBundle
from comity.ports import SigningKeyError
from comity.review.orders import SecondPersonError
from comity.services.rule_orders import signed_policy, signed_shadow
from comity.services.rulebook import RulesRefusedError

__all__ = [
    "CERTIFY_SECONDS_MAX",
    "announce_rules",
    "carried_out",
    "certify_block",
    "put_into_force",
    "signed_here",
]

CERTIFY_SECONDS_MAX: Final = 20.0
"""How long a page waits for a block's certificate; the block is in force by then."""

_PROBLEMS: Final = {
    RulesRefusedError.code: Problem.RULES_MOVED,
    SecondPersonError.code: Problem.SECOND_PERSON,
}


async def put_into_force(desk: Desk, visit: Visit, bundle: PolicyBundle) -> None:
    """Have a version put into force, signed by who is signed in. Raises: ProblemError."""
    state, signer = bundle.state, desk.rule_signer(visit.session)
    with signed_here(desk, state):
        data = signed_policy(bundle, (signer,), visit.now)
    await carried_out(desk, state, desk.orders.publish(state, data))


async def announce_rules(desk: Desk, visit: Visit, bundle: PolicyBundle) -> None:
    """Have rules announced, signed by who is signed in. Raises: ProblemError."""
    state, signer = bundle.state, desk.rule_signer(visit.session)
    with signed_here(desk, state):
        data = signed_shadow(bundle, (signer,), visit.now)
    await carried_out(desk, state, desk.orders.announce(state, data))


@contextmanager
def signed_here(desk: Desk, state: Member) -> Iterator[None]:
    """Let what is signed for who is signed in be signed, or be a problem. Raises: ProblemError."""
    try:
        yield
    except (NotASignerError, SigningKeyError) as error:
        desk.events.failure("rules_not_signed", error, member=state)
        raise ProblemError(Problem.NO_KEY) from None


async def carried_out(
    desk: Desk,
    state: Member,
    sending: Awaitable[object],
    problems: Mapping[str, Problem] = _PROBLEMS,
) -> None:
    """Wait for an order on rules to be carried out; `problems` by the gateway's codes.

    Raises: ProblemError.
    """
    try:
        await sending
    except GatewayRefusalError as error:
        desk.events.failure("rules_not_taken", error, member=state)
        problem = problems.get(error.reason, Problem.REFUSED)
        raise ProblemError(problem, str(error) if problem is Problem.REFUSED else "") from None
    except GatewaySilentError as error:
        desk.events.failure("rules_unanswered", error, member=state)
        raise ProblemError(Problem.SILENT) from None


async def certify_block(desk: Desk, state: Member, family: str) -> SignedCertificate | None:
    """Have a block probed and certified, and keep it; None if it cannot be made now.

    The block stands whatever comes of this.
    """
    try:
        async with asyncio.timeout(CERTIFY_SECONDS_MAX):
            signed = await desk.orders.certify(state, family)
    except TimeoutError:
        desk.events.note("block_certified_too_late", member=state)
        return None
    except ComityError as error:
        desk.events.failure("block_not_certified", error, member=state)
        return None
    desk.certificates.put(signed)
    return signed
