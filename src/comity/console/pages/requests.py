"""A requester's own requests: where each stands, what came, replies to reviewers, appeals.

Guarantee: nobody's but the signed-in person's own; a field that was not delivered is not there; a
state that is silent is said to be silent.
Source: docs/adr/0042-asking-in-the-browser.md, docs/adr/0057-appeals.md.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from comity.console.desk import Desk
from comity.console.pages.answer_words import answer_sentence, list_rows, list_sentence, state_words
from comity.console.pages.appealing_words import appealed_words, refusal_words, refusals_of
from comity.console.pages.asking_words import asked_facts
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import moment_said, plain
from comity.domain.agency import Agency
from comity.domain.ids import Member, parse_entry_name, wire_of_member
from comity.domain.query import Query
from comity.exchange.appeals import appeal_text
from comity.exchange.replies import REPLY_CHARS_MAX, REPLY_KEY, reply_text
from comity.formats.faults import MessageError
from comity.formats.rules import check_query
from comity.ports import UnreachableError
from comity.services.own_requests import OwnRequest, StateAnswer
from comity.services.requesting import FrontRefusedError, FrontUnclearError

__all__ = ["RequestPages"]

_FRESH_SECONDS: Final = 20
_WAIT_SECONDS: Final = 8
"""How long the page of a question that was just sent waits for the states."""
_CONTROL_CHARS: Final = 10
_TAKEN: Final = "idempotency-key-reused"
_PLAIN: Final = "Write plain letters, digits and signs, in at most {} characters."


class RequestPages:
    """The list of a person's requests, one of them, and what a reviewer asked about it."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def requests(self, visit: Visit) -> Reply:
        """Show what waits on whom."""
        agency, line = await self._place(visit)
        found = await self._desk.asking.own.recent(line, agency.ori, visit.person.asks_as)
        return self._views.page(
            "requests.html",
            visit,
            finding=list_sentence(found),
            groups=list_rows(found, visit.person.state, visit.now),
            agency=agency.name,
            ask=url_of(Name.ASK),
        )

    async def request(self, visit: Visit) -> Reply:
        """Show what came of one request."""
        agency, line = await self._place(visit)
        return await self._show(visit, agency, await self._request(visit, agency, line))

    async def reply(self, visit: Visit) -> Reply:
        """Send the person's reply to a reviewer's question; sent twice it is one reply."""
        agency, line = await self._place(visit)
        request = await self._request(visit, agency, line)
        state = _asked_state(request, visit.form.one("hold"))
        if state is None:
            raise ProblemError(Problem.NO_QUESTION)
        text = visit.form.one("text").replace("\r\n", "\n").strip()
        query = _reply_of(request, state, text)
        if not _is_fit(query, text):
            fault = _PLAIN.format(REPLY_CHARS_MAX)
            return await self._show(visit, agency, request, fault=(text, fault))
        return await self._send(visit, line, query)

    async def appeal(self, visit: Visit) -> Reply:
        """Send the person's appeal against a refusal; sent twice it is one appeal."""
        agency, line = await self._place(visit)
        request = await self._request(visit, agency, line)
        entry = visit.form.one("refusal")
        if entry not in {each.entry for each in refusals_of(request, visit.now).values()}:
            raise ProblemError(Problem.NO_APPEAL)
        text = visit.form.one("text").replace("\r\n", "\n").strip()
        query = _appeal_of(request, entry, text)
        if not _is_fit(query, text):
            fault = _PLAIN.format(REPLY_CHARS_MAX)
            return await self._show(visit, agency, request, fault=(text, fault))
        return await self._send(visit, line, query)

    async def _send(self, visit: Visit, line: str, query: Query) -> Reply:
        try:
            await self._desk.asking.requesting.send(line, query)
        except FrontRefusedError as error:
            if error.reason != _TAKEN:
                raise ProblemError(Problem.NOT_TAKEN, f"{error} (`{error.reason}`)") from None
        except (FrontUnclearError, UnreachableError):
            raise ProblemError(Problem.MAYBE_SENT) from None
        return go_to(url_of(Name.REQUEST, request=visit.values["request"]))

    async def _place(self, visit: Visit) -> tuple[Agency, str]:
        directory = await self._desk.books.directory()
        return self._desk.asking.place_of(visit.person, directory)

    async def _request(self, visit: Visit, agency: Agency, line: str) -> OwnRequest:
        """Return the request that a path names, as far as it was delivered.

        Raises: ProblemError if it is not this person's.
        """
        asking, control = self._desk.asking, visit.values["request"]
        accepted = await asking.own.find(line, control, agency.ori, visit.person.asks_as)
        if accepted is None:
            raise ProblemError(Problem.NO_REQUEST)
        is_fresh = visit.now - accepted.accepted_at <= _FRESH_SECONDS
        try:
            delivered = await asking.requesting.delivered(
                line, control, _WAIT_SECONDS if is_fresh else 0
            )
        except (FrontRefusedError, FrontUnclearError, UnreachableError):
            raise ProblemError(Problem.BUSY) from None
        return await asking.own.request(accepted, delivered or (), line)

    async def _show(
        self,
        visit: Visit,
        agency: Agency,
        request: OwnRequest,
        *,
        fault: tuple[str, str] = ("", ""),
    ) -> Reply:
        state, now = visit.person.state, visit.now
        written, wrong = fault
        found = await self._found(agency, request)
        return self._views.page(
            "request.html",
            visit,
            status=422 if wrong else 200,
            finding=answer_sentence(request, state, now),
            asked=asked_facts(request.accepted.query, agency),
            sent=moment_said(request.accepted.accepted_at, state, now),
            name=visit.values["request"],
            states=[
                state_words(each, request.open_question(each), state, now)
                for each in request.states
            ],
            replies=[
                (
                    moment_said(each.at, state, now),
                    each.entry.upper(),
                    [plain(line) for line in each.text.splitlines()],
                )
                for each in request.replies
            ],
            written=written,
            wrong=(("text", wrong),) if wrong else (),
            refusals=refusal_words(request, now),
            appeals=[appealed_words(each, found, state, now) for each in request.appeals],
            reply_max=REPLY_CHARS_MAX,
            appeal=url_of(Name.MAKE_APPEAL, request=visit.values["request"]),
            reply=url_of(Name.REPLY, request=visit.values["request"]),
            again=url_of(Name.REQUEST, request=visit.values["request"]),
            requests=url_of(Name.REQUESTS),
            is_over=all(each.is_final for each in request.states),
        )

    async def _found(self, agency: Agency, request: OwnRequest) -> dict[str, str]:
        """Return what states told the agency of this request's appeals, by refusal."""
        if not request.appeals:
            return {}
        directory = await self._desk.books.directory()
        found = await self._desk.asking.own.found(agency.lines[0])
        # Anybody can write such a line: it counts from a terminal of the state alone.
        return {
            each.entry: each.text
            for each in found
            if each.origin
            in {
                terminal.ori
                for terminal in directory.control_terminals(parse_entry_name(each.entry)[0])
            }
        }


def _is_fit(query: Query, text: str) -> bool:
    """Say whether a reply can travel as a message."""
    try:
        check_query(query)
    except MessageError:
        return False
    return 0 < len(text) <= REPLY_CHARS_MAX


def _asked_state(request: OwnRequest, entry: str) -> StateAnswer | None:
    """Return the state whose reviewer waits for a reply about a hold."""
    for state in request.states:
        asked = request.open_question(state)
        if asked is not None and asked.hold is not None and asked.hold.entry == entry:
            return state
    return None


def _reply_of(request: OwnRequest, state: StateAnswer, text: str) -> Query:
    """Return the message that a reply is; of one question it has one control field."""
    last = state.last
    assert last is not None
    assert last.hold is not None
    said = request.accepted.query
    # What was refused may be replied to anew; two clicks at once are one reply.
    before = sum(reply.entry == last.hold.entry for reply in request.replies)
    asked = (
        request.accepted.line,
        said.control or "",
        last.hold.entry,
        f"{last.step}",
        f"{before}",
    )
    return _message(request, state.state, asked, reply_text(last.hold.entry, text))


def _appeal_of(request: OwnRequest, entry: str, text: str) -> Query:
    """Return the message that an appeal is; of one refusal it has one control field."""
    said = request.accepted
    # What a state did not take may be sent anew; two clicks at once are one appeal.
    before = sum(each.entry == entry for each in request.appeals)
    asked = (said.line, said.query.control or "", "appeal", entry, f"{before}")
    return _message(request, parse_entry_name(entry)[0], asked, appeal_text(entry, text))


def _message(request: OwnRequest, state: Member, asked: Iterable[str], body: str) -> Query:
    """Return a message to a state about a request, under what the request claims."""
    said = request.accepted.query
    digest = sha256("\0".join(asked).encode()).digest()
    return Query(
        key=REPLY_KEY,
        origin=said.origin,
        destinations=(wire_of_member(state),),
        control=base64.b32encode(digest).decode("ascii")[:_CONTROL_CHARS],
        fields=(("", body),),
        claims=said.claims,
    )
