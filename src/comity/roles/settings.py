"""Every setting of an installation: its default, its unit, what it does.

Guarantee: an absent setting has a safe default, and no setting turns a safety off. Settings come
from environment variables with the prefix `COMITY_` and from nowhere else; a variable with that
prefix that is no setting is reported, because a misspelt one would be silently without effect.
Source: docs/reference/settings.md, which a test holds equal to this file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
import pydantic
from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from comity.roles.console_settings import PREFIX, ConsoleSettings
from comity.roles.errors import SetupError
from comity.roles.setting_types import DirPath, HostText, Port, split_text, split_words

__all__ = [
    "PRACTICE_ROOT",
    "KeySafeKind",
    "SettingFact",
    "Settings",
    "SettingsError",
    "default_data_dir",
    "load_settings",
    "setting_facts",
    "settings_environment",
    "unknown_settings",
]

_AS_JSON: Final = frozenset({"page_command"})
PRACTICE_ROOT: Final = Path("/var/lib/comity-practice")
"""Where engines and data live when root starts a network: PostgreSQL refuses to run as root, and
the unprivileged user that it runs as may not be able to reach the clone."""

DETAIL_SECONDS_MAX: Final = 61 * 31 * 86_400
"""Longer than any policy may delay detail."""


class KeySafeKind(StrEnum):
    """What month keys can stand under."""

    FILES = "files"
    PKCS11 = "pkcs11"


class SettingsError(SetupError):
    """A setting's value is outside what it may be."""

    code = "setting-malformed"


def default_data_dir() -> Path:
    """Return the place for data when `COMITY_DATA_DIR` is not set."""
    if os.geteuid() == 0:
        return PRACTICE_ROOT / "data"
    clone = Path(__file__).resolve().parents[3]
    if (clone / "pyproject.toml").is_file():
        return clone / ".comity"
    return Path.home() / ".local" / "share" / "comity"


class Settings(ConsoleSettings):
    """What an installation may choose. Frozen: read once, at the start of a process."""

    data_dir: DirPath = Field(
        default_factory=default_data_dir,
        title="path",
        description="Where everything of this installation is kept. Default: `.comity` of the "
        "clone; for root `/var/lib/comity-practice/data`, because PostgreSQL must run as an "
        "unprivileged user that may not reach the clone.",
    )
    database_url: SecretStr | None = Field(
        None,
        title="URL",
        description="PostgreSQL of your own, as the role that reads and writes. Unset: one is "
        "started under our supervisor.",
    )
    database_reader_url: SecretStr | None = Field(
        None,
        title="URL",
        description="The same database as a role that may only read. Unset while `database_url` "
        "is set: that one is used.",
    )
    database_admin_url: SecretStr | None = Field(
        None,
        title="URL",
        description="The same database as the role that owns the tables, for migrations. Unset "
        "while `database_url` is set: that one is used.",
    )
    nats_url: SecretStr | None = Field(
        None,
        title="URL",
        description="nats-server of your own, with this process's user and password. Unset: one "
        "is started under our supervisor.",
    )
    network_ori: str = Field(
        "NL0000000",
        title="ORI",
        pattern=r"^[A-Z0-9]{9}$",
        description="The network's own identifier, which its status and error messages carry.",
    )
    hosts: Annotated[tuple[HostText, ...], BeforeValidator(split_text)] = Field(
        ("practice",),
        min_length=1,
        max_length=64,
        title="names, comma between",
        description="The gateway hosts that may join the supervised wire, each under its own "
        "password and subjects.",
    )
    ledger_domain: str = Field(
        "comity.invalid",
        title="domain name",
        pattern=r"^[a-z0-9](?:[a-z0-9.-]{0,198}[a-z0-9])?$",
        description="The domain under which ledgers are named, `ledger.<domain>/<st>`; never "
        "changed once a ledger exists. The default is a name that no practice data can leave.",
    )
    is_practice: bool = Field(
        True,
        title="true or false",
        description="Whether every surface says that these are practice data.",
    )
    hold_seconds_max: int = Field(
        13 * 86_400,
        ge=1,
        le=13 * 86_400,
        title="seconds",
        description="How long a hold waits at most, where a state's policy says longer; accepted "
        "queries are kept a day more.",
    )
    confirm_seconds_max: int = Field(
        86_400,
        ge=1,
        le=86_400,
        title="seconds",
        description="How long a block that one person orders waits at most for another to confirm "
        "it. The time stands in the rules; then it becomes a hold.",
    )
    page_command: Annotated[tuple[str, ...] | None, BeforeValidator(split_words)] = Field(
        None,
        min_length=1,
        max_length=32,
        title="JSON list of words",
        description="The command that pages someone: run by no shell, the page on its standard "
        "input as one line of JSON; delivered is what ends with 0 within 20 s "
        "(`docs/howto/be-paged.md`). Unset: the log has an alarm `page`.",
    )
    detail_seconds_max: int = Field(
        DETAIL_SECONDS_MAX,
        ge=1,
        le=DETAIL_SECONDS_MAX,
        title="seconds",
        description="How long agency, purpose and offence of a leaf stand sealed at most, where a "
        "state's policy delays them. Anything but the default is for practice data alone.",
    )
    undeliverable_s: int = Field(
        86_400,
        ge=10,
        le=6 * 86_400,
        title="seconds",
        description="After how long a query that its state has not answered at all ends as "
        "undeliverable. Until then it is asked again.",
    )
    merge_s: int = Field(
        60,
        ge=1,
        le=60,
        title="seconds",
        description="How long a query to the whole network waits for the states' answers before "
        "its one merged message goes out; what comes later follows alone.",
    )
    checkpoint_s: float = Field(
        10.0,
        ge=1,
        le=3600,
        title="seconds",
        description="How often a ledger that has grown gets a public checkpoint.",
    )
    batch_floor_ms: float = Field(
        4.0,
        ge=0,
        le=50,
        title="milliseconds",
        description="The time from the start of one batch to the start of the next at least; "
        "more of it costs latency and saves processor time under load. What comes to an idle "
        "sequencer waits for nothing.",
    )
    recheck_percent: int = Field(
        1,
        ge=1,
        le=100,
        title="percent",
        description="The share of decided exchanges about which Cedar is asked again, behind the "
        "answer. Where it disagrees, nothing is loosened until two people have thawed it.",
    )
    key_safe: KeySafeKind = Field(
        KeySafeKind.FILES,
        title="files or pkcs11",
        description="What month keys stand under: `files` keeps them as they are, for their owner "
        "alone; `pkcs11` under keys that never leave a device "
        "(`docs/howto/keep-and-destroy-records.md`).",
    )
    pkcs11_module: DirPath | None = Field(
        None,
        title="path",
        description="The PKCS#11 library of the device's maker.",
    )
    pkcs11_token: str | None = Field(
        None,
        title="label",
        min_length=1,
        max_length=32,
        description="The label of the token that holds this installation's keys, and no other's.",
    )
    pkcs11_pin_file: DirPath | None = Field(
        None,
        title="path",
        description="A file with the token's user PIN, readable by its owner alone. The PIN itself "
        "is no setting, because an environment can be listed.",
    )
    sources_file: DirPath | None = Field(
        None,
        title="path",
        description="The sources file: which web service holds which state's records "
        "(`docs/howto/connect-a-web-service.md`). Unset: all records are in the built-in source.",
    )
    people_per_state: int = Field(
        2_000,
        ge=2,
        le=50_000,
        title="people",
        description="Size of the practice world.",
    )
    practice_seed: int = Field(
        1,
        ge=0,
        title="number",
        description="The practice world is made from this number; the same one, the same world.",
    )
    line_port: Port = Field(
        0,
        title="TCP port",
        description="Where agencies' lines connect (TLS); 0 takes a free port.",
    )
    http_port: Port = Field(
        0,
        title="TCP port",
        description="Where agencies that speak HTTP connect (HTTPS); 0 takes a free port.",
    )
    quorum_file: DirPath | None = Field(
        None,
        title="path",
        description="The quorum file: which witnesses are asked to cosign checkpoints, and whose "
        "cosignatures are enough (`docs/howto/run-a-witness.md`). Unset: `quorum` of the data "
        "directory; without that file nobody is asked, and checkpoints say so.",
    )
    witness_dir: DirPath | None = Field(
        None,
        title="path",
        description="Folder of the witness that `comity serve witness` runs: its key, the ledgers "
        "it follows, what it cosigned. Unset: `witness` of the data directory.",
    )
    witness_bind: str = Field(
        "127.0.0.1",
        min_length=1,
        max_length=255,
        title="IP address",
        description="The address on which a witness listens, by HTTP; TLS ends in front of it.",
    )
    witness_port: Port = Field(
        0,
        title="TCP port",
        description="Where a witness listens; 0 takes a free port.",
    )
    public_bind: str = Field(
        "127.0.0.1",
        min_length=1,
        max_length=255,
        title="IP address",
        description="The address on which the public ledgers are served, by HTTP; TLS ends in "
        "front of it.",
    )
    public_port: Port = Field(
        0,
        title="TCP port",
        description="Where the public ledgers are served; 0 takes a free port.",
    )
    public_keys_file: DirPath | None = Field(
        None,
        title="path",
        description="The ledgers that `comity serve ledger` shows, by their public keys, as "
        "`comity ledger keys` prints them. Unset: this host's own; so its private keys need not "
        "be where the public reads.",
    )
    public_dir: DirPath | None = Field(
        None,
        title="path",
        description="Folder of the public store, where sealed segments of ledgers are written: "
        "any web server may show it. Unset: `public` of the data directory.",
    )
    public_rows_kept: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        title="segments",
        description="How many of a ledger's newest sealed segments (65,536 leaves each) keep their "
        "rows in the database; older ones are then in the public store alone, which must be "
        "backed up as the database is. Unset: all rows stay.",
    )
    postgres_port: Port = Field(
        0,
        title="TCP port",
        description="The supervised PostgreSQL, on 127.0.0.1 only; 0 takes a free port.",
    )
    nats_port: Port = Field(
        0,
        title="TCP port",
        description="The supervised nats-server, on 127.0.0.1 only; 0 takes a free port.",
    )
    postgres_bin: DirPath | None = Field(
        None,
        title="path",
        description="Folder of the PostgreSQL programs. Unset: the wheel's, else the newest under "
        "`/usr/lib/postgresql`.",
    )
    nats_bin: DirPath | None = Field(
        None,
        title="path",
        description="The nats-server program. Unset: the wheel's, else the one on the path.",
    )
    engine_user: str = Field(
        "nobody",
        title="user name",
        min_length=1,
        description="Who runs the supervised engines when root starts them; never root.",
    )
    engines_dir: DirPath = Field(
        PRACTICE_ROOT / "engines",
        title="path",
        description="Where root keeps copies of the engines' programs that `engine_user` can "
        "reach.",
    )
    shared_buffers_mib_max: int = Field(
        1024,
        ge=32,
        le=65_536,
        title="MiB",
        description="PostgreSQL's own page cache at most; an eighth of the machine's memory if "
        "that is less.",
    )
    wal_mib_max: int = Field(
        1024,
        ge=128,
        le=65_536,
        title="MiB",
        description="Write-ahead log between two checkpoints; more of it means longer recovery.",
    )
    log_bytes_max: int = Field(
        8 * 2**20,
        ge=2**16,
        le=2**30,
        title="bytes",
        description="Size at which a process's log file is started anew; one older is kept.",
    )
    ready_s_max: float = Field(
        30.0,
        gt=0,
        le=600,
        title="seconds",
        description="How long a process may take to become ready before it counts as failed.",
    )
    stop_s_max: float = Field(
        10.0,
        gt=0,
        le=600,
        title="seconds",
        description="How long a process may take to stop in order before it is ended by force.",
    )
    restart_s_max: float = Field(
        10.0,
        ge=0.1,
        le=300,
        title="seconds",
        description="Longest pause before a process that ended is started again.",
    )

    @field_validator("detail_seconds_max")
    @classmethod
    def _check_detail_wait(cls, value: int, info: ValidationInfo) -> int:
        # A live case would be shown before the time that its state has published.
        if value != DETAIL_SECONDS_MAX and not info.data.get("is_practice"):
            raise ValueError("it may be shortened for practice data alone")
        return value


def load_settings(**given: object) -> Settings:
    """Read the environment; what is given by name (a command's option) goes before it.

    Raises: SettingsError naming the first setting that is malformed, never its value.
    """
    try:
        return Settings.model_validate(Settings(**given))  # type: ignore[arg-type]
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise SettingsError(
            f"`{PREFIX}{name.upper()}` is malformed: {first['msg'].lower().rstrip('.')}"
        ) from None


def unknown_settings(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables with our prefix that are no setting, sorted."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    return tuple(sorted(k for k in environment if k.startswith(PREFIX) and k not in known))


def settings_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that give another process the same settings."""
    return {
        f"{PREFIX}{name.upper()}": _variable_text(name, getattr(settings, name))
        for name in sorted(settings.model_fields_set)
        if getattr(settings, name) is not None
    }


class SettingFact(NamedTuple):
    """One row of docs/reference/settings.md; `name` is the setting's own, as an attribute."""

    name: str
    variable: str
    unit: str
    default: str
    meaning: str


def setting_facts() -> tuple[SettingFact, ...]:
    """Return what is documented about each setting, in the order of declaration, console last."""
    return tuple(
        SettingFact(
            name=name,
            variable=f"{PREFIX}{name.upper()}",
            unit=field.title or "",
            default=(
                "see there" if field.default_factory else _default_text(field.default) or "unset"
            ),
            meaning=field.description or "",
        )
        for name, field in sorted(
            Settings.model_fields.items(), key=lambda row: row[0] in ConsoleSettings.model_fields
        )
    )


def _variable_text(name: str, value: object) -> str:
    if name in _AS_JSON:
        return msgspec.json.encode(value).decode()
    return value.get_secret_value() if isinstance(value, SecretStr) else _default_text(value)


def _default_text(value: object) -> str:
    match value:
        case None:
            return "unset"
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)
