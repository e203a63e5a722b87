"""How an outcome looks on a terminal and as JSON: the outcome first, then what it holds and why.

Guarantee: every outcome is a mark and words, never colour alone; what is withheld is named with its
rule; a state that did not answer never looks like one without a record.
"""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from comity.cli.asking import Outcome, Said, overall_response
from comity.cli.receipts import CheckedProof
from comity.cli.terminal import plain, print_pairs, print_wrapped
from comity.domain.answer import Element, ResponseKind, Withheld
from comity.domain.ids import Member, member_label
from comity.domain.vocabulary import DataClass, term
from comity.domain.vocabulary import Outcome as Decided

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["MARKS", "outcome_document", "show_outcome"]

MARKS: Final = {
    ResponseKind.HIT: "●",
    ResponseKind.NO_HIT: "○",
    ResponseKind.REFUSED: "✕",
    ResponseKind.HELD: "◆",
    ResponseKind.UNAVAILABLE: "…",
}
_STYLES: Final = {
    ResponseKind.HIT: "bold green",
    ResponseKind.NO_HIT: "bold",
    ResponseKind.REFUSED: "bold red",
    ResponseKind.HELD: "bold yellow",
    ResponseKind.UNAVAILABLE: "bold",
}
_WITHHELD: Final = {
    Decided.DENY: (MARKS[ResponseKind.REFUSED], "refused", "red"),
    Decided.HOLD: (MARKS[ResponseKind.HELD], "held for review", "yellow"),
    Decided.RELEASE: (MARKS[ResponseKind.HIT], "released", "green"),
}
_COUNTED: Final = (
    (ResponseKind.HIT, "record", "records"),
    (ResponseKind.NO_HIT, "without record", "without record"),
    (ResponseKind.REFUSED, "refused", "refused"),
    (ResponseKind.HELD, "held", "held"),
)
_DEEP: Final = "    "

Checks = Mapping[Member, Sequence[CheckedProof]]


def outcome_document(outcome: Outcome, checks: Checks, *, practice: bool) -> dict[str, Any]:
    """Return an outcome as `comity ask --json` prints it."""
    return {
        "practice": practice,
        "response": overall_response(outcome).value,
        "answers": [_document(said, checks.get(said.state, ())) for said in outcome.answers],
        "not_answered": list(outcome.silent),
        "earlier": [_document(said, ()) for said in outcome.earlier],
        "status": outcome.status,
        "seconds": round(outcome.seconds, 3),
    }


def _document(said: Said, checked: Sequence[CheckedProof]) -> dict[str, Any]:
    verdicts = {check.entry: check for check in checked}
    document: dict[str, Any] = {
        "state": said.state,
        "response": said.response.value,
        "words": said.words,
        "is_final": said.is_final,
        "record_kind": said.record_kind,
        "elements": [
            {"data_class": e.data_class, "name": e.name, "value": e.value} for e in said.elements
        ],
        "withheld": said.withheld,
        "hold": None,
        "remark": said.remark,
        "policy_entry": said.policy_entry,
        "entries": said.entries,
        "proofs": [
            {
                "entry": proof.entry,
                "verified": proof.entry in verdicts and verdicts[proof.entry].verified,
                "leaf": b64encode(proof.leaf).decode(),
                "receipt": b64encode(proof.receipt).decode(),
            }
            for proof in said.proofs
        ],
    }
    if said.hold is not None:
        hold = said.hold
        document["hold"] = {
            "until": _utc(hold.until).isoformat(),
            "contact": hold.contact,
            "entry": hold.entry,
        }
    return document


def show_outcome(console: Console, outcome: Outcome, checks: Checks, *, practice: bool) -> None:
    """Print an outcome for people: one sentence, then state by state what says more than it."""
    note = "practice data" if practice else ""
    is_single = len(outcome.answers) + len(outcome.silent) <= 1
    if not is_single:
        _line(console, _summary(outcome), "bold", note)
        note = ""
    _show_states(console, outcome, ResponseKind.NO_HIT, "no record", is_single=is_single)
    for said in sorted(outcome.answers, key=lambda said: member_label(said.state)):
        if is_single or said.response in {
            ResponseKind.HIT, ResponseKind.REFUSED, ResponseKind.HELD
        }:  # fmt: skip
            if not is_single:
                console.print()
            _show_answer(console, said, checks.get(said.state, ()), note)
    if outcome.silent:
        if not is_single:
            console.print()
        _show_silence(console, outcome, note if is_single and not outcome.answers else "")
    if not is_single:
        _show_receipt_count(console, checks)
    for said in outcome.earlier:
        words = f"{MARKS[said.response]} {member_label(said.state)}: {said.words.lower()}"
        entries = f" ({' '.join(said.entries)})" if said.entries else ""
        console.print()
        print_wrapped(console, f"To an earlier question: {words}{entries}", onward="  ")


def _summary(outcome: Outcome) -> str:
    count = len(outcome.answers) + len(outcome.silent)
    parts = []
    for response, one, many in _COUNTED:
        number = sum(said.response is response for said in outcome.answers)
        if number:
            parts.append(f"{number} {one if number == 1 else many}")
    if outcome.silent:
        parts.append(f"{len(outcome.silent)} not answered")
    return f"{count} states: {', '.join(parts)}"


def _show_states(
    console: Console, outcome: Outcome, response: ResponseKind, words: str, *, is_single: bool
) -> None:
    """Name the states whose answer is told by one line."""
    states = sorted(member_label(s.state) for s in outcome.answers if s.response is response)
    if states and not is_single:
        _line(console, f"{MARKS[response]} {words}: {', '.join(states)}", "")


def _show_silence(console: Console, outcome: Outcome, note: str) -> None:
    names = ", ".join(sorted(member_label(state) for state in outcome.silent))
    mark = MARKS[ResponseKind.UNAVAILABLE]
    _line(console, f"{mark} {names}: not answered within {outcome.seconds:.3g} s", "bold", note)
    console.print("  The question is kept and asked again; this is not `no record`.")
    if outcome.status:
        print_wrapped(console, f"The network says: {outcome.status.splitlines()[0]}", "  ")


def _line(console: Console, text: str, style: str, note: str = "") -> None:
    """Print a sentence in its style, the note behind it, or below where it does not fit."""
    from rich.text import Text  # noqa: PLC0415 - only where something is shown to people

    said = f"  ({note})" if note else ""
    is_apart = len(text) + len(said) > console.width
    line = Text(plain(text), style=style)
    if said and not is_apart:
        line.append(said, style="not bold dim default")
    console.print(line)
    if said and is_apart:
        console.print(Text(said, style="dim"))


def _show_answer(console: Console, said: Said, checked: Sequence[CheckedProof], note: str) -> None:
    words = said.words.lower()
    sentence = f"{MARKS[said.response]} {member_label(said.state)}: {words}"
    _line(console, sentence, _STYLES[said.response], note)
    if said.record_kind is not None and said.elements:
        console.print(f"\n{_capital(term(said.record_kind).label)}")
    _show_elements(console, said)
    _show_withheld(console, said.withheld)
    if said.hold is not None:
        until = _utc(said.hold.until)
        _pairs(
            console,
            "Waiting for a person",
            [
                ("until", f"{until:%Y-%m-%d %H:%M} UTC"),
                ("call", said.hold.contact),
                ("hold", said.hold.entry),
            ],
        )
    if said.remark:
        console.print("\nRemark")
        print_wrapped(console, said.remark, "  ")
    _show_receipt(console, said, checked)


def _show_elements(console: Console, said: Said) -> None:
    for data_class, elements in groupby(said.elements, key=lambda e: e.data_class):
        _pairs(
            console,
            _capital(term(data_class).label),
            [(_element_name(e), _element_value(e)) for e in elements],
            indent=2,
        )
    if said.has_photo:
        console.print("\n  Photo\n    released; ask with --form json to get it")


def _element_name(element: Element) -> str:
    return element.name.replace("_", " ").lower()


def _element_value(element: Element) -> str:
    if element.data_class is DataClass.PHOTO and len(element.value) > 80:
        return f"{len(element.value) * 3 // 4:,} bytes, in the JSON of --json"
    return element.value


def _show_withheld(console: Console, withheld: Iterable[Withheld]) -> None:
    """Name what is not released: the classes, the rule, its statute, what would change it."""
    parts = list(withheld)
    if parts:
        console.print("\nWithheld")
    for (decided, reasons, change), group in groupby(
        parts, key=lambda w: (w.outcome, w.reasons, w.would_change)
    ):
        mark, word, style = _WITHHELD[decided]
        classes = ", ".join(term(w.data_class).label for w in group)
        _line(console, f"  {mark} {classes}: {word}", style)
        for reason in reasons:
            print_wrapped(console, f"{reason.rule}: {reason.sentence}", _DEEP)
            if reason.statute:
                print_wrapped(console, reason.statute, _DEEP)
        if change:
            print_wrapped(console, f"To change this: {change}", _DEEP)


def _show_receipt(console: Console, said: Said, checked: Sequence[CheckedProof]) -> None:
    rows = [(check.entry, _receipt_words(said, check)) for check in checked]
    known = {check.entry for check in checked}
    rows += [(e, "in the ledger; text carries no proof") for e in said.entries if e not in known]
    if said.policy_entry:
        rows.append((said.policy_entry, "the policy that decided"))
    if rows:
        _pairs(console, "Receipt", rows)


def _show_receipt_count(console: Console, checks: Checks) -> None:
    """Say in one line what the receipts of many states came to."""
    checked = [check for state in checks.values() for check in state]
    verified = sum(check.verified for check in checked)
    if checked:
        console.print(f"\nReceipts: {verified} of {len(checked)} verified")
    for check in checked:
        if not check.verified:
            print_wrapped(console, f"{check.entry} NOT VERIFIED: {check.why}", "  ")


def _receipt_words(said: Said, check: CheckedProof) -> str:
    if check.verified:
        return f"verified: stands in {member_label(said.state)}'s ledger, signed"
    return f"NOT VERIFIED: {check.why}"


def _pairs(
    console: Console, title: str, rows: Iterable[tuple[str, str]], *, indent: int = 0
) -> None:
    console.print(f"\n{' ' * indent}{title}")
    print_pairs(console, rows, indent=indent + 2)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _utc(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
