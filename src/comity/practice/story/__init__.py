"""The demo's story: the network today, what a state's choice changes, and the proof.

Each step asks like an agency, reviews like a state, checks like an auditor, and says in one
sentence what it saw. A step that does not hold says what it saw instead. Names:
docs/reference/demo.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from comity.practice.story import (
    appeals,
    budgets,
    cases,
    detail,
    everyday,
    faults,
    keeping,
    onward,
    persons,
    proof,
    quotas,
    review,
    routes,
    rules,
)
from comity.practice.story.teller import StoryError, Teller

__all__ = ["STEPS", "StoryError", "Teller", "step_names"]

_Step = Callable[[Teller], Awaitable[str]]

STEPS: Final[tuple[_Step, ...]] = (
    everyday.dq_by_number_released,
    everyday.dq_by_name_released,
    everyday.rq_by_plate_released,
    everyday.rq_by_vin_released,
    everyday.kq_with_purpose_released,
    everyday.no_record_told,
    everyday.ice_without_rule_released,
    everyday.ice_to_wa_refused,
    everyday.cbp_to_wa_released,
    everyday.cbp_to_ny_refused,
    everyday.class_withheld,
    everyday.not_stated_is_no_claim,
    everyday.list_of_states_answered_each,
    review.hsi_to_il_held,
    review.hold_approved_in_part,
    review.desk_releases_in_part,
    review.hold_asked_then_refused,
    review.planted_case_is_caught,
    review.hold_expires,
    cases.case_pass_makes_the_second_query_immediate,
    cases.warrant_opens_after_two_read_it,
    cases.demand_for_own_data_is_registered_and_opens_nothing,
    cases.urgent_lane_releases_and_is_reviewed,
    appeals.appeal_is_decided_by_another_person,
    faults.malformed_text_refused,
    faults.text_and_json_agree,
    faults.frame_repeated,
    faults.unknown_ori_refused,
    faults.forged_envelope_refused,
    routes.region_answered_state_by_state,
    routes.outage_announced,
    routes.queries_wait_for_a_state,
    routes.network_answered_as_one,
    routes.outage_over_in_order,
    routes.every_format_agrees,
    routes.https_request_answered,
    persons.message_delivered,
    persons.hit_confirmation_answered,
    persons.hit_confirmation_overdue,
    persons.own_state_asked_first,
    persons.directory_changed_by_its_terminal,
    persons.archive_finds_own_traffic,
    rules.guarantee_proved_or_refuted,
    rules.leak_advisor_names_cbp,
    onward.onward_transfer_is_told_and_marked,
    rules.block_takes_force,
    rules.certificate_checked,
    rules.block_confirmed_by_another,
    rules.replay_equals_reference,
    rules.announced_rules_counted,
    rules.unconfirmed_block_becomes_hold,
    budgets.harvest_runs_into_its_budget,
    quotas.desk_is_not_drowned,
    detail.detail_opened_later,
    detail.opening_checked,
    keeping.key_destroyed,
    keeping.litigation_hold_kept,
    proof.old_backup_refused,
    proof.receipts_verified,
    proof.checkpoints_cosigned,
    proof.fork_refused_by_witness,
    proof.exports_verified,
    proof.flipped_byte_found,
    proof.ledger_read_over_http,
)


def step_names() -> tuple[str, ...]:
    """Return the steps' names in their order."""
    return tuple(step.__name__ for step in STEPS)
