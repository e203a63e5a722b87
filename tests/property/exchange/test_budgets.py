"""A day's counts against a naive model: sets of persons, whatever is repeated, lost, reordered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from comity.directory.directory import EMPTY_DIRECTORY
from comity.domain.agency import Family
from comity.domain.query import Claims, Exchange
from comity.domain.vocabulary import BudgetState, Outcome, Purpose
from comity.exchange.answering import judge
from comity.exchange.facts import facts_of
from comity.policy import Budget, BudgetPer, CompiledPolicy, compile_policy, encode_bundle
from comity.services.budgets import Budgets, Counted
from tests.support.gateway import (
    AUSTIN,
    NOW,
    NS,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    running,
)
from tests.unit.policy.build import bundle, rule

OPERATORS, PURPOSES = ("", "JONES", "SMITH"), (Purpose.CIVIL_IMMIGRATION, Purpose.COURT)
DAY = 86_400
SEVERITY = {BudgetState.WITHIN: 0, BudgetState.PHOTO_OVER: 1, BudgetState.OVER: 2}


class Asks(msgspec.Struct, frozen=True):
    """Someone asks about a person."""

    person: int
    operator: str
    purpose: Purpose
    photo: bool


def exchange_of(said: Asks, number: int, now: int) -> Exchange:
    """The query by which it is asked."""
    return ask_of(
        number,
        fields=(("OLN", f"PX{said.person}"),),
        claims=Claims(operator=said.operator, purpose=said.purpose),
        wants_image=said.photo,
        accepted_at=now,
    )


class Model:
    """Whom each operator or agency asked about: what is in memory, and what of it is durable."""

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self.budgets = budgets
        self.held: dict[Any, set[int]] = {}
        self.durable: dict[Any, set[int]] = {}

    def count(self, said: Asks) -> tuple[BudgetState, list[tuple[Any, int]]]:
        """The state, and the places that the exchange stands on."""
        states, places = [BudgetState.WITHIN], []
        for at, budget in enumerate(self.budgets):
            if budget.purpose and said.purpose not in budget.purpose:
                continue
            who = said.operator if budget.per is BudgetPer.OPERATOR else None
            if not self._fits((at, who, "persons"), said.person, budget.persons):
                states.append(BudgetState.OVER)
                continue
            places.append(((at, who, "persons"), said.person))
            if said.photo and budget.photos is not None:
                if self._fits((at, who, "photos"), said.person, budget.photos):
                    places.append(((at, who, "photos"), said.person))
                else:
                    states.append(BudgetState.PHOTO_OVER)
        return max(states, key=SEVERITY.__getitem__), places

    def _fits(self, scope: Any, person: int, limit: int) -> bool:
        held = self.held.setdefault(scope, set())
        if person not in held and len(held) >= limit:
            return False
        held.add(person)
        return True

    def commit(self, places: Sequence[tuple[Any, int]]) -> None:
        """Places become durable with their leaf."""
        for scope, person in places:
            self.durable.setdefault(scope, set()).add(person)

    def crash(self) -> None:
        """Only what is durable is left."""
        self.held = {scope: set(persons) for scope, persons in self.durable.items()}


ASKS = st.builds(
    Asks, st.integers(1, 6), st.sampled_from(OPERATORS), st.sampled_from(PURPOSES), st.booleans()
)
BUDGETS = st.lists(
    st.builds(
        Budget,
        per=st.sampled_from(BudgetPer),
        purpose=st.sampled_from(((), (Purpose.COURT,), (Purpose.CIVIL_IMMIGRATION,))),
        persons=st.integers(1, 4),
        photos=st.none() | st.integers(0, 1),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda budget: (budget.per, budget.purpose),
).map(lambda found: tuple(sorted(found, key=lambda b: (b.per != "operator", _ranks(b)))))
STEPS = st.lists(
    st.one_of(
        ASKS,
        st.tuples(st.just("commit"), st.integers(0, 99)),
        st.tuples(st.just("again"), st.integers(0, 99)),
        st.just(("crash", 0)),
        st.just(("midnight", 0)),
    ),
    max_size=30,
)


def _ranks(budget: Budget) -> list[int]:
    return [list(Purpose).index(purpose) for purpose in budget.purpose]


async def play(budgets: tuple[Budget, ...], steps: Sequence[Any]) -> None:
    """Play steps on a host's counter and on the model; they never differ."""
    async with running(encode_bundle(bundle(RELEASE, state=WA, budgets=budgets))) as host:
        counter, model = fresh(host), Model(budgets)
        asked: list[tuple[Asks, Exchange]] = []
        flying: list[tuple[Counted, list[tuple[Any, int]]]] = []
        for step in steps:
            match step:
                case ("crash", _):
                    counter, flying = fresh(host), []
                    model.crash()
                case ("midnight", _):
                    host.clock.advance_ns(DAY * NS)
                    model, flying, asked = Model(budgets), [], []
                case ("commit", at):
                    if flying:
                        counted, places = flying.pop(at % len(flying))
                        host.store.tables.counted.update(dict.fromkeys(counted.rows))
                        counter.written(counted.rows)
                        model.commit(places)
                case _:
                    if isinstance(step, Asks):
                        now = host.clock.now_ns() // NS
                        asked.append((step, exchange_of(step, len(asked) + 1, now)))
                    elif not asked:
                        continue
                    at = -1 if isinstance(step, Asks) else step[1] % len(asked)
                    said, exchange = asked[at]
                    counted = (await counter.count([exchange]))[exchange.exchange_id]
                    state, places = model.count(said)
                    assert counted.state is state
                    new = [p for p in places if p[1] not in model.durable.get(p[0], ())]
                    assert len(counted.rows) == len(new)
                    flying.append((counted, places))


def fresh(host: PracticeHost) -> Budgets:
    """A counter that starts from the disk."""
    return Budgets(
        world=host.world,
        store=host.store,
        vault=host.vault,
        clock=host.clock,
        events=host.events,
    )


@given(BUDGETS, STEPS)
def test_counts_are_those_of_a_naive_model(
    budgets: tuple[Budget, ...], steps: Sequence[Any]
) -> None:
    """Each person once in each budget, nobody beyond it; a crash loses only what has no leaf."""
    asyncio.run(play(budgets, steps))


ONLY_RESTRICTS = (
    RELEASE,
    rule("PHOTOS", Outcome.DENY, budget=(BudgetState.PHOTO_OVER, BudgetState.OVER)),
    rule("SWEEP", Outcome.HOLD, budget=(BudgetState.OVER,)),
)
STRICTNESS = {Outcome.RELEASE: 0, Outcome.HOLD: 1, Outcome.DENY: 2}


async def states_under(budgets: tuple[Budget, ...], asked: Sequence[Asks]) -> list[BudgetState]:
    """What each of a row of questions counts as under these budgets."""
    async with running(encode_bundle(bundle(RELEASE, state=WA, budgets=budgets))) as host:
        counter, found = fresh(host), []
        for number, said in enumerate(asked, start=1):
            exchange = exchange_of(said, number, NOW)
            counted = await counter.count([exchange])
            one = counted.get(exchange.exchange_id)
            found.append(BudgetState.WITHIN if one is None else one.state)
        return found


@given(BUDGETS, st.data(), st.lists(ASKS, max_size=20))
def test_a_further_budget_never_loosens(
    budgets: tuple[Budget, ...], data: st.DataObject, asked: list[Asks]
) -> None:
    """With one more nobody stands better, and rules that restrict who is over give no more."""
    fewer = tuple(data.draw(st.lists(st.sampled_from(budgets), unique=True)))
    fewer = tuple(budget for budget in budgets if budget in fewer)
    with_all = asyncio.run(states_under(budgets, asked))
    with_few = asyncio.run(states_under(fewer, asked))
    policy = compile_policy(bundle(*ONLY_RESTRICTS, state=WA), None, {AUSTIN: Family("TX/LOCAL")})
    for said, strict, loose in zip(asked, with_all, with_few, strict=True):
        assert SEVERITY[strict] >= SEVERITY[loose]
        assert all(
            STRICTNESS[one] >= STRICTNESS[other]
            for one, other in zip(
                outcomes(policy, said, strict), outcomes(policy, said, loose), strict=True
            )
        )


def outcomes(policy: CompiledPolicy, said: Asks, state: BudgetState) -> list[Outcome]:
    """What is decided of each class in a budget's state."""
    exchange = exchange_of(said, 1, NOW)
    facts = facts_of(exchange, EMPTY_DIRECTORY, NOW, state)
    judged = judge(exchange, facts, policy, 0)
    return [decision.outcome for row in judged.rows for decision in row]
