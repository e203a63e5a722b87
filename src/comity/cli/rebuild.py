"""`comity ledger rebuild`: the public files of sealed segments, compared and made again."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from comity.app.books import open_rebuilding
from comity.cli.errors import ExitCode, UsageError
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.terminal import AsJson, print_json, progress, say
from comity.domain.ids import Member
from comity.roles.settings import Settings
from comity.services.ledger_keys import LedgerKeyError
from comity.services.rebuilding import FileFinding, RebuildReport

__all__ = ["rebuild"]

_SHOWN_MAX: Final = 20


def rebuild(
    *,
    state: Annotated[str, typer.Option("--state", metavar="ST", help="Whose ledger.")],
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare only; write nothing, end with 5 if they differ."),
    ] = False,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write public files that are missing or damaged again, from the database.

    Every file of the ledger's sealed segments is compared with what its leaves make. Ends with 5 if
    something is not as it should be and could not be mended.
    """
    member = member_of(state)
    report = asyncio.run(_look(settings_of(data), member, mends=not check))
    if as_json:
        print_json(
            {
                "state": member,
                "whole": report.is_whole,
                "segments": report.segments,
                "segments_without_rows": report.from_files,
                "files": report.files,
                "findings": report.findings,
            }
        )
    else:
        _say(member, report)
    raise typer.Exit(ExitCode.OK if report.is_whole else ExitCode.UNVERIFIED)


async def _look(settings: Settings, member: Member, *, mends: bool) -> RebuildReport:
    try:
        with progress() as bars:
            task = bars.add_task(f"segments of {member}", total=None)
            async with open_rebuilding(settings, member, mends=mends) as rebuilding:
                return await rebuilding.run(
                    member, lambda done, of: bars.update(task, completed=done, total=of)
                )
    except LedgerKeyError:
        raise UsageError(f"the ledger of `{member}` is not kept by this installation") from None


def _say(member: Member, report: RebuildReport) -> None:
    open_findings = [finding for finding in report.findings if not finding.is_mended]
    mended = len(report.findings) - len(open_findings)
    mark = "●" if report.is_whole else "✕"
    sealed = "1 sealed segment" if report.segments == 1 else f"{report.segments} sealed segments"
    tail = f", {mended} mended" if mended else ""
    wrong = f", {len(open_findings)} not as they should be" if open_findings else ""
    say(f"{mark} {member}: {sealed}, {report.files:,} public files{tail}{wrong}")
    if report.from_files:
        say(
            f"  the rows of {report.from_files} of them have left the database: their bundles are "
            "checked by their hashes, and can only come from a backup"
        )
    for finding in report.findings[:_SHOWN_MAX]:
        say(f"  {_sentence(finding)}")
    if len(report.findings) > _SHOWN_MAX:
        say(f"  and {len(report.findings) - _SHOWN_MAX:,} more; --json lists them all")


def _sentence(finding: FileFinding) -> str:
    done = ", mended" if finding.is_mended else ""
    why = f": {finding.why}" if finding.why else ""
    return f"{finding.fault.value} {finding.path}{done}{why}"
