"""Tests for `comity passkey`: an invitation, the list, a removal, and what each refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from comity.adapters.passkey_file import FilePasskeys
from comity.cli.main import app
from comity.console.people import People, encode_people
from comity.domain.passkeys import Passkey, PasskeyBook, code_hash
from tests.support.identity import person

ISSUER = "https://id.example"
KEPT = Passkey(
    issuer=ISSUER, subject="ana", id=b"one", key=b"key", count=3, invited_by="zoe",
    made_at=1_795_700_000, used_at=1_795_700_060,
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A data directory whose console has one person with one passkey."""
    (tmp_path / "people.toml").write_text(encode_people(People(ISSUER, [person("ana")])))
    elsewhere = msgspec.structs.replace(KEPT, issuer="https://other.example", id=b"two")
    FilePasskeys(tmp_path / "passkeys.json").change(
        lambda _: PasskeyBook(passkeys=(KEPT, elsewhere))
    )
    return tmp_path


def called(place: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["passkey", *words, "--data", str(place)])


def test_invitation_is_shown_once_and_kept_as_a_hash(place: Path) -> None:
    """The code is six groups of four; the file has its hash and no more."""
    done = called(place, "invite", "ana")
    assert done.exit_code == 0, done.output
    code = done.output.splitlines()[0]
    assert re.fullmatch(r"([A-Z2-7]{4}-){5}[A-Z2-7]{4}", code)
    text = (place / "passkeys.json").read_text()
    assert code not in text
    assert code_hash(code) in text
    (made,) = FilePasskeys(place / "passkeys.json").read().invitations
    assert (made.subject, made.issuer, made.invited_by) == ("ana", ISSUER, "")


def test_list_shows_whose_and_by_whom(place: Path) -> None:
    """In words and as JSON; those of another provider's people are not this console's."""
    called(place, "invite", "ana")
    shown = called(place, "list").output
    assert shown.startswith("One passkey is registered. One person can make one now.")
    assert KEPT.label in shown
    assert "zoe" in shown
    found = json.loads(called(place, "list", "--json").output)
    assert [each["passkey"] for each in found["passkeys"]] == [KEPT.label]
    assert [each["subject"] for each in found["invited"]] == ["ana"]


def test_removed_passkey_is_gone(place: Path) -> None:
    """It says how many are left; a second time there is none."""
    done = called(place, "remove", "ana", KEPT.label, "--json")
    assert json.loads(done.output)["left"] == 0
    assert FilePasskeys(place / "passkeys.json").read().of(ISSUER, "ana") == ()
    again = called(place, "remove", "ana", KEPT.label)
    assert again.exit_code == 1
    assert "passkey-unknown" in again.stderr


def test_who_holds_no_place_is_not_invited(place: Path) -> None:
    """A subject that the people file does not have, or no people file at all."""
    assert "usage" in called(place, "invite", "zoe").stderr
    (place / "people.toml").unlink()
    assert "file-unusable" in called(place, "invite", "ana").stderr


def test_spoilt_file_is_told_and_left_alone(place: Path) -> None:
    """Nothing is written over what cannot be read."""
    file = place / "passkeys.json"
    file.write_text("{}")
    for words in (("list",), ("invite", "ana"), ("remove", "ana", KEPT.label)):
        assert "passkey-file" in called(place, *words).stderr
    assert file.read_text() == "{}"
