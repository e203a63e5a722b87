"""The demo's story: the network today, what a state's choice changes, and the proof.

Each step asks like an agency, reviews like a state, checks like an auditor, and says in one
sentence what it saw. A step that does not hold says what it saw instead. Names:
docs/reference/demo.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from comity.domain.answer import Answer, ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import Member, parse_ori, wire_of_member
from comity.domain.keys import MessageKey
from comity.domain.query import NO_CLAIMS, Claims, Query
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, Instrument, Offence, Outcome, Purpose
from comity.practice.stage import Heard, Stage
from comity.practice.world import Anchor, PracticeWorld

__all__ = ["STEPS", "Story", "StoryError", "step_names"]

POLICE: Final = parse_ori("TXPX001PD")
POLICE_LINE: Final = "tx-bexley-falls-pd"
ERO: Final = parse_ori("USPX011ER")
HSI: Final = parse_ori("USPX021HS")
CBP: Final = parse_ori("USPX031BP")
_EXPIRY_SECONDS: Final = 40.0
_CRIME: Final = Claims(
    purpose=Purpose.CRIMINAL_INVESTIGATION,
    offence=Offence.PROPERTY,
    instrument=Instrument.NONE,
    case_number="26-0117",
    operator="P4471",
)
_CHILD: Final = Claims(
    purpose=Purpose.CRIMINAL_INVESTIGATION,
    offence=Offence.CHILD_EXPLOITATION,
    instrument=Instrument.NONE,
    case_number="HS-26-88",
    operator="H2210",
)


class StoryError(ComityError):
    """A step saw something else than it should have."""

    code = "story-step-failed"


def _expect(holds: bool, saw: str) -> None:
    if not holds:
        raise StoryError(saw)


class Story:
    """Plays the steps on a stage; keeps every answer for the verification at the end."""

    def __init__(self, stage: Stage, world: PracticeWorld) -> None:
        self._stage = stage
        self._world = world
        self._answers: list[Answer] = []

    # What officers do all day.

    async def dq_by_number_released(self) -> str:
        """A police department asks Ohio for a licence by its number."""
        person = self._anchor("oh")
        answer = await self._ask(POLICE, "DQ", "oh", [("OLN", person.driver.oln)])
        _is(answer, ResponseKind.HIT)
        _has(answer, DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
        return _said(answer, "Bexley Falls police asked Ohio by licence number")

    async def dq_by_name_released(self) -> str:
        """The same by name, birth date and sex."""
        fields = self._by_name("oh")
        answer = await self._ask(POLICE, "DQ", "oh", fields)
        _is(answer, ResponseKind.HIT)
        return _said(answer, "Bexley Falls police asked Ohio by name, birth date and sex")

    async def rq_by_plate_released(self) -> str:
        """A registration by its plate."""
        vehicle = self._anchor("md").vehicle
        fields = [("LIC", vehicle.plate), ("LIY", vehicle.plate_year), ("LIT", vehicle.plate_type)]
        answer = await self._ask(POLICE, "RQ", "md", fields)
        _is(answer, ResponseKind.HIT)
        _has(answer, DataClass.VEHICLE, DataClass.OWNER)
        return _said(answer, "Bexley Falls police asked Maryland by plate, no reason stated")

    async def rq_by_vin_released(self) -> str:
        """A registration by the vehicle's number."""
        answer = await self._ask(POLICE, "RQ", "md", [("VIN", self._anchor("md").vehicle.vin)])
        _is(answer, ResponseKind.HIT)
        return _said(answer, "Bexley Falls police asked Maryland by VIN")

    async def kq_with_purpose_released(self) -> str:
        """A driver history, with the reason stated."""
        fields = [("OLN", self._anchor("oh").driver.oln)]
        answer = await self._ask(POLICE, "KQ", "oh", fields, _CRIME)
        _is(answer, ResponseKind.HIT)
        return _said(answer, "Bexley Falls police asked Ohio for a driver history, case 26-0117")

    async def no_record_told(self) -> str:
        """No record is told as such, and only as such."""
        answer = await self._ask(POLICE, "DQ", "oh", [("OLN", "PXZZ00000")])
        _is(answer, ResponseKind.NO_HIT)
        _expect(not answer.elements, "a missing record brought elements")
        return _said(answer, "a number that nobody has")

    # What the states' choices change.

    async def ice_without_rule_released(self) -> str:
        """The problem: a state without a rule answers ICE at once."""
        answer = await self._ask(ERO, "DQ", "oh", [("OLN", self._anchor("oh").driver.oln)])
        _is(answer, ResponseKind.HIT)
        _has(answer, DataClass.ADDRESS)
        return _said(answer, "the problem: ICE asked Ohio, which has no rule of its own")

    async def ice_to_wa_refused(self) -> str:
        """Washington, as reported, refuses ICE and says why."""
        answer = await self._ask(ERO, "DQ", "wa", [("OLN", self._anchor("wa").driver.oln)])
        _refused_with_rule(answer)
        return _said(answer, "ICE asked Washington")

    async def cbp_to_wa_released(self) -> str:
        """The leak: the next agency of the same department is answered."""
        answer = await self._ask(CBP, "DQ", "wa", [("OLN", self._anchor("wa").driver.oln)])
        _is(answer, ResponseKind.HIT)
        return _said(answer, "the leak: CBP asked Washington for the same person")

    async def cbp_to_ny_refused(self) -> str:
        """New York, as reported, refuses the family, not one agency."""
        answer = await self._ask(CBP, "DQ", "ny", [("OLN", self._anchor("ny").driver.oln)])
        _refused_with_rule(answer)
        return _said(answer, "CBP asked New York")

    async def class_withheld(self) -> str:
        """A state releases a record without its photo to an agency, and names the rule."""
        fields = [("OLN", self._anchor("md").driver.oln), ("IMQ", "Y")]
        answer = await self._ask(ERO, "DQ", "md", fields)
        _expect(answer.response in (ResponseKind.HIT, ResponseKind.REFUSED), _saw(answer))
        withheld = {part.data_class for part in answer.withheld}
        _expect(DataClass.PHOTO in withheld, f"the photo was not withheld: {_saw(answer)}")
        _expect(not _elements(answer, DataClass.PHOTO), "a withheld photo crossed the link")
        return _said(answer, "ICE asked Maryland for a licence with its photo")

    async def list_of_states_answered_each(self) -> str:
        """One query to two states gets two answers, each under its own state's rules."""
        query = self._query(ERO, "DQ", "oh", self._by_name("oh"))
        query = msgspec.structs.replace(query, destinations=("OH", "WA"))
        answers = [self._keep(heard) for heard in await self._stage.ask(query, count=2)]
        found = {answer.state: answer.response for answer in answers}
        expected = {Member("oh"): ResponseKind.HIT, Member("wa"): ResponseKind.REFUSED}
        _expect(found == expected, ", ".join(_saw(answer) for answer in answers))
        return "ICE asked Ohio and Washington at once: Ohio released, Washington refused"

    async def not_stated_is_no_claim(self) -> str:
        """What is not stated is no claim: California gives no history without a reason."""
        fields = [("OLN", self._first_oln("ca"))]
        refused = await self._ask(POLICE, "KQ", "ca", fields)
        _refused_with_rule(refused)
        released = await self._ask(POLICE, "KQ", "ca", fields, _CRIME)
        _is(released, ResponseKind.HIT)
        return "California refused a driver history without a purpose and gave it with one"

    # Review.

    async def hsi_to_il_held(self) -> str:
        """Illinois holds a request of the Homeland Security family for a person."""
        answer = await self._ask(HSI, "DQ", "il", self._by_name("il"), _CHILD)
        _is(answer, ResponseKind.HELD)
        _expect(answer.hold is not None and not answer.elements, _saw(answer))
        holds = await self._stage.holds(Member("il"))
        _expect(any(h.agency == HSI for h in holds), "the reviewer does not see the hold")
        return _said(answer, "HSI asked Illinois in a child-exploitation case")

    async def hold_approved_in_part(self) -> str:
        """A reviewer approves two classes; the requester gets exactly those fields."""
        query = self._query(HSI, "DQ", "il", self._by_name("il"), _CHILD)
        (hold,) = [h for h in await self._stage.holds(Member("il")) if h.agency == HSI]
        approved = (DataClass.STATUS, DataClass.IDENTITY)
        await self._stage.decide(
            hold.entry, VerdictKind.APPROVE, approved, "case confirmed by phone"
        )
        answer = self._keep(await self._stage.further(query, seconds=15.0))
        _is(answer, ResponseKind.HIT)
        _expect({e.data_class for e in answer.elements} == set(approved), _saw(answer))
        _expect(answer.is_final, "an approval left the exchange open")
        return _said(answer, "an Illinois reviewer approved status and identity, not the address")

    async def hold_expires(self) -> str:
        """A hold that nobody answers ends, and says so; nothing was released."""
        fields = [("OLN", self._anchor("il", "noncompliant").driver.oln)]
        query = self._query(CBP, "DQ", "il", fields)
        first = self._keep((await self._stage.ask(query))[0])
        _is(first, ResponseKind.HELD)
        answer = self._keep(await self._stage.further(query, seconds=_EXPIRY_SECONDS))
        _expect(answer.is_final and not answer.elements, _saw(answer))
        _expect(all(w.outcome is Outcome.HOLD for w in answer.withheld), _saw(answer))
        return "CBP asked Illinois; no reviewer answered in time; the hold ended, nothing went out"

    async def hold_asked_then_refused(self) -> str:
        """A reviewer asks, then refuses; the requester hears both, and the reasons."""
        vehicle = self._anchor("il").vehicle
        query = self._query(HSI, "RQ", "il", [("VIN", vehicle.vin)])
        held = self._keep((await self._stage.ask(query))[0])
        _is(held, ResponseKind.HELD)
        _expect(held.hold is not None, _saw(held))
        entry = held.hold.entry if held.hold is not None else ""
        await self._stage.decide(entry, VerdictKind.ASK, note="which case is this")
        asked = self._keep(await self._stage.further(query, seconds=15.0))
        _expect(asked.response is ResponseKind.HELD and "which case" in asked.remark, _saw(asked))
        await self._stage.decide(entry, VerdictKind.REFUSE, note="no case was named")
        answer = self._keep(await self._stage.further(query, seconds=15.0))
        _refused_with_rule(answer)
        _expect(answer.is_final, "a refusal left the exchange open")
        return "an Illinois reviewer asked HSI for its case, then refused a plate query without one"

    # What goes wrong, goes wrong safely.

    async def malformed_text_refused(self) -> str:
        """A message without its fields gets the network's own error message."""
        message = f"RQ.{POLICE}.OH.*PX00000001.TXT\nLIC/PXH4120.LIT/PC".encode()
        (heard,) = await self._stage.send(POLICE_LINE, message)
        _expect(b"\n.22. " in heard.data, "a registration query without its year was taken")
        return "a plate query without its year got error .22. with the field sets it may have"

    async def text_and_json_agree(self) -> str:
        """The same query as text and as JSON gets the same decision, and its control field back."""
        query = self._query(ERO, "DQ", "wa", self._by_name("wa"))
        text = (await self._stage.ask(query, form="text"))[0]
        json = self._keep((await self._stage.ask(query))[0])
        _expect(
            text.delivery.text.startswith("WA: REFUSED"), "text does not begin with its outcome"
        )
        _expect(json.response is ResponseKind.REFUSED, _saw(json))
        _expect(text.delivery.control == query.control, "the control field came back altered")
        return (
            "ICE asked Washington as text and as JSON: refused both times, control field unchanged"
        )

    async def frame_repeated(self) -> str:
        """A repeated frame is answered again and recorded once."""
        query = self._query(POLICE, "DQ", "oh", self._by_name("oh"))
        first = (await self._stage.ask(query))[0]
        before = await self._stage.ledger_size(Member("oh"))
        (again,) = await self._stage.send(
            POLICE_LINE, b"", number=self._stage.last_number(POLICE_LINE)
        )
        _expect(again.data == first.data, "a repeated frame got other bytes")
        _expect(await self._stage.ledger_size(Member("oh")) == before, "a repeat made a new leaf")
        return "a repeated frame got the same bytes, and Ohio's ledger did not grow"

    async def unknown_ori_refused(self) -> str:
        """An agency that nobody lists gets no further."""
        message = f"DQ.ZZ9999999.OH.TXT\nOLN/{self._anchor('oh').driver.oln}".encode()
        (heard,) = await self._stage.send(POLICE_LINE, message)
        _expect(b"\n.01. " in heard.data, "an unknown agency was taken")
        return "an agency that no member lists got error .01."

    async def forged_envelope_refused(self) -> str:
        """An envelope under a key that nobody certified is refused; no leaf, no answer."""
        state = Member("oh")
        before = await self._stage.ledger_size(state)
        query = self._query(POLICE, "DQ", "oh", self._by_name("oh"))
        refused = await self._stage.forge_envelope(query, state)
        _expect(refused >= 1, "the gateway did not refuse a forged envelope")
        _expect(await self._stage.ledger_size(state) == before, "a forged query made a leaf")
        return "an envelope signed by a key that nobody certified was refused and left no leaf"

    # Proof.

    async def receipts_verified(self) -> str:
        """Every answer of this story stands in its state's ledger."""
        count = sum(self._stage.verify(answer) for answer in self._answers)
        _expect(count >= len(self._answers), "an answer came without its receipt")
        return f"{count} receipts of {len(self._answers)} answers verified"

    async def exports_verified(self) -> str:
        """Exported ledgers pass the independent audit."""
        sizes = []
        for state in ("oh", "wa", "il", "us"):
            seen = await self._stage.audit(Member(state))
            _expect(not seen.findings, f"{state}: {', '.join(seen.findings)}")
            sizes.append(f"{wire_of_member(Member(state))} {seen.size}")
        return f"exported ledgers pass the audit, leaves: {', '.join(sizes)}"

    # How it is asked.

    def _anchor(self, state: str, role: str = "resident") -> Anchor:
        return self._world.anchor(Member(state), role)

    def _by_name(self, state: str) -> list[tuple[str, str]]:
        person = self._anchor(state)
        birth = person.driver.birth.strftime("%Y%m%d")
        return [("NAM", person.nam), ("DOB", birth), ("SEX", person.driver.sex)]

    def _first_oln(self, state: str) -> str:
        return next(iter(self._world.drivers(Member(state)))).oln

    def _query(
        self,
        agency: str,
        key: str,
        state: str,
        fields: list[tuple[str, str]],
        claims: Claims = NO_CLAIMS,
    ) -> Query:
        return Query(
            key=MessageKey(key),
            origin=parse_ori(agency),
            destinations=(wire_of_member(Member(state)),),
            control="PX26<&>117",
            fields=tuple(fields),
            claims=claims,
        )

    async def _ask(
        self,
        agency: str,
        key: str,
        state: str,
        fields: list[tuple[str, str]],
        claims: Claims = NO_CLAIMS,
    ) -> Answer:
        query = self._query(agency, key, state, fields, claims)
        return self._keep((await self._stage.ask(query))[0])

    def _keep(self, heard: Heard) -> Answer:
        if heard.answer is None:
            raise StoryError(f"no answer came, but: {heard.delivery.text.splitlines()[:1]}")
        self._answers.append(heard.answer)
        return heard.answer


def _is(answer: Answer, response: ResponseKind) -> None:
    _expect(answer.response is response, f"expected {response.value}, saw {_saw(answer)}")


def _has(answer: Answer, *classes: DataClass) -> None:
    for data_class in classes:
        _expect(bool(_elements(answer, data_class)), f"no {data_class.value} in {_saw(answer)}")


def _elements(answer: Answer, data_class: DataClass) -> list[str]:
    return [e.value for e in answer.elements if e.data_class is data_class]


def _refused_with_rule(answer: Answer) -> None:
    _is(answer, ResponseKind.REFUSED)
    _expect(not answer.elements, "a refusal brought elements")
    _expect(all(part.reasons for part in answer.withheld), "a refusal names no rule")


def _saw(answer: Answer) -> str:
    released = sorted({e.data_class.value for e in answer.elements})
    withheld = sorted({f"{w.data_class.value} {w.outcome.value}" for w in answer.withheld})
    return f"{answer.response.value}, released {released}, withheld {withheld}"


def _said(answer: Answer, what: str) -> str:
    released = list(dict.fromkeys(e.data_class.value for e in answer.elements))
    withheld = [w.data_class.value for w in answer.withheld]
    rules = list(dict.fromkeys(r.rule for w in answer.withheld for r in w.reasons))
    text = f"{what}: {answer.response.value.replace('_', ' ')}"
    text += f", released {', '.join(released)}" if released else ""
    text += f", withheld {', '.join(withheld)}" if withheld else ""
    text += f", rule {', '.join(rules)}" if rules else ""
    return f"{text} ({', '.join(proof.entry for proof in answer.proofs)})"


_Step = Callable[[Story], Awaitable[str]]

STEPS: Final[tuple[_Step, ...]] = (
    Story.dq_by_number_released,
    Story.dq_by_name_released,
    Story.rq_by_plate_released,
    Story.rq_by_vin_released,
    Story.kq_with_purpose_released,
    Story.no_record_told,
    Story.ice_without_rule_released,
    Story.ice_to_wa_refused,
    Story.cbp_to_wa_released,
    Story.cbp_to_ny_refused,
    Story.class_withheld,
    Story.not_stated_is_no_claim,
    Story.list_of_states_answered_each,
    Story.hsi_to_il_held,
    Story.hold_approved_in_part,
    Story.hold_asked_then_refused,
    Story.hold_expires,
    Story.malformed_text_refused,
    Story.text_and_json_agree,
    Story.frame_repeated,
    Story.unknown_ori_refused,
    Story.forged_envelope_refused,
    Story.receipts_verified,
    Story.exports_verified,
)


def step_names() -> tuple[str, ...]:
    """Return the steps' names in their order."""
    return tuple(step.__name__ for step in STEPS)
