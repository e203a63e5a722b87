"""The console's two cookies: the session's, and that of a sign-in under way.

Guarantee: over TLS no other host, path or page in the clear can set or read them (`__Host-`, RFC
6265bis 4.1.3.2); no script reads them. Lax, not Strict: the way back from the provider must carry
them. Source: docs/adr/0037-signing-in.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.web import is_loopback

__all__ = ["PENDING_COOKIE_SECONDS_MAX", "CookieFacts", "pending_cookie", "session_cookie"]

PENDING_COOKIE_SECONDS_MAX: Final = 600
"""How long a browser keeps the cookie of a sign-in under way."""


class CookieFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is set with a cookie's value. `max_age_s` None: until the browser is closed."""

    name: str
    is_secure: bool
    max_age_s: int | None = None
    path: str = "/"
    same_site: str = "Lax"
    is_http_only: bool = True

    def header(self, value: str) -> str:
        """Return a `Set-Cookie` header's value; `value` is a token of ours, or empty."""
        max_age_s = self.max_age_s if value else 0
        parts = [
            f"{self.name}={value}",
            f"Path={self.path}",
            f"SameSite={self.same_site}",
            *([] if max_age_s is None else [f"Max-Age={max_age_s}"]),
            *(["HttpOnly"] if self.is_http_only else []),
            *(["Secure"] if self.is_secure else []),
        ]
        return "; ".join(parts)


def session_cookie(console_url: str) -> CookieFacts:
    """Return the facts of the session's cookie at the console's own address."""
    return _facts(console_url, "comity", None)


def pending_cookie(console_url: str) -> CookieFacts:
    """Return the facts of the cookie by which a browser ends the sign-in that it began."""
    return _facts(console_url, "comity-sign-in", PENDING_COOKIE_SECONDS_MAX)


def _facts(console_url: str, name: str, max_age_s: int | None) -> CookieFacts:
    # A cookie with the prefix is refused by browsers where there is no TLS.
    is_secure = not is_loopback(console_url)
    prefix = "__Host-" if is_secure else ""
    return CookieFacts(name=f"{prefix}{name}", is_secure=is_secure, max_age_s=max_age_s)
