"""What harvesting meets: one operator's day, person by person, against a state's budget."""

from __future__ import annotations

from itertools import islice

from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import Member
from comity.domain.query import Claims, Query
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, Purpose
from comity.policy import Budget, BudgetPer, load_template
from comity.practice.story.teller import ERO, Teller, check_is, expect, saw

__all__ = ["harvest_runs_into_its_budget"]

_STATE = Member("ut")


async def harvest_runs_into_its_budget(tell: Teller) -> str:
    """One operator asks Utah about person after person: the photos end, then a person looks."""
    budget = _budget()
    photos = budget.photos or 0
    rows = islice(tell.world.drivers(_STATE), budget.persons + 1)
    numbers = [row.oln for row in rows]

    def query(number: str, operator: str = "E1001", *, photo: bool = True) -> Query:
        claims = Claims(purpose=Purpose.CIVIL_IMMIGRATION, operator=operator)
        fields = [("OLN", number), *([("IMQ", "Y")] if photo else [])]
        return tell.query(ERO, "DQ", _STATE, fields, claims)

    async def ask(asked: Query) -> Answer:
        return tell.keep((await tell.stage.ask(asked))[0])

    for place, number in enumerate(numbers[:-1]):
        answer = await ask(query(number))
        check_is(answer, ResponseKind.HIT)
        withheld = [part.data_class for part in answer.withheld]
        expect(withheld == ([DataClass.PHOTO] if place >= photos else []), saw(answer))
    last = query(numbers[-1], photo=False)
    held = await ask(last)
    check_is(held, ResponseKind.HELD)
    check_is(await ask(query(numbers[0])), ResponseKind.HIT)
    check_is(await ask(query(numbers[-1], "E1002")), ResponseKind.HIT)
    expect(held.hold is not None, saw(held))
    entry = held.hold.entry if held.hold is not None else ""
    await tell.stage.decide(entry, VerdictKind.APPROVE, (DataClass.STATUS,), "asked by phone")
    check_is(await tell.further(last), ResponseKind.HIT)
    return (
        f"Utah gave one ICE operator {photos} photos and {budget.persons} records for civil"
        f" immigration; person {len(numbers)} waited for a reviewer, the first ones asked again and"
        " a second operator did not"
    )


def _budget() -> Budget:
    return next(b for b in load_template(_STATE).budgets if b.per is BudgetPer.OPERATOR)
