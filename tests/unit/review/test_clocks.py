"""What the clock makes of a hold: it ends, and nothing is released."""

from __future__ import annotations

import pytest

from comity.domain.answer import ResponseKind
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode, Outcome
from comity.exchange.appeals import with_appeal
from comity.formats.wording import outcome_words
from comity.review.clocks import EXPIRED_REMARK, expire
from tests.support.exchange import HOLD_ENTRY, UNTIL, exchange_of, hold_of

CLASSES = (DataClass.STATUS, DataClass.ADDRESS)


@pytest.mark.parametrize("probe", [True, False])
def test_expired_hold_is_closed_and_refused(probe: bool) -> None:
    """An expired hold ends with a closure that cites it and a final answer without an element."""
    hold = hold_of(CLASSES, exchange_of(probe=probe))
    answered = expire(hold, entry=HOLD_ENTRY, step=1, now=UNTIL)
    answer = answered.answer
    assert (answer.response, answer.is_final, answer.step) == (ResponseKind.REFUSED, True, 1)
    assert (answer.elements, answer.hold, answered.hold) == ((), None, None)
    assert answer.remark == with_appeal(EXPIRED_REMARK, hold.exchange.state)
    assert [(p.data_class, p.outcome) for p in answer.withheld] == [
        (c, Outcome.HOLD) for c in CLASSES
    ]
    (leaf,) = answered.leaves
    assert (leaf.header.kind, leaf.header.decision) == (LeafKind.CLOSURE, LeafDecision.EXPIRED)
    assert (leaf.header.cites, leaf.header.withheld) == (HOLD_ENTRY, CLASSES)
    assert leaf.header.mode is (LeafMode.PROBE if probe else LeafMode.LIVE)
    assert dict(leaf.fields)["until"] == str(UNTIL).encode()


def test_expired_hold_is_told_as_not_reviewed() -> None:
    """The requester reads that nobody decided, which is neither "no record" nor a refusal."""
    answer = expire(hold_of(CLASSES), entry=HOLD_ENTRY, step=1, now=UNTIL).answer
    assert outcome_words(answer).expired
