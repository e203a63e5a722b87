"""Closed vocabularies: the only values that an axis of a rule or a field of a leaf header may take.

The members stand here, so that code can be checked for covering all of them; their labels and wire
codes stand in `vocabularies/*.toml`. Importing this module fails if the two do not hold exactly the
same values. Source: docs/adr/0002-ids-vocabularies-leaves.md.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from importlib.resources import files
from typing import Final, TypeVar

import msgspec

from comity.domain.errors import MalformedError

__all__ = [
    "AgencyType", "Assurance", "Certification", "DataClass", "Emergency", "FanOut", "Instrument",
    "LeafDecision", "LeafKind", "LeafMode", "Offence", "Outcome", "Purpose", "RecordKind", "Term",
    "TimeBand", "UnknownValueError", "from_wire", "term", "terms", "wire_of",
]  # fmt: skip


_T = TypeVar("_T", bound=StrEnum)


class UnknownValueError(MalformedError):
    """A value is not in its closed vocabulary."""

    code = "unknown-value"


class Purpose(StrEnum):
    """Why a record is asked for, as the requester states it."""

    CRIMINAL_INVESTIGATION = "criminal_investigation"
    TRAFFIC_SAFETY = "traffic_safety"
    OFFICER_SAFETY = "officer_safety"
    MISSING_OR_ENDANGERED = "missing_or_endangered"
    IDENTIFY_DECEASED = "identify_deceased"
    COURT = "court"
    LICENSING = "licensing"
    FIREARM = "firearm"
    CIVIL_IMMIGRATION = "civil_immigration"
    OTHER_CIVIL = "other_civil"
    OTHER = "other"
    NOT_STATED = "not_stated"


class Offence(StrEnum):
    """The offence group, as the requester states it."""

    HOMICIDE = "homicide"
    SEXUAL = "sexual"
    CHILD_EXPLOITATION = "child_exploitation"
    TRAFFICKING = "trafficking"
    KIDNAPPING = "kidnapping"
    TERRORISM = "terrorism"
    ROBBERY_ASSAULT = "robbery_assault"
    WEAPONS = "weapons"
    DRUGS = "drugs"
    FRAUD_IDENTITY = "fraud_identity"
    VEHICLE_THEFT = "vehicle_theft"
    PROPERTY = "property"
    IMPAIRED_DRIVING = "impaired_driving"
    TRAFFIC = "traffic"
    IMMIGRATION_CRIMINAL = "immigration_criminal"
    IMMIGRATION_CIVIL = "immigration_civil"
    NONE = "none"
    OTHER = "other"
    NOT_STATED = "not_stated"


class Instrument(StrEnum):
    """The legal instrument that the requester says it holds."""

    ARTICLE_III_WARRANT = "article_iii_warrant"
    STATE_WARRANT = "state_warrant"
    COURT_ORDER = "court_order"
    COURT_SUBPOENA = "court_subpoena"
    ADMINISTRATIVE_SUBPOENA = "administrative_subpoena"
    ADMINISTRATIVE_IMMIGRATION_WARRANT = "administrative_immigration_warrant"
    EMERGENCY_DECLARATION = "emergency_declaration"
    CONSENT = "consent"
    NONE = "none"
    OTHER = "other"
    NOT_STATED = "not_stated"


class DataClass(StrEnum):
    """A part of a record that is decided on its own. The order here is the order in every list."""

    STATUS = "status"
    IDENTITY = "identity"
    ADDRESS = "address"
    PHOTO = "photo"
    SSN = "ssn"
    HISTORY = "history"
    MEDICAL = "medical"
    IMMIGRATION_DOCUMENTS = "immigration_documents"
    VEHICLE = "vehicle"
    OWNER = "owner"
    OPAQUE = "opaque"


class RecordKind(StrEnum):
    """What kind of record was found."""

    LICENCE = "licence"
    ID_CARD = "id_card"
    NONCOMPLIANT_LICENCE = "noncompliant_licence"
    COMMERCIAL_LICENCE = "commercial_licence"
    REGISTRATION = "registration"
    TITLE = "title"
    OTHER = "other"


class Assurance(StrEnum):
    """What is known of the identity of the operator who asks."""

    SIGNED = "signed"
    AGENCY_ASSERTED = "agency_asserted"
    NOT_STATED = "not_stated"


class Outcome(StrEnum):
    """What a policy decides for one data class."""

    RELEASE = "release"
    HOLD = "hold"
    DENY = "deny"


class AgencyType(StrEnum):
    """What an agency is, as its directory entry says."""

    PD = "pd"
    SO = "so"
    SA = "sa"
    LE = "le"
    FE = "fe"
    JA = "ja"
    JC = "jc"
    JG = "jg"
    JJ = "jj"
    JF = "jf"
    CJ = "cj"
    NJ = "nj"
    OTHER = "other"


class Certification(StrEnum):
    """Whether the requesting agency's certification to the answering state stands."""

    VALID = "valid"
    EXPIRED = "expired"
    NONE = "none"


class FanOut(StrEnum):
    """How many states one query asks."""

    SINGLE = "single"
    LIST = "list"
    REGION = "region"
    ALL = "all"


class Emergency(StrEnum):
    """Whether the requester declares a threat to life."""

    NONE = "none"
    DECLARED = "declared"


class TimeBand(StrEnum):
    """When a query is decided, in the answering state's own time zone."""

    WEEKDAY_DAY = "weekday_day"
    WEEKDAY_NIGHT = "weekday_night"
    WEEKEND = "weekend"


class BudgetState(StrEnum):
    """Whether a requester has asked about more persons today than the state allows for."""

    WITHIN = "within"
    PHOTO_OVER = "photo_over"
    OVER = "over"


class Direction(StrEnum):
    """Which way a request goes, as the state that decides it sees it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class LeafKind(StrEnum):
    """What a ledger leaf records."""

    QUERY = "query"
    DISCLOSURE = "disclosure"
    DENIAL = "denial"
    HOLD = "hold"
    VERDICT = "verdict"
    CLOSURE = "closure"
    PASS = "pass"  # noqa: S105 - a case pass, not a password
    POLICY = "policy"
    DIRECTORY = "directory"
    INSTRUMENT = "instrument"
    CERTIFICATION = "certification"
    NOTICE = "notice"
    ACCESS = "access"
    REVEAL = "reveal"
    CORRECTION = "correction"
    REDACTION = "redaction"
    KEY = "key"
    COUNTS = "counts"


class LeafMode(StrEnum):
    """Whether a leaf counts as traffic."""

    LIVE = "live"
    PROBE = "probe"
    PLANTED = "planted"
    SHADOW = "shadow"


class LeafDecision(StrEnum):
    """What a leaf records as decided."""

    RELEASE = "release"
    HOLD = "hold"
    DENY = "deny"
    APPROVE = "approve"
    REFUSE = "refuse"
    ASK = "ask"
    ESCALATE = "escalate"
    EXPIRED = "expired"
    UNDELIVERABLE = "undeliverable"


class Term(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a vocabulary file says of one value."""

    label: str
    wire: str = ""
    note: str = ""


_FILES: Final[dict[type[StrEnum], str]] = {
    AgencyType: "agency_type",
    Assurance: "assurance",
    BudgetState: "budget",
    Certification: "certification",
    DataClass: "data_class",
    Direction: "direction",
    Emergency: "emergency",
    FanOut: "fan_out",
    Instrument: "instrument",
    LeafDecision: "leaf_decision",
    LeafKind: "leaf_kind",
    LeafMode: "leaf_mode",
    Offence: "offence",
    Outcome: "outcome",
    Purpose: "purpose",
    RecordKind: "record_kind",
    TimeBand: "time_band",
}


def read_table(name: str) -> dict[str, dict[str, object]]:
    """Return one vocabulary file as plain data; it ships inside the package."""
    text = files("comity.domain").joinpath("vocabularies", f"{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


def _load(kind: type[StrEnum], name: str) -> dict[StrEnum, Term]:
    table = read_table(name)
    if list(table) != [value.value for value in kind]:
        raise UnknownValueError(f"`vocabularies/{name}.toml` and `{kind.__name__}` differ")
    return {kind(code): msgspec.convert(row, Term) for code, row in table.items()}


_TERMS: Final = {kind: _load(kind, name) for kind, name in _FILES.items()}
_BY_WIRE: Final = {
    kind: {row.wire: value for value, row in rows.items() if row.wire}
    for kind, rows in _TERMS.items()
}


def terms(kind: type[_T]) -> dict[_T, Term]:
    """Return every value of a vocabulary with its words, in the vocabulary's order."""
    return _TERMS[kind]  # type: ignore[return-value]


def term(value: StrEnum) -> Term:
    """Return the words for one value."""
    return _TERMS[type(value)][value]


def wire_of(value: StrEnum) -> str:
    """Return the code of `value` in text formats; empty where it is never sent."""
    return _TERMS[type(value)][value].wire


def from_wire(kind: type[_T], code: str) -> _T:
    """Return the value that a wire code stands for.

    Raises: UnknownValueError if no value has that code.
    """
    value = _BY_WIRE[kind].get(code)
    if value is None:
        raise UnknownValueError(f"not a wire code of `{_FILES[kind]}`")
    return value  # type: ignore[return-value]
