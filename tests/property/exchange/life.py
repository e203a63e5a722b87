"""The life of exchanges under everything that can happen to them, on the services themselves.

A machine of rules plays agencies, the network, reviewers, the clock, a state that publishes, a
store that loses acknowledgements and hosts that change; what must hold is checked after every step
(`tests.support.watch`). That the machine can find what it looks for is shown by faults put into the
code.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Final, TypeVar

import msgspec
import pytest
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from comity.adapters.memory.store import CommitFault
from comity.domain.answer import Answer, ResponseKind
from comity.domain.errors import ComityError
from comity.domain.query import Exchange
from comity.domain.verdict import SignedVerdict, Verdict, VerdictKind
from comity.domain.vocabulary import DataClass, Outcome
from comity.link.parcel import Answered, Ask, Parcel, RefusalCode, Refused
from comity.policy import Rule
from comity.ports import HoldRow
from comity.review.verdicts import HoldClosedError, VerdictError
from comity.services import verdict as desk
from comity.services.answer import DEDUP_SECONDS
from comity.services.carried_out import CarriedOut
from comity.services.verdict import HoldNotDueError
from tests.support.exchange import REVIEWER, signed
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ADDRESS,
    HOLD_ALL,
    NS,
    OR,
    RELEASE,
    UNDELIVERABLE,
    WA,
    PracticeHost,
    answers,
    ask_of,
    asks,
    frame,
    policy_of,
    running,
    turns,
)
from tests.support.watch import Watch
from tests.unit.policy.build import rule as policy_rule

_T = TypeVar("_T")

DENY_IDENTITY = policy_rule("IDENTITY", Outcome.DENY, data_class=(DataClass.IDENTITY,))
POLICIES: Final[tuple[tuple[Rule, ...], ...]] = (
    (RELEASE, HOLD_ADDRESS, DENY_IDENTITY),
    (RELEASE, HOLD_ADDRESS),
    (RELEASE, HOLD_ALL),
    (RELEASE,),
    (RELEASE, DENY_IDENTITY),
    (RELEASE, DENY_ALL),
)
EXCHANGES_MAX = 8
HOSTS_MAX = 4
SEEN: Counter[str] = Counter()
"""What happened in all lives of one run: a machine that never gets anywhere proves nothing."""

picks = st.lists(st.integers(0, EXCHANGES_MAX - 1), min_size=1, max_size=4)
faults = st.sampled_from([None, None, None, *CommitFault])
policies = st.sampled_from(POLICIES)
rarely = st.sampled_from([*[False] * 4, True])
kinds = st.sampled_from([*VerdictKind])


class Life(RuleBasedStateMachine):
    """One host for Oregon and Washington among its messages, which may arrive at any time, again.

    `exchanges` are what was ever asked of Washington, `words` what it answered Oregon; both stay
    in the air. `ghost` is a host whose ledgers another has taken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.exchanges: list[Exchange] = []
        self.words: list[Answered] = []
        self.given: list[SignedVerdict] = []
        self.frames = 0
        self.lines: dict[tuple[str, int], bytes] = {}
        self.version = 1
        self.host: PracticeHost
        self.scopes: list[AbstractAsyncContextManager[PracticeHost]] = []
        self.ghost: PracticeHost | None = None
        self.watch: Watch

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.loop.run_until_complete(work)

    def note(self, what: str) -> None:
        SEEN[what] += 1
        event(what)

    def now(self) -> int:
        return self.host.clock.now_ns() // NS

    @initialize(rules=policies)
    def begin(self, rules: tuple[Rule, ...]) -> None:
        scope = running(policy_of(WA, *rules))
        self.host = self.run(scope.__aenter__())
        self.scopes.append(scope)
        self.watch = Watch(self.host.disk, (OR, WA))
        self.run(self.host.open_line())
        self.texas_asks(is_known=True)

    # What comes in.

    @precondition(lambda self: len(self.exchanges) < EXCHANGES_MAX)
    @rule(is_known=st.booleans())
    def texas_asks(self, is_known: bool) -> None:
        """Another host's agency asks; the ask is in the air."""
        number = len(self.exchanges) + 1
        asked = ask_of(number, accepted_at=self.now())
        if not is_known:
            asked = msgspec.structs.replace(asked, fields=(("OLN", "PX999"),))
        self.exchanges.append(asked)

    @precondition(lambda self: len(self.exchanges) < EXCHANGES_MAX)
    @rule(fault=faults)
    def salem_asks(self, fault: CommitFault | None) -> None:
        """An agency of this host's asks on its line, and sends the frame twice."""
        self.frames += 1
        with self.fault(fault):
            self.run(self.host.send(frame(self.frames, "WA"), frame(self.frames, "WA")))
        codes = self.host.codes()
        assert (self.frames, "accepted") in codes, "a message is accepted whatever its commit met"
        self.settle()

    @precondition(lambda self: self.exchanges)
    @rule(which=picks, fault=faults, overtaken_by=st.none() | policies)
    def asks_arrive(
        self, which: list[int], fault: CommitFault | None, overtaken_by: tuple[Rule, ...] | None
    ) -> None:
        """Asks arrive, for the first time or again, perhaps while a policy is published."""
        group = self.picked(which)

        async def both() -> None:
            publication = None
            if overtaken_by is not None:
                publication = asyncio.create_task(self.overtake(overtaken_by))
                await turns()
            before = self.host.events.counts["batches_committed"]
            await self.host.answer.take(asks(*group))
            if publication is not None:
                await publication
            if self.host.events.counts["batches_committed"] - before > 2:
                self.note("decided again under a newer policy")

        known = {key[0] for key in self.host.store.tables.answers if key[1] == WA}
        with self.fault(fault):
            self.run(both())
        self.check_answered(group, known, self.settle())

    @precondition(lambda self: self.words)
    @rule(which=picks)
    def answers_arrive(self, which: list[int]) -> None:
        """Answers arrive at the agency's own host, in any order, again and again."""
        said = [self.words[at % len(self.words)] for at in which]
        self.run(self.host.origin.take_answers(answers(*(parcel.answer for parcel in said))))
        self.settle()

    # People, publications and the clock.

    @precondition(lambda self: self.open_holds())
    @rule(
        at=st.integers(0, 3),
        kind=kinds,
        is_part=st.booleans(),
        is_late=rarely,
        fault=faults,
        overtaken_by=st.none() | policies,
    )
    def reviewer_decides(
        self,
        *,
        at: int,
        kind: VerdictKind,
        is_part: bool,
        is_late: bool,
        fault: CommitFault | None,
        overtaken_by: tuple[Rule, ...] | None,
    ) -> None:
        """A reviewer decides on an open hold, in time or too late, perhaps under a new policy."""
        holds = self.open_holds()
        row, _ = holds[at % len(holds)]
        if is_late:
            self.wait_until(row.until)
        given = self.signed_verdict(row, kind, is_part=is_part)
        self.given.append(given)
        publication = self.overtake(overtaken_by) if overtaken_by is not None else turns()

        async def both() -> object:
            _, found = await asyncio.gather(publication, self.attempt(given))
            return found

        is_in_time = self.now() < row.until
        with self.fault(fault):
            found = self.run(both())
        if is_in_time:
            assert isinstance(found, CarriedOut), "a verdict in time is carried out"
            is_whole = kind is VerdictKind.APPROVE and not is_part
            self.note(f"verdict {kind.value}{' of all' if is_whole else ''}")
        else:
            assert isinstance(found, HoldClosedError), "no verdict after the hold's time"
            self.note("verdict too late")
        self.settle()

    @precondition(lambda self: self.given)
    @rule(at=st.integers(0, 9))
    def verdict_comes_again(self, at: int) -> None:
        """A verdict that was given is sent once more: it decides nothing."""
        size = self.host.size(WA)
        with pytest.raises((VerdictError, HoldClosedError)):
            self.run(self.host.desk.decide(self.given[at % len(self.given)]))
        assert self.host.size(WA) == size, "a verdict takes effect once"

    @precondition(lambda self: self.host.store.tables.closed_holds)
    @rule(at=st.integers(0, 3))
    def ended_hold_is_decided(self, at: int) -> None:
        """A reviewer signs a verdict of the right step for a hold that has ended."""
        tables = self.host.store.tables
        ended = sorted(tables.closed_holds)
        row = tables.holds[ended[at % len(ended)]]
        found = self.run(self.attempt(self.signed_verdict(row, VerdictKind.APPROVE)))
        assert isinstance(found, HoldClosedError), "a hold ends once"
        self.note("verdict on an ended hold")

    @precondition(lambda self: self.open_holds())
    @rule(at=st.integers(0, 3), is_due=rarely, fault=faults)
    def hold_ends(self, at: int, is_due: bool, fault: CommitFault | None) -> None:
        """The clock's worker asks for a hold's end, too early or in time."""
        holds = self.open_holds()
        row, _ = holds[at % len(holds)]
        if is_due:
            self.wait_until(row.until)
        if self.now() >= row.until:
            with self.fault(fault):
                self.run(self.host.desk.expire(f"wa/{row.leaf_index}"))
            self.note("hold expired")
        else:
            with pytest.raises(HoldNotDueError):
                self.run(self.host.desk.expire(f"wa/{row.leaf_index}"))
        self.settle()

    @rule(seconds=st.sampled_from([1, 120, 3_600, 3_600, UNDELIVERABLE]))
    def time_passes(self, seconds: int) -> None:
        """Nothing happens by itself: the host is asked what is due."""
        self.host.clock.advance_ns(seconds * NS)
        closed = self.host.events.counts["queries_undeliverable"]
        self.run(self.host.origin.redrive())
        if self.host.events.counts["queries_undeliverable"] > closed:
            self.note("ended without an answer")
        self.settle()

    @rule(rules=policies)
    def policy_changes(self, rules: tuple[Rule, ...]) -> None:
        """Washington publishes another policy."""
        self.run(self.overtake(rules))

    # Hosts.

    @precondition(lambda self: self.may_change_host())
    @rule(after=st.none() | st.integers(0, 24), which=picks)
    def host_crashes(self, after: int | None, which: list[int]) -> None:
        """The host dies, perhaps in the middle of its answers; another life begins on its disk."""
        host = self.host

        async def fall() -> None:
            work = None
            if after is not None and self.exchanges:
                work = asyncio.create_task(host.answer.take(asks(*self.picked(which))))
                await turns(after)
            await host.crash()
            if work is not None:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)

        self.run(fall())
        self.note("host crashed")
        self.settle()
        self.replace_host()
        self.run(self.host.origin.recover(self.now() - DEDUP_SECONDS))
        self.settle()

    @precondition(lambda self: self.may_change_host())
    @rule()
    def host_is_overtaken(self) -> None:
        """Another host claims the ledgers while this one still believes that it owns them."""
        self.ghost = self.host
        self.replace_host()

    @precondition(lambda self: self.ghost is not None and self.exchanges)
    @rule(which=picks, fault=faults)
    def ghost_answers(self, which: list[int], fault: CommitFault | None) -> None:
        """Whoever lost its ledgers gets asks: it records nothing, and says nothing new."""
        ghost, self.ghost = self.ghost, None
        assert ghost is not None
        sizes = [ghost.size(member) for member in (OR, WA)]
        known = set(ghost.store.tables.answers)
        with self.fault(fault):
            self.run(ghost.answer.take(asks(*self.picked(which))))
        assert [ghost.size(member) for member in (OR, WA)] == sizes, "one ledger has one writer"
        self.note("asked of a host that lost its ledgers")
        for parcel in self.heard(ghost):
            if isinstance(parcel, Answered):
                assert (parcel.answer.exchange_id, WA, parcel.answer.step) in known

    # What holds.

    @invariant()
    def holds(self) -> None:
        """Ledgers grow, policies are in force, classes end once."""
        if self.scopes:
            self.run(self.watch.check(self.host))

    def teardown(self) -> None:
        """Every root that was ever committed is still provable."""
        try:
            if self.scopes:
                self.run(self.watch.check_history(self.host))
                self.note(f"leaves: {min(self.host.size(WA) // 10 * 10, 30)} or more")
        finally:
            for scope in self.scopes:
                self.run(scope.__aexit__(None, None, None))
            self.loop.close()

    # How.

    @contextmanager
    def fault(self, fault: CommitFault | None) -> Iterator[None]:
        """Let the next commit fail; the store is whole again afterwards."""
        store = self.host.store
        store.commit_fault = fault
        yield
        if fault is not None and store.commit_fault is None:
            self.note(f"commit {fault.value}")
        store.commit_fault = None

    def wait_until(self, second: int) -> None:
        self.host.clock.advance_ns(max(0, second - self.now()) * NS)

    def signed_verdict(
        self, row: HoldRow, kind: VerdictKind, *, is_part: bool = False
    ) -> SignedVerdict:
        file = self.host.desk._file(row)
        approved = file.classes[:1] if is_part else file.classes
        return signed(
            Verdict(
                state=WA,
                exchange_id=file.exchange.exchange_id,
                hold_entry=f"wa/{row.leaf_index}",
                step=row.next_step,
                kind=kind,
                approved=approved if kind is VerdictKind.APPROVE else (),
                note="practice",
                reviewer=REVIEWER,
                at=self.now(),
            )
        )

    async def attempt(self, given: SignedVerdict) -> object:
        try:
            return await self.host.desk.decide(given)
        except ComityError as error:
            return error

    def picked(self, which: Sequence[int]) -> list[Exchange]:
        return [self.exchanges[at % len(self.exchanges)] for at in which]

    def may_change_host(self) -> bool:
        return bool(self.host.store.tables.answers) and len(self.scopes) < HOSTS_MAX

    def replace_host(self) -> None:
        scope = running(disk=self.host.disk)
        self.host = self.run(scope.__aenter__())
        self.scopes.append(scope)
        self.run(self.host.open_line())

    async def overtake(self, rules: tuple[Rule, ...]) -> None:
        self.version += 1
        await self.host.overtake(WA, policy_of(WA, *rules, version=self.version))

    def open_holds(self) -> list[desk.OpenHold]:
        """Open holds, the latest deadline first: most are still in time."""
        return self.run(self.host.desk.holds(WA))[::-1] if self.scopes else []

    def settle(self) -> list[Parcel]:
        """Take up what the host has posted since: asks and answers are in the air now."""
        delivered, self.host.lines.delivered = self.host.lines.delivered, []
        for line, number, _, data in delivered:
            if number:
                said = self.lines.setdefault((line, number), data)
                assert said == data, "a delivery keeps its bytes"
                self.note("delivered to its line")
        posted = self.heard(self.host)
        for parcel in posted:
            if isinstance(parcel, Ask):
                if parcel.exchange not in self.exchanges:
                    self.exchanges.append(parcel.exchange)
                else:
                    self.note("asked again")
            elif isinstance(parcel, Answered) and parcel.origin == OR:
                self.words.append(parcel)
        return posted

    def heard(self, host: PracticeHost) -> list[Parcel]:
        posted = host.courier.take()
        for parcel in posted:
            if isinstance(parcel, Answered):
                self.run(self.watch.hear(host, parcel.answer))
        return posted

    def check_answered(
        self, group: Sequence[Exchange], known: set[Any], posted: Sequence[Parcel]
    ) -> None:
        """Every ask is answered from the ledger, or refused for its age."""
        for exchange in group:
            own = [p for p in posted if is_about(p, exchange)]
            if any(isinstance(parcel, Refused) for parcel in own):
                codes = {parcel.code for parcel in own if isinstance(parcel, Refused)}
                is_old = self.now() - exchange.accepted_at > DEDUP_SECONDS
                assert codes == {RefusalCode.STALE}, "an ask is refused for its age alone"
                assert is_old, "an ask is refused for its age alone"
                assert exchange.exchange_id not in known, "what was answered is told again"
                continue
            said = [parcel.answer for parcel in own if isinstance(parcel, Answered)]
            assert said, "an ask is answered"
            self.note("told again" if exchange.exchange_id in known else kind_of(said[0]))


def is_about(parcel: Parcel, exchange: Exchange) -> bool:
    if isinstance(parcel, Answered):
        return parcel.answer.exchange_id == exchange.exchange_id
    return isinstance(parcel, Refused) and parcel.exchange_id == exchange.exchange_id


def kind_of(answer: Answer) -> str:
    """How mixed an answer's outcomes are."""
    outcomes = {part.outcome.value for part in answer.withheld}
    if answer.response is ResponseKind.NO_HIT:
        return "no record"
    return " and ".join(sorted({"release"} & {"release" if answer.elements else ""} | outcomes))
