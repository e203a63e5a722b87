"""Which line a certificate names, and what the front insists on before it listens."""

from __future__ import annotations

import ssl

import pytest

from comity.front.line import LINE_PREFIX, LineServer, _line_of
from comity.roles import certificates
from comity.services.events import Events
from tests.support.line import MemoryLog


def named(*pairs: tuple[str, str]) -> dict[str, object]:
    return {"subject": tuple(((name, value),) for name, value in pairs)}


@pytest.mark.parametrize(
    ("certificate", "line"),
    [
        (named(("commonName", "line:salem-1")), "salem-1"),
        (named(("organizationName", "line:x"), ("commonName", "line:salem-1")), "salem-1"),
        (named(("commonName", "salem-1")), ""),
        (named(("commonName", "host:salem-1")), ""),
        (named(("commonName", "line:")), ""),
        (named(), ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_line_of_a_certificate(certificate: object, line: str) -> None:
    """The line is the common name behind `line:`; any other certificate names none."""
    assert _line_of(certificate) == line


def test_prefix_is_that_of_the_practice_certificates() -> None:
    """Who makes certificates and who reads them mean the same prefix."""
    assert certificates.LINE_PREFIX == LINE_PREFIX


@pytest.mark.parametrize("weak", ["certificate", "version"])
def test_context_that_lets_anyone_in_is_refused(weak: str) -> None:
    """A context that asks for no certificate, or takes older TLS, is a fault at the start."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    LineServer(events=Events(MemoryLog()), ssl_context=context, is_practice=True)
    if weak == "certificate":
        context.verify_mode = ssl.CERT_OPTIONAL
    else:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(AssertionError):
        LineServer(events=Events(MemoryLog()), ssl_context=context, is_practice=True)
