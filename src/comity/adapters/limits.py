"""Limits that an adapter and its twin in memory share."""

from comity.domain.instruments import INSTRUMENT_DAYS_MAX
from comity.domain.keeping import KEPT_DAYS

__all__ = ["INSTRUMENT_ROWS_DAYS", "KEPT_DAYS", "REVIEW_ROWS_DAYS"]

REVIEW_ROWS_DAYS = 30
"""By how many days case passes and looks outlive other rows: a pass may hold so long, a lane be
closed so long."""
INSTRUMENT_ROWS_DAYS = INSTRUMENT_DAYS_MAX
"""By how many days instruments outlive other rows: one may count so long."""
