"""What the clock makes of a hold that nobody answered: it ends and nothing is released."""

from __future__ import annotations

from comity.domain.answer import Answer, ResponseKind, Withheld
from comity.domain.decision import EXPIRY_RULE, OVERDUE_RULE, Reason
from comity.domain.errors import ComityError
from comity.domain.keys import Handling, key_row, response_key
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafDecision, LeafKind, Outcome
from comity.exchange.answering import Answered, HoldFile
from comity.exchange.appeals import with_appeal
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf, ordered
from comity.exchange.private import note_fields

__all__ = ["EXPIRED_REMARK", "OVERDUE_REMARK", "HoldNotDueError", "expire"]

EXPIRED_REMARK = "NONE OF THIS WAS RELEASED - ASK AGAIN OR CALL THE STATE"
OVERDUE_REMARK = "ASK AGAIN WITH THE NEXT REQUEST NUMBER OR CALL THE AGENCY"
_EXPIRED = Reason(rule=EXPIRY_RULE, sentence="The time for review ended without a verdict.")
_OVERDUE = Reason(rule=OVERDUE_RULE, sentence="The agency did not answer in time.")


class HoldNotDueError(ComityError):
    """The hold's time is not over yet."""

    code = "hold-not-due"


def expire(
    hold: HoldFile, *, entry: str, step: int, now: int, remark: str = EXPIRED_REMARK
) -> Answered:
    """Return the closure of a hold whose time is over, and the answer that tells the requester.

    `remark` is what the state says of a review that nobody ended.
    """
    exchange = hold.exchange
    reason = _OVERDUE if hold.awaits else _EXPIRED
    if key_row(exchange.key).handling is not Handling.AGENCY:
        remark = with_appeal(remark, exchange.state)
    answer = Answer(
        exchange_id=exchange.exchange_id,
        state=exchange.state,
        step=step,
        key=response_key(exchange.key),
        response=ResponseKind.REFUSED,
        is_final=True,
        withheld=tuple(
            Withheld(data_class=c, outcome=Outcome.HOLD, reasons=(reason,)) for c in hold.classes
        ),
        remark=OVERDUE_REMARK if hold.awaits else remark,
    )
    leaf = WantedLeaf(
        step=step,
        header=LeafHeader(
            version=1,
            kind=LeafKind.CLOSURE,
            mode=exchange.mode,
            hour=now // HOUR_SECONDS,
            member=exchange.state,
            withheld=ordered(hold.classes),
            decision=LeafDecision.EXPIRED,
            cites=entry,
        ),
        fields=note_fields(exchange=exchange.exchange_id.hex(), until=str(hold.until)),
    )
    return Answered(answer=answer, leaves=(leaf,), policy=-1)
