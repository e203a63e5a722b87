"""What one look at a ledger's checkpoint says, compared with the last good one.

Guarantee: the state moves only to a checkpoint that the ledger's key signed and that was proved to
continue the one before; a smaller one, another one of the same size, or one that is not proved is
an alarm, and the caller keeps both notes as evidence. Time is an argument.
Source: https://c2sp.org/tlog-checkpoint, "must never sign two inconsistent checkpoints";
docs/adr/0022-audit.md.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from comity.audit.findings import EvidenceError, EvidenceFormError, Finding, FindingCode
from comity.audit.growth import check_growth
from comity.audit.notes import SignedHead, TrustedKey, read_checkpoint

__all__ = ["Look", "WatchState", "look"]


class WatchState(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last good checkpoint, verbatim, and when (Unix seconds) its size was first seen."""

    origin: str
    note: str
    since_s: int


class Look(Struct, frozen=True, kw_only=True):
    """What a look came to: the state to keep, what was read, and an alarm if any.

    `note` is the checkpoint as it was read: with the one of the state, the evidence of an alarm.
    """

    state: WatchState | None
    note: bytes = b""
    head: SignedHead | None = None
    alarm: Finding | None = None


def look(
    fetch: Callable[[str], bytes],
    key: TrustedKey,
    before: WatchState | None,
    *,
    now_s: int,
    stall_s: int,
) -> Look:
    """Compare a ledger's checkpoint of now with the one before.

    stall_s: seconds after which a ledger that does not grow is an alarm.
    Raises: EvidenceFormError, EvidenceError if the state before is not by this key; whatever
            `fetch` raises but for an absent document.
    """
    old = None if before is None else read_checkpoint(before.note.encode(), key)
    note = b""
    try:
        note = fetch("checkpoint")
        head = read_checkpoint(note, key)
    except (LookupError, FileNotFoundError):
        alarm = _alarm(FindingCode.CHECKPOINT_MISSING, "there is no checkpoint")
    except EvidenceFormError as error:
        alarm = _alarm(FindingCode.CHECKPOINT_MALFORMED, str(error))
    except EvidenceError as error:
        alarm = _alarm(FindingCode.CHECKPOINT_UNVERIFIED, str(error))
    else:
        fresh = WatchState(origin=head.origin, note=note.decode(), since_s=now_s)
        if old is None or before is None:
            return Look(state=fresh, note=note, head=head)
        found = _doubt(fetch, old, head) or _stall(old, head, now_s - before.since_s, stall_s)
        grown = found is None and head.size > old.size
        return Look(state=fresh if grown else before, note=note, head=head, alarm=found)
    return Look(state=before, note=note, alarm=alarm)


def _doubt(fetch: Callable[[str], bytes], old: SignedHead, head: SignedHead) -> Finding | None:
    """Return why a head is no continuation of the one before, or None if it is one."""
    if head.size < old.size:
        text = f"{head.size} leaves are signed where {old.size} were"
        return _alarm(FindingCode.LEDGER_SHRUNK, text)
    if head.size == old.size and head.root != old.root:
        return _alarm(FindingCode.LEDGER_FORKED, f"two roots are signed for {head.size} leaves")
    try:
        check_growth(fetch, (old.size, old.root), (head.size, head.root))
    except (LookupError, FileNotFoundError):
        text = f"tiles that must prove the growth to {head.size} leaves are absent"
        return _alarm(FindingCode.LEDGER_INCONSISTENT, text)
    except EvidenceError:
        text = f"{head.size} leaves are signed that do not begin with the {old.size} before"
        return _alarm(FindingCode.LEDGER_INCONSISTENT, text)
    return None


def _stall(old: SignedHead, head: SignedHead, idle_s: int, stall_s: int) -> Finding | None:
    if head.size > old.size or idle_s <= stall_s:
        return None
    return _alarm(FindingCode.CHECKPOINT_STALLED, f"no new leaf for {idle_s} seconds")


def _alarm(code: FindingCode, text: str) -> Finding:
    return Finding(code=code, path="checkpoint", text=text)
