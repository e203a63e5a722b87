"""The answering step: what is looked up, released, named as withheld, held, recorded."""

from __future__ import annotations

import json
from hashlib import sha256

import msgspec
import pytest

from comity.domain.answer import Element, HoldNotice, ResponseKind
from comity.domain.keys import KEYS, MessageKey, asked_classes
from comity.domain.vocabulary import (
    DataClass,
    LeafDecision,
    LeafKind,
    LeafMode,
    Outcome,
    RecordKind,
)
from comity.exchange.answering import (
    MANY_MATCHES,
    Answered,
    Found,
    Judged,
    answer_exchange,
    asked_kinds,
    judge,
    needs_look_up,
)
from comity.exchange.private import payload_of
from comity.policy import compile_policy, load_template, national_default
from tests.support.exchange import (
    ADDRESS_ELEMENT,
    CONTACT,
    ELEMENTS,
    FACTS,
    LICENCE,
    NOW,
    POLICY,
    UNTIL,
    exchange_of,
    judged_of,
)

R, H, D = Outcome.RELEASE, Outcome.HOLD, Outcome.DENY
STATUS, IDENTITY, ADDRESS = DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS


def answer(judged: Judged, found: Found | None = LICENCE) -> Answered:
    return answer_exchange(judged, found, now=NOW, hold_until=UNTIL, contact=CONTACT)


def withheld_of(answered: Answered) -> dict[DataClass, Outcome]:
    return {part.data_class: part.outcome for part in answered.answer.withheld}


def kinds_of(answered: Answered) -> list[LeafKind]:
    return [leaf.header.kind for leaf in answered.leaves]


def test_release_is_a_hit_with_its_elements() -> None:
    """All released: the answer holds what was asked for and the disclosure names it."""
    answered = answer(judged_of((R, R, R)))
    assert answered.answer.response is ResponseKind.HIT
    assert answered.answer.elements == ELEMENTS[:3]
    assert answered.answer.record_kind is RecordKind.LICENCE
    assert (answered.answer.is_final, answered.answer.hold, answered.hold) == (True, None, None)
    assert answered.answer.policy_entry == "wa/77"
    (leaf,) = answered.leaves
    assert leaf.header.kind is LeafKind.DISCLOSURE
    assert (leaf.header.released, leaf.header.withheld) == ((STATUS, IDENTITY, ADDRESS), ())
    assert (leaf.header.result, leaf.header.policy, leaf.header.peer) == (
        "record",
        POLICY,
        "or/9001",
    )
    assert leaf.header.hour == NOW // 3600
    assert not leaf.cites_previous


def test_class_nobody_asked_for_is_not_released() -> None:
    """What a source holds beyond the classes asked for stays with it."""
    elements = answer(judged_of((R, R, R))).answer.elements
    assert DataClass.SSN in {e.data_class for e in ELEMENTS}
    assert DataClass.SSN not in {e.data_class for e in elements}


def test_denied_beside_released_stands_in_the_disclosure() -> None:
    """A part is released, the rest named as refused with its rule, in one leaf."""
    answered = answer(judged_of((R, R, D)))
    assert withheld_of(answered) == {ADDRESS: D}
    assert answered.answer.withheld[0].reasons[0].rule == "WA-D-ADDRESS"
    assert answered.answer.withheld[0].would_change == "change address"
    assert ADDRESS_ELEMENT not in answered.answer.elements
    (leaf,) = answered.leaves
    assert (leaf.header.released, leaf.header.withheld) == ((STATUS, IDENTITY), (ADDRESS,))
    assert dict(leaf.fields)["rules"] == b'["WA-D-ADDRESS","WA-R-IDENTITY","WA-R-STATUS"]'


def test_held_beside_released_is_a_leaf_of_its_own() -> None:
    """A part is released, the rest waits: two leaves, the hold cites the disclosure."""
    answered = answer(judged_of((R, D, H)))
    assert answered.answer.response is ResponseKind.HIT
    assert not answered.answer.is_final
    assert answered.answer.hold == HoldNotice(until=UNTIL, contact=CONTACT, entry="")
    assert kinds_of(answered) == [LeafKind.DISCLOSURE, LeafKind.HOLD]
    assert [leaf.step for leaf in answered.leaves] == [0, 1]
    assert [leaf.cites_previous for leaf in answered.leaves] == [False, True]
    assert answered.leaves[1].header.withheld == (ADDRESS,)
    assert answered.hold is not None
    assert answered.hold.classes == (ADDRESS,)
    assert (answered.hold.opened_at, answered.hold.until) == (NOW, UNTIL)
    assert answered.hold.withheld == tuple(
        part for part in answered.answer.withheld if part.outcome is H
    )


def test_denied_beside_held_is_two_leaves() -> None:
    """Refused and held: a denial and a hold, no element, and the answer says that it waits."""
    answered = answer(judged_of((D, H, D)), None)
    assert answered.answer.response is ResponseKind.HELD
    assert answered.answer.elements == ()
    assert kinds_of(answered) == [LeafKind.DENIAL, LeafKind.HOLD]
    assert withheld_of(answered) == {STATUS: D, IDENTITY: H, ADDRESS: D}


def test_all_denied_is_a_refusal() -> None:
    """Nothing released, nothing held: one denial, final."""
    answered = answer(judged_of((D, D, D)), None)
    assert answered.answer.response is ResponseKind.REFUSED
    assert answered.answer.is_final
    assert answered.answer.record_kind is None
    (leaf,) = answered.leaves
    assert (leaf.header.kind, leaf.header.decision) == (LeafKind.DENIAL, LeafDecision.DENY)
    assert leaf.header.withheld == (STATUS, IDENTITY, ADDRESS)
    assert dict(leaf.fields)["elements"] == b""


def test_all_held_is_a_hold() -> None:
    """All held: one hold leaf, until when and whom to call."""
    answered = answer(judged_of((H, H, H)), None)
    assert answered.answer.response is ResponseKind.HELD
    assert kinds_of(answered) == [LeafKind.HOLD]
    assert answered.hold is not None
    assert answered.hold.classes == (STATUS, IDENTITY, ADDRESS)


@pytest.mark.parametrize("rows", [[(R, R, R)], [(R, D, H)], [(R, R, R), (R, H, H)]])
def test_no_record_is_told_where_the_first_class_is_released(
    rows: list[tuple[Outcome, ...]],
) -> None:
    """Where every kind's first class would be released, "no record" is told, whatever the rest."""
    answered = answer(judged_of(*rows), None)
    assert answered.answer.response is ResponseKind.NO_HIT
    assert (answered.answer.is_final, answered.answer.withheld) == (True, ())
    (leaf,) = answered.leaves
    assert leaf.header.kind is LeafKind.DISCLOSURE
    assert (leaf.header.result, leaf.header.released, leaf.header.withheld) == ("none", (), ())


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(D, R, R)], (D, D, D)),
        ([(H, R, R)], (H, H, H)),
        ([(D, H, R)], (D, H, D)),
        ([(H, D, R)], (H, D, H)),
        ([(R, R, R), (D, R, R)], (D, D, D)),
        ([(R, R, R), (H, R, D)], (H, H, D)),
    ],
)
def test_no_record_is_not_told_elsewhere(
    rows: list[tuple[Outcome, ...]], expected: tuple[Outcome, ...]
) -> None:
    """Elsewhere what would be released goes the way of the first class, for its reasons."""
    answered = answer(judged_of(*rows), None)
    assert answered.answer.response in {ResponseKind.REFUSED, ResponseKind.HELD}
    outcomes = withheld_of(answered)
    assert (outcomes[STATUS], outcomes[IDENTITY], outcomes[ADDRESS]) == expected
    for part in answered.answer.withheld:
        assert part.reasons[0].rule.startswith(f"WA-{part.outcome.value[0].upper()}-")


def test_other_kind_counts_only_for_a_record() -> None:
    """The row of an unknown kind decides for a record of one, not where there is none."""
    rows = [(R, R, R)] * 4 + [(D, D, D)]
    assert answer(judged_of(*rows), None).answer.response is ResponseKind.NO_HIT
    title = Found(kind=RecordKind.TITLE, elements=ELEMENTS)
    refused = answer(judged_of(*rows), title).answer
    assert (refused.response, refused.elements) == (ResponseKind.REFUSED, ())


def test_record_kind_selects_its_row() -> None:
    """The decision is that of the kind of record found."""
    rows = [(R, R, R), (R, R, R), (R, D, D)]
    noncompliant = Found(kind=RecordKind.NONCOMPLIANT_LICENCE, elements=ELEMENTS)
    assert answer(judged_of(*rows)).answer.withheld == ()
    assert withheld_of(answer(judged_of(*rows), noncompliant)) == {IDENTITY: D, ADDRESS: D}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(D, D, D)], False),
        ([(H, H, H)], False),
        ([(D, H, D)], False),
        ([(D, D, R)], True),
        ([(D, D, D), (H, D, D)], True),
    ],
)
def test_look_up_only_where_the_outcome_depends_on_it(
    rows: list[tuple[Outcome, ...]], expected: bool
) -> None:
    """A source is asked only if something is released or the kinds differ."""
    assert needs_look_up(judged_of(*rows)) is expected


def test_many_matches_release_nothing() -> None:
    """More than one record: none is shown, and no kind of one; the requester is told so."""
    many = msgspec.structs.replace(LICENCE, matches=2)
    answered = answer(judged_of((R, R, D)), many)
    assert answered.answer.response is ResponseKind.HIT
    assert (answered.answer.elements, answered.answer.record_kind) == ((), None)
    assert answered.answer.remark == MANY_MATCHES
    assert answered.leaves[0].header.released == ()
    refused = answer(judged_of((D, D, D), (R, R, R)), many).answer
    assert (refused.response, refused.remark) == (ResponseKind.REFUSED, "")


def test_class_without_an_element_is_not_named_as_released() -> None:
    """The disclosure names what went, not what might have."""
    bare = Found(kind=RecordKind.LICENCE, elements=ELEMENTS[:1])
    (leaf,) = answer(judged_of((R, R, R)), bare).leaves
    assert leaf.header.released == (STATUS,)


def test_unknown_obligation_denies() -> None:
    """What must be done with a release and nobody here can do, releases nothing."""
    judged = judged_of((R, R, R))

    def obliged(obligation: str) -> Judged:
        rows = tuple(
            (row[0], *(msgspec.structs.replace(d, obligations=(obligation,)) for d in row[1:]))
            for row in judged.rows
        )
        return msgspec.structs.replace(judged, rows=rows)

    assert withheld_of(answer(obliged("log"))) == {}
    refused = answer(obliged("second_signature"))
    assert withheld_of(refused) == {IDENTITY: D, ADDRESS: D}
    assert refused.answer.withheld[0].reasons[0].rule == "UNMET-OBLIGATION"
    assert {e.data_class for e in refused.answer.elements} == {STATUS}


def test_photo_is_released_only_where_it_was_asked_for() -> None:
    """A photo in the record goes only to a query that asks for an image."""
    photo = Element(data_class=DataClass.PHOTO, name="PORTRAIT", value="/9j/4A==")
    found = Found(kind=RecordKind.LICENCE, elements=(*ELEMENTS, photo))
    assert photo not in answer(judged_of((R, R, R)), found).answer.elements
    with_image = exchange_of(wants_image=True)
    assert photo in answer(judged_of((R, R, R, R), exchange=with_image), found).answer.elements
    assert photo not in answer(judged_of((R, R, R, D), exchange=with_image), found).answer.elements


def test_private_record_holds_what_the_header_does_not() -> None:
    """The committed fields are those of schema `exchange/1`, in their order, none left out."""
    answered = answer(judged_of((R, R, H)))
    names = [
        "schema", "exchange", "query", "agency", "purpose", "offence", "operator", "assurance",
        "case", "instrument", "search", "elements", "payload", "rules", "accepted_at",
    ]  # fmt: skip
    for leaf in answered.leaves:
        assert [name for name, _ in leaf.fields] == names
    fields = dict(answered.leaves[0].fields)
    assert json.loads(fields["elements"]) == ["LICENCE_STATUS", "NAME"]
    assert json.loads(fields["search"]) == [["OLN", "PX000204K7"]]
    assert fields["payload"] == sha256(payload_of(answered.answer)).digest()
    assert (fields["case"], fields["operator"]) == (b"26-0117", b"OP4471")
    assert fields["instrument"] == b"not_stated:"
    assert fields["accepted_at"] == b"%d" % (NOW - 2)


@pytest.mark.parametrize("probe", [True, False])
def test_probe_is_marked_in_every_leaf(probe: bool) -> None:
    """A probe never counts as traffic; nothing else is marked so."""
    judged = judged_of((R, D, H), exchange=exchange_of(probe=probe))
    for leaf in answer(judged).leaves:
        assert leaf.header.mode is (LeafMode.PROBE if probe else LeafMode.LIVE)


def test_every_key_is_decided_for_some_kind() -> None:
    """Each key has at least one kind to decide for, the unknown one last."""
    for key in KEYS:
        kinds = asked_kinds(MessageKey(key))
        assert kinds[-1] is RecordKind.OTHER
        assert len(set(kinds)) == len(kinds)


def test_opaque_body_is_decided_whole() -> None:
    """A free text is one class: released or not, and never more than that."""
    text = Element(data_class=DataClass.OPAQUE, name="TEXT", value="practice")
    found = Found(kind=RecordKind.OTHER, elements=(text, *ELEMENTS))
    assert answer(judged_of((R,), key="AM"), found).answer.elements == (text,)
    assert answer(judged_of((D,), key="AM"), None).answer.elements == ()
    assert answer(judged_of((D,), key="AM"), None).answer.key == "AM"


def test_judge_asks_for_every_class_and_kind() -> None:
    """Judging decides each class of the key for each kind; a review narrows, in the key's order."""
    policy = compile_policy(load_template("wa"), national_default(), {})
    exchange = exchange_of()
    judged = judge(exchange, FACTS, policy, POLICY)
    assert judged.kinds == asked_kinds(exchange.key)
    assert len(judged.rows) == len(judged.kinds)
    for row in judged.rows:
        assert tuple(d.data_class for d in row) == asked_classes(exchange.key, image=False)
    narrowed = judge(exchange, FACTS, policy, POLICY, classes=(ADDRESS, STATUS), reviewed=True)
    for row in narrowed.rows:
        assert tuple(d.data_class for d in row) == (STATUS, ADDRESS)


@pytest.mark.parametrize("classes", [(), (DataClass.SSN,)])
def test_judge_never_widens(classes: tuple[DataClass, ...]) -> None:
    """Narrowed to nothing that was asked for, nothing is judged: it is a programmer's error."""
    policy = compile_policy(load_template("wa"), national_default(), {})
    with pytest.raises(AssertionError):
        judge(exchange_of(), FACTS, policy, POLICY, classes=classes, reviewed=True)
