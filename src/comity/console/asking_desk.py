"""What the pages of requesters work with: the agency's line, own requests, drafts."""

from __future__ import annotations

import msgspec

from comity.console.drafts import Drafts
from comity.console.people import Person
from comity.console.problems import Problem, ProblemError
from comity.directory.directory import Directory
from comity.domain.agency import Agency
from comity.ports import AgencyFront
from comity.services.own_requests import OwnRequests
from comity.services.requesting import Requesting

__all__ = ["AskingDesk"]


class AskingDesk(msgspec.Struct, frozen=True, kw_only=True):
    """The services behind the pages on which an agency's person asks."""

    front: AgencyFront
    own: OwnRequests
    drafts: Drafts

    @property
    def requesting(self) -> Requesting:
        """What speaks to the gateway's front."""
        return Requesting(self.front)

    def place_of(self, person: Person, directory: Directory) -> tuple[Agency, str]:
        """Return the agency that a person asks for, and the line to ask on.

        Raises: ProblemError if the directory does not list it for the state, or no certificate of
        a line of it is kept here.
        """
        agency = directory.agency(person.asks_for)
        is_listed = agency is not None and directory.member_of(agency.ori) == person.state
        if agency is None or not is_listed or not agency.active:
            raise ProblemError(Problem.NO_AGENCY)
        line = self.front.line_of(agency.lines)
        if line is None:
            raise ProblemError(Problem.NO_LINE)
        return agency, line
