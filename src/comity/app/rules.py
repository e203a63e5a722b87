"""Where rules meet Cedar and z3, who check them, and the traffic that they are replayed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from comity.adapters.cedar import CedarReferee
from comity.adapters.solver import Z3Solver
from comity.directory.certificate import CertificateSigner
from comity.domain.agency import Family
from comity.domain.ids import ORI
from comity.policy.replay import Replay
from comity.policy.rule import Rule
from comity.policy.space import Asker
from comity.policy.traffic import Traffic
from comity.ports import Clock, Entropy, Referee, Solver, Store
from comity.services.certifying import Certifier
from comity.services.drill import Drill
from comity.services.events import Events
from comity.services.examining import RuleTools
from comity.services.freezing import Freezes
from comity.services.member import World
from comity.services.private_records import Records
from comity.services.recheck import Recheck
from comity.services.rosters import Rosters
from comity.services.rulebook import Rulebook
from comity.services.sequencer import Sequencer

__all__ = ["RULE_TOOLS", "RuleParts", "cedar_referee", "replay_traffic", "z3_solver"]


def cedar_referee(text: str, askers: Sequence[Asker]) -> Referee:
    """Return the referee of rules in Cedar. Raises: CedarError."""
    return CedarReferee(text, askers)


def z3_solver(rules: tuple[Rule, ...], askers: Sequence[Asker]) -> Solver:
    """Return the solver that proves guarantees a second time."""
    return Z3Solver(rules, askers)


def replay_traffic(
    traffic: Traffic,
    draft: Sequence[Rule],
    against: Sequence[Rule],
    families: Mapping[ORI, Family],
) -> Replay:
    """Return what a draft changes in traffic; `families` has every listed agency."""
    from comity.adapters.replay import replay  # noqa: PLC0415 - numpy: only a replay pays for it

    return replay(traffic, draft, against, families)


RULE_TOOLS: Final = RuleTools(referee=cedar_referee, solver=z3_solver, replay=replay_traffic)
"""What a draft is examined by, beside ourselves."""


class RuleParts:
    """What publishes a host's rules, freezes and certifies them, and asks about decisions again."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        records: Records,
        sequencer: Sequencer,
        recheck_percent: int,
        rosters: Rosters,
        clock: Clock,
        entropy: Entropy,
        events: Events,
    ) -> None:
        self._world = world
        self._owns = sequencer.owns
        self._records = records
        self._clock = clock
        self.freezes = Freezes(
            world=world,
            store=store,
            referee=cedar_referee,
            solver=z3_solver,
            clock=clock,
            events=events,
        )
        self.recheck = Recheck(
            world=world,
            freezes=self.freezes,
            referee=cedar_referee,
            entropy=entropy,
            events=events,
            percent=recheck_percent,
        )
        self.rulebook = Rulebook(
            world=world,
            sequencer=sequencer,
            records=records,
            referee=cedar_referee,
            solver=z3_solver,
            freezes=self.freezes,
            rosters=rosters,
            clock=clock,
            events=events,
        )

    def certifier(self, drill: Drill, signer: CertificateSigner) -> Certifier:
        """Return who signs certificates, with the key of the host."""
        return Certifier(
            world=self._world,
            owns=self._owns,
            records=self._records,
            drill=drill,
            solver=z3_solver,
            signer=signer,
            clock=self._clock,
        )
