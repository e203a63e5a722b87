"""What the public ledger shows of a leaf now: all of it, or agency, purpose and offence sealed.

Guarantee: the private record behind a leaf always says the agency, purpose and offence in full;
what is left out here is left out of the public header alone, and can be opened later.
Source: docs/adr/0024-private-records.md, "Delayed detail".
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.agency import Agency, family_ancestors
from comity.domain.ids import ORI
from comity.domain.leaf import SEALED, LeafHeader, small_agency
from comity.domain.vocabulary import LeafKind
from comity.policy import Publication

__all__ = ["as_published", "is_public_detail"]

_DELAYED_KINDS: Final = frozenset(
    {LeafKind.QUERY, LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD, LeafKind.PASS}
)


def is_public_detail(header: LeafHeader) -> bool:
    """Say whether a leaf's header has detail that a policy may delay."""
    return header.kind in _DELAYED_KINDS and header.purpose is not None


def as_published(
    header: LeafHeader, publication: Publication | None, directory: Directory
) -> tuple[LeafHeader, int]:
    """Return a header as the public sees it, and for how many months its detail stands sealed.

    Zero months: nothing is sealed. What is sealed goes before what is small, so that a delayed
    leaf does not tell even the member of its agency.
    """
    if header.agency is None:
        return header, 0
    agency = directory.agency(ORI(header.agency))
    if (
        publication is not None
        and is_public_detail(header)
        and header.purpose in publication.delayed_purposes
        and not _is_excepted(agency, publication)
    ):
        return _sealed(header), publication.delay_months
    if agency is not None and agency.small:
        member = directory.member_of(agency.ori)
        assert member is not None
        return msgspec.structs.replace(header, agency=small_agency(member)), 0
    return header, 0


def _is_excepted(agency: Agency | None, publication: Publication) -> bool:
    if agency is None or not publication.except_families:
        return False
    return not set(publication.except_families).isdisjoint(family_ancestors(agency.family))


def _sealed(header: LeafHeader) -> LeafHeader:
    return msgspec.structs.replace(
        header,
        agency=SEALED,
        purpose=SEALED,
        offence=SEALED if header.offence is not None else None,
    )
