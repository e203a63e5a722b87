"""What the pure floors may not do: they take values and return values, plans and documents.

Guarantee: no file of a pure floor reaches for the world by import, by call or by `async`; what it
needs to know (the time, a random number, a file's bytes) is handed to it as a value.
Source: CONTRIBUTING.md, "Floors".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.tidy.floors import is_pure
from tests.tidy.tree import Finding, Source, imports

MODULES_BANNED = {
    "asyncio", "asyncpg", "concurrent", "fcntl", "glob", "http", "httptools", "logging",
    "multiprocessing", "nats", "os", "pathlib", "prometheus_client", "pydantic_settings", "queue",
    "random", "rich", "sched", "secrets", "select", "selectors", "shutil", "signal", "socket",
    "sqlite3", "ssl", "starlette", "structlog", "subprocess", "tempfile", "threading",
    "time", "typer", "urllib", "uuid", "uvicorn", "uvloop",
}  # fmt: skip
MODULES_ALLOWED = {
    "urllib.parse",  # splits a text, asks nobody
}
CALLS_BANNED = {"open", "print", "input", "exec", "eval", "breakpoint", "__import__"}
# Methods that read the machine's clock, its disk, or its entropy, whatever they are called on.
METHODS_BANNED = {
    "now": {"datetime"},
    "utcnow": {"datetime"},
    "today": {"datetime", "date"},
    "urandom": {"os"},
}
GENERATES = ("PrivateKey", "AESGCM", "ChaCha20Poly1305", "Fernet")


def check_purity(source: Source) -> Iterator[Finding]:
    """Report each import, call and coroutine by which a pure file would reach for the world."""
    if not is_pure(source):
        return
    for imported in imports(source):
        root = imported.name.split(".")[0]
        allowed = any(imported.name.startswith(f"{name}.") for name in MODULES_ALLOWED)
        if root in MODULES_BANNED and not allowed:
            yield source.finding(imported.node, f"a pure floor imports `{root}`")
    for node in source.nodes:
        if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await):
            yield source.finding(node, "a pure floor waits for nobody: no `async` here")
        elif isinstance(node, ast.Call) and (reached := reaches(node)):
            yield source.finding(node, f"a pure floor calls `{reached}`: take it as a value")


def reaches(call: ast.Call) -> str:
    """The name of a call that reaches for the world, or ``."""
    called = call.func
    if isinstance(called, ast.Name):
        return called.id if called.id in CALLS_BANNED else ""
    if not isinstance(called, ast.Attribute):
        return ""
    owner = owner_name(called.value)
    if owner in METHODS_BANNED.get(called.attr, ()):
        return f"{owner}.{called.attr}"
    if called.attr == "fromtimestamp" and len(call.args) + len(call.keywords) < 2:
        return f"{owner}.fromtimestamp without a zone"
    if called.attr in {"generate", "generate_key"} and owner.endswith(GENERATES):
        return f"{owner}.{called.attr}"
    return ""


def owner_name(node: ast.expr) -> str:
    """The last name of what a method is called on: `datetime` for datetime.datetime."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
