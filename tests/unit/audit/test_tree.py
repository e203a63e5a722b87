"""The audit accepts exactly what a ledger of that size publishes, and names every fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from comity.audit.findings import (
    AuditReport,
    AuditState,
    EvidenceError,
    EvidenceFormError,
    FindingCode,
)
from comity.audit.notes import SignedHead
from comity.audit.places import BUNDLE_BYTES_MAX
from comity.audit.tree import FINDINGS_MAX, audit_tree
from comity.ledger.note import checkpoint_text, encode_vkey, sign_note
from comity.ledger.tile import encode_bundle
from comity.ledger.tree import hash_leaves, tree_root
from tests.support.ledger import (
    ORIGIN,
    exported,
    leaf_of,
    leaves_of,
    ledger_signer,
    signed_checkpoint,
)

VKEY = encode_vkey(ledger_signer().key)
SIZE = 1_000
"""Three full level-0 tiles and one of 232, one level-1 tile of 3."""

DEEP = 66_000
"""257 full level-0 tiles, one full level-1 tile, partial tiles at levels 0, 1 and 2."""

Documents = dict[str, bytes]


LEAVES = leaves_of(DEEP)
HASHES = hash_leaves(LEAVES)


@pytest.fixture(scope="module")
def documents() -> Documents:
    return exported(LEAVES[:SIZE])


@pytest.fixture(scope="module")
def deep() -> Documents:
    return exported(LEAVES)


def audited(documents: Documents, previous: AuditState | None = None) -> AuditReport:
    return audit_tree(documents.__getitem__, VKEY, previous=previous)


def codes(report: AuditReport) -> set[FindingCode]:
    return {finding.code for finding in report.findings}


def state_at(size: int) -> AuditState:
    root = tree_root(HASHES[:size])
    return AuditState(origin=ORIGIN, size=size, root=root)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513])
def test_honest_ledger_is_ok(size: int) -> None:
    """A ledger of any size that is as it should be has no findings."""
    report = audited(exported(leaves_of(size)))
    assert report.ok
    assert (report.size, report.leaves_read) == (size, size)
    assert report.state == state_at(size)


def test_honest_ledger_of_three_levels_is_ok(deep: Documents) -> None:
    """Tiles of every level are compared, each read once."""
    read: list[str] = []

    def fetch(path: str) -> bytes:
        read.append(path)
        return deep[path]

    assert audit_tree(fetch, VKEY).ok
    assert sorted(read) == sorted(set(deep) - {"vkey"})


FULL, LAST = "tile/entries/001", "tile/entries/003.p/232"


def flip(path: str, at: int) -> Callable[[Documents], Documents]:
    def change(documents: Documents) -> Documents:
        data = bytearray(documents[path])
        data[at] ^= 1
        return {**documents, path: bytes(data)}

    return change


def cut(path: str, count: int) -> Callable[[Documents], Documents]:
    return lambda documents: {**documents, path: documents[path][:-count]}


def extend(path: str, data: bytes) -> Callable[[Documents], Documents]:
    return lambda documents: {**documents, path: documents[path] + data}


def without(path: str) -> Callable[[Documents], Documents]:
    return lambda documents: {p: d for p, d in documents.items() if p != path}


def signed(size: int, root: bytes, origin: str = ORIGIN) -> Callable[[Documents], Documents]:
    signer = ledger_signer()
    note = sign_note(checkpoint_text(origin, size, root), signer.key, signer)
    return lambda documents: {**documents, "checkpoint": note}


def one_larger(documents: Documents) -> Documents:
    """Return the documents with an honest signature over one leaf more than there is."""
    return signed(SIZE + 1, tree_root(HASHES[:SIZE]))(documents)


ENTRY = encode_bundle([LEAVES[300]])
FAULTS = {
    "byte in a bundle": (flip(FULL, 2_000), FindingCode.TILE_MISMATCH),
    "byte in the last bundle": (flip(LAST, 2_000), FindingCode.TILE_MISMATCH),
    "bundle one entry short": (cut(FULL, len(ENTRY)), FindingCode.BUNDLE_COUNT),
    "bundle cut within an entry": (cut(FULL, 1), FindingCode.BUNDLE_MALFORMED),
    "entry appended to a bundle": (extend(FULL, ENTRY), FindingCode.BUNDLE_COUNT),
    "entry appended to the last bundle": (extend(LAST, ENTRY), FindingCode.BUNDLE_COUNT),
    "byte after a bundle": (extend(FULL, b"\x00"), FindingCode.BUNDLE_MALFORMED),
    "empty entry after a bundle": (extend(FULL, b"\x00\x00"), FindingCode.BUNDLE_COUNT),
    "bundle absent": (without(FULL), FindingCode.BUNDLE_MISSING),
    "last bundle absent": (without(LAST), FindingCode.BUNDLE_MISSING),
    "byte in a full level-0 tile": (flip("tile/0/001", 5), FindingCode.TILE_MISMATCH),
    "byte in a partial level-0 tile": (flip("tile/0/003.p/232", 0), FindingCode.TILE_MISMATCH),
    "byte in a partial level-1 tile": (flip("tile/1/000.p/3", 0), FindingCode.TILE_MISMATCH),
    "short tile at a full path": (cut("tile/0/001", 32), FindingCode.TILE_LENGTH),
    "long tile": (extend("tile/1/000.p/3", bytes(32)), FindingCode.TILE_LENGTH),
    "tile absent": (without("tile/0/001"), FindingCode.TILE_MISSING),
    "partial tile absent": (without("tile/1/000.p/3"), FindingCode.TILE_MISSING),
    "checkpoint absent": (without("checkpoint"), FindingCode.CHECKPOINT_MISSING),
    "checkpoint size changed": (
        lambda d: {**d, "checkpoint": d["checkpoint"].replace(b"\n1000\n", b"\n1001\n")},
        FindingCode.CHECKPOINT_UNVERIFIED,
    ),
    "checkpoint cut": (cut("checkpoint", 1), FindingCode.CHECKPOINT_MALFORMED),
    "checkpoint of another origin": (
        signed(SIZE, bytes(32), "log.example/oh"),
        FindingCode.CHECKPOINT_UNVERIFIED,
    ),
    "signed size one larger": (one_larger, FindingCode.TILE_MISSING),
    "signed root of another tree": (signed(SIZE, bytes(32)), FindingCode.ROOT_MISMATCH),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_found(fault: str, documents: Documents) -> None:
    """Each fault that was seen in the field has its finding, and the report is not ok."""
    change, code = FAULTS[fault]
    report = audited(change(documents))
    assert not report.ok
    assert report.state is None
    assert code in codes(report)


DEEP_FAULTS = {
    "byte in a full level-1 tile": (flip("tile/1/000", 8_191), FindingCode.TILE_MISMATCH),
    "byte in a partial level-1 tile": (flip("tile/1/001.p/1", 0), FindingCode.TILE_MISMATCH),
    "byte in a partial level-2 tile": (flip("tile/2/000.p/1", 31), FindingCode.TILE_MISMATCH),
    "short level-1 tile at a full path": (cut("tile/1/000", 32), FindingCode.TILE_LENGTH),
    "level-2 tile absent": (without("tile/2/000.p/1"), FindingCode.TILE_MISSING),
}


@pytest.mark.parametrize("fault", DEEP_FAULTS)
def test_fault_of_a_higher_level_is_found(fault: str, deep: Documents) -> None:
    """A fault above the first level has its finding and no other."""
    change, code = DEEP_FAULTS[fault]
    assert codes(audited(change(deep))) == {code}


def test_bundle_short_by_one_whole_entry_is_counted() -> None:
    """A bundle from which a whole entry was taken is reported with its count."""
    leaves = leaves_of(300)
    documents = exported(leaves)
    documents["tile/entries/000"] = encode_bundle(leaves[:255])
    report = audited(documents)
    assert [f.text for f in report.findings if f.code is FindingCode.BUNDLE_COUNT] == [
        "holds 255 entries in place of 256"
    ]


def test_finding_names_the_wrong_hash(documents: Documents) -> None:
    """A damaged tile is reported with its path and the place of the hash."""
    report = audited(flip("tile/0/001", 32 * 7)(documents))
    finding = report.findings[0]
    assert (finding.path, finding.text) == (
        "tile/0/001",
        "hash 7 is not that of what is below it",
    )


def test_neither_bundle_nor_tile_ends_the_audit(documents: Documents) -> None:
    """Where neither bundle nor tile can be read, nothing after it is called good."""
    report = audited(without("tile/0/001")(without(FULL)(documents)))
    assert codes(report) >= {FindingCode.TILE_MISSING, FindingCode.AUDIT_STOPPED}


def test_leaf_that_is_no_header_is_found() -> None:
    """Bytes that are in the tree but are no leaf of version 1 are reported."""
    report = audited(exported([*leaves_of(3), b"not a leaf", leaf_of(4)]))
    assert codes(report) == {FindingCode.LEAF_MALFORMED}
    assert report.findings[0].text.startswith("leaf 3: ")


def test_leaf_of_another_member_is_found() -> None:
    """A ledger holds its own member's leaves only."""
    report = audited(exported([leaf_of(0), leaf_of(1, member="oh")]))
    assert codes(report) == {FindingCode.LEAF_MEMBER}


def test_redacted_bundle_may_be_absent() -> None:
    """A bundle that a later leaf redacts an entry of may be absent, and no other one."""
    leaves = [*leaves_of(600), leaf_of(600, redacts=300)]
    report = audited(exported(leaves, lambda index: index == 300))
    assert report.ok
    assert report.bundles_withdrawn == (1,)
    assert report.leaves_read == 601 - 256
    other = audited(exported(leaves, lambda index: index == 5))
    assert codes(other) == {FindingCode.BUNDLE_MISSING}


def test_redaction_of_no_earlier_leaf_is_found() -> None:
    """A redaction names an earlier leaf of its own ledger."""
    report = audited(exported([leaf_of(0), leaf_of(1, redacts=1), leaf_of(2, redacts=7)]))
    assert [f.code for f in report.findings] == [FindingCode.LEAF_CITATION] * 2


def test_noted_indexes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what an audit can note, an absent bundle is a finding and a redaction excuses none."""
    monkeypatch.setattr("comity.audit.tree.NOTED_MAX", 1)
    leaves = [*LEAVES[:600], leaf_of(600, redacts=5), leaf_of(601, redacts=300)]
    documents = exported(leaves, lambda index: index in (5, 300))
    report = audited(documents)
    assert [f.path for f in report.findings] == ["tile/entries/001"]
    assert report.bundles_withdrawn == (0,)


def test_findings_are_bounded() -> None:
    """A ledger in ruins ends the audit after a bounded number of findings."""
    report = audited(exported([b"ruin"] * (FINDINGS_MAX + 50)))
    assert len(report.findings) == FINDINGS_MAX + 1
    assert report.findings[-1].code is FindingCode.AUDIT_STOPPED


@pytest.mark.parametrize("old", [0, 1, 300, 65_535, 65_536, DEEP])
def test_audit_goes_on_from_where_it_ended(old: int, deep: Documents) -> None:
    """An audit that continues another reads only what is new and ends with the same state."""
    report = audited(deep, state_at(old))
    assert report.ok
    assert report.state == state_at(DEEP)
    assert report.leaves_read == DEEP - old // 256 * 256


def test_unchanged_ledger_of_full_tiles_is_ok() -> None:
    """A ledger that did not grow is checked against the state before without reading a bundle."""
    documents = exported(LEAVES[:512])
    report = audited(documents, state_at(512))
    assert report.ok
    assert report.leaves_read == 0
    other = AuditState(origin=ORIGIN, size=512, root=bytes(32))
    assert codes(audited(documents, other)) == {FindingCode.LEDGER_FORKED}


@pytest.mark.parametrize("old", [1, 256, 65_600])
def test_forked_ledger_is_found(old: int, deep: Documents) -> None:
    """A ledger whose past is another than the one audited before is a fork."""
    forked = AuditState(origin=ORIGIN, size=old, root=bytes(32))
    assert FindingCode.LEDGER_FORKED in codes(audited(deep, forked))


def test_shrunk_ledger_is_found(documents: Documents) -> None:
    """A ledger that has fewer leaves than before is reported without reading on."""
    shrunk = AuditState(origin=ORIGIN, size=SIZE + 1, root=bytes(32))
    assert codes(audited(documents, shrunk)) == {FindingCode.LEDGER_SHRUNK}


def test_other_ledger_is_found(documents: Documents) -> None:
    """The state of one ledger does not vouch for another."""
    other = AuditState(origin="log.example/oh", size=1, root=bytes(32))
    assert codes(audited(documents, other)) == {FindingCode.LEDGER_CHANGED}


def test_missing_tile_on_the_way_up_stops(deep: Documents) -> None:
    """An audit cannot be taken up again without the tiles that hold the old tree."""
    report = audited(without("tile/1/000")(deep), state_at(300))
    assert codes(report) == {FindingCode.TILE_MISSING, FindingCode.AUDIT_STOPPED}


def test_old_bundle_changed_after_its_audit_is_not_read_again(deep: Documents) -> None:
    """What was found good is held by the tree: an old tile that changed is found by its root."""
    report = audited(flip("tile/1/000", 0)(deep), state_at(300))
    assert FindingCode.LEDGER_FORKED in codes(report)


def test_key_comes_from_the_caller() -> None:
    """The key that lies beside the ledger is never read, and a malformed one is an error."""
    documents = exported(leaves_of(3))
    documents["vkey"] = b"nonsense"
    assert audited(documents).ok
    with pytest.raises(EvidenceFormError):
        audit_tree(documents.__getitem__, "nonsense")


def test_failing_fetch_is_no_finding() -> None:
    """A store that fails ends the audit with its own error: that says nothing of the ledger."""

    def fetch(_: str) -> bytes:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        audit_tree(fetch, VKEY)


def test_checkpoint_of_a_huge_size_ends_soon() -> None:
    """A signed size beyond any ledger does not keep an audit busy."""
    signer = ledger_signer()
    for size in (2**48, 2**48 + 1):
        note = sign_note(checkpoint_text(ORIGIN, size, bytes(32)), signer.key, signer)
        assert not audited({"checkpoint": note}).ok
    assert audited({"checkpoint": signed_checkpoint([])}).ok


def test_reader_gets_every_good_bundle_and_may_refuse(documents: Documents) -> None:
    """Bundles are handed on once each, in order; an error of the reader is not the ledger's."""
    seen: list[int] = []

    def read(first: int, entries: Sequence[bytes]) -> None:
        assert list(entries) == LEAVES[first : first + len(entries)]
        seen.append(first)

    assert audit_tree(documents.__getitem__, VKEY, read=read).ok
    assert seen == [0, 256, 512, 768]

    def refuse(first: int, entries: Sequence[bytes]) -> None:
        raise EvidenceError("`ledger` is more than can be read")

    with pytest.raises(EvidenceError):
        audit_tree(documents.__getitem__, VKEY, read=refuse)


def test_held_heads_must_have_been_passed(documents: Documents) -> None:
    """Older heads hold at any size up to the ledger's own; another root of theirs is a fork."""
    sizes = (0, 1, 255, 256, 257, 999, SIZE)
    held = [SignedHead(ORIGIN, size, tree_root(HASHES[:size]), {}) for size in sizes]
    assert audit_tree(documents.__getitem__, VKEY, heads=held).ok
    for size in sizes:
        wrong = SignedHead(ORIGIN, size, bytes(32), {})
        report = audit_tree(documents.__getitem__, VKEY, heads=[*held, wrong])
        assert codes(report) == {FindingCode.LEDGER_FORKED}


def test_held_head_before_the_last_audit_is_not_passed_over(documents: Documents) -> None:
    """A head that this run cannot check any more is a finding: the audit must begin anew."""
    old = SignedHead(ORIGIN, 100, tree_root(HASHES[:100]), {})
    report = audit_tree(documents.__getitem__, VKEY, previous=state_at(600), heads=[old])
    assert codes(report) == {FindingCode.AUDIT_STOPPED}


def test_bundle_is_bounded() -> None:
    """A bundle as long as leaves can make it is read; one byte more is not taken apart."""
    documents = exported(leaves_of(3))
    path = "tile/entries/000.p/3"
    for size, code in (
        (BUNDLE_BYTES_MAX, FindingCode.BUNDLE_COUNT),
        (BUNDLE_BYTES_MAX + 2, FindingCode.BUNDLE_MALFORMED),
    ):
        report = audited({**documents, path: bytes(size)})
        assert code in codes(report)
