"""Guarantees proved twice: counted over every request, and by a solver that knows no count.

A guarantee holds only where both say so. Where the combinations of conditions are too many to be
counted the solver proves alone, and that is said.

# INVARIANT (fail-closed): where the two disagree, a witness breaks nothing, or the solver decides
nothing, the guarantee is not proved. Source: docs/adr/0032-second-proof-and-certificates.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from comity.domain.certificate import SecondProof
from comity.domain.decision import RuleId
from comity.policy.axis import Axis
from comity.policy.errors import TooManyCombinationsError
from comity.policy.guarantee import Proof, prove
from comity.policy.rule import Guarantee, Rule
from comity.policy.space import Asker, Space, space_of
from comity.policy.witness import broken_by
from comity.ports import Finding, Solved, Solver

__all__ = ["TwiceProved", "prove_twice"]


class TwiceProved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a guarantee holds, and how the second proof stands to the count.

    `examined` and `broken` are None where nothing was counted. `witness` is a request kind that
    breaks it, by axis, and `rules` are those that release it. `why` says why it is not proved.
    """

    guarantee: str
    holds: bool
    solver: SecondProof
    examined: int | None = None
    broken: int | None = None
    witness: Mapping[str, str] = {}
    rules: tuple[RuleId, ...] = ()
    why: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether it is known to hold or to be broken."""
        return self.solver in {SecondProof.AGREES, SecondProof.ALONE}


def prove_twice(
    rules: tuple[Rule, ...],
    guarantees: Sequence[Guarantee],
    askers: Sequence[Asker],
    solver: Solver,
) -> list[TwiceProved]:
    """Return what count and solver say of each guarantee. `solver` is over the same rules."""
    space = space_of(askers)
    return [_proved(rules, guarantee, space, solver.find(guarantee)) for guarantee in guarantees]


def _proved(
    rules: tuple[Rule, ...], guarantee: Guarantee, space: Space, found: Finding
) -> TwiceProved:
    counted = _counted(rules, guarantee, space)
    is_broken = found.verdict is Solved.BROKEN
    released_by = broken_by(rules, guarantee, space, found.witness) if is_broken else ()
    standing, why = _standing(counted, found, released_by)
    settled = standing in {SecondProof.AGREES, SecondProof.ALONE}
    witness = {axis.value: found.witness[axis] for axis in Axis if axis in found.witness}
    if counted is None:
        return TwiceProved(
            guarantee=guarantee.id,
            holds=settled and found.verdict is Solved.HOLDS,
            solver=standing,
            witness=witness,
            rules=released_by,
            why=why,
        )
    return TwiceProved(
        guarantee=guarantee.id,
        holds=settled and counted.holds,
        solver=standing,
        examined=counted.examined,
        broken=counted.broken,
        witness=counted.witness or witness,
        rules=counted.rules or released_by,
        why=why,
    )


def _counted(rules: tuple[Rule, ...], guarantee: Guarantee, space: Space) -> Proof | None:
    try:
        (proof,) = prove(rules, (guarantee,), space)
    except TooManyCombinationsError:
        return None
    return proof


def _standing(
    counted: Proof | None, found: Finding, released_by: tuple[RuleId, ...]
) -> tuple[SecondProof, str]:
    if found.verdict is Solved.UNDECIDED:
        return SecondProof.UNDECIDED, found.why
    is_broken = found.verdict is Solved.BROKEN
    if is_broken and not released_by:
        return SecondProof.DISAGREES, "what the solver says breaks it is not released"
    if counted is None:
        return SecondProof.ALONE, ""
    if counted.holds is is_broken:
        said = "holds" if counted.holds else "is broken"
        return SecondProof.DISAGREES, f"the count says that it {said}, the solver does not"
    return SecondProof.AGREES, ""
