"""The page parts: what is text stays text, and what a page forgot is an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from jinja2 import UndefinedError

from comity.console.assets import AssetChangedError
from comity.console.rendering import make_environment
from tests.support.patterns import IDENTITY, frame

ENVIRONMENT = make_environment()
PARTS: Any = ENVIRONMENT.get_template("parts.html").module
HOSTILE = "<b onclick='x()'>\"&'"
Part = Callable[[str], str]

EACH_PART: dict[str, Part] = {
    "actions": lambda text: render(
        '{% call actions(t) %}{{ button(t, key="r") }}{% endcall %}', t=text
    ),
    "button": lambda text: PARTS.button(text, key=text, name=text, value=text, form=text),
    "link": lambda text: PARTS.button(text, key=text, href=text, kind="quiet"),
    "checkbox": lambda text: PARTS.checkbox(text, text, value=text, hint=text),
    "checks": lambda text: PARTS.checks([("met", text), ("unmet", text), ("unknown", text)]),
    "choice": lambda text: PARTS.choice(
        text, text, [(text, text, text)], chosen=text, hint=text, error=text
    ),
    "clock": lambda text: PARTS.clock(text, text, "soon"),
    "empty": lambda text: PARTS.empty(text, text),
    "errors": lambda text: PARTS.errors([(text, text)]),
    "facts": lambda text: PARTS.facts([(text, text)]),
    "field": lambda text: PARTS.field(text, text, value=text, hint=text, error=text),
    "lines": lambda text: PARTS.field(text, text, value=text, rows=3),
    "options": lambda text: PARTS.field(text, text, value=text, options=[(text, text)]),
    "figures": lambda text: PARTS.figures([{"label": text, "value": text, "tone": "plain"}]),
    "mark": lambda text: PARTS.mark("held", text),
    "nav": lambda text: PARTS.nav_list(
        [{"label": text, "url": text, "is_current": True, "count": text}]
    ),
    "note": lambda text: PARTS.note("info", text),
    "person": lambda text: PARTS.signed_in(
        {"name": text, "role": text, "sign_out": text, "own": text}
    ),
    "ruling": lambda text: render('{% call ruling("held", t) %}{{ t }}{% endcall %}', t=text),
    "statute": lambda text: PARTS.statute(text, f"a {text} b", text),
}


def render(text: str, **values: object) -> str:
    """Render a few words of template with all parts at hand."""
    used = '{% from "parts.html" import actions, button, ruling %}'
    return ENVIRONMENT.from_string(used + text).render(**values)


@pytest.mark.parametrize("name", EACH_PART)
def test_text_never_becomes_markup(name: str) -> None:
    """A text with markup in it reaches the page as that text, in every place of every part."""
    plain, hostile = str(EACH_PART[name]("text")), str(EACH_PART[name](HOSTILE))
    assert "<b onclick" not in hostile
    assert "&lt;b onclick=&#39;x()&#39;&gt;&#34;&amp;&#39;" in hostile
    elements = r"<(/?[a-z0-9]+)"
    assert re.findall(elements, plain) == re.findall(elements, hostile)
    assert plain.count('"') == hostile.count('"')


@pytest.mark.parametrize("name", EACH_PART)
def test_part_needs_no_inline_script_or_style(name: str) -> None:
    """No part asks for what the content policy refuses."""
    assert not re.search(r"<script|<style| style=| on[a-z]+=", str(EACH_PART[name]("text")))


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("released", "● Released"),
        ("held", "◆ Held"),
        ("refused", "✕ Refused"),
        ("none", "○ No record"),
    ],
)
def test_outcome_has_shape_and_word(outcome: str, said: str) -> None:
    """Each outcome has its own shape and word beside its colour."""
    shown = re.sub(r"<[^>]+>", "", str(PARTS.mark(outcome)).replace("</span>", " ", 1))
    assert shown == said


def test_unknown_outcome_is_an_error() -> None:
    """An outcome, check or name that there is not ends in an error, never in an empty place."""
    with pytest.raises(UndefinedError):
        PARTS.mark("sealed")
    with pytest.raises(UndefinedError):
        PARTS.checks([("maybe", "text")])
    with pytest.raises(UndefinedError):
        render("{{ nothing }}")
    with pytest.raises(AssetChangedError):
        render("{{ asset('nothing.css') }}")


def test_statute_marks_what_decided() -> None:
    """The deciding words are marked where they stand; other words leave the text as it is."""
    assert "<p>A <mark>b</mark> c b</p>" in PARTS.statute("1(a)", "A b c b", "b")
    assert "<p>A b c</p>" in PARTS.statute("1(a)", "A b c", "d")
    assert "<p>A b c</p>" in PARTS.statute("1(a)", "A b c")


def test_field_is_described_by_its_hint_and_error() -> None:
    """A field that is wrong says so to those who hear the page, with hint and error."""
    shown = PARTS.field("reason", "Your reason", hint="One sentence", error="Give a reason")
    assert 'aria-describedby="reason-hint reason-error" aria-invalid="true"' in shown
    assert "aria-" not in PARTS.field("reason", "Your reason")
    assert PARTS.errors([]).strip() == ""


def test_key_is_named_to_those_who_hear_the_page() -> None:
    """A single key stands in the button's own properties; two in a row have no such form."""
    assert 'data-key="r" aria-keyshortcuts="r"' in PARTS.button("Release", key="r")
    pair = PARTS.button("Review queue", key="g q", href="/")
    assert 'data-key="g q"' in pair
    assert "aria-keyshortcuts" not in pair


def page(**changes: object) -> str:
    """Render a page of the layout with one sentence."""
    text = '{% extends "layout.html" %}{% block finding %}Nothing waits.{% endblock %}'
    return ENVIRONMENT.from_string(text).render(**{**frame(IDENTITY), **changes})


def test_page_tells_what_it_is() -> None:
    """A page has its finding as the heading, what is current, as of when and by which rules."""
    shown = page()
    assert '<h1 class="finding" id="finding" tabindex="-1">Nothing waits.</h1>' in shown
    # The page stands in its group and in the menu, the group at the head.
    assert shown.count('aria-current="page"') == 2
    assert shown.count('aria-current="true"') == 1
    assert "As of 14:02 PST, Fri 27 Nov 2026" in shown
    assert "Policy version 13" in shown
    assert "<aside" not in shown
    assert not re.search(r"<style| style=| on[a-z]+=|<script>", shown)
    assert not re.search(r"(src|href)=\"(https?:)?//", shown)


def test_practice_is_said_only_of_practice() -> None:
    """The practice bar stands on a practice system and nowhere else."""
    said = "Practice data. No real person's record is on this system."
    assert said in page()
    assert said not in page(is_practice=False)


def test_page_without_a_person_has_no_way_out() -> None:
    """Before someone is signed in there is no navigation, menu or form."""
    shown = page(person=None, nav=[], policy_version=None)
    for absent in ("<nav", "<details", "<form", "Sign out", "Policy "):
        assert absent not in shown


@pytest.mark.parametrize("name", sorted(frame(IDENTITY)))
def test_forgotten_value_is_an_error(name: str) -> None:
    """A page that forgets one of the layout's values is not shown at all."""
    text = '{% extends "layout.html" %}{% block finding %}x{% endblock %}'
    values = {key: value for key, value in frame(IDENTITY).items() if key != name}
    with pytest.raises(UndefinedError):
        ENVIRONMENT.from_string(text).render(**values)
