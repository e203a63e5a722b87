"""What may not be written anywhere in the repository, and who alone may make an evidence value.

Guarantee: no file names a package registry's host or a path of one machine, nothing is left to do
in a comment, and a value that proves something is made only where the proof is at hand.
Source: CONTRIBUTING.md, "Words"; invariants no-answer-before-receipt and review-is-verified.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator

from tests.tidy.tree import Finding, Source

# Put together here, so that this file does not say what it forbids.
HOSTS_BANNED = tuple(
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
    )
)
PLACES_BANNED = tuple(f"/{place}/" for place in ("work", "root", "home", "Users"))
PLACE = re.compile(r"(?<![\w.~>)}\]/-])(?:" + "|".join(PLACES_BANNED) + ")")
FILES_BANNED = {"uv.lock", "poetry.lock", "Pipfile.lock"}
_SUSPECT = re.compile(
    "|".join([*map(re.escape, HOSTS_BANNED), PLACE.pattern, "^<<<<<<< ", "^>>>>>>> "]), re.MULTILINE
)
"""In whatever has none of them no line is looked at."""
LEFT_TO_DO = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
COMMENT = {".sql": "--", ".toml": "#", ".sh": "#", ".in": "#", ".yml": "#", ".yaml": "#"}

# Evidence values, and the modules that may make them: those that check what the value proves.
# A module that defines such a value is always its owner.
OWNERS: dict[str, set[str]] = {
    "ReleasePermit": set(),
    "LedgerReceipt": set(),
}


def check_name(path: str) -> Iterator[Finding]:
    """Report a file that must not be in the repository, by its name."""
    if path.rpartition("/")[2] in FILES_BANNED:
        yield Finding(path=path, line=1, text="a lock file records where each package was fetched")


def check_text(path: str, text: str) -> Iterator[Finding]:
    """Report each registry host and each path of one machine in any text file."""
    if not _SUSPECT.search(text):
        return
    for number, line in enumerate(text.splitlines(), start=1):
        for host in HOSTS_BANNED:
            if host in line:
                yield Finding(path=path, line=number, text=f"names the registry host `{host}`")
        if found := PLACE.search(line):
            yield Finding(
                path=path, line=number, text=f"names a place of one machine: `{found[0]}`"
            )
        if line.startswith(("<<<<<<< ", ">>>>>>> ")):
            yield Finding(path=path, line=number, text="a merge was left undecided")


def check_comments(path: str, text: str) -> Iterator[Finding]:
    """Report what a comment leaves to be done: it is done, or it is an open question elsewhere."""
    if not LEFT_TO_DO.search(text):
        return
    for number, comment in comments(path, text):
        if found := LEFT_TO_DO.search(comment):
            yield Finding(path=path, line=number, text=f"`{found[0]}` in a comment")


def comments(path: str, text: str) -> Iterator[tuple[int, str]]:
    """The comments of a file, by line."""
    if path.endswith(".py"):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
        return
    mark = COMMENT.get(path[path.rfind(".") :], "")
    if mark:
        for number, line in enumerate(text.splitlines(), start=1):
            if mark in line:
                yield number, line.partition(mark)[2]


def check_constructors(files: Iterable[Source]) -> Iterator[Finding]:
    """Report each place that makes an evidence value without being its owner."""
    files = tuple(files)
    owners = {name: set(modules) for name, modules in OWNERS.items()}
    for source in files:
        for node in source.nodes:
            if isinstance(node, ast.ClassDef) and node.name in owners:
                owners[node.name].add(source.module)
    for source in files:
        for node in source.nodes:
            if not isinstance(node, ast.Call):
                continue
            name = called_name(node.func)
            if name in owners and source.module not in owners[name]:
                yield source.finding(node, f"makes a `{name}` without being its owner")


def called_name(node: ast.expr) -> str:
    """The last name of what is called: `ReleasePermit` for permits.ReleasePermit."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
