"""A certificate on a screen: the words of its text, within the width."""

from __future__ import annotations

import pytest

from comity.cli.certificates import print_certificate
from comity.domain.certificate import Certificate
from comity.services.certificate_words import certificate_lines
from tests.unit.domain.test_certificate import MADE, PROVED, signed


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("made", [MADE, PROVED], ids=["block", "guarantees"])
def test_a_certificate_fits_the_screen(
    made: Certificate,
    columns: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its finding first; a long line goes on below itself, and no word is lost."""
    monkeypatch.setenv("COLUMNS", str(columns))
    print_certificate(signed(made))
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= columns
    assert text.split() == " ".join(certificate_lines(signed(made))).split()
