"""Write the pages that say what the source says: limits, error codes, the demo's steps, events.

A page is never edited by hand: `python scripts/reference_pages.py` writes them, `--check` compares,
and a test holds them equal.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = ROOT / "src" / "comity"

LIMITS_HEAD: Final = """# Limits

Everything that could grow has a limit. Beyond it there is an error with a code, a refusal, or a
connection that is closed; nothing is lost and nothing is released by it. Units are the last word of
a name before `MAX`. This page is written from the source by `scripts/reference_pages.py`.

| limit | value | where | what for |
|---|---|---|---|
"""
ERRORS_HEAD: Final = """# Error codes

Programs match on the code, never on the text; no text holds a value that could be personal. Which
number of the network an agency gets for a fault of its message is in
[error-messages.md](error-messages.md), which exit code a command ends with in
[exit-codes.md](exit-codes.md). This page is written from the source by
`scripts/reference_pages.py`.

| code | means | where |
|---|---|---|
"""
DEMO_HEAD: Final = """# The demo's story

`comity demo --check` starts a practice network, plays these steps once, in order, and ends with
0 only if each held. With `--json` it prints one object: `steps` (each `name`, `held`, `saw`),
`held`, `failed`, `seconds`. Waits are shortened by ordinary settings (`COMITY_HOLD_SECONDS_MAX`,
`COMITY_CHECKPOINT_S`); nothing else differs from `comity demo`. All people, local agencies and
numbers are invented. This page is written from the source by `scripts/reference_pages.py`.

| step | what happens |
|---|---|
"""
EVENTS_HEAD: Final = """# Events

What processes write to their logs, as JSON lines, and count. Names are static; fields hold codes,
members and counts, never a person's data, because the exchange's own record is the ledger. This
page is written from the source by `scripts/reference_pages.py`.

| event | written by |
|---|---|
"""


def pages() -> dict[Path, str]:
    """Return every page's path and text."""
    docs = ROOT / "docs"
    return {
        docs / "limits.md": _page(LIMITS_HEAD, _limits()),
        docs / "reference" / "errors.md": _page(ERRORS_HEAD, _errors()),
        docs / "reference" / "demo.md": _page(DEMO_HEAD, _steps()),
        docs / "reference" / "events.md": _page(EVENTS_HEAD, _events()),
    }


def _page(head: str, rows: Iterator[tuple[str, ...]]) -> str:
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text("utf-8"))


def _limits() -> Iterator[tuple[str, ...]]:
    """Public constants of modules whose name ends in `_MAX`, with the words below them."""
    for module, tree in _modules():
        for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
            name = _limit_name(node)
            if name is not None:
                value = getattr(import_module(module), name)
                number = f"{value:,}" if isinstance(value, int | float) else str(value)
                yield f"`{name}`", number, f"`{module}`", _words(after)


def _limit_name(node: ast.stmt) -> str | None:
    target: ast.expr | None = node.target if isinstance(node, ast.AnnAssign) else None
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    if isinstance(target, ast.Name) and target.id.endswith("_MAX") and target.id[0] != "_":
        return target.id
    return None


def _words(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return _cell(str(node.value.value))
    return ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _errors() -> Iterator[tuple[str, ...]]:
    """Error classes with a code of their own, by code."""
    rows = []
    for module, tree in _modules():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                code = _own_code(node)
                if code is not None:
                    meaning = (ast.get_docstring(node) or "").split("\n\n")[0]
                    rows.append((f"`{code}`", _cell(meaning), f"`{module}.{node.name}`"))
    yield from sorted(rows)


def _own_code(node: ast.ClassDef) -> str | None:
    for item in node.body:
        target: ast.expr | None = item.target if isinstance(item, ast.AnnAssign) else None
        if isinstance(item, ast.Assign):
            target = item.targets[0]
        if isinstance(target, ast.Name) and target.id == "code":
            value = getattr(item, "value", None)
            return str(value.value) if isinstance(value, ast.Constant) else None
    return None


def _steps() -> Iterator[tuple[str, ...]]:
    story = import_module("comity.practice.story")
    for step in story.STEPS:
        yield f"`{step.__name__}`", _cell(inspect.getdoc(step) or "")


_EVENT_CALL: Final = re.compile(r"events\.(?:note|failure|alarm)\(\s*f?\"([a-z_]+)\"")


def _events() -> Iterator[tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for name in _EVENT_CALL.findall(path.read_text("utf-8")):
            found.setdefault(name, set()).add(module)
    for name in sorted(found):
        yield f"`{name}`", ", ".join(f"`{module}`" for module in sorted(found[name]))


def main() -> int:
    """Write the pages, or name those that are not up to date."""
    stale = [
        path for path, text in pages().items() if not path.exists() or path.read_text() != text
    ]
    if "--check" in sys.argv[1:]:
        for path in stale:
            sys.stdout.write(f"{path.relative_to(ROOT)} is not what the source says\n")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages()[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
