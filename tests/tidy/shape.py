"""How large and how laid out a file may be, and what a test owes its reader.

Source: CONTRIBUTING.md, "Shape".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from tests.tidy.tree import Finding, Source

SOURCE_LINES_MAX = 500
TEST_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
POSITIONAL_MAX = 5


def is_test(source: Source) -> bool:
    """Whether a file is a test, or helps one."""
    return source.path.startswith("tests/")


def check_file_size(source: Source) -> Iterator[Finding]:
    """Report a file that no one reads in one sitting."""
    lines = source.text.count("\n")
    limit = TEST_LINES_MAX if is_test(source) else SOURCE_LINES_MAX
    if lines > limit:
        yield source.finding(limit, f"{lines} lines, over {limit}: a second concept is inside")


def check_columns(source: Source) -> Iterator[Finding]:
    """Report a line that does not fit."""
    for number, line in enumerate(source.text.splitlines(), start=1):
        if len(line) > COLUMNS_MAX:
            yield source.finding(number, f"{len(line)} columns, over {COLUMNS_MAX}")


Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def functions(source: Source) -> tuple[tuple[Function, bool], ...]:
    """Every function of a file, and whether it is a method that takes `self` or `cls`."""
    classes = [node for node in source.nodes if isinstance(node, ast.ClassDef)]
    methods = {child for each in classes for child in each.body if isinstance(child, Function)}
    return tuple(
        (node, node in methods and not _is_static(node))
        for node in source.nodes
        if isinstance(node, Function)
    )


def _is_static(function: Function) -> bool:
    marks = function.decorator_list
    return any(isinstance(mark, ast.Name) and mark.id == "staticmethod" for mark in marks)


def check_function_size(source: Source) -> Iterator[Finding]:
    """Report a function that does not fit on a screen."""
    for function, _ in functions(source):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield source.finding(
                function, f"`{function.name}` has {lines} lines, over {FUNCTION_LINES_MAX}"
            )


def check_positional(source: Source) -> Iterator[Finding]:
    """Report a function whose call cannot be read without counting."""
    for function, is_method in functions(source):
        count = len(function.args.posonlyargs) + len(function.args.args) - is_method
        if count > POSITIONAL_MAX:
            yield source.finding(
                function,
                f"`{function.name}` takes {count} by position, over {POSITIONAL_MAX}",
            )


def check_module_docstring(source: Source) -> Iterator[Finding]:
    """Report a file that does not say what it is; an empty package marker says nothing."""
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield source.finding(1, "no module docstring: what is it, and what does it guarantee")


def check_test_docstring(source: Source) -> Iterator[Finding]:
    """Report a test that does not state, in one line, the behaviour it proves."""
    if not is_test(source):
        return
    for function, _ in functions(source):
        if not function.name.startswith("test_"):
            continue
        stated = ast.get_docstring(function)
        if not stated:
            yield source.finding(function, f"`{function.name}` does not state its behaviour")
        elif "\n" in stated:
            yield source.finding(
                function, f"`{function.name}` needs more than one line to state it"
            )


def check_no_escape(source: Source) -> Iterator[Finding]:
    """Report a test that is skipped, expected to fail, or proves a mock."""
    if not is_test(source):
        return
    for node in source.nodes:
        match node:
            case ast.Attribute(attr="skip" | "skipif" | "xfail" | "importorskip" as name):
                yield source.finding(node, f"`{name}`: a test runs, or is not there")
            case ast.Import(names=names) if any(name.name == "unittest.mock" for name in names):
                yield source.finding(node, "a mock: use the port's twin in memory")
            case ast.ImportFrom(module="unittest.mock" | "mock" | "pytest_mock"):
                yield source.finding(node, "a mock: use the port's twin in memory")
            case ast.Call(func=ast.Attribute(attr="sleep"), args=[ast.Constant(value=0)]):
                pass  # It gives the turn to others and waits for no clock.
            case ast.Call(func=ast.Attribute(attr="sleep")) if "/unit/" in source.path:
                yield source.finding(node, "a unit test that sleeps measures the machine")
            case _:
                pass
