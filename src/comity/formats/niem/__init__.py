"""NIEM XML: messages that ask, and what is delivered, in the network's current format.

Source: docs/adr/0012-niem-xml.md; docs/reference/messages.md, "NIEM XML".
"""

from comity.formats.niem.delivered import is_delivered, parse_delivered, render_delivered
from comity.formats.niem.query import parse_query, read_sender, render_query

__all__ = [
    "is_delivered",
    "parse_delivered",
    "parse_query",
    "read_sender",
    "render_delivered",
    "render_query",
]
