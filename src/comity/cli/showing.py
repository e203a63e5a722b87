"""How an outcome looks on a terminal and as JSON: the outcome first, then what it holds and why.

Guarantee: every outcome is a mark and words, never colour alone; what is withheld is named with its
rule; a state that did not answer never looks like one without a record.
"""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import msgspec

from comity.cli.asking import Outcome, overall_response
from comity.cli.heard import Arrived, Letter, Said
from comity.cli.receipts import CheckedProof
from comity.cli.terminal import plain, print_pairs, print_wrapped
from comity.domain.answer import FREE_TEXT, Element, ResponseKind, Withheld
from comity.domain.ids import OPERATOR_MEMBER, Member, member_label
from comity.domain.vocabulary import DataClass, RecordKind, term
from comity.domain.vocabulary import Outcome as Decided

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["MARKS", "arrived_document", "outcome_document", "show_arrived", "show_outcome"]

MARKS: Final = {
    ResponseKind.HIT: "●",
    ResponseKind.NO_HIT: "○",
    ResponseKind.REFUSED: "✕",
    ResponseKind.HELD: "◆",
    ResponseKind.DELIVERED: "→",
    ResponseKind.UNAVAILABLE: "…",
}
_STYLES: Final = {
    ResponseKind.HIT: "bold green",
    ResponseKind.NO_HIT: "bold",
    ResponseKind.REFUSED: "bold red",
    ResponseKind.HELD: "bold yellow",
    ResponseKind.DELIVERED: "bold green",
    ResponseKind.UNAVAILABLE: "bold",
}
_WITHHELD: Final = {
    Decided.DENY: (MARKS[ResponseKind.REFUSED], "refused", "red"),
    Decided.HOLD: (MARKS[ResponseKind.HELD], "held for review", "yellow"),
    Decided.RELEASE: (MARKS[ResponseKind.HIT], "released", "green"),
}
_COUNTED: Final = (
    (ResponseKind.HIT, "record", "records"),
    (ResponseKind.DELIVERED, "delivered", "delivered"),
    (ResponseKind.NO_HIT, "without record", "without record"),
    (ResponseKind.REFUSED, "refused", "refused"),
    (ResponseKind.HELD, "held", "held"),
)
_LISTED: Final = (
    (ResponseKind.HIT, "record"),
    (ResponseKind.DELIVERED, "delivered"),
    (ResponseKind.REFUSED, "refused"),
    (ResponseKind.HELD, "held"),
    (ResponseKind.NO_HIT, "no record"),
)
_TOLD: Final = frozenset({ResponseKind.HIT, ResponseKind.REFUSED, ResponseKind.HELD})
_DEEP: Final = "    "
_BAR: Final = "  │ "

Checks = Mapping[Member, Sequence[CheckedProof]]


def outcome_document(outcome: Outcome, checks: Checks, *, practice: bool) -> dict[str, Any]:
    """Return an outcome as `comity ask --json` prints it."""
    return {
        "practice": practice,
        "response": overall_response(outcome).value,
        "answers": [_document(said, checks.get(said.state, ())) for said in outcome.answers],
        "not_answered": list(outcome.silent),
        "ended": list(outcome.ended),
        "earlier": [_document(said, ()) for said in outcome.earlier],
        "messages": outcome.messages,
        "status": outcome.status,
        "seconds": round(outcome.seconds, 3),
    }


def arrived_document(arrived: Arrived, checks: Checks, reply_to: int) -> dict[str, Any]:
    """Return what came while a line was listened to, as `comity ask --json` prints it."""
    return {
        "reply_to": reply_to,
        "message": arrived.letter,
        "answers": [_document(said, checks.get(said.state, ())) for said in arrived.said],
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
    if len(outcome.answers) + len(outcome.silent) <= 1:
        _show_one(console, outcome, checks, note)
    else:
        _show_many(console, outcome, checks, note)
    for said in outcome.earlier:
        console.print()
        _show_brief(console, "To an earlier question: ", said)
    for letter in outcome.messages:
        console.print()
        _show_letter(console, letter)


def show_arrived(console: Console, arrived: Arrived, checks: Checks) -> None:
    """Print what came while a line was listened to: each answer whole, a message with its text."""
    if arrived.fault is not None or not arrived.said:
        _show_letter(console, arrived.letter)
    for said in arrived.said:
        _show_answer(console, said, "")
        _show_receipt(console, said, checks.get(said.state, ()))
    console.print()


def _show_one(console: Console, outcome: Outcome, checks: Checks, note: str) -> None:
    for said in outcome.answers:
        _show_answer(console, said, note)
        _show_receipt(console, said, checks.get(said.state, ()))
        note = ""
    if outcome.silent:
        _show_silence(console, outcome, note)
    elif not outcome.answers:
        _line(console, "The network has taken the message", "bold", note)
        _show_status(console, outcome)


def _show_many(console: Console, outcome: Outcome, checks: Checks, note: str) -> None:
    """Print a summary by state, each answer that says more, then the receipts of all."""
    _line(console, _summary(outcome), "bold", note)
    answers = sorted(outcome.answers, key=lambda said: member_label(said.state))
    for response, words in _LISTED:
        names = [member_label(said.state) for said in answers if said.response is response]
        _show_states(console, MARKS[response], words, names)
    names = sorted(map(member_label, outcome.silent))
    _show_states(console, MARKS[ResponseKind.UNAVAILABLE], "not answered", names)
    if outcome.silent:
        _show_silence_words(console, outcome)
    for same in _alike([said for said in answers if said.response in _TOLD]):
        console.print()
        _show_answer(console, same[0], "", names=[member_label(said.state) for said in same])
    _show_receipt_count(console, outcome, checks)


def _alike(answers: Sequence[Said]) -> list[list[Said]]:
    """Put answers together that differ in nothing but the state: a refusal of many, by one rule."""
    found: dict[bytes, list[Said]] = {}
    for said in answers:
        shown = (said.words, said.elements, said.withheld, said.hold, said.remark, said.has_photo)
        found.setdefault(msgspec.json.encode(shown), []).append(said)
    return list(found.values())


def _show_states(console: Console, mark: str, words: str, names: Sequence[str]) -> None:
    if names:
        head = f"{mark} {words}: "
        print_wrapped(console, ", ".join(names), head, "  ")


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


def _show_silence(console: Console, outcome: Outcome, note: str) -> None:
    names = ", ".join(sorted(map(member_label, outcome.silent)))
    mark = MARKS[ResponseKind.UNAVAILABLE]
    _line(console, f"{mark} {names}: not answered within {outcome.seconds:.3g} s", "bold", note)
    _show_silence_words(console, outcome)


def _show_silence_words(console: Console, outcome: Outcome) -> None:
    """Say what becomes of a question that was not answered."""
    if len(outcome.ended) < len(outcome.silent):
        console.print("  The question is kept and asked again; this is not `no record`.")
    if outcome.ended:
        names = ", ".join(sorted(map(member_label, outcome.ended)))
        words = "the question has ended without an answer; this is not `no record`."
        print_wrapped(console, f"{names}: {words}", "  ")
    _show_status(console, outcome)


def _show_status(console: Console, outcome: Outcome) -> None:
    if outcome.status:
        print_wrapped(console, f"The network says: {outcome.status.splitlines()[0]}", "  ")


def _show_brief(console: Console, start: str, said: Said) -> None:
    """Tell an answer in one line, and where it stands; a free text whole: it comes but once."""
    words = f"{start}{MARKS[said.response]} {member_label(said.state)}: {said.words.lower()}"
    entries = f" ({' '.join(said.entries)})" if said.entries else ""
    print_wrapped(console, f"{words}{entries}", onward="  ")
    _show_elements(console, said)


def _show_letter(console: Console, letter: Letter) -> None:
    """Show a message: who wrote to whom and when, then its text, line by line."""
    control = f", control {letter.control}" if letter.control is not None else ""
    head = f"{letter.key} from {letter.origin} to {letter.destination}, {letter.at}{control}"
    _line(console, head, "bold")
    _show_text(console, letter.text)


def _line(console: Console, text: str, style: str, note: str = "") -> None:
    """Print a sentence in its style, the note behind it, or below where it does not fit."""
    from rich.text import Text  # noqa: PLC0415 - only where something is shown to people

    said = f"  ({note})" if note else ""
    is_apart = len(text) + len(said) > console.width
    indent = " " * (len(text) - len(text.lstrip()))
    lines = wrap(plain(text), console.width, subsequent_indent=f"{indent}  ")
    line = Text("\n".join(lines), style=style)
    if said and not is_apart:
        line.append(said, style="not bold dim default")
    console.print(line)
    if said and is_apart:
        console.print(Text(said, style="dim"))


def _show_answer(
    console: Console, said: Said, note: str, names: Sequence[str] | None = None
) -> None:
    """Show an answer whole, without its receipt; `names` are the states that gave the same."""
    names = names or [_capital(member_label(said.state))]
    words = said.words.lower()
    _line(
        console, f"{MARKS[said.response]} {', '.join(names)}: {words}", _STYLES[said.response], note
    )
    if said.record_kind not in {None, RecordKind.OTHER} and said.elements:
        console.print(f"\n{_capital(term(said.record_kind).label)}")
    _show_elements(console, said)
    is_awaited = said.response is ResponseKind.DELIVERED
    if not is_awaited:
        _show_withheld(console, said.withheld)
    if said.hold is not None:
        until = _utc(said.hold.until)
        rows = [
            ("until", f"{until:%Y-%m-%d %H:%M} UTC"),
            ("call", said.hold.contact),
            ("hold", said.hold.entry),
        ]
        title = "Waiting for the agency's answer" if is_awaited else "Waiting for a person"
        _pairs(console, title, [row for row in rows if row[1]])
    if said.remark:
        console.print("\nRemark")
        print_wrapped(console, said.remark, "  ")


def _show_elements(console: Console, said: Said) -> None:
    for data_class, elements in groupby(said.elements, key=lambda e: e.data_class):
        rows = list(elements)
        texts = [e.value for e in rows if data_class is DataClass.OPAQUE and e.name == FREE_TEXT]
        named = [(_element_name(e), _element_value(e)) for e in rows if e.value not in texts]
        _pairs(console, _capital(term(data_class).label), named, indent=2)
        for text in texts:
            _show_text(console, text)
    if said.has_photo:
        console.print("\n  Photo\n    released; ask with --form json to get it")


def _show_text(console: Console, text: str) -> None:
    """Print a free text as it stands, behind a bar: none of its lines can be taken for ours."""
    for line in text.splitlines() or [""]:
        if len(_BAR) + len(line) <= console.width:
            console.print(f"{_BAR}{plain(line)}".rstrip(), soft_wrap=True)
        else:
            print_wrapped(console, line, _BAR, f"{_BAR}  ")


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


def _show_receipt_count(console: Console, outcome: Outcome, checks: Checks) -> None:
    """Say in a few lines what the receipts of many states came to: those of records one by one."""
    checked = [check for state in checks.values() for check in state]
    verified = sum(check.verified for check in checked)
    told = [said for said in outcome.answers if said.response in _TOLD and said.entries]
    if checked:
        console.print(f"\nReceipts: {verified} of {len(checked)} verified")
    elif told:
        console.print("\nReceipts: in the ledgers; text carries no proof")
    for said in sorted(told, key=lambda said: member_label(said.state)):
        print_wrapped(console, f"{member_label(said.state)}: {' '.join(said.entries)}", "  ")
    for check in checked:
        if not check.verified:
            print_wrapped(console, f"{check.entry} NOT VERIFIED: {check.why}", "  ")


def _receipt_words(said: Said, check: CheckedProof) -> str:
    if check.verified:
        return f"verified: stands in {_ledger_of(said.state)}, signed"
    return f"NOT VERIFIED: {check.why}"


def _ledger_of(state: Member) -> str:
    label = member_label(state)
    return f"the ledger of {label}" if state == OPERATOR_MEMBER else f"{label}'s ledger"


def _pairs(
    console: Console, title: str, rows: Iterable[tuple[str, str]], *, indent: int = 0
) -> None:
    console.print(f"\n{' ' * indent}{title}")
    print_pairs(console, rows, indent=indent + 2)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _utc(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
