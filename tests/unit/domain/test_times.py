"""A time that is taken can be written, in every format, also rounded up and with a wait added."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from comity.domain.answer import HoldNotice
from comity.domain.times import TIME_MAX
from comity.formats import json as json_form
from comity.formats import niem as niem_form
from comity.formats import text as text_form
from comity.formats.delivered import Delivered
from comity.link.errors import ParcelMalformedError
from comity.link.parcel import Answered, encode_parcel
from tests.support.answers import SAMPLES
from tests.unit.formats.test_delivered import DELIVERY

HELD = next(answer for answer in SAMPLES.values() if answer.hold is not None)


def held_until(until: int) -> Answered:
    """Return an answer of another host that holds until then."""
    assert isinstance(HELD.hold, HoldNotice)
    hold = msgspec.structs.replace(HELD.hold, until=until)
    return Answered(origin=HELD.state, answer=msgspec.structs.replace(HELD, hold=hold))


def test_the_last_time_stands_in_the_calendar() -> None:
    """And a thousand years behind it, so that no wait leads out of it."""
    last = datetime.fromtimestamp(TIME_MAX, UTC)
    assert (last + timedelta(days=366_000)).year < 9_999
    assert (TIME_MAX * 1_000_000_000).to_bytes(8, "big")


def test_the_last_time_is_written_in_every_format() -> None:
    """What passes the link is what a line can be told."""
    answer = held_until(TIME_MAX).answer
    assert "2514" in text_form.render_answer_text(answer)
    assert json_form.parse_answer(json_form.render_answer(answer)) == answer
    delivered = Delivered(delivery=DELIVERY, answer=answer)
    assert niem_form.parse_delivered(niem_form.render_delivered(delivered)).answer == answer


@pytest.mark.parametrize("until", [-1, TIME_MAX + 1, 2**40 - 1, 2**63 - 1])
def test_a_time_beyond_is_no_parcel(until: int) -> None:
    """Another host's hold until the year 36,812 could be told to nobody: it is refused."""
    with pytest.raises(ParcelMalformedError):
        encode_parcel(held_until(until))
