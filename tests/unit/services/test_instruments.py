"""Instruments at a gateway: a claim opens nothing, two people's word does, and only its scope."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.agency import ReviewerKey
from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import ORI, LeafIndex, entry_name, parse_entry_name
from comity.domain.instruments import Appointment
from comity.domain.leaf import SEALED
from comity.domain.passes import NamedBy, PassPerson
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, Instrument, LeafKind, Outcome, Purpose
from comity.link.parcel import Answered
from comity.policy import Condition, Publication, encode_bundle
from comity.policy.block import blocked, lapsed
from comity.review.instruments import (
    InstrumentError,
    InstrumentNeededError,
    InstrumentUnknownError,
)
from comity.review.signatures import VerdictError
from comity.services.entries import Entry, InstrumentEnd
from comity.services.health import CLOCK_SKEW_NS_MAX, ClockSkewedError
from comity.services.instruments import InstrumentsFullError
from comity.services.sequencer import Refused
from comity.services.vault import month_of
from tests.support.exchange import ENROLLED, SUPERVISOR
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ALL,
    NOW,
    NS,
    RELEASE,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    note_leaf,
    policy_of,
    running,
)
from tests.support.gateway import (
    NUMBER as LICENCE,
)
from tests.support.instruments import (
    CLAIMED,
    instrument,
    revoked,
    signed_instrument,
    signed_verification,
    verification,
)
from tests.support.review import DAY, DQ, case_pass, signed_pass
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_verdict import verdict

WARRANT = Instrument.ARTICLE_III_WARRANT
UNLESS = rule("UNLESS", Outcome.DENY, Condition(instrument=(WARRANT,)))
OPENED = policy_of(WA, RELEASE, UNLESS)
"""Everything is released to whoever claims a warrant, and denied to whoever does not."""
REVIEWED = policy_of(WA, RELEASE, UNLESS, HOLD_ALL)
"""The same, and a person looks at each."""


async def asked(host: PracticeHost, number: int, **changes: Any) -> Answer:
    """What Washington answers at once to a request that claims the warrant."""
    await host.answer.take(asks(ask_of(number, **{"claims": CLAIMED, **changes})))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel.answer


async def registered(host: PracticeHost, **changes: Any) -> str:
    """An instrument that one person has read."""
    return await host.review.instruments.register(signed_instrument(instrument(**changes)))


async def verified(host: PracticeHost, **changes: Any) -> str:
    """An instrument that two people have read."""
    entry = await registered(host, **changes)
    await host.review.instruments.verify(signed_verification(verification(entry)))
    return entry


async def test_a_claim_alone_opens_nothing() -> None:
    """What the rules release only because of it waits for a person, who reads why."""
    async with running(OPENED) as host:
        answer = await asked(host, 1)
        assert answer.response is ResponseKind.HELD
        assert not answer.elements
        assert {w.outcome for w in answer.withheld} == {Outcome.HOLD}
        assert {w.reasons[0].rule for w in answer.withheld} == {"INSTRUMENT"}
        unclaimed = msgspec.structs.replace(CLAIMED, instrument=Instrument.NONE)
        assert (await asked(host, 2, claims=unclaimed)).response is ResponseKind.REFUSED


async def test_what_needs_no_instrument_goes_as_before() -> None:
    """A claim costs nothing where the rules ask for none."""
    async with running(policy_of(WA, RELEASE)) as host:
        answer = await asked(host, 1)
        assert answer.response is ResponseKind.HIT
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert leaf.cites is None


async def test_one_persons_word_is_not_enough() -> None:
    """Registered, not verified: it waits as before."""
    async with running(OPENED) as host:
        await registered(host)
        assert (await asked(host, 1)).response is ResponseKind.HELD


@pytest.mark.parametrize("rules", [OPENED, REVIEWED], ids=["released", "held"])
async def test_a_verified_instrument_covers_requests_in_its_scope(rules: bytes) -> None:
    """What the claim opens goes, and what is held too; the disclosure cites it, uses are counted"""
    async with running(rules) as host:
        assert (await asked(host, 1)).response is ResponseKind.HELD
        entry = await verified(host)
        answer = await asked(host, 2)
        assert (answer.response, answer.is_final) == (ResponseKind.HIT, True)
        assert answer.remark == f"UNDER INSTRUMENT {entry.upper()}"
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert (leaf.cites, leaf.released, leaf.instrument) == (entry, DQ, WARRANT)
        await asked(host, 3)
        ((row, file),) = await host.review.instruments.standing(WA)
        assert (row.uses, file.verified is not None) == (2, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": (("OLN", "PX000999K9"),)},
        {"fields": (("OLN", LICENCE), ("VIN", "PX1"))},
        {"claims": msgspec.structs.replace(CLAIMED, instrument_ref="26-MJ-119")},
        {"claims": msgspec.structs.replace(CLAIMED, case_number="HS-26-89")},
        {"claims": msgspec.structs.replace(CLAIMED, operator="")},
    ],
    ids=["person", "one-more", "number", "case", "no-operator"],
)
async def test_what_it_does_not_name_waits(changes: dict[str, Any]) -> None:
    """Another person, number or case; nobody who asks."""
    async with running(OPENED) as host:
        await verified(host)
        assert (await asked(host, 2, **changes)).response is ResponseKind.HELD


@pytest.mark.parametrize(
    "changes",
    [
        {"agency": ORI("ORPX00001")},
        {"kind": Instrument.COURT_ORDER},
        {"persons": (PassPerson(by=NamedBy.VIN, value=LICENCE),)},
    ],
    ids=["agency", "kind", "named-otherwise"],
)
async def test_one_of_something_else_covers_nothing(changes: dict[str, Any]) -> None:
    """Of another agency, kind, or way of naming."""
    async with running(OPENED) as host:
        await verified(host, **changes)
        assert (await asked(host, 2)).response is ResponseKind.HELD


async def test_an_immigration_warrant_covers_nothing_even_verified() -> None:
    """It stands in the ledger that it was presented; what is claimed by it waits, or is refused."""
    kind = Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT
    opened = rule("UNLESS", Outcome.DENY, Condition(instrument=(kind,)))
    claims = msgspec.structs.replace(CLAIMED, instrument=kind)
    async with running(policy_of(WA, RELEASE, opened)) as host:
        await verified(host, kind=kind, appointment=Appointment.OFFICER)
        assert (await asked(host, 1, claims=claims)).response is ResponseKind.HELD
    async with running(OPENED) as host:
        await verified(host, kind=kind, appointment=Appointment.OFFICER)
        assert (await asked(host, 1, claims=claims)).response is ResponseKind.REFUSED


async def test_classes_out_of_scope_wait() -> None:
    """One disclosure cites it and names no more than its scope; the rest waits."""
    async with running(OPENED) as host:
        entry = await verified(host, classes=(DataClass.STATUS, DataClass.IDENTITY))
        answer = await asked(host, 1)
        assert {e.data_class for e in answer.elements} == {DataClass.STATUS, DataClass.IDENTITY}
        assert [(w.data_class, w.outcome) for w in answer.withheld] == [
            (DataClass.ADDRESS, Outcome.HOLD)
        ]
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert leaf.cites == entry


@pytest.mark.parametrize("rules", [(DENY_ALL,), (RELEASE, DENY_ALL)])
async def test_what_the_rules_deny_stays_denied(rules: tuple[Any, ...]) -> None:
    """No paper of one state undoes a denial that names no instrument."""
    async with running(policy_of(WA, *rules)) as host:
        await verified(host)
        assert (await asked(host, 1)).response is ResponseKind.REFUSED


async def test_what_a_block_holds_stays_held() -> None:
    """A person reviews every query of it."""
    async with running(policy_of(WA, RELEASE)) as host:
        await verified(host)
        over = lapsed(blocked(host.world.policy(WA)[1].bundle, "TX/LOCAL", "Order 14", NOW), NOW)
        assert over is not None
        await host.overtake(WA, encode_bundle(msgspec.structs.replace(over, version=2)))
        assert (await asked(host, 1)).response is ResponseKind.HELD


async def test_a_pass_does_not_open_what_rests_on_a_claim() -> None:
    """A reviewer's grant for a case is no word about a warrant that nobody has read."""
    async with running(REVIEWED) as host:
        await host.review.passes.grant(signed_pass(case_pass()))
        assert (await asked(host, 1)).response is ResponseKind.HELD
        await verified(host)
        assert (await asked(host, 2)).response is ResponseKind.HIT


@pytest.mark.parametrize("rules", [OPENED, REVIEWED])
async def test_an_approval_that_rests_on_it_waits_for_two_people(rules: bytes) -> None:
    """The verdict is refused, nothing is sent, the hold stays; once verified it is carried out."""
    async with running(rules) as host:
        await asked(host, 1)
        ((row, hold),) = await host.desk.holds(WA)
        signed = await verdict(host, entry_name(WA, row.leaf_index))
        with pytest.raises(InstrumentNeededError):
            await host.desk.decide(signed)
        with pytest.raises(InstrumentNeededError):
            await host.desk.would_release(hold, NOW)
        assert host.courier.take() == []
        assert len(await host.desk.holds(WA)) == 1
        await verified(host)
        done = await host.desk.decide(signed)
        assert (done.response, done.released) == (ResponseKind.HIT, DQ)


async def test_a_refusal_needs_no_instrument() -> None:
    """Nobody has to read a paper to say no."""
    async with running(OPENED) as host:
        await asked(host, 1)
        ((row, _),) = await host.desk.holds(WA)
        refusal = await verdict(host, entry_name(WA, row.leaf_index), VerdictKind.REFUSE)
        assert (await host.desk.decide(refusal)).response is ResponseKind.REFUSED


async def test_an_approval_that_rests_on_none_is_as_before() -> None:
    """A claim that the rules do not ask for needs no second person."""
    async with running(policy_of(WA, RELEASE, HOLD_ALL)) as host:
        await asked(host, 1)
        ((row, _),) = await host.desk.holds(WA)
        signed = await verdict(host, entry_name(WA, row.leaf_index))
        assert (await host.desk.decide(signed)).response is ResponseKind.HIT


async def test_it_ends_at_the_second_of_its_time() -> None:
    """At `until` it counts no more."""
    async with running(OPENED) as host:
        await verified(host, until=NOW + DAY)
        host.clock.advance_ns(DAY * NS - NS)
        assert (await asked(host, 2, accepted_at=NOW + DAY - 1)).response is ResponseKind.HIT
        host.clock.advance_ns(NS)
        assert (await asked(host, 3, accepted_at=NOW + DAY)).response is ResponseKind.HELD


async def test_revoked_it_covers_nothing_from_then_on() -> None:
    """The leaf says so, and a second revocation is refused."""
    async with running(OPENED) as host:
        entry = await verified(host)
        ended = await host.review.instruments.revoke(revoked(entry))
        assert (await asked(host, 1)).response is ResponseKind.HELD
        last = host.leaves(WA, LeafKind.INSTRUMENT)[-1]
        assert (last.instrument, last.cites) == (Instrument.NONE, entry)
        assert parse_entry_name(ended)[0] == WA
        with pytest.raises(InstrumentUnknownError, match="revoked already"):
            await host.review.instruments.revoke(revoked(entry))
        with pytest.raises(InstrumentUnknownError):
            await host.review.instruments.verify(signed_verification(verification(entry)))
        assert await host.review.instruments.standing(WA) == []


async def test_a_use_after_the_revocation_is_refused_by_the_store() -> None:
    """Whatever this host thought: the transaction fails, no answer stands."""
    async with running(OPENED) as host:
        entry = await verified(host)
        index = LeafIndex(parse_entry_name(entry)[1])
        await host.review.instruments.revoke(revoked(entry))
        late = Entry(
            member=WA,
            exchange_id=b"\x07" * 16,
            leaves=(note_leaf(WA),),
            instrument_end=InstrumentEnd(leaf_index=index),
        )
        (result,) = await host.sequencer.commit([late])
        assert isinstance(result, Refused)


async def test_it_is_verified_once_and_by_another() -> None:
    """The second word of the same person, another document, a second time: nothing is recorded."""
    async with running(OPENED) as host:
        entry = await registered(host)
        desk = host.review.instruments
        with pytest.raises(InstrumentError, match="another document"):
            await desk.verify(signed_verification(verification(entry, document=b"\x01" * 32)))
        await desk.verify(signed_verification(verification(entry)))
        with pytest.raises(InstrumentError, match="verified already"):
            await desk.verify(signed_verification(verification(entry, note="again")))
        assert len(host.leaves(WA, LeafKind.INSTRUMENT)) == 2


async def test_the_same_paper_sent_again_is_the_same_entry() -> None:
    """A lost reply costs nothing, and one that is verified stays verified."""
    async with running(OPENED) as host:
        entry = await verified(host)
        assert await registered(host) == entry
        assert (await asked(host, 1)).response is ResponseKind.HIT


async def test_it_outlives_a_restart() -> None:
    """What is stored is opened and verified again; what one person read, and what ended, stay so"""
    disk = Disk()
    async with running(OPENED, disk=disk) as host:
        await host.publish(OPENED)
        await verified(host)
        await registered(host, number="26-MJ-200")
        ended = await verified(host, number="26-MJ-300")
        await host.review.instruments.revoke(revoked(ended))
    async with running(disk=disk) as host:
        assert (await asked(host, 1)).response is ResponseKind.HIT
        for number, ref in enumerate(("26-MJ-200", "26-MJ-300"), 2):
            claims = msgspec.structs.replace(CLAIMED, instrument_ref=ref)
            assert (await asked(host, number, claims=claims)).response is ResponseKind.HELD


@pytest.mark.parametrize("gone", [ENROLLED, SUPERVISOR], ids=["first", "second"])
async def test_it_counts_only_while_both_are_enrolled(
    gone: ReviewerKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that was taken out of the directory stands behind nothing, at once and after a start"""
    async with running(OPENED) as host:
        await verified(host)
        directory = host.world.directory
        real = type(directory).reviewer

        def reviewer(self: Any, state: Any, name: str) -> ReviewerKey | None:
            return None if name == gone.name else real(self, state, name)

        monkeypatch.setattr(type(directory), "reviewer", reviewer)
        assert (await asked(host, 1)).response is ResponseKind.HELD
        await host.review.commands.reload([WA])
        assert (await asked(host, 2)).response is ResponseKind.HELD


async def test_what_cannot_be_opened_covers_nothing() -> None:
    """With the month's key it is gone; that is noted, and everything else goes on."""
    async with running(OPENED) as host:
        await verified(host)
        host.disk.keyring.destroy(WA, month_of(NOW))
        await host.review.commands.reload([WA])
        assert host.events.counts["instrument_not_loaded"] == 1
        assert (await asked(host, 1)).response is ResponseKind.HELD


async def test_a_host_whose_clock_is_in_doubt_takes_no_word_but_an_end() -> None:
    """It would begin and end at the wrong time; ending it never waits."""
    async with running(OPENED) as host:
        entry = await verified(host)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + NS
        await host.health.check()
        with pytest.raises(ClockSkewedError):
            await registered(host, number="26-MJ-200")
        with pytest.raises(ClockSkewedError):
            await host.review.instruments.verify(signed_verification(verification(entry)))
        await host.review.instruments.revoke(revoked(entry))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"agency": ORI("ZZPX00001")}, "not listed"),
        ({"hold_entry": "wa/0"}, "no hold of this ledger"),
        ({"hold_entry": "wa/999"}, "no hold of this ledger"),
    ],
)
async def test_what_it_says_it_came_with_is_checked(changes: dict[str, Any], said: str) -> None:
    """An agency that is listed, a hold of this ledger."""
    async with running(OPENED) as host:
        with pytest.raises(InstrumentError, match=said):
            await registered(host, **changes)
        assert host.leaves(WA, LeafKind.INSTRUMENT) == []


async def test_a_forged_word_is_refused() -> None:
    """Nothing is recorded of it."""
    async with running(OPENED) as host:
        made = signed_instrument(instrument())
        forged = msgspec.structs.replace(
            made, instrument=msgspec.structs.replace(made.instrument, number="26-MJ-999")
        )
        with pytest.raises(VerdictError):
            await host.review.instruments.register(forged)
        assert host.leaves(WA, LeafKind.INSTRUMENT) == []


async def test_so_many_stand_under_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """And at a host; a further one is refused, and nothing is recorded of it."""
    async with running(OPENED) as host:
        monkeypatch.setattr("comity.services.instruments._A_NUMBER_MAX", 1)
        await registered(host)
        with pytest.raises(InstrumentsFullError):
            await registered(host, note="another")
        monkeypatch.setattr("comity.services.instruments._INSTRUMENTS_MAX", 1)
        with pytest.raises(InstrumentsFullError):
            await registered(host, number="26-MJ-200")


async def test_where_detail_is_delayed_its_leaf_is_sealed() -> None:
    """The public ledger must not tell whose it is before it tells who asked."""
    delay = Publication(delayed_purposes=(Purpose.COURT,), delay_months=1)
    async with running(encode_bundle(bundle(RELEASE, state=WA, publication=delay))) as host:
        await registered(host)
        (leaf,) = host.leaves(WA, LeafKind.INSTRUMENT)
        assert leaf.agency == SEALED
