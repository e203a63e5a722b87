"""Write the pages that say what the source says: limits, error codes, steps, events, a schema,
and the tables of message keys, fields and error numbers within pages that are otherwise written.

Such a page or table is never edited by hand: `python scripts/reference_pages.py` writes them,
`--check` compares, and a test holds them equal.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final, assert_never

import msgspec

from comity.console.people import Role
from comity.console.routes import ROUTES, Who
from comity.domain.agency import Form
from comity.domain.keys import KEYS, OTHER_KEY, Handling, KeyRow, MessageKey, Senders
from comity.formats.bodies import CHECKED_KEYS
from comity.formats.faults import ER_ROWS
from comity.formats.fields import FIXED_KEYS, FieldRule, KeyRule
from comity.formats.sending import SENDING

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
`COMITY_DETAIL_SECONDS_MAX`, `COMITY_CHECKPOINT_S`); nothing else differs from `comity demo`. All
people, local agencies and numbers are invented. This page is written from the source by
`scripts/reference_pages.py`.

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
CONSOLE_HEAD: Final = """# The console's pages, and who may open them

Every address of `comity serve console`, as its route table has it; there is no other. A person's
roles are held for one state, which is the session's and never a part of an address: what is of
another state is answered as what is not there. A column says whether the role opens the page; who
holds none of them is told so, and nobody gets there without signing in. This page is written from
the source by `scripts/reference_pages.py`.

| address | method | reviewer | supervisor | author | counsel | auditor | operator |
|---|---|---|---|---|---|---|---|
"""


def pages() -> dict[Path, str]:
    """Return every page's path and text."""
    docs = ROOT / "docs"
    return {
        docs / "limits.md": _page(LIMITS_HEAD, _limits()),
        docs / "reference" / "errors.md": _page(ERRORS_HEAD, _errors()),
        docs / "reference" / "demo.md": _page(DEMO_HEAD, _steps()),
        docs / "reference" / "events.md": _page(EVENTS_HEAD, _events()),
        docs / "reference" / "console.md": _page(CONSOLE_HEAD, _routes()),
        docs / "reference" / "messages.md": _filled(
            docs / "reference" / "messages.md", {"keys": _keys(), "fields": _fields()}
        ),
        docs / "reference" / "error-messages.md": _filled(
            docs / "reference" / "error-messages.md", {"numbers": _numbers()}
        ),
    }


def _filled(path: Path, tables: dict[str, Iterator[tuple[str, ...]]]) -> str:
    """Return a page with the rows of its tables between their marks, below each table's head."""
    text = path.read_text("utf-8")
    for name, rows in tables.items():
        mark = re.escape(f"<!-- {name}: scripts/reference_pages.py -->")
        body = "".join(f"| {' | '.join(row)} |\n" for row in rows)
        found = re.search(rf"{mark}\n(?:\|.*\n){{2}}((?:\|.*\n)*)", text)
        if found is None:
            raise LookupError(f"{path.name} has no table `{name}`")
        text = text[: found.start(1)] + body + text[found.end(1) :]
    return text


def schemas() -> dict[Path, str]:
    """Return every JSON schema's path and text."""
    protocol = import_module("comity.adapters.sources.protocol")
    roots, parts = msgspec.json.schema_components(
        (protocol.Request, protocol.Reply), ref_template="#/$defs/{name}"
    )
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What a state's web service is asked, and what it answers",
        "oneOf": list(roots),
        "$defs": parts,
    }
    text = json.dumps(schema, indent=2) + "\n"
    return {ROOT / "docs" / "reference" / "source-protocol.schema.json": text}


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


_ANSWERED_BY: Final = {
    Handling.RECORDS: "the state's records",
    Handling.AGENCY: "a person at an agency",
    Handling.DIRECTORY: "the sender's part of the directory",
    Handling.ARCHIVE: "the sender's own traffic",
    Handling.STATUS: "the sender's own gateway",
    Handling.NETWORK: "nobody",
}
_SENT_BY: Final = {
    Senders.ANY: "any agency",
    Senders.CRIMINAL_JUSTICE: "criminal justice",
    Senders.CONTROL: "control terminals",
}
_NOTHING: Final = "-"


def _keys() -> Iterator[tuple[str, ...]]:
    """Every message key: what it is, its body, who sends it where, who answers."""
    formats = " ".join(
        form.name for form in Form if find_spec(f"comity.formats.{form.value}") is not None
    )
    for key, row in KEYS.items():
        delivered = f", delivered as `{row.delivered_as}`" if row.delivered_as else ""
        yield (
            "any other" if key == OTHER_KEY else f"`{key}`",
            f"{row.label}{delivered}",
            f"`{row.response}`" if row.response else _NOTHING,
            formats,
            _body(key, row),
            _sent_by(key, row),
            _sent_to(key, row),
            _NOTHING if row.is_response else " ".join(row.classes) or "opaque",
            _NOTHING if row.is_response else _ANSWERED_BY[row.handling],
        )


def _body(key: MessageKey, row: KeyRow) -> str:
    rule = FIXED_KEYS.get(key)
    if rule is not None:
        return _sets(rule)
    if key in CHECKED_KEYS:
        return "free text, its elements checked"
    return "an answer" if row.is_response and key not in SENDING else "free text"


def _sets(rule: KeyRule) -> str:
    """Return a key's sets: what all have, then what sets them apart, then what may join."""
    common = [name for name in rule.sets[0] if all(name in own for own in rule.sets)]
    apart = [" ".join(name for name in own if name not in common) for own in rule.sets]
    parts = [f"`{' '.join(common)}`"] if common else []
    if any(apart):
        parts.append(" or ".join(f"`{words}`" for words in apart))
    in_sets = {name for own in rule.sets for name in own}
    joins = " ".join(name for name in rule.fields if name not in in_sets)
    return " with ".join(parts) + (f"; may have `{joins}`" if joins else "")


def _sent_by(key: MessageKey, row: KeyRow) -> str:
    if key in SENDING or key == OTHER_KEY:
        return "who was asked" if row.is_response else _SENT_BY[row.senders]
    return "the network"


def _sent_to(key: MessageKey, row: KeyRow) -> str:
    sending = SENDING.get(key) or (SENDING[MessageKey("AM")] if key == OTHER_KEY else None)
    if sending is None:
        return _NOTHING
    more = [*(["a region"] if row.to_region else []), *(["`NL`"] if row.to_network else [])]
    return ", ".join([sending.words.replace("oris", "agencies").replace("ori ", "agency "), *more])


def _fields() -> Iterator[tuple[str, ...]]:
    """Every field: its form in the words of an error message, its number, the keys that have it."""
    found: dict[tuple[str, str, str], list[str]] = {}
    rules: dict[tuple[str, str, str], FieldRule] = {}
    for key, rule in FIXED_KEYS.items():
        for field in rule.fields.values():
            place = (field.prefix, field.words, field.er)
            rules[place] = field
            found.setdefault(place, []).append(key)
    for prefix, words, er in sorted(found):
        keys = " ".join(found[prefix, words, er])
        yield f"`{prefix}`", words, f"`{er}`", f"`{rules[prefix, words, er].code}`", keys


def _routes() -> Iterator[tuple[str, ...]]:
    """Every route of the console, and which roles it is for."""
    for route in ROUTES:
        match route.who:
            case Who.EVERYONE:
                marks = ["everyone"] * len(Role)
            case Who.SIGNED_IN:
                marks = ["signed in"] * len(Role)
            case Who.PLACED:
                marks = ["yes" if role in route.roles else "" for role in Role]
            case _:
                assert_never(route.who)
        yield f"`{route.path}`", route.method, *marks


def _numbers() -> Iterator[tuple[str, ...]]:
    """Every error number of the network that is known."""
    for row in ER_ROWS.values():
        mark = " *" if row.has_detail else ""
        yield f"`{row.er}`{mark}", row.text.format(key="xx"), f"`{row.code}`"


def main() -> int:
    """Write the pages, or name those that are not up to date."""
    written = pages() | schemas()
    stale = [
        path for path, text in written.items() if not path.exists() or path.read_text() != text
    ]
    if "--check" in sys.argv[1:]:
        for path in stale:
            sys.stdout.write(f"{path.relative_to(ROOT)} is not what the source says\n")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
