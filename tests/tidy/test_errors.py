"""The rule of error codes bites on a shared code and on one that is not kebab-case."""

from __future__ import annotations

import pytest

from tests.tidy.errors import check_codes
from tests.tidy.tree import Source

FIRST = Source(
    "src/comity/domain/a.py", 'class StaleError(Exception):\n    code = "policy-stale"\n'
)


@pytest.mark.parametrize("code", ["policy-stale", "Policy-Gone", "policy_gone", "policy-", ""])
@pytest.mark.parametrize("form", ['code = "{}"', 'code: ClassVar[str] = "{}"'])
def test_bad_code_is_refused(form: str, code: str) -> None:
    """A program that matches on a code must find one error behind it, under one spelling."""
    text = f"class GoneError(Exception):\n    {form.format(code)}\n"
    assert list(check_codes([FIRST, Source("src/comity/domain/b.py", text)]))


def test_own_code_passes() -> None:
    """Errors with codes of their own pass, and so does one that keeps its parent's."""
    text = (
        'class GoneError(Exception):\n    code = "policy-gone"\nclass LateError(GoneError): ...\n'
    )
    assert not list(check_codes([FIRST, Source("src/comity/domain/b.py", text)]))
