"""A compiled policy: precedence, review, fail-closed edges, duties, the bound of its memo."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.decision import ClassDecision, Facts
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import (
    Certification,
    DataClass,
    Instrument,
    Outcome,
    Purpose,
    RecordKind,
)
from comity.policy import CompiledPolicy, Condition, Obligation, Rule, compile_policy, decide
from tests.unit.policy.build import (
    ERO,
    FAMILIES,
    HSI,
    LICENCE,
    PATROL,
    POLICE,
    RELEASE_ALL,
    STATUS,
    UNLISTED,
    bundle,
    facts,
    policy,
    rule,
)

HOLD_ICE = rule("HOLD-ICE", Outcome.HOLD, agency=("US/DHS/ICE",))
DENY_ERO = rule("DENY-ERO", Outcome.DENY, agency=("US/DHS/ICE/ERO",))


def status(compiled: CompiledPolicy, asked: Facts, *, reviewed: bool = False) -> ClassDecision:
    """The decision about licence status."""
    return compiled.decide(asked, STATUS, LICENCE, reviewed=reviewed)[0]


@pytest.mark.parametrize(
    ("rules", "outcome", "ids"),
    [
        ((), Outcome.DENY, ["NO-RULE"]),
        ((HOLD_ICE,), Outcome.DENY, ["NO-RULE"]),
        ((RELEASE_ALL,), Outcome.RELEASE, ["ALL"]),
        ((RELEASE_ALL, HOLD_ICE), Outcome.HOLD, ["HOLD-ICE"]),
        ((RELEASE_ALL, HOLD_ICE, DENY_ERO), Outcome.DENY, ["DENY-ERO"]),
        ((DENY_ERO, HOLD_ICE, RELEASE_ALL), Outcome.DENY, ["DENY-ERO"]),
    ],
)
def test_deny_before_hold_before_release(
    rules: tuple[Rule, ...], outcome: Outcome, ids: list[str]
) -> None:
    """The strictest effect decides, in whatever order the rules stand; nothing releases unasked."""
    decision = status(policy(*rules), facts(ERO))
    assert (decision.outcome, [reason.rule for reason in decision.reasons]) == (outcome, ids)


def test_reasons_stand_in_rule_order() -> None:
    """All rules that decided are named, in the order of the record."""
    second = rule("A-SECOND", Outcome.DENY, agency=("US/DHS",))
    decision = status(policy(DENY_ERO, second, RELEASE_ALL), facts(ERO))
    assert [reason.rule for reason in decision.reasons] == ["DENY-ERO", "A-SECOND"]


def test_a_family_stands_for_all_below_it() -> None:
    """A rule on ICE meets both its branches, and no sibling of ICE."""
    compiled = policy(RELEASE_ALL, rule("X", Outcome.DENY, agency=("US/DHS/ICE",)))
    seen = {ori: status(compiled, facts(ori)).outcome for ori in (ERO, HSI, PATROL)}
    assert seen == {ERO: Outcome.DENY, HSI: Outcome.DENY, PATROL: Outcome.RELEASE}


def test_a_rule_can_name_one_agency() -> None:
    """An ORI on the agency axis meets that agency alone."""
    compiled = policy(RELEASE_ALL, rule("X", Outcome.DENY, agency=(str(ERO),)))
    assert status(compiled, facts(ERO)).outcome is Outcome.DENY
    assert status(compiled, facts(HSI)).outcome is Outcome.RELEASE


def test_an_unlisted_agency_is_denied() -> None:
    """An agency that no directory lists gets nothing, though a rule names it and releases all."""
    named = rule("NAMED", Outcome.RELEASE, agency=(str(UNLISTED),))
    for reviewed in (False, True):
        decision = status(policy(RELEASE_ALL, named), facts(UNLISTED), reviewed=reviewed)
        assert decision.outcome is Outcome.DENY
        assert [reason.rule for reason in decision.reasons] == ["UNLISTED-AGENCY"]


@pytest.mark.parametrize(
    "changed",
    [{"key": "ZZZ"}, {"key": "DR"}, {"purpose": "curiosity"}, {"fan_out": "few"}],
)
def test_an_unknown_value_is_denied(changed: dict[str, str]) -> None:
    """A key, a response key or a value that no vocabulary has never reaches the rules."""
    decision = status(policy(RELEASE_ALL), msgspec.structs.replace(facts(POLICE), **changed))
    assert decision.outcome is Outcome.DENY
    assert [reason.rule for reason in decision.reasons] == ["UNKNOWN-VALUE"]


def test_an_unknown_class_or_kind_is_denied() -> None:
    """What is not in a vocabulary reaches no rule, be it a class or a kind, and says so."""
    compiled = policy(RELEASE_ALL)
    strange_class = compiled.decide(facts(POLICE), ("aura",), LICENCE)  # type: ignore[arg-type]
    strange_kind = compiled.decide(facts(POLICE), STATUS, ("scroll",))  # type: ignore[arg-type]
    for decision in (*strange_class, *strange_kind):
        assert decision.outcome is Outcome.DENY
        assert [reason.rule for reason in decision.reasons] == ["UNKNOWN-VALUE"]


def test_a_kind_not_asked_about_is_denied() -> None:
    """A record of a kind that was not decided beforehand is not released after the look-up."""
    table = policy(RELEASE_ALL).table(facts(POLICE), STATUS, LICENCE)
    assert table.row(RecordKind.LICENCE)[0].outcome is Outcome.RELEASE
    assert table.row(RecordKind.TITLE)[0].outcome is Outcome.DENY
    assert table.of(RecordKind.LICENCE, DataClass.SSN).outcome is Outcome.DENY


def test_review_satisfies_holds_only() -> None:
    """A verified review releases what was held; what a rule denies stays denied."""
    compiled = policy(RELEASE_ALL, HOLD_ICE, DENY_ERO)
    assert status(compiled, facts(HSI)).outcome is Outcome.HOLD
    assert status(compiled, facts(HSI), reviewed=True).outcome is Outcome.RELEASE
    assert status(compiled, facts(ERO), reviewed=True).outcome is Outcome.DENY


def test_an_administrative_immigration_warrant_is_no_judge() -> None:
    """It satisfies no condition that names a judge's warrant or a court's order."""
    judges = Condition(instrument=(Instrument.ARTICLE_III_WARRANT, Instrument.COURT_ORDER))
    compiled = policy(RELEASE_ALL, rule("X", Outcome.DENY, judges, agency=("US/DHS/ICE",)))
    seen = {
        instrument: status(compiled, facts(ERO, instrument=instrument)).outcome
        for instrument in Instrument
    }
    released = {instrument for instrument, outcome in seen.items() if outcome is Outcome.RELEASE}
    assert released == {Instrument.ARTICLE_III_WARRANT, Instrument.COURT_ORDER}


def test_not_stated_satisfies_nothing_that_must_be_stated() -> None:
    """A release that asks for a purpose is not met by silence; a rule may answer silence itself."""
    stated = rule("X", Outcome.RELEASE, purpose=(Purpose.TRAFFIC_SAFETY,))
    silent = rule("Y", Outcome.RELEASE, message_key=("RQ",), purpose=(Purpose.NOT_STATED,))
    compiled = policy(stated, silent)
    assert status(compiled, facts(POLICE)).outcome is Outcome.DENY
    assert status(compiled, facts(POLICE, key=MessageKey("RQ"))).outcome is Outcome.RELEASE


def test_a_disabled_rule_decides_nothing() -> None:
    """A rule that is switched off neither denies nor releases."""
    off = msgspec.structs.replace(DENY_ERO, enabled=False)
    assert status(policy(RELEASE_ALL, off), facts(ERO)).outcome is Outcome.RELEASE
    off = msgspec.structs.replace(RELEASE_ALL, enabled=False)
    assert status(policy(off), facts(ERO)).outcome is Outcome.DENY


def test_obligations_are_those_of_the_deciding_rules() -> None:
    """A duty of a rule that did not decide is not owed; one of a satisfied hold still is."""
    log = (Obligation.LOG,)
    for released, held in ((log, ()), ((), log)):
        compiled = policy(
            msgspec.structs.replace(RELEASE_ALL, obligations=released),
            msgspec.structs.replace(HOLD_ICE, obligations=held),
        )
        assert status(compiled, facts(POLICE)).obligations == released
        assert status(compiled, facts(HSI)).obligations == held
        assert status(compiled, facts(HSI), reviewed=True).obligations == log


def test_each_class_and_kind_is_its_own_decision() -> None:
    """Rows follow the kinds, cells the classes; a rule on one of each denies that cell alone."""
    kinds = (RecordKind.LICENCE, RecordKind.NONCOMPLIANT_LICENCE)
    classes = (DataClass.STATUS, DataClass.PHOTO)
    only = {"data_class": (DataClass.PHOTO,), "record_kind": (RecordKind.NONCOMPLIANT_LICENCE,)}
    table = policy(RELEASE_ALL, rule("X", Outcome.DENY, **only)).table(facts(), classes, kinds)
    assert [(c.record_kind, c.data_class, str(c.outcome)) for c in table.cells] == [
        (kinds[0], classes[0], "release"),
        (kinds[0], classes[1], "release"),
        (kinds[1], classes[0], "release"),
        (kinds[1], classes[1], "deny"),
    ]
    assert table.rows == (table.cells[:2], table.cells[2:])
    assert table.mildest is Outcome.RELEASE


def test_no_record_follows_the_strictest_kind() -> None:
    """Where one kind would be denied, "no record" is too; an unknown kind does not count."""
    kinds = (RecordKind.LICENCE, RecordKind.NONCOMPLIANT_LICENCE, RecordKind.OTHER)
    for denied, outcome in ((kinds[1], Outcome.DENY), (kinds[2], Outcome.RELEASE)):
        compiled = policy(RELEASE_ALL, rule("X", Outcome.DENY, record_kind=(denied,)))
        assert compiled.decide_strictest(facts(), STATUS, kinds).outcome is outcome


def test_an_opaque_answer_has_no_kind() -> None:
    """Where a key knows no kinds, the decision is made once, for a record of another kind."""
    compiled = policy(RELEASE_ALL)
    decisions = compiled.decide(facts(key=MessageKey("LQ")), (DataClass.OPAQUE,), ())
    assert [(d.record_kind, d.outcome) for d in decisions] == [(RecordKind.OTHER, Outcome.RELEASE)]


def test_the_memo_is_bounded_and_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its limit the memo starts anew; what it forgot is decided again, the same."""
    monkeypatch.setattr(decide, "MEMO_MASKS_MAX", 2)
    rules = [
        rule(f"R{number}", Outcome.DENY, purpose=(purpose,))
        for number, purpose in enumerate(list(Purpose)[:6])
    ]
    compiled = policy(RELEASE_ALL, *rules)
    asked = [facts(POLICE, purpose=purpose) for purpose in Purpose]
    first = [status(compiled, one) for one in asked]
    assert len(compiled._memo) <= 2
    assert [status(compiled, one) for one in asked] == first


def test_values_that_no_rule_tells_apart_share_an_entry() -> None:
    """The memo follows the rules, not the requests: what no rule asks about makes no entry."""
    compiled = policy(RELEASE_ALL, DENY_ERO)
    for certification in Certification:
        for purpose in (Purpose.COURT, Purpose.LICENSING):
            status(compiled, facts(POLICE, certification=certification, purpose=purpose))
    assert len(compiled._memo) == 1


def test_a_compiled_policy_names_its_bundle() -> None:
    """What decided can be cited: state, version, digest and the layered rules."""
    compiled = policy(RELEASE_ALL)
    assert (compiled.state, compiled.bundle.version, compiled.hold_hours) == ("wa", 1, 72)
    assert (len(compiled.digest), compiled.rules) == (32, (RELEASE_ALL,))
    again = compile_policy(bundle(RELEASE_ALL), None, FAMILIES)
    assert again.digest == compiled.digest
