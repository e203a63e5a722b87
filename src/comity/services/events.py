"""What happens, as events with static names: for operators' logs, never for a person's data.

An event says what, where and with which code; never who was asked about (invariant
`public-bytes-hold-no-person`). The exchange's own record is the ledger. Names:
docs/reference/events.md.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

from comity.domain.errors import ComityError

__all__ = ["Events", "Log"]


class Log(Protocol):
    """A structured log, such as structlog's."""

    def info(self, event: str, **fields: Any) -> Any:
        """Write an event of ordinary life."""
        ...

    def warning(self, event: str, **fields: Any) -> Any:
        """Write an event that someone should look at."""
        ...

    def error(self, event: str, **fields: Any) -> Any:
        """Write an event that someone must look at."""
        ...


class Events:
    """Writes events and counts them by name; the counts are the process's metrics."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.counts: Counter[str] = Counter()

    def note(self, event: str, count: int = 1, **fields: str | float) -> None:
        """Record something ordinary; counted, and logged only with fields."""
        self.counts[event] += count
        if fields:
            self._log.info(event, **fields)

    def failure(self, event: str, error: Exception, **fields: str | float) -> None:
        """Record that something did not work, by the error's code."""
        self.counts[event] += 1
        if isinstance(error, ComityError):
            self._log.warning(event, code=error.code, text=str(error), **fields)
        else:
            self._log.error(event, code="fault", fault=type(error).__name__, **fields)

    def alarm(self, event: str, **fields: str | float) -> None:
        """Record what someone must look at."""
        self.counts[event] += 1
        self._log.error(event, **fields)
