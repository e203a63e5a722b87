"""Checks of what one person holds: a receipt, a proof of one leaf, an opening of some fields.

Guarantee: each form is closed and bounded, and a check that returns has proved the whole chain from
the leaf's own bytes to a signature by a key that the caller trusts.
Source: docs/adr/0004-receipt-format.md; https://c2sp.org/tlog-proof.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from msgspec import Struct

from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.hashing import leaf_hash, path_root
from comity.audit.notes import SignedHead, TrustedKey, check_signature, read_checkpoint, unbase64

__all__ = ["ProvedLeaf", "check_opening", "check_receipt", "check_tlog_proof"]

_RECEIPT_BYTES_MAX: Final = 4_096
_OPENING_BYTES_MAX: Final = 262_144
_PROOF_BYTES_MAX: Final = 131_072
_FIELDS_MAX: Final = 64
_SIZE_MAX: Final = 2**48
_HEADS_MAX: Final = 1_024
_RECEIPT_KEYS: Final = [
    *("v", "origin", "index", "leaf", "size", "path"),
    *("at", "heads_count", "heads", "host", "key", "sig"),
]
_OPENED_KEYS: Final = ["name", "salt", "value"]
_ORIGIN: Final = re.compile(r"[a-z0-9][a-z0-9.:/_-]{0,254}")
_FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_PROOF: Final = re.compile(
    r"c2sp\.org/tlog-proof@v1\n(?:extra ([A-Za-z0-9+/=]+)\n)?"
    r"index (0|[1-9][0-9]{0,14})\n((?:[A-Za-z0-9+/]{43}=\n){0,63})\n"
)


class ProvedLeaf(Struct, frozen=True, kw_only=True):
    """Where a leaf was proved to stand."""

    origin: str
    index: int
    size: int
    root: bytes


def check_receipt(data: bytes, entry: bytes, host: TrustedKey) -> ProvedLeaf:
    """Return where a receipt proves an entry's bytes to stand, by its host's key.

    Raises: EvidenceFormError, EvidenceError.
    """
    fields = _json_object(data, _RECEIPT_BYTES_MAX, _RECEIPT_KEYS)
    index, size = _integer(fields["index"], _SIZE_MAX), _integer(fields["size"], _SIZE_MAX)
    at, heads = _integer(fields["at"], _HEADS_MAX), _integer(fields["heads_count"], _HEADS_MAX)
    origin, leaf = _string(fields["origin"]), leaf_hash(entry)
    if not _ORIGIN.fullmatch(origin):
        raise EvidenceFormError("`origin` is not a ledger's origin")
    if (fields["host"], fields["key"]) != (host.name, host.key_id.hex()):
        raise EvidenceError("`receipt` names another host or key")
    if _bytes(fields["leaf"], 32) != leaf:
        raise EvidenceError("`receipt` is of another leaf")
    root = path_root(leaf, index, size, _hashes(fields["path"]))
    head = f"{origin}\n{size}\n{b64encode(root).decode()}\n".encode()
    top = path_root(leaf_hash(head), at, heads, _hashes(fields["heads"]))
    message = f"comity/batch/v1\n{host.name}\n{heads}\n{b64encode(top).decode()}\n".encode()
    check_signature(host.public_key, _bytes(fields["sig"], 64), message)
    return ProvedLeaf(origin=origin, index=index, size=size, root=root)


def check_tlog_proof(
    data: bytes, entry: bytes, ledger: TrustedKey, witnesses: Sequence[TrustedKey] = ()
) -> tuple[ProvedLeaf, SignedHead]:
    """Return where a `.tlog-proof` proves an entry's bytes to stand, and the checked checkpoint.

    Raises: EvidenceFormError, EvidenceError.
    """
    if len(data) > _PROOF_BYTES_MAX:
        raise EvidenceFormError("`proof` is longer than 131,072 bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise EvidenceFormError("`proof` is not UTF-8") from None
    found = _PROOF.match(text)
    if found is None:
        raise EvidenceFormError("`proof` is not a tlog-proof of version 1")
    if found[1] is not None:
        unbase64(found[1])
    head = read_checkpoint(text[found.end() :].encode(), ledger, witnesses)
    path = [unbase64(line) for line in found[3].splitlines()]
    if path_root(leaf_hash(entry), int(found[2]), head.size, path) != head.root:
        raise EvidenceError("`proof` leads to another root")
    index = int(found[2])
    return ProvedLeaf(origin=head.origin, index=index, size=head.size, root=head.root), head


def check_opening(data: bytes, commitment: bytes) -> dict[str, bytes]:
    """Return the fields that an opening shows, once it leads to the commitment of a leaf.

    Raises: EvidenceFormError, EvidenceError.
    """
    fields = _json_object(data, _OPENING_BYTES_MAX, ["v", "fields"])
    parts = fields["fields"]
    if not isinstance(parts, list) or len(parts) > _FIELDS_MAX:
        raise EvidenceFormError("`fields` is not a list of at most 64")
    shown: dict[str, bytes] = {}
    running = sha256(b"comity1\n")
    for part in parts:
        if isinstance(part, str):
            running.update(_bytes(part, 32))
            continue
        name, salt, value = _opened(part)
        if name in shown:
            raise EvidenceError("`opening` shows one name twice")
        shown[name] = value
        running.update(sha256(salt + name.encode() + b"\x00" + value).digest())
    if running.digest() != commitment:
        raise EvidenceError("`opening` leads to another commitment")
    return shown


def _opened(part: Any) -> tuple[str, bytes, bytes]:
    if not isinstance(part, dict) or list(part) != _OPENED_KEYS:
        raise EvidenceFormError("`fields` holds neither a digest nor an opened field")
    name = _string(part["name"])
    if not _FIELD_NAME.fullmatch(name):
        raise EvidenceFormError("`name` is not a field's name")
    return name, _bytes(part["salt"], 16), unbase64(_string(part["value"]))


def _json_object(data: bytes, bytes_max: int, keys: list[str]) -> dict[str, Any]:
    """Return a JSON object of version 1 with exactly these keys, in canonical form and order."""
    if len(data) > bytes_max:
        raise EvidenceFormError("`evidence` is longer than its form allows")
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError):
        raise EvidenceFormError("`evidence` is not JSON") from None
    if not isinstance(value, dict) or list(value) != keys:
        raise EvidenceFormError("`evidence` does not have exactly its fields")
    # Written again it must be the same bytes: no spaces, no escapes, no key twice. Half a
    # character, which JSON can spell and UTF-8 cannot hold, comes out as other bytes.
    again = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if again.encode("utf-8", "surrogatepass") != data:
        raise EvidenceFormError("`evidence` is not canonical")
    if _integer(value["v"], 1) != 1:
        raise EvidenceFormError("`evidence` is of another version")
    return value


def _integer(value: Any, value_max: int) -> int:
    if type(value) is not int or not 0 <= value <= value_max:
        raise EvidenceFormError("`number` is not a whole number in its range")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise EvidenceFormError("`text` is not a string")
    return value


def _bytes(value: Any, count: int) -> bytes:
    data = unbase64(_string(value))
    if len(data) != count:
        raise EvidenceFormError("`bytes` do not have their length")
    return data


def _hashes(value: Any) -> list[bytes]:
    if not isinstance(value, list):
        raise EvidenceFormError("`path` is not a list")
    return [_bytes(item, 32) for item in value]
