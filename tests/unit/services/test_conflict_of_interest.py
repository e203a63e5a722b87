"""Whoever declared a conflict of interest on a hold has no part in it: the gateway keeps to it."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.answer import ResponseKind
from comity.domain.errors import ComityError
from comity.domain.verdict import Ed25519Proof, Reading, SignedReading, VerdictKind, reading_bytes
from comity.domain.vocabulary import LeafDecision, LeafKind
from comity.link.command import CommandFailed, HoldsShown, ReadHolds, decode_result, encode_command
from comity.review.conflicts import ConflictError, Ground, conflict_note
from comity.review.signatures import VerdictError
from tests.support.exchange import ENROLLED
from tests.support.gateway import NS, WA, PracticeHost, running
from tests.unit.services.test_second_review import (
    HELD,
    ONE,
    OTHER,
    Person,
    by,
    hold,
    nothing_went,
    proposed,
    told,
)
from tests.unit.services.test_showing import reading, sent

KNOWS = conflict_note(Ground.KNOWS_PERSON)
ESCALATE = VerdictKind.ESCALATE


async def step_back(host: PracticeHost, entry: str, person: Person = ONE) -> None:
    """Let a reviewer declare that they know the person."""
    await host.desk.decide(await by(host, person, entry, kind=ESCALATE, note=KNOWS))


async def read(host: PracticeHost, entry: str, person: Person) -> HoldsShown | CommandFailed:
    """What the gateway answers to a reviewer who wants to read a hold."""
    key, private = person
    wish = Reading(state=WA, hold_entry=entry, reviewer=key.name, at=host.clock.now_ns() // NS)
    proof = Ed25519Proof(key_id=key.key_id, signature=private.sign(reading_bytes(wish)))
    command = ReadHolds(signed=SignedReading(reading=wish, proof=proof))
    result = decode_result(await host.commands.take(encode_command(command)))
    assert isinstance(result, HoldsShown | CommandFailed)
    return result


async def test_a_declaration_is_a_leaf_and_tells_the_agency_nothing() -> None:
    """It stays held until the same time; whom a reviewer knows is in no answer."""
    async with running(HELD) as host:
        entry = await hold(host)
        row, _ = await host.desk.hold(entry)
        await step_back(host, entry)
        answer = told(host)
        assert (answer.response, answer.is_final) == (ResponseKind.HELD, False)
        assert answer.hold is not None
        assert (answer.hold.until, answer.hold.entry) == (row.until, entry)
        assert "conflict" not in msgspec.json.encode(answer).decode().lower()
        assert "knows" not in msgspec.json.encode(answer).decode().lower()
        (leaf,) = host.leaves(WA, LeafKind.VERDICT)
        assert (leaf.decision, leaf.released, leaf.cites) == (LeafDecision.ESCALATE, (), entry)
        after, _ = await host.desk.hold(entry)
        assert after.passed_at == host.clock.now_ns() // NS
        assert after.passed is not None
        assert ENROLLED.name.encode() not in after.passed.body


@pytest.mark.parametrize("kind", list(VerdictKind))
async def test_no_verdict_of_theirs_counts_any_more(kind: VerdictKind) -> None:
    """Of any kind: nothing is recorded, no source is asked, and another one decides."""
    async with running(HELD) as host:
        entry = await hold(host)
        await step_back(host, entry)
        told(host)
        size = host.size(WA)
        with pytest.raises(ConflictError):
            await host.desk.decide(await by(host, ONE, entry, kind=kind))
        with pytest.raises(ConflictError):
            await step_back(host, entry)
        assert (host.size(WA), host.courier.take(), host.source.asked) == (size, [], [])
        await host.desk.decide(await by(host, OTHER, entry, kind=VerdictKind.REFUSE))
        assert told(host).response is ResponseKind.REFUSED


async def test_the_case_is_not_shown_to_them_any_more() -> None:
    """Nor is that recorded, for nothing was shown; another reviewer is shown it."""
    async with running(HELD) as host:
        entry = await hold(host)
        await step_back(host, entry)
        told(host)
        size = host.size(WA)
        refused = await read(host, entry, ONE)
        assert isinstance(refused, CommandFailed)
        assert (refused.code, host.size(WA)) == (ConflictError.code, size)
        assert isinstance(await read(host, entry, OTHER), HoldsShown)
        # The list shows no person.
        assert isinstance(await read(host, "", ONE), HoldsShown)


async def test_what_would_go_out_is_not_shown_to_them() -> None:
    """No source is asked for it, and no leaf says that it was shown."""
    async with running(HELD) as host:
        entry = await hold(host)
        await step_back(host, entry)
        told(host)
        size = host.size(WA)
        refused = await sent(host, await reading(host, entry))
        assert isinstance(refused, CommandFailed)
        assert (refused.code, host.size(WA)) == (ConflictError.code, size)
        assert host.source.asked == []


async def test_a_misspelt_declaration_is_refused() -> None:
    """It does not pass for a plain word to the supervisor."""
    async with running(HELD) as host:
        entry = await hold(host)
        size = host.size(WA)
        for note in ("conflict-of-interest: knows_person", "Conflict-of-Interest: other"):
            with pytest.raises(VerdictError):
                await host.desk.decide(await by(host, ONE, entry, kind=ESCALATE, note=note))
        assert host.size(WA) == size
        row, _ = await host.desk.hold(entry)
        assert row.passed_at is None


async def test_a_plain_passing_on_bars_nobody() -> None:
    """Who passed it on for another reason may decide it; a declaration stays behind it."""
    async with running(HELD) as host:
        entry = await hold(host)
        await step_back(host, entry)
        told(host)
        for _ in range(2):
            await host.desk.decide(await by(host, OTHER, entry, kind=ESCALATE))
            told(host)
        with pytest.raises(ConflictError):
            await host.desk.decide(await by(host, ONE, entry))
        await host.desk.decide(await by(host, OTHER, entry, kind=VerdictKind.REFUSE))
        assert told(host).response is ResponseKind.REFUSED


async def test_who_proposed_and_steps_back_has_proposed_nothing() -> None:
    """The next approval is the first of two again, and the one who stepped back confirms none."""
    async with running(HELD) as host:
        entry = await proposed(host)
        await step_back(host, entry)
        told(host)
        await host.desk.decide(await by(host, OTHER, entry))
        assert told(host).response is ResponseKind.HELD
        with pytest.raises(ConflictError):
            await host.desk.decide(await by(host, ONE, entry))
        assert nothing_went(host)


async def test_what_cannot_be_opened_bars_everybody() -> None:
    """INVARIANT (fail-closed): nobody counts as free of a conflict that cannot be read."""
    async with running(HELD) as host:
        entry = await hold(host)
        await step_back(host, entry)
        told(host)
        place = next(p for p, row in host.store.tables.holds.items() if row.passed is not None)
        row = host.store.tables.holds[place]
        assert row.passed is not None
        broken = msgspec.structs.replace(row.passed, body=b"\0" * len(row.passed.body))
        host.store.tables.holds[place] = msgspec.structs.replace(row, passed=broken)
        size = host.size(WA)
        for person in (ONE, OTHER):
            signed = await by(host, person, entry)
            with pytest.raises(ComityError):
                await host.desk.decide(signed)
        assert host.size(WA) == size
        assert nothing_went(host)
