"""What the engines are told: safe, bounded, silent about people; and who may use which subject."""

from __future__ import annotations

import json
from typing import Any

import pytest

from comity.roles.engines import nats, postgres
from comity.roles.settings import load_settings


def postgres_values(**changed: Any) -> dict[str, str]:
    given = {"port": 5999, "found_mib": 8192, "shared_files_mib": 1024} | changed
    lines = postgres.configuration(load_settings(), **given).splitlines()
    return dict(line.split(" = ", 1) for line in lines if not line.startswith("#"))


@pytest.mark.parametrize(
    ("found_mib", "mib_max", "pages_mib"),
    [(65_536, 1024, 1024), (4096, 1024, 512), (1024, 1024, 128), (100, 1024, 32), (4096, 64, 64)],
)
def test_page_cache_fits_the_machine(found_mib: int, mib_max: int, pages_mib: int) -> None:
    """The page cache is an eighth of the memory, never over the setting, never under 32 MiB."""
    assert postgres.shared_buffers_mib(found_mib, mib_max) == pages_mib


def test_postgres_listens_here_and_keeps_what_it_said() -> None:
    """The settings that safety rests on go before every file, and are safe."""
    safety = postgres.SAFETY
    assert safety["listen_addresses"] == "127.0.0.1"
    assert safety["unix_socket_directories"] == ""
    assert [safety[name] for name in ("fsync", "full_page_writes", "synchronous_commit")] == (
        ["on"] * 3
    )
    assert safety["data_sync_retry"] == "off"


def test_postgres_logs_no_values() -> None:
    """A failed statement reaches the log without its text, its parameters and its key values."""
    values = postgres_values()
    assert values["log_min_error_statement"] == "panic"
    assert values["log_parameter_max_length_on_error"] == "0"
    assert values["log_error_verbosity"] == "terse"
    assert values["log_statement"] == "none"


def test_write_ahead_log_is_used_again() -> None:
    """The write-ahead log keeps one size, so that segments are recycled."""
    values = postgres_values()
    assert values["max_wal_size"] == values["min_wal_size"] == "'1024MB'"


@pytest.mark.parametrize(("free_mib", "kind"), [(64, "'mmap'"), (255, "'mmap'"), (256, "'posix'")])
def test_small_shared_memory_is_left_alone(free_mib: int, kind: str) -> None:
    """Where a container has little shared memory, large queries use files instead."""
    assert postgres_values(shared_files_mib=free_mib)["dynamic_shared_memory_type"] == kind


def test_every_connection_proves_a_password() -> None:
    """There is no rule that trusts, and none for another address."""
    rules = [line.split() for line in postgres.access_rules().splitlines()[1:]]
    assert {rule[3] for rule in rules} == {"127.0.0.1/32"}
    assert {rule[4] for rule in rules} == {"scram-sha-256"}
    assert {rule[0] for rule in rules} == {"host"}


def nats_document(hosts: tuple[str, ...] = ("east", "west")) -> dict[str, Any]:
    users = nats.bus_users(hosts)
    passwords = {user.name: f"of-{user.name}" for user in users}
    document: dict[str, Any] = json.loads(
        nats.configuration(port=4999, users=users, passwords=passwords)
    )
    return document


def test_wire_listens_here_with_bounds() -> None:
    """The wire listens on this machine only, takes messages of 8 MiB at most, and no more."""
    document = nats_document()
    assert (document["host"], document["port"]) == ("127.0.0.1", 4999)
    assert document["max_payload"] == 8 * 1024 * 1024
    assert "http" not in document
    assert "jetstream" not in document
    assert "no_auth_user" not in document


def test_every_user_has_subjects_of_its_own() -> None:
    """Each user may publish and receive what its part needs, and nothing else."""
    entries = {
        entry["user"]: entry["permissions"] for entry in nats_document()["authorization"]["users"]
    }
    assert {
        name: (permissions["publish"]["allow"], permissions["subscribe"]["allow"])
        for name, permissions in entries.items()
    } == {
        "hub": (["gw.>"], ["hub.>", "_INBOX.hub.>"]),
        "command": (["cmd.>"], ["_INBOX.command.>"]),
        "gateway-east": (["hub.>"], ["gw.east", "cmd.east.>", "_INBOX.gateway-east.>"]),
        "gateway-west": (["hub.>"], ["gw.west", "cmd.west.>", "_INBOX.gateway-west.>"]),
    }
    assert "allow_responses" not in entries["command"]
    assert entries["hub"]["allow_responses"] == {"max": 1, "expires": "2m"}
