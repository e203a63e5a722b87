"""What one target of the fuzzer is: a parser, the examples its inputs come from, its equation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from comity.domain.errors import ComityError
from tests.fuzz.mutate import Mutator
from tests.fuzz.refusals import hold, refusal
from tests.fuzz.shape import Shape

READ = "read"
"""The outcome of an input that is a value; any other outcome is the code of its refusal."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Target:
    """One parser under one equation.

    `check` returns an outcome, or raises: `EquationError` where an equation does not hold, anything
    else where the parser raised what it does not declare. `weight` is the target's share of inputs.
    """

    name: str
    check: Callable[[bytes], str]
    seeds: Callable[[], Sequence[bytes]]
    shape: Shape
    bytes_max: int
    weight: int = 4
    words: Sequence[bytes] = ()

    @cached_property
    def mutator(self) -> Mutator:
        """Return what makes the target's inputs; its examples are made on first use."""
        return Mutator(
            seeds=self.seeds(), shape=self.shape, bytes_max=self.bytes_max, words=self.words
        )


def outcome_of(
    data: bytes,
    parse: Callable[[], _T],
    then: Callable[[_T], object],
    kind: type[ComityError] | tuple[type[ComityError], ...],
) -> str:
    """Return what became of an input: read, and then held to its equations, or refused.

    Only refusals of `kind` by `parse` itself are caught: what is raised of a value that was read
    is a finding.
    """
    try:
        value = parse()
    except kind as error:
        return refusal(error, data)
    then(value)
    return READ


def text_of(data: bytes) -> str:
    """Return bytes as the text that a decoder hands on: never half a character."""
    return data.decode("utf-8", "replace")


def same(first: object, second: object, words: str) -> None:
    """Raise unless two values are equal. Raises: EquationError."""
    hold(first == second, words)
