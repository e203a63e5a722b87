"""What an audit, a comparison, a recount or a look comes to, in sentences."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from comity.audit.counts import CountsRow
from comity.audit.findings import AuditReport, Finding
from comity.audit.pairs import PairReport
from comity.audit.succession import SuccessionReport
from comity.audit.watching import Look
from comity.cli.exports import practice_note
from comity.cli.terminal import fact_table, facts_console, say

__all__ = [
    "say_counts",
    "say_findings",
    "say_look",
    "say_pair",
    "say_report",
    "say_succession",
]

_FINDINGS_SHOWN: Final = 20
_REDACTIONS_SHOWN: Final = 20
_ROWS_SHOWN: Final = 40


def say_report(report: AuditReport) -> None:
    """Say what an audit of one ledger came to; one line if there is nothing else to say."""
    name = report.origin.rpartition("/")[2]
    root = b64encode(report.root).decode() or "none"
    note = practice_note(report.origin)
    if not report.ok:
        found = _count(len(report.findings), "finding")
        say(f"✕ {name}: {report.size:,} leaves, {found}; root {root}{note}")
        say_findings(report.findings)
        return
    say(f"● {name}: {report.size:,} leaves, whole; root {root}{note}")
    if report.bundles_withdrawn:
        say(f"  {len(report.bundles_withdrawn)} bundles withdrawn, each accounted for")
    for redaction in report.redactions[:_REDACTIONS_SHOWN]:
        say(f"  leaf {redaction.index} is redacted by leaf {redaction.by}")
    _say_more(len(report.redactions) - _REDACTIONS_SHOWN)


def say_findings(findings: Sequence[Finding]) -> None:
    """Say each of the first findings."""
    for finding in findings[:_FINDINGS_SHOWN]:
        say(f"  {finding.code} {finding.path}: {finding.text}")
    _say_more(len(findings) - _FINDINGS_SHOWN)


def say_pair(pair: PairReport) -> None:
    """Say what the comparison of both sides came to."""
    mark = "✕" if pair.findings else "●"
    found = f"; {_count(len(pair.findings), 'finding')}" if pair.findings else ""
    say(f"{mark} double entry: {pair.matched:,} outcomes match their queries{found}")
    rest = {
        "of them say a value in the open on one side only": pair.veiled,
        "outcomes are of queries in other ledgers": pair.elsewhere,
        "outcomes are of queries that are newer than the copy given here": pair.recent,
        "outcomes are of queries in withdrawn bundles": pair.withdrawn,
        "queries beyond the window have fewer answers here than they asked for": pair.unanswered,
    }
    for text, count in rest.items():
        if count:
            say(f"  {count:,} {text}")
    say_findings(pair.findings)


def say_succession(found: SuccessionReport) -> None:
    """Say how a successor and the ledger it goes on from belong together."""
    name, note = found.origin.rpartition("/")[2], practice_note(found.origin)
    if found.findings:
        said = _count(len(found.findings), "finding")
        say(f"✕ {name}: not shown to succeed {found.retired}: {said}{note}")
        say_findings(found.findings)
    else:
        why = found.reason.replace("_", " ")
        say(f"● {name} begins with {found.cut:,} leaves of {found.retired} ({why}){note}")
    for head in found.heads:
        root = b64encode(head.root).decode()
        where = "beyond the cut" if head.size > found.cut else "of another history"
        what = f"is {where}: evidence, not record" if head.is_beyond else "is part of it"
        say(f"  the retired key's head of {head.size:,} leaves {what}; root {root}")


def say_counts(rows: Sequence[CountsRow], leaves: int, *, is_compared: bool) -> None:
    """Say what was counted: the largest rows, largest first."""
    compared = ", compared with the published document" if is_compared else ""
    say(f"  {leaves:,} live leaves counted in {_count(len(rows), 'row')}{compared}")
    largest = sorted(rows, key=lambda row: (-row.count, row.month, row.agency))[:_ROWS_SHOWN]
    columns = ("count", "month", "agency", "key", "purpose", "decision")
    cells = [(f"{r.count:,}", r.month, r.agency, r.key, r.purpose, r.decision) for r in largest]
    fact_table(facts_console(), columns, cells)
    _say_more(len(rows) - _ROWS_SHOWN)


def say_look(origin: str, seen: Look) -> None:
    """Say what one look at a checkpoint came to."""
    name, note = origin.rpartition("/")[2], practice_note(origin)
    if seen.alarm is not None:
        say(f"✕ {name}: {seen.alarm.code}: {seen.alarm.text}{note}")
    elif seen.head is not None:
        root = b64encode(seen.head.root).decode()
        say(f"● {name}: {seen.head.size:,} leaves; root {root}{note}")


def _say_more(count: int) -> None:
    if count > 0:
        say(f"  and {count:,} more; --json lists them all")


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"
