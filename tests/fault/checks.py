"""What must hold after any crash, checked on evidence alone: each check returns what does not hold.

The lines' own lists are one entry, the exported ledgers the other; nothing of the network's own
state is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from comity.audit.evidence import check_receipt
from comity.audit.hashing import fold, leaf_hash
from comity.domain.answer import Answer, ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import parse_entry_name
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.vocabulary import LeafKind
from tests.fault.crash import Evidence
from tests.fault.lines import Sent

OUTCOMES = frozenset(
    {LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD, LeafKind.VERDICT, LeafKind.CLOSURE}
)

TO_PEOPLE = frozenset({"AM", "YQ"})


def _messages(evidence: Evidence) -> Iterator[tuple[str, Sent]]:
    for line in evidence.lines:
        for sent in line.sent.values():
            yield f"{line.name} {sent.number}", sent


def _answers(evidence: Evidence) -> Iterator[tuple[str, Answer]]:
    for name, sent in _messages(evidence):
        for answer in sent.answers:
            yield name, answer


def _headers(evidence: Evidence) -> Iterator[tuple[str, LeafHeader]]:
    for member, leaves in evidence.leaves.items():
        for index, leaf in enumerate(leaves):
            yield f"{member}/{index}", parse_leaf(leaf)


def not_accepted(evidence: Evidence) -> list[str]:
    """Messages that were never accepted, and deliveries that say that a good one is faulty."""
    waiting = [f"{line.name} {n}" for line in evidence.lines for n in line.unaccepted()]
    faults = [
        f"{line.name} {kept.event.reply_to}: {kept.said.fault.code}"
        for line in evidence.lines
        for kept in line.kept
        if kept.said.fault is not None
    ]
    return waiting + faults


def not_ended(evidence: Evidence) -> list[str]:
    """Accepted messages without exactly one final answer of every state asked."""
    wrong = []
    for name, sent in _messages(evidence):
        for state in sent.states:
            finals = sent.final(state)
            if len(finals) != 1:
                wrong.append(f"{name}: {len(finals)} final answers of {state}")
        strangers = {a.state for a in sent.answers} - set(sent.states)
        wrong += [f"{name}: answered by {state}, which was not asked" for state in strangers]
    return wrong


def with_gaps(evidence: Evidence) -> list[str]:
    """Exchanges of which an answer before the final one did not arrive."""
    wrong = []
    for name, sent in _messages(evidence):
        for state in sent.states:
            steps = {a.step: len(a.proofs) for a in sent.answers if a.state == state}
            expected = 0
            for step in sorted(steps):
                if step != expected:
                    wrong.append(f"{name}: of {state}, step {expected} is missing")
                expected = step + steps[step]
    return wrong


def with_two_outcomes(evidence: Evidence) -> list[str]:
    """Answers of the same exchange and step that differ in anything but their receipts."""
    seen: dict[tuple[bytes, str, int], bytes] = {}
    wrong = []
    for name, answer in _answers(evidence):
        proofs = tuple(msgspec.structs.replace(p, receipt=b"") for p in answer.proofs)
        said = msgspec.msgpack.encode(msgspec.structs.replace(answer, proofs=proofs))
        key = (answer.exchange_id, answer.state, answer.step)
        if seen.setdefault(key, said) != said:
            wrong.append(f"{name}: {answer.state} step {answer.step} was answered in two ways")
    return wrong


def not_proved(evidence: Evidence) -> list[str]:
    """Answers without a receipt that verifies, or whose leaf is not in the exported ledger."""
    wrong = []
    for name, answer in _answers(evidence):
        if not answer.proofs:
            wrong.append(f"{name}: an answer of {answer.state} has no proof")
        for proof in answer.proofs:
            member, index = parse_entry_name(proof.entry)
            try:
                proved = check_receipt(proof.receipt, proof.leaf, evidence.host_key)
            except ComityError as error:
                wrong.append(f"{name}: {proof.entry}: {error.code}")
                continue
            if proved.index != index or not proved.origin.endswith(f"/{member}"):
                wrong.append(f"{name}: {proof.entry}: the receipt is of another leaf")
            leaves = evidence.leaves[member]
            if index >= len(leaves) or leaves[index] != proof.leaf:
                wrong.append(f"{name}: {proof.entry}: another leaf stands there")
    return wrong


def forked(evidence: Evidence) -> list[str]:
    """Heads that a receipt signs and that the exported ledger does not continue."""
    signed: dict[str, dict[int, set[bytes]]] = {}
    for _, answer in _answers(evidence):
        for proof in answer.proofs:
            member, _ = parse_entry_name(proof.entry)
            proved = check_receipt(proof.receipt, proof.leaf, evidence.host_key)
            signed.setdefault(member, {}).setdefault(proved.size, set()).add(proved.root)
    wrong = []
    for member, leaves in evidence.leaves.items():
        heads = signed.get(member, {})
        peaks: list[tuple[int, bytes]] = []
        for size, leaf in enumerate(leaves, start=1):
            _grow(peaks, leaf_hash(leaf))
            if heads.pop(size, {_root(peaks)}) != {_root(peaks)}:
                wrong.append(f"{member}: a head of {size} leaves is another tree's")
        wrong += [f"{member}: a head of {size} leaves is beyond the ledger" for size in heads]
    return wrong


def _grow(peaks: list[tuple[int, bytes]], node: bytes) -> None:
    height = 0
    while peaks and peaks[-1][0] == height:
        node = fold([peaks.pop()[1], node])
        height += 1
    peaks.append((height, node))


def _root(peaks: list[tuple[int, bytes]]) -> bytes:
    root = peaks[-1][1]
    for _, peak in reversed(peaks[:-1]):
        root = fold([peak, root])
    return root


def wrong_queries(evidence: Evidence) -> list[str]:
    """Messages that do not have exactly one `query` leaf of their own, and leaves without one."""
    queries = {n: h for n, h in _headers(evidence) if h.kind is LeafKind.QUERY}
    cited: Counter[str] = Counter()
    wrong = []
    for name, sent in _messages(evidence):
        peers = {
            header.peer
            for answer in sent.answers
            for header in (parse_leaf(proof.leaf) for proof in answer.proofs)
            if header.peer is not None
        }
        if len(peers) != 1:
            wrong.append(f"{name}: its answers name {len(peers)} queries")
        for peer in peers:
            cited[peer] += 1
            if not _is_of(queries.get(peer), sent):
                wrong.append(f"{name}: {peer} is not its query leaf")
    wrong += [f"{entry} is the query leaf of {n} messages" for entry, n in cited.items() if n > 1]
    wrong += [f"{entry} is the query leaf of no message" for entry in queries if entry not in cited]
    return wrong


def _is_of(header: LeafHeader | None, sent: Sent) -> bool:
    query = sent.query
    return header is not None and (
        (header.agency, header.key, header.purpose, header.fan_out)
        == (query.origin, query.key, query.claims.purpose.value, len(sent.states))
    )


def wrong_entries(evidence: Evidence) -> list[str]:
    """Outcomes of a ledger that are not exactly one step of one exchange that its asker holds."""
    held: dict[str, set[tuple[bytes, int]]] = {}
    for _, answer in _answers(evidence):
        for place, proof in enumerate(answer.proofs):
            step = (answer.exchange_id, answer.step + place)
            held.setdefault(proof.entry, set()).add(step)
    outcomes = {name for name, header in _headers(evidence) if header.kind in OUTCOMES}
    steps = Counter(step for found in held.values() for step in found)
    return [
        *(f"{entry} was never delivered" for entry in sorted(outcomes - held.keys())),
        *(f"{entry} is no outcome" for entry in sorted(held.keys() - outcomes)),
        *(f"{entry} is cited for two steps" for entry, found in held.items() if len(found) > 1),
        *(f"step {step} stands in two leaves" for (_, step), n in steps.items() if n > 1),
    ]


def out_of_order(evidence: Evidence) -> list[str]:
    """Deliveries that came behind a later one, and were not in the line's list before.

    An acknowledgement is of all before it too, so that what is new must come in order.
    """
    wrong = []
    for line in evidence.lines:
        known: set[int] = set()
        last = (0, 0)
        for kept in line.kept:
            place = (kept.connection, kept.event.number)
            if not kept.event.number or kept.event.number in known:
                continue
            if place[0] == last[0] and place[1] <= last[1]:
                wrong.append(f"{line.name}: delivery {place[1]} came after {last[1]}")
            known.add(kept.event.number)
            last = place
    return wrong


def audited(evidence: Evidence) -> list[str]:
    """What the audits of the exported ledgers found."""
    wrong = [f"{m}: {text}" for m, found in evidence.findings.items() for text in found]
    sizes = {m: len(leaves) for m, leaves in evidence.leaves.items()}
    return wrong + [f"{m}: size" for m in sizes if sizes[m] != evidence.sizes[m]]


def not_merged(evidence: Evidence) -> list[str]:
    """Messages to the whole network without one message that speaks of every state."""
    wrong = []
    for name, sent in _messages(evidence):
        if not sent.is_merged:
            wrong += [f"{name}: a merged message nobody asked for"] * bool(sent.merged)
            continue
        if not sent.merged:
            wrong.append(f"{name}: no merged message")
        for merged in sent.merged:
            if set(merged.asked) != set(sent.states):
                wrong.append(f"{name}: its message speaks of other states than it asked")
    return wrong


def wrong_mail(evidence: Evidence) -> list[str]:
    """Messages to people that were told as delivered and were not, or not once, and others.

    A delivery may come again; under another number it would be read for a second message.
    """
    numbers: dict[tuple[str, str | None], set[int]] = {}
    for line in evidence.lines:
        for kept in line.mail:
            said = kept.said.delivery
            numbers.setdefault((said.destination, said.control), set()).add(kept.event.number)
    wrong = [f"{place}: under {len(n)} numbers" for place, n in numbers.items() if len(n) > 1]
    let_in = set()
    for name, sent in _messages(evidence):
        if sent.query.key not in TO_PEOPLE:
            continue
        place = (sent.query.destinations[0], sent.query.control)
        if any(a.response is ResponseKind.DELIVERED for a in sent.answers):
            let_in.add(place)
            wrong += [f"{name}: told as delivered, and was not"] * (place not in numbers)
    untold = numbers.keys() - let_in
    return wrong + [f"{place}: delivered, and its sender not told" for place in untold]
