"""One state's rule set: its own rules first, then the national rules it adopted, less its opt-outs.

Layers exist only here, at compile time; a decision knows one set of rules in which deny goes before
hold and hold before release. Rules that are not enabled are left out.
Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

from comity.policy.errors import DuplicateRuleError, NationalMismatchError, OptOutError
from comity.policy.rule import PolicyBundle, Rule, bundle_digest

__all__ = ["layered_rules"]


def layered_rules(bundle: PolicyBundle, national: PolicyBundle | None) -> tuple[Rule, ...]:
    """Return the rules that decide for a state, in the order in which reasons are given.

    `national` is looked at only if the bundle adopts one, and then must be the one adopted.
    Raises: NationalMismatchError, OptOutError, DuplicateRuleError.
    """
    adopted = _adopted(bundle, national) if bundle.national else ()
    own = {rule.id for rule in bundle.rules}
    for rule in adopted:
        if rule.id in own:
            raise DuplicateRuleError(f"rule {rule.id}: a national rule has this `id`")
    return tuple(rule for rule in (*bundle.rules, *adopted) if rule.enabled)


def _adopted(bundle: PolicyBundle, national: PolicyBundle | None) -> tuple[Rule, ...]:
    # Rules other than those adopted would decide in the state's name without its act.
    if national is None or bundle_digest(national) != bundle.national:
        raise NationalMismatchError("`national` is not the bundle that the state adopted")
    opt_outs = set(bundle.opt_outs)
    unknown = opt_outs - {rule.id for rule in national.rules}
    if unknown:
        raise OptOutError(f"`opt_outs` names no national rule {min(unknown)}")
    return tuple(rule for rule in national.rules if rule.id not in opt_outs)
