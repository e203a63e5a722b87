"""The network's dot-delimited text: messages that ask, messages as delivered, answers within them.

Source: docs/reference/messages.md; docs/adr/0005 and 0007.
"""

from comity.formats.status import (
    Notice,
    Status,
    StatusKind,
    parse_notice,
    parse_status,
    render_notice,
    render_status,
)
from comity.formats.text.answer import render_answer_text, render_merged_text
from comity.formats.text.delivery import parse_delivery, render_delivery
from comity.formats.text.errors import parse_error, render_error, render_error_text
from comity.formats.text.merged import MergedText, parse_merged_text
from comity.formats.text.query import parse_query, read_sender, render_query
from comity.formats.text.reading import AnswerText, AnswerTextError, parse_answer_text

__all__ = [
    "AnswerText",
    "AnswerTextError",
    "MergedText",
    "Notice",
    "Status",
    "StatusKind",
    "parse_answer_text",
    "parse_delivery",
    "parse_error",
    "parse_merged_text",
    "parse_notice",
    "parse_query",
    "parse_status",
    "read_sender",
    "render_answer_text",
    "render_delivery",
    "render_error",
    "render_error_text",
    "render_merged_text",
    "render_notice",
    "render_query",
    "render_status",
]
