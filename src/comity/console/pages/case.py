"""One case: what is asked, why it is held, and the person's verdict on it.

Guarantee: nothing of a record is on these pages but what the gateway showed on a signed reading,
whose leaf they name; no verdict is given without a page that said in a sentence what it does.
Source: docs/adr/0036-console.md.
"""

from __future__ import annotations

from typing import Any, Final

from comity.console.desk import Desk
from comity.console.opened_cases import Look, OpenedCase, ShownRecord
from comity.console.opening import open_case
from comity.console.pages.appeal_words import granted_said
from comity.console.pages.assigned_words import reviewers_here, standing
from comity.console.pages.before_words import before_words
from comity.console.pages.call_words import calls_fact, calls_said
from comity.console.pages.instrument_words import claim_words
from comity.console.pages.record_words import fault_sentence, hint_of, record_words
from comity.console.pages.reply_words import replies_said
from comity.console.pages.roster_words import staffed_said
from comity.console.pages.second_words import (
    beyond_faults,
    is_own_proposal,
    second_consequence,
    second_note,
)
from comity.console.pages.verdict_form import (
    KINDS,
    NO_CLAUSE,
    Act,
    Given,
    act_of,
    approved_of,
    classes_text,
    consequence_of,
    given_of,
    note_of,
    pass_days_of,
    reasons_of,
    who_of,
    why_no_pass,
    wrong_of,
)
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import (
    counted,
    iso,
    label_of,
    left_said,
    listed,
    moment_said,
    opened,
    plain,
    tone_of,
)
from comity.domain.agency import Agency
from comity.domain.ids import ORI, Member, entry_name
from comity.domain.passes import PASS_DAYS_MAX
from comity.domain.protection import ADDRESS_WORDS
from comity.domain.vocabulary import (
    Assurance,
    DataClass,
    Instrument,
    Offence,
    Outcome,
    Purpose,
    term,
)
from comity.link.command import HoldView
from comity.link.errors import GatewayRefusalError, GatewaySilentError
from comity.ports import UnreachableError
from comity.review.verdicts import NOTE_CHARACTERS_MAX, HoldClosedError
from comity.services.outgoing import OutgoingFullError
from comity.services.past_decisions import Past
from comity.services.sealed_rows import LeavesMissingError

__all__ = ["Act", "CasePages"]

_SILENT: Final = (
    "The gateway did not answer. It may have recorded that this was shown to you, and nothing "
    "was. The request waits and its clock goes on. Try again in a moment."
)
_PAST_SECONDS_MAX: Final = 300.0
"""How old past decisions beside a case may be: nobody waits for them case by case."""
_MARKS: Final = {Outcome.RELEASE: "released", Outcome.HOLD: "held", Outcome.DENY: "refused"}


class CasePages:
    """A case, the page before a verdict, and what a person does with a verdict on its way."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def case(self, visit: Visit) -> Reply:
        """Show a case whole; that it was shown is recorded first."""
        return await self._case(visit, await self._open(visit))

    async def show_record(self, visit: Visit) -> Reply:
        """Have the gateway show what would go out, once for this session; then the case again."""
        opened_case = await self._open(visit)
        hold = opened_case.hold
        if visit.form.one("step") != str(hold.next_step):
            raise ProblemError(Problem.CHANGED)
        if self._record(visit, hold) is None:
            try:
                record = await self._desk.reviewing(visit.session).what_goes_out(hold)
            except (GatewaySilentError, UnreachableError):
                return await self._case(visit, opened_case, fault=_SILENT, status=503)
            except GatewayRefusalError as error:
                if error.reason == HoldClosedError.code:
                    raise ProblemError(Problem.HOLD_CLOSED) from None
                if not (fault := fault_sentence(error)):
                    raise
                return await self._case(visit, opened_case, fault=fault, status=503)
            self._desk.opened.put_record(
                visit.form_token,
                ShownRecord(record=record, entry=hold.entry, step=hold.next_step, at=visit.now),
            )
        return go_to(f"{url_of(Name.CASE, number=visit.values['number'])}#what-goes-out")

    async def _case(
        self, visit: Visit, shown: OpenedCase, *, fault: str = "", status: int = 200
    ) -> Reply:
        hold, person = shown.hold, visit.person
        record = self._record(visit, hold)
        directory = await self._desk.books.directory()
        agency = directory.agency(ORI(hold.agency))
        look = Look(state=person.state, subject=person.subject, name=person.name, at=visit.now)
        other = self._desk.opened.looked(hold.entry, look)
        own = self._desk.verdicts.on(hold.entry)
        return self._views.page(
            "case.html",
            visit,
            status=status,
            hold=_hold_words(hold, visit),
            finding=_finding(hold),
            asked=_asked(hold, agency, visit),
            checked=_checked(hold),
            claim=claim_words(hold),
            replies=await replies_said(
                self._desk, person.state, int(visit.values["number"]), visit.now
            ),
            calls=calls_said(
                hold.calls, reviewers_here(self._desk, person.state), person.state, visit.now
            ),
            call_back=url_of(Name.CALL_BACK, number=visit.values["number"])
            if agency is not None and agency.phone
            else "",
            granted=granted_said(hold.granted),
            parts=_parts(hold),
            rulings=_rulings(hold),
            record=record and record_words(hold, record, person.state),
            record_fault=fault,
            show_record=url_of(Name.SHOW_RECORD, number=visit.values["number"]),
            step=hold.next_step,
            before=before_words(
                await self._past(person.state), hold, person.state, directory, visit.now
            ),
            access_entry=shown.access_entry.upper(),
            other=other
            and f"{other.name} opened this case at "
            f"{moment_said(other.at, person.state, visit.now)}.",
            on_its_way=own is not None,
            staffed=staffed_said(self._desk.rosters(person.state), person.state, visit.now),
            second=second_note(hold, person.signs_as, person.state, visit.now),
            same_case=own is None and await self._same_case(visit),
            whose=await self._whose(visit, hold),
            conflict=url_of(Name.CONFLICT, number=visit.values["number"]),
            acts={act.name.lower(): self._act_url(visit, act) for act in Act},
            queue=url_of(Name.QUEUE),
        )

    async def _whose(self, visit: Visit, hold: HoldView) -> dict[str, str]:
        """Return whose the request is, and where it can be taken if it is nobody's."""
        state, number = visit.person.state, visit.values["number"]
        found = (await standing(self._desk, state, visit.now)).get(hold.entry)
        if found is None:
            return {"said": "", "take": url_of(Name.TAKE, number=number)}
        if found.whose.reviewer == visit.person.signs_as:
            return {"said": "It is yours.", "take": ""}
        name = reviewers_here(self._desk, state)[found.whose.reviewer]
        return {"said": f"{name} has it. You can decide it all the same.", "take": ""}

    async def _same_case(self, visit: Visit) -> dict[str, str] | None:
        """Return where the other requests of this one's case are, if there are any."""
        number = int(visit.values["number"])
        row = await self._desk.store.open_hold(visit.person.state, number)
        if row is None:
            return None
        leaving = self._desk.verdicts.waiting_entries(visit.person.state)
        others = (await self._desk.queue.same_case(row, leaving=leaving, limit=1)).requests - 1
        if others < 1:
            return None
        said = counted(
            others, "other request of this case waits", "other requests of this case wait"
        )
        return {"url": url_of(Name.SAME_CASE, number=number), "said": f"{opened(said)}."}

    async def consider(self, visit: Visit) -> Reply:
        """Show what a verdict would do, in a sentence, with what it needs."""
        act = act_of(visit)
        shown = await self._open(visit)
        given = Given(classes=tuple(shown.hold.classes))
        return self._consider(visit, shown.hold, act, given)

    async def give(self, visit: Visit) -> Reply:
        """Take a verdict; it leaves within the minute unless it is taken back."""
        act = act_of(visit)
        shown = await self._open(visit)
        hold = shown.hold
        if visit.form.one("step") != str(hold.next_step):
            raise ProblemError(Problem.CHANGED)
        given = given_of(visit)
        approved = approved_of(act, hold, given)
        wrong = (*wrong_of(act, hold, given), *beyond_faults(act, hold, approved))
        if wrong:
            return self._consider(visit, hold, act, given, wrong, status=422)
        if is_own_proposal(hold, approved, visit.person.signs_as):
            raise ProblemError(Problem.SECOND_REVIEWER)
        reviewing = self._desk.reviewing(visit.session)
        signed = reviewing.verdict(hold, KINDS[act], approved, note_of(act, hold, given))
        days = pass_days_of(act, given)
        # Signed now, while its author is here; sent only behind a release that took effect.
        with_it = reviewing.signed_pass(hold, approved, days) if days else None
        giving = self._desk.giving(visit.session, with_it)
        try:
            kept = self._desk.verdicts.add(hold, signed, giving, with_it)
        except OutgoingFullError:
            raise ProblemError(Problem.TOO_MANY_WAIT) from None
        if kept.by != (visit.person.state, visit.person.signs_as):
            raise ProblemError(Problem.OVERTAKEN)
        if not kept.is_same(signed):
            raise ProblemError(Problem.ANOTHER_GIVEN)
        return go_to(url_of(Name.QUEUE))

    async def take_back(self, visit: Visit) -> Reply:
        """Take a verdict back that has not left."""
        person = visit.person
        entry, step = self._entry(visit), int(visit.values["step"])
        if self._desk.verdicts.take_back(person.state, person.signs_as, entry, step) is None:
            raise ProblemError(Problem.HOLD_CLOSED)
        return go_to(url_of(Name.QUEUE))

    async def send_now(self, visit: Visit) -> Reply:
        """Send a verdict that waits."""
        person = visit.person
        entry, step = self._entry(visit), int(visit.values["step"])
        sent = await self._desk.verdicts.send_now(person.state, person.signs_as, entry, step)
        if sent is None:
            raise ProblemError(Problem.HOLD_CLOSED)
        return go_to(url_of(Name.QUEUE))

    async def _open(self, visit: Visit) -> OpenedCase:
        return await open_case(self._desk, visit, int(visit.values["number"]))

    async def _past(self, state: Member) -> Past | None:
        try:
            return await self._desk.past.read(state, age_s=_PAST_SECONDS_MAX)
        except LeavesMissingError:
            # The case can be decided without; the ledger's own checks raise the alarm.
            return None

    def _record(self, visit: Visit, hold: HoldView) -> ShownRecord | None:
        return self._desk.opened.record(visit.form_token, hold.entry, hold.next_step, visit.now)

    def _consider(
        self,
        visit: Visit,
        hold: HoldView,
        act: Act,
        given: Given,
        wrong: tuple[tuple[str, str], ...] = (),
        *,
        status: int = 200,
    ) -> Reply:
        record = self._record(visit, hold)
        return self._views.page(
            "decide.html",
            visit,
            status=status,
            act=act.value,
            hold=_hold_words(hold, visit),
            finding=second_consequence(act, hold, approved_of(act, hold, given))
            or consequence_of(act, hold, approved_of(act, hold, given)),
            action=self._act_url(visit, act),
            step=hold.next_step,
            classes=[
                (
                    part.value,
                    opened(term(part).label),
                    part.value in given.classes,
                    hint_of(part, record),
                )
                for part in hold.classes
            ],
            clauses=[
                (r.rule, f"{r.rule}: {r.sentence}", r.statute or None) for r in reasons_of(hold)
            ]
            + [(NO_CLAUSE, "None of these", "Say why in your own words")],
            given=given,
            wrong=wrong,
            faults=dict(wrong),
            note_max=NOTE_CHARACTERS_MAX,
            claim_note=_claim_note(act, hold),
            calls_fact=calls_fact(
                hold,
                reviewers_here(self._desk, visit.person.state),
                visit.person.state,
                visit.now,
            )
            if act in (Act.RELEASE, Act.PART)
            else None,
            no_pass=why_no_pass(hold),
            pass_is_empty=not hold.operator,
            pass_case=hold.case_number,
            pass_days_max=PASS_DAYS_MAX,
            case=url_of(Name.CASE, number=visit.values["number"]),
        )

    def _act_url(self, visit: Visit, act: Act) -> str:
        return url_of(Name.CONSIDER, number=visit.values["number"], act=act.value)

    def _entry(self, visit: Visit) -> str:
        return entry_name(visit.person.state, int(visit.values["number"]))


def _claim_note(act: Act, hold: HoldView) -> str:
    """Return what stands in the way of a release that rests on an instrument; empty for nothing."""
    claim = claim_words(hold)
    if act not in (Act.RELEASE, Act.PART) or claim is None or claim["state"] == "met":
        return ""
    return f"{claim['claimed']} {claim['said']}"


def _finding(hold: HoldView) -> str:
    """Return in a sentence who asks for what, and why it waits."""
    rules = listed([reason.rule for reason in reasons_of(hold)])
    holds = f"{rules} {'holds' if ' ' not in rules else 'hold'} it for you" if rules else "it waits"
    return f"{who_of(hold)} asks for {classes_text(hold.classes)}: {holds}."


def _hold_words(hold: HoldView, visit: Visit) -> dict[str, Any]:
    left, member = hold.until - visit.now, visit.person.state
    return {
        "entry": hold.entry.upper(),
        "opened": moment_said(hold.opened_at, member, visit.now),
        "until": iso(hold.until),
        "until_said": moment_said(hold.until, member, visit.now),
        "left": left_said(left),
        "tone": tone_of(left),
        "agency": who_of(hold),
    }


def _asked(hold: HoldView, agency: Agency | None, visit: Visit) -> list[tuple[str, str]]:
    """Return what is known of the request, as pairs of a label and a value."""
    phone = agency.phone if agency is not None and agency.phone else "none in the directory"
    return [
        # Each by itself: a value that looks like two fields must not become two.
        *(("About", plain(f"{name} {value}")) for name, value in hold.search),
        *([] if hold.search else [("About", "nobody named")]),
        *(("Address", said) for said in [ADDRESS_WORDS.get(hold.address)] if said),
        ("Asked by", f"{who_of(hold)} ({hold.agency})"),
        ("Call back", phone),
        ("Officer", hold.operator or "not named"),
        ("Purpose", label_of(Purpose, hold.purpose)),
        ("Offence", label_of(Offence, hold.offence)),
        ("Case", hold.case_number or "not stated"),
        ("Instrument", label_of(Instrument, hold.instrument)),
        ("Message key", hold.key),
        ("Waits until", moment_said(hold.until, visit.person.state, visit.now)),
    ]


def _checked(hold: HoldView) -> list[tuple[str, str]]:
    """Return what the request says and does not say, as checks with their sign."""
    purpose_said = hold.purpose != Purpose.NOT_STATED.value
    is_signed = hold.assurance == Assurance.SIGNED.value
    claim = claim_words(hold)
    return [
        ("met" if purpose_said else "unmet",
         "A purpose is stated." if purpose_said else "No purpose is stated."),
        ("met" if hold.case_number else "unmet",
         "A case number is stated." if hold.case_number else "No case number is stated."),
        ("met" if is_signed and hold.operator else "unknown" if hold.operator else "unmet",
         "The officer signed." if is_signed and hold.operator
         else "The agency says who the officer is; nobody signed." if hold.operator
         else "No officer is named."),
        (claim["state"], claim["checked"]) if claim is not None
        else ("unmet", "No warrant, order or other instrument is claimed."),
    ]  # fmt: skip


def _parts(hold: HoldView) -> list[dict[str, Any]]:
    """Return each held class with its rules, and what would have changed the answer."""
    by_class = {part.data_class: part for part in hold.withheld}
    rows = []
    for part in hold.classes:
        found = by_class.get(part)
        rows.append(
            {
                "name": opened(term(part).label),
                "note": ADDRESS_WORDS.get(hold.address, "") if part is DataClass.ADDRESS else "",
                "rules": ", ".join(r.rule for r in found.reasons) if found else "",
                "change": found.would_change if found else "",
                "mark": _MARKS[found.outcome] if found else "held",
            }
        )
    return rows


def _rulings(hold: HoldView) -> list[dict[str, str]]:
    """Return each rule that holds something, with the law that it rests on."""
    changes = {r: part.would_change for part in hold.withheld for r in part.reasons}
    return [
        {
            "rule": reason.rule,
            "sentence": reason.sentence,
            "statute": reason.statute,
            "mark": reason.mark,
            "change": changes.get(reason, ""),
        }
        for reason in reasons_of(hold)
    ]
