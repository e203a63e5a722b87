"""Every process of a network is killed in the middle of traffic; then the two lists are compared.

One experiment, many questions. `CRASH_SEED` replays one, `CRASH_ROUNDS` makes it longer; the
longer one is `make crash`.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import Counter

import pytest

from comity.domain.answer import ResponseKind
from comity.domain.keys import MessageKey
from tests.fault import checks
from tests.fault.crash import END_S_MAX, KILLED, Evidence, play, schedule
from tests.integration.engines.network import fresh_place

SEED = int(os.environ.get("CRASH_SEED") or secrets.randbelow(10**6))
ROUNDS = int(os.environ.get("CRASH_ROUNDS") or 4)
SECONDS_PER_ROUND = 15

pytestmark = pytest.mark.timeout(300 + SECONDS_PER_ROUND * ROUNDS)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """What lines and ledgers hold after all the crashes."""
    print(f"SEED={SEED}: CRASH_SEED={SEED} CRASH_ROUNDS={ROUNDS} pytest tests/fault")
    with fresh_place() as place:
        found = asyncio.run(play(place, SEED, ROUNDS))
    messages = sum(len(line.sent) for line in found.lines)
    kept = sum(len(line.kept) for line in found.lines)
    print(
        f"{messages} messages, {kept} deliveries, {sum(map(len, found.leaves.values()))} leaves, "
        f"{len(found.kills)} kills, all ended {found.end_s:.1f} s after the last one; refused: "
        f"{dict(sum((line.refusals for line in found.lines), Counter()))}"
    )
    return found


def test_every_process_is_killed_in_every_round(evidence: Evidence) -> None:
    """The experiment does what it says: every process dies in each round, and at the end."""
    kills = Counter(evidence.kills)
    assert {name: kills[name] for name in KILLED} == dict.fromkeys(KILLED, ROUNDS + 1)
    assert len(schedule(SEED, ROUNDS, 1)) == ROUNDS * len(KILLED) + 1


def test_traffic_goes_through_all_outcomes(evidence: Evidence) -> None:
    """Lines reconnect, and what they get has hits, refusals, holds and expiries in it."""
    said = Counter(
        a.response for line in evidence.lines for s in line.sent.values() for a in s.answers
    )
    wanted = set(ResponseKind) - {ResponseKind.UNAVAILABLE}
    assert min(said[kind] for kind in wanted) > 0
    assert min(line.connections for line in evidence.lines) > 1


def test_traffic_goes_to_many_and_to_people(evidence: Evidence) -> None:
    """Regions, the whole network, messages, hit confirmations and their answers."""
    sent = [s for line in evidence.lines for s in line.sent.values()]
    keys = Counter(s.query.key for s in sent)
    assert min(keys[MessageKey(key)] for key in ("DQG", "AM", "YQ", "YR")) > 0
    assert sum(s.is_merged for s in sent) > 0
    ends = Counter(a.response for s in sent if s.query.key == "YQ" for a in s.answers if a.is_final)
    assert ends[ResponseKind.HIT] + ends[ResponseKind.REFUSED] > 0


def test_every_message_is_accepted(evidence: Evidence) -> None:
    """A message that is sent again under its number is accepted in the end."""
    assert checks.not_accepted(evidence) == []


def test_every_accepted_exchange_ends_once(evidence: Evidence) -> None:
    """Every state asked gives exactly one final answer, within the time set."""
    assert checks.not_ended(evidence) == []
    assert evidence.end_s < END_S_MAX


def test_no_step_of_an_exchange_is_missing(evidence: Evidence) -> None:
    """What came before the final answer arrived too."""
    assert checks.with_gaps(evidence) == []


def test_no_exchange_is_answered_in_two_ways(evidence: Evidence) -> None:
    """A repeated answer has the same bytes, but for the receipt's place in a newer tree."""
    assert checks.with_two_outcomes(evidence) == []


def test_every_answer_has_its_leaf(evidence: Evidence) -> None:
    """Each receipt verifies, and the exported ledger has that leaf at that index."""
    assert checks.not_proved(evidence) == []


def test_no_signed_head_is_of_another_tree(evidence: Evidence) -> None:
    """Whatever a host signed before a crash, the ledger behind it continues."""
    assert checks.forked(evidence) == []


def test_every_message_is_one_query(evidence: Evidence) -> None:
    """Each message has one `query` leaf, and there is no other: none was asked twice or never."""
    assert checks.wrong_queries(evidence) == []


def test_every_outcome_is_delivered_once(evidence: Evidence) -> None:
    """The ledgers' outcomes are exactly the steps that the lines hold."""
    assert checks.wrong_entries(evidence) == []


def test_the_whole_network_answers_in_one_message(evidence: Evidence) -> None:
    """Whatever died, the requester is told of every state together."""
    assert checks.not_merged(evidence) == []


def test_what_is_told_as_delivered_is_delivered_once(evidence: Evidence) -> None:
    """A message reaches its agency under one number, and its sender hears of it."""
    assert checks.wrong_mail(evidence) == []


def test_deliveries_come_in_order(evidence: Evidence) -> None:
    """On one connection the numbers of deliveries rise, so that an acknowledgement is true."""
    assert checks.out_of_order(evidence) == []


def test_every_audit_passes(evidence: Evidence) -> None:
    """Every ledger, exported, is whole."""
    assert checks.audited(evidence) == []
