"""A ledger of every kind and every decision: sequenced, stored, exported, audited in three ways.

One of its leaves is redacted, so that a bundle is withdrawn, and one of its reveals is proved.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from comity.audit.evidence import check_receipt, check_tlog_proof
from comity.audit.notes import read_vkey
from comity.audit.tree import audit_tree
from comity.cli.exports import prove_leaf, write_into
from comity.cli.sources import fetch_from_folder
from comity.domain.ids import LeafIndex, parse_entry_name
from comity.domain.leaf import LeafHeader, encode_leaf, parse_leaf
from comity.domain.vocabulary import LeafDecision, LeafKind, LeafMode
from comity.exchange.leaves import WantedLeaf
from comity.exchange.private import note_fields
from comity.ledger.commitment import encode_opening, open_commitment
from comity.ledger.note import encode_vkey
from comity.ledger.tile import TILE_WIDTH
from comity.ledger.tree import hash_leaf
from comity.services.entries import Entry, private_place
from comity.services.export import export_ledger
from comity.services.sequencer import CommittedLeaf
from comity.services.vault import decode_private
from tests.foreign.test_go_checker import Checker, checker
from tests.support.engines import Cluster, cluster
from tests.support.exports import write_export
from tests.support.gateway import NOW, WA, PracticeHost, note_entry
from tests.support.javascript import run_checker, verdicts
from tests.support.leaves import fullest, least
from tests.support.sequencing import HOST, entries_for, host_on, leaf_of
from tests.support.stores import PostgresCase, postgres_case

__all__ = ["checker", "cluster"]

BEFORE = 300
"""Leaves before them, so that what a redaction names stands in another bundle."""
POLICY = b'{"practice":"policy"}'
EVENT = b'{"v":1,"member":"wa","event":"held","reason":"litigation","months":["2026-10"]}'
FIGURES = b'{"practice":"figures"}'
DETAIL = {"agency": "ORPX00001", "purpose": "court", "offence": "none"}
BODIES = {LeafKind.POLICY: POLICY, LeafKind.KEY: EVENT, LeafKind.COUNTS: FIGURES}


@pytest.fixture
async def case(cluster: Cluster) -> AsyncIterator[PostgresCase]:
    """A database of this test's own."""
    async with postgres_case(cluster) as opened:
        yield opened


def sealed_header() -> LeafHeader:
    """A query whose detail is told later."""
    return msgspec.structs.replace(
        least(LeafKind.QUERY), agency="sealed", purpose="sealed", offence="sealed"
    )


def headers(sealed: str) -> Iterator[LeafHeader]:
    """Every kind with what it must have and with all that it may have; every decision.

    `sealed` is the entry that is revealed.
    """
    for kind in LeafKind:
        if kind is LeafKind.REVEAL:
            revealed = msgspec.structs.replace(least(kind), cites=sealed)
            yield msgspec.structs.replace(revealed, purpose=DETAIL["purpose"])
            yield msgspec.structs.replace(revealed, **DETAIL)
            continue
        if kind is LeafKind.REDACTION:
            # It has nothing that it may have; each leaf is redacted once.
            yield least(kind)
            yield msgspec.structs.replace(least(kind), cites="wa/2")
            continue
        if kind is LeafKind.INSTRUMENT:
            # Without an agency it is a word about another one, and the audit looks for that.
            yield msgspec.structs.replace(least(kind), agency="TXPX00001")
            yield fullest(kind)
            continue
        for header in (least(kind), fullest(kind)):
            if kind in BODIES:
                yield msgspec.structs.replace(header, digest=sha256(BODIES[kind]).digest())
            else:
                yield header
    for decision in (LeafDecision.REFUSE, LeafDecision.ASK, LeafDecision.ESCALATE):
        yield msgspec.structs.replace(
            least(LeafKind.VERDICT), decision=decision, released=(), withheld=()
        )
    for kind in (LeafKind.HOLD, LeafKind.VERDICT, LeafKind.DENIAL, LeafKind.CLOSURE):
        yield msgspec.structs.replace(fullest(kind), mode=LeafMode.PLANTED)
    announced = msgspec.structs.replace(fullest(LeafKind.POLICY), mode=LeafMode.SHADOW)
    yield msgspec.structs.replace(announced, digest=sha256(POLICY).digest())
    yield msgspec.structs.replace(least(LeafKind.CLOSURE), decision=LeafDecision.UNDELIVERABLE)


def cited(header: LeafHeader) -> LeafIndex:
    """Return which leaf a leaf follows."""
    assert header.cites is not None
    return parse_entry_name(header.cites)[1]


async def opening_of(host: PracticeHost, leaf: CommittedLeaf, header: LeafHeader) -> bytes:
    """What proves a reveal: the fields that it says, out of the record behind the sealed leaf."""
    row = await host.store.private_row(WA, leaf.index)
    assert row is not None
    place = private_place(WA, leaf.index, hash_leaf(leaf.data))
    key, fields = decode_private(host.vault.open(WA, row.sealed, place))
    said = [name for name in DETAIL if getattr(header, name) is not None]
    return encode_opening(open_commitment(key, fields, said))


def entry_for(host: PracticeHost, header: LeafHeader, opening: bytes | None = None) -> Entry:
    """What a service would hand over for a leaf, with the document that it names."""
    wanted = WantedLeaf(step=0, header=header, fields=note_fields(**DETAIL))
    body = opening or BODIES.get(header.kind)
    is_in_force = header.kind is LeafKind.POLICY and header.mode is not LeafMode.SHADOW
    return msgspec.structs.replace(
        note_entry(host.disk, WA),
        leaves=(wanted,),
        policy=body if is_in_force else None,
        document=None if is_in_force else body,
        announced=NOW if header.mode is LeafMode.SHADOW else None,
        redacts=cited(header) if header.kind is LeafKind.REDACTION else None,
    )


@pytest.mark.timeout(360)
async def test_every_kind_goes_through_everything(
    case: PostgresCase, checker: Checker, tmp_path: Path
) -> None:
    """Each leaf comes back as it was receipted; audit, Go and JavaScript accept all, and each."""
    async with host_on(case.store) as host:
        await host.sequencer.commit(entries_for(host, *[WA] * (BEFORE - 1)))
        (result,) = await host.sequencer.commit([entry_for(host, sealed_header())])
        sealed = leaf_of(result)
        wanted = list(headers(f"wa/{sealed.index}"))
        openings = {
            header: await opening_of(host, sealed, header)
            for header in wanted
            if header.kind is LeafKind.REVEAL
        }
        entries = [entry_for(host, header, openings.get(header)) for header in wanted]
        leaves = [leaf_of(result) for result in await host.sequencer.commit(entries)]
        await host.checkpoints.sign_all()
        key = host.checkpoints._keys.of(WA)[1]
        vkey = encode_vkey(key)
        folder = tmp_path / "export"
        size = await export_ledger(case.store, WA, key, write_into(folder))
        stored = await case.store.leaves(WA, BEFORE, size)
    assert stored == [leaf.data for leaf in leaves]
    found = [parse_leaf(data) for data in stored]
    assert {header.kind for header in found} == set(LeafKind)
    assert {header.decision for header in found} == {None, *LeafDecision}
    for header, leaf, asked in zip(found, leaves, wanted, strict=True):
        # All but the commitment, which the sequencer makes, is as it was asked for.
        assert msgspec.structs.replace(header, commitment=asked.commitment) == asked
        assert encode_leaf(header) == leaf.data
        assert check_receipt(leaf.receipt, leaf.data, HOST).index == leaf.index
    report = audit_tree(fetch_from_folder(folder), vkey)
    assert (report.findings, report.size, report.bundles_withdrawn) == ((), size, (0,))
    assert report.leaves_read == size - TILE_WIDTH
    for seen in (checker("export", folder, vkey), run_checker("export", folder, vkey)):
        assert (seen.returncode, seen.stderr) == (0, "")
        assert seen.stdout.startswith(f"ok size={size} ")
    cases = []
    for leaf in leaves:
        proof = prove_leaf(folder, read_vkey(vkey), leaf.index)
        assert proof.leaf == leaf.data
        assert check_tlog_proof(proof.proof, leaf.data, read_vkey(vkey))[0].index == leaf.index
        given = write_export(tmp_path / "one", {"proof": proof.proof, "entry": leaf.data})
        assert checker("proof", given / "proof", given / "entry", vkey).returncode == 0
        cases.append({"check": "proof", "data": proof.proof, "entry": leaf.data, "vkey": vkey})
    assert all(one["ok"] for one in verdicts(cases))
