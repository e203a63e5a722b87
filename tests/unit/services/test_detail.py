"""Delayed detail: what is sealed at the making of a leaf, by which record, and how it is opened."""

from __future__ import annotations

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.audit.evidence import check_opening
from comity.directory.part import sign_part
from comity.domain.agency import Family
from comity.domain.ids import LeafIndex
from comity.domain.leaf import LeafHeader
from comity.domain.query import Claims
from comity.domain.vocabulary import LeafKind, Offence, Purpose
from comity.link.parcel import Answered
from comity.policy import Publication, Rule, encode_bundle
from comity.services.vault import month_of, month_start
from tests.support.directory import signer_of
from tests.support.gateway import (
    AUSTIN,
    DENY_ALL,
    DETAIL_SECONDS,
    HOLD_ALL,
    NOW,
    NS,
    OR,
    RELEASE,
    SALEM,
    WA,
    PracticeHost,
    ask_of,
    asks,
    frame,
    heard_of,
    policy_of,
    practice_parts,
    running,
)
from tests.unit.policy.build import bundle

DELAY = Publication(
    delayed_purposes=(Purpose.CRIMINAL_INVESTIGATION,),
    except_families=(Family("US/DHS"), Family("WA/LOCAL")),
    delay_months=2,
)
CLAIMS = Claims(purpose=Purpose.CRIMINAL_INVESTIGATION, offence=Offence.HOMICIDE, case_number="C-1")
STATED = (AUSTIN, "criminal_investigation", "homicide")
SEALED = ("sealed", "sealed", "sealed")


def delaying(
    state: object, *rules: Rule, publication: Publication | None = DELAY, version: int = 1
) -> bytes:
    """A policy of these rules that delays detail."""
    made = bundle(*rules, state=state, version=version)
    return encode_bundle(msgspec.structs.replace(made, publication=publication))


def detail(header: LeafHeader) -> tuple[str | None, str | None, str | None]:
    """What a leaf shows of who asked, and why."""
    return header.agency, header.purpose, header.offence


def small(host: PracticeHost, *oris: str) -> None:
    """Have the directory list agencies as small."""
    for part in practice_parts():
        agencies = tuple(msgspec.structs.replace(a, small=a.ori in oris) for a in part.agencies)
        changed = msgspec.structs.replace(part, agencies=agencies, version=part.version + 1)
        host.world.take_parts([heard_of(sign_part(changed, signer_of(part.member)))])


@pytest.mark.parametrize(
    ("rules", "kind"),
    [
        ((RELEASE,), LeafKind.DISCLOSURE),
        ((DENY_ALL,), LeafKind.DENIAL),
        ((RELEASE, HOLD_ALL), LeafKind.HOLD),
    ],
)
async def test_outcomes_are_sealed(rules: tuple[Rule, ...], kind: LeafKind) -> None:
    """Each outcome of a delayed purpose stands sealed, with its row; another purpose does not."""
    async with running(policy_of(OR, RELEASE), delaying(WA, *rules)) as host:
        await host.answer.take(asks(ask_of(1, claims=CLAIMS), ask_of(2)))
        assert [detail(leaf) for leaf in host.leaves(WA, kind)] == [
            SEALED,
            (AUSTIN, "not_stated", "not_stated"),
        ]
        (row,) = await host.store.detail_due([WA], 1 << 40, None, 9)
        assert row.opens_at == month_start(month_of(NOW) + 2)
        assert row.leaf_index == host.size(WA) - 2


@pytest.mark.parametrize("is_small", [False, True])
async def test_a_repeat_is_answered_though_its_leaf_does_not_name_the_agency(
    is_small: bool,
) -> None:
    """Whoever asked is known from the private record: the same agency is answered, no other."""
    async with running(policy_of(OR, RELEASE), delaying(WA, RELEASE)) as host:
        if is_small:
            small(host, AUSTIN)
        asked = ask_of(1, claims=Claims() if is_small else CLAIMS)
        await host.answer.take(asks(asked))
        (first,) = host.courier.take()
        leaf = host.leaves(WA, LeafKind.DISCLOSURE)[-1]
        assert leaf.agency == ("small:tx" if is_small else "sealed")
        await host.answer.take(asks(asked))
        (again,) = host.courier.take()
        assert isinstance(first, Answered)
        assert isinstance(again, Answered)
        assert again.answer.elements == first.answer.elements
        entries = [proof.entry for proof in again.answer.proofs]
        assert entries == [proof.entry for proof in first.answer.proofs]
        other = msgspec.structs.replace(asked, agency=SALEM)
        assert await host.replay.answers([other]) == []
        host.store.tables.private.clear()
        assert await host.replay.answers([asked]) == []


async def test_a_query_is_sealed_by_its_origins_record() -> None:
    """Not by the record of the state that is asked."""
    async with running(delaying(OR, RELEASE), policy_of(WA, RELEASE)) as host:
        await host.open_line()
        await host.send(frame(1, "WA", claims=CLAIMS), frame(2, "WA"))
        first, second = host.leaves(OR, LeafKind.QUERY)
        assert detail(first) == SEALED
        assert detail(second) == (SALEM, "not_stated", "not_stated")
        await host.answer.take(asks(ask_of(9, claims=CLAIMS)))
        assert detail(host.leaves(WA, LeafKind.DISCLOSURE)[-1]) == STATED


async def test_an_excepted_family_is_never_sealed() -> None:
    """Whatever purpose it states; also below the family that is named."""
    excepted = msgspec.structs.replace(DELAY, except_families=(Family("TX"),))
    async with running(policy_of(OR, RELEASE), delaying(WA, RELEASE, publication=excepted)) as host:
        await host.answer.take(asks(ask_of(1, claims=CLAIMS)))
        assert detail(host.leaves(WA, LeafKind.DISCLOSURE)[-1]) == STATED
        assert await host.store.detail_due([WA], 1 << 40, None, 9) == []


async def test_the_record_in_force_at_the_leaf_seals() -> None:
    """A query that another policy overtakes on its way is published by that one."""
    async with running(policy_of(OR, RELEASE), policy_of(WA, RELEASE)) as host:
        await host.open_line()
        commit = host.sequencer.commit
        overtaken: list[bool] = []

        async def slow(entries):  # type: ignore[no-untyped-def]
            if not overtaken:
                overtaken.append(True)
                host.sequencer.commit = commit  # type: ignore[method-assign]
                await host.overtake(OR, delaying(OR, RELEASE, version=2))
            return await commit(entries)

        host.sequencer.commit = slow  # type: ignore[method-assign]
        await host.send(frame(1, "WA", claims=CLAIMS))
        assert host.codes() == [(1, "accepted")]
        assert detail(host.leaves(OR, LeafKind.QUERY)[-1]) == SEALED


async def test_a_record_that_cannot_be_read_seals_nothing_and_lets_nothing_pass() -> None:
    """Nobody knows what it delays: the query is not recorded, and the line sends it again."""
    async with running(delaying(OR, RELEASE), policy_of(WA, RELEASE)) as host:
        await host.open_line()
        host.world._bundles.pop(OR)
        await host.send(frame(1, "WA", claims=CLAIMS))
        assert host.codes() == [(1, "busy")]
        assert host.leaves(OR, LeafKind.QUERY) == []
        assert host.world.has_published(OR)


async def test_small_agencies_stand_as_small_everywhere() -> None:
    """In the leaves of every member, under their own member's code; sealed comes before small."""
    async with running(policy_of(OR, RELEASE), delaying(WA, RELEASE)) as host:
        small(host, AUSTIN, SALEM)
        await host.open_line()
        await host.send(frame(1, "WA"))
        await host.answer.take(asks(ask_of(8), ask_of(9, claims=CLAIMS)))
        assert host.leaves(OR, LeafKind.QUERY)[-1].agency == "small:or"
        told, sealed = host.leaves(WA, LeafKind.DISCLOSURE)
        assert told.agency == "small:tx"
        assert detail(sealed) == SEALED


async def reveal(host: PracticeHost, seconds: int = DETAIL_SECONDS) -> list[LeafHeader]:
    """The reveal leaves of Washington after a time."""
    host.disk.clock.advance_ns(seconds * NS)
    await host.reveals.open_due()
    return host.leaves(WA, LeafKind.REVEAL)


async def test_detail_is_opened_once_its_time_is_over() -> None:
    """Its leaf says what was sealed, and its document opens the commitment of the cited leaf."""
    async with running(policy_of(OR, RELEASE), delaying(WA, RELEASE)) as host:
        await host.answer.take(asks(ask_of(1, claims=CLAIMS)))
        cited = host.size(WA) - 1
        wait = month_start(month_of(NOW) + 2) - NOW
        assert await reveal(host, wait - 1) == []
        (leaf,) = await reveal(host, 1)
        assert (leaf.cites, detail(leaf)) == (f"wa/{cited}", STATED)
        (document,) = await host.store.documents(WA, cited + 1, cited + 2)
        shown = check_opening(document.body, host.leaves(WA)[cited].commitment)
        assert {name: value.decode() for name, value in shown.items()} == dict(
            zip(("agency", "purpose", "offence"), STATED, strict=True)
        )
        assert await host.reveals.open_due() == 0
        assert len(await reveal(host)) == 1


async def test_the_host_lets_nothing_stand_sealed_longer() -> None:
    """A longer delay of the record ends with what the host is set to."""
    long = msgspec.structs.replace(DELAY, delay_months=60)
    async with running(policy_of(OR, RELEASE), delaying(WA, RELEASE, publication=long)) as host:
        await host.answer.take(asks(ask_of(1, claims=CLAIMS)))
        assert await reveal(host, DETAIL_SECONDS - 1) == []
        assert len(await reveal(host, 1)) == 1


async def test_a_small_agency_stays_hidden_when_opened() -> None:
    """The reveal shows purpose and offence alone."""
    async with running(policy_of(OR, RELEASE), delaying(WA, RELEASE)) as host:
        await host.answer.take(asks(ask_of(1, claims=CLAIMS)))
        small(host, AUSTIN)
        (leaf,) = await reveal(host)
        assert detail(leaf) == (None, *STATED[1:])
        (document,) = await host.store.documents(WA, host.size(WA) - 1, host.size(WA))
        assert AUSTIN.encode() not in document.body
        assert b'"agency"' not in document.body


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_reveal_is_made_once_over_a_lost_commit(fault: CommitFault) -> None:
    """Lost before or after it was durable, one leaf stands in the end."""
    async with running(policy_of(OR, RELEASE), delaying(WA, RELEASE)) as host:
        await host.answer.take(asks(ask_of(1, claims=CLAIMS)))
        host.disk.clock.advance_ns(DETAIL_SECONDS * NS)
        host.store.commit_fault = fault
        await host.reveals.open_due()
        await host.reveals.open_due()
        assert len(host.leaves(WA, LeafKind.REVEAL)) == 1


async def test_an_expunged_record_is_not_opened_and_no_alarm() -> None:
    """Nothing of it is left that could be shown, and its month waits for nothing."""
    async with running(policy_of(OR, RELEASE), delaying(WA, RELEASE)) as host:
        await host.answer.take(asks(ask_of(1, claims=CLAIMS)))
        assert len(await host.store.unopened_detail(WA, NOW)) == 1
        await host.store.expunge(WA, host.size(WA) - 1)
        assert await host.store.unopened_detail(WA, NOW) == []
        assert await reveal(host) == []
        assert host.events.counts["detail_not_opened"] == 0


async def test_a_lost_key_is_an_alarm_and_stops_nobody() -> None:
    """What it sealed stays sealed and is tried again later; what others sealed is opened."""
    async with running(policy_of(OR, RELEASE), delaying(WA, RELEASE)) as host:
        await host.answer.take(asks(ask_of(1, claims=CLAIMS), ask_of(2, claims=CLAIMS)))
        lost = LeafIndex(host.size(WA) - 2)
        row = host.store.tables.private[WA, lost]
        gone = msgspec.structs.replace(row.sealed, key_number=row.sealed.key_number - 1)
        host.store.tables.private[WA, lost] = msgspec.structs.replace(row, sealed=gone)
        assert len(await reveal(host)) == 1
        assert host.events.counts["detail_not_opened"] == 1
        assert len(await reveal(host, 60)) == 1
        host.store.tables.private[WA, lost] = row
        assert len(await reveal(host, 3_600)) == 2
        assert host.leaves(WA, LeafKind.REVEAL)[-1].cites == f"wa/{lost}"
