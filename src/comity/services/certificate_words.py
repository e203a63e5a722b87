"""A certificate as people read it: rows of words, which screen, text and page on paper all show.

Guarantee: all of them say the same words. What can be checked is the JSON alone.
"""

from __future__ import annotations

from typing import Final

from comity.domain.certificate import (
    Certificate,
    CertificateKind,
    CertifiedGuarantee,
    SecondProof,
    SignedCertificate,
)
from comity.domain.ids import member_label
from comity.policy.certified import (
    certificate_sentence,
    certificate_words,
    long_time,
    utc_time,
)
from comity.policy.guarantee import default_guarantees
from comity.ports import Paper

__all__ = ["certificate_lines", "certificate_rows", "certificate_text", "paper_of"]

_SECOND: Final = {
    SecondProof.AGREES: "counted; the solver agrees",
    SecondProof.ALONE: "by the solver alone",
    SecondProof.DISAGREES: "not proved: count and solver disagree",
    SecondProof.UNDECIDED: "not proved: the solver decides nothing",
}
_FOUND: Final = {
    CertificateKind.BLOCK: "had probed it itself",
    CertificateKind.GUARANTEES: "had proved them itself",
}
_PRACTICE: Final = "PRACTICE DATA: nothing here is about real people or agencies."


def certificate_lines(signed: SignedCertificate) -> list[str]:
    """Return a certificate as lines of text: first what it says, then what that rests on."""
    return [f"{start}{text}" for start, text in certificate_rows(signed)]


def certificate_text(signed: SignedCertificate) -> bytes:
    """Return a certificate as a text file."""
    return ("\n".join(certificate_lines(signed)) + "\n").encode()


def certificate_rows(signed: SignedCertificate) -> list[tuple[str, str]]:
    """Return each line of a certificate, with what stands before its words."""
    made = signed.certificate
    facts = [*_facts(made), *_stands_over(made), ("signed by", _signer(signed))]
    facts[-4:-4] = [("waits", sentence) for sentence in _waits(made)]
    rows = [(f"{'●' if made.holds else '✕'} ", certificate_sentence(made))]
    if made.practice:
        rows.append(("  ", _PRACTICE))
    rows += [("", ""), *((f"  {name:<14}", value) for name, value in facts), ("", "")]
    if made.block is not None:
        rows += [
            ("  probe         ",
             f"{probe.agency} asked {probe.key}: {probe.outcome}, recorded as {probe.entry}")
            for probe in made.block.probes
        ]  # fmt: skip
    for each in made.guarantees:
        rows += [(f"  {'●' if each.holds else '✕'} ", each.sentence), ("      ", _counted(each))]
    for name, sentence in _opted_out(made):
        rows += [("  ○ ", sentence), ("      ", f"not promised: these rules opt out of {name}")]
    return rows


def paper_of(signed: SignedCertificate, file: str) -> Paper:
    """Return what stands on a certificate's page; `file` is its JSON, by which it is checked."""
    made = signed.certificate
    claim, outcome = certificate_words(made, day_of=long_time)
    label = member_label(made.state)
    head, widths, numbers, rows = _table(made)
    return Paper(
        title=f"Certificate of {'guarantees' if made.block is None else 'a block'}",
        author=f"Gateway of {label}",
        headline=f"{claim}.",
        sentences=(f"{outcome[:1].upper()}{outcome[1:]}.", *_waits(made)),
        holds=made.holds,
        practice=made.practice,
        facts_title="What it rests on",
        facts=tuple(map(_named, _facts(made))),
        table_title="Guarantees" if made.block is None else "Probes",
        head=head,
        widths=widths,
        numbers=numbers,
        rows=rows,
        check=(
            f"This page was set from the file {file}. Its every byte is signed by the gateway host"
            f" that {label} certifies in its own signed part of the directory, after the gateway"
            f" {_FOUND[made.kind]}. Who has the file checks it:"
        ),
        command=f"comity policy check-certificate {file}",
        void=(
            "It is void as soon as the rules, the families of those who may ask, or the"
            " vocabularies are others than these. Every leaf named here stands in the public"
            " ledger, which anyone can audit."
        ),
        digests=tuple(map(_named, (*_stands_over(made), ("signature", signed.signature.hex())))),
        footer=f"{label}, {made.entry}, made {utc_time(made.at)}",
        at=made.at,
    )


_Table = tuple[
    tuple[str, ...], tuple[int, ...], tuple[int, ...], tuple[tuple[str, ...], ...]
]  # heads, shares of the width, columns of figures, rows


def _table(made: Certificate) -> _Table:
    if made.block is not None:
        rows = [(each.agency, each.key, each.outcome, each.entry) for each in made.block.probes]
        return ("Agency that asked", "Query", "Outcome", "Recorded as"), (4, 2, 3, 3), (), (*rows,)
    head = ("Guarantee", "Holds", "Examined", "Break it", "Proof")
    return (
        head,
        (15, 4, 8, 6, 9),
        (2, 3),
        tuple(
            (
                each.sentence,
                "yes" if each.holds else "NO",
                "-" if each.examined is None else f"{each.examined:,}",
                "-" if each.broken is None else f"{each.broken:,}",
                _SECOND[each.solver],
            )
            for each in made.guarantees
        )
        + tuple(
            (sentence, "not given", "-", "-", f"opted out of {name}")
            for name, sentence in _opted_out(made)
        ),
    )


def _opted_out(made: Certificate) -> list[tuple[str, str]]:
    """Return what a state does not give, by id and in words where they are known here."""
    sentences = {each.id: each.sentence for each in default_guarantees()}
    return [(name, sentences.get(name, name)) for name in made.opted_out]


def _named(row: tuple[str, str]) -> tuple[str, str]:
    name, value = row
    return f"{name[:1].upper()}{name[1:]}", value


def _facts(made: Certificate) -> tuple[tuple[str, str], ...]:
    block = made.block
    rules = ("recorded as", f"{made.entry}, version {made.policy_version} of the rules")
    if block is None:
        return (rules, ("made at", utc_time(made.at)))
    return (
        ("by", block.authority),
        ("family", f"{block.family}, and all below it"),
        ("clause", block.rule),
        rules,
        ("in force from", utc_time(block.since)),
        ("made at", utc_time(made.at)),
    )


def _waits(made: Certificate) -> tuple[str, ...]:
    block = made.block
    if block is None or block.unconfirmed_until is None:
        return ()
    until = utc_time(block.unconfirmed_until)
    return (f"Another person confirms it by {until}, or it becomes a hold.",)


def _stands_over(made: Certificate) -> tuple[tuple[str, str], ...]:
    return (
        ("rules SHA-256", made.rules.hex()),
        ("families", made.families.hex()),
        ("vocabularies", made.vocabularies.hex()),
    )


def _signer(signed: SignedCertificate) -> str:
    made = signed.certificate
    return f"gateway host {signed.host}, which {_FOUND[made.kind]}"


def _counted(each: CertifiedGuarantee) -> str:
    return f"{_kinds(each)}; {_SECOND[each.solver]}"


def _kinds(each: CertifiedGuarantee) -> str:
    if each.examined is None:
        return "too many to count"
    if not each.examined:
        return "nothing of this kind can be asked"
    return f"{each.examined:,} examined, {each.broken:,} break it"
