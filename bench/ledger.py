#!/usr/bin/env python3
"""What a ledger costs: growing it, committing it, governing it, checking it.

Rates named `..._per_s` without a database are of one core: leaves a second of this process's own
CPU time, so that a neighbour on the machine does not slow them; with PostgreSQL they are of the
wall clock, all processes on this machine. Prints the figures as JSON; see docs/reference/bench.md.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from functools import cache, partial
from random import Random
from typing import Any

import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.ledger_store import store_figures
from bench.report import Figure, at_least, at_most, percentile, print_figures, told
from comity.audit.hashing import fold, leaf_hashes
from comity.audit.places import WIDTH
from comity.audit.tree import audit_tree
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import (
    DataClass,
    Instrument,
    LeafDecision,
    LeafKind,
    LeafMode,
    Offence,
    Purpose,
)
from comity.ledger.export import export_tree
from comity.ledger.note import checkpoint_text, encode_vkey, sign_note, verifier_key
from comity.ledger.proof import TreeReader
from comity.ledger.tile import tile_path
from comity.ledger.tree import (
    Frontier,
    append,
    decode_frontier,
    hash_leaves,
    tree_root,
)

AUDITED = 131_072
BATCH = 1_024
AGENCIES = 2_000
ROUNDS = 9
ORIGIN = "ledger.practice.invalid/tx"
PROOFS = 2_000
SMALL, LARGE = 100_000, 10_000_000


@cache
def practice_leaves(count: int) -> list[bytes]:
    """Return leaves as a state's ledger has them: queries, disclosures, denials, holds."""
    chance = Random(7)
    agencies = [f"TXPX{number:05}" for number in range(AGENCIES)]
    headers = []
    for number in range(count):
        asked: dict[str, Any] = {
            "version": 1,
            "mode": LeafMode.LIVE,
            "hour": 489_787 + number // 20_000,
            "member": Member("tx"),
            "agency": chance.choice(agencies),
            "key": chance.choice(("DQ", "DQ", "RQ", "RQ", "RQ", "KQ")),
            "purpose": chance.choice(list(Purpose)).value,
            "offence": chance.choice(list(Offence)).value,
            "instrument": chance.choice(list(Instrument)),
            "commitment": chance.randbytes(32),
        }
        kind = chance.choices(
            (LeafKind.QUERY, LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD),
            (50, 42, 6, 2),
        )[0]
        headers.append(LeafHeader(kind=kind, **asked, **_outcome(kind, chance)))
    return [encode_leaf(header) for header in headers]


def _outcome(kind: LeafKind, chance: Random) -> dict[str, Any]:
    """Return the fields that an outcome has and a query has not."""
    if kind is LeafKind.QUERY:
        return {"fan_out": 1}
    outcome: dict[str, Any] = {
        "policy": 41,
        "peer": f"oh/{chance.randrange(10_000_000)}",
        "withheld": (DataClass.PHOTO,),
    }
    if kind is LeafKind.DISCLOSURE:
        released = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
        is_found = chance.random() < 0.9
        return outcome | {
            "released": released[: chance.randint(1, 3)] if is_found else (),
            "decision": LeafDecision.RELEASE,
            "result": "record" if is_found else "none",
        }
    decision = LeafDecision.DENY if kind is LeafKind.DENIAL else LeafDecision.HOLD
    return outcome | {"decision": decision}


def cpu_s(call: Callable[[], object]) -> float:
    """Return the CPU seconds of this process that a call takes."""
    start = time.process_time()
    call()
    return time.process_time() - start


def frontier_at(size: int) -> Frontier:
    """Return the right edge of a tree of a size; what is below it costs nothing any more."""
    carries = tuple(bytes([height]) * 32 for height in range(size.bit_count()))
    return decode_frontier(size.to_bytes(8, "big") + b"".join(carries))


def grow(frontier: Frontier, leaves: list[bytes]) -> None:
    """Hash leaves and put them on a tree, batch by batch."""
    for at in range(0, len(leaves), BATCH):
        frontier = append(frontier, hash_leaves(leaves[at : at + BATCH])).frontier


def append_figures() -> list[Figure]:
    """Measure growth, and whether it costs the same on a large ledger."""
    leaves = practice_leaves(AUDITED)[: 32 * BATCH]
    small, large = frontier_at(SMALL), frontier_at(LARGE)
    pairs = [
        (cpu_s(lambda: grow(small, leaves)), cpu_s(lambda: grow(large, leaves)))
        for _ in range(ROUNDS * 2)
    ]
    per_s = [len(leaves) / took for took, _ in pairs]
    ratios = [later / before for before, later in pairs]
    return [
        at_least("append_leaves_per_s", statistics.median(per_s), "leaves/s", 200_000, per_s),
        at_most("append_cost_ratio_10m", statistics.median(ratios), "ratio", 1.2, ratios),
    ]


def audit_figures() -> list[Figure]:
    """Measure the audit from bytes to root, every header checked, and a proof from kept tiles."""
    leaves = practice_leaves(AUDITED)
    private = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    key = verifier_key(ORIGIN, private.public_key().public_bytes_raw())
    root = tree_root(hash_leaves(leaves))
    note = sign_note(checkpoint_text(ORIGIN, len(leaves), root), key, private)
    documents = dict(export_tree(leaves, note, key))

    def audit() -> None:
        report = audit_tree(documents.__getitem__, encode_vkey(key))
        assert report.ok
        assert report.leaves_read == len(leaves)

    def hashing() -> None:
        for at in range(0, len(leaves), WIDTH):
            fold(leaf_hashes(leaves[at : at + WIDTH]))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs = [(cpu_s(audit), cpu_s(hashing)) for _ in range(ROUNDS)]
    found = [len(leaves) / took for took, _ in pairs]
    ratios = [took / least for took, least in pairs]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    reader = TreeReader(len(leaves), lambda tile: documents[tile_path(tile)])
    chance = Random(3)
    indexes = [chance.randrange(len(leaves)) for _ in range(PROOFS)]
    for index in indexes:
        reader.inclusion(index)
    proofs = sorted(1e6 * cpu_s(partial(reader.inclusion, index)) for index in indexes)
    quartiles = [percentile(proofs, share) for share in (0.25, 0.5, 0.75)]
    return [
        at_least("audit_leaves_per_s", statistics.median(found), "leaves/s", 500_000, found),
        told("audit_hashing_ratio", statistics.median(ratios), "ratio", ratios),
        told("audit_memory_mib", grown / 1024, "MiB"),
        at_most("proof_us", statistics.median(proofs), "us", 50, quartiles),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--without-store", action="store_true")
    given = parser.parse_args()
    figures = audit_figures() + append_figures()
    figures += uvloop.run(store_figures(None if given.without_store else given.seconds))
    print_figures("ledger", figures)


if __name__ == "__main__":
    main()
