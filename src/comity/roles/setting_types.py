"""The kinds of values that settings have, as an environment variable spells them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import pydantic
from pydantic import Field

__all__ = ["DirPath", "HostText", "Port", "split_text", "split_words"]


def split_text(value: object) -> object:
    """Return the parts of a list that is written with commas."""
    return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value


def split_words(value: object) -> object:
    """Return the words of a command: an environment variable has them as a JSON list."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(msgspec.json.decode(value, type=list[str]))
    except msgspec.MsgspecError:
        raise ValueError('not a JSON list of words, as in ["/usr/local/bin/page"]') from None


def _whole_path(value: Path) -> Path:
    return value.expanduser().absolute()


DirPath = Annotated[Path, pydantic.AfterValidator(_whole_path)]
Port = Annotated[int, Field(ge=0, le=65_535)]
HostText = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")]
