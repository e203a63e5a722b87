"""What the demo's story needs of a running network: agencies' lines, the review desk, the ledgers.

The story says what should happen; a stage makes it happen on real parts. Composed in `cli`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from comity.domain.answer import Answer, Merged
from comity.domain.appeal import AppealDecision
from comity.domain.delivery import Delivery, MessageFault
from comity.domain.ids import Member
from comity.domain.keeping import OrderAct
from comity.domain.leaf import LeafHeader
from comity.domain.query import Query
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, Instrument

__all__ = [
    "AppealSeen",
    "BackupSeen",
    "BlockSeen",
    "CertificateSeen",
    "CheckSeen",
    "FlipSeen",
    "ForkSeen",
    "Heard",
    "HoldSeen",
    "LeaksSeen",
    "LedgerSeen",
    "OldRecord",
    "OnwardSeen",
    "OpeningSeen",
    "PassSeen",
    "PlantedSeen",
    "ProofSeen",
    "PublicSeen",
    "ReleaseSeen",
    "ReplaySeen",
    "RevealSeen",
    "Stage",
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


class Stage(Protocol):
    """A running practice network, from outside."""

    async def ask(self, query: Query, *, form: str = "json", count: int = 1) -> list[Heard]:
        """Send a query on its agency's own line; return the first `count` deliveries for it."""
        ...

    async def send(self, line: str, message: bytes, *, number: int | None = None) -> list[Heard]:
        """Send bytes on a line, under an earlier number to repeat them; return what answers."""
        ...

    async def request(self, query: Query, key: str) -> Heard:
        """Ask by one HTTPS request under an idempotency key, and wait for its answer."""
        ...

    def last_number(self, line: str) -> int:
        """Return the number of the last message sent on a line."""
        ...

    async def further(self, query: Query, *, seconds: float) -> Heard:
        """Wait for one more delivery about a query asked before."""
        ...

    async def unasked(self, agency: str, *, seconds: float) -> Heard:
        """Wait for the next message that an agency's own line gets without having asked."""
        ...

    async def leaf(self, entry: str) -> LeafHeader:
        """Return the leaf that an entry cites."""
        ...

    async def holds(self, state: Member) -> Sequence[HoldSeen]:
        """Return a state's open holds, as its reviewer sees them."""
        ...

    async def decide(
        self, entry: str, kind: VerdictKind, approved: Sequence[DataClass] = (), note: str = ""
    ) -> str:
        """Give a signed verdict; return the entry of its leaf."""
        ...

    async def release_at_desk(self, entry: str, approved: Collection[DataClass]) -> DeskSeen:
        """Release these parts of a hold at its state's console, by its pages and forms alone."""
        ...

    async def approve_with_pass(self, entry: str, days: int) -> str:
        """Approve all of a hold and grant its case a pass; return the pass's entry."""
        ...

    async def passes(self, state: Member) -> Sequence[PassSeen]:
        """Return a state's passes that hold, as its reviewer sees them."""
        ...

    async def plant_case(self, state: Member) -> str:
        """Let a state's supervisor put one test case into its queue; return the hold's entry."""
        ...

    async def refuse_planted(self, entry: str) -> PlantedSeen:
        """Read such a hold and refuse it as a reviewer; return what the reviewer is told then."""
        ...

    async def revoke_pass(self, entry: str) -> str:
        """Revoke a pass; return the entry of the leaf that says so."""
        ...

    async def register_instrument(self, query: Query, state: Member) -> str:
        """Register what a query claims, as one reviewer read it; return the instrument's entry."""
        ...

    async def verify_instrument(self, entry: str) -> str:
        """Verify an instrument as another reviewer; return the entry of the leaf that says so."""
        ...

    async def register_demand(self, state: Member, kind: Instrument, number: str) -> str:
        """Register a paper that wants a state's own data; return the demand's entry."""
        ...

    async def end_demand(self, entry: str) -> str:
        """End a demand as withdrawn; return the entry of the leaf that says so."""
        ...

    async def revoke_instrument(self, entry: str) -> str:
        """Revoke an instrument; return the entry of the leaf that says so."""
        ...

    async def urgent_releases(self, state: Member) -> Sequence[ReleaseSeen]:
        """Return a state's urgent releases that nobody has looked at."""
        ...

    async def look_at(self, release: ReleaseSeen) -> str:
        """Call a release's agency back and find it justified; return the entry of the look."""
        ...

    async def onward_told(self, state: Member) -> Sequence[OnwardSeen]:
        """Return what agencies told a state of onward transfers, the newest first."""
        ...

    async def decide_appeal(
        self, entry: str, decision: AppealDecision, *, is_another: bool
    ) -> AppealSeen:
        """Decide an appeal as the state's first reviewer, or as another one."""
        ...

    async def forge_envelope(self, query: Query, state: Member) -> int:
        """Send the hub an envelope under a key that nobody certified; return how many refused."""
        ...

    def verify(self, answer: Answer) -> int:
        """Verify every receipt of an answer; return how many. Raises: ComityError."""
        ...

    async def ledger_size(self, state: Member) -> int:
        """Return how many leaves a state's ledger has."""
        ...

    async def audit(self, state: Member) -> LedgerSeen:
        """Export a state's ledger to files and audit them."""
        ...

    async def read_public(self, state: Member) -> PublicSeen:
        """Audit a state's ledger over HTTP, and hold each document against its export."""
        ...

    async def revealed(self, entry: str, *, seconds: float) -> RevealSeen:
        """Wait for the leaf that reveals a sealed one, and check it by its public document."""
        ...

    async def open_fields(self, answer: Answer, fields: Sequence[str]) -> OpeningSeen:
        """Open fields behind an answer's first leaf, and check them by the answer's receipt."""
        ...

    async def show_fork(self, state: Member) -> Sequence[ForkSeen]:
        """Show each witness another history of a state's ledger, signed by the ledger's own key."""
        ...

    async def keep_backup(self) -> None:
        """Copy the network's database as it stands."""
        ...

    async def restore_backup(self, state: Member) -> BackupSeen:
        """Put the copy in the database's place, and start the gateway on it."""
        ...

    async def end_backup(self) -> None:
        """Put the newer database back, start the gateway on it, and remove the copy."""
        ...

    async def flip_byte(self, state: Member) -> FlipSeen:
        """Change one byte of a state's exported ledger, and have it checked."""
        ...

    async def block(
        self,
        state: Member,
        family: str,
        authority: str,
        person: str,
        *,
        seconds: int | None = None,
    ) -> BlockSeen:
        """Block a family as one person, and drill it; to be confirmed in so many seconds."""
        ...

    async def paged(self, entry: str, *, seconds: float) -> PageSeen:
        """Wait for a page about a leaf of the same state behind this one."""
        ...

    async def confirm(self, state: Member, rule: str, person: str) -> tuple[str, str]:
        """Confirm a clause as one person; return its entry, or the code that refuses it."""
        ...

    async def set_quota(
        self, state: Member, family: str, waiting: int, persons: Sequence[str]
    ) -> tuple[str, str]:
        """Let so many requests of a family wait together; return the entry of the rules, or the
        code that refuses them.
        """
        ...

    async def certify(self, state: Member, family: str) -> CertificateSeen:
        """Have a family's block probed and certified, and written as a file and on paper."""
        ...

    async def check_certificate(self, data: bytes) -> CheckSeen:
        """Check a certificate's bytes: who signed them, and whether it still counts."""
        ...

    async def prove(self, state: Member, family: str) -> ProofSeen:
        """Prove that a family gets nothing without review under the rules in force."""
        ...

    async def leaks(self, state: Member, family: str) -> LeaksSeen:
        """Ask who still gets what a state refuses a family, and try the rule that closes it."""
        ...

    async def replay(self, members: Sequence[Member], family: str) -> ReplaySeen:
        """Replay a draft that holds a family over the recorded traffic of states, in two ways."""
        ...

    async def announce(self, state: Member, family: str, person: str) -> str:
        """Announce rules that hold a family, as one person; return the entry of their leaf."""
        ...

    async def replay_announced(self, state: Member) -> AnnouncedSeen:
        """Replay what a state has announced over what it has answered since."""
        ...

    async def give_order(
        self,
        act: OrderAct,
        state: Member,
        persons: Sequence[str],
        *,
        month: str = "",
        entry: str = "",
    ) -> tuple[str, str]:
        """Have a signed order carried out; return its entry, or the code that refuses it."""
        ...

    def seal_old_record(self, state: Member) -> OldRecord:
        """Seal something under a state's key of an earlier month."""
        ...

    def opens(self, record: OldRecord) -> bool:
        """Say whether a record of an earlier month still opens."""
        ...

    async def has_record(self, entry: str) -> bool:
        """Say whether a leaf's private record is there."""
        ...
