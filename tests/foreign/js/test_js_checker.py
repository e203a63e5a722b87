"""JavaScript, Go and our own audit agree on every export, receipt and proof, and on each fault.

The checker in JavaScript is the receipt page's own code, run by Node. `test_go_checker.py` holds Go
and our audit to the same cases, so that all three are held to each other.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comity.audit.evidence import ProvedLeaf, check_opening, check_receipt, check_tlog_proof
from comity.audit.findings import EvidenceError
from comity.audit.notes import read_vkey
from comity.domain.errors import MalformedError
from comity.domain.leaf import encode_leaf, parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.ledger.commitment import (
    OpenedField,
    Opening,
    commit,
    encode_opening,
    open_commitment,
)
from comity.ledger.note import cosignature_line, encode_vkey
from tests.support.evidence import HOUR, KEY, Held, held
from tests.support.exports import change_export, link_export, write_export
from tests.support.faults import FAULTS, SIZE, documented, honest, leaves, redacted
from tests.support.javascript import run_checker, verdicts
from tests.support.leaves import fullest, least
from tests.support.ledger import exported, witness_signer
from tests.support.receipts import (
    CHANGED,
    HOST_VKEY,
    VKEY,
    add_stranger,
    is_ok_for_us,
    proof_of,
    receipts_of,
)

LEAVES = leaves()
VECTORS = Path(__file__).resolve().parents[3] / "vectors/ledger"
Case = dict[str, Any]


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the export of an honest ledger, once."""
    return write_export(tmp_path_factory.mktemp("export"), honest())


@pytest.fixture
def export(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of the export, to be damaged."""
    return link_export(whole, tmp_path / "export")


def ours(case: Case) -> dict[str, Any]:
    """What our own checker makes of a case, in the words of the other."""
    try:
        return {"ok": True, "proved": _proved(case)}
    except (EvidenceError, MalformedError):
        return {"ok": False}


def _proved(case: Case) -> object:
    match case["check"]:
        case "receipt":
            return _placed(check_receipt(case["data"], case["entry"], read_vkey(case["vkey"])), {})
        case "proof":
            witnesses = [read_vkey(key) for key in case.get("witnesses", ())]
            ledger = read_vkey(case["vkey"])
            place, head = check_tlog_proof(case["data"], case["entry"], ledger, witnesses)
            return _placed(place, {name: str(at) for name, at in head.witnessed.items()})
        case "opening":
            shown = check_opening(case["data"], case["commitment"])
            return {name: b64encode(value).decode() for name, value in shown.items()}
        case "vkey":
            return read_vkey(case["vkey"]).name
        case _:
            return parse_leaf(case["data"]).kind


def _placed(place: ProvedLeaf, witnessed: dict[str, str]) -> dict[str, Any]:
    return {
        "origin": place.origin,
        "index": place.index,
        "size": place.size,
        "root": b64encode(place.root).decode(),
        "witnessed": witnessed,
    }


def agree(cases: Sequence[Case]) -> list[bool]:
    """Hold both checkers to one verdict on every case; return which were accepted."""
    accepted = []
    for case, theirs in zip(cases, verdicts(cases), strict=True):
        mine = ours(case)
        if case["check"] == "leaf" and theirs["ok"]:
            theirs["proved"] = theirs["proved"]["k"]
        assert {name: theirs[name] for name in mine} == mine, case
        accepted.append(mine["ok"])
    return accepted


def flips(data: bytes) -> list[bytes]:
    """The same bytes with one bit changed, for each byte once, and cut or grown at the end."""
    flipped = [
        data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :] for at in range(len(data))
    ]
    return [*flipped, data[:-1], data + b" ", data + b"\n", b"", b"\xef\xbb\xbf" + data]


def test_export_is_accepted(whole: Path) -> None:
    """An honest export of 70,000 leaves is accepted, with the signed root."""
    seen = run_checker("export", whole, VKEY)
    assert (seen.returncode, seen.stderr) == (0, "")
    root = (whole / "checkpoint").read_text().split("\n")[2]
    assert seen.stdout == f"ok size={SIZE} root={root}\n"
    assert is_ok_for_us(whole)


@pytest.mark.parametrize("size", [1, 255, 256, 257])
def test_small_export_is_accepted(tmp_path: Path, size: int) -> None:
    """Exports around one full tile are accepted by both."""
    write_export(tmp_path, exported(LEAVES[:size]))
    assert run_checker("export", tmp_path, VKEY).returncode == 0
    assert is_ok_for_us(tmp_path)


@pytest.mark.parametrize("special", [redacted, documented])
def test_special_export_is_accepted(
    tmp_path: Path, special: Callable[[], dict[str, bytes]]
) -> None:
    """A bundle that a redaction withdraws may be absent; documents are what their leaves name."""
    write_export(tmp_path, special())
    seen = run_checker("export", tmp_path, VKEY)
    assert (seen.returncode, seen.stderr) == (0, "")


@pytest.mark.parametrize("path", ["document/012", "document/250", "document/x001/000"])
def test_document_that_no_leaf_names_is_found(tmp_path: Path, path: str) -> None:
    """Beside a ledger nothing may stand that its leaves do not vouch for."""
    write_export(tmp_path, {**documented(), path: b"{}"})
    assert run_checker("export", tmp_path, VKEY).returncode == 1


def test_figures_may_be_absent_and_not_others(tmp_path: Path) -> None:
    """Published figures are what their leaf holds the digest of, where they stand at all."""
    changed = documented()
    write_export(tmp_path / "changed", {**changed, "document/011": b"{}"})
    assert run_checker("export", tmp_path / "changed", VKEY).returncode == 1
    del changed["document/011"]
    write_export(tmp_path / "absent", changed)
    assert run_checker("export", tmp_path / "absent", VKEY).returncode == 0


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if FAULTS[fault].in_go])
def test_fault_is_found(export: Path, fault: str) -> None:
    """Each fault that Go and our audit find ends this program with status 1 too."""
    change_export(export, honest(), FAULTS[fault].change(honest()))
    assert run_checker("export", export, VKEY).returncode == 1


def test_stranger_among_the_files_is_found(export: Path) -> None:
    """A file that a ledger of this size does not have is found by whoever can list the folder."""
    add_stranger(export)
    assert run_checker("export", export, VKEY).returncode == 1


def test_receipts_of_a_batch() -> None:
    """Receipts across tiles prove their own leaf, and that of no other entry."""
    receipts = receipts_of(300)
    cases = []
    for place in (0, 111, 112, 299):
        index = SIZE - 300 + place
        case = {"check": "receipt", "data": receipts[place], "vkey": HOST_VKEY}
        cases += [case | {"entry": LEAVES[index]}, case | {"entry": LEAVES[index - 1]}]
    assert agree(cases) == [True, False] * 4


def test_changed_receipts() -> None:
    """A receipt with one text changed proves nothing to either."""
    receipt = receipts_of(1)[0]
    changed = [receipt.replace(old, new) for old, new in CHANGED]
    case = {"check": "receipt", "entry": LEAVES[-1], "vkey": HOST_VKEY}
    assert not any(agree([case | {"data": data} for data in changed]))


def test_proofs_from_tiles() -> None:
    """A `.tlog-proof` made from tiles is proved by both, and only for its own entry."""
    case = {"check": "proof", "vkey": VKEY}
    cases = [
        case | {"data": proof_of(index), "entry": LEAVES[index]}
        for index in (0, 65_535, 65_536, SIZE - 1)
    ]
    wrong = case | {"data": proof_of(5), "entry": LEAVES[6]}
    assert agree([*cases, wrong]) == [True] * 4 + [False]


def test_witnessed_proof() -> None:
    """A trusted witness is named with its time; one whose line is wrong refuses the whole."""
    have, witness = held(), witness_signer()
    note = have.proof.partition(b"\n\n")[2]
    text = note.partition(b"\n\n")[0] + b"\n"
    line = cosignature_line(text, witness.key, witness, 1_800_000_000)
    cases = [
        {
            "check": "proof",
            "data": have.proof + lines,
            "entry": have.leaf,
            "vkey": have.ledger_vkey,
            "witnesses": [encode_vkey(witness.key)],
        }
        for lines in (line, line.replace(b"A", b"B", 1), b"")
    ]
    assert agree(cases) == [True, False, True]


HELD = held()
PIECES: dict[str, Case] = {
    "receipt": {"data": HELD.receipt, "entry": HELD.leaf, "vkey": HELD.host_vkey},
    "proof": {"data": HELD.proof, "entry": HELD.leaf, "vkey": HELD.ledger_vkey},
    "opening": {"data": HELD.opening, "commitment": parse_leaf(HELD.leaf).commitment},
    "leaf": {"data": HELD.leaf},
}


@pytest.mark.parametrize("what", PIECES)
def test_one_bit_anywhere(what: str) -> None:
    """Both give one verdict on a piece with any byte changed; only a leaf may then be another."""
    case = PIECES[what] | {"check": what}
    accepted = agree([case, *(case | {"data": data} for data in flips(case["data"]))])
    assert accepted[0]
    assert what == "leaf" or not any(accepted[1:])


def rewritten(data: bytes, name: str, value: object = None, *, is_kept: bool = True) -> bytes:
    """A JSON document with one member of another value, or absent, in the same compact form."""
    document = json.loads(data)
    document[name] = value
    if not is_kept:
        del document[name]
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


STRANGE: tuple[object, ...] = (
    *(None, True, -1, 1.5, 2**53 + 1, 2**64),
    *("", "\x00", "é", "AAAA", "=", [], {}, [7]),
)
SPELT = (b"1.0", b"1e0", b"01", b"-0", b"NaN", b"1 ", b'"\\ud800"', b"\xe2\x80\xa8")


@pytest.mark.parametrize("what", ["receipt", "opening", "leaf"])
def test_every_member_of_another_kind(what: str) -> None:
    """Both give one verdict on members that are absent, large, or of another type or spelling."""
    case = PIECES[what] | {"check": what}
    data: bytes = case["data"]
    names = list(json.loads(data))
    changed = [rewritten(data, name, value) for name in names for value in STRANGE]
    changed += [rewritten(data, name, is_kept=False) for name in names]
    changed += [data.replace(b'"v":1', b'"v":' + other) for other in SPELT]
    changed += [data.replace(b'"v":1', b'"v":1,"v":1'), data[1:], b"[" * 4_000]
    changed += [data.replace(b'":"', b'":"\\ud800', 1)]
    accepted = agree([case | {"data": each} for each in changed])
    # A leaf may name a larger index, and release nothing; no other change leaves it a leaf.
    assert sum(accepted) == (3 if what == "leaf" else 0)


def test_name_shown_twice() -> None:
    """An opening that shows one name with two values is refused, though it leads to the seal."""
    fields = [("case", b"PRACTICE-1"), ("case", b"PRACTICE-2")]
    apart = open_commitment(KEY, [fields[0], ("other", fields[1][1])], ["case", "other"])
    shown = [part for part in apart.fields if isinstance(part, OpenedField)]
    twice = Opening(fields=(shown[0], msgspec.structs.replace(shown[1], name="case")))
    data, commitment = encode_opening(twice), commit(KEY, fields)
    assert agree([{"check": "opening", "data": data, "commitment": commitment}]) == [False]


def test_leaf_of_another_state() -> None:
    """A leaf of one state that stands in the ledger of another is no entry of either."""
    astray = held(origin="ledger.practice.example/or")
    found = examined(astray, evidence=astray.answer(entry="or/127"))
    assert (found["state"], found["code"]) == ("fails", "other-member")


def test_every_kind_of_leaf() -> None:
    """The least and the fullest leaf of each kind is read, and no kind takes another's fields."""
    headers = [make(kind) for kind in LeafKind for make in (least, fullest)]
    leaves = [encode_leaf(header) for header in headers]
    assert all(agree([{"check": "leaf", "data": leaf} for leaf in leaves]))
    moved = [
        leaf.replace(b'"k":"%b"' % header.kind.encode(), b'"k":"%b"' % kind.encode())
        for header, leaf in zip(headers, leaves, strict=True)
        for kind in LeafKind
        if kind is not header.kind
    ]
    agree([{"check": "leaf", "data": leaf} for leaf in moved])


def test_vectors() -> None:
    """Every leaf, receipt, opening and key of the shared vectors has one verdict."""
    cases: list[Case] = []
    for name in ("leaf-headers", "receipts", "commitments", "notes"):
        for case in json.loads((VECTORS / f"{name}.json").read_text("utf-8"))["cases"]:
            if "leaf" in case:
                cases.append({"check": "leaf", "data": case["leaf"].encode()})
            elif case["case"] == "refused_receipt":
                data, entry = case["receipt"].encode(), bytes.fromhex(case["entry"])
                cases.append(
                    {"check": "receipt", "data": data, "entry": entry, "vkey": case["vkey"]}
                )
            elif "opening" in case and "commitment" in case:
                data, bound = case["opening"].encode(), bytes.fromhex(case["commitment"])
                cases.append({"check": "opening", "data": data, "commitment": bound})
            elif "vkey" in case:
                cases.append({"check": "vkey", "vkey": case["vkey"]})
    accepted = agree(cases)
    assert len(accepted) > 60
    assert len(set(accepted)) == 2


NAMES = ("a\u0085b", "a\ufeffb", "a\u00a0b", "a\u3000b", "é", "😀" * 255, "😀" * 256, "a+b", "a b")


@pytest.mark.parametrize("name", NAMES)
def test_names_of_keys(name: str) -> None:
    """What counts as white space or length in a key's name is the same in both languages."""
    signer = witness_signer()
    vkey = encode_vkey(signer.key).replace(signer.key.name, name)
    agree([{"check": "vkey", "vkey": vkey}])


def test_paths_of_tiles() -> None:
    """Tiles and bundles lie where the vectors say."""
    rows = json.loads((VECTORS / "tiles.json").read_text("utf-8"))["cases"]
    rows = [row for row in rows if row["case"] == "path"]
    found = verdicts([{**row, "check": "path"} for row in rows])
    assert [one["proved"] for one in found] == [row["path"] for row in rows]


def sentences(language: str) -> list[str]:
    """The page's sentence for the least and the fullest leaf of each kind."""
    leaves = [encode_leaf(make(kind)) for kind in LeafKind for make in (least, fullest)]
    found = verdicts(
        {"check": "words", "leaf": leaf, "index": 127, "language": language} for leaf in leaves
    )
    return [str(one["proved"]) for one in found]


def test_every_kind_has_its_sentence() -> None:
    """No kind of leaf is told with a word missing, in either language."""
    english, spanish = sentences("en"), sentences("es")
    assert all(
        said.startswith("This is entry 127 of Washington\u2019s ledger: on ") for said in english
    )
    assert all(said.startswith("Esta es la entrada 127 del registro de Was") for said in spanish)
    assert not [said for said in english + spanish if "undefined" in said or "null" in said]
    assert len(set(english)) >= len(LeafKind)


def test_languages_have_the_same_words() -> None:
    """Spanish has every word that English has, and a label for every value of a vocabulary."""
    (seen,) = verdicts([{"check": "languages"}])
    assert seen["proved"] == {"english": [], "spanish": [], "labels": []}


def examined(have: Held, **given: str) -> dict[str, Any]:
    """What the page makes of an answer, some of it replaced."""
    boxes = {"evidence": have.answer(), "keys": have.host_vkey} | given
    (seen,) = verdicts([{"check": "page", **boxes}])
    found: dict[str, Any] = seen["proved"]
    return found


@pytest.mark.parametrize(
    ("given", "state", "code"),
    [
        ({}, "holds", None),
        ({"evidence": ""}, "open", "no-evidence"),
        ({"evidence": "no receipt"}, "fails", "not-evidence"),
        ({"evidence": "{}"}, "fails", "not-evidence"),
        ({"evidence": "[" * 10_000}, "fails", "not-evidence"),
        ({"keys": ""}, "open", "no-key"),
        ({"keys": "# none"}, "open", "no-key"),
        ({"keys": HELD.ledger_vkey}, "open", "key-of-other"),
        ({"keys": "a+b"}, "fails", "vkey"),
        ({"keys": f"{HELD.host_vkey}\n" * 256}, "holds", None),
        ({"keys": f"{HELD.host_vkey}\n" * 257}, "fails", "keys-many"),
        ({"evidence": HELD.receipt.decode()}, "open", "no-leaf"),
        ({"evidence": HELD.answer(receipt="x")}, "fails", "base64"),
        ({"evidence": HELD.answer(receipt="e30=")}, "open", "key-of-other"),
        ({"evidence": HELD.answer(receipt="bnVsbA==")}, "open", "key-of-other"),
        ({"evidence": HELD.answer(entry="\u202ewa/127")}, "fails", "other-entry"),
        ({"evidence": '{"sig":1,"host":{"toString":1}}'}, "open", "no-leaf"),
        ({"evidence": '{"entry":{"toString":1},"leaf":[],"receipt":null}'}, "fails", "json"),
        ({"evidence": HELD.answer(entry="wa/1")}, "fails", "other-entry"),
        ({"opening": HELD.opening.decode()}, "holds", None),
        ({"opening": "{}"}, "fails", "members"),
        ({"opening": HELD.opening.decode(), "keys": ""}, "open", "no-key"),
    ],
)
def test_page_tells_what_it_was_given(given: dict[str, str], state: str, code: str | None) -> None:
    """What is missing stays open, what is wrong fails, and only a whole chain holds."""
    found = examined(HELD, **given)
    assert (found["state"], found.get("code")) == (state, code)


def test_leaf_hour_is_that_of_the_sentence() -> None:
    """The hour of a leaf is told as one hour of a day."""
    leaf = HELD.leaf.replace(b'"h":%d' % HOUR, b'"h":%d' % (HOUR + 9))
    (seen,) = verdicts([{"check": "words", "leaf": leaf, "index": 1_234_567, "language": "en"}])
    assert "entry 1,234,567 of" in seen["proved"]
    assert "on 26 November 2026, 23:00\u201324:00 UTC, " in seen["proved"]


def test_error_of_the_checker_is_no_verdict() -> None:
    """A case that the checker does not know ends it with 2, never with a refusal."""
    assert run_checker("cases", given='{"check":"nothing"}').returncode == 2
