"""Targets for what a browser says about a passkey, and for the file of passkeys.

an answer that is taken is of this challenge and address, and its key is one that verifies
a file that is read is written back byte for byte
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from fido2 import cbor

from comity.console.errors import PasskeyRefusedError
from comity.console.passkey_checks import (
    Ceremony,
    NewPasskey,
    UsedPasskey,
    check_new,
    check_use,
    handle_of,
)
from comity.domain.passkeys import (
    CREDENTIAL_BYTES_MAX,
    PASSKEYS_OF_PERSON_MAX,
    PUBLIC_KEY_BYTES_MAX,
    Passkey,
    PasskeyBook,
    PasskeyFileError,
    encode_passkeys,
    parse_passkeys,
)
from tests.fuzz.refusals import hold
from tests.fuzz.shape import Shape
from tests.fuzz.target import Target, outcome_of, same
from tests.support.passkeys import SoftPasskey, b64, invitation, unb64

_ORIGIN = "https://console.example"
_ISSUER = "https://id.example"
_TERMS = Ceremony(
    challenge=bytes(range(32)),
    origin=_ORIGIN,
    rp_id="console.example",
    handle=handle_of(_ISSUER, "ana"),
)
_OPTIONS = {"challenge": b64(_TERMS.challenge)}


@cache
def _soft() -> SoftPasskey:
    # Ed25519 of fixed bytes, whose signatures are the same on each machine and in each run.
    return SoftPasskey(_ORIGIN, -8, seed=b"\x07" * 32)


@cache
def _kept() -> Passkey:
    soft = _soft()
    return Passkey(
        issuer=_ISSUER, subject="ana", id=soft.id, key=cbor.encode(soft.cose), count=0,
        invited_by="", made_at=1, used_at=1,
    )  # fmt: skip


def _said(text: str) -> Any:
    """The client data of an answer that was taken."""
    answer = msgspec.json.decode(text.encode("utf-8", "replace"))
    return msgspec.json.decode(unb64(answer["client_data"]))


def _check_new(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape")

    def then(new: NewPasskey) -> None:
        hold(_said(text)["challenge"] == _OPTIONS["challenge"], "it is of this challenge")
        hold(_said(text)["origin"] == _ORIGIN, "it is of this address")
        hold(0 < len(new.id) <= CREDENTIAL_BYTES_MAX, "its identifier has room")
        hold(0 < len(new.key) <= PUBLIC_KEY_BYTES_MAX, "its key has room")
        key: Any = cbor.decode(new.key)
        hold(key[3] in (-7, -8, -257), "its key is of our kinds")

    return outcome_of(data, lambda: check_new(text, _TERMS), then, PasskeyRefusedError)


def _check_use(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape")

    def then(used: UsedPasskey) -> None:
        same(used.passkey, _kept(), "it is the one that there is")
        hold(_said(text)["challenge"] == _OPTIONS["challenge"], "it is of this challenge")
        hold(used.count == 1, "only what was signed is read")

    return outcome_of(data, lambda: check_use(text, _TERMS, [_kept()]), then, PasskeyRefusedError)


def _check_file(data: bytes) -> str:
    def then(book: PasskeyBook) -> None:
        same(encode_passkeys(book), data, "it is written back")
        for each in book.passkeys:
            hold(each in book.of(each.issuer, each.subject), "everybody's is found")
            own = len(book.of(each.issuer, each.subject))
            hold(own <= PASSKEYS_OF_PERSON_MAX, "nobody has too many")

    return outcome_of(data, lambda: parse_passkeys(data), then, PasskeyFileError)


@cache
def _made() -> tuple[bytes, ...]:
    answers = (_soft().make(_OPTIONS), SoftPasskey(_ORIGIN, -7, seed=b"\x07" * 32).make(_OPTIONS))
    return tuple(each.encode() for each in answers)


@cache
def _used() -> tuple[bytes, ...]:
    soft = _soft()
    answers = []
    for more in ({}, {"handle": b64(_TERMS.handle)}):
        soft.count = 0
        answers.append(soft.use(_OPTIONS, said=more).encode())
    return tuple(answers)


def _files() -> list[bytes]:
    invited = invitation(_ISSUER, "zoe", 1_795_700_000)
    books = PasskeyBook(), PasskeyBook(passkeys=(_kept(),), invitations=(invited,))
    return [encode_passkeys(book) for book in books]


_WORDS = [
    b'"id"', b'"client_data"', b'"attestation"', b'"handle"', b'"signature"', b"null", b"-1",
    b"1e999", b"[" * 3_000, b'{"a":' * 1_000, b"\\ud800", b"AAAA", b"====", b"_-_-", b"o2NmbXQ",
]  # fmt: skip

TARGETS = [
    Target("passkey-made", _check_new, lambda: list(_made()), Shape.JSON, 14_000, 2, _WORDS),
    Target("passkey-used", _check_use, lambda: list(_used()), Shape.JSON, 14_000, 2, _WORDS),
    Target("passkey-file", _check_file, _files, Shape.JSON, 9_000, 2, _WORDS),
]
