"""The bytes of every outcome are those that the decision record shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from comity.domain.answer import Answer
from comity.formats.json import parse_answer, render_answer
from comity.formats.text import parse_answer_text, render_answer_text, render_merged_text
from tests.support.answers import SAMPLES, SILENT

ROOT = Path(__file__).resolve().parents[3]
RECORD = ROOT / "docs/adr/0007-refused-held-partly-withheld.md"
BLOCKS = dict(re.findall(r"```text ([a-z-]+)\n(.*?)\n```", RECORD.read_text("utf-8"), re.DOTALL))
VECTORS = json.loads((ROOT / "vectors/formats/answers.json").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted({*SAMPLES} - {"refused-elsewhere"}))
def test_text_is_as_recorded(name: str) -> None:
    """Each outcome renders to the bytes of its block."""
    assert render_answer_text(SAMPLES[name]) == BLOCKS[name]


def test_merged_text_is_as_recorded() -> None:
    """A query to many states is answered by the recorded body."""
    answers = [
        SAMPLES["hit"],
        msgspec.structs.replace(SAMPLES["no-record"], state="id"),
        SAMPLES["refused-elsewhere"],
    ]
    short = msgspec.structs.replace(answers[0], elements=SAMPLES["hit"].elements[:1])
    assert render_merged_text([short, *answers[1:]], SILENT) == BLOCKS["merged"]


def test_every_block_has_a_sample() -> None:
    """No block of the record stands unproved."""
    assert set(BLOCKS) == {*SAMPLES} - {"refused-elsewhere"} | {"merged"}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
def test_vector_renders(case: dict[str, object]) -> None:
    """Each vector's JSON answer renders to its text, and is the JSON that we render."""
    data = msgspec.json.encode(case["json"])
    answer: Answer = parse_answer(data)
    assert render_answer_text(answer) == case["text"]
    assert msgspec.json.decode(render_answer(answer)) == case["json"]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_text_is_read_back(name: str) -> None:
    """What a desk reads, a program reads too: outcome, state, finality, leaves."""
    answer = SAMPLES[name]
    read = parse_answer_text(render_answer_text(answer))
    assert (read.state, read.response, read.is_final) == (
        answer.state,
        answer.response,
        answer.is_final,
    )
    assert read.entries == tuple(proof.entry for proof in answer.proofs)
    assert [part.data_class for part in read.withheld] == [p.data_class for p in answer.withheld]
