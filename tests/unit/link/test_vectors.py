"""The vectors in vectors/link/ hold: fixed bytes that another implementation must read alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from comity.domain.agency import Host
from comity.domain.ids import HostName, Member
from comity.link.command import decode_command, decode_result, encode_command, encode_result
from comity.link.envelope import Opened, envelope_signed_bytes, open_envelope, route_of
from comity.link.errors import EnvelopeError, ParcelError
from comity.link.evidence import parse_evidence, verify_evidence
from comity.link.parcel import decode_parcel, encode_parcel
from tests.support.link import Book

FOLDER = Path(__file__).parents[3] / "vectors" / "link"
ENVELOPES = json.loads((FOLDER / "envelopes.json").read_text())
PARCELS = json.loads((FOLDER / "parcels.json").read_text())
COMMANDS = json.loads((FOLDER / "commands.json").read_text())
SENDER, RECIPIENT = ENVELOPES["keys"]["sender"], ENVELOPES["keys"]["recipient"]
WEST = Host(
    name=SENDER["name"],
    verify_key=bytes.fromhex(SENDER["verify_key"]),
    seal_key=bytes(32),
)
SOUTH = Host(
    name=RECIPIENT["name"],
    verify_key=bytes(32),
    seal_key=bytes.fromhex(RECIPIENT["seal_key"]),
)
HOSTS = {SENDER["name"]: WEST, RECIPIENT["name"]: SOUTH}
BOOK = Book({Member(member): HOSTS[name] for member, name in ENVELOPES["members"].items()})

Case = dict[str, Any]


def named(cases: list[Case]) -> dict[str, Any]:
    return {"argvalues": cases, "ids": [case["id"] for case in cases]}


def receive(case: Case, name: str = RECIPIENT["name"]) -> Opened:
    opener = X25519PrivateKey.from_private_bytes(bytes.fromhex(RECIPIENT["opening_key"]))
    data = bytes.fromhex(case["envelope"])
    return open_envelope(data, own_name=HostName(name), own_private=opener, book=BOOK)


@pytest.mark.parametrize("case", **named(ENVELOPES["opens"]))
def test_envelopes_open_to_what_they_say(case: Case) -> None:
    """Route, parcels, root and signature are those of the vector."""
    opened = receive(case)
    assert msgspec.to_builtins(route_of(bytes.fromhex(case["envelope"]))) == case["route"]
    assert [data.hex() for data in opened.encodings] == [row["bytes"] for row in case["parcels"]]
    values = [msgspec.to_builtins(parcel) for _, parcel in opened.parcels]
    assert json.loads(json.dumps(values)) == [row["value"] for row in case["parcels"]]
    assert opened.levels[-1][0].hex() == case["root"]
    assert opened.signature.hex() == case["signature"]


@pytest.mark.parametrize("case", **named(ENVELOPES["opens"]))
def test_signatures_are_made_over_the_stated_bytes(case: Case) -> None:
    """The signing key over the stated text gives the stated signature."""
    signer = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SENDER["signing_seed"]))
    route = route_of(bytes.fromhex(case["envelope"]))
    message = envelope_signed_bytes(route, bytes.fromhex(case["root"]))
    assert message.decode() == case["signed"]
    assert signer.sign(message).hex() == case["signature"]


@pytest.mark.parametrize("case", **named(ENVELOPES["opens"]))
def test_evidence_of_one_parcel_verifies(case: Case) -> None:
    """The stated evidence proves the parcel at its place, from bytes alone."""
    proof = parse_evidence(bytes.fromhex(case["evidence"]["bytes"]))
    assert proof.index == case["evidence"]["index"]
    verify_evidence(proof, bytes.fromhex(case["parcels"][proof.index]["bytes"]), WEST.verify_key)


@pytest.mark.parametrize("case", **named(ENVELOPES["refused"]))
def test_envelopes_are_refused_with_the_stated_code(case: Case) -> None:
    """Each broken envelope is refused for its own reason."""
    with pytest.raises(EnvelopeError) as caught:
        receive(case, case["own_name"])
    assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", **named(PARCELS["refused"]))
def test_parcels_are_refused_with_the_stated_code(case: Case) -> None:
    """Each malformed parcel is refused."""
    with pytest.raises(ParcelError) as caught:
        decode_parcel(bytes.fromhex(case["bytes"]))
    assert caught.value.code == case["code"]


ROWS = [row for case in ENVELOPES["opens"] for row in case["parcels"]]


@pytest.mark.parametrize("row", ROWS)
def test_parcels_are_encoded_to_the_stated_bytes(row: Case) -> None:
    """A parcel's bytes decode to its value, which encodes to the same bytes."""
    data = bytes.fromhex(row["bytes"])
    assert encode_parcel(decode_parcel(data)) == data


@pytest.mark.parametrize("case", **named(COMMANDS["commands"]))
def test_commands_are_the_stated_bytes(case: Case) -> None:
    """A command's bytes decode to the stated value and encode to the same bytes."""
    command = decode_command(bytes.fromhex(case["bytes"]))
    assert json.loads(msgspec.json.encode(command)) == case["value"]
    assert encode_command(command).hex() == case["bytes"]


@pytest.mark.parametrize("case", **named(COMMANDS["results"]))
def test_results_are_the_stated_bytes(case: Case) -> None:
    """A result's bytes decode to the stated value and encode to the same bytes."""
    result = decode_result(bytes.fromhex(case["bytes"]))
    assert json.loads(msgspec.json.encode(result)) == case["value"]
    assert encode_result(result).hex() == case["bytes"]
