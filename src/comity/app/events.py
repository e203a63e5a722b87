"""Where events go: a process's to its standard output, a command's to standard error."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import structlog

from comity.services.events import Events

__all__ = ["command_events", "make_events"]


def make_events(role: str) -> Events:
    """Return where a process's events go: its standard output, as JSON lines."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return Events(structlog.get_logger(role=role))


def command_events() -> Events:
    """Return where the events of a command go: to standard error, apart from what it prints."""
    log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
    )
    return Events(log)


def _to_json(value: Any, **_: Any) -> str:
    return msgspec.json.encode(value).decode()
