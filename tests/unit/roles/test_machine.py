"""What a machine must offer: each lack is one sentence that says what mends it."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path

import pytest

from comity.roles import machine
from comity.roles.errors import DataDirError, MemoryTooSmallError, PortTakenError
from comity.roles.machine import (
    LISTEN_PORT_MIN,
    LOOPBACK,
    MEMORY_MIB_MIN,
    check_disk,
    check_memory,
    free_port,
    make_data_dir,
    memory_mib,
    take_port,
)


def test_container_limit_counts(tmp_path: Path) -> None:
    """The memory to count on is the container's where that is less than the machine's."""
    limit = tmp_path / "memory.max"
    limit.write_text("536870912\n")
    assert memory_mib([limit]) == 512


@pytest.mark.parametrize("text", ["max\n", "9223372036854771712\n"])
def test_no_limit_leaves_the_machine(text: str, tmp_path: Path) -> None:
    """A container without a limit has the machine's memory."""
    limit = tmp_path / "memory.max"
    limit.write_text(text)
    assert memory_mib([limit]) == memory_mib([tmp_path / "absent"])


def test_memory_at_the_limit_passes() -> None:
    """Exactly enough memory is enough; one less is refused with both figures."""
    check_memory(MEMORY_MIB_MIN)
    with pytest.raises(MemoryTooSmallError, match=f"{MEMORY_MIB_MIN - 1} MiB .* {MEMORY_MIB_MIN}"):
        check_memory(MEMORY_MIB_MIN - 1)


def test_disk_of_this_machine_passes(tmp_path: Path) -> None:
    """A disk with room for the tests has room for a network."""
    check_disk(tmp_path)


def test_data_dir_lets_others_pass_and_not_look(tmp_path: Path) -> None:
    """The data directory and what was made above it can be passed through and not be listed."""
    made = tmp_path / "above" / "data"
    before = os.umask(0o077)
    try:
        make_data_dir(made)
    finally:
        os.umask(before)
    assert {oct(path.stat().st_mode & 0o777) for path in (made, made.parent)} == {"0o711"}


def test_data_dir_under_a_file_is_refused(tmp_path: Path) -> None:
    """A place that cannot be made is refused with the setting that names another."""
    (tmp_path / "file").touch()
    with pytest.raises(DataDirError, match="COMITY_DATA_DIR"):
        make_data_dir(tmp_path / "file" / "data")


def test_free_port_can_be_had() -> None:
    """A free port differs from those in use, and is taken as it is when named."""
    port = free_port()
    assert take_port(port, setting="COMITY_LINE_PORT") == port
    assert take_port(0, setting="COMITY_LINE_PORT") > 0


def test_free_ports_are_not_those_of_outgoing_connections(tmp_path: Path) -> None:
    """A connection that goes out cannot have the port of a listener that is not yet up."""
    ports = tmp_path / "ports"
    ports.write_text("20000\t30000\n")
    found = [free_port(ports) for _ in range(50)]
    assert len(set(found)) == len(found)
    assert all(LISTEN_PORT_MIN <= port < 20_000 for port in found)


def test_free_port_skips_what_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that begins at a port that is had goes on to the next."""
    ports = tmp_path / "ports"
    ports.write_text("20000 30000")
    first = free_port(ports)
    monkeypatch.setattr(machine, "_turns", count(first - LISTEN_PORT_MIN))
    with socket.create_server((LOOPBACK, first)):
        assert free_port(ports) != first


def test_free_port_where_all_are_taken_is_one_of_the_kernels(tmp_path: Path) -> None:
    """Where the one place below outgoing connections is had, the kernel chooses."""
    ports = tmp_path / "ports"
    ports.write_text(f"{LISTEN_PORT_MIN + 1} 60999")
    with ExitStack() as stack:
        # Who has it already serves as well.
        with suppress(OSError):
            stack.enter_context(socket.create_server((LOOPBACK, LISTEN_PORT_MIN)))
        assert free_port(ports) not in (0, LISTEN_PORT_MIN)


@pytest.mark.parametrize("text", ["", "no numbers", "1024 65535"])
def test_free_port_where_the_kernel_says_nothing_useful(tmp_path: Path, text: str) -> None:
    """Then the kernel chooses."""
    ports = tmp_path / "ports"
    ports.write_text(text)
    assert free_port(ports) > 0


def test_taken_port_is_refused() -> None:
    """A port that somebody listens on is refused with the setting that named it."""
    with socket.create_server((LOOPBACK, 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {taken} of `COMITY_LINE_PORT`"):
            take_port(taken, setting="COMITY_LINE_PORT")
