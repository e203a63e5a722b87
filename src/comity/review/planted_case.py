"""How a planted case is made up: what is claimed, of whom, and what would go out of it.

Guarantee: the same bytes make the same case. Nobody in it exists; a name, a birth date and a plate
are put together by chance, and no number of a licence is ever asked for.
Source: docs/adr/0054-planted-test-cases.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from string import ascii_uppercase, digits
from typing import Final, NamedTuple, TypeVar, assert_never

from msgspec.structs import replace

from comity.domain.agency import Agency
from comity.domain.answer import Element
from comity.domain.keys import MessageKey
from comity.domain.planted import Flaw
from comity.domain.query import Claims, Exchange
from comity.domain.vocabulary import (
    AgencyType,
    DataClass,
    Instrument,
    Offence,
    Outcome,
    Purpose,
    RecordKind,
)
from comity.exchange.answering import needs_look_up
from comity.exchange.judged import Found, Judged

__all__ = [
    "PLANTED_KEYS",
    "Draw",
    "Manner",
    "fits",
    "invented_claims",
    "invented_fields",
    "invented_record",
    "is_held_whole",
]

_T = TypeVar("_T")
_WORD_BYTES: Final = 8
_DQ, _KQ, _RQ = MessageKey("DQ"), MessageKey("KQ"), MessageKey("RQ")
PLANTED_KEYS: Final = (_DQ, _KQ, _RQ)
"""The keys that a planted case can have."""

_ENFORCES: Final = frozenset({AgencyType.PD, AgencyType.SO, AgencyType.LE, AgencyType.FE})
_NO_CASES: Final = ("NONE", "PENDING", "TBD", "UNKNOWN")
_NUMBERS_MIN: Final = 3
"""Digits that can be changed, below which a number would stay too much like a real one."""
_CASE_FORM: Final = "{year:02d}-004417"
_REF_FORM: Final = "{year:02d}-10441"
_OPERATOR_FORM: Final = "K4821"
_OFFENCES: Final = (
    Offence.DRUGS, Offence.FRAUD_IDENTITY, Offence.ROBBERY_ASSAULT, Offence.VEHICLE_THEFT,
)  # fmt: skip
_SURNAMES: Final = (
    "ABBOTT", "BARLOW", "CASTILLO", "DRAKE", "ELLISON", "FARRELL", "GARZA", "HOLLOWAY", "IBARRA",
    "JENSEN", "KELLER", "LINDGREN", "MALDONADO", "NOVAK", "OSBORNE", "PARRISH", "QUINTERO",
    "RAMSEY", "SALINAS", "THORNTON", "UNDERWOOD", "VALDEZ", "WHITAKER", "YODER", "ZIMMERMAN",
)  # fmt: skip
_GIVEN: Final = {
    "F": ("ALICIA", "BRENDA", "CARLA", "DIANE", "ELENA", "GLORIA", "HEATHER", "JOYCE", "LETICIA",
          "MARISOL", "NADINE", "PAULA", "ROSA", "SHEILA", "TERESA", "YOLANDA"),
    "M": ("ANDRES", "BRADLEY", "CESAR", "DARREN", "ERNESTO", "FELIX", "GORDON", "HECTOR", "IVAN",
          "JULIO", "KEITH", "LEONARD", "MARTIN", "OSCAR", "RANDALL", "VICTOR"),
}  # fmt: skip
_STREETS: Final = ("ALDER ST", "BIRCH AVE", "CEDAR LN", "HARBOR DR", "MILL RD", "ORCHARD WAY")
_CITIES: Final = ("CLAYMONT", "EASTFIELD", "LAKE HOLLIS", "NORTHGATE", "RIVERBEND", "STONEHAM")
_MAKES: Final = (
    ("FORD", "FOCUS"), ("HONDA", "CIVIC"), ("TOYOTA", "COROLLA"), ("CHEVROLET", "CRUZE"),
)  # fmt: skip
_COLOURS: Final = ("BLU", "BLK", "GRY", "RED", "SIL", "WHI")
_EYES: Final = ("BRO", "BLU", "GRN", "HAZ")
_HAIR: Final = ("BLK", "BLN", "BRO", "GRY")
_VIN_LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ" + digits
_YEAR_DAYS: Final = 365
_AGE_MIN: Final = 21
_AGES: Final = 46
_TERM_DAYS: Final = 8 * _YEAR_DAYS + 2
_CENTURY: Final = 100


class Draw:
    """Chance out of some bytes: what is drawn next follows from them alone."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn = 0

    def below(self, count: int) -> int:
        """Return a whole number from 0 up to `count`, exclusive."""
        self._drawn += 1
        block = sha256(b"comity/planted-draw/v1\n%d\n" % self._drawn + self._seed).digest()
        return int.from_bytes(block[:_WORD_BYTES], "big") % count

    def pick(self, values: Sequence[_T]) -> _T:
        """Return one of these."""
        return values[self.below(len(values))]

    def shaped(self, form: str) -> str:
        """Return a text with another digit for each digit of a form, and letter for each letter."""
        return "".join(
            self.pick(digits) if c.isdigit() else self.pick(ascii_uppercase) if c.isalpha() else c
            for c in form
        )

    def numbered(self, form: str, year: int) -> str:
        """Return a text with another digit for each digit of a form, but for a year that leads it.

        Its letters stay: they name an office, not a person. Empty where so few digits change that
        it might be the form's own.
        """
        found = re.fullmatch(rf"([^0-9]*(?:{year}|{year % _CENTURY:02d})(?![0-9]))?(.*)", form)
        assert found is not None
        lead, rest = found[1] or "", found[2]
        if sum(c.isdigit() for c in rest) < _NUMBERS_MIN:
            return ""
        return lead + "".join(self.pick(digits) if c.isdigit() else c for c in rest)


class Manner(NamedTuple):
    """How requests look that are no tests: a case number and an operator, empty if not known."""

    case_number: str = ""
    operator: str = ""


def fits(flaw: Flaw, agency: Agency) -> bool:
    """Say whether an agency's request can have a flaw."""
    return flaw is not Flaw.NOT_ITS_BUSINESS or agency.type in _ENFORCES


def invented_claims(flaw: Flaw, manner: Manner, year: int, draw: Draw) -> Claims:
    """Return what a planted case claims in a year."""
    case_form, ref_form = (form.format(year=year % _CENTURY) for form in (_CASE_FORM, _REF_FORM))
    case_number = draw.numbered(manner.case_number, year) or draw.numbered(case_form, year)
    operator = draw.numbered(manner.operator, year) or draw.numbered(_OPERATOR_FORM, year)
    plain = Claims(
        purpose=Purpose.CRIMINAL_INVESTIGATION,
        offence=draw.pick(_OFFENCES),
        instrument=Instrument.NONE,
        case_number=case_number,
        operator=operator,
    )
    match flaw:
        case Flaw.CIVIL_AS_CRIMINAL:
            return replace(plain, offence=Offence.IMMIGRATION_CIVIL)
        case Flaw.NO_JUDGE:
            warrant = Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT
            ref = draw.numbered(ref_form, year)
            return replace(plain, instrument=warrant, instrument_ref=ref)
        case Flaw.NOT_ITS_BUSINESS:
            return replace(plain, purpose=Purpose.LICENSING, offence=Offence.NOT_STATED)
        case Flaw.NO_CASE:
            return replace(plain, case_number=draw.pick(_NO_CASES))
        case _:
            assert_never(flaw)


def invented_fields(key: MessageKey, today: date, draw: Draw) -> tuple[tuple[str, str], ...]:
    """Return what a planted case asks by: a name with a birth date and sex, or a plate."""
    if key == _RQ:
        return (("LIC", draw.shaped("ABC1234")), ("LIY", f"{today.year + 1}"), ("LIT", "PC"))
    sex = draw.pick(("F", "M"))
    name = f"{draw.pick(_SURNAMES)},{draw.pick(_GIVEN[sex])} {draw.pick(ascii_uppercase)}"
    days = (_AGE_MIN * _YEAR_DAYS) + draw.below(_AGES * _YEAR_DAYS)
    born = today - timedelta(days=days)
    return (("NAM", name), ("DOB", born.strftime("%Y%m%d")), ("SEX", sex))


def is_held_whole(judged: Judged, plain: Judged) -> bool:
    """Say whether rules release nothing of a request and hold some of it, whatever record there is.

    `plain` is what they decide of it without its instrument: so nothing rests on a claim either.
    # INVARIANT (fail-closed): nothing is planted that rules alone would let go in part.
    """
    cells = [cell for each in (judged, plain) for row in each.rows for cell in row]
    held = all(any(c.outcome is Outcome.HOLD for c in each.rows[0]) for each in (judged, plain))
    is_released = any(cell.outcome is Outcome.RELEASE for cell in cells)
    return held and not is_released and not needs_look_up(judged)


def invented_record(exchange: Exchange) -> Found:
    """Return a record that fits what a planted case asks by; the same each time it is asked."""
    draw = Draw(b"record" + exchange.exchange_id)
    said = dict(exchange.fields)
    if exchange.key == _RQ:
        return Found(kind=RecordKind.REGISTRATION, elements=_vehicle(said, exchange, draw))
    return Found(kind=RecordKind.LICENCE, elements=_licence(said, exchange, draw))


def _licence(said: dict[str, str], exchange: Exchange, draw: Draw) -> tuple[Element, ...]:
    born = said.get("DOB", "19850101")
    issued = _day_of(exchange) - timedelta(days=90 + draw.below(4 * _YEAR_DAYS))
    rows = [
        (DataClass.STATUS, "LICENSE_STATUS", "VALID"),
        (DataClass.STATUS, "LICENSE_CLASS_CODE", "C"),
        (DataClass.STATUS, "REAL_ID_COMPLIANCE_CODE", draw.pick(("F", "N"))),
        (DataClass.STATUS, "LICENSE_ISSUE_DATE", issued.isoformat()),
        (DataClass.STATUS, "LICENSE_EXPIRATION_DATE",
         (issued + timedelta(days=_TERM_DAYS)).isoformat()),
        (DataClass.IDENTITY, "NAME", said.get("NAM", "")),
        (DataClass.IDENTITY, "LICENSE_NUMBER", draw.shaped("A1234567")),
        (DataClass.IDENTITY, "BIRTH_DATE", f"{born[:4]}-{born[4:6]}-{born[6:]}"),
        (DataClass.IDENTITY, "SEX", said.get("SEX", "")),
        (DataClass.IDENTITY, "HEIGHT", f"5{draw.below(12):02d}"),
        (DataClass.IDENTITY, "WEIGHT", f"{120 + draw.below(100)}"),
        (DataClass.IDENTITY, "EYE_COLOR", draw.pick(_EYES)),
        (DataClass.IDENTITY, "HAIR_COLOR", draw.pick(_HAIR)),
        *_address(exchange, draw),
    ]  # fmt: skip
    return _elements(rows)


def _vehicle(said: dict[str, str], exchange: Exchange, draw: Draw) -> tuple[Element, ...]:
    make, model = draw.pick(_MAKES)
    vin = "".join(draw.pick(_VIN_LETTERS) for _ in range(17))
    today = _day_of(exchange)
    owner = dict(invented_fields(_DQ, today, draw))["NAM"]
    rows = [
        (DataClass.VEHICLE, "VIN", vin),
        (DataClass.VEHICLE, "MAKE", make),
        (DataClass.VEHICLE, "MODEL", model),
        (DataClass.VEHICLE, "MODEL_YEAR", f"{today.year - 2 - draw.below(14)}"),
        (DataClass.VEHICLE, "COLOR", draw.pick(_COLOURS)),
        (DataClass.VEHICLE, "PLATE", said.get("LIC", "")),
        (DataClass.VEHICLE, "PLATE_TYPE", said.get("LIT", "")),
        (DataClass.VEHICLE, "PLATE_YEAR", said.get("LIY", "")),
        (DataClass.OWNER, "OWNER_NAME", owner),
        *_address(exchange, draw),
    ]
    return _elements(rows)


def _address(exchange: Exchange, draw: Draw) -> list[tuple[DataClass, str, str]]:
    street = f"{100 + draw.below(9_800)} {draw.pick(_STREETS)}"
    return [
        (DataClass.ADDRESS, "STREET", street),
        (DataClass.ADDRESS, "CITY", draw.pick(_CITIES)),
        (DataClass.ADDRESS, "STATE", exchange.state.upper()),
        (DataClass.ADDRESS, "POSTAL_CODE", draw.shaped("41207")),
    ]


def _day_of(exchange: Exchange) -> date:
    return datetime.fromtimestamp(exchange.accepted_at, UTC).date()


def _elements(rows: Sequence[tuple[DataClass, str, str]]) -> tuple[Element, ...]:
    return tuple(
        Element(data_class=data_class, name=name, value=value)
        for data_class, name, value in rows
        if value
    )
