"""The rules of size and layout bite at the first line over the limit, and not at the limit."""

from __future__ import annotations

import pytest

from tests.tidy import shape
from tests.tidy.tree import Source


def test_file_over_its_size_is_refused() -> None:
    """The last allowed line passes, one more does not; tests have their own limit."""
    line = "x = 1\n"
    assert not list(shape.check_file_size(Source("src/comity/app.py", line * 500)))
    assert list(shape.check_file_size(Source("src/comity/app.py", line * 501)))
    assert not list(shape.check_file_size(Source("tests/unit/test_x.py", line * 800)))
    assert list(shape.check_file_size(Source("tests/unit/test_x.py", line * 801)))


def test_wide_line_is_refused() -> None:
    """A line of 100 columns passes, one of 101 does not."""
    assert not list(shape.check_columns(Source("src/comity/app.py", "#" * 100)))
    assert list(shape.check_columns(Source("src/comity/app.py", "#" * 101)))


@pytest.mark.parametrize("word", ["def", "async def"])
def test_long_function_is_refused(word: str) -> None:
    """A function of 70 lines passes, one of 71 does not, nested or not."""
    fits = f"{word} f():\n" + "    pass\n" * 69
    assert not list(shape.check_function_size(Source("src/comity/app.py", fits)))
    assert list(shape.check_function_size(Source("src/comity/app.py", fits + "    pass\n")))


def test_many_positional_parameters_are_refused() -> None:
    """Five by position pass beside `self` and any number by name; six do not."""
    method = "class A:\n    def f(self, a, b, c, d, e, *, g, h, i, j, k, l): ...\n"
    assert not list(shape.check_positional(Source("src/comity/app.py", method)))
    assert list(shape.check_positional(Source("src/comity/app.py", "def f(a, b, c, d, e, f): ...")))
    static = "class A:\n    @staticmethod\n    def f(a, b, c, d, e, f): ...\n"
    assert list(shape.check_positional(Source("src/comity/app.py", static)))


def test_silent_module_is_refused() -> None:
    """A module must say what it is; an empty package marker has nothing to say."""
    assert list(shape.check_module_docstring(Source("src/comity/app.py", "import enum\n")))
    assert not list(shape.check_module_docstring(Source("src/comity/app.py", '"""A root."""\n')))
    assert not list(shape.check_module_docstring(Source("src/comity/roles/__init__.py", "")))


def test_silent_test_is_refused() -> None:
    """A test must state its behaviour in one line."""
    silent = "def test_x() -> None:\n    assert f()\n"
    wordy = 'def test_x() -> None:\n    """One.\n\n    Two.\n    """\n    assert f()\n'
    stated = 'def test_x() -> None:\n    """One."""\n    assert f()\n'
    assert list(shape.check_test_docstring(Source("tests/unit/test_x.py", silent)))
    assert list(shape.check_test_docstring(Source("tests/unit/test_x.py", wordy)))
    assert not list(shape.check_test_docstring(Source("tests/unit/test_x.py", stated)))
    assert not list(shape.check_test_docstring(Source("src/comity/app.py", silent)))


@pytest.mark.parametrize(
    "text",
    [
        "import pytest\n@pytest.mark.skip\ndef test_x(): ...",
        "import pytest\n@pytest.mark.skipif(True)\ndef test_x(): ...",
        "import pytest\n@pytest.mark.xfail\ndef test_x(): ...",
        "import pytest\ndef test_x():\n    pytest.skip('not here')",
        "from unittest.mock import Mock",
        "import unittest.mock",
        "import time\ntime.sleep(1)",
        "import asyncio\nasyncio.sleep(0.1)",
    ],
)
def test_way_around_a_test_is_refused(text: str) -> None:
    """A test that is skipped, expected to fail, mocked or asleep is found."""
    assert list(shape.check_no_escape(Source("tests/unit/test_x.py", text)))
    assert not list(shape.check_no_escape(Source("src/comity/sim/world.py", text)))
