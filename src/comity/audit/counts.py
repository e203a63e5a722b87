"""Counts made again from public leaves alone, and compared with a published document.

Guarantee: only live leaves count; one that a `reveal` leaf opened counts as what that says; a
published document is compared row by row over exactly the leaves that it names, and only if a
`counts` leaf of the audited ledger holds its digest.
Memory: one row per distinct agency, key, purpose, decision and month, and one per leaf that still
stands sealed, at most 1,000,000 each.
Source: docs/adr/0022-audit.md, section Counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct

from comity.audit.findings import EvidenceError, EvidenceFormError, Finding, FindingCode

__all__ = [
    "COUNT_ROWS_MAX",
    "SEALED_MAX",
    "CountsDocument",
    "CountsRow",
    "Recount",
    "RowKey",
    "parse_counts",
]

COUNT_ROWS_MAX: Final = 1_000_000
"""Distinct rows that one recount keeps, about 400 MB."""

SEALED_MAX: Final = 1_000_000
"""Sealed leaves that one recount remembers until they are revealed, about 200 MB."""

_DOCUMENT_BYTES_MAX: Final = 268_435_456
_DIFFERENCES_SHOWN: Final = 100
_COUNTED: Final = frozenset({"query", "disclosure", "denial", "hold"})
_SEALED: Final = "sealed"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

RowKey = tuple[str, str, str, str, str]
"""A row's agency, message key, purpose, decision and month."""


class _Leaf(
    Struct,
    frozen=True,
    gc=False,
    rename={
        "kind": "k",
        "mode": "m",
        "hour": "h",
        "agency": "ag",
        "key": "mk",
        "purpose": "pu",
        "decision": "de",
        "cites": "re",
        "digest": "dg",
    },
):
    """What a recount reads of a leaf whose form is already checked."""

    kind: str
    mode: str
    hour: int
    agency: str = ""
    key: str = ""
    purpose: str = ""
    decision: str = "query"
    cites: str = ""
    digest: bytes = b""


class CountsRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many live leaves of one month are alike; `decision` is `query` for what was asked."""

    agency: str
    key: str
    purpose: str
    decision: str
    month: str
    count: int


class CountsDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Published counts of the leaves [first, last) of one ledger, rows in order, none twice."""

    v: int
    origin: str
    first: int
    last: int
    rows: tuple[CountsRow, ...]


_leaves: Final = msgspec.json.Decoder(_Leaf)
_documents: Final = msgspec.json.Decoder(CountsDocument)


@lru_cache(maxsize=4_096)
def _month(hour: int) -> str:
    return (_EPOCH + timedelta(hours=hour)).strftime("%Y-%m")


def parse_counts(data: bytes) -> CountsDocument:
    """Return a published document. Raises: EvidenceFormError unless it has exactly its form."""
    if len(data) > _DOCUMENT_BYTES_MAX:
        raise EvidenceFormError("`counts` are longer than 268,435,456 bytes")
    try:
        document = _documents.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EvidenceFormError("`counts` are not a document of version 1") from None
    keys = [_key(row) for row in document.rows]
    if keys != sorted(set(keys)) or any(row.count < 1 for row in document.rows):
        raise EvidenceFormError("`rows` are not in order, or one stands twice or counts nothing")
    if document.v != 1 or not 0 <= document.first <= document.last:
        raise EvidenceFormError("`counts` are of another version, or of no range of leaves")
    if msgspec.json.encode(document) != data:
        raise EvidenceFormError("`counts` are not in canonical form")
    return document


def _key(row: CountsRow) -> RowKey:
    return row.agency, row.key, row.purpose, row.decision, row.month


class Recount:
    """Counts a ledger's leaves as an audit reads them: give `read` to `audit_tree`.

    With a published document only the leaves that it names count, else all.
    Raises: EvidenceFormError if the document does not have its form.
    """

    def __init__(self, document: bytes | None = None) -> None:
        self._published = None if document is None else parse_counts(document)
        self._digest = b"" if document is None else sha256(document).digest()
        self._is_cited = False
        self._rows: Counter[RowKey] = Counter()
        self._sealed: dict[int, RowKey] = {}
        self.leaves_counted = 0

    def read(self, first: int, entries: Sequence[bytes]) -> None:
        """Take the leaves of one bundle. Raises: EvidenceError beyond 1,000,000 rows."""
        leaves = _leaves.decode_lines(b"\n".join(entries))
        if self._published is not None:
            # A document's leaf stands behind the leaves that it counts.
            self._is_cited |= any(
                leaf.kind == "counts" and leaf.digest == self._digest for leaf in leaves
            )
            start = max(self._published.first - first, 0)
            leaves = leaves[start : max(self._published.last - first, start)]
            first += start
        live = [
            (leaf.agency, leaf.key, leaf.purpose, leaf.decision, _month(leaf.hour))
            for leaf in leaves
            if leaf.mode == "live" and leaf.kind in _COUNTED
        ]
        self.leaves_counted += len(live)
        self._rows.update(live)
        if any(row[0] == _SEALED for row in live) or any(leaf.kind == "reveal" for leaf in leaves):
            self._take_detail(first, leaves)
        if len(self._rows) > COUNT_ROWS_MAX:
            raise EvidenceError("`ledger` has more than 1,000,000 distinct rows to count")

    def _take_detail(self, first: int, leaves: Sequence[_Leaf]) -> None:
        """Remember which leaves are counted as sealed, and count those that are revealed anew.

        Only what stands in the leaves that are counted reveals: a later reveal changes no figure
        that was published.
        """
        for index, leaf in enumerate(leaves, start=first):
            if leaf.kind == "reveal":
                self._reveal(leaf)
            elif leaf.mode == "live" and leaf.kind in _COUNTED and leaf.agency == _SEALED:
                if len(self._sealed) == SEALED_MAX:
                    raise EvidenceError("`ledger` has more than 1,000,000 sealed leaves at a time")
                month = _month(leaf.hour)
                self._sealed[index] = leaf.agency, leaf.key, leaf.purpose, leaf.decision, month

    def _reveal(self, leaf: _Leaf) -> None:
        sealed = self._sealed.pop(int(leaf.cites.rpartition("/")[2]), None)
        if sealed is None:
            return
        agency, key, purpose, decision, month = sealed
        self._rows[sealed] -= 1
        if not self._rows[sealed]:
            del self._rows[sealed]
        # The agency of a small one stays out: it is counted as sealed, under its purpose.
        revealed = leaf.agency or agency, key, leaf.purpose or purpose, decision, month
        self._rows[revealed] += 1

    def rows(self) -> tuple[CountsRow, ...]:
        """Return the counts in order."""
        return tuple(_row(key, count) for key, count in sorted(self._rows.items()))

    def document(self, origin: str, size: int) -> bytes:
        """Return what can be published of all leaves of a ledger of that size."""
        rows = self.rows()
        return msgspec.json.encode(
            CountsDocument(v=1, origin=origin, first=0, last=size, rows=rows)
        )

    def findings(self, origin: str, size: int) -> tuple[Finding, ...]:
        """Return where the published document is not what the leaves say; without one nothing."""
        if self._published is None:
            return ()
        found: list[Finding] = []
        if (self._published.origin, True) != (origin, self._published.last <= size):
            text = f"of `{self._published.origin}` up to leaf {self._published.last}"
            found.append(_finding(FindingCode.COUNTS_UNPUBLISHED, text))
        if not self._is_cited:
            text = "no `counts` leaf of the ledger holds the digest of this document"
            found.append(_finding(FindingCode.COUNTS_UNPUBLISHED, text))
        published = {_key(row): row.count for row in self._published.rows}
        return (*found, *islice(self._differences(published), _DIFFERENCES_SHOWN))

    def _differences(self, published: dict[RowKey, int]) -> Iterable[Finding]:
        for key in sorted(published.keys() | self._rows.keys()):
            said, counted = published.get(key, 0), self._rows.get(key, 0)
            if said != counted:
                text = f"{' '.join(key)}: published {said}, counted {counted}"
                yield _finding(FindingCode.COUNTS_DIFFER, text)


def _row(key: RowKey, count: int) -> CountsRow:
    agency, message_key, purpose, decision, month = key
    return CountsRow(
        agency=agency,
        key=message_key,
        purpose=purpose,
        decision=decision,
        month=month,
        count=count,
    )


def _finding(code: FindingCode, text: str) -> Finding:
    return Finding(code=code, path="counts", text=text)
