"""What a browser says about a passkey: what fits is taken, each word that is changed is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fido2 import cbor
from fido2.cose import ES256

from comity.console.errors import PasskeyRefusedError
from comity.console.passkey_checks import (
    ANSWER_CHARS_MAX,
    CHALLENGE_BYTES,
    Ceremony,
    asked_options,
    check_new,
    check_use,
    handle_of,
    made_options,
    rp_id_of,
)
from comity.domain.passkeys import Passkey
from tests.support.passkeys import AT, BE, BS, UP, UV, SoftPasskey, b64, unb64

ORIGIN = "https://console.example"
ISSUER = "https://id.example"
HANDLE = handle_of(ISSUER, "ana")
TERMS = Ceremony(
    challenge=bytes(range(CHALLENGE_BYTES)), origin=ORIGIN, rp_id="console.example", handle=HANDLE
)
OPTIONS = {"challenge": b64(TERMS.challenge)}


def kept(soft: SoftPasskey, count: int = 0) -> Passkey:
    """The passkey as a console keeps it."""
    return Passkey(
        issuer=ISSUER, subject="ana", id=soft.id, key=cbor.encode(soft.cose), count=count,
        invited_by="", made_at=1, used_at=1,
    )  # fmt: skip


SOFT = SoftPasskey(ORIGIN)
KEY = cbor.encode(SOFT.cose)
SHORT = SoftPasskey(ORIGIN, -257, bits=1_024)


@pytest.mark.parametrize("alg", [-7, -8, -257])
def test_each_algorithm_makes_and_opens(alg: int) -> None:
    """ES256, EdDSA and RS256: made, kept, used; the count is what the device says."""
    soft = SoftPasskey(ORIGIN, alg)
    new = check_new(soft.make(OPTIONS), TERMS)
    assert (new.id, new.key, new.count) == (soft.id, cbor.encode(soft.cose), 0)
    used = check_use(soft.use(OPTIONS), TERMS, [kept(soft)])
    assert (used.passkey, used.count) == (kept(soft), 1)


def test_handle_and_flags_of_a_copy_are_taken() -> None:
    """A passkey that knows its person says so; one that may be kept twice may be."""
    answer = SOFT.use(OPTIONS, said={"handle": b64(HANDLE)}, flags=UP | UV | BE | BS)
    assert check_use(answer, TERMS, [kept(SOFT)]).passkey.subject == "ana"


CLIENT: list[tuple[dict[str, Any], str]] = [
    ({"type": "webauthn.other"}, "`type`"),
    ({"challenge": b64(b"\x01" * CHALLENGE_BYTES)}, "`challenge`"),
    ({"challenge": ""}, "`challenge`"),
    ({"challenge": b64(TERMS.challenge) + "="}, "`challenge` is not base64url"),
    ({"origin": "https://console.example.evil.example"}, "`origin`"),
    ({"origin": "http://console.example"}, "`origin`"),
    ({"origin": "https://console.example:444"}, "`origin`"),
    ({"crossOrigin": True}, "`origin`"),
    ({"origin": 7}, "`client_data`"),
]
DEVICE: list[tuple[dict[str, Any], str]] = [
    ({"rp_id": "example"}, "another address"),
    ({"flags": UV}, "not touched"),
    ({"flags": UP}, "did not verify"),
    ({"flags": UP | UV | BS}, "kept twice"),
]


@pytest.mark.parametrize(("client", "said"), CLIENT)
def test_what_the_browser_collected_has_to_fit(client: dict[str, Any], said: str) -> None:
    """Another kind, challenge, origin or frame opens nothing and makes nothing."""
    with pytest.raises(PasskeyRefusedError, match=said):
        check_use(SOFT.use(OPTIONS, client=client), TERMS, [kept(SOFT)])
    with pytest.raises(PasskeyRefusedError, match=said):
        check_new(SOFT.make(OPTIONS, client=client), TERMS)


@pytest.mark.parametrize(("changes", "said"), DEVICE)
def test_what_the_device_says_has_to_fit(changes: dict[str, Any], said: str) -> None:
    """Another address, nobody present, nobody verified: refused, though it is signed."""
    with pytest.raises(PasskeyRefusedError, match=said):
        check_use(SOFT.use(OPTIONS, **changes), TERMS, [kept(SOFT)])
    flags = {"flags": changes["flags"] | AT} if "flags" in changes else changes
    with pytest.raises(PasskeyRefusedError, match=said):
        check_new(SOFT.make(OPTIONS, **flags), TERMS)


def test_neither_kind_stands_for_the_other() -> None:
    """What made a passkey opens nothing; what opened does not make one."""
    made, used = json.loads(SOFT.make(OPTIONS)), json.loads(SOFT.use(OPTIONS))
    with pytest.raises(PasskeyRefusedError, match="`type`"):
        check_use(json.dumps(used | {"client_data": made["client_data"]}), TERMS, [kept(SOFT)])
    with pytest.raises(PasskeyRefusedError, match="`type`"):
        check_new(json.dumps(made | {"client_data": used["client_data"]}), TERMS)


def test_signature_is_of_this_key_over_these_bytes() -> None:
    """One bit of what was signed, of the signature, or another key: refused."""
    answer = json.loads(SOFT.use(OPTIONS))
    for field in ("authenticator_data", "signature", "client_data"):
        changed = bytearray(unb64(answer[field]))
        # The last byte of the count, of the signature, and the brace behind the origin.
        changed[-1] ^= 1
        with pytest.raises(PasskeyRefusedError):
            check_use(json.dumps(answer | {field: b64(bytes(changed))}), TERMS, [kept(SOFT)])
    other = SoftPasskey(ORIGIN, id_=SOFT.id)
    with pytest.raises(PasskeyRefusedError, match="`signature`"):
        check_use(json.dumps(answer), TERMS, [kept(other)])
    assert check_use(json.dumps(answer), TERMS, [kept(SOFT)]).passkey == kept(SOFT)


def test_another_persons_passkey_is_none() -> None:
    """An identifier that this person has not, or another person's handle, opens nothing."""
    with pytest.raises(PasskeyRefusedError, match="none of this person's"):
        check_use(SOFT.use(OPTIONS), TERMS, [kept(SoftPasskey(ORIGIN))])
    with pytest.raises(PasskeyRefusedError, match="none of this person's"):
        check_use(SOFT.use(OPTIONS), TERMS, [])
    handle = b64(handle_of(ISSUER, "zoe"))
    with pytest.raises(PasskeyRefusedError, match="`handle`"):
        check_use(SOFT.use(OPTIONS, said={"handle": handle}), TERMS, [kept(SOFT)])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": cbor.encode({**SOFT.cose, 3: -35})}, "none of our kinds"),
        ({"key": cbor.encode({**SOFT.cose, 1: 3})}, "another kind"),
        ({"key": cbor.encode({**SOFT.cose, -1: 2})}, "not in form"),
        ({"key": cbor.encode({**SOFT.cose, -2: b"\x01" * 32})}, "not in form"),
        ({"key": cbor.encode({3: -7})}, "none of our kinds"),
        ({"key": cbor.encode(SHORT.cose)}, "another kind"),
        ({"key": cbor.encode({1: 2, 3: 0})}, "`attestation`"),
        ({"key": b"\xff"}, "`attestation`"),
        ({"key": cbor.encode({**SOFT.cose, 99: b"x" * 1_200})}, "too long"),
        ({"id": b"x" * 1_024}, "`id`"),
        ({"id": b""}, "`id`"),
        ({"id": b"other"}, "`id`"),
        ({"flags": UP | UV}, "`attestation`"),
        ({"behind": b"", "flags": UP | UV}, "has no passkey"),
        ({"behind": b"x" * 20}, "`attestation`"),
    ],
)
def test_new_passkey_has_to_be_whole(changes: dict[str, Any], said: str) -> None:
    """A key of no kind of ours, off its curve, too short; an identifier that is not its own."""
    with pytest.raises(PasskeyRefusedError, match=said):
        check_new(SOFT.make(OPTIONS, **changes), TERMS)


def test_rsa_key_at_its_limit() -> None:
    """2,048 bits are enough, and 2,040 are not."""
    soft = SoftPasskey(ORIGIN, -257, bits=2_048)
    assert check_new(soft.make(OPTIONS), TERMS).id == soft.id
    with pytest.raises(PasskeyRefusedError, match="another kind"):
        check_new(SoftPasskey(ORIGIN, -257, bits=2_040).make(OPTIONS), TERMS)


@pytest.mark.parametrize(
    "answer",
    [
        "", "null", "[]", "{}", "{" * 5_000, "\ud800", '{"id":1}',
        json.dumps({"id": "a", "client_data": "", "attestation": "", "more": 1}),
        SOFT.make(OPTIONS, said={"attestation": b64(b"\x9f")}),
        SOFT.make(OPTIONS, said={"attestation": b64(b"\x81" * 5_000)}),
        SOFT.make(OPTIONS, said={"attestation": b64(cbor.encode({"fmt": "none"}))}),
        SOFT.make(OPTIONS, said={"attestation": b64(b"\xa1" + cbor.encode([1]) + b"\x01")}),
        SOFT.make(OPTIONS, said={"attestation": "not/base64url"}),
        SOFT.make(OPTIONS, said={"client_data": b64(b"[" * 5_000)}),
        SOFT.make(OPTIONS, said={"client_data": b64(b"\xff")}),
        SOFT.use(OPTIONS, said={"authenticator_data": b64(bytes(36))}),
        SOFT.use(OPTIONS, said={"authenticator_data": ""}),
        SOFT.use(OPTIONS, said={"signature": ""}),
        SOFT.use(OPTIONS, said={"signature": "abcde"}),
    ],
)  # fmt: skip
def test_bytes_that_are_no_answer_are_refused(answer: str) -> None:
    """Whatever it is, it ends under one code."""
    for check in (
        lambda: check_new(answer, TERMS),
        lambda: check_use(answer, TERMS, [kept(SOFT)]),
    ):
        with pytest.raises(PasskeyRefusedError) as refused:
            check()
        assert refused.value.code == "passkey-refused"
        assert str(refused.value).isascii()


def test_answer_is_so_long_and_no_longer() -> None:
    """At its limit it is read, one character beyond it is not."""
    answer = SOFT.use(OPTIONS)
    filled = answer + " " * (ANSWER_CHARS_MAX - len(answer))
    assert check_use(filled, TERMS, [kept(SOFT)]).passkey == kept(SOFT)
    with pytest.raises(PasskeyRefusedError, match="too long"):
        check_use(filled + " ", TERMS, [kept(SOFT)])


def test_spoilt_key_of_the_file_opens_nothing() -> None:
    """A key that cannot verify anything is refused, and no error of another kind."""
    for key in (b"\x00", cbor.encode({3: -7}), cbor.encode({**SOFT.cose, -2: 5})):
        spoilt = kept(SOFT)
        broken = Passkey(
            **{**{f: getattr(spoilt, f) for f in spoilt.__struct_fields__}, "key": key}
        )
        with pytest.raises(PasskeyRefusedError):
            check_use(SOFT.use(OPTIONS), TERMS, [broken])


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://console.example", "console.example"),
        ("https://Console.Example:8443", "console.example"),
        ("http://localhost:8080", "localhost"),
        ("http://127.0.0.1:8080", ""),
        ("https://[2001:db8::1]", ""),
    ],
)
def test_passkeys_are_bound_to_a_name(url: str, name: str) -> None:
    """An IP address is none."""
    assert rp_id_of(url) == name


def test_browser_is_asked_for_what_is_checked() -> None:
    """Verification required, no attestation, our algorithms; nobody's name as handle."""
    made = made_options(TERMS, "Ana Velarzora", [kept(SOFT)])
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert made["attestation"] == "none"
    assert [each["alg"] for each in made["pubKeyCredParams"]] == [-7, -8, -257]
    assert made["excludeCredentials"] == [{"type": "public-key", "id": b64(SOFT.id)}]
    assert unb64(made["user"]["id"]) == HANDLE == handle_of(ISSUER, "ana")
    assert handle_of(ISSUER, "ana") != handle_of("https://other.example", "ana")
    asked = asked_options(TERMS, [kept(SOFT)])
    assert (asked["rpId"], asked["userVerification"]) == ("console.example", "required")
    assert unb64(asked["challenge"]) == TERMS.challenge
    assert ES256.ALGORITHM == -7
