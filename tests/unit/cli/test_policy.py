"""`comity policy`: rules as people read, prove and compare them, without any installation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from comity.cli.budgets import used_of
from comity.cli.main import app
from comity.domain.ids import MEMBERS
from comity.policy import (
    Budget,
    BudgetPer,
    budget_id,
    encode_bundle,
    load_template,
    template_names,
)
from comity.ports import BudgetUse
from comity.practice.agencies import agencies_of

RUNNER = CliRunner()


def said(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    """Run a command over a data directory that has no installation."""
    result = RUNNER.invoke(app, ["policy", *arguments, "--data", str(tmp_path)])
    return result.exit_code, result.stdout


def read(tmp_path: Path, *arguments: str) -> tuple[int, Any]:
    """Run a command and read its JSON."""
    code, text = said(tmp_path, *arguments, "--json")
    return code, json.loads(text)


def an_agency(family: str) -> str:
    """An agency of the practice world below a family."""
    listed = (agency for member in MEMBERS for agency in agencies_of(member))
    return next(agency.ori for agency in listed if agency.family.startswith(family))


def test_templates_are_listed() -> None:
    """Every draft with its title, how it is labelled, and how many of its rules are off."""
    result = RUNNER.invoke(app, ["policy", "templates", "--json"])
    rows = json.loads(result.stdout)
    assert [row["template"] for row in rows] == list(template_names())
    ny = next(row for row in rows if row["template"] == "ny")
    assert [each["id"] for each in ny["switched_off"]] == ["NY-C01", "NY-K01", "NY-R01"]
    assert ny["off"] == 3
    assert all(each["why"].startswith("Off") for row in rows for each in row["switched_off"])
    text = RUNNER.invoke(app, ["policy", "templates"]).stdout
    assert text.startswith(f"{len(rows)} drafts, 7 of them blank")
    assert "NY-K01 [K] Off: who primarily enforces" in text


def test_a_draft_is_printed_to_be_filled_in(tmp_path: Path) -> None:
    """A template as text reads back as the template; of an executive order for the state named."""
    text = RUNNER.invoke(app, ["policy", "draft", "md"]).stdout
    file = tmp_path / "md.toml"
    file.write_text(text)
    assert read(tmp_path, "explain", str(file))[1]["title"] == load_template("md").title
    order = RUNNER.invoke(app, ["policy", "draft", "executive_order", "--state", "TX"])
    assert 'state = "tx"' in order.stdout
    wrong = RUNNER.invoke(app, ["policy", "draft", "md", "--state", "TX"])
    assert wrong.exit_code == 2
    assert RUNNER.invoke(app, ["policy", "draft", "../il"]).exit_code == 2


def test_laws_are_said_clause_by_clause() -> None:
    """The finding first; each clause with its mark, and the rule or the duty that it is."""
    text = RUNNER.invoke(app, ["policy", "laws", "IL"], env={"COLUMNS": "100"}).stdout
    assert text.startswith("Illinois: 6 clauses, 2 as rules, 2 as duties")
    assert "IL-S01: hold (P, practice adoption)" in text
    assert "IL-R01: deny (S, as reported, off)" in text
    found = json.loads(RUNNER.invoke(app, ["policy", "laws", "IL", "--json"]).stdout)
    assert text.replace("\n", " ").startswith(found["finding"])
    assert found["laws"][0]["clauses"][3]["duty"]["within"] == 3
    assert found["laws"][0]["clauses"][3]["clock"]["unit"] == "business_days"
    assert "clock: 3 business days from when the order, warrant or subpoena was received" in text
    assert {"id": "IL-A01", "effect": "deny", "mark": "V", "label": "draft",
            "enabled": False} in found["rules"]  # fmt: skip
    every = RUNNER.invoke(app, ["policy", "laws"]).stdout
    assert every.startswith("The laws of 18 states and federal law, 76 clauses")
    states = json.loads(RUNNER.invoke(app, ["policy", "laws", "--json"]).stdout)
    assert len(states) == 19
    blank = RUNNER.invoke(app, ["policy", "laws", "tx"])
    assert blank.stdout.startswith("Texas: no law is recorded here")
    assert RUNNER.invoke(app, ["policy", "laws", "zz"]).exit_code == 2


def test_rules_are_explained_in_order_of_the_record(tmp_path: Path) -> None:
    """The state's own clauses first, those switched off among them, then what it adopted."""
    code, found = read(tmp_path, "explain", "ny")
    assert code == 0
    assert [clause["id"] for clause in found["clauses"]][:5] == [
        "NY-S01", "NY-S02", "NY-C01", "NY-K01", "NY-R01",
    ]  # fmt: skip
    assert [clause["national"] for clause in found["clauses"]][4:6] == [False, True]
    code, text = said(tmp_path, "explain", "ny")
    assert code == 0
    assert "off: decides nothing" in text


def test_a_proof_tells_numbers_and_a_witness(tmp_path: Path) -> None:
    """A guarantee that does not hold ends with 5, with a request that breaks it and its rule."""
    file = tmp_path / "promises.toml"
    file.write_text(
        '[[guarantees]]\nid = "G-IMMIGRATION-PHOTO"\nsentence = "No photo for it."\n'
        'when.data_class = ["photo"]\nwhen.purpose = ["civil_immigration"]\nreviewed = true\n'
    )
    code, found = read(tmp_path, "prove", "md", "--guarantee", str(file))
    assert code == 5
    assert found["agencies"] == "the practice world"
    photo = next(p for p in found["proofs"] if p["guarantee"] == "G-IMMIGRATION-PHOTO")
    assert photo["examined"] > photo["broken"] > 0
    assert photo["witness"]["purpose"] == "civil_immigration"
    assert photo["rules"] == ["N03"]
    _, text = said(tmp_path, "prove", "md", "--guarantee", str(file))
    assert "break it" in text
    file.write_text("[[promises]]")
    code, found = read(tmp_path, "prove", "il", "--guarantee", str(file))
    assert (code, found["error"]["code"]) == (2, "policy-malformed")


def test_a_proof_is_of_what_the_rules_promise(tmp_path: Path) -> None:
    """What every state promises, less what these rules opt out of; explain tells both."""
    code, found = read(tmp_path, "prove", "il")
    assert (code, found["holds"]) == (0, True)
    proved = {proof["guarantee"] for proof in found["proofs"]}
    _, explained = read(tmp_path, "explain", "il")
    assert proved == {each["id"] for each in explained["guarantees"]}
    assert explained["guarantee_opt_outs"] == ["G-IMMIGRATION-REVIEW"]
    assert not proved & set(explained["guarantee_opt_outs"])
    _, text = said(tmp_path, "prove", "il")
    assert "opt out of G-IMMIGRATION-REVIEW" in text
    _, text = said(tmp_path, "diff", "ca", "il")
    assert "Promises G-IMMIGRATION-REVIEW no longer." in text


def test_a_difference_is_counted_and_said(tmp_path: Path) -> None:
    """What only tightens says so; the other way round it loosens."""
    code, found = read(tmp_path, "diff", "national_default", "il")
    assert code == 0
    assert not found["loosens"]
    assert (
        found["unchanged"] + sum(m["request_kinds"] for m in found["moves"])
        == (found["request_kinds"])
    )
    _, back = read(tmp_path, "diff", "il", "national_default")
    assert back["loosens"]
    _, text = said(tmp_path, "diff", "national_default", "il")
    assert "only tightens" in " ".join(text.split())
    assert "because of IL-S01" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
    _, none = said(tmp_path, "diff", "il", "il")
    assert "no change" in none


def test_two_drafts_of_one_title_are_told_apart(tmp_path: Path) -> None:
    """A draft mostly keeps the title of what is in force: then where each is from stands too."""
    file = tmp_path / "il.json"
    file.write_bytes(encode_bundle(load_template("il")))
    _, text = said(tmp_path, "diff", "il", str(file))
    # A long path is folded anywhere.
    expected = (
        f"Illinois: draft for state counsel ({file}) against"
        " Illinois: draft for state counsel (template il): no change"
    )
    assert "".join(text.split()) == "".join(expected.split())


def test_a_proof_fits_the_screen(tmp_path: Path) -> None:
    """The finding and each promise go on below themselves."""
    _, text = said(tmp_path, "prove", "il")
    assert max(map(len, text.splitlines())) <= 80


def test_a_decision_ends_as_its_strictest_class(tmp_path: Path) -> None:
    """Refused 3, held 4, released 0; each class has its outcome, and nobody is asked."""
    ice, police = an_agency("US/DHS/ICE"), an_agency("WA/LOCAL/PD")
    code, found = read(tmp_path, "decide", "ny", ice)
    assert code == 3
    assert {each["outcome"] for each in found["decisions"]} == {"deny"}
    code, text = said(tmp_path, "decide", "il", ice)
    assert (code, text.startswith("◆ status: hold for review")) == (4, True)
    code, found = read(tmp_path, "decide", "ny", police, "purpose=traffic_safety")
    assert code == 0
    assert [each["data_class"] for each in found["decisions"]] == [
        "status", "identity", "address", "photo",
    ]  # fmt: skip


@pytest.mark.parametrize("fact", ["purpose=none_such", "colour=red", "purpose"])
def test_a_fact_that_no_rule_knows_is_refused(tmp_path: Path, fact: str) -> None:
    """An axis or a value that does not exist is no question."""
    code, found = read(tmp_path, "decide", "ny", an_agency("WA/LOCAL/PD"), fact)
    assert (code, found["error"]["code"]) == (2, "usage")


def test_cedar_written_by_hand_is_held_against_the_records(tmp_path: Path) -> None:
    """The same text agrees; another family, a clause that is missing, and no Cedar are named."""
    written = tmp_path / "ny.cedar"
    text = said(tmp_path, "cedar", "ny")[1]
    written.write_text(text)
    assert read(tmp_path, "lint", "ny", "--cedar", str(written))[0] == 0
    written.write_text(text.replace('Agency::"US/DHS/CBP"', 'Agency::"US/DHS/TSA"', 1))
    code, printed = said(tmp_path, "lint", "ny", "--cedar", str(written))
    assert code == 5
    assert "✕ rule NY-S01 as published" in printed
    assert "record: deny when agency is US/DHS/CBP or US/DHS/ICE unless instrument is" in printed
    assert "text: deny when agency is US/DHS/ICE or US/DHS/TSA unless instrument is" in printed
    written.write_text(text[text.index('@id("NY-S02")') :])
    assert "text: no such rule" in said(tmp_path, "lint", "ny", "--cedar", str(written))[1]
    written.write_text("permit everything")
    assert (
        read(tmp_path, "lint", "ny", "--cedar", str(written))[1]["error"]["code"] == "cedar-refused"
    )
    written.write_bytes(b"\xff")
    assert read(tmp_path, "lint", "ny", "--cedar", str(written))[0] == 2


def test_a_lint_runs_the_gate(tmp_path: Path) -> None:
    """What agrees passes with what was asked; a file is taken in either layout."""
    bundle = load_template("md")
    path = tmp_path / "rules.json"
    path.write_bytes(encode_bundle(bundle))
    code, found = read(tmp_path, "lint", str(path))
    assert code == 0
    assert found["passed"]
    assert found["directed"] > 1_000
    assert found["request_kinds"] > 10**10


def test_a_draft_that_is_no_rules_is_refused(tmp_path: Path) -> None:
    """A file that is not TOML, or names an unknown family, ends with its code."""
    path = tmp_path / "draft.toml"
    path.write_text("rules = [")
    assert read(tmp_path, "lint", str(path))[1]["error"]["code"] == "policy-malformed"
    path.write_text(
        'schema_version = 1\nstate = "ny"\nversion = 1\ntitle = "t"\nhold_hours = 72\n'
        '[[rules]]\nid = "A"\neffect = "deny"\nwhen.agency = ["US/NOBODY"]\n'
        'sentence = "No."\nstatute = { cite = "x", mark = "P" }\n'
    )
    assert read(tmp_path, "lint", str(path))[1]["error"]["code"] == "policy-unknown-family"


def test_cedar_is_printed(tmp_path: Path) -> None:
    """The published form: a policy for each rule that decides, and the schema beside."""
    code, text = said(tmp_path, "cedar", "wa")
    assert code == 0
    assert text.count("@id(") == 16
    _, schema = said(tmp_path, "cedar", "wa", "--part", "schema")
    assert "entity Agency in [Agency];" in schema


def test_budgets_are_told_in_plain_english(tmp_path: Path) -> None:
    """Those of a template, with their numbers; one that has none says so; explain and diff too."""
    code, found = read(tmp_path, "budgets", "ut")
    assert code == 0
    assert [(b["per"], b["persons"], b.get("photos")) for b in found["budgets"]] == [
        ("operator", 20, 3),
        ("agency", 400, None),
    ]
    assert found["budgets"][0]["english"].startswith("An operator at federal agencies may ask")
    code, text = said(tmp_path, "budgets", "ut")
    assert code == 0
    assert text.startswith("Utah: draft for state counsel: 2 budgets (template ut)")
    assert read(tmp_path, "budgets", "wa") == (
        0,
        {"rules": "template wa", "state": "wa", "budgets": []},
    )
    assert read(tmp_path, "explain", "ut")[1]["budgets"] == [
        each["english"] for each in found["budgets"]
    ]


def test_a_change_of_budgets_alone_is_a_change(tmp_path: Path) -> None:
    """Rules that decide alike are not called the same where their budgets differ."""
    bundle = load_template("ut")
    (more, *others) = bundle.budgets
    raised = msgspec.structs.replace(more, persons=21)
    file = tmp_path / "ut.json"
    file.write_bytes(encode_bundle(msgspec.structs.replace(bundle, budgets=(raised, *others))))
    code, text = said(tmp_path, "diff", "ut", str(file))
    assert code == 0
    assert "the rules decide alike, but their budgets change" in " ".join(text.split())
    changes = read(tmp_path, "diff", "ut", str(file))[1]["budgets"]
    assert len(changes) == 1
    assert "20 people" in changes[0]
    assert "21 people" in changes[0]


def test_the_count_is_said_of_a_query(tmp_path: Path) -> None:
    """Who is over by the day's count is decided as over, and nothing would change it."""
    officer = an_agency("US/DHS/ICE/ERO")
    assert said(tmp_path, "decide", "ut", officer, "data_class=address")[0] == 0
    code, found = read(tmp_path, "decide", "ut", officer, "budget=over")
    assert code == 3
    outcomes = {each["data_class"]: each["outcome"] for each in found["decisions"]}
    assert (outcomes["photo"], outcomes["address"]) == ("deny", "hold")
    assert not any(each.get("would_change") for each in found["decisions"])


def test_use_is_told_by_shares() -> None:
    """How many are at half, at four fifths, at all of it; and how many have used one up."""
    budget = Budget(per=BudgetPer.OPERATOR, persons=10, photos=2)
    own, other = budget_id(budget), b"another."
    uses = [
        BudgetUse(budget=own, persons=10, photos=0),
        BudgetUse(budget=own, persons=5, photos=2),
        BudgetUse(budget=own, persons=4, photos=1),
        BudgetUse(budget=other, persons=99, photos=9),
    ]
    used = used_of(budget, uses)
    assert (used.counted, used.persons, used.photos, used.full) == (3, (2, 1, 1), (2, 1, 1), 2)
    without = used_of(msgspec.structs.replace(budget, photos=None), uses)
    assert (without.photos, without.full) == ((0, 0, 0), 1)
