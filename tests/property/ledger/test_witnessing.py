"""Whatever histories a witness is shown, it cosigns one only; quorums grow with cosignatures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from comity.audit.witnesses import read_quorum
from comity.ledger.note import KeyKind, checkpoint_text, encode_vkey, sign_note
from comity.ledger.quorum import parse_quorum_file
from comity.ledger.witnessing import (
    WitnessedHead,
    WitnessKey,
    WitnessStatus,
    decide,
    encode_add_checkpoint,
    parse_add_checkpoint,
)
from tests.support.ledger import ORIGIN, NaiveTree, PracticeSigner, ledger_signer, witness_signer

LEDGER, WITNESS = ledger_signer(), witness_signer()
KEY = WitnessKey(key=WITNESS.key, signer=WITNESS)
LEAVES = 24
ENTRIES = [b"%d" % number for number in range(LEAVES)]
FORKS = [
    NaiveTree([*ENTRIES[:at], b"other", *ENTRIES[at + 1 :]]) for at in (0, 5, 8, 15, LEAVES - 1)
]
TREES = [NaiveTree(ENTRIES), *FORKS]
WITNESSES = [
    PracticeSigner(f"w{n}.example", bytes([n + 1]) * 32, KeyKind.COSIGNATURE) for n in range(6)
]


@given(
    st.lists(
        st.tuples(st.integers(0, len(TREES) - 1), st.integers(0, LEAVES), st.booleans()),
        max_size=12,
    )
)
def test_a_witness_cosigns_one_history(shown: list[tuple[int, int, bool]]) -> None:
    """Each cosigned head has the same beginning as every one before; sizes never go back."""
    head: WitnessedHead | None = None
    cosigned: list[tuple[int, int]] = []
    for which, size, knows_size in shown:
        tree = TREES[which]
        old = head.size if head is not None and knows_size else 0
        note = sign_note(checkpoint_text(ORIGIN, size, tree.root(size)), LEDGER.key, LEDGER)
        proof = tree.proof(old, size) if 0 < old < size else []
        request = parse_add_checkpoint(encode_add_checkpoint(old, proof, note))
        step = decide(request, [LEDGER.key], head, KEY, 1)
        if step.status is WitnessStatus.COSIGNED:
            assert step.head is not None
            assert all(TREES[a].root(b) == tree.root(b) and b <= size for a, b in cosigned)
            cosigned.append((which, size))
            head = step.head
        elif which == 0 and all(TREES[a].root(b) == tree.root(b) for a, b in cosigned):
            assert step.status in (WitnessStatus.OTHER_SIZE, WitnessStatus.MALFORMED)
            assert step.evidence is None
        if step.evidence is not None:
            assert head is not None
            assert tree.root(min(head.size, size)) != head.root


@st.composite
def quorum_files(draw: st.DrawFn) -> bytes:
    """A file over six witnesses with up to five groups, and a quorum that it defines."""
    lines = [f"witness w{n} {encode_vkey(w.key)}" for n, w in enumerate(WITNESSES)]
    free = [f"w{n}" for n in range(len(WITNESSES))]
    names = list(free)
    for number in range(draw(st.integers(0, 5))):
        if not free:
            break
        members = draw(st.lists(st.sampled_from(free), min_size=1, max_size=4, unique=True))
        count = draw(st.sampled_from(["any", "all", *map(str, range(1, len(members) + 1))]))
        lines.append(f"group g{number} {count} {' '.join(members)}")
        free = [name for name in free if name not in members] + [f"g{number}"]
        names.append(f"g{number}")
    lines.append(f"quorum {draw(st.sampled_from([*names, 'none']))}")
    return "\n".join(lines).encode()


@given(quorum_files(), st.sets(st.integers(0, 5)), st.integers(0, 5))
def test_one_more_cosignature_never_takes_a_quorum_away(
    data: bytes, cosigned: set[int], more: int
) -> None:
    """Writer and checker agree on every set, and a larger set is satisfied wherever its part is."""
    file, quorum = parse_quorum_file(data), read_quorum(data)

    def holds(numbers: set[int]) -> bool:
        satisfied = file.is_satisfied({WITNESSES[n].key for n in numbers})
        assert quorum.holds_for(frozenset(f"w{n}" for n in numbers)) == satisfied
        return satisfied

    assert holds(cosigned | {more}) >= holds(cosigned)
    assert file.quorum == "none" or not holds(set())
    assert holds(set(range(6)))
