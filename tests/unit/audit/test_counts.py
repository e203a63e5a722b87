"""Counts are made again from leaves, and a published document must say the same of its range."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest

from comity.audit import counts as module
from comity.audit.counts import Recount, parse_counts
from comity.audit.findings import EvidenceError, EvidenceFormError, FindingCode
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import LeafKind, LeafMode
from tests.support.leaves import leaf, least

ORIGIN = "log.example/wa"
QUERY, DENIAL = least(LeafKind.QUERY), least(LeafKind.DENIAL)
LATER = msgspec.structs.replace(QUERY, hour=QUERY.hour + 31 * 24)


def counted(headers: list[LeafHeader], document: bytes | None = None) -> Recount:
    recount = Recount(document)
    recount.read(0, [encode_leaf(header) for header in headers])
    return recount


def published(headers: list[LeafHeader]) -> bytes:
    return counted(headers).document(ORIGIN, len(headers))


def counts_leaf(document: bytes) -> LeafHeader:
    return leaf(LeafKind.COUNTS, digest=sha256(document).digest())


def test_rows_are_counted_in_order() -> None:
    """Queries and outcomes are counted by month and decision; other leaves are not."""
    recount = counted([QUERY, QUERY, LATER, DENIAL, least(LeafKind.ACCESS)])
    rows = [(row.decision, row.month, row.count) for row in recount.rows()]
    assert rows == [("deny", "2026-11", 1), ("query", "2026-11", 2), ("query", "2026-12", 1)]
    assert recount.leaves_counted == 4
    assert recount.findings(ORIGIN, 5) == ()


@pytest.mark.parametrize("mode", [mode for mode in LeafMode if mode is not LeafMode.LIVE])
def test_only_live_leaves_count(mode: LeafMode) -> None:
    """Probes, planted and shadow leaves are no traffic."""
    assert counted([msgspec.structs.replace(QUERY, mode=mode)]).rows() == ()


def test_document_that_says_the_same_has_no_finding() -> None:
    """What was published of the leaves before it, and is cited by its leaf, holds."""
    document = published([QUERY, DENIAL])
    recount = counted([QUERY, DENIAL, counts_leaf(document), QUERY], document)
    assert recount.findings(ORIGIN, 4) == ()
    assert recount.leaves_counted == 2


def test_document_that_says_otherwise_is_found() -> None:
    """A number changed, a row left out and a row invented are each named."""
    document = published([QUERY, DENIAL])
    recount = counted([QUERY, LATER, counts_leaf(document)], document)
    found = recount.findings(ORIGIN, 3)
    assert {finding.code for finding in found} == {FindingCode.COUNTS_DIFFER}
    assert [finding.text.rpartition(": ")[2] for finding in found] == [
        "published 1, counted 0",
        "published 0, counted 1",
    ]


def test_document_without_its_leaf_is_found() -> None:
    """A document that no `counts` leaf cites was not published by this ledger."""
    document = published([QUERY])
    for headers in ([QUERY], [QUERY, counts_leaf(b"other")]):
        found = counted(headers, document).findings(ORIGIN, len(headers))
        assert [finding.code for finding in found] == [FindingCode.COUNTS_UNPUBLISHED]


def test_document_of_another_ledger_or_range_is_found() -> None:
    """A document is of its own ledger, and of leaves that the ledger has."""
    document = published([QUERY])
    recount = counted([QUERY, counts_leaf(document)], document)
    for origin, size in (("log.example/or", 2), (ORIGIN, 0)):
        codes = [finding.code for finding in recount.findings(origin, size)]
        assert codes == [FindingCode.COUNTS_UNPUBLISHED]


def test_range_is_cut_across_bundles() -> None:
    """Only the leaves of the document's range count, wherever bundles begin."""
    fields = msgspec.json.decode(published([QUERY, QUERY, QUERY]))
    document = msgspec.json.encode(fields | {"first": 1, "last": 4})
    recount = Recount(document)
    for first in (0, 2, 4):
        recount.read(first, [encode_leaf(QUERY)] * 2)
    assert recount.leaves_counted == 3


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"first": 3},
        {"first": -1},
        {"more": 1},
        {"rows": []},
        {"rows": [{}]},
    ],
)
def test_document_of_another_form_is_refused(change: dict[str, object]) -> None:
    """Version, range and fields are fixed; no rows are a document too."""
    fields = msgspec.json.decode(published([QUERY]))
    data = msgspec.json.encode(fields | change)
    if change == {"rows": []}:
        assert parse_counts(data).rows == ()
        return
    with pytest.raises(EvidenceFormError):
        parse_counts(data)


def test_document_is_canonical() -> None:
    """Spaces, another order, a row twice or counting nothing: each is refused."""
    data = published([QUERY, LATER])
    rows = msgspec.json.decode(data)["rows"]
    fields = msgspec.json.decode(data)
    for wrong in (
        data.replace(b":", b": ", 1),
        msgspec.json.encode(fields | {"rows": rows[::-1]}),
        msgspec.json.encode(fields | {"rows": [rows[0], rows[0]]}),
        msgspec.json.encode(fields | {"rows": [rows[0] | {"count": 0}]}),
        b"\xff",
    ):
        with pytest.raises(EvidenceFormError):
            parse_counts(wrong)


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are bounded, and a document's bytes."""
    monkeypatch.setattr(module, "COUNT_ROWS_MAX", 1)
    counted([QUERY, QUERY])
    with pytest.raises(EvidenceError):
        counted([QUERY, LATER])
    data = published([QUERY])
    monkeypatch.setattr(module, "_DOCUMENT_BYTES_MAX", len(data))
    parse_counts(data)
    monkeypatch.setattr(module, "_DOCUMENT_BYTES_MAX", len(data) - 1)
    with pytest.raises(EvidenceFormError):
        parse_counts(data)


SEALED = msgspec.structs.replace(QUERY, agency="sealed", purpose="sealed", offence="sealed")


def test_a_revealed_leaf_counts_as_what_was_revealed() -> None:
    """Under the agency and the purpose of its reveal; one that still stands sealed as sealed."""
    told = leaf(LeafKind.REVEAL, cites="wa/1", agency="ORPX00009", purpose="court", offence="none")
    rows = counted([QUERY, SEALED, SEALED, told]).rows()
    assert [(row.agency, row.purpose, row.count) for row in rows] == [
        ("ORPX00001", "criminal_investigation", 1),
        ("ORPX00009", "court", 1),
        ("sealed", "sealed", 1),
    ]
    small = leaf(LeafKind.REVEAL, cites="wa/0", purpose="court", offence="none")
    (row,) = counted([SEALED, small, small]).rows()
    assert (row.agency, row.purpose, row.count) == ("sealed", "court", 1)


def test_a_later_reveal_changes_no_published_figure() -> None:
    """What was published of leaves that stood sealed still holds when one is revealed."""
    document = published([SEALED, SEALED])
    told = leaf(LeafKind.REVEAL, cites="wa/1", agency="ORPX00009", purpose="court", offence="none")
    recount = counted([SEALED, SEALED, counts_leaf(document), told], document)
    assert recount.findings(ORIGIN, 4) == ()


def test_a_reveal_counts_where_it_stands_in_the_range() -> None:
    """Also in a range that begins within the ledger, and in leaves read bundle by bundle."""
    told = leaf(LeafKind.REVEAL, cites="wa/1", agency="ORPX00009", purpose="court", offence="none")
    whole = [encode_leaf(header) for header in (QUERY, SEALED, told)]
    recount = Recount()
    recount.read(0, whole[:2])
    recount.read(2, whole[2:])
    assert recount.rows() == counted([QUERY, SEALED, told]).rows()
    table = msgspec.json.decode(recount.document(ORIGIN, 3))
    table |= {"first": 1, "rows": [row for row in table["rows"] if row["purpose"] == "court"]}
    part = Recount(msgspec.json.encode(table))
    part.read(0, whole)
    assert [finding.code for finding in part.findings(ORIGIN, 3)] == [
        FindingCode.COUNTS_UNPUBLISHED
    ]


def test_sealed_leaves_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a recount ends; a revealed leaf makes room."""
    monkeypatch.setattr(module, "SEALED_MAX", 2)
    told = leaf(LeafKind.REVEAL, cites="wa/0", agency="ORPX00009", purpose="court", offence="none")
    assert counted([SEALED, SEALED, told, SEALED]).leaves_counted == 3
    with pytest.raises(EvidenceError):
        counted([SEALED, SEALED, SEALED])
