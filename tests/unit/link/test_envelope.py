"""An envelope opens for its host alone, unaltered, and only in its sender's own name."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.ids import HostName
from comity.link import envelope as envelope_module
from comity.link.envelope import (
    Opened,
    ParcelFault,
    Route,
    check_fresh,
    open_envelope,
    route_of,
    seal_envelope,
    seal_envelopes,
)
from comity.link.errors import (
    EnvelopeMalformedError,
    EnvelopeStaleError,
    EnvelopeTooLargeError,
    EnvelopeVersionError,
    SealBrokenError,
    SealedToAnotherError,
    SenderUnknownError,
    SignatureInvalidError,
)
from comity.link.limits import CLOCK_WINDOW_MS, ENVELOPE_BYTES_MAX, ENVELOPE_PARCELS_MAX
from comity.link.parcel import (
    Answered,
    Ask,
    EnvelopeKind,
    Parcel,
    RefusalCode,
    Refused,
    encode_parcel,
    kind_of,
)
from comity.link.seal import seal
from tests.support.link import (
    BOOK,
    NOW_MS,
    OH,
    SOUTH,
    TX,
    WA,
    WEST,
    Book,
    HostKeys,
    asks,
    make_answer,
    make_exchange,
    one_of_each,
)

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def post(parcels: list[Parcel], sender: HostKeys = WEST, **changes: str) -> bytes:
    return seal_envelope(
        parcels,
        sender=sender.name,
        recipient=SOUTH.public,
        signer=sender.signer,
        sent_at_ms=NOW_MS,
        **changes,
    )


def receive(data: bytes, book: Book = BOOK, own: HostKeys = SOUTH) -> Opened:
    return open_envelope(data, own_name=own.name, own_private=own.opener, book=book)


def test_opened_parcels_are_those_sealed_in_order() -> None:
    """What one host sealed is what the other reads, in the same order, with its places."""
    parcels = asks(3)
    opened = receive(post(parcels))
    assert opened.parcels == tuple(enumerate(parcels))
    assert opened.faults == ()
    assert opened.verify_key == WEST.public.verify_key


def test_the_hub_reads_the_route_and_nothing_else() -> None:
    """From, to, time, count, face and trace stand outside; no byte of a parcel does."""
    data = post(asks(2), traceparent=TRACE)
    assert route_of(data) == Route(
        sender=WEST.name,
        recipient=SOUTH.name,
        sent_at_ms=NOW_MS,
        count=2,
        kind=EnvelopeKind.ASK,
        traceparent=TRACE,
    )
    # The key with its length before it: two letters alone stand in one of a hundred ciphertexts.
    for secret in (b"PRACTICE123", b"WA0170900", b"24-001", b"\xa2DQ"):
        assert secret not in data


def test_a_header_replaced_by_another_does_not_open() -> None:
    """A hub that rewrites the time, a valid header in every other way, breaks the seal."""
    data = post(asks(1))
    route = msgspec.structs.replace(route_of(data), sent_at_ms=NOW_MS + 1)
    header = msgspec.msgpack.encode(route)
    forged = bytes((1, len(header))) + header + data[2 + data[1] :]
    assert route_of(forged) == route
    with pytest.raises(SealBrokenError):
        receive(forged)


def test_another_host_is_refused_by_name() -> None:
    """A host that gets an envelope for another says so before it tries its key."""
    with pytest.raises(SealedToAnotherError):
        receive(post(asks(1)), own=WEST)


def test_another_key_of_the_same_host_does_not_open() -> None:
    """A host that lost its key cannot read what was sealed to it."""
    renewed = HostKeys(SOUTH.name, 90)
    with pytest.raises(SealBrokenError):
        receive(post(asks(1)), own=renewed)


def test_a_host_that_nobody_certifies_is_refused() -> None:
    """A stranger's envelope is refused though it is sealed correctly."""
    with pytest.raises(SenderUnknownError):
        receive(post(asks(1), sender=HostKeys(HostName("gateway-x"), 50)))


def test_a_stranger_under_a_known_name_is_refused() -> None:
    """Whoever seals in a known host's name needs its signing key."""
    with pytest.raises(SignatureInvalidError):
        receive(post(asks(1), sender=HostKeys(WEST.name, 50)))


def test_a_receiver_cannot_pass_contents_on_as_the_senders() -> None:
    """Contents sealed anew to a third host fail, because the signature names the first receiver."""
    data = post(asks(1))
    outer = data[: 2 + data[1]]
    opened = receive(data)
    plain = msgspec.msgpack.encode([opened.signature, list(opened.encodings)])
    third = HostKeys(HostName("gateway-ohio"), 70)
    route = msgspec.structs.replace(opened.route, recipient=third.name)
    header = msgspec.msgpack.encode(route)
    outer = bytes((1, len(header))) + header
    info = envelope_module._INFO + outer
    forged = outer + seal(plain, recipient_key=third.public.seal_key, info=info)
    with pytest.raises(SignatureInvalidError):
        receive(forged, own=third)


def test_a_host_speaks_only_for_members_that_certify_it() -> None:
    """A parcel in the name of another member is left out and listed; the others stand."""
    parcels: list[Parcel] = [
        Ask(exchange=make_exchange(1, state=TX)),
        Ask(exchange=make_exchange(2, state=TX, origin=OH)),
    ]
    opened = receive(post(parcels))
    assert opened.parcels == ((0, parcels[0]),)
    assert opened.faults == (ParcelFault(index=1, code="sender-not-serving"),)


def test_a_name_taken_by_another_member_gives_no_voice() -> None:
    """A member that lists a host of a known name with its own key speaks for itself alone."""
    impostor = HostKeys(WEST.name, 50)
    book = Book({WA: WEST.public, OH: impostor.public, TX: SOUTH.public})
    parcels: list[Parcel] = [
        Ask(exchange=make_exchange(1)),
        Ask(exchange=make_exchange(2, origin=OH)),
    ]
    opened = receive(post(parcels, sender=impostor), book=book)
    assert opened.parcels == ((1, parcels[1]),)
    assert opened.faults == (ParcelFault(index=0, code="sender-not-serving"),)


def test_a_host_that_changes_keys_is_read_under_both() -> None:
    """While members certify the old and the new key of a host, either signs for its members."""
    renewed = HostKeys(WEST.name, 50)
    book = Book({WA: WEST.public, OH: renewed.public, TX: SOUTH.public})
    assert receive(post(asks(1)), book=book).verify_key == WEST.public.verify_key
    of_ohio: list[Parcel] = [Ask(exchange=make_exchange(2, origin=OH))]
    assert receive(post(of_ohio, sender=renewed), book=book).faults == ()


def test_anyone_asked_may_say_that_a_member_is_not_here() -> None:
    """A host refuses for a member that it does not serve, with that reason only."""
    absent = Refused(
        origin=TX, state=OH, exchange_id=make_exchange().exchange_id,
        code=RefusalCode.NOT_HOSTED_HERE,
    )  # fmt: skip
    busy = msgspec.structs.replace(absent, code=RefusalCode.BUSY)
    opened = receive(post([absent, busy]))
    assert opened.parcels == ((0, absent),)
    assert opened.faults == (ParcelFault(index=1, code="sender-not-serving"),)


def forge(encodings: list[bytes], count: int, kind: EnvelopeKind = EnvelopeKind.ASK) -> bytes:
    """An envelope that a certified host signed over contents of its choice."""
    route = Route(sender=WEST.name, recipient=SOUTH.name, sent_at_ms=NOW_MS, count=count, kind=kind)
    return envelope_module._seal(route, encodings, SOUTH.public.seal_key, WEST.signer)


def test_a_signed_parcel_that_cannot_be_read_stops_no_other() -> None:
    """One unreadable parcel, signed all the same, is listed and the next is handed on."""
    good = asks(1)[0]
    opened = receive(forge([b"\x02new", b"", encode_parcel(good)], 3))
    assert opened.parcels == ((2, good),)
    assert [fault.code for fault in opened.faults] == ["parcel-malformed"] * 2


def test_a_parcel_for_the_other_face_is_left_out() -> None:
    """An answer inside an envelope of asks is not handed to the answer face."""
    answer = Answered(origin=TX, answer=make_answer(state=WA))
    opened = receive(forge([encode_parcel(answer)], 1))
    assert opened.parcels == ()
    assert opened.faults == (ParcelFault(index=0, code="parcel-malformed"),)


def test_count_and_contents_must_agree() -> None:
    """A header that counts more parcels than there are is refused."""
    with pytest.raises(EnvelopeMalformedError):
        receive(forge([encode_parcel(asks(1)[0])], 2))


def test_contents_of_another_form_are_refused() -> None:
    """Sealed bytes that are not a signature and a list of parcels are refused."""
    data = post(asks(1))
    outer = data[: 2 + data[1]]
    for plain in (b"", b"\x90", msgspec.msgpack.encode([bytes(63), [b"x"]])):
        info = envelope_module._INFO + outer
        sealed = seal(plain, recipient_key=SOUTH.public.seal_key, info=info)
        with pytest.raises(EnvelopeMalformedError):
            receive(outer + sealed)


def test_one_envelope_serves_one_face() -> None:
    """Parcels for both faces do not share an envelope, and none is not an envelope."""
    with pytest.raises(EnvelopeMalformedError):
        post(one_of_each())
    with pytest.raises(EnvelopeMalformedError):
        post([])


def test_parcels_of_both_faces_become_two_envelopes() -> None:
    """Mixed parcels are sealed by face, each in its order, and none is lost."""
    parcels = one_of_each()
    sealed = seal_envelopes(
        parcels, sender=WEST.name, recipient=SOUTH.public, signer=WEST.signer, sent_at_ms=NOW_MS
    )
    kinds = [route_of(data).kind for data in sealed]
    assert kinds == [EnvelopeKind.ASK, EnvelopeKind.ANSWER]
    for data, kind in zip(sealed, kinds, strict=True):
        expected = [parcel for parcel in parcels if kind_of(parcel) is kind]
        assert [parcel for _, parcel in receive(data).parcels] == expected


def test_more_parcels_than_fit_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the number of parcels an envelope may hold, another one is begun."""
    monkeypatch.setattr(envelope_module, "ENVELOPE_PARCELS_MAX", 2)
    sealed = seal_envelopes(
        asks(5), sender=WEST.name, recipient=SOUTH.public, signer=WEST.signer, sent_at_ms=NOW_MS
    )
    assert [route_of(data).count for data in sealed] == [2, 2, 1]
    with pytest.raises(EnvelopeTooLargeError):
        post(asks(3))


def large_ask(number: int, chars: int) -> Parcel:
    exchange = make_exchange(number)
    fields = tuple(("TXT", "A" * 30_000) for _ in range(chars // 30_000))
    return Ask(exchange=msgspec.structs.replace(exchange, fields=fields))


def test_more_bytes_than_fit_are_split() -> None:
    """Six large parcels leave in two envelopes of allowed size, none lost; one cannot hold them."""
    parcels = [large_ask(number, 900_000) for number in range(1, 7)]
    sealed = seal_envelopes(
        parcels, sender=WEST.name, recipient=SOUTH.public, signer=WEST.signer, sent_at_ms=NOW_MS
    )
    assert [route_of(data).count for data in sealed] == [4, 2]
    assert all(len(data) <= ENVELOPE_BYTES_MAX for data in sealed)
    assert [p for data in sealed for _, p in receive(data).parcels] == parcels
    with pytest.raises(EnvelopeTooLargeError):
        post(parcels)


def test_a_full_envelope_opens() -> None:
    """An envelope with the greatest number of parcels is accepted."""
    opened = receive(post(asks(ENVELOPE_PARCELS_MAX)))
    assert len(opened.parcels) == ENVELOPE_PARCELS_MAX


def test_too_many_bytes_are_refused_unread() -> None:
    """An envelope one byte over the limit is refused before anything is decoded."""
    with pytest.raises(EnvelopeTooLargeError):
        route_of(bytes(ENVELOPE_BYTES_MAX + 1))


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x02" + bytes(200), b"{}"])
def test_another_version_is_refused_by_name(data: bytes) -> None:
    """What does not begin with version 1 is refused as another version."""
    with pytest.raises(EnvelopeVersionError):
        route_of(data)


HEADERS: dict[str, list[object]] = {
    "a field too many": ["a", "b", 1, 1, "ask", TRACE, "more"],
    "a field too few": ["a", "b", 1, 1],
    "no trace, where an empty one stands": ["a", "b", 1, 1, "ask"],
    "a malformed trace": ["a", "b", 1, 1, "ask", "00-trace"],
    "a sender that is no host": ["A b", "b", 1, 1, "ask", ""],
    "a recipient that is no host": ["a", "", 1, 1, "ask", ""],
    "no parcels": ["a", "b", 1, 0, "ask", ""],
    "a time before 1970": ["a", "b", -1, 1, "ask", ""],
    "another face": ["a", "b", 1, 1, "reply", ""],
    "text where a number stands": ["a", "b", "1", 1, "ask", ""],
}


@pytest.mark.parametrize("fields", HEADERS.values(), ids=HEADERS.keys())
def test_malformed_headers_are_refused(fields: list[object]) -> None:
    """A header outside its only form is refused before the seal is tried."""
    header = msgspec.msgpack.encode(fields)
    with pytest.raises(EnvelopeMalformedError):
        route_of(bytes((1, len(header))) + header + bytes(200))


def test_a_header_in_another_encoding_is_refused() -> None:
    """The same values in longer MessagePack are not the header's only form."""
    header = b"\xdc\x00\x06" + msgspec.msgpack.encode(["a", "b", 1, 1, "ask", ""])[1:]
    with pytest.raises(EnvelopeMalformedError):
        route_of(bytes((1, len(header))) + header + bytes(200))


def test_more_parcels_than_allowed_are_refused_by_the_hub() -> None:
    """A header that counts one parcel over the limit is refused without opening."""
    header = msgspec.msgpack.encode(["a", "b", 1, ENVELOPE_PARCELS_MAX + 1, "ask", ""])
    with pytest.raises(EnvelopeTooLargeError):
        route_of(bytes((1, len(header))) + header + bytes(200))


@pytest.mark.parametrize("side", [-1, 1])
def test_the_clock_window_is_exact(side: int) -> None:
    """Five minutes either way is fresh; a millisecond more is stale."""
    route = route_of(post(asks(1)))
    check_fresh(route, NOW_MS + side * CLOCK_WINDOW_MS)
    with pytest.raises(EnvelopeStaleError):
        check_fresh(route, NOW_MS + side * (CLOCK_WINDOW_MS + 1))
