"""What of a message may reach the XML library: tags and text of a plain kind, and few names.

The library remembers every name, namespace, entity and run of white space that it has ever read,
for as long as its thread lives, and takes no limit for that: measured, 15 to 23 KB stay of each
message of 16 KB made of names never seen before. Whoever may send could fill a gateway's memory
with refused messages. So a message that asks is first held against the few names there are.

Guarantee: what passes is made of tags and text alone, without comments, instructions, document
types and entities of one's own; of a message that asks, all names, namespaces and prefixes are of a
closed or small set. It need not be well-formed. Each step takes time in proportion to the length.
Source: docs/adr/0012-niem-xml.md, 1 and 6.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from comity.formats.faults import MessageError, fault_of
from comity.formats.niem.names import NAMESPACES

__all__ = ["admitted"]

TAG_BYTES_MAX: Final = 1_024
"""How long one tag of an XML message that asks may be, in bytes."""

_OPEN: Final = b"<![CDATA["
_CLOSE: Final = b"]]>"
_WHITE: Final = b" \t\r\n"
# No group is possessive: until 3.11.5 Python takes those for a mismatch (its issue 106052). Each
# alternative begins with what ends the one before, so that there is nothing to go back to.
_CONTENT: Final = rb"[^\]]*+(?:\](?!\]>)[^\]]*+)*"
_CDATA: Final = rb"<!\[CDATA\[" + _CONTENT + rb"\]\]>"
_TEXT: Final = rb"[^<&]*+(?:&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});[^<&]*+)*"
# A tag or a section with the text behind it; or else all the rest, which is neither.
_TOKEN: Final = re.compile(
    rb"(?:(<[^!?<>][^<>]*+>)|" + _CDATA + rb")(" + _TEXT + rb")|(.++)", re.DOTALL
)
_TAG: Final = re.compile(
    rb"<(/?+)([A-Za-z_][\w.:-]*+)"
    rb"((?:\s++[A-Za-z_][\w.:-]*+\s*+=\s*+(?:\"[^\"&]*+\"|'[^'&]*+'))*)\s*+(/?+)>"
)
_ATTRIBUTE: Final = re.compile(rb"([\w.:-]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
# Prefixes are free, and few: `n2c`, `ns1`, `ns12`.
_PREFIX: Final = re.compile(rb"[a-z][a-z0-9]{0,2}|ns[0-9]{2}")
# White space between elements: line ends, then spaces or tabs.
_LAYOUT: Final = re.compile(rb"(?:\r?\n)*(?: *+|\t*+)")
_XSI: Final = b"http://www.w3.org/2001/XMLSchema-instance"
_URIS: Final = frozenset(uri.encode() for uri in NAMESPACES.values())
_ATTRIBUTES: Final = frozenset({b"version", b"key", b"prefix", b"order"})

_Tokens = list[tuple[bytes, bytes, bytes]]


def admitted(document: bytes, elements: frozenset[str] | None) -> bytes:
    """Return a document as the library gets it, its CDATA sections as text. Raises: MessageError.

    `document` begins with its first tag; `elements` are the local names that there are, None where
    any may stand. White space alone between a tag and a section is layout, and left out. (A section
    takes the library six times as long as the same text.)
    """
    tokens: _Tokens = _TOKEN.findall(document)
    if not tokens or tokens[-1][2]:
        raise _stray(tokens[-1][2] if tokens else b"")
    if elements is not None:
        _check_names(tokens, elements)
    return _unfolded(document)


def _stray(rest: bytes) -> MessageError:
    if rest[:2] in {b"<!", b"<?"}:
        sentence = "the message holds a document type, a comment or an instruction"
        return fault_of(".03.", "xml-forbidden", sentence)
    return fault_of(".03.", "xml-malformed", "the message is not well-formed")


def _unfolded(document: bytes) -> bytes:
    parts: list[bytes] = []
    at, opens = 0, document.find(_OPEN)
    while opens >= 0:
        closes = document.find(_CLOSE, opens)
        parts.append(_without_layout(document, at, opens))
        parts.append(_plain(document[opens + len(_OPEN) : closes]))
        at = closes + len(_CLOSE)
        opens = document.find(_OPEN, at)
        tag = document.find(b"<", at)
        if 0 < tag != opens and not document[at:tag].strip(_WHITE):
            at = tag
    parts.append(document[at:])
    return b"".join(parts)


def _without_layout(document: bytes, start: int, end: int) -> bytes:
    """Return what stands before a section, without white space alone behind the last tag."""
    tag = document.rfind(b"<", start, end)
    # No tag holds a `>` within, so that the first one is its end.
    text = document.find(b">", tag) + 1
    is_layout = tag >= 0 and not document[text:end].strip(_WHITE)
    return document[start : text if is_layout else end]


def _plain(content: bytes) -> bytes:
    return content.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")


def _check_names(tokens: _Tokens, elements: frozenset[str]) -> None:
    tags, texts, _ = zip(*tokens, strict=True)
    for tag in {*tags}:
        if tag and not _is_known(tag, elements):
            raise _unknown(tokens, elements)
    for text in filter(bytes.isspace, {*texts}):
        if not _LAYOUT.fullmatch(text):
            sentence = "white space between elements is not line ends and indentation"
            raise fault_of(".03.", "xml-malformed", sentence)


@lru_cache(maxsize=1_024)
def _is_known(tag: bytes, elements: frozenset[str]) -> bool:
    found = _TAG.fullmatch(tag) if len(tag) <= TAG_BYTES_MAX else None
    return (
        found is not None
        and _is_named(found[2], elements)
        and all(
            _is_attribute(name, double or single)
            for name, double, single in _ATTRIBUTE.findall(found[3])
        )
    )


def _is_named(name: bytes, elements: frozenset[str]) -> bool:
    prefix, colon, local = name.rpartition(b":")
    if colon and not _PREFIX.fullmatch(prefix):
        return False
    return local.decode("ascii", "replace") in elements


def _is_attribute(name: bytes, value: bytes) -> bool:
    prefix, colon, local = name.rpartition(b":")
    if name == b"xmlns":
        return value in _URIS
    if prefix == b"xmlns":
        return value in _URIS and _PREFIX.fullmatch(local) is not None
    return local in _ATTRIBUTES and (not colon or _PREFIX.fullmatch(prefix) is not None)


def _unknown(tokens: _Tokens, elements: frozenset[str]) -> MessageError:
    """Say below which elements the first tag stands that is not known."""
    path: list[str] = []
    for tag, _, _ in tokens:
        found = _TAG.fullmatch(tag) if tag else None
        if found is None:
            continue
        if not _is_known(tag, elements):
            if _XSI in tag:
                sentence = "the message holds an `xsi` attribute"
                return fault_of(".03.", "xml-forbidden", sentence)
            break
        if found[1]:
            del path[-1:]
        elif not found[4]:
            path.append(found[2].rpartition(b":")[2].decode("ascii"))
    place = "/".join(path[:8]) or "NLETS"
    sentence = f"`{place}` holds a name that is not in the schema"
    return fault_of(".03.", "xml-schema", sentence, options=(place,))
