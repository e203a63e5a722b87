"""What a state wants planted, who may order it, how a case ended, and how one is made up."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from tomllib import loads

import msgspec
import pytest

from comity.adapters import sources
from comity.domain.ids import LeafIndex, Member, id_time_ns
from comity.domain.keys import asked_classes
from comity.domain.planted import Flaw, Planted, PlantingOrder, planting_order_bytes
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import AgencyType, LeafDecision, LeafKind, LeafMode, Purpose
from comity.review.past_figures import CameOut, caught_of
from comity.review.planted import (
    PLANTED_PER_WEEK_MAX,
    PlantedEnd,
    PlantedTally,
    Planting,
    PlantingFileError,
    end_by,
    ends_planted,
    order_id,
    parse_planting,
    planted_verdict,
    right_of,
    tally_of_planted,
    wrong_with,
)
from comity.review.planted_case import (
    PLANTED_KEYS,
    Draw,
    Manner,
    fits,
    invented_claims,
    invented_fields,
    invented_record,
)
from tests.support.exchange import REVIEWER, exchange_of
from tests.support.gateway import SALEM, practice_agency
from tests.support.leaves import leaf

NS = 1_000_000_000
WA = Member("wa")
ORDER = PlantingOrder(state=WA, reviewer=REVIEWER, at=1_795_500_000)


def test_what_is_signed_is_fixed() -> None:
    """The prefix and compact JSON in this order."""
    assert planting_order_bytes(ORDER) == (
        b'comity/planting/v1\n{"state":"wa","reviewer":"Practice Reviewer","at":1795500000}'
    )


def test_an_orders_id_is_of_its_bytes_and_of_its_second() -> None:
    """The same order is the same id; it stands within its second and on no whole one."""
    made = order_id(ORDER)
    assert made == order_id(ORDER)
    assert made != order_id(msgspec.structs.replace(ORDER, reviewer="another"))
    assert id_time_ns(made) // NS == ORDER.at
    assert id_time_ns(made) % NS


@pytest.mark.parametrize("per_week", [0, 1, PLANTED_PER_WEEK_MAX])
def test_a_file_says_how_many(per_week: int) -> None:
    """With every flaw where it names none."""
    said = parse_planting(f"per_week = {per_week}\n".encode())
    assert said == Planting(per_week=per_week, flaws=tuple(Flaw))
    named = parse_planting(f'per_week = {per_week}\nflaws = ["no_case"]\n'.encode())
    assert named.flaws == (Flaw.NO_CASE,)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"per_week = -1",
        b"per_week = 51",
        b'per_week = "3"',
        b"per_week = 3\nmore = 1",
        b'per_week = 3\nflaws = ["unheard_of"]',
        b'per_week = 3\nflaws = ["no_case", "no_case"]',
        b"per_week = [",
        b"\xff",
        b"per_week = 3\n#" + b"x" * 65_536,
    ],
)
def test_a_malformed_file_is_refused(data: bytes) -> None:
    """With a code, and never read as another."""
    with pytest.raises(PlantingFileError) as raised:
        parse_planting(data)
    assert raised.value.code == "planting-file-malformed"


HELD = (LeafIndex(3), leaf(LeafKind.HOLD, member=WA, mode=LeafMode.PLANTED))


@pytest.mark.parametrize(
    ("decision", "end"),
    [
        (LeafDecision.APPROVE, PlantedEnd.MISSED),
        (LeafDecision.REFUSE, PlantedEnd.CAUGHT),
        (LeafDecision.ASK, PlantedEnd.CAUGHT),
        (LeafDecision.ESCALATE, None),
    ],
)
def test_each_verdict_has_one_end(decision: LeafDecision, end: PlantedEnd | None) -> None:
    """By its leaf and by what was signed alike."""
    made = leaf(LeafKind.VERDICT, member=WA, mode=LeafMode.PLANTED, decision=decision, cites="wa/3")
    found = planted_verdict(LeafIndex(7), made, HELD)
    assert found is not None
    assert (found.index, found.hold_index, found.end) == (7, 3, end)
    kind = VerdictKind(decision.value)
    assert end_by(kind) is end
    assert ends_planted(kind) == (end is not None)


def test_what_is_not_planted_is_no_end() -> None:
    """Of another mode, on a live hold, no hold, a denial."""
    made = leaf(LeafKind.VERDICT, member=WA, mode=LeafMode.PLANTED, cites="wa/3")
    live = (LeafIndex(3), leaf(LeafKind.HOLD, member=WA))
    other = (LeafIndex(3), leaf(LeafKind.DENIAL, member=WA, mode=LeafMode.PLANTED))
    for hold in (None, live, other):
        assert planted_verdict(LeafIndex(7), made, hold) is None
    probe = msgspec.structs.replace(made, mode=LeafMode.PROBE)
    assert planted_verdict(LeafIndex(7), probe, HELD) is None
    denial = leaf(LeafKind.DENIAL, member=WA, mode=LeafMode.PLANTED)
    assert planted_verdict(LeafIndex(7), denial, HELD) is None


def test_ends_are_counted() -> None:
    """What went on is none of them."""
    decisions = (LeafDecision.APPROVE, LeafDecision.REFUSE, LeafDecision.ASK, LeafDecision.ESCALATE)
    verdicts = [
        leaf(LeafKind.VERDICT, member=WA, mode=LeafMode.PLANTED, decision=each, cites="wa/3")
        for each in decisions
    ]
    closed = leaf(
        LeafKind.CLOSURE,
        member=WA,
        mode=LeafMode.PLANTED,
        decision=LeafDecision.EXPIRED,
        cites="wa/3",
    )
    found = [planted_verdict(LeafIndex(7), each, HELD) for each in (*verdicts, closed)]
    tally = tally_of_planted(each for each in found if each is not None)
    assert tally == PlantedTally(caught=2, missed=1, not_looked_at=1)
    assert tally.decided == 3


def test_reviewers_are_counted_by_name() -> None:
    """Each with what was caught, of how many."""
    tested = [
        CameOut(reviewer="b", end=PlantedEnd.CAUGHT),
        CameOut(reviewer="a", end=PlantedEnd.MISSED),
        CameOut(reviewer="b", end=PlantedEnd.MISSED),
    ]
    assert [(t.reviewer, t.caught, t.decided) for t in caught_of(tested)] == [
        ("a", 0, 1), ("b", 1, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("flaw", Flaw)
def test_each_flaw_is_told(flaw: Flaw) -> None:
    """What is wrong and what is right, as parts of a sentence."""
    for words in (wrong_with(flaw), right_of(flaw)):
        assert words[0].islower()
        assert not words.endswith(".")


@pytest.mark.parametrize("type_", AgencyType)
def test_licensing_is_no_business_of_who_enforces(type_: AgencyType) -> None:
    """Of a court or a licensing agency it may be; every other flaw fits each agency."""
    agency = msgspec.structs.replace(practice_agency(SALEM, "OR/LOCAL/PD"), type=type_)
    enforces = type_ in (AgencyType.PD, AgencyType.SO, AgencyType.LE, AgencyType.FE)
    assert fits(Flaw.NOT_ITS_BUSINESS, agency) == enforces
    assert all(fits(flaw, agency) for flaw in Flaw if flaw is not Flaw.NOT_ITS_BUSINESS)


@pytest.mark.parametrize(
    ("form", "year", "kept"),
    [
        ("HS-26-8817", 2026, "HS-26-"),
        ("2026-004417", 2026, "2026-"),
        ("26-0117", 2026, "26-"),
        ("26-0117", 2027, ""),
        ("P4471", 2026, "P"),
        ("OP999", 2026, "OP"),
    ],
)
def test_numbers_are_drawn_in_their_form(form: str, year: int, kept: str) -> None:
    """Letters and the year stay, every other digit is drawn; the length is the same."""
    drawn = {Draw(bytes([n])).numbered(form, year) for n in range(50)}
    assert all(text.startswith(kept) and len(text) == len(form) for text in drawn)
    assert len(drawn) > 30


@pytest.mark.parametrize("form", ["", "SMITHJ", "26-17", "A1"])
def test_a_form_that_would_stay_somebodys_is_not_used(form: str) -> None:
    """A name that stands as an operator is never repeated."""
    assert Draw(b"x").numbered(form, 2026) == ""
    said = invented_claims(Flaw.NO_JUDGE, Manner(form, form), 2026, Draw(b"x"))
    assert form not in {said.case_number, said.operator}
    assert said.case_number
    assert said.operator


@pytest.mark.parametrize("key", PLANTED_KEYS)
def test_an_invented_record_fits_what_was_asked(key: str) -> None:
    """Each element stands under the class that sources know it by; nothing is said twice."""
    draw = Draw(b"case")
    exchange = msgspec.structs.replace(
        exchange_of(key),
        fields=invented_fields(key, date(2026, 11, 27), draw),  # type: ignore[arg-type]
        planted=Planted(flaw=Flaw.NO_CASE),
    )
    found = invented_record(exchange)
    assert found == invented_record(exchange)
    known = loads(files(sources).joinpath("elements.toml").read_text("utf-8"))
    said = dict(exchange.fields)
    for element in found.elements:
        assert element.name in known[element.data_class.value]
    values = {element.name: element.value for element in found.elements}
    if "NAM" in said:
        assert values["NAME"] == said["NAM"]
        assert values["BIRTH_DATE"].replace("-", "") == said["DOB"]
    else:
        assert values["PLATE"] == said["LIC"]
    classes = {element.data_class for element in found.elements}
    missing = set(asked_classes(exchange.key, image=False)) - classes
    assert {part.value for part in missing} <= {"history"}
    other = msgspec.structs.replace(exchange, exchange_id=bytes(16))
    assert invented_record(other) != found


def test_an_adult_is_invented() -> None:
    """Between 21 and 67, whatever is drawn."""
    today = date(2026, 11, 27)
    for n in range(200):
        said = dict(invented_fields(PLANTED_KEYS[0], today, Draw(n.to_bytes(2, "big"))))
        born = date(int(said["DOB"][:4]), int(said["DOB"][4:6]), int(said["DOB"][6:]))
        assert 20 <= (today - born).days // 365 <= 67


def test_purposes_are_stated() -> None:
    """# INVARIANT (not-stated-is-no-claim): a test case never rests on what was left unsaid."""
    for flaw in Flaw:
        said = invented_claims(flaw, Manner(), 2026, Draw(b"y"))
        assert said.purpose is not Purpose.NOT_STATED
