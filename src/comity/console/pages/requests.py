"""A requester's own requests: where each stands, what came, replies to reviewers, appeals, and to
whom what came was passed on.

Guarantee: nobody's but the signed-in person's own; a field that was not delivered is not there; a
state that is silent is said to be silent.
Source: docs/adr/0042-asking-in-the-browser.md, docs/adr/0056-onward-transfers.md,
docs/adr/0057-appeals.md.
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
from comity.console.pages.onward_form import (
    OnwardForm,
    blank_form,
    onward_facts,
    onward_form,
    releases_of,
)
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import moment_said, plain
from comity.domain.agency import Agency
from comity.domain.ids import Member, parse_entry_name, wire_of_member
from comity.domain.onward import ToldOnward
from comity.domain.query import Query
from comity.exchange.appeals import appeal_text
from comity.exchange.onward import onward_text
from comity.exchange.replies import REPLY_CHARS_MAX, REPLY_KEY, reply_text
from comity.formats.faults import MessageError
from comity.formats.rules import check_query
from comity.ports import UnreachableError
from comity.services.own_requests import OwnReply, OwnRequest, StateAnswer
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

    async def tell_onward(self, visit: Visit) -> Reply:
        """Tell a state to whom what it released was passed on; sent twice it is told once."""
        agency, line = await self._place(visit)
        request = await self._request(visit, agency, line)
        releases = releases_of(request)
        if visit.form.one("release") not in {each.entry for each in releases}:
            raise ProblemError(Problem.NO_RELEASE)
        form = onward_form(visit, releases)
        if form.faults or form.told is None:
            return await self._show(visit, agency, request, onward=form)
        return await self._send(visit, line, _told_of(request, form.told))

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
        """Send a message, unless it was sent before; go to the request's page."""
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
        onward: OnwardForm | None = None,
    ) -> Reply:
        state, now = visit.person.state, visit.now
        written, wrong = fault
        found = await self._found(agency, request)
        return self._views.page(
            "request.html",
            visit,
            status=422 if wrong or onward else 200,
            finding=answer_sentence(request, state, now),
            asked=asked_facts(request.accepted.query, agency),
            sent=moment_said(request.accepted.accepted_at, state, now),
            name=visit.values["request"],
            states=[
                state_words(each, request.open_question(each), state, now)
                for each in request.states
            ],
            replies=[_said(each, state, now) for each in request.replies],
            told=[_said(each, state, now) for each in request.told],
            onward=onward_facts(onward or blank_form(), releases_of(request)),
            tell=url_of(Name.TELL_ONWARD, request=visit.values["request"]),
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


def _said(each: OwnReply, state: Member, now: int) -> tuple[str, str, list[str]]:
    """Return a message of the person's own: when, about what, its lines and what came of it."""
    lines = [plain(line) for line in each.text.splitlines()]
    if each.remark and each.response is not None:
        lines.append(plain(each.remark))
    return moment_said(each.at, state, now), each.entry.upper(), lines


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


def _told_of(request: OwnRequest, told: ToldOnward) -> Query:
    """Return the message that tells of an onward transfer; of the same words it is one."""
    said, body = request.accepted, onward_text(told)
    asked = (said.line, said.query.control or "", body)
    return _message(request, parse_entry_name(told.entry)[0], asked, body)


def _message(request: OwnRequest, state: Member, asked: Iterable[str], body: str) -> Query:
    """Return a message to a state about a request.

    It states what the request stated, so that its leaf shows no more than that one's.
    """
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
