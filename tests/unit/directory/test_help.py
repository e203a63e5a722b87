"""Help files: which identifiers name one, and what their messages make of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comity.directory.errors import HelpTextError
from comity.directory.help import (
    HELP_FILES,
    HelpFile,
    HelpOperation,
    changed_help,
    help_ori,
    no_help,
    parse_help_ori,
)
from comity.directory.limits import HELP_CHARS_MAX
from comity.domain.ids import MEMBERS, Member

VECTORS = Path(__file__).parents[3] / "vectors" / "nlets-examples.jsonl"


def test_every_member_has_its_files() -> None:
    """Each file of each member, by its code on the wire, for each operation."""
    for member in MEMBERS:
        for file in HELP_FILES:
            for operation in HelpOperation:
                found = parse_help_ori(help_ori(member, file, operation))
                assert found == HelpFile(member=member, file=file, operation=operation)
    assert help_ori(Member("ne"), "LIC") == "NBLICHELP"
    assert help_ori(Member("us"), "NOQ") == "NLNOQHELP"


@pytest.mark.parametrize(
    "ori",
    [
        "TXNLEHELP", "TXXXXHELP", "TXLICREAD", "XXLICHELP", "NELICHELP", "USLICHELP", "TXLIC0000",
        "TXLICHEL", "TXLICHELPS", "txlichelp", "",
    ],
)  # fmt: skip
def test_other_identifiers_name_none(ori: str) -> None:
    """An unknown file, operation or code, the network's file under a state's, or another form."""
    assert parse_help_ori(ori) is None


def test_published_examples() -> None:
    """Replace, append and cancel give what the network's own examples say."""
    rows = [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]
    examples = [row for row in rows if "Help File" in row["section"] and row["format"] == "legacy"]
    pairs = zip(examples[::2], examples[1::2], strict=True)
    text, count = "", 0
    for asked, answered in pairs:
        head, _, body = asked["raw"].partition(".TXT")
        file = parse_help_ori(head.split(".")[2])
        assert file is not None
        text = changed_help(text, file.operation, body)
        shown = text or no_help(file.file)
        assert answered["raw"].partition("\nTXT\n")[2] == shown
        assert answered["raw"].startswith(f"AM.{help_ori(file.member, file.file)}\n")
        count += 1
    assert count == 3


def test_reading_changes_nothing() -> None:
    """Whatever the message says."""
    assert changed_help("AS IT IS", HelpOperation.READ, "SOMETHING ELSE") == "AS IT IS"


def test_a_text_is_kept_as_printable_lines() -> None:
    """Line ends of any kind, control characters and blank ends go."""
    body = "\r\n\nONE \r\nTWO\tTABS\x07\r\n\n  INDENTED\n\n"
    assert changed_help("OLD", HelpOperation.REPLACE, body) == "ONE\nTWO TABS\n\n  INDENTED"
    assert changed_help("OLD", HelpOperation.APPEND, "\n\x00\n") == "OLD"


def test_the_limit_of_a_file() -> None:
    """At the limit it is kept, one character beyond it is refused."""
    full = "A" * HELP_CHARS_MAX
    assert changed_help("", HelpOperation.REPLACE, full) == full
    with pytest.raises(HelpTextError):
        changed_help("", HelpOperation.REPLACE, full + "B")
    short = full[: HELP_CHARS_MAX - 2]
    assert len(changed_help(short, HelpOperation.APPEND, "B")) == HELP_CHARS_MAX
    with pytest.raises(HelpTextError):
        changed_help(short, HelpOperation.APPEND, "BB")
    assert changed_help(full, HelpOperation.CANCEL, "") == ""
