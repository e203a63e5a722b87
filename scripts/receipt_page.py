#!/usr/bin/env python3
"""Build the page that checks a receipt: one file, from its parts in src/comity/audit/page.

Guarantee: the same parts give the same bytes; what the page may run and draw is named in its own
policy by hash, and nothing else, so that it can reach no network. The labels are those of the
vocabularies; a test compares what is in the repository with what this builds.
Source: docs/adr/0023-receipt-page.md.
"""

from __future__ import annotations

import json
import re
import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from comity.domain.vocabulary import read_table  # noqa: E402

PARTS: Final = ROOT / "src/comity/audit/page"
VOCABULARY: Final = PARTS / "vocabulary.mjs"
PAGE: Final = PARTS / "check-receipt.html"
TABLES: Final = (
    *("member", "leaf_mode", "leaf_kind", "leaf_decision", "message_key"),
    *("purpose", "offence", "instrument", "assurance", "data_class"),
)
# Each module only uses those before it; the last one is the page itself.
MODULES: Final = (
    "vocabulary",
    "evidence",
    "leaf",
    "examine",
    "opened",
    "english",
    "spanish",
    "page",
)

IMPORT: Final = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.mjs";$', re.MULTILINE)
EXPORT: Final = re.compile(
    r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE
)


def vocabulary() -> str:
    """Return the module of labels, by vocabulary and value, in the vocabularies' own order."""
    tables = {
        table: {code: row["label"] for code, row in read_table(table).items()} for table in TABLES
    }
    return (
        "/* The closed vocabularies with their labels, from src/comity/domain/vocabularies.\n"
        " *\n * Made by scripts/receipt_page.py: change the vocabularies, not this file.\n */\n\n"
        f"export const VOCABULARY = {json.dumps(tables, ensure_ascii=False, indent=2)};\n"
    )


def module(name: str, text: str) -> str:
    """Return a module as one expression that gives what it exports; the page's own runs as is."""
    body = IMPORT.sub(r"const \1 = \2Module;", text)
    if name == MODULES[-1]:
        return body
    exported = ", ".join(EXPORT.findall(body))
    return (
        f"const {name}Module = (() => {{\n{EXPORT.sub('', body)}return {{ {exported} }};\n}})();\n"
    )


def hash_source(text: str) -> str:
    """Return how a content policy names an inline script or style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def page() -> str:
    """Return the whole page."""
    read = {name: (PARTS / f"{name}.mjs").read_text("utf-8") for name in MODULES}
    script = "\n" + "\n".join(module(name, text) for name, text in read.items())
    style = "\n" + (PARTS / "page.css").read_text("utf-8")
    assert "</script" not in script
    assert "</style" not in style
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {hash_source(script)}",
            f"style-src {hash_source(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        )
    )
    filled = (PARTS / "page.html").read_text("utf-8")
    for mark, text in (("csp", policy), ("style", style), ("script", script)):
        filled = filled.replace(f"{{{{{mark}}}}}", text)
    return filled


def main() -> int:
    """Write both files anew."""
    VOCABULARY.write_text(vocabulary(), "utf-8")
    PAGE.write_text(page(), "utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {PAGE.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
