"""JSON: messages that ask, answers, deliveries and faults, each a closed schema.

Source: docs/reference/messages.md, "JSON"; docs/adr/0005 and 0007.
"""

from comity.formats.json.answer import parse_answer, render_answer
from comity.formats.json.delivery import (
    parse_delivery,
    parse_fault,
    render_delivery,
    render_fault,
)
from comity.formats.json.merged import parse_merged, render_merged
from comity.formats.json.query import parse_query, read_sender, render_query

__all__ = [
    "parse_answer",
    "parse_delivery",
    "parse_fault",
    "parse_merged",
    "parse_query",
    "read_sender",
    "render_answer",
    "render_delivery",
    "render_fault",
    "render_merged",
    "render_query",
]
