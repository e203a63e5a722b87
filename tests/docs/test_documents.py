"""Documents point at what is there: links, paths, sections, invariants, commands, messages.

What a reader follows or types is followed and read here; whether a sentence is true is a reader's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from comity.cli.main import app
from comity.formats.json.merged import parse_merged, render_merged
from comity.formats.text import parse_query
from scripts.reference_pages import ROOT

DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SOURCES = sorted((ROOT / "src").rglob("*.py"))
BASES = ("", "src", "src/comity", "src/comity/domain", "tests", "docs")
"""Folders below which a path in a document may be meant; beside the document's own."""

LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(
    r"`(?!DATA_DIR/)([\w.*-]+(?:/[\w.*-]+)*/[\w.*-]*\.(?:py|toml|md|json|xsd)|tests/[\w/-]+/)`"
)
SECTION = re.compile(r'(docs/[\w/.-]+)((?:,| and)? "[^"]+")+')
BLOCK = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"INVARIANT \(([a-z-]+)\)")
NOT_BUILT = {"photo-is-a-lead"}


def of(path: Path) -> str:
    """A file's name in a test's own."""
    return str(path.relative_to(ROOT))


def headings(text: str) -> list[str]:
    """The headings of a document, without the code font."""
    return [line.strip("# `").replace("`", "") for line in text.splitlines() if line[:1] == "#"]


def anchor(heading: str) -> str:
    """Under which name a heading is linked to."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def blocks(path: Path, language: str) -> Iterator[str]:
    """The code blocks of one language in a document, without what they are indented by."""
    for indent, name, body in BLOCK.findall(path.read_text("utf-8")):
        if name == language:
            yield "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))


def commands(text: str) -> Iterator[list[str]]:
    """The calls of `comity` in a shell block."""
    for line in text.replace("\\\n", " ").splitlines():
        for call in re.split(r" # | \| | > ", line):
            if re.match(r"(?:\S*/)?comity ", call):
                yield shlex.split(call)[1:]


def reached(words: list[str]) -> tuple[Any, str]:
    """The command that a call names, and its name; its arguments are left in `words`."""
    command: Any = typer.main.get_command(app)
    context, name = typer.Context(command), "comity"
    while hasattr(command, "get_command"):
        name = words.pop(0)
        command = command.get_command(context, name)
        assert command is not None, name
    return command, name


@pytest.mark.parametrize("path", DOCS, ids=of)
def test_links_lead_somewhere(path: Path) -> None:
    """Each link of a document is to a file of the repository and a heading of it."""
    for target in LINK.findall(path.read_text("utf-8")):
        if "://" in target:
            continue
        name, _, place = target.partition("#")
        found = path.parent / name if name else path
        assert found.exists(), target
        if place:
            assert place in map(anchor, headings(found.read_text("utf-8"))), target


@pytest.mark.parametrize("path", DOCS, ids=of)
def test_paths_are_there(path: Path) -> None:
    """Each path in code font is one of a file or folder that exists."""
    for name in PATH.findall(path.read_text("utf-8")):
        bases = [path.parent, *(ROOT / base for base in BASES)]
        assert any(any(base.glob(name.rstrip("/"))) for base in bases), name


def test_sections_are_there() -> None:
    """A module that names a section of a document as its source names one that exists."""
    for path in SOURCES:
        for found in SECTION.finditer(path.read_text("utf-8")):
            (document, *_) = [*ROOT.glob(found[1].rstrip(",")), *ROOT.glob(f"{found[1]}-*.md")]
            heads = headings(document.read_text("utf-8"))
            for name in re.findall('"([^"]+)"', found[0]):
                is_there = any(name.lower() in head.lower() for head in heads)
                assert is_there, (of(path), found[0])


def test_invariants_are_those_of_the_code() -> None:
    """The page lists what the code relies on and what is promised; nothing more, nothing less."""
    page = (ROOT / "docs/explain/invariants.md").read_text("utf-8")
    listed = set(re.findall(r"(?m)^\| `([a-z-]+)` \|", page))
    promised = set(re.findall(r"(?m)^\| `([a-z-]+)` \|", (ROOT / "SECURITY.md").read_text("utf-8")))
    relied_on = {name for path in SOURCES for name in MARK.findall(path.read_text("utf-8"))}
    assert listed == promised
    assert relied_on == listed - NOT_BUILT


def test_invariants_name_their_files() -> None:
    """A file that relies on an invariant stands in its row, by itself or by its folder."""
    page = (ROOT / "docs/explain/invariants.md").read_text("utf-8")
    rows = dict(re.findall(r"(?m)^\| `([a-z-]+)` \| (.*)$", page))
    for path in SOURCES:
        name = path.relative_to(ROOT / "src/comity").as_posix()
        for mark in MARK.findall(path.read_text("utf-8")):
            assert any(
                f"`{place}`" in rows[mark] for place in (name, f"{name.rpartition('/')[0]}/")
            ), (mark, name)


@pytest.mark.parametrize("path", DOCS, ids=of)
def test_commands_can_be_typed(path: Path) -> None:
    """Each call of `comity` in a document names a command and options that there are."""
    for text in blocks(path, "sh"):
        for words in commands(text):
            command, name = reached(words)
            assert command.make_context(name, words)


@pytest.mark.parametrize("path", DOCS, ids=of)
def test_messages_can_be_sent(path: Path) -> None:
    """Each message that a document shows is read as one."""
    for text in blocks(path, "message"):
        assert parse_query(text.rstrip("\n").encode("ascii")).destinations


def test_merged_example_is_one() -> None:
    """The example of a merged answer is what the JSON form reads and writes."""
    text = (ROOT / "docs/reference/messages.md").read_text("utf-8")
    (example,) = re.findall(r"(?s)```json merged\n(.*?)\n```", text)
    merged = parse_merged(example.encode())
    assert merged.silent == ("me",)
    assert parse_merged(render_merged(merged)) == merged
