"""What rules that loosen must keep: notice and guarantees. No restriction waits for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from comity.domain.vocabulary import DataClass, Outcome, Purpose
from comity.policy import Condition, Guarantee, PolicyBundle, encode_bundle
from comity.policy.block import blocked
from comity.policy.guarantee import default_guarantees
from comity.services.promises import NotAnnouncedError
from tests.support.gateway import NOW, NS, RELEASE, WA, PracticeHost, running
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_rulebook import (
    DAY,
    FAMILY,
    REVIEWER,
    SECOND,
    announced,
    code_of,
    in_force,
    signed,
)

HOUR = 3_600
NOTICE = 48
NONE_OF_ALL = tuple(sorted(each.id for each in default_guarantees()))
NO_PHOTO = rule("PHOTO", Outcome.DENY, data_class=(DataClass.PHOTO,))
NO_ADDRESS = rule("ADDRESS", Outcome.DENY, data_class=(DataClass.ADDRESS,))


def washington(*rules: Any, version: int = 1, **changes: Any) -> PolicyBundle:
    """Washington's rules, which promise nothing unless `changes` say so."""
    fields = {"notice_hours": NOTICE, "guarantee_opt_outs": NONE_OF_ALL, **changes}
    return bundle(RELEASE, *rules, state=WA, version=version, **fields)


STRICT = washington(NO_PHOTO, NO_ADDRESS)
PHOTOS = washington(NO_ADDRESS, version=2)


async def published(host: PracticeHost, made: PolicyBundle, at: int = NOW) -> int:
    """Publish rules, signed by two people; return the version then in force."""
    await host.rulebook.publish(WA, signed(made, REVIEWER, SECOND, at=at))
    return in_force(host)[0]


async def test_the_sentence_names_minutes_that_are_safe() -> None:
    """Announced since the minute that was; published at the minute that is named, it is in time."""
    async with running(encode_bundle(STRICT)) as host:
        host.disk.clock.advance_ns(30 * NS)
        await host.rulebook.announce(WA, announced(PHOTOS, REVIEWER))
        since = datetime.fromtimestamp(NOW, UTC)
        until = since + timedelta(hours=NOTICE, minutes=1)
        with pytest.raises(NotAnnouncedError) as refused:
            await host.rulebook.publish(WA, signed(PHOTOS, REVIEWER, SECOND, at=NOW + 30))
        assert f"since {since:%Y-%m-%d %H:%M} UTC" in str(refused.value)
        assert f"from {until:%Y-%m-%d %H:%M} UTC" in str(refused.value)


async def test_what_loosens_photos_stands_announced_first() -> None:
    """Not without it, nor a second too early; then it takes force, whatever version it had."""
    async with running(encode_bundle(STRICT)) as host:
        both = signed(PHOTOS, REVIEWER, SECOND)
        assert await code_of(host, both) == "policy-not-announced"
        await host.rulebook.announce(WA, announced(PHOTOS, REVIEWER))
        host.disk.clock.advance_ns((NOTICE * HOUR - 1) * NS)
        late = NOW + NOTICE * HOUR - 1
        early = signed(PHOTOS, REVIEWER, SECOND, at=late)
        with pytest.raises(
            NotAnnouncedError, match=r"photo must stand announced for 48 hours;.*from"
        ):
            await host.rulebook.publish(WA, early)
        assert in_force(host)[0] == 1
        host.disk.clock.advance_ns(NS)
        assert await published(host, PHOTOS, late) == 2


async def test_notice_is_of_exactly_these_rules() -> None:
    """Other rules stood announced: theirs is no notice of these. A restart forgets nothing."""
    async with running(encode_bundle(STRICT)) as host:
        await host.rulebook.announce(WA, announced(PHOTOS, REVIEWER))
        host.disk.clock.advance_ns(NOTICE * HOUR * NS)
        late = NOW + NOTICE * HOUR
        more = washington(version=2)
        assert await code_of(host, signed(more, REVIEWER, SECOND, at=late)) == (
            "policy-not-announced"
        )
        disk = host.disk
    async with running(disk=disk) as again:
        assert await published(again, PHOTOS, late) == 2


async def test_a_publication_between_starts_the_notice_anew() -> None:
    """What was announced was announced against other rules."""
    async with running(encode_bundle(STRICT)) as host:
        await host.rulebook.announce(WA, announced(PHOTOS, REVIEWER))
        host.disk.clock.advance_ns(NOTICE * HOUR * NS)
        late = NOW + NOTICE * HOUR
        block = blocked(STRICT, FAMILY, "Order 14", late + DAY)
        await host.rulebook.publish(WA, signed(block, REVIEWER, at=late))
        loose = msgspec.structs.replace(PHOTOS, version=3)
        data = signed(loose, REVIEWER, SECOND, at=late)
        assert await code_of(host, data) == "policy-not-announced"


@pytest.mark.parametrize(
    ("made", "takes_notice"),
    [
        (washington(NO_PHOTO, version=2), False),
        (washington(NO_PHOTO, NO_ADDRESS, version=2, title="Another"), False),
        (washington(NO_PHOTO, NO_ADDRESS, version=2, notice_hours=NOTICE + 1), False),
        (washington(NO_PHOTO, NO_ADDRESS, version=2, notice_hours=NOTICE - 1), True),
        (washington(NO_PHOTO, NO_ADDRESS, version=2, notice_hours=0), True),
        (washington(NO_ADDRESS, version=2, notice_hours=0), True),
    ],
    ids=["address", "title", "longer", "shorter", "none", "both at once"],
)
async def test_what_takes_notice(made: PolicyBundle, takes_notice: bool) -> None:
    """Restricted classes do, and a shorter notice; the notice is that of the rules in force."""
    async with running(encode_bundle(STRICT)) as host:
        if takes_notice:
            code = await code_of(host, signed(made, REVIEWER, SECOND))
            assert code == "policy-not-announced"
        else:
            assert await published(host, made) == 2


async def test_no_notice_is_asked_for_where_none_is_in_force() -> None:
    """0 hours: two people and the gate, as ever."""
    strict = msgspec.structs.replace(STRICT, notice_hours=0)
    async with running(encode_bundle(strict)) as host:
        assert await published(host, PHOTOS) == 2


OWN = Guarantee(
    id="WA-1",
    sentence="No photo goes to anyone for traffic.",
    when=Condition(data_class=(DataClass.PHOTO,), purpose=(Purpose.TRAFFIC_SAFETY,)),
    reviewed=True,
)


async def test_what_breaks_a_promise_is_not_published() -> None:
    """Count, a request and the rule that releases it are told; without the promise it passes."""
    kept = washington(NO_PHOTO, notice_hours=0, guarantees=(OWN,))
    broken = washington(version=2, notice_hours=0, guarantees=(OWN,))
    async with running(encode_bundle(kept)) as host:
        data = signed(broken, REVIEWER, SECOND)
        with pytest.raises(Exception, match=r"WA-1 is broken by [\d,]+ kinds of .* by ALL; .*DQ"):
            await host.rulebook.publish(WA, data)
        assert await code_of(host, data) == "guarantee-broken"
        freed = msgspec.structs.replace(broken, guarantees=())
        assert await code_of(host, signed(freed, REVIEWER)) == "second-person-missing"
        assert await published(host, freed) == 2


async def test_dropping_a_promise_takes_two_people() -> None:
    """Its own, or one of all states; nothing is given more easily by that, and yet."""
    kept = washington(NO_PHOTO, notice_hours=0, guarantees=(OWN,), guarantee_opt_outs=())
    for changes in ({"guarantees": ()}, {"guarantee_opt_outs": NONE_OF_ALL}):
        made = msgspec.structs.replace(kept, version=2, **changes)
        async with running(encode_bundle(kept)) as host:
            assert await code_of(host, signed(made, REVIEWER)) == "second-person-missing"


async def test_a_promise_that_does_not_hold_is_not_made() -> None:
    """A new promise is proved when it is made, though nothing loosens."""
    open_rules = washington(notice_hours=0)
    made = washington(version=2, notice_hours=0, guarantees=(OWN,))
    all_given = msgspec.structs.replace(made, guarantees=(), guarantee_opt_outs=())
    async with running(encode_bundle(open_rules)) as host:
        for each in (made, all_given):
            assert await code_of(host, signed(each, REVIEWER, SECOND)) == "guarantee-broken"


async def test_no_restriction_waits_for_promise_or_notice() -> None:
    """Rules in force break every promise and have a notice: what only restricts passes."""
    broken = washington(guarantees=(OWN,), guarantee_opt_outs=())
    async with running(encode_bundle(broken)) as host:
        block = blocked(broken, FAMILY, "Order 14", NOW + DAY)
        await host.rulebook.publish(WA, signed(block, REVIEWER))
        stricter = msgspec.structs.replace(
            block, version=3, rules=(*block.rules, NO_ADDRESS), unconfirmed=block.unconfirmed
        )
        assert await published(host, stricter) == 3
