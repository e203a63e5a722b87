"""English made from records: complete, plain, and honest about what is switched off."""

from __future__ import annotations

import re
from typing import Any

import pytest

from comity.domain.vocabulary import DataClass, Instrument, Offence, Outcome, Purpose
from comity.policy import (
    Axis,
    Condition,
    Mark,
    Rule,
    Statute,
    english_of,
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


@pytest.mark.parametrize(
    ("made", "english"),
    [
        (rule("X", Outcome.DENY, agency=("US/DHS/ICE",)), "ICE may not get any data."),
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
