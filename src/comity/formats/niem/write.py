"""How XML is written: elements, attributes and free text that no value can end or open.

Guarantee: what these return is well-formed whatever the value; a character that XML 1.0 cannot
carry becomes U+FFFD.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["attribute", "element", "escaped", "free_text", "wrapped"]

_BARRED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL: Final = re.compile("[&<>\r]")
_SPECIAL_IN_ATTRIBUTE: Final = re.compile('[&<>"\r\n\t]')
_REFERENCES: Final = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\r": "&#13;",
    "\n": "&#10;",
    "\t": "&#9;",
}


def element(name: str, text: str, attributes: str = "") -> str:
    """Return an element that holds a text, all of it."""
    return f"<{name}{attributes}>{escaped(text)}</{name}>"


def free_text(name: str, text: str, attributes: str = "") -> str:
    """Return an element that holds a text as CDATA, or escaped where CDATA could not hold it."""
    whole = "]]>" not in text and "\r" not in text
    inner = f"<![CDATA[{_carried(text)}]]>" if whole else escaped(text)
    return f"<{name}{attributes}>{inner}</{name}>"


def attribute(name: str, text: str) -> str:
    """Return an attribute with the space that stands before it."""
    said = _SPECIAL_IN_ATTRIBUTE.sub(_reference, _carried(text))
    return f' {name}="{said}"'


def wrapped(name: str, inner: str, attributes: str = "") -> str:
    """Return an element that holds elements, or nothing where there are none."""
    return f"<{name}{attributes}>{inner}</{name}>" if inner else ""


def escaped(text: str) -> str:
    """Return a text as it stands in an element."""
    return _SPECIAL.sub(_reference, _carried(text))


def _carried(text: str) -> str:
    return text if text.isprintable() else _BARRED.sub("\ufffd", text)


def _reference(found: re.Match[str]) -> str:
    return _REFERENCES[found[0]]
