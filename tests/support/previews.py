"""What says beforehand what a query would get, over a host on memory twins."""

from __future__ import annotations

from comity.services.accesses import Accesses
from comity.services.intake import Intake
from comity.services.previews import Previews
from tests.support.gateway import PracticeHost

__all__ = ["previews_of"]


def previews_of(host: PracticeHost) -> Previews:
    """Join a host's previews."""
    return Previews(
        world=host.world,
        intake=Intake(world=host.world, sequencer=host.sequencer),
        deciding=host.deciding,
        accesses=Accesses(host.sequencer, host.clock, host.disk.entropy),
        clock=host.clock,
        entropy=host.disk.entropy,
    )
