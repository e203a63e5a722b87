"""The reference of messages says what the code does."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from comity.domain.keys import KEYS, OTHER_KEY
from comity.formats.bodies import CHECKED_KEYS, HIT_FIELDS
from comity.formats.faults import ER_ROWS
from comity.formats.fields import FIXED_KEYS
from comity.formats.json import parse_answer, parse_fault, parse_query, render_answer
from comity.formats.rules import DELIVERY_BYTES_MAX, MESSAGE_BYTES_MAX
from comity.formats.sending import SENDING

ROOT = Path(__file__).resolve().parents[3]
MESSAGES = (ROOT / "docs/reference/messages.md").read_text("utf-8")
ERRORS = (ROOT / "docs/reference/error-messages.md").read_text("utf-8")
FORMATS = [
    ROOT / "src/comity/formats",
    *(ROOT / "src/comity/formats" / n for n in ("fields", "text", "json", "aamva", "niem")),
]
RAISES = {
    "fault_of": 1,
    "refuse_format": 1,
    "refuse": 1,
    "_refuse": 0,
    "_broken": None,
    "_unfit": 1,
}


def example(name: str) -> bytes:
    """A JSON example of the reference."""
    found = re.search(rf"```json {name}\n(.*?)\n```", MESSAGES, re.DOTALL)
    assert found
    return found[1].encode()


def codes() -> set[str]:
    """Every code that the formats may give, from the error table, the field rules and the calls."""
    found = {row.code for row in ER_ROWS.values()}
    found |= {rule.code for key in FIXED_KEYS.values() for rule in key.fields.values()}
    for folder in FORMATS:
        for path in folder.glob("*.py"):
            for call in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                    continue
                place = RAISES.get(call.func.id)
                if place is not None and len(call.args) > place:
                    argument = call.args[place]
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        found.add(argument.value)
    return found


def test_every_code_is_documented() -> None:
    """Each code that a message may be refused with has its line, and no line is left over."""
    general, _, own = ERRORS.partition("## Codes")
    listed = set(re.findall(r"^\| `([a-z-]+)` \|", own, re.MULTILINE))
    listed |= set(re.findall(r"\| `([a-z-]+)` \|$", general, re.MULTILINE))
    assert listed - {"error-unknown", "field-blank"} == codes()


def test_every_number_is_documented() -> None:
    """Each number of the network stands with its text and general code."""
    for row in ER_ROWS.values():
        text = row.text.format(key="xx")
        mark = " *" if row.has_detail else ""
        assert f"| `{row.er}`{mark} | {text} | `{row.code}` |" in ERRORS


def test_every_field_is_documented() -> None:
    """Each field stands in the table of fields."""
    prefixes = {prefix for rule in FIXED_KEYS.values() for prefix in rule.fields}
    table = MESSAGES.partition("<!-- fields:")[2].partition("\n\n")[0]
    assert prefixes == set(re.findall(r"^\| `([A-Z]{3})` \| ", table, re.MULTILINE))


def test_every_key_is_documented() -> None:
    """Each key of the table has its row, with its response and what it is sent to."""
    table = MESSAGES.partition("<!-- keys:")[2]
    rows = dict(re.findall(r"^\| `([A-Z]{2,3})` \| (.*)$", table, re.MULTILINE))
    assert rows.keys() == {key for key in KEYS if key != OTHER_KEY}
    for key, row in rows.items():
        assert f"| {f'`{KEYS[key].response}`' if KEYS[key].response else '-'} |" in row
        assert (" of 2" in row or " of 9" in row) == (key in SENDING)
    assert "\n| any other | another key |" in table


def test_free_texts_are_documented() -> None:
    """What is checked within a free text stands with its key; of a hit confirmation, all of it."""
    for key in CHECKED_KEYS:
        assert f"\n- **{key}**" in MESSAGES
    said = MESSAGES.partition("\n- **YQ**")[2].partition("\n- **UQ**")[0]
    assert set(re.findall(r"\b[A-Z]{3}\b", said)) == {*HIT_FIELDS}


def test_examples_are_read() -> None:
    """Each JSON example is one that the code reads."""
    assert parse_query(example("query")).wants_image
    answer = parse_answer(example("answer"))
    assert json.loads(render_answer(answer)) == json.loads(example("answer"))
    assert parse_fault(example("fault")).er == ".22."


def test_limits_are_documented() -> None:
    """The limits stand with their numbers."""
    assert f"{MESSAGE_BYTES_MAX:,} bytes" in MESSAGES
    assert f"{DELIVERY_BYTES_MAX:,} bytes" in MESSAGES
