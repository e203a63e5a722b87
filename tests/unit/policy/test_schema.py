"""The published JSON schema of the rule record says what the code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from comity.domain.ids import MEMBERS
from comity.domain.vocabulary import Outcome, Purpose
from comity.policy import (
    Axis,
    Budget,
    BudgetPer,
    Condition,
    Guarantee,
    Mark,
    Obligation,
    PolicyBundle,
    Publication,
    Quota,
    QuotaPer,
    Rule,
    Statute,
    Unconfirmed,
)
from comity.policy.axis import AXIS_VALUES
from comity.policy.check import (
    AGENCIES_MAX,
    BUDGET_PERSONS_MAX,
    BUDGETS_MAX,
    CITE_CHARACTERS_MAX,
    DELAY_MONTHS_MAX,
    EXCEPTIONS_MAX,
    GUARANTEES_MAX,
    HOLD_HOURS_MAX,
    LABEL_CHARACTERS_MAX,
    NOTE_CHARACTERS_MAX,
    NOTICE_HOURS_MAX,
    QUOTA_PER_DAY_MAX,
    QUOTA_WAITING_MAX,
    QUOTAS_MAX,
    RULES_MAX,
    SENTENCE_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
    VERSION_MAX,
)

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs" / "reference" / "rule-record.schema.json").read_text()
)
BUNDLE = SCHEMA["properties"]
RULE = SCHEMA["$defs"]["rule"]["properties"]
PUBLICATION = SCHEMA["$defs"]["publication"]["properties"]
BUDGET = SCHEMA["$defs"]["budget"]["properties"]
QUOTA = SCHEMA["$defs"]["quota"]["properties"]
GUARANTEE = SCHEMA["$defs"]["guarantee"]["properties"]
UNCONFIRMED = SCHEMA["$defs"]["unconfirmed"]["properties"]
CONDITION = SCHEMA["$defs"]["condition"]["properties"]


def test_fields_are_those_of_the_record() -> None:
    """Every field is there, in its canonical order, and no other."""
    assert tuple(BUNDLE) == PolicyBundle.__struct_encode_fields__
    assert tuple(PUBLICATION) == Publication.__struct_encode_fields__
    assert tuple(BUDGET) == Budget.__struct_encode_fields__
    assert tuple(QUOTA) == Quota.__struct_encode_fields__
    assert tuple(GUARANTEE) == Guarantee.__struct_encode_fields__
    assert tuple(UNCONFIRMED) == Unconfirmed.__struct_encode_fields__
    assert tuple(RULE) == Rule.__struct_encode_fields__
    assert tuple(RULE["statute"]["properties"]) == Statute.__struct_encode_fields__
    assert tuple(CONDITION) == Condition.__struct_encode_fields__ == tuple(Axis)


def test_every_object_is_closed() -> None:
    """No object takes a field that is not named."""
    objects = (SCHEMA, *SCHEMA["$defs"].values(), RULE["statute"])
    assert all(one["additionalProperties"] is False for one in objects)


def test_values_are_those_of_the_vocabularies() -> None:
    """Each axis lists its vocabulary, in its order."""
    for axis, values in AXIS_VALUES.items():
        assert CONDITION[axis.value]["items"]["enum"] == [str(value) for value in values]
    assert BUDGET["per"]["enum"] == [str(per) for per in BudgetPer]
    assert QUOTA["per"]["enum"] == [str(per) for per in QuotaPer]
    assert RULE["effect"]["enum"] == [str(effect) for effect in Outcome]
    assert RULE["obligations"]["items"]["enum"] == [str(duty) for duty in Obligation]
    assert RULE["statute"]["properties"]["mark"]["enum"] == [str(mark) for mark in Mark]
    delayed = PUBLICATION["delayed_purposes"]["items"]["enum"]
    assert delayed == [str(p) for p in Purpose if p is not Purpose.NOT_STATED]
    assert BUNDLE["state"]["enum"] == list(MEMBERS)


def test_limits_are_those_of_the_checks() -> None:
    """Each limit stands in the schema with the number that is held."""
    assert PUBLICATION["delay_months"]["maximum"] == DELAY_MONTHS_MAX
    assert PUBLICATION["except_families"]["maxItems"] == AGENCIES_MAX
    assert BUNDLE["budgets"]["maxItems"] == BUDGETS_MAX
    for counted in ("persons", "photos"):
        assert BUDGET[counted]["maximum"] == BUDGET_PERSONS_MAX
    assert BUNDLE["quotas"]["maxItems"] == QUOTAS_MAX
    assert QUOTA["waiting"]["maximum"] == QUOTA_WAITING_MAX
    assert QUOTA["per_day"]["maximum"] == QUOTA_PER_DAY_MAX
    assert BUNDLE["rules"]["maxItems"] == BUNDLE["opt_outs"]["maxItems"] == RULES_MAX
    assert RULE["unless"]["maxItems"] == EXCEPTIONS_MAX
    assert CONDITION["agency"]["maxItems"] == AGENCIES_MAX
    assert BUNDLE["version"]["maximum"] == VERSION_MAX
    assert BUNDLE["hold_hours"]["maximum"] == HOLD_HOURS_MAX
    assert BUNDLE["notice_hours"]["maximum"] == NOTICE_HOURS_MAX
    assert BUNDLE["guarantees"]["maxItems"] == GUARANTEES_MAX
    assert GUARANTEE["unless"]["maxItems"] == EXCEPTIONS_MAX
    assert GUARANTEE["sentence"]["maxLength"] == SENTENCE_CHARACTERS_MAX
    assert BUNDLE["title"]["maxLength"] == TITLE_CHARACTERS_MAX
    assert BUNDLE["label"]["maxLength"] == RULE["label"]["maxLength"] == LABEL_CHARACTERS_MAX
    assert RULE["sentence"]["maxLength"] == SENTENCE_CHARACTERS_MAX
    assert RULE["note"]["maxLength"] == NOTE_CHARACTERS_MAX
    assert RULE["statute"]["properties"]["cite"]["maxLength"] == CITE_CHARACTERS_MAX
