"""Examples of the files that records people write for notices: those shipped, and some by hand."""

from __future__ import annotations

from importlib.resources import files

_OWN = b"""mark = "V"
source = "the clerk's list"
extends = "us"
removes = ["Columbus Day"]
weekend = ["saturday", "sunday"]
zone = "America/Chicago"
[[holidays]]
rule = "once"
name = "A day of mourning"
on = 2026-03-04
"""
_DELAYS = b"""
[[delays]]
entry = "il/8"
[delays.delay]
kind = "court_order"
at = 2026-11-28T12:00:00-06:00
until = 2026-12-10
lifted_at = 2026-12-01T12:00:00-06:00
reason = "an investigation would be harmed"
authority = "Circuit Court, practice case 26-1"
"""
_POST = b'resident = "Maria Practice"\nlines = ["12 Example Lane", "Peoria, IL 61600"]\n'
_SAFE = b'resident = "Maria"\n[safe_contact]\nname = "the programme"\nhow = "Call 555-0177."\n'


def _shipped(name: str) -> bytes:
    return files("comity.review").joinpath(name).read_bytes()


def calendars() -> list[bytes]:
    """Return the practice calendar, and a state's own."""
    return [_OWN, _shipped("calendars/us.toml")]


def delay_limits() -> list[bytes]:
    """Return the limits of the house."""
    return [_shipped("delays.toml")]


def notices_files() -> list[bytes]:
    """Return the practice adoption of Illinois, with delays and without."""
    text = _shipped("practice_notices.toml").decode()
    first, second = text.index("[[adopted]]"), text.rindex("[[adopted]]")
    own = (text[:first] + text[first:second] + text[text.index("[office.en]") :]).encode()
    late = _DELAYS.replace(b"2026-11-28T12:00:00-06:00", b"9999-12-31T23:59:59-12:00")
    return [own, own + _DELAYS, own + 2 * _DELAYS, own + late]


def recipients() -> list[bytes]:
    """Return a postal address and a safe contact."""
    return [_POST, _SAFE]
