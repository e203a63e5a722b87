"""What warns of certifications, over a practice host."""

from __future__ import annotations

from comity.review.calendars import calendar_of
from comity.services.certifications import Certifications
from tests.support.gateway import PracticeHost

__all__ = ["warnings_on"]


def warnings_on(host: PracticeHost) -> Certifications:
    """Who warns of the certifications of a host's members, by the practice calendar."""
    return Certifications(
        world=host.world,
        sequencer=host.sequencer,
        health=host.health,
        calendars=calendar_of,
        own=host.review.own,
        clock=host.clock,
        events=host.events,
    )
