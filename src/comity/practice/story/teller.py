"""How the story is told: who asks, how an answer is kept and checked, what is said of it."""

from __future__ import annotations

from typing import Final

from comity.domain.answer import Answer, ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import Member, parse_ori, wire_of_member
from comity.domain.keys import MessageKey
from comity.domain.query import NO_CLAIMS, Claims, Query
from comity.domain.vocabulary import DataClass, Instrument, Offence, Purpose
from comity.practice.seen import (
    Heard,
)
from comity.practice.stage import Stage
from comity.practice.world import Anchor, PracticeWorld

__all__ = [
    "CBP",
    "CHILD",
    "CRIME",
    "ERO",
    "EXPIRY_SECONDS",
    "HSI",
    "POLICE",
    "POLICE_LINE",
    "StoryError",
    "Teller",
    "check_has",
    "check_is",
    "check_refused",
    "elements_of",
    "expect",
    "said",
    "saw",
]

POLICE: Final = parse_ori("TXPX001PD")
POLICE_LINE: Final = "tx-bexley-falls-pd"
ERO: Final = parse_ori("USPX011ER")
HSI: Final = parse_ori("USPX021HS")
CBP: Final = parse_ori("USPX031BP")
EXPIRY_SECONDS: Final = 40.0
CRIME: Final = Claims(
    purpose=Purpose.CRIMINAL_INVESTIGATION,
    offence=Offence.PROPERTY,
    instrument=Instrument.NONE,
    case_number="26-0117",
    operator="P4471",
)
CHILD: Final = Claims(
    purpose=Purpose.CRIMINAL_INVESTIGATION,
    offence=Offence.CHILD_EXPLOITATION,
    instrument=Instrument.NONE,
    case_number="HS-26-88",
    operator="H2210",
)


class StoryError(ComityError):
    """A step saw something else than it should have."""

    code = "story-step-failed"


def expect(holds: bool, saw: str) -> None:
    """Go on if something holds. Raises: StoryError with what was seen instead."""
    if not holds:
        raise StoryError(saw)


class Teller:
    """Plays the steps on a stage; keeps every answer for the verification at the end."""

    def __init__(self, stage: Stage, world: PracticeWorld) -> None:
        self.stage = stage
        self.world = world
        self.answers: list[Answer] = []

    def anchor(self, state: str, role: str = "resident") -> Anchor:
        """Return one of the people who stand in every practice world."""
        return self.world.anchor(Member(state), role)

    def by_name(self, state: str) -> list[tuple[str, str]]:
        """Return a state's resident by name, birth date and sex."""
        person = self.anchor(state)
        birth = person.driver.birth.strftime("%Y%m%d")
        return [("NAM", person.nam), ("DOB", birth), ("SEX", person.driver.sex)]

    def first_oln(self, state: str) -> str:
        """Return the licence number of a state's first driver."""
        return next(iter(self.world.drivers(Member(state)))).oln

    def query(
        self,
        agency: str,
        key: str,
        state: str,
        fields: list[tuple[str, str]],
        claims: Claims = NO_CLAIMS,
    ) -> Query:
        """Return a message of an agency: `state` is a member, or a destination as it is written."""
        destination = wire_of_member(Member(state)) if state.islower() else state
        return Query(
            key=MessageKey(key),
            origin=parse_ori(agency),
            destinations=(destination,),
            control="PX26<&>117",
            fields=tuple(fields),
            claims=claims,
        )

    async def ask(
        self,
        agency: str,
        key: str,
        state: str,
        fields: list[tuple[str, str]],
        claims: Claims = NO_CLAIMS,
    ) -> Answer:
        """Ask as JSON; return the first answer, kept for the end."""
        query = self.query(agency, key, state, fields, claims)
        return self.keep((await self.stage.ask(query))[0])

    async def further(self, query: Query, seconds: float = 20.0) -> Answer:
        """Return what comes next about a message, kept for the end; status messages passed over."""
        while True:
            heard = await self.stage.further(query, seconds=seconds)
            if heard.number:
                return self.keep(heard)

    def keep(self, heard: Heard) -> Answer:
        """Keep an answer for the end, and return it. Raises: StoryError if none came."""
        if heard.answer is None:
            raise StoryError(f"no answer came, but: {heard.delivery.text.splitlines()[:1]}")
        self.answers.append(heard.answer)
        return heard.answer


def check_is(answer: Answer, response: ResponseKind) -> None:
    """Go on if an answer is of a kind."""
    expect(answer.response is response, f"expected {response.value}, saw {saw(answer)}")


def check_has(answer: Answer, *classes: DataClass) -> None:
    """Go on if an answer holds elements of these classes."""
    for data_class in classes:
        expect(bool(elements_of(answer, data_class)), f"no {data_class.value} in {saw(answer)}")


def elements_of(answer: Answer, data_class: DataClass) -> list[str]:
    """Return the values that an answer has of a class."""
    return [e.value for e in answer.elements if e.data_class is data_class]


def check_refused(answer: Answer) -> None:
    """Go on if an answer is a refusal that names its rules and holds nothing."""
    check_is(answer, ResponseKind.REFUSED)
    expect(not answer.elements, "a refusal brought elements")
    expect(all(part.reasons for part in answer.withheld), "a refusal names no rule")


def saw(answer: Answer) -> str:
    """Return an answer as a step that fails tells of it."""
    released = sorted({e.data_class.value for e in answer.elements})
    withheld = sorted({f"{w.data_class.value} {w.outcome.value}" for w in answer.withheld})
    return f"{answer.response.value}, released {released}, withheld {withheld}"


def said(answer: Answer, what: str) -> str:
    """Return an answer as a step that holds tells of it."""
    released = list(dict.fromkeys(e.data_class.value for e in answer.elements))
    withheld = [w.data_class.value for w in answer.withheld]
    rules = list(dict.fromkeys(r.rule for w in answer.withheld for r in w.reasons))
    text = f"{what}: {answer.response.value.replace('_', ' ')}"
    text += f", released {', '.join(released)}" if released else ""
    text += f", withheld {', '.join(withheld)}" if withheld else ""
    text += f", rule {', '.join(rules)}" if rules else ""
    return f"{text} ({', '.join(proof.entry for proof in answer.proofs)})"
