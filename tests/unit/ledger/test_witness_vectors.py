"""The vectors of vectors/ledger/witness.json hold: witnesses' answers, quorums by two readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comity.audit.findings import EvidenceFormError
from comity.audit.notes import read_vkey
from comity.audit.witnesses import check_quorum, read_quorum
from comity.domain.errors import ComityError
from comity.ledger.cosignature import read_cosignatures
from comity.ledger.note import KeyKind, parse_checkpoint, parse_note, parse_vkey
from comity.ledger.quorum import encode_quorum_file, parse_quorum_file
from comity.ledger.witnessing import (
    WitnessedHead,
    WitnessKey,
    decide,
    encode_add_checkpoint,
    parse_add_checkpoint,
)
from tests.support.ledger import PracticeSigner, ledger_signer

Case = dict[str, Any]
FILE = Path(__file__).parents[3] / "vectors" / "ledger" / "witness.json"
CASES: list[Case] = json.loads(FILE.read_text(encoding="utf-8"))["cases"]


def of(kind: str) -> pytest.MarkDecorator:
    chosen = [pytest.param(case, id=case["id"]) for case in CASES if case["case"] == kind]
    assert chosen
    return pytest.mark.parametrize("case", chosen)


def head_of(note: str | None) -> WitnessedHead | None:
    if note is None:
        return None
    signed = parse_checkpoint(parse_note(note.encode())[0])
    return WitnessedHead(
        origin=signed.origin, size=signed.size, root=signed.root, note=note.encode()
    )


def test_ids_are_given_once() -> None:
    """Each vector has an id of its own and is of a kind that a test below runs."""
    ids = [case["id"] for case in CASES]
    assert len(set(ids)) == len(ids) > 60
    assert {case["case"] for case in CASES} == {
        *("witness", "refused_request", "quorum", "refused_quorum"),
    }


@of("witness")
def test_witness(case: Case) -> None:
    """The request gets the status, body, head and evidence stated."""
    witness = PracticeSigner(case["name"], bytes.fromhex(case["seed"]), KeyKind.COSIGNATURE)
    request = parse_add_checkpoint(case["request"].encode())
    head = head_of(case["head"])
    keys = [parse_vkey(vkey) for vkey in case["vkeys"]]
    key = WitnessKey(key=witness.key, signer=witness)
    step = decide(request, keys, head, key, case["time"])
    assert step.status == case["status"]
    if case["body"] is not None:
        assert (step.body.decode(), step.media) == (case["body"], case["media"])
    assert step.head == head_of(case["head_after"])
    assert (step.evidence.kind if step.evidence else None) == case["evidence"]
    if step.evidence is not None:
        assert step.evidence.shown == case["request"].encode()
        assert step.evidence.seen == (head.note if head else b"")
    if step.head is None:
        assert witness.signed == []
    rewritten = encode_add_checkpoint(request.size_old, request.proof, request.note)
    assert rewritten == case["request"].encode()


@of("refused_request")
def test_refused_request(case: Case) -> None:
    """What is no request is refused with the code stated, before any key is used."""
    with pytest.raises(ComityError) as refused:
        parse_add_checkpoint(case["request"].encode())
    assert refused.value.code == case["code"]


@of("quorum")
def test_quorum(case: Case) -> None:
    """The note is cosigned by the witnesses stated, and that is enough or not, to both readers."""
    note, data = case["note"].encode(), case["file"].encode()
    file = parse_quorum_file(data)
    found = {one.key for one in read_cosignatures(note, file.witness_keys)}
    assert [w.name for w in file.witnesses if w.key in found] == case["cosigned"]
    assert file.is_satisfied(found) == case["satisfied"]
    assert parse_quorum_file(encode_quorum_file(file)) == file
    ledger = read_vkey(ledger_vkey())
    report = check_quorum(note, ledger, read_quorum(data))
    assert list(report.cosigned) == case["cosigned"]
    assert report.is_satisfied == case["satisfied"]
    assert report.is_witnessed == bool(case["cosigned"])
    assert read_quorum(encode_quorum_file(file)) == read_quorum(data)


def ledger_vkey() -> str:
    return str(next(case for case in CASES if case["case"] == "witness")["vkeys"][0])


@of("refused_quorum")
def test_refused_quorum(case: Case) -> None:
    """The file is refused with the code stated, and by the checker."""
    data = case["file"].encode()
    with pytest.raises(ComityError) as refused:
        parse_quorum_file(data)
    assert refused.value.code == case["code"]
    with pytest.raises(EvidenceFormError):
        read_quorum(data)


def test_the_ledger_of_the_vectors_is_the_practice_one() -> None:
    """Quorums are checked against the key that signed the notes."""
    assert parse_vkey(ledger_vkey()) == ledger_signer().key
