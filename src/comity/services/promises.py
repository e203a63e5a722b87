"""What rules that loosen must keep: the notice of the bundle in force, and what is promised.

Guarantee: neither is looked at for what only restricts (invariant `restriction-never-waits`). What
cannot be compared counts as loosening everything, what cannot be proved is not published (invariant
`fail-closed`).
Source: docs/adr/0030-announcing-rules.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from comity.domain.errors import ComityError
from comity.policy import CompiledPolicy, PolicyBundle
from comity.policy.difference import Difference
from comity.policy.english import join_words
from comity.policy.guarantee import guarantees_in_force, prove
from comity.policy.notice import (
    HOUR_SECONDS,
    same_rules,
    takes_notice,
)
from comity.policy.space import Asker, space_of

__all__ = ["GuaranteeBrokenError", "NotAnnouncedError", "check_guarantees", "check_notice"]


class NotAnnouncedError(ComityError):
    """Rules that loosen a restricted class have not stood announced for as long as they must."""

    code = "policy-not-announced"


class GuaranteeBrokenError(ComityError):
    """Rules release what the state promises that it does not."""

    code = "guarantee-broken"


def check_notice(
    old: PolicyBundle,
    new: PolicyBundle,
    difference: Difference | None,
    announced: tuple[int, PolicyBundle] | None,
    now: int,
) -> None:
    """Check that what loosens a restricted class was announced in time.

    `announced` is what stands announced, and since when; times are Unix seconds. The notice is that
    of the rules in force, whatever the new ones say. Raises: NotAnnouncedError.
    """
    loosened = takes_notice(old, new, difference)
    if not loosened:
        return
    hours = old.notice_hours
    must = (
        f"what loosens {join_words(list(loosened), 'and')} must stand announced for {hours} hours"
    )
    if announced is None or not same_rules(announced[1], new):
        raise NotAnnouncedError(f"{must}; these rules do not: announce them (comity policy shadow)")
    opens = announced[0] + hours * HOUR_SECONDS
    if now < opens:
        # Published at the minute that is named, it is in time.
        since, until = _time(announced[0]), _time(-(-opens // 60) * 60)
        raise NotAnnouncedError(
            f"{must}; these rules do since {since}, and may be published from {until} on"
        )


def check_guarantees(
    old: CompiledPolicy, new: CompiledPolicy, askers: Sequence[Asker], loosens: bool
) -> None:
    """Check that rules keep what is promised, where they loosen or promise something else.

    Raises: GuaranteeBrokenError with how much breaks a promise, one such request and the rules that
    release it; TooManyCombinationsError.
    """
    promised = guarantees_in_force(new.bundle)
    if not loosens and promised == guarantees_in_force(old.bundle):
        return
    for proof in prove(new.rules, promised, space_of(askers)):
        if not proof.holds:
            witness = ", ".join(f"{axis} {value}" for axis, value in proof.witness.items())
            raise GuaranteeBrokenError(
                f"{proof.guarantee} is broken by {proof.broken:,} kinds of request, released by"
                f" {join_words(list(proof.rules), 'and')}; for example {witness}"
            )


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
