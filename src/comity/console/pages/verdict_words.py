"""How a person's own verdict is told: that it waits, what it did, or why it had no effect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, assert_never

from comity.console.pages.planted_words import told_of_test
from comity.console.routes import Name, url_of
from comity.console.words import classes_said, counted, iso, listed, moment_said, plain
from comity.domain.answer import ResponseKind
from comity.domain.ids import Member
from comity.domain.verdict import VerdictKind
from comity.services.outgoing import Outgoing, Stage

__all__ = ["agency_of", "said_of", "verdict_rows"]

_MARKS_SAID: Final = {
    Stage.WAITS: "On its way",
    Stage.LEAVES: "On its way",
    Stage.UNKNOWN: "Not known",
}
"""What stands beside a mark's sign in place of its own word."""
_TEST_SAID: Final = "Test case"


def verdict_rows(own: Sequence[Outgoing], member: Member, now: int) -> list[dict[str, Any]]:
    """Return verdicts as the queue shows them; those given together, by what became of them."""
    groups: dict[object, list[Outgoing]] = {}
    for verdict in own:
        groups.setdefault(_group(verdict), []).append(verdict)
    return [
        said_of(group[0], member, now) if len(group) == 1 else _said_together(group, member, now)
        for group in groups.values()
    ]


def _group(verdict: Outgoing) -> object:
    """Return what verdicts have in common that are told in one row."""
    if verdict.together is None:
        return verdict.entry, verdict.signed.verdict.step
    shared = (verdict.together, verdict.stage, verdict.code, verdict.why)
    if verdict.done is None:
        return shared
    done = verdict.done
    return *shared, done.response, done.released, done.planted, verdict.hold.classes


def _said_together(group: Sequence[Outgoing], member: Member, now: int) -> dict[str, Any]:
    first = group[0]
    number, step = first.entry.rpartition("/")[2], first.signed.verdict.step
    case = first.together.case_number if first.together is not None else ""
    return {
        **said_of(first, member, now),
        "entry": f"{len(group)} requests of case {plain(case)}",
        "name": f"all {len(group)}",
        "sentence": f"{_sentence_together(group)}{_left_out(group)}",
        "take_back": url_of(Name.TAKE_BACK_SAME_CASE, number=number, step=step),
        "send": url_of(Name.SEND_SAME_CASE, number=number, step=step),
    }


def said_of(verdict: Outgoing, member: Member, now: int) -> dict[str, Any]:
    """Return a verdict as the queue shows it."""
    number = verdict.entry.rpartition("/")[2]
    step = verdict.signed.verdict.step
    return {
        "entry": verdict.entry.upper(),
        "name": verdict.entry.upper(),
        "mark": _mark(verdict),
        "mark_said": _TEST_SAID if _is_test(verdict) else _MARKS_SAID.get(verdict.stage),
        "sentence": f"{_sentence(verdict, member, now)}{_left_out([verdict])}",
        "waits": verdict.stage is Stage.WAITS,
        "is_settled": verdict.stage not in (Stage.WAITS, Stage.LEAVES),
        "leaves": iso(verdict.leaves_at),
        "leaves_said": moment_said(verdict.leaves_at, member, now),
        "seconds": max(0, verdict.leaves_at - now),
        "take_back": url_of(Name.TAKE_BACK, number=number, step=step),
        "send": url_of(Name.SEND_NOW, number=number, step=step),
        "case": url_of(Name.CASE, number=number),
        "code": verdict.code,
    }


def agency_of(verdict: Outgoing) -> str:
    """Return the name of who asked."""
    return verdict.hold.agency_name or verdict.hold.agency


def _is_test(verdict: Outgoing) -> bool:
    return verdict.done is not None and verdict.done.planted is not None


def _mark(verdict: Outgoing) -> str:
    if _is_test(verdict):
        return "none"
    if verdict.stage is not Stage.DONE or verdict.done is None:
        return "held"
    if verdict.kind is VerdictKind.REFUSE or verdict.done.response is ResponseKind.REFUSED:
        return "refused"
    if verdict.kind is VerdictKind.APPROVE and verdict.done.response is not ResponseKind.HELD:
        return "none" if verdict.done.response is ResponseKind.NO_HIT else "released"
    return "held"


def _sentence(verdict: Outgoing, member: Member, now: int) -> str:
    who = agency_of(verdict)
    match verdict.stage:
        case Stage.WAITS:
            return f"{_order(verdict, who)}{_with_pass(verdict, member, now)}. It has not left yet."
        case Stage.LEAVES:
            return f"{_order(verdict, who)}. It is leaving now and cannot be taken back."
        case Stage.TAKEN_BACK:
            return f"You took it back: nothing went to {who}, and the request waits again."
        case Stage.FAILED:
            return f"It had no effect: {verdict.why}."
        case Stage.UNKNOWN:
            return (
                f"{_order(verdict, who)}. Nobody knows whether it took effect: {verdict.why}. "
                "Give it again if the request still waits below; it counts once."
            )
        case Stage.DONE:
            assert verdict.done is not None
            recorded = f"Recorded as {verdict.done.entry.upper()}."
            return f"{_done(verdict, who, recorded)}{_granted(verdict, member, now)}"
        case _:
            assert_never(verdict.stage)


def _sentence_together(group: Sequence[Outgoing]) -> str:
    first = group[0]
    who = agency_of(first)
    match first.stage:
        case Stage.WAITS:
            return f"{_order_together(group, who)}. None of them has left yet."
        case Stage.LEAVES:
            return f"{_order_together(group, who)}. They are leaving and cannot be taken back."
        case Stage.TAKEN_BACK:
            return f"You took them back: nothing went to {who}, and the requests wait again."
        case Stage.FAILED:
            return f"They had no effect: {first.why}."
        case Stage.UNKNOWN:
            return (
                f"{_order_together(group, who)}. Nobody knows whether they took effect: "
                f"{first.why}. Give them again if the requests still wait below; each counts once."
            )
        case Stage.DONE:
            entries = [each.done.entry.upper() for each in group if each.done is not None]
            return _done(first, who, f"Recorded as {listed(entries)}.")
        case _:
            assert_never(first.stage)


def _order_together(group: Sequence[Outgoing], who: str) -> str:
    first = group[0]
    is_alike = all(each.hold.classes == first.hold.classes for each in group)
    if is_alike or first.kind not in (VerdictKind.APPROVE, VerdictKind.REFUSE):
        return _order(first, who)
    act = "Release" if first.kind is VerdictKind.APPROVE else "Refuse"
    return f"{act} what is held of each to {who}"


def _left_out(group: Sequence[Outgoing]) -> str:
    """Return which requests were left out, told beside the first of those that were not."""
    together = group[0].together
    keys = {(each.entry, each.signed.verdict.step) for each in group}
    if together is None or not together.left_out or together.first not in keys:
        return ""
    which = listed([entry.upper() for entry in together.left_out])
    is_one = len(together.left_out) == 1
    why = "it changed meanwhile, or is" if is_one else "they changed meanwhile, or are"
    said = "was" if is_one else "were"
    return f" {which} {said} left out: {why} for another reviewer to decide."


def _with_pass(verdict: Outgoing, member: Member, now: int) -> str:
    if verdict.with_it is None:
        return ""
    case_pass = verdict.with_it.case_pass
    until = moment_said(case_pass.until, member, now)
    return f", with a pass for its case {case_pass.case_number} until {until}"


def _granted(verdict: Outgoing, member: Member, now: int) -> str:
    """Return what became of the pass that went with it, as a sentence; empty for none."""
    granted = verdict.done.granted if verdict.done is not None else None
    if granted is None or verdict.with_it is None:
        return ""
    if granted.why_not:
        return f" No pass was granted: {granted.why_not}."
    case_pass = verdict.with_it.case_pass
    who = counted(len(case_pass.persons), "person or vehicle", "persons or vehicles")
    return (
        f" Later requests of this agency in case {case_pass.case_number} about {who} go at once "
        f"until {moment_said(granted.until, member, now)}: pass {granted.entry.upper()}."
    )


def _order(verdict: Outgoing, who: str) -> str:
    match verdict.kind:
        case VerdictKind.APPROVE:
            return f"Release {classes_said(verdict.approved)} to {who}"
        case VerdictKind.REFUSE:
            return f"Refuse {classes_said(verdict.hold.classes)} to {who}"
        case VerdictKind.ASK:
            return f"Ask {who} a question"
        case VerdictKind.ESCALATE:
            return "Pass the request on"
        case _:
            assert_never(verdict.kind)


def _done(verdict: Outgoing, who: str, recorded: str) -> str:
    done = verdict.done
    assert done is not None
    if done.planted is not None:
        return f"{told_of_test(done.planted, verdict.kind)} {recorded}"
    match verdict.kind:
        case VerdictKind.APPROVE if done.response is ResponseKind.REFUSED:
            return (
                f"You released it, and the rules in force now refuse it: {who} was told so. "
                f"{recorded}"
            )
        case VerdictKind.APPROVE if done.response is ResponseKind.HELD:
            return (
                f"You proposed it: another reviewer confirms it before anything goes to {who}, "
                f"and the clock goes on. {recorded}"
            )
        case VerdictKind.APPROVE if done.response is ResponseKind.NO_HIT:
            return f"{who} was told that there is no record. {recorded}"
        case VerdictKind.APPROVE if not done.released:
            return f"{who} was answered: the record has nothing of what you released. {recorded}"
        case VerdictKind.APPROVE:
            return f"{who} got {classes_said(done.released)}. {recorded}"
        case VerdictKind.REFUSE:
            return f"{who} was refused {classes_said(verdict.hold.classes)}. {recorded}"
        case VerdictKind.ASK:
            return f"{who} was asked; the request waits and its clock goes on. {recorded}"
        case VerdictKind.ESCALATE:
            return f"The request was passed on and waits; its clock goes on. {recorded}"
        case _:
            assert_never(verdict.kind)
