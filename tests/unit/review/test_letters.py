"""Letters to residents: what they say, in both languages, and what they never say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import product
from typing import Any

import msgspec
import pytest

from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import AgencyType, DataClass, Instrument, Purpose
from comity.policy.laws import LawMark, laws_of
from comity.review.letters import (
    ADDRESS_LINES_MAX,
    LETTER_LINE_CHARS_MAX,
    LETTER_LONG_CHARS_MAX,
    LETTER_TEXT_CHARS_MAX,
    Letter,
    LetterError,
    LetterFacts,
    PostalAddress,
    asked_of,
    letter_of,
)
from comity.review.letters.words import Asked, Happened, Language, Words, words_of
from tests.support.letters import FACTS, OFFICE, POST, SAFE
from tests.support.reading import grade

GRADE_MAX = 9
CLASSES: dict[Happened, tuple[tuple[DataClass, ...], tuple[DataClass, ...]]] = {
    Happened.RELEASED: ((DataClass.STATUS, DataClass.IDENTITY), ()),
    Happened.PARTLY: ((DataClass.STATUS,), (DataClass.PHOTO, DataClass.IMMIGRATION_DOCUMENTS)),
    Happened.NO_RECORD: ((), ()),
    Happened.REFUSED: ((), (DataClass.STATUS,)),
    Happened.HELD: ((), (DataClass.STATUS,)),
    Happened.EXPIRED: ((), (DataClass.STATUS,)),
}


def facts(**altered: Any) -> LetterFacts:
    """The facts of one request, altered; classes that fit what happened where none are given."""
    if "happened" in altered and not {"released", "withheld"} & set(altered):
        released, withheld = CLASSES[altered["happened"]]
        altered = {**altered, "released": released, "withheld": withheld}
    return msgspec.structs.replace(FACTS, **altered)


def text_of(letter: Letter) -> str:
    """Everything below the headline, and the headline, as sentences."""
    parts = [f"{letter.headline}."]
    for section in letter.sections:
        parts.extend(section.sentences)
        parts.extend(f"{lead} {', '.join(items)}." for lead, items in section.lists)
    return " ".join(parts)


def test_a_letter_says_who_asked_for_what_and_what_it_got() -> None:
    """In plain words, with the law, its mark, whom to call, how to complain, and the entry."""
    letter = letter_of(facts())
    assert letter.headline == "An agency asked for your driver record and got part of it"
    assert letter.day == "March 6, 2026"
    assert letter.recipient == ("Maria Practice Ortega", *POST.lines)
    assert letter.practice == "Practice data: nothing here is real"
    assert letter.warning == ""
    assert text_of(letter).partition(". ")[2] == (
        "On March 4, 2026, Alder County Sheriff (practice) asked us for your driver record."
        " The reason that it gave: to enforce immigration law, not for a crime."
        " It said that it had an order of a court."
        " We gave it: whether you may drive, your name and birth date."
        " We did not give it: your home address, your photo."
        " The law says that we must tell you: 625 ILCS 5/6-110.3."
        " (Mark V: this was read in the text of the law.)"
        " If you have a question, call the Records Desk at 217-555-0142, Monday to Friday, 8 to 5."
        " If you think that this was wrong, you may complain."
        " Write to the Office of the Inspector, 9 Practice Street, Springfield, IL."
        " This request is entry il/4711 in the public ledger of Illinois."
        " Anyone can look it up there. It does not show your name."
    )


def test_a_letter_in_spanish_says_the_same() -> None:
    """With the date as Spanish writes it, and the same places filled."""
    letter = letter_of(facts(language=Language.SPANISH, happened=Happened.REFUSED))
    assert letter.headline == "Una agencia pidió su expediente de conductor y no recibió nada"
    assert letter.day == "6 de marzo de 2026"
    assert letter.practice == "Datos de práctica: nada de esto es real"
    said = text_of(letter)
    for part in ("El 4 de marzo de 2026, Alder", "No le dimos nada.", "625 ILCS", "Marca V"):
        assert part in said
    assert not re.search(r"\b(the|asked|gave|law)\b", said.replace(OFFICE.call, "").replace(
        OFFICE.complain, ""
    ))  # fmt: skip


@pytest.mark.parametrize("happened", Happened)
def test_what_happened_is_said_and_no_more(happened: Happened) -> None:
    """Nothing is called given that was not, and nothing held is called refused."""
    said = text_of(letter_of(facts(happened=happened)))
    gives = happened in {Happened.RELEASED, Happened.PARTLY}
    assert ("We gave it:" in said) is gives
    assert ("We did not give it:" in said) is (happened is Happened.PARTLY)
    assert ("nothing so far" in said) is (happened is Happened.HELD)
    assert ("We gave it nothing." in said) is (happened in {Happened.REFUSED, Happened.EXPIRED})
    assert ("no such record" in said) is (happened is Happened.NO_RECORD)


@pytest.mark.parametrize("happened", Happened)
def test_english_is_plain(happened: Happened) -> None:
    """Whatever happened, for whatever purpose and paper: school grade 9 at most."""
    hardest = 0.0
    for purpose, instrument in product(Purpose, Instrument):
        for to, mark in ((POST, LawMark.READ), (SAFE, LawMark.SECONDARY)):
            wanted = facts(
                happened=happened, purpose=purpose, instrument=instrument, to=to, mark=mark
            )
            hardest = max(hardest, grade(text_of(letter_of(wanted))))
    assert 0 < hardest <= GRADE_MAX


def test_nothing_stated_is_said_so() -> None:
    """No purpose is no reason, and no paper is not mentioned."""
    said = text_of(letter_of(facts(purpose=Purpose.NOT_STATED, instrument=Instrument.NOT_STATED)))
    assert "It did not say why." in said
    assert "It said that it had" not in said


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", AgencyType)
def test_a_confidential_letter_names_no_place(language: Language, kind: AgencyType) -> None:
    """The agency by its kind, no entry that names it, a safe contact, and no post."""
    wanted = facts(language=language, to=SAFE, agency_type=kind)
    letter = letter_of(wanted)
    bytes_of = msgspec.json.encode(letter)
    assert FACTS.agency.encode() not in bytes_of
    assert FACTS.entry.encode() not in bytes_of
    assert words_of(language).agencies[kind] in text_of(letter)
    assert letter.recipient == (FACTS.resident,)
    assert SAFE.name in letter.warning
    assert SAFE.how in letter.warning
    assert re.search("Do not mail|No envíe", letter.warning)


def test_braces_of_people_are_text() -> None:
    """What looks like a place of the template stands as it was written."""
    letter = letter_of(facts(agency="{asked} {0} {day.year}", resident="{agency}"))
    assert "{asked} {0} {day.year} asked us for your driver record" in text_of(letter)
    assert letter.recipient[0] == "{agency}"
    warned = letter_of(facts(to=SAFE, resident="{how}"))
    assert "It goes to {how} only" in warned.warning


def test_what_was_asked_is_told_by_the_key() -> None:
    """As a resident would call it; a message of another kind is a record about them."""
    told = {key: asked_of(MessageKey(key)) for key in ("DQ", "KQ", "RQ", "AM")}
    assert told == {
        "DQ": Asked.LICENCE,
        "KQ": Asked.DRIVING_HISTORY,
        "RQ": Asked.VEHICLE,
        "AM": Asked.OTHER,
    }
    assert "your driving history" in letter_of(facts(key=MessageKey("KQ"))).headline


def test_shipped_duties_may_be_cited() -> None:
    """The clauses whose clocks are shipped have a citation and a mark that a letter takes."""
    for state in map(Member, ("il", "ny")):
        for law, clause in laws_of(state).clauses():
            if clause.clock is not None:
                said = text_of(letter_of(facts(cite=law.cite, mark=clause.mark)))
                assert law.cite in said
                assert f"(Mark {clause.mark}:" in said


LINE = "x" * LETTER_LINE_CHARS_MAX
LONG = "x" * LETTER_TEXT_CHARS_MAX
LONGER = "x" * LETTER_LONG_CHARS_MAX


def office(**altered: Any) -> dict[str, Any]:
    """The office, altered."""
    return {"office": msgspec.structs.replace(OFFICE, **altered)}


def safe(**altered: Any) -> dict[str, Any]:
    """A safe contact, altered."""
    return {"to": msgspec.structs.replace(SAFE, **altered)}


@pytest.mark.parametrize(
    ("altered", "says"),
    [
        ({"resident": ""}, "`resident`"),
        ({"resident": " "}, "`resident`"),
        ({"resident": LONG + "x"}, "`resident`"),
        ({"resident": "a\nb"}, "`resident`"),
        ({"agency": "a\u202eb"}, "`agency`"),
        ({"agency": "a\x00"}, "`agency`"),
        ({"cite": ""}, "`cite`"),
        ({"to": PostalAddress(lines=())}, "`to`"),
        ({"to": PostalAddress(lines=("a",) * (ADDRESS_LINES_MAX + 1))}, "`to`"),
        ({"to": PostalAddress(lines=(LINE + "x",))}, "`to`"),
        (safe(name=LONG + "x"), "`to`"),
        (office(call=LONG + "x"), "`office`"),
        (office(hours=LINE + "x"), "`office`"),
        (office(lines=(LINE + "x",)), "`office`"),
        (safe(name=""), "`to`"),
        (safe(how=LONGER + "x"), "`to`"),
        (office(lines=()), "`office`"),
        (office(lines=("a",) * (ADDRESS_LINES_MAX + 1)), "`office`"),
        (office(phone=""), "`office`"),
        (office(complain=LONGER + "x"), "`complain`"),
        ({"mark": LawMark.UNCHECKED}, "`mark`"),
        ({"mark": LawMark.NOT_ESTABLISHED}, "`mark`"),
        ({"asked_on": date(2026, 3, 7)}, "`asked_on`"),
        ({"released": ()}, "`released`"),
        ({"withheld": ()}, "`withheld`"),
        ({"withheld": FACTS.released}, "`withheld`"),
        ({"happened": Happened.RELEASED}, "`withheld`"),
        ({"happened": Happened.NO_RECORD, "released": ()}, "`withheld`"),
        ({"happened": Happened.REFUSED}, "`released`"),
        ({"entry": "ny/1"}, "`entry`"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(altered: dict[str, Any], says: str) -> None:
    """An error that names the field and never its value; a letter is whole or none."""
    with pytest.raises(LetterError, match=says):
        letter_of(msgspec.structs.replace(FACTS, **altered))


def test_limits_are_taken_at_the_limit() -> None:
    """The longest texts and most lines make a letter."""
    lines = (LINE,) * ADDRESS_LINES_MAX
    wide = msgspec.structs.replace(
        OFFICE, lines=lines, call=LONG, phone=LINE, hours=LINE, complain=LONGER
    )
    letter = letter_of(facts(resident=LONG, to=PostalAddress(lines=lines), office=wide))
    assert letter.recipient == (LONG, *lines)


def members(words: Words) -> Iterator[tuple[str, str]]:
    """Each word of a language with its name."""
    for name, value in msgspec.to_builtins(words).items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{each}", text) for each, text in value.items())
        elif isinstance(value, str):
            yield name, value


def test_languages_have_the_same_places() -> None:
    """What one language fills in, the other does too; an empty word is empty in both."""
    english, spanish = (dict(members(words_of(each))) for each in Language)
    assert list(english) == list(spanish)
    for name, text in english.items():
        if name != "day":
            assert sorted(re.findall("{.*?}", text)) == sorted(re.findall("{.*?}", spanish[name]))
        assert bool(text) is bool(spanish[name]), name
