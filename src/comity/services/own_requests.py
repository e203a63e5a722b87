"""An agency's person's own requests: found by agency and operator, told by state and step.

Guarantee: nobody's request but of the same agency and the same operator is found; what is listed
says nothing of a record. An answer is what was delivered, and silence is never an answer.
Source: docs/adr/0042-asking-in-the-browser.md.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from comity.directory.http_lines import frame_number, http_line
from comity.domain.answer import Answer, Element, ResponseKind, Withheld
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, Member
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import DataClass, LeafDecision
from comity.exchange.appeals import appealed_entry, found_entry
from comity.exchange.onward import OnwardFormError, told_onward
from comity.exchange.origin import AcceptedQuery, decode_accepted
from comity.exchange.replies import replied_entry
from comity.formats.delivered import Delivered
from comity.formats.json.delivered import parse_delivered
from comity.ports import AcceptedRow, ResultRow, Store
from comity.review.call_backs import CALLED_REMARK
from comity.services.deliveries import open_result
from comity.services.entries import accepted_place
from comity.services.events import Events
from comity.services.forms import read_delivery
from comity.services.requesting import key_of
from comity.services.vault import Vault

__all__ = [
    "REQUESTS_SHOWN_MAX",
    "OwnFinding",
    "OwnReply",
    "OwnRequest",
    "OwnRequests",
    "StateAnswer",
    "answers_of",
]

REQUESTS_SHOWN_MAX: Final = 50
"""Requests of one person that are listed."""
_LOOKED_AT_MAX: Final = 500
_PAGES_MAX: Final = 20
"""Pages of a line's deliveries that are looked through for decisions on appeals."""


class StateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one state has said so far, in the order of its steps; nothing where it is silent.

    `at` is when what it said last was delivered (Unix seconds, to the minute).
    """

    state: Member
    answers: tuple[Answer, ...] = ()
    at: int = 0

    @property
    def last(self) -> Answer | None:
        """What it said last."""
        return self.answers[-1] if self.answers else None

    @property
    def elements(self) -> tuple[Element, ...]:
        """Everything that it released, in order, each once."""
        found = (element for answer in self.answers for element in answer.elements)
        return tuple(dict.fromkeys(found))

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """Each class that stands withheld by now, as it was said last."""
        found: dict[DataClass, Withheld] = {}
        for answer in self.answers:
            for element in answer.elements:
                found.pop(element.data_class, None)
            found |= {part.data_class: part for part in answer.withheld}
        return tuple(found.values())

    @property
    def questions(self) -> tuple[Answer, ...]:
        """What a reviewer of the state asked, in order."""
        return tuple(filter(_is_question, self.answers))

    @property
    def is_final(self) -> bool:
        """Whether it has said its last word."""
        return any(answer.is_final for answer in self.answers)


class About(StrEnum):
    """What a message to a state is about, beside requests."""

    REVIEW = "a reviewer's question"
    ONWARD = "to whom a release was passed on"
    APPEAL = "a refusal"


class OwnReply(msgspec.Struct, frozen=True, kw_only=True):
    """A message to a state about one of its entries: which, the text, when (Unix seconds), what
    became of it; `remark` is what the state said of it.
    """

    entry: str
    text: str
    at: int
    response: ResponseKind | None = None
    remark: str = ""
    about: About = About.REVIEW


class OwnFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What a message told the agency of an appeal: from whom, about which entry, in which words."""

    origin: ORI
    entry: str
    text: str


class OwnRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request with what its states have said, and what was written to them about it."""

    accepted: AcceptedQuery
    states: tuple[StateAnswer, ...]
    replies: tuple[OwnReply, ...] = ()
    told: tuple[OwnReply, ...] = ()
    appeals: tuple[OwnReply, ...] = ()

    def open_question(self, state: StateAnswer) -> Answer | None:
        """Return a reviewer's question that has no reply yet and whose hold still stands."""
        last = state.last
        if last is None or last.hold is None or not state.questions or state.is_final:
            return None
        sent = [
            reply
            for reply in self.replies
            if reply.entry == last.hold.entry and reply.response is not ResponseKind.REFUSED
        ]
        return state.questions[-1] if len(sent) < len(state.questions) else None


def _is_question(answer: Answer) -> bool:
    """Say whether an answer is a reviewer's question, and not word that another one decides, or
    that the agency was called back.
    """
    if not (answer.step and answer.response is ResponseKind.HELD and answer.remark):
        return False
    if answer.remark == CALLED_REMARK:
        return False
    try:
        decisions = {parse_leaf(proof.leaf).decision for proof in answer.proofs}
    except ComityError:
        decisions = set()
    # One whose proofs say nothing is taken for a question: it must not be overlooked.
    return not decisions or LeafDecision.ASK in decisions


def answers_of(accepted: AcceptedQuery, delivered: Iterable[Delivered]) -> tuple[StateAnswer, ...]:
    """Return what each state that was asked has said, silent ones included."""
    found: dict[Member, dict[int, Answer]] = {asked.state: {} for asked in accepted.asked}
    at: dict[Member, int] = {}
    for each in delivered:
        said = [each.answer] if each.answer is not None else []
        said += each.merged.answers if each.merged is not None else ()
        for answer in said:
            found.setdefault(answer.state, {})[answer.step] = answer
            at[answer.state] = max(at.get(answer.state, 0), _sent_at(each))
    return tuple(
        StateAnswer(
            state=state,
            answers=tuple(steps[step] for step in sorted(steps)),
            at=at.get(state, 0),
        )
        for state, steps in found.items()
    )


def _sent_at(delivered: Delivered) -> int:
    """Return when something was delivered, by the network's clock lines, which are in UTC."""
    sent = delivered.delivery.sent
    moment = datetime.strptime(f"{sent.date} {sent.time} +0000", "%m/%d/%Y %H:%M %z")
    return int(moment.timestamp())


class OwnRequests:
    """Reads the requests of one agency's person on one line."""

    def __init__(self, *, store: Store, vault: Vault, events: Events) -> None:
        self._store = store
        self._vault = vault
        self._events = events

    async def find(
        self, line: str, control: str, agency: ORI, operator: str
    ) -> AcceptedQuery | None:
        """Return a request of this person by its control field; None where it is another's.

        Raises: StoreDownError.
        """
        kept_as = http_line(line)
        row = await self._store.accepted_frame(kept_as, frame_number(kept_as, key_of(control)))
        accepted = None if row is None else self._opened(row)
        if accepted is None or not _is_of(accepted, agency, operator):
            return None
        return accepted if _about(accepted) is None else None

    async def recent(self, line: str, agency: ORI, operator: str) -> list[OwnRequest]:
        """Return this person's newest requests, the newest first, with where each stands.

        Raises: StoreDownError.
        """
        own = await self._own(line, agency, operator)
        questions = [each for each in own if _about(each) is None][:REQUESTS_SHOWN_MAX]
        replies = await self._replies(own)
        found = []
        for accepted in questions:
            states = answers_of(accepted, await self._delivered(accepted))
            found.append(_request(accepted, states, replies))
        return found

    async def request(
        self, accepted: AcceptedQuery, delivered: Iterable[Delivered], line: str
    ) -> OwnRequest:
        """Return a request as delivered, and its replies. Raises: StoreDownError."""
        own = await self._own(line, accepted.query.origin, accepted.query.claims.operator)
        states = answers_of(accepted, delivered)
        return _request(accepted, states, await self._replies(own))

    async def found(self, line: str) -> tuple[OwnFinding, ...]:
        """Return what messages to a line's agency said of appeals, among the kept deliveries.

        Raises: StoreDownError.
        """
        found: dict[str, OwnFinding] = {}
        for row in await self._messages(http_line(line)):
            try:
                data = open_result(self._vault, row)[1]
                delivery = read_delivery(data) if data else None
            except ComityError as error:
                self._events.failure("delivery_not_opened", error, member=row.member)
                continue
            entry = None if delivery is None else found_entry(delivery.text)
            if delivery is not None and entry is not None:
                said = OwnFinding(origin=delivery.origin, entry=entry, text=delivery.text)
                found.setdefault(entry, said)
        return tuple(found.values())

    async def _messages(self, kept_as: str) -> list[ResultRow]:
        """Return deliveries that answer nothing alone, of the first that are kept of a line."""
        found: list[ResultRow] = []
        last = 0
        for _ in range(_PAGES_MAX):
            rows = await self._store.results_after(kept_as, last, _LOOKED_AT_MAX)
            # A message has an id of its own; it is no state's answer to a query.
            found += [row for row in rows if bytes(row.exchange_id) == row.query_id]
            if len(rows) < _LOOKED_AT_MAX:
                break
            last = rows[-1].number
        return found

    async def _own(self, line: str, agency: ORI, operator: str) -> list[AcceptedQuery]:
        rows = await self._store.accepted_on(http_line(line), _LOOKED_AT_MAX)
        # What the agency's own systems asked on the same line is theirs to show.
        opened = [each for row in rows if (each := self._opened(row)) and _is_by_page(row, each)]
        return [each for each in opened if _is_of(each, agency, operator)]

    async def _replies(self, own: Sequence[AcceptedQuery]) -> tuple[OwnReply, ...]:
        replies = []
        for accepted in reversed(own):
            said = _about(accepted)
            if said is None:
                continue
            states = answers_of(accepted, await self._delivered(accepted))
            last = states[0].last if states else None
            replies.append(
                OwnReply(
                    entry=said[1],
                    text=said[2],
                    at=accepted.accepted_at,
                    response=last.response if last is not None else None,
                    remark=last.remark if last is not None else "",
                    about=said[0],
                )
            )
        return tuple(replies)

    async def _delivered(self, accepted: AcceptedQuery) -> list[Delivered]:
        found = []
        for row in await self._store.results_of(accepted.query_id):
            try:
                if data := open_result(self._vault, row)[1]:
                    found.append(parse_delivered(data))
            except ComityError as error:
                # Such as a month key that is gone: the others are told all the same.
                self._events.failure("delivery_not_opened", error, member=row.member)
        return found

    def _opened(self, row: AcceptedRow) -> AcceptedQuery | None:
        try:
            data = self._vault.open(row.member, row.sealed, accepted_place(row.query_id))
            return decode_accepted(data)
        except ComityError as error:
            self._events.failure("request_not_opened", error, member=row.member)
            return None


def _is_by_page(row: AcceptedRow, accepted: AcceptedQuery) -> bool:
    """Say whether a request was sent from a page: its number follows from its control field."""
    key = key_of(accepted.query.control or "")
    return row.frame_no == frame_number(row.line, key)


def _is_of(accepted: AcceptedQuery, agency: ORI, operator: str) -> bool:
    said = accepted.query
    return bool(operator) and (said.origin, said.claims.operator) == (agency, operator)


def _onward(accepted: AcceptedQuery) -> tuple[str, str] | None:
    """Return of which release a message tells to whom it was passed on, and its lines, or None."""
    body = accepted.query.value("") or ""
    try:
        told = told_onward(accepted.query.key, body)
    except OnwardFormError:
        # Whatever its line sent: it stands on no page as what it is not.
        return None
    return None if told is None else (told.entry, body.partition("\n")[2])


def _about(accepted: AcceptedQuery) -> tuple[About, str, str] | None:
    """Return what a message is about that is no request, which entry, and its text."""
    key, body = accepted.query.key, accepted.query.value("") or ""
    for about, found in (
        (About.ONWARD, _onward(accepted)),
        (About.REVIEW, replied_entry(key, body)),
        (About.APPEAL, appealed_entry(key, body)),
    ):
        if found is not None:
            return about, *found
    return None


def _request(
    accepted: AcceptedQuery, states: tuple[StateAnswer, ...], replies: Sequence[OwnReply]
) -> OwnRequest:
    entries = {
        answer.hold.entry for state in states for answer in state.answers if answer.hold is not None
    }
    cited = {proof.entry for state in states for a in state.answers for proof in a.proofs}

    def about(what: About, named: Container[str]) -> tuple[OwnReply, ...]:
        return tuple(each for each in replies if each.about is what and each.entry in named)

    return OwnRequest(
        accepted=accepted,
        states=states,
        replies=about(About.REVIEW, entries),
        told=about(About.ONWARD, cited),
        appeals=about(About.APPEAL, cited),
    )
