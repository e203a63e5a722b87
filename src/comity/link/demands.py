"""Commands about demands for a state's own data. See `link.command`."""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.demands import Demanded, HandedOver, SignedDemand, SignedDemandAct
from comity.domain.ids import Member
from comity.domain.instruments import ISSUER_CHARACTERS_MAX
from comity.domain.keeping import MATTER_CHARS_MAX
from comity.domain.vocabulary import DataClass
from comity.link.forms import is_entry
from comity.link.papers import NAME_CHARS_MAX, is_by

__all__ = ["ActOnDemand", "DemandSigned", "RegisterDemand", "demand_state", "is_demand_signed"]

_DIGEST_BYTES: Final = 32
_MONTH_CHARS_MAX: Final = 7
_DAYS_MAX: Final = 2**15


class RegisterDemand(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="register_demand",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A person's signed word of a demand for the state's own data that they read."""

    signed: SignedDemand


class ActOnDemand(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="act_on_demand",
    forbid_unknown_fields=True,
):  # fmt: skip
    """One or two people's signed act on a demand."""

    signed: SignedDemandAct


DemandSigned = RegisterDemand | ActOnDemand


def demand_state(command: DemandSigned) -> Member:
    """Return the member whose register it is."""
    match command:
        case RegisterDemand():
            return command.signed.demand.state
        case ActOnDemand():
            return command.signed.act.state


def is_demand_signed(command: DemandSigned) -> bool:
    """Say whether what was signed is in its ranges; whether it counts, the gateway finds out."""
    match command:
        case RegisterDemand(signed=signed):
            said = signed.demand
            holds = (
                len(said.issuer) <= ISSUER_CHARACTERS_MAX
                and len(said.number) <= NAME_CHARS_MAX
                and len(said.matter) <= MATTER_CHARS_MAX
                and len(said.about) <= len(Demanded)
                and abs(said.days) < _DAYS_MAX
                and max(len(said.first_month), len(said.last_month)) <= _MONTH_CHARS_MAX
                and len(said.document) == _DIGEST_BYTES
            )
            return holds and is_by(said.reviewer, said.at, said.note, signed.proof)
        case ActOnDemand(signed=signed):
            act = signed.act
            holds = is_entry(act.demand_entry) and (act.handed is None or _is_handed(act.handed))
            if signed.second_proof is not None:
                holds = holds and is_by(signed.second, act.at, "", signed.second_proof)
            return (
                holds
                and len(signed.second) <= NAME_CHARS_MAX
                and is_by(act.reviewer, act.at, act.note, signed.proof)
            )


def _is_handed(handed: HandedOver) -> bool:
    return (
        len(handed.what) <= MATTER_CHARS_MAX
        and len(handed.to) <= ISSUER_CHARACTERS_MAX
        and len(handed.classes) <= len(DataClass)
        and len(handed.bundle) == _DIGEST_BYTES
    )
