"""What is asked of a TOML text before it is read.

Guarantee: `dotted_line` takes time that grows with the text alone, whatever it holds.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["dotted_line"]

# A TOML string of each kind, or a comment; a string that does not end takes all the rest.
# No group is possessive, which Python before 3.11.5 takes for a mismatch (its issue 106052).
_QUOTED: Final = re.compile(
    r'"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*"{3,5}'
    r"|'''[^']*+(?:'(?!'')[^']*+)*'{3,5}"
    r'|"(?!"")[^"\\\n]*+(?:\\.[^"\\\n]*+)*"'
    r"|'(?!'')[^'\n]*+'"
    r"|#[^\n]*+"
    r"|[\"'].*+",
    re.DOTALL,
)


def dotted_line(text: str, dots_max: int) -> int | None:
    """Return the first line with more dots than that outside its strings and comments, or None.

    The time and memory that a key of many parts takes grow with the square of them.
    """
    bare = _QUOTED.sub(lambda found: "\n" * found[0].count("\n"), text)
    for number, line in enumerate(bare.split("\n"), start=1):
        if line.count(".") > dots_max:
            return number
    return None
