"""The repository itself keeps every rule of the house."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.tidy import errors, floors, purity, shape, words
from tests.tidy.tree import ROOT, Finding, Source, package_sources, sources, tracked_files

EACH_SOURCE = (
    shape.check_file_size,
    shape.check_columns,
    shape.check_function_size,
    shape.check_positional,
    shape.check_module_docstring,
    shape.check_test_docstring,
    shape.check_no_escape,
)
EACH_MODULE = (
    floors.check_arrows,
    floors.check_formats,
    floors.check_domain,
    floors.check_joins,
    purity.check_purity,
)
ALL_MODULES = (floors.check_cycles, words.check_constructors, errors.check_codes)


def refuse(findings: Iterable[Finding]) -> None:
    """Fail with every finding, one on a line."""
    lines = [str(finding) for finding in findings]
    assert not lines, "\n" + "\n".join(lines)


@pytest.mark.parametrize("rule", EACH_SOURCE, ids=lambda rule: rule.__name__)
def test_every_python_file(rule: Callable[[Source], Iterator[Finding]]) -> None:
    """Each Python file keeps the rule, be it source, test or script."""
    refuse(finding for source in sources() for finding in rule(source))


@pytest.mark.parametrize("rule", EACH_MODULE, ids=lambda rule: rule.__name__)
def test_every_module(rule: Callable[[Source], Iterator[Finding]]) -> None:
    """Each module of the package keeps the rule."""
    refuse(finding for source in package_sources() for finding in rule(source))


@pytest.mark.parametrize("rule", ALL_MODULES, ids=lambda rule: rule.__name__)
def test_all_modules_together(rule: Callable[[Iterable[Source]], Iterator[Finding]]) -> None:
    """The package as a whole keeps the rule."""
    refuse(rule(package_sources()))


def test_every_text() -> None:
    """No file names a registry's host or a place of one machine, or leaves work in a comment."""
    findings: list[Finding] = []
    for path in tracked_files():
        findings += words.check_name(path)
        try:
            text = (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:
            continue
        findings += [*words.check_text(path, text), *words.check_comments(path, text)]
    refuse(findings)
