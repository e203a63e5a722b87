"""What the demo's stage does with recorded traffic: replay a draft over all of it, in two ways."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec

from comity.app.database import open_ledger_reader
from comity.app.rules import replay_traffic
from comity.cli.publishing import people_of, shadowed, signed_shadow
from comity.cli.recorded import recorded_traffic
from comity.cli.rules import askers_of, named_rules
from comity.domain.decision import RuleId
from comity.domain.ids import Member, entry_name
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind, LeafMode, Outcome
from comity.policy import (
    Condition,
    Mark,
    PolicyBundle,
    Rule,
    Statute,
    compile_policy,
    national_default,
    parse_bundle,
)
from comity.policy.replay import MoveKey, Replay, changed, sentence_of_moves
from comity.policy.row_by_row import replay_row_by_row
from comity.ports import Bus, LedgerRows, Store
from comity.practice.seen import (
    AnnouncedSeen,
    ReplaySeen,
)
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.recorded_traffic import fold_up, read_recorded

__all__ = ["announce_holding", "replay_announced", "replay_holding"]

_OUTCOMES = frozenset({LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD})


async def replay_holding(
    settings: Settings, bus: Bus, members: Sequence[Member], family: str
) -> ReplaySeen:
    """Replay a draft that holds a family over all that these members have answered so far."""
    askers, _ = await asyncio.to_thread(askers_of, settings)
    families = {asker.ori: asker.family for asker in askers}
    files = HostFiles(settings.data_dir)
    host, kept = files.host_name(), files.national_rules()
    moves: Counter[MoveKey] = Counter()
    differing: list[str] = []
    requests = leaves = lost = states = 0
    async with open_ledger_reader(settings, members) as (store, rows):
        for row in await store.policies(members):
            member, bundle = row.member, parse_bundle(row.body, None)
            first_outcomes = await _first_outcomes(store, rows, member)
            if not first_outcomes:
                continue
            await fold_up(bus, host, member)
            recorded = await read_recorded(store, member)
            national = kept.get(bundle.national, national_default())
            after = compile_policy(_held(bundle, family), national, families)
            before = compile_policy(bundle, national, families)
            fast = replay_traffic(recorded.traffic, after.rules, before.rules, families)
            slow = replay_row_by_row(recorded.traffic, after, before, families)
            differing += [f"{member} {name}" for name in _differing(fast, slow)]
            moves.update(fast.moves)
            requests += fast.requests
            leaves += first_outcomes
            lost += recorded.lost
            states += 1
    return ReplaySeen(
        states=states,
        requests=requests,
        leaves=leaves,
        lost=lost,
        held=moves[Outcome.RELEASE, Outcome.HOLD],
        finding=sentence_of_moves(moves),
        differing=tuple(differing),
    )


def announce_holding(settings: Settings, state: Member, family: str, person: str) -> str:
    """Announce rules that hold a family, as one person; return the entry of their leaf."""
    standing = named_rules(settings, f"@{state}").bundle
    draft = msgspec.structs.replace(_held(standing, family), version=standing.version + 1)
    people = people_of(settings, state, [person], (), 1)
    return shadowed(settings, state, signed_shadow(draft, people)).entry


def replay_announced(settings: Settings, state: Member) -> AnnouncedSeen:
    """Replay what a state has announced as `comity policy replay @st:shadow` does."""
    after, before = named_rules(settings, f"@{state}:shadow"), named_rules(settings, f"@{state}")
    assert after.announced is not None
    askers, _ = askers_of(settings)
    families = {asker.ori: asker.family for asker in askers}
    leaf = after.announced.leaf_index
    recorded = asyncio.run(recorded_traffic(settings, state, leaf))
    found = replay_traffic(recorded.traffic, after.rules, before.rules, families)
    is_whole = not recorded.lost and recorded.folded == recorded.size
    return AnnouncedSeen(
        announced=entry_name(state, leaf),
        answers=found.requests,
        held=found.moves.get((Outcome.RELEASE, Outcome.HOLD), 0),
        changed=changed(found.moves),
        is_exact=is_whole and not any(found.touched.values()),
        finding=sentence_of_moves(found.moves),
    )


def _differing(fast: Replay, slow: Replay) -> list[str]:
    names = fast.__struct_fields__
    return [name for name in names if getattr(fast, name) != getattr(slow, name)]


async def _first_outcomes(store: Store, rows: LedgerRows, member: Member) -> int:
    """Count, in the public leaves, the exchanges that a member has answered.

    Whatever is answered of one exchange names the same `query` leaf.
    """
    size = (await store.heads([member]))[member][0].frontier.size
    headers = [parse_leaf(data) for data in await rows.leaves(member, 0, size) if data]
    return len(
        {
            header.peer
            for header in headers
            if header.kind in _OUTCOMES and header.mode is LeafMode.LIVE
        }
    )


def _held(bundle: PolicyBundle, family: str) -> PolicyBundle:
    hold = Rule(
        id=RuleId("DRAFT-HOLD"),
        effect=Outcome.HOLD,
        when=Condition(agency=(family,)),
        statute=Statute(cite="practice draft", mark=Mark.PRACTICE),
        sentence="A person reviews whatever this family asks.",
    )
    return msgspec.structs.replace(bundle, rules=(*bundle.rules, hold))
