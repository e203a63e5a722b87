"""What the demo's story needs of a running network: agencies' lines, the review desk, the ledgers.

The story says what should happen; a stage makes it happen on real parts. Composed in `cli`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from comity.domain.answer import Answer
from comity.domain.appeal import AppealDecision
from comity.domain.ids import Member
from comity.domain.keeping import OrderAct
from comity.domain.leaf import LeafHeader
from comity.domain.query import Query
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, Instrument
from comity.practice.seen import (
    AnnouncedSeen,
    AppealSeen,
    BackupSeen,
    BlockSeen,
    CertificateSeen,
    CheckSeen,
    DeskSeen,
    FlipSeen,
    ForkSeen,
    Heard,
    HoldSeen,
    LeaksSeen,
    LedgerSeen,
    OldRecord,
    OnwardSeen,
    OpeningSeen,
    PageSeen,
    PassSeen,
    PlantedSeen,
    ProofSeen,
    PublicSeen,
    ReleaseSeen,
    ReplaySeen,
    RevealSeen,
)

__all__ = ["Stage"]


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
