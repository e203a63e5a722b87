"""What a JSON requester is delivered: read back as written, and nothing else read."""

from __future__ import annotations

import json

import msgspec
import pytest

from comity.domain.delivery import Delivery, MessageFault, Stamp
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.formats.delivered import Delivered
from comity.formats.faults import MessageError
from comity.formats.json.delivered import parse_delivered, render_delivered
from comity.formats.rules import DELIVERY_BYTES_MAX
from tests.support.answers import SAMPLES

STAMP = Stamp(time="14:05", date="11/24/2026", count=7)
DELIVERY = Delivery(
    key=MessageKey("DR"),
    origin=ORI("WAOLN0000"),
    received=STAMP,
    sent=STAMP,
    destination=ORI("ORPX00001"),
    control="PRACTICE 1",
    text="WA: NOT ON FILE",
)
FAULT = MessageFault(er=".19.", text="INVALID DESTINATION ORIs", code="unknown-destination")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_answer_is_read_back(name: str) -> None:
    """A delivery with any answer is read back as it was written."""
    delivered = Delivered(delivery=DELIVERY, answer=SAMPLES[name])
    assert parse_delivered(render_delivered(delivered)) == delivered


@pytest.mark.parametrize("fault", [FAULT, None])
def test_fault_and_bare_delivery_are_read_back(fault: MessageFault | None) -> None:
    """A delivery with a fault, and one whose text says it all, are read back."""
    delivered = Delivered(delivery=DELIVERY, fault=fault)
    data = render_delivered(delivered)
    assert parse_delivered(data) == delivered
    assert set(json.loads(data)) == ({"delivery", "fault"} if fault else {"delivery"})


def test_answer_and_fault_together_are_refused() -> None:
    """A delivery brings an answer or a fault, not both."""
    both = Delivered(delivery=DELIVERY, answer=SAMPLES["hit"], fault=FAULT)
    with pytest.raises(MessageError) as refused:
        parse_delivered(render_delivered(both))
    assert refused.value.fault.code == "body-malformed"


@pytest.mark.parametrize(
    "change",
    [{"delivery": None}, {"answer": {}}, {"fault": []}, {"more": 1}],
)
def test_other_document_is_refused(change: dict[str, object]) -> None:
    """A part of another type, an unknown one or a missing one is refused with a fault."""
    document = {**json.loads(render_delivered(Delivered(delivery=DELIVERY))), **change}
    with pytest.raises(MessageError):
        parse_delivered(msgspec.json.encode(document))


def test_document_beyond_the_limit_is_refused() -> None:
    """A document of 1 MiB is read, one byte more is not."""
    data = render_delivered(Delivered(delivery=DELIVERY))
    padded = data + b" " * (DELIVERY_BYTES_MAX - len(data))
    assert parse_delivered(padded).delivery == DELIVERY
    with pytest.raises(MessageError) as refused:
        parse_delivered(padded + b" ")
    assert refused.value.fault.code == "message-too-long"
