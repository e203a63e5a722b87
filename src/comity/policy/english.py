"""A rule in plain English: the sentence its author wrote, or one made from the record.

The made one is what a form shows beside the rule, so that an author sees what the record says, not
what was meant. It uses short sentences and plain words (school grade 9 at most, held by a test).
Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

from typing import Final

from comity.domain.keys import MessageKey, key_row
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    Certification,
    DataClass,
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
from comity.policy.rule import Condition, Mark, Rule

__all__ = ["english_of", "join_words", "sentence_of", "statute_of"]

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
    DataClass.IMMIGRATION_DOCUMENTS: "papers shown to get the licence",
    DataClass.VEHICLE: "plate and car",
    DataClass.OWNER: "the name of the owner",
    DataClass.OPAQUE: "free text",
}
_EMERGENCY: Final = {
    Emergency.NONE: "is not at risk",
    Emergency.DECLARED: "is said to be at risk",
}
_CLAIMS: Final = (Axis.PURPOSE, Axis.OFFENCE)
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
    Instrument.CONSENT: "leave from the person",
    Instrument.NONE: "no court paper",
    Instrument.OTHER: "some other paper",
    Instrument.NOT_STATED: "no paper that it names",
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
    AgencyType.NJ: "not there to work on crime",
    AgencyType.OTHER: "of some other kind",
}
_FIRST: Final = {
    Outcome.RELEASE: ("{who} may get {what}.", "anyone on the list"),
    Outcome.HOLD: ("A person at this state must say yes before {who} may get {what}.", "anyone"),
    Outcome.DENY: ("{who} may not get {what}.", "those who ask"),
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
    who = join_words([label_of_agency(value) for value in rule.when.agency] or [anyone])
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


def join_words(words: list[str], last: str = "or") -> str:
    """Return words as a list in a sentence: `a, b or c`."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


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
            return f"they are {words}"
        case Axis.CERTIFICATION:
            return f"their yearly pledge to this state {words}"
        case Axis.ASSURANCE:
            return f"the person who asks {words}"
        case Axis.MESSAGE_KEY:
            return f"the query is {words}"
        case Axis.RECORD_KIND:
            return f"the record is a {words}"
        case Axis.PURPOSE:
            return _claim("use", words, values)
        case Axis.OFFENCE:
            return _claim("crime", words, values)
        case Axis.INSTRUMENT:
            return f"they hold {words}"
        case Axis.FAN_OUT:
            return f"they ask {words}"
        case Axis.EMERGENCY:
            return f"a life {words}"
        case Axis.TIME_BAND:
            return f"it is {words}"


def _claim(what: str, words: str, values: tuple[str, ...]) -> str:
    stated = [f"the stated {what} is {words}"] if words else []
    unsaid = [f"no {what} is stated"] if _UNSAID in values else []
    return join_words([*stated, *unsaid])


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
            return term(RecordKind(value)).label
        case Axis.PURPOSE:
            return term(Purpose(value)).label
        case Axis.OFFENCE:
            return term(Offence(value)).label
        case Axis.INSTRUMENT:
            return _INSTRUMENT[Instrument(value)]
        case Axis.FAN_OUT:
            return _FAN_OUT[FanOut(value)]
        case Axis.EMERGENCY:
            return _EMERGENCY[Emergency(value)]
        case Axis.TIME_BAND:
            return term(TimeBand(value)).label


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
