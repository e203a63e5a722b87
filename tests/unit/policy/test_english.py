"""English made from records: complete, plain, and honest about what is switched off."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from comity.domain.agency import Family
from comity.domain.ids import MEMBERS, member_label
from comity.domain.vocabulary import (
    BudgetState,
    DataClass,
    Direction,
    Instrument,
    Offence,
    Outcome,
    Purpose,
    RecordKind,
    TimeBand,
)
from comity.policy import (
    Axis,
    Condition,
    Mark,
    Publication,
    Rule,
    Statute,
    english_of,
    english_of_publication,
    english_of_publications,
    load_template,
    sentence_of,
    statute_of,
    template_names,
)
from comity.policy.axis import AXIS_VALUES
from tests.unit.policy.build import PRACTICE, rule

GRADE_MAX = 9.0
_VOWELS = re.compile(r"[aeiouy]+")


def syllables(word: str) -> int:
    """Groups of vowels, less a silent e at the end."""
    groups = len(_VOWELS.findall(word.lower()))
    return max(1, groups - (word.lower().endswith("e") and not word.lower().endswith("le")))


def grade(text: str) -> float:
    """The Flesch-Kincaid school grade of a text."""
    words = re.findall(r"[A-Za-z']+", text)
    sentences = max(1, len(re.findall(r"[.!?](?:\s|$)", text)))
    spoken = sum(syllables(word) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * spoken / len(words) - 15.59


SHIPPED = [rule for name in template_names() for rule in load_template(name).rules]


def test_shipped_rules_are_plain() -> None:
    """The English made of all shipped rules together reads at school grade nine or below."""
    assert grade(" ".join(english_of(rule) for rule in SHIPPED)) <= GRADE_MAX


def test_the_authors_sentences_are_plain() -> None:
    """So do the sentences of the states' drafts, names and `immigration` as one syllable each."""
    drafts = (load_template(name) for name in template_names() if name != "national_default")
    said = " ".join(rule.sentence for draft in drafts for rule in draft.rules)
    # Nobody can write Massachusetts shorter, nor the word that the statutes are about.
    for member in sorted(MEMBERS, key=lambda each: -len(member_label(each))):
        said = said.replace(member_label(member), "State")
    assert grade(said.replace("immigration", "law")) <= GRADE_MAX


def test_every_axis_is_said_plainly() -> None:
    """A condition and an exception on each axis, the later ones too, read at that grade."""
    said = []
    for axis, values in AXIS_VALUES.items():
        named: dict[str, Any] = {axis.value: values[:2]}
        other: dict[str, Any] = {axis.value: values[-2:]}
        said.append(english_of(rule("X", Outcome.DENY, Condition(**other), **named)))
        said.append(english_of(rule("X", Outcome.HOLD, **named)))
    assert grade(" ".join(said)) <= GRADE_MAX


@pytest.mark.parametrize(
    ("made", "english"),
    [
        (rule("X", Outcome.DENY, agency=("US/DHS/ICE",)), "ICE may not get any data."),
        (
            rule("X", Outcome.DENY, offence=(Offence.IMMIGRATION_CIVIL,)),
            (
                "No one may get any data. This is so when the case is stated to be a civil "
                "immigration matter."
            ),
        ),
        (
            rule(
                "X",
                Outcome.HOLD,
                Condition(instrument=(Instrument.CONSENT, Instrument.NOT_STATED)),
                budget=(BudgetState.OVER,),
                direction=(Direction.OUTBOUND,),
            ),
            (
                "A person at this state must say yes before anyone may get any data. This is so "
                "when they have asked about more people today than this state allows and the query "
                "leaves this state. It is not so when they hold the consent of the person or they "
                "name no court paper."
            ),
        ),
        (
            rule(
                "X",
                Outcome.DENY,
                record_kind=(RecordKind.ID_CARD, RecordKind.OTHER),
                time_band=(TimeBand.WEEKDAY_NIGHT,),
            ),
            (
                "No one may get any data. This is so when the record is an ID card or of some "
                "other kind and it is a weekday before 08:00 or after 18:00."
            ),
        ),
        (
            rule(
                "X",
                Outcome.DENY,
                Condition(instrument=(Instrument.COURT_ORDER,)),
                agency=("US/DHS/CBP", "US/DHS/ICE"),
                data_class=(DataClass.PHOTO,),
                purpose=(Purpose.CIVIL_IMMIGRATION, Purpose.NOT_STATED),
            ),
            (
                "CBP or ICE may not get the photo. This is so when the stated use is civil "
                "immigration enforcement or no use is stated. It is not so when they hold a "
                "court order."
            ),
        ),
        (
            rule("X", Outcome.HOLD, agency=("TX/LOCAL/PD", "XXFBI0001")),
            (
                "A person at this state must say yes before police departments of Texas or the "
                "agency XXFBI0001 may get any data."
            ),
        ),
        (
            rule(
                "X",
                Outcome.RELEASE,
                Condition(agency=("US/DHS",), data_class=(DataClass.SSN,)),
                offence=(Offence.NOT_STATED,),
            ),
            (
                "Anyone on the list may get any data. This is so when no crime is stated. It is "
                "not "
                "so when the query is from Homeland Security agencies and it is for the social "
                "security number."
            ),
        ),
    ],
)
def test_what_the_record_says(made: Rule, english: str) -> None:
    """Effect, agencies, classes, conditions and exceptions are all there."""
    assert english_of(made) == english


@pytest.mark.parametrize("axis", list(Axis))
def test_every_value_has_words(axis: Axis) -> None:
    """No value of any axis is left out of the English, in a condition or an exception."""
    values = AXIS_VALUES.get(axis, ("US/DHS/ICE", "US/DHS/ICE/ERO"))
    plain = english_of(rule("X", Outcome.DENY))
    for value in values:
        named: dict[str, Any] = {axis.value: (value,)}
        assert english_of(rule("X", Outcome.DENY, **named)) != plain
        assert english_of(rule("X", Outcome.DENY, Condition(**named))) != plain
    said = {english_of(rule("X", Outcome.DENY, **{axis.value: (value,)})) for value in values}
    assert len(said) == len(values)


def test_an_unchecked_clause_says_so() -> None:
    """A clause marked K says that it is off, and that nobody checked it."""
    unchecked = Rule(
        id=rule("X", Outcome.DENY).id,
        effect=Outcome.DENY,
        statute=Statute(cite="a draft", mark=Mark.UNCHECKED),
        enabled=False,
    )
    assert english_of(unchecked).endswith(
        "This rule is switched off. No one has checked it with the text of the law."
    )


def test_the_authors_sentence_goes_first() -> None:
    """What a requester reads is the author's sentence, and the made one where there is none."""
    written = rule("X", Outcome.DENY)
    assert sentence_of(written) == "Rule X says so."
    unwritten = Rule(id=written.id, effect=Outcome.RELEASE, statute=PRACTICE)
    assert sentence_of(unwritten) == english_of(unwritten) == "Anyone on the list may get any data."


def test_what_a_rule_rests_on() -> None:
    """Citation, label and since when stand in one line; what is not there leaves no gap."""
    wa = load_template("wa").rules[0]
    assert statute_of(wa) == "block at the switch, press reports; as reported; since 2025-11"
    assert statute_of(rule("X", Outcome.DENY)) == "practice data"


def test_publication_is_said() -> None:
    """What the public sees at once, what later, and of whom it never waits; plainly."""
    publication = Publication(
        delayed_purposes=(Purpose.CRIMINAL_INVESTIGATION, Purpose.FIREARM),
        except_families=(Family("US/DHS"),),
        delay_months=6,
    )
    said = english_of_publication(publication)
    assert said == (
        "When the stated use is criminal investigation or firearm purchase or permit, the public "
        "sees at once only that there was a query. Who asked, for what use and for what crime is "
        "shown 6 months after that month. This wait is never given to Homeland Security agencies."
    )
    assert grade(said) <= GRADE_MAX
    one = msgspec.structs.replace(publication, delay_months=1, except_families=())
    assert english_of_publication(one).endswith("is shown one month after that month.")
    assert "at once" in english_of_publication(None)


def test_a_change_of_publication_is_said() -> None:
    """Before and then; nothing where nothing changes."""
    delay = Publication(delayed_purposes=(Purpose.COURT,), delay_months=1)
    assert english_of_publications(delay, delay) == english_of_publications(None, None) == ""
    said = english_of_publications(None, delay)
    assert said.startswith("What the public sees changes. Before: The public sees who asked")
    assert english_of_publication(delay) in said
