"""What an error owes the program that catches it: a stable code of its own.

Source: CONTRIBUTING.md, "Shape".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from tests.tidy.tree import Finding, Source

KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def codes(source: Source) -> Iterator[tuple[ast.ClassDef, str]]:
    """Each error class of a file that declares a code, with it."""
    for node in source.nodes:
        if not (isinstance(node, ast.ClassDef) and node.name.endswith("Error")):
            continue
        for statement in node.body:
            match statement:
                case ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(code))):
                    yield node, code
                case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
                    yield node, code
                case _:
                    pass


def check_codes(files: Iterable[Source]) -> Iterator[Finding]:
    """Report a code that is not kebab-case, or that two errors share."""
    owners: dict[str, str] = {}
    for source in files:
        for node, code in codes(source):
            if not KEBAB.fullmatch(code):
                yield source.finding(node, f"`{node.name}` has the code `{code}`, not kebab-case")
            if code in owners:
                yield source.finding(node, f"`{node.name}` shares `{code}` with {owners[code]}")
            owners.setdefault(code, f"{source.module}.{node.name}")
