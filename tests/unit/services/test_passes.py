"""Case passes: one review, then no wait for the same case; and nothing beyond it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.domain.agency import ReviewerKey
from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import ORI, LeafIndex, parse_entry_name
from comity.domain.passes import NamedBy, PassPerson
from comity.domain.vocabulary import DataClass, LeafKind, Outcome, Purpose
from comity.link.parcel import Answered, Refused
from comity.policy import Publication, encode_bundle
from comity.policy.block import blocked, lapsed
from comity.review.passes import PassError, PassUnknownError
from comity.review.signatures import VerdictError
from comity.services.entries import Entry, PassEnd
from comity.services.health import CLOCK_SKEW_NS_MAX, ClockSkewedError
from comity.services.passes import PassesFullError
from comity.services.vault import month_of
from tests.support.exchange import ENROLLED
from tests.support.gateway import (
    AUSTIN,
    DENY_ALL,
    HOLD_ADDRESS,
    HOLD_ALL,
    NOW,
    NS,
    NUMBER,
    RELEASE,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    note_leaf,
    policy_of,
    running,
    turns,
)
from tests.support.review import (
    CASE,
    DAY,
    DQ,
    case_pass,
    revocation,
    signed_pass,
    signed_revocation,
)
from tests.unit.policy.build import bundle

HELD = policy_of(WA, RELEASE, HOLD_ALL)


async def asked(host: PracticeHost, number: int, **changes: Any) -> Answer:
    """What Washington answers at once to a request of the case."""
    await host.answer.take(asks(ask_of(number, **{"claims": CASE, **changes})))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel.answer


async def granted(host: PracticeHost, **changes: Any) -> str:
    """A pass that stands."""
    return await host.review.passes.grant(signed_pass(case_pass(**changes)))


async def test_the_second_request_of_a_case_is_released_and_cites_the_pass() -> None:
    """What would be held goes out at once, its disclosure cites the pass, the use is counted."""
    async with running(HELD) as host:
        assert (await asked(host, 1)).response is ResponseKind.HELD
        entry = await granted(host)
        answer = await asked(host, 2)
        assert (answer.response, answer.is_final) == (ResponseKind.HIT, True)
        assert answer.remark == f"UNDER CASE PASS {entry.upper()}"
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert (leaf.cites, leaf.released) == (entry, DQ)
        (standing,) = await host.review.passes.standing(WA)
        assert standing[0].uses == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": (("OLN", "PX000999K9"),)},
        {"fields": (("OLN", NUMBER), ("VIN", "PX1"))},
        {"fields": (("OLN", NUMBER), ("SOC", "900000001"))},
        {"claims": msgspec.structs.replace(CASE, case_number="HS-26-89")},
        {"claims": msgspec.structs.replace(CASE, case_number="")},
        {"claims": msgspec.structs.replace(CASE, operator="")},
    ],
    ids=["person", "one-more", "unknown-field", "case", "no-case", "no-operator"],
)
async def test_what_a_pass_does_not_name_waits_as_before(changes: dict[str, Any]) -> None:
    """Another person, one more of them, a field that may name one, another case, nobody named."""
    async with running(HELD) as host:
        await granted(host)
        assert (await asked(host, 2, **changes)).response is ResponseKind.HELD


@pytest.mark.parametrize(
    "grant",
    [
        {"agency": ORI("ORPX00001")},
        {"purpose": Purpose.LICENSING},
        {"since": NOW + 60},
        {"persons": (PassPerson(by=NamedBy.VIN, value=NUMBER),)},
    ],
    ids=["agency", "purpose", "not-yet", "named-otherwise"],
)
async def test_a_pass_of_something_else_changes_nothing(grant: dict[str, Any]) -> None:
    """Of another agency, for another purpose, from later on, or named in another way."""
    async with running(HELD) as host:
        await granted(host, **grant)
        assert (await asked(host, 2)).response is ResponseKind.HELD


async def test_a_pass_ends_at_the_second_of_its_time() -> None:
    """At `until` it counts no more."""
    async with running(HELD) as host:
        await granted(host, until=NOW + DAY)
        host.clock.advance_ns(DAY * NS - NS)
        assert (await asked(host, 2, accepted_at=NOW + DAY - 1)).response is ResponseKind.HIT
        host.clock.advance_ns(NS)
        assert (await asked(host, 3, accepted_at=NOW + DAY)).response is ResponseKind.HELD


async def test_classes_not_granted_are_held() -> None:
    """One disclosure cites the pass and names no more than it grants; the rest waits."""
    async with running(HELD) as host:
        entry = await granted(host, classes=(DataClass.STATUS, DataClass.IDENTITY))
        answer = await asked(host, 2)
        assert {e.data_class for e in answer.elements} == {DataClass.STATUS, DataClass.IDENTITY}
        assert [(w.data_class, w.outcome) for w in answer.withheld] == [
            (DataClass.ADDRESS, Outcome.HOLD)
        ]
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert (leaf.cites, leaf.released) == (entry, (DataClass.STATUS, DataClass.IDENTITY))


async def test_what_needs_no_pass_has_a_leaf_of_its_own() -> None:
    """Only what was released under the pass cites it."""
    async with running(policy_of(WA, RELEASE, HOLD_ADDRESS)) as host:
        entry = await granted(host)
        answer = await asked(host, 2)
        assert answer.is_final
        plain, passed = host.leaves(WA, LeafKind.DISCLOSURE)
        assert (plain.cites, plain.released) == (None, (DataClass.STATUS, DataClass.IDENTITY))
        assert (passed.cites, passed.released) == (entry, (DataClass.ADDRESS,))
        assert len(answer.proofs) == 2


async def test_no_record_under_a_pass_cites_it() -> None:
    """That there is no record is told under the pass too, and counts as a use."""
    async with running(HELD) as host:
        host.source.drivers.clear()
        entry = await granted(host)
        assert (await asked(host, 2)).response is ResponseKind.NO_HIT
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert (leaf.cites, leaf.result) == (entry, "none")


async def test_a_text_goes_only_where_the_pass_grants_all_that_it_shows() -> None:
    """A record of free text is whole or nothing: without `opaque` it waits."""
    async with running(HELD) as host:
        host.source.is_text = True
        entry = await granted(host)
        assert (await asked(host, 2)).response is ResponseKind.HELD
        whole = await granted(host, classes=(*DQ, DataClass.OPAQUE), note="whole")
        assert (await asked(host, 3)).response is ResponseKind.HIT
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert leaf.cites == whole != entry
        assert leaf.released == (*DQ, DataClass.OPAQUE)


async def test_the_policy_in_force_is_asked_again() -> None:
    """What is denied by now stays denied, whoever granted it."""
    async with running(HELD) as host:
        await granted(host)
        await host.overtake(WA, policy_of(WA, RELEASE, DENY_ALL, version=2))
        assert (await asked(host, 2)).response is ResponseKind.REFUSED


async def test_no_pass_opens_what_a_block_holds() -> None:
    """An order came after the case was reviewed: lapsed, it is a hold, and no release."""
    async with running(HELD) as host:
        await granted(host)
        standing = host.world.policy(WA)[1].bundle
        over = lapsed(blocked(standing, "TX/LOCAL", "Order 14", NOW), NOW)
        assert over is not None
        await host.overtake(WA, encode_bundle(msgspec.structs.replace(over, version=2)))
        answer = await asked(host, 2)
        assert answer.response is ResponseKind.HELD
        assert {r.rule for part in answer.withheld for r in part.reasons} >= {"BLOCK-1"}
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []


async def test_a_revocation_takes_effect_at_once() -> None:
    """The next request waits; the leaf grants nothing and cites the pass; twice is refused."""
    async with running(HELD) as host:
        entry = await granted(host)
        await host.review.passes.revoke(signed_revocation(revocation(entry)))
        assert (await asked(host, 2)).response is ResponseKind.HELD
        _, leaf = host.leaves(WA, LeafKind.PASS)
        assert (leaf.released, leaf.cites, leaf.agency) == ((), entry, AUSTIN)
        with pytest.raises(PassUnknownError):
            await host.review.passes.revoke(signed_revocation(revocation(entry, at=NOW + 1)))
        assert await host.review.passes.standing(WA) == []


async def test_a_pass_revoked_during_the_look_up_is_not_used() -> None:
    """Between decision and record it ended: decided again, and held."""
    async with running(HELD) as host:
        entry = await granted(host)
        decided, _ = await host.deciding.decide([ask_of(2, claims=CASE)])
        assert decided[0][1].case_pass == entry
        await host.review.passes.revoke(signed_revocation(revocation(entry)))
        assert not host.deciding.stands(decided[0])
        assert (await asked(host, 2)).response is ResponseKind.HELD


async def test_the_store_refuses_a_use_after_the_end() -> None:
    """Whatever memory says, no disclosure under a revoked pass is ever recorded."""
    async with running(HELD) as host:
        entry = await granted(host)
        decided, _ = await host.deciding.decide([ask_of(2, claims=CASE)])
        _, index = parse_entry_name(entry)
        await host.sequencer.commit(
            [Entry(member=WA, exchange_id=b"\x01" * 16, leaves=(note_leaf(WA),),
                   pass_end=PassEnd(leaf_index=LeafIndex(index), revoked=True))]
        )  # fmt: skip
        await host.answer.take(asks(decided[0][0]))
        (parcel,) = host.courier.take()
        assert isinstance(parcel, Refused)
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []


async def test_a_probe_never_uses_a_pass() -> None:
    """What is tried on the rules sees the rules."""
    async with running(HELD) as host:
        await granted(host)
        (parcel,) = await host.answer.drill([ask_of(2, claims=CASE, probe=True)])
        assert parcel.answer.response is ResponseKind.HELD


async def test_passes_stand_after_a_restart_and_ends_stay_ends() -> None:
    """What was granted is verified and used again; what was revoked is not."""
    disk = Disk()
    async with running(HELD, disk=disk) as host:
        await host.publish(HELD)
        kept = await granted(host)
        ended = await granted(host, case_number="HS-26-90")
        await host.review.passes.revoke(signed_revocation(revocation(ended)))
    async with running(disk=disk) as host:
        answer = await asked(host, 2)
        assert answer.remark == f"UNDER CASE PASS {kept.upper()}"
        other = msgspec.structs.replace(CASE, case_number="HS-26-90")
        assert (await asked(host, 3, claims=other)).response is ResponseKind.HELD


async def test_a_pass_ends_with_its_reviewers_enrolment() -> None:
    """A key that is no longer enrolled grants nothing, at once."""
    async with running(HELD) as host:
        await granted(host)
        world = host.world.directory
        assert world.reviewer(WA, ENROLLED.name) is not None
        host.world.directory = _Without(world)  # type: ignore[assignment]
        assert (await asked(host, 2)).response is ResponseKind.HELD


class _Without:
    """A directory in which nobody is enrolled, or another key."""

    def __init__(self, directory: object, key: ReviewerKey | None = None) -> None:
        self._directory = directory
        self._key = key

    def reviewer(self, *_: object) -> ReviewerKey | None:
        return self._key

    def __getattr__(self, name: str) -> object:
        return getattr(self._directory, name)


async def test_a_pass_ends_with_the_key_that_it_is_kept_under() -> None:
    """Once the month's key is destroyed nobody can read whom it names: it grants nothing."""
    async with running(HELD) as host:
        await granted(host)
        host.disk.keyring.destroy(WA, month_of(NOW))
        await host.review.commands.reload([WA])
        assert host.events.counts["pass_not_loaded"] == 1
        assert (await asked(host, 2)).response is ResponseKind.HELD


async def test_a_stored_pass_that_was_altered_is_no_pass() -> None:
    """A row that does not open, or was copied elsewhere, grants nothing."""
    async with running(HELD) as host:
        entry = await granted(host)
        place = (WA, parse_entry_name(entry)[1])
        row = host.store.tables.case_passes[place]
        host.store.tables.case_passes[place] = msgspec.structs.replace(row, pass_id=b"\x07" * 16)
        await host.review.commands.reload([WA])
        assert (await asked(host, 2)).response is ResponseKind.HELD


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"agency": ORI("ZZPX00009")}, PassError),
        ({"hold_entry": "wa/0"}, PassError),
        ({"at": NOW - 301}, VerdictError),
        ({"reviewer": "Nobody"}, VerdictError),
    ],
)
async def test_what_does_not_count_is_not_recorded(
    changes: dict[str, Any], error: type[Exception]
) -> None:
    """An unlisted agency, no hold under the entry, an old signature, nobody enrolled: no leaf."""
    async with running(HELD) as host:
        with pytest.raises(error):
            await granted(host, **changes)
        assert host.leaves(WA, LeafKind.PASS) == []


async def test_a_pass_from_a_hold_cites_it() -> None:
    """The leaf says which hold it was granted from; another agency's hold is refused."""
    async with running(HELD) as host:
        held = await asked(host, 1)
        assert held.hold is not None
        await granted(host, hold_entry=held.hold.entry)
        (leaf,) = host.leaves(WA, LeafKind.PASS)
        assert leaf.cites == held.hold.entry
        with pytest.raises(PassError):
            await granted(host, hold_entry=held.hold.entry, agency=ORI("ORPX00001"))


async def test_the_same_grant_twice_is_one_pass() -> None:
    """Sent again, also after a lost acknowledgement, it has one leaf, and no second life."""
    async with running(HELD) as host:
        host.store.commit_fault = CommitFault.PERSISTED
        entry = await granted(host)
        assert await granted(host) == entry
        assert len(host.leaves(WA, LeafKind.PASS)) == 1
        await host.review.passes.revoke(signed_revocation(revocation(entry)))
        await granted(host)
        await turns()
        assert (await asked(host, 2)).response is ResponseKind.HELD


async def test_a_key_that_was_replaced_under_its_id_grants_nothing() -> None:
    """What counts is the key that signed, not what it is called."""
    async with running(HELD) as host:
        await granted(host)
        other = msgspec.structs.replace(ENROLLED, verify_key=bytes(32))
        host.world.directory = _Without(host.world.directory, other)  # type: ignore[assignment]
        assert (await asked(host, 2)).response is ResponseKind.HELD


async def test_passes_for_one_case_have_a_limit() -> None:
    """A request is held against each: one more is refused, another case's is not."""
    async with running(HELD) as host:
        for number in range(64):
            await granted(host, note=str(number))
        with pytest.raises(PassesFullError):
            await granted(host, note="one more")
        await granted(host, case_number="HS-26-90")
        await host.review.passes.load([WA])
        assert len(await host.review.passes.standing(WA)) == 65


async def test_a_pass_granted_while_the_store_is_read_stands() -> None:
    """What was read does not have it yet, and does not take it away."""
    async with running(HELD) as host:
        await host.review.passes.load([WA])
        read = host.store.case_passes

        async def slow(*arguments: Any) -> Any:
            rows = await read(*arguments)
            await granted(host)
            return rows

        host.store.case_passes = slow  # type: ignore[method-assign, assignment]
        await host.review.passes.load([WA])
        assert (await asked(host, 2)).response is ResponseKind.HIT


async def test_by_a_wrong_clock_nothing_is_granted_and_all_is_revoked() -> None:
    """A pass would begin and end at the wrong time; its end waits for no clock."""
    async with running(HELD) as host:
        entry = await granted(host)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + NS
        await host.health.check()
        with pytest.raises(ClockSkewedError):
            await granted(host, note="again")
        await host.review.passes.revoke(signed_revocation(revocation(entry)))
        assert await host.review.passes.standing(WA) == []


async def test_where_detail_is_delayed_a_pass_does_not_tell_it() -> None:
    """Of any purpose: sealed for good; of a delayed one: sealed until it is opened; else open."""
    delay = Publication(delayed_purposes=(Purpose.COURT,), delay_months=1)
    rules = encode_bundle(bundle(RELEASE, HOLD_ALL, state=WA, publication=delay))
    async with running(rules) as host:
        await granted(host, note="any")
        await granted(host, purpose=Purpose.COURT)
        entry = await granted(host, purpose=Purpose.LICENSING)
        await host.review.passes.revoke(signed_revocation(revocation(entry)))
        shown = [(leaf.agency, leaf.purpose) for leaf in host.leaves(WA, LeafKind.PASS)]
        assert shown == [
            ("sealed", None),
            ("sealed", "sealed"),
            (AUSTIN, "licensing"),
            (AUSTIN, None),
        ]
        assert len(host.store.tables.delayed) == 1
        host.clock.advance_ns(62 * DAY * NS)
        assert await host.reveals.open_due() == 1
        (told,) = host.leaves(WA, LeafKind.REVEAL)
        assert (told.agency, told.purpose) == (AUSTIN, "court")
