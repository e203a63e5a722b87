"""The settings of the state's console and of who signs in to it.

Guarantee: without any of them the console listens on this machine alone; a name is asked for by a
practice provider only where data are practice data. Source: docs/adr/0037-signing-in.md.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, Field, IPvAnyNetwork, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from comity.domain.errors import MalformedError
from comity.domain.passkeys import PasskeyPolicy
from comity.domain.web import parse_web_address
from comity.roles.setting_types import DirPath, Port, split_text

__all__ = ["PREFIX", "ConsoleSettings"]

PREFIX: Final = "COMITY_"


class ConsoleSettings(BaseSettings):
    """What an installation may choose about its console; a part of `Settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, enable_decoding=False
    )

    console_bind: str = Field(
        "127.0.0.1",
        min_length=1,
        max_length=255,
        title="IP address",
        description="The address on which the state's console listens, by HTTP; TLS ends in front "
        "of it.",
    )
    console_port: Port = Field(
        0,
        title="TCP port",
        description="Where the state's console listens; 0 takes a free port.",
    )
    console_url: str | None = Field(
        None,
        title="URL",
        description="Scheme, host and port at which browsers reach the console: `https`, or `http` "
        "on this machine. The identity provider sends people back to `/sign-in/done` below it and "
        "to nowhere else. Passkeys are bound to its host, which must be a name. Unset: "
        "`http://localhost` and the port.",
    )
    console_fronts: Annotated[tuple[IPvAnyNetwork, ...], BeforeValidator(split_text)] = Field(
        (),
        max_length=64,
        title="addresses, comma between",
        description="The IP addresses or networks of what ends TLS in front of the console. The "
        "last address in `X-Forwarded-For` that is none of these is where a request came from; "
        "from anyone else that header counts for nothing. Unset: whoever connects is the source.",
    )
    console_people_file: DirPath | None = Field(
        None,
        title="path",
        description="The people file: who holds which place in the console, by the identity "
        "provider's subjects. A change counts within a second. Unset: `people.toml` of the data "
        "directory; while there is none nobody is admitted.",
    )
    console_passkeys: PasskeyPolicy | None = Field(
        None,
        title="required or offered",
        description="Whether nobody signs in without a passkey (`required`), or who has one is "
        "asked for it and may go on without (`offered`). Unset: `required`, with practice data "
        "`offered`.",
    )
    console_passkeys_file: DirPath | None = Field(
        None,
        title="path",
        description="The file of passkeys, which the console writes: readable by its owner alone. "
        "Unset: `passkeys.json` beside the people file.",
    )
    oidc_issuer: str | None = Field(
        None,
        title="URL",
        description="The state's identity provider (OpenID Connect), as it names itself: `https`, "
        "or `http` on this machine. Unset: with practice data the practice provider, which asks "
        "for no password; else nobody signs in.",
    )
    oidc_client_id: str = Field(
        "comity-console",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        title="name",
        description="How the identity provider knows the console.",
    )
    oidc_client_secret_file: DirPath | None = Field(
        None,
        title="path",
        description="A file with the console's secret at the identity provider, readable by its "
        "owner alone. Unset: the console has none, and PKCE alone binds a code to it.",
    )
    sign_in_port: Port = Field(
        0,
        title="TCP port",
        description="Where the practice identity provider listens, on 127.0.0.1 only; 0 takes a "
        "free port.",
    )

    @field_validator("console_url", "oidc_issuer")
    @classmethod
    def _check_web_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            is_base = info.field_name == "console_url"
            try:
                parse_web_address(value, str(info.field_name), is_base=is_base)
            except MalformedError as error:
                raise ValueError(str(error)) from None
        return value

    @field_validator("console_fronts")
    @classmethod
    def _check_fronts(cls, value: tuple[IPvAnyNetwork, ...]) -> tuple[IPvAnyNetwork, ...]:
        if not all(network.prefixlen for network in value):
            raise ValueError("a network of all addresses is no front: anyone could say anything")
        return value
