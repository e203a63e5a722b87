"""The names of NIEM XML: namespaces, and which body and free text each message key has.

Source: docs/adr/0012-niem-xml.md, 1.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from comity.domain.keys import MessageKey, key_row

__all__ = ["NAMESPACES", "OURS", "TEXTS", "Body", "body_of", "clark"]

NAMESPACES: Final = {
    "n2": "http://www.nlets.org/niem/1.0",
    "nh2": "http://www.nlets.org/niem/nlets-hdr/1.0",
    "n2c": "http://www.nlets.org/niem/nlets-core/1.0",
    "nc": "http://niem.gov/niem/niem-core/2.0",
    "j": "http://niem.gov/niem/domains/jxdm/4.1",
    "c": "urn:comity:niem:1",
}
OURS: Final = f'xmlns:c="{NAMESPACES["c"]}"'
"""How our own namespace is declared on the elements that are in it."""


def clark(name: str) -> str:
    """Return a prefixed name as the parser has it: `{namespace}local`."""
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The body element of a message key, and the element of free text in it."""

    name: str
    text: str


_INQUIRY: Final = Body(name="n2:NLETSInquiryData", text="n2:InquiryDescriptionText")
_RESPONSE: Final = Body(name="n2:NLETSResponseData", text="n2:ResponseText")
_MAIL: Final = Body(name="n2:NLETSMailData", text="n2:MailMessageText")
_UPDATE: Final = Body(name="n2:NLETSUpdateData", text="c:Text")
_BODIES: Final = {
    **dict.fromkeys(("AM", "AML", "AA", "HS", "HSL"), _MAIL),
    "SM": Body(name=_MAIL.name, text="n2:StatusMessageText"),
    **dict.fromkeys(("TA", "TU", "TD"), _UPDATE),
    "ALQ": Body(name=_INQUIRY.name, text="n2:InquiryText"),
    "ER": _RESPONSE,
}

TEXTS: Final = frozenset({clark(body.text) for body in (_INQUIRY, _RESPONSE, *_BODIES.values())})
"""Every element that holds a message's free text, as the parser has it."""


@lru_cache(maxsize=256)
def body_of(key: MessageKey) -> Body:
    """Return the body of a key; one that is not in the table is taken for an inquiry."""
    own = _BODIES.get(key)
    if own is not None:
        return own
    return _RESPONSE if key_row(key).is_response else _INQUIRY
