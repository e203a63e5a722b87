"""Fields of the archive's messages: search the traffic, fetch its full text.

Source: docs/reference/messages.md, "Fields"; the network's published table for NLQ. The reference
of a message (`REF`) is ours: a ledger entry and, where one leaf stands for several messages, which.
"""

from __future__ import annotations

import re
from typing import Final

from comity.domain.keys import MessageKey, is_key_form
from comity.formats.fields.dates import is_moment
from comity.formats.fields.shape import FieldRule, KeyRule, by_prefix, key_rule
from comity.formats.sending import ALL_KEYS

__all__ = ["ARCHIVE_KEYS"]

_ENTRY: Final = "[A-Z]{2}/(?:0|[1-9][0-9]{0,18})(?:-[0-9]{1,9})?"
_TEXT: Final = re.compile(r"(?! )[ -\-/-`{-~]{1,60}(?<! )")
_TEXT_WORDS: Final = "1 TO 60 CHARACTERS, NO PERIOD, NONE A SPACE AT AN END"
_MOMENT: Final = re.compile("[0-9]{8}(?:@(?:[01][0-9]|2[0-3])[0-5][0-9])?")
_MOMENT_WORDS: Final = "CCYYMMDD OR CCYYMMDD@HHMM"
_PARTY: Final = re.compile("[A-Z][A-Z0-9]|[A-Z0-9]{9}")


def _are_keys(value: str) -> bool:
    if value == ALL_KEYS:
        return True
    listed = value.split(",")
    return all(map(is_key_form, listed)) and ALL_KEYS not in listed


def _moment(prefix: str) -> FieldRule:
    return FieldRule(
        prefix=prefix,
        form=_MOMENT,
        words=_MOMENT_WORDS,
        er=".10.",
        code="period-invalid",
        holds=is_moment,
    )


_FIELDS: Final = by_prefix(
    FieldRule(
        prefix="TYP",
        form=re.compile("[A-Z,]{2,100}"),
        words="MESSAGE KEYS JOINED BY COMMAS IN 100 CHARACTERS, OR ALL",
        holds=_are_keys,
    ),
    _moment("BEG"),
    _moment("END"),
    FieldRule(prefix="SRC", form=_PARTY, words="A CODE OF 2 OR AN ORI OF 9"),
    FieldRule(prefix="DST", form=_PARTY, words="A CODE OF 2 OR AN ORI OF 9"),
    FieldRule(prefix="FND", form=_TEXT, words=_TEXT_WORDS),
    FieldRule(
        prefix="NAM",
        form=re.compile("[A-Z][A-Z0-9',* -]{0,29}(?<! )"),
        words="A NAME IN 30 CHARACTERS, * BEHIND THE FIRST",
    ),
    FieldRule(prefix="AND", form=_TEXT, words=_TEXT_WORDS),
    FieldRule(prefix="ORR", form=_TEXT, words=_TEXT_WORDS),
    FieldRule(
        prefix="REF",
        form=re.compile(f"(?=.{{1,200}}\\Z){_ENTRY}(?:,{_ENTRY}){{0,4}}"),
        words="1 TO 5 ENTRIES JOINED BY COMMAS, SUCH AS TX/123 OR TX/123-4",
    ),
)
_WITHIN: Final = ("TYP", "BEG", "END")

ARCHIVE_KEYS: Final[dict[MessageKey, KeyRule]] = {
    MessageKey("NLQ"): key_rule(
        _FIELDS,
        (((*_WITHIN, "FND"), ("AND",)), ((*_WITHIN, "FND"), ("ORR",)), ((*_WITHIN, "NAM"), ())),
        optional=("SRC", "DST"),
        required=_WITHIN,
        span=("BEG", "END"),
    ),
    MessageKey("NFQ"): key_rule(_FIELDS, ((("REF",), ()),), required=("REF",)),
}
