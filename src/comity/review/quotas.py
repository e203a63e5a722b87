"""Whether a hold takes one of its agency's places at the desk.

Guarantee: pure, and of what is kept with the hold, so that a count after a restart is the same.
Source: docs/adr/0060-quotas-and-triage.md, "What it does".
"""

from __future__ import annotations

from collections.abc import Collection

from comity.domain.decision import RuleId
from comity.exchange.bases import is_by_block
from comity.exchange.judged import HoldFile
from comity.review.queue import WaitsFor, waits_for

__all__ = ["takes_place"]


def takes_place(hold: HoldFile, blocks: Collection[RuleId]) -> bool:
    """Say whether a hold waits for a reviewer because of the rules, and not of a block alone.

    What waits for an agency's answer, and what a drill asked, takes nobody's time; a planted test
    case takes a reviewer's, and no agency's place.
    """
    if not hold.exchange.is_live or waits_for(hold) is not WaitsFor.REVIEW:
        return False
    return not all(is_by_block(part.reasons, blocks) for part in hold.withheld)
