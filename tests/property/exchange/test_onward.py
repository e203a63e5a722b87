"""What tells of an onward transfer is read as it was written, and no other text is one."""

from __future__ import annotations

from datetime import date
from string import ascii_letters, ascii_uppercase, digits

from hypothesis import given
from hypothesis import strategies as st

from comity.domain.keys import MessageKey
from comity.domain.onward import ToldOnward, Transfer
from comity.domain.vocabulary import DataClass, Purpose
from comity.exchange.leaves import ordered
from comity.exchange.onward import ONWARD_WORDS, OnwardFormError, onward_text, told_onward
from comity.exchange.replies import reply_text

AM = MessageKey("AM")
WORDS = {"TO", "FOR", "ON", "WHAT", "NOBODY"}
entries = st.builds("{}/{}".format, st.sampled_from(["wa", "tx", "us"]), st.integers(0, 2**53))
names = st.text(f"{ascii_letters}{digits}.,'&", min_size=1, max_size=60).filter(
    lambda text: text.upper() not in WORDS and not (len(text) == 9 and text.upper() != text)
)
oris = st.text(ascii_uppercase + digits, min_size=9, max_size=9)
line = st.text(f"{ascii_letters}{digits} .,", max_size=40).map(str.strip)
texts = (
    st.lists(line.filter(bool), max_size=4)
    .map("\n".join)
    .filter(lambda text: text.partition(" ")[0].partition("\n")[0].upper() not in WORDS)
)
transfers = st.builds(
    Transfer,
    to=names | oris,
    purpose=st.sampled_from(Purpose),
    on=st.dates(date(2000, 1, 1), date(2999, 12, 31)),
    classes=st.lists(st.sampled_from(DataClass), max_size=5).map(ordered),
)
told = st.builds(ToldOnward, entry=entries, transfer=st.none() | transfers, text=texts)


@given(told)
def test_what_is_written_is_read_as_the_same(said: ToldOnward) -> None:
    """Alone, and below an answer to a claim check."""
    body = onward_text(said)
    assert told_onward(AM, body) == said
    if len(body) < 480:
        assert told_onward(AM, reply_text(said.entry, f"Docket 7.\n{body}")) == said


@given(st.text(max_size=200), told)
def test_any_text_is_read_or_refused_and_what_was_read_is_written_back(
    text: str, said: ToldOnward
) -> None:
    """Nothing else is ever raised; what does not begin so tells nothing."""
    for body in (text, f"{onward_text(said)}{text}", f"{ONWARD_WORDS} WA/1\nTO {text}"):
        try:
            found = told_onward(AM, body)
        except OnwardFormError:
            continue
        if found is not None:
            assert told_onward(AM, onward_text(found)) == found
    if ONWARD_WORDS not in text.upper():
        assert told_onward(AM, text) is None
