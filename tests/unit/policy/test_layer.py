"""National rules and a state's own: adopted by digest, opted out by name, in one order."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy import PolicyBundle, bundle_digest, compile_policy
from comity.policy.errors import DuplicateRuleError, NationalMismatchError, OptOutError
from tests.unit.policy.build import FAMILIES, LICENCE, RELEASE_ALL, STATUS, bundle, facts, rule

NATIONAL = bundle(RELEASE_ALL, rule("N-DENY", Outcome.DENY, agency=("US/DHS/CBP",)), state="us")
OWN = rule("OWN", Outcome.DENY, agency=("US/DHS/ICE",))


def adopting(*opt_outs: str, own: tuple[object, ...] = (OWN,)) -> PolicyBundle:
    """A state that takes the national rules over, less some."""
    return bundle(
        national=bundle_digest(NATIONAL),
        opt_outs=tuple(RuleId(name) for name in opt_outs),
        rules=own,
    )


def test_own_rules_come_first() -> None:
    """A state's own rules stand before those it adopted, so that its own reason is read first."""
    compiled = compile_policy(adopting(), NATIONAL, FAMILIES)
    assert [r.id for r in compiled.rules] == ["OWN", "ALL", "N-DENY"]


def test_an_opt_out_leaves_one_rule_out() -> None:
    """A national rule that the state names does not decide for it."""
    compiled = compile_policy(adopting("ALL"), NATIONAL, FAMILIES)
    assert [r.id for r in compiled.rules] == ["OWN", "N-DENY"]
    assert compiled.decide(facts(), STATUS, LICENCE)[0].outcome is Outcome.DENY


def test_a_state_may_adopt_nothing() -> None:
    """Without an adoption the national rules are not looked at, though they are at hand."""
    compiled = compile_policy(bundle(OWN), NATIONAL, FAMILIES)
    assert compiled.rules == (OWN,)


def test_only_the_adopted_rules_decide() -> None:
    """Other national rules than those adopted, or none at hand, are refused."""
    other = msgspec.structs.replace(NATIONAL, version=2)
    for national in (other, None):
        with pytest.raises(NationalMismatchError):
            compile_policy(adopting(), national, FAMILIES)


def test_an_unknown_opt_out_is_refused() -> None:
    """An opt-out that names no rule is a mistake, not a wish."""
    with pytest.raises(OptOutError):
        compile_policy(adopting("N99"), NATIONAL, FAMILIES)


def test_an_id_names_one_rule_of_both_layers() -> None:
    """A state's rule cannot have the id of a national rule that it adopted."""
    with pytest.raises(DuplicateRuleError):
        compile_policy(adopting(own=(rule("ALL", Outcome.DENY),)), NATIONAL, FAMILIES)
