"""How XML is read: hardened, bounded, and only as the shipped schemas have it.

Guarantee: any bytes give the root of a document that its schema holds, or `MessageError`. No
document can name an entity, a file or a host that is then opened, and none is read that two
parsers could take for different things: no document type, comment, instruction or `xsi:` attribute.
Source: docs/adr/0012-niem-xml.md, 5 and 6.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any, Final

from lxml import etree

from comity.formats.faults import MessageError, fault_of
from comity.formats.niem.gate import admitted
from comity.formats.rules import DELIVERY_BYTES_MAX, MESSAGE_BYTES_MAX

__all__ = [
    "DEPTH_MAX",
    "echo",
    "free_text_of",
    "read_delivered",
    "read_query",
    "read_root",
    "refuse",
    "value_of",
]

DEPTH_MAX: Final = 32
"""How many elements deep an XML message may be."""

_WHITE: Final = " \t\r\n"
_ECHO_BYTES: Final = 400
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_SHIPPED: Final = {
    name: files("comity.formats.niem").joinpath(name).read_bytes()
    for name in (
        "query.xsd", "delivered.xsd", "header.xsd", "core.xsd", "jxdm.xsd", "nlets-core.xsd",
        "comity.xsd",
    )
}  # fmt: skip

_DECLARATION: Final = re.compile(
    rb"<\?xml\s+version\s*=\s*([\"'])1\.0\1"
    rb"(?:\s+encoding\s*=\s*([\"'])((?i:utf-8|us-ascii))\2)?"
    rb"(?:\s+standalone\s*=\s*([\"'])(?:yes|no)\4)?\s*\?>"
)
_FORBIDDEN: Final = etree.XPath(
    "boolean(//@xsi:*)",
    namespaces={"xsi": "http://www.w3.org/2001/XMLSchema-instance"},
)
_TOO_DEEP: Final = etree.XPath("boolean(" + "/*" * (DEPTH_MAX + 1) + ")")
_SEGMENT: Final = re.compile(r"(?:[^:\[]*:)?([^\[]*)")


class _Shipped(etree.Resolver):
    """Schemas import each other from what ships, and from nowhere else."""

    def resolve(  # type: ignore[override]  # the stubs leave the context out
        self, system_url: str, _public_id: str, context: Any
    ) -> Any:
        name = system_url.rpartition("/")[2]
        return self.resolve_string(_SHIPPED[name], context, base_url=system_url)


def _compiled(name: str) -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(_Shipped())
    return etree.XMLSchema(etree.fromstring(_SHIPPED[name], parser, base_url=f"comity:/{name}"))


_QUERY: Final = _compiled("query.xsd")
_DELIVERED: Final = _compiled("delivered.xsd")

# The names that a message may hold, and that a refusal may repeat.
_NAMES: Final = frozenset(
    str(node.get("name") or node.get("ref", "")).rpartition(":")[2]
    for text in _SHIPPED.values()
    for node in etree.fromstring(text).iter(f"{_XS}element")
)
_PARSER: Final = etree.XMLParser(
    encoding="utf-8",
    resolve_entities=False,
    load_dtd=False,
    dtd_validation=False,
    attribute_defaults=False,
    no_network=True,
    huge_tree=False,
    recover=False,
    collect_ids=False,
)


def read_query(data: bytes) -> Any:
    """Return the root of a message that asks. Raises: MessageError."""
    _check_size(data, MESSAGE_BYTES_MAX)
    return _validated(_root(admitted(_first_tag(data), _NAMES)), _QUERY)


def read_delivered(data: bytes) -> Any:
    """Return the root of a message as delivered. Raises: MessageError."""
    return _validated(read_root(data), _DELIVERED)


def read_root(data: bytes) -> Any:
    """Return the root of any document that holds nothing forbidden. Raises: MessageError."""
    _check_size(data, DELIVERY_BYTES_MAX)
    return _root(admitted(_first_tag(data), None))


def _check_size(data: bytes, bytes_max: int) -> None:
    if len(data) > bytes_max:
        raise fault_of("0", "message-too-long", f"the message is over {bytes_max} bytes")


def _first_tag(data: bytes) -> bytes:
    """Return a document from its first tag on; refuse what is not an element, or another encoding.

    The parser is told the encoding and never sees a declaration.
    """
    rest = data.removeprefix(b"\xef\xbb\xbf")
    declared = _DECLARATION.match(rest)
    if declared is not None:
        if (declared[3] or b"").lower() == b"us-ascii" and not data.isascii():
            raise _malformed("the message holds bytes beyond the encoding that it declares")
        rest = rest[declared.end() :]
    if b"\0" in rest:
        raise _malformed("the message is in an encoding of two bytes or more")
    rest = rest.strip(b" \t\r\n")
    if rest[:2] in {b"<!", b"<?"}:
        if declared is None and rest[:5] == b"<?xml" and rest[5:6].isspace():
            raise _malformed("the message does not declare utf-8 or us-ascii")
        raise _forbidden("the message holds a document type, a comment or an instruction")
    return rest


def _root(document: bytes) -> Any:
    try:
        root = etree.fromstring(document, _PARSER)
    except etree.XMLSyntaxError:
        raise _malformed("the message is not well-formed") from None
    if _FORBIDDEN(root):
        raise _forbidden("the message holds an `xsi` attribute")
    if _TOO_DEEP(root):
        raise _malformed(f"the message is over {DEPTH_MAX} elements deep")
    return root


def _validated(root: Any, schema: etree.XMLSchema) -> Any:
    if not schema.validate(root):
        place = _place(schema)
        sentence = f"`{place}` is not as the schema has it"
        raise fault_of(".03.", "xml-schema", sentence, options=(place,))
    return root


def _malformed(sentence: str) -> MessageError:
    return fault_of(".03.", "xml-malformed", sentence)


def _forbidden(sentence: str) -> MessageError:
    return fault_of(".03.", "xml-forbidden", sentence)


def refuse(sentence: str, code: str = "xml-schema") -> MessageError:
    """Return the refusal of a document whose parts do not belong together."""
    return fault_of(".03.", code, sentence)


def _place(schema: etree.XMLSchema) -> str:
    """Return where a document departs from its schema, as far as the schema knows the names."""
    log: Any = schema.error_log
    path = str(log[0].path or "") if len(log) else ""
    known: list[str] = []
    for segment in path.split("/")[1:]:
        found = _SEGMENT.match(segment)
        if found is None or found[1] not in _NAMES:
            break
        known.append(found[1])
    return "/".join(known) or "NLETS"


def value_of(node: Any) -> str:
    """Return a field's value: the element's text without white space at its ends."""
    text: str = node.text or ""
    return text.strip(_WHITE)


def free_text_of(node: Any) -> str:
    """Return a free text: all of it, without line feeds at its ends."""
    text: str = node.text or ""
    return text.strip("\n")


def echo(data: bytes) -> str:
    """Return the start of a message as its error shows it: one line, printable."""
    text = data[:_ECHO_BYTES].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text)
