"""Leaves as Parquet: one row a leaf with every field of its header, and nothing that is hidden."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from comity.adapters.leaf_table import ParquetLeafTable
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf, parse_leaf
from comity.domain.vocabulary import DataClass, Instrument, LeafDecision, LeafKind, LeafMode
from comity.ports import PublicStoreError
from tests.support.ledger import leaves_of

TABLE = ParquetLeafTable()
OUTCOME = LeafHeader(
    version=1,
    kind=LeafKind.DISCLOSURE,
    mode=LeafMode.LIVE,
    hour=489_787,
    member=Member("oh"),
    agency="TX0123400",
    key="DQ",
    purpose="traffic_safety",
    offence="traffic",
    instrument=Instrument.NONE,
    released=(DataClass.STATUS, DataClass.IDENTITY),
    withheld=(DataClass.PHOTO,),
    decision=LeafDecision.RELEASE,
    result="record",
    policy=41,
    peer="tx/123456",
    commitment=bytes(range(32)),
)


def rows(data: bytes, folder: Path) -> list[dict[str, object]]:
    """Read a table as any other program would."""
    file = folder / "leaves.parquet"
    file.write_bytes(data)
    found = duckdb.sql(f"SELECT * FROM '{file}' ORDER BY leaf_index")
    assert found is not None
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def test_every_field_is_a_column(tmp_path: Path) -> None:
    """A row has what the leaf's header says, each under its own name; absent fields are null."""
    leaf = encode_leaf(OUTCOME)
    (row,) = rows(TABLE.encode(131_072, [leaf]), tmp_path)
    header = parse_leaf(leaf)
    assert row.pop("leaf_index") == 131_072
    assert row.pop("message_key") == header.key
    for name, value in fields(header).items():
        if name != "key":
            said = list(value) if isinstance(value, tuple) else value
            assert row.pop(name) == said, name
    assert row == {}


def fields(header: LeafHeader) -> dict[str, object]:
    """A header's fields by name."""
    return {name: getattr(header, name) for name in LeafHeader.__struct_fields__}


def test_withdrawn_leaf_has_its_index_alone(tmp_path: Path) -> None:
    """A leaf whose bytes are gone leaves an empty row."""
    leaves = leaves_of(5)
    leaves[2] = b""
    table = rows(TABLE.encode(0, leaves), tmp_path)
    assert [row["leaf_index"] for row in table] == [0, 1, 2, 3, 4]
    assert {value for name, value in table[2].items() if name != "leaf_index"} == {None}
    assert all(row["kind"] == "notice" for at, row in enumerate(table) if at != 2)


def test_same_leaves_make_the_same_contents() -> None:
    """Written again, a table has the same rows; one leaf more, less or other is seen."""
    leaves = leaves_of(300)
    facts = TABLE.read(TABLE.encode(7, leaves))
    assert (facts.rows, facts.first, facts.last) == (300, 7, 306)
    assert TABLE.read(TABLE.encode(7, leaves)) == facts
    others = (leaves[:-1], [*leaves[:-1], leaves[0]], [b"", *leaves[1:]])
    digests = {TABLE.read(TABLE.encode(7, other)).digest for other in others}
    assert len(digests | {facts.digest}) == 4


@pytest.mark.parametrize("data", [b"", b"nothing", b"PAR1" * 100])
def test_what_is_no_table_is_refused(data: bytes) -> None:
    """Bytes that are not a table of leaves are an error with a code."""
    with pytest.raises(PublicStoreError):
        TABLE.read(data)


def test_leaf_that_is_not_json_is_refused() -> None:
    """What the engine cannot read ends the table, and its text shows nothing of it."""
    with pytest.raises(PublicStoreError) as error:
        TABLE.encode(0, [b"{secret"])
    assert "secret" not in str(error.value)
