"""Inputs of the fuzzer follow from their number alone, and stay within their limits."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.__main__ import BLOCK_INPUTS, schedule
from tests.fuzz.mutate import EVERYWHERE, Mutator
from tests.fuzz.shape import Shape, joined, parts_of
from tests.fuzz.target import READ
from tests.fuzz.targets import TARGETS
from tests.fuzz.trees import moved_tree
from tests.fuzz.trial import input_of

NAMES = list(TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_seeds_keep_the_equations(name: str) -> None:
    """Every example is a value or a refusal, and some are values."""
    target = TARGETS[name]
    assert READ in {target.check(seed) for seed in target.mutator.seeds}
    assert all(len(seed) <= target.bytes_max for seed in target.mutator.seeds)


@pytest.mark.parametrize("name", NAMES)
def test_input_follows_from_its_number(name: str) -> None:
    """The same number gives the same input, another one mostly another, none beyond the limit."""
    target = TARGETS[name]
    first = [input_of(target, 7, number) for number in range(60)]
    again = [input_of(target, 7, number) for number in reversed(range(60))]
    assert first == again[::-1]
    assert len(set(first)) > 30
    assert first != [input_of(target, 8, number) for number in range(60)]
    assert all(len(data) <= target.bytes_max for data in first)


@pytest.mark.parametrize("shape", Shape)
def test_parts_make_the_whole(shape: Shape) -> None:
    """What is taken apart and put together again is as it was, for every example of its shape."""
    seeds = [s for t in TARGETS.values() if t.shape is shape for s in t.mutator.seeds]
    for data in [*seeds, *EVERYWHERE, b""]:
        assert joined(shape, parts_of(shape, data), keeps_length=False) == data


def test_moves_survive_anything() -> None:
    """Any bytes are a place to begin from, in every shape."""
    for shape in Shape:
        mutator = Mutator(seeds=EVERYWHERE, shape=shape, bytes_max=100)
        for number in range(150):
            assert len(mutator.make(random.Random(number))) <= 100


@pytest.mark.parametrize("shape", [Shape.JSON, Shape.MSGPACK])
def test_what_is_no_document_stays_as_it_was(shape: Shape) -> None:
    """Bytes that hold no values come back unchanged."""
    assert moved_tree(shape, random.Random(1), b"\x01\xc1{", lambda _: b"x") == b"\x01\xc1{"


def test_every_target_has_its_share_at_any_moment() -> None:
    """A run that is cut short has tried every parser, by weight; none goes without."""
    blocks = [block for block in schedule(TARGETS, 100_000) if not block.grows]
    assert 99_000 < sum(block.count for block in blocks) < 101_000
    half = blocks[: len(blocks) // 2]
    for name, target in TARGETS.items():
        whole = sum(b.count for b in blocks if b.target == name)
        early = sum(b.count for b in half if b.target == name)
        assert abs(early - whole / 2) <= 2 * BLOCK_INPUTS, target.name
    tiny = schedule(TARGETS, 1)
    assert {block.target for block in tiny} == set(TARGETS)
