"""The letter that tells a resident who asked for their record: one page, English or Spanish.

It takes what is known of one request and returns what stands on the page, in its order; an adapter
sets it. For a person with address confidentiality the agency is named by its kind alone, the entry
that would name it is left out, and there is a safe contact in place of an address: the types have
no place for both.
Guarantee: what people wrote stands in the letter as text, in its own place; nothing of it is read
as a place in braces. A law whose text nobody read at all is never cited as a duty.
Source: docs/adr/0039-statutory-clocks.md, "Decision: letters".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Final

import msgspec

from comity.domain.errors import MalformedError
from comity.domain.ids import Member, member_label, parse_entry_name
from comity.domain.keys import MessageKey, asked_classes
from comity.domain.vocabulary import AgencyType, DataClass, Instrument, Purpose
from comity.policy.laws import LawMark
from comity.review.letters.words import Asked, Happened, Language, Words, words_of
from comity.review.tables import read_table

__all__ = [
    "ADDRESS_LINES_MAX",
    "LETTER_LINE_CHARS_MAX",
    "LETTER_LONG_CHARS_MAX",
    "LETTER_TEXT_CHARS_MAX",
    "Letter",
    "LetterError",
    "LetterFacts",
    "LetterSection",
    "Office",
    "PostalAddress",
    "Recipient",
    "SafeContact",
    "asked_of",
    "letter_of",
    "parse_recipient",
]

LETTER_LINE_CHARS_MAX: Final = 60
"""One line of an address, a telephone number, or office hours in a letter."""
LETTER_TEXT_CHARS_MAX: Final = 120
"""One name, or a law's citation, in a letter."""
LETTER_LONG_CHARS_MAX: Final = 240
"""How to complain, or to reach a safe contact, in a letter."""
ADDRESS_LINES_MAX: Final = 4
"""Lines of a postal address, without the name."""


class LetterError(MalformedError):
    """A letter cannot be written from what was given."""

    code = "letter-refused"


class PostalAddress(msgspec.Struct, frozen=True, kw_only=True, tag="post"):
    """Where a letter is posted to, below the resident's name."""

    lines: tuple[str, ...]


class SafeContact(msgspec.Struct, frozen=True, kw_only=True, tag="safe_contact"):
    """Who reaches a person with address confidentiality, and `how` in a sentence; never by post."""

    name: str
    how: str


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a letter goes to, as its writer says.

    `to` is None where nobody said: then the register of confidential addresses has to. `licence` is
    the number of that person, where the request does not name it.
    """

    resident: str
    to: PostalAddress | SafeContact | None
    licence: str = ""


class _RecipientFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    resident: str
    lines: tuple[str, ...] = ()
    safe_contact: SafeContact | None = None
    licence: str = ""


def parse_recipient(data: bytes) -> Recipient:
    """Return whom a TOML file names, and how they are reached. Raises: LetterError."""
    said = read_table(data, _RecipientFile, "a file of a recipient", LetterError)
    if said.lines and said.safe_contact is not None:
        raise LetterError("a recipient has `lines` of an address or a `safe_contact`, not both")
    to = said.safe_contact or (PostalAddress(lines=said.lines) if said.lines else None)
    return Recipient(resident=said.resident, to=to, licence=said.licence)


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes: the state's own texts, in the language of the letter.

    `lines` are its name and address, `call` whom to call, `complain` how to complain, in whole
    sentences.
    """

    lines: tuple[str, ...]
    call: str
    phone: str
    hours: str
    complain: str


class LetterFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one request. `released` and `withheld` are in the vocabulary's order.

    `cite` and `mark` are of the clause that demands the notice; `asked_on` and `dated` are days in
    the state; `agency` is the name in the directory, which a confidential letter does not show.
    """

    language: Language
    state: Member
    practice: bool
    dated: date
    resident: str
    to: PostalAddress | SafeContact
    office: Office
    agency: str
    agency_type: AgencyType
    asked_on: date
    key: MessageKey
    purpose: Purpose
    instrument: Instrument
    happened: Happened
    released: tuple[DataClass, ...] = ()
    withheld: tuple[DataClass, ...] = ()
    cite: str
    mark: LawMark
    entry: str


class LetterSection(msgspec.Struct, frozen=True, kw_only=True):
    """A heading, the sentences below it, and lists: each its lead and its items."""

    title: str
    sentences: tuple[str, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on the page. `practice` and `warning` are empty where there is nothing to say.

    `at` is the time that the document names as its own (Unix seconds, midnight UTC of its day).
    """

    language: Language
    region: str
    title: str
    headline: str
    practice: str
    sender: tuple[str, ...]
    recipient: tuple[str, ...]
    warning: str
    day: str
    sections: tuple[LetterSection, ...]
    footer: str
    at: int


def letter_of(facts: LetterFacts) -> Letter:
    """Return the letter to a resident. Raises: LetterError."""
    _check(facts)
    words = words_of(facts.language)
    asked = words.asked[asked_of(facts.key)]
    to = facts.to
    if isinstance(to, SafeContact):
        # The public entry names the agency: it is not in a letter that does not.
        footer = words.page_safe
        warning = words.safe.format(name=facts.resident, contact=to.name, how=to.how)
        recipient: tuple[str, ...] = (facts.resident,)
    else:
        warning, recipient = "", (facts.resident, *to.lines)
        footer = words.page.format(entry=facts.entry)
    return Letter(
        language=facts.language,
        region=words.region,
        title=words.title,
        headline=words.headline[facts.happened].format(asked=asked),
        practice=words.practice if facts.practice else "",
        sender=facts.office.lines,
        recipient=recipient,
        warning=warning,
        day=words.day_words(facts.dated),
        sections=tuple(_sections(facts, words, asked)),
        footer=footer,
        at=int(datetime.combine(facts.dated, time(), UTC).timestamp()),
    )


def asked_of(key: MessageKey) -> Asked:
    """Return what a resident would say was asked for by a message of this key."""
    classes = asked_classes(key, image=False)
    if DataClass.VEHICLE in classes:
        return Asked.VEHICLE
    if DataClass.HISTORY in classes:
        return Asked.DRIVING_HISTORY
    return Asked.LICENCE if DataClass.STATUS in classes else Asked.OTHER


def _sections(facts: LetterFacts, words: Words, asked: str) -> Iterator[LetterSection]:
    office = facts.office
    yield LetterSection(
        title=words.asked_title, sentences=tuple(_asked_sentences(facts, words, asked))
    )
    happened = words.happened[facts.happened]
    yield LetterSection(
        title=words.got_title,
        sentences=(happened,) if happened else (),
        lists=tuple(_lists(facts, words)),
    )
    yield LetterSection(
        title=words.law_title,
        sentences=(words.law.format(cite=facts.cite), words.marks[facts.mark]),
    )
    yield LetterSection(
        title=words.call_title,
        sentences=(
            words.call.format(name=office.call, phone=office.phone, hours=office.hours),
            words.complain.format(how=office.complain),
        ),
    )
    text = words.check_safe if isinstance(facts.to, SafeContact) else words.check
    check = text.format(entry=facts.entry, state=member_label(facts.state))
    yield LetterSection(title=words.check_title, sentences=(check,))


def _asked_sentences(facts: LetterFacts, words: Words, asked: str) -> Iterator[str]:
    # Whose name a person at risk reads tells whoever reads it with them where they live.
    is_confidential = isinstance(facts.to, SafeContact)
    agency = words.agencies[facts.agency_type] if is_confidential else facts.agency
    yield words.asked_for.format(day=words.day_words(facts.asked_on), agency=agency, asked=asked)
    purpose = words.purposes[facts.purpose]
    yield words.why.format(purpose=purpose) if purpose else words.why_not
    instrument = words.instruments[facts.instrument]
    if instrument:
        yield words.instrument.format(instrument=instrument)


def _lists(facts: LetterFacts, words: Words) -> Iterator[tuple[str, tuple[str, ...]]]:
    if facts.released:
        yield words.gave, tuple(words.classes[each] for each in facts.released)
    if facts.happened is Happened.PARTLY:
        yield words.kept, tuple(words.classes[each] for each in facts.withheld)


def _check(facts: LetterFacts) -> None:
    to, office = facts.to, facts.office
    is_post = isinstance(to, PostalAddress)
    address = to.lines if isinstance(to, PostalAddress) else ()
    through = () if isinstance(to, PostalAddress) else (to,)
    texts = (
        *(("to", line, LETTER_LINE_CHARS_MAX) for line in address),
        *(("to", each.name, LETTER_TEXT_CHARS_MAX) for each in through),
        *(("to", each.how, LETTER_LONG_CHARS_MAX) for each in through),
        *(("office", line, LETTER_LINE_CHARS_MAX) for line in office.lines),
        ("office", office.call, LETTER_TEXT_CHARS_MAX),
        ("office", office.phone, LETTER_LINE_CHARS_MAX),
        ("office", office.hours, LETTER_LINE_CHARS_MAX),
        ("complain", office.complain, LETTER_LONG_CHARS_MAX),
        ("resident", facts.resident, LETTER_TEXT_CHARS_MAX),
        ("agency", facts.agency, LETTER_TEXT_CHARS_MAX),
        ("cite", facts.cite, LETTER_TEXT_CHARS_MAX),
    )
    for name, text, chars_max in texts:
        _check_text(name, text, chars_max)
    gave, kept = bool(facts.released), bool(facts.withheld)
    checks = (
        ("to", not is_post or 1 <= len(address) <= ADDRESS_LINES_MAX),
        ("office", 1 <= len(office.lines) <= ADDRESS_LINES_MAX),
        ("mark", facts.mark in words_of(facts.language).marks),
        ("asked_on", facts.asked_on <= facts.dated),
        ("released", gave is (facts.happened in {Happened.RELEASED, Happened.PARTLY})),
        ("withheld", kept or facts.happened is not Happened.PARTLY),
        ("withheld", not kept or facts.happened not in {Happened.RELEASED, Happened.NO_RECORD}),
        ("withheld", not set(facts.released) & set(facts.withheld)),
    )
    for name, holds in checks:
        if not holds:
            raise LetterError(f"`{name}` of a letter does not fit what it says")
    parse_entry_name(facts.entry)
    if not facts.entry.startswith(f"{facts.state}/"):
        raise LetterError("`entry` of a letter is of another state's ledger")


def _check_text(name: str, text: str, chars_max: int) -> None:
    """Refuse what would be blank, or what is not printed where it stands."""
    if not text.strip() or len(text) > chars_max or not text.isprintable():
        raise LetterError(f"`{name}` of a letter is blank, over {chars_max} characters, or no text")
