"""The sources file: which source answers for which state and key, and each web service's terms.

    version = 1
    [source.NAME]        a web service: `url`, and how it is spoken to
    [[route]]            `states`, optionally `keys`, and the `source` by name or `built_in`

Guarantee: a file with an unknown member, a name that nothing defines or uses, two routes for one
state and key, or a source that is spoken to in the clear is refused whole. Paths in it are relative
to its own folder. Source: docs/howto/connect-a-web-service.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from comity.adapters.errors import SourcesFileError
from comity.domain.ids import MEMBERS, Member
from comity.domain.keys import OTHER_KEY, MessageKey, is_known_key
from comity.domain.vocabulary import DataClass

__all__ = [
    "BUILT_IN",
    "SOURCES_FILE_BYTES_MAX",
    "HttpTerms",
    "Route",
    "SourcesFile",
    "parse_sources",
    "read_sources",
]

BUILT_IN: Final = "built_in"
"""The name of the source in the host's own database."""

SOURCES_FILE_BYTES_MAX: Final = 1_048_576

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_Seconds = Annotated[float, Meta(gt=0, le=9)]


class HttpTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a web service is spoken to. Seconds, bytes and counts; see the defaults' own names.

    One request takes `total_s` at most, below what the answer face waits. `elements` are the
    state's own names of elements, each with its data class.
    """

    url: Annotated[str, Meta(max_length=2_000)]
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    token_file: Path | None = None
    connect_s: _Seconds = 2.0
    read_s: _Seconds = 5.0
    total_s: _Seconds = 8.0
    requests_max: Annotated[int, Meta(ge=1, le=64)] = 8
    lookups_max: Annotated[int, Meta(ge=1, le=1_024)] = 256
    waiting_max: Annotated[int, Meta(ge=1, le=65_536)] = 4_096
    reply_bytes_max: Annotated[int, Meta(ge=1_024, le=268_435_456)] = 33_554_432
    failures_max: Annotated[int, Meta(ge=1, le=1_000)] = 5
    rest_s: Annotated[float, Meta(gt=0, le=600)] = 5.0
    rest_s_max: Annotated[float, Meta(gt=0, le=3_600)] = 60.0
    elements: dict[str, DataClass] = {}


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which source answers for these states; `keys` empty: for every key without its own route."""

    states: Annotated[tuple[str, ...], Meta(min_length=1)]
    source: str
    keys: tuple[str, ...] = ()

    def places(self) -> Iterator[tuple[Member, MessageKey | None]]:
        """Return each state and key that the route is for."""
        for state in self.states:
            for key in self.keys or (None,):
                yield Member(state), None if key is None else MessageKey(key)


class SourcesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sources file as it stands; `parse_sources` has checked it.

    `otherwise` may be `built_in`: then whatever has no route is looked up there. Left out, it is
    unknown: a database that does not hold a state's records would say that there is none.
    """

    version: Literal[1]
    otherwise: Literal["", "built_in"] = ""
    source: dict[str, HttpTerms] = {}
    route: tuple[Route, ...] = ()


def read_sources(path: Path) -> SourcesFile:
    """Read a sources file. Raises: SourcesFileError."""
    try:
        with path.open("rb") as opened:
            data = opened.read(SOURCES_FILE_BYTES_MAX + 1)
    except OSError:
        raise SourcesFileError("the sources file cannot be read") from None
    return parse_sources(data, path.parent)


def parse_sources(data: bytes, folder: Path) -> SourcesFile:
    """Return a sources file, its paths made whole. Raises: SourcesFileError."""
    if len(data) > SOURCES_FILE_BYTES_MAX:
        raise SourcesFileError(f"the sources file is over {SOURCES_FILE_BYTES_MAX} bytes")
    try:
        file = msgspec.toml.decode(data, type=SourcesFile, dec_hook=_path)
    except msgspec.MsgspecError as error:
        # A file of the operator's own, which says what stands where; its secrets are other files.
        raise SourcesFileError(f"the sources file is not in form: {error}") from None
    for name, terms in file.source.items():
        _check_terms(name, terms)
    _check_routes(file)
    whole = {name: _placed(terms, folder) for name, terms in file.source.items()}
    return msgspec.structs.replace(file, source=whole)


def _path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str) or not value:
        raise msgspec.ValidationError("a path is not a text")
    return Path(value)


def _check_terms(name: str, terms: HttpTerms) -> None:
    if name == BUILT_IN or not name.isascii() or not name.replace("_", "").isalnum():
        raise SourcesFileError(
            "`source` has a name that is not letters, digits and _, or `built_in`"
        )
    try:
        url = urlsplit(terms.url)
        is_plain = url.scheme == "http" and url.hostname in _LOOPBACK
        is_whole = bool(url.hostname) and url.port != 0
    except ValueError:
        raise SourcesFileError(f"`url` of `{name}` is not an address") from None
    if not is_whole or url.username is not None or url.query or url.fragment:
        raise SourcesFileError(f"`url` of `{name}` is not a plain address of a host and path")
    if url.scheme != "https" and not is_plain:
        raise SourcesFileError(f"`url` of `{name}` is not https, and not on this machine")
    if (url.scheme == "https") != (terms.ca_file is not None):
        raise SourcesFileError(f"`ca_file` of `{name}` belongs to https, and https needs it")
    if (terms.certificate_file is None) != (terms.key_file is None):
        raise SourcesFileError(f"`{name}` has one of `certificate_file` and `key_file`")
    if terms.certificate_file is not None and is_plain:
        raise SourcesFileError(f"`certificate_file` of `{name}` belongs to https")
    if max(terms.connect_s, terms.read_s) > terms.total_s or terms.rest_s > terms.rest_s_max:
        raise SourcesFileError(f"`{name}` has a time that is longer than the whole it is part of")


def _check_routes(file: SourcesFile) -> None:
    seen: set[tuple[Member, MessageKey | None]] = set()
    for route in file.route:
        if route.source != BUILT_IN and route.source not in file.source:
            raise SourcesFileError(f"`route` names the source `{route.source}`, which is not there")
        if not set(route.states) <= set(MEMBERS):
            raise SourcesFileError("`states` of a route names what is no member")
        if not all(is_known_key(key) or key == OTHER_KEY for key in route.keys):
            raise SourcesFileError("`keys` of a route names what is no message key")
        for place in route.places():
            if place in seen:
                raise SourcesFileError(f"two routes are for `{place[0]}` and the same key")
            seen.add(place)
    if unused := file.source.keys() - {route.source for route in file.route}:
        raise SourcesFileError(f"`source` has `{min(unused)}`, which no route uses")


def _placed(terms: HttpTerms, folder: Path) -> HttpTerms:
    names = ("ca_file", "certificate_file", "key_file", "token_file")
    paths = {name: getattr(terms, name) for name in names}
    return msgspec.structs.replace(
        terms, **{name: folder / path for name, path in paths.items() if path is not None}
    )
