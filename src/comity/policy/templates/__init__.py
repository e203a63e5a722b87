"""Policy templates: drafts for a state's counsel, as data, and how they are read.

Each `*.toml` here is one bundle in the layout of the rule record. A template is a draft: it decides
nothing until a state publishes it. A clause marked K is present, switched off and says so; a
template of which nothing could be established is blank. `adopts = "national_default"` stands for
the digest of the shipped national rules.
Source: docs/adr/0008-rule-record.md, "Templates".
"""

from __future__ import annotations

import tomllib
from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import Any, Final

from comity.domain.ids import Member, member_label
from comity.policy.errors import UnknownTemplateError
from comity.policy.parse import bundle_of_table
from comity.policy.rule import PolicyBundle, bundle_digest

__all__ = [
    "NATIONAL_DEFAULT",
    "load_template",
    "national_default",
    "plain_adoption",
    "template_names",
]

NATIONAL_DEFAULT: Final = "national_default"
_HOLD_HOURS: Final = 72


@cache
def template_names() -> tuple[str, ...]:
    """Return the names of all templates, in order."""
    found = (entry.name for entry in files("comity.policy.templates").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@cache
def load_template(name: str) -> PolicyBundle:
    """Return a template as a checked bundle. Raises: UnknownTemplateError."""
    if name not in template_names():
        raise UnknownTemplateError("no template has that `name`")
    text = files("comity.policy.templates").joinpath(f"{name}.toml").read_text("utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    if table.pop("adopts", None) == NATIONAL_DEFAULT:
        table["national"] = b64encode(bundle_digest(national_default())).decode("ascii")
    return bundle_of_table(table)


def national_default() -> PolicyBundle:
    """Return the shipped national rules: today's practice, labelled so."""
    return load_template(NATIONAL_DEFAULT)


def plain_adoption(state: Member, *, version: int = 1) -> PolicyBundle:
    """Return the bundle of a state that adopts the national rules and has none of its own."""
    return PolicyBundle(
        schema_version=1,
        state=state,
        version=version,
        title=f"{member_label(state)}: the national default alone",
        label="national default",
        hold_hours=_HOLD_HOURS,
        national=bundle_digest(national_default()),
    )
