"""The sentences of outcomes: one for each, the same in every format and read back from any.

Guarantee: only `no_hit` holds the phrase `NOT ON FILE`, only `unavailable` the phrase
`TEMPORARILY UNAVAILABLE`: programs of the network look for both.
Source: docs/adr/0007-refused-held-partly-withheld.md.
"""

from __future__ import annotations

from typing import Final, assert_never

import msgspec

from comity.domain.answer import Answer, ResponseKind
from comity.domain.decision import OVERDUE_RULE, REVIEW_RULE
from comity.domain.keys import KEYS, Handling, MessageKey, key_row, response_key
from comity.domain.vocabulary import Outcome

__all__ = [
    "OutcomeWords",
    "disarm",
    "is_told",
    "outcome_words",
    "read_outcome",
    "recognise_response",
]

NO_RECORD: Final = "NOT ON FILE"


class OutcomeWords(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome as a requester reads it first.

    `after_review` says that a hold came before; `expired` that the hold's time ran out.
    """

    text: str
    response: ResponseKind
    after_review: bool = False
    expired: bool = False


def _words(
    text: str, response: ResponseKind, *, after_review: bool = False, expired: bool = False
) -> OutcomeWords:
    return OutcomeWords(text=text, response=response, after_review=after_review, expired=expired)


_HIT: Final = _words("RECORD RELEASED", ResponseKind.HIT)
_PART: Final = _words("RECORD RELEASED IN PART", ResponseKind.HIT)
_PART_HELD: Final = _words("RECORD RELEASED IN PART - REST HELD FOR REVIEW", ResponseKind.HIT)
_NO_HIT: Final = _words(NO_RECORD, ResponseKind.NO_HIT)
_REFUSED: Final = _words("REFUSED BY STATE POLICY", ResponseKind.REFUSED)
_HELD: Final = _words("HELD FOR REVIEW", ResponseKind.HELD)
_UNAVAILABLE: Final = _words("NO ANSWER - TEMPORARILY UNAVAILABLE", ResponseKind.UNAVAILABLE)
_EXPIRED: Final = _words(
    "HOLD ENDED WITHOUT REVIEW - NOT RELEASED",
    ResponseKind.REFUSED,
    after_review=True,
    expired=True,
)
_DELIVERED: Final = _words("MESSAGE DELIVERED", ResponseKind.DELIVERED)
_AWAITED: Final = _words("MESSAGE DELIVERED - ANSWER AWAITED", ResponseKind.DELIVERED)
# A directory, an archive, a control terminal's announcement and a help file are no records.
_TOLD: Final = _words("ANSWER FOLLOWS", ResponseKind.HIT)
# What became of a message behind its delivery: these need no second form.
_ANSWERED: Final = _words("ANSWERED BY THE AGENCY", ResponseKind.HIT, after_review=True)
_OVERDUE: Final = _words(
    "NO ANSWER BY THE AGENCY IN TIME", ResponseKind.REFUSED, after_review=True, expired=True
)
_ANSWER_REFUSED: Final = _words(
    "ANSWER REFUSED BY STATE POLICY", ResponseKind.REFUSED, after_review=True
)
_NO_MESSAGE: Final = _words("NO MESSAGE WAITS FOR THIS ANSWER", ResponseKind.NO_HIT)
_AFTER: Final = {
    _HIT.text: _words("RECORD RELEASED AFTER REVIEW", ResponseKind.HIT, after_review=True),
    _PART.text: _words("RECORD RELEASED IN PART AFTER REVIEW", ResponseKind.HIT, after_review=True),
    _PART_HELD.text: _words(
        "RECORD RELEASED IN PART AFTER REVIEW - REST HELD FOR REVIEW",
        ResponseKind.HIT,
        after_review=True,
    ),
    _TOLD.text: _words("ANSWER FOLLOWS AFTER REVIEW", ResponseKind.HIT, after_review=True),
    _NO_HIT.text: _words(f"{NO_RECORD} - AFTER REVIEW", ResponseKind.NO_HIT, after_review=True),
    _REFUSED.text: _words("REFUSED AFTER REVIEW", ResponseKind.REFUSED, after_review=True),
    _HELD.text: _words("STILL HELD FOR REVIEW", ResponseKind.HELD, after_review=True),
    _UNAVAILABLE.text: _UNAVAILABLE,
}
_BY_TEXT: Final = {
    words.text: words
    for words in (
        _HIT, _PART, _PART_HELD, _NO_HIT, _REFUSED, _HELD, _UNAVAILABLE, _EXPIRED, _DELIVERED,
        _AWAITED, _TOLD, _ANSWERED, _OVERDUE, _ANSWER_REFUSED, _NO_MESSAGE, *_AFTER.values(),
    )
}  # fmt: skip

_OWN: Final = frozenset({Handling.DIRECTORY, Handling.ARCHIVE, Handling.STATUS})
# An administrative message is delivered; only a help file has an answer to it.
_TOLD_KEYS: Final = frozenset(
    response_key(key)
    for key, row in KEYS.items()
    if row.handling in _OWN
    or (row.handling is Handling.AGENCY and not (row.response or row.is_response))
)

# What programs of the network take for the whole answer, wherever it stands in a body.
_PHRASES: Final = {
    "TEMPORARILY UNAVAILABLE": ResponseKind.UNAVAILABLE,
    "FILE NOT AVAILABLE": ResponseKind.UNAVAILABLE,
    "USER DOES NOT RESPOND": ResponseKind.UNAVAILABLE,
    "USER OUT OF SERVICE": ResponseKind.UNAVAILABLE,
    NO_RECORD: ResponseKind.NO_HIT,
    "NO RECORD NICB": ResponseKind.NO_HIT,
}


def outcome_words(answer: Answer) -> OutcomeWords:
    """Return the sentence for an answer, to stand behind its state's code and a colon."""
    if key_row(answer.key).is_response and key_row(answer.key).handling is Handling.AGENCY:
        words = _words_of_person(answer)
        if words is not None:
            return words
    words = _first_words(answer)
    if answer.step == 0 or words.expired or words.response is ResponseKind.DELIVERED:
        return words
    return _AFTER[words.text]


def _words_of_person(answer: Answer) -> OutcomeWords | None:
    """Return what became of a message that a person answers, behind its delivery; else None."""
    rules = {reason.rule for part in answer.withheld for reason in part.reasons}
    match answer.response:
        case ResponseKind.HIT:
            return _ANSWERED
        case ResponseKind.NO_HIT:
            return _NO_MESSAGE
        case ResponseKind.REFUSED if OVERDUE_RULE in rules:
            return _OVERDUE
        case ResponseKind.REFUSED if answer.step and REVIEW_RULE not in rules:
            return _ANSWER_REFUSED if not _is_expired(answer) else None
        case _:
            return None


def _is_expired(answer: Answer) -> bool:
    # Nobody decided about a class that is still held: its hold's time ran out.
    return bool(answer.withheld) and all(p.outcome is Outcome.HOLD for p in answer.withheld)


def _first_words(answer: Answer) -> OutcomeWords:
    match answer.response:
        case ResponseKind.HIT:
            if not answer.withheld:
                return _TOLD if answer.key in _TOLD_KEYS else _HIT
            is_held = any(part.outcome is Outcome.HOLD for part in answer.withheld)
            return _PART_HELD if is_held else _PART
        case ResponseKind.NO_HIT:
            return _NO_HIT
        case ResponseKind.REFUSED:
            return _EXPIRED if _is_expired(answer) else _REFUSED
        case ResponseKind.HELD:
            return _HELD
        case ResponseKind.UNAVAILABLE:
            return _UNAVAILABLE
        case ResponseKind.DELIVERED:
            return _DELIVERED if answer.is_final else _AWAITED
        case _:
            assert_never(answer.response)


def is_told(key: MessageKey) -> bool:
    """Say whether a message of this key is answered by words that are no record."""
    return response_key(key) in _TOLD_KEYS


def read_outcome(text: str) -> OutcomeWords | None:
    """Return the outcome that a sentence of ours says, or None."""
    return _BY_TEXT.get(text)


def disarm(text: str) -> str:
    """Return upper-case text with the phrases that programs take for an outcome hyphenated."""
    # One of these words stands in every phrase, and hardly in any value.
    if "FILE" in text or "USER" in text or "UNAVAILABLE" in text or "NICB" in text:
        for phrase in _PHRASES:
            text = text.replace(phrase, phrase.replace(" ", "-"))
    return text


def recognise_response(text: str) -> ResponseKind | None:
    """Return what another system's free text says by the phrases known to be used, or None.

    None is no answer to whether there is a record: such a text is opaque.
    """
    upper = text.upper()
    for phrase, response in _PHRASES.items():
        if phrase in upper:
            return response
    return None
