"""Limits that an adapter and its twin in memory share."""

from __future__ import annotations

from typing import Final

__all__ = ["KEPT_DAYS"]

KEPT_DAYS: Final = 14
"""How long a query, its answers, results and keys, and a closed hold are kept; twice the seven days
in which a repeat is answered from the store."""
