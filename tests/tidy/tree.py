"""The repository as the rules see it: tracked files, and the source of each module, parsed once.

Guarantee: reads only; a rule is a function from a value of this module to findings, so that a
sample of a few lines can be put before it as well as the whole tree.
"""

from __future__ import annotations

import ast
import gc
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "comity"
UNTRACKED = {
    ".comity", ".git", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv",
    "__pycache__", "build", "dist", "htmlcov", "node_modules",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One place where the tree departs from a rule."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Source:
    """One Python file: where it stands, and what it says."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The file, parsed."""
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree, listed once: each rule goes over all of them.

        In the order of `ast.walk`, which takes three times as long.
        """
        found: list[ast.AST] = [self.tree]
        for node in found:  # It grows behind us.
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, ast.AST):
                    found.append(value)
                elif isinstance(value, list):
                    found += [each for each in value if isinstance(each, ast.AST)]
        return tuple(found)

    @cached_property
    def module(self) -> str:
        """The dotted name under which a file below src/ is imported; elsewhere its path, dotted."""
        parts = PurePosixPath(self.path).with_suffix("").parts
        parts = parts[1:] if parts[0] == "src" else parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def is_package(self) -> bool:
        """Whether the file is a package's facade."""
        return self.path.endswith("/__init__.py")

    @property
    def part(self) -> str:
        """The part of the house: `ledger` for comity.ledger.tile, and `` outside the package."""
        names = self.module.split(".")
        return names[1] if names[0] == PACKAGE and len(names) > 1 else ""

    def finding(self, node: ast.AST | int, text: str) -> Finding:
        """A finding in this file, at a node or a line."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Finding(path=self.path, line=line, text=text)


@cache
def tracked_files() -> tuple[str, ...]:
    """Every file of the repository: what git knows or would take, or all files of an unpacked one.

    Files that stand in the folder and are not ignored count already: a rule that waits for the
    commit speaks too late.
    """
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        names = {name for name in listing.stdout.split("\0") if name}
    else:
        names = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*")}
    return tuple(
        sorted(
            name
            for name in names
            if UNTRACKED.isdisjoint(PurePosixPath(name).parts) and (ROOT / name).is_file()
        )
    )


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the repository, parsed.

    Trees are millions of values that stay: the collector, which would go through all of them time
    and again, is told to leave them alone.
    """
    found = tuple(
        Source(name, (ROOT / name).read_text("utf-8"))
        for name in tracked_files()
        if name.endswith(".py")
    )
    gc.disable()
    try:
        for source in found:
            assert source.nodes
    finally:
        gc.freeze()
        gc.enable()
    return found


def package_sources() -> tuple[Source, ...]:
    """The Python files of the package itself."""
    return tuple(source for source in sources() if source.path.startswith(f"src/{PACKAGE}/"))


@dataclass(frozen=True, kw_only=True)
class Import:
    """One imported name, absolute: `comity.ledger.tile` or `comity.ledger.tile.Tile`."""

    name: str
    node: ast.AST

    @property
    def part(self) -> str:
        """The part of the house that is imported, or `` for anything else."""
        names = self.name.split(".")
        return names[1] if names[0] == PACKAGE and len(names) > 1 else ""


def imports(source: Source) -> Iterator[Import]:
    """Every import of a file: at the top, inside functions, and for the type checker alone."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name=alias.name, node=node)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                names = source.module.split(".")
                above = names[: len(names) - node.level + source.is_package]
                base = ".".join([*above, *([base] if base else [])])
            for alias in node.names:
                yield Import(name=f"{base}.{alias.name}", node=node)
