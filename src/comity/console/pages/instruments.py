"""Legal instruments: registered by one person, verified by another, revoked by any reviewer.

Guarantee: whom an instrument names is shown only as the gateway showed it on a signed reading,
whose leaf the page names; the document itself never comes here, its hash does.
Source: docs/adr/0046-instruments.md.
"""

from __future__ import annotations

from typing import Final

from comity.console.desk import Desk
from comity.console.opened_cases import OpenedCase
from comity.console.opening import open_case
from comity.console.pages.instrument_form import (
    CLASSES,
    GivenInstrument,
    GivenVerification,
    Wrong,
    appointment_options,
    draft_of,
    given_instrument,
    given_of_hold,
    given_verification,
    kind_options,
    wrong_verification,
)
from comity.console.pages.instrument_words import (
    instrument_facts,
    instrument_finding,
    instrument_row,
)
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import NUMBER_DIGITS_MAX, Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import classes_said, counted, opened
from comity.domain.after_review import Desk as DeskName
from comity.domain.ids import entry_name, parse_entry_name
from comity.domain.instruments import INSTRUMENT_DAYS_MAX
from comity.domain.vocabulary import term
from comity.link.errors import GatewayRefusalError
from comity.link.instruments import InstrumentView
from comity.link.review import DeskShown
from comity.review.instruments import InstrumentError, InstrumentUnknownError
from comity.review.scope import NOTE_CHARACTERS_MAX
from comity.services.health import ClockSkewedError
from comity.services.instruments import InstrumentsFullError

__all__ = ["InstrumentPages"]

_GONE: Final = {
    InstrumentUnknownError.code: Problem.INSTRUMENT_ENDED,
    ClockSkewedError.code: Problem.BUSY,
}
_SAID: Final = frozenset({InstrumentError.code, InstrumentsFullError.code})
"""Refusals whose words a person can act on."""


class InstrumentPages:
    """The list, the form, and one instrument with what a person does to it."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def listed(self, visit: Visit) -> Reply:
        """List the instruments that stand, verified or not; they name nobody."""
        shown = await self._desk.looking(visit.session).read(DeskName.INSTRUMENTS)
        waiting = sum(not view.verified_entry for view in shown.instruments)
        finding = "No legal instrument stands."
        if shown.instruments:
            count = counted(
                len(shown.instruments), "legal instrument stands", "legal instruments stand"
            )
            waits = counted(waiting, "waits", "wait") if waiting else "none waits"
            finding = f"{opened(count)}; {waits} for a second person."
        return self._views.page(
            "instruments.html",
            visit,
            finding=finding,
            rows=[instrument_row(view, visit.now) for view in shown.instruments],
            new=url_of(Name.NEW_INSTRUMENT),
        )

    async def new(self, visit: Visit) -> Reply:
        """Show an empty form, or one that begins with what a held request says."""
        hold = await self._hold(visit, visit.query.one("hold"))
        given = GivenInstrument() if hold is None else given_of_hold(hold.hold)
        return self._form(visit, hold, given)

    async def register(self, visit: Visit) -> Reply:
        """Sign and record what was read."""
        hold = await self._hold(visit, visit.form.one("hold"))
        given = given_instrument(visit)
        entry = hold.hold.entry if hold is not None else ""
        draft, wrong = draft_of(given, visit.person.state, visit.now, entry)
        if draft is None:
            return self._form(visit, hold, given, wrong, status=422)
        try:
            recorded = await self._desk.instruments(visit.session).register(draft)
        except GatewayRefusalError as error:
            return self._form(visit, hold, given, _refused(error), status=422)
        if entry:
            self._desk.opened.forget_case(entry)
        return go_to(url_of(Name.INSTRUMENT, number=parse_entry_name(recorded)[1]))

    async def one(self, visit: Visit) -> Reply:
        """Show one instrument whole; that it was shown is recorded first."""
        return self._one(visit, await self._shown(visit))

    async def verify(self, visit: Visit) -> Reply:
        """Sign and record that an instrument is what it says."""
        shown = await self._shown(visit)
        (view,) = shown.instruments
        given = given_verification(visit)
        if view.verified_entry:
            return go_to(self._url(visit))  # Sent twice, or a colleague was first.
        wrong = wrong_verification(given, view.document)
        if wrong:
            return self._one(visit, shown, given, wrong, status=422)
        try:
            await self._desk.instruments(visit.session).verify(
                view.entry,
                document=view.document,
                called=" ".join(given.called.split()),
                answered=" ".join(given.answered.split()),
                note=" ".join(given.note.split()),
            )
        except GatewayRefusalError as error:
            return self._one(visit, shown, given, _refused(error), status=422)
        self._forget(visit, view)
        return go_to(self._url(visit))

    async def revoke(self, visit: Visit) -> Reply:
        """End an instrument, at once."""
        (view,) = (await self._shown(visit)).instruments
        # What ends something does not wait for a note to be mended.
        said = " ".join(visit.form.one("revoke-note").split())
        note = "".join(c for c in said if c.isprintable())[:NOTE_CHARACTERS_MAX]
        self._forget(visit, view)
        try:
            await self._desk.instruments(visit.session).revoke(view.entry, note)
        except GatewayRefusalError as error:
            raise _gone(error) from None
        return go_to(url_of(Name.INSTRUMENTS))

    def _forget(self, visit: Visit, view: InstrumentView) -> None:
        self._desk.opened.forget_desk(visit.form_token, view.entry)
        if view.hold_entry:
            self._desk.opened.forget_case(view.hold_entry)

    async def _hold(self, visit: Visit, number: str) -> OpenedCase | None:
        """Return the hold that an instrument came with, None where it came with none.

        Raises: ProblemError.
        """
        if not number:
            return None
        if not (number.isascii() and number.isdigit()) or len(number) > NUMBER_DIGITS_MAX:
            raise ProblemError(Problem.HOLD_CLOSED)
        return await open_case(self._desk, visit, int(number))

    async def _shown(self, visit: Visit) -> DeskShown:
        """Return an instrument as this session was shown it, else have the gateway show it.

        Raises: ProblemError if there is none of the person's state under this number.
        """
        entry = entry_name(visit.person.state, int(visit.values["number"]))
        known = self._desk.opened.desk(visit.form_token, entry, visit.now)
        if known is not None and known.instruments:
            return known
        try:
            shown = await self._desk.looking(visit.session).read(DeskName.INSTRUMENTS, entry)
        except GatewayRefusalError as error:
            raise _gone(error) from None
        self._desk.opened.put_desk(visit.form_token, entry, shown, visit.now)
        return shown

    def _form(
        self,
        visit: Visit,
        hold: OpenedCase | None,
        given: GivenInstrument,
        wrong: Wrong = (),
        *,
        status: int = 200,
    ) -> Reply:
        number = parse_entry_name(hold.hold.entry)[1] if hold is not None else None
        came_with = f", for request {hold.hold.entry.upper()}" if hold is not None else ""
        back = url_of(Name.INSTRUMENTS) if number is None else url_of(Name.CASE, number=number)
        return self._views.page(
            "instrument_new.html",
            visit,
            status=status,
            finding=f"Register what you have read of a legal instrument{came_with}.",
            given=given,
            kinds=kind_options(),
            appointments=appointment_options(),
            classes=[
                (part.value, opened(term(part).label), part.value in given.classes)
                for part in CLASSES
            ],
            days_max=INSTRUMENT_DAYS_MAX,
            hold="" if number is None else number,
            action=url_of(Name.REGISTER),
            wrong=wrong,
            faults=dict(wrong),
            back=back,
        )

    def _one(
        self,
        visit: Visit,
        shown: DeskShown,
        given: GivenVerification | None = None,
        wrong: Wrong = (),
        *,
        status: int = 200,
    ) -> Reply:
        (view,) = shown.instruments
        state, now, number = visit.person.state, visit.now, visit.values["number"]
        stands = not view.revoked_entry and view.until > now
        return self._views.page(
            "instrument.html",
            visit,
            status=status,
            **instrument_row(view, now),
            finding=instrument_finding(view, now),
            facts_shown=instrument_facts(view, state, now),
            parts=classes_said(view.classes),
            access_entry=shown.access_entry.upper(),
            is_standing=stands,
            can_verify=stands
            and not view.verified_entry
            and view.registered_by != visit.person.signs_as,
            is_own=view.registered_by == visit.person.signs_as,
            given=given or GivenVerification(),
            verify=url_of(Name.VERIFY, number=number),
            revoke=url_of(Name.REVOKE, number=number),
            wrong=wrong,
            faults=dict(wrong),
            back=url_of(Name.INSTRUMENTS),
        )

    @staticmethod
    def _url(visit: Visit) -> str:
        return url_of(Name.INSTRUMENT, number=visit.values["number"])


def _refused(error: GatewayRefusalError) -> Wrong:
    """Return what a gateway refused with, where a person can mend it. Raises: ProblemError."""
    if error.reason in _SAID:
        return (("refused", f"The gateway did not take it: {error}."),)
    raise _gone(error)


def _gone(error: GatewayRefusalError) -> Exception:
    """Return what a page says of an instrument that is no more as it was shown."""
    problem = _GONE.get(error.reason)
    return error if problem is None else ProblemError(problem)
