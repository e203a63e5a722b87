"""Invented cards as payloads of any version, and what scanners do to them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

import msgspec
from hypothesis import strategies as st

from comity.formats.aamva import edition_of

Elements = Sequence[tuple[str, str]]

TEXAS, OHIO, ONTARIO = "636015", "636023", "636012"
FILE_TYPE = "ANSI "


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """What an issuer prints: the head's values, and the elements of each subfile by its type."""

    version: int
    issuer: str
    subfiles: dict[str, Elements]
    jurisdiction_version: int = 1


def payload(printed: Printed) -> bytes:
    """The payload as the standard lays it out, offsets and lengths counted."""
    own = "" if printed.version == 1 else f"{printed.jurisdiction_version:02}"
    head = (
        f"@\n\x1e\r{FILE_TYPE}{printed.issuer}{printed.version:02}{own}{len(printed.subfiles):02}"
    )
    bodies = {
        kind: f"{kind}{chr(10).join(name + value for name, value in elements)}\r"
        for kind, elements in printed.subfiles.items()
    }
    offset = len(head) + 10 * len(bodies)
    for kind, body in bodies.items():
        head += f"{kind}{offset:04}{len(body):04}"
        offset += len(body)
    return (head + "".join(bodies.values())).encode("latin-1")


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """What one scanner makes of every payload."""

    line_feed: str = "\n"
    record_separator: str = "\x1e"
    carriage_return: str = "\r"
    without_compliance: bool = False
    prefix: str = ""
    suffix: str = ""


def damaged(data: bytes, damage: Damage) -> bytes:
    """The payload as that scanner delivers it."""
    text = data.decode("latin-1")
    if damage.without_compliance:
        text = text[text.index(FILE_TYPE) :]
    # All three at once, because a replacement may hold one of the others.
    text = text.translate(
        {
            0x0A: damage.line_feed,
            0x1E: damage.record_separator,
            0x0D: damage.carriage_return,
        }
    )
    text = damage.prefix + text + damage.suffix
    return text.encode("utf-8" if max(map(ord, text)) > 0xFF else "latin-1")


LF_SPELLED = [
    r"\n", r"\\n", r"\x0a", r"\x0A", r"\u000a", "<LF>", "[LF]", "{LF}", "^J", "%0A", "\u240a",
]  # fmt: skip
RS_SPELLED = [r"\x1e", r"\u001e", "<RS>", "[RS]", "{RS}", "^^", "%1E", "\u241e"]
CR_SPELLED = [
    r"\r", r"\\r", r"\x0d", r"\x0D", r"\u000d", "<CR>", "[CR]", "{CR}", "^M", "%0D", "\u240d",
]  # fmt: skip
CONTROLS = ["\n", "\r", "\r\n", "\t", "\n\n", "\x1e", "\x1d", "\x0b"]

KEPT = st.builds(
    Damage,
    line_feed=st.sampled_from([*CONTROLS, *LF_SPELLED]),
    record_separator=st.sampled_from(["", " ", *CONTROLS, *RS_SPELLED]),
    carriage_return=st.sampled_from(["", " ", *CONTROLS, *CR_SPELLED]),
    without_compliance=st.booleans(),
    prefix=st.sampled_from(["", "]L0", "]L2", "\x02", "\r\n"]),
    suffix=st.sampled_from(["", "\r", "\t", "\r\n", "\n"]),
)
"""Line feeds are still told from text."""

SPACED = st.builds(
    Damage,
    line_feed=st.just(" "),
    record_separator=st.sampled_from(["", " ", "\x1e"]),
    carriage_return=st.sampled_from(["", " ", "\r", "\t"]),
    without_compliance=st.booleans(),
    suffix=st.sampled_from(["", "\r", "\t"]),
)
"""Line feeds have become spaces."""

LOST = st.builds(
    Damage,
    line_feed=st.just(""),
    record_separator=st.sampled_from(["", " ", "\x1e"]),
    carriage_return=st.sampled_from(["", "\r", "\t", "\r\n", "<CR>"]),
    without_compliance=st.booleans(),
    suffix=st.sampled_from(["", "\r", "\t"]),
)
"""Line feeds are gone."""

_WORDS = ("Sample", "OAK", "ELM", "MILL", "VALE", "Ridge", "NORTH", "12", "4B")
_FAMILIES = ("DOE", "Sample", "O'NEILL", "VAN DER BERG", "ROE-POE", "NU\xd1EZ", "ST. LEE")
_GIVEN = ("JANE", "Ann", "JOHN", "MARY-LOU", "IVY", "OTTO")
_STATES = ("TX", "OH", "ON")


def us_date(day: dt.date) -> str:
    """A date as cards of the United States have it since version 2."""
    return f"{day:%m%d%Y}"


def iso_date(day: dt.date) -> str:
    """A date as cards of Canada, and of version 1, have it."""
    return f"{day:%Y%m%d}"


@st.composite
def printed_cards(draw: st.DrawFn) -> Printed:
    """A card with every element that its edition requires, some that it allows, in any order.

    Values and order come from one drawn seed, because drawing each would cost more than reading.
    """
    version = draw(st.integers(1, 12))
    issuer = draw(st.sampled_from([TEXAS, OHIO, ONTARIO]))
    kind = draw(st.sampled_from(["DL", "ID", "EN"]))
    own = draw(st.integers(0, 3))
    chance = random.Random(draw(st.integers(0, 2**32)))
    edition = edition_of(version)
    optional = sorted(edition.optional - {"DBK", "DBM"})
    chosen = [*sorted(edition.required), *chance.sample(optional, chance.randrange(7))]
    chance.shuffle(chosen)
    date = iso_date if version == 1 or issuer == ONTARIO else us_date
    subfiles: dict[str, Elements] = {
        kind: [
            (name, date(_day(chance)) if _is_date(edition.labels[name]) else _value(name, chance))
            for name in chosen
        ]
    }
    if own:
        subfiles["ZQ"] = [(f"ZQ{letter}", _words(chance)) for letter in "ABC"[:own]]
    return Printed(version=version, issuer=issuer, subfiles=subfiles)


def _is_date(label: str) -> bool:
    return "date" in label or "until" in label


def _day(chance: random.Random) -> dt.date:
    return dt.date(1900, 1, 1) + dt.timedelta(days=chance.randrange(73_000))


def _words(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(1, 3)))


_VALUES: dict[str, Sequence[str]] = {
    "DAU": ("070 in", " 65 IN", "178 cm"),
    "DAY": ("BRO", "BLU", "HAZ"),
    "DAZ": ("BRO", "GRY"),
    "DBC": "129",
    "DCG": ("USA", "CAN"),
    "DCS": _FAMILIES,
    "DAC": _GIVEN,
    "DAD": ("", "Q", "NONE", "ANN,LEE"),
    "DCT": ("JANE,ANN", "JANE ANN", "JANE"),
    "DAJ": _STATES,
    "DAO": _STATES,
    "DDE": "TNU",
    "DDF": "TNU",
    "DDG": "TNU",
    "DDA": "FN",
}
_DIGITS = frozenset(
    ("DAV", "DAW", "DAX", "DBF", "DBH", "DBI", "DCE", *(f"DD{c}" for c in "DKLMNOP"))
)
"""Elements whose fixed form one digit has."""


def _value(name: str, chance: random.Random) -> str:
    if name == "DAA":
        return f"{chance.choice(_FAMILIES)},{chance.choice(_GIVEN)},Q,"
    if name == "DAQ":
        return chance.choice(("", "A", "PX")) + str(chance.randrange(10**5, 10**12))
    if name in _VALUES:
        return chance.choice(_VALUES[name])
    return "1" if name in _DIGITS else _words(chance)
