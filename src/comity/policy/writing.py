"""A rule, and what stands around the rules of a bundle, as the text that an author edits: TOML.

Guarantee: what is written is read back as the same value; the text of one rule holds one rule and
the text around rules none. Comments of a text are not kept: what an author wants to note stands in
`note`. Source: docs/adr/0008-rule-record.md, "Templates"; docs/adr/0043-drafts-in-the-browser.md.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from comity.policy.errors import RuleFormError
from comity.policy.parse import bundle_of_table, rule_of_table
from comity.policy.rule import PolicyBundle, Rule, bundle_digest, encode_bundle
from comity.policy.templates import NATIONAL_DEFAULT, national_default, table_of_text

__all__ = ["around_text", "read_around", "read_rule", "rule_text"]

_FIXED: Final = ("schema_version", "state", "version", "rules", "unconfirmed")
"""Fields of a bundle that are no author's to write."""


def rule_text(rule: Rule) -> str:
    """Return a rule as text, one field a line, in the order of the record."""
    lines = []
    for name, value in msgspec.to_builtins(rule).items():
        if name == "when":
            lines += [f"when.{axis} = {_toml(values)}" for axis, values in value.items()]
        else:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def read_rule(text: str) -> Rule:
    """Return the rule that a text holds. Raises: RuleFormError and its kinds."""
    return rule_of_table(table_of_text(text, "a clause"))


def around_text(bundle: PolicyBundle) -> str:
    """Return everything of a bundle that is its author's, but for the rules, as text."""
    table = {k: v for k, v in msgspec.to_builtins(bundle).items() if k not in _FIXED}
    if bundle.national == bundle_digest(national_default()):
        del table["national"]
        table = {"title": table.pop("title"), "adopts": NATIONAL_DEFAULT, **table}
    plain = {name: value for name, value in table.items() if not _is_tables(value)}
    lines = [f"{name} = {_toml(value)}" for name, value in plain.items()]
    for name, rows in table.items():
        if _is_tables(rows):
            for row in rows:
                lines += [
                    "",
                    f"[[{name}]]",
                    *(f"{key} = {_toml(each)}" for key, each in row.items()),
                ]
    return "\n".join(lines) + "\n"


def read_around(text: str, bundle: PolicyBundle) -> PolicyBundle:
    """Return a bundle with the same rules, and around them what a text says.

    Raises: RuleFormError and its kinds; OptOutError.
    """
    table = table_of_text(text, "what stands around the clauses")
    for name in _FIXED:
        if name in table:
            raise RuleFormError(f"`{name}` is not written here")
    kept = json.loads(encode_bundle(bundle))
    if table.pop("adopts", None) == NATIONAL_DEFAULT:
        table["national"] = b64encode(bundle_digest(national_default())).decode("ascii")
    elif "national" in table:
        _check_digest(table["national"])
    return bundle_of_table({name: kept[name] for name in _FIXED if name in kept} | table)


def _check_digest(value: object) -> None:
    try:
        b64decode(str(value), validate=True)
    except ValueError:
        raise RuleFormError("`national` is not a digest in base64") from None


def _is_tables(value: object) -> bool:
    return isinstance(value, Sequence) and bool(value) and isinstance(value[0], Mapping)


def _toml(value: Any) -> str:
    """Return a value as TOML writes it on one line; its strings are JSON's, but for DEL."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
