"""Requests to lift a hold: given while they count, the last one of a hold, a bounded number."""

from __future__ import annotations

from comity.console.kept_first import FIRSTS_MAX
from comity.console.kept_lifts import KeptLifts
from comity.domain.ids import Member
from comity.domain.keeping import (
    ORDER_SECONDS_MAX,
    KeepingReason,
    Order,
    OrderAct,
    OrderSignature,
    SignedOrder,
)

AT = 1_700_000_000


def asked(number: int, matter: str = "settled") -> SignedOrder:
    """An order to end the hold of a leaf of Washington's."""
    order = Order(
        state=Member("wa"),
        act=OrderAct.END_HOLD,
        entry=f"wa/{number}",
        reason=KeepingReason.LITIGATION,
        matter=matter,
        at=AT,
    )
    signature = OrderSignature(name="counsel", key_id="0badaa02", signature=bytes(64))
    return SignedOrder(order=order, signatures=(signature,))


def test_one_counts_for_a_day() -> None:
    """A second before its end it is given; from its end on nobody can sign it any more."""
    kept = KeptLifts()
    kept.put(asked(7))
    assert kept.get("wa/7", AT + ORDER_SECONDS_MAX - 1) == asked(7)
    assert kept.get("wa/7", AT + ORDER_SECONDS_MAX) is None
    assert kept.get("wa/7", AT) is None


def test_the_last_one_of_a_hold_stands() -> None:
    """What is asked anew takes the place of the one before; what is dropped is gone."""
    kept = KeptLifts()
    kept.put(asked(7))
    kept.put(asked(7, "dismissed"))
    found = kept.get("wa/7", AT)
    assert found is not None
    assert found.order.matter == "dismissed"
    kept.drop("wa/7")
    kept.drop("wa/7")
    assert kept.get("wa/7", AT) is None


def test_there_is_a_limit() -> None:
    """As many as the limit are kept; of one more the oldest goes."""
    kept = KeptLifts()
    for number in range(FIRSTS_MAX):
        kept.put(asked(number))
    assert kept.get("wa/0", AT) is not None
    kept.put(asked(FIRSTS_MAX))
    assert kept.get("wa/0", AT) is None
    assert kept.get("wa/1", AT) is not None
