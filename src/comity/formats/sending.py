"""Which message keys may be sent, and to how many of what: the header's rules as data.

A destination is a code of two (a state, a region, `NL`, `OD`, a special code) or an agency's
identifier of nine. What a code stands for, and whether a key may go there, the directory says.
A key that the table does not have may be sent like any other: its receiver decides.
Source: docs/reference/messages.md, "Every key"; the network's published addressing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.keys import KEYS, OTHER_KEY, Handling, MessageKey, is_key_form
from comity.formats.faults import MessageError, fault_of

__all__ = ["ALL_KEYS", "SENDING", "Sending", "sending_of"]

ALL_KEYS: Final = MessageKey("ALL")
"""The word that stands for every key where a key is named; never a message's own."""


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """How many codes of two, or else how many agencies, one message of a key may be sent to."""

    codes_max: int = 5
    agencies_max: int = 3

    @property
    def words(self) -> str:
        """Say what is allowed, for an error message and for the reference."""
        codes = f"1 to {self.codes_max} codes of 2" if self.codes_max > 1 else "one code of 2"
        oris = f"1 to {self.agencies_max} oris of 9" if self.agencies_max > 1 else "one ori of 9"
        return " or ".join([codes] * bool(self.codes_max) + [oris] * bool(self.agencies_max))


_ANY: Final = Sending()
_CODES: Final = Sending(agencies_max=0)
_ONE_CODE: Final = Sending(codes_max=1, agencies_max=0)
_ONE_AGENCY: Final = Sending(codes_max=0, agencies_max=1)

# Where the network's own pages are narrower than its general form.
_NARROWER: Final = {
    **dict.fromkeys(("DQ", "DQG", "DNQ", "RQ", "RQG", "IQ"), _CODES),
    **dict.fromkeys(("KQ", "FQ", "CWQ", "RPQ", "IAQ", "GQ", "CCQ", "LPQ"), _ONE_CODE),
    **dict.fromkeys(("TQ", "TA", "TU", "TD", "NLQ", "NFQ"), _ONE_CODE),
    "LQ": Sending(codes_max=1, agencies_max=1),
    "YQ": Sending(codes_max=0, agencies_max=3),
}
# A person answers these, so that the answer is itself a message that an agency sends.
_BY_A_PERSON: Final = frozenset(
    row.response for row in KEYS.values() if row.handling is Handling.AGENCY and row.response
)


def _sending(key: MessageKey) -> Sending | None:
    row = KEYS[key]
    if key in _BY_A_PERSON:
        return _ONE_AGENCY
    if row.is_response or row.handling is Handling.NETWORK or key == OTHER_KEY:
        return None
    return _NARROWER.get(key, _ANY)


SENDING: Final[dict[MessageKey, Sending]] = {
    key: found for key in KEYS if (found := _sending(key)) is not None
}
"""Every key of the table that a message may be sent with."""


def sending_of(key: MessageKey) -> Sending:
    """Return where a message of this key may be sent. Raises: MessageError if it may not be."""
    found = SENDING.get(key)
    if found is not None:
        return found
    if not is_key_form(key):
        raise fault_of(".01.", "message-key-malformed", "`message key` is not 2 or 3 of A-Z")
    row = KEYS.get(key)
    if row is None and key != ALL_KEYS:
        return _ANY
    raise _not_sent(is_response=row is not None and row.is_response)


def _not_sent(*, is_response: bool) -> MessageError:
    if is_response:
        sentence = "`message key` is one that no agency answers with"
        return fault_of(".01.", "message-key-response", sentence)
    return fault_of(".01.", "message-key-reserved", "`message key` is the network's own")
