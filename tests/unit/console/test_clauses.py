"""A clause in the browser: form, text and Cedar in step; faults as words; a check keeps nothing."""

from __future__ import annotations

from typing import Any

import pytest

from comity.console.clause_form import FORM_VALUES_MAX, fields_of, fits_form, rule_of
from comity.console.people import Role
from comity.domain.vocabulary import DataClass, Instrument, Outcome, Purpose
from comity.policy import (
    Condition,
    Rule,
    encode_bundle,
    load_template,
    parse_bundle,
    template_names,
)
from comity.policy.writing import rule_text
from tests.support.console import console_on
from tests.support.drafts import DENY_TEXAS, as_role, draft_of, opened, wrote
from tests.support.gateway import RELEASE, WA, running
from tests.unit.policy.build import bundle, rule

OPEN = bundle(RELEASE, state=WA)
TEXT = rule_text(rule("WA-T1", Outcome.HOLD, data_class=(DataClass.PHOTO,)))


def rules_of(console: Any) -> tuple[Rule, ...]:
    """The clauses of the first draft."""
    return parse_bundle(draft_of(console).bundle).rules


@pytest.mark.parametrize("name", template_names())
def test_every_templates_clause_comes_back_from_its_form(name: str) -> None:
    """What the form shows is what it makes, wherever the form is offered."""
    for each in load_template(name).rules:
        if fits_form(each):
            assert rule_of(fields_of(each)) == each


async def test_three_forms_stand_beside_what_is_typed() -> None:
    """Sentence, record and Cedar of what the form says now, with what it changes; not kept."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        empty = await console.get(f"{page}/clauses/new", token)
        assert empty.heading == "What should this clause say?"
        form = DENY_TEXAS | {"when.data_class": ["photo"], "unless1.instrument": "court_order"}
        shown = await console.post(f"{page}/clauses/new/check", form, token)
        assert shown.status == 200
        assert "Local agencies of Texas may not get the photo." in shown.text
        assert "It is not so when they hold a court order." in shown.text
        assert 'when.data_class = ["photo"]' in shown.text
        assert 'resource == DataClass::"photo"' in shown.text
        assert "Tightens " in shown.text
        assert (rules_of(console), draft_of(console).revision) == (OPEN.rules, 1)


async def test_text_and_form_make_the_same_clause() -> None:
    """Written as text, it is there as a form, and the reverse."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        kept = await wrote(console, token, page, by="text", text=TEXT.replace("\n", "\r\n"))
        assert (kept.status, kept.location) == (303, f"{page}#rule-WA-T1")
        assert rules_of(console)[0] == rule("WA-T1", Outcome.HOLD, data_class=(DataClass.PHOTO,))
        form = await console.get(f"{page}/clauses/WA-T1", token)
        assert 'value="photo" id="when-data_class-4" checked' in form.body
        text = await console.get(f"{page}/clauses/WA-T1?by=text", token)
        assert 'when.data_class = ["photo"]' in text.text


async def test_a_clause_is_changed_in_its_place() -> None:
    """Under another number too; the others stand where they stood."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        await wrote(console, token, page)
        done = await wrote(console, token, page, "WA-D1", clause="WA-D7", effect="hold")
        assert done.status == 303
        assert [(each.id, each.effect) for each in rules_of(console)] == [
            ("WA-D7", Outcome.HOLD), ("ALL", Outcome.RELEASE),
        ]  # fmt: skip
        assert (await console.get(f"{page}/clauses/WA-D1", token)).status == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"effect": "allow"},
        {"effect": ""},
        {"clause": "BAD ID"},
        {"clause": "ALL"},
        {"clause": "NO-RULE"},
        {"sentence": ""},
        {"sentence": "x" * 241},
        {"sentence": "caf\u00e9"},
        {"cite": ""},
        {"mark": "Z"},
        {"mark": "K"},
        {"since": "yesterday"},
        {"when.agency_more": "TX/NOBODY"},
        {"when.agency_more": "'; DROP TABLE"},
        {"when.purpose": "fun"},
        {"when.data_class": ["photo", "photo"]},
        {"obligations": "tell_everyone"},
        {"obligations": "review_after"},
        {"by": "text", "text": ""},
        {"by": "text", "text": "id = 3"},
        {"by": "text", "text": TEXT + '[[rules]]\nid = "X"\n'},
    ],
)
async def test_what_is_no_clause_is_said_and_not_kept(changes: dict[str, Any]) -> None:
    """The same by the check and by the form, with what was typed still there."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        for path in ("/check", ""):
            form = DENY_TEXAS | {"revision": 1} | changes
            shown = await console.post(f"{page}/clauses/new{path}", form, token)
            assert shown.status == 422, path
            assert "This is no clause yet" in shown.text
            if changes.get("by") != "text":
                assert "Order 14" in shown.body or "cite" in changes
        assert (rules_of(console), draft_of(console).revision) == (OPEN.rules, 1)


async def test_a_clause_with_too_much_for_the_form_is_text() -> None:
    """Nothing of it is lost by opening it."""
    many = tuple(Purpose)
    long = rule("LONG", Outcome.DENY, data_class=tuple(DataClass), purpose=many)
    conditions = tuple(Condition(purpose=many, instrument=(each,)) for each in Instrument)
    long = Rule(
        id=long.id, effect=long.effect, when=long.when, unless=conditions,
        statute=long.statute, sentence="Nothing.",
    )  # fmt: skip
    assert not fits_form(long)
    many_rules = bundle(RELEASE, long, state=WA)
    async with running(encode_bundle(many_rules)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        for by in ("", "?by=form", "?by=text"):
            shown = await console.get(f"{page}/clauses/LONG{by}", token)
            assert f"more than {FORM_VALUES_MAX} things" in shown.text
            assert 'name="by" value="text"' in shown.body


async def test_lint_names_a_clause_that_decides_nothing() -> None:
    """While it is typed, and on the draft's page with a link to it."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        nobody = {"when.agency_more": "", "when.agency": "US/DHS/ICE"}
        shown = await console.post(f"{page}/clauses/new/check", DENY_TEXAS | nobody, token)
        assert "WA-D1 could go: no request meets it." in shown.text
        assert "no agency or family of it is listed now" in shown.text
        await wrote(console, token, page, **nobody)
        draft = await console.get(page, token)
        assert f'<a href="{page}/clauses/WA-D1">WA-D1 could go' in draft.body


async def test_a_field_that_stands_twice_is_a_fault() -> None:
    """Two sentences, or two effects, are no choice that anyone made."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        for name in ("effect", "sentence", "clause", "enabled", "when.agency_more", "text"):
            twice = DENY_TEXAS | {"revision": 1, name: ["deny", "release"]}
            assert (await console.post(f"{page}/clauses/new", twice, token)).status == 400, name
        assert rules_of(console) == OPEN.rules


async def test_a_check_is_for_who_may_write() -> None:
    """And the form token is asked of it, as of any form."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        page = await opened(console, as_role(console))
        auditor = as_role(console, Role.AUDITOR)
        assert (await console.post(f"{page}/clauses/new/check", DENY_TEXAS, auditor)).status == 403
        token = as_role(console)
        forged = DENY_TEXAS | {"form_token": "x"}
        assert (await console.post(f"{page}/clauses/new/check", forged, token)).status == 403
