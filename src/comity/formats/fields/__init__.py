"""What each field of a message may hold, and which fields make a message: published rules as data.

Source: docs/reference/messages.md, "Fields" and "Every key".
"""

from __future__ import annotations

from typing import Final

from comity.domain.keys import MessageKey
from comity.formats.fields.archive import ARCHIVE_KEYS
from comity.formats.fields.directory import DIRECTORY_KEYS, is_blanked
from comity.formats.fields.records import RECORD_FIELDS, RECORD_KEYS
from comity.formats.fields.shape import FieldRule, KeyRule, refuse_value

__all__ = ["FIXED_KEYS", "RECORD_FIELDS", "FieldRule", "KeyRule", "is_blanked", "refuse_value"]

FIXED_KEYS: Final[dict[MessageKey, KeyRule]] = {**RECORD_KEYS, **DIRECTORY_KEYS, **ARCHIVE_KEYS}
"""The keys whose body is fields; the body of any other is one free text."""
