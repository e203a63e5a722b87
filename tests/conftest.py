"""What holds for every test: no host but this one, reproducible chance, warnings are errors.

Guarantee: a test that reaches for another machine fails at once, with the address it wanted; a
property that fails, fails again with the same examples, on any machine.
"""

from __future__ import annotations

import ipaddress
import socket
import sys

from hypothesis import HealthCheck, settings

# No deadline: no test asserts a time, and a shared machine would fail for its neighbours' sake.
settings.register_profile(
    "check",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "fuzz", settings.get_profile("check"), derandomize=False, max_examples=5_000
)
settings.load_profile("check")


class OfflineError(RuntimeError):
    """A test reached for another machine."""


def is_local(host: object) -> bool:
    """Whether an address names this machine's loopback, or nothing at all."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def guard(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse every connection, datagram, listener and name look-up beyond loopback."""
    if event == "socket.getaddrinfo":
        if not is_local(arguments[0]):
            raise OfflineError(f"tests stay on this machine: look-up of {arguments[0]!r}")
    elif event in {"socket.connect", "socket.sendto", "socket.bind"}:
        opened, address = arguments[:2]
        assert isinstance(opened, socket.socket)
        if (
            opened.family in {socket.AF_INET, socket.AF_INET6}
            and isinstance(address, tuple)
            and not is_local(address[0])
        ):
            raise OfflineError(f"tests stay on this machine: {event} to {address!r}")


# An audit hook, not a patch: it also sees what libraries do, and nothing can take it off again.
sys.addaudithook(guard)
