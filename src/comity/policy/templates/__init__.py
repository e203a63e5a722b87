"""Policy templates: drafts for a state's counsel, as data, and how they are read.

Each `*.toml` here is one bundle in the layout of the rule record. A template is a draft: it decides
nothing until a state publishes it. A clause marked K is present, switched off and says so; a
template of which nothing could be established is blank. `adopts = "national_default"` stands for
the digest of the shipped national rules.
Source: docs/adr/0008-rule-record.md, "Templates".
"""

from __future__ import annotations

import re
import tomllib
from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import Any, Final

from comity.domain.ids import Member, member_label
from comity.domain.toml import dotted_line
from comity.policy.errors import RuleFormError, UnknownTemplateError
from comity.policy.parse import bundle_of_table, guarantees_of_table
from comity.policy.rule import SCHEMA_VERSION, Guarantee, PolicyBundle, bundle_digest

__all__ = [
    "EXECUTIVE_ORDER",
    "NATIONAL_DEFAULT",
    "draft_text",
    "load_template",
    "national_default",
    "plain_adoption",
    "read_draft",
    "read_guarantees",
    "table_of_text",
    "template_names",
]

NATIONAL_DEFAULT: Final = "national_default"
EXECUTIVE_ORDER: Final = "executive_order"
"""A draft of no state's: its state is filled in by whoever takes it."""

_HOLD_HOURS: Final = 72
_DOTS_MAX: Final = 16
"""Dots that one line may hold outside its strings: parts of a key."""


@cache
def template_names() -> tuple[str, ...]:
    """Return the names of all templates, in order."""
    found = (entry.name for entry in files("comity.policy.templates").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@cache
def load_template(name: str) -> PolicyBundle:
    """Return a template as a checked bundle. Raises: UnknownTemplateError."""
    return read_draft(draft_text(name))


def draft_text(name: str, state: Member | None = None) -> str:
    """Return a template as the text that counsel fills in; of `executive_order` for a state.

    Raises: UnknownTemplateError.
    """
    if name not in template_names():
        raise UnknownTemplateError("no template has that `name`")
    text = files("comity.policy.templates").joinpath(f"{name}.toml").read_text("utf-8")
    if state is None or name != EXECUTIVE_ORDER:
        return text
    text = re.sub(r'(?m)^state = ".*"$', f'state = "{state}"', text, count=1)
    title = f"{member_label(state)}: executive order, draft for the governor's counsel"
    return re.sub(r'(?m)^title = ".*"$', f'title = "{title}"', text, count=1)


def read_draft(text: str) -> PolicyBundle:
    """Return the bundle that a TOML text in the layout of a template holds.

    Raises: RuleFormError and its kinds; OptOutError.
    """
    table = table_of_text(text, "a draft")
    if table.pop("adopts", None) == NATIONAL_DEFAULT:
        table["national"] = b64encode(bundle_digest(national_default())).decode("ascii")
    return bundle_of_table(table)


def read_guarantees(text: str) -> tuple[Guarantee, ...]:
    """Return the guarantees of a TOML text, as tables `[[guarantees]]` in the layout of a bundle.

    Raises: RuleFormError and its kinds.
    """
    return guarantees_of_table(table_of_text(text, "a file of guarantees"))


def national_default() -> PolicyBundle:
    """Return the shipped national rules: today's practice, labelled so."""
    return load_template(NATIONAL_DEFAULT)


def plain_adoption(state: Member, *, version: int = 1) -> PolicyBundle:
    """Return the bundle of a state that adopts the national rules and has none of its own."""
    return PolicyBundle(
        schema_version=SCHEMA_VERSION,
        state=state,
        version=version,
        title=f"{member_label(state)}: the national default alone",
        label="national default",
        hold_hours=_HOLD_HOURS,
        national=bundle_digest(national_default()),
        guarantee_opt_outs=national_default().guarantee_opt_outs,
    )


def table_of_text(text: str, what: str) -> dict[str, Any]:
    """Return the table of a TOML text; `what` names it in errors. Raises: RuleFormError."""
    if dotted_line(text, _DOTS_MAX) is not None:
        raise RuleFormError(f"{what} has a key of too many parts")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        # Of its own kind, or Python's for a number of thousands of digits, or for too deep values.
        raise RuleFormError(f"{what} is not TOML") from None
