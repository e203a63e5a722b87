"""What everything in a gateway stands on: keys, world, sequencer, checkpoints, stored answers."""

from __future__ import annotations

from functools import cached_property

from comity.adapters.signed_state import FileSignedState
from comity.adapters.succession_files import FileSuccessions
from comity.adapters.system import SystemClock, SystemEntropy
from comity.app.keyring import open_keyring
from comity.app.keys import ledger_keys
from comity.app.outside import Outside
from comity.app.public import sealed_rows
from comity.domain.ids import parse_ori
from comity.ledger.note import VerifierKey, verifier_key
from comity.ports import Keyring
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.checkpoints import Checkpoints
from comity.services.courier import Courier
from comity.services.detail import Detail
from comity.services.entries import Preparer
from comity.services.events import Events
from comity.services.health import Health
from comity.services.keeping import Keeping
from comity.services.ledger_keys import LedgerKeys
from comity.services.member import World
from comity.services.open_queries import OpenQueries
from comity.services.proofs import ProofMaker
from comity.services.replay import AnswerReplay
from comity.services.sealed_rows import SealedRows
from comity.services.segments import Segments
from comity.services.sequencer import Sequencer
from comity.services.succession import Succession
from comity.services.vault import Vault
from comity.services.witnessed import Cosignatures, WitnessedHeads

__all__ = ["GatewayGround"]


class GatewayGround:
    """The ground of one gateway: each part is made once, when first asked for."""

    def __init__(
        self,
        settings: Settings,
        files: HostFiles,
        outside: Outside,
        events: Events,
    ) -> None:
        self._settings = settings
        self._files = files
        self._store = outside.store
        self._bus = outside.bus
        self._source = outside.source
        self._quorum = outside.quorum
        self._witnesses = outside.witnesses
        self._events = events
        self._clock = SystemClock()
        self._entropy = SystemEntropy()
        self._open = OpenQueries()
        self._network = parse_ori(settings.network_ori)
        self._host = files.host_name()
        self._sign_key = files.sign_key()

    @cached_property
    def _host_key(self) -> VerifierKey:
        return verifier_key(self._host, self._sign_key.public_key().public_bytes_raw())

    @cached_property
    def _ledger_keys(self) -> LedgerKeys:
        return ledger_keys(self._settings)

    @cached_property
    def _vault(self) -> Vault:
        return Vault(self._keyring, self._entropy)

    @cached_property
    def _keyring(self) -> Keyring:
        return open_keyring(self._settings, self._entropy)

    @cached_property
    def _keeping(self) -> Keeping:
        return Keeping(
            world=self._world,
            store=self._store,
            rows=self._rows,
            keyring=self._keyring,
            sequencer=self._sequencer,
            health=self._health,
            clock=self._clock,
            entropy=self._entropy,
            events=self._events,
        )

    @cached_property
    def _world(self) -> World:
        return World(
            self._host,
            self._files.trust_root(),
            self._files.national_rules(),
            self._events,
            self._settings.hold_seconds_max,
        )

    @cached_property
    def _preparer(self) -> Preparer:
        return Preparer(self._vault, Detail(self._world, self._settings.detail_seconds_max))

    @cached_property
    def _sequencer(self) -> Sequencer:
        return Sequencer(
            store=self._store,
            preparer=self._preparer,
            clock=self._clock,
            signer=self._sign_key,
            host=self._host_key,
            keys=self._ledger_keys,
            events=self._events,
            batch_floor_s=self._settings.batch_floor_ms / 1000,
        )

    @cached_property
    def _courier(self) -> Courier:
        return Courier(
            bus=self._bus,
            clock=self._clock,
            sender=self._host,
            signer=self._sign_key,
            events=self._events,
        )

    @cached_property
    def _rows(self) -> SealedRows:
        return sealed_rows(self._settings, self._store, self._events)

    @cached_property
    def _proofs(self) -> ProofMaker:
        return ProofMaker(
            store=self._store,
            rows=self._rows,
            signer=self._sign_key,
            host=self._host_key,
            keys=self._ledger_keys,
        )

    @cached_property
    def _replay(self) -> AnswerReplay:
        return AnswerReplay(
            store=self._store, vault=self._vault, proofs=self._proofs, events=self._events
        )

    @cached_property
    def _health(self) -> Health:
        return Health(store=self._store, clock=self._clock, events=self._events)

    @cached_property
    def _checkpoints(self) -> Checkpoints:
        return Checkpoints(
            store=self._store,
            sequencer=self._sequencer,
            signed_state=FileSignedState(self._settings.data_dir / "signed-state"),
            proofs=self._proofs,
            keys=self._ledger_keys,
            events=self._events,
            witnessed=WitnessedHeads(self._witnesses, self._events),
        )

    @cached_property
    def _succession(self) -> Succession:
        return Succession(
            world=self._world,
            store=self._store,
            rows=self._rows,
            sequencer=self._sequencer,
            preparer=self._preparer,
            keys=self._ledger_keys,
            files=FileSuccessions(self._settings.data_dir),
            signed_state=FileSignedState(self._settings.data_dir / "signed-state"),
            witnessed=WitnessedHeads(self._witnesses, self._events),
            domain=self._settings.ledger_domain,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def _cosignatures(self) -> Cosignatures:
        return Cosignatures(store=self._store, quorum=self._quorum, events=self._events)

    @cached_property
    def _segments(self) -> Segments:
        return Segments(
            store=self._store,
            clock=self._clock,
            events=self._events,
            rows_kept=self._settings.public_rows_kept,
        )
