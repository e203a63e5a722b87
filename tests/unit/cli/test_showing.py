"""Tests for how an outcome looks: the mark and sentence first, nothing by colour alone."""

from __future__ import annotations

import io
from base64 import b64decode

import msgspec
import pytest
from rich.console import Console

from comity.cli.asking import Outcome
from comity.cli.heard import Arrived, Letter, Said
from comity.cli.receipts import CheckedProof
from comity.cli.showing import (
    MARKS,
    Checks,
    arrived_document,
    outcome_document,
    show_arrived,
    show_outcome,
)
from comity.domain.answer import FREE_TEXT, Answer, Element, ResponseKind
from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass
from comity.formats.wording import outcome_words
from tests.support.answers import SAMPLES

WA, NV = Member("wa"), Member("nv")

HIT_IN_PART = """\
● Washington: record released in part  (practice data)

Driver licence

  Identity
    name                        Doe,Jane Ann

  Photo
    portrait                    /9j/4AAQSkZJRg==

Withheld
  ✕ address: refused
    WA-S01: Addresses are not released for civil immigration enforcement
    RCW 43.17.425
    To change this: a warrant signed by a judge

Receipt
  wa/123                      verified: stands in Washington's ledger, signed
  wa/77                       the policy that decided
"""
HELD = """\
◆ Washington: held for review  (practice data)

Withheld
  ◆ status, identity, address: held for review
    WA-H02: A state employee decides queries without a stated purpose
    To change this: state a purpose

Waiting for a person
  until                       2026-11-25 17:00 UTC
  call                        WA duty desk 360-555-0100
  hold                        wa/126

Receipt
  wa/126                      verified: stands in Washington's ledger, signed
  wa/77                       the policy that decided
"""
MANY = """\
4 states: 1 record, 1 without record, 1 refused, 1 not answered  (practice data)
● record: Washington
✕ refused: Oregon
○ no record: Idaho
… not answered: Nevada
  The question is kept and asked again; this is not `no record`.

✕ Oregon: refused by state policy

Withheld
  ✕ status, identity, address: refused
    WA-S01: Records are not released for civil immigration enforcement without a
    warrant signed by a judge
    RCW 43.17.425
    To change this: state a warrant signed by a judge

● Washington: record released

Driver licence

  Status
    licence status              valid

  Identity
    name                        Doe,Jane Ann
    birth date                  1980-02-29

Receipts: 1 of 1 verified
  Washington: wa/123
"""


def said(answer: Answer, state: Member = WA) -> Said:
    """What a line makes of an answer."""
    fields = {
        name: getattr(answer, name)
        for name in Said.__struct_fields__
        if name in Answer.__struct_fields__ and name != "state"
    }
    words = outcome_words(answer).text
    entries = tuple(proof.entry for proof in answer.proofs)
    return Said(state=state, words=words, entries=entries, **fields)


def shown(outcome: Outcome, checks: Checks, *, columns: int = 80, practice: bool = True) -> str:
    """The screen of a terminal without colour."""
    file = io.StringIO()
    console = Console(
        file=file, width=columns, color_system=None, highlight=False, markup=False, emoji=False
    )
    show_outcome(console, outcome, checks, practice=practice)
    return file.getvalue()


def checked(answer: Said) -> Checks:
    """Every proof of one answer verified."""
    return {answer.state: [CheckedProof(entry=e, verified=True) for e in answer.entries]}


@pytest.mark.parametrize(
    ("name", "screen"), [("hit-part-refused", HIT_IN_PART), ("held", HELD)], ids=["hit", "held"]
)
def test_one_state(name: str, screen: str) -> None:
    """The outcome stands first, then the record, what is withheld and why, then the receipt."""
    answer = said(SAMPLES[name])
    assert shown(Outcome(answers=(answer,)), checked(answer)) == screen


def test_many_states() -> None:
    """One sentence counts every state asked; each that says more than `no record` follows."""
    hit = said(SAMPLES["hit"])
    refused = msgspec.structs.replace(
        said(SAMPLES["refused"], Member("or")), entries=(), proofs=(), policy_entry=""
    )
    none = said(SAMPLES["no-record"], Member("id"))
    outcome = Outcome(answers=(refused, none, hit), silent=(NV,), seconds=30.0)
    assert shown(outcome, checked(hit)) == MANY


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_every_outcome_fits_and_is_marked(name: str, columns: int) -> None:
    """Each outcome opens with its mark and words, fits the screen and leaves no trailing space."""
    answer = said(SAMPLES[name])
    screen = shown(Outcome(answers=(answer,)), checked(answer), columns=columns, practice=False)
    first = screen.splitlines()[0]
    assert first == f"{MARKS[answer.response]} Washington: {answer.words.lower()}"
    assert all(len(line) <= columns and line == line.rstrip() for line in screen.splitlines())


def test_silence_says_that_it_is_none() -> None:
    """A state that did not answer is told as such, with what the network says of it."""
    screen = shown(Outcome(silent=(NV,), status=".02. USER OUT OF SERVICE\nMKE", seconds=30.0), {})
    assert screen.startswith("… Nevada: not answered within 30 s  (practice data)\n")
    assert "this is not `no record`" in screen
    assert ".02. USER OUT OF SERVICE\n" in screen


def test_receipt_that_fails_is_shouted() -> None:
    """A receipt that does not verify is never shown as one."""
    answer = said(SAMPLES["hit"])
    checks = {WA: [CheckedProof(entry="wa/123", verified=False, why="`path` leads elsewhere")]}
    screen = shown(Outcome(answers=(answer,)), checks)
    assert "NOT VERIFIED: `path` leads elsewhere" in screen
    assert "verified:" not in screen


def test_others_words_stay_words() -> None:
    """An escape sequence in a record, a remark or a rule does not reach the terminal as one."""
    hit = SAMPLES["hit"]
    evil = Element(data_class=DataClass.STATUS, name="X\x1b[2J", value="A\x1b]0;B\x07\u202eC\r\nD")
    answer = said(msgspec.structs.replace(hit, elements=(evil,), remark="R\x9b1mS"))
    screen = shown(Outcome(answers=(answer,)), {})
    assert all(c.isprintable() or c == "\n" for c in screen)
    assert "    x [2j " in screen


def test_a_free_text_keeps_its_lines() -> None:
    """Each stands behind a bar, so that none can be taken for a line of ours."""
    value = "DOE,JANE\r\n\n● Idaho: record released\x1b[2J"
    text = Element(data_class=DataClass.OPAQUE, name=FREE_TEXT, value=value)
    answer = said(msgspec.structs.replace(SAMPLES["hit"], elements=(text,)))
    screen = shown(Outcome(answers=(answer,)), {})
    assert "\n  │ DOE,JANE\n  │\n  │ ● Idaho: record released" in screen
    assert "\x1b" not in screen


LETTER = Letter(
    key="AM",
    origin="OHPX001PD",
    destination="TXPX001PD",
    control="C1",
    at="11/26/2026 12:02",
    text=f"WA: NOT ON FILE\n{'long ' * 30}",
)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_message_that_came_unasked(columns: int) -> None:
    """Who wrote to whom stands first, then the text, all of it behind a bar."""
    screen = shown(Outcome(messages=(LETTER,)), {}, columns=columns)
    head, *lines = screen.splitlines()
    assert head.startswith("The network has taken the message")
    text = [line for line in lines if line.startswith("  │ ")]
    assert text[0] == "  │ WA: NOT ON FILE"
    assert sum(line.count("long") for line in text) == 30
    assert "AM from OHPX001PD to TXPX001PD" in screen.replace("\n  ", " ")
    assert all(len(line) <= columns for line in lines)


def test_listening_shows_answers_and_letters() -> None:
    """An answer looks as it does when it is waited for; a letter shows its text."""
    hit = said(SAMPLES["hit"])
    file = io.StringIO()
    console = Console(file=file, width=80, color_system=None)
    show_arrived(console, Arrived(letter=LETTER, said=(hit,)), checked(hit))
    show_arrived(console, Arrived(letter=LETTER), {})
    screen = file.getvalue()
    assert screen.startswith("● Washington: record released\n")
    assert "verified: stands in Washington's ledger" in screen
    assert "  │ WA: NOT ON FILE" in screen
    document = arrived_document(Arrived(letter=LETTER, said=(hit,)), checked(hit), 7)
    assert (document["reply_to"], document["answers"][0]["proofs"][0]["verified"]) == (7, True)


def test_states_that_said_the_same_stand_together() -> None:
    """Refusals by one rule are told once, under the names of all; receipts follow below."""
    refused = [said(SAMPLES["refused"], Member(code)) for code in ("or", "id", "wa")]
    screen = shown(Outcome(answers=tuple(refused)), checked(refused[2]))
    assert screen.count("✕ Idaho, Oregon, Washington: refused by state policy") == 1
    assert screen.index("Withheld") < screen.index("Receipts: ")


def test_delivered_message_waits_for_its_answer() -> None:
    """What the agency has still to say is no class that is withheld."""
    awaited = msgspec.structs.replace(
        said(SAMPLES["held"]),
        response=ResponseKind.DELIVERED,
        words="MESSAGE DELIVERED - ANSWER AWAITED",
    )
    screen = shown(Outcome(answers=(awaited,)), checked(awaited))
    assert screen.startswith("→ Washington: message delivered - answer awaited")
    assert "Waiting for the agency's answer" in screen
    assert "Withheld" not in screen


def test_silence_that_has_ended_says_so() -> None:
    """A state that is never asked again does not look like one that is."""
    screen = shown(Outcome(silent=(NV,), ended=(NV,), seconds=1), {})
    assert "the question has ended without an answer" in screen
    assert "kept and asked again" not in screen


def test_late_answer_is_told_apart() -> None:
    """What came for an earlier question stands below, as such."""
    hit, held = said(SAMPLES["hit"]), said(SAMPLES["held"])
    screen = shown(Outcome(answers=(hit,), earlier=(held,)), {})
    assert "To an earlier question: ◆ Washington: held for review (wa/126)" in screen


@pytest.mark.parametrize("name", SAMPLES)
def test_json_has_its_members(name: str) -> None:
    """The JSON holds the same members for every outcome, proofs as bytes that can be checked."""
    answer = said(SAMPLES[name])
    outcome = Outcome(answers=(answer,), seconds=0.0312)
    document = msgspec.json.decode(
        msgspec.json.encode(outcome_document(outcome, checked(answer), practice=True))
    )
    assert list(document) == [
        *("practice", "response", "answers", "not_answered", "ended", "earlier", "messages"),
        *("status", "seconds"),
    ]
    one = document["answers"][0]
    assert list(one) == [
        *("state", "response", "words", "is_final", "record_kind", "elements", "withheld", "hold"),
        *("remark", "policy_entry", "entries", "proofs"),
    ]
    assert ResponseKind(document["response"]) is answer.response
    for proof, said_proof in zip(answer.proofs, one["proofs"], strict=True):
        assert said_proof["verified"] is True
        assert b64decode(said_proof["leaf"]) == proof.leaf
