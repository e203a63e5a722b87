"""`comity ledger status`: how a ledger stands, and what of it the public does not see yet."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from comity.app.wire import open_bus
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.reviewing import COMMAND_USER
from comity.cli.terminal import AsJson, facts_console, print_json, print_wrapped, say
from comity.domain.ids import Member, member_label
from comity.link.command import AskStatus, CommandDone
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.sending import send_command

__all__ = ["standing"]

_SEALED: Final = {0: "No leaf stands", 1: "One leaf stands"}
_COUNTS: Final = ("leaves", "detail_sealed", "detail_overdue")


def standing(
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose ledger.")],
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say how a ledger stands: its size, its policy, what it shows now and what later."""
    member = member_of(state)
    settings = settings_of(data)
    facts = asyncio.run(_status(settings, member))
    if as_json:
        numbers = {name: int(facts[name]) for name in _COUNTS}
        texts = {name: facts[name] for name in ("policy", "publication")}
        print_json({"state": member, "owned": facts["owned"] == "yes", **numbers, **texts})
        return
    sealed, overdue = int(facts["detail_sealed"]), int(facts["detail_overdue"])
    mark = "●" if facts["owned"] == "yes" and not overdue else "✕"
    note = "  (practice data)" if settings.is_practice else ""
    size = int(facts["leaves"])
    say(f"{mark} {member_label(member)}: a ledger of {size:,} leaves under {facts['policy']}{note}")
    if facts["owned"] != "yes":
        say("  This host does not write it: it was refused at the start, or another host has it.")
    print_wrapped(facts_console(), facts["publication"], "  ")
    say(f"  {_SEALED.get(sealed, f'{sealed:,} leaves stand')} sealed.")
    if overdue:
        say(
            f"  {overdue:,} of them could not be opened though their time is over: "
            "the key of their month may be lost (event `detail_not_opened`)."
        )


async def _status(settings: Settings, member: Member) -> dict[str, str]:
    async with open_bus(settings, COMMAND_USER) as bus:
        host = HostFiles(settings.data_dir).host_name()
        result = await send_command(bus, host, AskStatus(member=member))
    assert isinstance(result, CommandDone)
    return dict(result.facts)
