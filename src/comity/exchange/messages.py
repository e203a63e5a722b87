"""Messages from person to person: what the receiving state records when one is delivered, answered,
or left unanswered.

A message's body is free text, a class of its own (invariant `opaque-is-a-class`): the receiving
member's policy lets it in, holds or refuses it like a record. One that asks for an answer (a hit
confirmation) stays open as a hold, whose person is the agency: its answer is the disclosure, and
where none comes in time the hold ends without one.
Source: docs/adr/0020-messages-and-outages.md.
"""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.answer import FREE_TEXT, Answer, Element, HoldNotice, ResponseKind, Withheld
from comity.domain.decision import AWAITED_RULE, ClassDecision, Reason
from comity.domain.ids import ORI, ExchangeId, LeafIndex, entry_name
from comity.domain.keys import key_row, response_key
from comity.domain.leaf import LeafHeader
from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, Outcome
from comity.exchange.answering import Answered, HoldFile, Judged, is_let_through
from comity.exchange.judged import gated
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf, outcome_header
from comity.exchange.noted import NOT_FIRST, note_of
from comity.exchange.private import Fields, exchange_fields, payload_of, search_of
from comity.formats.bodies import hit_confirmation
from comity.formats.faults import MessageError

__all__ = [
    "ANSWER_SECONDS_MAX",
    "Terms",
    "answer_seconds",
    "delivered",
    "is_heard",
    "kept_as_appeal",
    "kept_as_reply",
    "kept_as_told",
    "mail_id_of",
    "onward_remark",
    "passed_on",
    "recipients",
    "replied",
    "unfit_remark",
    "with_certified",
]

ANSWER_SECONDS_MAX: Final = 86_400
"""How long a message waits for its answer where the network has no clock of its own for it."""

_ROUTINE_SECONDS: Final = 3_600
_OPAQUE: Final = (DataClass.OPAQUE,)
# Behind a message's own fields in the record of its delivery; no prefix of a message is like these.
_KEY, _CONTROL, _TO = "key", "control", "to"
_MAIL_CONTEXT: Final = b"comity/mail/v1\n"
_AWAITED: Final = Reason(
    rule=AWAITED_RULE, sentence="The message was delivered; the agency that it names answers it."
)


def answer_seconds(exchange: Exchange) -> int:
    """Return how long the agency has: ten minutes or an hour for a hit confirmation."""
    if exchange.key != "YQ":
        return ANSWER_SECONDS_MAX
    try:
        return hit_confirmation(exchange.value("") or "").answer_s
    except MessageError:
        # Its own gateway checked it; what another let through has the longer time.
        return _ROUTINE_SECONDS


def mail_id_of(exchange_id: ExchangeId, ori: ORI) -> ExchangeId:
    """Return under which id a message is kept for one agency: derived, so that it is kept once."""
    digest = sha256(_MAIL_CONTEXT + exchange_id + ori.encode()).digest()
    return ExchangeId(exchange_id[:8] + digest[:8])


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """To whom a message goes, and, for one that asks for an answer: when that is due (Unix
    seconds), and whom to call.
    """

    to: tuple[ORI, ...]
    until: int
    contact: str


def delivered(
    judged: Judged,
    terms: Terms,
    *,
    now: int,
    step: int = 0,
    after: WantedLeaf | None = None,
    remark: str = "",
) -> Answered:
    """Return what a message makes that its state lets in and delivers to agencies.

    `after` is the verdict leaf that this follows and cites.
    """
    exchange = judged.exchange
    awaits = bool(key_row(exchange.key).response)
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=step,
        key=response_key(exchange.key),
        response=ResponseKind.DELIVERED,
        is_final=not awaits,
        withheld=(_awaited(),) if awaits else (),
        hold=HoldNotice(until=terms.until, contact=terms.contact, entry="") if awaits else None,
        remark=" - ".join(part for part in (f"DELIVERED TO {' '.join(terms.to)}", remark) if part),
        policy_entry=entry_name(exchange.state, judged.policy),
    )
    if awaits:
        leaf = _leaf(judged, answer, now, kind=LeafKind.HOLD, decision=LeafDecision.HOLD)
    else:
        leaf = _disclosure(judged, answer, now)
    before = () if after is None else (after,)
    leaf = msgspec.structs.replace(
        leaf,
        step=step + len(before),
        cites_previous=bool(before),
        fields=_fields(judged, answer, search=(*_said(exchange), (_TO, " ".join(terms.to)))),
    )
    return Answered(
        answer=answer,
        leaves=(*before, leaf),
        policy=judged.policy,
        hold=_awaiting(exchange, terms, now) if awaits else None,
    )


def is_heard(judged: Judged) -> bool:
    """Say whether a reply that a reviewer waits for may be kept for that reviewer.

    What the policy would hold is for a person of the state to see first, and to such a one alone
    it goes; what it refuses is refused.
    """
    return all(gated(d).outcome is not Outcome.DENY for row in judged.rows for d in row)


def kept_as_reply(
    judged: Judged, asked: LeafIndex, now: int, *, is_claim: bool = False, remark: str = ""
) -> Answered:
    """Return what a message makes that replies to a reviewer, who has asked about a hold, or to a
    state that asked an agency to prove its claim.

    It goes to no terminal: the reviewer finds it beside the hold, or the release, at that leaf,
    which its own leaf cites.
    """
    what = "CLAIM CHECK" if is_claim else "REVIEW"
    entry = entry_name(judged.exchange.state, asked)
    said = f"REPLY KEPT FOR THE {what} OF {entry.upper()}"
    kept = _kept(judged, now, said, remark, cites=entry)
    return kept if is_claim else msgspec.structs.replace(kept, replies_to=asked)


def kept_as_appeal(judged: Judged, refusal: LeafIndex, by: date, now: int) -> Answered:
    """Return what a message makes that appeals against a refusal, to be decided by a day.

    It goes to no terminal: whoever decides it finds it beside the refusal, which its leaf cites.
    """
    entry = entry_name(judged.exchange.state, refusal)
    remark = f"APPEAL OF {entry.upper()} TAKEN IN - ANOTHER PERSON DECIDES IT BY {by:%Y-%m-%d}"
    return _kept(judged, now, remark, cites=entry)


def kept_as_told(judged: Judged, entry: str, now: int) -> Answered:
    """Return what a message makes that tells of an onward transfer of the release at `entry`."""
    return _kept(judged, now, onward_remark(entry))


def with_certified(answered: Answered, leaf: WantedLeaf, refused_to: str) -> Answered:
    """Return a kept message with the leaf by which its agency certifies what it tells.

    It comes first: what stands behind the message's own leaf says to whom that goes.
    """
    (own,) = answered.leaves
    return msgspec.structs.replace(
        answered,
        leaves=(leaf, msgspec.structs.replace(own, step=leaf.step + 1)),
        refused_to=refused_to,
    )


def onward_remark(entry: str) -> str:
    """Return what an agency is told whose word of an onward transfer was recorded."""
    return f"ONWARD TRANSFER OF {entry.upper()} RECORDED"


def unfit_remark(why: str) -> str:
    """Return what an agency is told whose word of one was not, and went as any message goes."""
    return f"NO ONWARD TRANSFER RECORDED: {why.replace('`', '').upper()}"


def _kept(judged: Judged, now: int, *said: str, cites: str | None = None) -> Answered:
    """Return what a message makes that is kept for the state's people, and goes to no terminal."""
    exchange = judged.exchange
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=0,
        key=response_key(exchange.key),
        response=ResponseKind.DELIVERED,
        is_final=True,
        remark=" - ".join(filter(None, said)),
        policy_entry=entry_name(exchange.state, judged.policy),
    )
    leaf = _disclosure(judged, answer, now)
    leaf = msgspec.structs.replace(
        leaf,
        header=msgspec.structs.replace(leaf.header, cites=cites),
        fields=_fields(judged, answer, search=(*_said(exchange), (_TO, ""))),
    )
    return Answered(answer=answer, leaves=(leaf,), policy=judged.policy)


def recipients(exchange: Exchange, fields: Fields) -> tuple[ORI, ...]:
    """Return the agencies that a message was let in for, by the record behind its leaf.

    None for another message that comes under the same id.
    # INVARIANT (opaque-is-a-class): nobody is delivered a body that was not decided and recorded.
    """
    *said, (_, to) = search_of(fields)
    return tuple(ORI(ori) for ori in to.split()) if tuple(said) == _said(exchange) else ()


def _said(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    """Return all of a message that whoever is delivered it can see, its sender apart."""
    key, control = exchange.original_key, exchange.control or ""
    return (*exchange.fields, (_KEY, key), (_CONTROL, control))


def _awaiting(exchange: Exchange, terms: Terms, now: int) -> HoldFile:
    return HoldFile(
        exchange=exchange,
        classes=_OPAQUE,
        withheld=(_awaited(),),
        opened_at=now,
        until=terms.until,
        awaits=terms.to,
    )


def replied(judged: Judged, text: str, *, entry: str, step: int, now: int) -> Answered:
    """Return what an agency's answer makes of the message that waited for it at `entry`.

    `judged` is the state's policy of now: what it no longer lets in gets no answer either.
    """
    exchange = judged.exchange
    is_free = is_let_through(judged)
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=step,
        key=response_key(exchange.key),
        response=ResponseKind.HIT if is_free else ResponseKind.REFUSED,
        is_final=True,
        elements=(_text(text),) if is_free else (),
        withheld=() if is_free else tuple(_refused(d) for row in judged.rows for d in row),
        policy_entry=entry_name(exchange.state, judged.policy),
    )
    if is_free:
        leaf = _disclosure(judged, answer, now)
    else:
        leaf = _leaf(judged, answer, now, kind=LeafKind.DENIAL, decision=LeafDecision.DENY)
    header = msgspec.structs.replace(leaf.header, cites=entry)
    leaf = msgspec.structs.replace(leaf, header=header)
    return Answered(answer=answer, leaves=(leaf,), policy=judged.policy)


def passed_on(judged: Judged, reply: Answer | None, *, to: ORI, now: int) -> Answered:
    """Return what the sender of an answer is told: passed on, refused as `reply` was, or, without
    one, that no message waits for it.
    """
    exchange = judged.exchange
    if reply is None:
        response, remark = ResponseKind.NO_HIT, "NO OPEN MESSAGE WAITS FOR THIS ANSWER"
    elif reply.response is ResponseKind.REFUSED:
        response, remark = ResponseKind.REFUSED, ""
    else:
        response, remark = ResponseKind.DELIVERED, f"ANSWER PASSED ON TO {to}"
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=0,
        key=exchange.key,
        response=response,
        is_final=True,
        withheld=reply.withheld if reply is not None else (),
        remark=remark,
        policy_entry=entry_name(exchange.state, judged.policy),
    )
    if response is ResponseKind.REFUSED:
        leaf = _leaf(judged, answer, now, kind=LeafKind.DENIAL, decision=LeafDecision.DENY)
    else:
        leaf = _disclosure(judged, answer, now, result="record" if reply is not None else "none")
    return Answered(answer=answer, leaves=(leaf,), policy=judged.policy)


def _text(text: str) -> Element:
    return Element(data_class=DataClass.OPAQUE, name=FREE_TEXT, value=text)


def _awaited() -> Withheld:
    return Withheld(data_class=DataClass.OPAQUE, outcome=Outcome.HOLD, reasons=(_AWAITED,))


def _refused(decision: ClassDecision) -> Withheld:
    return Withheld(
        data_class=decision.data_class,
        outcome=Outcome.DENY,
        reasons=decision.reasons,
        would_change=decision.would_change,
    )


def _disclosure(judged: Judged, answer: Answer, now: int, result: str = "record") -> WantedLeaf:
    header = outcome_header(
        judged.exchange,
        kind=LeafKind.DISCLOSURE,
        decision=LeafDecision.RELEASE,
        policy=judged.policy,
        hour=now // HOUR_SECONDS,
        released=_OPAQUE if result == "record" else (),
        withheld=(),
        result=result,
    )
    return _wanted(judged, answer, header)


def _leaf(
    judged: Judged, answer: Answer, now: int, *, kind: LeafKind, decision: LeafDecision
) -> WantedLeaf:
    header = outcome_header(
        judged.exchange,
        kind=kind,
        decision=decision,
        policy=judged.policy,
        hour=now // HOUR_SECONDS,
        withheld=_OPAQUE,
    )
    return _wanted(judged, answer, header)


def _wanted(judged: Judged, answer: Answer, header: LeafHeader) -> WantedLeaf:
    image = judged.exchange.wants_image
    noted = NOT_FIRST if answer.step else note_of(judged.facts, image=image)
    return WantedLeaf(step=answer.step, header=header, fields=_fields(judged, answer), noted=noted)


def _fields(
    judged: Judged, answer: Answer, search: tuple[tuple[str, str], ...] | None = None
) -> Fields:
    rules = sorted({r.rule for row in judged.rows for d in row for r in d.reasons})
    return exchange_fields(
        judged.exchange,
        elements=[element.name for element in answer.elements],
        payload_hash=sha256(payload_of(answer)).digest(),
        rules=rules,
        search=search,
    )
