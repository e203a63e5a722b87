"""What sessions were shown: kept for a while, for one session, in a bounded number."""

from __future__ import annotations

import msgspec
import pytest

from comity.console import opened_cases
from comity.console.opened_cases import (
    LOOK_SECONDS_MAX,
    OPENED_SECONDS_MAX,
    Look,
    OpenedCase,
    OpenedCases,
)
from tests.unit.services.test_outgoing import HOLD, NOW, WA


def opened(entry: str = HOLD.entry, at: int = NOW) -> OpenedCase:
    """A case as a session was shown it."""
    hold = msgspec.structs.replace(HOLD, entry=entry)
    return OpenedCase(hold=hold, access_entry="wa/8", at=at)


def look(subject: str, at: int = NOW) -> Look:
    """Somebody's look."""
    return Look(state=WA, subject=subject, name=subject.title(), at=at)


def test_it_is_shown_to_its_session_while_it_stands_so() -> None:
    """To nobody else, at no other step, and for half an hour at most."""
    cases = OpenedCases()
    cases.put("one", opened())
    assert cases.get("one", HOLD.entry, 1, NOW + OPENED_SECONDS_MAX) is not None
    assert cases.get("one", HOLD.entry, 1, NOW + OPENED_SECONDS_MAX + 1) is None
    assert cases.get("one", HOLD.entry, 2, NOW) is None
    assert cases.get("two", HOLD.entry, 1, NOW) is None
    cases.forget("two")
    assert cases.get("one", HOLD.entry, 1, NOW) is not None
    cases.forget("one")
    assert cases.get("one", HOLD.entry, 1, NOW) is None


def test_what_was_kept_too_long_goes_when_another_is_opened() -> None:
    """Nothing of a person stays in memory because a session was left open."""
    cases = OpenedCases()
    cases.put("one", opened())
    cases.put("two", opened("wa/9", NOW + OPENED_SECONDS_MAX + 1))
    # By an earlier time it would be shown, if it were kept.
    assert cases.get("one", HOLD.entry, 1, NOW) is None


def test_numbers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one opened first goes, and so does the look that was first."""
    monkeypatch.setattr(opened_cases, "OPENED_MAX", 2)
    cases = OpenedCases()
    for number in range(1, 4):
        cases.put("one", opened(f"wa/{number}"))
        cases.looked(f"wa/{number}", look("ana"))
    kept = [cases.get("one", f"wa/{number}", 1, NOW) for number in range(1, 4)]
    assert [each is not None for each in kept] == [False, True, True]
    named = [cases.looked(f"wa/{number}", look("ben")) for number in (3, 1)]
    assert [each is not None for each in named] == [True, False]


def test_who_else_looked_is_named_for_a_while() -> None:
    """Of several the last one, never oneself, and nobody after ten minutes."""
    cases = OpenedCases()
    assert cases.looked(HOLD.entry, look("ana")) is None
    assert cases.looked(HOLD.entry, look("ana")) is None
    assert cases.looked(HOLD.entry, look("ben")) == look("ana")
    assert cases.looked(HOLD.entry, look("ben")) == look("ana")
    assert cases.looked(HOLD.entry, look("ana", NOW + 1)) == look("ben")
    assert cases.looked(HOLD.entry, look("eve", NOW + 1)) == look("ana", NOW + 1)
    late = NOW + 2 + LOOK_SECONDS_MAX
    assert cases.looked(HOLD.entry, look("eve", late)) is None
