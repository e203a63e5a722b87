"""By what holds of one case are found: under the member's key, and saying nothing without it."""

from __future__ import annotations

import msgspec

from comity.adapters.memory.clock import SeededEntropy
from comity.adapters.memory.secrets import MemoryKeyring
from comity.domain.ids import ORI, Member
from comity.domain.query import Claims
from comity.services.vault import CASE_TAG_BYTES, Vault
from tests.support.gateway import (
    HOLD_ALL,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)

OR = Member("or")
HELD = policy_of(WA, RELEASE, HOLD_ALL)
DALLAS = ORI("TXPX00002")


def vault(seed: bytes = b"seed") -> Vault:
    """A vault over a keyring of its own."""
    entropy = SeededEntropy(seed)
    return Vault(MemoryKeyring(entropy), entropy)


def test_tag_is_of_member_key_agency_and_case() -> None:
    """The same of the same; another one if anything of it is another, also where parts shift."""
    one = vault()
    tag = one.case_tag(WA, 682, "TXPX00001", "HS-1")
    assert len(tag) == CASE_TAG_BYTES
    assert one.case_tag(WA, 682, "TXPX00001", "HS-1") == tag
    others = [
        one.case_tag(OR, 682, "TXPX00001", "HS-1"),
        one.case_tag(WA, 683, "TXPX00001", "HS-1"),
        one.case_tag(WA, 682, "TXPX00002", "HS-1"),
        one.case_tag(WA, 682, "TXPX00001", "HS-12"),
        one.case_tag(WA, 682, "TXPX00001H", "S-1"),
        vault(b"other").case_tag(WA, 682, "TXPX00001", "HS-1"),
    ]
    assert len({tag, *others}) == len(others) + 1


async def tags(host: PracticeHost, *cases: tuple[ORI | None, str]) -> list[bytes | None]:
    """Let Washington hold a request for each agency and case; return the tags of the rows."""
    for number, (agency, case) in enumerate(cases, 1):
        exchange = msgspec.structs.replace(ask_of(number), claims=Claims(case_number=case))
        if agency is not None:
            exchange = msgspec.structs.replace(exchange, agency=agency)
        await host.answer.take(asks(exchange))
    rows = sorted(await host.store.open_holds([WA]), key=lambda row: row.leaf_index)
    assert len(rows) == len(cases)
    return [row.case_tag for row in rows]


async def test_holds_have_the_tag_of_their_case() -> None:
    """Of one agency and number one tag; of another number, or none, another or none."""
    async with running(HELD) as host:
        first, second, third, none = await tags(
            host, (None, "A-1"), (None, "A-1"), (None, "A-2"), (None, "")
        )
    assert first is not None
    assert first == second
    assert third not in (first, None)
    assert none is None
