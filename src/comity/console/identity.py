"""Whose console it is: a state's name, official line, accent colour and seal, from one file.

Guarantee: closed form; an accent that cannot be read on white and on the page's paper, and a seal
that could do more than be drawn, are refused at start-up with the reason.
Source: docs/adr/0038-console-assets.md; contrast as WCAG 2.2, 1.4.3, defines it.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import msgspec
from lxml import etree

from comity.console.assets import STATIC_PATH
from comity.domain.errors import MalformedError
from comity.domain.ids import OPERATOR_MEMBER, Member, member_label
from comity.domain.toml import dotted_line

__all__ = [
    "CONTRAST_MIN", "IDENTITY_BYTES_MAX", "LINE_CHARS_MAX", "NAME_CHARS_MAX", "PAPER",
    "SEAL_BYTES_MAX", "TITLE_CHARS_MAX", "Identity", "IdentityError", "contrast", "plain_identity",
    "read_identity",
]  # fmt: skip

CONTRAST_MIN: Final = 4.5
"""Of text on its ground; WCAG 2.2, 1.4.3."""
IDENTITY_BYTES_MAX: Final = 4_096
"""A state's identity file."""
SEAL_BYTES_MAX: Final = 65_536
"""A state's seal, as SVG."""
NAME_CHARS_MAX: Final = 60
"""A state's name on its pages."""
TITLE_CHARS_MAX: Final = 80
"""What a state calls its exchange."""
LINE_CHARS_MAX: Final = 160
"""The line that says whose site it is."""
PAPER: Final = "#fbfaf7"
"""The ground of every page; `--paper` of the style sheet."""

_WHITE: Final = "#ffffff"
_PLAIN_ACCENT: Final = "#1f4e79"
_DOTS_MAX: Final = 8
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_SVG: Final = "{http://www.w3.org/2000/svg}"
_DRAWN: Final = frozenset(
    _SVG + name
    for name in (
        *("svg", "g", "path", "circle", "ellipse", "rect", "line", "polyline", "polygon"),
        *("title", "desc", "defs", "linearGradient", "radialGradient", "stop", "clipPath", "mask"),
    )
)
_ELSEWHERE: Final = re.compile(r"url\(\s*['\"]?(?!#)|javascript:|data:|//", re.IGNORECASE)


class IdentityError(MalformedError):
    """A state's identity lacks its form, or cannot be read by everyone."""

    code = "identity-malformed"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a state's pages show of it. The seal is SVG, empty for none."""

    member: Member
    state_name: str
    title: str
    official_line: str
    accent: str
    seal: bytes = b""

    @property
    def stylesheet_path(self) -> str:
        """Under which path of `/static/` the state's own style sheet is served."""
        return f"identity-{self.member}.css"

    @property
    def stylesheet_url(self) -> str:
        """Where the state's own style sheet is served."""
        return f"{STATIC_PATH}{self.stylesheet_path}"

    @property
    def seal_path(self) -> str:
        """Under which path of `/static/` the seal is served; empty for none."""
        return f"seal-{self.member}.svg" if self.seal else ""

    @property
    def seal_url(self) -> str:
        """Where the seal is served; empty for none."""
        return f"{STATIC_PATH}{self.seal_path}" if self.seal else ""

    @property
    def stylesheet(self) -> bytes:
        """The style sheet that sets the accent and what stands on it, and nothing else."""
        return f":root{{--accent:{self.accent};--on-accent:#fff}}\n".encode()


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    title: str
    official_line: str
    accent: str
    seal: str = ""


def plain_identity(member: Member) -> Identity:
    """Return the identity of a member that has set none: its label, and no official claim."""
    name = "Federal agencies" if member == OPERATOR_MEMBER else member_label(member)
    line = name if member == OPERATOR_MEMBER else f"Record exchange of {name}"
    return Identity(
        member=member,
        state_name=name,
        title=f"{name} · Record Exchange",
        official_line=line,
        accent=_PLAIN_ACCENT,
    )


def read_identity(path: Path, member: Member) -> Identity:
    """Return a member's identity from its file; a seal's path is meant beside that file.

    Raises: IdentityError if the file or the seal cannot be read, has not its form, or the accent's
    contrast is below `CONTRAST_MIN`.
    """
    given = _parse(_bytes(path, IDENTITY_BYTES_MAX, "identity"))
    _check_text("name", given.name, NAME_CHARS_MAX)
    _check_text("title", given.title, TITLE_CHARS_MAX)
    _check_text("official_line", given.official_line, LINE_CHARS_MAX)
    accent = given.accent.lower()
    _check_accent(accent)
    seal = b""
    if given.seal:
        seal = _bytes(path.parent / given.seal, SEAL_BYTES_MAX, "seal")
        _check_seal(seal)
    return Identity(
        member=member,
        state_name=given.name,
        title=given.title,
        official_line=given.official_line,
        accent=accent,
        seal=seal,
    )


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours `#rrggbb`, from 1 to 21."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _bytes(path: Path, limit: int, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as fault:
        raise IdentityError(f"the file of `{what}` cannot be read") from fault
    except ValueError as fault:
        raise IdentityError(f"`{what}` is not a path") from fault
    if len(content) > limit:
        raise IdentityError(f"the file of `{what}` is over {limit:,} bytes")
    return content


def _parse(content: bytes) -> _File:
    try:
        text = content.decode("utf-8")
        if (line := dotted_line(text, _DOTS_MAX)) is not None:
            raise IdentityError(f"line {line} of the identity has more than {_DOTS_MAX} dots")
        return msgspec.convert(tomllib.loads(text), _File)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as fault:
        raise IdentityError("the identity is not a TOML file in UTF-8") from fault
    except msgspec.ValidationError as fault:
        raise IdentityError(f"the identity has not its form: {_field(str(fault))}") from fault


def _field(fault: str) -> str:
    named = re.search(r"`\$?\.?(\w+)`", fault)
    return f"`{named[1]}` is missing, unknown or not text" if named else "it has not the five keys"


def _check_text(name: str, text: str, limit: int) -> None:
    if not text.strip() or len(text) > limit or not text.isprintable():
        raise IdentityError(f"`{name}` is not 1 to {limit} printable characters")


def _check_accent(accent: str) -> None:
    if not _COLOUR.fullmatch(accent):
        raise IdentityError("`accent` is not a colour as #rrggbb")
    for ground, said in ((_WHITE, "white"), (PAPER, "the page's paper")):
        found = contrast(accent, ground)
        if found < CONTRAST_MIN:
            # Rounded down: 4.499 is not 4.5.
            raise IdentityError(
                f"`accent` has a contrast of {int(found * 100) / 100:.2f} with {said}, "
                f"and needs {CONTRAST_MIN}"
            )


def _check_seal(content: bytes) -> None:
    # The parser opens nothing else: no entity, no other file, no network.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as fault:
        raise IdentityError("`seal` is not an SVG file") from fault
    if root.tag != f"{_SVG}svg" or root.getroottree().docinfo.internalDTD is not None:
        raise IdentityError("`seal` is not an SVG file, or has a document type")
    for element in (*root.itersiblings(preceding=True), *root.iter()):
        if element.tag is etree.Comment:
            continue
        if element.tag not in _DRAWN:
            raise IdentityError("`seal` holds an element that is not a plain shape")
        for name, value in element.attrib.items():
            local = str(name).rpartition("}")[2].lower()
            if local.startswith("on") or local in {"style", "href", "src"}:
                raise IdentityError(f"`seal` holds the attribute `{local}`")
            if _ELSEWHERE.search(str(value)):
                raise IdentityError(f"`{local}` in `seal` points outside the file")
