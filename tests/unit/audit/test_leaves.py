"""The automaton of a member's leaves takes what the strict reader takes, and nothing else."""

from __future__ import annotations

import pytest

from comity.audit import leaves as module
from comity.audit.leaves import LeafForm
from comity.domain.ids import Member
from comity.domain.leaf import LeafError, encode_leaf, parse_leaf
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode
from tests.support.leaves import fullest, leaf, least

WA = Member("wa")
GOOD = [encode_leaf(made(kind)) for kind in LeafKind for made in (least, fullest)]


def refused(entries: list[bytes], member: Member = WA) -> dict[int, str]:
    """What a fresh form refuses, with its reasons."""
    return {place: refusal.text for place, refusal in LeafForm(member).refusals(entries)}


def is_taken(entry: bytes) -> bool:
    """Whether the strict reader takes these bytes as a leaf of Washington."""
    try:
        return parse_leaf(entry).member == WA
    except LeafError:
        return False


def test_every_kind_is_taken() -> None:
    """Every kind with what it must have and with all that it may have is a leaf."""
    assert refused(GOOD) == {}


def test_every_kind_is_matched_without_the_slow_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of leaves whose class lists are known, none is decoded in full."""
    form = LeafForm(WA)
    assert not list(form.refusals(GOOD))
    monkeypatch.setattr(module, "parse_leaf", None)
    assert not list(form.refusals(GOOD))


def bundle(entries: list[bytes]) -> bytes:
    """Entries as their bundle holds them."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def learnt() -> LeafForm:
    """A form that has met every kind, for whom redactions are looked into."""
    form = LeafForm(WA, read_apart={LeafKind.REDACTION})
    assert not list(form.refusals(GOOD))
    return form


PLAIN = [entry for entry in GOOD if b'"k":"redaction"' not in entry]


def test_a_bundle_is_taken_whole_once_its_class_lists_are_known() -> None:
    """A fresh form says nothing of lists it has not met; one that has gives every entry."""
    assert LeafForm(WA).entries(bundle(PLAIN), len(PLAIN)) is None
    assert learnt().entries(bundle(PLAIN), len(PLAIN)) == PLAIN


def test_a_bundle_with_a_redaction_is_left_to_the_slow_reader() -> None:
    """What an audit has to read one by one is never passed over as known."""
    assert learnt().entries(bundle(GOOD), len(GOOD)) is None


def test_a_bundle_of_another_shape_is_not_taken() -> None:
    """One entry too many, too few, bytes between, before or behind, an entry of another member."""
    form, data, count = learnt(), bundle(PLAIN), len(PLAIN)
    other = bundle([PLAIN[0].replace(b'"st":"wa"', b'"st":"or"'), *PLAIN[1:]])
    assert form.entries(data, count + 1) is None
    assert form.entries(data, count - 1) is None
    for altered in (b"\0" + data, data + b"\0", data[:-1], bundle(PLAIN[:3]) + b"x", other):
        assert form.entries(altered, count) is None
    between = bundle(PLAIN[:3]) + b"xx" + bundle(PLAIN[3:])
    assert form.entries(between, count) is None


@pytest.mark.parametrize("kind", sorted({*LeafKind} - {LeafKind.REDACTION}))
def test_one_bit_of_a_bundle_changed_is_not_taken_unless_it_is_a_leaf(kind: LeafKind) -> None:
    """Lengths and leaves alike: what the reader would refuse, no bundle passes with."""
    form = learnt()
    first, last = encode_leaf(least(kind)), encode_leaf(fullest(kind))
    data = bundle([first, last])
    assert form.entries(data, 2) == [first, last]
    for bit in range(len(data) * 8):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        found = form.entries(bytes(altered), 2)
        assert found is None or (bundle(found) == altered and all(map(is_taken, found)))


def test_more_class_lists_than_are_built_in_are_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the bundle goes the slow way, and no leaf is refused for it."""
    monkeypatch.setattr(module, "BUILT_PIECES_MAX", 2)
    form = LeafForm(WA)
    assert not list(form.refusals(GOOD))
    assert form.entries(bundle(PLAIN), len(PLAIN)) is None
    assert not list(form.refusals(GOOD))


@pytest.mark.parametrize("mode", LeafMode)
def test_every_mode_is_taken(mode: LeafMode) -> None:
    """Leaves that do not count as traffic are leaves."""
    entry = encode_leaf(leaf(LeafKind.ACCESS)).replace(b'"live"', f'"{mode}"'.encode())
    assert refused([entry]) == {}


@pytest.mark.parametrize("kind", LeafKind)
def test_one_bit_changed_is_judged_as_the_reader_judges(kind: LeafKind) -> None:
    """With any one bit changed, form and reader say the same of a leaf."""
    data = encode_leaf(fullest(kind))
    changed = []
    for bit in range(len(data) * 8):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        changed.append(bytes(altered))
    found = refused([data, *changed])
    assert 0 not in found
    assert [place + 1 in found for place in range(len(changed))] == [
        not is_taken(entry) for entry in changed
    ]


LONG = {
    "hour": (b'"h":498750', b'"h":16777215', b'"h":16777216'),
    "index": (
        b'"pe":"or/9001"',
        b'"pe":"or/9223372036854775807"',
        b'"pe":"or/9223372036854775808"',
    ),
    "policy": (b'"po":77', b'"po":9223372036854775807', b'"po":9223372036854775808'),
}


@pytest.mark.parametrize("field", LONG)
def test_numbers_are_taken_up_to_their_limit(field: str) -> None:
    """The largest hour, index and policy are taken, and one more is refused."""
    short, largest, beyond = LONG[field]
    data = encode_leaf(least(LeafKind.DISCLOSURE))
    assert refused([data.replace(short, largest), data.replace(short, beyond)]).keys() == {1}


def test_fan_out_is_taken_from_1_to_64() -> None:
    """A query asks 1 to 64 states."""
    data = encode_leaf(least(LeafKind.QUERY))
    asked = [data.replace(b'"fo":3', b'"fo":%d' % count) for count in range(130)]
    assert refused(asked).keys() == {0, *range(65, 130)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"cl":["status","identity"]', b'"cl":["identity","status"]'),
        (b'"cl":["status","identity"]', b'"cl":["status","status"]'),
        (b'"cl":["status","identity"]', b'"cl":["status","photo"]'),
        (b'"cl":["status","identity"]', b'"cl":["status","name"]'),
        (b'"cl":["status","identity"]', b'"cl":["status",]'),
        (b'"cl":["status","identity"]', b'"cl":[,"status"]'),
        (b'"rs":"record"', b'"rs":"none"'),
        (b'"wh":["photo"]', b'"wh":["photo"'),
        (b'"wh":["photo"]', b'"wh":[photo]'),
        (b'"st":"wa"', b'"st":"zz"'),
        (b"}", b"}\n"),
        (b"{", b"\n{"),
        (b'"de":"release"', b'"de":"deny"'),
        (b'"ag":"ORPX00001"', b'"ag":"small:zz"'),
        (b'="}', b'"}'),
        (b'8="}', b'9="}'),
    ],
)
def test_other_form_is_refused(old: bytes, new: bytes) -> None:
    """A list in disorder, an unknown value, a field too many: each is refused."""
    data = encode_leaf(least(LeafKind.DISCLOSURE))
    wrong = data.replace(old, new)
    assert wrong != data
    assert refused([wrong, data, wrong]).keys() == {0, 2}


def test_stranger_is_named() -> None:
    """A good leaf of another member is told apart from a bad one."""
    data = encode_leaf(least(LeafKind.ACCESS))
    found = dict(LeafForm(Member("or")).refusals([data, data[:-1]]))
    assert [found[place].is_stranger for place in (0, 1)] == [True, False]


def test_lists_of_one_kind_do_not_vouch_for_another() -> None:
    """A list that is good in one kind is not taken in a kind that cannot have it."""
    closure = encode_leaf(fullest(LeafKind.CLOSURE))
    verdict = encode_leaf(least(LeafKind.VERDICT))
    denial = encode_leaf(least(LeafKind.DENIAL))
    mixed = denial.replace(b'"wh":["status"],"de":"deny"', b'"wh":["status","identity"]')
    assert refused([closure, verdict, denial, mixed]).keys() == {3}


def test_remembered_lists_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what one audit remembers, leaves are decoded and still taken or refused rightly."""
    monkeypatch.setattr(module, "PIECES_MAX", 2)
    entries = [encode_leaf(leaf(LeafKind.ACCESS, released=(value,))) for value in DataClass] * 2
    wrong = entries[0].replace(b'["status"]', b'["status","status"]')
    assert refused([*entries, wrong]).keys() == {len(entries)}


def test_decisions_of_a_verdict_are_taken() -> None:
    """Each decision of a verdict is known apart."""
    entries = [
        encode_leaf(leaf(LeafKind.VERDICT, released=(), withheld=(), decision=value, cites="wa/1"))
        for value in LeafDecision
    ]
    verdicts = {"approve", "refuse", "ask", "escalate"}
    taken = [place for place, value in enumerate(LeafDecision) if value in verdicts]
    assert sorted(refused(entries).keys()) == [
        place for place in range(len(entries)) if place not in taken
    ]
