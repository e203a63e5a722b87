"""Verdicts that were given and have not left yet: their author can take one back for a minute.

Guarantee: a verdict is sent once, at its time or when its author says so, and never after it was
taken back. It is kept in memory alone: what had not left when the process ended was not given, and
the hold stays (invariant `fail-closed`). Where no reply came, nobody says that it had no effect.
Source: docs/adr/0036-console.md, section "60 seconds in which a verdict can be taken back".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.passes import SignedPass
from comity.domain.verdict import SignedVerdict, VerdictKind
from comity.domain.vocabulary import DataClass
from comity.link.command import HoldView
from comity.link.errors import CommandMalformedError, CommandTooLargeError, GatewaySilentError
from comity.ports import Clock, UnreachableError
from comity.services.events import Events
from comity.services.reviewing import Decided

__all__ = [
    "OUTGOING_MAX",
    "SHOWN_SECONDS_MAX",
    "TAKE_BACK_SECONDS",
    "Give",
    "Outgoing",
    "OutgoingFullError",
    "Stage",
    "Together",
    "Verdicts",
]

TAKE_BACK_SECONDS: Final = 60
"""How long a verdict waits before it leaves."""
BEFORE_END_SECONDS: Final = 5
"""It leaves so long before its hold ends, if that is earlier."""
SHOWN_SECONDS_MAX: Final = 900
"""How long its author is still shown what became of it."""
OUTGOING_MAX: Final = 1_024
"""Verdicts of everybody that wait or are still shown."""
_NS: Final = 1_000_000_000

Give = Callable[[HoldView, SignedVerdict], Awaitable[Decided]]


class OutgoingFullError(ComityError):
    """Too many verdicts wait to leave; this one was not given."""

    code = "verdicts-full"


class Stage(StrEnum):
    """Where a verdict stands."""

    WAITS = "waits"
    LEAVES = "leaves"
    DONE = "done"
    TAKEN_BACK = "taken_back"
    FAILED = "failed"
    UNKNOWN = "unknown"


_ON_THEIR_WAY: Final = frozenset({Stage.WAITS, Stage.LEAVES})
_GIVEN_ANEW: Final = frozenset({Stage.TAKEN_BACK, Stage.FAILED, Stage.UNKNOWN})
"""After these one more is taken; the gateway takes one of a step at most."""
_NO_REPLY: Final = (
    GatewaySilentError,
    UnreachableError,
    CommandMalformedError,
    CommandTooLargeError,
)
"""The verdict may have arrived all the same: a wire says alike that nobody listens and that nobody
answered in time, and a reply that cannot be read is one.
"""


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """What verdicts given together share: the first one's hold and step, how many they were, their
    case, and the holds that were left out since they changed or another verdict was on its way.
    """

    first: tuple[str, int]
    requests: int
    case_number: str
    left_out: tuple[str, ...] = ()


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict on its way. `leaves_at` and `changed_at` are Unix seconds.

    `with_it` is a case pass that is granted once it took effect; `together` says with which others
    of one case it was given. `done` is what the gateway made of it; `code` and `why` say why it had
    no effect, or why nobody knows whether it had one.
    """

    hold: HoldView
    signed: SignedVerdict
    with_it: SignedPass | None = None
    together: Together | None = None
    leaves_at: int
    changed_at: int
    stage: Stage = Stage.WAITS
    done: Decided | None = None
    code: str = ""
    why: str = ""

    @property
    def entry(self) -> str:
        """The hold that it is about."""
        return self.hold.entry

    @property
    def kind(self) -> VerdictKind:
        """What was decided."""
        return self.signed.verdict.kind

    @property
    def approved(self) -> tuple[DataClass, ...]:
        """The classes to be released."""
        return self.signed.verdict.approved

    @property
    def by(self) -> tuple[Member, str]:
        """Whose verdict it is."""
        return self.signed.verdict.state, self.signed.verdict.reviewer

    def is_same(self, signed: SignedVerdict) -> bool:
        """Say whether a form sent twice is what came of this, and not a person's second thought."""
        kept, given = self.signed.verdict, signed.verdict
        return (
            self.by == (given.state, given.reviewer)
            and kept.kind is given.kind
            and (kept.approved, kept.note) == (given.approved, given.note)
        )


class Verdicts:
    """Keeps verdicts until they leave. `_kept` is written by `_put` and `_forget` alone."""

    def __init__(self, *, clock: Clock, events: Events, wait_s: int = TAKE_BACK_SECONDS) -> None:
        self._clock = clock
        self._events = events
        self._wait_s = wait_s
        self._kept: dict[tuple[str, int], Outgoing] = {}
        self._timers: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._give: dict[tuple[str, int], Give] = {}

    def add(
        self,
        hold: HoldView,
        signed: SignedVerdict,
        give: Give,
        with_it: SignedPass | None = None,
    ) -> Outgoing:
        """Keep a verdict until its time; a second one on the same step of a hold is the first.

        `with_it` is what `give` grants beside it, for its author to see.

        Raises: OutgoingFullError.
        """
        key = _key(signed)
        found = self._kept.get(key)
        if found is not None and found.stage not in _GIVEN_ANEW:
            return found
        now = self._now()
        self._make_room(now)
        kept = Outgoing(
            hold=hold,
            signed=signed,
            with_it=with_it,
            leaves_at=self._leaves_at(now, hold.until),
            changed_at=now,
        )
        self._begin(key, kept, give)
        return kept

    def add_together(
        self,
        given: Sequence[tuple[HoldView, SignedVerdict]],
        give: Give,
        case_number: str,
        left_out: Sequence[str] = (),
    ) -> list[Outgoing]:
        """Keep one person's verdicts on holds of one case until one time; return what is kept.

        Those that were given before are the first ones. A hold on which another verdict is on its
        way is left out, beside those that are `left_out` already.

        Raises: OutgoingFullError; then none is kept.
        """
        now = self._now()
        same: list[Outgoing] = []
        fresh: list[tuple[HoldView, SignedVerdict]] = []
        out = list(left_out)
        for hold, signed in given:
            found = self._kept.get(_key(signed))
            if found is None or found.stage in _GIVEN_ANEW:
                fresh.append((hold, signed))
            elif found.is_same(signed):
                same.append(found)
            else:
                out.append(hold.entry)
        if not fresh:
            return same
        self._make_room(now, len(fresh))
        together = Together(
            first=_key(fresh[0][1]),
            requests=len(fresh),
            case_number=case_number,
            left_out=tuple(out),
        )
        leaves_at = self._leaves_at(now, min(hold.until for hold, _ in fresh))
        for hold, signed in fresh:
            kept = Outgoing(
                hold=hold,
                signed=signed,
                together=together,
                leaves_at=leaves_at,
                changed_at=now,
            )
            self._begin(_key(signed), kept, give)
            same.append(kept)
        return same

    def _leaves_at(self, now: int, until: int) -> int:
        return max(now, min(now + self._wait_s, until - BEFORE_END_SECONDS))

    def _begin(self, key: tuple[str, int], kept: Outgoing, give: Give) -> None:
        self._put(key, kept)
        self._give[key] = give
        seconds = kept.leaves_at - kept.changed_at
        self._timers[key] = asyncio.create_task(self._leave_in_time(key, seconds))

    def on(self, entry: str) -> Outgoing | None:
        """Return the verdict on a hold that is on its way, whosever it is."""
        own = (kept for kept in self._kept.values() if kept.entry == entry)
        return next((kept for kept in own if kept.stage in _ON_THEIR_WAY), None)

    def waiting_entries(self, state: Member) -> frozenset[str]:
        """Return the holds of a state on which a verdict is on its way."""
        kept = (each for each in self._kept.values() if each.by[0] == state)
        return frozenset(each.entry for each in kept if each.stage in _ON_THEIR_WAY)

    def of(self, state: Member, reviewer: str) -> list[Outgoing]:
        """Return a reviewer's verdicts that wait or were settled lately, the newest first."""
        self._forget(self._now())
        own = [kept for kept in self._kept.values() if kept.by == (state, reviewer)]
        return sorted(own, key=lambda kept: kept.changed_at, reverse=True)

    def take_back(self, state: Member, reviewer: str, entry: str, step: int) -> Outgoing | None:
        """Take one's own verdict back while it waits; return where it stands, None for no such."""
        key = (entry, step)
        kept = self._kept.get(key)
        if kept is None or kept.by != (state, reviewer):
            return None
        if kept.stage is Stage.WAITS:
            self._timers.pop(key).cancel()
            self._change(key, stage=Stage.TAKEN_BACK)
            self._events.note("verdict_taken_back", member=state)
        return self._kept[key]

    async def send_now(
        self, state: Member, reviewer: str, entry: str, step: int
    ) -> Outgoing | None:
        """Send one's own verdict at once; return what became of it, None for no such."""
        key = (entry, step)
        kept = self._kept.get(key)
        if kept is None or kept.by != (state, reviewer):
            return None
        if kept.stage is Stage.WAITS:
            self._timers.pop(key).cancel()
            self._change(key, stage=Stage.LEAVES)
            # A task of its own: a page that is given up must not leave it half sent.
            self._timers[key] = asyncio.create_task(self._leave(key))
        if (leaving := self._timers.get(key)) is not None:
            await asyncio.shield(leaving)
        return self._kept.get(key)

    def take_back_together(self, state: Member, reviewer: str, entry: str, step: int) -> bool:
        """Take back what waits of one's own verdicts given together; False for no such."""
        keys = self._together(state, reviewer, (entry, step))
        for each in keys:
            self.take_back(state, reviewer, *each)
        return bool(keys)

    async def send_together(self, state: Member, reviewer: str, entry: str, step: int) -> bool:
        """Send what waits of one's own verdicts given together; False for no such."""
        keys = self._together(state, reviewer, (entry, step))
        await asyncio.gather(*(self.send_now(state, reviewer, *each) for each in keys))
        return bool(keys)

    def _together(
        self, state: Member, reviewer: str, key: tuple[str, int]
    ) -> list[tuple[str, int]]:
        """Return the verdicts that were given with one, itself among them; none if it is alone or
        somebody else's.
        """
        kept = self._kept.get(key)
        if kept is None or kept.by != (state, reviewer) or kept.together is None:
            return []
        # What was given anew since then is of another time.
        return [each for each, k in self._kept.items() if k.together == kept.together]

    async def close(self) -> None:
        """Let go of what has not left: it was not given. What is leaving is waited for."""
        for key, timer in list(self._timers.items()):
            if self._kept[key].stage is Stage.WAITS:
                timer.cancel()
                self._events.note("verdict_dropped", member=self._kept[key].by[0])
        await asyncio.gather(*self._timers.values(), return_exceptions=True)

    async def _leave_in_time(self, key: tuple[str, int], seconds: int) -> None:
        await asyncio.sleep(seconds)
        self._change(key, stage=Stage.LEAVES)
        await self._leave(key)

    async def _leave(self, key: tuple[str, int]) -> None:
        kept = self._kept[key]
        try:
            done = await self._give[key](kept.hold, kept.signed)
        except _NO_REPLY as error:
            self._events.failure("verdict_unknown", error, member=kept.by[0])
            self._change(key, stage=Stage.UNKNOWN, code=error.code, why=str(error))
        except ComityError as error:
            self._events.failure("verdict_had_no_effect", error, member=kept.by[0])
            # A gateway's refusal carries the gateway's own code.
            code = getattr(error, "reason", error.code)
            self._change(key, stage=Stage.FAILED, code=code, why=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, its author must be told
            self._events.failure("verdict_unknown", error, member=kept.by[0])
            self._change(key, stage=Stage.UNKNOWN, code="fault", why="the console failed")
        else:
            self._events.note("verdict_given", member=kept.by[0])
            self._change(key, stage=Stage.DONE, done=done)
        del self._timers[key]

    def _change(self, key: tuple[str, int], **changes: object) -> Outgoing:
        changed = msgspec.structs.replace(self._kept[key], changed_at=self._now(), **changes)
        self._put(key, changed)
        return changed

    def _put(self, key: tuple[str, int], kept: Outgoing) -> None:
        self._kept[key] = kept

    def _forget(self, now: int) -> None:
        settled = [
            key
            for key, kept in self._kept.items()
            if kept.stage not in _ON_THEIR_WAY and now - kept.changed_at > SHOWN_SECONDS_MAX
        ]
        for key in settled:
            del self._kept[key]
            self._give.pop(key, None)

    def _make_room(self, now: int, wanted: int = 1) -> None:
        """Forget what was settled first, where so many more would be too many.

        Raises: OutgoingFullError.
        """
        self._forget(now)
        settled = (k for k, kept in self._kept.items() if kept.stage not in _ON_THEIR_WAY)
        oldest = sorted(settled, key=lambda key: self._kept[key].changed_at)
        for key in oldest[: max(0, len(self._kept) - OUTGOING_MAX + wanted)]:
            del self._kept[key]
            self._give.pop(key, None)
        if len(self._kept) + wanted > OUTGOING_MAX:
            raise OutgoingFullError(f"{OUTGOING_MAX} verdicts wait to leave: try again in a minute")

    def _now(self) -> int:
        return self._clock.now_ns() // _NS


def _key(signed: SignedVerdict) -> tuple[str, int]:
    return signed.verdict.hold_entry, signed.verdict.step
