"""A rule in plain English: the sentence its author wrote, or one made from the record.

The made one is what a form shows beside the rule, so that an author sees what the record says, not
what was meant. It uses short sentences and plain words (school grade 9 at most, held by a test).
Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from comity.domain.keys import MessageKey, key_row
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    BudgetState,
    Certification,
    DataClass,
    Direction,
    Emergency,
    FanOut,
    Instrument,
    Offence,
    Outcome,
    Purpose,
    RecordKind,
    TimeBand,
    term,
)
from comity.policy.axis import Axis
from comity.policy.families import label_of_agency
from comity.policy.rule import Budget, BudgetPer, Condition, Mark, Publication, Rule

_Limit = TypeVar("_Limit")

__all__ = [
    "changes_said",
    "english_of",
    "english_of_budget",
    "english_of_budgets",
    "english_of_condition",
    "english_of_publication",
    "english_of_publications",
    "join_words",
    "sentence_of",
    "statute_of",
    "terms_of",
    "word_of",
    "words_of_class",
]

_ASSURANCE: Final = {
    Assurance.SIGNED: "signed the query",
    Assurance.AGENCY_ASSERTED: "is named by the agency",
    Assurance.NOT_STATED: "is not named",
}
_CERTIFICATION: Final = {
    Certification.VALID: "stands",
    Certification.EXPIRED: "has run out",
    Certification.NONE: "is not on file",
}
_DATA_CLASS: Final = {
    DataClass.STATUS: "licence status",
    DataClass.IDENTITY: "name and birth date",
    DataClass.ADDRESS: "home address",
    DataClass.PHOTO: "the photo",
    DataClass.SSN: "the social security number",
    DataClass.HISTORY: "the driving record",
    DataClass.MEDICAL: "health notes",
    DataClass.IMMIGRATION_DOCUMENTS: "the papers shown for a licence",
    DataClass.VEHICLE: "plate and car",
    DataClass.OWNER: "the name of the owner",
    DataClass.OPAQUE: "free text",
}
_EMERGENCY: Final = {
    Emergency.NONE: "is not at risk",
    Emergency.DECLARED: "is said to be at risk",
}
_BUDGET: Final = {
    BudgetState.WITHIN: "no more people today than this state allows",
    BudgetState.PHOTO_OVER: "more people today than this state allows for photos",
    BudgetState.OVER: "more people today than this state allows",
}
_DIRECTION: Final = {
    Direction.INBOUND: "comes to this state",
    Direction.OUTBOUND: "leaves this state",
}
_CLAIMS: Final = (Axis.PURPOSE, Axis.OFFENCE, Axis.INSTRUMENT)
_UNSAID: Final = "not_stated"
_FAN_OUT: Final = {
    FanOut.SINGLE: "this state alone",
    FanOut.LIST: "two to five states",
    FanOut.REGION: "a group of states",
    FanOut.ALL: "all states",
}
_INSTRUMENT: Final = {
    Instrument.ARTICLE_III_WARRANT: "a warrant signed by a federal judge",
    Instrument.STATE_WARRANT: "a warrant signed by a state judge",
    Instrument.COURT_ORDER: "a court order",
    Instrument.COURT_SUBPOENA: "a court subpoena",
    Instrument.ADMINISTRATIVE_SUBPOENA: "a subpoena that no judge signed",
    Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT: "an ICE warrant that no judge signed",
    Instrument.EMERGENCY_DECLARATION: "a signed note that a life is at risk",
    Instrument.CONSENT: "the consent of the person",
    Instrument.NONE: "no court paper",
    Instrument.OTHER: "some other paper",
}
_OFFENCE: Final = {
    Offence.SEXUAL: "a sexual crime",
    Offence.PROPERTY: "a property crime",
    Offence.IMMIGRATION_CRIMINAL: "an immigration crime",
    Offence.IMMIGRATION_CIVIL: "a civil immigration matter",
    Offence.NONE: "no crime",
    Offence.OTHER: "some other crime",
}
_PURPOSE: Final = {
    Purpose.MISSING_OR_ENDANGERED: "a search for someone missing or in danger",
    Purpose.IDENTIFY_DECEASED: "finding out who has died",
    Purpose.COURT: "a court case or serving its papers",
    Purpose.FIREARM: "the purchase of a firearm, or a permit",
    Purpose.OTHER_CIVIL: "some other civil use",
    Purpose.OTHER: "some other use",
}
"""Words where a label does not stand well in a sentence."""

_RECORD_KIND: Final = {
    RecordKind.LICENCE: "a driver licence",
    RecordKind.ID_CARD: "an ID card",
    RecordKind.NONCOMPLIANT_LICENCE: "a licence that does not meet REAL ID",
    RecordKind.COMMERCIAL_LICENCE: "a commercial licence",
    RecordKind.REGISTRATION: "a vehicle registration",
    RecordKind.TITLE: "a vehicle title",
    RecordKind.OTHER: "of some other kind",
}
_TIME_BAND: Final = {
    TimeBand.WEEKDAY_DAY: "a weekday from 08:00 to 18:00",
    TimeBand.WEEKDAY_NIGHT: "a weekday before 08:00 or after 18:00",
    TimeBand.WEEKEND: "Saturday or Sunday",
}
_AGENCY_TYPE: Final = {
    AgencyType.PD: "city police",
    AgencyType.SO: "sheriffs",
    AgencyType.SA: "state police",
    AgencyType.LE: "other police",
    AgencyType.FE: "federal agents",
    AgencyType.JA: "prosecutors",
    AgencyType.JC: "jails and prisons",
    AgencyType.JG: "courts",
    AgencyType.JJ: "youth courts",
    AgencyType.JF: "federal courts or jails",
    AgencyType.CJ: "others who work on crime",
    AgencyType.NJ: "bodies that do not work on crime",
    AgencyType.OTHER: "bodies of some other kind",
}
_NO_ONE: Final = "No one may get {what}."
_FIRST: Final = {
    Outcome.RELEASE: ("{who} may get {what}.", "anyone on the list"),
    Outcome.HOLD: ("A person at this state must say yes before {who} may get {what}.", "anyone"),
    Outcome.DENY: ("{who} may not get {what}.", ""),
}


def sentence_of(rule: Rule) -> str:
    """Return what a requester reads of a rule."""
    return rule.sentence or english_of(rule)


def statute_of(rule: Rule) -> str:
    """Return what a rule rests on, in one line: citation, label, since when."""
    since = f"since {rule.statute.since}" if rule.statute.since else ""
    return "; ".join(filter(None, (rule.statute.cite, rule.label, since)))


def english_of(rule: Rule) -> str:
    """Return the English that is made from the record alone."""
    first, anyone = _FIRST[rule.effect]
    who = join_words([label_of_agency(value) for value in rule.when.agency]) or anyone
    first = first if who else _NO_ONE
    said = [_capital(first.format(who=who, what=_classes(rule.when)))]
    clauses = _clauses(rule.when)
    if clauses:
        said.append(f"This is so when {join_words(clauses, 'and')}.")
    said.extend(f"It is not so when {_exception(exception)}." for exception in rule.unless)
    if not rule.enabled:
        said.append("This rule is switched off.")
    if rule.statute.mark is Mark.UNCHECKED:
        said.append("No one has checked it with the text of the law.")
    return " ".join(said)


def english_of_publication(publication: Publication | None) -> str:
    """Return what the public sees of this state's ledger now, and what it sees later."""
    if publication is None:
        return "The public sees who asked, for what use and for what crime, at once."
    months = publication.delay_months
    wait = "one month" if months == 1 else f"{months} months"
    uses = join_words([term(purpose).label for purpose in publication.delayed_purposes])
    now = f"When the stated use is {uses}, the public sees at once only that there was a query."
    later = f"Who asked, for what use and for what crime is shown {wait} after that month."
    said = [now, later]
    if publication.except_families:
        who = join_words([label_of_agency(family) for family in publication.except_families])
        said.append(f"This wait is never given to {who}.")
    return " ".join(said)


def english_of_notice(hours: int) -> str:
    """Return how long what loosens a restricted class must stand announced first, as a sentence."""
    if not hours:
        return "No notice is needed before rules loosen."
    return (
        "What gives photos, Social Security numbers, medical, history or immigration records more"
        f" easily must stand announced for {hours} hours first."
    )


def english_of_publications(old: Publication | None, new: Publication | None) -> str:
    """Return how what the public sees changes from one bundle to another; empty if it does not."""
    if old == new:
        return ""
    before, after = english_of_publication(old), english_of_publication(new)
    return f"What the public sees changes. Before: {before} Then: {after}"


def english_of_budget(budget: Budget) -> str:
    """Return how many people whom a budget lets ask about in a day, and for what."""
    is_operator = budget.per is BudgetPer.OPERATOR
    who = "An operator" if is_operator else "An agency"
    if budget.agency:
        among = join_words([label_of_agency(value) for value in budget.agency])
        who += f" {'at' if is_operator else 'among'} {among}"
    count = "one person" if budget.persons == 1 else f"{budget.persons:,} people"
    photos = "" if budget.photos is None else f", {_photos(budget.photos)}"
    use = join_words([_use(purpose) for purpose in budget.purpose])
    return f"{who} may ask about {count} a day{photos}{', for ' if use else ''}{use}."


def _photos(count: int) -> str:
    return f"{count:,} with photo" if count else "none with photo"


def _use(purpose: Purpose) -> str:
    return "a use it does not state" if purpose == _UNSAID else term(purpose).label


def english_of_budgets(old: Sequence[Budget], new: Sequence[Budget]) -> tuple[str, ...]:
    """Return which budgets come, go or change from one bundle to another."""
    return changes_said(old, new, _counts, english_of_budget)


def changes_said(
    old: Sequence[_Limit],
    new: Sequence[_Limit],
    what_of: Callable[[_Limit], object],
    english: Callable[[_Limit], str],
) -> tuple[str, ...]:
    """Return what comes, goes or changes, each by what it counts, whatever its numbers."""
    before, after = ({what_of(each): each for each in limits} for limits in (old, new))
    said = []
    for what in (*before, *(each for each in after if each not in before)):
        was, now = before.get(what), after.get(what)
        if now is None:
            assert was is not None
            said.append(f"No longer so: {english(was)}")
        elif was is None:
            said.append(f"New: {english(now)}")
        elif was != now:
            said.append(f"Before: {english(was)} Then: {english(now)}")
    return tuple(said)


def _counts(budget: Budget) -> tuple[object, ...]:
    """Return what a budget counts, whatever its numbers."""
    return budget.per, budget.agency, budget.purpose


def join_words(words: list[str], last: str = "or") -> str:
    """Return words as a list in a sentence: `a, b or c`."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def english_of_condition(condition: Condition) -> str:
    """Return what a condition asks for, in words; empty where it asks for nothing."""
    return _exception(condition)


def words_of_class(data_class: DataClass) -> str:
    """Return the plain words for one data class."""
    return _DATA_CLASS[data_class]


def word_of(axis: Axis, value: str) -> str:
    """Return the words for one value of an axis, as a rule's sentence has them."""
    if value == _UNSAID and axis in _CLAIMS:
        return "not stated"
    return _word(axis, value)


def terms_of(rule: Rule) -> str:
    """Return when a rule applies, in short, whatever it does; empty where it always does."""
    when = _brief(rule.when)
    said = [f"when {when}"] if when else []
    return "; ".join([*said, *(f"not when {_brief(each)}" for each in rule.unless)])


def _brief(condition: Condition) -> str:
    """Return what a condition asks for, message keys without their words."""
    rest = _exception(msgspec.structs.replace(condition, message_key=()))
    keys = (
        f"the query is {join_words(list(condition.message_key))}" if condition.message_key else ""
    )
    return join_words([each for each in (keys, rest) if each], "and")


def _exception(exception: Condition) -> str:
    clauses = _clauses(exception)
    if exception.agency:
        labels = [label_of_agency(value) for value in exception.agency]
        clauses.insert(0, f"the query is from {join_words(labels)}")
    if exception.data_class:
        clauses.append(f"it is for {_classes(exception)}")
    return join_words(clauses, "and")


def _classes(condition: Condition) -> str:
    return join_words([_DATA_CLASS[value] for value in condition.data_class] or ["any data"])


def _clauses(condition: Condition) -> list[str]:
    """Return a clause per axis; agency and data class stand in the first sentence."""
    found = [_clause(axis, values) for axis, values in condition.terms()]
    return [clause for clause in found if clause]


def _clause(axis: Axis, values: tuple[str, ...]) -> str:
    words = join_words(
        [_word(axis, value) for value in values if value != _UNSAID or axis not in _CLAIMS]
    )
    match axis:
        case Axis.AGENCY | Axis.DATA_CLASS:
            return ""
        case Axis.AGENCY_TYPE:
            return f"those who ask are {words}"
        case Axis.CERTIFICATION:
            return f"their yearly pledge to this state {words}"
        case Axis.ASSURANCE:
            return f"the person who asks {words}"
        case Axis.MESSAGE_KEY:
            return f"the query is {words}"
        case Axis.RECORD_KIND:
            return f"the record is {words}"
        case Axis.PURPOSE:
            return _claim("the stated use is", "no use is stated", words, values)
        case Axis.OFFENCE:
            return _claim("the case is stated to be", "no crime is stated", words, values)
        case Axis.INSTRUMENT:
            return _claim("they hold", "they name no court paper", words, values)
        case Axis.FAN_OUT:
            return f"they ask {words}"
        case Axis.EMERGENCY:
            return f"a life {words}"
        case Axis.TIME_BAND:
            return f"it is {words}"
        case Axis.BUDGET:
            return f"they have asked about {words}"
        case Axis.DIRECTION:
            return f"the query {words}"


def _claim(start: str, silence: str, words: str, values: tuple[str, ...]) -> str:
    stated = [f"{start} {words}"] if words else []
    return join_words([*stated, *([silence] if _UNSAID in values else [])])


def _word(axis: Axis, value: str) -> str:
    match axis:
        case Axis.AGENCY:
            return label_of_agency(value)
        case Axis.AGENCY_TYPE:
            return _AGENCY_TYPE[AgencyType(value)]
        case Axis.CERTIFICATION:
            return _CERTIFICATION[Certification(value)]
        case Axis.ASSURANCE:
            return _ASSURANCE[Assurance(value)]
        case Axis.MESSAGE_KEY:
            return f"{value} ({key_row(MessageKey(value)).label})"
        case Axis.DATA_CLASS:
            return _DATA_CLASS[DataClass(value)]
        case Axis.RECORD_KIND:
            return _RECORD_KIND[RecordKind(value)]
        case Axis.PURPOSE:
            return _PURPOSE.get(Purpose(value), term(Purpose(value)).label)
        case Axis.OFFENCE:
            return _OFFENCE.get(Offence(value), term(Offence(value)).label)
        case Axis.INSTRUMENT:
            return _INSTRUMENT[Instrument(value)]
        case Axis.FAN_OUT:
            return _FAN_OUT[FanOut(value)]
        case Axis.EMERGENCY:
            return _EMERGENCY[Emergency(value)]
        case Axis.TIME_BAND:
            return _TIME_BAND[TimeBand(value)]
        case Axis.BUDGET:
            return _BUDGET[BudgetState(value)]
        case Axis.DIRECTION:
            return _DIRECTION[Direction(value)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
