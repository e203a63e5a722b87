"""The archive: what an agency may find again of its own member's traffic, and how it is told.

Guarantee: nothing here holds a record; it works on messages that a service has read from the rows
that the origin keeps anyway, and forgets them. Images are never among them.
Source: docs/adr/0019-archive.md; docs/reference/messages.md, "Archive".
"""

from __future__ import annotations

from comity.exchange.archive.access import Access, may_read_key
from comity.exchange.archive.items import (
    ArchiveItem,
    Reference,
    ReferenceFormError,
    delivery_item,
    parse_reference,
    query_item,
    reference_name,
)
from comity.exchange.archive.matching import matcher_of
from comity.exchange.archive.search import (
    REFERENCES_MAX,
    ArchiveSearch,
    SearchFormError,
    SearchTimeError,
    parse_references,
    parse_search,
)
from comity.exchange.archive.telling import (
    FULL_TEXT_CHARS_MAX,
    HITS_LISTED_MAX,
    Found,
    render_full,
    render_list,
    render_refusal,
)

__all__ = [
    "FULL_TEXT_CHARS_MAX",
    "HITS_LISTED_MAX",
    "REFERENCES_MAX",
    "Access",
    "ArchiveItem",
    "ArchiveSearch",
    "Found",
    "Reference",
    "ReferenceFormError",
    "SearchFormError",
    "SearchTimeError",
    "delivery_item",
    "matcher_of",
    "may_read_key",
    "parse_reference",
    "parse_references",
    "parse_search",
    "query_item",
    "reference_name",
    "render_full",
    "render_list",
    "render_refusal",
]
