"""Sessions: how long they last, whose they are, and that none can be planted or outlive a place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.adapters.memory.clock import SeededEntropy
from comity.console.errors import PlaceError
from comity.console.people import People, Person, Role
from comity.console.sessions import (
    SESSION_IDLE_SECONDS_MAX,
    SESSION_SECONDS_MAX,
    SESSIONS_MAX,
    SESSIONS_OF_PERSON_MAX,
    Sessions,
)
from comity.console.tokens import TOKEN_CHARS, token_hash
from comity.ports import Claims
from tests.support.identity import NOW, OR, WA, person

ISSUER = "https://id.example.invalid"
ANA, BO = person("ana"), person("bo", signs_as="supervisor")
ALL = People(ISSUER, [ANA, BO])


def claims(subject: str = "ana", at: int = NOW) -> Claims:
    return Claims(issuer=ISSUER, subject=subject, name="", authenticated_at=at)


def fresh() -> Sessions:
    return Sessions(SeededEntropy(b"sessions"))


def places(*found: Person) -> People:
    return People(ISSUER, found)


def test_session_says_who_is_signed_in() -> None:
    """A token gives the person by the people in force, in its one place."""
    sessions = fresh()
    token = sessions.open(claims(), ALL, NOW)
    found = sessions.find(token, ALL, NOW)
    assert found is not None
    assert (found.person, found.places) == (ANA, (ANA,))
    assert (found.session.subject, found.session.state) == ("ana", WA)


def test_token_is_not_kept() -> None:
    """What is kept is a hash, by which no browser is let in."""
    sessions = fresh()
    token = sessions.open(claims(), ALL, NOW)
    assert len(token) == TOKEN_CHARS
    assert token not in repr(vars(sessions))
    assert sessions.find(token_hash(token).hex(), ALL, NOW) is None


@pytest.mark.parametrize("token", ["", "x", "\ud800", "A" * 43, "A" * 10_000])
def test_any_other_text_is_nobody(token: str) -> None:
    """A token that was never given is nobody's, whatever it is."""
    sessions = fresh()
    sessions.open(claims(), ALL, NOW)
    assert sessions.find(token, ALL, NOW) is None
    assert not sessions.end(token)


def test_idle_session_ends() -> None:
    """A look within 30 minutes goes on; at 30 minutes without one it is over for good."""
    sessions = fresh()
    token = sessions.open(claims(), ALL, NOW)
    later = NOW + SESSION_IDLE_SECONDS_MAX - 1
    assert sessions.find(token, ALL, later)
    assert sessions.find(token, ALL, later + SESSION_IDLE_SECONDS_MAX - 1)
    assert sessions.find(token, ALL, later + 2 * SESSION_IDLE_SECONDS_MAX) is None
    assert sessions.find(token, ALL, later) is None


@pytest.mark.parametrize("ago_s", [0, 5_000])
def test_session_ends_twelve_hours_after_the_provider_saw_the_person(ago_s: int) -> None:
    """However busy, a session ends 12 hours after the provider saw the person."""
    sessions = fresh()
    token = sessions.open(claims(at=NOW - ago_s), ALL, NOW)
    end = NOW - ago_s + SESSION_SECONDS_MAX
    for now_s in range(NOW, end, 1_000):
        assert sessions.find(token, ALL, now_s)
    assert sessions.find(token, ALL, end - 1)
    assert sessions.find(token, ALL, end) is None


def test_provider_that_is_ahead_gives_no_longer_session() -> None:
    """A time of the provider that has not come yet counts as now."""
    sessions = fresh()
    found = sessions.find(sessions.open(claims(at=NOW + 50), ALL, NOW), ALL, NOW)
    assert found is not None
    assert found.session.authenticated_at == NOW


@pytest.mark.parametrize(("back_s", "goes_on"), [(60, True), (61, False)])
def test_clock_that_is_set_back(back_s: int, goes_on: bool) -> None:
    """A correction of a minute ends nobody's session; a clock that is far behind ends it."""
    sessions = fresh()
    token = sessions.open(claims(at=NOW - 100), ALL, NOW)
    assert (sessions.find(token, ALL, NOW - back_s) is not None) == goes_on


def test_sign_in_rotates_the_token() -> None:
    """Signing in ends what the browser had before, be it of another person or planted there."""
    sessions = fresh()
    planted = sessions.open(claims("bo"), ALL, NOW)
    token = sessions.open(claims("ana"), ALL, NOW, old_token=planted)
    assert token != planted
    assert sessions.find(planted, ALL, NOW) is None
    never_given = "A" * TOKEN_CHARS
    assert sessions.open(claims("ana"), ALL, NOW, old_token=never_given) != never_given
    assert sessions.find(never_given, ALL, NOW) is None


def test_sign_out_ends_one_session() -> None:
    """Signing out ends this browser's session and no other."""
    sessions = fresh()
    one, two = (sessions.open(claims(), ALL, NOW) for _ in range(2))
    assert sessions.end(one)
    assert sessions.find(one, ALL, NOW) is None
    assert sessions.find(two, ALL, NOW)


def test_all_of_a_person_can_be_ended() -> None:
    """Every session of one person is ended at once, and nobody else's."""
    sessions = fresh()
    own = [sessions.open(claims(), ALL, NOW) for _ in range(3)]
    other = sessions.open(claims("bo"), ALL, NOW)
    assert sessions.end_all_of(ISSUER, "ana") == 3
    assert not any(sessions.find(token, ALL, NOW) for token in own)
    assert sessions.find(other, ALL, NOW)


def test_person_who_was_taken_out_is_out() -> None:
    """Who is no longer in force loses the session for good at the next look."""
    sessions = fresh()
    token = sessions.open(claims(), ALL, NOW)
    assert sessions.find(token, places(BO), NOW) is None
    assert sessions.find(token, ALL, NOW) is None


def test_roles_are_those_in_force() -> None:
    """A role that was taken away is gone at the next look, without signing in again."""
    sessions = fresh()
    token = sessions.open(claims(), ALL, NOW)
    auditor = person("ana", roles=frozenset({Role.AUDITOR}), signs_as="")
    found = sessions.find(token, places(auditor), NOW)
    assert found is not None
    assert found.person == auditor


def test_state_is_chosen() -> None:
    """Of several places none is acted in until one is chosen; what is not held is refused."""
    both = places(ANA, person("ana", OR))
    sessions = fresh()
    token = sessions.open(claims(), both, NOW)
    found = sessions.find(token, both, NOW)
    assert found is not None
    assert (found.person, len(found.places)) == (None, 2)
    with pytest.raises(PlaceError):
        sessions.choose(token, "ny", both, NOW)
    chosen = sessions.choose(token, "or", both, NOW)
    assert chosen is not None
    assert chosen.person == person("ana", OR)
    assert sessions.find(token, both, NOW) == chosen
    assert sessions.choose("x", "or", both, NOW) is None


def test_chosen_state_that_is_lost_ends_the_session() -> None:
    """Who loses the chosen place is out, also while another place is left."""
    both = places(ANA, person("ana", OR))
    sessions = fresh()
    token = sessions.open(claims(), both, NOW)
    sessions.choose(token, "or", both, NOW)
    assert sessions.find(token, ALL, NOW) is None


def test_only_place_that_is_left_is_taken() -> None:
    """Who had not chosen yet and keeps one place acts in that one."""
    both = places(ANA, person("ana", OR))
    sessions = fresh()
    token = sessions.open(claims(), both, NOW)
    found = sessions.find(token, ALL, NOW)
    assert found is not None
    assert found.person == ANA


def test_person_who_left_before_choosing_is_out() -> None:
    """Who had several places, chose none and holds none any more is out."""
    both = places(ANA, person("ana", OR))
    sessions = fresh()
    token = sessions.open(claims(), both, NOW)
    assert sessions.find(token, places(BO), NOW) is None


def test_subject_of_another_issuer_is_nobody() -> None:
    """A session under one issuer's subject is not another issuer's person."""
    sessions = fresh()
    token = sessions.open(claims(), ALL, NOW)
    other = People("https://other.invalid", [ANA])
    assert sessions.find(token, other, NOW) is None


def test_person_has_so_many_sessions() -> None:
    """One more than the limit ends the person's oldest, and nobody else's."""
    sessions = fresh()
    other = sessions.open(claims("bo"), ALL, NOW)
    own = [sessions.open(claims(), ALL, NOW) for _ in range(SESSIONS_OF_PERSON_MAX + 1)]
    alive = [sessions.find(token, ALL, NOW) is not None for token in own]
    assert alive == [False, *[True] * SESSIONS_OF_PERSON_MAX]
    assert sessions.find(other, ALL, NOW)


def test_everybody_has_so_many_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit of all sessions the oldest goes; what is over makes room first."""
    monkeypatch.setattr("comity.console.sessions.SESSIONS_MAX", 3)
    assert SESSIONS_MAX > 3
    crowd = People(ISSUER, [person(f"p{n}") for n in range(9)])
    sessions = fresh()
    tokens = [sessions.open(claims(f"p{n}"), crowd, NOW + n) for n in range(4)]
    assert len(sessions) == 3
    assert [sessions.find(t, crowd, NOW + 4) is not None for t in tokens] == [
        False,
        True,
        True,
        True,
    ]
    sessions.open(claims("p8", at=NOW + 9_000), crowd, NOW + 9_000)
    assert len(sessions) == 1


def test_form_token_is_the_sessions_own() -> None:
    """A form is known by the token of its session, which is neither the cookie's nor another's."""
    sessions = fresh()
    one, two = (sessions.open(claims(s), ALL, NOW) for s in ("ana", "bo"))
    first, second = sessions.find(one, ALL, NOW), sessions.find(two, ALL, NOW)
    assert first is not None
    assert second is not None
    token = first.session.form_token
    assert first.session.has_form_token(token)
    for other in ("", one, second.session.form_token, token[:-1], "\ud800"):
        assert not first.session.has_form_token(other)


@given(st.lists(st.integers(1, 2_500), max_size=40))
def test_time_is_counted_from_the_last_look(pauses: list[int]) -> None:
    """A session lives exactly while no pause reaches 30 minutes and their sum not 12 hours."""
    sessions = fresh()
    token = sessions.open(claims(), ALL, NOW)
    now_s, is_alive = NOW, True
    for pause in pauses:
        now_s += pause
        is_alive &= pause < SESSION_IDLE_SECONDS_MAX and now_s - NOW < SESSION_SECONDS_MAX
        assert (sessions.find(token, ALL, now_s) is not None) == is_alive
