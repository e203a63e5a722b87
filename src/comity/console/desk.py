"""What the console's pages work with: the queue, the books, verdicts, and how a person signs."""

from __future__ import annotations

import msgspec

from comity.console.opened_cases import OpenedCases
from comity.console.people import Person
from comity.domain.ids import HostName
from comity.ports import Bus, Clock, SigningKeys, Store
from comity.services.outgoing import Verdicts
from comity.services.review_queue import ReviewQueue
from comity.services.reviewing import Reviewer, Reviewing
from comity.services.rules_in_force import StateBooks

__all__ = ["Desk"]

_NS = 1_000_000_000


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """The services behind the pages. `store` reads this host's rows; `host` owns its ledgers."""

    store: Store
    bus: Bus
    host: HostName
    keys: SigningKeys
    queue: ReviewQueue
    books: StateBooks
    verdicts: Verdicts
    opened: OpenedCases
    clock: Clock

    def reviewing(self, person: Person) -> Reviewing:
        """Return a signed-in person's work: each signature is made when something is sent."""
        reviewer = Reviewer(
            state=person.state,
            name=person.signs_as,
            sign=lambda message: self.keys.sign(person.state, person.signs_as, message),
        )
        return Reviewing(
            bus=self.bus,
            host=self.host,
            reviewer=reviewer,
            now=lambda: self.clock.now_ns() / _NS,
        )
