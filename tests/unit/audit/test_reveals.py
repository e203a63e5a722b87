"""A reveal is held against the commitment of the leaf that it cites, wherever that stands."""

from __future__ import annotations

import msgspec
import pytest

from comity.audit.findings import AuditState, FindingCode
from comity.audit.places import document_path
from comity.audit.tree import audit_tree
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import LeafKind
from comity.exchange.private import Fields
from comity.ledger.commitment import commit, encode_opening, open_commitment
from comity.ledger.note import encode_vkey
from tests.support.leaves import leaf, least
from tests.support.ledger import exported, leaf_of, ledger_signer

TX = Member("tx")
VKEY = encode_vkey(ledger_signer().key)
KEY = bytes(range(32))
FIELDS: Fields = (
    ("schema", b"exchange/1"),
    ("agency", b"TX2270100"),
    ("purpose", b"criminal_investigation"),
    ("offence", b"homicide"),
    ("operator", b"SMITH"),
)
DETAIL = {"agency": "TX2270100", "purpose": "criminal_investigation", "offence": "homicide"}
SEALED_AT = 2
SMALL = {name: value for name, value in DETAIL.items() if name != "agency"}


def sealed(**fields: object) -> bytes:
    """A query of which agency, purpose and offence stand sealed."""
    header = msgspec.structs.replace(
        least(LeafKind.QUERY),
        member=TX,
        agency="sealed",
        purpose="sealed",
        offence="sealed",
        commitment=commit(KEY, FIELDS),
    )
    return encode_leaf(msgspec.structs.replace(header, **fields))


def reveal(cites: str = f"tx/{SEALED_AT}", **fields: object) -> bytes:
    """A leaf that reveals."""
    header: LeafHeader = leaf(LeafKind.REVEAL, cites=cites, **(fields or DETAIL))
    return encode_leaf(msgspec.structs.replace(header, member=TX))


def opening(*names: str) -> bytes:
    """What proves it."""
    return encode_opening(open_commitment(KEY, FIELDS, names or tuple(DETAIL)))


def ledger(
    count: int = 40,
    *,
    at: int | None = None,
    cited: bytes | None = None,
    leaf: bytes | None = None,
    document: bytes | None = None,
) -> dict[str, bytes]:
    """A ledger in which one leaf, the last if nothing else is said, reveals an earlier one."""
    at = count - 1 if at is None else at
    leaves = [leaf_of(number) for number in range(count)]
    leaves[SEALED_AT] = cited or sealed()
    leaves[at] = leaf or reveal()
    documents = exported(leaves)
    documents[document_path(at)] = document or opening()
    return documents


def found(documents: dict[str, bytes], previous: AuditState | None = None) -> list[FindingCode]:
    """What an audit finds."""
    report = audit_tree(documents.__getitem__, VKEY, previous=previous)
    assert report.ok is not bool(report.findings)
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize(
    ("count", "at"),
    [(4, 3), (256, 255), (257, 256), (600, 300), (600, 599), (1_000, 999), (70_000, 69_999)],
)
def test_a_reveal_that_is_proved_is_taken(count: int, at: int) -> None:
    """Also over full tiles of every level, and where the cited leaf stands in the open one."""
    assert found(ledger(count, at=at)) == []


def test_a_small_agency_stays_out() -> None:
    """The reveal states purpose and offence, and its document shows these alone."""
    proved = ledger(leaf=reveal(**SMALL), document=opening(*SMALL))
    assert found(proved) == []
    told = ledger(leaf=reveal(**SMALL), document=opening())
    assert found(told) == [FindingCode.DOCUMENT_DIFFERS]


@pytest.mark.parametrize("name", list(DETAIL))
def test_a_reveal_that_says_something_else_is_found(name: str) -> None:
    """A value that the commitment does not hold; a field that the document does not show."""
    other = {"agency": "TX2270199", "purpose": "court", "offence": "drugs"}
    said = reveal(**DETAIL | {name: other[name]})
    assert found(ledger(leaf=said)) == [FindingCode.DOCUMENT_DIFFERS]
    hidden = opening(*(field for field in DETAIL if field != name))
    assert found(ledger(document=hidden)) == [FindingCode.DOCUMENT_DIFFERS]


def test_a_document_that_shows_more_is_found() -> None:
    """Nothing but what is revealed may be told."""
    assert found(ledger(document=opening(*DETAIL, "operator"))) == [FindingCode.DOCUMENT_DIFFERS]


def test_a_document_of_another_record_is_found() -> None:
    """It opens another commitment."""
    other = encode_opening(open_commitment(bytes(32), FIELDS, tuple(DETAIL)))
    assert found(ledger(document=other)) == [FindingCode.DOCUMENT_DIFFERS]
    assert found(ledger(document=b"{}")) == [FindingCode.DOCUMENT_MALFORMED]


def test_a_document_that_is_not_there_is_found() -> None:
    """A reveal that nobody proves says nothing."""
    documents = ledger()
    del documents[document_path(39)]
    assert found(documents) == [FindingCode.DOCUMENT_MISSING]


@pytest.mark.parametrize(
    "cited",
    [
        sealed(agency="TX2270100"),
        sealed(purpose="court", offence="drugs"),
        encode_leaf(msgspec.structs.replace(least(LeafKind.ACCESS), member=TX)),
    ],
)
def test_what_does_not_stand_sealed_is_not_revealed(cited: bytes) -> None:
    """In part, or not at all."""
    assert found(ledger(cited=cited)) == [FindingCode.LEAF_CITATION]


@pytest.mark.parametrize("cites", ["tx/39", "tx/40", "oh/2", "tx/1000000"])
def test_only_an_earlier_leaf_of_the_ledger_is_revealed(cites: str) -> None:
    """Not itself, not a later one, not another ledger's."""
    assert found(ledger(leaf=reveal(cites))) == [FindingCode.LEAF_CITATION]


def test_a_reveal_of_nothing_is_found() -> None:
    """It cites, and states no field."""
    header = msgspec.structs.replace(least(LeafKind.REVEAL), member=TX, cites="tx/2")
    assert found(ledger(leaf=encode_leaf(header))) == [FindingCode.LEAF_CITATION]


def test_a_later_audit_reads_the_cited_leaf_again() -> None:
    """What it cites stands before where the last audit ended; it is proved under the new root."""
    documents = ledger(700)
    before = exported([leaf_of(n) if n != SEALED_AT else sealed() for n in range(600)])
    state = audit_tree(before.__getitem__, VKEY).state
    assert state is not None
    assert found(documents, state) == []
    forged = bytearray(documents["tile/entries/000"])
    at = bytes(forged).index(b'"fo":3')
    forged[at + 5] = ord("4")
    assert found({**documents, "tile/entries/000": bytes(forged)}, state) == [
        FindingCode.DOCUMENT_DIFFERS
    ]


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/0/000", "tile/1/000.p/3"])
def test_a_server_that_shows_other_bytes_later_is_found(path: str) -> None:
    """The bundle, or a tile above it, is not what the audit has seen a moment before."""
    documents = ledger(800)
    seen: set[str] = set()

    def fetch(name: str) -> bytes:
        data = documents[name]
        if name != path or name not in seen:
            seen.add(name)
            return data
        return data[:-1] + bytes([data[-1] ^ 1])

    codes = {finding.code for finding in audit_tree(fetch, VKEY).findings}
    # A tile of level 0 is not asked for again: the bundle's own hashes stand in its place.
    assert (FindingCode.DOCUMENT_DIFFERS in codes) is (path != "tile/0/000")


def test_a_withdrawn_leaf_is_not_doubted() -> None:
    """Its bundle is absent, and a redaction names one of its leaves."""
    count = 600
    leaves = [leaf_of(number) for number in range(count)]
    leaves[SEALED_AT] = sealed()
    leaves[598] = leaf_of(598, redacts=1)
    leaves[599] = reveal()
    documents = exported(leaves)
    documents[document_path(599)] = opening()
    del documents["tile/entries/000"]
    assert found(documents) == []
