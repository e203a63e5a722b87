"""Any decisions, any verdict: a text goes whole with everything released, or nothing of it goes.

The oracle is one line: every class asked for (a text carries no photo) and `opaque` released.
"""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from comity.domain.answer import FREE_TEXT, Element, ResponseKind
from comity.domain.decision import ClassDecision
from comity.domain.keys import asked_classes
from comity.domain.vocabulary import DataClass, LeafKind, Outcome, RecordKind
from comity.exchange.answering import (
    Answered,
    Found,
    Judged,
    answer_exchange,
    asked_kinds,
    needs_look_up,
)
from comity.exchange.free_text import REPLY_CHARACTERS_MAX, read_reply, shown_beside
from comity.link.forms import is_answer
from comity.review.verdicts import approve
from tests.property.exchange.test_outcomes import as_sent, cells, keys, may_release, placed_headers
from tests.support.exchange import (
    CONTACT,
    ELEMENTS,
    FACTS,
    NOW,
    POLICY,
    UNTIL,
    exchange_of,
    signed,
    verdict_of,
)

SECRET = "DOE,JANE\n100 EXAMPLE AVE"
SEVERITY = [Outcome.RELEASE, Outcome.HOLD, Outcome.DENY]
TEXT = Element(data_class=DataClass.OPAQUE, name=FREE_TEXT, value=SECRET)

records = st.builds(
    Found,
    kind=st.sampled_from(RecordKind),
    elements=st.sampled_from([(), ELEMENTS]),
    matches=st.sampled_from([1, 1, 1, 2]),
    text=st.just(SECRET),
)


@st.composite
def judgements(
    draw: st.DrawFn, key: str | None = None, decided: tuple[DataClass, ...] | None = None
) -> Judged:
    """Any decision for each class asked for, or those `decided` by a verdict; and those beside."""
    key = draw(keys) if key is None else key
    exchange = exchange_of(key, wants_image=draw(st.booleans()) if decided is None else True)
    kinds = asked_kinds(exchange.key)
    asked = asked_classes(exchange.key, image=exchange.wants_image)
    wanted = asked if decided is None else decided
    unread, read = shown_beside(asked, wanted, reviewed=decided is not None)
    # Mostly released, so that whole texts go often enough.
    release = draw(st.booleans())

    def row(classes: tuple[DataClass, ...], kind: RecordKind) -> tuple[ClassDecision, ...]:
        made = [draw(cells(c, kind)) for c in classes]
        if release:
            made = [msgspec.structs.replace(d, outcome=Outcome.RELEASE) for d in made]
        return tuple(made)

    return Judged(
        exchange=exchange,
        facts=FACTS,
        policy=POLICY,
        kinds=kinds,
        rows=tuple(row(wanted, kind) for kind in kinds),
        beside=tuple(row((*unread, *read), kind) for kind in kinds),
    )


def cells_of(judged: Judged, kind: RecordKind) -> tuple[list[ClassDecision], list[ClassDecision]]:
    place = judged.kinds.index(kind) if kind in judged.kinds else len(judged.kinds) - 1
    parts = [d for d in judged.rows[place] if d.data_class is not DataClass.PHOTO]
    return parts, list(judged.beside[place])


def holds_secret(answered: Answered) -> bool:
    """Whether a word of the text stands anywhere in the answer or its leaves."""
    data = msgspec.json.encode(answered.answer) + repr(answered.leaves).encode()
    return any(word.encode() in data for word in ("DOE", "JANE", "EXAMPLE"))


def gone(answered: Answered) -> set[DataClass]:
    """What the leaves name as released, the verdict's own leaf apart."""
    own = [leaf.header for leaf in answered.leaves if leaf.header.kind is not LeafKind.VERDICT]
    return {c for header in own for c in header.released or ()}


def check_text(answered: Answered, whole: list[ClassDecision], *, is_free: bool) -> None:
    """The answer has the text if and only if it is free, and the leaves say the same."""
    assert is_answer(as_sent(answered))
    assert placed_headers(answered)
    assert holds_secret(answered) == is_free
    assert answered.answer.elements == ((TEXT,) if is_free else ())
    assert gone(answered) == ({d.data_class for d in whole} if is_free else set())
    named = {part.data_class for part in answered.answer.withheld}
    assert not named & gone(answered)


@given(judgements(), records)
def test_a_text_goes_whole_or_not_at_all(judged: Judged, record: Found) -> None:
    """INVARIANT (withheld-never-rendered): one class withheld, and no word of the text leaves."""
    answered = answer_exchange(judged, record, now=NOW, hold_until=UNTIL, contact=CONTACT)
    parts, beside = cells_of(judged, record.kind)
    is_all = bool(parts) and all(map(may_release, [*parts, *beside]))
    check_text(answered, [*parts, *beside], is_free=is_all and record.matches == 1)


@given(judgements(), records)
def test_the_strictest_outcome_holds_for_what_would_go(judged: Judged, record: Found) -> None:
    """Deny before hold: what was released for itself shares the fate of what keeps the text."""
    answered = answer_exchange(judged, record, now=NOW, hold_until=UNTIL, contact=CONTACT)
    parts, beside = cells_of(judged, record.kind)
    free = [d for d in parts if may_release(d)]
    if not free or all(map(may_release, [*parts, *beside])):
        return
    fates = [Outcome.DENY if d.outcome is Outcome.RELEASE and not may_release(d) else d.outcome
             for d in [*parts, *beside]]  # fmt: skip
    strictest = max(fates, key=SEVERITY.index)
    withheld = {part.data_class: part for part in answered.answer.withheld}
    assert {withheld[d.data_class].outcome for d in free} == {strictest}
    assert all(withheld[d.data_class].reasons for d in free)
    assert DataClass.OPAQUE in withheld
    assert answered.answer.response in {ResponseKind.REFUSED, ResponseKind.HELD}
    held = {c for c, part in withheld.items() if part.outcome is Outcome.HOLD}
    assert held == set(answered.hold.classes if answered.hold else ())


@given(judgements(), records)
def test_a_text_that_would_not_go_is_answered_as_any_record(judged: Judged, record: Found) -> None:
    """Where nothing of it is released, nothing tells that the record is a text, or is there."""
    parts, _ = cells_of(judged, record.kind)
    if any(map(may_release, parts)):
        return
    bare = msgspec.structs.replace(record, text="", elements=())
    as_text = answer_exchange(judged, record, now=NOW, hold_until=UNTIL, contact=CONTACT)
    assert as_text == answer_exchange(judged, bare, now=NOW, hold_until=UNTIL, contact=CONTACT)


@given(judgements(), records, st.data())
def test_an_approval_of_a_part_releases_nothing(
    judged: Judged, record: Found, data: st.DataObject
) -> None:
    """Whatever is approved of a hold, the text goes only with all that it shows released."""
    first = answer_exchange(judged, record, now=NOW, hold_until=UNTIL, contact=CONTACT)
    if first.hold is None:
        return
    hold = msgspec.structs.replace(first.hold, exchange=judged.exchange)
    chosen = data.draw(st.sets(st.sampled_from(hold.classes), min_size=1))
    approved = tuple(c for c in hold.classes if c in chosen)
    verdict = signed(verdict_of(approved=approved))
    again = data.draw(judgements(judged.exchange.key, approved))
    answered = approve(
        verdict, hold, again, record if needs_look_up(again) else None, step=1, now=NOW
    )
    parts, beside = cells_of(again, record.kind)
    refused = set(hold.classes) - chosen - {DataClass.PHOTO}
    is_all = bool(parts) and all(map(may_release, [*parts, *beside])) and not refused
    check_text(answered, [*parts, *beside], is_free=is_all and record.matches == 1)
    assert answered.answer.is_final
    assert answered.hold is None


@given(st.text(max_size=REPLY_CHARACTERS_MAX + 40))
def test_a_reply_is_short_and_says_so(text: str) -> None:
    """Nothing is taken for "no record" but a short text with one of the network's phrases."""
    said = read_reply(text)
    if said is not None:
        assert len(text) <= REPLY_CHARACTERS_MAX
        assert said in {ResponseKind.NO_HIT, ResponseKind.UNAVAILABLE}
