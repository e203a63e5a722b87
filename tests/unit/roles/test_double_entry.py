"""What a gateway records of its members' exchanges is found whole by the audit of both sides."""

from __future__ import annotations

from comity.audit.pairs import DoubleEntry
from comity.domain.ids import Member
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind
from tests.support.gateway import LINE, OR, WA, frame
from tests.unit.roles.test_gateway import Network, network


async def entries_of(made: Network, member: Member) -> list[bytes]:
    """Every leaf of a member's ledger."""
    head, _ = (await made.host.store.heads([member]))[member]
    return await made.host.store.leaves(member, 0, head.frontier.size)


async def test_outcomes_match_the_queries_that_they_cite() -> None:
    """Oregon asks Washington and itself: each outcome matches, and no query lacks its answer."""
    async with network() as made:
        await made.gateway.open_line(LINE)
        await made.gateway.take_frames([frame(1, "WA"), frame(2, "OR"), frame(3, "WA")])
        await made.settle()
        compared = DoubleEntry([OR, WA], is_complete=True)
        kinds = []
        for member in (OR, WA):
            entries = await entries_of(made, member)
            kinds += [parse_leaf(entry).kind for entry in entries]
            compared.read(member, 0, entries)
        report = compared.report()
    assert kinds.count(LeafKind.QUERY) == report.queries == 3
    assert (report.matched, report.elsewhere, report.recent) == (3, 0, 0)
    assert report.findings == ()
