"""`comity directory small`: which agencies ask so seldom that the ledger should not name them.

It proposes; what a member lists as small is changed by its part, which its own key signs.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from comity.app.database import open_ledger_reader
from comity.cli.errors import UsageError
from comity.cli.files import write_whole
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.parts import load_part
from comity.cli.terminal import (
    AsJson,
    fact_table,
    facts_console,
    print_json,
    progress,
    remark,
    say,
)
from comity.directory.part import part_body
from comity.domain.agency import Agency, DirectoryPart
from comity.domain.ids import Member, member_label
from comity.exchange.leaves import HOUR_SECONDS
from comity.roles.settings import Settings
from comity.services.asked_counts import AskedCounts, asked_counts

__all__ = ["small"]

_YEAR_SECONDS: Final = 365 * 86_400


def small(
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose agencies.")],
    below: Annotated[
        int, typer.Option("--below", metavar="N", min=1, help="Fewer queries than this are few.")
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write the next part with these as small."),
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Propose which agencies the public ledger should show as small.

    Counts what each asked in the last twelve months, by the ledger's own leaves. Those that stand
    as small already are not told apart there, and stay small.
    """
    member = member_of(state)
    settings = settings_of(data)
    part = asyncio.run(load_part(settings, member))
    counts = asyncio.run(_counts(settings, member))
    proposed = [
        agency for agency in part.agencies if not agency.small and counts.named[agency.ori] < below
    ]
    if to is not None:
        _write(part, proposed, to)
    if as_json:
        print_json(
            {
                "state": member,
                "below": below,
                "proposed": [{"ori": a.ori, "queries": counts.named[a.ori]} for a in proposed],
                "small_now": [agency.ori for agency in part.agencies if agency.small],
                "queries_small": counts.small,
                "queries_sealed": counts.sealed,
                "to": None if to is None else str(to),
            }
        )
        return
    _say(member, below, proposed, counts)
    if to is not None:
        say(f"  Sign it: comity directory sign {to} --to FILE")


async def _counts(settings: Settings, member: Member) -> AskedCounts:
    since = (int(time.time()) - _YEAR_SECONDS) // HOUR_SECONDS
    with progress() as bars:
        task = bars.add_task(f"leaves of {member}", total=None)
        async with open_ledger_reader(settings, [member]) as (store, rows):
            checkpoint = await store.checkpoint(member)
            size = 0 if checkpoint is None else checkpoint.size
            return await asked_counts(
                rows, member, size, since, lambda done: bars.update(task, completed=done)
            )


def _write(part: DirectoryPart, proposed: list[Agency], to: Path) -> None:
    if not proposed:
        raise UsageError("`--to`: nothing would change, so no part is written")
    chosen = {agency.ori for agency in proposed}
    agencies = tuple(
        msgspec.structs.replace(a, small=True) if a.ori in chosen else a for a in part.agencies
    )
    following = msgspec.structs.replace(part, agencies=agencies, version=part.version + 1)
    write_whole(to, part_body(following))


def _say(member: Member, below: int, proposed: list[Agency], counts: AskedCounts) -> None:
    mark = "●" if proposed else "○"
    named = "1 agency" if len(proposed) == 1 else f"{len(proposed)} agencies"
    times = "once" if below == 1 else f"{below} times"
    said = f"{named} asked fewer than {times} in the last twelve months"
    say(f"{mark} {member_label(member)}: {said}")
    if proposed:
        rows = [(a.ori, a.name, str(counts.named[a.ori])) for a in proposed]
        fact_table(facts_console(), ("ori", "agency", "queries"), rows)
    if counts.sealed:
        remark(f"queries that stand sealed, and are counted for no agency yet: {counts.sealed:,}")
    if counts.small:
        remark(f"queries of agencies that stand as small already: {counts.small:,}")
