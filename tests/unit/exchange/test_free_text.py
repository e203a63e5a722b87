"""Records in free text alone: what a policy must release for one to go, and what a reply says."""

from __future__ import annotations

import pytest

from comity.domain.answer import FREE_TEXT, Element, ResponseKind
from comity.domain.vocabulary import DataClass, LeafKind, Outcome, RecordKind
from comity.exchange.answering import (
    MANY_MATCHES,
    Answered,
    Found,
    Judged,
    answer_exchange,
    judge,
)
from comity.exchange.free_text import REPLY_CHARACTERS_MAX, read_reply
from comity.policy import CompiledPolicy, Rule
from comity.review.verdicts import approve
from tests.support.exchange import (
    CONTACT,
    ELEMENTS,
    NOW,
    POLICY,
    UNTIL,
    exchange_of,
    signed,
    verdict_of,
)
from tests.unit.policy.build import POLICE, facts, rule
from tests.unit.policy.build import policy as compiled

STATUS, IDENTITY, ADDRESS = DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS
PHOTO, OPAQUE = DataClass.PHOTO, DataClass.OPAQUE
ASKED = (STATUS, IDENTITY, ADDRESS)
TEXT = "DOE,JANE ANN\nSTATUS VALID\n100 EXAMPLE AVE"
RECORD = Found(kind=RecordKind.LICENCE, elements=(), text=TEXT)
TRAVELS = (Element(data_class=OPAQUE, name=FREE_TEXT, value=TEXT),)
ALL = rule("ALL", Outcome.RELEASE)


def only(name: str, outcome: Outcome, *classes: DataClass) -> Rule:
    return rule(name, outcome, data_class=classes)


def judged_by(policy: CompiledPolicy, key: str = "DQ", *, image: bool = False) -> Judged:
    exchange = exchange_of(key, wants_image=image)
    return judge(exchange, facts(POLICE, key=exchange.key), policy, POLICY, is_text=True)


def answer(*rules: Rule, found: Found = RECORD, key: str = "DQ", image: bool = False) -> Answered:
    judged = judged_by(compiled(*rules), key, image=image)
    return answer_exchange(judged, found, now=NOW, hold_until=UNTIL, contact=CONTACT)


def outcomes(answered: Answered) -> dict[DataClass, Outcome]:
    return {part.data_class: part.outcome for part in answered.answer.withheld}


def reasons(answered: Answered) -> set[str]:
    return {reason.rule for part in answered.answer.withheld for reason in part.reasons}


def test_a_text_goes_where_every_class_is_released() -> None:
    """It travels as one element; its leaf names every class that it shows, free text among them."""
    answered = answer(ALL)
    assert answered.answer.response is ResponseKind.HIT
    assert answered.answer.elements == TRAVELS
    assert answered.answer.withheld == ()
    (leaf,) = answered.leaves
    assert leaf.header.released == (*ASKED, OPAQUE)
    assert leaf.header.result == "record"
    assert dict(leaf.fields)["elements"] == b'["TEXT"]'


@pytest.mark.parametrize("kept", [*ASKED, OPAQUE])
@pytest.mark.parametrize("outcome", [Outcome.HOLD, Outcome.DENY])
def test_one_class_withheld_keeps_the_text(kept: DataClass, outcome: Outcome) -> None:
    """All that would have gone shares its fate and its rule, free text named among it."""
    answered = answer(ALL, only("KEPT", outcome, kept))
    assert answered.answer.elements == ()
    assert outcomes(answered) == dict.fromkeys((*ASKED, OPAQUE), outcome)
    assert reasons(answered) == {"KEPT"}
    (leaf,) = answered.leaves
    assert leaf.header.kind is (LeafKind.DENIAL if outcome is Outcome.DENY else LeafKind.HOLD)
    assert leaf.header.withheld == (*ASKED, OPAQUE)


def test_a_denial_comes_before_a_hold() -> None:
    """What would have gone is denied; what is held for itself still waits for its reviewer."""
    rules = (only("HELD", Outcome.HOLD, IDENTITY), only("KEPT", Outcome.DENY, ADDRESS))
    answered = answer(ALL, *rules)
    assert outcomes(answered) == {
        STATUS: Outcome.DENY,
        IDENTITY: Outcome.HOLD,
        ADDRESS: Outcome.DENY,
        OPAQUE: Outcome.DENY,
    }
    assert answered.hold is not None
    assert answered.hold.classes == (IDENTITY,)


def test_what_would_not_go_anyway_tells_nothing_of_a_text() -> None:
    """Where no class is released, free text is not named: the answer is that of no record."""
    rules = (ALL, only("HELD", Outcome.HOLD, *ASKED))
    judged = judged_by(compiled(*rules))
    answered = answer(*rules)
    assert outcomes(answered) == dict.fromkeys(ASKED, Outcome.HOLD)
    assert answered == answer_exchange(judged, None, now=NOW, hold_until=UNTIL, contact=CONTACT)


def test_a_photo_is_not_in_a_text() -> None:
    """Released, it is simply absent; withheld, it is named, and keeps no text from going."""
    released = answer(ALL, image=True)
    assert released.answer.elements == TRAVELS
    assert PHOTO not in (released.leaves[0].header.released or ())
    kept = answer(ALL, only("FACES", Outcome.DENY, PHOTO), image=True)
    assert kept.answer.elements == TRAVELS
    assert outcomes(kept) == {PHOTO: Outcome.DENY}
    assert kept.leaves[0].header.withheld == (PHOTO,)


def test_a_photo_shares_the_fate_of_the_text() -> None:
    """Where the text stays, no photo is called released."""
    answered = answer(ALL, only("KEPT", Outcome.DENY, ADDRESS), image=True)
    assert answered.answer.response is ResponseKind.REFUSED
    assert outcomes(answered)[PHOTO] is Outcome.DENY


def test_elements_beside_a_text_stay() -> None:
    """A record with both goes as the text or not at all: its elements are never looked at."""
    both = Found(kind=RecordKind.LICENCE, elements=ELEMENTS, text=TEXT)
    assert answer(ALL, found=both).answer.elements == TRAVELS
    kept = answer(ALL, only("KEPT", Outcome.DENY, OPAQUE), found=both)
    assert kept.answer.elements == ()


def test_many_matches_release_no_text() -> None:
    """Of several records none is shown, text or not; the leaf names nothing as released."""
    many = Found(kind=RecordKind.LICENCE, elements=(), matches=2, text=TEXT)
    answered = answer(ALL, found=many)
    assert (answered.answer.elements, answered.answer.remark) == ((), MANY_MATCHES)
    assert answered.leaves[0].header.released == ()


def test_a_key_that_is_all_text_needs_one_class() -> None:
    """A criminal history is free text by its nature: released, held or denied as such."""
    found = Found(kind=RecordKind.OTHER, elements=(), text=TEXT)
    answered = answer(only("FREE", Outcome.RELEASE, OPAQUE), found=found, key="IQ")
    assert answered.answer.elements == TRAVELS
    assert answered.leaves[0].header.released == (OPAQUE,)
    held = answer(ALL, only("READ", Outcome.HOLD, OPAQUE), found=found, key="IQ")
    assert outcomes(held) == {OPAQUE: Outcome.HOLD}


def reviewed(
    policy: CompiledPolicy,
    held: tuple[DataClass, ...],
    approved: tuple[DataClass, ...],
    first_found: Found = RECORD,
) -> Answered:
    """What an approval makes of a hold of these classes, the record being a text by then."""
    first = answer_exchange(
        judged_by(policy), first_found, now=NOW, hold_until=UNTIL, contact=CONTACT
    )
    assert first.hold is not None
    assert first.hold.classes == held
    exchange = exchange_of()
    judged = judge(
        exchange, facts(POLICE), policy, POLICY, classes=approved, reviewed=True, is_text=True
    )
    verdict = signed(verdict_of(approved=approved))
    return approve(verdict, first.hold, judged, RECORD, step=1, now=NOW)


HOLD_ADDRESS = compiled(ALL, only("READ", Outcome.HOLD, ADDRESS))
HOLD_TEXT = compiled(ALL, only("READ", Outcome.HOLD, OPAQUE))
HOLD_ALL = compiled(ALL, rule("READ", Outcome.HOLD))


@pytest.mark.parametrize("policy", [HOLD_ADDRESS, HOLD_TEXT])
def test_an_approval_of_all_that_is_held_releases_the_text(policy: CompiledPolicy) -> None:
    """The hold names free text, so that its reviewer approves that too."""
    held = (*ASKED, OPAQUE)
    answered = reviewed(policy, held, held)
    assert answered.answer.elements == TRAVELS
    assert answered.answer.is_final
    assert answered.leaves[-1].header.released == held


@pytest.mark.parametrize("policy", [HOLD_ADDRESS, HOLD_TEXT])
@pytest.mark.parametrize("left", [*ASKED, OPAQUE])
def test_an_approval_of_a_part_releases_no_text(policy: CompiledPolicy, left: DataClass) -> None:
    """One class left out, whichever: nothing goes, and the exchange is over."""
    held = (*ASKED, OPAQUE)
    answered = reviewed(policy, held, tuple(c for c in held if c is not left))
    assert answered.answer.response is ResponseKind.REFUSED
    assert answered.answer.elements == ()
    assert outcomes(answered) == dict.fromkeys(held, Outcome.DENY)
    assert "REVIEW" in reasons(answered)


def test_an_approval_of_every_class_asked_for_approves_the_record_whole() -> None:
    """A hold made before anything was looked up cannot name free text; nor can it keep it back."""
    answered = reviewed(HOLD_ALL, ASKED, ASKED)
    assert answered.answer.elements == TRAVELS
    assert answered.leaves[-1].header.released == (*ASKED, OPAQUE)


def test_an_approval_of_one_class_asked_for_does_not_approve_free_text() -> None:
    """A record that had elements when it was held, and is a text when it is approved, stays."""
    policy = compiled(ALL, only("READ", Outcome.HOLD, ADDRESS, OPAQUE))
    answered = reviewed(policy, (ADDRESS,), (ADDRESS,), Found(kind=RECORD.kind, elements=ELEMENTS))
    assert answered.answer.elements == ()
    assert outcomes(answered) == dict.fromkeys((ADDRESS, OPAQUE), Outcome.DENY)
    assert reasons(answered) == {"READ"}


def test_an_approval_does_not_lift_a_denial_of_free_text() -> None:
    """INVARIANT (review-is-verified): the policy in force is asked, and denies what it denies."""
    policy = compiled(ALL, rule("READ", Outcome.HOLD), only("NO", Outcome.DENY, OPAQUE))
    answered = reviewed(policy, ASKED, ASKED)
    assert answered.answer.elements == ()
    assert outcomes(answered) == dict.fromkeys((*ASKED, OPAQUE), Outcome.DENY)
    assert reasons(answered) == {"NO"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("OLN/PX000204K7. NOT ON FILE", ResponseKind.NO_HIT),
        ("no record nicb", ResponseKind.NO_HIT),
        ("DMV FILE NOT AVAILABLE", ResponseKind.UNAVAILABLE),
        ("SYSTEM TEMPORARILY UNAVAILABLE UNTIL 0600", ResponseKind.UNAVAILABLE),
        (TEXT, None),
        ("NOT ON FILE".rjust(REPLY_CHARACTERS_MAX), ResponseKind.NO_HIT),
        ("NOT ON FILE".rjust(REPLY_CHARACTERS_MAX + 1), None),
    ],
)
def test_a_short_reply_is_no_record(text: str, said: ResponseKind | None) -> None:
    """The network's phrases count in three lines' worth of text, and not within a record."""
    assert read_reply(text) is said
