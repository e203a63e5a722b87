"""What an agency's line may ask, and whom: the checks between a frame and its `query` leaf.

    1. the message is parsed and checked by its format
    2. its sender may speak on this line, and may send this key; what it tells of an onward transfer
       has its form
    3. its destinations become members that answer it
    4. a query to a federal system passes the sender's own state's rules too: what they do not let
       go is first asked of that state itself, whose gateway refuses or holds it

INVARIANT (fail-closed): a message that fails any of these is answered by an error message and goes
nowhere. INVARIANT (state-decides): a query tells its receiver whom an officer just stopped, so that
step 4 is the state's own choice. Source: docs/adr/0013-routes.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.directory.errors import KeyNotAnsweredError, UnknownOriError
from comity.directory.routing import check_entitled, plan_route
from comity.domain.agency import Form
from comity.domain.errors import ComityError
from comity.domain.ids import OPERATOR_MEMBER, Member, QueryId, entry_name
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.exchange.answering import is_let_through, judge
from comity.exchange.bases import rests_on_claim
from comity.exchange.claimed import claims_instrument, unclaimed
from comity.exchange.facts import facts_of
from comity.exchange.onward import told_onward
from comity.exchange.origin import AcceptedQuery, assurance_of, exchanges_of
from comity.formats.faults import MessageError
from comity.formats.status import Notice, parse_announcement
from comity.ports import LineFrame
from comity.services.forms import MessageRefusedError, parse_message
from comity.services.member import World
from comity.services.sequencer import NotOwnedError, Sequencer

__all__ = ["Intake"]

_NS: Final = 1_000_000_000
_STATUS: Final = MessageKey("SM")
_TO_PEOPLE: Final = MessageKey("AM")


class Intake:
    """Turns frames into accepted queries for the members of one host."""

    def __init__(self, *, world: World, sequencer: Sequencer) -> None:
        self._world = world
        self._sequencer = sequencer

    def accept(self, frame: LineFrame, query_id: QueryId, now_ns: int) -> AcceptedQuery:
        """Return the query that a frame holds. Raises: MessageRefusedError."""
        oris = self._world.directory.agencies_for_line(frame.line)
        form, query = parse_message(frame.data, oris)
        try:
            accepted = self._routed(frame.line, form, query, query_id, now_ns // _NS)
            return self._as_home_lets(accepted)
        except ComityError as error:
            raise MessageRefusedError.of_route(error, form, query) from error

    def _routed(
        self, line: str, form: Form, query: Query, query_id: QueryId, now: int
    ) -> AcceptedQuery:
        directory = self._world.directory
        check_entitled(directory.check_sender(line, query.origin), query.key)
        # Refused while its sender is there to mend it; the state looks at it again.
        told_onward(query.key, query.value("") or "")
        member = self._member(query)
        return AcceptedQuery(
            query_id=query_id,
            query=query,
            route=plan_route(directory, _as_routed(query, member), member),
            member=member,
            line=line,
            form=form,
            assurance=assurance_of(query),
            accepted_at=now,
        )

    def _member(self, query: Query) -> Member:
        member = self._world.directory.member_of(query.origin)
        if member is None:
            raise UnknownOriError("`ori` is not listed by any member")
        if not self._sequencer.owns(member):
            raise NotOwnedError("the sender's member is not served here")
        return member

    def _as_home_lets(self, accepted: AcceptedQuery) -> AcceptedQuery:
        """Return the query as the sender's own state lets it go. Raises: NoPolicyError."""
        if not accepted.route.leaves_home:
            return accepted
        index, policy = self._world.policy(accepted.member)
        held = msgspec.structs.replace(accepted, waits_for_home=True, home_policy=index)
        (exchange,) = exchanges_of(held, entry_name(accepted.member, index))
        facts = facts_of(exchange, self._world.directory, accepted.accepted_at)
        judged = judge(exchange, facts, policy, index)
        is_free = is_let_through(judged)
        if is_free and claims_instrument(exchange):
            # What leaves on the claim of an instrument waits for the state like anything in doubt.
            is_free = not rests_on_claim(judged, unclaimed(judged, policy))
        if not is_free and self._world.directory.answers(exchange.state, exchange.key):
            # Asked of the state, it would be answered from its records, not with its leave.
            raise KeyNotAnsweredError("`key` does not leave the sender's state by its rules")
        return msgspec.structs.replace(held, waits_for_home=not is_free)


def _as_routed(query: Query, member: Member) -> Query:
    """Return a message as it is routed: a notice to all goes to people, as an administrative one.

    A state's own "in service" is for its own gateway, like every numbered status.
    """
    if query.key != _STATUS:
        return query
    try:
        said = parse_announcement(query.value("") or "")
    except MessageError:
        return query
    is_for_people = isinstance(said, Notice) and (bool(said.until) or member == OPERATOR_MEMBER)
    if not is_for_people:
        return query
    return msgspec.structs.replace(query, key=_TO_PEOPLE)
