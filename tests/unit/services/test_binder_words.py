"""The binder in words: each clause with its law and mark, what is missing, who signed, proof."""

from __future__ import annotations

import datetime as dt
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from comity.adapters.errors import PaperError
from comity.adapters.typst import BINDER_BYTES_MAX, CLAUSES_MAX, set_binder
from comity.domain.decision import RuleId
from comity.domain.ids import LeafIndex, Member
from comity.policy import encode_bundle
from comity.policy.templates import load_template
from comity.ports import Binder, BinderGroup
from comity.services.binder_words import BinderFacts, binder_of
from comity.services.rules_as_of import AsOf, Decided, LeafProof
from tests.support.pdf import printed
from tests.unit.adapters.test_typst import HOSTILE

WA = Member("wa")
BUNDLE = load_template("wa")
DECIDED = Decided(
    released=1_200, no_record=7, refused=3, held=2, first=13, beyond=1_225, is_whole=True
)
PROOF = LeafProof(
    leaf_hash=b"\x01" * 32,
    origin="ledger.example/wa",
    size=1_300,
    root=b"\x02" * 32,
    path_hashes=11,
)
FOUND = AsOf(
    member=WA,
    leaf_index=LeafIndex(12),
    entry="wa/12",
    since=1_773_446_400,
    until=None,
    bundle=BUNDLE,
    digest=sha256(encode_bundle(BUNDLE)).digest(),
    same_day=(),
    decided=DECIDED,
    proof=PROOF,
)
FACTS = BinderFacts(
    day=dt.date(2026, 3, 14),
    at=1_773_500_000,
    is_today=False,
    rules=tuple(rule for rule in BUNDLE.rules if rule.enabled),
    signers=("author", "counsel"),
    shows_names=True,
    practice=True,
)


def binder(found: AsOf = FOUND, **changes: Any) -> Binder:
    """The binder of Washington's template, with facts altered."""
    return binder_of(found, msgspec.structs.replace(FACTS, **changes))


def test_each_clause_stands_with_its_law_and_mark() -> None:
    """Where it stands, its sense, how far it was checked; every rule of the bundle once."""
    made = binder()
    clauses = [clause for group in made.groups for clause in group.clauses]
    assert sorted(clause.id for clause in clauses) == sorted(rule.id for rule in BUNDLE.rules)
    (one,) = [clause for clause in clauses if clause.id == "WA-S02"]
    where, says = one.laws[0]
    assert where == "RCW 43.17.425"
    assert says.endswith("(V: its text was read)")
    assert one.checked[:3] in ("V: ", "S: ", "K: ", "P: ")


def test_the_finding_is_of_the_day_or_of_now() -> None:
    """What is over is told as over."""
    assert "clauses decided at the end of 14 March 2026 who gets records" in binder().headline
    assert "clauses decide now who gets records" in binder(is_today=True).headline
    assert binder().title == "Rules as of 14 March 2026"


def test_hours_are_of_the_states_own_zone() -> None:
    """The day that is asked for is the state's, so the hours are."""
    facts = dict(binder().facts)
    assert facts["In force since"] == "17:00 PDT, 13 March 2026"
    until = msgspec.structs.replace(FOUND, until=1_783_500_000)
    assert dict(binder(until).facts)["In force until"].endswith(" PDT, 8 July 2026")


@pytest.mark.parametrize(
    ("signers", "named", "said"),
    [
        (("author", "counsel"), True, "author and counsel"),
        (("author", "counsel"), False, "two people"),
        ((), False, "made by the gateway itself"),
        (None, True, "cannot be read here"),
    ],
)
def test_signers_are_named_or_counted(
    signers: tuple[str, ...] | None, named: bool, said: str
) -> None:
    """By who reads; what cannot be opened is said so."""
    assert dict(binder(signers=signers, shows_names=named).facts)["Signed by"] == said


def test_national_rules_that_are_not_kept_are_said_to_be_missing() -> None:
    """The state's own clauses stand, and no national ones of another day."""
    made = binder(rules=None)
    assert any("are not kept here" in sentence for sentence in made.sentences)
    assert made.headline.endswith("; national rules are missing here.")
    assert not any("are not kept here" in sentence for sentence in binder().sentences)


def test_what_is_not_proved_is_not_claimed() -> None:
    """Without a checkpoint there is no root, and no command that would need it."""
    made = binder(msgspec.structs.replace(FOUND, proof=None))
    assert made.check.startswith("No signed checkpoint")
    assert [name for name, _ in made.digests] == ["Rules, SHA-256"]
    assert made.commands == ()
    assert binder().commands[1] == "comity ledger prove wa/12 --from ledger --to proof"


def test_counts_say_what_they_left_out() -> None:
    """The leaves counted, and whether more stand behind them; nothing counted is said too."""
    assert "WA/13 to WA/1224" in binder().counts_note
    part = msgspec.structs.replace(DECIDED, is_whole=False)
    assert binder(msgspec.structs.replace(FOUND, decided=part)).counts_note.endswith(
        "not counted here."
    )
    none = msgspec.structs.replace(DECIDED, beyond=13)
    assert binder(msgspec.structs.replace(FOUND, decided=none)).counts_note.startswith("No leaf")


def test_paper_holds_every_word() -> None:
    """Every sentence of the value stands on paper, and the same bytes come of the same value."""
    made = binder()
    data = set_binder(made)
    assert data == set_binder(made)
    words = "".join(printed(data).split())
    said = [made.headline, *made.sentences, made.counts_note, *made.promises, *made.commands]
    said += [value for pair in (*made.facts, *made.counts) for value in pair]
    for group in made.groups:
        for clause in group.clauses:
            said += [clause.id, clause.sentence, clause.statute, *sum(clause.laws, ())]
    for each in said:
        assert "".join(each.split()) in words, each


@pytest.mark.parametrize("words", HOSTILE)
def test_words_are_never_code(words: str) -> None:
    """A clause, a title, a sense with signs of the setter's language are text."""
    rule = msgspec.structs.replace(BUNDLE.rules[0], id=RuleId(words), sentence=words, label=words)
    bundle = msgspec.structs.replace(BUNDLE, title=words, rules=(rule,))
    made = binder(msgspec.structs.replace(FOUND, bundle=bundle), rules=(rule,), signers=(words,))
    assert set_binder(made).startswith(b"%PDF-")


def test_what_is_too_long_is_not_set() -> None:
    """At the number of clauses it is; one more, or too many bytes, is refused before it is set."""
    made = binder()
    clause = made.groups[0].clauses[0]
    many = BinderGroup(
        title="Holds", outcome="held", note="", clauses=(clause,) * (CLAUSES_MAX + 1)
    )
    with pytest.raises(PaperError):
        set_binder(msgspec.structs.replace(made, groups=(many,)))
    with pytest.raises(PaperError):
        set_binder(msgspec.structs.replace(made, check="x" * BINDER_BYTES_MAX))
