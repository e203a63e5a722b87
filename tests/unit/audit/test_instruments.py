"""Uses of instruments, held against the leaves that they cite, from public leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from comity.audit import instruments as module
from comity.audit.findings import EvidenceError
from comity.audit.instruments import InstrumentUses
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import DataClass, Instrument, LeafKind
from tests.support.leaves import leaf

WA = Member("wa")
AGENCY, OTHER = "TXPX00001", "ORPX00001"
WARRANT = Instrument.ARTICLE_III_WARRANT


def first(**fields: Any) -> LeafHeader:
    """A warrant that one person registered."""
    return leaf(
        LeafKind.INSTRUMENT, **({"member": WA, "agency": AGENCY, "instrument": WARRANT} | fields)
    )


def second(cites: str | None = "wa/0", **fields: Any) -> LeafHeader:
    """Its verification."""
    return first(**({"agency": None, "cites": cites} | fields))


def end(cites: str | None = "wa/0") -> LeafHeader:
    """Its end."""
    return first(agency=None, instrument=Instrument.NONE, cites=cites)


def demand(**fields: Any) -> LeafHeader:
    """A subpoena for the state's own data."""
    return first(**({"agency": None, "instrument": Instrument.COURT_SUBPOENA} | fields))


def use(cites: str | None = "wa/0", **fields: Any) -> LeafHeader:
    """A disclosure that rests on it."""
    base: dict[str, Any] = {
        "member": WA,
        "agency": AGENCY,
        "instrument": WARRANT,
        "released": (DataClass.STATUS,),
        "withheld": (),
        "cites": cites,
    }
    return leaf(LeafKind.DISCLOSURE, **(base | fields))


def faults(*headers: LeafHeader, at: int = 0) -> list[str]:
    """What is wrong with the leaves of a ledger that is read from an index on."""
    return InstrumentUses(WA).read(at, [encode_leaf(header) for header in headers])


def test_what_rests_on_a_verified_instrument_has_no_finding() -> None:
    """Sealed or small too; counted with what was registered, verified and revoked."""
    uses = InstrumentUses(WA)
    read = [
        first(),
        second(),
        use(),
        use(agency="sealed", purpose="sealed", offence="sealed"),
        use(agency="small:tx"),
        use(released=(), result="none"),
        use(None, agency=OTHER),
        end(),
        first(agency="sealed"),
    ]
    assert uses.read(0, [encode_leaf(header) for header in read]) == []
    assert (uses.registered, uses.verified, uses.revoked, uses.used) == (2, 1, 1, 4)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ((first(), use()), "leaf 1 releases under `wa/0`, which nobody had verified"),
        ((first(), second(), end(), use()), "leaf 3 releases under `wa/0` after its revocation"),
        (
            (first(), second(), use(agency=OTHER)),
            "leaf 2 releases to another agency than that of `wa/0`",
        ),
        (
            (first(), second(), use(instrument=Instrument.COURT_ORDER)),
            "leaf 2 releases on another instrument than `wa/0`",
        ),
        ((first(), second(), second()), "leaf 2 verifies `wa/0`, which was verified before"),
        ((first(), end(), second()), "leaf 2 verifies `wa/0` after its revocation"),
        (
            (first(), second(instrument=Instrument.COURT_ORDER)),
            "leaf 1 verifies another kind of instrument than `wa/0` is",
        ),
        ((first(), end(), end()), "leaf 2 revokes `wa/0`, which was revoked before"),
        ((first(), second("wa/7")), "leaf 1 verifies no instrument of this ledger"),
        ((first(), second("or/0")), "leaf 1 verifies no instrument of this ledger"),
        ((demand(), second()), "leaf 1 verifies `wa/0`, which is a demand, no instrument"),
        ((demand(), use()), "leaf 1 releases under `wa/0`, which is a demand, no instrument"),
        (
            (demand(), end(), use()),
            "leaf 2 releases under `wa/0`, which is a demand, no instrument",
        ),
        ((demand(), end(), end()), "leaf 2 ends the demand `wa/0`, which had ended before"),
        ((end(None),), "leaf 0 revokes no instrument of this ledger"),
        ((end("wa/9"),), "leaf 0 revokes no instrument of this ledger"),
    ],
)
def test_what_does_not_fit_is_found(headers: tuple[LeafHeader, ...], said: str) -> None:
    """Each in a sentence that names the leaf."""
    assert faults(*headers) == [said]


def test_a_demand_is_no_instrument() -> None:
    """It is counted by its kind apart, ends without a finding, and what was shown says nothing."""
    uses = InstrumentUses(WA)
    read = [
        demand(),
        demand(instrument=Instrument.OTHER),
        leaf(LeafKind.ACCESS, member=WA, cites="wa/0", released=(DataClass.ADDRESS,)),
        end(),
        demand(),
        demand(),
        end("wa/1"),
    ]
    assert uses.read(0, [encode_leaf(header) for header in read]) == []
    assert uses.demands == {Instrument.COURT_SUBPOENA: 3, Instrument.OTHER: 1}
    assert uses.demands_ended == 2
    assert (uses.registered, uses.verified, uses.revoked, uses.used) == (0, 0, 0, 0)


def test_a_demand_never_verifies_what_follows() -> None:
    """Each further leaf that leans on it is a finding of its own."""
    assert faults(demand(), second(instrument=Instrument.COURT_SUBPOENA), use()) == [
        "leaf 1 verifies `wa/0`, which is a demand, no instrument",
        "leaf 2 releases under `wa/0`, which is a demand, no instrument",
    ]


def test_nothing_is_said_of_what_was_not_read() -> None:
    """An audit that is resumed does not know what stood before it."""
    assert faults(second("wa/3"), use("wa/3"), end("wa/3"), at=9) == []
    assert faults(second("wa/9"), at=9) == ["leaf 9 verifies no instrument of this ledger"]


def test_memory_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it the audit stops, and does not go on half blind."""
    monkeypatch.setattr(module, "INSTRUMENTS_MAX", 1)
    with pytest.raises(EvidenceError):
        faults(first(), first())
    with pytest.raises(EvidenceError):
        faults(first(), demand())
