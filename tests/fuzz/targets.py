"""Every target, in the order in which they are reported."""

from __future__ import annotations

from tests.fuzz import desk, drafting, identity, members, messages, pages, passkeys, rules
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        *messages.TARGETS,
        *members.TARGETS,
        *rules.TARGETS,
        *drafting.TARGETS,
        *identity.TARGETS,
        *passkeys.TARGETS,
        *desk.TARGETS,
        *pages.TARGETS,
    )
}
