"""Everything that was seen or thought of to go wrong with a public ledger, done to one of 70,000.

The ids are those of docs/adr/0022-audit.md. Each fault is a change of an honest export's documents;
`previous` says from which size the last audit is gone on from, `in_go` whether a checker without
memory can find it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from comity.audit.findings import AuditState, FindingCode
from comity.domain.ids import Member
from comity.domain.leaf import encode_leaf, parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.ledger.commitment import commit, encode_opening, open_commitment
from comity.ledger.note import KeyKind, checkpoint_text, sign_note
from comity.ledger.tile import document_path, encode_bundle
from comity.ledger.tree import hash_leaf, hash_leaves, tree_root
from tests.support.leaves import least
from tests.support.ledger import (
    ORIGIN,
    PracticeSigner,
    exported,
    leaf_of,
    leaves_of,
)

__all__ = [
    "FAULTS", "SIZE", "Fault", "documented", "honest", "leaves", "redacted", "state_at",
]  # fmt: skip

SIZE = 70_000
"""273 full level-0 tiles and one of 112; one full level-1 tile and one of 17; one of 1 above."""

FULL, LAST = "tile/entries/100", "tile/entries/273.p/112"
Documents = dict[str, bytes]
Change = Callable[[Documents], Documents]


class Fault(Struct, frozen=True, kw_only=True):
    """One fault: its id, what it is, how it is done, and what our audit must call it."""

    id: str
    what: str
    change: Change
    code: FindingCode
    in_go: bool = True
    previous: int | None = None


@cache
def leaves() -> tuple[bytes, ...]:
    """Return the ledger's leaves; made once a session."""
    return tuple(leaves_of(SIZE))


@cache
def honest() -> Documents:
    """Return the honest export; made once a session, changed by nobody."""
    return exported(leaves())


def state_at(size: int) -> AuditState:
    """Return what an audit found good when the ledger had that size."""
    return AuditState(origin=ORIGIN, size=size, root=tree_root(hash_leaves(leaves()[:size])))


def flip(path: str, at: int) -> Change:
    def change(documents: Documents) -> Documents:
        data = bytearray(documents[path])
        data[at] ^= 1
        return {**documents, path: bytes(data)}

    return change


def edit(path: str, made: Callable[[bytes], bytes]) -> Change:
    return lambda documents: {**documents, path: made(documents[path])}


def without(path: str) -> Change:
    return lambda documents: {p: data for p, data in documents.items() if p != path}


def signed(text: Callable[[], bytes], seed: bytes = b"\x01" * 32) -> Change:
    """Put another checkpoint in the place of the signed one."""
    signer = PracticeSigner(ORIGIN, seed, KeyKind.ED25519)
    return lambda documents: {**documents, "checkpoint": sign_note(text(), signer.key, signer)}


def rewritten(change: Callable[[list[bytes]], list[bytes]], *, size: int = 1_000) -> Change:
    """Publish another, shorter ledger, honestly signed, whose leaves were changed."""
    return lambda _: exported(change(list(leaves()[:size])))


def together(documents: Documents) -> Documents:
    """Change a leaf, its tile, and nothing above."""
    entries = list(leaves()[25_600:25_856])
    entries[7] = leaf_of(1)
    tile = b"".join(hash_leaves(entries))
    return {**documents, FULL: encode_bundle(entries), "tile/0/100": tile}


def all_but_the_signature(documents: Documents) -> Documents:
    """Derive the whole tree of other leaves under the old checkpoint."""
    other = [*leaves()[:-1], leaf_of(SIZE + 1)]
    return {**exported(other), "checkpoint": documents["checkpoint"]}


def forked(documents: Documents) -> Documents:
    """Sign another ledger of the same size with the same key."""
    return exported([leaf_of(1_000_000), *leaves()[1:]])


def replaced(at: int, leaf: bytes) -> Change:
    return rewritten(lambda all_: [*all_[:at], leaf, *all_[at + 1 :]])


def fields_spaced(leaf: bytes) -> bytes:
    return leaf.replace(b',"st"', b', "st"')


def redacted(*absent: int, by: int = 700) -> Documents:
    """A ledger of 1,000 leaves that redacts leaf 300, without the bundles of these leaves."""
    entries = list(leaves()[:1_000])
    entries[by] = leaf_of(by, redacts=300)
    return exported(entries, lambda index: index in (absent or (300,)))


def documented(purpose: str = "court") -> Documents:
    """A ledger of 1,000 leaves with a policy, a key event, figures and an opening, as published.

    `purpose` is what leaf 600 reveals of leaf 250, whose record says `court`.
    """
    entries = list(leaves()[:1_000])
    bodies: dict[int, bytes] = {}
    for index, (kind, body) in _NAMED.items():
        entries[index] = encode_leaf(
            msgspec.structs.replace(
                parse_leaf(leaf_of(index)), kind=kind, digest=sha256(body).digest(), cites=None
            )
        )
        bodies[index] = body
    entries[250] = encode_leaf(
        msgspec.structs.replace(
            least(LeafKind.QUERY), member=Member("tx"), commitment=commit(_KEY, _FIELDS), **_SEALED
        )
    )
    entries[600] = encode_leaf(
        msgspec.structs.replace(
            parse_leaf(leaf_of(600)), kind=LeafKind.REVEAL, cites="tx/250", purpose=purpose
        )
    )
    bodies[600] = encode_opening(open_commitment(_KEY, _FIELDS, ["purpose"]))
    found = exported(entries)
    return {document_path(index): body for index, body in bodies.items()} | found


_KEY = b"practice key of thirty-two bytes"
_FIELDS = [("agency", b"TXPX00001"), ("purpose", b"court"), ("offence", b"none")]
_SEALED: dict[str, Any] = {"agency": "sealed", "purpose": "sealed", "offence": "sealed"}
_NAMED = {
    9: (LeafKind.POLICY, b'{"practice":"policy"}'),
    10: (
        LeafKind.KEY,
        b'{"v":1,"member":"tx","event":"held","reason":"litigation","months":["2026-10"]}',
    ),
    11: (LeafKind.COUNTS, b'{"practice":"figures"}'),
}


def swapped(data: bytes) -> bytes:
    entries = list(leaves()[25_600:25_856])
    entries[3], entries[4] = entries[4], entries[3]
    assert encode_bundle(entries) != data
    return encode_bundle(entries)


def root_of(entries: Sequence[bytes]) -> bytes:
    return tree_root([hash_leaf(entry) for entry in entries])


def text_at(size: int) -> bytes:
    return checkpoint_text(ORIGIN, size, root_of(leaves()))


EXTRA = encode_bundle([leaf_of(SIZE)])
SHORT = encode_bundle(leaves_of(256)[:255])
C = FindingCode


KNOWN: list[tuple[str, Change, FindingCode]] = [
    ("byte changed in a bundle", flip(FULL, 2_000), C.TILE_MISMATCH),
    ("bundle one entry short", edit(FULL, lambda d: d[: -len(EXTRA)]), C.BUNDLE_COUNT),
    ("entry appended to a bundle", edit(FULL, lambda d: d + EXTRA), C.BUNDLE_COUNT),
    ("byte changed in a full level-0 tile", flip("tile/0/100", 5), C.TILE_MISMATCH),
    ("byte changed in a level-1 tile", flip("tile/1/000", 8_191), C.TILE_MISMATCH),
    ("byte changed in a partial tile", flip("tile/0/273.p/112", 0), C.TILE_MISMATCH),
    (
        "size one larger in the checkpoint",
        edit("checkpoint", lambda d: d.replace(b"\n70000\n", b"\n70001\n")),
        C.CHECKPOINT_UNVERIFIED,
    ),
    ("short tile at a full path", edit("tile/0/100", lambda d: d[:-32]), C.TILE_LENGTH),
    # From here on, ours.
    ("empty entry appended", edit(FULL, lambda d: d + b"\x00\x00"), C.BUNDLE_COUNT),
    ("byte after the last bundle", edit(LAST, lambda d: d + b"\x00"), C.BUNDLE_MALFORMED),
    ("two leaves in the other order", edit(FULL, swapped), C.TILE_MISMATCH),
    (
        "bundle with another bundle's leaves",
        lambda d: {**d, FULL: d["tile/entries/101"]},
        C.TILE_MISMATCH,
    ),
    ("leaf and its tile changed together", together, C.TILE_MISMATCH),
    ("whole tree derived anew under the old root", all_but_the_signature, C.ROOT_MISMATCH),
    ("bundle absent, and nothing redacted", without(FULL), C.BUNDLE_MISSING),
    ("partial tile absent", without("tile/1/001.p/17"), C.TILE_MISSING),
    ("tile one hash longer", edit("tile/0/100", lambda d: d + bytes(32)), C.TILE_LENGTH),
    ("partial level-2 tile changed", flip("tile/2/000.p/1", 31), C.TILE_MISMATCH),
    ("checkpoint absent", without("checkpoint"), C.CHECKPOINT_MISSING),
    (
        "checkpoint signed by a stranger's key of the same name",
        signed(lambda: text_at(SIZE), seed=b"\x09" * 32),
        C.CHECKPOINT_UNVERIFIED,
    ),
    (
        "checkpoint with a line more, signed",
        signed(lambda: text_at(SIZE) + b"and more\n"),
        C.CHECKPOINT_MALFORMED,
    ),
    (
        "size with a leading zero, signed",
        signed(lambda: text_at(SIZE).replace(b"\n7", b"\n07")),
        C.CHECKPOINT_MALFORMED,
    ),
    ("size one larger, signed", signed(lambda: text_at(SIZE + 1)), C.TILE_MISSING),
    (
        "root of another tree, signed",
        signed(lambda: checkpoint_text(ORIGIN, SIZE, bytes(32))),
        C.ROOT_MISMATCH,
    ),
]
BEYOND: list[tuple[str, Change, FindingCode]] = [
    ("leaf with a space, signed", replaced(5, fields_spaced(leaf_of(5))), C.LEAF_MALFORMED),
    ("leaf that is no leaf, signed", replaced(5, b"ruin"), C.LEAF_MALFORMED),
    ("leaf of another member, signed", replaced(5, leaf_of(5, member="oh")), C.LEAF_MEMBER),
    ("redaction of a later leaf, signed", replaced(5, leaf_of(5, redacts=9)), C.LEAF_CITATION),
]
REMEMBERED: list[tuple[str, Change, int, FindingCode]] = [
    ("ledger rolled back, signed", rewritten(lambda all_: all_), SIZE, C.LEDGER_SHRUNK),
    ("other ledger of the same size, signed", forked, SIZE, C.LEDGER_FORKED),
    ("other past, signed", forked, 300, C.LEDGER_FORKED),
]
WITHDRAWN: list[tuple[str, Change, FindingCode]] = [
    ("bundle absent beside a redacted one", lambda _: redacted(300, 600), C.BUNDLE_MISSING),
    (
        "redaction in a bundle that is absent itself",
        lambda _: redacted(300, 700),
        C.BUNDLE_MISSING,
    ),
    ("redacted by its own bundle", lambda _: redacted(300, by=301), C.BUNDLE_MISSING),
    (
        "tile of a redacted bundle changed",
        lambda _: flip("tile/0/001", 40)(redacted()),
        C.ROOT_MISMATCH,
    ),
    (
        "tile of a redacted bundle absent",
        lambda _: without("tile/0/001")(redacted()),
        C.TILE_MISSING,
    ),
    (
        "document of a policy changed",
        lambda _: flip("document/009", 3)(documented()),
        C.DOCUMENT_DIFFERS,
    ),
    (
        "document of a policy absent",
        lambda _: without("document/009")(documented()),
        C.DOCUMENT_MISSING,
    ),
    (
        "document of a key event changed",
        lambda _: flip("document/010", 30)(documented()),
        C.DOCUMENT_DIFFERS,
    ),
    (
        "opening of a reveal absent",
        lambda _: without("document/600")(documented()),
        C.DOCUMENT_MISSING,
    ),
    (
        "opening of a reveal shows another value",
        lambda _: edit("document/600", lambda d: d.replace(b"Y291cnQ=", b"Y291cnU="))(documented()),
        C.DOCUMENT_DIFFERS,
    ),
    (
        "reveal of what its opening does not show",
        lambda _: documented("traffic_safety"),
        C.DOCUMENT_DIFFERS,
    ),
]


def _faults() -> list[Fault]:
    rows: list[tuple[str, Change, FindingCode, bool, int | None]] = [
        (what, change, code, True, None) for what, change, code in (*KNOWN, *BEYOND)
    ]
    rows += [(what, change, code, False, size) for what, change, size, code in REMEMBERED]
    rows += [(what, change, code, True, None) for what, change, code in WITHDRAWN]
    return [
        Fault(id=f"AF-{n:02}", what=what, change=change, code=code, in_go=in_go, previous=size)
        for n, (what, change, code, in_go, size) in enumerate(rows, 1)
    ]


FAULTS = {fault.id: fault for fault in _faults()}
