"""`comity policy publish, confirm, shadow, history`: rules on their way, and as they were.

What is published, confirmed or announced is signed here and carried out by the state's gateway.
Source: docs/adr/0028-publishing-rules.md, docs/adr/0030-announcing-rules.md.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from comity.app.books import open_records
from comity.app.database import open_ledger_reader
from comity.cli.errors import UsageError
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.publishing import people_of, published, shadowed, signed_policy, signed_shadow
from comity.cli.rules import (
    IN_FORCE,
    NamedRules,
    RulesName,
    askers_of,
    named_rules,
    national_of,
)
from comity.cli.terminal import AsJson, facts_console, print_json, print_wrapped, say
from comity.domain.decision import RuleId
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, member_label
from comity.link.command import CommandDone
from comity.policy import PolicyBundle
from comity.policy.block import UNCONFIRMED_SECONDS_MAX, brought_back, confirmed, lifted_blocks
from comity.policy.english import join_words
from comity.policy.space import Space, space_of
from comity.roles.settings import Settings
from comity.services.rule_history import Version, read_bundles, read_signers, versions_of

__all__ = ["As", "SignedBy", "confirm", "history", "publish", "shadow"]

As = Annotated[
    list[str] | None,
    typer.Option("--as", metavar="NAME", help="Whose key kept here signs; repeat for two."),
]
SignedBy = Annotated[
    list[Path] | None,
    typer.Option("--signed-by", metavar="FILE", help="A signer's key file; repeat for two."),
]
_Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Private; kept with it.")]
_TWO: Final = 2
_HOUR_SECONDS: Final = 3_600


def publish(
    rules: RulesName,
    *,
    names: As = None,
    signed_by: SignedBy = None,
    note: _Note = "",
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Put rules into force: the next version of their state, signed by those who answer for it.

    What loosens takes two different people and the gate, keeps what the state promises, and, where
    its rules ask for notice, was announced in time. A file's own version does not count; @ST:3
    brings version 3 back, by the same path.
    """
    settings = settings_of(data)
    named = named_rules(settings, rules)
    bundle, standing = _next(settings, named)
    people = people_of(settings, bundle.state, names or [], signed_by or [], _TWO)
    done = published(settings, bundle.state, signed_policy(bundle, people, note))
    _say_published(done, bundle, standing, [person.name for person in people], as_json=as_json)


def confirm(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The clause, as in BLOCK-1.")],
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose rules.")],
    names: As = None,
    signed_by: SignedBy = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Confirm a clause that one person put into force; another person signs."""
    member, settings = member_of(state), settings_of(data)
    standing = named_rules(settings, f"@{member}").bundle
    bundle = confirmed(standing, RuleId(rule.upper()))
    people = people_of(settings, member, names or [], signed_by or [], 1)
    done = published(settings, member, signed_policy(bundle, people))
    _say_published(done, bundle, standing, [person.name for person in people], as_json=as_json)


def shadow(
    rules: RulesName,
    *,
    ends: Annotated[
        bool, typer.Option("--end", help="End what the state of these rules has announced.")
    ] = False,
    names: As = None,
    signed_by: SignedBy = None,
    note: _Note = "",
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Announce rules: a leaf that everyone can read, and nothing is decided by it.

    One person signs. They stand until others are announced or anything is published.
    """
    settings = settings_of(data)
    named = named_rules(settings, rules)
    bundle, standing = _next(settings, named)
    if ends:
        bundle = standing
    people = people_of(settings, bundle.state, names or [], signed_by or [], 1)
    done = shadowed(settings, bundle.state, signed_shadow(bundle, people, note))
    signers = [person.name for person in people]
    # Announced before, they stand since then.
    since = int(dict(done.facts).get("since", "0"))
    opens = None if ends else since + standing.notice_hours * _HOUR_SECONDS
    if as_json:
        print_json({"state": bundle.state, "version": bundle.version, "entry": done.entry,
                    "signed_by": signers, "ended": ends, "notice_hours": standing.notice_hours,
                    "under": standing.version, "since": since or None, "opens": opens})  # fmt: skip
        return
    label = member_label(bundle.state)
    if ends:
        say(f"○ {label}: nothing stands announced any more, recorded as {done.entry}")
        return
    say(f"● {label}: version {bundle.version} of its rules is announced as {done.entry}")
    say(f"  It decides nothing: version {standing.version} is in force.")
    say(f"  signed by {join_words(signers, 'and')}")
    say(f"  What it would have decided since: comity policy replay @{bundle.state}:shadow")
    if standing.notice_hours and opens is not None:
        say(f"  What loosens a restricted class may be published from {_minute(opens)} on.")


def _next(settings: Settings, named: NamedRules) -> tuple[PolicyBundle, PolicyBundle]:
    """Return rules as the next version of their state, and the version in force."""
    standing = named_rules(settings, f"@{named.bundle.state}").bundle
    if named.is_earlier:
        wait = min(UNCONFIRMED_SECONDS_MAX, settings.confirm_seconds_max)
        until = int(time.time()) + wait
        return brought_back(named.bundle, standing, until), standing
    return msgspec.structs.replace(named.bundle, version=standing.version + 1), standing


def _say_published(
    done: CommandDone,
    bundle: PolicyBundle,
    before: PolicyBundle,
    names: list[str],
    *,
    as_json: bool,
) -> None:
    lifted = lifted_blocks(before, bundle)
    if as_json:
        print_json({"state": bundle.state, "version": bundle.version, "entry": done.entry,
                    "signed_by": names, "lifted": [rule.id for rule in lifted]})  # fmt: skip
        return
    label = member_label(bundle.state)
    say(f"● {label}: version {bundle.version} of its rules is in force from {done.entry} on")
    say(f"  signed by {join_words(names, 'and')}")
    for rule in lifted:
        # Going back to before a block lifts it, which nobody may learn from the next query.
        what = f"{rule.id} ({rule.statute.cite}) no longer blocks {rule.when.agency[0]}."
        print_wrapped(facts_console(), what, "  ")
    for each in bundle.unconfirmed:
        # Rounded down: confirmed at the minute that is named, it is in time.
        until = _minute(each.until // 60 * 60)
        say(f"  {each.rule} is not confirmed: by {until}, or it becomes a hold")


def history(
    rules: Annotated[str, typer.Argument(metavar="@ST", help="Whose rules.")],
    *,
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=1, max=1_000, help="How many, newest first.")
    ] = 20,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of a state's rules: since when, what changed, and who signed.

    Names are shown where the state's own month keys are. What was announced stands among them.
    """
    settings, member = settings_of(data), member_of(rules.removeprefix(IN_FORCE))
    askers, _ = askers_of(settings)
    found, is_whole = asyncio.run(_read(settings, member, space_of(askers), last))
    if not found:
        raise UsageError(f"`{member}` has published no rules here")
    in_force = next((each for each in found if each.standing == "in force"), None)
    announced = next((each for each in found if each.standing == "announced"), None)
    if as_json:
        print_json({"state": member, "in_force": in_force and in_force.version,
                    "announced": announced and announced.version, "whole": is_whole,
                    "shown": [_document(each) for each in found]})  # fmt: skip
        return
    console = facts_console()
    label = member_label(member)
    if in_force is None:
        say(f"○ {label}: the version in force is older than the last {len(found):,} shown here")
    else:
        since = _hour(in_force.hour)
        say(f"● {label}: version {in_force.version} of its rules has been in force since {since}")
    if announced is not None:
        say(f"  Version {announced.version} stands announced; nothing is decided by it.")
    if not is_whole:
        say(f"  Older ones are not shown: --last {len(found):,}.")
    for each in found:
        say("")
        mark = {"in force": "●", "announced": "◆"}.get(each.standing, "○")
        say(f"{mark} version {each.version}  {each.entry}  {_hour(each.hour)}  {each.standing}")
        print_wrapped(console, each.changed, "    ")
        if each.signed_by is not None:
            who = join_words(list(each.signed_by), "and")
            say(f"    signed by {who}" if who else "    made by the gateway itself")


def _document(version: Version) -> dict[str, object]:
    hour = datetime.fromtimestamp(version.hour, UTC)
    return {**msgspec.to_builtins(version), "hour": f"{hour:%Y-%m-%dT%H}Z"}


async def _read(
    settings: Settings, member: Member, space: Space, last: int
) -> tuple[list[Version], bool]:
    """Return the newest versions, newest first, and whether there are no older ones."""
    async with open_ledger_reader(settings, [member]) as (store, ledger):
        read = await read_bundles(store, ledger, member, last)
    signers: dict[LeafIndex, tuple[str, ...]] = {}
    with suppress(ComityError):
        async with open_records(settings, member) as records:
            signers = await read_signers(records, member, read.indexes)
    national = partial(national_of, settings)
    return versions_of(member, read, signers, space, national), read.is_whole


def _hour(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H}h UTC"


def _minute(at: int) -> str:
    # Rounded up: published at the minute that is named, it is in time.
    return f"{datetime.fromtimestamp(-(-at // 60) * 60, UTC):%Y-%m-%d %H:%M} UTC"
