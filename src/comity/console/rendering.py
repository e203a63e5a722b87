"""How templates become pages: escaped, with undefined names as errors, and the page's own words.

Guarantee: no text of a value becomes markup unless a template says so; a name that a page forgot is
an error and not an empty place.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from comity.console import words
from comity.console.assets import AssetChangedError, asset_url
from comity.console.routes import Name, url_of

__all__ = ["console_environment", "make_environment"]


@cache
def console_environment() -> Environment:
    """Return the environment of the console's pages, which know where each page is.

    One for a process: compiling a template takes as long as a hundred pages made from it.
    """
    made = make_environment()
    made.globals["url_of"] = lambda name, **values: url_of(Name(name), **values)
    return made


def make_environment() -> Environment:
    """Return the environment of the console's templates, with the words as functions."""
    made = Environment(
        loader=PackageLoader("comity.console", "templates"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["asset"] = _known_url
    for name in ("moment_said", "day_said", "iso", "left_said", "counted", "share_said", "listed"):
        made.globals[name] = getattr(words, name)
    made.filters["opened"] = words.opened
    return made


def _known_url(name: str) -> str:
    url = asset_url(name)
    if url is None:
        raise AssetChangedError(f"`{name}` is not an asset of the console")
    return url
