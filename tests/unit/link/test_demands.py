"""Commands about demands: one encoding, and no value out of its range crosses the link."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.demands import DemandActKind, Demanded
from comity.domain.vocabulary import DataClass
from comity.link.command import command_member, decode_command, encode_command
from comity.link.demands import ActOnDemand, RegisterDemand
from comity.link.errors import CommandMalformedError
from tests.support.demands import (
    WA,
    act,
    demand,
    handed_over,
    signed_act,
    signed_demand,
    signed_handing,
    subpoena,
)


def test_commands_are_decoded_as_they_were_encoded() -> None:
    """Of both kinds, and for the member whose register it is."""
    for command in (
        RegisterDemand(signed=subpoena()),
        ActOnDemand(signed=signed_act(act("wa/7", DemandActKind.OBJECTED))),
        ActOnDemand(signed=signed_handing("wa/7")),
    ):
        assert decode_command(encode_command(command)) == command
        assert command_member(command) == WA


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "xx"},
        {"issuer": "x" * 121},
        {"number": "x" * 65},
        {"matter": "x" * 201},
        {"note": "x" * 501},
        {"about": (Demanded.KEYS,) * 8},
        {"days": 2**15},
        {"first_month": "2026-003"},
        {"last_month": "2026-003"},
        {"document": b"\x01" * 31},
        {"reviewer": ""},
        {"at": -1},
    ],
)
def test_a_demand_out_of_its_ranges_is_not_sent(changes: dict[str, Any]) -> None:
    """Each beyond its limit."""
    with pytest.raises(CommandMalformedError):
        encode_command(RegisterDemand(signed=signed_demand(demand(**changes))))


@pytest.mark.parametrize(
    "changes",
    [
        {"demand_entry": "wa"},
        {"state": "xx"},
        {"note": "x" * 501},
        {"reviewer": "x" * 65},
        {"handed": handed_over(what="x" * 201)},
        {"handed": handed_over(to="x" * 121)},
        {"handed": handed_over(classes=(DataClass.STATUS,) * 99)},
        {"handed": handed_over(bundle=b"")},
    ],
)
def test_an_act_out_of_its_ranges_is_not_sent(changes: dict[str, Any]) -> None:
    """Each beyond its limit."""
    made = msgspec.structs.replace(act("wa/7", DemandActKind.HANDED_OVER), **changes)
    with pytest.raises(CommandMalformedError):
        encode_command(ActOnDemand(signed=signed_act(made)))


@pytest.mark.parametrize("second", ["", "x" * 65])
def test_a_second_person_has_a_name(second: str) -> None:
    """Where there is a second signature, and of a bounded length where there is none."""
    signed = msgspec.structs.replace(signed_handing("wa/7"), second=second)
    with pytest.raises(CommandMalformedError):
        encode_command(ActOnDemand(signed=signed))
    alone = msgspec.structs.replace(signed, second="x" * 65, second_proof=None)
    with pytest.raises(CommandMalformedError):
        encode_command(ActOnDemand(signed=alone))
