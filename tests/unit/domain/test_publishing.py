"""A signed policy: one encoding, bound to its bundle, within limits."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest

from comity.domain.ids import Member
from comity.domain.keeping import OrderSignature
from comity.domain.publishing import (
    SIGNED_POLICY_BYTES_MAX,
    SIGNED_THAW_BYTES_MAX,
    PolicyOrderError,
    SignedPolicy,
    SignedThaw,
    encode_signed_policy,
    encode_signed_thaw,
    order_of,
    parse_signed_policy,
    parse_signed_thaw,
    policy_order_bytes,
    policy_thaw_bytes,
)

BUNDLE = b'{"schema_version":1}'
ORDER = order_of(Member("wa"), 7, BUNDLE, 1_795_500_000, "Order 14")
ONE = OrderSignature(name="reviewer", key_id="0011aabb", signature=bytes(64))
SIGNED = SignedPolicy(bundle=BUNDLE, order=ORDER, signatures=(ONE,))
DATA = encode_signed_policy(SIGNED)


def test_it_is_read_back() -> None:
    """What was written is read as the same, and what people sign names version and digest."""
    assert parse_signed_policy(DATA) == SIGNED
    said = msgspec.json.decode(policy_order_bytes(ORDER).removeprefix(b"comity/policy-order/v1\n"))
    assert (said["version"], said["state"]) == (7, "wa")
    assert ORDER.digest == sha256(BUNDLE).digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"bundle": BUNDLE + b" "},
        {"signatures": ()},
        {"signatures": (ONE,) * 5},
        {"order": msgspec.structs.replace(ORDER, state=Member("xx"))},
        {"order": msgspec.structs.replace(ORDER, version=0)},
        {"order": msgspec.structs.replace(ORDER, at=-1)},
        {"order": msgspec.structs.replace(ORDER, note="x" * 201)},
        {"order": msgspec.structs.replace(ORDER, note="a\nb")},
    ],
    ids=["another bundle", "nobody", "too many", "no member", "version", "time", "long", "line"],
)
def test_what_is_out_of_its_range_is_refused(changes: dict[str, object]) -> None:
    """Neither written nor read."""
    wrong = msgspec.structs.replace(SIGNED, **changes)
    with pytest.raises(PolicyOrderError):
        encode_signed_policy(wrong)
    with pytest.raises(PolicyOrderError):
        parse_signed_policy(msgspec.json.encode(wrong) + b"\n")


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", DATA[:-1], DATA + b"\n", b" " + DATA, DATA.replace(b'"at"', b'"At"')],
)
def test_any_other_form_is_refused(data: bytes) -> None:
    """One encoding: another spacing, an end, a field of another name is none."""
    with pytest.raises(PolicyOrderError):
        parse_signed_policy(data)


def test_a_bundle_too_long_to_be_sent_is_refused() -> None:
    """Before a command would be too long; in both directions."""
    bundle = bytes(SIGNED_POLICY_BYTES_MAX)
    wrong = SignedPolicy(
        bundle=bundle, order=order_of(Member("wa"), 1, bundle, 1), signatures=(ONE,)
    )
    with pytest.raises(PolicyOrderError):
        encode_signed_policy(wrong)
    with pytest.raises(PolicyOrderError):
        parse_signed_policy(b"x" * (SIGNED_POLICY_BYTES_MAX + 1))


THAW = SignedThaw(order=ORDER, signatures=(ONE, ONE))
THAW_DATA = encode_signed_thaw(THAW)


def test_a_thaw_is_read_back_and_is_no_order_to_publish() -> None:
    """Its bytes have a prefix of their own: neither signature counts for the other."""
    assert parse_signed_thaw(THAW_DATA) == THAW
    assert policy_thaw_bytes(ORDER).startswith(b"comity/policy-thaw/v1\n")
    assert policy_thaw_bytes(ORDER) != policy_order_bytes(ORDER)


@pytest.mark.parametrize(
    "changes",
    [
        {"signatures": ()},
        {"signatures": (ONE,) * 5},
        {"order": msgspec.structs.replace(ORDER, digest=b"short")},
        {"order": msgspec.structs.replace(ORDER, version=0)},
        {"order": msgspec.structs.replace(ORDER, note="x" * 201)},
    ],
    ids=["nobody", "too many", "digest", "version", "long"],
)
def test_a_thaw_out_of_its_range_is_refused(changes: dict[str, object]) -> None:
    """Neither written nor read."""
    wrong = msgspec.structs.replace(THAW, **changes)
    with pytest.raises(PolicyOrderError):
        encode_signed_thaw(wrong)
    with pytest.raises(PolicyOrderError):
        parse_signed_thaw(msgspec.json.encode(wrong) + b"\n")


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", DATA, THAW_DATA[:-1], b" " + THAW_DATA, b" " * (SIGNED_THAW_BYTES_MAX + 1)],
    ids=["empty", "nothing", "a policy", "no end", "spaced", "long"],
)
def test_any_other_thaw_is_refused(data: bytes) -> None:
    """One encoding, within its length."""
    with pytest.raises(PolicyOrderError):
        parse_signed_thaw(data)


def test_a_thaw_too_long_is_not_written() -> None:
    """Signatures that would not fit are refused at the writer too."""
    long = msgspec.structs.replace(ONE, name="n" * SIGNED_THAW_BYTES_MAX)
    with pytest.raises(PolicyOrderError):
        encode_signed_thaw(msgspec.structs.replace(THAW, signatures=(long,)))
