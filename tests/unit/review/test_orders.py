"""An order counts only by the signatures of enrolled people, enough of them, within a day."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.agency import ReviewerKey
from comity.domain.ids import Member
from comity.domain.keeping import (
    KeepingReason,
    Order,
    OrderAct,
    OrderError,
    OrderSignature,
    SignedOrder,
    order_bytes,
)
from comity.review.orders import (
    OrderExpiredError,
    OrderRefusedError,
    SecondPersonError,
    check_signed_order,
)

AT = 1_795_500_000
SIGNERS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, name in enumerate(("ada", "bo", "cy"), start=1)
}
SUCCEED = Order(
    state=Member("oh"),
    act=OrderAct.SUCCEED,
    entry="oh/300",
    root=bytes(32),
    reason=KeepingReason.FORK,
    at=AT,
)
HOLD = Order(state=Member("oh"), act=OrderAct.HOLD, reason=KeepingReason.LITIGATION, at=AT)


def key_id(name: str) -> str:
    return f"{sorted(SIGNERS).index(name):08x}"


def enrolled(name: str) -> ReviewerKey | None:
    if name not in SIGNERS:
        return None
    public = SIGNERS[name].public_key().public_bytes_raw()
    return ReviewerKey(name=name, key_id=key_id(name), verify_key=public)


def by(order: Order, *names: str) -> SignedOrder:
    """The order as these people sign it."""
    message = order_bytes(order)
    return SignedOrder(
        order=order,
        signatures=tuple(
            OrderSignature(name=n, key_id=key_id(n), signature=SIGNERS[n].sign(message))
            for n in names
        ),
    )


def test_two_people_order_what_cannot_be_undone() -> None:
    """Two names with two keys; one is enough for what can be undone."""
    assert check_signed_order(by(SUCCEED, "bo", "ada"), enrolled, AT) == ("bo", "ada")
    assert check_signed_order(by(HOLD, "ada"), enrolled, AT) == ("ada",)


@pytest.mark.parametrize("names", [("ada",), ("ada", "ada"), ()])
def test_one_person_is_not_two(names: tuple[str, ...]) -> None:
    """Nor is one who signs twice."""
    with pytest.raises(SecondPersonError):
        check_signed_order(by(SUCCEED, *names), enrolled, AT)


def test_one_key_under_two_names_is_one_person() -> None:
    """Whoever holds a key is one person, whatever it is enrolled as."""

    def shared(name: str) -> ReviewerKey | None:
        ada = enrolled("ada")
        assert ada is not None
        return msgspec.structs.replace(ada, name=name)

    one = by(SUCCEED, "ada").signatures[0]
    both = (one, msgspec.structs.replace(one, name="bo"))
    with pytest.raises(SecondPersonError):
        check_signed_order(SignedOrder(order=SUCCEED, signatures=both), shared, AT)


def test_a_signature_that_does_not_hold_refuses_the_order() -> None:
    """A stranger's, one of another key, one of another order: also beside two that hold."""
    good = by(SUCCEED, "ada", "bo").signatures
    other = by(msgspec.structs.replace(SUCCEED, entry="oh/301"), "cy").signatures[0]
    stranger = msgspec.structs.replace(good[0], name="dee")
    rekeyed = msgspec.structs.replace(good[1], key_id="ffffffff")
    for bad in (other, stranger, rekeyed):
        with pytest.raises(OrderRefusedError):
            check_signed_order(SignedOrder(order=SUCCEED, signatures=(*good, bad)), enrolled, AT)


@pytest.mark.parametrize("seconds", [-301, 86_401])
def test_an_order_of_another_day_does_not_count(seconds: int) -> None:
    """It counts from its own time on, less what clocks differ, for a day."""
    for edge in (-300, 86_400):
        assert check_signed_order(by(HOLD, "ada"), enrolled, AT + edge)
    with pytest.raises(OrderExpiredError):
        check_signed_order(by(HOLD, "ada"), enrolled, AT + seconds)


@pytest.mark.parametrize(
    "changed", [{"entry": None}, {"root": None}, {"root": bytes(31)}, {"entry": "tx/300"}]
)
def test_a_succession_names_its_cut(changed: dict[str, object]) -> None:
    """An index of the member's own, and the root below it."""
    with pytest.raises(OrderError):
        check_signed_order(by(msgspec.structs.replace(SUCCEED, **changed), "ada"), enrolled, AT)


def test_no_other_act_names_a_root() -> None:
    """A root is of a succession alone."""
    with pytest.raises(OrderError):
        check_signed_order(by(msgspec.structs.replace(HOLD, root=bytes(32)), "ada"), enrolled, AT)
