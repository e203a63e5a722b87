"""Uses of case passes, held against the pass that they cite, from public leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from comity.audit import passes as module
from comity.audit.findings import EvidenceError
from comity.audit.passes import PassUses
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import DataClass, LeafKind, Purpose
from tests.support.leaves import leaf, least

WA = Member("wa")
STATUS, ADDRESS = DataClass.STATUS, DataClass.ADDRESS
AGENCY, OTHER = "TXPX00001", "ORPX00001"


def grant(**fields: Any) -> LeafHeader:
    """A pass for status and address."""
    base: dict[str, Any] = {"member": WA, "agency": AGENCY, "released": (STATUS, ADDRESS)}
    return leaf(LeafKind.PASS, **(base | fields))


def end(cites: str, **fields: Any) -> LeafHeader:
    """The end of a pass."""
    return grant(released=(), cites=cites, **fields)


def use(cites: str | None = "wa/0", **fields: Any) -> LeafHeader:
    """A disclosure of the status."""
    base: dict[str, Any] = {
        "member": WA,
        "agency": AGENCY,
        "released": (STATUS,),
        "withheld": (),
        "cites": cites,
    }
    return leaf(LeafKind.DISCLOSURE, **(base | fields))


def faults(*headers: LeafHeader, first: int = 0) -> list[str]:
    """What is wrong with the leaves of a ledger that is read from `first` on."""
    return PassUses(WA).read(first, [encode_leaf(header) for header in headers])


def test_what_a_pass_grants_has_no_finding() -> None:
    """Uses before its end, in part or in whole, sealed or small; counted with passes and ends."""
    uses = PassUses(WA)
    read = [
        grant(),
        use(),
        use(agency="sealed", purpose="sealed", offence="sealed"),
        use(agency="small:tx", released=(STATUS, ADDRESS)),
        use(released=(), result="none"),
        use(None, agency=OTHER),
        end("wa/0"),
        grant(cites="wa/2"),
    ]
    assert uses.read(0, [encode_leaf(header) for header in read]) == []
    assert (uses.granted, uses.revoked, uses.used) == (2, 1, 4)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ((grant(), end("wa/0"), use()), "leaf 2 releases under `wa/0` after its revocation"),
        ((grant(), use(agency=OTHER)), "leaf 1 releases to another agency than that of `wa/0`"),
        (
            (grant(purpose=Purpose.COURT), use(purpose=Purpose.LICENSING)),
            "leaf 1 releases for another purpose than that of `wa/0`",
        ),
        (
            (grant(released=(ADDRESS,)), use(released=(STATUS, ADDRESS))),
            "leaf 1 releases status, which `wa/0` does not grant",
        ),
        (
            (grant(), end("wa/0"), end("wa/0")),
            "leaf 2 revokes `wa/0`, which was revoked before",
        ),
        ((use(None), end("wa/0")), "leaf 1 revokes no pass of this ledger"),
        ((grant(), end("or/0")), "leaf 1 revokes no pass of this ledger"),
        ((grant(), end("wa/9")), "leaf 1 revokes no pass of this ledger"),
    ],
)
def test_what_it_does_not_grant_is_found(headers: tuple[LeafHeader, ...], said: str) -> None:
    """After the end, another's, another purpose, a class more, and ends of nothing."""
    assert faults(*headers) == [said]


def test_a_purpose_binds_where_the_pass_names_one() -> None:
    """The same purpose, or one that is sealed, is no finding; without one any is."""
    assert faults(grant(purpose=Purpose.COURT), use(purpose=Purpose.COURT)) == []
    sealed = use(agency="sealed", purpose="sealed", offence="sealed")
    assert faults(grant(purpose=Purpose.COURT), sealed) == []
    assert faults(grant(), use(purpose=Purpose.COURT)) == []


def test_what_was_not_read_is_not_judged() -> None:
    """A pass before a resumed audit, or in a bundle that is withdrawn, may be used and ended."""
    assert faults(use("wa/3"), end("wa/3"), first=256) == []
    uses = PassUses(WA)
    assert uses.read(0, [encode_leaf(grant())]) == []
    late = [encode_leaf(header) for header in (use("wa/300"), end("wa/300"), end("wa/600"))]
    # Leaves 256 to 511 are withdrawn.
    assert uses.read(1, [encode_leaf(least(LeafKind.QUERY))] * 255) == []
    assert uses.read(512, late) == ["leaf 514 revokes no pass of this ledger"]


def test_passes_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than an audit remembers stops it."""
    monkeypatch.setattr(module, "PASSES_MAX", 2)
    assert faults(grant(), grant()) == []
    with pytest.raises(EvidenceError):
        faults(grant(), grant(), grant())
