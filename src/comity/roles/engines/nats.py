"""nats-server under our supervisor: the at-most-once wire between processes.

Guarantee: it listens on 127.0.0.1 alone, keeps nothing, and every user proves a password and can
publish and receive on its own subjects only; answers go to an inbox that bears the user's name, so
that no user can read another's.
Source: ADR 0001 (stack).
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import nats
import nats.errors

from comity.roles.engines.placement import Placement
from comity.roles.engines.programs import nats_program
from comity.roles.files import keep_secret, write_private
from comity.roles.machine import LOOPBACK, take_port
from comity.roles.process import Attempt, Child, StopStep, ready_on_port
from comity.roles.runtime import BusAccess, BusAddress, inbox_prefix
from comity.roles.settings import Settings

__all__ = [
    "COMMAND_USER",
    "HUB_USER",
    "NAME",
    "BusUser",
    "Nats",
    "bus_users",
    "configuration",
    "gateway_user",
]

NAME: Final = "nats"
HUB_USER: Final = "hub"
COMMAND_USER: Final = "command"
PAYLOAD_BYTES_MAX: Final = 8 * 2**20
CONNECTIONS_MAX: Final = 1_024
CONNECT_S_MAX: Final = 2
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class BusUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user of the wire and the subjects it may use; to a request it may answer once."""

    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    may_answer: bool


def gateway_user(host: str) -> str:
    """Return the user as which a gateway host connects."""
    return f"gateway-{host}"


def bus_users(hosts: Iterable[str]) -> tuple[BusUser, ...]:
    """Return every user of the wire: the hub, commands, and one for each gateway host."""
    hub = BusUser(
        name=HUB_USER,
        publish=("gw.>",),
        subscribe=("hub.>", f"{inbox_prefix(HUB_USER)}.>"),
        may_answer=True,
    )
    command = BusUser(
        name=COMMAND_USER,
        publish=("cmd.>",),
        subscribe=(f"{inbox_prefix(COMMAND_USER)}.>",),
        may_answer=False,
    )
    gateways = (
        BusUser(
            name=gateway_user(host),
            publish=("hub.>",),
            subscribe=(f"gw.{host}", f"cmd.{host}.>", f"{inbox_prefix(gateway_user(host))}.>"),
            may_answer=True,
        )
        for host in hosts
    )
    return (hub, command, *gateways)


def configuration(*, port: int, users: Iterable[BusUser], passwords: Mapping[str, str]) -> str:
    """Return the text of the configuration, in JSON, which the server reads as its own form."""
    return json.dumps(
        {
            "server_name": "comity",
            "host": LOOPBACK,
            "port": port,
            "max_payload": PAYLOAD_BYTES_MAX,
            "max_connections": CONNECTIONS_MAX,
            "authorization": {"users": [_entry(user, passwords[user.name]) for user in users]},
        },
        indent=1,
    )


def _entry(user: BusUser, password: str) -> dict[str, object]:
    permissions: dict[str, object] = {
        "publish": {"allow": list(user.publish)},
        "subscribe": {"allow": list(user.subscribe)},
    }
    if user.may_answer:
        permissions["allow_responses"] = {"max": 1, "expires": "2m"}
    return {"user": user.name, "password": password, "permissions": permissions}


class Nats:
    """The supervised wire. Nothing of it must survive; a restart is a new wire on the old port."""

    def __init__(self, settings: Settings, placement: Placement) -> None:
        self._settings = settings
        self._placement = placement
        self._users = bus_users(settings.hosts)
        self._program = nats_program(settings, placement.account)
        self._port = take_port(settings.nats_port, setting="COMITY_NATS_PORT")

    @property
    def address(self) -> BusAddress:
        """Where it listens, and where the users' passwords are."""
        return BusAddress(
            host=LOOPBACK,
            port=self._port,
            password_files={user.name: str(self._password_file(user)) for user in self._users},
        )

    @property
    def child(self) -> Child:
        """The process to keep running."""
        return Child(
            name=NAME,
            argv=(str(self._program), "--config", str(self._conf)),
            ready=self._is_ready,
            environment=ENVIRONMENT,
            stop=(StopStep(number=signal.SIGTERM, seconds=self._settings.stop_s_max),),
            account=self._placement.account,
            prepare=self.prepare,
            ready_s_max=self._settings.ready_s_max,
        )

    async def prepare(self) -> None:
        """Write the configuration, with passwords made on the first start."""
        passwords = {user.name: keep_secret(self._password_file(user)) for user in self._users}
        text = configuration(port=self._port, users=self._users, passwords=passwords)
        write_private(self._conf, text, owner=self._placement.account)

    async def _is_ready(self, attempt: Attempt) -> bool:
        # The client waits two seconds after a refused connection: a plain one is tried first.
        if not await ready_on_port(self._port)(attempt):
            return False
        password = keep_secret(self._password_file(self._users[0]))
        access = BusAccess(
            url=f"nats://{HUB_USER}:{password}@{LOOPBACK}:{self._port}", user=HUB_USER
        )
        try:
            client = await nats.connect(
                **access.options,
                allow_reconnect=False,
                connect_timeout=CONNECT_S_MAX,
                error_cb=_ignore,
            )
        except (OSError, TimeoutError, nats.errors.Error):
            return False
        await client.close()
        return True

    @property
    def _conf(self) -> Path:
        return self._placement.conf / "nats.conf"

    def _password_file(self, user: BusUser) -> Path:
        return self._placement.secrets / f"nats-{user.name}"


async def _ignore(_: Exception) -> None:
    """Stay silent: a refused connection is what waiting for readiness is made of."""
