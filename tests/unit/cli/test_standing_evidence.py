"""Evidence of a retired ledger: below the cut it counts, beyond it nothing does."""

from __future__ import annotations

import pytest

from comity.cli.evidence import Checked, with_standing

OLD, NEW = "ledger.example/oh", "ledger.example/oh.2"
RETIRED = {OLD: 300}


def receipt(index: int, origin: str = OLD, *, verified: bool = True) -> Checked:
    """A receipt for an entry of a ledger."""
    return Checked(
        file="r", what="receipt", name=f"oh/{index}", origin=origin, verified=verified, size=400
    )


def checkpoint(size: int) -> Checked:
    """A checkpoint of the retired ledger."""
    return Checked(file="c", what="checkpoint", name=OLD, origin=OLD, verified=True, size=size)


@pytest.mark.parametrize("check", [receipt(0), receipt(299), checkpoint(300), checkpoint(1)])
def test_below_the_cut_it_is_said_whose_it_was(check: Checked) -> None:
    """What it proved it proves."""
    said = with_standing(check, RETIRED)
    assert said.verified
    assert said.standing.startswith(f"of the retired ledger {OLD}")


@pytest.mark.parametrize("check", [receipt(300), receipt(301), checkpoint(301)])
def test_beyond_the_cut_nothing_is_passed_as_good(check: Checked) -> None:
    """However well it is signed."""
    said = with_standing(check, RETIRED)
    assert not said.verified
    assert "beyond its cut at 300: evidence, not record" in said.why


@pytest.mark.parametrize("check", [receipt(300, NEW), receipt(9, verified=False)])
def test_of_other_evidence_nothing_is_said(check: Checked) -> None:
    """Of the successor's own, or of what does not hold anyway."""
    assert with_standing(check, RETIRED) == check
