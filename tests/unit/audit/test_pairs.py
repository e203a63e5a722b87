"""Both sides of an exchange are held against each other, field by field, within the window."""

from __future__ import annotations

import msgspec
import pytest

from comity.audit import pairs as module
from comity.audit.findings import EvidenceError, FindingCode
from comity.audit.pairs import WINDOW_HOURS, DoubleEntry, PairReport
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import Instrument, LeafDecision, LeafKind, LeafMode
from tests.support.leaves import least

OR, WA, CA = Member("or"), Member("wa"), Member("ca")
HOUR = 498_750


def with_(header: LeafHeader, **fields: object) -> LeafHeader:
    return msgspec.structs.replace(header, **fields)


def query(**fields: object) -> LeafHeader:
    """A query that Oregon asked of one state."""
    asked: dict[str, object] = {"member": OR, "fan_out": 1}
    return with_(least(LeafKind.QUERY), **(asked | fields))


def answer(peer: str = "or/0", **fields: object) -> LeafHeader:
    """Washington's disclosure to it."""
    return with_(least(LeafKind.DISCLOSURE), member=WA, peer=peer, **fields)


def late(member: Member, hours: int = WINDOW_HOURS + 2) -> LeafHeader:
    """A leaf that shows how far a ledger's copy goes."""
    return with_(least(LeafKind.ACCESS), member=member, hour=HOUR + hours)


def compared(*ledgers: tuple[Member, list[LeafHeader]], is_complete: bool = False) -> PairReport:
    entries = DoubleEntry([member for member, _ in ledgers], is_complete=is_complete)
    for member, headers in ledgers:
        entries.read(member, 0, [encode_leaf(header) for header in headers])
    return entries.report()


def found(report: PairReport) -> list[tuple[FindingCode, str]]:
    return [(finding.code, finding.path) for finding in report.findings]


@pytest.mark.parametrize("kind", [LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD])
def test_outcome_that_matches_is_counted(kind: LeafKind) -> None:
    """An outcome of each kind that says what its query says has no finding."""
    outcome = with_(least(kind), member=WA, peer="or/0")
    report = compared((OR, [query()]), (WA, [outcome]))
    assert (report.matched, report.queries, found(report)) == (1, 1, [])


@pytest.mark.parametrize("kind", [LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD])
@pytest.mark.parametrize("mode", [LeafMode.PROBE, LeafMode.PLANTED])
def test_what_nobody_asked_has_no_query(kind: LeafKind, mode: LeafMode) -> None:
    """A drill and a test case cite the rules that they try; the query is still owed an answer."""
    tried = with_(least(kind), member=WA, peer="wa/0", mode=mode)
    marked = with_(least(kind), member=WA, peer="or/0", mode=mode)
    report = compared((OR, [query(), late(OR)]), (WA, [tried, marked, late(WA)]), is_complete=True)
    assert (report.matched, report.unanswered) == (0, 1)
    assert [code for code, _ in found(report)] == [FindingCode.PEER_ANSWER_MISSING]


def test_order_of_ledgers_does_not_matter() -> None:
    """A query may be read after its answer."""
    assert compared((WA, [answer()]), (OR, [query()])).matched == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("agency", "ORPX00002"),
        ("key", "RQ"),
        ("purpose", "court"),
        ("instrument", Instrument.CONSENT),
    ],
)
def test_outcome_that_differs_is_found(field: str, value: object) -> None:
    """A value that both sides say, and not alike, is a finding that names the field."""
    report = compared((OR, [query()]), (WA, [with_(answer(), **{field: value})]))
    assert found(report) == [(FindingCode.PEER_QUERY_DIFFERS, "wa/0")]
    assert report.findings[0].text == f"differs from its query `or/0` in {field}"


def test_offence_in_the_open_must_match() -> None:
    """An offence sealed on both sides matches; two that are open must be the same."""
    both = (OR, [query(offence="drugs")]), (WA, [answer(offence="weapons")])
    assert found(compared(*both)) == [(FindingCode.PEER_QUERY_DIFFERS, "wa/0")]


@pytest.mark.parametrize("veil", ["sealed", "small:wa"])
def test_value_on_one_side_only_is_counted(veil: str) -> None:
    """What one side does not publish cannot differ, and is counted."""
    report = compared((OR, [query()]), (WA, [answer(agency=veil)]))
    assert (report.matched, report.veiled, found(report)) == (1, 1, [])


def test_region_query_is_delivered_as_a_plain_one() -> None:
    """States get a region query under the plain key, and answer it so."""
    report = compared((OR, [query(key="RQG")]), (WA, [answer(key="RQ")]))
    assert (report.matched, found(report)) == (1, [])


def test_query_that_does_not_exist_is_found() -> None:
    """An outcome that cites a leaf which is no query, or is not there, is a finding."""
    no_query = compared((OR, [late(OR, 0)]), (WA, [answer()]))
    assert found(no_query) == [(FindingCode.PEER_QUERY_MISSING, "wa/0")]
    beyond = compared((OR, [query(), late(OR)]), (WA, [answer("or/2")]))
    assert found(beyond) == [(FindingCode.PEER_QUERY_MISSING, "wa/0")]


def test_query_beyond_an_older_copy_is_not_judged() -> None:
    """Where the asker's copy ends before the outcome, nothing can be said yet."""
    report = compared((OR, [query()]), (WA, [answer("or/7")]))
    assert (report.recent, found(report)) == (1, [])


def test_outcome_for_another_ledger_is_counted() -> None:
    """Outcomes of queries in ledgers that were not given are counted, not judged."""
    report = compared((OR, []), (WA, [answer("ca/3")]))
    assert (report.elsewhere, found(report)) == (1, [])


def test_query_in_a_withdrawn_bundle_is_counted() -> None:
    """What is no longer public cannot be compared."""
    entries = DoubleEntry([OR, WA], is_complete=False)
    entries.read(OR, 256, [encode_leaf(query())])
    entries.read(WA, 0, [encode_leaf(answer("or/5"))])
    report = entries.report()
    assert (report.withdrawn, found(report)) == (1, [])


def test_more_answers_than_asked_are_found() -> None:
    """One state asked and two answering is a finding; two outcomes of one state are not."""
    twice = compared((OR, [query()]), (WA, [answer(), answer()]))
    assert found(twice) == []
    many = compared((OR, [query()]), (WA, [answer()]), (CA, [with_(answer(), member=CA)]))
    assert found(many) == [(FindingCode.PEER_ANSWERS_MANY, "or/0")]


def test_missing_answer_is_found_where_all_ledgers_are_given() -> None:
    """A query without its answer beyond the window is counted, and found if none is missing."""
    ledgers = (OR, [query(), late(OR)]), (WA, [late(WA)])
    report = compared(*ledgers)
    assert (report.unanswered, found(report)) == (1, [])
    complete = compared(*ledgers, is_complete=True)
    assert found(complete) == [(FindingCode.PEER_ANSWER_MISSING, "or/0")]


def test_window_is_respected() -> None:
    """Within the window, measured by the copy that ends first, an answer may still come."""
    at_limit = compared(
        (OR, [query(), late(OR)]), (WA, [late(WA, WINDOW_HOURS + 1)]), is_complete=True
    )
    assert (at_limit.unanswered, found(at_limit)) == (0, [])


def test_closed_query_is_not_missing_an_answer() -> None:
    """A query that its own member closed as undeliverable is accounted for."""
    closure = with_(
        least(LeafKind.CLOSURE), member=OR, cites="or/0", decision=LeafDecision.UNDELIVERABLE
    )
    ledgers = (OR, [query(), closure, late(OR)]), (WA, [late(WA)])
    assert found(compared(*ledgers, is_complete=True)) == []
    two = (OR, [query(fan_out=2), closure, late(OR)]), (WA, [late(WA)])
    assert found(compared(*two, is_complete=True)) == [(FindingCode.PEER_ANSWER_MISSING, "or/0")]


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves, agencies, ledgers and findings have their limits, each with an error or a mark."""
    leaf = encode_leaf(query())
    monkeypatch.setattr(module, "PAIR_LEAVES_MAX", 2)
    entries = DoubleEntry([OR], is_complete=False)
    entries.read(OR, 0, [leaf, leaf])
    with pytest.raises(EvidenceError):
        entries.read(OR, 2, [leaf])
    monkeypatch.setattr(module, "PAIR_LEAVES_MAX", 1_000)
    monkeypatch.setattr(module, "AGENCIES_MAX", 4)
    agencies = [encode_leaf(query(agency=f"ORPX0000{number}")) for number in range(3)]
    DoubleEntry([OR], is_complete=False).read(OR, 0, agencies[:2])
    with pytest.raises(EvidenceError):
        DoubleEntry([OR], is_complete=False).read(OR, 0, agencies)
    with pytest.raises(EvidenceError):
        DoubleEntry([OR, OR], is_complete=False)
    monkeypatch.setattr(module, "_FINDINGS_MAX", 3)
    report = compared((OR, [late(OR, 0)]), (WA, [answer()] * 5))
    assert len(report.findings) == 4
    assert report.findings[-1].code is FindingCode.AUDIT_STOPPED
