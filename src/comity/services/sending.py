"""Sends commands to the host that owns a member's ledger, and returns what it did.

A command by itself has no authority (see `services.commands`): whoever can reach the wire can send
one. Used by the console and the command line alike.
"""

from __future__ import annotations

from typing import Final

from comity.link.command import (
    Command,
    CommandFailed,
    CommandResult,
    decode_result,
    encode_command,
)
from comity.link.errors import GatewayRefusalError, GatewaySilentError
from comity.ports import Bus

__all__ = ["command_subject", "send_command"]

_COMMAND_S_MAX: Final = 10.0


def command_subject(host: str) -> str:
    """Return the subject on which a host takes commands."""
    return f"cmd.{host}.member"


async def send_command(
    bus: Bus, host: str, command: Command, *, timeout_s: float = _COMMAND_S_MAX
) -> CommandResult:
    """Send a command to a host's gateway; return what it did.

    Raises: GatewayRefusalError with the gateway's own code, GatewaySilentError, UnreachableError.
    """
    try:
        data = await bus.request(
            command_subject(host), encode_command(command), timeout_s=timeout_s
        )
    except TimeoutError:
        raise GatewaySilentError(f"the gateway on host `{host}` did not answer in time") from None
    result = decode_result(data)
    if isinstance(result, CommandFailed):
        raise GatewayRefusalError(result.code, result.text)
    return result
