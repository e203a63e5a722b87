"""Which part of the house may import which: arrows point down only, and nowhere in a circle.

Guarantee: every import counts, also one inside a function or for the type checker alone.
Source: CONTRIBUTING.md, "Floors".
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from tests.tidy.tree import PACKAGE, Finding, Import, Source, imports

FLOORS = {
    "domain": 1,
    "formats": 2,
    "link": 2,
    "directory": 2,
    "policy": 2,
    "ledger": 2,
    "audit": 2,
    "exchange": 3,
    "review": 3,
    "oversight": 3,
    "photo": 3,
    "ports": 4,
    "services": 5,
    "adapters": 5,
    "front": 6,
    "console": 6,
    "roles": 7,
    "practice": 7,
    "sim": 7,
    "client": 8,
    "app": 8,
    "cli": 8,
    "__main__": 9,
}
PURE_FLOOR_MAX = 3
# The only arrows between two parts of one floor: each command asks the composition root.
LEVEL_ARROWS = {
    ("cli", "app"),
    ("cli", "client"),
    ("review", "exchange"),
    ("practice", "roles"),
}
# Parts that may import these and nothing else of the house.
CONFINED = {
    "audit": {"domain"},  # an independent checker shares no code with what it checks
    "client": {"domain", "formats"},  # a requester installs no gateway
}
DOMAIN_LIBRARIES = {"msgspec"}
COMPOSITION_ROOT = "app"


def is_pure(source: Source) -> bool:
    """Whether a file stands on a floor that only takes and returns values."""
    return FLOORS.get(source.part, PURE_FLOOR_MAX + 1) <= PURE_FLOOR_MAX


def check_arrows(source: Source) -> Iterator[Finding]:
    """Report each import that points up, sideways, or out of a confined part."""
    here = source.part
    if here and here not in FLOORS:
        yield source.finding(1, f"`{here}` stands on no floor: give it one in tests/tidy/floors.py")
        return
    # One finding for each line, however many names it imports.
    by_line = {(imported.part, imported.node): imported for imported in imports(source)}
    for (there, _), imported in by_line.items():
        if there in {"", here}:
            continue
        if not here:
            # The package's own facade: importing it must not pull in the house.
            if source.module == PACKAGE:
                yield source.finding(imported.node, f"the package itself imports `{there}`")
            continue
        if here in CONFINED and there not in CONFINED[here]:
            allowed = " and ".join(sorted(CONFINED[here]))
            yield source.finding(imported.node, f"`{here}` imports `{there}`, not {allowed} only")
        elif there == "sim" and here != "cli":
            yield source.finding(imported.node, f"`{here}` imports `sim`; tests and cli alone may")
        elif FLOORS.get(there, 0) >= FLOORS[here] and (here, there) not in LEVEL_ARROWS:
            yield source.finding(imported.node, f"`{here}` imports `{there}`, which is not below")


def check_formats(source: Source) -> Iterator[Finding]:
    """Report a format that imports a sibling: each must be removable alone."""
    names = source.module.split(".")
    if source.part != "formats" or len(names) < 3:
        return
    for imported in imports(source):
        other = imported.name.split(".")
        is_sibling = imported.part == "formats" and len(other) > 2 and other[2] != names[2]
        if is_sibling and is_format(names[2]) and is_format(other[2]):
            yield source.finding(
                imported.node, f"format `{names[2]}` imports its sibling `{other[2]}`"
            )


def is_format(name: str) -> bool:
    """Whether a name below formats/ is one of the formats, and not what they share."""
    return name in {"text", "niem", "json", "aamva"}


def check_domain(source: Source) -> Iterator[Finding]:
    """Report what `domain` imports beyond the standard library and msgspec."""
    if source.part != "domain":
        return
    for imported in imports(source):
        root = imported.name.split(".")[0]
        if root not in sys.stdlib_module_names | DOMAIN_LIBRARIES | {PACKAGE}:
            yield source.finding(imported.node, f"`domain` imports the library `{root}`")


def check_joins(source: Source) -> Iterator[Finding]:
    """Report a module other than the composition root that joins services to adapters."""
    if source.part in {"", COMPOSITION_ROOT}:
        return
    joined: dict[str, Import] = {
        imported.part: imported
        for imported in imports(source)
        if imported.part in {"services", "adapters"}
    }
    if len(joined) == 2:
        yield source.finding(
            joined["adapters"].node, "joins services to adapters; only comity.app does"
        )


def check_cycles(files: Iterable[Source]) -> Iterator[Finding]:
    """Report every circle of modules that import each other."""
    by_module = {source.module: source for source in files}
    arrows = {
        module: sorted({target(imported, by_module) for imported in imports(source)} - {"", module})
        for module, source in by_module.items()
    }
    for circle in circles(arrows):
        first = min(circle)
        yield by_module[first].finding(1, f"imports in a circle: {' -> '.join(sorted(circle))}")


def target(imported: Import, modules: Iterable[str]) -> str:
    """The module that an import reaches, or `` outside these modules."""
    names = imported.name.split(".")
    for length in (len(names), len(names) - 1):
        module = ".".join(names[:length])
        if module in modules:
            return module
    return ""


def circles(arrows: dict[str, list[str]]) -> list[set[str]]:
    """Sets of more than one module that reach each other (Tarjan, without recursion)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    found: list[set[str]] = []
    for start in sorted(arrows):
        if start in order:
            continue
        path = [(start, iter(arrows[start]))]
        order[start] = low[start] = len(order)
        waiting.append(start)
        while path:
            module, onward = path[-1]
            following = next((name for name in onward if name not in order), None)
            if following is not None:
                order[following] = low[following] = len(order)
                waiting.append(following)
                path.append((following, iter(arrows[following])))
                continue
            path.pop()
            reached = [low[name] for name in arrows[module] if name in waiting]
            low[module] = min([low[module], *reached])
            if low[module] == order[module]:
                at = waiting.index(module)
                component, waiting = set(waiting[at:]), waiting[:at]
                if len(component) > 1:
                    found.append(component)
    return found
