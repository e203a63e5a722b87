"""The guard that keeps tests on this machine does what it says."""

from __future__ import annotations

import socket

import pytest


def test_connection_to_another_machine_is_refused() -> None:
    """A connection to an address outside loopback fails before a packet leaves."""
    with socket.socket() as other, pytest.raises(RuntimeError, match="tests stay on this machine"):
        other.connect(("192.0.2.1", 443))


def test_name_look_up_is_refused() -> None:
    """Asking for another machine's address fails before a resolver is asked."""
    with pytest.raises(RuntimeError, match="tests stay on this machine"):
        socket.getaddrinfo("records.example", 443)


def test_listener_on_all_interfaces_is_refused() -> None:
    """A server under test may not be reachable from outside."""
    with socket.socket() as server, pytest.raises(RuntimeError, match="tests stay on this machine"):
        server.bind(("0.0.0.0", 0))


def test_loopback_is_allowed() -> None:
    """A server and its client on loopback reach each other."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        client.sendall(b"asked")
        answered, _ = server.accept()
        with answered:
            assert answered.recv(16) == b"asked"
