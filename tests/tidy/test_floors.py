"""The import rules bite: each refuses a small tree that breaks it, and lets a good one pass."""

from __future__ import annotations

import pytest

from tests.tidy import floors
from tests.tidy.tree import Source


def module(path: str, text: str) -> Source:
    """A module of the package."""
    return Source(f"src/comity/{path}", text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ledger/tile.py", "from comity.services import accept"),
        ("ledger/tile.py", "import comity.policy.rule"),
        ("exchange/origin.py", "from comity.review import holds"),
        ("services/accept.py", "from comity.adapters.postgres import pool"),
        ("console/pages.py", "from comity import roles"),
        ("domain/ids.py", "from ..ledger import tile"),
        ("domain/ids.py", "def late():\n    from comity.ledger import tile"),
        (
            "domain/ids.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import comity.ledger.tile",
        ),
        ("audit/walk.py", "from comity.ledger import tile"),
        ("client/asker.py", "from comity.link import seal"),
        ("practice/story/routes.py", "from comity.sim import world"),
        ("app.py", "import comity.sim.world"),
        ("cellar/wine.py", ""),
        ("__init__.py", "from comity.domain import ids"),
    ],
)
def test_arrow_that_does_not_point_down_is_refused(path: str, text: str) -> None:
    """An import upwards, sideways or out of a confined part is found, wherever it hides."""
    assert list(floors.check_arrows(module(path, text)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ledger/tile.py", "from comity.domain.ids import LeafIndex"),
        ("ledger/tile.py", "from comity.ledger import tree"),
        ("ledger/tile.py", "from . import tree"),
        ("exchange/answer.py", "from comity.policy import decide"),
        ("audit/walk.py", "from comity.domain import leaf"),
        ("client/asker.py", "from comity.formats.json import decode"),
        ("cli/simulate.py", "from comity.sim import world"),
        ("cli/serve.py", "from comity.app import build"),
        ("adapters/memory.py", "from comity.ports import Store"),
        ("__main__.py", "from comity.cli.main import run"),
        ("domain/ids.py", "from comity import __version__"),
    ],
)
def test_arrow_that_points_down_passes(path: str, text: str) -> None:
    """An import from a lower floor or from within the part is allowed."""
    assert not list(floors.check_arrows(module(path, text)))


def test_sibling_formats_are_apart() -> None:
    """A format that imports its sibling is refused; what formats share is not."""
    assert list(
        floors.check_formats(module("formats/text/line.py", "from comity.formats.niem import tree"))
    )
    assert list(
        floors.check_formats(module("formats/json/body.py", "from comity.formats import text"))
    )
    assert not list(
        floors.check_formats(module("formats/text/line.py", "from comity.formats.text import er"))
    )
    assert not list(
        floors.check_formats(module("formats/text/line.py", "from comity.formats import fields"))
    )


def test_domain_stands_on_little() -> None:
    """The words of the field import the standard library and msgspec, and no further library."""
    assert list(floors.check_domain(module("domain/ids.py", "import lxml.etree")))
    assert not list(floors.check_domain(module("domain/ids.py", "import msgspec, enum")))


def test_only_the_composition_root_joins() -> None:
    """A module that brings services and adapters together is refused, unless it is the root."""
    text = "from comity.services import accept\nfrom comity.adapters import nats"
    assert list(floors.check_joins(module("roles/gateway.py", text)))
    assert not list(floors.check_joins(module("app.py", text)))


def test_circle_is_found() -> None:
    """Modules that import each other are found, however long the way round, types included."""
    round_trip = [
        module("policy/a.py", "from comity.policy.b import B"),
        module("policy/b.py", "from comity.policy import c"),
        module(
            "policy/c.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import comity.policy.a",
        ),
        module("policy/d.py", "from comity.policy import a"),
    ]
    (found,) = floors.check_cycles(round_trip)
    assert found.text.count("->") == 2


def test_facade_that_is_imported_from_within_is_a_circle() -> None:
    """A package's own modules may not import its facade, which imports them."""
    facade = module("policy/__init__.py", "from comity.policy.rule import Rule")
    rule = module("policy/rule.py", "from comity.policy import Decision")
    assert list(floors.check_cycles([facade, rule]))


def test_straight_line_is_no_circle() -> None:
    """Modules that import in one direction pass, also where two ways lead to one."""
    straight = [
        module("policy/a.py", "from comity.policy import b, c"),
        module("policy/b.py", "from comity.policy import c"),
        module("policy/c.py", "import enum"),
    ]
    assert not list(floors.check_cycles(straight))
