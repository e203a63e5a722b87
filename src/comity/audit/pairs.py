"""Double entry: every outcome against the query that it cites in the asking member's ledger.

Guarantee: an outcome passes only if the leaf that it cites is there, is a `query`, and says the
same agency, key, purpose, offence and instrument wherever both sides say it in the open. A query
passes only if no more ledgers answered than it asked; with every ledger at hand, only if as many
answered or were given up within the redelivery window.
Memory: 22 bytes a leaf and 29 an outcome, of at most 2^25 leaves in all, and the agencies' names.
Source: docs/adr/0002-ids-vocabularies-leaves.md, field `pe`; docs/adr/0022-audit.md, Double entry.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct

from comity.audit.findings import EvidenceError, Finding, FindingCode
from comity.domain.ids import Member, parse_entry_name
from comity.domain.keys import KEYS, MessageKey

__all__ = ["AGENCIES_MAX", "PAIR_LEAVES_MAX", "WINDOW_HOURS", "DoubleEntry", "PairReport"]

WINDOW_HOURS: Final = 168
"""Hours in which a query may be sent again; a later one is refused (ADR 0002, 7 days)."""

PAIR_LEAVES_MAX: Final = 33_554_432
"""Leaves of all ledgers of one comparison together, about 1.2 GB."""

AGENCIES_MAX: Final = 1_048_576
"""Distinct agencies that one comparison can tell apart."""

_FINDINGS_MAX: Final = 1_000
_LEDGERS_MAX: Final = 64
_OUTCOMES: Final = frozenset({"disclosure", "denial", "hold"})
_FIELDS: Final = ("agency", "key", "purpose", "offence", "instrument")
_SHIFTS: Final = (32, 24, 16, 8, 0)
_MASKS: Final = (0xFFFF_FFFF, 0xFF, 0xFF, 0xFF, 0xFF)
_NO_QUERY: Final = 0
_UNREAD: Final = 2**64 - 1
_VEILED: Final = 1
"""Stands for a value that is not said in the open: `sealed`, or a small agency."""


class _Leaf(
    Struct,
    frozen=True,
    gc=False,
    rename={
        "kind": "k",
        "mode": "m",
        "hour": "h",
        "agency": "ag",
        "key": "mk",
        "purpose": "pu",
        "offence": "of",
        "instrument": "in",
        "peer": "pe",
        "fan_out": "fo",
        "cites": "re",
    },
):
    """What a comparison reads of a leaf whose form is already checked."""

    kind: str
    mode: str
    hour: int
    agency: str = ""
    key: str = ""
    purpose: str = ""
    offence: str = ""
    instrument: str = ""
    peer: str = ""
    fan_out: int = 0
    cites: str = ""


_leaves: Final = msgspec.json.Decoder(_Leaf)


class PairReport(Struct, frozen=True, kw_only=True):
    """What a comparison came to.

    matched: outcomes whose query is there and says the same; veiled: those of them where one side
    does not say a value in the open; elsewhere: outcomes of queries in ledgers that were not given;
    recent: outcomes of queries beyond the end of the copy that was given; withdrawn: of queries
    that are no longer public; unanswered: queries beyond the window with fewer answers in the given
    ledgers than they asked for.
    """

    matched: int
    veiled: int
    elsewhere: int
    recent: int
    withdrawn: int
    queries: int
    unanswered: int
    findings: tuple[Finding, ...]


class _Ledger:
    """One ledger's queries by index, and its outcomes in order."""

    def __init__(self, place: int) -> None:
        self.bit = 1 << place
        self.newest_hour = 0
        self.said = array("Q")
        self.hours = array("I")
        self.fan_outs = array("B")
        self.answered = array("Q")
        self.closures = array("B")
        self.outcome_indexes = array("Q")
        self.outcome_hours = array("I")
        self.outcome_said = array("Q")
        self.peer_places = array("B")
        self.peer_indexes = array("Q")

    def extend(self, size: int) -> None:
        """Make room for leaves up to a size; what is not read stays unread."""
        more = size - len(self.said)
        self.said.extend([_UNREAD] * more)
        for column in (self.hours, self.fan_outs, self.answered, self.closures):
            column.frombytes(bytes(column.itemsize * more))


class DoubleEntry:
    """Gathers what audited ledgers say (`read`), then compares them (`report`)."""

    def __init__(self, members: Sequence[Member], *, is_complete: bool) -> None:
        """is_complete: these are all ledgers that a query could have been answered in."""
        if len(set(members)) != len(members) or len(members) > _LEDGERS_MAX:
            raise EvidenceError("`ledgers` name one member twice, or are more than 64")
        self._ledgers = {member: _Ledger(place) for place, member in enumerate(members)}
        self._places = {member: place for place, member in enumerate(members)}
        self._is_complete = is_complete
        self._numbers: dict[str, dict[str, int]] = {
            name: {"": _NO_QUERY, "sealed": _VEILED} for name in _FIELDS
        }
        self._leaves_read = 0
        self._counts = dict.fromkeys(PairReport.__struct_fields__[:-1], 0)

    def read(self, member: Member, first: int, entries: Sequence[bytes]) -> None:
        """Take the leaves of one bundle of a ledger. Raises: EvidenceError beyond a limit."""
        self._leaves_read += len(entries)
        if self._leaves_read > PAIR_LEAVES_MAX:
            raise EvidenceError("`ledgers` have more than 33,554,432 leaves together")
        ledger = self._ledgers[member]
        ledger.extend(first + len(entries))
        for index, leaf in enumerate(_leaves.decode_lines(b"\n".join(entries)), first):
            ledger.newest_hour = max(ledger.newest_hour, leaf.hour)
            ledger.said[index] = _NO_QUERY
            if leaf.kind == "query":
                ledger.said[index] = self._pack(leaf, _delivered(leaf.key))
                ledger.hours[index] = leaf.hour
                ledger.fan_outs[index] = leaf.fan_out
            elif leaf.kind in _OUTCOMES and leaf.mode == "live":
                # What is not live nobody asked: no origin has its query.
                self._note_outcome(ledger, index, leaf)
            elif leaf.kind == "closure":
                self._note_closure(ledger, member, leaf)

    def _note_outcome(self, ledger: _Ledger, index: int, leaf: _Leaf) -> None:
        peer, peer_index = parse_entry_name(leaf.peer)
        if peer not in self._places:
            self._counts["elsewhere"] += 1
            return
        ledger.outcome_indexes.append(index)
        ledger.outcome_hours.append(leaf.hour)
        ledger.outcome_said.append(self._pack(leaf, leaf.key))
        ledger.peer_places.append(self._places[peer])
        ledger.peer_indexes.append(peer_index)

    @staticmethod
    def _note_closure(ledger: _Ledger, member: Member, leaf: _Leaf) -> None:
        """Count what was given up of a query of this ledger; a hold's end cites no query."""
        cited, index = parse_entry_name(leaf.cites)
        if cited == member and index < len(ledger.closures):
            ledger.closures[index] = min(ledger.closures[index] + 1, 255)

    def _pack(self, leaf: _Leaf, key: str) -> int:
        """Return the five values as one number, each value by the number that it got."""
        agency = "sealed" if leaf.agency.startswith("small:") else leaf.agency
        packed = 0
        values = (agency, key, leaf.purpose, leaf.offence, leaf.instrument)
        for name, value, shift in zip(_FIELDS, values, _SHIFTS, strict=True):
            numbers = self._numbers[name]
            number = numbers.get(value)
            if number is None:
                number = numbers[value] = len(numbers)
                if number >= AGENCIES_MAX:
                    raise EvidenceError("`ledgers` name more than 1,048,576 agencies")
            packed |= number << shift
        return packed

    def report(self) -> PairReport:
        """Compare what was read."""
        # Outcomes first: they mark the queries that they answer.
        found = [*islice(self._outcome_findings(), _FINDINGS_MAX)]
        found += islice(self._query_findings(), _FINDINGS_MAX - len(found))
        if len(found) >= _FINDINGS_MAX:
            found.append(_finding(FindingCode.AUDIT_STOPPED, "ledgers", "too many findings"))
        return PairReport(**self._counts, findings=tuple(found))

    def _outcome_findings(self) -> Iterator[Finding]:
        members = list(self._ledgers)
        for member, ledger in self._ledgers.items():
            columns = (
                ledger.outcome_indexes, ledger.outcome_hours, ledger.outcome_said,
                ledger.peer_places, ledger.peer_indexes,
            )  # fmt: skip
            for index, hour, said, place, peer_index in zip(*columns, strict=True):
                peer = members[place]
                text = self._compare(ledger, hour, said, (self._ledgers[peer], peer_index))
                if text:
                    path = f"{member}/{index}"
                    is_absent = text.startswith("cites")
                    code = (
                        FindingCode.PEER_QUERY_MISSING
                        if is_absent
                        else FindingCode.PEER_QUERY_DIFFERS
                    )
                    yield _finding(code, path, text.format(query=f"{peer}/{peer_index}"))

    def _compare(self, ledger: _Ledger, hour: int, said: int, query: tuple[_Ledger, int]) -> str:
        """Return what is wrong with an outcome, empty if nothing; mark its query as answered."""
        asker, index = query
        if index >= len(asker.said):
            if hour >= asker.newest_hour:
                self._counts["recent"] += 1
                return ""
            return "cites `{query}`, which does not exist"
        asked = asker.said[index]
        if asked == _UNREAD:
            self._counts["withdrawn"] += 1
            return ""
        if asked == _NO_QUERY:
            return "cites `{query}`, which is no query"
        if said != asked:
            differing = _differing(said, asked)
            if differing:
                return f"differs from its query `{{query}}` in {', '.join(differing)}"
            self._counts["veiled"] += 1
        asker.answered[index] |= ledger.bit
        self._counts["matched"] += 1
        return ""

    def _query_findings(self) -> Iterator[Finding]:
        # A copy that ends earlier than the others cannot hold the answers after its end.
        until = min(ledger.newest_hour for ledger in self._ledgers.values()) - WINDOW_HOURS - 1
        for member, ledger in self._ledgers.items():
            for index, said in enumerate(ledger.said):
                if said in (_NO_QUERY, _UNREAD):
                    continue
                self._counts["queries"] += 1
                asked, answers = ledger.fan_outs[index], ledger.answered[index].bit_count()
                path = f"{member}/{index}"
                if answers > asked:
                    text = f"asked {asked} and {answers} ledgers answered"
                    yield _finding(FindingCode.PEER_ANSWERS_MANY, path, text)
                elif answers + ledger.closures[index] < asked and ledger.hours[index] < until:
                    self._counts["unanswered"] += 1
                    if self._is_complete:
                        text = f"asked {asked}; {answers} answered, {ledger.closures[index]} closed"
                        yield _finding(FindingCode.PEER_ANSWER_MISSING, path, text)


def _delivered(key: str) -> str:
    """Return the key under which states get a query of this key (a region query: a plain one)."""
    return KEYS[MessageKey(key)].delivered_as or key


def _differing(said: int, asked: int) -> list[str]:
    """Return the names of the fields that both sides say in the open, and not alike."""
    found = []
    for name, shift, mask in zip(_FIELDS, _SHIFTS, _MASKS, strict=True):
        values = (said >> shift & mask, asked >> shift & mask)
        if values[0] != values[1] and _VEILED not in values:
            found.append(name)
    return found


def _finding(code: FindingCode, path: str, text: str) -> Finding:
    return Finding(code=code, path=path, text=text)
