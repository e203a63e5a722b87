"""An identity provider in memory: it knows its people, and a test says who presses the button."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from comity.ports import Claims, Clock, Entropy, IdentityError, ProviderReply, SignInTerms

__all__ = ["MemoryIdentity"]

_CODE_SECONDS: Final = 60
_LEEWAY_SECONDS: Final = 60
_NS: Final = 1_000_000_000


class _Code(msgspec.Struct, frozen=True, kw_only=True):
    """What a code was given for, and when."""

    subject: str
    nonce: str
    redirect_uri: str
    challenge: str
    at_s: int
    authenticated_at: int


class MemoryIdentity:
    """The twin of a real provider. `names` are its people by subject."""

    def __init__(
        self, issuer: str, names: Mapping[str, str], clock: Clock, entropy: Entropy
    ) -> None:
        self._issuer = issuer
        self._names = dict(names)
        self._clock = clock
        self._entropy = entropy
        self._codes: dict[str, _Code] = {}

    @property
    def issuer(self) -> str:
        """Return the provider's lasting name."""
        return self._issuer

    async def begin(self, terms: SignInTerms) -> str:
        """Return where the person's browser is sent."""
        parameters = {
            "redirect_uri": terms.redirect_uri,
            "state": terms.state,
            "nonce": terms.nonce,
            "code_challenge": _challenge(terms.verifier),
        }
        return f"{self._issuer}/authorize?{urlencode(parameters)}"

    def press(self, url: str, subject: str, *, ago_s: int = 0) -> str:
        """Sign somebody in at a place that `begin` gave; return where the browser goes back to.

        `ago_s`: how many seconds ago the provider last saw the person.
        """
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = self._entropy.token(32).hex()
        self._codes[code] = _Code(
            subject=subject,
            nonce=asked["nonce"],
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            at_s=self._now_s(),
            authenticated_at=self._now_s() - ago_s,
        )
        back = urlencode({"code": code, "state": asked["state"], "iss": self._issuer})
        return f"{asked['redirect_uri']}?{back}"

    async def finish(self, terms: SignInTerms, reply: ProviderReply) -> Claims:
        """Return who signed in. Raises: IdentityError."""
        if reply.issuer not in {"", self._issuer}:
            raise IdentityError("`iss` of the reply is not the provider that was asked")
        code = self._codes.pop(reply.code, None)
        if code is None or not 0 <= self._now_s() - code.at_s < _CODE_SECONDS:
            raise IdentityError("the identity provider does not know the code, or not any more")
        if (code.redirect_uri, code.challenge, code.nonce) != (
            terms.redirect_uri,
            _challenge(terms.verifier),
            terms.nonce,
        ):
            raise IdentityError("the code was given for another sign-in")
        if code.authenticated_at < terms.began_at - terms.max_age_s - _LEEWAY_SECONDS:
            raise IdentityError("the person was seen longer ago than was asked")
        return Claims(
            issuer=self._issuer,
            subject=code.subject,
            name=self._names.get(code.subject, ""),
            authenticated_at=code.authenticated_at,
        )

    def _now_s(self) -> int:
        return self._clock.now_ns() // _NS


def _challenge(verifier: str) -> str:
    digest = sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
