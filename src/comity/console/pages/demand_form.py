"""The forms by which a demand is registered, acted on and answered.

Guarantee: what comes out of these has the form that a gateway takes; everything else is told with
the field that it is about.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import msgspec

from comity.console.days import parse_day, today_of
from comity.console.pages.demand_words import kind_said
from comity.console.typed import typed_digest, typed_number, typed_word
from comity.console.visits import Visit
from comity.console.words import opened
from comity.domain.demands import (
    ACT_WORDS,
    DEMANDED_WORDS,
    REGISTRABLE_DEMANDS,
    DemandActKind,
    Demanded,
    HandedOver,
)
from comity.domain.instruments import DOCUMENT_BYTES_MAX, ISSUER_CHARACTERS_MAX
from comity.domain.keeping import MATTER_CHARS_MAX, MONTHS_MAX, is_month, parse_month
from comity.domain.vocabulary import DataClass, Instrument, term
from comity.review.calendars import Calendar
from comity.review.demands import (
    ANSWER_DAYS_MAX,
    GAG_DAYS_MAX,
    GIVEN_DAYS_MAX,
    ISSUER_CHARACTERS_MIN,
    NUMBER_CHARACTERS_MAX,
    SERVED_DAYS_MAX,
    WHAT_CHARACTERS_MAX,
    answer_day,
    demanded_in_order,
)
from comity.review.scope import NOTE_CHARACTERS_MAX
from comity.services.demand_work import DemandDraft

__all__ = [
    "ACT_OPTIONS",
    "DUE_CHOICES",
    "HOLD_CHOICES",
    "KIND_OPTIONS",
    "GivenAct",
    "GivenDemand",
    "GivenHandOver",
    "Wanted",
    "Wrong",
    "about_options",
    "act_of",
    "class_options",
    "draft_of",
    "given_act",
    "given_demand",
    "given_hand_over",
    "handed_of",
]

Wrong = tuple[tuple[str, str], ...]
"""What has to be mended: the field's id, and a sentence."""

KIND_OPTIONS: Final = [
    ("", "Choose"),
    *((kind.value, kind_said(kind)) for kind in REGISTRABLE_DEMANDS),
]
DUE_CHOICES: Final = [
    ("day", "The paper names the day", "Write it below."),
    ("days", "It gives a number of days", "Each day counts, from the day after service."),
    ("business", "It gives a number of business days", "By the state's calendar."),
]
HOLD_CHOICES: Final = [
    (
        "months",
        "Place a litigation hold on the months it is about",
        "On all months where it names none. It is in force before the demand is registered.",
    ),
    ("none", "Place no hold", "One stands already, or nothing has to be kept."),
]
ACT_OPTIONS: Final = [
    ("", "Choose"),
    *(
        (kind.value, opened(ACT_WORDS[kind]))
        for kind in DemandActKind
        if kind is not DemandActKind.HANDED_OVER
    ),
]
_DAY_SAID: Final = "Give the day as 2026-12-08."
_MONTHS_SAID: Final = f"Write at most {MONTHS_MAX} months that rise, such as 2026-03, or none."
_DOCUMENT_SAID: Final = "Choose the document, or give its SHA-256: 64 digits 0-9 and a-f."
_SIZE_SAID: Final = f"Give its length in bytes, up to {DOCUMENT_BYTES_MAX:,}."


class GivenDemand(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wrote into the form of a demand, as it was written."""

    kind: str = ""
    issuer: str = ""
    number: str = ""
    served_on: str = ""
    due: str = ""
    answer_by: str = ""
    days: str = ""
    about: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    document: str = ""
    document_bytes: str = ""
    gag_until: str = ""
    matter: str = ""
    note: str = ""
    hold: str = "months"


class GivenAct(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wrote of what one person does."""

    act: str = ""
    answer_by: str = ""
    gag_until: str = ""
    note: str = ""


class GivenHandOver(msgspec.Struct, frozen=True, kw_only=True):
    """What the first of two people wrote of what is handed over."""

    what: str = ""
    to: str = ""
    classes: tuple[str, ...] = ()
    bundle: str = ""
    bundle_bytes: str = ""
    is_last: str = ""
    why: str = ""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """An act of one person, read from its form."""

    kind: DemandActKind
    answer_by: date | None
    gag_until: date | None
    note: str


class _Mending:
    """Collects what has to be mended."""

    def __init__(self) -> None:
        self.wrong: list[tuple[str, str]] = []

    def need(self, holds: object, field: str, sentence: str) -> None:
        """Note a sentence about a field unless something holds."""
        if not holds:
            self.wrong.append((field, sentence))

    def text(self, field: str, text: str, span: tuple[int, int], sentence: str) -> str:
        """Return a text in one line, noting one that is too long or not printable."""
        said = " ".join(text.split())
        is_good = span[0] <= len(said) <= span[1] and said.isprintable()
        self.need(is_good, field, f"{sentence}, in {span[0]} to {span[1]} characters.")
        return said


def about_options(given: GivenDemand) -> list[tuple[str, str, bool]]:
    """Return what can be demanded, in words, and whether it is chosen."""
    return [
        (each.value, opened(DEMANDED_WORDS[each]), each.value in given.about) for each in Demanded
    ]


def class_options(given: GivenHandOver) -> list[tuple[str, str, bool]]:
    """Return the classes of records that can be in what is handed over."""
    return [
        (part.value, opened(term(part).label), part.value in given.classes) for part in DataClass
    ]


def given_demand(visit: Visit) -> GivenDemand:
    """Return what a form holds. Raises: ProblemError."""
    names = (name for name in GivenDemand.__struct_fields__ if name != "about")
    said = {name: visit.form.one(name).strip() for name in names}
    return GivenDemand(about=visit.form.several("about"), **said)


def given_act(visit: Visit) -> GivenAct:
    """Return what a form holds. Raises: ProblemError."""
    return GivenAct(**{name: visit.form.one(name).strip() for name in GivenAct.__struct_fields__})


def given_hand_over(visit: Visit) -> GivenHandOver:
    """Return what a form holds. Raises: ProblemError."""
    names = (name for name in GivenHandOver.__struct_fields__ if name != "classes")
    said = {name: visit.form.one(name).strip() for name in names}
    return GivenHandOver(classes=visit.form.several("class"), **said)


def draft_of(
    given: GivenDemand, visit: Visit, calendar: Calendar
) -> tuple[DemandDraft | None, Wrong]:
    """Return what is to be signed, or None and what has to be mended."""
    mending = _Mending()
    kind = typed_word(Instrument, given.kind)
    mending.need(kind in REGISTRABLE_DEMANDS, "kind", "Say what kind of paper it is.")
    span = (ISSUER_CHARACTERS_MIN, ISSUER_CHARACTERS_MAX)
    issuer = mending.text("issuer", given.issuer, span, "Name the court or office")
    number = mending.text(
        "number", given.number, (0, NUMBER_CHARACTERS_MAX), "Give its number, or none"
    )
    served_on = parse_day(given.served_on)
    today = today_of(visit)
    is_served = served_on is not None and 0 <= (today - served_on).days <= SERVED_DAYS_MAX
    mending.need(is_served, "served_on", "Give the day on which it was served.")
    answer_by, days = _due(mending, given, served_on if is_served else None, calendar)
    about = demanded_in_order({each for each in Demanded if each.value in given.about})
    mending.need(about, "about", "Choose at least one thing that it demands.")
    first, last = given.first, given.last or given.first
    mending.need(_are_months(first, last), "first", _MONTHS_SAID)
    document = typed_digest(given.document)
    mending.need(document, "document", _DOCUMENT_SAID)
    size = typed_number(given.document_bytes, DOCUMENT_BYTES_MAX)
    mending.need(size, "document_bytes", _SIZE_SAID)
    gag_until = _gag(mending, given.gag_until, today)
    matter = mending.text("matter", given.matter, (1, MATTER_CHARS_MAX), "Say which matter this is")
    note = mending.text("note", given.note, (0, NOTE_CHARACTERS_MAX), "Write a note, or none")
    mending.need(
        given.hold in {code for code, _, _ in HOLD_CHOICES},
        "hold",
        "Say whether a hold is placed.",
    )
    if mending.wrong or kind is None or served_on is None or answer_by is None:
        return None, tuple(mending.wrong)
    return DemandDraft(
        kind=kind,
        issuer=issuer,
        number=number,
        served_on=served_on,
        answer_by=answer_by,
        days=days,
        is_business=given.due == "business",
        about=about,
        first_month=first,
        last_month=last,
        document=document,
        document_bytes=size,
        gag_until=gag_until,
        matter=matter,
        note=note,
    ), ()


def act_of(given: GivenAct, visit: Visit, served_on: date) -> tuple[Wanted | None, Wrong]:
    """Return what one person does, or None and what has to be mended."""
    mending = _Mending()
    kind = typed_word(DemandActKind, given.act)
    is_one = kind is not None and kind is not DemandActKind.HANDED_OVER
    mending.need(is_one, "act", "Say what was done.")
    note = mending.text("note", given.note, (0, NOTE_CHARACTERS_MAX), "Write a note, or none")
    answer_by = parse_day(given.answer_by)
    gag_until = _gag(mending, given.gag_until, today_of(visit))
    mending.need(not given.answer_by or answer_by, "answer_by", _DAY_SAID)
    if answer_by is not None:
        _need_answer_by(mending, answer_by, served_on)
    if kind is DemandActKind.MOVED:
        days = given.answer_by or given.gag_until
        mending.need(days, "answer_by", "Give the new day, of the answer or of the gag.")
    elif given.answer_by or given.gag_until:
        field = "answer_by" if given.answer_by else "gag_until"
        mending.need(None, field, "Only a demand that is moved to another day has a new one.")
    if mending.wrong or kind is None:
        return None, tuple(mending.wrong)
    return Wanted(kind=kind, answer_by=answer_by, gag_until=gag_until, note=note), ()


def handed_of(given: GivenHandOver) -> tuple[tuple[HandedOver, str] | None, Wrong]:
    """Return what is handed over and why, or None and what has to be mended."""
    mending = _Mending()
    what = mending.text("what", given.what, (1, WHAT_CHARACTERS_MAX), "Say what is handed over")
    span = (ISSUER_CHARACTERS_MIN, ISSUER_CHARACTERS_MAX)
    to = mending.text("to", given.to, span, "Say to whom")
    classes = tuple(part for part in DataClass if part.value in given.classes)
    bundle = typed_digest(given.bundle)
    mending.need(bundle, "bundle", _DOCUMENT_SAID)
    size = typed_number(given.bundle_bytes, DOCUMENT_BYTES_MAX)
    mending.need(size, "bundle_bytes", _SIZE_SAID)
    why = mending.text("why", given.why, (0, NOTE_CHARACTERS_MAX), "Write a note, or none")
    if mending.wrong:
        return None, tuple(mending.wrong)
    handed = HandedOver(
        what=what,
        to=to,
        classes=classes,
        bundle=bundle,
        bundle_bytes=size,
        is_last=given.is_last == "yes",
    )
    return (handed, why), ()


def _are_months(first: str, last: str) -> bool:
    if not first and not last:
        return True
    if not is_month(first) or not is_month(last):
        return False
    return 0 <= parse_month(last) - parse_month(first) < MONTHS_MAX


def _due(
    mending: _Mending, given: GivenDemand, served_on: date | None, calendar: Calendar
) -> tuple[date | None, int]:
    """Return the last day to answer, and the days that the paper gives, 0 where it names the day.

    Nothing more is said while the day of service is missing.
    """
    if given.due == "day":
        answer_by = parse_day(given.answer_by)
        mending.need(answer_by, "answer_by", _DAY_SAID)
        if answer_by is not None and served_on is not None:
            _need_answer_by(mending, answer_by, served_on)
        return answer_by, 0
    mending.need(given.due in ("days", "business"), "due", "Say until when it is to be answered.")
    if given.due not in ("days", "business"):
        return None, 0
    days = typed_number(given.days, GIVEN_DAYS_MAX)
    mending.need(days, "days", f"Give a number of days from 1 to {GIVEN_DAYS_MAX}.")
    if not days or served_on is None:
        return None, days
    is_business = given.due == "business"
    return answer_day(served_on, days, is_business=is_business, calendar=calendar), days


def _need_answer_by(mending: _Mending, answer_by: date, served_on: date) -> None:
    mending.need(
        0 <= (answer_by - served_on).days <= ANSWER_DAYS_MAX,
        "answer_by",
        f"The day to answer is 0 to {ANSWER_DAYS_MAX} days after that of service.",
    )


def _gag(mending: _Mending, text: str, today: date) -> date | None:
    gag_until = parse_day(text)
    is_good = not text or (
        gag_until is not None and gag_until - today <= timedelta(days=GAG_DAYS_MAX)
    )
    sentence = f"Give the last day on which telling is forbidden, at most {GAG_DAYS_MAX} days ahead"
    mending.need(is_good, "gag_until", f"{sentence}, or none.")
    return gag_until
