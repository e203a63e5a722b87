"""What a `policy` or `key` leaf names must be there, and be exactly what it names."""

from __future__ import annotations

from hashlib import sha256

import pytest

from comity.audit.findings import FindingCode
from comity.audit.places import document_path
from comity.audit.tree import audit_tree
from comity.domain.ids import Member
from comity.domain.keeping import KeepingReason, KeyEvent, KeyEventKind, encode_key_event
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.ledger.note import encode_vkey
from comity.ledger.tile import document_path as written_path
from tests.support.ledger import exported, ledger_signer

TX = Member("tx")
VKEY = encode_vkey(ledger_signer().key)
EVENT = encode_key_event(
    KeyEvent(
        version=1,
        member=TX,
        event=KeyEventKind.DESTROYED,
        reason=KeepingReason.RETENTION_SCHEDULE,
        months=("2024-10",),
    )
)
BUNDLE = b"a policy's canonical bytes"
KEY_AT, POLICY_AT = 3, 300


def leaf(kind: LeafKind, digest: bytes | None = None) -> bytes:
    """A leaf of Texas' ledger; what it does not need stays out."""
    header = LeafHeader(
        version=1,
        kind=kind,
        mode=LeafMode.LIVE,
        hour=498_000,
        member=TX,
        digest=digest,
        commitment=bytes(32),
    )
    return encode_leaf(header)


def ledger(event: bytes = EVENT) -> dict[str, bytes]:
    """A ledger of 301 leaves, two of which name a document, with both of them."""
    leaves = [leaf(LeafKind.ACCESS)] * (POLICY_AT + 1)
    leaves[KEY_AT] = leaf(LeafKind.KEY, sha256(event).digest())
    leaves[POLICY_AT] = leaf(LeafKind.POLICY, sha256(BUNDLE).digest())
    documents = exported(leaves)
    return {**documents, "document/003": event, "document/300": BUNDLE}


def found(documents: dict[str, bytes]) -> list[tuple[FindingCode, str]]:
    """What an audit finds, by code and path."""
    report = audit_tree(documents.__getitem__, VKEY)
    assert report.ok is not bool(report.findings)
    return [(finding.code, finding.path) for finding in report.findings]


def test_documents_that_are_what_leaves_name_are_taken() -> None:
    """Key event and policy, each under its index."""
    assert found(ledger()) == []


@pytest.mark.parametrize("path", ["document/003", "document/300"])
def test_a_document_that_is_not_there_is_found(path: str) -> None:
    """A complete ledger shows what its leaves name."""
    documents = ledger()
    del documents[path]
    assert found(documents) == [(FindingCode.DOCUMENT_MISSING, path)]


@pytest.mark.parametrize("path", ["document/003", "document/300"])
def test_a_document_with_a_bit_changed_is_found(path: str) -> None:
    """The digest in the leaf is of exactly its bytes."""
    documents = ledger()
    documents[path] = bytes([documents[path][0] ^ 1]) + documents[path][1:]
    assert found(documents) == [(FindingCode.DOCUMENT_DIFFERS, path)]


@pytest.mark.parametrize(
    "event",
    [b"", b"{}", EVENT + b"\n", EVENT.replace(b'"tx"', b'"wa"'), EVENT.replace(b"2024", b"0024")],
)
def test_a_key_event_that_is_none_is_found(event: bytes) -> None:
    """A digest of something else than an event of this member proves only that it stood there."""
    assert found(ledger(event)) == [(FindingCode.DOCUMENT_MALFORMED, "document/003")]


def test_documents_of_other_leaves_are_not_asked_for() -> None:
    """A part of the directory is not published, figures have their own check."""
    leaves = [leaf(kind, bytes(32)) for kind in (LeafKind.DIRECTORY, LeafKind.COUNTS)]
    assert found(exported(leaves)) == []


@pytest.mark.parametrize("index", [0, 7, 999, 1_000, 1_234, 999_999, 1_000_000, 2**40])
def test_checker_and_writer_agree_where_a_document_lies(index: int) -> None:
    """The path is a tile's."""
    assert document_path(index) == written_path(index)
