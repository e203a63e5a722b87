"""What the demo's story sees of a running network, as values.

A stage reads it off real parts; the story says what it should be.
"""

from __future__ import annotations

import msgspec

from comity.domain.answer import Answer, Merged
from comity.domain.delivery import Delivery, MessageFault
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import DataClass

__all__ = [
    "AnnouncedSeen",
    "AppealSeen",
    "BackupSeen",
    "BlockSeen",
    "CertificateSeen",
    "CheckSeen",
    "DeskSeen",
    "FlipSeen",
    "ForkSeen",
    "Heard",
    "HoldSeen",
    "LeaksSeen",
    "LedgerSeen",
    "OldRecord",
    "OnwardSeen",
    "OpeningSeen",
    "PageSeen",
    "PassSeen",
    "PlantedSeen",
    "ProofSeen",
    "PublicSeen",
    "ReleaseSeen",
    "ReplaySeen",
    "RevealSeen",
]


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery as the requester got it: its bytes, and what its format says.

    `number` is 0 for what is not kept: error and status messages.
    """

    number: int
    data: bytes
    delivery: Delivery
    answer: Answer | None = None
    merged: Merged | None = None
    fault: MessageFault | None = None


class HoldSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An open hold as its reviewer sees it in the list."""

    entry: str
    agency: str
    classes: tuple[DataClass, ...]
    until: int


class DeskSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer read at the console: the queue's and the case's finding, of so many pages."""

    queue: str
    case: str
    pages: int


class PlantedSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The entry of a verdict on a test case, and what was wrong with that: empty if not told."""

    entry: str
    flaw: str


class PassSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A case pass as its reviewer sees it in the list."""

    entry: str
    uses: int


class AppealSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a decision on an appeal: its leaf's entry, or the code that refused it."""

    entry: str = ""
    code: str = ""


class ReleaseSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An urgent release that waits for a look, and the number to call back."""

    entry: str
    agency: str
    phone: str


class OnwardSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What an agency told of a release, as the state's desk lists it: to whom it was passed on, and
    what the rules in force would say to whoever has it.
    """

    entry: str
    release: str
    to: str
    receives: str


class LedgerSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit of an exported ledger found, and who cosigned its checkpoint."""

    size: int
    root: str
    findings: tuple[str, ...]
    cosigned: tuple[str, ...] = ()
    has_quorum: bool = False


class OldRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was sealed under a state's key of an earlier month, as in `2024-10`."""

    state: Member
    month: str
    nonce: bytes
    body: bytes


class PublicSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What anyone reads of a ledger over HTTP, held against its export.

    `differing` are paths whose bytes are not those of the exported file.
    """

    size: int
    root: str
    findings: tuple[str, ...]
    documents: int
    differing: tuple[str, ...]


class RevealSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A `reveal` leaf and what its public document proves of the leaf that it cites."""

    entry: str
    header: LeafHeader
    proved: dict[str, str]


class OpeningSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that were opened and proved by a receipt, and how many stay hidden."""

    access_entry: str
    proved: dict[str, str]
    hidden: int


class ForkSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a witness did with a second history: its status, and what its evidence proves."""

    size: int
    status: int
    proves: tuple[str, ...]


class BlockSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A block: its leaf and clause, how long it took, and whether every probe was refused."""

    entry: str
    rule: str
    seconds: float
    probes: int
    holds: bool


class CertificateSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that a gateway signed: its file, and how long it is on paper."""

    data: bytes
    paper_bytes: int


class CheckSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a check says of a certificate: its sentence and what changed since, or a code."""

    sentence: str = ""
    changed: tuple[str, ...] = ()
    code: str = ""


class ProofSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A promise, counted: request kinds examined and broken, and who breaks it by which rules."""

    holds: bool
    examined: int
    broken: int
    agency: str
    rules: tuple[str, ...]


class LeaksSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The advice on leaks: its first sentence, and the widest door among sister agencies.

    `answered` is how often the state's ledger says that it was used. With the drafted rule so many
    request kinds are `closed`; `is_exact` says that nothing else changed: no other door, nothing
    loosened.
    """

    finding: str
    doors: int
    sister: str
    request_kinds: int
    answered: int
    closed: int
    is_exact: bool


class ReplaySeen(msgspec.Struct, frozen=True, kw_only=True):
    """A draft replayed over the traffic of several states, and held against the slow way.

    `leaves` are the exchanges that their public leaves show as answered, `lost` those leaves that
    can be read no more; `differing` names each count in which the two ways differ.
    """

    states: int
    requests: int
    leaves: int
    lost: int
    held: int
    finding: str
    differing: tuple[str, ...]


class AnnouncedSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What rules that a state has announced would have made of its answers since.

    `announced` is the leaf that announces them; `is_exact` says that no rule looks at a fact that
    was not noted of some answer, and that nothing was lost.
    """

    announced: str
    answers: int
    held: int
    changed: int
    is_exact: bool
    finding: str


class BackupSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway makes of a database that is an older copy: which ledgers it will not write.

    `said` is its own word about one of them.
    """

    size: int
    refused: tuple[Member, ...]
    said: str


class FlipSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one changed byte: our audit's exit code and the paths that it names.

    `go` is what a program in Go says against the ledger, None where there is no Go.
    """

    path: str
    at: int
    exit_code: int
    named: tuple[str, ...]
    go: str | None


class PageSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A page that reached its command: what happened, and the leaf that says so."""

    event: str
    entry: str
    text: str
