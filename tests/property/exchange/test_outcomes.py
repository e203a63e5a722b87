"""Any decisions, any record, any verdict: what leaves is what was released, and each class ends.

The tables are made by hand, so that combinations which no policy of today gives are tried as well.
"""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from comity.domain.answer import Answer, Element, ResponseKind
from comity.domain.decision import ClassDecision
from comity.domain.ids import LeafIndex, entry_name
from comity.domain.keys import KEYS, asked_classes, is_known_key
from comity.domain.leaf import LeafHeader, encode_leaf, parse_leaf
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, LeafKind, Outcome, RecordKind
from comity.exchange.answering import (
    Answered,
    Found,
    HoldFile,
    Judged,
    answer_exchange,
    asked_kinds,
    needs_look_up,
)
from comity.exchange.leaves import WantedLeaf
from comity.ledger.plan import Draft, LedgerHead, Placed, Submission, make_plan
from comity.ledger.tree import EMPTY_FRONTIER
from comity.link.forms import is_answer
from comity.review.clocks import expire
from comity.review.verdicts import approve, ask, check_verdict, refuse
from tests.support.exchange import (
    CONTACT,
    ENROLLED,
    FACTS,
    HOLD_ENTRY,
    NOW,
    POLICY,
    UNTIL,
    decision,
    exchange_of,
    signed,
    verdict_of,
)

keys = st.sampled_from(sorted(key for key in KEYS if is_known_key(key)))
elements = st.builds(
    Element,
    data_class=st.sampled_from(DataClass),
    name=st.sampled_from(["A", "B"]),
    value=st.text(max_size=4),
)
records = st.builds(
    Found,
    kind=st.sampled_from(RecordKind),
    elements=st.lists(elements, max_size=12).map(tuple),
    matches=st.sampled_from([1, 1, 1, 2]),
)
obligations = st.sampled_from([(), (), (), ("log",), ("unheard_of",)])


@st.composite
def cells(draw: st.DrawFn, data_class: DataClass, kind: RecordKind) -> ClassDecision:
    made = decision(data_class, draw(st.sampled_from(Outcome)), kind)
    return msgspec.structs.replace(made, obligations=draw(obligations))


@st.composite
def tables(draw: st.DrawFn, classes: tuple[DataClass, ...] | None = None) -> Judged:
    """A key, and any decision for each of its classes and kinds."""
    key = draw(keys) if classes is None else "DQ"
    asked = exchange_of(key, wants_image=draw(st.booleans()) if classes is None else True)
    kinds = asked_kinds(asked.key)
    chosen = classes or asked_classes(asked.key, image=asked.wants_image)
    return Judged(
        exchange=asked,
        facts=FACTS,
        policy=POLICY,
        kinds=kinds,
        rows=tuple(tuple(draw(cells(c, kind)) for c in chosen) for kind in kinds),
    )


def looked_up(judged: Judged, record: Found | None) -> Found | None:
    """A record is only there where a look-up was needed."""
    return record if needs_look_up(judged) else None


def answered_of(judged: Judged, found: Found | None) -> Answered:
    return answer_exchange(judged, found, now=NOW, hold_until=UNTIL, contact=CONTACT)


def row_of(judged: Judged, kind: RecordKind) -> tuple[ClassDecision, ...]:
    place = judged.kinds.index(kind) if kind in judged.kinds else len(judged.kinds) - 1
    return judged.rows[place]


def may_release(cell: ClassDecision) -> bool:
    return cell.outcome is Outcome.RELEASE and set(cell.obligations) <= {"log"}


def placed_headers(answered: Answered) -> list[LeafHeader]:
    """The answer's leaves as they would stand in a ledger: each is a leaf of version 1."""
    drafts = tuple(
        Draft(
            step=leaf.step,
            header=msgspec.structs.replace(leaf.header, commitment=bytes(32)),
            cites_previous=leaf.cites_previous,
        )
        for leaf in answered.leaves
    )
    exchange_id = answered.answer.exchange_id
    member = answered.answer.state
    batch = [Submission(member=member, exchange_id=exchange_id, drafts=drafts)]
    plan = make_plan(batch, {member: LedgerHead(frontier=EMPTY_FRONTIER)}, {})
    (placed,) = plan.outcomes
    assert isinstance(placed, Placed)
    return [parse_leaf(leaf.data) for leaf in placed.leaves]


def as_sent(answered: Answered) -> Answer:
    """The answer with its hold's citation, as the service completes it after the commit."""
    answer, hold = answered.answer, answered.answer.hold
    if hold is None:
        return answer
    entry = hold.entry or entry_name(answer.state, LeafIndex(1))
    return msgspec.structs.replace(answer, hold=msgspec.structs.replace(hold, entry=entry))


def check_whole(answered: Answered, first_step: int) -> None:
    """What holds of every answer: the link takes it, leaves are leaves, steps are contiguous."""
    assert is_answer(as_sent(answered))
    headers = placed_headers(answered)
    steps = [leaf.step for leaf in answered.leaves]
    assert steps == list(range(first_step, first_step + len(steps)))
    assert answered.answer.step == first_step
    assert answered.answer.is_final == (answered.answer.hold is None)
    for header in headers:
        assert encode_leaf(header)


def check_classes(answered: Answered, asked: tuple[DataClass, ...]) -> None:
    """Every class asked for stands once: released, refused or held, in answer and leaves alike."""
    answer = answered.answer
    named = [part.data_class for part in answer.withheld]
    assert len(set(named)) == len(named)
    assert set(named) <= set(asked)
    if answer.response is ResponseKind.NO_HIT:
        assert (named, answer.elements) == ([], ())
        return
    released = set(asked) - set(named)
    assert {element.data_class for element in answer.elements} <= released
    own = [leaf.header for leaf in answered.leaves if leaf.header.kind is not LeafKind.VERDICT]
    recorded = [c for header in own for c in header.withheld or ()]
    assert sorted(recorded) == sorted(named)
    gone = {c for header in own for c in header.released or ()}
    assert gone == {element.data_class for element in answer.elements}
    assert (answer.response is ResponseKind.HIT) == bool(released)
    held = {part.data_class for part in answer.withheld if part.outcome is Outcome.HOLD}
    assert held == set(answered.hold.classes if answered.hold else ())


@given(tables(), st.none() | records)
def test_every_class_ends_once(judged: Judged, record: Found | None) -> None:
    """Whatever was decided and found, each class is released, refused or held, exactly once."""
    found = looked_up(judged, record)
    answered = answered_of(judged, found)
    check_whole(answered, 0)
    check_classes(answered, tuple(d.data_class for d in judged.rows[0]))


@given(tables(), records)
def test_no_withheld_element_is_in_an_answer(judged: Judged, record: Found) -> None:
    """An element is in the answer only if its class is released for that kind of record."""
    answered = answered_of(judged, record)
    free = {cell.data_class for cell in row_of(judged, record.kind) if may_release(cell)}
    assert {element.data_class for element in answered.answer.elements} <= free
    assert set(answered.answer.elements) <= set(record.elements)
    if record.matches > 1:
        assert answered.answer.elements == ()
    elif free:
        kept = tuple(e for e in record.elements if e.data_class in free)
        assert answered.answer.elements == kept


@given(tables())
def test_no_record_is_told_only_where_the_first_class_is_free(judged: Judged) -> None:
    """Without a record, "no record" is told if and only if every kind releases the first class."""
    answered = answered_of(judged, None)
    real = judged.rows[:-1] or judged.rows
    strictest = [row[0] for row in real if row[0].outcome is not Outcome.RELEASE]
    told = answered.answer.response is ResponseKind.NO_HIT
    if strictest:
        assert not told
    elif all(may_release(row[0]) for row in real):
        assert told
    assert answered.answer.elements == ()
    assert answered.answer.record_kind is None
    for leaf in answered.leaves:
        assert leaf.header.result in ({"none"} if told else {None})


@given(tables())
def test_source_is_not_asked_where_nothing_depends_on_it(judged: Judged) -> None:
    """Where no look-up is needed, no record, whatever it holds, could release anything."""
    if needs_look_up(judged):
        return
    for kind in RecordKind:
        full = tuple(Element(data_class=c, name="A", value="x") for c in DataClass)
        answer = answered_of(judged, Found(kind=kind, elements=full)).answer
        assert answer.elements == ()
        assert answer.response in {ResponseKind.REFUSED, ResponseKind.HELD}


def follow(hold: HoldFile, data: st.DataObject) -> list[Answered]:
    """A hold's later life: questions, then a verdict or the clock."""
    life: list[Answered] = []
    step = 1
    for _ in range(data.draw(st.integers(0, 2))):
        question = signed(verdict_of(VerdictKind.ASK, step=step))
        check_verdict(question, ENROLLED, hold, HOLD_ENTRY, NOW, step=step)
        life.append(ask(question, hold, contact=CONTACT, policy=POLICY, step=step, now=NOW))
        step += len(life[-1].leaves)
    end = data.draw(st.sampled_from(["approve", "refuse", "expire"]))
    if end == "expire":
        life.append(expire(hold, entry=HOLD_ENTRY, step=step, now=UNTIL))
    elif end == "refuse":
        verdict = signed(verdict_of(VerdictKind.REFUSE, step=step))
        life.append(refuse(verdict, hold, policy=POLICY, step=step, now=NOW))
    else:
        chosen = data.draw(st.sets(st.sampled_from(hold.classes), min_size=1))
        classes = tuple(c for c in hold.classes if c in chosen)
        verdict = signed(verdict_of(approved=classes, step=step))
        check_verdict(verdict, ENROLLED, hold, HOLD_ENTRY, NOW, step=step)
        judged = data.draw(tables(classes))
        found = looked_up(judged, data.draw(st.none() | records))
        life.append(approve(verdict, hold, judged, found, step=step, now=NOW))
    return life


@given(tables(), st.none() | records, st.data())
def test_every_exchange_has_one_final_outcome(
    judged: Judged, record: Found | None, data: st.DataObject
) -> None:
    """Through any hold, exactly the last answer is final, and each leaf has a step of its own."""
    first = answered_of(judged, looked_up(judged, record))
    life = [first]
    if first.hold is not None:
        hold = msgspec.structs.replace(first.hold, exchange=exchange_of())
        life += follow(hold, data)
    assert [answered.answer.is_final for answered in life] == [False] * (len(life) - 1) + [True]
    for answered in life[1:]:
        check_whole(answered, answered.answer.step)
        assert answered.hold is None
    last = life[-1]
    if len(life) > 1:
        assert first.hold is not None
        named = {part.data_class for part in last.answer.withheld}
        assert named <= set(first.hold.classes)
        gone = {element.data_class for element in last.answer.elements}
        assert gone <= set(first.hold.classes) - named
        for earlier in life[1:-1]:
            assert earlier.answer.elements == ()
    steps: list[WantedLeaf] = [leaf for answered in life[1:] for leaf in answered.leaves]
    assert len({leaf.step for leaf in steps}) == len(steps)


@given(tables(), st.none() | records)
def test_answers_hold_no_private_field_in_their_leaves(
    judged: Judged, record: Found | None
) -> None:
    """No leaf shows the search, the case, the operator or a value of the record."""
    answered = answered_of(judged, looked_up(judged, record))
    for header in placed_headers(answered):
        data = encode_leaf(header)
        for private in (b"PX000204K7", b"26-0117", b"OP4471", CONTACT.encode()):
            assert private not in data
