"""A segment's leaves as a Parquet file: one row a leaf, typed columns, for analysis.

Guarantee: a row's values are those of the leaf's own bytes, read once by the engine and never
through our own code; the file proves nothing, the bundles do. Memory and threads are bounded.
Source: docs/adr/0025-public-store.md, section segments.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from comity.ports import PublicStoreError, TableFacts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["TABLE_MEMORY_MIB_MAX", "TABLE_THREADS_MAX", "ParquetLeafTable"]

TABLE_MEMORY_MIB_MAX: Final = 512
"""Memory that the engine may use for one table; beyond it, it writes to its own folder."""
TABLE_THREADS_MAX: Final = 2
"""Threads that the engine may use."""

_COLUMNS: Final = {
    "leaf_index": ("i", "UBIGINT"),
    "version": ("v", "UTINYINT"),
    "kind": ("k", "VARCHAR"),
    "mode": ("m", "VARCHAR"),
    "hour": ("h", "UINTEGER"),
    "member": ("st", "VARCHAR"),
    "agency": ("ag", "VARCHAR"),
    "message_key": ("mk", "VARCHAR"),
    "purpose": ("pu", "VARCHAR"),
    "offence": ("of", "VARCHAR"),
    "instrument": ("in", "VARCHAR"),
    "released": ("cl", "VARCHAR[]"),
    "withheld": ("wh", "VARCHAR[]"),
    "decision": ("de", "VARCHAR"),
    "result": ("rs", "VARCHAR"),
    "policy": ("po", "UBIGINT"),
    "peer": ("pe", "VARCHAR"),
    "fan_out": ("fo", "UTINYINT"),
    "cites": ("re", "VARCHAR"),
    "digest": ("dg", "BLOB"),
    "commitment": ("c", "BLOB"),
}
"""Column, the leaf's own field, and type."""

_READ: Final = ", ".join(
    f"'{field}': '{'VARCHAR' if kind == 'BLOB' else kind}'" for field, kind in _COLUMNS.values()
)
_SELECT: Final = ", ".join(
    f'from_base64("{field}") AS {name}' if kind == "BLOB" else f'"{field}" AS {name}'
    for name, (field, kind) in _COLUMNS.items()
)
_WRITE: Final = f"""
    COPY (
        SELECT {_SELECT}
        FROM read_json('{{source}}', format = 'newline_delimited', columns = {{{{{_READ}}}}})
        ORDER BY i
    ) TO '{{target}}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 65536)"""  # noqa: S608
_FACTS: Final = """
    SELECT count(*), min(leaf_index), max(leaf_index),
        sha256(string_agg(to_json(t)::VARCHAR, chr(10) ORDER BY leaf_index))
    FROM read_parquet('{source}') t"""


class ParquetLeafTable:
    """Writes and reads tables of leaves through DuckDB, each time in a folder of its own."""

    def encode(self, first: int, leaves: Sequence[bytes]) -> bytes:
        """Return a Parquet file with one row a leaf. Raises: PublicStoreError."""
        with tempfile.TemporaryDirectory(prefix="comity-table-") as name:
            source, target = Path(name) / "leaves.ndjson", Path(name) / "leaves.parquet"
            with source.open("wb") as file:
                for index, leaf in enumerate(leaves, start=first):
                    # A leaf is compact JSON, an object with at least one field, on one line.
                    rest = b"," + leaf[1:] if leaf else b"}"
                    file.write(b'{"i":%d%s\n' % (index, rest))
            _run(name, _WRITE.format(source=_quoted(source), target=_quoted(target)))
            return target.read_bytes()

    def read(self, data: bytes) -> TableFacts:
        """Return what a Parquet file holds. Raises: PublicStoreError if it is none of ours."""
        with tempfile.TemporaryDirectory(prefix="comity-table-") as name:
            source = Path(name) / "leaves.parquet"
            source.write_bytes(data)
            (row,) = _run(name, _FACTS.format(source=_quoted(source)))
        count, least, greatest, digest = row
        return TableFacts(
            rows=count,
            first=least if count else 0,
            last=greatest if count else 0,
            digest=bytes.fromhex(digest) if count else b"",
        )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _run(folder: str, statement: str) -> list[tuple[int, int, int, str]]:
    # Here, because it is 40 MB that only whoever seals or rebuilds needs.
    import duckdb  # noqa: PLC0415

    try:
        with duckdb.connect() as engine:
            _bound(engine, folder)
            return engine.execute(statement).fetchall()
    except duckdb.Error as error:
        # Its own text may hold values of a row.
        raise PublicStoreError(f"a table of leaves failed ({type(error).__name__})") from None


def _bound(engine: DuckDBPyConnection, folder: str) -> None:
    engine.execute(f"SET threads = {TABLE_THREADS_MAX}")
    engine.execute(f"SET memory_limit = '{TABLE_MEMORY_MIB_MAX}MiB'")
    engine.execute(f"SET temp_directory = '{_quoted(Path(folder) / 'spill')}'")
    # It reads the files that are named here, and fetches nothing.
    engine.execute("SET autoinstall_known_extensions = false")
    engine.execute("SET autoload_known_extensions = false")
