"""What the console's pages work with: the queue, the books, verdicts, and how a person signs."""

from __future__ import annotations

import msgspec

from comity.console.opened_cases import OpenedCases
from comity.console.people import Role
from comity.console.sessions import SignedIn
from comity.console.signing_for import sign_for
from comity.domain.ids import HostName
from comity.ports import Bus, Clock, SigningKeys, Store
from comity.services.looking import Looking
from comity.services.outgoing import Verdicts
from comity.services.past_decisions import PastDecisions
from comity.services.past_figures import PastFigures
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
    past: PastDecisions
    figures: PastFigures
    opened: OpenedCases
    clock: Clock

    def reviewing(self, signed_in: SignedIn) -> Reviewing:
        """Return the work of the reviewer who is signed in: each signature within this request."""
        return Reviewing(
            bus=self.bus, host=self.host, reviewer=self._reviewer(signed_in), now=self._now
        )

    def looking(self, signed_in: SignedIn) -> Looking:
        """Return the same reviewer's work at urgent releases and passes."""
        return Looking(
            bus=self.bus, host=self.host, reviewer=self._reviewer(signed_in), now=self._now
        )

    def _reviewer(self, signed_in: SignedIn) -> Reviewer:
        assert signed_in.person is not None
        return Reviewer(
            state=signed_in.person.state,
            name=signed_in.person.signs_as,
            sign=lambda message: sign_for(signed_in, self.keys, message, Role.REVIEWER),
        )

    def _now(self) -> float:
        return self.clock.now_ns() / _NS
