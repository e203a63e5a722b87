"""A draft changes where its author changes it, and takes over what others put into force."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.decision import RuleId
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy import PolicyBundle, Unconfirmed, check_bundle
from comity.policy.block import blocked
from comity.policy.drafting import (
    as_restriction,
    clause_changes,
    free_clause_id,
    next_of,
    taken_over,
    with_clause,
    without_clause,
)
from comity.policy.errors import RuleFormError
from tests.unit.policy.build import bundle, rule

ALL = rule("ALL", Outcome.RELEASE)
HOLD = rule("HOLD", Outcome.HOLD, data_class=(DataClass.PHOTO,))
DENY = rule("DENY", Outcome.DENY, data_class=(DataClass.SSN,))
OTHER = rule("DENY", Outcome.DENY, data_class=(DataClass.MEDICAL,))
BASE = bundle(ALL, HOLD, DENY)


def ids(found: PolicyBundle) -> list[str]:
    """The clauses of a bundle."""
    return [each.id for each in found.rules]


def test_a_clause_takes_the_place_of_one_or_stands_first() -> None:
    """And no other clause moves."""
    assert with_clause(BASE, OTHER, RuleId("DENY")).rules == (ALL, HOLD, OTHER)
    new = rule("NEW", Outcome.DENY)
    assert with_clause(BASE, new).rules == (new, ALL, HOLD, DENY)
    assert without_clause(BASE, RuleId("HOLD")).rules == (ALL, DENY)
    assert without_clause(BASE, RuleId("NONE")) == BASE
    with pytest.raises(RuleFormError):
        with_clause(BASE, new, RuleId("NONE"))


def test_a_clause_that_goes_waits_for_nobody() -> None:
    """Dropped, or made to say something else, it is no more among what waits."""
    waits = msgspec.structs.replace(BASE, unconfirmed=(Unconfirmed(rule=DENY.id, until=9),))
    assert without_clause(waits, DENY.id).unconfirmed == ()
    freed = rule("DENY", Outcome.RELEASE)
    assert with_clause(waits, freed, DENY.id).unconfirmed == ()
    assert with_clause(waits, OTHER, DENY.id).unconfirmed == ()
    assert with_clause(waits, DENY, DENY.id).unconfirmed == waits.unconfirmed
    assert with_clause(waits, rule("N", Outcome.DENY)).unconfirmed == waits.unconfirmed


def test_the_next_version_waits_for_what_waited() -> None:
    """A clause that nobody confirmed stays so, unless the draft says something else there."""
    waits = msgspec.structs.replace(BASE, unconfirmed=(Unconfirmed(rule=DENY.id, until=9),))
    made = next_of(with_clause(BASE, rule("N", Outcome.DENY)), waits)
    assert (made.version, made.unconfirmed) == (waits.version + 1, waits.unconfirmed)
    assert next_of(with_clause(BASE, OTHER, DENY.id), waits).unconfirmed == ()
    # Brought back, and in force in no way: it waits again.
    back = msgspec.structs.replace(
        with_clause(BASE, rule("N", Outcome.DENY)),
        unconfirmed=(Unconfirmed(rule=RuleId("N"), until=7),),
    )
    assert [each.rule for each in next_of(back, waits).unconfirmed] == ["N", "DENY"]
    sure = with_clause(BASE, rule("N", Outcome.DENY))
    assert next_of(back, sure).unconfirmed == ()


def test_what_changed_is_named_once() -> None:
    """New, changed and gone; nothing where nothing did."""
    new = with_clause(without_clause(BASE, HOLD.id), OTHER, DENY.id)
    found = clause_changes(BASE, new)
    assert [(each.id, each.before, each.after) for each in found] == [
        ("DENY", DENY, OTHER),
        ("HOLD", HOLD, None),
    ]
    assert clause_changes(BASE, BASE) == ()


def test_one_person_puts_in_what_holds_or_refuses() -> None:
    """Each clause that changed is named; a release, or one that goes, is not for one person."""
    more = with_clause(BASE, rule("N", Outcome.DENY))
    found = as_restriction(more, BASE, 50)
    assert found is not None
    check_bundle(found)
    assert found.unconfirmed == (Unconfirmed(rule=RuleId("N"), until=50),)
    assert as_restriction(BASE, BASE, 50) is None
    assert as_restriction(without_clause(BASE, DENY.id), BASE, 50) is None
    assert as_restriction(with_clause(BASE, rule("R", Outcome.RELEASE)), BASE, 50) is None


def test_a_block_that_came_meanwhile_is_not_lifted() -> None:
    """It is taken over, waits on as it does, and the draft's own clauses stand."""
    draft = with_clause(BASE, rule("N", Outcome.DENY))
    standing = blocked(BASE, "US/DHS/ICE", "Order 14", 99)
    found = taken_over(draft, BASE, standing)
    check_bundle(found.bundle)
    assert ids(found.bundle) == ["BLOCK-1", "N", "ALL", "HOLD", "DENY"]
    assert found.bundle.unconfirmed == standing.unconfirmed
    assert found.bundle.version == standing.version + 1
    assert (found.taken, found.both) == (("BLOCK-1",), ())


def test_what_both_changed_is_named_and_stays_the_drafts() -> None:
    """Clauses and fields alike; what only the others changed is theirs."""
    draft = msgspec.structs.replace(with_clause(BASE, OTHER, DENY.id), hold_hours=5)
    theirs = rule("DENY", Outcome.DENY, data_class=(DataClass.HISTORY,))
    standing = msgspec.structs.replace(
        without_clause(with_clause(BASE, theirs, DENY.id), HOLD.id),
        hold_hours=7,
        title="Another title",
        version=BASE.version + 1,
    )
    found = taken_over(draft, BASE, standing)
    assert found.bundle.rules == (ALL, OTHER)
    assert (found.bundle.hold_hours, found.bundle.title) == (5, "Another title")
    assert (found.both, found.taken) == (("DENY", "hold_hours"), ("HOLD", "title"))


def test_a_clause_that_the_draft_dropped_stays_dropped() -> None:
    """Also where nobody else touched it; one that others changed is named."""
    draft = without_clause(BASE, DENY.id)
    standing = with_clause(BASE, rule("N", Outcome.HOLD))
    assert ids(taken_over(draft, BASE, standing).bundle) == ["N", "ALL", "HOLD"]
    standing = with_clause(BASE, OTHER, DENY.id)
    found = taken_over(draft, BASE, standing)
    assert (ids(found.bundle), found.both) == (["ALL", "HOLD"], ("DENY",))


def test_an_id_is_free() -> None:
    """The first of its form."""
    assert free_clause_id(BASE) == f"{BASE.state.upper()}-D1"
    taken = with_clause(BASE, rule(free_clause_id(BASE), Outcome.DENY))
    assert free_clause_id(taken) == f"{BASE.state.upper()}-D2"
