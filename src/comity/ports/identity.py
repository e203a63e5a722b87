"""Who somebody is, as a state's identity provider says.

Source: docs/adr/0037-signing-in.md.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

__all__ = ["Claims", "IdentityProvider", "ProviderReply", "SignInTerms"]


class SignInTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What one sign-in is bound to, kept by who began it.

    `state`, `nonce` and `verifier` are base64url of 32 random bytes, each of its own; `verifier` is
    PKCE's. `max_age_s`: how many seconds before `began_at` (Unix seconds) the provider may have
    seen the person; 0 asks that it sees the person now.
    """

    redirect_uri: str
    state: str
    nonce: str
    verifier: str
    max_age_s: int
    began_at: int


class ProviderReply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back by the person's browser; `issuer` is empty where nothing was said."""

    code: str
    issuer: str = ""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """Who the provider says signed in. `authenticated_at`: Unix seconds, never in the future.

    `subject` (1..255 ASCII characters) means something only beside `issuer`; `name` may be empty.
    """

    issuer: str
    subject: str
    name: str
    authenticated_at: int


class IdentityProvider(Protocol):
    """One provider, by which people sign in."""

    @property
    def issuer(self) -> str:
        """Return the provider's lasting name."""
        ...

    async def begin(self, terms: SignInTerms) -> str:
        """Return where the person's browser is sent. Raises: ProviderDownError, IdentityError."""
        ...

    async def finish(self, terms: SignInTerms, reply: ProviderReply) -> Claims:
        """Return who signed in, for a code that works once.

        Raises: IdentityError if anything is not as the terms say; ProviderDownError.
        """
        ...
