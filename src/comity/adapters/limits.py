"""Limits that an adapter and its twin in memory share."""

from comity.domain.keeping import KEPT_DAYS

__all__ = ["KEPT_DAYS", "REVIEW_ROWS_DAYS"]

REVIEW_ROWS_DAYS = 30
"""By how many days case passes and looks outlive other rows: a pass may hold so long, a lane be
closed so long."""
