"""From a bundle, the national rules and the directory's families to a policy that decides.

A policy is compiled when a policy or the directory changes, never for a query; it takes
milliseconds. What is compiled was checked here, wherever it came from.
Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from comity.domain.agency import Family
from comity.domain.ids import ORI
from comity.policy.check import check_bundle
from comity.policy.decide import CompiledPolicy
from comity.policy.layer import layered_rules
from comity.policy.masks import build_masks
from comity.policy.rule import PolicyBundle, bundle_digest

__all__ = ["compile_policy"]


def compile_policy(
    bundle: PolicyBundle, national: PolicyBundle | None, families: Mapping[ORI, Family]
) -> CompiledPolicy:
    """Return the policy that decides under `bundle`.

    `national` is the bundle of national rules; it is looked at only if the state adopted one.
    `families` has every agency that the directory lists as active; any other is denied.
    Raises: RuleFormError and its kinds, NationalMismatchError, OptOutError.
    """
    check_bundle(bundle, None)
    if national is not None:
        check_bundle(national, None)
    rules = layered_rules(bundle, national)
    return CompiledPolicy(bundle, bundle_digest(bundle), rules, build_masks(rules, families))
