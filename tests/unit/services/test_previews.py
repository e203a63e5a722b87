"""What a message would get: decided by the rules in force, recorded first, and nothing is sent."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.ids import LeafIndex
from comity.domain.query import Claims
from comity.domain.vocabulary import DataClass, LeafKind, Offence, Outcome, Purpose
from comity.ports import StoreDownError
from comity.services.forms import MessageRefusedError
from comity.services.previews import Previewed
from comity.services.private_records import Records
from tests.support.gateway import (
    HOLD_ADDRESS,
    HOLD_SECONDS,
    LINE,
    NUMBER,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    frame,
    policy_of,
    running,
)
from tests.support.previews import previews_of

POLICIES = (policy_of(OR, RELEASE), policy_of(WA, RELEASE, HOLD_ADDRESS))
CLAIMS = Claims(
    purpose=Purpose.CRIMINAL_INVESTIGATION,
    offence=Offence.FRAUD_IDENTITY,
    case_number="26-118",
    operator="B1234",
)


async def preview(host: PracticeHost, *states: str, **changes: Any) -> Previewed:
    """Preview a licence query of Salem's."""
    return await previews_of(host).preview(LINE, frame(1, *states, **changes).data)


async def private(host: PracticeHost, entry: str) -> dict[str, str]:
    """What stands behind a leaf of Oregon's."""
    _, record = await Records(host.store, host.vault).read(OR, int(entry.partition("/")[2]))
    return {name: value.decode() for name, value in record.fields}


async def test_each_part_is_as_the_rules_decide_it() -> None:
    """Released at once, or held with the longest wait; the class's rule is named."""
    async with running(*POLICIES) as host:
        (state,) = (await preview(host, "WA")).states
        outcomes = {part.data_class: part.outcome for part in state.parts}
        assert outcomes == {
            DataClass.STATUS: Outcome.RELEASE,
            DataClass.IDENTITY: Outcome.RELEASE,
            DataClass.ADDRESS: Outcome.HOLD,
        }
        assert [part.rules for part in state.parts if part.outcome is Outcome.HOLD] == [
            ("ADDRESS",)
        ]
        assert state.hold_seconds == HOLD_SECONDS


async def test_a_preview_is_a_leaf_of_its_sender_and_nothing_is_sent() -> None:
    """One `access` leaf that names nobody; its record says who tried which purpose, not on whom."""
    async with running(*POLICIES) as host:
        before = host.size(OR), host.size(WA)
        made = await preview(host, "WA", claims=CLAIMS)
        assert (host.size(OR), host.size(WA)) == (before[0] + 1, before[1])
        (leaf,) = host.leaves(OR, LeafKind.ACCESS)
        assert made.entry == f"or/{host.size(OR) - 1}"
        assert (leaf.agency, leaf.purpose, leaf.cites) == (None, None, None)
        assert await private(host, made.entry) == {
            "schema": "note/1",
            "preview": "asked",
            "agency": "ORPX00001",
            "operator": "B1234",
            "line": LINE,
            "key": "DQ",
            "purpose": "criminal_investigation",
            "offence": "fraud_identity",
            "case": "26-118",
            "instrument": "not_stated:",
            "destinations": "WA",
            "likely": "wa:release+hold",
        }
        assert NUMBER.encode() not in b"".join(data for data, _ in host.store.tables.leaves[OR])
        assert host.courier.take() == []
        assert host.store.tables.accepted == {}


async def test_each_purpose_that_is_tried_leaves_its_own_leaf() -> None:
    """Whoever tries until one works is seen to have tried."""
    async with running(*POLICIES) as host:
        tried = (Purpose.CIVIL_IMMIGRATION, Purpose.OTHER, Purpose.OTHER)
        for purpose in tried:
            await preview(host, claims=msgspec.structs.replace(CLAIMS, purpose=purpose))
        first = host.size(OR) - len(tried)
        found = [(await private(host, f"or/{first + at}"))["purpose"] for at in range(len(tried))]
        assert found == list(tried)


async def test_a_state_that_is_not_served_here_is_not_known() -> None:
    """Texas decides when it is asked: nothing is guessed, and that is recorded too."""
    async with running(*POLICIES) as host:
        made = await preview(host, "TX", "WA")
        assert [(each.state, bool(each.parts)) for each in made.states] == [
            ("tx", False),
            ("wa", True),
        ]
        assert (await private(host, made.entry))["likely"] == "tx:unknown wa:release+hold"


async def test_what_would_be_refused_is_refused_and_leaves_nothing() -> None:
    """Another line's agency, a malformed message: as the message itself, and no leaf."""
    async with running(*POLICIES) as host:
        before = host.size(OR)
        for line, data in (
            ("seattle-1", frame(1, "WA").data),
            ("nobody", frame(1, "WA").data),
            (LINE, b"{}"),
            (LINE, frame(1, "ZZ").data),
        ):
            with pytest.raises(MessageRefusedError):
                await previews_of(host).preview(line, data)
        assert host.size(OR) == before


async def test_what_cannot_be_recorded_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """No leaf, no word of what would be."""
    async with running(*POLICIES) as host:

        async def fail(*_: object, **__: object) -> LeafIndex:
            raise StoreDownError("the store is away")

        previews = previews_of(host)
        monkeypatch.setattr(previews._accesses, "record", fail)
        with pytest.raises(StoreDownError):
            await previews.preview(LINE, frame(1, "WA").data)
