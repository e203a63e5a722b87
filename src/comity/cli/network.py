"""Where commands find the running network: its settings, lines, keys, wire and ledgers.

Every call into the composition root from the command line stands here, so that a command says what
it wants of the network and not how the network is put together.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from comity.cli.errors import UsageError
from comity.client import LineClient, open_line
from comity.domain.agency import Agency
from comity.domain.ids import MEMBERS, Member, parse_member
from comity.domain.vocabulary import AgencyType
from comity.link.errors import GatewaySilentError
from comity.practice.agencies import agencies_of
from comity.roles.certificates import SERVER_NAME, client_context, tls_files
from comity.roles.machine import LOOPBACK
from comity.roles.runtime import load_runtime
from comity.roles.settings import Settings, load_settings

__all__ = [
    "DataDir",
    "Speaker",
    "connect_line",
    "member_of",
    "post_message",
    "practice_agency",
    "settings_of",
    "speaker_of",
]

_DEFAULT_MEMBER: Final = Member("tx")
_ORI_CHARS: Final = 9
_REQUEST_SECONDS: Final = 20

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Data directory of the network; as COMITY_DATA_DIR."
    ),
]
"""The option that says which network, on every command that speaks to one."""


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: a line, and the agency where it was named or is known."""

    line: str
    agency: Agency | None = None


def settings_of(data: Path | None) -> Settings:
    """Return the settings; a data directory given on the command line goes first."""
    return load_settings() if data is None else load_settings(data_dir=data)


def member_of(text: str) -> Member:
    """Return the member that a person means by `wa` or `WA`. Raises: IdError."""
    return parse_member(text.lower())


def practice_agency(ori: str) -> tuple[Member, Agency] | None:
    """Return an agency of the practice network and the member that lists it, or None."""
    return next(((m, a) for m, a in _agencies() if a.ori == ori), None)


def speaker_of(who: str) -> Speaker:
    """Return who is meant by an agency's ORI, a line's name, or nothing: police of Texas.

    Raises: UsageError if no agency of the practice network has the ORI.
    """
    if not who:
        police = (a for a in agencies_of(_DEFAULT_MEMBER) if a.type is AgencyType.PD and a.active)
        agency = next(police)
        return Speaker(line=agency.lines[0], agency=agency)
    if len(who) != _ORI_CHARS or who != who.upper():
        by_line = (agency for _, agency in _agencies() if who in agency.lines)
        return Speaker(line=who, agency=next(by_line, None))
    found = practice_agency(who)
    if found is None:
        raise UsageError(f"no agency of the practice network has the ori `{who}`")
    return Speaker(line=found[1].lines[0], agency=found[1])


async def connect_line(settings: Settings, line: str) -> LineClient:
    """Connect as a line of the running network.

    Raises: NotRunningError, UsageError if the line has no certificate here, LineClosedError,
    GatewaySilentError, OSError.
    """
    runtime = load_runtime(settings.data_dir)
    address = runtime.addresses.get("line", f"{LOOPBACK}:{settings.line_port}")
    host, _, port = address.rpartition(":")
    if port == "0":
        raise GatewaySilentError("the network has not said yet where lines connect: try again")
    files = tls_files(settings.data_dir / "tls", line)
    if not files.identity.is_file():
        raise UsageError(f"`--as`: no agency and no line `{line}` is known here")
    context = client_context(files)
    return await open_line(host, int(port), context, SERVER_NAME)


class _NamedConnection(HTTPSConnection):
    """A connection to an address whose certificate is checked for the gateway's own name."""

    def __init__(self, host: str, port: int, *, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(host, port, context=context, timeout=timeout)
        self._named = context

    def connect(self) -> None:
        """Connect, and hold the certificate against the name."""
        HTTPConnection.connect(self)
        self.sock = self._named.wrap_socket(self.sock, server_hostname=SERVER_NAME)


def post_message(settings: Settings, line: str, key: str, body: bytes) -> tuple[int, bytes]:
    """Send a message as an HTTP agency does, and wait for its answer; return status and body.

    Raises: NotRunningError, OSError.
    """
    address = load_runtime(settings.data_dir).addresses["http"]
    host, _, port = address.rpartition(":")
    context = client_context(tls_files(settings.data_dir / "tls", line))
    connection = _NamedConnection(host, int(port), context=context, timeout=_REQUEST_SECONDS)
    try:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "Prefer": f"wait={_REQUEST_SECONDS // 2}",
        }
        connection.request("POST", "/v1/messages", body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _agencies() -> Iterator[tuple[Member, Agency]]:
    for member in MEMBERS:
        for agency in agencies_of(member):
            yield member, agency
