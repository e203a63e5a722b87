"""Seeded chance: streams, tables, numbers without repeats."""

from __future__ import annotations

from collections import Counter

from comity.practice.chance import Shape, pick, stream, weighted


def test_streams_are_independent() -> None:
    """The same parts give the same chance, other parts another."""
    assert stream(1, "wa", "people").random() == stream(1, "wa", "people").random()
    seen = {stream(seed, *parts).random() for seed in (1, 2) for parts in (("wa",), ("tx",))}
    assert len(seen) == 4


def test_shape_fills_each_number_differently() -> None:
    """Every number of a shape has a text of its own, in the shape."""
    shape = Shape("PX*A#")
    texts = {shape.fill(number) for number in range(shape.capacity)}
    assert len(texts) == shape.capacity == 230
    assert shape.fill(0) == "PX*A0"
    assert shape.fill(shape.capacity - 1) == "PX*Z9"


def test_shape_numbers_come_once() -> None:
    """The numbers of a shape come in a scattered order, each once, the reserved ones never."""
    shape = Shape("A##")
    drawn = list(shape.numbers(stream(7, "numbers"), reserved={"A00", "Z99"}))
    assert len(drawn) == len(set(drawn)) == shape.capacity - 2
    assert {"A00", "Z99"}.isdisjoint(drawn)
    assert drawn != sorted(drawn)


def test_weighted_shares() -> None:
    """A value is picked as often as its share says."""
    rng = stream(3, "shares")
    counts = Counter(pick(rng, weighted({"a": 90, "b": 10})) for _ in range(5_000))
    assert 350 < counts["b"] < 650
