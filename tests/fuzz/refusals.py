"""What every refusal owes its reader: a stable code, and nothing of what was sent.

    for every refusal of x: code is kebab-case, the number is one of the table, and a run of six
    characters that stands both in its words and in x is made of our own words

Our own words are the texts in the source, the schemas and the vocabularies, and the numbers of the
limits. The echo of a message (`original`) is no part of its words: it goes to who sent it.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from comity.domain.errors import ComityError
from comity.formats.faults import ER_ROWS, ORIGINAL_CHARS, MessageError

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "comity"
RUN_CHARS = 6
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_WORD = re.compile(r"[A-Z0-9]{3,}")
_SPEAKING = (
    "adapters/oidc", "adapters/sources", "console", "directory", "domain", "formats", "front/http",
    "ledger", "link", "policy", "audit",
)  # fmt: skip
_LENGTHY = 40_000


class EquationError(AssertionError):
    """An equation does not hold; the words say which, without the input."""


def hold(claim: object, words: str) -> None:
    """Raise unless a claim holds."""
    if not claim:
        raise EquationError(words)


def refusal(error: ComityError, data: bytes) -> str:
    """Return the code of a refusal that is as it owes to be. Raises: EquationError."""
    if isinstance(error, MessageError):
        fault = error.fault
        hold(fault.er in ER_ROWS, "the number is one of the table")
        hold(_CODE.fullmatch(fault.code), "the code is kebab-case")
        hold(len(fault.original) <= ORIGINAL_CHARS, "the echo has at most 100 characters")
        _check_words((str(error), fault.text, *fault.options), data)
        return fault.code
    hold(_CODE.fullmatch(error.code), "the code is kebab-case")
    faults = getattr(error, "faults", ())
    _check_words((str(error), *(f"{fault.column} {fault.text}" for fault in faults)), data)
    return error.code


def _check_words(texts: tuple[str, ...], data: bytes) -> None:
    foreign = _foreign_runs(texts)
    if foreign:
        said = _as_read(data)
        hold(not any(run in said for run in foreign), "a refusal repeats what was sent")


def _as_read(data: bytes) -> str:
    start = data[:_LENGTHY]
    return f"{start.decode('latin-1')}\n{start.decode('utf-8', 'replace')}".upper()


@lru_cache(maxsize=4_096)
def _foreign_runs(texts: tuple[str, ...]) -> frozenset[str]:
    """Return the runs of some texts that hold a word, or a piece of one, that is not our own."""
    own = own_pieces()
    runs = {run for text in texts for run in _pieces(text.upper(), RUN_CHARS)}
    return frozenset(run for run in runs if not own.issuperset(_WORD.findall(run)))


def _pieces(text: str, chars: int) -> Iterator[str]:
    for at in range(len(text) - chars + 1):
        yield text[at : at + chars]


@cache
def own_pieces() -> frozenset[str]:
    """Return every piece of three to six letters and digits of the words that the source says."""
    words = {word for text in _own_texts() for word in _WORD.findall(text.upper())}
    return frozenset(
        piece
        for word in words
        for chars in range(3, RUN_CHARS + 1)
        for piece in _pieces(word, chars)
    )


def _own_texts() -> Iterator[str]:
    for folder in _SPEAKING:
        for path in sorted((PACKAGE / folder).rglob("*")):
            if path.suffix == ".py":
                yield from _texts_of_source(path.read_text("utf-8"))
            elif path.suffix == ".xsd":
                yield path.read_text("utf-8")
            elif path.suffix == ".toml":
                yield from _texts_of_table(tomllib.loads(path.read_text("utf-8")))


def _texts_of_source(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int):
            yield str(node.value)


def _texts_of_table(table: object) -> Iterator[str]:
    if isinstance(table, dict):
        for name, value in table.items():
            yield str(name)
            yield from _texts_of_table(value)
    elif isinstance(table, list):
        for value in table:
            yield from _texts_of_table(value)
    else:
        yield str(table)
