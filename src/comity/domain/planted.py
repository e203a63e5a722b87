"""A planted test case: what is wrong with it, and what is signed to have one put into the queue.

# INVARIANT (review-is-verified): what is signed is `planting_order_bytes`, nothing else; it names
no hold, and by its own prefix it can be read as no verdict.
Source: docs/adr/0054-planted-test-cases.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.verdict import VerdictProof

__all__ = ["Flaw", "Planted", "PlantingOrder", "SignedPlantingOrder", "planting_order_bytes"]

_PREFIX: Final = b"comity/planting/v1\n"


class Flaw(StrEnum):
    """Why a planted case must not be released. Closed; told by private records alone."""

    CIVIL_AS_CRIMINAL = "civil_as_criminal"
    NO_JUDGE = "no_judge"
    NOT_ITS_BUSINESS = "not_its_business"
    NO_CASE = "no_case"


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """What marks an exchange as a test case; `ordered_by` is empty where the clock planted it."""

    flaw: Flaw
    ordered_by: str = ""


class PlantingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One test case for a state's queue, now. `at` is Unix seconds."""

    state: Member
    reviewer: str
    at: int


class SignedPlantingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order and its proof."""

    order: PlantingOrder
    proof: VerdictProof


def planting_order_bytes(order: PlantingOrder) -> bytes:
    """Return what is signed: a prefix and the order as compact JSON."""
    return _PREFIX + msgspec.json.encode(order)
