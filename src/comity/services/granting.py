"""How a case pass is made of a held request, or of what a reviewer names: by desk and command line.

Guarantee: pure; a pass that could not count is not made, and why is said. Whether it is granted,
the gateway decides (`services/passes.py`).
Source: docs/adr/0034-passes-and-urgent-lane.md, docs/adr/0041-what-would-go-out.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import ORI, Member, parse_ori
from comity.domain.passes import PASS_DAYS_MAX, CasePass, PassPerson, named_in
from comity.domain.vocabulary import DataClass, Purpose
from comity.exchange.leaves import ordered
from comity.link.command import HoldView

__all__ = ["DAY_SECONDS", "Granter", "PassNotPossibleError", "check_pass_of_hold"]

DAY_SECONDS: Final = 86_400


class PassNotPossibleError(ComityError):
    """No case pass can be made of what is known of a request."""

    code = "pass-not-possible"


class Granter(msgspec.Struct, frozen=True, kw_only=True):
    """Who grants, for which state, and when (Unix seconds)."""

    state: Member
    reviewer: str
    now: int

    def case_pass(
        self,
        *,
        agency: ORI,
        case_number: str,
        persons: frozenset[PassPerson],
        classes: tuple[DataClass, ...],
        days: int,
        hold_entry: str = "",
        note: str = "",
        purpose: Purpose | None = None,
    ) -> CasePass:
        """Return a pass from now on, in its canonical form. Raises: PassNotPossibleError."""
        if not 1 <= days <= PASS_DAYS_MAX:
            raise PassNotPossibleError(f"a pass holds for 1 to {PASS_DAYS_MAX} days")
        _check(case_number, persons)
        return CasePass(
            state=self.state,
            agency=agency,
            case_number=case_number,
            persons=tuple(sorted(persons)),
            classes=ordered(classes),
            purpose=purpose,
            since=self.now,
            until=self.now + days * DAY_SECONDS,
            hold_entry=hold_entry,
            note=note,
            reviewer=self.reviewer,
            at=self.now,
        )

    def of_hold(self, hold: HoldView, classes: tuple[DataClass, ...], days: int) -> CasePass:
        """Return the pass for a held request's agency, case and persons, of any purpose.

        Raises: PassNotPossibleError.
        """
        return self.case_pass(
            agency=parse_ori(hold.agency),
            case_number=hold.case_number,
            persons=named_in(hold.search),
            classes=classes,
            days=days,
            hold_entry=hold.entry,
        )


def check_pass_of_hold(hold: HoldView) -> None:
    """Check that a pass can be made of a hold as it was shown. Raises: PassNotPossibleError."""
    _check(hold.case_number, named_in(hold.search))


def _check(case_number: str, persons: frozenset[PassPerson]) -> None:
    if not case_number:
        raise PassNotPossibleError("the request names no case: a pass is for one")
    if not persons:
        raise PassNotPossibleError("the request names nobody as a pass can name them")
